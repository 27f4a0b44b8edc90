//! What the objects of some names look like, whatever they are.

use std::collections::HashMap;

use schemars::JsonSchema;
use serde::Serialize;

use super::Catalog;
use super::names::{Asked, quote};
use super::relation::Relation;
use super::resolve::{Class, Found, Meaning};
use super::routine::Routine;
use super::user_type::{Extension, UserType};
use crate::source::error::PgError;

/// As many objects are described at once, however many have the names.
const MOST: usize = 60;

/// One object.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Description {
    Relation(Box<Relation>),
    Function(Box<Routine>),
    Type(Box<UserType>),
    Extension(Box<Extension>),
}

/// What some names mean.
#[derive(Debug, Default)]
pub(crate) struct Descriptions {
    pub(crate) objects: Vec<Description>,
    /// What is to be said of names that mean nothing, or too much.
    pub(crate) problems: Vec<String>,
}

impl Catalog<'_> {
    /// Describes what has these names, in their order; functions with their `source`.
    pub(crate) async fn describe(
        &self,
        names: &[String],
        source: bool,
    ) -> Result<Descriptions, PgError> {
        let mut descriptions = Descriptions::default();
        let mut asked = Vec::new();
        for name in names {
            match Asked::parse(name) {
                Ok(parsed) => asked.push((name, parsed)),
                Err(error) => descriptions.problems.push(format!("`{name}` is no name: {error}")),
            }
        }
        let parsed: Vec<Asked> = asked.iter().map(|(_, asked)| asked.clone()).collect();
        let meanings = if parsed.is_empty() { Vec::new() } else { self.resolve(&parsed).await? };
        let (mut found, mut unknown): (Vec<Found>, Vec<(&str, &Asked)>) = (Vec::new(), Vec::new());
        for ((name, asked), meaning) in asked.iter().zip(meanings) {
            match meaning {
                Meaning::Objects(objects) => found.extend(objects),
                Meaning::Ambiguous(places) => descriptions.problems.push(ambiguous(name, &places)),
                Meaning::Nothing => unknown.push((name, asked)),
            }
        }
        let mut seen = std::collections::HashSet::new();
        found.retain(|found| seen.insert((found.class, found.oid)));
        if found.len() > MOST {
            let left = found.len() - MOST;
            descriptions.problems.push(format!("{left} more have these names: name a schema"));
            found.truncate(MOST);
        }
        let mut described = self.details(&found, source).await?;
        // One that is gone by now is left out.
        let objects = found.iter().filter_map(|found| described.remove(&(found.class, found.oid)));
        descriptions.objects = objects.collect();
        if !unknown.is_empty() {
            descriptions.problems.extend(self.unknown(&unknown).await?);
        }
        Ok(descriptions)
    }

    /// The table or the like of exactly this name.
    pub(crate) async fn table(
        &self,
        schema: &str,
        name: &str,
    ) -> Result<Option<Relation>, PgError> {
        let asked = [Asked::exactly(schema, name)];
        let Some(Meaning::Objects(found)) = self.resolve(&asked).await?.pop() else {
            return Ok(None);
        };
        let is_relation = |found: &&Found| found.class == Class::Relation;
        let Some(found) = found.iter().find(is_relation) else { return Ok(None) };
        Ok(self.relations(vec![found.oid]).await?.pop().map(|(_, relation)| relation))
    }

    async fn details(
        &self,
        found: &[Found],
        source: bool,
    ) -> Result<HashMap<(Class, u32), Description>, PgError> {
        let of = |class| -> Vec<u32> {
            let of_class = found.iter().filter(|found| found.class == class);
            of_class.map(|found| found.oid).collect()
        };
        let mut details = HashMap::new();
        let relations = of(Class::Relation);
        if !relations.is_empty() {
            let relations = self.relations(relations).await?.into_iter();
            details.extend(relations.map(|(oid, relation)| {
                ((Class::Relation, oid), Description::Relation(Box::new(relation)))
            }));
        }
        let routines = of(Class::Function);
        if !routines.is_empty() {
            let routines = self.routines(routines, source).await?.into_iter();
            details.extend(routines.map(|(oid, routine)| {
                ((Class::Function, oid), Description::Function(Box::new(routine)))
            }));
        }
        let types = of(Class::Type);
        if !types.is_empty() {
            let types = self.types(types).await?.into_iter();
            details.extend(
                types.map(|(oid, one)| ((Class::Type, oid), Description::Type(Box::new(one)))),
            );
        }
        let extensions = of(Class::Extension);
        if !extensions.is_empty() {
            let extensions = self.extensions(extensions).await?.into_iter();
            details.extend(extensions.map(|(oid, extension)| {
                ((Class::Extension, oid), Description::Extension(Box::new(extension)))
            }));
        }
        Ok(details)
    }

    /// What is to be said of names that nothing has, or nothing that the policy shows.
    async fn unknown(&self, unknown: &[(&str, &Asked)]) -> Result<Vec<String>, PgError> {
        let names = self.all_names().await?;
        let problem = |(name, asked): &(&str, &Asked)| {
            let mut problem = format!("`{name}` does not exist");
            if asked.schema.is_none() && names.iter().any(|(schema, _)| asked.name.may_be(schema)) {
                let schema = quote(&asked.name.folded);
                problem.push_str(&format!("; list_objects lists the schema {schema}"));
                return problem;
            }
            let nearest = super::nearest::nearest(asked, &names);
            if !nearest.is_empty() {
                problem.push_str(&format!("; nearest: {}", nearest.join(", ")));
            }
            problem
        };
        Ok(unknown.iter().map(problem).collect())
    }
}

fn ambiguous(name: &str, places: &[String]) -> String {
    let (first, rest) = places.split_at_checked(5).unwrap_or((places, &[]));
    let more = if rest.is_empty() { String::new() } else { format!(" and {} more", rest.len()) };
    format!("`{name}` is in no schema of the search path, but there are {}{more}", first.join(", "))
}

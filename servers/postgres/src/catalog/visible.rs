//! What the policy lets be seen of a database. What it doesn't admit doesn't exist: every answer of
//! the catalogue goes through here before anybody counts, names or measures anything in it.

use lockkeeper_core::{Masks, NameScope};
use serde::Deserialize;

/// A relation by schema and name and, if it is a partition, then those of the tables that it is a
/// part of, nearest first.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub(crate) struct Lineage(pub(crate) Vec<(String, String)>);

impl Lineage {
    pub(crate) fn of(schema: impl Into<String>, name: impl Into<String>) -> Self {
        Self(vec![(schema.into(), name.into())])
    }

    fn each(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(schema, name)| (schema.as_str(), name.as_str()))
    }
}

/// What an expression or a definition mentions.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "snake_case", tag = "kind")]
pub(crate) enum Mention {
    Relation { lineage: Lineage, column: Option<String> },
    Other { schema: String, name: String },
}

/// The policy over the objects of one database.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Visible<'a> {
    /// As the policy names it.
    pub(super) database: &'a str,
    pub(super) scope: &'a NameScope,
    pub(super) masks: &'a Masks,
}

impl Visible<'_> {
    /// Whether anything may be hidden.
    pub(crate) fn restricts(&self) -> bool {
        self.scope.restricts()
    }

    /// Whether a function, type, sequence or extension exists.
    pub(crate) fn object(&self, schema: &str, name: &str) -> bool {
        self.scope.admits(&[self.database, schema, name]).is_ok()
    }

    /// Whether a table, view or the like exists. A partition is there through its root; a denial of
    /// either hides it.
    pub(crate) fn relation(&self, lineage: &Lineage) -> bool {
        self.any_of(lineage, |place| place.to_vec())
    }

    /// Whether a column of a relation that exists does.
    pub(crate) fn column(&self, lineage: &Lineage, column: &str) -> bool {
        self.any_of(lineage, |[database, schema, name]| vec![database, schema, name, column])
    }

    fn any_of<'n>(
        &'n self,
        lineage: &'n Lineage,
        name: impl Fn([&'n str; 3]) -> Vec<&'n str>,
    ) -> bool {
        let names: Vec<Vec<&str>> = lineage
            .each()
            .map(|(schema, relation)| name([self.database, schema, relation]))
            .collect();
        !names.iter().any(|name| self.scope.denies(name))
            && names.iter().any(|name| self.scope.admits(name).is_ok())
    }

    /// Whether values of a column are masked.
    pub(crate) fn masks(&self, lineage: &Lineage, column: &str) -> bool {
        let mut each = lineage.each();
        each.any(|(schema, name)| self.masks.of(&[self.database, schema, name, column]).is_some())
    }

    /// The same for what a relation in `schema` uses: types and functions beside it need not be
    /// allowed by name, only not be denied.
    pub(crate) fn beside(&self, own: &str, schema: &str, name: &str) -> bool {
        let beside = schema == own || schema == "pg_catalog";
        self.object(schema, name) || (beside && !self.scope.denies(&[self.database, schema, name]))
    }

    /// Whether everything exists that something in the schema `own` mentions.
    pub(crate) fn all(&self, mentions: &[Mention], own: &str) -> bool {
        mentions.iter().all(|mention| match mention {
            Mention::Relation { lineage, column } => {
                self.relation(lineage)
                    && column.as_ref().is_none_or(|column| self.column(lineage, column))
            }
            Mention::Other { schema, name } => self.beside(own, schema, name),
        })
    }
}

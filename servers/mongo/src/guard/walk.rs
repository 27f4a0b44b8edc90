//! One walk over what an agent wrote: what it met so far and how much it may still ask for.

use std::collections::BTreeSet;

use bson::{Bson, Document};

use super::bounds::Budget;
use super::expression::Variables;
use super::policy::{Kind, Policy, Reference};
use super::refusal::Refusal;
use super::shape::Shape;
use super::{Judged, Known, Subject};

/// Deepest nesting of pipelines in pipelines, and of views on views.
const MAX_PIPELINES: usize = 20;

/// A walk.
pub(super) struct Walk<'a> {
    pub(super) policy: &'a Policy,
    pub(super) known: &'a Known,
    pub(super) database: &'a str,
    pub(super) budget: Budget,
    /// Whether the stage that is walked puts texts or lists together.
    pub(super) grew: bool,
    /// Whether what is walked was written by the owner of the data: a view.
    pub(super) of_owner: bool,
    references: Vec<Reference>,
    unresolved: BTreeSet<Reference>,
    pipelines: usize,
}

impl<'a> Walk<'a> {
    pub(super) fn new(subject: Subject<'a>) -> Self {
        let Subject { policy, known, of } = subject;
        Self {
            policy,
            known,
            database: &of.database,
            budget: Budget::default(),
            grew: false,
            of_owner: false,
            references: Vec::new(),
            unresolved: BTreeSet::new(),
            pipelines: 0,
        }
    }

    pub(super) fn end(self, shape: Shape) -> Result<Judged, Refusal> {
        shape.check_size()?;
        let unresolved = self.unresolved.into_iter().collect();
        Ok(Judged { references: self.references, unresolved, shape })
    }

    /// The shape of a collection's or view's documents, if the policy admits them.
    pub(super) fn resolve(&mut self, reference: &Reference) -> Result<Shape, Refusal> {
        self.policy.admit(reference)?;
        if !self.references.contains(reference) {
            self.references.push(reference.clone());
        }
        if self.policy.is_open() {
            return Ok(Shape::default());
        }
        let own = Shape::of_collection(self.policy.over(reference));
        match self.known.get(reference) {
            None => {
                self.unresolved.insert(reference.clone());
                Ok(own)
            }
            Some(Kind::Missing) => {
                Err(Refusal::Missing { reference: reference.clone(), rule: None })
            }
            Some(Kind::Collection) => Ok(own),
            Some(Kind::View(view)) => {
                let hidden = || Refusal::Missing {
                    reference: reference.clone(),
                    rule: Some("a view on what the policy hides".to_owned()),
                };
                let base = Reference::new(reference.database.clone(), view.on.clone());
                let mut shape = self
                    .nested(|walk| {
                        let shape = walk.resolve(&base)?;
                        // Its owner wrote it: our bounds on what it costs don't concern it.
                        let budget = std::mem::take(&mut walk.budget);
                        let of_owner = std::mem::replace(&mut walk.of_owner, true);
                        let shape = walk.pipeline(&view.pipeline, shape, &Variables::default());
                        walk.of_owner = of_owner;
                        walk.budget = budget;
                        shape
                    })
                    .map_err(|_| hidden())?;
                shape.add(own);
                Ok(shape)
            }
        }
    }

    /// The same for something that is written: views take no changes.
    pub(super) fn resolve_stored(&mut self, reference: &Reference) -> Result<Shape, Refusal> {
        match self.known.get(reference) {
            Some(Kind::View(_)) => Err(Refusal::new(format!("`{reference}` is a view"))
                .hint("change the collection that it stands on")),
            // What is written to begins to exist.
            Some(Kind::Missing) => {
                self.policy.admit(reference)?;
                self.references.push(reference.clone());
                Ok(Shape::of_collection(self.policy.over(reference)))
            }
            _ => self.resolve(reference),
        }
    }

    /// One level deeper in pipelines.
    pub(super) fn nested<T>(
        &mut self,
        walk: impl FnOnce(&mut Self) -> Result<T, Refusal>,
    ) -> Result<T, Refusal> {
        if self.pipelines >= MAX_PIPELINES {
            return Err(Refusal::bound("pipelines are nested too deep"));
        }
        self.pipelines += 1;
        let done = walk(self);
        self.pipelines -= 1;
        done
    }

    /// A pipeline over documents of this shape.
    pub(super) fn pipeline(
        &mut self,
        pipeline: &[Document],
        mut shape: Shape,
        variables: &Variables,
    ) -> Result<Shape, Refusal> {
        for (i, stage) in pipeline.iter().enumerate() {
            self.budget.stage()?;
            self.grew = false;
            shape = self.stage(stage, i == 0, shape, variables)?;
            if std::mem::take(&mut self.grew) {
                self.budget.growing()?;
            }
            shape.check_size()?;
        }
        Ok(shape)
    }
}

/// A path of fields, from its spelling with dots.
pub(super) fn path(text: &str) -> Result<Vec<String>, Refusal> {
    if text.is_empty() || text.len() > 2_000 || text.contains('\0') {
        return Err(Refusal::form(text, "the name of a field, such as address.city"));
    }
    Ok(text.split('.').map(str::to_owned).collect())
}

/// The documents in a list, which are a pipeline.
pub(super) fn documents(value: Option<&Bson>, what: &str) -> Result<Vec<Document>, Refusal> {
    let wrong = || Refusal::form(what, "a list of documents");
    let list = value.and_then(Bson::as_array).ok_or_else(wrong)?;
    list.iter().map(|item| item.as_document().cloned().ok_or_else(wrong)).collect()
}

/// A field of a stage or operator that has to be a text.
pub(super) fn text<'b>(of: &'b Document, field: &str, what: &str) -> Result<&'b str, Refusal> {
    of.get(field)
        .and_then(Bson::as_str)
        .ok_or_else(|| Refusal::form(what, &format!("`{field}`, a string")))
}

/// Refuses fields that aren't known of something with fixed ones.
pub(super) fn only(of: &Document, known: &[&str], what: &str) -> Result<(), Refusal> {
    match of.keys().find(|name| !known.contains(&name.as_str())) {
        Some(name) => Err(Refusal::new(format!("`{what}` has no `{name}`"))
            .hint(format!("it takes {}", known.join(", ")))),
        None => Ok(()),
    }
}

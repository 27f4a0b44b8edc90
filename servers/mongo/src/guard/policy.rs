//! Names and what the policy says to them.

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

use bson::Document;
use lockkeeper_core::{Beneath, Mask, Masks, NameScope};

use super::refusal::Refusal;
use crate::ejson::Seen;

/// A collection by its name, as something refers to it.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Reference {
    /// The database.
    pub database: String,
    /// The collection or view.
    pub collection: String,
}

impl fmt::Display for Reference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.database, self.collection)
    }
}

impl Reference {
    /// A collection by its name.
    pub fn new(database: impl Into<String>, collection: impl Into<String>) -> Self {
        Self { database: database.into(), collection: collection.into() }
    }
}

/// What a name stands for.
#[derive(Debug, Clone)]
pub enum Kind {
    /// An ordinary collection.
    Collection,
    /// A view.
    View(View),
    /// Nothing.
    Missing,
}

/// A view's definition.
#[derive(Debug, Clone)]
pub struct View {
    /// The collection or view that it stands on, in the same database.
    pub on: String,
    /// What it does with its documents.
    pub pipeline: Vec<Document>,
}

/// What is known of names.
pub type Known = HashMap<Reference, Kind>;

/// The rules in force. Cheap to clone.
#[derive(Debug, Clone, Default)]
pub struct Policy {
    rules: Arc<Rules>,
}

#[derive(Debug, Default)]
struct Rules {
    scope: NameScope,
    masks: Masks,
    /// Whether databases have other names for agents than for their deployments.
    within: bool,
}

impl Policy {
    /// From the policy's resource rules and masks, over `database.collection.field…`.
    pub fn new(scope: NameScope, masks: Masks) -> Self {
        Self { rules: Arc::new(Rules { scope, masks, within: false }) }
    }

    /// The same where agents know databases by names that their deployments don't know: nothing may
    /// refer to another database than its own.
    #[must_use]
    pub fn within_databases(self) -> Self {
        let Rules { scope, masks, .. } = &*self.rules;
        let (scope, masks) = (scope.clone(), masks.clone());
        Self { rules: Arc::new(Rules { scope, masks, within: true }) }
    }

    /// Whether nothing may refer to another database than its own.
    pub(super) fn is_within(&self) -> bool {
        self.rules.within
    }

    /// Whether there is no rule at all, so that nothing need be known of names.
    pub fn is_open(&self) -> bool {
        !self.rules.scope.is_limited()
            && !self.rules.scope.has_denials()
            && self.rules.masks.is_empty()
    }

    /// What masks leave of values.
    pub fn masks(&self) -> &Masks {
        &self.rules.masks
    }

    /// Whether a collection may be reached at all.
    pub fn admit(&self, reference: &Reference) -> Result<(), Refusal> {
        let Reference { database, collection } = reference;
        let own = ["admin", "local", "config"].iter().any(|own| database.eq_ignore_ascii_case(own));
        let own = own || collection.starts_with("system.");
        let odd = |name: &str, more: &str| {
            name.is_empty() || name.contains(|c: char| c == '\0' || c == '$' || more.contains(c))
        };
        if own || odd(database, "/\\. \"*<>:|?") || odd(collection, "") {
            let rule = Some("names of MongoDB's own".to_owned());
            return Err(Refusal::Missing { reference: reference.clone(), rule });
        }
        let admitted = self.rules.scope.admits(&[database, collection]);
        admitted.map_err(|rule| Refusal::Missing { reference: reference.clone(), rule: Some(rule) })
    }

    /// The rules over a collection's fields, if there are any.
    pub(super) fn over(&self, reference: &Reference) -> Option<Arc<Fields>> {
        let fields = Fields { policy: self.clone(), reference: reference.clone() };
        (fields.touch(&[]) != Touch::Nothing).then(|| Arc::new(fields))
    }
}

/// How rules touch a field.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Touch {
    /// Not at all.
    Nothing,
    /// Something of a name that is hidden at any depth could lie beneath it.
    Possibly,
    /// A rule hides something beneath it.
    Beneath,
    /// It is masked.
    Masked(Mask),
    /// It is denied.
    Denied,
}

/// The rules over the fields of one collection.
#[derive(Debug)]
pub(super) struct Fields {
    policy: Policy,
    reference: Reference,
}

impl Fields {
    pub(super) fn touch(&self, path: &[&str]) -> Touch {
        let Reference { database, collection } = &self.reference;
        let mut name = vec![database.as_str(), collection.as_str()];
        name.extend(path);
        let Rules { scope, masks, .. } = &*self.policy.rules;
        // That the collection itself is denied was asked before anything else.
        if !path.is_empty() && scope.denies(&name) {
            return Touch::Denied;
        }
        if let Some(mask) = masks.of(&name) {
            return Touch::Masked(mask);
        }
        match scope.speaks_beneath(&name).max(masks.speak_beneath(&name)) {
            Beneath::Nothing => Touch::Nothing,
            Beneath::Possibly => Touch::Possibly,
            Beneath::Named => Touch::Beneath,
        }
    }
}

impl From<Touch> for Seen {
    fn from(touch: Touch) -> Self {
        match touch {
            Touch::Nothing => Self::Clear,
            Touch::Possibly | Touch::Beneath => Self::Partly,
            Touch::Masked(mask) => Self::Masked(mask),
            Touch::Denied => Self::Denied,
        }
    }
}

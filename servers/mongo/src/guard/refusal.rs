//! Why something may not be sent, for the model that wrote it.

use std::borrow::Cow;

use lockkeeper_core::quoted;

use super::policy::Reference;

/// What stands in the way.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// A collection that doesn't exist, or that the policy hides: for whoever asks that is the same.
    /// The rule is for the log.
    #[error("there is no collection `{reference}`")]
    Missing {
        /// Its name.
        reference: Reference,
        /// What hides it.
        rule: Option<String>,
    },
    /// Something that is never sent.
    #[error("{message}")]
    Refused {
        /// What, in the model's terms.
        message: String,
        /// What to do instead.
        hint: Option<Cow<'static, str>>,
    },
}

impl Refusal {
    pub(super) fn new(message: impl Into<String>) -> Self {
        Self::Refused { message: message.into(), hint: None }
    }

    pub(super) fn hint(self, hint: impl Into<Cow<'static, str>>) -> Self {
        match self {
            Self::Refused { message, .. } => Self::Refused { message, hint: Some(hint.into()) },
            missing @ Self::Missing { .. } => missing,
        }
    }

    pub(super) fn stage(name: &str) -> Self {
        Self::new(format!("the stage {} is not allowed", quoted(name)))
    }

    pub(super) fn operator(name: &str) -> Self {
        Self::new(format!("the operator {} is not allowed", quoted(name)))
    }

    pub(super) fn form(what: &str, wanted: &str) -> Self {
        Self::new(format!("{} has a form that can't be judged", quoted(what)))
            .hint(format!("it takes {wanted}"))
    }

    /// A use of a field that the policy hides.
    pub(super) fn field(field: &str, how: &str) -> Self {
        Self::new(format!("{} is hidden by the policy, and can't be used in {how}", quoted(field)))
            .hint("leave it out; a masked field can be read, but not compared or computed with")
    }

    /// A use of something that a hidden field may lie in.
    pub(super) fn whole(field: &str, how: &str) -> Self {
        Self::new(format!(
            "{} may hold fields that the policy hides, and can't be used in {how} as a whole",
            quoted(field)
        ))
        .hint("name the fields that you need")
    }

    /// A use of a whole collection in which something is hidden.
    pub(super) fn hides(how: &str) -> Self {
        Self::new(format!("the policy hides fields of this collection, which {how} would use"))
            .hint("name the fields that you need in $match, $project or $group")
    }

    pub(super) fn bound(message: impl Into<String>) -> Self {
        Self::new(message).hint("ask for less at once")
    }
}

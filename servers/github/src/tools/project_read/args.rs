//! Arguments that name a project.

use lockkeeper_core::{Effect, Need};
use schemars::JsonSchema;
use serde::Deserialize;

use crate::fetch::Page;

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct OfProject {
    pub(super) owner: String,
    pub(super) number: u64,
    n: Option<u32>,
    cursor: Option<String>,
    #[serde(default)]
    fields: Vec<String>,
}

impl OfProject {
    pub(super) fn page(&self) -> Page<'_> {
        Page { n: self.n, cursor: self.cursor.as_deref(), fields: &self.fields }
    }

    pub(super) fn need(&self) -> Need {
        need(&self.owner)
    }
}

/// What an owner has outside repositories is named with all that is theirs.
pub(super) fn need(owner: &str) -> Need {
    Need::new(Effect::Read).resource(format!("{owner}/*"))
}

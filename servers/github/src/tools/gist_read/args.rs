//! Arguments that name whose gists are meant.

use schemars::JsonSchema;
use serde::Deserialize;

use crate::fetch::{Common, Page};

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct OfUser {
    pub(super) name: Option<String>,
    /// changed since, RFC 3339
    pub(super) since: Option<String>,
    n: Option<u32>,
    cursor: Option<String>,
    #[serde(default)]
    fields: Vec<String>,
}

impl Common for OfUser {
    fn repo(&self) -> &'static str {
        ""
    }

    fn page(&self) -> Page<'_> {
        Page { n: self.n, cursor: self.cursor.as_deref(), fields: &self.fields }
    }

    fn subject(&self) -> String {
        self.name.clone().unwrap_or_default()
    }
}

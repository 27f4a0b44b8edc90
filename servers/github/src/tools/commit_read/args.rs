//! Arguments that name a commit.

use schemars::JsonSchema;
use serde::Deserialize;

use crate::fetch::{Common, Page};
use crate::source::{RepoRef, Route, SourceError, check_ref};

/// A commit.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct OfRef {
    repo: String,
    pub(super) r#ref: String,
    n: Option<u32>,
    cursor: Option<String>,
    #[serde(default)]
    fields: Vec<String>,
}

impl Common for OfRef {
    fn repo(&self) -> &str {
        &self.repo
    }

    fn page(&self) -> Page<'_> {
        Page { n: self.n, cursor: self.cursor.as_deref(), fields: &self.fields }
    }

    fn subject(&self) -> String {
        format!(" {}", self.r#ref)
    }
}

impl OfRef {
    pub(super) fn route(&self, repo: &RepoRef) -> Result<Route, SourceError> {
        check_ref("ref", &self.r#ref)?;
        repo.route().at("commits").name("ref", &self.r#ref)
    }
}

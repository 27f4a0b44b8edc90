//! Arguments that choose alerts by their state, or an advisory.

use schemars::JsonSchema;
use serde::Deserialize;

use crate::fetch::{Common, Page};

/// Alerts of a repository.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct OfAlerts {
    repo: String,
    /// open, dismissed, fixed, resolved
    pub(super) state: Option<String>,
    n: Option<u32>,
    cursor: Option<String>,
    #[serde(default)]
    fields: Vec<String>,
}

/// Advisories by what they say.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct OfAdvisories {
    pub(super) cve: Option<String>,
    pub(super) ecosystem: Option<String>,
    pub(super) severity: Option<String>,
    /// package or package@version
    pub(super) affects: Option<String>,
    n: Option<u32>,
    cursor: Option<String>,
    #[serde(default)]
    fields: Vec<String>,
}

impl Common for OfAdvisories {
    fn repo(&self) -> &'static str {
        ""
    }

    fn page(&self) -> Page<'_> {
        Page { n: self.n, cursor: self.cursor.as_deref(), fields: &self.fields }
    }
}

/// An advisory by its id.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct OfAdvisory {
    /// GHSA-…
    pub(super) id: String,
    cursor: Option<String>,
    #[serde(default)]
    fields: Vec<String>,
}

impl Common for OfAlerts {
    fn repo(&self) -> &str {
        &self.repo
    }

    fn page(&self) -> Page<'_> {
        Page { n: self.n, cursor: self.cursor.as_deref(), fields: &self.fields }
    }
}

impl Common for OfAdvisory {
    fn repo(&self) -> &'static str {
        ""
    }

    fn page(&self) -> Page<'_> {
        Page { n: None, cursor: self.cursor.as_deref(), fields: &self.fields }
    }

    fn subject(&self) -> String {
        self.id.clone()
    }
}

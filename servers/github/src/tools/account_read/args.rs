//! Arguments that name a user, an organization or a team.

use schemars::JsonSchema;
use serde::Deserialize;

use crate::fetch::{Common, Page};

/// A user or organization.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Named {
    pub(super) name: String,
    n: Option<u32>,
    cursor: Option<String>,
    #[serde(default)]
    fields: Vec<String>,
}

/// A user, or the token's own.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct MaybeNamed {
    pub(super) name: Option<String>,
    n: Option<u32>,
    cursor: Option<String>,
    #[serde(default)]
    fields: Vec<String>,
}

/// A team of an organization.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct OfTeam {
    pub(super) name: String,
    /// slug
    pub(super) team: String,
    n: Option<u32>,
    cursor: Option<String>,
    #[serde(default)]
    fields: Vec<String>,
}

impl Common for Named {
    fn repo(&self) -> &'static str {
        ""
    }

    fn page(&self) -> Page<'_> {
        Page { n: self.n, cursor: self.cursor.as_deref(), fields: &self.fields }
    }

    fn subject(&self) -> String {
        self.name.clone()
    }
}

impl Common for MaybeNamed {
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

impl Common for OfTeam {
    fn repo(&self) -> &'static str {
        ""
    }

    fn page(&self) -> Page<'_> {
        Page { n: self.n, cursor: self.cursor.as_deref(), fields: &self.fields }
    }

    fn subject(&self) -> String {
        format!("{}/{}", self.name, self.team)
    }
}

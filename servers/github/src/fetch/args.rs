//! Arguments that methods share, by what they name.

use lockkeeper_core::ToolError;
use schemars::JsonSchema;
use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::View;
use crate::answer::chosen;

/// Items on a page, unless more or fewer are asked for.
const USUAL: usize = 20;

/// The most that GitHub gives at once.
const MOST: usize = 100;

/// What arguments say about the answer rather than the question.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Page<'a> {
    pub(crate) n: Option<u32>,
    pub(crate) cursor: Option<&'a str>,
    pub(crate) fields: &'a [String],
}

impl Page<'_> {
    /// How many items.
    pub(crate) fn n(&self) -> Result<usize, ToolError> {
        match self.n.map_or(USUAL, |n| n as usize) {
            n @ 1..=MOST => Ok(n),
            _ => Err(ToolError::invalid_arguments(format!("`n` is from 1 to {MOST}"))),
        }
    }

    /// Whether it can be answered, before anything is asked.
    pub(crate) fn check(&self, view: &View) -> Result<(), ToolError> {
        self.n()?;
        chosen(view.shape, self.fields).map(drop)
    }
}

/// What all arguments have.
pub(crate) trait Common: DeserializeOwned + JsonSchema + Send + Sync + 'static {
    /// The repository; empty outside of one.
    fn repo(&self) -> &str;

    fn page(&self) -> Page<'_>;

    /// What it is about, behind the repository's name.
    fn subject(&self) -> String {
        String::new()
    }
}

/// Nothing but a page.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Plain {
    n: Option<u32>,
    cursor: Option<String>,
    #[serde(default)]
    fields: Vec<String>,
}

/// Something of a repository.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct InRepo {
    repo: String,
    n: Option<u32>,
    cursor: Option<String>,
    #[serde(default)]
    fields: Vec<String>,
}

/// Something of a numbered thing.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct OfNumber {
    repo: String,
    pub(crate) number: u64,
    n: Option<u32>,
    cursor: Option<String>,
    #[serde(default)]
    fields: Vec<String>,
}

/// Something with an id.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct OfId {
    repo: String,
    pub(crate) id: u64,
    n: Option<u32>,
    cursor: Option<String>,
    #[serde(default)]
    fields: Vec<String>,
}

/// Something with a name.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct OfName {
    repo: String,
    pub(crate) name: String,
    n: Option<u32>,
    cursor: Option<String>,
    #[serde(default)]
    fields: Vec<String>,
}

impl Common for Plain {
    fn repo(&self) -> &'static str {
        ""
    }

    fn page(&self) -> Page<'_> {
        Page { n: self.n, cursor: self.cursor.as_deref(), fields: &self.fields }
    }
}

impl Common for InRepo {
    fn repo(&self) -> &str {
        &self.repo
    }

    fn page(&self) -> Page<'_> {
        Page { n: self.n, cursor: self.cursor.as_deref(), fields: &self.fields }
    }
}

impl Common for OfNumber {
    fn repo(&self) -> &str {
        &self.repo
    }

    fn page(&self) -> Page<'_> {
        Page { n: self.n, cursor: self.cursor.as_deref(), fields: &self.fields }
    }

    fn subject(&self) -> String {
        format!("#{}", self.number)
    }
}

impl Common for OfId {
    fn repo(&self) -> &str {
        &self.repo
    }

    fn page(&self) -> Page<'_> {
        Page { n: self.n, cursor: self.cursor.as_deref(), fields: &self.fields }
    }

    fn subject(&self) -> String {
        format!(" {}", self.id)
    }
}

impl Common for OfName {
    fn repo(&self) -> &str {
        &self.repo
    }

    fn page(&self) -> Page<'_> {
        Page { n: self.n, cursor: self.cursor.as_deref(), fields: &self.fields }
    }

    fn subject(&self) -> String {
        format!(" {}", self.name)
    }
}

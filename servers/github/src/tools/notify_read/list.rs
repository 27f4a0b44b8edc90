//! What is in the inbox, newest first.

use schemars::JsonSchema;
use serde::Deserialize;

use crate::fetch::{Common, FetchOutside, Page, View};
use crate::shapes::NOTIFICATION;
use crate::source::{Route, SourceError};

pub(super) struct List;

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Args {
    /// also what was read
    #[serde(default)]
    all: bool,
    /// RFC 3339
    since: Option<String>,
    n: Option<u32>,
    cursor: Option<String>,
    #[serde(default)]
    fields: Vec<String>,
}

impl Common for Args {
    fn repo(&self) -> &'static str {
        ""
    }

    fn page(&self) -> Page<'_> {
        Page { n: self.n, cursor: self.cursor.as_deref(), fields: &self.fields }
    }
}

impl FetchOutside for List {
    type Args = Args;
    const VIEW: View = View::table("notifications", NOTIFICATION);

    fn route(args: &Args) -> Result<Route, SourceError> {
        let route = Route::outside("notifications").maybe("since", args.since.as_deref());
        Ok(if args.all { route.query("all", true) } else { route })
    }
}

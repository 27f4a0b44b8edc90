//! One notification.

use schemars::JsonSchema;
use serde::Deserialize;

use crate::fetch::{Common, FetchOutside, Page, View};
use crate::shapes::NOTIFICATION;
use crate::source::{Route, SourceError};

pub(super) struct Get;

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Args {
    id: u64,
    #[serde(default)]
    fields: Vec<String>,
}

impl Common for Args {
    fn repo(&self) -> &'static str {
        ""
    }

    fn page(&self) -> Page<'_> {
        Page { n: None, cursor: None, fields: &self.fields }
    }

    fn subject(&self) -> String {
        self.id.to_string()
    }
}

impl FetchOutside for Get {
    type Args = Args;
    const VIEW: View = View::record("notification", NOTIFICATION);

    fn route(args: &Args) -> Result<Route, SourceError> {
        Ok(Route::outside("notifications").at("threads").number(args.id))
    }
}

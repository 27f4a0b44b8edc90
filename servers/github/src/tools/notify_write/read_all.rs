//! Everything in the inbox was read, or everything of one repository.

use http::Method;
use lockkeeper_core::{Change, Cx, Effect, Need, Tool, ToolError};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::json;

use crate::change::{Done, Request};
use crate::source::{Route, Source, Target};

pub(super) struct ReadAll;

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Args {
    repo: Option<String>,
    /// only until then, RFC 3339
    before: Option<String>,
}

impl Tool<Source> for ReadAll {
    type Effect = Change;
    type Args = Args;
    type Output = Done;

    fn plan(args: &Args) -> Need {
        args.repo.iter().fold(Need::new(Effect::Change), Need::resource)
    }

    async fn run(cx: Cx<'_, Source, Change>, args: Args) -> Result<Done, ToolError> {
        let (route, of) = match &args.repo {
            Some(repo) => {
                let repo = cx.source().repo(repo).await?;
                (repo.route().at("notifications"), format!(" of {}", repo.full_name()))
            }
            // The inbox also holds what repositories sent that don't exist here.
            None if cx.source().rules().is_restricted() => {
                return Err(ToolError::invalid_arguments("name a `repo`: only some are admitted"));
            }
            None => (Route::outside("notifications"), String::new()),
        };
        let read = args.repo.is_none().then_some(true);
        let Request { route, body, .. } = Request::put(route)
            .fields([("last_read_at", json!(args.before)), ("read", json!(read))]);
        cx.source().change(cx.grant(), Target::Own, (Method::PUT, &route), body).await?;
        Ok(Done { done: format!("read all notifications{of}"), ..Done::default() })
    }
}

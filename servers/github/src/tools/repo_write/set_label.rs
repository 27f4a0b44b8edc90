//! A label, new or changed.

use http::Method;
use lockkeeper_core::{Change, Cx, Need, Tool, ToolError};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::json;

use crate::change::{Done, Request, make, need};
use crate::source::{Source, SourceError};

pub(super) struct SetLabel;

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Args {
    repo: String,
    name: String,
    new_name: Option<String>,
    /// six hex digits
    color: Option<String>,
    description: Option<String>,
}

impl Tool<Source> for SetLabel {
    type Effect = Change;
    type Args = Args;
    type Output = Done;

    fn plan(args: &Args) -> Need {
        need::<Change>(&args.repo)
    }

    async fn run(cx: Cx<'_, Source, Change>, args: Args) -> Result<Done, ToolError> {
        let repo = cx.source().repo(&args.repo).await?;
        let labels = repo.route().at("labels");
        let label = labels.clone().name("name", &args.name)?;
        let is_there = match cx.source().read(&label).await {
            Ok(_) => true,
            Err(SourceError::NotFound { .. }) => false,
            Err(error) => return Err(error.into()),
        };
        let (color, description) = (json!(args.color), json!(args.description));
        if is_there {
            let request = Request::new(Method::PATCH, label).fields([
                ("new_name", json!(args.new_name)),
                ("color", color),
                ("description", description),
            ]);
            return make(&cx, &repo, request, "changed the label").await;
        }
        let name = args.new_name.unwrap_or(args.name);
        let fields = [("name", json!(name)), ("color", color), ("description", description)];
        make(&cx, &repo, Request::post(labels).fields(fields), "created the label").await
    }
}

//! An issue gets another title, text, state, labels, assignees, milestone or type.

use lockkeeper_core::{Change, Cx, Need, Tool, ToolError};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::change::{Done, Request, make, need};
use crate::patch::{Edit, Patch};
use crate::source::Source;

pub(super) struct Update;

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Args {
    repo: String,
    number: u64,
    title: Option<String>,
    body: Option<String>,
    #[serde(default)]
    body_edits: Vec<Edit>,
    body_append: Option<String>,
    state: Option<State>,
    reason: Option<Reason>,
    /// all of them
    labels: Option<Vec<String>>,
    assignees: Option<Vec<String>>,
    /// number; 0 for none
    milestone: Option<u64>,
    r#type: Option<String>,
}

#[derive(Clone, Copy, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
enum State {
    Open,
    Closed,
}

#[derive(Clone, Copy, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum Reason {
    Completed,
    NotPlanned,
    Duplicate,
    Reopened,
}

impl Tool<Source> for Update {
    type Effect = Change;
    type Args = Args;
    type Output = Done;

    fn plan(args: &Args) -> Need {
        need::<Change>(&args.repo)
    }

    async fn run(cx: Cx<'_, Source, Change>, args: Args) -> Result<Done, ToolError> {
        let repo = cx.source().repo(&args.repo).await?;
        let route = repo.route().at("issues").number(args.number);
        let patch = Patch {
            whole: args.body.as_deref(),
            edits: &args.body_edits,
            append: args.body_append.as_deref(),
        };
        let body = cx.source().patched(&route, &patch).await?;
        let mut request = Request::patch(route).fields([
            ("title", json!(args.title)),
            ("body", json!(body)),
            ("state", json!(args.state)),
            ("state_reason", json!(args.reason)),
            ("labels", json!(args.labels)),
            ("assignees", json!(args.assignees)),
            ("milestone", json!(args.milestone.filter(|number| *number > 0))),
            ("type", json!(args.r#type)),
        ]);
        // Null is what takes a milestone away.
        if let (Some(0), Some(Value::Object(fields))) = (args.milestone, &mut request.body) {
            fields.insert("milestone".to_owned(), Value::Null);
        }
        make(&cx, &repo, request, "updated the issue").await
    }
}

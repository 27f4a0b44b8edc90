//! A reaction to an issue, a pull request, a discussion or a comment.

use lockkeeper_core::{Add, Cx, Need, Tool, ToolError};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::json;

use super::discussed::mutate;
use super::{On, Reaction, comment};
use crate::answer::{cell, find};
use crate::change::{Done, Request, make, need};
use crate::source::{Document, Source};

pub(super) struct React;

static REACTION: Document =
    Document { name: "react", text: include_str!("../../graphql/add_reaction.graphql") };

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Args {
    repo: String,
    number: Option<u64>,
    id: Option<u64>,
    node: Option<String>,
    on: Option<On>,
    reaction: Reaction,
}

impl Tool<Source> for React {
    type Effect = Add;
    type Args = Args;
    type Output = Done;

    fn plan(args: &Args) -> Need {
        need::<Add>(&args.repo)
    }

    async fn run(cx: Cx<'_, Source, Add>, args: Args) -> Result<Done, ToolError> {
        let on = args.on.unwrap_or_default();
        if [args.number.is_some(), args.id.is_some(), args.node.is_some()]
            .iter()
            .filter(|is_given| **is_given)
            .count()
            != 1
        {
            return Err(ToolError::invalid_arguments("give one of `number`, `id` and `node`"));
        }
        let repo = cx.source().repo(&args.repo).await?;
        let subject = match (args.number, &args.node) {
            (Some(number), _) if matches!(on, On::Discussion) => {
                cell(&find(&cx.source().discussion(&repo, number).await?, "id"))
            }
            (_, Some(node)) => cx.source().said(&repo, node).await?.node,
            (number, None) => {
                let route = match (number, args.id) {
                    (Some(number), _) => repo.route().at("issues").number(number),
                    (None, id) => comment(&repo, args.on, id.unwrap_or_default())?,
                };
                let request = Request::post(route.at("reactions"));
                let request = request.fields([("content", json!(args.reaction))]);
                return make(&cx, &repo, request, "reacted").await;
            }
        };
        let input = json!({ "subjectId": subject, "content": args.reaction.word() });
        mutate(&cx, &repo, (&REACTION, "reacted"), input).await
    }
}

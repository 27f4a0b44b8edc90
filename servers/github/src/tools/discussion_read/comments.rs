//! What is said on a discussion: comments, each followed by the first replies to it, or all replies to
//! one comment.

use lockkeeper_core::{Cx, Effect, Need, Read, Tool, ToolError};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::json;

use crate::answer::{Answer, find};
use crate::fetch::{Connection, Page, Position, View, connected, items, list, of_repo};
use crate::shapes::DISCUSSION_COMMENT;
use crate::source::{Document, Source, Within};

pub(super) struct Comments;

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Args {
    repo: String,
    number: u64,
    node: Option<String>,
    n: Option<u32>,
    cursor: Option<String>,
    #[serde(default)]
    fields: Vec<String>,
}

const COMMENTS: Document = Document {
    name: "discussion comments",
    text: include_str!("../../graphql/discussion_comments.graphql"),
};

static REPLIES: Document = Document {
    name: "discussion replies",
    text: include_str!("../../graphql/discussion_replies.graphql"),
};

const VIEW: View = View::blocks("comments", DISCUSSION_COMMENT);

impl Tool<Source> for Comments {
    type Effect = Read;
    type Args = Args;
    type Output = Answer;

    fn plan(args: &Args) -> Need {
        Need::new(Effect::Read).resource(&args.repo)
    }

    async fn run(cx: Cx<'_, Source, Read>, args: Args) -> Result<Answer, ToolError> {
        let page = Page { n: args.n, cursor: args.cursor.as_deref(), fields: &args.fields };
        page.check(&VIEW)?;
        let at = Position::resume(&cx, &page)?;
        let repo = cx.source().repo(&args.repo).await?;
        let within = Within::Repo(&repo);
        let subject = format!(" discussion #{}", args.number);
        if let Some(node) = &args.node {
            // An id says nowhere of itself what repository it is of.
            let said = cx.source().said(&repo, node).await?;
            let variables = json!({ "id": said.node });
            let connection = Connection {
                within,
                document: &REPLIES,
                path: "node.replies",
                variables: &variables,
            };
            let head = of_repo("replies", &repo, &subject);
            return connected(&cx, connection, (&VIEW, &page), &head, |_| true).await;
        }
        let variables = json!({"owner": repo.owner(), "name": repo.name(), "number": args.number});
        let what = (&COMMENTS, "repository.discussion.comments");
        let pages = (page.n()?, at.page);
        let (found, has_next) = cx.source().connection(within, what, &variables, pages).await?;
        let total = find(&found, "totalCount").as_u64();
        let mut nodes = Vec::new();
        let mut left_out = 0;
        for comment in items(found, "nodes")? {
            let replies = items(find(&comment, "replies.nodes"), "").unwrap_or_default();
            let count = find(&comment, "replies.totalCount").as_u64().unwrap_or_default();
            left_out += count.saturating_sub(replies.len() as u64);
            nodes.push(comment);
            nodes.extend(replies);
        }
        let head = of_repo(VIEW.title, &repo, &subject);
        let answer = list(&cx, &nodes, &VIEW, &page, (at, has_next))?.headed(&head);
        let answer = match total {
            Some(total) => answer.note(format!("{total} without replies")),
            None => answer,
        };
        Ok(if left_out == 0 {
            answer
        } else {
            answer.note(format!("{left_out} more replies: comments with their comment's node"))
        })
    }
}

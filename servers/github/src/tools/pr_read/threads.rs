//! Its review threads, with the ids that resolving takes.

use lockkeeper_core::{Cx, Effect, Need, Read, Tool, ToolError};
use serde_json::{Value, json};

use crate::answer::{Answer, Shape, cell, f, find};
use crate::fetch::{Common as _, Connection, OfNumber, View, connected, items, of_repo};
use crate::source::{Document, Source, Within};

pub(super) struct Threads;

static DOCUMENT: Document =
    Document { name: "review threads", text: include_str!("../../graphql/review_threads.graphql") };

const SHAPE: Shape = &[
    f("thread", "id"),
    f("path", "path"),
    f("line", "line"),
    f("side", "diffSide"),
    f("resolved", "isResolved"),
    f("outdated", "isOutdated"),
    f("comments", "comments.totalCount"),
    f("ids", "comments.nodes[].databaseId"),
    f("body", "body"),
];

const VIEW: View = View::blocks("threads", SHAPE);

impl Tool<Source> for Threads {
    type Effect = Read;
    type Args = OfNumber;
    type Output = Answer;

    fn plan(args: &OfNumber) -> Need {
        Need::new(Effect::Read).resource(args.repo())
    }

    async fn run(cx: Cx<'_, Source, Read>, args: OfNumber) -> Result<Answer, ToolError> {
        let page = args.page();
        page.check(&VIEW)?;
        let repo = cx.source().repo(args.repo()).await?;
        let variables = json!({"owner": repo.owner(), "name": repo.name(), "number": args.number});
        let connection = Connection {
            within: Within::Repo(&repo),
            document: &DOCUMENT,
            path: "repository.pullRequest.reviewThreads",
            variables: &variables,
        };
        let head = of_repo(VIEW.title, &repo, &args.subject());
        connected(&cx, connection, (&VIEW, &page), &head, |node| {
            let said = items(find(node, "comments.nodes"), "").unwrap_or_default();
            let said = said.iter().map(|comment| {
                let author = cell(&find(comment, "author.login"));
                let association = cell(&find(comment, "authorAssociation"));
                let at = cell(&find(comment, "createdAt"));
                let body = find(comment, "body").as_str().unwrap_or_default().replace('\n', "\n  ");
                format!("{author} ({association}, {at}):\n  {body}")
            });
            let said = said.collect::<Vec<_>>().join("\n");
            if let Some(node) = node.as_object_mut() {
                node.insert("body".to_owned(), Value::String(said));
            }
            true
        })
        .await
    }
}

//! Who wrote which lines of a file.

use lockkeeper_core::{Cx, Effect, Need, Read, Tool, ToolError};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::answer::{Answer, Shape, f, find, more};
use crate::fetch::{Page, Position, View, items, list, of_repo};
use crate::source::{Document, Source, SourceError, Within, check_ref};
use crate::text::Lines;

pub(super) struct Blame;

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Args {
    repo: String,
    path: String,
    r#ref: Option<String>,
    start_line: Option<u64>,
    end_line: Option<u64>,
    n: Option<u32>,
    cursor: Option<String>,
    #[serde(default)]
    fields: Vec<String>,
}

const DOCUMENT: Document =
    Document { name: "blame", text: include_str!("../../graphql/blame.graphql") };

const SHAPE: Shape = &[
    f("from", "startingLine"),
    f("to", "endingLine"),
    f("sha", "commit.oid"),
    f("author", "commit.author.user.login"),
    f("date", "commit.committedDate"),
    f("message", "commit.messageHeadline"),
    more("author_name", "commit.author.name"),
];

const VIEW: View = View::table("blame", SHAPE).whole();

impl Tool<Source> for Blame {
    type Effect = Read;
    type Args = Args;
    type Output = Answer;

    fn plan(args: &Args) -> Need {
        Need::new(Effect::Read).resource(&args.repo)
    }

    async fn run(cx: Cx<'_, Source, Read>, args: Args) -> Result<Answer, ToolError> {
        let page = Page { n: args.n, cursor: args.cursor.as_deref(), fields: &args.fields };
        page.check(&VIEW)?;
        let lines = Lines { start: args.start_line, end: args.end_line }.check()?;
        let repo = cx.source().repo(&args.repo).await?;
        let at = args.r#ref.as_deref().unwrap_or(repo.default_branch());
        check_ref("ref", at)?;
        let variables = json!({
            "owner": repo.owner(), "name": repo.name(), "expression": at, "path": args.path,
        });
        let data = cx.source().query(Within::Repo(&repo), &DOCUMENT, variables).await?;
        let object = find(&data, "repository.object");
        if find(&object, "blame").is_null() {
            let asked = format!("{} at {at} in {}", args.path, repo.full_name());
            return Err(SourceError::NotFound { asked }.into());
        }
        let mut ranges = items(find(&object, "blame.ranges"), "")?;
        let line = |range: &Value, key: &str| range.get(key).and_then(Value::as_u64).unwrap_or(0);
        ranges.retain(|range| {
            line(range, "endingLine") >= lines.start.unwrap_or(1)
                && line(range, "startingLine") <= lines.end.unwrap_or(u64::MAX)
        });
        let position = Position::resume(&cx, &page)?;
        let head = of_repo("blame", &repo, &format!(" {}", args.path));
        Ok(list(&cx, &ranges, &VIEW, &page, (position, false))?.headed(&head))
    }
}

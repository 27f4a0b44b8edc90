//! All paths of a repository, or below one of its directories.

use lockkeeper_core::{Cx, Effect, Need, Read, Tool, ToolError};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value;

use super::git_ref;
use crate::answer::{Answer, find};
use crate::fetch::{Page, Position, View, items, list, of_repo};
use crate::shapes::ENTRY;
use crate::source::Source;

pub(super) struct Tree;

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Args {
    pub(super) repo: String,
    pub(super) path: Option<String>,
    pub(super) r#ref: Option<String>,
    n: Option<u32>,
    cursor: Option<String>,
    #[serde(default)]
    fields: Vec<String>,
}

impl Args {
    pub(super) fn page(&self) -> Page<'_> {
        Page { n: self.n, cursor: self.cursor.as_deref(), fields: &self.fields }
    }
}

const VIEW: View = View::table("tree", ENTRY).whole();

impl Tool<Source> for Tree {
    type Effect = Read;
    type Args = Args;
    type Output = Answer;

    fn plan(args: &Args) -> Need {
        Need::new(Effect::Read).resource(&args.repo)
    }

    async fn run(cx: Cx<'_, Source, Read>, args: Args) -> Result<Answer, ToolError> {
        let page = args.page();
        page.check(&VIEW)?;
        let repo = cx.source().repo(&args.repo).await?;
        let at = git_ref(args.r#ref.as_deref(), &repo)?;
        let route = repo.route().at("git").at("trees").name("ref", &at)?.query("recursive", 1);
        let reply = cx.source().read(&route).await?;
        let is_cut = find(&reply.value, "truncated") == Value::Bool(true);
        let path = args.path.as_deref().unwrap_or_default().trim_matches('/');
        let below = if path.is_empty() { String::new() } else { format!("{path}/") };
        let mut entries = items(reply.value, "tree")?;
        entries.retain(|entry| {
            entry.get("path").and_then(Value::as_str).is_some_and(|path| path.starts_with(&below))
        });
        let position = Position::resume(&cx, &page)?;
        let head = of_repo(format!("tree {path}").trim_end(), &repo, "");
        let answer = list(&cx, &entries, &VIEW, &page, (position, false))?;
        let answer = answer.total(Some(entries.len() as u64)).headed(&head);
        Ok(if is_cut {
            answer.note("GitHub cut the tree: read directories instead")
        } else {
            answer
        })
    }
}

//! The pull requests of a repository.

use lockkeeper_core::{Cx, Effect, Need, Read, Tool, ToolError};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::issue_list::name;
use crate::answer::Answer;
use crate::fetch::{Page, View, of_repo, show};
use crate::shapes::PULL;
use crate::source::Source;

pub(crate) struct PrList;

/// List a repository's pull requests, newest first.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Args {
    repo: String,
    state: Option<State>,
    /// owner:branch
    head: Option<String>,
    base: Option<String>,
    sort: Option<Sort>,
    n: Option<u32>,
    cursor: Option<String>,
    #[serde(default)]
    fields: Vec<String>,
}

#[derive(Clone, Copy, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
enum State {
    Open,
    Closed,
    All,
}

#[derive(Clone, Copy, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
enum Sort {
    Created,
    Updated,
    Popularity,
    LongRunning,
}

const VIEW: View = View::table("pull requests", PULL);

impl Tool<Source> for PrList {
    type Effect = Read;
    type Args = Args;
    type Output = Answer;

    fn plan(args: &Args) -> Need {
        Need::new(Effect::Read).resource(&args.repo)
    }

    async fn run(cx: Cx<'_, Source, Read>, args: Args) -> Result<Answer, ToolError> {
        let page = Page { n: args.n, cursor: args.cursor.as_deref(), fields: &args.fields };
        page.check(&VIEW)?;
        let repo = cx.source().repo(&args.repo).await?;
        let route = repo
            .route()
            .at("pulls")
            .maybe("state", args.state.map(name))
            .maybe("head", args.head.as_deref())
            .maybe("base", args.base.as_deref())
            .maybe("sort", args.sort.map(name))
            .query("direction", "desc");
        show(&cx, route, &VIEW, &page, of_repo(VIEW.title, &repo, "")).await
    }
}

#[cfg(test)]
mod tests {
    use lockkeeper_testkit::expect;

    use crate::testing::{REPO, World};

    #[test]
    fn lists_without_bodies() {
        let world = World::examples();
        let call = format!(
            r#"pr_list {{"repo": "{REPO}", "state": "all", "head": "octocat:new-topic", "base": "main", "sort": "long-running"}}"#
        );
        expect![[r#"
            [pull requests of octocat/Hello-World, public: 1]
            number	title	state	draft	author	head	base	updated
            1347	Amazing new feature	open	false	octocat	octocat:new-topic	master	2011-01-26T19:01:12Z"#]].assert_eq(&world.call(&[], &call));
        let sent = world.front.take_seen();
        let query = &sent.last().unwrap().query;
        assert_eq!(
            query,
            "state=all&head=octocat%3Anew-topic&base=main&sort=long-running&direction=desc&per_page=20&page=1"
        );
    }
}

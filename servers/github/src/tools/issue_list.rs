//! The issues of a repository.

use lockkeeper_core::{Cx, Effect, Need, Read, Tool, ToolError};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::answer::Answer;
use crate::fetch::{Page, View, of_repo, show};
use crate::shapes::ISSUE;
use crate::source::Source;

pub(crate) struct IssueList;

/// List a repository's issues, newest first; pull requests are among them (`is_pr`). Text searches:
/// search.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Args {
    repo: String,
    state: Option<State>,
    /// all of these
    #[serde(default)]
    labels: Vec<String>,
    /// login, `*` or `none`
    assignee: Option<String>,
    creator: Option<String>,
    /// number, `*` or `none`
    milestone: Option<String>,
    /// changed since, RFC 3339
    since: Option<String>,
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
#[serde(rename_all = "lowercase")]
enum Sort {
    Created,
    Updated,
    Comments,
}

const VIEW: View = View::table("issues", ISSUE);

impl Tool<Source> for IssueList {
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
        let labels = (!args.labels.is_empty()).then(|| args.labels.join(","));
        let route = repo
            .route()
            .at("issues")
            .maybe("state", args.state.map(name))
            .maybe("labels", labels)
            .maybe("assignee", args.assignee.as_deref())
            .maybe("creator", args.creator.as_deref())
            .maybe("milestone", args.milestone.as_deref())
            .maybe("since", args.since.as_deref())
            .maybe("sort", args.sort.map(name));
        show(&cx, route, &VIEW, &page, of_repo(VIEW.title, &repo, "")).await
    }
}

/// The word for a choice, as GitHub has it.
pub(super) fn name(choice: impl Serialize) -> String {
    let value = serde_json::to_value(choice).unwrap_or_default();
    value.as_str().unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests {
    use lockkeeper_testkit::expect;
    use lockkeeper_testkit::github::Said;
    use serde_json::{Value, json};

    use crate::testing::{REPO, World, all_pages, seen};

    #[test]
    fn lists_without_bodies() {
        let world = World::examples();
        let call = format!(
            r#"issue_list {{"repo": "https://github.com/{REPO}", "state": "open", "labels": ["bug", "a,b"], "assignee": "*", "since": "2026-01-01T00:00:00Z", "sort": "updated"}}"#
        );
        expect![[r#"
            [issues of octocat/Hello-World, public: 1]
            number	title	state	author	labels	comments	updated
            1347	Found a bug	open	octocat	bug	0	2011-04-22T13:33:48Z"#]]
        .assert_eq(&world.call(&[], &call));
        let sent = world.front.take_seen();
        let last = sent.last().unwrap();
        assert_eq!(
            last.query,
            "state=open&labels=bug%2Ca%2Cb&assignee=%2A&since=2026-01-01T00%3A00%3A00Z&sort=updated&per_page=20&page=1"
        );
    }

    #[test]
    fn pages_go_on_where_the_room_ended() {
        let world = World::examples();
        let path = format!("/repos/{REPO}/issues");
        let issue =
            |number: u64| json!({"number": number, "title": "x".repeat(90), "state": "open"});
        for page in 1..=3u64 {
            let items: Vec<Value> = (0..50).map(|n| issue((page - 1) * 50 + n)).collect();
            let mut said = Said::json(200, &Value::Array(items));
            if page < 3 {
                said = said.header(
                    "link",
                    "<http://x/?page=2>; rel=\"next\", <http://x/?page=3>; rel=\"last\"",
                );
            }
            world.front.say("GET", &format!("{path}?per_page=50&page={page}"), said);
        }
        let mut client = world.client(&["--max-output=2kB"]);
        let pages = all_pages(&mut client, "issue_list", json!({"repo": REPO, "n": 50}));
        let numbers: Vec<u64> = pages
            .iter()
            .flat_map(|page| page.lines().skip(2))
            .map(|line| line.split('\t').next().unwrap().parse().unwrap())
            .collect();
        assert_eq!(numbers, (0..150).collect::<Vec<_>>());
        assert!(pages.iter().all(|page| page.len() < 2_048));
    }

    #[test]
    fn what_nothing_changed_for_costs_no_quota_and_reads_the_same() {
        let world = World::examples();
        let mut client = world.client(&[]);
        let first = seen(&mut client, "issue_list", json!({"repo": REPO}));
        let used = world.front.used();
        let again = seen(&mut client, "issue_list", json!({"repo": REPO}));
        assert_eq!((first, world.front.used()), (again, used));
        assert_eq!(world.front.take_seen().last().unwrap().status, 304);
    }
}

//! What hosts attach by URI: files at a branch, tag or commit, issues, by label too, pull requests and
//! their diffs, runs of Actions and their logs. What is read goes the way of the tool that reads the
//! same.

mod complete;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use lockkeeper_core::{
    Body, Changed, Contents, Cx, Output, Read, RegisteredResource, Resource, ToolError, Typed,
    Variables, Watch, resource,
};

use crate::answer::Answer;
use crate::diff::DiffPage;
use crate::fetch::{Page, View, items, of_repo, record, show};
use crate::logs::Tail;
use crate::runs::{LogRead, headline, id, is_late, jobs_of, read_log};
use crate::shapes::{ISSUE, ISSUE_FULL, PULL_FULL, RUN_FULL};
use crate::source::{RepoRef, Route, Source, SourceError, check_ref};
use crate::subscribed::{Place, watch};

pub(crate) static RESOURCES: &[RegisteredResource<Source>] = &[
    resource::<Source, File>(),
    resource::<Source, Issue>(),
    resource::<Source, Pull>(),
    resource::<Source, Diff>(),
    resource::<Source, Run>(),
    resource::<Source, RunLog>(),
    resource::<Source, Label>(),
];

/// A page that says nothing.
const WHOLE: Page<'static> = Page { n: None, cursor: None, fields: &[] };

/// The most of all logs of a run together, bytes.
const MOST_OF_LOGS: usize = 512_000;

/// Of each there is at least so much.
const LEAST_OF_LOG: usize = 2_000;

/// GitHub lists no more files of a pull request.
const MOST_FILES: u64 = 3_000;

struct File;
struct Issue;
struct Pull;
struct Diff;
struct Run;
struct RunLog;
/// Open issues and pull requests with a label.
struct Label;

impl Resource<Source> for File {
    const TEMPLATE: &'static str = "github://{owner}/{repo}/blob/{ref}/{+path}";
    const NAME: &'static str = "file";
    const TOOL: &'static str = "file_read";

    async fn read(cx: Cx<'_, Source, Read>, variables: Variables) -> Result<Contents, ToolError> {
        let repo = repo(&cx, (Self::TOOL, &variables)).await?;
        let at = value(&variables, "ref");
        check_ref("ref", at)?;
        let route = repo.route().at("contents").path("path", value(&variables, "path"))?;
        let file = cx.source().read(&route.query("ref", at)).await?.value;
        let bytes = crate::text::bytes(cx.source(), &repo, &file).await?;
        Ok(match String::from_utf8(bytes) {
            Ok(whole) => text(whole),
            Err(error) => Contents {
                mime_type: "application/octet-stream".to_owned(),
                body: Body::Blob(STANDARD.encode(error.as_bytes())),
            },
        })
    }

    async fn complete(cx: Cx<'_, Source, Read>, typed: Typed) -> Result<Vec<String>, ToolError> {
        complete::complete(cx.source(), Self::TOOL, &typed).await
    }
}

impl Resource<Source> for Issue {
    const TEMPLATE: &'static str = "github://{owner}/{repo}/issues/{number}";
    const NAME: &'static str = "issue";
    const TOOL: &'static str = "issue_read";

    async fn read(cx: Cx<'_, Source, Read>, variables: Variables) -> Result<Contents, ToolError> {
        let repo = repo(&cx, (Self::TOOL, &variables)).await?;
        let number = number(&variables)?;
        let route = repo.route().at("issues").number(number);
        described(&cx, (&repo, number), route, View::record("issue", ISSUE_FULL)).await
    }

    const WATCHED: bool = true;

    async fn watch(
        cx: Cx<'_, Source, Read>,
        variables: Variables,
        changed: Changed,
    ) -> Result<Watch, ToolError> {
        let repo = repo(&cx, (Self::TOOL, &variables)).await?;
        watch(&cx, &repo, Place::Issue(number(&variables)?), changed).await
    }

    async fn complete(cx: Cx<'_, Source, Read>, typed: Typed) -> Result<Vec<String>, ToolError> {
        complete::complete(cx.source(), Self::TOOL, &typed).await
    }
}

impl Resource<Source> for Pull {
    const TEMPLATE: &'static str = "github://{owner}/{repo}/pulls/{number}";
    const NAME: &'static str = "pull request";
    const TOOL: &'static str = "pr_read";

    async fn read(cx: Cx<'_, Source, Read>, variables: Variables) -> Result<Contents, ToolError> {
        let repo = repo(&cx, (Self::TOOL, &variables)).await?;
        let number = number(&variables)?;
        let route = repo.route().at("pulls").number(number);
        described(&cx, (&repo, number), route, View::record("pull request", PULL_FULL)).await
    }

    const WATCHED: bool = true;

    async fn watch(
        cx: Cx<'_, Source, Read>,
        variables: Variables,
        changed: Changed,
    ) -> Result<Watch, ToolError> {
        let repo = repo(&cx, (Self::TOOL, &variables)).await?;
        watch(&cx, &repo, Place::Pull(number(&variables)?), changed).await
    }

    async fn complete(cx: Cx<'_, Source, Read>, typed: Typed) -> Result<Vec<String>, ToolError> {
        complete::complete(cx.source(), Self::TOOL, &typed).await
    }
}

impl Resource<Source> for Diff {
    const TEMPLATE: &'static str = "github://{owner}/{repo}/pulls/{number}/diff";
    const NAME: &'static str = "diff";
    const TOOL: &'static str = "pr_read";

    async fn read(cx: Cx<'_, Source, Read>, variables: Variables) -> Result<Contents, ToolError> {
        let repo = repo(&cx, (Self::TOOL, &variables)).await?;
        let route = repo.route().at("pulls").number(number(&variables)?);
        let diff = cx.source().read_as(&route, "application/vnd.github.diff").await;
        Ok(text(match diff {
            Ok(diff) => String::from_utf8_lossy(&diff).into_owned(),
            // It gives no diff of more than 300 files, but each of them.
            Err(SourceError::Fault { status: 406, .. }) => by_files(cx.source(), &route).await?,
            Err(error) => return Err(error.into()),
        }))
    }

    async fn complete(cx: Cx<'_, Source, Read>, typed: Typed) -> Result<Vec<String>, ToolError> {
        complete::complete(cx.source(), Self::TOOL, &typed).await
    }
}

impl Resource<Source> for RunLog {
    const TEMPLATE: &'static str = "github://{owner}/{repo}/actions/runs/{number}/log";
    const NAME: &'static str = "run log";
    const TOOL: &'static str = "actions_read";

    async fn read(cx: Cx<'_, Source, Read>, variables: Variables) -> Result<Contents, ToolError> {
        let repo = repo(&cx, (Self::TOOL, &variables)).await?;
        let jobs = jobs_of(cx.source(), &repo, number(&variables)?).await?;
        let room = (MOST_OF_LOGS / jobs.len().max(1)).max(LEAST_OF_LOG);
        let mut logs = String::new();
        for job in &jobs {
            logs.push_str(&format!("{}\n", headline(job)));
            if is_late() {
                logs.push_str("(not read: the call's time was up)\n");
                continue;
            }
            let mut tail = Tail::new(room);
            let read = read_log(cx.source(), &repo, id(job), |_, line| tail.line(line)).await?;
            let LogRead::Lines(total, is_whole) = read else {
                logs.push_str("(there is no log)\n");
                continue;
            };
            let kept = tail.finish();
            let before = total - kept.len() as u64;
            if before > 0 {
                logs.push_str(&format!("({before} lines before these: actions_read log)\n"));
            }
            for line in kept {
                logs.push_str(&line);
                logs.push('\n');
            }
            if !is_whole {
                logs.push_str("(not read to its end: the call's time was up)\n");
            }
        }
        Ok(text(logs))
    }

    async fn complete(cx: Cx<'_, Source, Read>, typed: Typed) -> Result<Vec<String>, ToolError> {
        complete::complete(cx.source(), Self::TOOL, &typed).await
    }
}

impl Resource<Source> for Run {
    const TEMPLATE: &'static str = "github://{owner}/{repo}/actions/runs/{number}";
    const NAME: &'static str = "run";
    const TOOL: &'static str = "actions_read";

    async fn read(cx: Cx<'_, Source, Read>, variables: Variables) -> Result<Contents, ToolError> {
        let repo = repo(&cx, (Self::TOOL, &variables)).await?;
        let number = number(&variables)?;
        let found = cx.source().read(&Place::Run(number).route(&repo)).await?.value;
        let view = View::record("run", RUN_FULL);
        let head = of_repo(view.title, &repo, &format!(" {number}"));
        let answer: Answer = record(&cx, &found, &view, &WHOLE, head)?;
        Ok(text(Output::text(&answer)))
    }

    const WATCHED: bool = true;

    async fn watch(
        cx: Cx<'_, Source, Read>,
        variables: Variables,
        changed: Changed,
    ) -> Result<Watch, ToolError> {
        let repo = repo(&cx, (Self::TOOL, &variables)).await?;
        watch(&cx, &repo, Place::Run(number(&variables)?), changed).await
    }

    async fn complete(cx: Cx<'_, Source, Read>, typed: Typed) -> Result<Vec<String>, ToolError> {
        complete::complete(cx.source(), Self::TOOL, &typed).await
    }
}

impl Resource<Source> for Label {
    const TEMPLATE: &'static str = "github://{owner}/{repo}/labels/{label}";
    const NAME: &'static str = "issues with a label";
    const TOOL: &'static str = "issue_list";

    async fn read(cx: Cx<'_, Source, Read>, variables: Variables) -> Result<Contents, ToolError> {
        const VIEW: View = View::table("open issues", ISSUE).whole();
        let repo = repo(&cx, (Self::TOOL, &variables)).await?;
        let label = value(&variables, "label");
        let route = Place::Label(label.to_owned()).route(&repo);
        let page = Page { n: Some(100), ..WHOLE };
        let head = of_repo(VIEW.title, &repo, &format!(" with the label {label}"));
        let answer = show(&cx, route, &VIEW, &page, head).await?;
        Ok(text(Output::text(&answer)))
    }

    const WATCHED: bool = true;

    async fn watch(
        cx: Cx<'_, Source, Read>,
        variables: Variables,
        changed: Changed,
    ) -> Result<Watch, ToolError> {
        let repo = repo(&cx, (Self::TOOL, &variables)).await?;
        watch(&cx, &repo, Place::Label(value(&variables, "label").to_owned()), changed).await
    }

    async fn complete(cx: Cx<'_, Source, Read>, typed: Typed) -> Result<Vec<String>, ToolError> {
        complete::complete(cx.source(), Self::TOOL, &typed).await
    }
}

fn value<'a>(variables: &'a Variables, name: &str) -> &'a str {
    variables.get(name).map(String::as_str).unwrap_or_default()
}

fn number(variables: &Variables) -> Result<u64, SourceError> {
    let number = value(variables, "number").parse();
    number.map_err(|_| SourceError::argument("the URI names no number"))
}

/// The repository, unless the tool that reads the same is left out by the settings.
async fn repo(
    cx: &Cx<'_, Source, Read>,
    (tool, variables): (&str, &Variables),
) -> Result<RepoRef, SourceError> {
    if !cx.source().offers(tool) {
        return Err(SourceError::NotFound { asked: "the resource".to_owned() });
    }
    let name = format!("{}/{}", value(variables, "owner"), value(variables, "repo"));
    cx.source().repo(&name).await
}

fn text(text: String) -> Contents {
    Contents { mime_type: "text/plain".to_owned(), body: Body::Text(text) }
}

async fn described(
    cx: &Cx<'_, Source, Read>,
    (repo, number): (&RepoRef, u64),
    route: Route,
    view: View,
) -> Result<Contents, ToolError> {
    let found = cx.source().read(&route).await?.value;
    let head = of_repo(view.title, repo, &format!("#{number}"));
    let answer: Answer = record(cx, &found, &view, &WHOLE, head)?;
    Ok(text(Output::text(&answer)))
}

/// A diff put together from the files that it is of.
async fn by_files(source: &Source, pull: &Route) -> Result<String, SourceError> {
    let mut diff = DiffPage::new(usize::MAX);
    for number in 1u64.. {
        let route = pull.clone().at("files").query("per_page", 100).query("page", number);
        let reply = source.read(&route).await?;
        for file in items(reply.value, "")? {
            diff.file(&file, 0);
        }
        if !reply.has_next {
            break;
        }
    }
    if diff.files >= MOST_FILES {
        diff.text.push_str(&format!("(GitHub shows only the first {MOST_FILES} files)\n"));
    }
    Ok(diff.text)
}

#[cfg(test)]
mod tests {
    use lockkeeper_testkit::github::Said;
    use lockkeeper_testkit::in_process::InProcess;
    use serde_json::{Value, json};

    use crate::testing::{REPO, World};

    /// What a resource holds, or the error.
    fn read(client: &mut InProcess, uri: &str) -> String {
        let answer = client.request("resources/read", json!({ "uri": uri }));
        let contents = &answer["result"]["contents"][0];
        let text = contents["text"].as_str().or(contents["blob"].as_str());
        text.map_or_else(|| answer["error"].to_string(), str::to_owned)
    }

    /// One of each kind.
    fn all(repo: &str) -> [String; 5] {
        let of = |rest: &str| format!("github://{repo}/{rest}");
        [
            of("blob/feature%2Fx/a%20b.md"),
            of("issues/1347"),
            of("pulls/1347"),
            of("pulls/1347/diff"),
            of("actions/runs/5/log"),
        ]
    }

    fn world() -> World {
        let world = World::examples();
        let file = json!({
            "type": "file", "encoding": "base64", "size": 6, "path": "a b.md", "content": "IyBwdWIK\n",
        });
        world.front.say("GET", &format!("/repos/{REPO}/contents/a%20b.md"), Said::json(200, &file));
        let jobs = json!({"total_count": 2, "jobs": [
            {"id": 8, "name": "test", "conclusion": "failure"},
            {"id": 9, "name": "lint", "conclusion": "skipped"},
        ]});
        world.front.say(
            "GET",
            &format!("/repos/{REPO}/actions/runs/5/jobs"),
            Said::json(200, &jobs),
        );
        world.log(8, "2026-11-21T10:00:00.1234567Z one <T>\n2026-11-21T10:00:01.1234567Z two\n", 1);
        let gone = Said::json(410, &json!({"message": "Gone"}));
        world.front.say("GET", &format!("/repos/{REPO}/actions/jobs/9/logs"), gone);
        world
    }

    #[test]
    fn resources_are_what_tools_read() {
        let world = world();
        let diff = Said::text("diff --git a/x b/x\n@@ -1 +1 @@\n-<T>\n+&\n", 1);
        let pull = format!("/repos/{REPO}/pulls/1347");
        let mut client = world.client(&[]);
        let [file, issue, pull_request, of_diff, log] = all(REPO);
        assert_eq!(read(&mut client, &file), "# pub\n");
        assert!(read(&mut client, &issue).contains("title: Found a bug"));
        assert!(read(&mut client, &pull_request).contains("title: Amazing new feature"));
        world.front.say("GET", &pull, diff);
        assert!(read(&mut client, &of_diff).ends_with("-<T>\n+&\n"));
        assert_eq!(
            read(&mut client, &log),
            "=== job 8 test: failure\none <T>\ntwo\n=== job 9 lint: skipped\n(there is no log)\n"
        );
        let sent = world.front.take_seen();
        assert!(sent.iter().any(|seen| seen.query == "ref=feature%2Fx"));
        for uri in ["github://octocat/../issues/1", "github://octocat/Hello-World/issues/x"] {
            assert!(read(&mut client, uri).contains("code"), "{uri}");
        }
        let templates = client.request("resources/templates/list", json!({}));
        assert_eq!(templates["result"]["resourceTemplates"].as_array().unwrap().len(), 7);
    }

    #[test]
    fn data_that_is_no_text_is_attached_as_it_is() {
        let world = World::examples();
        let file =
            json!({"type": "file", "encoding": "base64", "path": "x.png", "content": "iVBO/w==\n"});
        world.front.say("GET", &format!("/repos/{REPO}/contents/x.png"), Said::json(200, &file));
        let mut client = world.client(&[]);
        assert_eq!(read(&mut client, &format!("github://{REPO}/blob/main/x.png")), "iVBO/w==");
    }

    #[test]
    fn a_diff_of_too_many_files_is_put_together() {
        let world = World::examples();
        let pull = format!("/repos/{REPO}/pulls/9");
        let too_large = json!({
            "message": "Sorry, the diff exceeded the maximum number of files (300).",
            "errors": [{"resource": "PullRequest", "field": "diff", "code": "too_large"}],
        });
        world.front.say("GET", &pull, Said::json(406, &too_large));
        for page in 1..=4u64 {
            let file = |n: u64| json!({"filename": format!("f{n}"), "status": "added", "patch": format!("@@ -0 +1 @@\n+{n}")});
            let files: Vec<Value> = ((page - 1) * 100..page * 100).map(file).collect();
            let mut said = Said::json(200, &Value::Array(files));
            if page < 4 {
                said = said.header("link", "<http://x/?page=2>; rel=\"next\"");
            }
            world.front.say("GET", &format!("{pull}/files?per_page=100&page={page}"), said);
        }
        let mut client = world.client(&[]);
        let diff = read(&mut client, &format!("github://{REPO}/pulls/9/diff"));
        let added: Vec<u64> =
            diff.lines().filter_map(|line| line.strip_prefix('+')?.parse().ok()).collect();
        assert_eq!(added, (0..400).collect::<Vec<_>>());
    }

    #[test]
    fn the_logs_of_a_run_are_bounded_together() {
        let world = World::examples();
        let job = |id: u64| json!({"id": id, "name": format!("job {id}"), "conclusion": "success"});
        let jobs: Vec<Value> = (1..=4).map(job).collect();
        let jobs = json!({"total_count": 4, "jobs": jobs});
        world.front.say(
            "GET",
            &format!("/repos/{REPO}/actions/runs/5/jobs"),
            Said::json(200, &jobs),
        );
        for id in 1..=4 {
            world.log(id, "a line of a log that goes on for long\n", 40_000);
        }
        let mut client = world.client(&[]);
        let log = read(&mut client, &format!("github://{REPO}/actions/runs/5/log"));
        assert!(log.len() < super::MOST_OF_LOGS + 1_000, "{}", log.len());
        assert_eq!(log.matches("lines before these").count(), 4);
        assert_eq!(log.matches("=== job").count(), 4);
    }

    #[test]
    fn what_the_rules_hide_is_not_asked_about() {
        let world = world();
        let mut client = world.client(&["--repos=elsewhere/*"]);
        for uri in all(REPO) {
            assert!(read(&mut client, &uri).contains("can't be seen from here"), "{uri}");
        }
        assert!(world.front.take_seen().is_empty());
    }

    #[test]
    fn a_toolset_that_is_left_out_takes_its_resources_along() {
        let world = world();
        let mut client = world.client(&["--toolsets=context"]);
        for uri in all(REPO) {
            assert!(read(&mut client, &uri).contains("code"), "{uri}");
        }
        assert!(world.front.take_seen().is_empty());
    }
}

//! What hosts attach by URI: files at a branch, tag or commit, issues, pull requests and their diffs.

use std::collections::BTreeSet;

use lockkeeper_core::{
    Body, Contents, Cx, Output, Read, RegisteredResource, Resource, ToolError, Typed, Variables,
    resource,
};
use serde_json::Value;

use crate::answer::Answer;
use crate::fetch::{Page, View, of_repo, record};
use crate::shapes::{ISSUE_FULL, PULL_FULL};
use crate::source::{RepoRef, Route, Source, SourceError, check_ref};

pub(crate) static RESOURCES: &[RegisteredResource<Source>] = &[
    resource::<Source, File>(),
    resource::<Source, Issue>(),
    resource::<Source, Pull>(),
    resource::<Source, Diff>(),
];

/// A page that says nothing.
const WHOLE: Page<'static> = Page { n: None, cursor: None, fields: &[] };

struct File;
struct Issue;
struct Pull;
struct Diff;

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
        crate::text::whole(cx.source(), &repo, &file).await.map(text)
    }

    async fn complete(cx: Cx<'_, Source, Read>, typed: Typed) -> Result<Vec<String>, ToolError> {
        complete(&cx, &typed.variable, &typed.text).await
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

    async fn complete(cx: Cx<'_, Source, Read>, typed: Typed) -> Result<Vec<String>, ToolError> {
        complete(&cx, &typed.variable, &typed.text).await
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

    async fn complete(cx: Cx<'_, Source, Read>, typed: Typed) -> Result<Vec<String>, ToolError> {
        complete(&cx, &typed.variable, &typed.text).await
    }
}

impl Resource<Source> for Diff {
    const TEMPLATE: &'static str = "github://{owner}/{repo}/pulls/{number}/diff";
    const NAME: &'static str = "diff";
    const TOOL: &'static str = "pr_read";

    async fn read(cx: Cx<'_, Source, Read>, variables: Variables) -> Result<Contents, ToolError> {
        let repo = repo(&cx, (Self::TOOL, &variables)).await?;
        let route = repo.route().at("pulls").number(number(&variables)?);
        let diff = cx.source().read_as(&route, "application/vnd.github.diff").await?;
        Ok(text(String::from_utf8_lossy(&diff).into_owned()))
    }

    async fn complete(cx: Cx<'_, Source, Read>, typed: Typed) -> Result<Vec<String>, ToolError> {
        complete(&cx, &typed.variable, &typed.text).await
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

/// Owners and names of repositories that the token's user has to do with.
async fn complete(
    cx: &Cx<'_, Source, Read>,
    variable: &str,
    typed: &str,
) -> Result<Vec<String>, ToolError> {
    let part = match variable {
        "owner" => 0,
        "repo" => 1,
        _ => return Ok(Vec::new()),
    };
    let route = Route::outside("user").at("repos").query("per_page", 100).query("sort", "pushed");
    let mut repos = crate::fetch::items(cx.source().read(&route).await?.value, "")?;
    repos.retain_mut(|repo| cx.source().admit(repo, None));
    let names = repos.iter().filter_map(|repo| repo.get("full_name").and_then(Value::as_str));
    let typed = typed.to_ascii_lowercase();
    let parts = names.filter_map(|name| name.split('/').nth(part));
    let fitting: BTreeSet<&str> =
        parts.filter(|name| name.to_ascii_lowercase().starts_with(&typed)).collect();
    Ok(fitting.into_iter().map(str::to_owned).collect())
}

#[cfg(test)]
mod tests {
    use lockkeeper_testkit::github::Said;
    use serde_json::json;

    use crate::testing::{REPO, World};

    #[test]
    fn resources_are_what_tools_read() {
        let world = World::examples();
        let file = json!({
            "type": "file", "encoding": "base64", "size": 6, "path": "a b.md", "content": "IyBwdWIK\n",
        });
        world.front.say("GET", &format!("/repos/{REPO}/contents/a%20b.md"), Said::json(200, &file));
        let mut client = world.client(&[]);
        let mut read = |uri: &str| {
            let answer = client.request("resources/read", json!({ "uri": uri }));
            answer.pointer("/result/contents/0/text").unwrap_or(&answer).to_string()
        };
        assert_eq!(read(&format!("github://{REPO}/blob/main/a%20b.md")), "\"# pub\\n\"");
        assert!(read(&format!("github://{REPO}/issues/1347")).contains("title: Found a bug"));
        assert!(
            read(&format!("github://{REPO}/pulls/1347")).contains("title: Amazing new feature")
        );
        for uri in ["github://octocat/../issues/1", "github://octocat/Hello-World/issues/x"] {
            assert!(read(uri).contains("error"), "{uri}");
        }
        let reference =
            json!({"type": "ref/resource", "uri": "github://{owner}/{repo}/issues/{number}"});
        let argument = json!({"name": "repo", "value": "hel"});
        let answer =
            client.request("completion/complete", json!({"ref": reference, "argument": argument}));
        assert_eq!(answer["result"]["completion"]["values"], json!(["Hello-World"]), "{answer}");
    }

    #[test]
    fn a_toolset_that_is_left_out_takes_its_resources_along() {
        let world = World::examples();
        let mut client = world.client(&["--toolsets=repos"]);
        let uri = format!("github://{REPO}/issues/1347");
        let answer = client.request("resources/read", json!({ "uri": uri }));
        assert!(answer.get("error").is_some(), "{answer}");
        assert!(world.front.take_seen().is_empty());
    }
}

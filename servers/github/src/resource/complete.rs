//! Values for the variables of URIs: owners and repositories that there are here, branches and tags,
//! paths, and the numbers of what changed last. What the rules hide completes nothing, and nothing is
//! asked about it.

use std::collections::BTreeSet;

use lockkeeper_core::{ToolError, Typed};
use serde_json::Value;

use crate::answer::{cell, find};
use crate::fetch::items;
use crate::source::{RepoRef, Route, Source, SourceError};

/// What of a list is offered: GitHub gives no more at once, and no client shows more.
const MOST: usize = 100;

/// Values for a variable that begin with what was typed. `tool` is the one that reads the same.
pub(super) async fn complete(
    source: &Source,
    tool: &str,
    typed: &Typed,
) -> Result<Vec<String>, ToolError> {
    let other = |name: &str| typed.others.get(name).map(String::as_str).filter(|v| !v.is_empty());
    let mut found = match typed.variable.as_str() {
        "owner" => repositories(source, None).await?.into_iter().map(|(owner, _)| owner).collect(),
        "repo" => {
            let all = repositories(source, other("owner")).await?;
            all.into_iter().filter_map(|(_, name)| name).collect()
        }
        variable => {
            let (Some(owner), Some(repo)) = (other("owner"), other("repo")) else {
                return Ok(Vec::new());
            };
            let repo = source.repo(&format!("{owner}/{repo}")).await?;
            match (variable, tool) {
                ("ref", _) => refs(source, &repo, &typed.text).await?,
                ("path", _) => paths(source, &repo, (other("ref"), &typed.text)).await?,
                ("number", "actions_read") => runs(source, &repo).await?,
                ("number", tool) => numbers(source, &repo, tool == "pr_read").await?,
                _ => Vec::new(),
            }
        }
    };
    let is_of_names = matches!(typed.variable.as_str(), "owner" | "repo");
    let lower = typed.text.to_ascii_lowercase();
    // GitHub takes the names of owners and repositories in any case.
    found.retain(|value| {
        let is_alike = is_of_names && value.to_ascii_lowercase().starts_with(&lower);
        is_alike || value.starts_with(&typed.text)
    });
    Ok(found)
}

/// Owners and names: those that the token's user has to do with, those that the rules name, and
/// those of the owner. Sorted, each once.
async fn repositories(
    source: &Source,
    of: Option<&str>,
) -> Result<BTreeSet<(String, Option<String>)>, SourceError> {
    let mut found: BTreeSet<(String, Option<String>)> = source
        .rules()
        .named()
        .filter(|(owner, name)| name.is_none_or(|name| source.rules().admits(owner, name).is_ok()))
        .map(|(owner, name)| (owner.to_owned(), name.map(str::to_owned)))
        .collect();
    let mut routes = vec![Route::outside("user").at("repos")];
    if let Some(owner) = of
        && (!source.rules().is_restricted() || source.rules().admits_owner(owner).is_ok())
    {
        routes.push(Route::outside("users").name("owner", owner)?.at("repos"));
    }
    for route in routes {
        let reply = source.read(&route.query("per_page", MOST).query("sort", "pushed")).await?;
        let mut repos = items(reply.value, "")?;
        repos.retain_mut(|repo| source.admit(repo, None));
        let names =
            repos.iter().filter_map(|repo| repo.get("full_name")?.as_str()?.split_once('/'));
        found.extend(names.map(|(owner, name)| (owner.to_owned(), Some(name.to_owned()))));
    }
    let is_meant = |owner: &str| of.is_none_or(|of| of.eq_ignore_ascii_case(owner));
    found.retain(|(owner, _)| is_meant(owner));
    Ok(found)
}

/// Branches, the default one first, and tags.
async fn refs(source: &Source, repo: &RepoRef, typed: &str) -> Result<Vec<String>, SourceError> {
    let mut found = Vec::new();
    for (list, kind, prefix) in
        [("branches", "heads", "refs/heads/"), ("tags", "tags", "refs/tags/")]
    {
        let prefixed = typed.trim_end_matches('/');
        let (route, path) = if prefixed.is_empty() {
            (repo.route().at(list).query("per_page", MOST), "name")
        } else {
            let matching = repo.route().at("git").at("matching-refs").at(kind);
            (matching.path("ref", prefixed)?, "ref")
        };
        let all = items(source.read(&route).await?.value, "")?;
        let names = all.iter().map(|one| cell(&find(one, path)));
        found.extend(names.map(|name| name.strip_prefix(prefix).unwrap_or(&name).to_owned()));
    }
    // A stable sort: the others stay in their order.
    found.sort_by_key(|name| name != repo.default_branch());
    Ok(found)
}

/// What lies in the directory that was typed so far; directories end in `/`.
async fn paths(
    source: &Source,
    repo: &RepoRef,
    (at, typed): (Option<&str>, &str),
) -> Result<Vec<String>, SourceError> {
    let mut route = repo.route().at("contents");
    if let Some((directory, _)) = typed.rsplit_once('/') {
        route = route.path("path", directory)?;
    }
    let route = route.query("ref", at.unwrap_or(repo.default_branch()));
    let entries = items(source.read(&route).await?.value, "")?;
    let path = |entry: &Value| {
        let slash = if find(entry, "type") == "dir" { "/" } else { "" };
        cell(&find(entry, "path")) + slash
    };
    Ok(entries.iter().map(path).collect())
}

/// Issues or pull requests, those that changed last first.
async fn numbers(
    source: &Source,
    repo: &RepoRef,
    are_pulls: bool,
) -> Result<Vec<String>, SourceError> {
    let route = repo.route().at(if are_pulls { "pulls" } else { "issues" });
    let route = route.query("state", "all").query("sort", "updated").query("direction", "desc");
    let all = items(source.read(&route.query("per_page", MOST)).await?.value, "")?;
    // GitHub lists pull requests among the issues.
    let are_meant = all.iter().filter(|one| one.get("pull_request").is_none());
    Ok(are_meant.map(|one| cell(&find(one, "number"))).collect())
}

/// Runs, newest first.
async fn runs(source: &Source, repo: &RepoRef) -> Result<Vec<String>, SourceError> {
    let route = repo.route().at("actions").at("runs").query("per_page", MOST);
    let all = items(source.read(&route).await?.value, "workflow_runs")?;
    Ok(all.iter().map(|one| cell(&find(one, "id"))).collect())
}

#[cfg(test)]
mod tests {
    use lockkeeper_testkit::github::Said;
    use lockkeeper_testkit::in_process::InProcess;
    use serde_json::{Value, json};

    use crate::testing::{REPO, World};

    const FILE: &str = "github://{owner}/{repo}/blob/{ref}/{+path}";
    const ISSUE: &str = "github://{owner}/{repo}/issues/{number}";
    const PULL: &str = "github://{owner}/{repo}/pulls/{number}";
    const LOG: &str = "github://{owner}/{repo}/actions/runs/{number}/log";

    /// What completes a variable in this repository.
    fn values(client: &mut InProcess, (template, name): (&str, &str), typed: &str) -> Vec<String> {
        let (owner, repo) = REPO.split_once('/').unwrap();
        let mut others = json!({"owner": owner, "repo": repo, "ref": "main"});
        others.as_object_mut().unwrap().remove(name);
        let asked = json!({
            "ref": {"type": "ref/resource", "uri": template},
            "argument": {"name": name, "value": typed}, "context": {"arguments": others},
        });
        let answer = client.request("completion/complete", asked);
        let values = answer["result"]["completion"]["values"].as_array();
        let values = values.unwrap_or_else(|| panic!("{answer}"));
        values.iter().map(|value| value.as_str().unwrap().to_owned()).collect()
    }

    fn world() -> World {
        let world = World::examples();
        let say = |path: &str, value: &Value| {
            world.front.say("GET", &format!("/repos/{REPO}{path}"), Said::json(200, value));
        };
        say("/branches", &json!([{"name": "dev"}, {"name": "master"}, {"name": "x/y"}]));
        say("/tags", &json!([{"name": "v1"}, {"name": "v2"}]));
        say(
            "/git/matching-refs/heads/x",
            &json!([{"ref": "refs/heads/x/y"}, {"ref": "refs/heads/xz"}]),
        );
        say("/git/matching-refs/tags/x", &json!([]));
        say("/git/matching-refs/heads/v", &json!([]));
        say(
            "/git/matching-refs/tags/v",
            &json!([{"ref": "refs/tags/v1"}, {"ref": "refs/tags/v2"}]),
        );
        say(
            "/contents",
            &json!([
                {"type": "dir", "path": "src"}, {"type": "file", "path": "setup.py"},
                {"type": "file", "path": "README.md"},
            ]),
        );
        say(
            "/contents/src",
            &json!([
                {"type": "file", "path": "src/main.rs"}, {"type": "file", "path": "src/lib.rs"},
            ]),
        );
        say("/issues", &json!([{"number": 12}, {"number": 13, "pull_request": {}}, {"number": 2}]));
        say("/pulls", &json!([{"number": 13}, {"number": 3}]));
        say("/actions/runs", &json!({"total_count": 2, "workflow_runs": [{"id": 71}, {"id": 8}]}));
        world
    }

    #[test]
    fn every_variable_is_completed() {
        let world = world();
        let mut client = world.client(&[]);
        for (of, typed, expected) in [
            ((ISSUE, "owner"), "OCT", &["octocat"][..]),
            ((ISSUE, "repo"), "hel", &["Hello-World"]),
            ((ISSUE, "repo"), "x", &[]),
            ((FILE, "ref"), "", &["master", "dev", "x/y", "v1", "v2"]),
            ((FILE, "ref"), "v", &["v1", "v2"]),
            ((FILE, "ref"), "x/", &["x/y"]),
            ((FILE, "path"), "", &["src/", "setup.py", "README.md"]),
            ((FILE, "path"), "s", &["src/", "setup.py"]),
            ((FILE, "path"), "src/m", &["src/main.rs"]),
            ((ISSUE, "number"), "", &["12", "2"]),
            ((ISSUE, "number"), "1", &["12"]),
            ((PULL, "number"), "", &["13", "3"]),
            ((LOG, "number"), "7", &["71"]),
            // What leads nowhere.
            ((FILE, "path"), "../", &[]),
            ((FILE, "ref"), "a\\b", &[]),
        ] {
            assert_eq!(values(&mut client, of, typed), expected, "{of:?} {typed:?}");
        }
    }

    #[test]
    fn a_repository_that_the_rules_name_is_known() {
        let world = world();
        let mut client = world.client(&["--repos=acme/widgets,octo*/hello-world"]);
        let mut others = |name: &str, owner: &str| {
            let asked = json!({
                "ref": {"type": "ref/resource", "uri": ISSUE},
                "argument": {"name": name, "value": ""}, "context": {"arguments": {"owner": owner}},
            });
            client.request("completion/complete", asked)["result"]["completion"]["values"].clone()
        };
        assert_eq!(others("owner", ""), json!(["acme", "octocat"]));
        assert_eq!(others("repo", "acme"), json!(["widgets"]));
        let sent = world.front.take_seen();
        assert!(sent.iter().all(|seen| seen.path == "/user/repos"), "{sent:?}");
    }

    #[test]
    fn what_the_rules_hide_completes_nothing_and_is_not_asked_about() {
        let world = world();
        let mut client = world.client(&["--repos=elsewhere/*"]);
        for of in [
            (ISSUE, "repo"),
            (FILE, "ref"),
            (FILE, "path"),
            (ISSUE, "number"),
            (PULL, "number"),
            (LOG, "number"),
        ] {
            assert_eq!(values(&mut client, of, ""), Vec::<String>::new(), "{of:?}");
        }
        let sent = world.front.take_seen();
        assert!(sent.iter().all(|seen| seen.path == "/user/repos"), "{sent:?}");
    }
}

//! What GitHub really answered, against what tools make of it: headers and errors as recorded, not as
//! documented.

use lockkeeper_testkit::github::{Recorded, Said};
use serde_json::{Value, json};

use crate::testing::{World, all_pages, seen};

/// A GitHub that says what was recorded of a scenario, and what its repository is; none if this run
/// does without recordings.
fn replaying(scenario: &str, repo: &str) -> Option<World> {
    let world = World::examples();
    let [known] = &world.front.recorded("get-repository")?[..] else { panic!("one answer") };
    let path = format!("/repos/octokit-fixture-org/{repo}");
    let text = known.said.body().replace("hello-world", repo);
    let body: Value = serde_json::from_str(&text).unwrap();
    world.front.say("GET", &path, Said::json(200, &body));
    world.front.replay(scenario)?;
    Some(world)
}

const WRITES: &[&str] = &["--toolsets=all", "--write", "--destroy=allow"];

fn check(scenario: &str, repo: &str, calls: &[(&str, Value, &str)]) {
    let Some(world) = replaying(scenario, repo) else { return };
    let mut client = world.client(WRITES);
    for (tool, arguments, expected) in calls {
        let mut arguments = arguments.clone();
        if !repo.is_empty() {
            arguments["repo"] = format!("octokit-fixture-org/{repo}").into();
        }
        let text = seen(&mut client, tool, arguments.clone());
        assert!(text.contains(expected), "{tool} {arguments}: {text}");
    }
}

#[test]
fn single_things() {
    check(
        "get-repository",
        "hello-world",
        &[("repo_read", json!({"method": "get"}), "repo: octokit-fixture-org/hello-world\n")],
    );
    check(
        "get-organization",
        "",
        &[(
            "account_read",
            json!({"method": "org", "name": "octokit-fixture-org"}),
            "login: octokit-fixture-org",
        )],
    );
    check(
        "release-assets",
        "release-assets",
        &[("repo_read", json!({"method": "release", "name": "v1.0.0"}), "tag: v1.0.0")],
    );
}

#[test]
fn a_list_is_read_over_all_pages_that_headers_lead_to() {
    let name = "paginate-issues";
    let Some(world) = replaying(name, name) else { return };
    let repo = format!("octokit-fixture-org/{name}");
    // Pages after the first one were recorded under the repository's number.
    for Recorded { query, said, .. } in world.front.recorded(name).unwrap() {
        let query = if query.contains("&page=") { query } else { query + "&page=1" };
        world.front.say("GET", &format!("/repos/{repo}/issues?{query}"), said);
    }
    let mut client = world.client(&[]);
    let mut read = || -> Vec<u64> {
        let pages = all_pages(&mut client, "issue_list", json!({"repo": repo, "n": 3}));
        assert_eq!(pages.len(), 5);
        let lines = pages.iter().flat_map(|page| page.lines().skip(2));
        lines.map(|line| line.split('\t').next().unwrap().parse().unwrap()).collect()
    };
    let expected: Vec<u64> = (1..=13).rev().collect();
    assert_eq!(read(), expected);
    let used = world.front.used();
    assert_eq!(read(), expected);
    assert_eq!(world.front.used(), used, "what GitHub's own validators know costs no quota");
}

#[test]
fn hits_of_a_search() {
    let Some(world) = replaying("search-issues", "search-issues") else { return };
    let mut client = world.client(&[]);
    let query = "sesame repo:octokit-fixture-org/search-issues";
    let text = seen(&mut client, "search", json!({"method": "issues", "query": query}));
    assert_eq!(text.lines().count(), 4, "{text}");
    assert!(text.contains("2 in all"), "{text}");
}

#[test]
fn what_is_refused_is_said_in_githubs_words() {
    let Some(world) = replaying("errors", "errors") else { return };
    let path = "/repos/octokit-fixture-org/errors/labels/foo";
    world.front.say("GET", path, Said::json(404, &json!({"message": "Not Found"})));
    let mut client = world.client(WRITES);
    let label = json!({
        "method": "set_label", "repo": "octokit-fixture-org/errors", "name": "foo", "color": "invalid",
    });
    assert_eq!(
        seen(&mut client, "repo_write", label),
        "error: validation: GitHub refuses the arguments: Validation Failed; color: invalid\n\
         next: correct the arguments that the message names"
    );
}

#[test]
fn changes() {
    check(
        "labels",
        "labels",
        &[
            (
                "repo_write",
                json!({"method": "set_label", "name": "test-label"}),
                "changed the label",
            ),
            (
                "repo_write",
                json!({"method": "delete_label", "name": "test-label-updated"}),
                "deleted the label",
            ),
            ("repo_read", json!({"method": "labels"}), "bug"),
        ],
    );
    check(
        "lock-issue",
        "lock-issue",
        &[
            ("issue_write", json!({"method": "lock", "number": 1}), "locked"),
            ("issue_write", json!({"method": "unlock", "number": 1}), "unlocked"),
        ],
    );
    check(
        "add-labels-to-issue",
        "add-labels-to-issue",
        &[("issue_write", json!({"method": "create", "title": "t"}), "created the issue")],
    );
    check(
        "mark-notifications-as-read",
        "",
        &[("notify_write", json!({"method": "read_all"}), "read all notifications")],
    );
}

#[test]
fn a_repository_that_was_renamed() {
    let (name, new) = ("rename-repository", "octokit-fixture-org/rename-repository-newname");
    let Some(world) = replaying(name, name) else { return };
    let asked = json!({"method": "get", "repo": format!("octokit-fixture-org/{name}")});
    let renamed = world.front.recorded(name).unwrap().swap_remove(2);
    world.front.say("GET", &format!("/repos/{new}"), renamed.said);
    let text = seen(&mut world.client(&[]), "repo_read", asked.clone());
    assert!(text.contains(&format!("repo: {new}\n")), "{text}");
    // The rules are asked again, by the name that it has now.
    let mut client = world.client(&["--repos=octokit-fixture-org/rename-repository"]);
    let text = seen(&mut client, "repo_read", asked);
    assert!(text.starts_with("error: not_found_or_no_access"), "{text}");
    assert!(!text.contains("newname"), "{text}");
}

#[test]
fn a_repository_that_is_renamed_before_a_change() {
    let name = "rename-repository";
    let Some(world) = replaying(name, name) else { return };
    let path = format!("/repos/octokit-fixture-org/{name}");
    let all = world.front.recorded(name).unwrap();
    let old: Value = json!({
        "full_name": format!("octokit-fixture-org/{name}"), "private": false, "default_branch": "main",
    });
    world.front.next("GET", &path, 1, Said::json(200, &old));
    let moved = all.iter().find(|one| one.said.is_redirection() && one.method == "PATCH").unwrap();
    world.front.say("PATCH", &path, moved.said.clone());
    let mut client = world.client(WRITES);
    let update = json!({
        "method": "update", "repo": format!("octokit-fixture-org/{name}"), "description": "d",
    });
    let text = seen(&mut client, "repo_write", update);
    assert!(text.starts_with("error: moved"), "{text}");
    let sent = world.front.take_seen();
    assert_eq!(sent.iter().filter(|seen| seen.method == "PATCH").count(), 1, "{sent:?}");
}

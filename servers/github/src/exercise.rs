//! What holds for every method of every tool, tested with one call of each.

mod hostile;
mod sights;

use std::collections::BTreeSet;

use lockkeeper_core::testing::definitions;
use lockkeeper_testkit::github::{Said, Seen};
use lockkeeper_testkit::in_process::InProcess;
use serde_json::{Value, json};

use crate::GitHub;
use crate::testing::calls::{self, Call};
use crate::testing::{REPO, World, methods_of, seen};

/// Everything may be done, as often as tests do it.
const ALL: &[&str] = &[
    "--toolsets=all",
    "--write",
    "--destroy=allow",
    "--write-rate=100000/min",
    "--allow-cross-visibility",
];

/// What an agent sees of a call.
fn said(client: &mut InProcess, call: &Call) -> String {
    seen(client, call.tool, call.arguments.clone())
}

/// The operation of a GraphQL request, if it changes something.
fn mutation(seen: &Seen) -> Option<String> {
    let query = seen.body["query"].as_str()?;
    let name = query.strip_prefix("mutation ")?.split('(').next()?;
    Some(name.to_owned())
}

/// Whether a request changes something.
fn changes(seen: &Seen) -> bool {
    if seen.path == "/api/graphql" { mutation(seen).is_some() } else { seen.method != "GET" }
}

/// Every method of every tool.
fn known() -> BTreeSet<(String, String)> {
    let mut known = BTreeSet::new();
    for tool in definitions::<GitHub>(ALL).unwrap() {
        let tool = tool["name"].as_str().unwrap();
        let methods = methods_of(tool);
        if methods.is_empty() {
            known.insert((tool.to_owned(), String::new()));
        }
        known.extend(methods.into_iter().map(|method| (tool.to_owned(), method)));
    }
    known
}

#[test]
fn every_method_is_exercised_and_asks_what_github_offers() {
    let calls = calls::all();
    let named: BTreeSet<(String, String)> =
        calls.iter().map(|call| (call.tool.to_owned(), call.method.to_owned())).collect();
    let known = known();
    let missing: Vec<_> = known.difference(&named).collect();
    assert!(missing.is_empty(), "no call in testing/calls.rs: {missing:?}");
    let gone: Vec<_> = named.difference(&known).collect();
    assert!(gone.is_empty(), "no such method: {gone:?}");
    let world = World::of_calls();
    let mut client = world.client(ALL);
    let mut problems = Vec::new();
    for call in &calls {
        let text = said(&mut client, call);
        if text.starts_with("error: ") {
            problems.push(format!("{}: {text}", call.name()));
        }
        let sent = world.front.take_seen();
        let does_change = sent.iter().any(changes);
        if does_change != call.is_write() || sent.is_empty() {
            let sent: Vec<_> = sent.iter().map(|seen| (&seen.method, &seen.path)).collect();
            problems.push(format!("{} sent {sent:?}", call.name()));
        }
    }
    assert!(problems.is_empty(), "{}", problems.join("\n"));
    world.front.assert_no_violations();
}

#[test]
fn nothing_is_asked_about_what_the_rules_hide() {
    let world = World::of_calls();
    let flags: Vec<&str> = ALL.iter().chain(&["--repos=elsewhere/*"]).copied().collect();
    let mut client = world.client(&flags);
    for call in calls::all() {
        let text = said(&mut client, &call);
        let sent = world.front.take_seen();
        let is_named = ["repo", "owner", "to"].iter().any(|name| call.arguments[name].is_string());
        if is_named {
            assert!(sent.is_empty(), "{}: {sent:?}", call.name());
            assert!(text.starts_with("error: not_found_or_no_access"), "{}: {text}", call.name());
        }
        assert!(!sent.iter().any(changes), "{}: {sent:?}", call.name());
        assert!(!text.contains("This your first repo"), "{}: {text}", call.name());
    }
}

#[test]
fn a_change_is_sent_once_whatever_becomes_of_it() {
    let world = World::of_calls();
    for call in calls::all().into_iter().filter(Call::is_write) {
        for fault in [Said::json(502, &json!({})), Said::hang_up()] {
            // A process of its own for each: neither the breaker nor the same once more stops it.
            let mut client = world.client(ALL);
            said(&mut client, &call);
            let sent = world.front.take_seen();
            let first = sent.iter().find(|seen| changes(seen));
            let first = first.unwrap_or_else(|| panic!("{} changed nothing", call.name()));
            let (method, path) = match mutation(first) {
                Some(operation) => ("GRAPHQL".to_owned(), operation),
                None => (first.method.clone(), first.path.clone()),
            };
            world.front.next(&method, &path, 9, fault);
            let text = said(&mut client, &call);
            let sent = world.front.take_seen();
            let times = sent.iter().filter(|seen| changes(seen)).count();
            assert_eq!(times, 1, "{} was sent {times} times: {sent:?}", call.name());
            assert!(text.starts_with("error: outcome_unknown"), "{}: {text}", call.name());
            world.front.forget(&method, &path);
        }
    }
}

#[test]
fn a_change_that_is_not_answered_in_time_is_not_repeated() {
    let world = World::of_calls();
    world.front.say("POST", &format!("/repos/{REPO}/issues"), Said::hang());
    let mut client = world.client(&["--write", "--call-budget=5s"]);
    // What the repository is called now is known before.
    seen(&mut client, "repo_read", json!({"method": "get", "repo": REPO}));
    world.front.take_seen();
    let create = json!({"method": "create", "repo": REPO, "title": "t"});
    let text = seen(&mut client, "issue_write", create);
    assert!(text.starts_with("error: outcome_unknown"), "{text}");
    let sent = world.front.take_seen();
    assert_eq!(sent.iter().filter(|seen| changes(seen)).count(), 1);
}

#[test]
fn what_is_read_again_unchanged_costs_no_quota_and_reads_the_same() {
    let world = World::of_calls();
    // Logs are streamed, and GraphQL has neither validators nor a quota of requests.
    let is_kept = |seen: &Seen| {
        !seen.path.starts_with("/store/") && !seen.path.ends_with("/logs") && seen.method == "GET"
    };
    let mut client = world.client(ALL);
    for call in calls::all().into_iter().filter(|call| !call.is_write()) {
        let first = said(&mut client, &call);
        world.front.take_seen();
        let again = said(&mut client, &call);
        assert_eq!(first, again, "{}", call.name());
        let sent = world.front.take_seen();
        let paid: Vec<_> = sent.iter().filter(|seen| is_kept(seen) && seen.status != 304).collect();
        assert!(paid.is_empty(), "{}: {paid:?}", call.name());
    }
}

/// Where an argument that names something comes from: a tool, a method, a field of its answer. A
/// method that takes such an argument can be used only if an agent can read it somewhere.
const NAMED_BY: &[(&str, &str, &str, &str, &str)] = &[
    ("actions_write", "id", "actions_read", "runs", "id"),
    ("actions_write", "workflow", "actions_read", "workflows", "id"),
    ("actions_read", "id", "actions_read", "jobs", "id"),
    ("actions_read", "sha", "pr_read", "get", "head_sha"),
    ("actions_read", "workflow", "actions_read", "workflows", "id"),
    ("comment_write", "id", "issue_read", "comments", "id"),
    ("comment_write", "node", "discussion_read", "comments", "node"),
    ("comment_write", "number", "issue_list", "", "number"),
    ("comment_write", "category", "discussion_read", "categories", "name"),
    ("discussion_read", "number", "discussion_read", "list", "number"),
    ("discussion_read", "node", "discussion_read", "comments", "node"),
    ("discussion_read", "category", "discussion_read", "categories", "name"),
    ("gist_read", "id", "gist_read", "list", "id"),
    ("gist_write", "id", "gist_read", "list", "id"),
    ("issue_read", "id", "issue_read", "comments", "id"),
    ("issue_read", "number", "issue_list", "", "number"),
    ("issue_write", "number", "issue_list", "", "number"),
    ("issue_write", "milestone", "repo_read", "milestones", "number"),
    ("notify_read", "id", "notify_read", "list", "id"),
    ("notify_write", "id", "notify_read", "list", "id"),
    ("pr_read", "id", "pr_read", "review_comments", "id"),
    ("pr_read", "number", "pr_list", "", "number"),
    ("pr_review", "id", "pr_read", "reviews", "id"),
    ("pr_review", "number", "pr_list", "", "number"),
    ("pr_review", "thread", "pr_read", "threads", "thread"),
    ("pr_review", "sha", "pr_read", "get", "head_sha"),
    ("pr_write", "number", "pr_list", "", "number"),
    ("pr_write", "sha", "pr_read", "get", "head_sha"),
    ("project_read", "id", "project_read", "items", "id"),
    ("project_read", "number", "project_read", "list", "number"),
    ("project_write", "id", "project_read", "items", "id"),
    ("project_write", "number", "project_read", "list", "number"),
    ("project_write", "values", "project_read", "fields", "options"),
    ("ref_write", "id", "repo_read", "releases", "id"),
    ("repo_write", "number", "repo_read", "milestones", "number"),
    ("security_read", "id", "security_read", "global_advisories", "ghsa"),
    ("security_read", "number", "security_read", "dependabot", "number"),
    ("file_write", "expected_head", "repo_read", "branch", "sha"),
    ("account_read", "team", "account_read", "teams", "slug"),
];

#[test]
fn every_id_that_a_method_takes_is_in_some_answer() {
    let is_id = |name: &str, schema: &Value| {
        let is_count = ["n", "line", "start_line", "end_line"].contains(&name);
        let words = [
            "id",
            "node",
            "sha",
            "thread",
            "workflow",
            "category",
            "tag",
            "team",
            "values",
            "expected_head",
        ];
        !is_count && (schema["type"] == "integer" || words.contains(&name))
    };
    let world = World::of_calls();
    let calls = calls::all();
    let mut client = world.client(ALL);
    for tool in definitions::<GitHub>(ALL).unwrap() {
        let tool_name = tool["name"].as_str().unwrap();
        for (name, schema) in tool["inputSchema"]["properties"].as_object().unwrap() {
            if !is_id(name, schema) {
                continue;
            }
            let named_by = NAMED_BY.iter().find(|one| one.0 == tool_name && one.1 == name);
            let Some((_, _, by, method, field)) = named_by else {
                panic!("where does `{name}` of {tool_name} come from? Say it in NAMED_BY")
            };
            let call = calls.iter().find(|one| one.tool == *by && one.method == *method);
            let mut call = call.unwrap().clone();
            call.arguments["fields"] = json!([field]);
            let text = said(&mut client, &call);
            // A column with a value, a line, or what a block begins with.
            let is_there = text.lines().skip(1).any(|line| {
                let value = line.strip_prefix(&format!("{field}: "));
                let value = value.or_else(|| line.strip_prefix(&format!("--- {field} ")));
                value.is_some_and(|value| !value.is_empty())
            }) || text.lines().nth(1) == Some(*field)
                && text.lines().nth(2).is_some_and(|value| !value.is_empty());
            assert!(is_there, "{tool_name} {name}: no `{field}` in {by} {method}:\n{text}");
        }
    }
}

/// Methods that may lose something for good, or can't be taken back.
const DESTROYS: &[(&str, &str)] = &[
    ("ref_write", "delete_branch"),
    ("ref_write", "delete_tag"),
    ("ref_write", "delete_release"),
    ("repo_write", "delete_label"),
    ("repo_write", "delete_milestone"),
    ("comment_write", "delete"),
    ("pr_write", "merge"),
    ("pr_write", "auto_merge"),
    ("pr_review", "discard_pending"),
    ("actions_write", "delete_logs"),
    ("gist_write", "delete"),
    ("project_write", "delete_item"),
];

#[test]
fn nothing_changes_unless_it_may_and_nothing_is_lost_without_a_word() {
    let mut calls: Vec<(Call, bool)> = calls::all()
        .into_iter()
        .filter(Call::is_write)
        .map(|call| (call.clone(), DESTROYS.contains(&(call.tool, call.method))))
        .collect();
    // These do if they delete a file.
    for (tool, method, arguments) in [
        (
            "file_write",
            "",
            json!({"repo": REPO, "message": "m", "files": [{"path": "README.md", "delete": true}]}),
        ),
        (
            "gist_write",
            "update",
            json!({"method": "update", "id": "2decf6c462d9b4418f2", "files": [{"name": "README.md", "delete": true}]}),
        ),
    ] {
        calls.push((Call { tool, method, arguments }, true));
    }
    let world = World::of_calls();
    for (call, destroys) in calls {
        for (flags, is_allowed) in [
            (&[][..], false),
            (&["--write", "--destroy=never"][..], !destroys),
            // Nobody can be asked here.
            (&["--write"][..], !destroys),
            (&["--write", "--destroy=allow"][..], true),
        ] {
            let flags: Vec<&str> = ["--toolsets=all"].iter().chain(flags).copied().collect();
            let mut client = world.client(&flags);
            let text = said(&mut client, &call);
            let is_changed = world.front.take_seen().iter().any(changes);
            assert_eq!(is_changed, is_allowed, "{} with {flags:?}: {text}", call.name());
        }
    }
}

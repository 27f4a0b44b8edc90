//! The rule about private and public over every method: what reading with it means for later writes,
//! and which of its writes the rule holds back. A method that stands in no line of [`KINDS`] fails.

use std::collections::BTreeSet;

use lockkeeper_testkit::github::Said;
use lockkeeper_testkit::in_process::InProcess;
use lockkeeper_testkit::stdio::Era;
use serde_json::{Value, json};

use self::Kind::{Confidential, Insiders, Nothing, OfPlace, Own, Public, Strangers, ToPlace};
use super::{changes, known, said};
use crate::GitHub;
use crate::testing::calls::{self, Call};
use crate::testing::{REPO, World, graphql, seen};

/// Everything may be done that this rule allows.
const WRITING: &[&str] =
    &["--toolsets=all", "--write", "--destroy=allow", "--write-rate=100000/min"];

/// What a method reads or writes, as far as the rule cares.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// Reads what tells nothing and was written by nobody else.
    Nothing,
    /// Reads a place that says who may read it: strangers' text if it is public.
    OfPlace,
    /// Reads what isn't for everybody, although the repository may be.
    Confidential,
    /// Reads what strangers wrote, in no repository.
    Strangers,
    /// Reads what isn't for everybody and only insiders write.
    Insiders,
    /// Writes to a place that says who may read it.
    ToPlace,
    /// Writes what others can read, whatever it is called.
    Public,
    /// Writes what only the user, or those whom they let in, can read.
    Own,
}

const KINDS: &[(&str, Kind, &[&str])] = &[
    ("account_read", Nothing, &["me"]),
    ("account_read", Strangers, &["user", "org"]),
    ("account_read", Insiders, &["teams", "team_members", "org_members"]),
    ("account_read", OfPlace, &["repos", "starred"]),
    ("repo_read", Confidential, &["collaborators"]),
    // The organization's.
    ("repo_read", Insiders, &["issue_fields"]),
    (
        "repo_read",
        OfPlace,
        &[
            "get",
            "readme",
            "languages",
            "contributors",
            "branches",
            "branch",
            "tags",
            "tag",
            "releases",
            "release",
            "latest_release",
            "labels",
            "milestones",
            "issue_types",
            "assignees",
        ],
    ),
    ("file_read", OfPlace, &["file", "directory", "tree"]),
    ("commit_read", OfPlace, &["list", "get", "files", "compare", "blame", "statuses"]),
    ("search", OfPlace, &["code", "issues", "prs", "repos", "commits"]),
    ("search", Strangers, &["users", "orgs", "topics"]),
    ("issue_list", OfPlace, &[""]),
    (
        "issue_read",
        OfPlace,
        &[
            "get",
            "comments",
            "comment",
            "timeline",
            "sub_issues",
            "parent",
            "blocked_by",
            "blocking",
            "labels",
        ],
    ),
    ("pr_list", OfPlace, &[""]),
    (
        "pr_read",
        OfPlace,
        &[
            "get",
            "files",
            "diff",
            "commits",
            "checks",
            "reviews",
            "threads",
            "review_comments",
            "review_comment",
            "comments",
        ],
    ),
    (
        "actions_read",
        OfPlace,
        &["workflows", "runs", "run", "jobs", "failures", "log", "artifacts", "artifact"],
    ),
    ("notify_read", OfPlace, &["list", "get"]),
    ("discussion_read", OfPlace, &["list", "get", "comments", "categories"]),
    ("gist_read", OfPlace, &["list", "get", "starred"]),
    (
        "project_read",
        OfPlace,
        &["list", "get", "fields", "items", "item", "views", "status_updates"],
    ),
    (
        "security_read",
        Confidential,
        &[
            "code_scanning",
            "code_scanning_alert",
            "dependabot",
            "dependabot_alert",
            "secret_scanning",
            "secret_scanning_alert",
            "advisories",
        ],
    ),
    ("security_read", Strangers, &["global_advisories", "global_advisory"]),
    ("file_write", ToPlace, &[""]),
    (
        "ref_write",
        ToPlace,
        &[
            "create_branch",
            "delete_branch",
            "create_tag",
            "delete_tag",
            "create_release",
            "update_release",
            "delete_release",
        ],
    ),
    // Private unless it is said to be public.
    ("repo_write", Own, &["create"]),
    (
        "repo_write",
        ToPlace,
        &[
            "fork",
            "update",
            "archive",
            "star",
            "unstar",
            "watch",
            "unwatch",
            "set_label",
            "delete_label",
            "set_milestone",
            "delete_milestone",
        ],
    ),
    (
        "issue_write",
        ToPlace,
        &[
            "create",
            "update",
            "lock",
            "unlock",
            "transfer",
            "add_sub",
            "remove_sub",
            "move_sub",
            "add_blocked_by",
            "remove_blocked_by",
        ],
    ),
    (
        "comment_write",
        ToPlace,
        &[
            "create",
            "update",
            "delete",
            "reply",
            "react",
            "start_discussion",
            "mark_answer",
            "unmark_answer",
        ],
    ),
    (
        "pr_write",
        ToPlace,
        &[
            "create",
            "update",
            "ready",
            "draft",
            "close",
            "reopen",
            "update_branch",
            "merge",
            "auto_merge",
            "request_reviewers",
            "remove_reviewers",
        ],
    ),
    (
        "pr_review",
        ToPlace,
        &[
            "submit",
            "start",
            "add_comments",
            "submit_pending",
            "discard_pending",
            "resolve",
            "unresolve",
        ],
    ),
    ("actions_write", ToPlace, &["dispatch", "rerun", "rerun_failed", "cancel", "delete_logs"]),
    ("notify_write", Own, &["read", "done", "read_all", "subscribe", "ignore", "unsubscribe"]),
    // Also a secret gist is read by whoever has its address, and stars are counted.
    ("gist_write", Public, &["create", "update", "delete", "star", "unstar"]),
    ("project_write", Own, &["create"]),
    (
        "project_write",
        ToPlace,
        &[
            "update",
            "add_item",
            "add_draft",
            "set_fields",
            "archive_item",
            "delete_item",
            "status_update",
        ],
    ),
];

fn kind(call: &Call) -> Kind {
    let of = |(tool, _, methods): &&(&str, Kind, &[&str])| {
        *tool == call.tool && methods.contains(&call.method)
    };
    let found = KINDS.iter().find(of);
    found.unwrap_or_else(|| panic!("of what kind is {}? Say it in KINDS", call.name())).1
}

/// A GitHub of which everything that says so is private, or public.
fn world(is_private: bool) -> World {
    let world = World::of_calls();
    let described = |name: &str, is_private: bool| {
        json!({
            "full_name": name, "private": is_private, "default_branch": "main", "id": 1,
            "owner": {"login": name.split('/').next()}, "permissions": {"push": true},
        })
    };
    let repo = described(REPO, is_private);
    let say = |path: &str, value: Value| world.front.say("GET", path, Said::json(200, &value));
    say("/repos/me/pub", described("me/pub", false));
    say("/repos/octocat/other", described("octocat/other", is_private));
    say(&format!("/repos/{REPO}"), repo.clone());
    world.front.say("GET", "/repos/acme/new", Said::json(404, &json!({})));
    let found = |item: Value| json!({"total_count": 1, "items": [item]});
    say("/search/code", found(json!({"path": "a", "repository": repo})));
    say("/search/commits", found(json!({"sha": "1", "repository": repo})));
    say("/search/repositories", found(repo.clone()));
    let address = format!("https://h/repos/{REPO}");
    say("/search/issues", found(json!({"number": 1, "repository_url": address})));
    let note = json!({"id": "1", "repository": repo, "subject": {"title": "t"}});
    say("/notifications", json!([note]));
    say("/notifications/threads/1", note);
    say("/user/repos", json!([repo]));
    say("/user/starred", json!([repo]));
    let gist = json!({
        "id": "2decf6c462d9b4418f2", "public": !is_private, "owner": {"login": "octocat"},
        "files": {"a": {"filename": "a", "content": "x"}},
    });
    say("/users/octocat/gists", json!([gist]));
    say("/gists/starred", json!([gist]));
    say("/gists/2decf6c462d9b4418f2", gist);
    world.front.graphql("Project", &graphql::project(!is_private));
    let item = graphql::item("13", REPO, is_private);
    let mut one = item.clone();
    one["project"] = json!({"id": "PVT_1"});
    let list =
        |node: Value| json!({"totalCount": 1, "pageInfo": {"hasNextPage": false}, "nodes": [node]});
    let listed = json!({"number": 3, "title": "Roadmap", "public": !is_private});
    for (operation, data) in [
        ("ProjectItem", json!({ "node": one })),
        ("ProjectItems", json!({"node": {"items": list(item)}})),
        ("Projects", json!({"repositoryOwner": {"projectsV2": list(listed)}})),
    ] {
        world.front.graphql(operation, &json!({ "data": data }));
    }
    world
}

/// Private data that insiders wrote, and strangers' text that is public: one of them alone is harmless.
fn private(client: &mut InProcess) {
    let text = seen(client, "account_read", json!({"method": "teams"}));
    assert!(!text.starts_with("error"), "{text}");
}

fn untrusted(client: &mut InProcess) {
    let text = seen(client, "account_read", json!({"method": "user", "name": "octocat"}));
    assert!(!text.starts_with("error"), "{text}");
}

/// Whether a write to a public repository is refused now.
fn is_tainted(client: &mut InProcess) -> bool {
    let publish = json!({"method": "create", "repo": "me/pub", "title": "t"});
    let text = seen(client, "issue_write", publish);
    let is_refused = text.starts_with("error: policy_refused: `me/pub` is public");
    assert!(is_refused || text.contains("created the issue"), "{text}");
    is_refused
}

#[test]
fn every_method_is_of_a_kind() {
    let mut named = BTreeSet::new();
    for (tool, _, methods) in KINDS {
        for method in *methods {
            let is_new = named.insert(((*tool).to_owned(), (*method).to_owned()));
            assert!(is_new, "{tool} {method} stands in two lines");
        }
    }
    assert_eq!(known(), named);
    for call in calls::all() {
        let is_write = matches!(kind(&call), ToPlace | Public | Own);
        assert_eq!(is_write, call.is_write(), "{}", call.name());
    }
}

#[test]
fn what_every_method_reads_is_held_against_later_writes() {
    for is_private in [false, true] {
        let world = world(is_private);
        for call in calls::all().into_iter().filter(|call| !call.is_write()) {
            let after = |first: fn(&mut InProcess)| {
                let mut client = world.client(WRITING);
                first(&mut client);
                let result = client.call(call.tool, call.arguments.clone());
                assert!(result["isError"] != true, "{}: {result}", call.name());
                (is_tainted(&mut client), result["_meta"].clone())
            };
            let (is_seen_as_private, meta) = after(untrusted);
            let (is_seen_as_untrusted, _) = after(private);
            let (private, untrusted) = match kind(&call) {
                Nothing => (false, Some(false)),
                // Insiders or strangers: that is the next test's.
                OfPlace | Confidential if is_private => (true, None),
                OfPlace => (false, Some(true)),
                Confidential => (true, Some(true)),
                Strangers => (false, Some(true)),
                Insiders => (true, Some(false)),
                ToPlace | Public | Own => continue,
            };
            let name = format!("{} of what is {}", call.name(), place(is_private));
            assert_eq!(is_seen_as_private, private, "private: {name}");
            let untrusted = untrusted.unwrap_or(is_seen_as_untrusted);
            assert_eq!(is_seen_as_untrusted, untrusted, "untrusted: {name}");
            // A label may say more than is so, where it isn't known yet; never less.
            let label = |key: &str| meta[key].as_str().unwrap_or_else(|| panic!("{name}: {meta}"));
            assert!(!private || label("confidentiality") == "private", "{name}: {meta}");
            assert!(!untrusted || label("integrity") == "untrusted", "{name}: {meta}");
        }
    }
}

#[test]
fn every_way_to_write_where_others_read_is_held_back() {
    for is_private in [false, true] {
        let world = world(is_private);
        for call in calls::all().into_iter().filter(Call::is_write) {
            let name = format!("{} to what is {}", call.name(), place(is_private));
            let mut client = world.client(WRITING);
            let text = said(&mut client, &call);
            assert!(!text.starts_with("error: "), "nothing was read yet: {name}: {text}");
            let is_held = match kind(&call) {
                ToPlace => !is_private,
                Public => true,
                _ => false,
            };
            let mut client = world.client(WRITING);
            private(&mut client);
            untrusted(&mut client);
            world.front.take_seen();
            let text = said(&mut client, &call);
            let is_refused = text.starts_with("error: policy_refused: ");
            assert_eq!(is_refused, is_held, "{name}: {text}");
            if is_held {
                assert!(text.contains(" is public"), "{name}: {text}");
                let sent = world.front.take_seen();
                assert!(!sent.iter().any(changes), "{name}: {sent:?}");
            } else {
                assert!(!text.starts_with("error: "), "{name}: {text}");
            }
        }
    }
}

#[test]
fn a_person_is_asked_about_every_write_to_a_public_repository() {
    let world = world(false);
    let arguments = world.arguments(WRITING);
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    for call in calls::all().into_iter().filter(|call| kind(call) == ToPlace) {
        if call.tool == "project_write" {
            continue;
        }
        let capabilities = json!({"elicitation": {}});
        let mut client =
            InProcess::with_capabilities::<GitHub>(&arguments, Era::Modern, capabilities);
        private(&mut client);
        untrusted(&mut client);
        world.front.take_seen();
        let result = client.call(call.tool, call.arguments.clone());
        let question = result["inputRequests"]["confirm"]["params"]["message"].as_str();
        let question = question.unwrap_or_else(|| panic!("{}: {result}", call.name()));
        assert!(question.contains("is public. Private data"), "{}: {question}", call.name());
        assert!(!world.front.take_seen().iter().any(changes), "{}", call.name());
    }
}

fn place(is_private: bool) -> &'static str {
    if is_private { "private" } else { "public" }
}

/// A gist of this owner.
fn read_gist(owner: &str, is_public: bool) -> (bool, bool) {
    let world = world(false);
    let gist = json!({
        "id": "abc", "public": is_public, "owner": {"login": owner},
        "files": {"a": {"filename": "a", "content": "x"}},
    });
    world.front.say("GET", "/gists/abc", Said::json(200, &gist));
    let after = |first: fn(&mut InProcess)| {
        let mut client = world.client(WRITING);
        first(&mut client);
        let read = json!({"method": "get", "id": "abc"});
        assert!(seen(&mut client, "gist_read", read).contains("gist abc"));
        is_tainted(&mut client)
    };
    (after(untrusted), after(private))
}

#[test]
fn whose_a_secret_gist_is_says_whether_it_is_trusted() {
    assert_eq!(read_gist("octocat", false), (true, false), "the user's own");
    assert_eq!(read_gist("mallory", false), (true, true), "anybody can hand out its address");
    assert_eq!(read_gist("mallory", true), (false, true));
}

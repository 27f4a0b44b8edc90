//! One call of every method, against the examples: what all of them have in common is tested with
//! these.

use lockkeeper_testkit::github::Said;
use serde_json::{Value, json};

use super::{REPO, World, graphql};

/// Tool, method (none if the tool has none), arguments besides them; `REPO` is the example.
const CALLS: &[(&str, &str, &str)] = &[
    ("account_read", "me", r#"{}"#),
    ("account_read", "user", r#"{"name": "octocat"}"#),
    ("account_read", "org", r#"{"name": "octocat"}"#),
    ("account_read", "teams", r#"{}"#),
    ("account_read", "team_members", r#"{"name": "octo", "team": "core"}"#),
    ("account_read", "org_members", r#"{"name": "octocat"}"#),
    ("account_read", "repos", r#"{}"#),
    ("account_read", "starred", r#"{}"#),
    ("repo_read", "get", r#"{"repo": "REPO"}"#),
    ("repo_read", "readme", r#"{"repo": "REPO"}"#),
    ("repo_read", "languages", r#"{"repo": "REPO"}"#),
    ("repo_read", "contributors", r#"{"repo": "REPO"}"#),
    ("repo_read", "collaborators", r#"{"repo": "REPO"}"#),
    ("repo_read", "branches", r#"{"repo": "REPO"}"#),
    ("repo_read", "branch", r#"{"repo": "REPO", "name": "main"}"#),
    ("repo_read", "tags", r#"{"repo": "REPO"}"#),
    ("repo_read", "tag", r#"{"repo": "REPO", "name": "v1"}"#),
    ("repo_read", "releases", r#"{"repo": "REPO"}"#),
    ("repo_read", "release", r#"{"repo": "REPO", "name": "v1"}"#),
    ("repo_read", "latest_release", r#"{"repo": "REPO"}"#),
    ("repo_read", "labels", r#"{"repo": "REPO"}"#),
    ("repo_read", "milestones", r#"{"repo": "REPO"}"#),
    ("repo_read", "issue_types", r#"{"repo": "REPO"}"#),
    ("repo_read", "issue_fields", r#"{"repo": "REPO"}"#),
    ("repo_read", "assignees", r#"{"repo": "REPO"}"#),
    ("file_read", "file", r#"{"repo": "REPO", "path": "README.md"}"#),
    ("file_read", "directory", r#"{"repo": "REPO", "path": "lib"}"#),
    ("file_read", "tree", r#"{"repo": "REPO", "ref": "pr/7"}"#),
    ("commit_read", "list", r#"{"repo": "REPO", "path": "a/b"}"#),
    ("commit_read", "get", r#"{"repo": "REPO", "ref": "main"}"#),
    ("commit_read", "files", r#"{"repo": "REPO", "ref": "main"}"#),
    ("commit_read", "compare", r#"{"repo": "REPO", "base": "v1", "ref": "main"}"#),
    ("commit_read", "blame", r#"{"repo": "REPO", "path": "a.rs"}"#),
    ("commit_read", "statuses", r#"{"repo": "REPO", "ref": "main"}"#),
    ("search", "code", r#"{"query": "x"}"#),
    ("search", "issues", r#"{"query": "x"}"#),
    ("search", "prs", r#"{"query": "x"}"#),
    ("search", "repos", r#"{"query": "x"}"#),
    ("search", "commits", r#"{"query": "x"}"#),
    ("search", "users", r#"{"query": "x"}"#),
    ("search", "orgs", r#"{"query": "x"}"#),
    ("search", "topics", r#"{"query": "x"}"#),
    ("issue_list", "", r#"{"repo": "REPO"}"#),
    ("issue_read", "get", r#"{"repo": "REPO", "number": 1347}"#),
    ("issue_read", "comments", r#"{"repo": "REPO", "number": 1347}"#),
    ("issue_read", "comment", r#"{"repo": "REPO", "id": 1}"#),
    ("issue_read", "timeline", r#"{"repo": "REPO", "number": 1347}"#),
    ("issue_read", "sub_issues", r#"{"repo": "REPO", "number": 1347}"#),
    ("issue_read", "parent", r#"{"repo": "REPO", "number": 1347}"#),
    ("issue_read", "blocked_by", r#"{"repo": "REPO", "number": 1347}"#),
    ("issue_read", "blocking", r#"{"repo": "REPO", "number": 1347}"#),
    ("issue_read", "labels", r#"{"repo": "REPO", "number": 1347}"#),
    ("pr_list", "", r#"{"repo": "REPO"}"#),
    ("pr_read", "get", r#"{"repo": "REPO", "number": 1347}"#),
    ("pr_read", "files", r#"{"repo": "REPO", "number": 1347}"#),
    ("pr_read", "diff", r#"{"repo": "REPO", "number": 1347}"#),
    ("pr_read", "commits", r#"{"repo": "REPO", "number": 1347}"#),
    ("pr_read", "checks", r#"{"repo": "REPO", "number": 1347}"#),
    ("pr_read", "reviews", r#"{"repo": "REPO", "number": 1347}"#),
    ("pr_read", "threads", r#"{"repo": "REPO", "number": 1347}"#),
    ("pr_read", "review_comments", r#"{"repo": "REPO", "number": 1347}"#),
    ("pr_read", "review_comment", r#"{"repo": "REPO", "id": 1}"#),
    ("pr_read", "comments", r#"{"repo": "REPO", "number": 1347}"#),
    ("actions_read", "workflows", r#"{"repo": "REPO"}"#),
    ("actions_read", "runs", r#"{"repo": "REPO", "workflow": "ci.yml"}"#),
    ("actions_read", "run", r#"{"repo": "REPO", "id": 1}"#),
    ("actions_read", "jobs", r#"{"repo": "REPO", "id": 1}"#),
    ("actions_read", "failures", r#"{"repo": "REPO", "id": 1}"#),
    ("actions_read", "log", r#"{"repo": "REPO", "id": 399444496}"#),
    ("actions_read", "artifacts", r#"{"repo": "REPO", "id": 1}"#),
    ("actions_read", "artifact", r#"{"repo": "REPO", "id": 1}"#),
    ("notify_read", "list", r#"{"all": true}"#),
    ("notify_read", "get", r#"{"id": 1}"#),
    ("discussion_read", "list", r#"{"repo": "REPO", "category": "Q&A"}"#),
    ("discussion_read", "get", r#"{"repo": "REPO", "number": 5}"#),
    ("discussion_read", "comments", r#"{"repo": "REPO", "number": 5, "node": "DC_1"}"#),
    ("discussion_read", "categories", r#"{"repo": "REPO"}"#),
    ("gist_read", "list", r#"{"name": "octocat"}"#),
    ("gist_read", "get", r#"{"id": "2decf6c462d9b4418f2"}"#),
    ("gist_read", "starred", r#"{}"#),
    ("project_read", "list", r#"{"owner": "octo-org"}"#),
    ("project_read", "get", r#"{"owner": "octo-org", "number": 3}"#),
    ("project_read", "fields", r#"{"owner": "octo-org", "number": 3}"#),
    ("project_read", "items", r#"{"owner": "octo-org", "number": 3}"#),
    ("project_read", "item", r#"{"owner": "octo-org", "number": 3, "id": 13}"#),
    ("project_read", "views", r#"{"owner": "octo-org", "number": 3}"#),
    ("project_read", "status_updates", r#"{"owner": "octo-org", "number": 3}"#),
    ("security_read", "code_scanning", r#"{"repo": "REPO", "state": "open"}"#),
    ("security_read", "code_scanning_alert", r#"{"repo": "REPO", "number": 1}"#),
    ("security_read", "dependabot", r#"{"repo": "REPO"}"#),
    ("security_read", "dependabot_alert", r#"{"repo": "REPO", "number": 1}"#),
    ("security_read", "secret_scanning", r#"{"repo": "REPO"}"#),
    ("security_read", "secret_scanning_alert", r#"{"repo": "REPO", "number": 1}"#),
    ("security_read", "advisories", r#"{"repo": "REPO"}"#),
    ("security_read", "global_advisories", r#"{"ecosystem": "npm"}"#),
    ("security_read", "global_advisory", r#"{"id": "GHSA-xxxx-xxxx-xxxx"}"#),
    (
        "file_write",
        "",
        r#"{"repo": "REPO", "message": "m", "files": [{"path": "a.rs", "content": "x"}]}"#,
    ),
    ("ref_write", "create_branch", r#"{"repo": "REPO", "name": "x"}"#),
    ("ref_write", "delete_branch", r#"{"repo": "REPO", "name": "x"}"#),
    ("ref_write", "create_tag", r#"{"repo": "REPO", "name": "v1"}"#),
    ("ref_write", "delete_tag", r#"{"repo": "REPO", "name": "v1"}"#),
    ("ref_write", "create_release", r#"{"repo": "REPO", "name": "v1"}"#),
    ("ref_write", "update_release", r#"{"repo": "REPO", "id": 1, "body": "notes"}"#),
    ("ref_write", "delete_release", r#"{"repo": "REPO", "id": 1}"#),
    ("repo_write", "create", r#"{"repo": "acme/new"}"#),
    ("repo_write", "fork", r#"{"repo": "REPO", "org": "acme"}"#),
    ("repo_write", "update", r#"{"repo": "REPO", "description": "d"}"#),
    ("repo_write", "archive", r#"{"repo": "REPO"}"#),
    ("repo_write", "star", r#"{"repo": "REPO"}"#),
    ("repo_write", "unstar", r#"{"repo": "REPO"}"#),
    ("repo_write", "watch", r#"{"repo": "REPO"}"#),
    ("repo_write", "unwatch", r#"{"repo": "REPO"}"#),
    ("repo_write", "set_label", r#"{"repo": "REPO", "name": "bug", "color": "ff0000"}"#),
    ("repo_write", "delete_label", r#"{"repo": "REPO", "name": "bug"}"#),
    ("repo_write", "set_milestone", r#"{"repo": "REPO", "number": 1, "state": "closed"}"#),
    ("repo_write", "delete_milestone", r#"{"repo": "REPO", "number": 1}"#),
    ("issue_write", "create", r#"{"repo": "REPO", "title": "t"}"#),
    ("issue_write", "update", r#"{"repo": "REPO", "number": 1, "title": "t"}"#),
    ("issue_write", "lock", r#"{"repo": "REPO", "number": 1}"#),
    ("issue_write", "unlock", r#"{"repo": "REPO", "number": 1}"#),
    ("issue_write", "transfer", r#"{"repo": "octocat/other", "number": 1, "to": "REPO"}"#),
    ("issue_write", "add_sub", r#"{"repo": "REPO", "number": 1, "issue": "2"}"#),
    ("issue_write", "remove_sub", r#"{"repo": "REPO", "number": 1, "issue": "2"}"#),
    ("issue_write", "move_sub", r#"{"repo": "REPO", "number": 1, "issue": "2"}"#),
    ("issue_write", "add_blocked_by", r#"{"repo": "REPO", "number": 1, "issue": "2"}"#),
    ("issue_write", "remove_blocked_by", r#"{"repo": "REPO", "number": 1, "issue": "2"}"#),
    ("comment_write", "create", r#"{"repo": "REPO", "number": 1, "body": "x"}"#),
    ("comment_write", "update", r#"{"repo": "REPO", "id": 1, "body": "x"}"#),
    ("comment_write", "delete", r#"{"repo": "REPO", "node": "DC_1"}"#),
    ("comment_write", "reply", r#"{"repo": "REPO", "node": "DC_1", "body": "x"}"#),
    ("comment_write", "react", r#"{"repo": "REPO", "number": 1, "reaction": "eyes"}"#),
    (
        "comment_write",
        "start_discussion",
        r#"{"repo": "REPO", "category": "Q&A", "title": "t", "body": "b"}"#,
    ),
    ("comment_write", "mark_answer", r#"{"repo": "REPO", "node": "DC_1"}"#),
    ("comment_write", "unmark_answer", r#"{"repo": "REPO", "node": "DC_1"}"#),
    ("pr_write", "create", r#"{"repo": "REPO", "title": "t", "head": "x", "base": "main"}"#),
    ("pr_write", "update", r#"{"repo": "REPO", "number": 1, "title": "t"}"#),
    ("pr_write", "ready", r#"{"repo": "REPO", "number": 1}"#),
    ("pr_write", "draft", r#"{"repo": "REPO", "number": 1}"#),
    ("pr_write", "close", r#"{"repo": "REPO", "number": 1}"#),
    ("pr_write", "reopen", r#"{"repo": "REPO", "number": 1}"#),
    ("pr_write", "update_branch", r#"{"repo": "REPO", "number": 1}"#),
    ("pr_write", "merge", r#"{"repo": "REPO", "number": 1}"#),
    ("pr_write", "auto_merge", r#"{"repo": "REPO", "number": 1}"#),
    ("pr_write", "request_reviewers", r#"{"repo": "REPO", "number": 1, "reviewers": ["a"]}"#),
    ("pr_write", "remove_reviewers", r#"{"repo": "REPO", "number": 1, "reviewers": ["a"]}"#),
    ("pr_review", "submit", r#"{"repo": "REPO", "number": 1, "event": "APPROVE"}"#),
    ("pr_review", "start", r#"{"repo": "REPO", "number": 1}"#),
    (
        "pr_review",
        "add_comments",
        r#"{"repo": "REPO", "number": 1, "id": 80, "comments": [{"path": "a", "body": "x"}]}"#,
    ),
    (
        "pr_review",
        "submit_pending",
        r#"{"repo": "REPO", "number": 1, "id": 80, "event": "APPROVE"}"#,
    ),
    ("pr_review", "discard_pending", r#"{"repo": "REPO", "number": 1, "id": 80}"#),
    ("pr_review", "resolve", r#"{"repo": "REPO", "thread": "PRRT_1"}"#),
    ("pr_review", "unresolve", r#"{"repo": "REPO", "thread": "PRRT_1"}"#),
    ("actions_write", "dispatch", r#"{"repo": "REPO", "workflow": "ci.yml", "ref": "main"}"#),
    ("actions_write", "rerun", r#"{"repo": "REPO", "id": 1}"#),
    ("actions_write", "rerun_failed", r#"{"repo": "REPO", "id": 1}"#),
    ("actions_write", "cancel", r#"{"repo": "REPO", "id": 1}"#),
    ("actions_write", "delete_logs", r#"{"repo": "REPO", "id": 1}"#),
    ("notify_write", "read", r#"{"id": 1}"#),
    ("notify_write", "done", r#"{"id": 1}"#),
    ("notify_write", "read_all", r#"{}"#),
    ("notify_write", "subscribe", r#"{"id": 1}"#),
    ("notify_write", "ignore", r#"{"id": 1}"#),
    ("notify_write", "unsubscribe", r#"{"id": 1}"#),
    ("gist_write", "create", r#"{"files": [{"name": "a", "content": "x"}]}"#),
    ("gist_write", "update", r#"{"id": "2decf6c462d9b4418f2", "description": "d"}"#),
    ("gist_write", "delete", r#"{"id": "2decf6c462d9b4418f2"}"#),
    ("gist_write", "star", r#"{"id": "2decf6c462d9b4418f2"}"#),
    ("gist_write", "unstar", r#"{"id": "2decf6c462d9b4418f2"}"#),
    ("project_write", "create", r#"{"owner": "octo-org", "title": "t"}"#),
    ("project_write", "update", r#"{"owner": "octo-org", "number": 3, "title": "t"}"#),
    ("project_write", "add_item", r#"{"owner": "octo-org", "number": 3, "issue": "REPO#1"}"#),
    ("project_write", "add_draft", r#"{"owner": "octo-org", "number": 3, "title": "t"}"#),
    (
        "project_write",
        "set_fields",
        r#"{"owner": "octo-org", "number": 3, "id": 13, "values": {"Priority": "High"}}"#,
    ),
    ("project_write", "archive_item", r#"{"owner": "octo-org", "number": 3, "id": 13}"#),
    ("project_write", "delete_item", r#"{"owner": "octo-org", "number": 3, "id": 13}"#),
    ("project_write", "status_update", r#"{"owner": "octo-org", "number": 3, "body": "x"}"#),
];

/// A call of one method.
#[derive(Debug, Clone)]
pub(crate) struct Call {
    pub(crate) tool: &'static str,
    pub(crate) method: &'static str,
    pub(crate) arguments: Value,
}

impl Call {
    /// What messages of tests call it.
    pub(crate) fn name(&self) -> String {
        format!("{} {}", self.tool, self.method)
    }

    pub(crate) fn is_write(&self) -> bool {
        self.tool.ends_with("_write") || self.tool == "pr_review"
    }
}

/// All of them.
pub(crate) fn all() -> Vec<Call> {
    let calls = CALLS.iter().map(|(tool, method, arguments)| {
        let arguments = arguments.replace("REPO", REPO);
        let mut arguments: Value = serde_json::from_str(&arguments).unwrap();
        if !method.is_empty() {
            arguments["method"] = (*method).into();
        }
        Call { tool, method, arguments }
    });
    calls.collect()
}

impl World {
    /// GitHub's examples, with what these calls need beside them.
    pub(crate) fn of_calls() -> Self {
        let world = Self::examples();
        let (front, repo) = (&world.front, format!("/repos/{REPO}"));
        graphql::answer(front);
        // The document's own examples of files are no base64.
        let file = json!({
            "type": "file", "encoding": "base64", "size": 6, "path": "README.md", "sha": "3d21ec5",
            "content": "IyBwdWIK\n",
        });
        front.say("GET", &format!("{repo}/readme"), Said::json(200, &file));
        front.say("GET", &format!("{repo}/contents/README.md"), Said::json(200, &file));
        let entry =
            json!([{"type": "file", "size": 625, "path": "lib/octokit.rb", "sha": "fff6fe3"}]);
        front.say("GET", &format!("{repo}/contents/lib"), Said::json(200, &entry));
        world.log(399_444_496, "one\ntwo\n", 1);
        world
    }
}

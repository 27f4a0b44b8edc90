//! Reviews of pull requests.

mod discard_pending;
mod resolve;
mod start;
mod submit;
mod submit_pending;
mod unresolve;

use lockkeeper_core::{Method, method};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::change::Changed;
use crate::source::Source;

pub(super) const DESCRIPTION: &str = "Review pull request `number` at once (submit) or in steps; `id` is \
    the pending review's. resolve takes a `thread` of pr_read threads.";

pub(super) static METHODS: &[Method<Source>] = &[
    method::<Source, Changed<submit::Submit>>("submit"),
    method::<Source, Changed<start::Start>>("start"),
    method::<Source, Changed<submit_pending::SubmitPending>>("submit_pending"),
    method::<Source, Changed<discard_pending::DiscardPending>>("discard_pending"),
    method::<Source, resolve::Resolve>("resolve"),
    method::<Source, unresolve::Unresolve>("unresolve"),
];

#[derive(Clone, Copy, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
enum Event {
    Approve,
    RequestChanges,
    Comment,
}

#[derive(Clone, Copy, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "UPPERCASE")]
enum Side {
    Left,
    Right,
}

/// What is said at a line.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Comment {
    path: String,
    line: u64,
    start_line: Option<u64>,
    side: Option<Side>,
    body: String,
}

impl Comment {
    fn json(&self) -> Value {
        let Self { path, line, start_line, side, body } = self;
        let side = side.unwrap_or(Side::Right);
        match start_line {
            Some(start) => json!({
                "path": path, "line": line, "side": side, "body": body, "start_line": start,
                "start_side": side,
            }),
            None => json!({"path": path, "line": line, "side": side, "body": body}),
        }
    }
}

#[cfg(test)]
mod tests {
    use lockkeeper_testkit::expect;
    use serde_json::json;

    use crate::testing::{REPO, World, seen};

    #[test]
    fn every_method_asks_what_github_documents() {
        let world = World::examples();
        let repository = json!({ "nameWithOwner": "octocat/Hello-World" });
        let node = json!({"pullRequest": {"repository": repository}});
        world.front.graphql("ThreadRepository", &json!({"data": {"node": node}}));
        let thread = json!({"data": {"x": {"thread": {"id": "PRRT_1"}}}});
        world.front.graphql("ResolveThread", &thread);
        world.front.graphql("UnresolveThread", &thread);
        let comments = json!([
            {"path": "a.rs", "line": 3, "body": "x"},
            {"path": "a.rs", "line": 9, "start_line": 7, "side": "LEFT", "body": "y"},
        ]);
        let thread = json!({"repo": REPO, "thread": "PRRT_1"});
        world.check_methods(
            "pr_review",
            &[
                ("submit", json!({"repo": REPO, "number": 1, "event": "REQUEST_CHANGES", "body": "b", "comments": comments})),
                ("start", json!({"repo": REPO, "number": 1, "comments": comments})),
                ("submit_pending", json!({"repo": REPO, "number": 1, "id": 80, "event": "APPROVE"})),
                ("discard_pending", json!({"repo": REPO, "number": 1, "id": 80})),
                ("resolve", thread.clone()),
                ("unresolve", thread.clone()),
            ],
            &expect![[r#"
                submit
                  {"done":"reviewed in octocat/Hello-World","id":80,"url":"https://github.com/octocat/Hello-World/pull/12#pullrequestreview-80"}
                start
                  {"done":"started a review in octocat/Hello-World","id":80,"url":"https://github.com/octocat/Hello-World/pull/12#pullrequestreview-80"}
                submit_pending
                  {"done":"submitted the review in octocat/Hello-World","id":80,"url":"https://github.com/octocat/Hello-World/pull/12#pullrequestreview-80"}
                discard_pending
                  {"done":"discarded the review in octocat/Hello-World","id":80,"url":"https://github.com/octocat/Hello-World/pull/12#pullrequestreview-80"}
                resolve
                  {"done":"resolved the thread in octocat/Hello-World"}
                unresolve
                  {"done":"unresolved the thread in octocat/Hello-World"}
            "#]],
        );
    }

    #[test]
    fn a_thread_of_another_repository_is_left_alone() {
        let world = World::examples();
        let node = json!({"pullRequest": {"repository": {"nameWithOwner": "acme/secret"}}});
        world.front.graphql("ThreadRepository", &json!({"data": {"node": node}}));
        let mut client = world.client(&["--write"]);
        let resolve = json!({"method": "resolve", "repo": REPO, "thread": "PRRT_9"});
        let text = seen(&mut client, "pr_review", resolve);
        assert!(text.starts_with("error: not_found_or_no_access"), "{text}");
    }
}

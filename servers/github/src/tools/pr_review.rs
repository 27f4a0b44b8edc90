//! Reviews of pull requests.

mod add_comments;
mod discard_pending;
mod resolve;
mod start;
mod submit;
mod submit_pending;
mod unresolve;

use lockkeeper_core::{Method, ToolError, method};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use crate::change::Changed;
use crate::patch::check_text;
use crate::source::Source;

pub(super) const DESCRIPTION: &str = "Review pull request `number` at once (submit) or in steps; `id` is \
    the pending review's. resolve takes a `thread` of pr_read threads.";

pub(super) static METHODS: &[Method<Source>] = &[
    method::<Source, Changed<submit::Submit>>("submit"),
    method::<Source, Changed<start::Start>>("start"),
    method::<Source, add_comments::AddComments>("add_comments"),
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
    line: Option<u64>,
    start_line: Option<u64>,
    side: Option<Side>,
    body: String,
}

impl Comment {
    /// As REST takes it, with the review that it is a part of.
    fn json(&self) -> Result<Value, ToolError> {
        let Self { path, line, start_line, side, body } = self;
        let side = side.unwrap_or(Side::Right);
        check_text(Some(body))?;
        match (line, start_line) {
            (None, _) => Err(ToolError::invalid_arguments(format!(
                "`comments`: {path} needs `line`; only add_comments takes a whole file"
            ))),
            (Some(line), Some(start)) => Ok(json!({
                "path": path, "line": line, "side": side, "body": body, "start_line": start,
                "start_side": side,
            })),
            (Some(line), None) => {
                Ok(json!({"path": path, "line": line, "side": side, "body": body}))
            }
        }
    }

    /// Where it is, as GraphQL takes it.
    fn place(&self) -> Map<String, Value> {
        let side = json!(self.side.unwrap_or(Side::Right));
        let mut place = Map::new();
        let Some(line) = self.line else {
            place.insert("subjectType".to_owned(), "FILE".into());
            return place;
        };
        place.insert("line".to_owned(), line.into());
        place.insert("side".to_owned(), side.clone());
        if let Some(start) = self.start_line {
            place.insert("startLine".to_owned(), start.into());
            place.insert("startSide".to_owned(), side);
        }
        place
    }
}

/// All of them.
fn comments(comments: &[Comment]) -> Result<Vec<Value>, ToolError> {
    comments.iter().map(Comment::json).collect()
}

#[cfg(test)]
mod tests {
    use lockkeeper_testkit::expect;
    use lockkeeper_testkit::github::Said;
    use serde_json::json;

    use crate::testing::{REPO, World, graphql, seen};

    #[test]
    fn every_method_asks_what_github_documents() {
        let world = World::examples();
        graphql::answer(&world.front);
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
                ("add_comments", json!({"repo": REPO, "number": 1, "id": 80, "comments": [{"path": "a.rs", "line": 3, "body": "x"}, {"path": "b.rs", "body": "whole"}]})),
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
                add_comments
                  {"done":"added 2 comments to review 80 in octocat/Hello-World","number":1}
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
    fn a_comment_that_is_not_taken_is_not_lost_in_silence() {
        let world = World::examples();
        graphql::answer(&world.front);
        let mut client = world.client(&["--write"]);
        let comment = |line: u64| json!({"path": "a.rs", "line": line, "body": "x"});
        let mut add = |comments: serde_json::Value| {
            let add = json!({"method": "add_comments", "repo": REPO, "number": 1, "id": 80, "comments": comments});
            seen(&mut client, "pr_review", add)
        };
        let taken = json!({"data": {"addPullRequestReviewThread": {"thread": {"id": "PRRT_1"}}}});
        let refused = json!({"data": {"addPullRequestReviewThread": {"thread": null}}});
        world.front.graphql("AddReviewThread", &refused);
        world.front.next("GRAPHQL", "AddReviewThread", 1, Said::json(200, &taken));
        let text = add(json!([comment(3), comment(900), comment(4)]));
        assert_eq!(
            text,
            "error: validation: comment 2 on a.rs was not added: its line is not in the diff; 1 of 3 \
             were\nnext: add the others by another call; without `line` it is on the whole file"
        );
        assert!(add(json!([])).starts_with("error: invalid_arguments"));
        let submit = json!({"method": "submit", "repo": REPO, "number": 1, "event": "COMMENT", "comments": [{"path": "a", "body": "x"}]});
        let text = seen(&mut client, "pr_review", submit);
        assert!(text.starts_with("error: invalid_arguments: `comments`: a needs `line`"), "{text}");
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

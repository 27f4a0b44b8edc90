//! What is said on issues, pull requests and discussions, and how it is reacted to.

mod answer;
mod create;
mod delete;
mod discussed;
mod mark_answer;
mod react;
mod reply;
mod start_discussion;
mod unmark_answer;
mod update;

use lockkeeper_core::{Method, ToolError, method};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use self::answer::Marked;
use crate::source::{RepoRef, Route, Source};

pub(super) const DESCRIPTION: &str = "Comment on issue, pull request or discussion `number`, change \
    comment `id`, reply to review comment `id`, react. `on` [issue]: what `number` is, or where comment \
    `id` is. `node`: a discussion, or a comment on one.";

pub(super) static METHODS: &[Method<Source>] = &[
    method::<Source, create::Create>("create"),
    method::<Source, update::Update>("update"),
    method::<Source, delete::Delete>("delete"),
    method::<Source, reply::Reply>("reply"),
    method::<Source, react::React>("react"),
    method::<Source, start_discussion::StartDiscussion>("start_discussion"),
    method::<Source, Marked<mark_answer::MarkAnswer>>("mark_answer"),
    method::<Source, Marked<unmark_answer::UnmarkAnswer>>("unmark_answer"),
];

#[derive(Clone, Copy, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum On {
    #[default]
    Issue,
    Review,
    Discussion,
}

#[derive(Clone, Copy, Deserialize, Serialize, JsonSchema)]
enum Reaction {
    #[serde(rename = "+1")]
    Plus,
    #[serde(rename = "-1")]
    Minus,
    #[serde(rename = "laugh")]
    Laugh,
    #[serde(rename = "confused")]
    Confused,
    #[serde(rename = "heart")]
    Heart,
    #[serde(rename = "hooray")]
    Hooray,
    #[serde(rename = "rocket")]
    Rocket,
    #[serde(rename = "eyes")]
    Eyes,
}

impl Reaction {
    /// As GraphQL has it.
    fn word(self) -> &'static str {
        match self {
            Self::Plus => "THUMBS_UP",
            Self::Minus => "THUMBS_DOWN",
            Self::Laugh => "LAUGH",
            Self::Confused => "CONFUSED",
            Self::Heart => "HEART",
            Self::Hooray => "HOORAY",
            Self::Rocket => "ROCKET",
            Self::Eyes => "EYES",
        }
    }
}

/// Where the comment with this id is.
fn comment(repo: &RepoRef, on: Option<On>, id: u64) -> Result<Route, ToolError> {
    let place = match on.unwrap_or_default() {
        On::Issue => repo.route().at("issues"),
        On::Review => repo.route().at("pulls"),
        On::Discussion => {
            let what = "comments on discussions are named by `node`";
            return Err(ToolError::invalid_arguments(what));
        }
    };
    Ok(place.at("comments").number(id))
}

#[cfg(test)]
mod tests {
    use lockkeeper_testkit::expect;
    use serde_json::json;

    use crate::testing::{REPO, World, graphql, seen};

    #[test]
    fn every_method_asks_what_github_documents() {
        let world = World::examples();
        graphql::answer(&world.front);
        world.check_methods(
            "comment_write",
            &[
                ("create", json!({"repo": REPO, "number": 1, "body": "x"})),
                ("update", json!({"repo": REPO, "id": 1, "body_edits": [{"find": "Me", "replace": "You"}]})),
                ("update", json!({"repo": REPO, "id": 1, "on": "review", "body": "x"})),
                ("delete", json!({"repo": REPO, "id": 1})),
                ("reply", json!({"repo": REPO, "number": 1, "id": 2, "body": "x"})),
                ("react", json!({"repo": REPO, "id": 2, "on": "review", "reaction": "+1"})),
                ("react", json!({"repo": REPO, "number": 2, "reaction": "eyes"})),
                ("react", json!({"repo": REPO, "reaction": "eyes"})),
                ("create", json!({"repo": REPO, "number": 5, "on": "discussion", "body": "x"})),
                ("update", json!({"repo": REPO, "node": "DC_1", "body_append": "x"})),
                ("update", json!({"repo": REPO, "node": "DC_1"})),
                ("delete", json!({"repo": REPO, "node": "DC_1"})),
                ("reply", json!({"repo": REPO, "node": "DC_1", "body": "x"})),
                ("react", json!({"repo": REPO, "node": "DC_1", "reaction": "+1"})),
                ("react", json!({"repo": REPO, "number": 5, "on": "discussion", "reaction": "heart"})),
                ("start_discussion", json!({"repo": REPO, "category": "Q&A", "title": "t", "body": "b"})),
                ("mark_answer", json!({"repo": REPO, "node": "DC_1"})),
                ("unmark_answer", json!({"repo": REPO, "node": "DC_1"})),
            ],
            &expect![[r#"
                create
                  {"done":"commented in octocat/Hello-World","id":1,"url":"https://github.com/octocat/Hello-World/issues/1347#issuecomment-1"}
                update
                  {"done":"updated the comment in octocat/Hello-World","id":1,"url":"https://github.com/octocat/Hello-World/issues/1347#issuecomment-1"}
                update
                  {"done":"updated the comment in octocat/Hello-World","id":10,"url":"https://github.com/octocat/Hello-World/pull/1#discussion-diff-1"}
                delete
                  {"done":"deleted the comment in octocat/Hello-World"}
                reply
                  {"done":"replied in octocat/Hello-World","id":10,"url":"https://github.com/octocat/Hello-World/pull/1#discussion-diff-1"}
                react
                  {"done":"reacted in octocat/Hello-World","id":1}
                react
                  {"done":"reacted in octocat/Hello-World","id":1}
                react
                  error: invalid_arguments: give one of `number`, `id` and `node`
                create
                  {"done":"commented in octocat/Hello-World","node":"DC_3","url":"https://github.com/octocat/Hello-World/x"}
                update
                  {"done":"updated the comment in octocat/Hello-World","node":"DC_1","url":"https://github.com/octocat/Hello-World/x"}
                update
                  error: invalid_arguments: give body, body_edits or body_append
                delete
                  {"done":"deleted the comment in octocat/Hello-World","node":"DC_1"}
                reply
                  {"done":"replied in octocat/Hello-World","node":"DC_3","url":"https://github.com/octocat/Hello-World/x"}
                react
                  {"done":"reacted in octocat/Hello-World"}
                react
                  {"done":"reacted in octocat/Hello-World"}
                start_discussion
                  {"done":"started a discussion in octocat/Hello-World","number":6,"node":"D_2","url":"https://github.com/octocat/Hello-World/x"}
                mark_answer
                  {"done":"marked the answer in octocat/Hello-World","number":5,"url":"https://github.com/octocat/Hello-World/x"}
                unmark_answer
                  {"done":"unmarked the answer in octocat/Hello-World","number":5,"url":"https://github.com/octocat/Hello-World/x"}
            "#]],
        );
    }
    #[test]
    fn a_discussion_is_told_from_a_comment_and_edited_in_place() {
        let world = World::examples();
        graphql::answer(&world.front);
        let node = json!({"data": {"node": {
            "__typename": "Discussion", "id": "D_1", "body": "a <T> & b\r\n<!-- x -->\r\nold",
            "repository": {"nameWithOwner": REPO},
        }}});
        world.front.graphql("DiscussionNode", &node);
        let mut client = world.client(&["--write", "--destroy=allow"]);
        let edits = json!([{"find": "old", "replace": "new"}]);
        let update = json!({"method": "update", "repo": REPO, "node": "D_1", "body_edits": edits});
        let text = seen(&mut client, "comment_write", update);
        assert!(text.contains("updated the discussion"), "{text}");
        let sent = world.front.take_seen();
        let input = &sent.last().unwrap().body["variables"]["input"];
        assert_eq!(input["body"], "a <T> & b\r\n<!-- x -->\r\nnew");
        for method in ["reply", "mark_answer"] {
            let mut call = json!({"method": method, "repo": REPO, "node": "D_1"});
            if method == "reply" {
                call["body"] = "x".into();
            }
            let text = seen(&mut client, "comment_write", call);
            assert!(text.starts_with("error: invalid_arguments: `node` is a discussion"), "{text}");
        }
    }

    #[test]
    fn what_is_said_in_other_repositories_is_left_alone() {
        let world = World::examples();
        let node = json!({"data": {"node": {
            "__typename": "DiscussionComment", "id": "DC_9", "body": "x",
            "discussion": {"id": "D_9", "repository": {"nameWithOwner": "acme/secret"}},
        }}});
        world.front.graphql("DiscussionNode", &node);
        let mut client = world.client(&["--write", "--destroy=allow"]);
        for call in [
            json!({"method": "update", "body": "x"}),
            json!({"method": "delete"}),
            json!({"method": "reply", "body": "x"}),
            json!({"method": "react", "reaction": "eyes"}),
            json!({"method": "mark_answer"}),
        ] {
            let mut call = call;
            call["repo"] = REPO.into();
            call["node"] = "DC_9".into();
            let text = seen(&mut client, "comment_write", call);
            assert!(text.starts_with("error: not_found_or_no_access"), "{text}");
        }
        let sent = world.front.take_seen();
        assert!(!sent.iter().any(|seen| seen.body.to_string().contains("mutation")));
    }
}

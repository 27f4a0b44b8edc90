//! What is said on issues and pull requests, and how it is reacted to.

mod create;
mod delete;
mod react;
mod reply;
mod update;

use lockkeeper_core::{Method, method};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::change::Changed;
use crate::source::{RepoRef, Route, Source};

pub(super) const DESCRIPTION: &str = "Comment on issue or pull request `number`, change comment `id`, \
    reply to review comment `id`, react. `on`: where the comment is [issue].";

pub(super) static METHODS: &[Method<Source>] = &[
    method::<Source, Changed<create::Create>>("create"),
    method::<Source, update::Update>("update"),
    method::<Source, Changed<delete::Delete>>("delete"),
    method::<Source, Changed<reply::Reply>>("reply"),
    method::<Source, Changed<react::React>>("react"),
];

/// Where a comment is: at an issue or pull request as a whole, or at a line.
#[derive(Clone, Copy, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum On {
    #[default]
    Issue,
    Review,
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

/// Where the comment with this id is.
fn comment(repo: &RepoRef, on: Option<On>, id: u64) -> Route {
    let place = match on.unwrap_or_default() {
        On::Issue => repo.route().at("issues"),
        On::Review => repo.route().at("pulls"),
    };
    place.at("comments").number(id)
}

#[cfg(test)]
mod tests {
    use lockkeeper_testkit::expect;
    use serde_json::json;

    use crate::testing::{REPO, World};

    #[test]
    fn every_method_asks_what_github_documents() {
        World::examples().check_methods(
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
                  error: invalid_arguments: give `number` or `id`, not both
            "#]],
        );
    }
}

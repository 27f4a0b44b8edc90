//! What is done to pull requests.

mod auto_merge;
mod by_node;
mod close;
mod create;
mod draft;
mod merge;
mod ready;
mod remove_reviewers;
mod reopen;
mod request_reviewers;
mod update;
mod update_branch;

use lockkeeper_core::{Method, method};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::change::Changed;
use crate::source::Source;

pub(super) const DESCRIPTION: &str = "Create, change and merge pull requests. update: body_edits and \
    body_append keep the rest of the text. `sha` makes sure of the head.";

pub(super) static METHODS: &[Method<Source>] = &[
    method::<Source, Changed<create::Create>>("create"),
    method::<Source, update::Update>("update"),
    method::<Source, Changed<close::Close>>("close"),
    method::<Source, Changed<reopen::Reopen>>("reopen"),
    method::<Source, by_node::OnNode<ready::Ready>>("ready"),
    method::<Source, by_node::OnNode<draft::Draft>>("draft"),
    method::<Source, Changed<update_branch::UpdateBranch>>("update_branch"),
    method::<Source, Changed<merge::Merge>>("merge"),
    method::<Source, auto_merge::AutoMerge>("auto_merge"),
    method::<Source, Changed<request_reviewers::RequestReviewers>>("request_reviewers"),
    method::<Source, Changed<remove_reviewers::RemoveReviewers>>("remove_reviewers"),
];

#[derive(Clone, Copy, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
enum MergeMethod {
    Merge,
    Squash,
    Rebase,
}

#[cfg(test)]
mod tests {
    use lockkeeper_testkit::expect;
    use serde_json::json;

    use crate::testing::{REPO, World};

    #[test]
    fn every_method_asks_what_github_documents() {
        let number = json!({"repo": REPO, "number": 1});
        let reviewers = json!({"repo": REPO, "number": 1, "reviewers": ["a"], "teams": ["t"]});
        let world = World::examples();
        let done = json!({"data": {"x": {"pullRequest": {"number": 1}}}});
        for operation in ["MarkReady", "ConvertToDraft", "EnableAutoMerge"] {
            world.front.graphql(operation, &done);
        }
        world.check_methods(
            "pr_write",
            &[
                ("create", json!({"repo": REPO, "title": "t", "head": "octocat:x", "base": "main", "draft": true})),
                ("update", json!({"repo": REPO, "number": 1, "title": "t", "body_append": "more"})),
                ("close", number.clone()),
                ("reopen", number.clone()),
                ("update_branch", json!({"repo": REPO, "number": 1, "sha": "abc"})),
                ("merge", json!({"repo": REPO, "number": 1, "merge_method": "squash", "sha": "abc"})),
                ("ready", number.clone()),
                ("draft", number.clone()),
                ("auto_merge", json!({"repo": REPO, "number": 1, "merge_method": "rebase"})),
                ("request_reviewers", reviewers.clone()),
                ("remove_reviewers", reviewers.clone()),
            ],
            &expect![[r#"
                create
                  {"done":"created the pull request in octocat/Hello-World","number":1347,"id":1,"url":"https://github.com/octocat/Hello-World/pull/1347"}
                update
                  {"done":"updated the pull request in octocat/Hello-World","number":1347,"id":1,"url":"https://github.com/octocat/Hello-World/pull/1347"}
                close
                  {"done":"closed it in octocat/Hello-World","number":1347,"id":1,"url":"https://github.com/octocat/Hello-World/pull/1347"}
                reopen
                  {"done":"reopened it in octocat/Hello-World","number":1347,"id":1,"url":"https://github.com/octocat/Hello-World/pull/1347"}
                update_branch
                  {"done":"began to update the branch in octocat/Hello-World"}
                merge
                  {"done":"merged it in octocat/Hello-World","sha":"6dcb09b5b57875f334f61aebed695e2e4193db5e"}
                ready
                  {"done":"marked it as ready in octocat/Hello-World","number":1,"url":"https://github.com/octocat/Hello-World/pull/1347"}
                draft
                  {"done":"made it a draft in octocat/Hello-World","number":1,"url":"https://github.com/octocat/Hello-World/pull/1347"}
                auto_merge
                  {"done":"enabled auto-merge in octocat/Hello-World","number":1,"url":"https://github.com/octocat/Hello-World/pull/1347"}
                request_reviewers
                  {"done":"requested reviews in octocat/Hello-World","number":1347,"id":1,"url":"https://github.com/octocat/Hello-World/pull/1347"}
                remove_reviewers
                  {"done":"removed reviewers in octocat/Hello-World","number":1347,"id":1,"url":"https://github.com/octocat/Hello-World/pull/1347"}
            "#]],
        );
    }
}

//! Branches, tags and releases.

mod create_branch;
mod create_release;
mod create_tag;
mod delete_branch;
mod delete_release;
mod delete_tag;
mod point;
mod update_release;

use lockkeeper_core::{Method, method};

use crate::change::Changed;
use crate::source::Source;

pub(super) const DESCRIPTION: &str = "Create and delete branches, tags and releases. `from`: branch, tag \
    or sha [default branch]; `id` is a release's.";

pub(super) static METHODS: &[Method<Source>] = &[
    method::<Source, create_branch::CreateBranch>("create_branch"),
    method::<Source, Changed<delete_branch::DeleteBranch>>("delete_branch"),
    method::<Source, create_tag::CreateTag>("create_tag"),
    method::<Source, Changed<delete_tag::DeleteTag>>("delete_tag"),
    method::<Source, Changed<create_release::CreateRelease>>("create_release"),
    method::<Source, Changed<update_release::UpdateRelease>>("update_release"),
    method::<Source, Changed<delete_release::DeleteRelease>>("delete_release"),
];

#[cfg(test)]
mod tests {
    use lockkeeper_testkit::expect;
    use serde_json::json;

    use crate::testing::{REPO, World, seen};

    #[test]
    fn every_method_asks_what_github_documents() {
        let name = json!({"repo": REPO, "name": "a/b", "from": "main"});
        World::examples().check_methods(
            "ref_write",
            &[
                ("create_branch", name.clone()),
                ("delete_branch", json!({"repo": REPO, "name": "a/b"})),
                ("create_tag", name.clone()),
                ("delete_tag", json!({"repo": REPO, "name": "v1"})),
                (
                    "create_release",
                    json!({"repo": REPO, "name": "v1", "title": "One", "draft": true}),
                ),
                ("update_release", json!({"repo": REPO, "id": 1, "body": "notes"})),
                ("delete_release", json!({"repo": REPO, "id": 1})),
            ],
            &expect![[r#"
                create_branch
                  {"done":"created the branch in octocat/Hello-World","sha":"aa218f56b14c9653891f9e74264a383fa43fefbd"}
                delete_branch
                  {"done":"deleted the branch in octocat/Hello-World"}
                create_tag
                  {"done":"created the tag in octocat/Hello-World","sha":"aa218f56b14c9653891f9e74264a383fa43fefbd"}
                delete_tag
                  {"done":"deleted the tag in octocat/Hello-World"}
                create_release
                  {"done":"created the release in octocat/Hello-World","id":1,"url":"https://github.com/octocat/Hello-World/releases/v1.0.0"}
                update_release
                  {"done":"updated the release in octocat/Hello-World","id":1,"url":"https://github.com/octocat/Hello-World/releases/v1.0.0"}
                delete_release
                  {"done":"deleted the release in octocat/Hello-World"}
            "#]],
        );
    }

    #[test]
    fn a_branch_goes_only_if_somebody_may_destroy() {
        let world = World::examples();
        let mut client = world.client(&["--write", "--destroy=never"]);
        let delete = json!({"method": "delete_branch", "repo": REPO, "name": "main"});
        let text = seen(&mut client, "ref_write", delete);
        assert!(text.starts_with("error: "), "{text}");
        assert_eq!(world.front.take_seen().len(), 0);
    }
}

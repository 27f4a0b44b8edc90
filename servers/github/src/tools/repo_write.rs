//! What is done to repositories, their labels and milestones.

mod archive;
mod create;
mod delete_label;
mod delete_milestone;
mod fork;
mod set_label;
mod set_milestone;
mod star;
mod unstar;
mod unwatch;
mod update;
mod watch;

use lockkeeper_core::{Method, method};

use crate::change::Changed;
use crate::source::Source;

pub(super) const DESCRIPTION: &str = "Create and change repositories, labels and milestones. set_label and \
    set_milestone create or change; a new milestone has no `number`.";

pub(super) static METHODS: &[Method<Source>] = &[
    method::<Source, create::Create>("create"),
    method::<Source, Changed<fork::Fork>>("fork"),
    method::<Source, Changed<update::Update>>("update"),
    method::<Source, Changed<archive::Archive>>("archive"),
    method::<Source, Changed<star::Star>>("star"),
    method::<Source, Changed<unstar::Unstar>>("unstar"),
    method::<Source, Changed<watch::Watch>>("watch"),
    method::<Source, Changed<unwatch::Unwatch>>("unwatch"),
    method::<Source, set_label::SetLabel>("set_label"),
    method::<Source, Changed<delete_label::DeleteLabel>>("delete_label"),
    method::<Source, Changed<set_milestone::SetMilestone>>("set_milestone"),
    method::<Source, Changed<delete_milestone::DeleteMilestone>>("delete_milestone"),
];

#[cfg(test)]
mod tests {
    use lockkeeper_testkit::expect;
    use serde_json::json;

    use crate::testing::{REPO, World, seen};

    #[test]
    fn every_method_asks_what_github_documents() {
        let repo = json!({ "repo": REPO });
        World::examples().check_methods(
            "repo_write",
            &[
                ("create", json!({"repo": "new", "public": true, "init": true})),
                ("create", json!({"repo": "acme/new"})),
                ("fork", json!({"repo": REPO, "org": "acme"})),
                ("update", json!({"repo": REPO, "description": "d"})),
                ("archive", repo.clone()),
                ("star", repo.clone()),
                ("unstar", repo.clone()),
                ("watch", repo.clone()),
                ("unwatch", repo.clone()),
                ("set_label", json!({"repo": REPO, "name": "bug", "color": "ff0000"})),
                ("delete_label", json!({"repo": REPO, "name": "bug"})),
                (
                    "set_milestone",
                    json!({"repo": REPO, "title": "v1", "due": "2026-12-01T00:00:00Z"}),
                ),
                ("set_milestone", json!({"repo": REPO, "number": 1, "state": "closed"})),
                ("delete_milestone", json!({"repo": REPO, "number": 1})),
            ],
            &expect![[r#"
                create
                  {"done":"created new","id":1296269,"url":"https://github.com/octocat/Hello-World"}
                create
                  {"done":"created acme/new","id":1296269,"url":"https://github.com/octocat/Hello-World"}
                fork
                  {"done":"began to fork it in octocat/Hello-World","id":1296269,"url":"https://github.com/octocat/Hello-World"}
                update
                  {"done":"updated it in octocat/Hello-World","id":1296269,"url":"https://github.com/octocat/Hello-World"}
                archive
                  {"done":"archived it in octocat/Hello-World","id":1296269,"url":"https://github.com/octocat/Hello-World"}
                star
                  {"done":"starred it in octocat/Hello-World"}
                unstar
                  {"done":"unstarred it in octocat/Hello-World"}
                watch
                  {"done":"watches it in octocat/Hello-World"}
                unwatch
                  {"done":"watches it no more in octocat/Hello-World"}
                set_label
                  {"done":"changed the label in octocat/Hello-World","id":208045946}
                delete_label
                  {"done":"deleted the label in octocat/Hello-World"}
                set_milestone
                  {"done":"set the milestone in octocat/Hello-World","number":1,"id":1002604,"url":"https://github.com/octocat/Hello-World/milestones/v1.0"}
                set_milestone
                  {"done":"set the milestone in octocat/Hello-World","number":1,"id":1002604,"url":"https://github.com/octocat/Hello-World/milestones/v1.0"}
                delete_milestone
                  {"done":"deleted the milestone in octocat/Hello-World"}
            "#]],
        );
    }

    #[test]
    fn no_repository_is_created_where_none_may_exist() {
        let world = World::examples();
        let mut client = world.client(&["--write", "--repos=octocat/*"]);
        let text = seen(&mut client, "repo_write", json!({"method": "create", "repo": "acme/new"}));
        assert!(text.starts_with("error: not_found_or_no_access"), "{text}");
        assert!(world.front.take_seen().is_empty());
    }
}

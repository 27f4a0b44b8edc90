//! What is done to projects.

mod add_draft;
mod add_item;
mod archive_item;
mod create;
mod delete_item;
mod set_fields;
mod status_update;
mod update;
mod values;

use lockkeeper_core::{Effect, Method, Need, method};
use schemars::JsonSchema;
use serde::Deserialize;

use crate::source::Source;

pub(super) const DESCRIPTION: &str = "Change project `number` of user or organization `owner`, and its \
    items by `id`. `values`: field and option names, null to clear. `issue`: owner/name#number.";

pub(super) static METHODS: &[Method<Source>] = &[
    method::<Source, create::Create>("create"),
    method::<Source, update::Update>("update"),
    method::<Source, add_item::AddItem>("add_item"),
    method::<Source, add_draft::AddDraft>("add_draft"),
    method::<Source, set_fields::SetFields>("set_fields"),
    method::<Source, archive_item::ArchiveItem>("archive_item"),
    method::<Source, delete_item::DeleteItem>("delete_item"),
    method::<Source, status_update::StatusUpdate>("status_update"),
];

/// An item on a project.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct OfItem {
    owner: String,
    number: u64,
    id: u64,
}

/// What an owner has outside repositories is named with all that is theirs.
fn need(effect: Effect, owner: &str) -> Need {
    Need::new(effect).resource(format!("{owner}/*"))
}

#[cfg(test)]
mod tests {
    use lockkeeper_testkit::expect;
    use serde_json::json;

    use crate::testing::{World, graphql, seen};

    #[test]
    fn every_method_asks_what_github_documents() {
        let world = World::examples();
        graphql::answer(&world.front);
        let call = |more: serde_json::Value| {
            let mut call = json!({"owner": "octo-org", "number": 3});
            for (key, value) in more.as_object().unwrap() {
                call[key] = value.clone();
            }
            call
        };
        let values =
            json!({"priority": "High", "Sprint": "Sprint 2", "Story points": 3, "Due date": null});
        world.check_methods(
            "project_write",
            &[
                ("create", json!({"owner": "octo-org", "title": "Roadmap"})),
                ("update", call(json!({"title": "t", "readme_edits": [{"find": "co", "replace": "company"}], "closed": true}))),
                ("add_item", call(json!({"issue": "octocat/Hello-World#1347"}))),
                ("add_draft", call(json!({"title": "t", "body": "b"}))),
                ("set_fields", call(json!({"id": 13, "values": values}))),
                ("archive_item", call(json!({"id": 13}))),
                ("delete_item", call(json!({"id": 13}))),
                ("status_update", call(json!({"status": "ON_TRACK", "body": "fine", "target_date": "2026-02-01"}))),
            ],
            &expect![[r#"
                create
                  {"done":"created the project, private, of octo-org","number":4,"url":"https://github.com/octocat/Hello-World/x"}
                update
                  {"done":"updated project 3 of octo-org"}
                add_item
                  {"done":"added octocat/Hello-World#1347 to project 3 of octo-org","id":17}
                add_draft
                  {"done":"added a draft to project 3 of octo-org","id":14}
                set_fields
                  {"done":"set Due date, Sprint, Story points, priority of item 13 of project 3 of octo-org"}
                archive_item
                  {"done":"archived item 13 of project 3 of octo-org"}
                delete_item
                  {"done":"deleted item 13 of project 3 of octo-org"}
                status_update
                  {"done":"told how project 3 of octo-org goes"}
            "#]],
        );
        let sent = world.front.take_seen();
        let set = sent.iter().find(|seen| seen.method == "PATCH").unwrap();
        assert_eq!(set.path, "/orgs/octo-org/projectsV2/3/items/13");
        assert_eq!(
            set.body,
            json!({"fields": [
                {"id": 98765, "value": null}, {"id": 11223, "value": "iter_2"},
                {"id": 13579, "value": 3}, {"id": 12345, "value": "option_3"},
            ]})
        );
        let update =
            sent.iter().find(|seen| seen.body.to_string().contains("UpdateProject")).unwrap();
        assert_eq!(update.body["variables"]["input"]["readme"], "# <T> & company");
    }

    #[test]
    fn what_a_field_does_not_take_is_refused_with_what_it_does() {
        let world = World::examples();
        graphql::answer(&world.front);
        let mut client = world.client(&["--toolsets=projects", "--write"]);
        for (values, said) in [
            (json!({"Prio": "High"}), "`values`: there is no field Prio"),
            (json!({"Priority": "Urgent"}), "`values`: Priority takes one of Low, Medium, High"),
            (json!({"Story points": "three"}), "`values`: Story points takes a number"),
            (json!({"Due date": 3}), "`values`: Due date takes a date"),
            (json!({}), "`values` is empty"),
        ] {
            let call = json!({"method": "set_fields", "owner": "octo-org", "number": 3, "id": 13, "values": values});
            let text = seen(&mut client, "project_write", call);
            assert!(text.starts_with(&format!("error: invalid_arguments: {said}")), "{text}");
        }
        assert!(world.front.take_seen().iter().all(|seen| seen.method != "PATCH"));
    }

    #[test]
    fn only_named_owners_projects_are_written_to() {
        let world = World::examples();
        graphql::answer(&world.front);
        let mut client =
            world.client(&["--toolsets=projects", "--write", "--write-repos=octo-org/one"]);
        for call in [
            json!({"method": "create", "owner": "octo-org", "title": "t"}),
            json!({"method": "add_draft", "owner": "octo-org", "number": 3, "title": "t"}),
        ] {
            let text = seen(&mut client, "project_write", call);
            assert!(text.starts_with("error: policy_refused: `octo-org` is read-only"), "{text}");
        }
        let sent = world.front.take_seen();
        assert!(!sent.iter().any(|seen| seen.body.to_string().contains("mutation")));
    }

    #[test]
    fn what_is_made_public_counts_as_written_in_public() {
        let world = World::examples();
        graphql::answer(&world.front);
        world.front.graphql("Project", &graphql::project(false));
        let mut client = world.client(&["--toolsets=all", "--write"]);
        let get = json!({"method": "get", "owner": "octo-org", "number": 3});
        seen(&mut client, "project_read", get);
        let readme = json!({"method": "languages", "repo": crate::testing::REPO});
        seen(&mut client, "repo_read", readme);
        let mut update =
            json!({"method": "update", "owner": "octo-org", "number": 3, "title": "t"});
        let text = seen(&mut client, "project_write", update.clone());
        assert!(text.contains("updated"), "{text}");
        update["public"] = true.into();
        let text = seen(&mut client, "project_write", update);
        assert!(text.starts_with("error: policy_refused"), "{text}");
    }
}

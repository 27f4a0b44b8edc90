//! Projects of users and organizations.

mod args;
mod fields;
mod get;
mod item;
mod items;
mod list;
mod status_updates;
mod views;

use lockkeeper_core::{Method, method};

use crate::source::Source;

pub(super) const DESCRIPTION: &str = "Read projects of user or organization `owner`: project `number`, its \
    fields, items, one item by `id`.";

pub(super) static METHODS: &[Method<Source>] = &[
    method::<Source, list::List>("list"),
    method::<Source, get::Get>("get"),
    method::<Source, fields::Fields>("fields"),
    method::<Source, items::Items>("items"),
    method::<Source, item::Item>("item"),
    method::<Source, views::Views>("views"),
    method::<Source, status_updates::StatusUpdates>("status_updates"),
];

#[cfg(test)]
mod tests {
    use lockkeeper_testkit::expect;
    use serde_json::json;

    use crate::testing::{REPO, World, graphql, seen};

    #[test]
    fn every_method_reads_what_github_documents() {
        let world = World::examples();
        graphql::answer(&world.front);
        let project = json!({"owner": "octo-org", "number": 3});
        world.check_methods(
            "project_read",
            &[
                ("list", json!({"owner": "octo-org", "query": "road"})),
                ("get", project.clone()),
                ("fields", project.clone()),
                ("items", project.clone()),
                ("item", json!({"owner": "octo-org", "number": 3, "id": 13})),
                ("views", project.clone()),
                ("status_updates", project.clone()),
            ],
            &expect![[r#"
                list
                  [projects of octo-org: 1; 1 in all]
                  number	title	public	closed	items	updated	description
                  3	Roadmap	true		2
                get
                  [project 3 of octo-org, public]
                  number: 3
                  title: Roadmap
                  description: what comes
                  public: true
                fields
                  [fields of project 3 of octo-org, public: 6]
                  name	type	options	iterations
                  Priority	single_select	Low, Medium, High
                  Status	single_select	Todo, In Progress, Done
                  Team notes	text
                items
                  [items of project 3 of octo-org, public: 1; 1 in all]
                  id	type	repo	number	title	state	values
                  13	ISSUE	octocat/Hello-World	7	an issue	OPEN	Status: Todo, Points: 3.0
                item
                  [item 13 of project 3 of octo-org, public]
                  id: 13
                  type: ISSUE
                  repo: octocat/Hello-World
                  number: 7
                views
                  [views of project 3 of octo-org, public: 1; 1 in all]
                  number	name	layout	filter
                  1	Board	BOARD_LAYOUT	is:open
                status_updates
                  [status updates of project 3 of octo-org, public: 1; 1 in all]
                  --- by octocat, created 2026-01-01T00:00:00Z, status ON_TRACK, target 2026-02-01
                  fine
            "#]],
        );
    }

    #[test]
    fn a_project_exists_if_all_of_its_owner_does() {
        let world = World::examples();
        graphql::answer(&world.front);
        let get = json!({"method": "get", "owner": "octo-org", "number": 3});
        for repos in ["--repos=acme/*", "--repos=octo-org/one", "--repos=octo-org/a*"] {
            let mut client = world.client(&["--toolsets=projects", repos]);
            let text = seen(&mut client, "project_read", get.clone());
            assert!(text.starts_with("error: not_found_or_no_access: `octo-org`"), "{text}");
        }
        assert_eq!(world.front.take_seen().len(), 0);
        let mut client = world.client(&["--toolsets=projects", "--repos=Octo-Org/*"]);
        let text = seen(&mut client, "project_read", get);
        assert!(text.starts_with("[project 3 of octo-org, public]"), "{text}");
    }

    #[test]
    fn items_of_hidden_repositories_are_not_shown() {
        let world = World::examples();
        graphql::answer(&world.front);
        let hidden = graphql::item("13", "acme/secret", true);
        let redacted = json!({"fullDatabaseId": "15", "type": "REDACTED", "content": null});
        let draft = json!({"fullDatabaseId": "16", "type": "DRAFT_ISSUE", "content": {"title": "a draft"}, "fieldValues": {"nodes": []}});
        let nodes = json!([hidden, graphql::item("14", "octo-org/x", false), redacted, draft]);
        let items = json!({"totalCount": 4, "pageInfo": {"hasNextPage": false}, "nodes": nodes});
        world.front.graphql("ProjectItems", &json!({"data": {"node": {"items": items}}}));
        let mut item = hidden;
        item["project"] = json!({"id": "PVT_1"});
        world.front.graphql("ProjectItem", &json!({"data": {"node": item}}));
        let mut client =
            world.client(&["--toolsets=all", "--write", "--destroy=allow", "--repos=octo-org/*"]);
        let items = json!({"method": "items", "owner": "octo-org", "number": 3});
        let text = seen(&mut client, "project_read", items);
        let ids: Vec<&str> =
            text.lines().skip(2).map(|line| line.split('\t').next().unwrap()).collect();
        assert_eq!(ids, ["14", "16"], "{text}");
        assert!(!text.contains("secret"), "{text}");
        for (tool, method) in [
            ("project_read", "item"),
            ("project_write", "archive_item"),
            ("project_write", "delete_item"),
        ] {
            let call = json!({"method": method, "owner": "octo-org", "number": 3, "id": 13});
            let text = seen(&mut client, tool, call);
            assert!(text.starts_with("error: not_found_or_no_access"), "{text}");
        }
        let add = json!({"method": "add_item", "owner": "octo-org", "number": 3, "issue": "acme/secret#1"});
        let text = seen(&mut client, "project_write", add);
        assert!(text.starts_with("error: not_found_or_no_access: `acme/secret`"), "{text}");
    }

    #[test]
    fn what_items_lead_to_counts_as_read() {
        let world = World::examples();
        graphql::answer(&world.front);
        let hidden = graphql::item("13", "octo-org/private", true);
        let items = json!({"totalCount": 1, "pageInfo": {"hasNextPage": false}, "nodes": [hidden]});
        world.front.graphql("ProjectItems", &json!({"data": {"node": {"items": items}}}));
        let mut client = world.client(&["--toolsets=all", "--write"]);
        let items = json!({"method": "items", "owner": "octo-org", "number": 3});
        seen(&mut client, "project_read", items);
        let comment = json!({"method": "create", "repo": REPO, "number": 1, "body": "x"});
        let text = seen(&mut client, "comment_write", comment);
        assert!(text.starts_with("error: policy_refused"), "{text}");
        let update =
            json!({"method": "status_update", "owner": "octo-org", "number": 3, "body": "x"});
        let text = seen(&mut client, "project_write", update);
        assert!(
            text.starts_with("error: policy_refused: `a project of octo-org` is public"),
            "{text}"
        );
    }

    #[test]
    fn an_item_of_another_project_is_not_this_ones() {
        let world = World::examples();
        graphql::answer(&world.front);
        let mut item = graphql::item("13", REPO, false);
        item["project"] = json!({"id": "PVT_other"});
        world.front.graphql("ProjectItem", &json!({"data": {"node": item}}));
        let mut client = world.client(&["--toolsets=projects"]);
        let call = json!({"method": "item", "owner": "octo-org", "number": 3, "id": 13});
        let text = seen(&mut client, "project_read", call);
        assert!(text.starts_with("error: not_found_or_no_access: `item 13 of project 3"), "{text}");
    }
}

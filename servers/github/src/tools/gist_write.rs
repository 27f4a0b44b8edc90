//! What is done to gists.

mod create;
mod delete;
mod star;
mod unstar;
mod update;

use lockkeeper_core::{Method, method};
use schemars::JsonSchema;
use serde::Deserialize;

use crate::patch::Edit;
use crate::source::Source;

pub(super) const DESCRIPTION: &str = "Create and change gists, secret unless `public`. Of a file give \
    `content`, `edits` of what it has, or `delete`.";

pub(super) static METHODS: &[Method<Source>] = &[
    method::<Source, create::Create>("create"),
    method::<Source, update::Update>("update"),
    method::<Source, delete::Delete>("delete"),
    method::<Source, star::Star>("star"),
    method::<Source, unstar::Unstar>("unstar"),
];

/// A gist by its id.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct OfGist {
    id: String,
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct File {
    name: String,
    content: Option<String>,
    #[serde(default)]
    edits: Vec<Edit>,
    #[serde(default)]
    delete: bool,
}

#[cfg(test)]
mod tests {
    use lockkeeper_testkit::expect;
    use lockkeeper_testkit::github::Said;
    use serde_json::json;

    use crate::testing::{World, seen};

    #[test]
    fn every_method_asks_what_github_documents() {
        let id = json!({"id": "2decf6c462d9b4418f2"});
        World::examples().check_methods(
            "gist_write",
            &[
                ("create", json!({"description": "d", "files": [{"name": "a.rs", "content": "fn f<T>() {}"}]})),
                ("update", json!({"id": "2decf6c462d9b4418f2", "files": [{"name": "README.md", "edits": [{"find": "world", "replace": "you"}]}]})),
                ("delete", id.clone()),
                ("star", id.clone()),
                ("unstar", id.clone()),
            ],
            &expect![[r#"
                create
                  {"done":"created the gist","url":"https://gist.github.com/2decf6c462d9b4418f2"}
                update
                  {"done":"updated the gist","url":"https://gist.github.com/2decf6c462d9b4418f2"}
                delete
                  {"done":"deleted gist 2decf6c462d9b4418f2, public"}
                star
                  {"done":"starred gist 2decf6c462d9b4418f2, public"}
                unstar
                  {"done":"unstarred gist 2decf6c462d9b4418f2, public"}
            "#]],
        );
    }

    #[test]
    fn files_are_edited_and_every_other_byte_stays() {
        let world = World::examples();
        let text = "<T> & <!-- x -->\r\nold\r\n";
        let gist = json!({
            "id": "abc", "public": false, "owner": {"login": "octocat"},
            "files": {"a": {"filename": "a", "content": text}, "b": {"filename": "b", "content": "b"}},
        });
        world.front.say("GET", "/gists/abc", Said::json(200, &gist));
        let mut client = world.client(&["--toolsets=gists", "--write", "--destroy=allow"]);
        let files = json!([
            {"name": "a", "edits": [{"find": "old", "replace": "new"}]}, {"name": "b", "delete": true},
            {"name": "c", "content": "c"},
        ]);
        let update = json!({"method": "update", "id": "abc", "files": files});
        let done = seen(&mut client, "gist_write", update);
        assert!(done.contains("updated the gist"), "{done}");
        let sent = world.front.take_seen();
        let sent = &sent.iter().find(|seen| seen.method == "PATCH").unwrap().body;
        assert_eq!(sent["files"]["a"]["content"], text.replace("old", "new"));
        assert!(sent["files"]["b"].is_null() && sent["files"]["c"]["content"] == "c", "{sent}");
        for files in [
            json!([]),
            json!([{"name": "a"}]),
            json!([{"name": "a", "content": "x", "delete": true}]),
            json!([{"name": "none", "edits": [{"find": "a", "replace": "b"}]}]),
        ] {
            let update = json!({"method": "update", "id": "abc", "files": files});
            let text = seen(&mut client, "gist_write", update);
            assert!(text.starts_with("error: invalid_arguments"), "{text}");
        }
    }

    #[test]
    fn gists_of_owners_that_nobody_named_stay_as_they_are() {
        let world = World::examples();
        let files = json!([{"name": "a", "content": "x"}]);
        for flags in [
            ["--toolsets=gists", "--write", "--write-repos=acme/*"],
            ["--toolsets=gists", "--write", "--repos=acme/*"],
        ] {
            let mut client = world.client(&flags);
            let create = json!({"method": "create", "files": files});
            let text = seen(&mut client, "gist_write", create);
            assert!(text.starts_with("error: "), "{text}");
            let update =
                json!({"method": "update", "id": "2decf6c462d9b4418f2", "description": "x"});
            let text = seen(&mut client, "gist_write", update);
            assert!(text.starts_with("error: "), "{text}");
        }
        assert!(world.front.take_seen().iter().all(|seen| seen.method == "GET"));
    }
}

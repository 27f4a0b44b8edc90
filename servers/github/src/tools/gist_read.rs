//! Gists of a user.

mod args;
mod get;
mod list;
mod starred;

use lockkeeper_core::{Method, method};

use crate::fetch::FetchedOutside;
use crate::source::Source;

pub(super) const DESCRIPTION: &str =
    "Read gists: your own, those of user `name`, or one by `id`, with the text of `file`.";

pub(super) static METHODS: &[Method<Source>] = &[
    method::<Source, FetchedOutside<list::List>>("list"),
    method::<Source, get::Get>("get"),
    method::<Source, FetchedOutside<starred::Starred>>("starred"),
];

#[cfg(test)]
mod tests {
    use lockkeeper_testkit::expect;
    use lockkeeper_testkit::github::Said;
    use serde_json::{Value, json};

    use crate::testing::{REPO, World, all_pages, seen};

    #[test]
    fn every_method_reads_what_github_documents() {
        World::examples().check_methods(
            "gist_read",
            &[
                ("list", json!({})),
                ("list", json!({"name": "octocat", "fields": ["id", "url"]})),
                ("get", json!({"id": "2decf6c462d9b4418f2"})),
                ("starred", json!({})),
            ],
            &expect![[r#"
                list
                  [gists: 1]
                  id	owner	public	files	updated	description
                  aa5a315d61ae9438b18d	octocat	true	hello_world.rb	2011-06-20T11:34:15Z	Hello World Examples
                list
                  [gists of octocat: 1]
                  id	url
                  aa5a315d61ae9438b18d	https://gist.github.com/aa5a315d61ae9438b18d
                get
                  [gist 2decf6c462d9b4418f2, public]
                  id: 2decf6c462d9b4418f2
                  owner: monalisa
                  public: true
                  description: An updated gist description.
                starred
                  [starred gists: 1]
                  id	owner	public	files	updated	description
                  aa5a315d61ae9438b18d	octocat	true	hello_world.rb	2011-06-20T11:34:15Z	Hello World Examples
            "#]],
        );
    }

    fn gist(owner: &str, public: bool, files: &Value) -> Value {
        json!({"id": "abc", "public": public, "owner": {"login": owner}, "files": files})
    }

    #[test]
    fn a_file_is_read_to_its_end() {
        let world = World::examples();
        let text = "a <T> & <!-- x -->\n".repeat(1_000);
        let files = json!({
            "a.md": {"filename": "a.md", "content": text}, "b": {"filename": "b", "content": "b"},
        });
        world.front.say("GET", "/gists/abc", Said::json(200, &gist("octocat", true, &files)));
        let mut client = world.client(&["--toolsets=gists", "--max-output=4kB"]);
        let both = seen(&mut client, "gist_read", json!({"method": "get", "id": "abc"}));
        assert!(both.contains("files: a.md, b") && both.contains("`file` reads one"), "{both}");
        let arguments = json!({"method": "get", "id": "abc", "file": "a.md", "fields": ["body"]});
        let pages = all_pages(&mut client, "gist_read", arguments);
        let read: Vec<&str> = pages.iter().flat_map(|page| page.lines().skip(2)).collect();
        assert_eq!(read.join("\n"), text.trim_end());
        let none = json!({"method": "get", "id": "abc", "file": "c"});
        let text = seen(&mut client, "gist_read", none);
        assert!(
            text.starts_with("error: invalid_arguments: `file`: there are only a.md, b"),
            "{text}"
        );
    }

    #[test]
    fn gists_of_others_are_hidden_and_secret_ones_are_private() {
        let world = World::examples();
        let files = json!({"a": {"filename": "a", "content": "x"}});
        world.front.say("GET", "/gists/abc", Said::json(200, &gist("octocat", false, &files)));
        for repos in ["--repos=acme/*", "--repos=octocat/Hello-World"] {
            let mut client = world.client(&["--toolsets=all", repos]);
            let text = seen(&mut client, "gist_read", json!({"method": "get", "id": "abc"}));
            assert!(text.starts_with("error: not_found_or_no_access"), "{text}");
            let text = seen(&mut client, "gist_read", json!({"method": "list"}));
            assert_eq!(text.lines().next().unwrap(), "[gists: 0]");
        }
        let mut client = world.client(&["--toolsets=all", "--write", "--repos=octocat/*"]);
        let text = seen(&mut client, "gist_read", json!({"method": "get", "id": "abc"}));
        assert!(text.starts_with("[gist abc, secret]"), "{text}");
        seen(&mut client, "repo_read", json!({"method": "readme", "repo": REPO}));
        let create =
            json!({"method": "create", "public": true, "files": [{"name": "a", "content": "x"}]});
        let text = seen(&mut client, "gist_write", create);
        assert!(text.starts_with("error: policy_refused: `a gist of octocat` is public"), "{text}");
    }
}

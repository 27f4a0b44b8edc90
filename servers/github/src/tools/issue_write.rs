//! What is done to issues.

mod add_blocked_by;
mod add_sub;
mod create;
mod link;
mod lock;
mod move_sub;
mod remove_blocked_by;
mod remove_sub;
mod transfer;
mod unlock;
mod update;

use lockkeeper_core::{Method, method};

use crate::change::Changed;
use crate::source::Source;

pub(super) const DESCRIPTION: &str = "Create and change issues. update: body_edits and body_append keep \
    the rest of the text; `issue` is a number or owner/name#number.";

pub(super) static METHODS: &[Method<Source>] = &[
    method::<Source, Changed<create::Create>>("create"),
    method::<Source, update::Update>("update"),
    method::<Source, Changed<lock::Lock>>("lock"),
    method::<Source, Changed<unlock::Unlock>>("unlock"),
    method::<Source, transfer::Transfer>("transfer"),
    method::<Source, link::Linked<add_sub::AddSub>>("add_sub"),
    method::<Source, link::Linked<remove_sub::RemoveSub>>("remove_sub"),
    method::<Source, move_sub::MoveSub>("move_sub"),
    method::<Source, link::Linked<add_blocked_by::AddBlockedBy>>("add_blocked_by"),
    method::<Source, link::Linked<remove_blocked_by::RemoveBlockedBy>>("remove_blocked_by"),
];

#[cfg(test)]
mod tests {
    use lockkeeper_testkit::dice::Dice;
    use lockkeeper_testkit::expect;
    use lockkeeper_testkit::github::Said;
    use serde_json::json;

    use crate::testing::{REPO, World, graphql, seen};

    #[test]
    fn every_method_asks_what_github_documents() {
        let issue = json!({"repo": REPO, "number": 1});
        let other = json!({"repo": REPO, "number": 1, "issue": "2"});
        let world = World::examples();
        graphql::answer(&world.front);
        world.check_methods(
            "issue_write",
            &[
                ("create", json!({"repo": REPO, "title": "a <T>", "body": "b", "labels": ["bug"], "milestone": 1, "type": "Bug"})),
                ("update", json!({"repo": REPO, "number": 1, "state": "closed", "reason": "not_planned", "milestone": 0, "labels": []})),
                ("lock", issue.clone()),
                ("unlock", issue.clone()),
                ("transfer", json!({"repo": REPO, "number": 1, "to": "octocat/other"})),
                ("add_sub", other.clone()),
                ("remove_sub", other.clone()),
                ("move_sub", other.clone()),
                ("add_blocked_by", other.clone()),
                ("remove_blocked_by", json!({"repo": REPO, "number": 1, "issue": "octocat/Hello-World#2"})),
            ],
            &expect![[r#"
                create
                  {"done":"created the issue in octocat/Hello-World","number":1347,"id":1,"url":"https://github.com/octocat/Hello-World/issues/1347"}
                update
                  {"done":"updated the issue in octocat/Hello-World","number":1347,"id":1,"url":"https://github.com/octocat/Hello-World/issues/1347"}
                lock
                  {"done":"locked it in octocat/Hello-World"}
                unlock
                  {"done":"unlocked it in octocat/Hello-World"}
                transfer
                  {"done":"moved the issue from octocat/Hello-World to octocat/Hello-World","number":9,"url":"https://github.com/octocat/Hello-World/x"}
                add_sub
                  {"done":"added the sub-issue in octocat/Hello-World","number":1347,"id":1,"url":"https://github.com/octocat/Hello-World/issues/1347"}
                remove_sub
                  {"done":"removed the sub-issue in octocat/Hello-World","number":1347,"id":1,"url":"https://github.com/octocat/Hello-World/issues/1347"}
                move_sub
                  {"done":"moved the sub-issue in octocat/Hello-World","number":1347,"id":1,"url":"https://github.com/octocat/Hello-World/issues/1347"}
                add_blocked_by
                  {"done":"added the blocker in octocat/Hello-World","number":1347,"id":1,"url":"https://github.com/octocat/Hello-World/issues/1347"}
                remove_blocked_by
                  {"done":"removed the blocker in octocat/Hello-World","number":1347,"id":1,"url":"https://github.com/octocat/Hello-World/issues/1347"}
            "#]],
        );
    }

    #[test]
    fn a_body_is_edited_where_it_is_meant_and_nowhere_else() {
        let Some(world) = World::emulated(&[("r", false)]) else { return };
        let mut client = world.client(&["--write"]);
        let body = "Vec<T> & <Foo bar={1} />\n<!-- keep -->\n&amp; <b>old</b>\n";
        let create = json!({"method": "create", "repo": "admin/r", "title": "t", "body": body});
        let done = seen(&mut client, "issue_write", create);
        assert!(done.contains("created the issue in admin/r") && done.len() < 320, "{done}");
        let update = json!({
            "method": "update", "repo": "admin/r", "number": 1,
            "body_edits": [{"find": "old", "replace": "new"}], "body_append": "end",
        });
        seen(&mut client, "issue_write", update);
        let sent = world.front.take_seen();
        let patched = sent.iter().find(|seen| seen.method == "PATCH").unwrap();
        assert_eq!(patched.body["body"], format!("{}end", body.replace("old", "new")));
        let text = seen(
            &mut client,
            "issue_read",
            json!({"method": "get", "repo": "admin/r", "number": 1}),
        );
        assert!(text.ends_with("<!-- keep -->\n&amp; <b>new</b>\nend"), "{text}");
    }

    /// Any body, edited anywhere, keeps every other byte: what sanitisers, entities and line ends of web
    /// forms have cost others is in the pieces.
    #[test]
    fn every_other_byte_of_any_body_stays() {
        const PIECES: [&str; 20] = [
            "<T>",
            "Vec<Option<T>>",
            "<Foo bar={1} />",
            "</div>",
            "&",
            "&amp;",
            "&lt;T&gt;",
            " && ",
            "<!-- keep -->",
            "<!--",
            "-->",
            "\r\n",
            "\n",
            "\t",
            "  \n",
            "```rust\nlet x: T;\n```",
            "é…日本",
            "👩‍👩‍👧",
            "<script>alert(1)</script>",
            "[x](https://e.example/?a=1&b=2)",
        ];
        let world = World::examples();
        let mut client = world.client(&["--write", "--write-rate=100000/min"]);
        let path = format!("/repos/{REPO}/issues/7");
        let mut dice = Dice::new(20_261_122);
        let mut piece = |count: u64| -> String {
            (0..count).map(|_| PIECES[usize::try_from(dice.below(20)).unwrap()]).collect()
        };
        for round in 0..150u64 {
            let (before, after) = (piece(round % 9), piece(round % 7));
            let (find, replace) = (format!("EDIT{round}"), piece(1 + round % 3));
            let body = format!("{before}{find}{after}");
            let issue = json!({"number": 7, "title": "t", "state": "open", "body": body});
            world.front.say("GET", &path, Said::json(200, &issue));
            // What is shown is what is there, so that it can be quoted.
            let get = json!({"method": "get", "repo": REPO, "number": 7, "fields": ["body"]});
            let shown = seen(&mut client, "issue_read", get);
            let lines = body.replace("\r\n", "\n");
            assert!(
                shown.replace("\r\n", "\n").contains(lines.trim_end()),
                "{shown:?} of {body:?}"
            );
            world.front.take_seen();
            let update = json!({
                "method": "update", "repo": REPO, "number": 7,
                "body_edits": [{"find": find, "replace": replace}],
            });
            let done = seen(&mut client, "issue_write", update);
            assert!(done.contains("updated the issue"), "{done}");
            let sent = world.front.take_seen();
            let sent = sent.iter().find(|seen| seen.method == "PATCH").unwrap();
            let new = sent.body["body"].as_str().unwrap();
            assert_eq!(new, format!("{before}{replace}{after}"), "{body:?}");
            world.front.forget("GET", &path);
        }
    }

    #[test]
    fn a_change_is_sent_once_whatever_happens() {
        let world = World::examples();
        let path = format!("/repos/{REPO}/issues");
        let mut client = world.client(&["--write"]);
        let create = json!({"method": "create", "repo": REPO, "title": "t"});
        for (said, code) in [
            (Said::json(502, &json!({})), "outcome_unknown"),
            (Said::json(200, &json!({})).header("location", "x"), "done"),
            (Said::json(307, &json!({})).header("location", "/elsewhere"), "moved"),
            (Said::json(422, &json!({"message": "Validation Failed"})), "validation"),
        ] {
            world.front.take_seen();
            world.front.say("POST", &path, said);
            let text = seen(&mut client, "issue_write", create.clone());
            assert!(text.contains(code), "{text}");
            let posts = world.front.take_seen().into_iter().filter(|seen| seen.method == "POST");
            assert_eq!(posts.count(), 1, "{code}");
        }
    }

    #[test]
    fn what_was_read_in_private_is_not_carried_to_the_public() {
        let Some(world) = World::emulated(&[("pub", false), ("priv", true)]) else { return };
        let read = |repo: &str| json!({"method": "readme", "repo": repo});
        let create = |repo: &str| json!({"method": "create", "repo": repo, "title": "t"});
        for order in [["admin/pub", "admin/priv"], ["admin/priv", "admin/pub"]] {
            let mut client = world.client(&["--write"]);
            seen(&mut client, "repo_read", read(order[0]));
            let allowed = seen(&mut client, "issue_write", create("admin/pub"));
            assert!(allowed.contains("created"), "one alone taints nothing: {allowed}");
            seen(&mut client, "repo_read", read(order[1]));
            let refused = seen(&mut client, "issue_write", create("admin/pub"));
            assert!(
                refused.starts_with("error: policy_refused: `admin/pub` is public"),
                "{refused}"
            );
            let private = seen(&mut client, "issue_write", create("admin/priv"));
            assert!(private.contains("created"), "{private}");
        }
        let mut client = world.client(&["--write", "--allow-cross-visibility"]);
        seen(&mut client, "repo_read", read("admin/pub"));
        seen(&mut client, "repo_read", read("admin/priv"));
        assert!(seen(&mut client, "issue_write", create("admin/pub")).contains("created"));
    }

    #[test]
    fn only_named_repositories_are_written_to() {
        let world = World::examples();
        let mut client = world.client(&["--write", "--write-repos=octocat/other"]);
        let text = seen(
            &mut client,
            "issue_write",
            json!({"method": "create", "repo": REPO, "title": "t"}),
        );
        assert!(
            text.starts_with("error: policy_refused: `octocat/Hello-World` is read-only here"),
            "{text}"
        );
        assert!(world.front.take_seen().iter().all(|seen| seen.method == "GET"));
    }
}

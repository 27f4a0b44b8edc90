//! The notification inbox of the token's user.

mod get;
mod list;

use lockkeeper_core::{Method, method};

use crate::fetch::FetchedOutside;
use crate::source::Source;

pub(super) const DESCRIPTION: &str = "Read the notification inbox, or one notification by `id`.";

pub(super) static METHODS: &[Method<Source>] = &[
    method::<Source, FetchedOutside<list::List>>("list"),
    method::<Source, FetchedOutside<get::Get>>("get"),
];

#[cfg(test)]
mod tests {
    use lockkeeper_testkit::expect;
    use serde_json::json;

    use crate::testing::{World, seen};

    #[test]
    fn every_method_reads_what_github_documents() {
        World::examples().check_methods(
            "notify_read",
            &[("list", json!({"all": true})), ("get", json!({"id": 1}))],
            &expect![[r#"
                list
                  [notifications: 1]
                  id	unread	reason	repo	type	title	updated
                  1	true	subscribed	octocat/Hello-World	Issue	Greetings	2014-11-07T22:01:45Z
                get
                  [notification of 1]
                  id: 1
                  unread: true
                  reason: subscribed
                  repo: octocat/Hello-World
            "#]],
        );
    }

    #[test]
    fn what_the_rules_hide_sends_no_notifications() {
        let world = World::examples();
        let mut client = world.client(&["--toolsets=notifications", "--repos=acme/*"]);
        let text = seen(&mut client, "notify_read", json!({"method": "list"}));
        assert_eq!(text.lines().next().unwrap(), "[notifications: 0]");
        let text = seen(&mut client, "notify_read", json!({"method": "get", "id": 1}));
        assert!(text.starts_with("error: not_found_or_no_access"), "{text}");
    }
}

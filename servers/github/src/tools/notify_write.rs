//! What is done to notifications: only the token's user sees it.

mod done;
mod ignore;
mod read;
mod read_all;
mod subscribe;
mod thread;
mod unsubscribe;

use lockkeeper_core::{Method, method};

use self::thread::OnThread;
use crate::source::Source;

pub(super) const DESCRIPTION: &str = "Mark notification `id` read or done, or all of them (read_all); \
    subscribe to its thread, unsubscribe, or ignore it.";

pub(super) static METHODS: &[Method<Source>] = &[
    method::<Source, OnThread<read::Read>>("read"),
    method::<Source, OnThread<done::Finish>>("done"),
    method::<Source, read_all::ReadAll>("read_all"),
    method::<Source, OnThread<subscribe::Subscribe>>("subscribe"),
    method::<Source, OnThread<ignore::Ignore>>("ignore"),
    method::<Source, OnThread<unsubscribe::Unsubscribe>>("unsubscribe"),
];

#[cfg(test)]
mod tests {
    use lockkeeper_testkit::expect;
    use serde_json::json;

    use crate::testing::{REPO, World, seen};

    #[test]
    fn every_method_asks_what_github_documents() {
        let id = json!({"id": 1});
        let world = World::examples();
        world.check_methods(
            "notify_write",
            &[
                ("read", id.clone()),
                ("done", id.clone()),
                ("read_all", json!({"before": "2026-01-01T00:00:00Z"})),
                ("read_all", json!({"repo": REPO})),
                ("subscribe", id.clone()),
                ("ignore", id.clone()),
                ("unsubscribe", id.clone()),
            ],
            &expect![[r#"
                read
                  {"done":"read notification 1"}
                done
                  {"done":"done with notification 1"}
                read_all
                  {"done":"read all notifications"}
                read_all
                  {"done":"read all notifications of octocat/Hello-World"}
                subscribe
                  {"done":"subscribed to the thread of notification 1"}
                ignore
                  {"done":"ignored the thread of notification 1"}
                unsubscribe
                  {"done":"unsubscribed from the thread of notification 1"}
            "#]],
        );
        let sent = world.front.take_seen();
        let ignored: Vec<_> =
            sent.iter().filter_map(|seen| seen.body["ignored"].as_bool()).collect();
        assert_eq!(ignored, [false, true]);
    }

    #[test]
    fn threads_of_hidden_repositories_are_left_alone() {
        let world = World::examples();
        let mut client = world.client(&["--toolsets=notifications", "--write", "--repos=acme/*"]);
        for call in [
            json!({"method": "read", "id": 1}),
            json!({"method": "unsubscribe", "id": 1}),
            json!({"method": "read_all"}),
            json!({"method": "read_all", "repo": REPO}),
        ] {
            let text = seen(&mut client, "notify_write", call);
            assert!(text.starts_with("error: "), "{text}");
        }
        assert!(world.front.take_seen().iter().all(|seen| seen.method == "GET"));
    }
}

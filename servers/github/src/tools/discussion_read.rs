//! Discussions of a repository.

mod categories;
mod comments;
mod get;
mod list;

use lockkeeper_core::{Method, method};

use crate::source::Source;

pub(super) const DESCRIPTION: &str = "Read discussions, newest first, or one by `number`. comments has \
    them with the first replies; with `node`, all replies to that comment.";

pub(super) static METHODS: &[Method<Source>] = &[
    method::<Source, list::List>("list"),
    method::<Source, get::Get>("get"),
    method::<Source, comments::Comments>("comments"),
    method::<Source, categories::Categories>("categories"),
];

#[cfg(test)]
mod tests {
    use lockkeeper_testkit::expect;
    use serde_json::{Value, json};

    use crate::testing::{REPO, World, all_pages, graphql, seen};

    #[test]
    fn every_method_reads_what_github_documents() {
        let world = World::examples();
        graphql::answer(&world.front);
        world.check_methods(
            "discussion_read",
            &[
                ("list", json!({"repo": REPO, "category": "q&a", "answered": false})),
                ("get", json!({"repo": REPO, "number": 5})),
                ("comments", json!({"repo": REPO, "number": 5})),
                ("comments", json!({"repo": REPO, "number": 5, "node": "DC_1"})),
                ("categories", json!({"repo": REPO, "fields": ["name", "node"]})),
            ],
            &expect![[r#"
                list
                  [discussions of octocat/Hello-World, public: 1; 1 in all]
                  number	title	category	author	answered	comments	updated
                  5	how?	Q&A	mona	false	1	2026-01-01T00:00:00Z
                get
                  [discussion of octocat/Hello-World#5, public]
                  number: 5
                  title: how?
                  category: Q&A
                  author: mona
                comments
                  [comments of octocat/Hello-World discussion #5, public: 2; 1 without replies; 2 more replies: comments with their comment's node]
                  --- node DC_1, author mona, association NONE, created 2026-01-01T00:00:00Z, answer false, replies 3
                  why?
                  --- node DC_2, reply_to DC_1, author octocat, association OWNER, created 2026-01-02T00:00:00Z, answer true
                  because
                comments
                  [replies of octocat/Hello-World discussion #5, public: 1; 1 in all]
                  --- node DC_1, author mona, association NONE, created 2026-01-01T00:00:00Z, answer false
                  why?
                categories
                  [discussion categories of octocat/Hello-World, public: 1; 1 in all]
                  name	node
                  Q&A	CAT_1
            "#]],
        );
        let sent = world.front.take_seen();
        let list =
            sent.iter().find(|seen| seen.body.to_string().contains("query Discussions(")).unwrap();
        assert_eq!(list.body["variables"]["category"], "CAT_1");
    }

    #[test]
    fn what_is_wrong_costs_no_second_request() {
        let world = World::examples();
        graphql::answer(&world.front);
        let mut client = world.client(&["--toolsets=discussions"]);
        let text = seen(
            &mut client,
            "discussion_read",
            json!({"method": "list", "repo": REPO, "category": "nope"}),
        );
        assert!(
            text.starts_with("error: invalid_arguments: `category`: there are only Q&A"),
            "{text}"
        );
        let none = json!({"data": {"repository": {"discussion": null}}});
        world.front.graphql("Discussion", &none);
        let text = seen(
            &mut client,
            "discussion_read",
            json!({"method": "get", "repo": REPO, "number": 9}),
        );
        assert!(text.starts_with("error: not_found_or_no_access: `discussion 9 of"), "{text}");
        let foreign = json!({"data": {"node": {
            "__typename": "DiscussionComment", "id": "DC_2", "body": "secret",
            "discussion": {"id": "D_2", "repository": {"nameWithOwner": "acme/secret"}},
        }}});
        world.front.graphql("DiscussionNode", &foreign);
        let text = seen(
            &mut client,
            "discussion_read",
            json!({"method": "comments", "repo": REPO, "number": 5, "node": "DC_2"}),
        );
        assert!(text.starts_with("error: not_found_or_no_access"), "{text}");
    }

    #[test]
    fn pages_are_walked_to_once() {
        let world = World::examples();
        let page = |range: std::ops::Range<u64>, next: Option<&str>| {
            let nodes: Vec<Value> =
                range.map(|number| json!({"number": number, "title": "t"})).collect();
            let info = json!({"hasNextPage": next.is_some(), "endCursor": next});
            json!({"data": {"repository": {"discussions": {"totalCount": 6, "pageInfo": info, "nodes": nodes}}}})
        };
        world.front.graphql_after("Discussions", None, &page(0..2, Some("two")));
        world.front.graphql_after("Discussions", Some("two"), &page(2..4, Some("three")));
        world.front.graphql_after("Discussions", Some("three"), &page(4..6, None));
        let mut client = world.client(&["--toolsets=discussions"]);
        let list = json!({"method": "list", "repo": REPO, "n": 2});
        let pages = all_pages(&mut client, "discussion_read", list);
        let numbers: Vec<u64> = pages
            .iter()
            .flat_map(|page| page.lines().skip(2))
            .map(|line| line.split('\t').next().unwrap().parse().unwrap())
            .collect();
        assert_eq!(numbers, (0..6).collect::<Vec<_>>());
        let asked = world.front.take_seen().into_iter().filter(|seen| seen.path == "/api/graphql");
        assert_eq!(asked.count(), 3, "each page is asked for once");
    }
}

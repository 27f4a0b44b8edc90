//! One issue, or one pull request as an issue.

mod blocked_by;
mod blocking;
mod comment;
mod comments;
mod get;
mod labels;
mod parent;
mod sub_issues;
mod timeline;

use lockkeeper_core::{Method, method};

use crate::fetch::Fetched;
use crate::source::Source;

pub(super) const DESCRIPTION: &str =
    "Read an issue by `number`. comment reads one comment by `id`, to its end.";

pub(super) static METHODS: &[Method<Source>] = &[
    method::<Source, Fetched<get::Get>>("get"),
    method::<Source, Fetched<comments::Comments>>("comments"),
    method::<Source, Fetched<comment::Comment>>("comment"),
    method::<Source, Fetched<timeline::Timeline>>("timeline"),
    method::<Source, Fetched<sub_issues::SubIssues>>("sub_issues"),
    method::<Source, Fetched<parent::Parent>>("parent"),
    method::<Source, Fetched<blocked_by::BlockedBy>>("blocked_by"),
    method::<Source, Fetched<blocking::Blocking>>("blocking"),
    method::<Source, Fetched<labels::Labels>>("labels"),
];

#[cfg(test)]
mod tests {
    use lockkeeper_testkit::expect;
    use lockkeeper_testkit::github::Said;
    use serde_json::json;

    use crate::testing::{REPO, World, seen};

    #[test]
    fn every_method_reads_what_github_documents() {
        let number = json!({"repo": REPO, "number": 1347});
        let methods = [
            "get",
            "comments",
            "timeline",
            "sub_issues",
            "parent",
            "blocked_by",
            "blocking",
            "labels",
        ];
        let mut calls: Vec<_> = methods.iter().map(|method| (*method, number.clone())).collect();
        calls.push(("comment", json!({"repo": REPO, "id": 1})));
        World::examples().check_methods("issue_read", &calls, &expect![[r#"
            get
              [issue of octocat/Hello-World#1347, public]
              number: 1347
              title: Found a bug
              state: open
              reason: completed
            comments
              [comments of octocat/Hello-World#1347, public: 1]
              --- id 1, author octocat, association COLLABORATOR, created 2011-04-14T16:00:49Z
              Me too
            timeline
              [timeline of octocat/Hello-World#1347, public: 4]
              --- event locked, by github, at 2022-04-13T20:49:13Z
              --- event labeled, by github-product-roadmap, at 2022-04-13T20:49:34Z, label beta
              --- event renamed, by github-product-roadmap, at 2022-05-18T19:29:01Z, renamed_to Secret scanning: dry-runs for enterprise-level custom patterns
              --- event commented, by octocat, author octocat, at 2022-05-19T00:52:15Z
            sub_issues
              [sub-issues of octocat/Hello-World#1347, public: 1]
              repo	number	title	state	assignees	id
              octocat/Hello-World	1347	Found a bug	open	octocat	1
            parent
              [parent of octocat/Hello-World#1347, public]
              repo: octocat/Hello-World
              number: 1347
              title: Found a bug
              state: open
            blocked_by
              [blockers of octocat/Hello-World#1347, public: 1]
              repo	number	title	state	assignees	id
              octocat/Hello-World	1347	Found a bug	open	octocat	1
            blocking
              [blocked issues of octocat/Hello-World#1347, public: 1]
              repo	number	title	state	assignees	id
              octocat/Hello-World	1347	Found a bug	open	octocat	1
            labels
              [labels of octocat/Hello-World#1347, public: 2]
              name	color	description
              bug	f29513	Something isn't working
              enhancement	a2eeef	New feature or request
            comment
              [comment of octocat/Hello-World 1, public]
              id: 1
              author: octocat
              association: COLLABORATOR
              created: 2011-04-14T16:00:49Z
        "#]]);
    }

    #[test]
    fn text_of_people_stays_as_it_is() {
        let world = World::examples();
        let body = "let x: Vec<T> = <Foo bar={1} />; a &amp; b & c <!-- hidden --> <div>\n\n```rust\nx\n```";
        let issue = json!({"number": 7, "title": "a <T>", "state": "open", "body": body});
        world.front.say("GET", &format!("/repos/{REPO}/issues/7"), Said::json(200, &issue));
        let text = world.call(
            &[],
            &format!(r#"issue_read {{"method": "get", "repo": "{REPO}", "number": 7}}"#),
        );
        assert_eq!(
            text,
            format!(
                "[issue of {REPO}#7, public; hidden on GitHub's page: 1 comment]\nnumber: 7\ntitle: a <T>\nstate: open\nis_pr: false\n--- body\n{body}"
            )
        );
    }

    #[test]
    fn what_lies_in_a_hidden_repository_is_not_shown() {
        let world = World::examples();
        let foreign = json!({"number": 1, "title": "secret", "repository_url": "https://h/repos/acme/secret", "id": 1});
        let path = format!("/repos/{REPO}/issues/1");
        world.front.say("GET", &format!("{path}/sub_issues"), Said::json(200, &json!([foreign])));
        world.front.say("GET", &format!("{path}/parent"), Said::json(200, &foreign));
        let source = json!([{"event": "cross-referenced", "source": {"issue": {"html_url": "https://h/acme/secret/issues/1", "repository_url": "https://h/repos/acme/secret"}}}]);
        world.front.say("GET", &format!("{path}/timeline"), Said::json(200, &source));
        let mut client = world.client(&["--repos=octocat/*"]);
        for method in ["sub_issues", "parent", "timeline"] {
            let text = seen(
                &mut client,
                "issue_read",
                json!({"method": method, "repo": REPO, "number": 1}),
            );
            assert!(!text.contains("secret"), "{text}");
        }
    }

    #[test]
    fn a_refusal_says_what_to_do() {
        let world = World::examples();
        let path = format!("/repos/{REPO}/issues/1");
        let call = format!(r#"issue_read {{"method": "get", "repo": "{REPO}", "number": 1}}"#);
        let said = |status, message: &str| Said::json(status, &json!({ "message": message }));
        let lacking = said(403, "Resource not accessible by personal access token")
            .header("x-accepted-github-permissions", "issues=read");
        for (answer, expected) in [
            (said(404, "Not Found"), "error: not_found_or_no_access: `octocat/Hello-World 1`"),
            (lacking, "error: scope_missing: the token lacks a permission: issues=read"),
            (said(410, "This issue was deleted"), "error: gone: it is no longer there: This issue"),
            (
                said(403, "Repository access blocked"),
                "error: forbidden: GitHub refuses: Repository",
            ),
            (
                said(403, "You have exceeded a secondary rate limit").header("retry-after", "60"),
                "error: rate_limited",
            ),
        ] {
            world.front.say("GET", &path, answer);
            let text = world.call(&[], &call);
            assert!(text.starts_with(expected), "{text}");
        }
    }
}

//! One pull request.

mod checks;
mod comments;
mod commits;
mod diff;
mod files;
mod get;
mod review_comment;
mod review_comments;
mod reviews;
mod state;
mod threads;

use lockkeeper_core::{Method, method};

use crate::fetch::Fetched;
use crate::source::Source;

pub(super) const DESCRIPTION: &str = "Read a pull request by `number`. diff takes `paths`; threads \
    have the ids that resolving takes; review_comment reads one by `id`.";

pub(super) static METHODS: &[Method<Source>] = &[
    method::<Source, Fetched<get::Get>>("get"),
    method::<Source, files::Files>("files"),
    method::<Source, diff::Diff>("diff"),
    method::<Source, Fetched<commits::Commits>>("commits"),
    method::<Source, checks::Checks>("checks"),
    method::<Source, Fetched<reviews::Reviews>>("reviews"),
    method::<Source, threads::Threads>("threads"),
    method::<Source, Fetched<review_comments::ReviewComments>>("review_comments"),
    method::<Source, Fetched<review_comment::ReviewComment>>("review_comment"),
    method::<Source, Fetched<comments::Comments>>("comments"),
];

#[cfg(test)]
mod tests {
    use lockkeeper_testkit::expect;
    use lockkeeper_testkit::github::Said;
    use serde_json::{Value, json};

    use crate::testing::{REPO, World, all_pages, seen};

    #[test]
    fn every_method_reads_what_github_documents() {
        let world = World::examples();
        let comment = json!({
            "databaseId": 11, "author": {"login": "mona"}, "authorAssociation": "MEMBER",
            "createdAt": "2026-01-01T00:00:00Z", "body": "why?\nreally",
        });
        let thread = json!({
            "id": "PRRT_1", "isResolved": false, "isOutdated": false, "path": "a.rs", "line": 3,
            "diffSide": "RIGHT", "comments": {"totalCount": 1, "nodes": [comment]},
        });
        let threads = json!({
            "totalCount": 1, "pageInfo": {"hasNextPage": false, "endCursor": null}, "nodes": [thread],
        });
        world.front.graphql(
            "ReviewThreads",
            &json!({"data": {"repository": {"pullRequest": {"reviewThreads": threads}}}}),
        );
        let number = json!({"repo": REPO, "number": 1347});
        let methods = [
            "get",
            "files",
            "diff",
            "commits",
            "checks",
            "reviews",
            "threads",
            "review_comments",
            "comments",
        ];
        let mut calls: Vec<_> = methods.iter().map(|method| (*method, number.clone())).collect();
        calls.push(("review_comment", json!({"repo": REPO, "id": 1})));
        world.check_methods("pr_read", &calls, &expect![[r#"
            get
              [pull request of octocat/Hello-World#1347, public]
              number: 1347
              title: Amazing new feature
              state: open
              draft: false
            files
              [files of octocat/Hello-World#1347, public: 1; head 6dcb09b5b57875f334f61aebed695e2e4193db5e; 5 in all]
              status	additions	deletions	path	was
              added	103	21	file1.txt
            diff
              [diff of octocat/Hello-World#1347, public: 1 files; head 6dcb09b5b57875f334f61aebed695e2e4193db5e; 5 in all]
              === file1.txt (added, +103 -21)
              @@ -132,7 +132,7 @@ module Test @@ -1000,7 +1000,7 @@ module Test
            commits
              [commits of octocat/Hello-World#1347, public: 1]
              sha	author	date	message
              6dcb09b5b57875f334f61aebed695e2e4193db5e	octocat	2011-04-14T16:00:49Z	Fix all the bugs
            checks
              [checks of octocat/Hello-World#1347, public: 3; statuses together: success; head 6dcb09b5b57875f334f61aebed695e2e4193db5e]
              name	kind	state	description	id
              mighty_readme	check	neutral	Mighty Readme report	4
              continuous-integration/jenkins	status	success	Build has completed successfully
              security/brakeman	status	success	Testing has completed successfully
            reviews
              [reviews of octocat/Hello-World#1347, public: 1]
              --- id 80, author octocat, association COLLABORATOR, state APPROVED, submitted 2019-11-17T17:43:43Z, commit ecdd80bb57125d7ba9641ffaa4d7d2c19d3f3091
              Here is the body for the review.
            threads
              [threads of octocat/Hello-World#1347, public: 1; 1 in all]
              --- thread PRRT_1, path a.rs, line 3, side RIGHT, resolved false, outdated false, comments 1, ids 11
              mona (MEMBER, 2026-01-01T00:00:00Z):
                why?
                really
            review_comments
              [review comments of octocat/Hello-World#1347, public: 1]
              --- id 10, author octocat, association NONE, path file1.txt, line 2, side RIGHT, reply_to 8, created 2011-04-14T16:00:49Z
              Great stuff!
            comments
              [comments of octocat/Hello-World#1347, public: 1]
              --- id 1, author octocat, association COLLABORATOR, created 2011-04-14T16:00:49Z
              Me too
            review_comment
              [review comment of octocat/Hello-World 1, public]
              id: 10
              author: octocat
              association: NONE
              path: file1.txt
        "#]]);
    }

    /// A pull request of 400 files, in pages as GitHub gives them.
    fn large(world: &World) -> Vec<String> {
        let path = format!("/repos/{REPO}/pulls/9");
        let pull = json!({"number": 9, "changed_files": 400, "head": {"sha": "abcdef0123"}});
        world.front.say("GET", &path, Said::json(200, &pull));
        let patch = |n: u64| {
            (0..n % 40)
                .map(|l| format!("@@ -{l} +{l} @@\n+file {n} line {l} <T> & x\n"))
                .collect::<Vec<_>>()
                .concat()
        };
        let file = |n: u64| json!({"filename": format!("d{}/f{n}", n % 2), "status": "added", "additions": 1, "deletions": 0, "patch": patch(n).trim_end()});
        for page in 1..=4u64 {
            let files: Vec<Value> = ((page - 1) * 100..page * 100).map(file).collect();
            let mut said = Said::json(200, &Value::Array(files));
            if page < 4 {
                said = said.header("link", "<http://x/?page=2>; rel=\"next\"");
            }
            world.front.say("GET", &format!("{path}/files?per_page=100&page={page}"), said);
        }
        (0..400).flat_map(|n| patch(n).lines().map(str::to_owned).collect::<Vec<_>>()).collect()
    }

    #[test]
    fn a_diff_of_400_files_is_read_to_its_end() {
        let world = World::examples();
        let expected = large(&world);
        let mut client = world.client(&[]);
        let pages =
            all_pages(&mut client, "pr_read", json!({"method": "diff", "repo": REPO, "number": 9}));
        let mut read = Vec::new();
        let mut files = std::collections::BTreeSet::new();
        for line in pages.iter().flat_map(|page| page.lines().skip(1)) {
            match line.strip_prefix("=== ") {
                Some(head) => drop(files.insert(head.split(' ').next().unwrap().to_owned())),
                None if line.starts_with('(') => {}
                None => read.push(line.to_owned()),
            }
        }
        assert_eq!(read, expected);
        assert_eq!(files.len(), 400);
        assert!(pages.len() > 5 && pages.iter().all(|page| page.len() < 24_600));
        let some =
            json!({"method": "diff", "repo": REPO, "number": 9, "paths": ["d1/f41", "d0/f2"]});
        let text = seen(&mut client, "pr_read", some);
        assert!(text.starts_with("[diff of octocat/Hello-World#9, public: 2 files"), "{text}");
    }

    #[test]
    fn the_list_of_400_files_is_read_to_its_end() {
        let world = World::examples();
        large(&world);
        let expected: Vec<String> = (0..400).map(|n| format!("d{}/f{n}", n % 2)).collect();
        // Pages of GitHub's, and pages that end where an answer is full.
        for (flags, most, least) in [(&[][..], 24_600, 4), (&["--max-output=2kB"], 2_048, 8)] {
            let mut client = world.client(flags);
            let files = json!({"method": "files", "repo": REPO, "number": 9, "n": 100});
            let pages = all_pages(&mut client, "pr_read", files);
            let lines = pages.iter().flat_map(|page| page.lines().skip(2));
            let paths: Vec<&str> = lines.map(|line| line.split('\t').nth(3).unwrap()).collect();
            assert_eq!(paths, expected);
            assert!(pages.len() >= least, "{}", pages.len());
            for page in &pages {
                assert!(page.len() < most && page.contains("; 400 in all"), "{page}");
            }
        }
    }

    #[test]
    fn a_push_between_two_pages_is_noticed() {
        for method in ["diff", "files"] {
            let world = World::examples();
            large(&world);
            let mut client = world.client(&[]);
            let mut call = json!({"method": method, "repo": REPO, "number": 9});
            if method == "files" {
                call["n"] = 100.into();
            }
            let first = seen(&mut client, "pr_read", call.clone());
            call["cursor"] = crate::testing::cursor(&first).unwrap().into();
            let pull = json!({"number": 9, "changed_files": 400, "head": {"sha": "0000000123"}});
            world.front.say("GET", &format!("/repos/{REPO}/pulls/9"), Said::json(200, &pull));
            assert_eq!(
                seen(&mut client, "pr_read", call),
                "error: changed: the pull request changed since the last page\nnext: start again without cursor"
            );
        }
    }
}

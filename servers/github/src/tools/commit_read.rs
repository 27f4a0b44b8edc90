//! Commits: their list, one of them, what lies between two, who wrote which line.

mod args;
mod blame;
mod compare;
mod files;
mod get;
mod list;
mod statuses;

use lockkeeper_core::{Method, method};

use crate::fetch::Fetched;
use crate::source::Source;

pub(super) const DESCRIPTION: &str = "Read commits. `ref`: branch, tag or sha; for compare the head, \
    `base` the other. fields [\"patch\"] shows changes. blame needs `path`.";

pub(super) static METHODS: &[Method<Source>] = &[
    method::<Source, list::List>("list"),
    method::<Source, Fetched<get::Get>>("get"),
    method::<Source, Fetched<files::Files>>("files"),
    method::<Source, compare::Compare>("compare"),
    method::<Source, blame::Blame>("blame"),
    method::<Source, statuses::Statuses>("statuses"),
];

#[cfg(test)]
mod tests {
    use lockkeeper_testkit::expect;
    use serde_json::json;

    use crate::testing::{REPO, World};

    #[test]
    fn every_method_reads_what_github_documents() {
        let world = World::examples();
        let commit = json!({
            "oid": "6dcb09b", "committedDate": "2026-01-01T00:00:00Z", "messageHeadline": "Fix",
            "author": {"name": "Mona", "user": {"login": "octocat"}},
        });
        let ranges = json!([
            {"startingLine": 1, "endingLine": 3, "commit": commit},
            {"startingLine": 4, "endingLine": 9, "commit": commit},
        ]);
        let object = json!({"oid": "6dcb09b", "blame": {"ranges": ranges}});
        world.front.graphql("Blame", &json!({"data": {"repository": {"object": object}}}));
        let at = json!({"repo": REPO, "ref": "main"});
        world.check_methods(
            "commit_read",
            &[
                ("list", json!({"repo": REPO, "path": "a/b", "author": "octocat"})),
                ("get", at.clone()),
                ("files", json!({"repo": REPO, "ref": "main", "fields": ["path", "patch"]})),
                ("compare", json!({"repo": REPO, "base": "v1", "ref": "feature/x"})),
                ("blame", json!({"repo": REPO, "path": "a.rs", "start_line": 4})),
                ("statuses", at.clone()),
            ],
            &expect![[r#"
                list
                  [commits of octocat/Hello-World, public: 1]
                  sha	author	date	message
                  6dcb09b5b57875f334f61aebed695e2e4193db5e	octocat	2011-04-14T16:00:49Z	Fix all the bugs
                get
                  [commit of octocat/Hello-World main, public]
                  sha: 6dcb09b5b57875f334f61aebed695e2e4193db5e
                  author: octocat
                  author_name: Monalisa Octocat
                  date: 2011-04-14T16:00:49Z
                files
                  [files of octocat/Hello-World main, public: 1]
                  path	patch
                  file1.txt	@@ -29,7 +29,7 @@\n.....
                compare
                  [files changed of octocat/Hello-World v1...feature/x, public: 1; head is behind; 1 commits ahead, 2 behind; merge base 6dcb09b5b57875f334f61aebed695e2e4193db5e]
                  status	additions	deletions	path	was
                  added	103	21	file1.txt
                blame
                  [blame of octocat/Hello-World a.rs, public: 1]
                  from	to	sha	author	date	message
                  4	9	6dcb09b	octocat	2026-01-01T00:00:00Z	Fix
                statuses
                  [checks of octocat/Hello-World main, public: 3; statuses together: success]
                  name	kind	state	description	id
                  mighty_readme	check	neutral	Mighty Readme report	4
                  continuous-integration/jenkins	status	success	Build has completed successfully
                  security/brakeman	status	success	Testing has completed successfully
            "#]],
        );
    }
}

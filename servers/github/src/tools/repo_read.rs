//! What a repository is and has, but for its files and issues.

mod assignees;
mod branch;
mod branches;
mod collaborators;
mod contributors;
mod get;
mod issue_fields;
mod issue_types;
mod labels;
mod languages;
mod latest_release;
mod milestones;
mod readme;
mod release;
mod releases;
mod tag;
mod tags;

use lockkeeper_core::{Method, method};

use crate::fetch::Fetched;
use crate::source::Source;

pub(super) const DESCRIPTION: &str = "Read about a repository. `name` is a branch or tag.";

pub(super) static METHODS: &[Method<Source>] = &[
    method::<Source, Fetched<get::Get>>("get"),
    method::<Source, readme::Readme>("readme"),
    method::<Source, languages::Languages>("languages"),
    method::<Source, Fetched<contributors::Contributors>>("contributors"),
    method::<Source, Fetched<collaborators::Collaborators>>("collaborators"),
    method::<Source, Fetched<branches::Branches>>("branches"),
    method::<Source, Fetched<branch::Branch>>("branch"),
    method::<Source, Fetched<tags::Tags>>("tags"),
    method::<Source, Fetched<tag::Tag>>("tag"),
    method::<Source, Fetched<releases::Releases>>("releases"),
    method::<Source, Fetched<release::Release>>("release"),
    method::<Source, Fetched<latest_release::LatestRelease>>("latest_release"),
    method::<Source, Fetched<labels::Labels>>("labels"),
    method::<Source, Fetched<milestones::Milestones>>("milestones"),
    method::<Source, Fetched<issue_types::IssueTypes>>("issue_types"),
    method::<Source, issue_fields::IssueFields>("issue_fields"),
    method::<Source, Fetched<assignees::Assignees>>("assignees"),
];

#[cfg(test)]
mod tests {
    use lockkeeper_testkit::expect;
    use lockkeeper_testkit::github::Said;
    use serde_json::json;

    use crate::testing::{REPO, World};

    #[test]
    fn every_method_reads_what_github_documents() {
        let repo = json!({ "repo": REPO });
        let name = json!({"repo": REPO, "name": "main"});
        let world = World::examples();
        // The document's own example is no base64.
        let readme = json!({
            "type": "file", "encoding": "base64", "size": 6, "path": "README.md", "sha": "3d21ec5",
            "content": "IyBwdWIK\n",
        });
        world.front.say("GET", &format!("/repos/{REPO}/readme"), Said::json(200, &readme));
        world.check_methods(
            "repo_read",
            &[
                ("get", repo.clone()),
                ("readme", repo.clone()),
                ("languages", repo.clone()),
                ("contributors", repo.clone()),
                ("collaborators", repo.clone()),
                ("branches", repo.clone()),
                ("branch", name.clone()),
                ("tags", repo.clone()),
                ("tag", name.clone()),
                ("releases", repo.clone()),
                ("release", name.clone()),
                ("latest_release", repo.clone()),
                ("labels", json!({"repo": REPO, "fields": ["name", "id"]})),
                ("milestones", repo.clone()),
                ("issue_types", repo.clone()),
                ("issue_fields", repo.clone()),
                ("assignees", repo.clone()),
            ],
            &expect![[r#"
                get
                  [repository of octocat/Hello-World, public]
                  repo: octocat/Hello-World
                  visibility: public
                  description: This your first repo!
                  default_branch: master
                readme
                  [README.md of octocat/Hello-World, public; sha 3d21ec5; 1 lines, 6 bytes: lines 1-1]
                  # pub
                languages
                  [languages of octocat/Hello-World, public: 2]
                  language	bytes
                  C	78769
                  Python	7769
                contributors
                  [contributors of octocat/Hello-World, public: 1]
                  login	commits
                  octocat	32
                collaborators
                  [collaborators of octocat/Hello-World, public: 1]
                  login	role
                  octocat	write
                branches
                  [branches of octocat/Hello-World, public: 1]
                  name	sha	protected
                  master	c5b97d5ae6c19d5c5df71a34c7fbeeda2479ccbc	true
                branch
                  [branch of octocat/Hello-World main, public]
                  name: main
                  sha: 7fd1a60b01f91b314f59955a4e4d4e80d8edf11d
                  protected: false
                tags
                  [tags of octocat/Hello-World, public: 1]
                  name	sha
                  v0.1	c5b97d5ae6c19d5c5df71a34c7fbeeda2479ccbc
                tag
                  [tag of octocat/Hello-World main, public]
                  ref: refs/heads/featureA
                  sha: aa218f56b14c9653891f9e74264a383fa43fefbd
                  type: commit
                releases
                  [releases of octocat/Hello-World, public: 1]
                  id	tag	name	draft	prerelease	published	author	assets
                  1	v1.0.0	v1.0.0	false	false	2013-02-27T19:35:32Z	octocat	example.zip
                release
                  [release of octocat/Hello-World main, public]
                  id: 1
                  tag: v1.0.0
                  name: v1.0.0
                  draft: false
                latest_release
                  [latest release of octocat/Hello-World, public]
                  id: 1
                  tag: v1.0.0
                  name: v1.0.0
                  draft: false
                labels
                  [labels of octocat/Hello-World, public: 2]
                  name	id
                  bug	208045946
                  enhancement	208045947
                milestones
                  [milestones of octocat/Hello-World, public: 1]
                  number	title	state	due	open	closed
                  1	v1.0	open	2012-10-09T23:39:01Z	4	8
                issue_types
                  [issue types of octocat/Hello-World, public: 2]
                  id	name	description
                  410	Task	A specific piece of work
                  411	Bug	An unexpected problem or behavior
                issue_fields
                  [issue fields of octocat/Hello-World, public: 3]
                  id	name	description
                  1	Text field	DRI
                  2	Priority	Level of importance
                  3	Categories	Issue categories
                assignees
                  [assignees of octocat/Hello-World, public: 1]
                  login	type
                  octocat	User
            "#]],
        );
    }

    #[test]
    fn a_repository_that_the_rules_hide_is_asked_nothing_about() {
        let world = World::examples();
        for flags in [&["--repos=octocat/other"][..], &["--repos=octocat/other,acme/*"]] {
            let hidden =
                world.call(flags, &format!(r#"repo_read {{"method": "get", "repo": "{REPO}"}}"#));
            assert!(
                hidden.starts_with(
                    "error: not_found_or_no_access: `octocat/Hello-World` is not there"
                ),
                "{hidden}"
            );
        }
        assert_eq!(world.front.take_seen().len(), 0);
    }

    #[test]
    fn a_field_that_there_is_not_costs_no_request() {
        let world = World::examples();
        let call =
            format!(r#"repo_read {{"method": "tags", "repo": "{REPO}", "fields": ["nam"]}}"#);
        expect![[r#"
            error: invalid_arguments: `fields`: there is no `nam`
            next: the fields are name, sha"#]]
        .assert_eq(&world.call(&[], &call));
        assert_eq!(world.front.take_seen().len(), 0);
    }
}

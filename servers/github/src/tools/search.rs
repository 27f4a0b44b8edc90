//! Searches over all of GitHub, or what of it exists here.

mod code;
mod commits;
mod issues;
mod orgs;
mod prs;
mod query;
mod repos;
mod topics;
mod users;

use lockkeeper_core::{Method, method};

use self::query::Searched;
use crate::source::Source;

pub(super) const DESCRIPTION: &str = "Search GitHub; `method` says for what.";

pub(super) static METHODS: &[Method<Source>] = &[
    method::<Source, Searched<code::Code>>("code"),
    method::<Source, Searched<issues::Issues>>("issues"),
    method::<Source, Searched<prs::Prs>>("prs"),
    method::<Source, Searched<repos::Repos>>("repos"),
    method::<Source, Searched<commits::Commits>>("commits"),
    method::<Source, Searched<users::Users>>("users"),
    method::<Source, Searched<orgs::Orgs>>("orgs"),
    method::<Source, Searched<topics::Topics>>("topics"),
];

#[cfg(test)]
mod tests {
    use lockkeeper_testkit::expect;
    use serde_json::json;

    use crate::testing::{World, seen};

    #[test]
    fn every_method_reads_what_github_documents() {
        let query = json!({"query": "x"});
        let methods = ["code", "issues", "prs", "repos", "commits", "users", "orgs", "topics"];
        let calls: Vec<_> = methods.iter().map(|method| (*method, query.clone())).collect();
        World::examples().check_methods("search", &calls, &expect![[r#"
            code
              [code: 1; 7 in all]
              repo	path	sha
              jquery/jquery	src/attributes/classes.js	d7212f9dee2dcc18f084d7df8f417b80846ded5a
            issues
              [issues found: 1; 280 in all]
              repo	number	title	state	author	labels	comments	updated
              batterseapower/pinyin-toolkit	132	Line Number Indexes Beyond 20 Not Displayed	open	Nick3C	bug	15	2009-07-19T09:23:43Z
            prs
              [pull requests found: 1; 280 in all]
              repo	number	title	state	author	labels	comments	updated
              batterseapower/pinyin-toolkit	132	Line Number Indexes Beyond 20 Not Displayed	open	Nick3C	bug	15	2009-07-19T09:23:43Z
            repos
              [repositories found: 1; 40 in all]
              repo	private	language	stars	open_issues	pushed	description
              dtrupenn/Tetris	false	Assembly	1	0	2012-01-01T00:37:02Z	A C implementation of Tetris using Pennsim through LC4
            commits
              [commits found: 1; 1 in all]
              sha	author	date	message
              bb4cc8d3b2e14b3af5df699876dd4ff3acd00b7f	octocat	2014-02-04T14:38:36-08:00	Create styles.css and updated README
            users
              [users found: 1; 12 in all]
              login	type
              mojombo	User
            orgs
              [organizations found: 1; 12 in all]
              login	type
              mojombo	User
            topics
              [topics found: 6; 6 in all]
              name	display	description
              ruby	Ruby	Ruby is a scripting language designed for simplified object-oriented programming.
              rails	Rails	Ruby on Rails (Rails) is a web application framework written in Ruby.
              python	Python	Python is a dynamically typed programming language.
        "#]]);
    }

    #[test]
    fn foreign_hits_are_dropped_and_not_counted() {
        let world = World::examples();
        let mut client = world.client(&["--repos=octo/hello"]);
        let text = seen(&mut client, "search", json!({"method": "code", "query": "x"}));
        assert!(text.starts_with("[code: 0]"), "{text}");
        let sent = world.front.take_seen();
        assert_eq!(sent[0].query, "q=x%20repo%3Aocto%2Fhello&per_page=20&page=1");
        let foreign = json!({"method": "code", "query": "x repo:jquery/jquery"});
        let text = seen(&mut client, "search", foreign);
        assert!(text.starts_with("error: not_found_or_no_access: `jquery/jquery`"), "{text}");
        assert_eq!(world.front.take_seen().len(), 0);
    }
}

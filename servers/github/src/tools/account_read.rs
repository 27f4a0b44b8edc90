//! Who is who: the token's user, other users, organizations and teams.

mod args;
mod me;
mod org;
mod org_members;
mod repos;
mod starred;
mod team_members;
mod teams;
mod user;

use lockkeeper_core::{Method, method};

use crate::fetch::FetchedOutside;
use crate::source::Source;

pub(super) const DESCRIPTION: &str =
    "Read about users, organizations, teams, and which repositories they have. `name` is a login.";

pub(super) static METHODS: &[Method<Source>] = &[
    method::<Source, FetchedOutside<me::Me>>("me"),
    method::<Source, FetchedOutside<user::User>>("user"),
    method::<Source, FetchedOutside<org::Org>>("org"),
    method::<Source, FetchedOutside<teams::Teams>>("teams"),
    method::<Source, FetchedOutside<team_members::TeamMembers>>("team_members"),
    method::<Source, FetchedOutside<org_members::OrgMembers>>("org_members"),
    method::<Source, FetchedOutside<repos::Repos>>("repos"),
    method::<Source, FetchedOutside<starred::Starred>>("starred"),
];

#[cfg(test)]
mod tests {
    use lockkeeper_testkit::expect;
    use serde_json::json;

    use crate::testing::{World, seen};

    #[test]
    fn every_method_reads_what_github_documents() {
        let name = json!({"name": "octocat"});
        World::examples().check_methods(
            "account_read",
            &[
                ("me", json!({})),
                ("user", name.clone()),
                ("org", name.clone()),
                ("teams", json!({})),
                ("team_members", json!({"name": "octo", "team": "core"})),
                ("org_members", name.clone()),
                ("repos", name.clone()),
                ("repos", json!({"fields": ["repo", "id"]})),
                ("starred", json!({})),
            ],
            &expect![[r#"
                me
                  [the token's user]
                  login: octocat
                  name: monalisa octocat
                  type: User
                  company: GitHub
                user
                  [user of octocat]
                  login: octocat
                  name: monalisa octocat
                  type: User
                  company: GitHub
                org
                  [organization of octocat]
                  login: github
                  name: github
                  description: A great organization
                  repos: 2
                teams
                  [teams: 1]
                  org	slug	name	privacy	permission
                  github	justice-league	Justice League	closed	admin
                team_members
                  [members of octo/core: 1]
                  login	type
                  octocat	User
                org_members
                  [members of octocat: 1]
                  login	type
                  octocat	User
                repos
                  [repositories of octocat: 1]
                  repo	private	language	stars	open_issues	pushed	description
                  octocat/Hello-World	false		80	0	2011-01-26T19:06:43Z	This your first repo!
                repos
                  [repositories: 1]
                  repo	id
                  octocat/Hello-World	1296269
                starred
                  [starred: 1]
                  repo	private	language	stars	open_issues	pushed	description
                  octocat/Hello-World	false		80	0	2011-01-26T19:06:43Z	This your first repo!
            "#]],
        );
    }

    #[test]
    fn what_the_rules_hide_is_not_listed() {
        let world = World::examples();
        let mut client = world.client(&["--repos=octocat/other"]);
        let text = seen(&mut client, "account_read", json!({"method": "starred"}));
        assert!(text.starts_with("[starred: 0") && !text.contains("Hello"), "{text}");
    }
}

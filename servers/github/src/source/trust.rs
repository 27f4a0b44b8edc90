//! Of what kind something is that was read: whether everybody may read it, and whether somebody may
//! have written it who has no say where it lies. When in doubt it is private, and untrusted.

use lockkeeper_core::Sight;
use serde_json::Value;

use super::RepoRef;
use super::Route;
use super::Source;
use super::client::Call;
use super::route::is_of_gists;

/// Whose text is trusted in a private repository: all that GitHub calls them by there.
pub(super) const INSIDERS: [&str; 3] = ["OWNER", "MEMBER", "COLLABORATOR"];

/// What is seen of a list before its items say where they lie.
pub(super) const NOTHING: Sight = Sight { private: false, untrusted: false };

/// Objects within objects that are looked into.
const DEEPEST: usize = 12;

impl Source {
    /// Notes what reading at this route means for later writes, and for the label of the answer.
    pub(super) async fn note(&self, route: &Route, value: Option<&Value>) {
        let sight = self.sight(route, value).await.unwrap_or(NOTHING);
        let place = route.repo().map_or_else(|| route.place().to_owned(), RepoRef::full_name);
        self.taint.saw_as(&place, sight);
    }

    /// None for what says by itself, item by item, where it lies.
    async fn sight(&self, route: &Route, value: Option<&Value>) -> Option<Sight> {
        let Some(repo) = route.repo() else {
            return match value.filter(|_| is_of_gists(route.place())) {
                Some(gists) => Some(self.sight_of_gists(gists).await),
                None => outside(route.place()),
            };
        };
        let private = repo.is_private() || route.is_confidential() || value.is_some_and(has_drafts);
        if !repo.is_private() {
            return Some(Sight { private, untrusted: true });
        }
        let untrusted = match value {
            Some(value) => has_strangers(value, 0),
            // Text as it is: what others than pull requests hold was pushed, or printed by what was.
            None => route.is_log(),
        };
        let untrusted = untrusted || self.leads_to_fork(route, value.is_some()).await;
        Some(Sight { private, untrusted })
    }

    /// Whether a route goes into a pull request whose content comes from elsewhere.
    async fn leads_to_fork(&self, route: &Route, value_is_pull: bool) -> bool {
        let (Some(repo), Some(number)) = (route.repo(), route.pull()) else { return false };
        let pull = repo.route().at("pulls").number(number);
        if value_is_pull && pull.place() == route.place() {
            return false;
        }
        let pull = self.client.json(&pull, Call::default()).await;
        pull.map_or(true, |pull| is_from_fork(&pull.value))
    }
}

/// Places outside repositories.
fn outside(place: &str) -> Option<Sight> {
    let mut parts = place.trim_start_matches('/').split('/');
    let first = parts.next().unwrap_or_default();
    let (second, third) = (parts.next(), parts.next());
    let sight = |private, untrusted| Some(Sight { private, untrusted });
    match (first, second, third) {
        // What everybody sees of oneself.
        ("user", None, _) => sight(false, false),
        // Each of these says of itself where it is, or whose.
        ("user", Some("repos" | "starred"), _)
        | ("users" | "orgs", Some(_), Some("repos"))
        | ("notifications" | "search" | "gists", _, _) => None,
        ("users", Some(_), Some("gists" | "projectsV2"))
        | ("orgs", Some(_), Some("projectsV2")) => None,
        ("users" | "advisories", _, _) | ("orgs", Some(_), None) => sight(false, true),
        // Who belongs to an organization and its teams isn't for everybody.
        ("orgs", Some(_), Some("members" | "teams" | "issue-fields"))
        | ("user", Some("teams"), _) => sight(true, false),
        _ => sight(true, true),
    }
}

/// Releases that only those see who may push.
fn has_drafts(value: &Value) -> bool {
    let is_draft =
        |one: &Value| one.get("tag_name").is_some() && one.get("draft") == Some(&Value::Bool(true));
    match value {
        Value::Array(items) => items.iter().any(is_draft),
        one => is_draft(one),
    }
}

/// Whether somebody wrote in it who isn't of the repository's own people, or a fork's content is in it.
pub(super) fn has_strangers(value: &Value, depth: usize) -> bool {
    if depth > DEEPEST {
        return true;
    }
    match value {
        Value::Array(items) => items.iter().any(|item| has_strangers(item, depth + 1)),
        Value::Object(fields) => {
            let association =
                fields.get("author_association").or_else(|| fields.get("authorAssociation"));
            let is_stranger = association.is_some_and(|association| {
                !association.as_str().is_some_and(|word| INSIDERS.contains(&word))
            });
            is_stranger
                || (fields.contains_key("base") && is_from_fork(value))
                || is_run_of_fork(value)
                || fields.values().any(|one| has_strangers(one, depth + 1))
        }
        _ => false,
    }
}

/// Whether a pull request's head lies in another repository, or in none any more.
pub(super) fn is_from_fork(pull: &Value) -> bool {
    let repo =
        |side: &str| pull.pointer(&format!("/{side}/repo/full_name")).and_then(Value::as_str);
    pull.get("head").is_some_and(Value::is_object)
        && (repo("head").is_none() || repo("head") != repo("base"))
}

/// Whether a run was started by what lies in another repository.
pub(super) fn is_run_of_fork(run: &Value) -> bool {
    let repo = |side: &str| run.pointer(&format!("/{side}/full_name")).and_then(Value::as_str);
    run.get("run_number").is_some()
        && run.get("head_repository").is_some()
        && repo("head_repository") != repo("repository")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn places_outside_repositories_are_of_a_kind() {
        let kind = |place: &str| outside(place).map(|sight| (sight.private, sight.untrusted));
        for (place, expected) in [
            ("/user", Some((false, false))),
            ("/user/repos", None),
            ("/user/teams", Some((true, false))),
            ("/users/mallory", Some((false, true))),
            ("/users/mallory/repos", None),
            ("/orgs/acme", Some((false, true))),
            ("/orgs/acme/members", Some((true, false))),
            ("/orgs/acme/teams/core/members", Some((true, false))),
            ("/orgs/acme/repos", None),
            ("/notifications/threads/1", None),
            ("/advisories/GHSA-1", Some((false, true))),
            ("/something/new", Some((true, true))),
        ] {
            assert_eq!(kind(place), expected, "{place}");
        }
    }

    #[test]
    fn strangers_are_found_wherever_they_stand() {
        let by = |who: &str| json!({"user": {"login": "x"}, "author_association": who});
        for who in INSIDERS {
            assert!(!has_strangers(&by(who), 0), "{who}");
        }
        for who in ["NONE", "CONTRIBUTOR", "FIRST_TIMER", "FIRST_TIME_CONTRIBUTOR", "MANNEQUIN", ""]
        {
            assert!(has_strangers(&json!([by("OWNER"), {"nodes": [by(who)]}]), 0), "{who}");
        }
        assert!(has_strangers(&json!({"authorAssociation": null}), 0));
        let pull =
            |head: Value| json!({"head": {"repo": head}, "base": {"repo": {"full_name": "o/r"}}});
        assert!(!has_strangers(&pull(json!({"full_name": "o/r"})), 0));
        assert!(has_strangers(&pull(json!({"full_name": "m/r"})), 0));
        assert!(has_strangers(&pull(Value::Null), 0), "the fork is gone");
        let run = |head: &str| json!({"run_number": 1, "head_repository": {"full_name": head}, "repository": {"full_name": "o/r"}});
        assert!(has_strangers(&json!({"workflow_runs": [run("m/r")]}), 0));
        assert!(!has_strangers(&run("o/r"), 0));
        let mut deep = json!(1);
        for _ in 0..100 {
            deep = json!([deep]);
        }
        assert!(has_strangers(&deep, 0), "what isn't looked into is doubtful");
    }
}

//! What a token may do, and what tools need: of classic tokens by their scopes, of Apps by their
//! installation's permissions. Of fine-grained tokens GitHub tells only call by call.

use std::collections::BTreeMap;

/// Scopes that no tool needs, and that an agent should not hold.
const TOO_MUCH: [&str; 6] =
    ["delete_repo", "site_admin", "codespace", "delete:packages", "write:packages", "user"];

/// What a classic token needs one of, and what doesn't work without.
const BY_SCOPE: [(&[&str], &str); 7] = [
    (&["repo"], "everything in private repositories"),
    (&["repo", "public_repo"], "all that writes to public repositories"),
    (&["read:org"], "account_read teams, team_members, org_members of private members"),
    (&["notifications", "repo"], "notify_read, notify_write"),
    (&["gist"], "gist_write, gist_read of secret gists"),
    (&["project", "read:project"], "project_read, project_write"),
    (&["repo", "security_events"], "security_read"),
];

/// What an App needs, and what doesn't work without.
const BY_PERMISSION: [(&str, &str, &str); 10] = [
    ("contents", "read", "file_read, commit_read, repo_read releases"),
    ("contents", "write", "file_write, ref_write, pr_write merge"),
    ("issues", "read", "issue_list, issue_read"),
    ("issues", "write", "issue_write, comment_write"),
    ("pull_requests", "read", "pr_list, pr_read"),
    ("pull_requests", "write", "pr_write, pr_review"),
    ("actions", "read", "actions_read"),
    ("actions", "write", "actions_write"),
    ("discussions", "read", "discussion_read"),
    ("security_events", "read", "security_read code_scanning"),
];

/// The scopes in a header.
pub(super) fn list(header: &str) -> Vec<&str> {
    header.split(',').map(str::trim).filter(|scope| !scope.is_empty()).collect()
}

/// Whether a token with these scopes may do what this one is for.
fn has(scopes: &[&str], wanted: &str) -> bool {
    let implied = |scope: &str| match scope {
        "repo" => matches!(wanted, "public_repo" | "security_events"),
        "project" => wanted == "read:project",
        _ => {
            let strength = |prefix: &str| match prefix {
                "admin" => 3,
                "write" => 2,
                "read" => 1,
                _ => 0,
            };
            match (scope.split_once(':'), wanted.split_once(':')) {
                (Some((mine, of)), Some((theirs, what))) => {
                    of == what && strength(mine) > strength(theirs)
                }
                _ => false,
            }
        }
    };
    scopes.iter().any(|scope| *scope == wanted || implied(scope))
}

/// Those that give more than any tool needs.
pub(super) fn excess<'a>(scopes: &[&'a str], writes: bool) -> Vec<&'a str> {
    let is_excess = |scope: &&&str| {
        TOO_MUCH.contains(scope)
            || scope.starts_with("admin:")
            // Without it no file beneath .github/workflows can be written.
            || (**scope == "workflow" && !writes)
    };
    scopes.iter().filter(is_excess).copied().collect()
}

/// What is missing, and the tools that don't work for it.
pub(super) fn missing_scopes(scopes: &[&str]) -> Vec<String> {
    let lacking = BY_SCOPE.iter().filter(|(any, _)| !any.iter().any(|scope| has(scopes, scope)));
    lacking.map(|(any, tools)| format!("without `{}`: {tools}", any.join("` or `"))).collect()
}

/// The same of an installation.
pub(super) fn missing_permissions(permissions: &BTreeMap<String, String>) -> Vec<String> {
    let holds = |name: &str, level: &str| {
        let held = permissions.get(name).map(String::as_str);
        matches!((held, level), (Some("write" | "admin"), _) | (Some("read"), "read"))
    };
    let lacking = BY_PERMISSION.iter().filter(|(name, level, _)| !holds(name, level));
    lacking.map(|(name, level, tools)| format!("without `{name}: {level}`: {tools}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn more_than_needed_is_told_from_what_is_needed() {
        let scopes = list("repo, admin:org,delete_repo , workflow, admin:public_key, gist,");
        assert_eq!(
            excess(&scopes, false),
            ["admin:org", "delete_repo", "workflow", "admin:public_key"]
        );
        assert!(!excess(&scopes, true).contains(&"workflow"));
        assert!(excess(&list("repo, read:org, gist, notifications, project"), false).is_empty());
    }

    #[test]
    fn what_a_scope_is_for_is_said_where_it_is_missing() {
        let missing = |text| missing_scopes(&list(text));
        assert_eq!(
            missing("repo, gist, project"),
            [
                "without `read:org`: account_read teams, team_members, org_members of private members"
            ]
        );
        assert_eq!(missing("repo, gist, read:project, admin:org"), [""; 0]);
        assert_eq!(missing("").len(), BY_SCOPE.len());
        assert!(missing("public_repo").iter().any(|line| line.starts_with("without `repo`: ")));
        assert!(missing("admin:gist").iter().any(|line| line.starts_with("without `gist`")));
        let held = [("contents", "write"), ("issues", "read"), ("metadata", "read")];
        let held = held.map(|(name, level)| (name.to_owned(), level.to_owned())).into();
        let lines = missing_permissions(&held);
        assert!(!lines.iter().any(|line| line.contains("contents")), "{lines:?}");
        assert!(lines.contains(&"without `issues: write`: issue_write, comment_write".to_owned()));
        assert!(!lines.iter().any(|line| line.contains("`issues: read`")), "{lines:?}");
    }
}

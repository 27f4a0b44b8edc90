//! Groups of tools that are switched on together.

use serde::{Deserialize, Serialize};

/// A group of tools.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Toolset {
    /// Who the token belongs to, teams, members.
    Context,
    /// Repositories, files, commits, search.
    Repos,
    /// Issues and comments.
    Issues,
    /// Pull requests and reviews.
    Pulls,
    /// Workflows, their runs and logs.
    Actions,
    /// The notification inbox.
    Notifications,
    /// Discussions.
    Discussions,
    /// Gists.
    Gists,
    /// Projects.
    Projects,
    /// Alerts and advisories.
    Security,
    /// Every group.
    All,
}

/// Which tool belongs where.
const TOOLS: &[(Toolset, &[&str])] = &[
    (Toolset::Context, &["account_read"]),
    (
        Toolset::Repos,
        &[
            "repo_read",
            "file_read",
            "commit_read",
            "search",
            "file_write",
            "ref_write",
            "repo_write",
        ],
    ),
    (Toolset::Issues, &["issue_list", "issue_read", "issue_write", "comment_write"]),
    (Toolset::Pulls, &["pr_list", "pr_read", "pr_write", "pr_review"]),
    (Toolset::Actions, &["actions_read", "actions_write"]),
    (Toolset::Notifications, &["notify_read", "notify_write"]),
    (Toolset::Discussions, &["discussion_read"]),
    (Toolset::Gists, &["gist_read", "gist_write"]),
    (Toolset::Projects, &["project_read", "project_write"]),
    (Toolset::Security, &["security_read"]),
];

/// The toolset of a tool.
fn of(tool: &str) -> Option<Toolset> {
    TOOLS.iter().find(|(_, tools)| tools.contains(&tool)).map(|(set, _)| *set)
}

/// Whether a tool is in one of these toolsets; none are the default ones.
pub(crate) fn offer(toolsets: &[Toolset], tool: &str) -> bool {
    of(tool).is_none_or(|set| {
        if toolsets.is_empty() {
            return set.is_default();
        }
        toolsets.contains(&set) || toolsets.contains(&Toolset::All)
    })
}

/// The scopes that a token needs for these.
pub(crate) fn scopes(toolsets: &[Toolset], writes: bool) -> Vec<&'static str> {
    let has = |set: Toolset| {
        let is_named = toolsets.contains(&set) || toolsets.contains(&Toolset::All);
        is_named || (toolsets.is_empty() && set.is_default())
    };
    let mut scopes = vec!["repo"];
    for (set, scope) in [
        (Toolset::Context, "read:org"),
        (Toolset::Notifications, "notifications"),
        (Toolset::Gists, "gist"),
        (Toolset::Projects, if writes { "project" } else { "read:project" }),
    ] {
        scopes.extend(has(set).then_some(scope));
    }
    // Files beneath .github/workflows are written with it only.
    scopes.extend((writes && has(Toolset::Repos)).then_some("workflow"));
    scopes
}

impl Toolset {
    /// Whether it is there without being asked for.
    fn is_default(self) -> bool {
        matches!(self, Self::Context | Self::Repos | Self::Issues | Self::Pulls | Self::Actions)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_tool_belongs_to_one_toolset() {
        for tool in crate::tools::TOOLS {
            let sets = TOOLS.iter().filter(|(_, tools)| tools.contains(&tool.name())).count();
            assert_eq!(sets, 1, "{}", tool.name());
        }
    }
}

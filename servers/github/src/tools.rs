//! The tools, one file each; those with methods have a folder with one file for each method.

mod account_read;
mod actions_read;
mod actions_write;
mod comment_write;
mod commit_read;
mod discussion_read;
mod file_read;
mod file_write;
mod gist_read;
mod gist_write;
mod issue_list;
mod issue_read;
mod issue_write;
mod notify_read;
mod notify_write;
mod pr_list;
mod pr_read;
mod pr_review;
mod pr_write;
mod project_read;
mod project_write;
mod ref_write;
mod repo_read;
mod repo_write;
mod search;
mod security_read;

use lockkeeper_core::{Registered, methods, tool};

use crate::source::Source;

pub(crate) static TOOLS: &[Registered<Source>] = &[
    methods("account_read", account_read::DESCRIPTION, account_read::METHODS),
    methods("repo_read", repo_read::DESCRIPTION, repo_read::METHODS),
    methods("file_read", file_read::DESCRIPTION, file_read::METHODS),
    methods("commit_read", commit_read::DESCRIPTION, commit_read::METHODS),
    methods("search", search::DESCRIPTION, search::METHODS),
    tool::<Source, issue_list::IssueList>("issue_list"),
    methods("issue_read", issue_read::DESCRIPTION, issue_read::METHODS),
    tool::<Source, pr_list::PrList>("pr_list"),
    methods("pr_read", pr_read::DESCRIPTION, pr_read::METHODS),
    methods("actions_read", actions_read::DESCRIPTION, actions_read::METHODS),
    methods("notify_read", notify_read::DESCRIPTION, notify_read::METHODS),
    methods("discussion_read", discussion_read::DESCRIPTION, discussion_read::METHODS),
    methods("gist_read", gist_read::DESCRIPTION, gist_read::METHODS),
    methods("project_read", project_read::DESCRIPTION, project_read::METHODS),
    methods("security_read", security_read::DESCRIPTION, security_read::METHODS),
    tool::<Source, file_write::FileWrite>("file_write"),
    methods("ref_write", ref_write::DESCRIPTION, ref_write::METHODS),
    methods("repo_write", repo_write::DESCRIPTION, repo_write::METHODS),
    methods("issue_write", issue_write::DESCRIPTION, issue_write::METHODS),
    methods("comment_write", comment_write::DESCRIPTION, comment_write::METHODS),
    methods("pr_write", pr_write::DESCRIPTION, pr_write::METHODS),
    methods("pr_review", pr_review::DESCRIPTION, pr_review::METHODS),
    methods("actions_write", actions_write::DESCRIPTION, actions_write::METHODS),
    methods("notify_write", notify_write::DESCRIPTION, notify_write::METHODS),
    methods("gist_write", gist_write::DESCRIPTION, gist_write::METHODS),
    methods("project_write", project_write::DESCRIPTION, project_write::METHODS),
];

//! What is shown of GitHub's things. Short by default: texts of people, and what few ask for, only by
//! name. Every id that some method takes is here.

use crate::answer::{Shape, f, more};

pub(crate) const USER: Shape = &[
    f("login", "login"),
    f("name", "name"),
    f("type", "type"),
    f("company", "company"),
    f("repos", "public_repos"),
    f("token_scopes", "token_scopes"),
    f("more_than_needed", "token_excess"),
    more("location", "location"),
    more("bio", "bio"),
    more("followers", "followers"),
    more("created", "created_at"),
    more("url", "html_url"),
    more("id", "id"),
];

pub(crate) const PERSON: Shape = &[
    f("login", "login"),
    f("type", "type"),
    more("role", "role_name"),
    more("id", "id"),
    more("url", "html_url"),
];

pub(crate) const COLLABORATOR: Shape =
    &[f("login", "login"), f("role", "role_name"), more("id", "id")];

pub(crate) const CONTRIBUTOR: Shape = &[f("login", "login"), f("commits", "contributions")];

pub(crate) const ORG: Shape = &[
    f("login", "login"),
    f("name", "name"),
    f("description", "description"),
    f("repos", "public_repos"),
    more("private_repos", "total_private_repos"),
    more("members_can_create_repos", "members_can_create_repositories"),
    more("url", "html_url"),
    more("id", "id"),
];

pub(crate) const TEAM: Shape = &[
    f("org", "organization.login"),
    f("slug", "slug"),
    f("name", "name"),
    f("privacy", "privacy"),
    f("permission", "permission"),
    more("parent", "parent.slug"),
    more("description", "description"),
    more("id", "id"),
];

pub(crate) const REPO: Shape = &[
    f("repo", "full_name"),
    f("private", "private"),
    f("language", "language"),
    f("stars", "stargazers_count"),
    f("open_issues", "open_issues_count"),
    f("pushed", "pushed_at"),
    f("description", "description"),
    more("default_branch", "default_branch"),
    more("fork", "fork"),
    more("archived", "archived"),
    more("topics", "topics"),
    more("license", "license.spdx_id"),
    more("forks", "forks_count"),
    more("created", "created_at"),
    more("url", "html_url"),
    more("id", "id"),
    more("node_id", "node_id"),
];

pub(crate) const REPO_FULL: Shape = &[
    f("repo", "full_name"),
    f("visibility", "visibility"),
    f("description", "description"),
    f("default_branch", "default_branch"),
    f("language", "language"),
    f("topics", "topics"),
    f("license", "license.spdx_id"),
    f("stars", "stargazers_count"),
    f("forks", "forks_count"),
    f("open_issues", "open_issues_count"),
    f("fork_of", "parent.full_name"),
    f("archived", "archived"),
    f("can_push", "permissions.push"),
    f("can_admin", "permissions.admin"),
    f("pushed", "pushed_at"),
    more("homepage", "homepage"),
    more("size_kb", "size"),
    more("merge_commit", "allow_merge_commit"),
    more("squash_merge", "allow_squash_merge"),
    more("rebase_merge", "allow_rebase_merge"),
    more("auto_merge", "allow_auto_merge"),
    more("created", "created_at"),
    more("url", "html_url"),
    more("id", "id"),
    more("node_id", "node_id"),
];

pub(crate) const BRANCH: Shape =
    &[f("name", "name"), f("sha", "commit.sha"), f("protected", "protected")];

pub(crate) const TAG: Shape = &[f("name", "name"), f("sha", "commit.sha")];

pub(crate) const REF: Shape = &[f("ref", "ref"), f("sha", "object.sha"), f("type", "object.type")];

pub(crate) const RELEASE: Shape = &[
    f("id", "id"),
    f("tag", "tag_name"),
    f("name", "name"),
    f("draft", "draft"),
    f("prerelease", "prerelease"),
    f("published", "published_at"),
    f("author", "author.login"),
    f("assets", "assets[].name"),
    more("target", "target_commitish"),
    more("body", "body"),
    more("url", "html_url"),
];

pub(crate) const RELEASE_FULL: Shape = &[
    f("id", "id"),
    f("tag", "tag_name"),
    f("name", "name"),
    f("draft", "draft"),
    f("prerelease", "prerelease"),
    f("published", "published_at"),
    f("author", "author.login"),
    f("assets", "assets[].name"),
    f("target", "target_commitish"),
    f("url", "html_url"),
    f("body", "body"),
];

pub(crate) const LABEL: Shape =
    &[f("name", "name"), f("color", "color"), f("description", "description"), more("id", "id")];

pub(crate) const MILESTONE: Shape = &[
    f("number", "number"),
    f("title", "title"),
    f("state", "state"),
    f("due", "due_on"),
    f("open", "open_issues"),
    f("closed", "closed_issues"),
    more("description", "description"),
    more("url", "html_url"),
];

pub(crate) const NAMED: Shape =
    &[f("id", "id"), f("name", "name"), f("description", "description"), more("type", "data_type")];

pub(crate) const COMMIT: Shape = &[
    f("sha", "sha"),
    f("author", "author.login"),
    f("date", "commit.author.date"),
    f("message", "commit.message"),
    more("author_name", "commit.author.name"),
    more("verified", "commit.verification.verified"),
    more("parents", "parents[].sha"),
    more("repo", "repository.full_name"),
    more("url", "html_url"),
];

pub(crate) const COMMIT_FULL: Shape = &[
    f("sha", "sha"),
    f("author", "author.login"),
    f("author_name", "commit.author.name"),
    f("date", "commit.author.date"),
    f("committer", "committer.login"),
    f("verified", "commit.verification.verified"),
    f("parents", "parents[].sha"),
    f("additions", "stats.additions"),
    f("deletions", "stats.deletions"),
    f("files", "files[].filename"),
    f("url", "html_url"),
    f("body", "commit.message"),
];

pub(crate) const FILE: Shape = &[
    f("status", "status"),
    f("additions", "additions"),
    f("deletions", "deletions"),
    f("path", "filename"),
    f("was", "previous_filename"),
    more("sha", "sha"),
    more("patch", "patch"),
];

pub(crate) const ENTRY: Shape =
    &[f("type", "type"), f("size", "size"), f("path", "path"), more("sha", "sha")];

pub(crate) const ISSUE: Shape = &[
    f("number", "number"),
    f("title", "title"),
    f("state", "state"),
    f("author", "user.login"),
    f("labels", "labels[].name"),
    f("comments", "comments"),
    f("updated", "updated_at"),
    more("assignees", "assignees[].login"),
    more("milestone", "milestone.title"),
    more("type", "type.name"),
    more("reason", "state_reason"),
    more("created", "created_at"),
    more("closed", "closed_at"),
    more("association", "author_association"),
    more("is_pr", "pull_request?"),
    more("body", "body"),
    more("id", "id"),
    more("node_id", "node_id"),
    more("url", "html_url"),
];

/// An issue or pull request as searches find it, in whatever repository.
pub(crate) const FOUND: Shape = &[
    f("repo", "repository_url~"),
    f("number", "number"),
    f("title", "title"),
    f("state", "state"),
    f("author", "user.login"),
    f("labels", "labels[].name"),
    f("comments", "comments"),
    f("updated", "updated_at"),
    more("assignees", "assignees[].login"),
    more("created", "created_at"),
    more("closed", "closed_at"),
    more("draft", "draft"),
    more("body", "body"),
    more("url", "html_url"),
];

pub(crate) const ISSUE_FULL: Shape = &[
    f("number", "number"),
    f("title", "title"),
    f("state", "state"),
    f("reason", "state_reason"),
    f("author", "user.login"),
    f("association", "author_association"),
    f("labels", "labels[].name"),
    f("assignees", "assignees[].login"),
    f("milestone", "milestone.title"),
    f("type", "type.name"),
    f("is_pr", "pull_request?"),
    f("locked", "locked"),
    f("comments", "comments"),
    f("sub_issues", "sub_issues_summary.total"),
    f("created", "created_at"),
    f("updated", "updated_at"),
    f("closed", "closed_at"),
    f("id", "id"),
    f("url", "html_url"),
    more("node_id", "node_id"),
    more("reactions", "reactions.total_count"),
    f("body", "body"),
];

pub(crate) const COMMENT: Shape = &[
    f("id", "id"),
    f("author", "user.login"),
    f("association", "author_association"),
    f("created", "created_at"),
    more("updated", "updated_at"),
    more("url", "html_url"),
    more("node_id", "node_id"),
    f("body", "body"),
];

pub(crate) const EVENT: Shape = &[
    f("event", "event"),
    f("by", "actor.login"),
    f("author", "user.login"),
    f("at", "created_at"),
    f("label", "label.name"),
    f("assignee", "assignee.login"),
    f("from", "source.issue.html_url"),
    f("sha", "sha"),
    f("commit", "commit_id"),
    f("state", "state"),
    f("renamed_to", "rename.to"),
    more("id", "id"),
    f("body", "body"),
];

pub(crate) const PULL: Shape = &[
    f("number", "number"),
    f("title", "title"),
    f("state", "state"),
    f("draft", "draft"),
    f("author", "user.login"),
    f("head", "head.label"),
    f("base", "base.ref"),
    f("updated", "updated_at"),
    more("labels", "labels[].name"),
    more("reviewers", "requested_reviewers[].login"),
    more("assignees", "assignees[].login"),
    more("milestone", "milestone.title"),
    more("created", "created_at"),
    more("merged", "merged_at"),
    more("head_sha", "head.sha"),
    more("association", "author_association"),
    more("body", "body"),
    more("url", "html_url"),
];

pub(crate) const PULL_FULL: Shape = &[
    f("number", "number"),
    f("title", "title"),
    f("state", "state"),
    f("draft", "draft"),
    f("merged", "merged"),
    f("mergeable", "mergeable"),
    f("mergeable_state", "mergeable_state"),
    f("author", "user.login"),
    f("association", "author_association"),
    f("head", "head.label"),
    f("head_sha", "head.sha"),
    f("base", "base.ref"),
    f("commits", "commits"),
    f("files", "changed_files"),
    f("additions", "additions"),
    f("deletions", "deletions"),
    f("labels", "labels[].name"),
    f("assignees", "assignees[].login"),
    f("reviewers", "requested_reviewers[].login"),
    f("teams", "requested_teams[].slug"),
    f("milestone", "milestone.title"),
    f("comments", "comments"),
    f("review_comments", "review_comments"),
    f("auto_merge", "auto_merge.merge_method"),
    f("created", "created_at"),
    f("updated", "updated_at"),
    f("merged_at", "merged_at"),
    f("url", "html_url"),
    more("base_sha", "base.sha"),
    more("id", "id"),
    more("node_id", "node_id"),
    f("body", "body"),
];

pub(crate) const REVIEW: Shape = &[
    f("id", "id"),
    f("author", "user.login"),
    f("association", "author_association"),
    f("state", "state"),
    f("submitted", "submitted_at"),
    f("commit", "commit_id"),
    more("node_id", "node_id"),
    f("body", "body"),
];

pub(crate) const REVIEW_COMMENT: Shape = &[
    f("id", "id"),
    f("author", "user.login"),
    f("association", "author_association"),
    f("path", "path"),
    f("line", "line"),
    f("side", "side"),
    f("reply_to", "in_reply_to_id"),
    f("created", "created_at"),
    more("hunk", "diff_hunk"),
    more("review", "pull_request_review_id"),
    more("commit", "commit_id"),
    more("url", "html_url"),
    more("node_id", "node_id"),
    f("body", "body"),
];

pub(crate) const WORKFLOW: Shape = &[
    f("id", "id"),
    f("name", "name"),
    f("path", "path"),
    f("state", "state"),
    more("url", "html_url"),
];

pub(crate) const RUN: Shape = &[
    f("id", "id"),
    f("workflow", "name"),
    f("title", "display_title"),
    f("status", "status"),
    f("conclusion", "conclusion"),
    f("branch", "head_branch"),
    f("event", "event"),
    f("created", "created_at"),
    more("sha", "head_sha"),
    more("actor", "actor.login"),
    more("attempt", "run_attempt"),
    more("number", "run_number"),
    more("workflow_id", "workflow_id"),
    more("prs", "pull_requests[].number"),
    more("updated", "updated_at"),
    more("url", "html_url"),
];

pub(crate) const JOB: Shape = &[
    f("id", "id"),
    f("name", "name"),
    f("status", "status"),
    f("conclusion", "conclusion"),
    f("started", "started_at"),
    f("completed", "completed_at"),
    more("steps", "steps[].name"),
    more("labels", "labels"),
    more("runner", "runner_name"),
    more("url", "html_url"),
];

pub(crate) const ARTIFACT: Shape = &[
    f("id", "id"),
    f("name", "name"),
    f("size", "size_in_bytes"),
    f("expired", "expired"),
    f("created", "created_at"),
    more("run", "workflow_run.id"),
    more("expires", "expires_at"),
    more("digest", "digest"),
];

pub(crate) const CODE: Shape = &[
    f("repo", "repository.full_name"),
    f("path", "path"),
    f("sha", "sha"),
    more("matches", "text_matches[].fragment"),
    more("url", "html_url"),
];

pub(crate) const TOPIC: Shape = &[
    f("name", "name"),
    f("display", "display_name"),
    f("description", "short_description"),
    more("curated", "curated"),
    more("featured", "featured"),
];

/// An issue that another one leads to, maybe in another repository.
pub(crate) const SUB_ISSUE: Shape = &[
    f("repo", "repository_url~"),
    f("number", "number"),
    f("title", "title"),
    f("state", "state"),
    f("assignees", "assignees[].login"),
    f("id", "id"),
    more("author", "user.login"),
    more("labels", "labels[].name"),
    more("updated", "updated_at"),
    more("url", "html_url"),
];

pub(crate) const PARENT: Shape = &[
    f("repo", "repository_url~"),
    f("number", "number"),
    f("title", "title"),
    f("state", "state"),
    f("author", "user.login"),
    f("id", "id"),
    f("url", "html_url"),
    more("body", "body"),
];

pub(crate) const RUN_FULL: Shape = &[
    f("id", "id"),
    f("workflow", "name"),
    f("workflow_id", "workflow_id"),
    f("title", "display_title"),
    f("status", "status"),
    f("conclusion", "conclusion"),
    f("branch", "head_branch"),
    f("sha", "head_sha"),
    f("event", "event"),
    f("actor", "actor.login"),
    f("attempt", "run_attempt"),
    f("number", "run_number"),
    f("prs", "pull_requests[].number"),
    f("from_repo", "head_repository.full_name"),
    f("created", "created_at"),
    f("updated", "updated_at"),
    f("url", "html_url"),
];

pub(crate) const ARTIFACT_FULL: Shape = &[
    f("id", "id"),
    f("name", "name"),
    f("size", "size_in_bytes"),
    f("expired", "expired"),
    f("created", "created_at"),
    f("expires", "expires_at"),
    f("run", "workflow_run.id"),
    f("branch", "workflow_run.head_branch"),
    f("digest", "digest"),
];

pub(crate) const CODE_ALERT: Shape = &[
    f("number", "number"),
    f("state", "state"),
    f("severity", "rule.severity"),
    f("rule", "rule.id"),
    f("path", "most_recent_instance.location.path"),
    f("line", "most_recent_instance.location.start_line"),
    f("description", "rule.description"),
    more("tool", "tool.name"),
    more("ref", "most_recent_instance.ref"),
    more("created", "created_at"),
    more("url", "html_url"),
];

pub(crate) const CODE_ALERT_FULL: Shape = &[
    f("number", "number"),
    f("state", "state"),
    f("severity", "rule.severity"),
    f("security_severity", "rule.security_severity_level"),
    f("rule", "rule.id"),
    f("tool", "tool.name"),
    f("path", "most_recent_instance.location.path"),
    f("line", "most_recent_instance.location.start_line"),
    f("ref", "most_recent_instance.ref"),
    f("message", "most_recent_instance.message.text"),
    f("dismissed", "dismissed_reason"),
    f("comment", "dismissed_comment"),
    f("created", "created_at"),
    f("url", "html_url"),
    f("body", "rule.help"),
];

pub(crate) const DEPENDABOT: Shape = &[
    f("number", "number"),
    f("state", "state"),
    f("severity", "security_advisory.severity"),
    f("package", "dependency.package.name"),
    f("ecosystem", "dependency.package.ecosystem"),
    f("vulnerable", "security_vulnerability.vulnerable_version_range"),
    f("fixed_in", "security_vulnerability.first_patched_version.identifier"),
    f("summary", "security_advisory.summary"),
    more("manifest", "dependency.manifest_path"),
    more("ghsa", "security_advisory.ghsa_id"),
    more("created", "created_at"),
    more("url", "html_url"),
];

pub(crate) const DEPENDABOT_FULL: Shape = &[
    f("number", "number"),
    f("state", "state"),
    f("severity", "security_advisory.severity"),
    f("package", "dependency.package.name"),
    f("ecosystem", "dependency.package.ecosystem"),
    f("manifest", "dependency.manifest_path"),
    f("vulnerable", "security_vulnerability.vulnerable_version_range"),
    f("fixed_in", "security_vulnerability.first_patched_version.identifier"),
    f("ghsa", "security_advisory.ghsa_id"),
    f("cve", "security_advisory.cve_id"),
    f("summary", "security_advisory.summary"),
    f("dismissed", "dismissed_reason"),
    f("comment", "dismissed_comment"),
    f("url", "html_url"),
    f("body", "security_advisory.description"),
];

/// Without the secret, which is not asked for either.
pub(crate) const SECRET_ALERT: Shape = &[
    f("number", "number"),
    f("state", "state"),
    f("type", "secret_type"),
    f("kind", "secret_type_display_name"),
    f("validity", "validity"),
    f("resolution", "resolution"),
    f("created", "created_at"),
    f("pushed_past_protection", "push_protection_bypassed"),
    more("leaked", "publicly_leaked"),
    more("resolved_by", "resolved_by.login"),
    more("url", "html_url"),
];

pub(crate) const ADVISORY: Shape = &[
    f("ghsa", "ghsa_id"),
    f("cve", "cve_id"),
    f("state", "state"),
    f("severity", "severity"),
    f("summary", "summary"),
    f("published", "published_at"),
    more("body", "description"),
    more("url", "html_url"),
];

pub(crate) const GLOBAL_ADVISORY: Shape = &[
    f("ghsa", "ghsa_id"),
    f("cve", "cve_id"),
    f("severity", "severity"),
    f("packages", "vulnerabilities[].package.name"),
    f("summary", "summary"),
    f("published", "published_at"),
    more("vulnerable", "vulnerabilities[].vulnerable_version_range"),
    more("score", "cvss.score"),
    more("url", "html_url"),
    more("body", "description"),
];

pub(crate) const ADVISORY_FULL: Shape = &[
    f("ghsa", "ghsa_id"),
    f("cve", "cve_id"),
    f("severity", "severity"),
    f("score", "cvss.score"),
    f("packages", "vulnerabilities[].package.name"),
    f("vulnerable", "vulnerabilities[].vulnerable_version_range"),
    f("fixed_in", "vulnerabilities[].first_patched_version"),
    f("summary", "summary"),
    f("published", "published_at"),
    f("withdrawn", "withdrawn_at"),
    f("url", "html_url"),
    f("body", "description"),
];

pub(crate) const NOTIFICATION: Shape = &[
    f("id", "id"),
    f("unread", "unread"),
    f("reason", "reason"),
    f("repo", "repository.full_name"),
    f("type", "subject.type"),
    f("title", "subject.title"),
    f("updated", "updated_at"),
    more("subject", "subject.url"),
];

pub(crate) const DISCUSSION: Shape = &[
    f("number", "number"),
    f("title", "title"),
    f("category", "category.name"),
    f("author", "author.login"),
    f("answered", "isAnswered"),
    f("comments", "comments.totalCount"),
    f("updated", "updatedAt"),
    more("closed", "closed"),
    more("association", "authorAssociation"),
    more("upvotes", "upvoteCount"),
    more("created", "createdAt"),
    more("node", "id"),
    more("url", "url"),
];

pub(crate) const DISCUSSION_FULL: Shape = &[
    f("number", "number"),
    f("title", "title"),
    f("category", "category.name"),
    f("author", "author.login"),
    f("association", "authorAssociation"),
    f("answered", "isAnswered"),
    f("answer", "answer.id"),
    f("closed", "closed"),
    f("locked", "locked"),
    f("comments", "comments.totalCount"),
    f("upvotes", "upvoteCount"),
    f("created", "createdAt"),
    f("updated", "updatedAt"),
    f("node", "id"),
    f("url", "url"),
    f("body", "body"),
];

pub(crate) const DISCUSSION_COMMENT: Shape = &[
    f("node", "id"),
    f("reply_to", "replyTo.id"),
    f("author", "author.login"),
    f("association", "authorAssociation"),
    f("created", "createdAt"),
    f("answer", "isAnswer"),
    f("replies", "replies.totalCount"),
    more("upvotes", "upvoteCount"),
    more("url", "url"),
    f("body", "body"),
];

pub(crate) const CATEGORY: Shape = &[
    f("name", "name"),
    f("answerable", "isAnswerable"),
    f("description", "description"),
    more("node", "id"),
];

pub(crate) const GIST: Shape = &[
    f("id", "id"),
    f("owner", "owner.login"),
    f("public", "public"),
    f("files", "names"),
    f("updated", "updated_at"),
    f("description", "description"),
    more("comments", "comments"),
    more("created", "created_at"),
    more("url", "html_url"),
];

pub(crate) const GIST_FULL: Shape = &[
    f("id", "id"),
    f("owner", "owner.login"),
    f("public", "public"),
    f("description", "description"),
    f("files", "names"),
    f("comments", "comments"),
    f("created", "created_at"),
    f("updated", "updated_at"),
    f("url", "html_url"),
    f("file", "file"),
    f("body", "body"),
];

pub(crate) const PROJECT: Shape = &[
    f("number", "number"),
    f("title", "title"),
    f("public", "public"),
    f("closed", "closed"),
    f("items", "items.totalCount"),
    f("updated", "updatedAt"),
    f("description", "shortDescription"),
    more("url", "url"),
];

pub(crate) const PROJECT_FULL: Shape = &[
    f("number", "number"),
    f("title", "title"),
    f("description", "shortDescription"),
    f("public", "public"),
    f("closed", "closed"),
    f("template", "template"),
    f("creator", "creator.login"),
    f("items", "items.totalCount"),
    f("created", "createdAt"),
    f("updated", "updatedAt"),
    f("url", "url"),
    f("body", "readme"),
];

pub(crate) const PROJECT_FIELD: Shape = &[
    f("name", "name"),
    f("type", "data_type"),
    f("options", "options[].name.raw"),
    f("iterations", "configuration.iterations[].title.raw"),
    more("starts", "configuration.iterations[].start_date"),
    more("id", "id"),
];

pub(crate) const PROJECT_ITEM: Shape = &[
    f("id", "item"),
    f("type", "type"),
    f("repo", "content.repository.nameWithOwner"),
    f("number", "content.number"),
    f("title", "content.title"),
    f("state", "content.state"),
    f("values", "values"),
    more("author", "content.author.login"),
    more("archived", "isArchived"),
    more("updated", "updatedAt"),
    more("url", "content.url"),
];

pub(crate) const PROJECT_ITEM_FULL: Shape = &[
    f("id", "item"),
    f("type", "type"),
    f("repo", "content.repository.nameWithOwner"),
    f("number", "content.number"),
    f("title", "content.title"),
    f("state", "content.state"),
    f("author", "content.author.login"),
    f("drafted_by", "content.creator.login"),
    f("values", "values"),
    f("archived", "isArchived"),
    f("created", "createdAt"),
    f("updated", "updatedAt"),
    f("url", "content.url"),
    f("body", "content.body"),
];

pub(crate) const PROJECT_VIEW: Shape = &[
    f("number", "number"),
    f("name", "name"),
    f("layout", "layout"),
    f("filter", "filter"),
    more("updated", "updatedAt"),
];

pub(crate) const STATUS_UPDATE: Shape = &[
    f("by", "creator.login"),
    f("created", "createdAt"),
    f("status", "status"),
    f("start", "startDate"),
    f("target", "targetDate"),
    f("body", "body"),
];

//! Several files in one commit, by git's own objects: what a branch points at changes in one last
//! step, and only forward, so that nobody ever sees half of it.

use lockkeeper_core::{Change, Cx, ToolError, count};
use serde_json::{Value, json};

use crate::answer::{cell, find};
use crate::change::Done;
use crate::patch::{Edit, Patch, check_text};
use crate::source::{RepoRef, Source, SourceError, Target};

/// What happens to a file.
#[derive(Debug)]
pub(crate) enum Alteration {
    Content(String),
    Edits(Vec<Edit>),
    Delete,
}

/// A commit to be made.
#[derive(Debug)]
pub(crate) struct Plan {
    pub(crate) branch: String,
    pub(crate) message: String,
    pub(crate) files: Vec<(String, Alteration)>,
    pub(crate) expected: Option<String>,
}

/// Makes it.
pub(crate) async fn make(
    cx: &Cx<'_, Source, Change>,
    repo: &RepoRef,
    plan: Plan,
) -> Result<Done, ToolError> {
    let source = cx.source();
    if plan.files.is_empty() {
        return Err(ToolError::invalid_arguments("`files` is empty"));
    }
    check_text(Some(&plan.message))?;
    let git = || repo.route().at("git");
    let branch = git().at("ref").at("heads").path("branch", &plan.branch)?;
    let head = cell(&find(&source.read(&branch).await?.value, "object.sha"));
    if let Some(expected) = plan.expected.as_deref().filter(|expected| *expected != head) {
        let said = format!("{} is at {head}, not at {expected}", plan.branch);
        return Err(SourceError::Conflict { said }.into());
    }
    let parent = source.read(&git().at("commits").name("head", &head)?).await?.value;
    let base = cell(&find(&parent, "tree.sha"));
    let mut entries = Vec::new();
    for (path, alteration) in &plan.files {
        entries.push(entry(source, repo, &head, (path, alteration)).await?);
    }
    let target = Target::Repo(repo);
    let tree = json!({ "base_tree": base, "tree": entries });
    let trees = git().at("trees");
    let tree = source.change(cx.grant(), target, (http::Method::POST, &trees), Some(tree)).await?;
    let commit = json!({
        "message": plan.message, "tree": find(&tree.value, "sha"), "parents": [head],
    });
    let commits = git().at("commits");
    let commit =
        source.change(cx.grant(), target, (http::Method::POST, &commits), Some(commit)).await?;
    let moved = json!({ "sha": find(&commit.value, "sha"), "force": false });
    let heads = git().at("refs").at("heads").path("branch", &plan.branch)?;
    let moved = source.change(cx.grant(), target, (http::Method::PATCH, &heads), Some(moved)).await;
    if let Err(SourceError::Invalid { said }) = moved {
        // Somebody else was faster: what was made is reachable from nowhere.
        return Err(SourceError::Conflict { said }.into());
    }
    moved?;
    let files = count(plan.files.len() as u64, "file");
    let done = format!("committed {files} to {} in {}", plan.branch, repo.full_name());
    Ok(Done::of(done, &commit.value))
}

/// A file as git's tree will have it.
async fn entry(
    source: &Source,
    repo: &RepoRef,
    head: &str,
    (path, alteration): (&str, &Alteration),
) -> Result<Value, ToolError> {
    // A path that no request could name is none to write either.
    let contents = repo.route().at("contents").path("path", path)?.query("ref", head);
    match alteration {
        Alteration::Content(content) => {
            check_text(Some(content))?;
            let mode = mode(source, repo, (head, path)).await?.unwrap_or("100644");
            Ok(json!({"path": path, "mode": mode, "type": "blob", "content": content}))
        }
        Alteration::Edits(edits) => {
            let file = source.read(&contents).await?.value;
            let old = crate::text::whole(source, repo, &file).await?;
            let patch = Patch { whole: None, edits, append: None };
            let new = patch.apply(&old)?.unwrap_or(old);
            let mode = mode(source, repo, (head, path)).await?.unwrap_or("100644");
            Ok(json!({"path": path, "mode": mode, "type": "blob", "content": new}))
        }
        Alteration::Delete => {
            source.read(&contents).await?;
            Ok(json!({"path": path, "mode": "100644", "type": "blob", "sha": null}))
        }
    }
}

/// The mode that a file has, so that a script stays one; none if it is new.
async fn mode(
    source: &Source,
    repo: &RepoRef,
    (head, path): (&str, &str),
) -> Result<Option<&'static str>, ToolError> {
    let (directory, name) = path.rsplit_once('/').unwrap_or(("", path));
    // The tree of a directory is named by the commit and its path.
    let tree = if directory.is_empty() { head.to_owned() } else { format!("{head}:{directory}") };
    let route = repo.route().at("git").at("trees").name("path", &tree)?;
    let tree = match source.read(&route).await {
        Ok(reply) => reply.value,
        Err(SourceError::NotFound { .. } | SourceError::Invalid { .. }) => return Ok(None),
        Err(error) => return Err(error.into()),
    };
    let entries = find(&tree, "tree");
    let entry = entries
        .as_array()
        .into_iter()
        .flatten()
        .find(|entry| entry.get("path") == Some(&json!(name)));
    Ok(match entry.map(|entry| cell(&find(entry, "mode"))).as_deref() {
        Some("100755") => Some("100755"),
        // Content written to a link would become its target.
        Some("120000") => {
            return Err(ToolError::new("not_a_file", format!("{path} is a link"))
                .hint("write to the file that it leads to"));
        }
        Some(_) => Some("100644"),
        None => None,
    })
}

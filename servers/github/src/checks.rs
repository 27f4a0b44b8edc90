//! What checks and statuses say of a commit, in one list: GitHub keeps them in two places.

use lockkeeper_core::{Cx, EffectKind, ToolError};
use serde_json::{Value, json};

use crate::answer::{Answer, Shape, f, find, more};
use crate::fetch::{Page, Position, View, items, list};
use crate::source::{RepoRef, Source, check_ref};

const SHAPE: Shape = &[
    f("name", "name"),
    f("kind", "kind"),
    f("state", "state"),
    f("description", "description"),
    f("id", "id"),
    more("url", "url"),
    more("completed", "completed"),
];

pub(crate) const VIEW: View = View::table("checks", SHAPE).whole();

/// The most of each kind that is read.
const MOST: usize = 100;

/// Checks and statuses of a commit.
pub(crate) async fn show<E: EffectKind>(
    cx: &Cx<'_, Source, E>,
    repo: &RepoRef,
    sha: &str,
    page: &Page<'_>,
    head: &str,
) -> Result<Answer, ToolError> {
    check_ref("ref", sha)?;
    let commit = || repo.route().at("commits").name("ref", sha);
    let runs = cx.source().read(&commit()?.at("check-runs").query("per_page", MOST)).await?;
    let status = cx.source().read(&commit()?.at("status").query("per_page", MOST)).await?;
    let is_more = runs.has_next || status.has_next;
    let overall = find(&status.value, "state");
    let run = |run: Value| {
        let conclusion = find(&run, "conclusion");
        let state = if conclusion.is_null() { find(&run, "status") } else { conclusion };
        json!({
            "name": find(&run, "name"), "kind": "check", "state": state, "id": find(&run, "id"),
            "description": find(&run, "output.title"), "url": find(&run, "html_url"),
            "completed": find(&run, "completed_at"),
        })
    };
    let status_item = |status: Value| {
        json!({
            "name": find(&status, "context"), "kind": "status", "state": find(&status, "state"),
            "description": find(&status, "description"), "url": find(&status, "target_url"),
            "completed": find(&status, "updated_at"),
        })
    };
    let mut all: Vec<Value> = items(runs.value, "check_runs")?.into_iter().map(run).collect();
    let statuses = items(status.value, "statuses")?;
    let has_statuses = !statuses.is_empty();
    all.extend(statuses.into_iter().map(status_item));
    let at = Position::resume(cx, page)?;
    let mut answer = list(cx, &all, &VIEW, page, (at, false))?.headed(head);
    if has_statuses {
        answer =
            answer.note(format!("statuses together: {}", overall.as_str().unwrap_or("unknown")));
    }
    if is_more {
        answer = answer.note(format!("only the first {MOST} of a kind"));
    }
    Ok(answer)
}

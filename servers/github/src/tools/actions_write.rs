//! What is done to workflows and runs.

mod cancel;
mod delete_logs;
mod dispatch;
mod rerun;
mod rerun_failed;

use lockkeeper_core::{Method, method};

use crate::change::Changed;
use crate::source::Source;

pub(super) const DESCRIPTION: &str = "Run a workflow; rerun or cancel run `id`.";

pub(super) static METHODS: &[Method<Source>] = &[
    method::<Source, Changed<dispatch::Dispatch>>("dispatch"),
    method::<Source, Changed<rerun::Rerun>>("rerun"),
    method::<Source, Changed<rerun_failed::RerunFailed>>("rerun_failed"),
    method::<Source, Changed<cancel::Cancel>>("cancel"),
    method::<Source, Changed<delete_logs::DeleteLogs>>("delete_logs"),
];

#[cfg(test)]
mod tests {
    use lockkeeper_testkit::expect;
    use serde_json::json;

    use crate::testing::{REPO, World};

    #[test]
    fn every_method_asks_what_github_documents() {
        let id = json!({"repo": REPO, "id": 1});
        World::examples().check_methods(
            "actions_write",
            &[
                ("dispatch", json!({"repo": REPO, "workflow": "ci.yml", "ref": "main", "inputs": {"a": "b"}})),
                ("rerun", id.clone()),
                ("rerun_failed", id.clone()),
                ("cancel", id.clone()),
                ("delete_logs", id.clone()),
            ],
            &expect![[r#"
                dispatch
                  {"done":"dispatched the workflow in octocat/Hello-World","url":"https://github.com/octo-org/octo-repo/actions/runs/1"}
                rerun
                  {"done":"started the run again in octocat/Hello-World"}
                rerun_failed
                  {"done":"started the failed jobs again in octocat/Hello-World"}
                cancel
                  {"done":"cancelled the run in octocat/Hello-World"}
                delete_logs
                  {"done":"deleted the logs in octocat/Hello-World"}
            "#]],
        );
    }
}

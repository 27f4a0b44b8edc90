//! Workflows, their runs, jobs and logs.

mod artifact;
mod artifacts;
mod failures;
mod jobs;
mod log;
mod run;
mod runs;
mod workflows;

use lockkeeper_core::{Method, method};

use crate::fetch::Fetched;
use crate::source::Source;

pub(super) const DESCRIPTION: &str = "Read Actions. `id` is a run's (run, jobs, failures, artifacts), a \
    job's (log) or an artifact's. failures shows what failed in a run, from its logs.";

pub(super) static METHODS: &[Method<Source>] = &[
    method::<Source, Fetched<workflows::Workflows>>("workflows"),
    method::<Source, runs::Runs>("runs"),
    method::<Source, Fetched<run::Run>>("run"),
    method::<Source, Fetched<jobs::Jobs>>("jobs"),
    method::<Source, failures::Failed>("failures"),
    method::<Source, log::Log>("log"),
    method::<Source, Fetched<artifacts::Artifacts>>("artifacts"),
    method::<Source, Fetched<artifact::Artifact>>("artifact"),
];

#[cfg(test)]
mod tests {
    use lockkeeper_testkit::expect;
    use lockkeeper_testkit::github::Said;
    use serde_json::json;

    use crate::testing::{REPO, World, seen};

    const STAMP: &str = "2026-11-21T10:00:00.1234567Z ";

    #[test]
    fn every_method_reads_what_github_documents() {
        let world = World::examples();
        world.log(399_444_496, &format!("{STAMP}one\n{STAMP}two\n"), 1);
        let id = json!({"repo": REPO, "id": 1});
        world.check_methods(
            "actions_read",
            &[
                ("workflows", json!({ "repo": REPO })),
                ("runs", json!({"repo": REPO, "branch": "main", "status": "failure"})),
                ("runs", json!({"repo": REPO, "workflow": "ci.yml"})),
                ("run", id.clone()),
                ("jobs", id.clone()),
                ("failures", id.clone()),
                ("log", json!({"repo": REPO, "id": 399_444_496})),
                ("artifacts", id.clone()),
                ("artifact", id.clone()),
            ],
            &expect![[r#"
                workflows
                  [workflows of octocat/Hello-World, public: 2; 2 in all]
                  id	name	path	state
                  161335	CI	.github/workflows/blank.yaml	active
                  269289	Linter	.github/workflows/linter.yaml	active
                runs
                  [runs of octocat/Hello-World, public: 1; 1 in all]
                  id	workflow	title	status	conclusion	branch	event	created
                  30433642	Build	Update README.md	queued		master	push	2020-01-22T19:33:08Z
                runs
                  [runs of octocat/Hello-World, public: 1; 1 in all]
                  id	workflow	title	status	conclusion	branch	event	created
                  30433642	Build	Update README.md	queued		master	push	2020-01-22T19:33:08Z
                run
                  [run of octocat/Hello-World 1, public]
                  id: 30433642
                  workflow: Build
                  workflow_id: 159038
                  title: Update README.md
                jobs
                  [jobs of run of octocat/Hello-World 1, public: 1; 1 in all]
                  id	name	status	conclusion	started	completed
                  399444496	build	completed	success	2020-01-20T17:42:40Z	2020-01-20T17:44:39Z
                failures
                  [failures of octocat/Hello-World run 1, public: 0 of 1 jobs failed]
                log
                  [log of octocat/Hello-World job 399444496, public: lines 1-2, the last]
                  one
                  two
                artifacts
                  [artifacts of run of octocat/Hello-World 1, public: 2; 2 in all]
                  id	name	size	expired	created
                  11	Rails	556	false	2020-01-10T14:59:22Z
                  13	Test output	453	false	2020-01-10T14:59:22Z
                artifact
                  [artifact of octocat/Hello-World 1, public]
                  id: 11
                  name: Rails
                  size: 556
                  expired: false
            "#]],
        );
    }

    fn failed(world: &World, job: u64) {
        let steps = json!([
            {"name": "build", "number": 1, "conclusion": "success"},
            {"name": "cargo test", "number": 2, "conclusion": "failure"},
        ]);
        let jobs = json!({"total_count": 2, "jobs": [
            {"id": 1, "name": "lint", "conclusion": "success"},
            {"id": job, "name": "test", "conclusion": "failure", "steps": steps},
        ]});
        let path = format!("/repos/{REPO}/actions/runs/5/jobs");
        world.front.say("GET", &path, Said::json(200, &jobs));
    }

    #[test]
    fn failures_are_found_in_the_logs_of_failed_jobs() {
        let world = World::examples();
        failed(&world, 8);
        let lines =
            (1..=30).map(|n| format!("{STAMP}test {n} ... ok\n")).collect::<Vec<_>>().concat();
        let log = format!(
            "{lines}{STAMP}\u{1b}[31merror: it broke\u{1b}[0m\n{STAMP}##[error]Process completed with exit code 101.\n"
        );
        world.log(8, &log, 1);
        let mut client = world.client(&[]);
        let text =
            seen(&mut client, "actions_read", json!({"method": "failures", "repo": REPO, "id": 5}));
        expect![[r#"
            [failures of octocat/Hello-World run 5, public: 1 of 2 jobs failed]
            === job 8 test: failure, step 2 "cargo test", exit code 101; 32 lines, 1 places that say so
            --- line 21
            test 21 ... ok
            test 22 ... ok
            test 23 ... ok
            test 24 ... ok
            test 25 ... ok
            test 26 ... ok
            test 27 ... ok
            test 28 ... ok
            test 29 ... ok
            test 30 ... ok
            error: it broke
            ##[error]Process completed with exit code 101."#]].assert_eq(&text);
        let grep = json!({"method": "log", "repo": REPO, "id": 8, "grep": "IT BROKE"});
        let text = seen(&mut client, "actions_read", grep);
        assert_eq!(
            text,
            "[log of octocat/Hello-World job 8, public: 1 lines of 32]\n31\terror: it broke"
        );
    }

    #[test]
    fn a_log_of_any_length_is_read_to_its_end() {
        let world = World::examples();
        failed(&world, 8);
        // Many times what is kept of it.
        let piece = format!("{STAMP}compiling something that takes its time\n").repeat(4_096);
        let repeated = (6 << 20) / piece.len();
        world.log(8, &format!("{piece}{STAMP}error: here\n"), repeated);
        let mut client = world.client(&[]);
        let text =
            seen(&mut client, "actions_read", json!({"method": "failures", "repo": REPO, "id": 5}));
        let found = format!("{repeated} places that say so");
        assert!(text.contains(&found) && !text.contains("not read to its end"), "{text}");
    }
}

//! The official conformance suite, which speaks HTTP: against a fixture that has all it asks for, and
//! against every server. What fails is exactly what `tests/conformance.toml` excuses, and of what a
//! revision requires the fixture fails nothing.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::thread;

use serde::Deserialize;
use serde_json::Value;

use crate::jobs::{Job, built, connector, counterpart};
use crate::workspace::{read, root, servers};

const REVISIONS: [&str; 2] = ["2025-11-25", "2026-07-28"];
const FIXTURE: &str = "conformance";
/// In the exceptions: every server but the fixture.
const EVERY: &str = "every";
const TOKEN: &str = "a-token-of-the-suite";
/// What the suite adds to the name of a scenario: `-2026-11-22T04-58-28-564Z`.
const TIMESTAMP: usize = 25;
/// So many runs at once: some scenarios wait no longer than half a second for an answer.
const AT_ONCE: usize = 2;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Exceptions {
    exception: Vec<Exception>,
}

/// What may fail, and why that conforms all the same.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Exception {
    servers: Vec<String>,
    revisions: Vec<String>,
    /// `scenario` or `scenario:check`.
    checks: Vec<String>,
    /// Where the specification, or the suite, says so.
    clause: String,
    why: String,
}

impl Exception {
    fn all() -> Vec<Self> {
        let text = read("tests/conformance.toml".as_ref());
        toml::from_str::<Exceptions>(&text).unwrap_or_else(|error| panic!("{error}")).exception
    }

    fn is_for(&self, server: &str, revision: &str) -> bool {
        let named = |name: &str| name == server || (name == EVERY && server != FIXTURE);
        self.servers.iter().any(|name| named(name))
            && self.revisions.iter().any(|one| one == revision)
    }
}

/// A server that serves over HTTP, until this is dropped.
struct Served {
    job: Job,
    process: Child,
    url: String,
}

impl Served {
    fn start(job: Job) -> Self {
        let mut command = Command::new(&job.program);
        command.args(["serve", "--http", "127.0.0.1:0", "--http-token", "env:LK_TOKEN"]);
        command.args(&job.arguments).env("LK_TOKEN", TOKEN);
        command.envs(job.environment.iter().map(|(name, value)| (name, value)));
        let mut process = command.stdin(Stdio::null()).stdout(Stdio::piped()).spawn().unwrap();
        let mut url = String::new();
        BufReader::new(process.stdout.take().unwrap()).read_line(&mut url).unwrap();
        assert!(url.starts_with("http://"), "{}: {url:?}", job.name);
        Self { url: url.trim().to_owned(), job, process }
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        drop(self.process.kill());
        drop(self.process.wait());
    }
}

struct Suite {
    node: PathBuf,
    program: PathBuf,
}

/// What a run of the suite found.
struct Found {
    ran: BTreeSet<String>,
    /// `scenario:check`, and what the suite says of it.
    failed: BTreeMap<String, String>,
}

impl Suite {
    fn find() -> Option<Self> {
        Some(Self { node: counterpart("node")?, program: counterpart("conformance")? })
    }

    /// The scenarios that a revision requires of servers.
    fn required(&self, revision: &str) -> BTreeSet<String> {
        let package = self.program.ancestors().nth(2).unwrap();
        let file = package.join("requirements").join(format!("{revision}.yaml"));
        let text = fs::read_to_string(file).unwrap();
        let servers = text.lines().skip_while(|line| *line != "server:").skip(1);
        let scenarios = servers.map_while(|line| line.strip_prefix("  - "));
        let scenarios: BTreeSet<String> = scenarios.map(str::to_owned).collect();
        assert!(scenarios.len() >= 30, "{revision}: {scenarios:?}");
        scenarios
    }

    fn run(&self, url: &str, revision: &str) -> Found {
        let results = tempfile::tempdir().unwrap();
        let mut command = Command::new(&self.node);
        let script = root().join("tests/clients/conformance.mjs");
        command.arg("--import").arg(script).arg(&self.program).args(["server", "--url", url]);
        command.args(["--requirements", revision, "--output-dir"]).arg(results.path());
        // Its verdict is about a server that has everything.
        let output = command.env("TOKEN", TOKEN).output().unwrap();
        let mut found = Found { ran: BTreeSet::new(), failed: BTreeMap::new() };
        for entry in fs::read_dir(results.path()).unwrap() {
            let path = entry.unwrap().path();
            let (scenario, checks) = checks(&path);
            for check in checks {
                let status = check["status"].as_str().unwrap();
                if matches!(status, "FAILURE" | "WARNING") {
                    let name = format!("{scenario}:{}", check["id"].as_str().unwrap());
                    let said = check["errorMessage"].as_str().unwrap_or_default().to_owned();
                    found.failed.insert(name, said);
                }
            }
            found.ran.insert(scenario);
        }
        let required = self.required(revision);
        let missing: Vec<&String> = required.difference(&found.ran).collect();
        let said = String::from_utf8_lossy(&output.stdout);
        assert!(missing.is_empty(), "{missing:?} of {revision} did not run: {said}");
        found
    }

    /// What is wrong with a server: what fails without excuse, and what is excused and doesn't fail.
    fn problems(&self, served: &Served, revision: &str) -> Vec<String> {
        let found = self.run(&served.url, revision);
        let exceptions = Exception::all();
        let exceptions: Vec<&str> = exceptions
            .iter()
            .filter(|one| one.is_for(&served.job.name, revision))
            .flat_map(|one| one.checks.iter().map(String::as_str))
            .collect();
        let excuses = |exception: &str, check: &str| {
            check == exception
                || check.split_once(':').is_some_and(|(scenario, _)| scenario == exception)
        };
        let (name, failed) = (&served.job.name, &found.failed);
        let unexcused = failed
            .iter()
            .filter(|(check, _)| !exceptions.iter().any(|exception| excuses(exception, check)))
            .map(|(check, said)| format!("{name}, {revision}: {check} fails: {said}"));
        let idle = exceptions
            .iter()
            .filter(|exception| !failed.keys().any(|check| excuses(exception, check)))
            .map(|exception| {
                format!("{name}, {revision}: {exception} is excused and doesn't fail")
            });
        unexcused.chain(idle).collect()
    }

    /// Holds servers against the suite, a few at a time.
    fn holds(&self, jobs: Vec<Job>) {
        let served: Vec<Arc<Served>> =
            jobs.into_iter().map(|job| Arc::new(Served::start(job))).collect();
        let runs =
            REVISIONS.iter().flat_map(|revision| served.iter().map(move |one| (one, *revision)));
        let (runs, problems) = (Mutex::new(runs.collect::<Vec<_>>()), Mutex::new(Vec::new()));
        thread::scope(|scope| {
            for _ in 0..AT_ONCE {
                scope.spawn(|| {
                    loop {
                        let Some((served, revision)) = runs.lock().unwrap().pop() else { return };
                        // On a machine that is busy some answers come too late for the suite.
                        let mut found = self.problems(served, revision);
                        if !found.is_empty() {
                            found = self.problems(served, revision);
                        }
                        problems.lock().unwrap().append(&mut found);
                    }
                });
            }
        });
        let mut problems = problems.into_inner().unwrap();
        problems.sort();
        assert!(problems.is_empty(), "\n{}", problems.join("\n"));
    }
}

/// The scenario whose results lie there, and its checks.
fn checks(directory: &Path) -> (String, Vec<Value>) {
    let name = directory.file_name().unwrap().to_str().unwrap();
    let scenario = name.strip_prefix("server-").unwrap();
    let scenario = scenario.get(..scenario.len() - TIMESTAMP).unwrap().to_owned();
    let text = fs::read_to_string(directory.join("checks.json"));
    let text = text.unwrap_or_else(|error| panic!("{scenario}: {error}"));
    (scenario, serde_json::from_str(&text).unwrap())
}

#[test]
fn core_passes_every_scenario_that_is_required() {
    let Some(suite) = Suite::find() else { return };
    let excused = Exception::all();
    for revision in REVISIONS {
        let required = suite.required(revision);
        for exception in excused.iter().filter(|one| one.is_for(FIXTURE, revision)) {
            for check in &exception.checks {
                let scenario = check.split(':').next().unwrap();
                assert!(!required.contains(scenario), "{revision} requires {scenario}");
            }
        }
    }
    suite.holds(vec![Job::new(FIXTURE, built("examples/conformance"), &["--write"])]);
}

#[test]
fn every_server_passes_the_scenarios_that_apply_to_it() {
    let Some(suite) = Suite::find() else { return };
    let jobs = servers().iter().filter_map(|server| connector(&server.name)).collect();
    suite.holds(jobs);
}

#[test]
fn exceptions_are_for_somebody_and_say_why() {
    let known: Vec<String> = servers().into_iter().map(|server| server.name).collect();
    for exception in Exception::all() {
        let Exception { servers, revisions, checks, clause, why } = exception;
        for server in &servers {
            let is_known = [FIXTURE, EVERY].contains(&server.as_str()) || known.contains(server);
            assert!(is_known, "nobody is called {server}");
        }
        for revision in &revisions {
            assert!(REVISIONS.contains(&revision.as_str()), "{revision}");
        }
        assert!(!servers.is_empty() && !revisions.is_empty() && !checks.is_empty(), "{why}");
        assert!(clause.len() > 10 && why.len() > 20, "{checks:?}");
    }
}

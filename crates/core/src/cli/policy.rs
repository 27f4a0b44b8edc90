//! The subcommands that let whoever wrote a policy see what it says.

use std::process::ExitCode;

use clap::{Args, Subcommand};
use serde_json::{Value, json};

use super::{Given, Keeping, Served, in_runtime, print};
use crate::config::Process;
use crate::policy::command::{explain, run_test};
use crate::server::{Server, StartError};

#[derive(Subcommand)]
pub(super) enum PolicyCommand<O: Args> {
    /// Check the policy, and say which files and rules are in force
    Check {
        #[command(flatten)]
        given: Given<O>,
        /// As JSON
        #[arg(long)]
        json: bool,
    },
    /// Say what the policy decides about a call, and by which rule, without making it
    ///
    /// Exits with 1 if the call is denied.
    Explain {
        /// The tool's name
        tool: String,
        /// Its arguments, a JSON object
        arguments: String,
        #[command(flatten)]
        given: Given<O>,
        /// Ask the upstream where the rules alone can't tell
        #[arg(long)]
        live: bool,
        /// As JSON
        #[arg(long)]
        json: bool,
    },
    /// Run the [[test]] tables of the configuration files
    Test {
        #[command(flatten)]
        given: Given<O>,
        /// Ask the upstream where the rules alone can't tell
        #[arg(long)]
        live: bool,
        /// As JSON
        #[arg(long)]
        json: bool,
    },
}

impl<O: Args> PolicyCommand<O> {
    pub(super) fn given(&self) -> &Given<O> {
        match self {
            Self::Check { given, .. } | Self::Explain { given, .. } | Self::Test { given, .. } => {
                given
            }
        }
    }
}

pub(super) fn run<S: Server>(
    command: PolicyCommand<S::Options>,
    process: &Process,
) -> Result<ExitCode, StartError> {
    match command {
        PolicyCommand::Check { given, json } => {
            let served = Served::<S>::open(given, process)?;
            let (lines, value) = in_force(&served);
            print(&if json { format!("{value}\n") } else { lines });
            Ok(ExitCode::SUCCESS)
        }
        PolicyCommand::Explain { tool, arguments, given, live, json } => {
            let arguments = super::call::object(&arguments)?;
            let served = Served::<S>::open(given, process)?;
            let pipeline = &served.pipeline;
            let call = (tool.as_str(), arguments);
            served.restrict(Keeping::Nothing)?;
            in_runtime(&pipeline.audit, async {
                let mut explained =
                    explain::<S>(&pipeline.policy, &pipeline.source, call, live).await?;
                explained.limited_by(&pipeline.rates);
                print(&if json { format!("{}\n", json!(explained)) } else { explained.text() });
                Ok(if explained.is_denied() { ExitCode::FAILURE } else { ExitCode::SUCCESS })
            })
        }
        PolicyCommand::Test { given, live, json } => {
            let served = Served::<S>::open(given, process)?;
            let pipeline = &served.pipeline;
            if served.tests.is_empty() {
                let problem = "no file in force has a [[test]]: name one with --config";
                return Err(StartError::new(problem));
            }
            served.restrict(Keeping::Nothing)?;
            in_runtime(&pipeline.audit, async {
                let (mut lines, mut values, mut failed) = (String::new(), Vec::new(), 0);
                for test in &served.tests {
                    let (value, line, passed) =
                        run_test::<S>(&pipeline.policy, &pipeline.source, test, live).await;
                    values.push(value);
                    lines.push_str(&line);
                    failed += usize::from(!passed);
                }
                lines.push_str(&format!("{} tests, {failed} failed\n", served.tests.len()));
                print(&if json { format!("{}\n", Value::Array(values)) } else { lines });
                Ok(if failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
            })
        }
    }
}

fn in_force<S: Server>(served: &Served<S>) -> (String, Value) {
    let policy = &served.pipeline.policy;
    let mut lines = String::new();
    for file in &served.files {
        lines.push_str(&format!("file  {}\n", file.line()));
    }
    let mut rules = policy.rules();
    rules.extend(served.pipeline.rates.rules().into_iter().map(str::to_owned));
    for rule in &rules {
        lines.push_str(&format!("rule  {rule}\n"));
    }
    let names: Vec<&str> = served.pipeline.catalog.definitions().map(|d| &*d.name).collect();
    lines.push_str(&format!("tools {}\n", names.join(" ")));
    lines.push_str(&format!("hash  {}\n", policy.hash()));
    let value = json!({
        "files": served.files, "rules": rules, "tools": names, "hash": policy.hash(),
        "tests": served.tests.len(),
    });
    (lines, value)
}

//! Where this workspace and what is built from it lie, as cargo says.

use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context as _, Result};
use serde_json::Value;

use crate::process;

pub(crate) struct Workspace {
    pub(crate) root: PathBuf,
    pub(crate) target: PathBuf,
}

impl Workspace {
    pub(crate) fn load() -> Result<Self> {
        let mut command = cargo();
        command.args(["metadata", "--format-version", "1", "--no-deps"]);
        let metadata: Value = serde_json::from_str(&process::output(&mut command)?)?;
        let directory = |key: &str| {
            let path = metadata[key].as_str().with_context(|| format!("no `{key}` from cargo"))?;
            anyhow::Ok(PathBuf::from(path))
        };
        Ok(Self { root: directory("workspace_root")?, target: directory("target_directory")? })
    }

    /// A cargo command that runs at the root of the workspace.
    pub(crate) fn cargo(&self, args: &[&str]) -> Command {
        let mut command = cargo();
        command.args(args).current_dir(&self.root);
        command
    }

    /// Whether a cargo subcommand is installed.
    pub(crate) fn has_subcommand(&self, name: &str) -> bool {
        process::output(&mut self.cargo(&[name, "--version"])).is_ok()
    }
}

pub(crate) fn cargo() -> Command {
    Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()))
}

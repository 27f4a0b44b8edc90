//! The programs that are measured, and how each is asked for the same thing.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::Result;
use serde_json::{Value, json};

use super::corpus::{ABUNDANT, COMMON, COMMON_GLOB, Corpus, NEEDLE, RARE_GLOB};
use crate::bench::Stage;
use crate::bench::client::Session;
use crate::bench::figures::Subject;
use crate::counterparts::{self, Peer};

pub(super) const OURS: &str = "lockkeeper-filesystem";
pub(super) const REFERENCE: &str = "server-filesystem";
pub(super) const RUST: &str = "rust-mcp-filesystem";
pub(super) const RG: &str = "rg";

/// What servers are asked for.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Ask {
    Read,
    Tail,
    List,
    RareGlob,
    CommonGlob,
    Needle,
    Common,
    Abundant,
    CountCommon,
    CountAbundant,
}

pub(super) struct Servers {
    ours: PathBuf,
    node: Peer,
    reference: Peer,
    rust: Peer,
    rg: Peer,
    pub(super) corpus: Corpus,
    directory: PathBuf,
}

impl Servers {
    pub(super) fn fetch(stage: &Stage<'_>, corpus: Corpus) -> Result<Self> {
        let peer = |name| counterparts::peer(stage.workspace, name);
        let directory = stage.directory.clone();
        // What earlier runs left in the audit log is no load of this one.
        let state = directory.join("state");
        if state.exists() {
            fs::remove_dir_all(state)?;
        }
        Ok(Self {
            ours: stage.binary.clone(),
            node: peer("node")?,
            reference: peer("reference-filesystem")?,
            rust: peer("rust-mcp-filesystem")?,
            rg: peer("ripgrep")?,
            corpus,
            directory,
        })
    }

    /// In the order in which they take turns and stand in the table.
    pub(super) fn subjects(&self) -> Vec<Subject> {
        let node = format!("{} on Node {}", self.reference.version, self.node.version);
        vec![
            Subject { name: OURS, version: env!("CARGO_PKG_VERSION").to_owned() },
            Subject { name: REFERENCE, version: node },
            Subject { name: RUST, version: self.rust.version.to_owned() },
            Subject { name: RG, version: self.rg.version.to_owned() },
        ]
    }

    /// Starts a server with the given options before the directory it serves.
    pub(super) fn start(&self, server: &str, options: &[&str]) -> Result<Session> {
        let mut command = match server {
            REFERENCE => {
                let mut command = Command::new(&self.node.program);
                command.arg(&self.reference.program);
                command
            }
            RUST => Command::new(&self.rust.program),
            _ => {
                let mut command = Command::new(&self.ours);
                command.arg("--state-dir").arg(self.directory.join("state"));
                command
            }
        };
        command.args(options).arg(&self.corpus.root);
        Session::start(command, &self.directory.join(format!("{server}.log")))
    }

    /// The option with which a server lists its tools for writing too.
    pub(super) fn writing(server: &str) -> &'static [&'static str] {
        match server {
            OURS => &["--write"],
            RUST => &["--allow-write"],
            _ => &[],
        }
    }

    /// What has to be on a disk for a server to run.
    pub(super) fn installed(&self, server: &str) -> Vec<&Path> {
        match server {
            REFERENCE => {
                let modules =
                    self.reference.program.ancestors().find(|path| path.ends_with("node_modules"));
                [Some(self.node.program.as_path()), modules].into_iter().flatten().collect()
            }
            RUST => vec![&self.rust.program],
            _ => vec![&self.ours],
        }
    }

    /// How a server is asked; the reason if it can't be.
    pub(super) fn call(&self, server: &str, ask: Ask) -> Result<(&'static str, Value), String> {
        let Corpus { root, small, log, crowd } = &self.corpus;
        let no_tool = || Err("it has no tool for that".to_owned());
        Ok(match (ask, server) {
            (Ask::Read, OURS) => ("read_file", json!({ "path": small })),
            (Ask::Read, _) => ("read_text_file", json!({ "path": small })),
            (Ask::Tail, OURS) => ("read_file", json!({ "path": log, "offset": -100 })),
            (Ask::Tail, RUST) => ("tail_file", json!({ "path": log, "lines": 100 })),
            (Ask::Tail, _) => ("read_text_file", json!({ "path": log, "tail": 100 })),
            (Ask::List, OURS) => ("list_directory", json!({ "path": crowd, "limit": 10_000 })),
            (Ask::List, _) => ("list_directory", json!({ "path": crowd })),
            (Ask::RareGlob | Ask::CommonGlob, _) => {
                let glob = if ask == Ask::RareGlob { RARE_GLOB } else { COMMON_GLOB };
                let arguments = match server {
                    OURS => json!({ "glob": glob, "type": "file" }),
                    _ => json!({ "path": root, "pattern": glob }),
                };
                (if server == OURS { "find_files" } else { "search_files" }, arguments)
            }
            (_, REFERENCE) => return no_tool(),
            (Ask::CountCommon | Ask::CountAbundant, RUST) => return no_tool(),
            (_, RUST) => {
                let arguments = json!({ "path": root, "pattern": "**/*", "query": pattern(ask) });
                ("search_files_content", arguments)
            }
            (Ask::CountCommon | Ask::CountAbundant, _) => {
                ("search_text", json!({ "pattern": pattern(ask), "output": "count" }))
            }
            _ => ("search_text", json!({ "pattern": pattern(ask) })),
        })
    }

    /// The floor: what ripgrep does for the same, with the same ignore rules.
    pub(super) fn rg(&self, ask: Ask) -> Command {
        let mut command = Command::new(&self.rg.program);
        command.args(["--no-config", "--no-ignore-global", "--color", "never"]);
        match ask {
            Ask::RareGlob => command.args(["--files", "--glob", RARE_GLOB]),
            Ask::CommonGlob => command.args(["--files", "--glob", COMMON_GLOB]),
            Ask::CountCommon | Ask::CountAbundant => {
                command.args(["--count", "--with-filename", pattern(ask)])
            }
            _ => command.args(["--line-number", "--heading", pattern(ask)]),
        };
        command.arg("./").current_dir(&self.corpus.root);
        command
    }
}

fn pattern(ask: Ask) -> &'static str {
    match ask {
        Ask::Needle => NEEDLE,
        Ask::Abundant | Ask::CountAbundant => ABUNDANT,
        _ => COMMON,
    }
}

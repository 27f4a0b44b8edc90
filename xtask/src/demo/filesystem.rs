//! The filesystem scenes: an agent looks around in this very checkout, then works on a scratch copy
//! of some of its files. The checkout itself is never written.

use std::fs;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use serde_json::json;

use super::screen::Screen;
use super::session::{Call, Expect, Session, registration};
use super::{Scene, Scratch, Stage};

pub(super) const SCENE: Scene =
    Scene { server: "filesystem", title: "an agent reads this checkout, and nothing else", play };

/// What the session tries to create.
const NOTE: &str = "note-of-the-demo.txt";

fn play(screen: &mut Screen, stage: &Stage<'_>) -> Result<()> {
    let mut session = Session::open(screen, stage, &["."])?;
    let mut call =
        |caption, tool, arguments, expect| session.call(&Call { caption, tool, arguments, expect });
    call("Look around", "list_directory", json!({ "path": "." }), Expect::Answer("Cargo.toml"))?;
    call(
        "Search the contents of all files",
        "search_text",
        json!({ "pattern": "fn main", "glob": "**/*.rs" }),
        Expect::Answer("xtask/src/main.rs"),
    )?;
    call(
        "Read the beginning of a file",
        "read_file",
        json!({ "path": "README.md", "limit": 6 }),
        Expect::Answer("Lockkeeper"),
    )?;
    call(
        "Find files by name",
        "find_files",
        json!({ "glob": "**/Cargo.toml" }),
        Expect::Answer("crates/core/Cargo.toml"),
    )?;
    let outside = call(
        "Try to read a file outside: refused",
        "read_file",
        json!({ "path": outside(stage) }),
        Expect::Refusal(""),
    )?;
    call(
        "Try to write without having been allowed to: refused",
        "write_file",
        json!({ "path": NOTE, "content": "I was here." }),
        Expect::Refusal("--write"),
    )?;
    if outside.contains("root:") {
        session.problem("the refused call has read its file");
    }
    if stage.workspace.root.join(NOTE).exists() {
        session.problem("the refused call has written its file");
    }
    session.close()?;

    let root = stage.workspace.root.display().to_string();
    let snippet = registration("filesystem", stage, &[&root])?;
    screen.snippet(
        "To let your agent read this checkout, add this to your host's configuration",
        &snippet,
    )?;
    write(screen, stage)
}

/// The second scene.
fn write(screen: &mut Screen, stage: &Stage<'_>) -> Result<()> {
    let scratch = Scratch::new(stage)?;
    let config = "[server]\nport = 8000\n\n[client]\nport = 8000\nretries = 3\n";
    fs::write(scratch.0.join("app.toml"), config)?;
    fs::copy(stage.workspace.root.join("LICENSE-MIT"), scratch.0.join("LICENSE"))?;
    let root = scratch.0.to_str().context("the checkout's path is not UTF-8")?;
    let config = scratch.0.join("app.toml");
    screen.heading("filesystem", "an agent edits a scratch copy, and nothing gets lost")?;
    let mut session = Session::open(screen, stage, &["--write", root])?;
    let read = session.call(&Call {
        caption: "Read a file, and learn its version",
        tool: "read_file",
        arguments: json!({ "path": "app.toml" }),
        expect: Expect::Answer("version"),
    })?;
    let seen = version(&read).context("read_file names no version")?;
    session.call(&Call {
        caption: "An edit that could mean two places: refused, with both of them",
        tool: "edit_file",
        arguments: edit("port = 8000", "port = 9000", None),
        expect: Expect::Refusal("lines 2, 5"),
    })?;
    session.call(&Call {
        caption: "The same with the line before it: done, and shown as a diff",
        tool: "edit_file",
        arguments: edit("[client]\nport = 8000", "[client]\nport = 9000", Some(&seen)),
        expect: Expect::Answer("+port = 9000"),
    })?;
    session.call(&Call {
        caption: "Another edit of what was read at first: refused, it has changed since",
        tool: "edit_file",
        arguments: edit("retries = 3", "retries = 5", Some(&seen)),
        expect: Expect::Refusal("stale_version"),
    })?;
    let person = Person::begin(config.clone());
    session.call(&Call {
        caption: "Wait for what a person at the keyboard does",
        tool: "wait_for_change",
        arguments: json!({ "paths": ["app.toml"], "max_wait": 10 }),
        expect: Expect::Answer("modified"),
    })?;
    person.end();
    session.call(&Call {
        caption: "Delete for good: that takes a person's yes, and this host can't ask",
        tool: "delete_file",
        arguments: json!({ "paths": ["LICENSE"] }),
        expect: Expect::Refusal("confirm"),
    })?;
    if !scratch.0.join("LICENSE").exists() {
        session.problem("the refused call has deleted its file");
    }
    if !fs::read_to_string(&config)?.contains("[client]\nport = 9000\nretries = 3") {
        session.problem("an edit got lost");
    }
    session.close()
}

fn edit(old: &str, new: &str, version: Option<&str>) -> serde_json::Value {
    let edits = json!([{ "old_text": old, "new_text": new }]);
    let mut arguments = json!({ "path": "app.toml", "edits": edits });
    if let Some(version) = version {
        arguments["if_version"] = version.into();
    }
    arguments
}

/// The version in the line that opens what was read.
fn version(text: &str) -> Option<String> {
    let (_, rest) = text.split_once("version ")?;
    let end = rest.find([',', ';', ']', ' ', '\n'])?;
    rest.get(..end).map(str::to_owned)
}

/// Somebody who adds a line now and then, until they are told that it was noticed.
struct Person(std::sync::mpsc::Sender<()>, thread::JoinHandle<()>);

impl Person {
    fn begin(file: PathBuf) -> Self {
        let (told, noticed) = std::sync::mpsc::channel();
        let types = thread::spawn(move || {
            let start = Instant::now();
            while noticed.recv_timeout(Duration::from_millis(400)).is_err()
                && start.elapsed() < Duration::from_secs(10)
                && add_line(&file).is_ok()
            {}
        });
        Self(told, types)
    }

    fn end(self) {
        // They may have left already.
        let _: Result<(), _> = self.0.send(());
        drop(self.1.join());
    }
}

fn add_line(file: &Path) -> Result<()> {
    let text = fs::read_to_string(file)?;
    fs::write(file, text + "# typed by a person\n")?;
    Ok(())
}

/// A path that climbs out of the checkout, to a file that exists on Unix.
fn outside(stage: &Stage<'_>) -> String {
    let depth = stage.workspace.root.components().count().saturating_sub(1);
    format!("{}etc/passwd", "../".repeat(depth))
}

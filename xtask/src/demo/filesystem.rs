//! The filesystem scene: an agent looks around in this very checkout.

use anyhow::Result;
use serde_json::json;

use super::screen::Screen;
use super::session::{Call, Expect, Session, registration};
use super::{Scene, Stage};

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
    )
}

/// A path that climbs out of the checkout, to a file that exists on Unix.
fn outside(stage: &Stage<'_>) -> String {
    let depth = stage.workspace.root.components().count().saturating_sub(1);
    format!("{}etc/passwd", "../".repeat(depth))
}

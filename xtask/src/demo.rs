//! `cargo xtask demo`: builds the servers and shows a session with each, played against the real
//! binary over stdio. A scene that does not go as announced fails the command.

mod drive;
mod filesystem;
mod github;
mod mongo;
mod postgres;
mod release;
mod screen;
mod session;

use std::fs;
use std::io::{self, IsTerminal as _};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail};

use crate::process;
use crate::workspace::Workspace;
use screen::Screen;

/// A session with one server.
struct Scene {
    /// The server's name without the project's prefix.
    server: &'static str,
    /// What it shows, as the heading says it.
    title: &'static str,
    play: fn(&mut Screen, &Stage<'_>) -> Result<()>,
}

/// What a scene is played on.
struct Stage<'a> {
    workspace: &'a Workspace,
    binary: &'a Path,
}

/// A directory for a scene, gone when the scene is over.
struct Scratch(PathBuf);

impl Scratch {
    fn new(stage: &Stage<'_>) -> Result<Self> {
        let place = stage.workspace.root.join("target/scratch");
        let scratch = Self(place.join(std::process::id().to_string()));
        fs::create_dir_all(&scratch.0).context("cannot make a scratch directory")?;
        Ok(scratch)
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        drop(fs::remove_dir_all(&self.0));
    }
}

/// In the order in which they are played.
const SCENES: &[Scene] =
    &[filesystem::SCENE, postgres::SCENE, mongo::SCENE, github::SCENE, drive::SCENE];

pub(crate) fn run(workspace: &Workspace, args: &[String]) -> Result<()> {
    let mut colour = io::stdout().is_terminal() && std::env::var_os("NO_COLOR").is_none();
    let mut wanted = Vec::new();
    for arg in args {
        match arg.as_str() {
            "--plain" => colour = false,
            "--color" => colour = true,
            name if SCENES.iter().any(|scene| scene.server == name) => wanted.push(name),
            unknown => {
                let known: Vec<&str> = SCENES.iter().map(|scene| scene.server).collect();
                bail!("unknown server or option `{unknown}`; servers: {}", known.join(", "));
            }
        }
    }
    let mut screen = Screen::new(colour);
    for scene in SCENES {
        if wanted.is_empty() || wanted.contains(&scene.server) {
            let binary = release::build(workspace, &format!("lockkeeper-{}", scene.server))?;
            screen.heading(scene.server, scene.title)?;
            (scene.play)(&mut screen, &Stage { workspace, binary: &binary })?;
        }
    }
    process::print("\n")
}

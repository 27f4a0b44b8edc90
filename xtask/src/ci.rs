//! `cargo xtask ci`: what a change must pass, the same by hand and in continuous integration.

use anyhow::{Result, bail};

use crate::process;
use crate::test::{self, Options};
use crate::workspace::Workspace;

/// Advisories are left out: they change without a change here.
const DENY: &[&str] = &["deny", "check", "bans", "licenses", "sources"];

const CLIPPY: &[&str] =
    &["clippy", "--workspace", "--all-targets", "--locked", "--", "--deny", "warnings"];

pub(crate) fn run(workspace: &Workspace, args: &[String]) -> Result<()> {
    if let Some(arg) = args.first() {
        bail!("`ci` takes no arguments, but got `{arg}`");
    }
    let cargo = |args: &[&str]| process::run(&mut workspace.cargo(args));
    process::step("format", || cargo(&["fmt", "--all", "--check"]))?;
    process::step("clippy", || cargo(CLIPPY))?;
    if workspace.has_subcommand("deny") {
        process::step("deny", || cargo(DENY))?;
    } else {
        eprintln!("── deny: left out, cargo-deny is not installed");
    }
    test::all(workspace, &Options::default())
}

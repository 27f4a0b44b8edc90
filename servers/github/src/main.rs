//! The `lockkeeper-github` binary.

use std::process::ExitCode;

fn main() -> ExitCode {
    lockkeeper_core::main::<lockkeeper_github::GitHub>()
}

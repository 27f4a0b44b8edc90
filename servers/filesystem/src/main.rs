//! The `lockkeeper-filesystem` binary.

use std::process::ExitCode;

fn main() -> ExitCode {
    lockkeeper_core::main::<lockkeeper_filesystem::Filesystem>()
}

//! The `lockkeeper-drive` binary.

use std::process::ExitCode;

fn main() -> ExitCode {
    lockkeeper_core::main::<lockkeeper_drive::Drive>()
}

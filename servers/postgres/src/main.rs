//! The `lockkeeper-postgres` binary.

use std::process::ExitCode;

fn main() -> ExitCode {
    lockkeeper_core::main::<lockkeeper_postgres::Postgres>()
}

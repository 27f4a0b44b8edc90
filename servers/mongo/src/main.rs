//! The `lockkeeper-mongo` binary.

use std::process::ExitCode;

fn main() -> ExitCode {
    lockkeeper_core::main::<lockkeeper_mongo::MongoDb>()
}

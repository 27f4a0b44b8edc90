//! The double as a program, for clients in other languages: it prints one line of JSON with its address,
//! a token and credentials, and serves until it is killed.
#![expect(clippy::disallowed_methods, reason = "it reads the file that it is told to")]
#![expect(
    clippy::disallowed_macros,
    clippy::print_stdout,
    reason = "whoever starts it reads a line"
)]

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Parser;
use lockkeeper_drive_double::{Double, FULL, Seed};
use serde_json::json;

/// A double of Google Drive on a loopback port
#[derive(Parser)]
struct Options {
    /// The port; 0 for any that is free
    #[arg(long, default_value_t = 0)]
    port: u16,
    /// A file with what is there from the start, as JSON
    #[arg(long)]
    seed: Option<PathBuf>,
}

fn main() -> ExitCode {
    let options = Options::parse();
    let seed = match options.seed.as_deref().map(read) {
        None => Seed::new(),
        Some(Ok(seed)) => seed,
        Some(Err(why)) => {
            println!("{}", json!({ "error": why }));
            return ExitCode::FAILURE;
        }
    };
    let double = Double::start_on(options.port, seed);
    let line = json!({
        "url": double.url(),
        "token": double.token(&[FULL]),
        "authorized_user": double.authorized_user(&[FULL]),
        "desktop_client": double.desktop_client(),
        "service_account": double.service_account("robot@double.iam.gserviceaccount.com", &[FULL]),
    });
    println!("{line}");
    double.wait();
    ExitCode::SUCCESS
}

fn read(path: &std::path::Path) -> Result<Seed, String> {
    let text = std::fs::read_to_string(path).map_err(|error| error.to_string())?;
    serde_json::from_str(&text).map_err(|error| error.to_string())
}

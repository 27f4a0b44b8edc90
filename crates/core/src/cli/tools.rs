//! `tools`: what a host lists, and what that costs.

use std::process::ExitCode;

use serde_json::json;

use super::{Given, Keeping, Served, print};
use crate::catalog::Definition;
use crate::config::Process;
use crate::server::{Server, StartError};
use crate::text::grouped;

pub(super) fn run<S: Server>(
    given: Given<S::Options>,
    process: &Process,
    json: bool,
) -> Result<ExitCode, StartError> {
    let served = Served::<S>::open(given, process)?;
    served.restrict(Keeping::Nothing)?;
    let definitions: Vec<_> = served.pipeline.catalog.definitions().collect();
    if json {
        print(&format!("{}\n", json!({"tools": definitions})));
        return Ok(ExitCode::SUCCESS);
    }
    let length = |bytes: usize| (grouped(bytes as u64), grouped(tokens(bytes)));
    let rows = definitions.iter().map(|definition| {
        let (bytes, tokens) = length(serde_json::to_vec(definition).unwrap_or_default().len());
        [definition.name.clone(), effect(definition).to_owned(), bytes, tokens]
    });
    let whole = json!({"tools": definitions}).to_string().len();
    let (bytes, tokens) = length(whole);
    let total = format!("{} tools", definitions.len());
    let said = served.identity.instructions.len();
    let (said_bytes, said_tokens) = length(said);
    let more = [
        ["instructions".to_owned(), String::new(), said_bytes, said_tokens],
        [total, String::new(), bytes, tokens],
    ];
    let head = ["tool", "effect", "bytes", "tokens"].map(str::to_owned);
    let all: Vec<[String; 4]> = std::iter::once(head).chain(rows).chain(more).collect();
    let widest = |column: usize| {
        all.iter().filter_map(|row| row.get(column)).map(String::len).max().unwrap_or_default()
    };
    let (first, second, third, fourth) = (widest(0), widest(1), widest(2), widest(3));
    for [name, effect, bytes, tokens] in &all {
        print(&format!("{name:first$}  {effect:second$}  {bytes:>third$}  {tokens:>fourth$}\n"));
    }
    Ok(ExitCode::SUCCESS)
}

/// About as many as a model counts.
fn tokens(bytes: usize) -> u64 {
    (bytes as u64 * 10).div_ceil(42)
}

fn effect(definition: &Definition) -> &'static str {
    let hints = &definition.annotations;
    match (hints.read_only_hint, hints.destructive_hint) {
        (true, _) => "reads",
        (false, Some(true)) => "changes",
        (false, _) => "adds",
    }
}

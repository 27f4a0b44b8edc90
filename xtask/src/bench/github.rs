//! Servers for GitHub: ours, GitHub's own, and plain requests as the floor. All speak with the same
//! emulator, which is started for the run.

mod rows;
mod servers;

use std::fs;
use std::process::Command;

use anyhow::Result;
use serde_json::json;

use super::figures::Figures;
use super::samples::Samples;
use super::turns::{self, Flood, Lineup as _, Offer};
use super::{Stage, Suite, milliseconds};
use crate::counterparts;
use crate::process::output;
use servers::{HTTP, PUBLISHED, Servers};

pub(super) const SUITE: Suite = Suite { server: "github", readme: rows::README, measure };

const FLOODS: &[Flood] =
    &[(1, 1_000, "rate_1"), (8, 2_000, "rate_8"), (32, 4_000, "rate_32"), (64, 4_000, "rate_64")];
const LOGS: usize = 2;

/// Lists of tools: their rows in bytes and in tokens, and what GitHub's newest server has, by the
/// snapshots of its repository (1.10.1, without icons): kB and tokens.
const LISTS: &[(&str, &str, Offer, (f64, f64))] = &[
    ("tools", "tokens", Offer::Reading, (28.580, 6_613.0)),
    ("tools_writing", "tokens_writing", Offer::Writing, (49.734, 11_261.0)),
    ("tools_all", "tokens_all", Offer::All, (94.711, 21_148.0)),
];

type Run = turns::Run<Servers>;

fn measure(stage: &Stage<'_>) -> Result<Figures> {
    let lists: Vec<_> = LISTS.iter().map(|(bytes, _, offer, _)| (*bytes, *offer)).collect();
    let once = |run: &mut Run| {
        run.sizes(&lists)?;
        tokens(run, stage)
    };
    Run::measure(stage, Servers::fetch(stage)?, rows::MEASURES, once, |run, _| round(run))
}

fn round(run: &mut Run) -> Result<()> {
    let mut all = run.starts()?;
    run.calls(&mut all)?;
    run.floods(&mut all, FLOODS)?;
    run.peaks(&all, None)?;
    drop(all);
    logs(run)
}

/// As a model's tokenizer counts them.
fn tokens(run: &mut Run, stage: &Stage<'_>) -> Result<()> {
    let peer = |name| counterparts::peer(stage.workspace, name);
    let (node, tokenizer) = (peer("node")?.program, peer("tokenizer")?.program);
    let file = run.lineup.directory().join("tools.json");
    let script = format!(
        "const {{ countTokens }} = await import({}); const {{ readFileSync }} = await import('node:fs'); \
         console.log(countTokens(readFileSync({}, 'utf8')))",
        json!(tokenizer),
        json!(file)
    );
    for (bytes, tokens, offer, published) in LISTS {
        for server in Servers::SERVERS {
            let list = json!({ "tools": run.lineup.start(server, *offer)?.tools }).to_string();
            fs::write(&file, list)?;
            let mut count = Command::new(&node);
            let count = output(count.args(["--input-type=module", "-e", &script]))?;
            run.figures.add(tokens, server, count.trim().parse()?);
        }
        run.figures.add(bytes, PUBLISHED, published.0);
        run.figures.add(tokens, PUBLISHED, published.1);
    }
    Ok(())
}

/// The end of a long log: how long it takes, and what memory in a server that did nothing else.
fn logs(run: &mut Run) -> Result<()> {
    for server in Servers::SERVERS {
        let (mut times, mut session) = (Samples::default(), run.lineup.start(server, Offer::All)?);
        let (tool, arguments) = Servers::log(server);
        for _ in 0..LOGS {
            times.0.push(milliseconds(session.call(tool, &arguments)?));
        }
        run.figures.add("log", server, times.median());
        run.figures.add("log_peak", server, session.memory("VmHWM")? / 1e6);
    }
    let mut times = Samples::default();
    for _ in 0..LOGS {
        times.0.push(run.lineup.floor_log()?);
    }
    run.figures.add("log", HTTP, times.median());
    Ok(())
}

//! Servers for PostgreSQL: ours, two of others, and the driver alone as the floor. All see the same
//! database of a cluster that is made for the run.

mod rows;
mod servers;

use std::fs;

use anyhow::{Result, ensure};
use serde_json::json;

use super::client::Session;
use super::figures::Figures;
use super::samples::Samples;
use super::turns::{self, Flood, Offer, Pages, Running};
use super::{Stage, Suite, megabytes, milliseconds};
use servers::{DRIVER, OURS, Servers};

pub(super) const SUITE: Suite = Suite { server: "postgres", readme: rows::README, measure };

const FLOODS: &[Flood] = &[(1, 2_000, "rate_1"), (8, 4_000, "rate_8"), (32, 8_000, "rate_32")];
const EXPORTS: usize = 3;
const LISTS: usize = 3;
/// The largest answers that ours gives, for reading many pages.
const WIDE: &[&str] = &["--max-output", "100kB"];

type Run = turns::Run<Servers>;

fn measure(stage: &Stage<'_>) -> Result<Figures> {
    let lists = [("tools", Offer::Reading), ("tools_all", Offer::All)];
    let lineup = Servers::fetch(stage)?;
    Run::measure(stage, lineup, rows::MEASURES, |run| run.sizes(&lists), round)
}

fn round(run: &mut Run, number: usize) -> Result<()> {
    let mut all = run.starts()?;
    run.calls(&mut all)?;
    run.floods(&mut all, FLOODS)?;
    let mut wide = run.lineup.start_with(OURS, WIDE)?;
    exports(run, &mut wide, number)?;
    pages(run, &mut all, &mut wide)?;
    lists(run, &mut all)?;
    run.peaks(&all, Some(&wide))
}

/// The whole table into a file; the driver encodes it and writes nothing.
fn exports(run: &mut Run, session: &mut Session, round: usize) -> Result<()> {
    let (mut own, mut floor) = (Samples::default(), Samples::default());
    for n in 0..EXPORTS {
        let path = format!("item-{round}-{n}.csv");
        let (_, all) = Servers::all(OURS);
        let arguments = json!({ "sql": all["sql"], "path": path, "format": "csv" });
        own.0.push(milliseconds(session.call("export", &arguments)?));
        let written = fs::read_to_string(run.lineup.exports().join(&path))?;
        ensure!(written.lines().count() == 10_001, "`{path}` has not all rows");
        floor.0.push(run.lineup.floor_export()?);
    }
    run.figures.add("export", OURS, own.median());
    run.figures.add("export", DRIVER, floor.median());
    run.figures.add("pages", DRIVER, floor.median());
    Ok(())
}

/// The whole table in answers: of ours by pages, of others in one.
fn pages(run: &mut Run, all: &mut [Running], wide: &mut Session) -> Result<()> {
    for running in all {
        let server = running.server;
        let elapsed = if server == OURS {
            let Pages { elapsed, lines, .. } = Pages::read(wide, Servers::all(OURS), 2)?;
            ensure!(lines == 10_000, "{lines} rows of 10,000");
            elapsed
        } else {
            let (tool, arguments) = Servers::all(server);
            running.session.call(tool, &arguments)?
        };
        run.figures.add("pages", server, milliseconds(elapsed));
    }
    Ok(())
}

fn lists(run: &mut Run, all: &mut [Running]) -> Result<()> {
    for Running { server, session } in all {
        let (mut samples, mut largest) = (Samples::default(), 0);
        for _ in 0..LISTS {
            let read = Pages::read(session, Servers::tables(server), 2)?;
            samples.0.push(milliseconds(read.elapsed));
            largest = read.largest;
        }
        run.figures.add("tables", server, samples.median());
        run.figures.add("tables_bytes", server, megabytes(largest) * 1e3);
    }
    Ok(())
}

//! Servers for `MongoDB`: ours, the vendor's, and the driver alone as the floor. All see the same
//! collection of a deployment that is made for the run.

mod rows;
mod servers;

use anyhow::{Result, ensure};

use super::figures::Figures;
use super::samples::Samples;
use super::turns::{self, Flood, Lineup as _, Offer, Pages, Running};
use super::{Stage, Suite, milliseconds};
use servers::{DOCUMENTS, DRIVER, OURS, Servers};

pub(super) const SUITE: Suite = Suite { server: "mongo", readme: rows::README, measure };

const FLOODS: &[Flood] = &[(1, 2_000, "rate_1"), (8, 4_000, "rate_8"), (32, 8_000, "rate_32")];
const PAGES: usize = 3;
const SCHEMAS: usize = 3;

type Run = turns::Run<Servers>;

fn measure(stage: &Stage<'_>) -> Result<Figures> {
    let lists = [("tools", Offer::Reading), ("tools_all", Offer::All)];
    let lineup = Servers::fetch(stage)?;
    Run::measure(stage, lineup, rows::MEASURES, |run| run.sizes(&lists), |run, _| round(run))
}

fn round(run: &mut Run) -> Result<()> {
    let mut all = run.starts()?;
    run.calls(&mut all)?;
    run.floods(&mut all, FLOODS)?;
    pages(run, &mut all)?;
    schemas(run, &mut all)?;
    run.peaks(&all, None)
}

/// All documents: of ours by pages, of the other in one answer.
fn pages(run: &mut Run, all: &mut [Running]) -> Result<()> {
    let mut samples = Servers::SERVERS.iter().map(|_| Samples::default()).collect::<Vec<_>>();
    let mut floor = (Samples::default(), Samples::default());
    for _ in 0..PAGES {
        for (running, samples) in all.iter_mut().zip(&mut samples) {
            let (tool, arguments) = Servers::all(running.server);
            let elapsed = if running.server == OURS {
                let Pages { elapsed, lines, .. } =
                    Pages::read(&mut running.session, (tool, arguments), 1)?;
                ensure!(lines == DOCUMENTS as usize, "{lines} of {DOCUMENTS} documents");
                elapsed
            } else {
                running.session.call(tool, &arguments)?
            };
            samples.0.push(milliseconds(elapsed));
        }
        let (fetched, printed) = run.lineup.floor.two("pages")?;
        floor.0.0.push(fetched);
        floor.1.0.push(printed);
    }
    for (server, samples) in Servers::SERVERS.iter().zip(&samples) {
        run.figures.add("pages", server, samples.median());
        run.figures.add("pages_printed", server, samples.median());
    }
    run.figures.add("pages", DRIVER, floor.0.median());
    run.figures.add("pages_printed", DRIVER, floor.1.median());
    Ok(())
}

fn schemas(run: &mut Run, all: &mut [Running]) -> Result<()> {
    for Running { server, session } in all {
        let mut samples = Samples::default();
        for _ in 0..SCHEMAS {
            let (tool, arguments) = Servers::schema(server);
            samples.0.push(milliseconds(session.call(tool, &arguments)?));
        }
        run.figures.add("schema", server, samples.median());
    }
    let mut samples = Samples::default();
    for _ in 0..SCHEMAS {
        samples.0.push(run.lineup.floor.number("sample 1000")?);
    }
    run.figures.add("schema", DRIVER, samples.median());
    Ok(())
}

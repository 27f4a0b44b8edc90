//! An upstream that takes requests and never answers.

use std::io;
use std::time::Duration;

use lockkeeper_testkit::fault::{Fault, Rule};
use lockkeeper_testkit::stdio::Era;

use crate::Stage;
use crate::crowd::own;
use crate::host::{Fate, Host, Tally, Work};
use crate::report::Report;

const BUDGET: Duration = Duration::from_secs(3);
const CALLS: u64 = 64;

pub(crate) fn run(stage: &Stage, report: &mut Report) -> io::Result<()> {
    stage.proxy.rule(Rule::new(Fault::SilenceAfter));
    let mut hosts = Vec::new();
    for era in Era::ALL {
        for writes in [false, true] {
            let name = format!("silence-{writes}-{}", era.revision());
            let mut arguments = own(&stage.options.directory.join(&name));
            let more = ["--write", "--call-budget", "3s", "--upstream", &stage.upstream()];
            arguments.extend(more.map(str::to_owned));
            let mut host = Host::start(&stage.options.fixture, era, &arguments)?;
            for number in 0..CALLS {
                let work = if writes { Work::Post } else { Work::Read };
                host.ask(work(format!("{name}-{number}")))?;
            }
            hosts.push(host);
        }
    }
    for host in &mut hosts {
        host.settle()?;
    }
    // Changes that were sent may wait for longer; a connection that breaks ends that.
    stage.proxy.down();
    stage.proxy.up();
    let mut all = Tally::default();
    for host in hosts {
        let (tally, _) = host.end();
        all.extend(tally);
    }
    let bound = BUDGET + Duration::from_secs(1);
    report.none(
        "an upstream that never answers hangs no call",
        format!("{} answers", all.answered),
        &all.unanswered,
    );
    report.promise(
        "… and each answer comes within its budget and 1 s",
        format!("{} s", bound.as_secs()),
        all.times.describe(),
        stage.judged(&all.times) <= bound,
    );
    let lost = all.posts.iter().filter(|(token, fate)| match fate {
        Fate::Done => true,
        Fate::Failed => stage.notes.posted(token) > 0,
        Fate::Unknown => false,
    });
    let lost: Vec<String> = lost.map(|(token, fate)| format!("{token} is said {fate:?}")).collect();
    let posts = all.posts.len();
    report.none("a write whose answer never came is said so", format!("{posts} writes"), &lost);
    report.counts("Without answers by code", all.codes);
    Ok(())
}

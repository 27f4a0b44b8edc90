//! How soon a cancelled read gives its slot to the next call, and lets go of the upstream.

use std::io;
use std::time::{Duration, Instant};

use lockkeeper_testkit::stdio::Era;
use serde_json::json;

use crate::Stage;
use crate::crowd::own;
use crate::host::{Host, Work};
use crate::report::{Report, Times};

const BOUND: Duration = Duration::from_millis(100);
const PATIENCE: Duration = Duration::from_secs(10);

pub(crate) fn run(stage: &Stage, report: &mut Report) -> io::Result<()> {
    let (mut free, mut gone, mut broken) = (Times::default(), Times::default(), Vec::new());
    for era in Era::ALL {
        let directory = stage.options.directory.join(format!("slots-{}", era.revision()));
        let mut arguments = own(&directory);
        let more = ["--concurrency", "1", "--upstream", &stage.upstream()].map(str::to_owned);
        arguments.extend(more);
        let mut host = Host::start(&stage.options.fixture, era, &arguments)?;
        for round in 0..stage.options.rounds {
            let name = format!("{}-{round}", era.revision());
            let slow = host.ask(Work::Slow(name.clone()))?;
            if stage.notes.slow_came(&name, PATIENCE).is_none() {
                broken.push(format!("{name} never reached the upstream"));
                host.cancel(slow)?;
                break;
            }
            let next = host.ask(Work::Local("get_peak", json!({})))?;
            let cancelled = Instant::now();
            host.cancel(slow)?;
            match host.next(PATIENCE)? {
                Some(answer) if answer.id == next => free.add(answer.at - cancelled),
                _ => broken.push(format!("{name} kept its slot")),
            }
            match stage.notes.slow_left(&name, PATIENCE) {
                Some(left) => gone.add(left.saturating_duration_since(cancelled)),
                None => broken.push(format!("{name} is still asked for upstream")),
            }
        }
        host.settle()?;
        let (tally, _) = host.end();
        broken.extend(tally.unanswered);
    }
    let rounds = format!("{} cancelled reads", free.len());
    report.none("a cancelled read is not answered and lets go", rounds, &broken);
    for (promise, times) in
        [("its slot is free within", &free), ("the upstream sees it gone within", &gone)]
    {
        let kept = stage.judged(times) <= BOUND;
        report.promise(promise, "100 ms", times.describe(), kept);
    }
    Ok(())
}

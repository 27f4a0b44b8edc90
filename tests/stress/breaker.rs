//! An upstream that fails for a while: it is left alone, and asked again once it is well.

use std::io;
use std::thread;
use std::time::{Duration, Instant};

use lockkeeper_testkit::fault::{Fault, Rule};
use lockkeeper_testkit::stdio::Era;

use crate::Stage;
use crate::crowd::own;
use crate::host::{Host, Work};
use crate::report::{Report, Times, milliseconds};

/// So many calls in a row must be enough to see that an upstream fails.
const FAILURES: u64 = 20;
/// Calls while it is left alone.
const REFUSED: u64 = 100;
/// The longest first pause, and a probe.
const RECOVERY: Duration = Duration::from_secs(10);
const PATIENCE: Duration = Duration::from_secs(30);

pub(crate) fn run(stage: &Stage, report: &mut Report) -> io::Result<()> {
    let mut arguments = own(&stage.options.directory.join("breaker"));
    arguments.extend(["--upstream".to_owned(), stage.upstream()]);
    let mut host = Host::start(&stage.options.fixture, Era::Modern, &arguments)?;
    let mut read = |number: u64| {
        host.ask(Work::Read(format!("note-{}", number % 64)))?;
        let answer = host.next(PATIENCE)?;
        answer.ok_or_else(|| io::Error::new(io::ErrorKind::TimedOut, "a read hangs"))
    };
    let first = read(0)?.code;
    stage.proxy.rule(Rule::new(Fault::Status(503, None)));
    let failing = stage.proxy.requests();
    let mut opened = None;
    for number in 1..=FAILURES {
        let before = stage.proxy.requests();
        let answer = read(number)?;
        if answer.code == "upstream_down" && stage.proxy.requests() == before {
            opened = Some(number);
            break;
        }
    }
    let attempts = stage.proxy.requests() - failing;
    report.promise(
        "an upstream that fails is left alone",
        format!("after {FAILURES} calls"),
        match opened {
            Some(calls) => format!("after {calls} calls and {attempts} attempts"),
            None => format!("never, after {attempts} attempts"),
        },
        opened.is_some() && first == "ok",
    );

    let before = stage.proxy.requests();
    let mut times = Times::default();
    for number in 0..REFUSED {
        times.add(read(number)?.elapsed);
    }
    let asked = stage.proxy.requests() - before;
    report.promise(
        &format!("… {REFUSED} calls meanwhile are refused at once"),
        "one probe, 100 ms",
        format!("{asked} attempts, {}", times.describe()),
        asked <= 1 && stage.judged(&times) <= Duration::from_millis(100),
    );

    stage.proxy.heal();
    let well = Instant::now();
    let recovered = loop {
        let answer = read(0)?;
        if answer.code == "ok" {
            break Some(well.elapsed());
        }
        if well.elapsed() > PATIENCE {
            break None;
        }
        // An agent that asks a few times in a second.
        thread::sleep(Duration::from_millis(50));
    };
    report.promise(
        "… and asked again once it is well",
        format!("{} s", RECOVERY.as_secs()),
        recovered.map_or_else(|| "never".to_owned(), milliseconds),
        recovered.is_some_and(|time| time <= RECOVERY),
    );
    let (tally, _) = host.end();
    let found = [tally.unanswered, tally.wrong].concat();
    report.none("… and every read is answered once and rightly", tally.answered, &found);
    Ok(())
}

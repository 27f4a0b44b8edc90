//! Siblings that share an audit log, a state directory and an upstream that fails in every way,
//! for as long as was asked.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, BufRead as _, BufReader};
use std::path::Path;
use std::process::Command;
use std::sync::Barrier;
use std::thread;
use std::time::{Duration, Instant};

use lockkeeper_testkit::dice::Dice;
use lockkeeper_testkit::fault::{Fault, Rule};
use lockkeeper_testkit::notes::{NOTES, sealed_text};
use lockkeeper_testkit::stdio::Era;
use serde_json::{Value, json};

use crate::Stage;
use crate::crowd::own;
use crate::host::{Fate, Host, Tally, Work};
use crate::process::{Sample, growth, sum};
use crate::report::{Report, Times, megabytes};

const BUDGET: Duration = Duration::from_secs(5);
/// How many requests of a sibling wait for an answer at most: more than run at once.
const IN_FLIGHT: usize = 24;
/// The one that is given a name which nobody resolves.
const LOST: u64 = 0;
/// All siblings have ended after so long.
const END: Duration = Duration::from_secs(3);
/// By how much a sibling may have grown from the middle to the end.
const MEMORY: u64 = 2_000_000;
const DESCRIPTORS: u64 = 16;
/// Retries in a minute that a sibling may make on top of a tenth of its requests.
const RESERVE: u64 = 10;

/// How long the upstream is gone, and how long it only says 503, in each part that takes long enough.
const GONE: Duration = Duration::from_secs(2);
const LONG: Duration = Duration::from_secs(40);

/// Moments without work, at which siblings are looked at: after so many percent of the time.
const LOOKS: [u32; 3] = [10, 55, 100];

fn faults() -> Vec<(u32, Fault)> {
    let ms = Duration::from_millis;
    vec![
        (830, Fault::Pass),
        (50, Fault::Latency(ms(200))),
        (10, Fault::ResetBefore),
        (15, Fault::ResetAfter),
        (10, Fault::SlowBody(512, ms(30))),
        (10, Fault::CutLength),
        (10, Fault::CutChunks),
        (10, Fault::ResetInBody),
        (10, Fault::Status(429, Some(1))),
        (5, Fault::Status(403, Some(1))),
        (15, Fault::Status(503, None)),
        (10, Fault::StatusAfter(502)),
        (5, Fault::Malformed),
        (2, Fault::EndlessHeaders),
        (3, Fault::GzipBomb(64 * 1024 * 1024)),
        (3, Fault::Silence),
        (2, Fault::SilenceAfter),
    ]
}

/// What a sibling is asked.
#[derive(Clone, Copy)]
enum Kind {
    Local,
    Read,
    Slow,
    Post,
    Put,
}

const KINDS: [(u32, Kind); 5] =
    [(15, Kind::Local), (55, Kind::Read), (4, Kind::Slow), (18, Kind::Post), (8, Kind::Put)];
/// How many in a hundred calls are cancelled.
const CANCELLED: u64 = 6;

struct Sibling {
    number: u64,
    host: Host,
    dice: Dice,
    /// Between two calls.
    gap: Duration,
    made: u64,
}

pub(crate) fn run(stage: &Stage, report: &mut Report) -> io::Result<()> {
    let directory = stage.options.directory.join("mixed");
    let mut siblings = Vec::new();
    for number in 0..stage.options.siblings {
        siblings.push(Sibling::start(stage, number, &directory)?);
    }
    let processes: Vec<u32> = siblings.iter().map(|sibling| sibling.host.pid()).collect();
    let before = stage.proxy.requests();
    let faults_before = stage.proxy.faults();
    stage.proxy.mix(stage.seed, faults());
    let began = Instant::now();
    let (samples, siblings) = work(stage, siblings, &processes)?;
    let attempts = stage.proxy.requests() - before;
    let minutes = began.elapsed().as_secs() / 60 + 1;
    stage.proxy.heal();
    // A change whose answer never comes may take longer than its call; a connection that breaks ends
    // it.
    stage.proxy.down();
    stage.proxy.up();

    let (all, ends) = end(stage, siblings)?;
    answers(stage, report, &all);
    writes(stage, report, &all);
    memory(report, &samples);
    let bound = all.remote + all.remote / 10 + RESERVE * minutes * stage.options.siblings;
    report.promise(
        "the upstream gets a tenth more requests at most, and a reserve",
        format!("{bound} attempts"),
        format!("{attempts} for {} calls", all.remote),
        attempts <= bound,
    );
    report.promise(
        &format!("{} siblings end with their input, reads under way", stage.options.siblings),
        format!("{} s", END.as_secs()),
        ends.describe(),
        stage.judged(&ends) <= END,
    );
    book(stage, report, &directory, all.calls)?;
    let faults = stage.proxy.faults().into_iter().map(|(name, count)| {
        (name.to_owned(), count - faults_before.get(name).copied().unwrap_or_default())
    });
    report.counts("Calls by code", all.codes);
    report.counts("Requests by fault", faults.collect());
    Ok(())
}

/// Lets all siblings work at once, and looks at them while they rest.
fn work(
    stage: &Stage,
    siblings: Vec<Sibling>,
    processes: &[u32],
) -> io::Result<(Vec<Sample>, Vec<Sibling>)> {
    let rest = Barrier::new(siblings.len() + 1);
    let time = Duration::from_secs(stage.options.seconds);
    let mut samples = Vec::new();
    let siblings = thread::scope(|scope| {
        let workers: Vec<_> = siblings
            .into_iter()
            .map(|mut sibling| {
                let rest = &rest;
                scope.spawn(move || {
                    let mut last = 0;
                    let mut worked = Ok(());
                    for look in LOOKS {
                        let until = Instant::now() + time * (look - last) / 100;
                        last = look;
                        // Who fails still takes part in the rests, or nobody would go on.
                        worked = worked.and_then(|()| sibling.work(until));
                        rest.wait();
                        rest.wait();
                    }
                    worked.map(|()| sibling)
                })
            })
            .collect();
        let mut last = 0;
        for look in LOOKS {
            let part = time * (look - last) / 100;
            last = look;
            thread::sleep(part / 3);
            // Gone for a while, if there is time to see more than that.
            if part >= LONG {
                stage.proxy.down();
                thread::sleep(GONE);
                stage.proxy.up();
                thread::sleep(part / 3);
                // For a time, and not for so many requests: who is left alone gets few.
                stage.proxy.rule(Rule::new(Fault::Status(503, None)));
                thread::sleep(GONE);
                stage.proxy.heal();
                stage.proxy.mix(stage.seed.wrapping_add(u64::from(look)), faults());
            }
            rest.wait();
            let sample = Sample::take(processes);
            eprintln!("   {look} %: {} a sibling", megabytes(mean(&sample.memory)));
            samples.push(sample);
            rest.wait();
        }
        workers
            .into_iter()
            .map(|worker| {
                let ended = worker.join();
                ended.unwrap_or_else(|_| Err(io::Error::other("a worker panicked")))
            })
            .collect::<io::Result<Vec<Sibling>>>()
    })?;
    Ok((samples, siblings))
}

impl Sibling {
    fn start(stage: &Stage, number: u64, directory: &Path) -> io::Result<Self> {
        let mut arguments = own(directory);
        let budget = format!("{}s", BUDGET.as_secs());
        let upstream = match number {
            LOST => "https://nowhere.invalid".to_owned(),
            _ => stage.upstream(),
        };
        let more = ["--write", "--call-budget", &budget, "--upstream", &upstream];
        arguments.extend(more.map(str::to_owned));
        let era = if number.is_multiple_of(2) { Era::Modern } else { Era::Legacy };
        let host = Host::start(&stage.options.fixture, era, &arguments)?;
        let dice = Dice::new(stage.seed.wrapping_add(number));
        let rate = stage.options.rate.max(1);
        let gap = Duration::from_secs(1) * u32::try_from(stage.options.siblings).unwrap_or(1)
            / u32::try_from(rate).unwrap_or(u32::MAX);
        Ok(Self { number, host, dice, gap, made: 0 })
    }

    /// Calls and cancels until then, and waits for all answers.
    fn work(&mut self, until: Instant) -> io::Result<()> {
        let mut next = Instant::now();
        let mut doomed: Vec<(Instant, u64)> = Vec::new();
        loop {
            let now = Instant::now();
            if now >= until {
                break;
            }
            while let Some(due) = doomed.iter().position(|(at, _)| *at <= now) {
                let (_, id) = doomed.swap_remove(due);
                self.host.cancel(id)?;
            }
            if next <= now {
                if self.host.waiting() < IN_FLIGHT {
                    let (id, cancels) = self.ask()?;
                    if let Some(after) = cancels {
                        doomed.push((now + after, id));
                    }
                }
                next = (next + self.gap).max(now);
            }
            let soonest = doomed.iter().map(|(at, _)| *at).fold(next.min(until), Instant::min);
            let left = soonest.saturating_duration_since(Instant::now());
            if !left.is_zero() {
                self.host.next(left)?;
            }
        }
        for (_, id) in doomed {
            self.host.cancel(id)?;
        }
        self.host.settle()
    }

    /// Asks for something, and says when it is to be cancelled.
    fn ask(&mut self) -> io::Result<(u64, Option<Duration>)> {
        self.made += 1;
        let name = format!("note-{}", self.dice.below(NOTES));
        let kind = self.dice.pick(&KINDS).copied().unwrap_or(Kind::Local);
        let unique = format!("{}-{}", self.number, self.made);
        let work = match kind {
            Kind::Local => Work::Local("get_note", json!({ "note_name": "first" })),
            Kind::Read => Work::Read(name),
            Kind::Slow => Work::Slow(unique),
            Kind::Post => Work::Post(unique),
            Kind::Put => {
                let text = sealed_text(&name, self.dice.roll());
                Work::Put(name, text)
            }
        };
        let cancels = matches!(kind, Kind::Slow) || self.dice.below(100) < CANCELLED;
        let after = Duration::from_millis(self.dice.below(100));
        Ok((self.host.ask(work)?, cancels.then_some(after)))
    }
}

/// Ends all siblings at once, half of them in the middle of a read that is never answered.
fn end(stage: &Stage, mut siblings: Vec<Sibling>) -> io::Result<(Tally, Times)> {
    for sibling in siblings.iter_mut().filter(|sibling| sibling.number % 2 == 1) {
        let name = format!("end-{}", sibling.number);
        sibling.host.ask(Work::Slow(name.clone()))?;
        // If its breaker is open, it won't come.
        stage.notes.slow_came(&name, Duration::from_millis(500));
    }
    let (mut all, mut times) = (Tally::default(), Times::default());
    let ended: Vec<_> = thread::scope(|scope| {
        let ending: Vec<_> =
            siblings.into_iter().map(|sibling| scope.spawn(|| sibling.host.end())).collect();
        ending.into_iter().map(thread::ScopedJoinHandle::join).collect()
    });
    for ended in ended {
        let (tally, time) = ended.map_err(|_| io::Error::other("a worker panicked"))?;
        all.extend(tally);
        times.add(time);
    }
    Ok((all, times))
}

fn answers(stage: &Stage, report: &mut Report, all: &Tally) {
    let Tally { calls, cancelled, .. } = all;
    report.none(
        "every request is answered once, and none after it was cancelled",
        format!("{calls} calls, {} answers, {cancelled} cancelled", all.answered),
        &all.unanswered,
    );
    let reads = all.codes.get("ok").copied().unwrap_or_default();
    report.none("no answer is wrong or half", format!("{reads} ok"), &all.wrong);
    let refused = ["busy", "rate_limited"].map(|code| all.codes.get(code).copied().unwrap_or(0));
    let refused = format!("{} refused", refused.iter().sum::<u64>());
    report.none("refusals say when to try again", refused, &all.hintless);
    let bound = BUDGET + Duration::from_secs(1);
    report.promise(
        "answers come within the budget and 1 s",
        format!("{} s", bound.as_secs()),
        all.times.describe(),
        stage.judged(&all.times) <= bound,
    );
}

fn writes(stage: &Stage, report: &mut Report, all: &Tally) {
    let mut counts: BTreeMap<Fate, u64> = BTreeMap::new();
    let mut broken = Vec::new();
    for (token, fate) in &all.posts {
        *counts.entry(*fate).or_default() += 1;
        let times = stage.notes.posted(token);
        let is_right = match fate {
            Fate::Done => times == 1,
            Fate::Failed => times == 0,
            Fate::Unknown => times <= 1,
        };
        if !is_right {
            broken.push(format!("{token} is said {fate:?} and was made {times} times"));
        }
    }
    let repeated = stage.notes.repeated();
    let repeated: Vec<String> =
        repeated.into_iter().map(|token| format!("{token} was made more than once")).collect();
    let count = |fate| counts.get(&fate).copied().unwrap_or_default();
    report.none("no write is made twice", format!("{} writes", all.posts.len()), &repeated);
    report.none(
        "each write was made as its answer says",
        format!(
            "{} made, {} not, {} unknown",
            count(Fate::Done),
            count(Fate::Failed),
            count(Fate::Unknown)
        ),
        &broken,
    );
}

fn memory(report: &mut Report, samples: &[Sample]) {
    let [first, middle, last] = samples else { return };
    let three = |of: fn(&Sample) -> &[u64], show: fn(u64) -> String| {
        [first, middle, last].map(|sample| show(mean(of(sample)))).join(", ")
    };
    let grown = growth(&middle.memory, &last.memory);
    report.promise(
        "memory is flat: a sibling's at the start, in the middle, at the end; most growth in the second half",
        megabytes(MEMORY),
        format!("{}; {}", three(|sample| &sample.memory, megabytes), megabytes(grown)),
        grown <= MEMORY,
    );
    let grown = growth(&middle.descriptors, &last.descriptors);
    report.promise(
        "so are descriptors",
        DESCRIPTORS,
        format!("{}; {grown}", three(|sample| &sample.descriptors, |n| n.to_string())),
        grown <= DESCRIPTORS,
    );
}

fn mean(numbers: &[u64]) -> u64 {
    sum(numbers).checked_div(numbers.len() as u64).unwrap_or_default()
}

/// The audit log of all siblings: intact, and one outcome for each call.
fn book(stage: &Stage, report: &mut Report, directory: &Path, calls: u64) -> io::Result<()> {
    let mut command = Command::new(&stage.options.fixture);
    command.args(["audit", "verify"]).args(own(directory));
    let verified = command.output()?;
    let said = String::from_utf8_lossy(&verified.stdout).into_owned();
    let said = said.lines().next().unwrap_or_default().to_owned();
    report.promise(
        "the audit log of all siblings verifies",
        "intact",
        said,
        verified.status.success(),
    );
    let mut outcomes = 0;
    for entry in fs::read_dir(directory.join("audit").join("fixture"))? {
        let path = entry?.path();
        if path.extension().is_some_and(|extension| extension == "jsonl") {
            for line in BufReader::new(File::open(path)?).lines() {
                let record: Value = serde_json::from_str(&line?)?;
                outcomes += u64::from(record["call"].is_u64() && record["ev"] == "outcome");
            }
        }
    }
    report.promise("… and has one outcome of each call", calls, outcomes, outcomes == calls);
    Ok(())
}

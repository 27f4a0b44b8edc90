//! Many calls at once, without an upstream and with one that fails.

use std::fs;
use std::io;
use std::path::Path;

use lockkeeper_testkit::fault::Fault;
use lockkeeper_testkit::notes::NOTES;
use lockkeeper_testkit::stdio::Era;
use serde_json::json;

use crate::Stage;
use crate::host::{Host, Tally, Work};
use crate::report::{Report, milliseconds};

pub(crate) fn run(stage: &Stage, report: &mut Report) -> io::Result<()> {
    let mut local = Tally::default();
    let mut ends = Vec::new();
    for era in Era::ALL {
        let (binary, arguments, work) = local_work(stage, era)?;
        let mut host = Host::start(binary, era, &arguments)?;
        at_once(&mut host, stage.options.calls, |_| work.clone())?;
        ends.push(host.end());
    }
    let mut remote = Tally::default();
    stage
        .proxy
        .mix(stage.seed, [(90, Fault::Pass), (5, Fault::ResetBefore), (5, Fault::CutLength)]);
    for era in Era::ALL {
        let directory = stage.options.directory.join(format!("crowd-{}", era.revision()));
        let mut arguments = own(&directory);
        arguments.extend(["--upstream".to_owned(), stage.upstream()]);
        let mut host = Host::start(&stage.options.fixture, era, &arguments)?;
        at_once(&mut host, stage.options.calls, |n| Work::Read(format!("note-{}", n % NOTES)))?;
        let (tally, _) = host.end();
        remote.extend(tally);
    }
    let mut longest = std::time::Duration::ZERO;
    for (tally, time) in ends {
        local.extend(tally);
        longest = longest.max(time);
    }
    let calls = stage.options.calls;
    report.none(
        &format!("{calls} calls at once, both eras: each answered once"),
        format!("{} answers, {}", local.answered, local.times.describe()),
        &local.unanswered,
    );
    let all_ok = local.wrong.is_empty() && local.codes.keys().eq(["ok"]);
    report.promise("… and rightly", "all ok", format!("{:?}", local.codes), all_ok);
    remote.unanswered.append(&mut remote.wrong);
    report.none(
        &format!("{calls} calls at once to an upstream that fails: each answered once"),
        format!("{} answers, {}", remote.answered, remote.times.describe()),
        &remote.unanswered,
    );
    report.counts("Calls at once by code", remote.codes);
    report.promise(
        "the end of the input is the end",
        "2 s",
        milliseconds(longest),
        longest.as_secs() < 2,
    );
    Ok(())
}

fn at_once(host: &mut Host, calls: u64, work: impl Fn(u64) -> Work) -> io::Result<()> {
    for number in 0..calls {
        host.ask(work(number))?;
    }
    host.settle()?;
    // Whatever comes after this was not asked for.
    host.ask(Work::Fence(0))?;
    host.settle()
}

/// Where a server keeps what it writes.
pub(crate) fn own(directory: &Path) -> Vec<String> {
    let path = |name: &str| directory.join(name).display().to_string();
    ["--audit".to_owned(), path("audit"), "--state-dir".to_owned(), path("state")].into()
}

/// A server that needs no upstream, and a call of it.
fn local_work(stage: &Stage, era: Era) -> io::Result<(&Path, Vec<String>, Work)> {
    let directory = stage.options.directory.join(format!("local-{}", era.revision()));
    let mut arguments = own(&directory);
    let Some(filesystem) = &stage.options.filesystem else {
        let work = Work::Local("get_note", json!({ "note_name": "first" }));
        return Ok((&stage.options.fixture, arguments, work));
    };
    let files = directory.join("files");
    fs::create_dir_all(&files)?;
    let file = files.join("lines.txt");
    fs::write(&file, "a line\n".repeat(500))?;
    arguments.push(files.display().to_string());
    let work = Work::Local("read_file", json!({ "path": file.display().to_string() }));
    Ok((filesystem, arguments, work))
}

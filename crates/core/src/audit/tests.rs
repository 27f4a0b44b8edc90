//! Real segments, and what becomes of them: whatever is done to any byte is found, but what
//! SECURITY.md says can't be.

use std::fs;
use std::path::{Path, PathBuf};

use tempfile::TempDir;

use super::head::{FILE, Locked, PATIENCE};
use super::keys::Numbered;
use super::prune::prune;
use super::rules::{Keep, Rules};
use super::verify::{How, Kind, Report, verify};
use super::*;
use crate::effect::Effect;
use crate::state::hex;

fn subject() -> Subject {
    let mut subject = Subject::new("move_file", "test/1");
    subject.effect = Effect::Change;
    subject.resources.push("a.txt".into());
    subject
}

const OK: End = End { code: "ok", bytes: 3, truncated: false, denied_by: None };

/// An audit directory, and the verifier's key if it is keyed.
struct Log {
    directory: TempDir,
    keyed: bool,
}

impl Log {
    fn new(keyed: bool) -> Self {
        let log = Self { directory: tempfile::tempdir().unwrap(), keyed };
        if keyed {
            let head = Locked::take(&log.path(), PATIENCE).unwrap();
            head.init(|first| first.create(&log.directory.path().join("verifier"))).unwrap();
        }
        log
    }

    fn path(&self) -> PathBuf {
        self.directory.path().join("server")
    }

    fn audit(&self, instance: &str) -> Arc<Audit> {
        self.filling(instance, Full::default())
    }

    /// It leaves alone what others left, so that a test decides when that happens.
    fn filling(&self, instance: &str, full: Full) -> Arc<Audit> {
        let directory = Some(self.directory.path().to_owned());
        let process = Process::new("server", "1.0", "policy", instance);
        let audit = Audit::filling(Rules { directory, ..Rules::default() }, process, full);
        Arc::new(Audit { tidies: false, ..audit })
    }

    /// A process that made so many calls and ended.
    fn session(&self, instance: &str, calls: usize) {
        let audit = self.audit(instance);
        for _ in 0..calls {
            call(&audit);
        }
    }

    fn segments(&self) -> Vec<PathBuf> {
        verify::files(&self.path()).unwrap().keys().map(|n| self.path().join(n)).collect()
    }

    fn verify(&self) -> Report {
        let key = self.directory.path().join("verifier");
        let key = self.keyed.then(|| Numbered::read(&key).unwrap());
        verify(&self.path(), &How { key, running: false })
    }

    /// `segment:line kind`, by the names of instances.
    fn findings(&self) -> Vec<String> {
        let report = self.verify();
        let short = |name: &str| name.split('-').nth(1).unwrap_or(name).to_owned();
        let line = |line: Option<u64>| line.map_or(String::new(), |line| format!(":{line}"));
        let mut all: Vec<String> = report
            .findings
            .iter()
            .map(|one| format!("{}{} {}", short(&one.segment), line(one.line), kind(one.kind)))
            .collect();
        all.push(report.code().to_string());
        all
    }

    /// A copy to be tampered with.
    fn copy(&self) -> Self {
        let copy = Self { directory: tempfile::tempdir().unwrap(), keyed: self.keyed };
        fs::create_dir(copy.path()).unwrap();
        for (from, to) in
            [(self.directory.path(), copy.directory.path()), (&self.path() as &Path, &copy.path())]
        {
            for entry in fs::read_dir(from).unwrap().map(Result::unwrap) {
                if entry.file_type().unwrap().is_file() {
                    fs::copy(entry.path(), to.join(entry.file_name())).unwrap();
                }
            }
        }
        copy
    }
}

fn kind(kind: Kind) -> &'static str {
    match kind {
        Kind::Unclosed => "unclosed",
        Kind::Gap => "gap",
        Kind::Unreadable => "unreadable",
        Kind::Altered => "altered",
    }
}

fn call(audit: &Arc<Audit>) {
    let open = audit.begin(subject(), Origin::default());
    open.intent().unwrap();
    open.end(&OK).unwrap();
}

fn lines(path: &Path) -> Vec<String> {
    fs::read_to_string(path).unwrap().lines().map(|line| format!("{line}\n")).collect()
}

fn records(path: &Path) -> Vec<serde_json::Value> {
    lines(path).iter().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn both(test: impl Fn(bool)) {
    test(false);
    test(true);
}

/// What belongs to the process that left a segment behind, and never to one that closed it.
fn crash(audit: &Audit) {
    let mut writer = audit.writer.lock().unwrap();
    writer.take().unwrap().crash();
}

#[test]
fn every_call_leaves_one_outcome() {
    both(|keyed| {
        let log = Log::new(keyed);
        let audit = log.audit("a");
        call(&audit);
        drop(audit.begin(subject(), Origin::default()));
        drop(audit);
        let [segment] = log.segments().try_into().unwrap();
        let seen: Vec<_> = records(&segment)
            .iter()
            .map(|r| format!("{} {} {}", r["seq"], r["ev"], r["code"]).replace('"', ""))
            .collect();
        let expected =
            ["0 open null", "1 intent null", "2 outcome ok", "3 outcome aborted", "4 close null"];
        assert_eq!(seen, expected);
        assert_eq!(log.findings(), ["0"]);
    });
}

#[test]
fn without_a_directory_an_intent_fails() {
    let process = || Process::new("server", "1.0", "policy", "a");
    let audit = |off| Audit::new(Rules { off, ..Rules::default() }, process());
    assert!(Arc::new(audit(false)).begin(subject(), Origin::default()).intent().is_err());
    assert!(Arc::new(audit(true)).begin(subject(), Origin::default()).intent().is_ok());
}

#[test]
fn any_altered_byte_of_any_file_is_found() {
    both(|keyed| {
        let log = Log::new(keyed);
        log.session("a", 1);
        assert_eq!(log.findings(), ["0"]);
        let mut files = log.segments();
        files.push(log.path().join(FILE));
        if keyed {
            files.push(log.path().join("key"));
        }
        for file in files {
            let whole = fs::read(&file).unwrap();
            let name = file.file_name().unwrap().to_str().unwrap();
            // Every byte of every line, by what any reader of a line begins with.
            for line in whole.split(|byte| *byte == b'\n').filter(|_| name != "key") {
                for at in 0..line.len() {
                    let mut altered = line.to_vec();
                    altered[at] ^= 1 << (at % 8);
                    assert!(chain::Sealed::read(&altered).is_none(), "{name}: byte {at}");
                }
            }
            // Bytes of all kinds, by the whole verification, which takes its time.
            let breaks = whole.iter().enumerate().filter(|(_, byte)| **byte == b'\n');
            let places: Vec<usize> =
                breaks.map(|(at, _)| at).chain((0..whole.len()).step_by(23)).collect();
            for at in places {
                let mut altered = whole.clone();
                altered[at] = if at % 2 == 0 { altered[at] ^ 1 } else { b'#' };
                fs::write(&file, altered).unwrap();
                let report = log.verify();
                assert_ne!(report.code(), 0, "{name}: byte {at}");
                let line = whole[..=at].split(|byte| *byte == b'\n').count() as u64;
                let named = report.findings.iter().any(|one| {
                    one.segment == name && one.line.is_none_or(|found| found.abs_diff(line) < 2)
                });
                assert!(named, "{name}:{line}: {:?}", report.findings);
            }
            fs::write(&file, whole).unwrap();
        }
        assert_eq!(log.findings(), ["0"]);
    });
}

#[test]
fn lines_dropped_swapped_or_duplicated_are_found() {
    both(|keyed| {
        let log = Log::new(keyed);
        log.session("a", 3);
        for file in [log.segments().remove(0), log.path().join(FILE)] {
            let whole = lines(&file);
            let write = |lines: &[String]| fs::write(&file, lines.concat()).unwrap();
            for at in 0..whole.len() {
                let mut dropped = whole.clone();
                dropped.remove(at);
                write(&dropped);
                assert_eq!(log.verify().code(), 2, "{at} dropped: {:?}", log.findings());
                for other in 0..at {
                    let mut swapped = whole.clone();
                    swapped.swap(at, other);
                    write(&swapped);
                    assert_eq!(log.verify().code(), 1, "{at}, {other}: {:?}", log.findings());
                }
                for to in 0..=whole.len() {
                    let mut twice = whole.clone();
                    twice.insert(to, whole[at].clone());
                    write(&twice);
                    assert_eq!(log.verify().code(), 1, "{at} to {to}: {:?}", log.findings());
                }
            }
            write(&whole);
        }
        assert_eq!(log.findings(), ["0"]);
    });
}

#[test]
fn a_segment_cut_at_any_length_is_found() {
    both(|keyed| {
        let log = Log::new(keyed);
        log.session("a", 2);
        for file in [log.segments().remove(0), log.path().join(FILE)] {
            let whole = fs::read(&file).unwrap();
            for length in (0..whole.len()).step_by(17).chain(whole.len() - 3..whole.len()) {
                fs::write(&file, &whole[..length]).unwrap();
                assert_eq!(log.verify().code(), 2, "{length}: {:?}", log.findings());
            }
            fs::write(&file, whole).unwrap();
        }
        assert_eq!(log.findings(), ["0"]);
    });
}

#[test]
fn a_file_that_is_gone_is_missed() {
    both(|keyed| {
        let log = Log::new(keyed);
        log.session("a", 2);
        log.session("b", 2);
        for gone in log.segments() {
            let copy = log.copy();
            fs::remove_file(copy.path().join(gone.file_name().unwrap())).unwrap();
            assert_eq!(copy.verify().code(), 2);
            assert!(copy.findings()[0].ends_with(" gap"), "{:?}", copy.findings());
        }
        let copy = log.copy();
        fs::remove_file(copy.path().join(FILE)).unwrap();
        assert_eq!(copy.verify().code(), 2);
        fs::remove_dir_all(copy.path()).unwrap();
        assert_eq!(copy.verify().code(), 3, "nothing there is nothing proven");
        if keyed {
            let copy = log.copy();
            fs::remove_file(copy.path().join("key")).unwrap();
            assert_eq!(copy.findings(), ["key gap", "2"]);
        }
    });
}

/// Whoever may write the directory and knows the format: an unkeyed chain can't tell. A keyed one
/// can, and that is what it is for.
#[test]
fn a_rewritten_history_is_found_in_keyed_mode_alone() {
    both(|keyed| {
        let log = Log::new(keyed);
        log.session("a", 2);
        rewrite(&log, |line| line.replace("a.txt", "b.txt"));
        let text = fs::read_to_string(&log.segments()[0]).unwrap();
        assert!(text.contains("b.txt") && !text.contains("a.txt"));
        let found = log.findings();
        if keyed {
            assert!(found.contains(&"a:2 altered".into()), "{found:?}");
            assert_eq!(found.last().unwrap(), "1");
        } else {
            assert_eq!(found, ["0"], "SECURITY.md says so");
        }
        // Without the key, the keyed log looks like an unkeyed one.
        assert_eq!(verify(&log.path(), &How::default()).code(), 0);
    });
}

/// Makes the hashes of all lines right again after `edit`, with MACs as they were.
fn rewrite(log: &Log, edit: impl Fn(&str) -> String) {
    use sha2::{Digest as _, Sha256};
    let rehash = |file: &Path, prev: &mut String, edit: &dyn Fn(&str) -> String| {
        let mut text = String::new();
        for line in lines(file) {
            let body = edit(line.split(",\"prev\":").next().unwrap());
            let mac = line.split_once(",\"mac\":\"").map(|(_, rest)| rest.get(..64).unwrap());
            let mut line = format!("{body},\"prev\":\"{prev}\"");
            line.extend(mac.map(|mac| format!(",\"mac\":\"{mac}\"")));
            *prev = hex(&Sha256::digest(&line));
            text.push_str(&format!("{line},\"hash\":\"{prev}\"}}\n"));
        }
        fs::write(file, text).unwrap();
    };
    let head = log.path().join(FILE);
    for segment in log.segments() {
        let mut prev = records(&segment)[0]["prev"].as_str().unwrap().to_owned();
        let former = records(&segment).last().unwrap()["hash"].as_str().unwrap().to_owned();
        rehash(&segment, &mut prev, &edit);
        let text = fs::read_to_string(&head).unwrap();
        // HEAD's own entries keep the hash that the segment begins with: it is before the edit.
        fs::write(
            &head,
            text.replace(&format!("\"last\":\"{former}\""), &format!("\"last\":\"{prev}\"")),
        )
        .unwrap();
    }
    rehash(&head, &mut hex(&[0; 32]), &|line: &str| line.to_owned());
}

#[test]
fn a_keyed_log_put_back_to_an_earlier_state_is_found() {
    let log = Log::new(true);
    log.session("a", 1);
    let before = log.copy();
    log.session("b", 1);
    // All but the key is put back: the key has moved on, and the old one is nowhere.
    fs::copy(log.path().join("key"), before.path().join("key")).unwrap();
    assert_eq!(before.findings(), ["HEAD gap", "2"]);
    // A log that claims never to have been keyed.
    let other = Log::new(false);
    other.session("b", 1);
    fs::copy(log.directory.path().join("verifier"), other.directory.path().join("verifier"))
        .unwrap();
    assert_eq!(Log { keyed: true, ..other }.verify().code(), 1);
    // A new key in place of the old one.
    let copy = log.copy();
    fs::remove_file(copy.path().join("key")).unwrap();
    Numbered { n: 8, key: keys::Key::random() }.establish(&copy.path()).unwrap();
    assert_eq!(copy.verify().code(), 1);
}

#[test]
fn the_key_that_is_left_behind_can_not_make_what_was_written_before() {
    let log = Log::new(true);
    log.session("a", 2);
    let stolen = Numbered::current(&log.path()).unwrap().unwrap();
    let text = fs::read(log.path().join(FILE)).unwrap();
    let mut forged = 0;
    for line in text.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()) {
        let sealed = chain::Sealed::read(line).unwrap();
        for n in stolen.n..stolen.n + 100 {
            forged += u32::from(sealed.is_by(&stolen.at(n).unwrap()));
        }
    }
    assert_eq!(forged, 0);
}

#[test]
fn without_its_key_a_keyed_log_takes_no_change() {
    let log = Log::new(true);
    log.session("a", 1);
    fs::remove_file(log.path().join("key")).unwrap();
    assert!(log.audit("b").begin(subject(), Origin::default()).intent().is_err());
    assert_eq!(log.segments().len(), 1);
    assert_eq!(log.findings(), ["key gap", "2"]);
}

#[test]
fn keyed_mode_can_begin_later() {
    let log = Log::new(false);
    log.session("a", 1);
    let running = log.audit("b");
    call(&running);
    let head = Locked::take(&log.path(), PATIENCE).unwrap();
    head.init(|first| first.create(&log.directory.path().join("verifier"))).unwrap();
    let again = head.init(|_| panic!("a second key"));
    assert_eq!(again.unwrap_err().kind(), io::ErrorKind::AlreadyExists);
    drop(head);
    call(&running);
    drop(running);
    log.session("c", 1);
    let log = Log { keyed: true, ..log };
    assert_eq!(log.findings(), ["0"]);
    // What was there before is pinned by the first entry that is keyed.
    let first = log.segments().remove(0);
    let whole = fs::read_to_string(&first).unwrap();
    fs::write(&first, whole.replace("a.txt", "b.txt")).unwrap();
    assert_eq!(log.verify().code(), 1);
}

#[test]
fn what_a_crash_leaves_is_unclosed_and_measured_by_the_next() {
    both(|keyed| {
        let log = Log::new(keyed);
        let audit = log.audit("a");
        call(&audit);
        let report = log.verify();
        assert_eq!((report.code(), report.result()), (2, "unclosed"));
        assert!(report.findings[0].reason.contains("running"), "{:?}", report.findings);
        let accepting = verify(&log.path(), &How { key: None, running: true });
        assert_eq!(accepting.code(), 0);
        crash(&audit);
        let segment = log.segments().remove(0);
        let text = fs::read(&segment).unwrap();
        fs::write(&segment, [&text, &b"{\"v\":1,\"torn"[..]].concat()).unwrap();
        assert_eq!(log.findings(), ["a:4 gap", "a:4 unclosed", "2"]);
        fs::write(&segment, &text).unwrap();
        assert_eq!(log.findings(), ["a:3 unclosed", "2"]);
        // Until now its last records could be cut off, and it would look the same.
        prune(&log.path(), Keep::default()).unwrap();
        assert_eq!(log.findings(), ["a:3 unclosed", "2"]);
        let cut = lines(&segment)[..2].concat();
        fs::write(&segment, cut).unwrap();
        assert_eq!(log.findings(), ["a:2 gap", "a:2 unclosed", "2"]);
    });
}

#[test]
fn head_knows_at_least_each_sixty_fourth_record() {
    let log = Log::new(true);
    let audit = log.audit("a");
    for _ in 0..200 {
        audit.begin(subject(), Origin::default()).end(&OK).unwrap();
    }
    crash(&audit);
    let segment = log.segments().remove(0);
    let whole = lines(&segment);
    assert_eq!(whole.len(), 201);
    let gap = |length: usize| {
        fs::write(&segment, whole[..length].concat()).unwrap();
        log.findings().iter().any(|one| one.ends_with(" gap"))
    };
    let missed = (0..201).filter(|length| !gap(*length)).count();
    assert!(missed <= 64, "{missed} lengths look like a crash");
    assert!((0..137).all(gap));
}

#[test]
fn segments_rotate_and_say_what_came_before() {
    both(|keyed| {
        let log = Log::new(keyed);
        let audit = log.filling("a", Full { bytes: 2_000, ..Full::default() });
        for _ in 0..6 {
            call(&audit);
        }
        drop(audit);
        let segments = log.segments();
        assert!(segments.len() > 2, "{segments:?}");
        for pair in segments.windows(2) {
            let former = pair[0].file_name().unwrap().to_str().unwrap();
            assert_eq!(records(&pair[1])[0]["after"], former);
        }
        assert_eq!(log.findings(), ["0"]);
        let aged = log.filling("b", Full { age: Duration::ZERO, ..Full::default() });
        call(&aged);
        drop(aged);
        assert_eq!(log.segments().len(), segments.len() + 2);
        assert_eq!(log.findings(), ["0"]);
    });
}

#[test]
fn pruning_is_a_recorded_step() {
    both(|keyed| {
        let log = Log::new(keyed);
        for instance in ["a", "b", "c"] {
            log.session(instance, 3);
        }
        let running = log.audit("d");
        call(&running);
        let sizes: Vec<u64> =
            log.segments().iter().map(|path| fs::metadata(path).unwrap().len()).collect();
        assert!(prune(&log.path(), Keep::default()).unwrap().is_empty());
        let before = log.copy();
        // The newest two fit.
        let mut names: Vec<_> = log.segments();
        names.sort();
        let keep = Keep { size: sizes[0] * 2 + 100, ..Keep::default() };
        let pruned = prune(&log.path(), keep).unwrap();
        assert_eq!(pruned.len(), 1);
        assert_eq!(log.segments().len(), 3);
        call(&running);
        let all = prune(&log.path(), Keep { size: 0, ..Keep::default() }).unwrap();
        assert_eq!(all.len(), 2, "a running one stays");
        drop(running);
        let report = log.verify();
        assert_eq!(report.code(), 0, "{:?}", report.findings);
        let sum = (report.pruned.segments, report.pruned.records);
        assert_eq!(sum, (3, 3 * 8));
        // A segment that is put back is no secret; one that never was known is a finding.
        let back = before.segments().remove(0);
        fs::copy(&back, log.path().join("20000101T000000Z-x-0.jsonl")).unwrap();
        assert_eq!(log.findings(), ["x gap", "2"]);
    });
}

#[test]
fn a_damaged_head_is_not_written_anew() {
    let log = Log::new(false);
    log.session("a", 1);
    log.session("b", 1);
    let path = log.path().join(FILE);
    let whole = lines(&path);
    fs::write(&path, [whole[0].clone(), whole[2..].concat()].concat()).unwrap();
    let refused = prune(&log.path(), Keep { size: 0, ..Keep::default() });
    assert_eq!(refused.unwrap_err().kind(), io::ErrorKind::InvalidData);
    assert_eq!(log.segments().len(), 2);
}

#[test]
fn names_in_head_lead_nowhere_else() {
    let log = Log::new(false);
    fs::write(log.directory.path().join("victim.jsonl"), "x").unwrap();
    let head = Locked::take(&log.path(), PATIENCE).unwrap();
    for name in ["../victim.jsonl", "HEAD", "lock", "/etc/passwd", "..jsonl/x"] {
        head.append(&head::Event::Open { segment: name.into() }).unwrap();
    }
    drop(head);
    prune(&log.path(), Keep { age: Duration::ZERO, size: 0 }).unwrap();
    assert!(log.directory.path().join("victim.jsonl").exists());
}

#[test]
fn a_torn_end_of_head_is_mended_by_the_next_entry() {
    both(|keyed| {
        let log = Log::new(keyed);
        log.session("a", 1);
        let path = log.path().join(FILE);
        let whole = fs::read(&path).unwrap();
        fs::write(&path, [&whole, &b"{\"v\":1,\"n\":9"[..]].concat()).unwrap();
        assert_eq!(log.verify().code(), 2);
        log.session("b", 1);
        assert_eq!(log.findings(), ["0"]);
    });
}

#[test]
fn a_crash_between_head_and_key_is_mended() {
    let log = Log::new(true);
    log.session("a", 1);
    let key = fs::read(log.path().join("key")).unwrap();
    let audit = log.audit("b");
    let head = Locked::take(&log.path(), PATIENCE).unwrap();
    head.append(&head::Event::Init).unwrap();
    drop(head);
    fs::write(log.path().join("key"), key).unwrap();
    assert_eq!(log.verify().code(), 0);
    call(&audit);
    drop(audit);
    assert_eq!(log.findings(), ["0"]);
}

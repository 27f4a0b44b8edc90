//! Logs of jobs, read piece by piece to their end: what failed, what matches, the last lines. Only
//! what is shown is kept, however long a log is.

use std::collections::VecDeque;

/// Lines of one window around a failure.
const WINDOW: usize = 20;

/// So many of them stand before the line that says that something failed.
const BEFORE: usize = 10;

/// Windows that are kept of a log: the first ones say what went wrong, the last ones what came of it.
const FIRST: usize = 2;
const LAST: usize = 3;

/// The longest line that is kept, bytes.
const LONGEST: usize = 1_000;

/// Cuts a stream into lines without timestamps and colours.
#[derive(Debug, Default)]
pub(crate) struct Cutter {
    partial: Vec<u8>,
    is_too_long: bool,
    /// Lines so far.
    pub(crate) lines: u64,
}

impl Cutter {
    /// Takes a piece; `each` gets every line that it completes, with its number.
    pub(crate) fn feed(&mut self, mut bytes: &[u8], mut each: impl FnMut(u64, &str)) {
        while let Some(end) = memchr::memchr(b'\n', bytes) {
            let (line, rest) = bytes.split_at(end);
            self.extend(line);
            self.end(&mut each);
            bytes = rest.get(1..).unwrap_or_default();
        }
        self.extend(bytes);
    }

    /// The last line, if no line end came after it.
    pub(crate) fn finish(&mut self, mut each: impl FnMut(u64, &str)) {
        if !self.partial.is_empty() {
            self.end(&mut each);
        }
    }

    fn extend(&mut self, bytes: &[u8]) {
        let room = (LONGEST + 40).saturating_sub(self.partial.len());
        self.is_too_long |= bytes.len() > room;
        self.partial.extend_from_slice(bytes.get(..room.min(bytes.len())).unwrap_or_default());
    }

    fn end(&mut self, each: &mut impl FnMut(u64, &str)) {
        self.lines += 1;
        let text = String::from_utf8_lossy(&self.partial);
        let mut line = plain(&text);
        if self.is_too_long {
            line.push_str(" […]");
        }
        each(self.lines, &line);
        self.partial.clear();
        self.is_too_long = false;
    }
}

/// A line without the runner's timestamp, and without terminal sequences that only colour it.
fn plain(line: &str) -> String {
    let line = line.trim_start_matches('\u{feff}').trim_end_matches('\r');
    let is_stamp = |word: &str| {
        word.len() >= 20 && word.ends_with('Z') && word.as_bytes().get(10) == Some(&b'T')
    };
    let line = match line.split_once(' ') {
        Some((stamp, rest)) if is_stamp(stamp) => rest,
        None if is_stamp(line) => "",
        _ => line,
    };
    if !line.contains('\u{1b}') {
        return line.to_owned();
    }
    let mut out = String::with_capacity(line.len());
    let mut rest = line;
    while let Some((before, after)) = rest.split_once("\u{1b}[") {
        out.push_str(before);
        let end = after.find(|c: char| !(c.is_ascii_digit() || c == ';'));
        rest = match end.and_then(|end| after.get(end..)) {
            // Only colours are dropped; what moves the cursor is shown as an escape.
            Some(tail) if tail.starts_with(['m', 'K']) => tail.get(1..).unwrap_or_default(),
            _ => {
                out.push_str("\u{1b}[");
                after
            }
        };
    }
    out.push_str(rest);
    out
}

/// Whether a line says that something failed.
fn is_failure(line: &str) -> bool {
    const MARKS: [&str; 9] = [
        "##[error]",
        "error:",
        "error[",
        "Error:",
        "ERROR",
        "panicked at",
        "FAILED",
        "fatal:",
        "Traceback (most recent call last)",
    ];
    MARKS.iter().any(|mark| line.contains(mark))
}

/// Lines around a failure.
#[derive(Debug, Clone, Default)]
pub(crate) struct FailureWindow {
    /// The number of the first line.
    pub(crate) line: u64,
    pub(crate) lines: Vec<String>,
}

/// Gathers windows around failures.
#[derive(Debug, Default)]
pub(crate) struct Failures {
    before: VecDeque<String>,
    open: Option<FailureWindow>,
    first: Vec<FailureWindow>,
    last: VecDeque<FailureWindow>,
    /// Windows in all.
    pub(crate) count: u64,
    pub(crate) exit_code: Option<i64>,
}

impl Failures {
    /// Takes a line.
    pub(crate) fn line(&mut self, number: u64, line: &str) {
        if let Some((_, code)) = line.split_once("Process completed with exit code ") {
            self.exit_code = code.trim_end_matches('.').parse().ok();
        }
        if let Some(open) = &mut self.open {
            open.lines.push(line.to_owned());
            if open.lines.len() >= WINDOW {
                self.close();
            }
            return;
        }
        if is_failure(line) {
            let lines: Vec<String> = self.before.drain(..).chain([line.to_owned()]).collect();
            let line = number + 1 - lines.len() as u64;
            self.open = Some(FailureWindow { line, lines });
            return;
        }
        if self.before.len() == BEFORE {
            self.before.pop_front();
        }
        self.before.push_back(line.to_owned());
    }

    fn close(&mut self) {
        let Some(window) = self.open.take() else { return };
        self.count += 1;
        if self.first.len() < FIRST {
            self.first.push(window);
            return;
        }
        if self.last.len() == LAST {
            self.last.pop_front();
        }
        self.last.push_back(window);
    }

    /// The windows that are kept, in their order.
    pub(crate) fn finish(&mut self) -> Vec<FailureWindow> {
        self.close();
        self.first.drain(..).chain(self.last.drain(..)).collect()
    }
}

/// The last lines of a log, as many as find room.
#[derive(Debug)]
pub(crate) struct Tail {
    lines: VecDeque<String>,
    bytes: usize,
    room: usize,
}

impl Tail {
    pub(crate) fn new(room: usize) -> Self {
        Self { lines: VecDeque::new(), bytes: 0, room }
    }

    pub(crate) fn line(&mut self, line: &str) {
        self.bytes += line.len() + 1;
        self.lines.push_back(line.to_owned());
        while self.bytes > self.room
            && let Some(first) = self.lines.pop_front()
        {
            self.bytes -= first.len() + 1;
        }
    }

    pub(crate) fn finish(self) -> Vec<String> {
        self.lines.into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_cut_whatever_the_pieces() {
        let log = "2026-11-21T10:00:00.1234567Z \u{1b}[31mred\u{1b}[0m\r\nplain é\n\n2026-11-21T10:00:00.1234567Z\nlast";
        for size in 1..20 {
            let mut cutter = Cutter::default();
            let mut lines = Vec::new();
            for piece in log.as_bytes().chunks(size) {
                cutter.feed(piece, |number, line| lines.push(format!("{number} {line}")));
            }
            cutter.finish(|number, line| lines.push(format!("{number} {line}")));
            assert_eq!(lines, ["1 red", "2 plain é", "3 ", "4 ", "5 last"]);
        }
        assert_eq!(plain("a\u{1b}[2Jb"), "a\u{1b}[2Jb");
    }

    #[test]
    fn every_failure_is_counted_and_the_first_and_last_are_kept() {
        let mut failures = Failures::default();
        for number in 1..=1_000u64 {
            let line = match number {
                n if n % 100 == 0 => format!("error: {n}"),
                n => format!("line {n}"),
            };
            failures.line(number, &line);
        }
        failures.line(1_001, "##[error]Process completed with exit code 101.");
        let windows = failures.finish();
        let places: Vec<u64> = windows.iter().map(|window| window.line).collect();
        assert_eq!(places, [90, 190, 790, 890, 990]);
        assert_eq!((failures.count, failures.exit_code), (10, Some(101)));
        assert_eq!(windows[0].lines.len(), WINDOW);
        assert_eq!(windows[0].lines[BEFORE], "error: 100");
    }

    #[test]
    fn a_long_line_and_a_long_log_take_no_room() {
        let mut cutter = Cutter::default();
        let mut longest = 0;
        let mut tail = Tail::new(100);
        for _ in 0..100 {
            cutter.feed(&[b'x'; 10_000], |_, line| longest = longest.max(line.len()));
        }
        cutter.feed(b"\n", |_, line| longest = longest.max(line.len()));
        assert!(longest < LONGEST + 60, "{longest}");
        for number in 0..1_000 {
            tail.line(&format!("{number}"));
        }
        let lines = tail.finish();
        assert_eq!(lines.last().unwrap(), "999");
        assert!(lines.len() <= 25, "{}", lines.len());
    }
}

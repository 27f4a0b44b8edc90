//! How a session looks: numbered steps, `→` what the client asks, `←` what comes back, and on
//! the right what it took. Everything that a server says passes [`visible`] before it is printed.

use std::io::{self, IsTerminal as _};
use std::process::{Command, Stdio};
use std::time::Duration;

use anyhow::Result;
use lockkeeper_testkit::stdio::Reply;

use crate::process;

/// Bytes per token, about right for what these servers answer.
const BYTES_PER_TOKEN: f64 = 4.2;

pub(super) struct Screen {
    colour: bool,
    width: usize,
    steps: usize,
}

#[derive(Clone, Copy)]
pub(super) enum Tone {
    Normal,
    Refused,
}

impl Screen {
    pub(super) fn new(colour: bool) -> Self {
        Self { colour, width: terminal_width().unwrap_or(96).clamp(72, 110), steps: 0 }
    }

    pub(super) fn heading(&mut self, server: &str, title: &str) -> Result<()> {
        self.steps = 0;
        let name = self.paint("1", &format!("lockkeeper-{server}"));
        process::print(&format!("\n{name}  {title}\n{}\n", "─".repeat(self.width)))
    }

    /// A numbered line that says what happens next.
    pub(super) fn step(&mut self, caption: &str) -> Result<()> {
        self.steps += 1;
        let caption = self.paint("1", caption);
        process::print(&format!("\n{:>2}  {caption}\n", self.steps))
    }

    /// What the client asked, with what the answer took at the right.
    pub(super) fn request(&self, request: &str, reply: &Reply) -> Result<()> {
        let took = format!(
            "{:>8}  {:>8} ≈ {:>5} tokens",
            duration(reply.elapsed),
            size(reply.bytes as u64),
            tokens(reply.bytes as u64)
        );
        let left = self.width.saturating_sub(took.chars().count() + 8);
        let request = cut(&visible(request), left);
        let padding = " ".repeat(left.saturating_sub(request.chars().count()));
        let (arrow, took) = (self.paint("36", "→"), self.paint("2", &took));
        process::print(&format!("    {arrow} {request}{padding}  {took}\n"))
    }

    /// The first lines of an answer.
    pub(super) fn answer(&self, text: &str, lines: usize, tone: Tone) -> Result<()> {
        let all: Vec<&str> = text.trim_end().lines().collect();
        // One line more costs as much as saying that it is left out.
        let lines = if all.len() == lines + 1 { all.len() } else { lines };
        let mut marker = match tone {
            Tone::Normal => self.paint("32", "←"),
            Tone::Refused => self.paint("33", "✗"),
        };
        let mut shown = String::new();
        for line in all.iter().take(lines) {
            let line = cut(&visible(line), self.width.saturating_sub(6));
            shown += format!("    {marker} {line}").trim_end();
            shown.push('\n');
            " ".clone_into(&mut marker);
        }
        if let Some(more @ 1..) = all.len().checked_sub(lines) {
            let plural = if more == 1 { "" } else { "s" };
            let more = self.paint("2", &format!("… {more} more line{plural}"));
            shown.extend(["      ", &more, "\n"]);
        }
        process::print(&shown)
    }

    /// Names and values in two columns.
    pub(super) fn table(&self, title: &str, rows: &[(&str, String)]) -> Result<()> {
        let rows = rows.iter().map(|(name, value)| format!("    {name:<22}{value}\n"));
        process::print(&format!("\n{}\n{}", self.paint("1", title), rows.collect::<String>()))
    }

    /// Text that is meant to be copied.
    pub(super) fn snippet(&self, title: &str, text: &str) -> Result<()> {
        process::print(&format!("\n{}\n\n{text}\n", self.paint("1", title)))
    }

    fn paint(&self, code: &str, text: &str) -> String {
        if self.colour { format!("\x1b[{code}m{text}\x1b[0m") } else { text.to_owned() }
    }
}

pub(super) fn duration(duration: Duration) -> String {
    let micros = duration.as_secs_f64() * 1e6;
    match micros {
        ..1e3 => format!("{micros:.0} µs"),
        ..1e4 => format!("{:.1} ms", micros / 1e3),
        ..1e6 => format!("{:.0} ms", micros / 1e3),
        _ => format!("{:.1} s", micros / 1e6),
    }
}

#[expect(clippy::cast_precision_loss, reason = "three digits are shown")]
pub(super) fn size(bytes: u64) -> String {
    match bytes {
        ..1_000 => format!("{bytes} B"),
        1_000..1_000_000 => format!("{:.1} kB", bytes as f64 / 1e3),
        _ => format!("{:.1} MB", bytes as f64 / 1e6),
    }
}

#[expect(clippy::cast_precision_loss, reason = "it is an estimate")]
pub(super) fn tokens(bytes: u64) -> String {
    format!("{:.0}", bytes as f64 / BYTES_PER_TOKEN)
}

/// Control characters are shown, not obeyed: what a server returns may come from anywhere.
fn visible(text: &str) -> String {
    let show = |c: char| {
        if c == '\t' {
            "    ".to_owned()
        } else if c.is_control() {
            c.escape_unicode().to_string()
        } else {
            c.to_string()
        }
    };
    text.chars().map(show).collect()
}

fn cut(text: &str, width: usize) -> String {
    if text.chars().count() <= width {
        return text.to_owned();
    }
    text.chars().take(width.saturating_sub(1)).chain(['…']).collect()
}

/// Nothing in the standard library tells it, and `stty` is on every Unix.
fn terminal_width() -> Option<usize> {
    if !io::stdout().is_terminal() || !io::stdin().is_terminal() {
        return None;
    }
    let stty = Command::new("stty").arg("size").stdin(Stdio::inherit()).output().ok()?;
    String::from_utf8_lossy(&stty.stdout).split_whitespace().nth(1)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantities_read_well() {
        let durations = [7, 730, 7_300, 73_000, 7_300_000].map(Duration::from_micros);
        assert_eq!(durations.map(duration), ["7 µs", "730 µs", "7.3 ms", "73 ms", "7.3 s"]);
        assert_eq!([0, 999, 1_000, 2_345_678].map(size), ["0 B", "999 B", "1.0 kB", "2.3 MB"]);
        assert_eq!(tokens(4_200), "1000");
    }

    #[test]
    fn a_server_cannot_steer_the_terminal() {
        assert_eq!(visible("a\x1b[2Jb\tc"), "a\\u{1b}[2Jb    c");
    }

    #[test]
    fn long_lines_are_cut_visibly() {
        assert_eq!(cut("äöü", 3), "äöü");
        assert_eq!(cut("äöüß", 3), "äö…");
    }
}

//! What happened, for people and programs: the outcomes that match, and the mutations whose outcome
//! is not in the log, over the segments of all processes in the order of time.

use std::collections::BTreeMap;
use std::io::{self, BufRead as _, BufReader};
use std::path::Path;

use globset::GlobMatcher;

use crate::audit::head::look;
use crate::audit::record::Seen;
use crate::audit::verify::files;
use crate::effect::Effect;

/// Which records are asked for.
#[derive(Default)]
pub(super) struct Filter {
    pub(super) tool: Option<GlobMatcher>,
    pub(super) effect: Option<Effect>,
    /// RFC 3339 in UTC: times compare as text.
    pub(super) since: Option<String>,
    pub(super) denied: bool,
    /// Only so many, the latest.
    pub(super) limit: usize,
}

/// A record that matches.
pub(super) struct Found {
    pub(super) line: String,
    seen: Seen,
}

/// What was found, in the order of time.
#[derive(Default)]
pub(super) struct Matches {
    pub(super) found: BTreeMap<(String, String, u64), Found>,
    /// How many earlier ones matched as well.
    pub(super) earlier: u64,
    /// Lines that are no records.
    pub(super) unreadable: u64,
}

impl Filter {
    fn accepts(&self, seen: &Seen) -> bool {
        self.tool.as_ref().is_none_or(|tool| tool.is_match(&seen.tool))
            && self.effect.is_none_or(|effect| effect.as_str() == seen.effect)
            && self.since.as_ref().is_none_or(|since| seen.ts >= *since)
            && (!self.denied || seen.is_denied())
    }
}

impl Seen {
    /// Whether the policy, or a person, said no, or a yes was none.
    fn is_denied(&self) -> bool {
        self.decision.get("effect").is_some_and(|effect| effect == "deny")
            || matches!(
                self.code.as_str(),
                "declined" | "confirmation_unavailable" | "confirmation_invalid"
            )
    }
}

impl Matches {
    fn keep(&mut self, name: &str, (line, seen): (&[u8], Seen), limit: usize) {
        let line = String::from_utf8_lossy(line).into_owned();
        self.found.insert((seen.ts.clone(), name.to_owned(), seen.seq), Found { line, seen });
        if self.found.len() > limit {
            self.found.pop_first();
            self.earlier += 1;
        }
    }
}

/// Reads the whole log in `directory`.
pub(super) fn query(directory: &Path, filter: &Filter) -> io::Result<Matches> {
    let mut matches = Matches::default();
    let mut begun: BTreeMap<(String, u64), (String, Vec<u8>, Seen)> = BTreeMap::new();
    for name in files(directory)?.keys() {
        let file = match look(&directory.join(name)) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
            Err(error) => return Err(error),
        };
        let mut file = BufReader::with_capacity(64 * 1024, file);
        let mut line = Vec::new();
        loop {
            line.clear();
            if file.read_until(b'\n', &mut line)? == 0 {
                break;
            }
            let line = line.trim_ascii_end();
            let Ok(seen) = serde_json::from_slice::<Seen>(line) else {
                matches.unreadable += 1;
                continue;
            };
            let call = (seen.instance.clone(), seen.call);
            match seen.ev.as_str() {
                "intent" => {
                    begun.insert(call, (name.clone(), line.to_vec(), seen));
                }
                "outcome" => {
                    begun.remove(&call);
                    if filter.accepts(&seen) {
                        matches.keep(name, (line, seen), filter.limit);
                    }
                }
                _ => {}
            }
        }
    }
    for (name, line, seen) in begun.into_values() {
        if filter.accepts(&seen) {
            matches.keep(&name, (&line, seen), filter.limit);
        }
    }
    Ok(matches)
}

impl std::fmt::Display for Found {
    /// One line for a person; nothing in it reaches a terminal as anything but text.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Seen { ts, tool, effect, code, dur_us, .. } = &self.seen;
        let time = ts.get(..19).unwrap_or(ts).escape_debug();
        let (tool, effect) = (tool.escape_debug(), effect.escape_debug());
        let decided = |key: &str| self.seen.decision.get(key).and_then(|value| value.as_str());
        let said = decided("effect").unwrap_or("-").escape_debug().to_string();
        write!(f, "{time}Z {said:5} {tool} ({effect}) ")?;
        match code.as_str() {
            "" => f.write_str("no outcome")?,
            code => {
                write!(f, "{} {}.{:03} ms", code.escape_debug(), dur_us / 1_000, dur_us % 1_000)?;
            }
        }
        if let Some(rule) = decided("rule") {
            // Quotes in a rule are the policy's own; what could steer a terminal is not shown.
            let rule = rule.replace(char::is_control, "\u{fffd}");
            write!(f, ", rule {rule}")?;
        }
        for resource in &self.seen.resources {
            write!(f, " {}", resource.escape_debug())?;
        }
        write!(f, " [{}]", self.seen.client.escape_debug())
    }
}

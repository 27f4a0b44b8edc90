//! Unified diffs, as people and programs write them, over any number of files: parsed leniently
//! where only one reading is possible, applied only where every line of context fits.

mod parse;

use std::collections::BTreeSet;
use std::fmt;

use lockkeeper_core::{Change as ChangeEffect, Grant, Outside, Shown, Unclear};

use super::Source;
use super::batch::Change;
use super::document::Document;
use super::error::{Asked, FsError};
use super::place::Target;

use parse::{FilePatch, Hunk, LineKind};

/// How far from its line number a hunk is looked for.
const MOST_OFFSET: usize = 500;

/// What became, or would become, of one file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Patched {
    /// The path, as the agent names it.
    pub path: String,
    /// In one word.
    pub action: PatchAction,
    /// The version now; `None` if it is gone, or nothing was written.
    pub version: Option<String>,
}

/// What a patch does to a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PatchAction {
    /// It is new.
    Created,
    /// Its content changes.
    Changed,
    /// It goes.
    Deleted,
    /// It was called otherwise before.
    Renamed,
}

/// Why a patch can't be applied.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PatchProblem {
    /// A line of the patch that can't be there.
    Syntax {
        /// From 1.
        line: usize,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// The context of a hunk fits nowhere near its place.
    NoFit {
        /// Where the hunk is in the patch, from 1.
        line: usize,
        /// Where it should fit in the file.
        wanted: Option<usize>,
        /// The first line that differs there: of the file and of the patch.
        differs: Option<(usize, String, String)>,
    },
    /// A hunk without a line number, or not at its line number, fits more than once.
    Ambiguous {
        /// Where the hunk is in the patch, from 1.
        line: usize,
        /// Where it fits.
        lines: Vec<usize>,
    },
    /// An added line can't be told from what is only shown.
    Unclear(Unclear),
    /// One file in two parts of the patch.
    Twice,
    /// A deletion that does not show all of the file.
    Rest,
}

impl fmt::Display for PatchProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Syntax { line, reason } => write!(f, "line {line} of the patch: {reason}"),
            Self::NoFit { line, wanted, differs } => {
                write!(f, "the hunk at line {line} of the patch does not fit")?;
                if let Some(wanted) = wanted {
                    write!(f, " at line {wanted} or near it")?;
                }
                if let Some((at, file, patch)) = differs {
                    write!(f, "; line {at} is `{file}`, the patch has `{patch}`")?;
                }
                Ok(())
            }
            Self::Ambiguous { line, lines } => {
                let lines: Vec<String> = lines.iter().take(20).map(ToString::to_string).collect();
                let lines = lines.join(", ");
                write!(f, "the hunk at line {line} of the patch fits at lines {lines}")
            }
            Self::Unclear(unclear) => unclear.fmt(f),
            Self::Twice => f.write_str("the patch names it twice"),
            Self::Rest => f.write_str("the patch deletes it but does not show all of its lines"),
        }
    }
}

/// Changes that are checked, with what they come to.
struct Prepared {
    changes: Vec<Change>,
    /// Of each file its record, and which change writes it.
    records: Vec<(Patched, Option<usize>)>,
}

/// The paths that a patch names, for those who only record them.
pub fn patch_paths(patch: &str) -> Vec<String> {
    let files = parse::parse(patch).unwrap_or_default();
    let mut paths: Vec<String> =
        files.into_iter().flat_map(|file| [file.old, file.new]).flatten().map(Into::into).collect();
    paths.dedup();
    paths
}

impl Source {
    /// What the patch would do, without doing it.
    pub fn preview_patch(&self, patch: &str) -> Result<Vec<Patched>, FsError> {
        let prepared = self.prepare_patch(patch)?;
        Ok(prepared.records.into_iter().map(|(record, _)| record).collect())
    }

    /// Applies the patch to all of its files or none. The paths in it are checked here, each on its
    /// way to a [`Target`].
    pub fn apply_patch(
        &self,
        _grant: Grant<ChangeEffect>,
        patch: &str,
    ) -> Result<Vec<Patched>, FsError> {
        let _turn = self.turn();
        let Prepared { changes, records } = self.prepare_patch(patch)?;
        let written = self.make_all(changes)?;
        let finished = records.into_iter().map(|(record, change)| {
            let done = change.and_then(|change| written.get(change)).and_then(Option::as_ref);
            Patched { version: done.map(|written| written.version.clone()), ..record }
        });
        Ok(finished.collect())
    }

    fn prepare_patch(&self, patch: &str) -> Result<Prepared, FsError> {
        let files = parse::parse(patch).map_err(|(line, reason)| FsError::Patch {
            asked: Asked::new("patch"),
            problem: PatchProblem::Syntax { line, reason },
        })?;
        let mut prepared = Prepared { changes: Vec::new(), records: Vec::new() };
        let mut seen = BTreeSet::new();
        for file in &files {
            self.prepare_file(file, &mut seen, &mut prepared)?;
        }
        Ok(prepared)
    }

    fn prepare_file(
        &self,
        file: &FilePatch<'_>,
        seen: &mut BTreeSet<(usize, Vec<u8>)>,
        prepared: &mut Prepared,
    ) -> Result<(), FsError> {
        let mut find = |path: &str| {
            let target = self.target(path)?;
            if !seen.insert((target.root, target.path.clone())) {
                let problem = PatchProblem::Twice;
                return Err(FsError::Patch { asked: target.asked, problem });
            }
            Ok(target)
        };
        let Some(old) = &file.old else {
            let target = find(file.new.as_deref().unwrap_or_default())?;
            if target.stat.is_some() {
                return Err(FsError::Exists { asked: target.asked });
            }
            let text = apply(self.outside, &target, "", file)?;
            prepared.add(self.display_target(&target), PatchAction::Created, |at| {
                (vec![Change::Create { target, bytes: text.into_bytes(), like: None }], Some(at))
            });
            return Ok(());
        };
        let target = find(old)?;
        let Some(document) = Document::read(&target)? else {
            return Err(FsError::NotFound { asked: target.asked, rule: None });
        };
        let text = apply(self.outside, &target, &document.text, file)?;
        match &file.new {
            None => {
                // Only what the patch shows could be put back.
                if !text.is_empty() {
                    let problem = PatchProblem::Rest;
                    return Err(FsError::Patch { asked: target.asked, problem });
                }
                prepared.add(self.display_target(&target), PatchAction::Deleted, |_| {
                    (vec![Change::Delete { target, current: document.current }], None)
                });
            }
            Some(new) if new == old => {
                let shown = self.display_target(&target);
                let change = Change::replace(target, document, &text)?;
                prepared.add(shown, PatchAction::Changed, |at| (vec![change], Some(at)));
            }
            Some(new) => {
                let to = find(new)?;
                if to.stat.is_some() {
                    return Err(FsError::Exists { asked: to.asked });
                }
                let bytes = document.bytes(&to, &text)?;
                let like = document.current.file.try_clone();
                let like = like.map_err(|error| target.io("read", error))?;
                prepared.add(self.display_target(&to), PatchAction::Renamed, |at| {
                    let create = Change::Create { target: to, bytes, like: Some(like) };
                    (vec![create, Change::Delete { target, current: document.current }], Some(at))
                });
            }
        }
        Ok(())
    }
}

impl Prepared {
    fn add(
        &mut self,
        path: String,
        action: PatchAction,
        changes: impl FnOnce(usize) -> (Vec<Change>, Option<usize>),
    ) {
        let (changes, writes) = changes(self.changes.len());
        self.changes.extend(changes);
        self.records.push((Patched { path, action, version: None }, writes));
    }
}

fn apply(
    outside: Outside,
    target: &Target,
    text: &str,
    file: &FilePatch<'_>,
) -> Result<String, FsError> {
    let fail = |problem| FsError::Patch { asked: target.asked.clone(), problem };
    let lines: Vec<&str> = text.split_inclusive('\n').collect();
    // The patch has what an agent sees; what is kept is copied as it is.
    let shown = outside.show(text);
    let seen: Vec<&str> = shown.text.split_inclusive('\n').collect();
    let mut out = String::with_capacity(text.len());
    let mut done = 0;
    let mut offset = 0_isize;
    for hunk in &file.hunks {
        let at = place(hunk, &seen, done, offset).map_err(fail)?;
        let added = added(hunk, &seen, at, &shown);
        let added = added.map_err(|unclear| fail(PatchProblem::Unclear(unclear)))?;
        if let Some(wanted) = hunk.first() {
            offset = at.cast_signed() - wanted.cast_signed();
        }
        lines.get(done..at).unwrap_or_default().iter().for_each(|line| out.push_str(line));
        done = at + write((hunk, &added), &lines, at, &mut out);
    }
    lines.get(done..).unwrap_or_default().iter().for_each(|line| out.push_str(line));
    Ok(out)
}

/// Where the hunk fits: at its line number, or at the one place near it.
fn place(
    hunk: &Hunk<'_>,
    lines: &[&str],
    done: usize,
    offset: isize,
) -> Result<usize, PatchProblem> {
    let old: Vec<&str> = hunk.old().collect();
    let last = lines.len().checked_sub(old.len());
    let fits = |at: usize| {
        let window = lines.get(at..at + old.len()).unwrap_or_default();
        window.len() == old.len() && window.iter().zip(&old).all(|(a, b)| bare(a) == bare(b))
    };
    let (line, first) = (hunk.line, hunk.first());
    let Some(first) = first else {
        let found: Vec<usize> =
            (done..=last.unwrap_or(0)).filter(|at| !old.is_empty() && fits(*at)).collect();
        return match found.as_slice() {
            [at] => Ok(*at),
            [] => Err(PatchProblem::NoFit { line, wanted: None, differs: None }),
            _ => {
                let lines = found.iter().map(|at| at + 1).collect();
                Err(PatchProblem::Ambiguous { line, lines })
            }
        };
    };
    let wanted = first.saturating_add_signed(offset);
    if old.is_empty() {
        // Only additions: there is nothing that could tell another place.
        return if wanted <= lines.len() && wanted >= done {
            Ok(wanted)
        } else {
            Err(PatchProblem::NoFit { line, wanted: Some(wanted + 1), differs: None })
        };
    }
    if wanted >= done && fits(wanted) {
        return Ok(wanted);
    }
    // The nearest of several may be the wrong one: models count lines badly.
    let near = wanted.saturating_sub(MOST_OFFSET).max(done)..=wanted.saturating_add(MOST_OFFSET);
    let found: Vec<usize> =
        near.take_while(|at| *at < lines.len()).filter(|at| fits(*at)).collect();
    match found.as_slice() {
        [] => {}
        [at] => return Ok(*at),
        _ => {
            let lines = found.iter().map(|at| at + 1).collect();
            return Err(PatchProblem::Ambiguous { line, lines });
        }
    }
    let differs = old.iter().enumerate().find_map(|(i, patch)| {
        let file = lines.get(wanted + i).copied().unwrap_or("(end of file)");
        let short = |text: &str| bare(text).chars().take(120).collect::<String>();
        (bare(file) != bare(patch)).then(|| (wanted + i + 1, short(file), short(patch)))
    });
    Err(PatchProblem::NoFit { line, wanted: Some(wanted + 1), differs })
}

/// The lines that the hunk adds, with what stands for characters of the lines it changes taken back.
fn added(
    hunk: &Hunk<'_>,
    seen: &[&str],
    at: usize,
    shown: &Shown<'_>,
) -> Result<Vec<String>, Unclear> {
    let lines = hunk.lines.iter().filter(|line| line.kind == LineKind::Added);
    let new: String = lines.flat_map(|line| [line.text, "\n"]).collect();
    let length = |lines: Option<&[&str]>| -> usize {
        lines.unwrap_or_default().iter().map(|line| line.len()).sum()
    };
    let start = length(seen.get(..at));
    let end = start + length(seen.get(at..at + hunk.old().count()));
    Ok(shown.unshow(start..end, &new)?.split_terminator('\n').map(str::to_owned).collect())
}

/// Writes the hunk's lines in the place of those at `at`; returns how many those are.
fn write(
    (hunk, added): (&Hunk<'_>, &[String]),
    lines: &[&str],
    at: usize,
    out: &mut String,
) -> usize {
    let mut added = added.iter();
    let end_of = |line: &&str| if line.ends_with("\r\n") { "\r\n" } else { "\n" };
    let nearby = || lines.get(at.saturating_sub(1)).or_else(|| lines.first()).map_or("\n", end_of);
    let mut position = at;
    let mut end: Option<&str> = None;
    let mut last_added = None;
    for line in &hunk.lines {
        if line.kind != LineKind::Removed && !out.is_empty() && !out.ends_with('\n') {
            out.push_str(end.unwrap_or_else(nearby));
        }
        match line.kind {
            LineKind::Added => {
                let end = end.unwrap_or_else(nearby);
                out.push_str(added.next().map_or(line.text, String::as_str));
                out.push_str(if line.open { "" } else { end });
                last_added = (!line.open).then_some(end.len());
            }
            kept_or_removed => {
                if let Some(line) = lines.get(position) {
                    if line.ends_with('\n') {
                        end = Some(end_of(line));
                    }
                    if kept_or_removed == LineKind::Kept {
                        out.push_str(line);
                        last_added = None;
                    }
                }
                position += 1;
            }
        }
    }
    // A patch without the marker for it does not mean to end the last line of the file.
    let was_open =
        position == lines.len() && lines.last().is_some_and(|line| !line.ends_with('\n'));
    if let Some(length) = last_added.filter(|_| was_open && !hunk.has_marker()) {
        out.truncate(out.len() - length);
    }
    position - at
}

/// A line without its end.
fn bare(line: &str) -> &str {
    let line = line.strip_suffix('\n').unwrap_or(line);
    line.strip_suffix('\r').unwrap_or(line)
}

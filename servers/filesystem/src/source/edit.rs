//! Edits by exact text. A text that is to be replaced must be found once; if only its indentation
//! differs it is still found, as long as there is one such place. All edits happen or none, and
//! what can't be done says where to look instead.

use std::borrow::Cow;
use std::fmt;
use std::ops::Range;

use lockkeeper_core::{Change, Grant, Outside, Unclear};

use super::document::{Document, Normal};
use super::error::FsError;
use super::place::Target;
use super::{Diff, DiffOptions, Source};

/// As many places of an ambiguous text as are named.
const MOST_LINES: usize = 50;
/// Bytes of the difference to the nearest block that an error repeats.
const MOST_DIFF: usize = 1_000;
/// Lines of a file and of a text that the nearest block is looked for in.
const SEARCHED: (usize, usize) = (50_000, 60);

/// One text for another.
#[derive(Debug, Clone)]
pub struct Edit {
    /// What to replace; its line ends may be `\n` whatever the file's are.
    pub old_text: String,
    /// What to put there.
    pub new_text: String,
    /// Wherever it is found, and not once only.
    pub replace_all: bool,
}

/// What edits did, or would do.
#[derive(Debug, Clone)]
pub struct Edited {
    /// The path, as the agent names it.
    pub path: String,
    /// The change.
    pub diff: Diff,
    /// How many places were replaced.
    pub replaced: u64,
    /// The version of the file: as it is now, or unchanged if nothing was written.
    pub version: String,
}

/// Why an edit can't be made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum EditProblem {
    /// There is nothing to look for.
    EmptyOldText,
    /// Old and new text are the same.
    NoChange,
    /// The text is found more than once; the lines where it starts.
    Ambiguous {
        /// From 1.
        lines: Vec<usize>,
        /// Only without regard to indentation.
        loosely: bool,
    },
    /// The new text can't be told from what is only shown.
    Unclear(Unclear),
    /// The text is not found.
    NoMatch {
        /// The lines that are most like it, and how they differ.
        nearest: Option<Nearest>,
    },
}

/// Lines that are nearly a text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Nearest {
    /// The first one, from 1.
    pub first: usize,
    /// The last one.
    pub last: usize,
    /// From these lines to the text that was looked for.
    pub diff: String,
}

impl fmt::Display for EditProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::EmptyOldText => f.write_str("old_text is empty"),
            Self::Unclear(unclear) => unclear.fmt(f),
            Self::NoChange => f.write_str("new_text is the same as old_text"),
            Self::Ambiguous { lines, loosely } => {
                let shown: Vec<String> =
                    lines.iter().take(MOST_LINES).map(ToString::to_string).collect();
                let more = if lines.len() > MOST_LINES { " and more" } else { "" };
                let how = if *loosely { " but for its indentation" } else { "" };
                let count = lines.len();
                write!(f, "old_text is found {count} times{how}: lines {}{more}", shown.join(", "))
            }
            Self::NoMatch { nearest: None } => f.write_str("old_text is not found"),
            Self::NoMatch { nearest: Some(Nearest { first, last, diff }) } => write!(
                f,
                "old_text is not found; lines {first}-{last} are nearest (- file, + old_text):\n{diff}"
            ),
        }
    }
}

impl Source {
    /// What the edits would do, without doing it.
    pub fn preview_edits(
        &self,
        target: &Target,
        edits: &[Edit],
        seen: Option<&str>,
    ) -> Result<Edited, FsError> {
        let (document, text, replaced) = prepare(self.outside, target, edits, seen)?;
        // What can't be encoded is said now.
        document.bytes(target, &text)?;
        Ok(Edited {
            path: self.display_target(target),
            diff: Diff::of(&document.text, &text, DiffOptions::with_context(3, self.outside)),
            replaced,
            version: super::version::of(&document.current.stat),
        })
    }

    /// Makes the edits, one after the other, all of them or none.
    pub fn edit_file(
        &self,
        _grant: Grant<Change>,
        target: &Target,
        edits: &[Edit],
        seen: Option<&str>,
    ) -> Result<Edited, FsError> {
        let turn = self.turn();
        let (document, text, replaced) = prepare(self.outside, target, edits, seen)?;
        let bytes = document.bytes(target, &text)?;
        let written = self.swap(target, &document.current, &bytes)?;
        drop(turn);
        let diff = Diff::of(&document.text, &text, DiffOptions::with_context(3, self.outside));
        Ok(Edited { path: written.path, diff, replaced, version: written.version })
    }
}

fn prepare(
    outside: Outside,
    target: &Target,
    edits: &[Edit],
    seen: Option<&str>,
) -> Result<(Document, String, u64), FsError> {
    let asked = || target.asked.clone();
    let Some(document) = Document::read(target)? else {
        return Err(FsError::NotFound { asked: asked(), rule: None });
    };
    target.check_version(&document.current.stat, seen)?;
    let mut text = Cow::Borrowed(document.text.as_str());
    let mut replaced = 0;
    for (number, edit) in edits.iter().enumerate() {
        let (new, places) = apply(&text, edit, outside).map_err(|problem| FsError::Edit {
            asked: asked(),
            number: number + 1,
            problem,
        })?;
        replaced += places;
        text = Cow::Owned(new);
    }
    if text == document.text {
        let problem = EditProblem::NoChange;
        return Err(FsError::Edit { asked: asked(), number: edits.len(), problem });
    }
    let text = text.into_owned();
    Ok((document, text, replaced))
}

fn apply(text: &str, edit: &Edit, outside: Outside) -> Result<(String, u64), EditProblem> {
    if edit.old_text.is_empty() {
        return Err(EditProblem::EmptyOldText);
    }
    let old = Normal::new(&edit.old_text).text;
    if old == Normal::new(&edit.new_text).text {
        return Err(EditProblem::NoChange);
    }
    let normal = Normal::shown(text, outside);
    let mut places: Vec<usize> = if edit.replace_all {
        memchr::memmem::find_iter(normal.text.as_bytes(), old.as_bytes()).collect()
    } else {
        overlapping(&normal.text, &old)
    };
    // A piece of an escape or of a placeholder is none of the text.
    places.retain(|&at| normal.is_whole(&(at..at + old.len())));
    let lines = |places: &[usize]| places.iter().map(|&at| line_of(&normal.text, at)).collect();
    if places.len() > 1 && !edit.replace_all {
        return Err(EditProblem::Ambiguous { lines: lines(&places), loosely: false });
    }
    if places.is_empty() {
        let (range, new) = loosely(&normal.text, &old, &edit.new_text)?;
        let text = normal.replace(&[(range, new.into())]);
        return Ok((text.map_err(EditProblem::Unclear)?, 1));
    }
    let ranges = places.iter().map(|&at| at..at + old.len());
    let edits: Vec<_> = ranges.map(|range| (range, Cow::from(edit.new_text.as_str()))).collect();
    let text = normal.replace(&edits).map_err(EditProblem::Unclear)?;
    Ok((text, edits.len() as u64))
}

/// Where `old` starts, also within another place of it: `aa` is twice in `aaa`.
fn overlapping(text: &str, old: &str) -> Vec<usize> {
    let mut places = Vec::new();
    let mut from = 0;
    let step = old.chars().next().map_or(1, char::len_utf8);
    let finder = memchr::memmem::Finder::new(old);
    while let Some(at) = text.as_bytes().get(from..).and_then(|rest| finder.find(rest)) {
        places.push(from + at);
        from += at + step;
    }
    places
}

fn line_of(text: &str, place: usize) -> usize {
    let before = text.as_bytes().get(..place).unwrap_or_default();
    memchr::memchr_iter(b'\n', before).count() + 1
}

/// Finds whole lines that are those of `old` but for white space at their ends, and gives `new` the
/// indentation found there.
fn loosely(text: &str, old: &str, new: &str) -> Result<(Range<usize>, String), EditProblem> {
    let wanted: Vec<&str> = old.lines().collect();
    let lines: Vec<&str> = text.split_inclusive('\n').collect();
    let is_match = |window: &[&str]| {
        window.iter().zip(&wanted).all(|(line, wanted)| line.trim() == wanted.trim())
    };
    let has_text = wanted.iter().any(|line| !line.trim().is_empty());
    let mut found = Vec::new();
    if has_text && lines.len() >= wanted.len() {
        let windows = lines.windows(wanted.len()).enumerate();
        found = windows.filter(|(_, window)| is_match(window)).map(|(first, _)| first).collect();
    }
    let &[first] = found.as_slice() else {
        if found.is_empty() {
            return Err(EditProblem::NoMatch { nearest: nearest(&lines, &wanted) });
        }
        let lines = found.iter().map(|first| first + 1).collect();
        return Err(EditProblem::Ambiguous { lines, loosely: true });
    };
    let start: usize = lines.iter().take(first).map(|line| line.len()).sum();
    let matched = lines.get(first..first + wanted.len()).unwrap_or_default();
    let mut end = start + matched.iter().map(|line| line.len()).sum::<usize>();
    let closed = matched.last().is_some_and(|line| line.ends_with('\n'));
    let mut new = indented(&Normal::new(new).text, &wanted, matched);
    if closed && !old.ends_with('\n') {
        end -= 1;
    } else if !closed && old.ends_with('\n') {
        // The file has no line end there, so neither has what takes its place.
        new.truncate(new.strip_suffix('\n').unwrap_or(&new).len());
    }
    if text.get(start..end) == Some(new.as_str()) {
        return Err(EditProblem::NoChange);
    }
    Ok((start..end, new))
}

/// `new` with each indentation that occurs in `wanted` replaced by the one `found` has there.
fn indented(new: &str, wanted: &[&str], found: &[&str]) -> String {
    let mut known: Vec<(&str, &str)> = Vec::new();
    for (wanted, found) in wanted.iter().zip(found) {
        if !wanted.trim().is_empty() && !known.iter().any(|(from, _)| *from == indent(wanted)) {
            known.push((indent(wanted), indent(found)));
        }
    }
    let mut out = String::with_capacity(new.len());
    for line in new.split_inclusive('\n') {
        let own = indent(line);
        let longest = known
            .iter()
            .filter(|(from, _)| own.starts_with(from))
            .max_by_key(|(from, _)| from.len());
        match longest {
            Some((from, to)) if !line.trim().is_empty() => {
                out.push_str(to);
                out.push_str(line.get(from.len()..).unwrap_or_default());
            }
            _ => out.push_str(line),
        }
    }
    out
}

fn indent(line: &str) -> &str {
    let text = line.trim_start_matches([' ', '\t']);
    line.get(..line.len() - text.len()).unwrap_or_default()
}

/// The lines that have most in common with the wanted ones, each pair at the same distance.
fn nearest(lines: &[&str], wanted: &[&str]) -> Option<Nearest> {
    let wanted = wanted.get(..SEARCHED.1).unwrap_or(wanted);
    let words: Vec<Vec<&str>> = wanted.iter().map(|line| words(line)).collect();
    let mut scores = vec![0_u64; lines.len().min(SEARCHED.0)];
    for (at, line) in lines.iter().enumerate().take(SEARCHED.0) {
        let own = self::words(line);
        for (offset, other) in words.iter().enumerate() {
            if let Some(start) = at.checked_sub(offset)
                && let Some(score) = scores.get_mut(start)
            {
                *score += likeness(&own, other);
            }
        }
    }
    // Of equals the first.
    let (first, best) = scores.iter().enumerate().rev().max_by_key(|(_, score)| **score)?;
    let wished: u64 = words.iter().map(|words| likeness(words, words)).sum();
    if *best == 0 || *best * 4 < wished {
        return None;
    }
    let last = (first + wanted.len()).min(lines.len());
    let block = lines.get(first..last)?.concat();
    let mut text = wanted.join("\n");
    if block.ends_with('\n') {
        text.push('\n');
    }
    let mut diff =
        Diff::of(&block, &text, DiffOptions::with_context(1, Outside::default())).hunks.concat();
    if diff.len() > MOST_DIFF {
        let end = diff.floor_char_boundary(MOST_DIFF);
        diff.truncate(diff.get(..end).and_then(|head| head.rfind('\n')).unwrap_or(end));
    }
    Some(Nearest { first: first + 1, last, diff: diff.trim_end().to_owned() })
}

fn words(line: &str) -> Vec<&str> {
    let parts = line.split(|c: char| !c.is_alphanumeric() && c != '_');
    parts.filter(|word| !word.is_empty()).take(30).collect()
}

/// How many letters of words two lines share.
fn likeness(a: &[&str], b: &[&str]) -> u64 {
    a.iter().filter(|word| b.contains(word)).map(|word| word.len() as u64).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn edit(old: &str, new: &str) -> Edit {
        Edit { old_text: old.to_owned(), new_text: new.to_owned(), replace_all: false }
    }

    fn edited(text: &str, old: &str, new: &str) -> Result<String, EditProblem> {
        apply(text, &edit(old, new), Outside::default()).map(|(text, _)| text)
    }

    #[test]
    fn a_text_must_be_found_once() {
        assert_eq!(edited("a\nb\n", "b", "c").unwrap(), "a\nc\n");
        let lines = |text: &str, old: &str| match edited(text, old, "x") {
            Err(EditProblem::Ambiguous { lines, .. }) => lines,
            other => panic!("{other:?}"),
        };
        assert_eq!(lines("b\na\nb\nb b\n", "b"), [1, 3, 4, 4]);
        assert_eq!(lines("aaa", "aa"), [1, 1]);
        let all = Edit { replace_all: true, ..edit("b", "c") };
        assert_eq!(apply("b\r\na b\n", &all, Outside::default()), Ok(("c\r\na c\n".to_owned(), 2)));
        assert_eq!(edited("a", "", "b"), Err(EditProblem::EmptyOldText));
        assert_eq!(edited("a\r\n", "a\r\n", "a\n"), Err(EditProblem::NoChange));
    }

    #[test]
    fn indentation_may_differ_if_there_is_one_such_place() {
        let text = "fn a() {\n\tif x {\n\t\ty();\n\t}\n}\n";
        let old = "if x {\n    y();\n}";
        let new = "if x {\n    z();\n        w();\n}";
        let expected = "fn a() {\n\tif x {\n\t\tz();\n\t\t    w();\n\t}\n}\n";
        assert_eq!(edited(text, old, new).unwrap(), expected);
        assert!(matches!(
            edited("  a;\n b\n   a;\n", "\ta;\n", "c\n"),
            Err(EditProblem::Ambiguous { lines, loosely: true }) if lines == [1, 3]
        ));
        // White space alone matches nothing.
        assert!(matches!(edited("a\n \nb\n", "\t", "x"), Err(EditProblem::NoMatch { .. })));
        assert_eq!(edited("  last", "\tlast\n", "\tend\n").unwrap(), "  end");
    }

    #[test]
    fn the_nearest_block_is_shown() {
        let text = "one\ntwo apples\nthree pears\nfour\n";
        let Err(EditProblem::NoMatch { nearest: Some(nearest) }) =
            edited(text, "two apples\nthree plums", "x")
        else {
            panic!("a match")
        };
        assert_eq!((nearest.first, nearest.last), (2, 3));
        assert_eq!(nearest.diff, "@@ -1,2 +1,2 @@\n two apples\n-three pears\n+three plums");
        let none = EditProblem::NoMatch { nearest: None };
        assert_eq!(edited(text, "nothing of that", "x"), Err(none));
    }
}

//! Unified diffs of two texts. The algorithm is git's histogram diff, whose time stays near linear
//! whatever the texts are.

use std::fmt::Write as _;
use std::ops::Range;

use imara_diff::{Algorithm, Diff as LineDiff, Hunk, InternedInput};

/// The difference of two texts.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Diff {
    /// The hunks in the unified format, each with its `@@` line.
    pub hunks: Vec<String>,
    /// Lines that only the second text has.
    pub added: usize,
    /// Lines that only the first text has.
    pub removed: usize,
}

impl Diff {
    /// Compares two texts line by line, with `context` unchanged lines around each change.
    pub fn of(old: &str, new: &str, context: u32) -> Self {
        let input = InternedInput::new(old, new);
        let mut diff = LineDiff::compute(Algorithm::Histogram, &input);
        diff.postprocess_lines(&input);
        let mut hunks = Vec::new();
        let mut group: Vec<Hunk> = Vec::new();
        for change in diff.hunks() {
            let near = |last: &Hunk| change.before.start - last.before.end <= context * 2;
            if !group.last().is_none_or(near) {
                hunks.push(unified(&input, &group, context));
                group.clear();
            }
            group.push(change);
        }
        if !group.is_empty() {
            hunks.push(unified(&input, &group, context));
        }
        let (added, removed) = (diff.count_additions(), diff.count_removals());
        Self { hunks, added: added as usize, removed: removed as usize }
    }

    /// Whether the texts are equal.
    pub fn is_empty(&self) -> bool {
        self.hunks.is_empty()
    }
}

/// One hunk of neighbouring changes, as GNU diff writes it.
fn unified(input: &InternedInput<&str>, changes: &[Hunk], context: u32) -> String {
    let (Some(first), Some(last)) = (changes.first(), changes.last()) else { return String::new() };
    let lines = u32::try_from(input.before.len()).unwrap_or(u32::MAX);
    let lead = first.before.start.min(context);
    let tail = (lines - last.before.end).min(context);
    let before = first.before.start - lead..last.before.end + tail;
    let after = first.after.start - lead..last.after.end + tail;
    let mut out = String::new();
    // Writing to a `String` can't fail.
    let _: std::fmt::Result = writeln!(out, "@@ -{} +{} @@", span(&before), span(&after));
    let mut position = before.start;
    for change in changes {
        push(&mut out, ' ', input, &input.before, position..change.before.start);
        push(&mut out, '-', input, &input.before, change.before.clone());
        push(&mut out, '+', input, &input.after, change.after.clone());
        position = change.before.end;
    }
    push(&mut out, ' ', input, &input.before, position..before.end);
    out
}

/// `start,length`, where an empty range starts at the line before it.
fn span(range: &Range<u32>) -> String {
    match range.len() {
        0 => format!("{},0", range.start),
        1 => (range.start + 1).to_string(),
        length => format!("{},{length}", range.start + 1),
    }
}

fn push(
    out: &mut String,
    mark: char,
    input: &InternedInput<&str>,
    side: &[imara_diff::Token],
    range: Range<u32>,
) {
    let tokens = side.get(range.start as usize..range.end as usize).unwrap_or_default();
    for token in tokens {
        let line = input.interner[*token];
        out.push(mark);
        out.push_str(line);
        if !line.ends_with('\n') {
            out.push_str("\n\\ No newline at end of file\n");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_change_is_shown_with_its_context() {
        let diff = Diff::of("a\nb\nc\n", "a\nB\nc\n", 3);
        assert_eq!(diff.hunks, ["@@ -1,3 +1,3 @@\n a\n-b\n+B\n c\n"]);
        assert_eq!((diff.added, diff.removed), (1, 1));
        assert!(Diff::of("a\n", "a\n", 3).is_empty());
    }

    #[test]
    fn distant_changes_are_hunks_of_their_own() {
        let old = (1..=30).map(|n| n.to_string()).collect::<Vec<_>>().join("\n") + "\n";
        let new = old.replace("3\n4\n", "4\n").replace("\n28\n", "\n28\nnew\n");
        let diff = Diff::of(&old, &new, 2);
        assert_eq!(diff.hunks.len(), 2, "{:?}", diff.hunks);
        assert!(diff.hunks[1].starts_with("@@ -27,4 +"), "{:?}", diff.hunks);
        assert_eq!(Diff::of("", "a\n", 3).hunks, ["@@ -0,0 +1 @@\n+a\n"]);
        assert_eq!(Diff::of("a\n", "", 3).hunks, ["@@ -1 +0,0 @@\n-a\n"]);
    }

    #[test]
    fn line_ends_and_a_missing_last_one_count() {
        let diff = Diff::of("a\r\nb", "a\nb\n", 3);
        assert_eq!((diff.added, diff.removed), (2, 2));
        assert!(diff.hunks[0].contains("\n\\ No newline at end of file\n"), "{:?}", diff.hunks);
    }

    #[test]
    fn large_texts_without_a_common_line_end_in_time() {
        let text = |seed: usize| {
            let lines = (0..100_000).map(|i| (i * 7919 % 65_536 + seed).to_string());
            lines.collect::<Vec<_>>().join("\n")
        };
        let started = std::time::Instant::now();
        let diff = Diff::of(&text(0), &text(1_000_000), 3);
        assert_eq!((diff.added, diff.removed), (100_000, 100_000));
        assert!(started.elapsed().as_secs() < 10, "{:?}", started.elapsed());
    }
}

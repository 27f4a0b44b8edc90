//! Unified diffs of two texts, in bounded time and in pieces that fit a page. The algorithm is git's
//! histogram diff, which is quadratic for long texts that share many lines in another order: such
//! texts are first cut at lines that occur once in both, and what is then still too much is shown
//! as replaced.

use std::collections::HashMap;
use std::ops::Range;
use std::time::{Duration, Instant};

use imara_diff::{Algorithm, Diff as LineDiff, Hunk, InternedInput, Token};
use lockkeeper_core::{Altered, Outside, Shown};

/// Up to this product of line counts a comparison takes some tenths of a second at the worst.
const MOST_PAIRS: u64 = 20_000 * 20_000;
/// After this, what is left is not compared any more.
const PATIENCE: Duration = Duration::from_secs(2);

/// How to compare.
#[derive(Debug, Clone, Copy)]
pub struct DiffOptions {
    /// Unchanged lines around each change.
    pub context: u32,
    /// A hunk with more text than this is split; a longer line is cut.
    pub hunk_bytes: usize,
    /// How the lines are shown; they are compared as they are.
    pub outside: Outside,
}

impl DiffOptions {
    /// So many unchanged lines around each change, in hunks as a small answer holds them.
    pub fn with_context(context: u32, outside: Outside) -> Self {
        Self { context, hunk_bytes: 16_000, outside }
    }
}

/// The difference of two texts.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Diff {
    /// The hunks in the unified format, each with its `@@` line.
    pub hunks: Vec<String>,
    /// Lines that only the second text has.
    pub added: u64,
    /// Lines that only the first text has.
    pub removed: u64,
    /// Something was not compared for want of time: a smaller diff may exist.
    pub is_coarse: bool,
    /// How much of the lines in `hunks` was altered to show them.
    pub altered: Altered,
}

impl Diff {
    /// Compares two texts line by line.
    pub fn of(old: &str, new: &str, options: DiffOptions) -> Self {
        let input = InternedInput::new(old, new);
        let sides = (options.outside.show(old), options.outside.show(new));
        let sides = Sides { before: lines(&sides.0), after: lines(&sides.1) };
        let mut altered = Altered::default();
        let (changes, is_coarse) = changes(&input);
        let mut diff = Self { is_coarse, ..Self::default() };
        let mut group: Vec<Hunk> = Vec::new();
        for change in changes {
            diff.removed += change.before.len() as u64;
            diff.added += change.after.len() as u64;
            let near = |last: &Hunk| change.before.start - last.before.end <= options.context * 2;
            if !group.last().is_none_or(near) {
                altered += unified((&input, &sides), &group, options, &mut diff.hunks);
                group.clear();
            }
            group.push(change);
        }
        altered += unified((&input, &sides), &group, options, &mut diff.hunks);
        diff.altered = altered;
        diff
    }

    /// Whether the texts are equal.
    pub fn is_empty(&self) -> bool {
        self.hunks.is_empty()
    }
}

/// The lines of both texts as they are shown; none where that is as they are.
struct Sides<'a> {
    before: Vec<&'a str>,
    after: Vec<&'a str>,
}

fn lines<'a>(shown: &'a Shown<'_>) -> Vec<&'a str> {
    if shown.altered().is_none() {
        return Vec::new();
    }
    shown.text.split_inclusive('\n').collect()
}

/// What of a line was altered to show it so.
fn altered(line: &str, shown: &str) -> Altered {
    let more =
        |mark: &str| shown.matches(mark).count().saturating_sub(line.matches(mark).count()) as u64;
    if line == shown {
        return Altered::default();
    }
    Altered { escaped: more("\\u{"), redacted: more("[redacted:") }
}

/// What differs, and whether something was not compared.
fn changes(input: &InternedInput<&str>) -> (Vec<Hunk>, bool) {
    let whole = Hunk { before: 0..length(&input.before), after: 0..length(&input.after) };
    if pairs(&whole) <= MOST_PAIRS {
        let mut diff = LineDiff::compute(Algorithm::Histogram, input);
        diff.postprocess_lines(input);
        return (diff.hunks().collect(), false);
    }
    let deadline = Instant::now() + PATIENCE;
    let mut found = Vec::new();
    let mut is_coarse = false;
    let mut at = (0, 0);
    let end = (whole.before.end, whole.after.end);
    for anchor in anchors(input).into_iter().chain([end]) {
        let part = Hunk { before: at.0..anchor.0, after: at.1..anchor.1 };
        at = (anchor.0 + 1, anchor.1 + 1);
        let before = slice(&input.before, &part.before);
        let after = slice(&input.after, &part.after);
        if before == after {
            continue;
        }
        if pairs(&part) > MOST_PAIRS || Instant::now() > deadline {
            is_coarse |= !before.is_empty() && !after.is_empty();
            found.push(part);
            continue;
        }
        let tokens = input.interner.num_tokens();
        let mut diff = LineDiff::default();
        // The histogram's table would cost the whole vocabulary for each of many small parts.
        diff.compute_with(Algorithm::Myers, before, after, tokens);
        found.extend(diff.hunks().map(|hunk| Hunk {
            before: part.before.start + hunk.before.start..part.before.start + hunk.before.end,
            after: part.after.start + hunk.after.start..part.after.start + hunk.after.end,
        }));
    }
    (found, is_coarse)
}

/// Places of lines that occur once in each text, as many as keep their order in both (the longest
/// increasing subsequence, found by patience sorting).
fn anchors(input: &InternedInput<&str>) -> Vec<(u32, u32)> {
    let after = once(&input.after);
    let mut common: Vec<(u32, u32)> = once(&input.before)
        .into_iter()
        .filter_map(|(token, place)| Some((place, *after.get(&token)?)))
        .collect();
    common.sort_unstable();
    // The last of the best sequence of each length, and what stands before each in its sequence.
    let mut ends: Vec<usize> = Vec::new();
    let mut previous: Vec<Option<usize>> = Vec::with_capacity(common.len());
    let place = |i: usize| common.get(i).map_or(0, |pair| pair.1);
    for i in 0..common.len() {
        let length = ends.partition_point(|&end| place(end) < place(i));
        previous.push(length.checked_sub(1).and_then(|before| ends.get(before).copied()));
        match ends.get_mut(length) {
            Some(end) => *end = i,
            None => ends.push(i),
        }
    }
    let mut sequence = Vec::with_capacity(ends.len());
    let mut at = ends.last().copied();
    while let Some(i) = at {
        sequence.extend(common.get(i));
        at = previous.get(i).copied().flatten();
    }
    sequence.reverse();
    sequence
}

/// Where each line stands that occurs only once.
fn once(side: &[Token]) -> HashMap<Token, u32> {
    let mut seen: HashMap<Token, (u32, u32)> = HashMap::new();
    for (place, token) in (0..).zip(side) {
        seen.entry(*token).or_insert((place, 0)).1 += 1;
    }
    seen.retain(|_, (_, times)| *times == 1);
    seen.into_iter().map(|(token, (place, _))| (token, place)).collect()
}

fn pairs(part: &Hunk) -> u64 {
    part.before.len() as u64 * part.after.len() as u64
}

fn length(side: &[Token]) -> u32 {
    u32::try_from(side.len()).unwrap_or(u32::MAX)
}

fn slice<'a>(side: &'a [Token], range: &Range<u32>) -> &'a [Token] {
    side.get(range.start as usize..range.end as usize).unwrap_or_default()
}

/// Neighbouring changes as GNU diff writes them, in one hunk or in several that fit.
fn unified<'a>(
    (input, sides): (&'a InternedInput<&'a str>, &'a Sides<'a>),
    changes: &[Hunk],
    options: DiffOptions,
    hunks: &'a mut Vec<String>,
) -> Altered {
    let (Some(first), Some(last)) = (changes.first(), changes.last()) else {
        return Altered::default();
    };
    let lead = first.before.start.min(options.context);
    let tail = (length(&input.before) - last.before.end).min(options.context);
    let start = (first.before.start - lead, first.after.start - lead);
    let mut piece = Piece {
        input,
        sides,
        before: start.0..start.0,
        after: start.1..start.1,
        text: String::new(),
        options,
        hunks,
        altered: Altered::default(),
    };
    for change in changes {
        piece.push(' ', piece.before.end..change.before.start);
        piece.push('-', change.before.clone());
        piece.push('+', change.after.clone());
    }
    piece.push(' ', last.before.end..last.before.end + tail);
    piece.flush();
    piece.altered
}

/// A hunk in the making.
struct Piece<'a> {
    input: &'a InternedInput<&'a str>,
    sides: &'a Sides<'a>,
    before: Range<u32>,
    after: Range<u32>,
    text: String,
    options: DiffOptions,
    hunks: &'a mut Vec<String>,
    altered: Altered,
}

impl Piece<'_> {
    /// Adds lines: those with `+` are of the second text, the others of the first.
    fn push(&mut self, mark: char, range: Range<u32>) {
        let side = if mark == '+' { &self.input.after } else { &self.input.before };
        let shown = if mark == '+' { &self.sides.after } else { &self.sides.before };
        for (i, token) in (range.start as usize..).zip(slice(side, &range)) {
            let original = self.input.interner[*token];
            let line = shown.get(i).copied().unwrap_or(original);
            self.altered += altered(original, line);
            let most = self.options.hunk_bytes / 2;
            if !self.text.is_empty() && self.text.len() + line.len().min(most) > most * 2 {
                self.flush();
            }
            self.text.push(mark);
            match line.get(..line.floor_char_boundary(most)) {
                Some(head) if head.len() < line.len() => {
                    let left = line.len() - head.len();
                    self.text.push_str(&format!("{head}… [line cut, {left} bytes more]\n"));
                }
                _ => self.text.push_str(line),
            }
            if !self.text.ends_with('\n') {
                self.text.push_str("\n\\ No newline at end of file\n");
            }
            self.before.end += u32::from(mark != '+');
            self.after.end += u32::from(mark != '-');
        }
    }

    /// Ends the hunk; what follows is one of its own.
    fn flush(&mut self) {
        if self.text.is_empty() {
            return;
        }
        let (before, after) = (span(&self.before), span(&self.after));
        self.hunks.push(format!("@@ -{before} +{after} @@\n{}", self.text));
        self.text.clear();
        self.before.start = self.before.end;
        self.after.start = self.after.end;
    }
}

/// `start,length`, where an empty range starts at the line before it.
fn span(range: &Range<u32>) -> String {
    match range.len() {
        0 => format!("{},0", range.start),
        1 => (range.start + 1).to_string(),
        length => format!("{},{length}", range.start + 1),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const OPTIONS: DiffOptions =
        DiffOptions { context: 3, hunk_bytes: 10_000, outside: Outside::AS_DEFAULT };

    #[test]
    fn a_change_is_shown_with_its_context() {
        let diff = Diff::of("a\nb\nc\n", "a\nB\nc\n", OPTIONS);
        assert_eq!(diff.hunks, ["@@ -1,3 +1,3 @@\n a\n-b\n+B\n c\n"]);
        assert_eq!((diff.added, diff.removed), (1, 1));
        assert!(Diff::of("a\n", "a\n", OPTIONS).is_empty());
    }

    #[test]
    fn distant_changes_are_hunks_of_their_own() {
        let old = (1..=30).map(|n| n.to_string()).collect::<Vec<_>>().join("\n") + "\n";
        let new = old.replace("3\n4\n", "4\n").replace("\n28\n", "\n28\nnew\n");
        let diff = Diff::of(&old, &new, DiffOptions { context: 2, ..OPTIONS });
        assert_eq!(diff.hunks.len(), 2, "{:?}", diff.hunks);
        assert!(diff.hunks[1].starts_with("@@ -27,4 +"), "{:?}", diff.hunks);
        assert_eq!(Diff::of("", "a\n", OPTIONS).hunks, ["@@ -0,0 +1 @@\n+a\n"]);
        assert_eq!(Diff::of("a\n", "", OPTIONS).hunks, ["@@ -1 +0,0 @@\n-a\n"]);
    }

    #[test]
    fn line_ends_and_a_missing_last_one_count() {
        let diff = Diff::of("a\r\nb", "a\nb\n", OPTIONS);
        assert_eq!((diff.added, diff.removed), (2, 2));
        assert!(diff.hunks[0].contains("\n\\ No newline at end of file\n"), "{:?}", diff.hunks);
    }

    /// Lines that repeat in an order of their own.
    fn shuffled(seed: u64, lines: usize, kinds: u64) -> String {
        let mut state = seed;
        let mut next = || {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            state % kinds
        };
        (0..lines).map(|_| next().to_string()).collect::<Vec<_>>().join("\n")
    }

    #[test]
    fn the_worst_texts_end_in_time() {
        let started = Instant::now();
        let diff = Diff::of(&shuffled(1, 500_000, 2), &shuffled(2, 500_000, 2), OPTIONS);
        assert!(diff.is_coarse);
        assert!(started.elapsed() < Duration::from_secs(20), "{:?}", started.elapsed());
    }

    #[test]
    fn long_texts_are_cut_at_their_own_lines() {
        let old = (0..60_000).map(|n| format!("line {n}")).collect::<Vec<_>>();
        let mut new = old.clone();
        new[10] = "changed".into();
        new.remove(40_000);
        let diff = Diff::of(&old.join("\n"), &new.join("\n"), OPTIONS);
        assert_eq!((diff.added, diff.removed, diff.is_coarse), (1, 2, false));
        assert_eq!(diff.hunks.len(), 2);
        assert!(diff.hunks[1].contains("\n-line 40000\n"), "{:?}", diff.hunks);
    }

    #[test]
    fn large_hunks_are_split_and_lose_nothing() {
        let old = shuffled(3, 3_000, 1_000_000);
        let options = DiffOptions { hunk_bytes: 1_000, ..OPTIONS };
        let diff = Diff::of(&old, "x\n", options);
        assert!(diff.hunks.len() > 10 && diff.hunks.iter().all(|hunk| hunk.len() < 1_100));
        let removed: Vec<&str> = diff
            .hunks
            .iter()
            .flat_map(|hunk| hunk.lines())
            .filter_map(|line| line.strip_prefix('-'))
            .collect();
        assert_eq!(removed.join("\n"), old);
        assert!(diff.hunks[1].starts_with("@@ -1"), "{}", diff.hunks[1]);
        let wide = Diff::of("", &"y".repeat(5_000), options);
        assert!(wide.hunks[0].contains("… [line cut, 4500 bytes more]\n"), "{:?}", wide.hunks);
    }
}

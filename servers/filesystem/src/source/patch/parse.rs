//! The text of a patch, taken apart.

use std::borrow::Cow;

/// What a patch says about one file; both names are the same unless it is renamed.
#[derive(Debug, Default)]
pub(super) struct FilePatch<'a> {
    /// `None`: it does not exist yet.
    pub(super) old: Option<Cow<'a, str>>,
    /// `None`: it goes.
    pub(super) new: Option<Cow<'a, str>>,
    pub(super) hunks: Vec<Hunk<'a>>,
}

#[derive(Debug)]
pub(super) struct Hunk<'a> {
    /// Where it starts in the patch, from 1.
    pub(super) line: usize,
    /// The line number in its header, and whether old lines follow at all.
    start: Option<(usize, bool)>,
    pub(super) lines: Vec<Line<'a>>,
}

#[derive(Debug)]
pub(super) struct Line<'a> {
    pub(super) kind: LineKind,
    pub(super) text: &'a str,
    /// It has no line end: the last one of its file.
    pub(super) open: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum LineKind {
    Kept,
    Removed,
    Added,
}

impl<'a> Hunk<'a> {
    /// The lines that the file must have.
    pub(super) fn old(&self) -> impl Iterator<Item = &'a str> {
        let old = self.lines.iter().filter(|line| line.kind != LineKind::Added);
        old.map(|line| line.text)
    }

    /// How many lines of the file come before it, as its header says.
    pub(super) fn first(&self) -> Option<usize> {
        let (start, has_old) = self.start?;
        // Without old lines the number is that of the line before.
        Some(if has_old { start.saturating_sub(1) } else { start })
    }

    pub(super) fn has_marker(&self) -> bool {
        self.lines.iter().any(|line| line.open)
    }
}

type Problem = (usize, &'static str);

/// Takes the patch apart, or says which line can't be.
pub(super) fn parse(patch: &str) -> Result<Vec<FilePatch<'_>>, Problem> {
    let lines: Vec<&str> = patch.lines().collect();
    let mut files = Vec::new();
    let mut at = 0;
    while let Some(line) = lines.get(at) {
        if line.starts_with("diff --git ") || is_header(&lines, at) {
            files.push(file(&lines, &mut at)?);
        } else if line.starts_with("@@") {
            return Err((at + 1, "a hunk without `---` and `+++` lines before it"));
        } else {
            // Mail headers, commit messages, code fences.
            at += 1;
        }
    }
    if files.is_empty() {
        return Err((1, "there is no `--- old` line followed by `+++ new`"));
    }
    Ok(files)
}

/// `--- old` and `+++ new`.
fn is_header(lines: &[&str], at: usize) -> bool {
    let starts = |at: usize, mark| lines.get(at).is_some_and(|line| line.starts_with(mark));
    starts(at, "--- ") && starts(at + 1, "+++ ")
}

fn file<'a>(lines: &[&'a str], at: &mut usize) -> Result<FilePatch<'a>, Problem> {
    let begin = *at;
    let mut file = FilePatch::default();
    let mut named = false;
    let mut empty = (false, false);
    if let Some(names) = lines.get(*at).and_then(|line| line.strip_prefix("diff --git ")) {
        *at += 1;
        if let Some((old, new)) = git_names(names) {
            (file.old, file.new, named) = (Some(old), Some(new), true);
        }
        while let Some(line) = lines.get(*at) {
            if let Some(path) = line.strip_prefix("rename from ") {
                (file.old, named) = (Some(unquote(path)), true);
            } else if let Some(path) = line.strip_prefix("rename to ") {
                file.new = Some(unquote(path));
            } else if line.starts_with("copy ") {
                return Err((*at + 1, "copies are not supported; use move_file with copy"));
            } else if line.starts_with("GIT binary patch") || line.starts_with("Binary files ") {
                return Err((*at + 1, "binary patches are not supported"));
            } else if line.starts_with("new file mode") {
                empty.0 = true;
            } else if line.starts_with("deleted file mode") {
                empty.1 = true;
            } else if !["index ", "old mode ", "new mode ", "similarity ", "dissimilarity "]
                .iter()
                .any(|known| line.starts_with(known))
            {
                break;
            }
            *at += 1;
        }
    }
    if is_header(lines, *at) {
        let name = |at: usize| lines.get(at).and_then(|line| line.get(4..)).unwrap_or_default();
        let (old, new) = (header_name(name(*at)), header_name(name(*at + 1)));
        *at += 2;
        (file.old, file.new) = pair(old, new);
        named = true;
        if file.old.is_none() && file.new.is_none() {
            return Err((begin + 1, "both names are /dev/null"));
        }
        while lines.get(*at).is_some_and(|line| line.starts_with("@@")) {
            file.hunks.push(hunk(lines, at)?);
        }
        if file.hunks.is_empty() && file.old == file.new {
            return Err((*at + 1, "a hunk starting with `@@` is missing"));
        }
    } else if empty.0 {
        file.old = None;
    } else if empty.1 {
        file.new = None;
    } else if file.old == file.new {
        return Err((begin + 1, "it changes nothing but modes, which are kept as they are"));
    }
    if !named {
        return Err((begin + 1, "the names can't be read"));
    }
    Ok(file)
}

/// `a/x b/x`: only names without a space are sure; others come from the lines that follow.
fn git_names(names: &str) -> Option<(Cow<'_, str>, Cow<'_, str>)> {
    let middle = names.len() / 2;
    let (old, new) = (names.get(..middle)?, names.get(middle + 1..)?);
    let (old, new) = (old.strip_prefix("a/")?, new.strip_prefix("b/")?);
    (old == new).then_some((old.into(), new.into()))
}

/// The name in a `---` or `+++` line, without what `diff` writes after a tab.
fn header_name(text: &str) -> Cow<'_, str> {
    let name = text.split('\t').next().unwrap_or(text);
    unquote(name.trim_end())
}

/// Names without the `a/` and `b/` that git puts before them.
fn pair<'a>(old: Cow<'a, str>, new: Cow<'a, str>) -> (Option<Cow<'a, str>>, Option<Cow<'a, str>>) {
    let absent = |name: &str| name == "/dev/null";
    let prefixed =
        (absent(&old) || old.starts_with("a/")) && (absent(&new) || new.starts_with("b/"));
    let clean = |name: Cow<'a, str>| {
        if absent(&name) {
            return None;
        }
        Some(if prefixed { name.get(2..).unwrap_or_default().to_owned().into() } else { name })
    };
    (clean(old), clean(new))
}

/// Git puts names with special characters in quotes, with escapes as in C.
fn unquote(name: &str) -> Cow<'_, str> {
    let inner = name.strip_prefix('"').and_then(|rest| rest.strip_suffix('"'));
    let Some(inner) = inner else { return name.into() };
    let mut bytes = Vec::new();
    let mut rest = inner.bytes();
    while let Some(byte) = rest.next() {
        if byte != b'\\' {
            bytes.push(byte);
            continue;
        }
        match rest.next() {
            Some(digit @ b'0'..=b'3') => {
                let value = [rest.next(), rest.next()].into_iter().flatten();
                bytes.push(value.fold(digit - b'0', |sum, next| sum << 3 | (next & 7)));
            }
            Some(b'n') => bytes.push(b'\n'),
            Some(b't') => bytes.push(b'\t'),
            Some(other) => bytes.push(other),
            None => {}
        }
    }
    String::from_utf8_lossy(&bytes).into_owned().into()
}

/// One hunk. Its counts only decide where a line could also be a header; what follows counts.
fn hunk<'a>(lines: &[&'a str], at: &mut usize) -> Result<Hunk<'a>, Problem> {
    let header = lines.get(*at).copied().unwrap_or_default();
    let mut hunk = Hunk { line: *at + 1, start: None, lines: Vec::new() };
    let (mut old_left, mut new_left) = (0, 0);
    let spans = header.strip_prefix("@@ -").and_then(|rest| rest.split_once(" +"));
    if let Some((old, rest)) = spans {
        let bad = (*at + 1, "the header is not `@@ -line,count +line,count @@`");
        let (start, count) = span(old).ok_or(bad)?;
        let new = rest.split_once(" @@").map_or(rest, |(new, _)| new);
        (_, new_left) = span(new).ok_or(bad)?;
        (hunk.start, old_left) = (Some((start, true)), count);
    }
    *at += 1;
    while let Some(line) = lines.get(*at).copied() {
        let expected = old_left > 0 || new_left > 0;
        if (!expected && is_header(lines, *at)) || line.starts_with("diff --git ") {
            break;
        }
        let (kind, text) = match line.as_bytes().first() {
            Some(b' ') => (LineKind::Kept, line.get(1..)),
            Some(b'-') => (LineKind::Removed, line.get(1..)),
            Some(b'+') => (LineKind::Added, line.get(1..)),
            Some(b'\\') => {
                if let Some(last) = hunk.lines.last_mut() {
                    last.open = true;
                }
                *at += 1;
                continue;
            }
            // An empty line of context whose space was lost on the way.
            None if expected => (LineKind::Kept, Some("")),
            _ => break,
        };
        if kind != LineKind::Added {
            old_left = usize::saturating_sub(old_left, 1);
        }
        if kind != LineKind::Removed {
            new_left = usize::saturating_sub(new_left, 1);
        }
        hunk.lines.push(Line { kind, text: text.unwrap_or_default(), open: false });
        *at += 1;
    }
    if hunk.lines.iter().all(|line| line.kind == LineKind::Kept) {
        return Err((hunk.line, "the hunk changes nothing"));
    }
    let has_old = hunk.old().next().is_some();
    if let Some((_, old)) = &mut hunk.start {
        *old = has_old;
    }
    Ok(hunk)
}

/// `12` or `12,3`.
fn span(text: &str) -> Option<(usize, usize)> {
    let (start, count) = text.trim().split_once(',').unwrap_or((text.trim(), "1"));
    Some((start.parse().ok()?, count.parse().ok()?))
}

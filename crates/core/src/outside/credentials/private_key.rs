//! Private keys in PEM and its kin. The lines around the key stay, each line of its body goes, so
//! that no line number changes, and a page that begins within the key finds nothing to show.

use std::ops::Range;

/// The fewest characters of base64 that make a key rather than an example of one.
const LEAST: usize = 64;
/// Lines that a key has at most.
const MOST_LINES: usize = 400;
/// Bytes after the marks of its first line.
const MOST_TAIL: usize = 20;
/// Lines before its body, as `Proc-Type: 4,ENCRYPTED`.
const MOST_HEADERS: usize = 5;

/// `needle` is what the line before the body of a key holds.
pub(super) fn look(
    text: &str,
    needle: Range<usize>,
    add: &mut impl FnMut(Range<usize>, &'static str),
) {
    let is_putty = text.get(needle.clone()).is_some_and(|needle| needle.starts_with("Private"));
    if !is_putty && !opens(text.get(..needle.start).unwrap_or_default()) {
        return;
    }
    let rest = text.get(needle.end..).unwrap_or_default();
    let rest = rest.get(..rest.floor_char_boundary(super::super::AROUND)).unwrap_or(rest);
    let line = rest.split('\n').next().unwrap_or_default();
    if !is_putty {
        let Some(closing) = line.find("-----").filter(|at| *at < 20) else { return };
        // In one line with its body, as in JSON.
        let start = needle.end + closing + 5;
        let tail = line.get(closing + 5..).unwrap_or_default();
        let body = tail.find("-----").map_or(tail, |end| tail.get(..end).unwrap_or_default());
        if base64(body) >= LEAST {
            let first = body.find(|c: char| c.is_ascii_alphanumeric()).unwrap_or(0);
            let first = if body.starts_with("\\n") { 2 } else { first };
            let trimmed = body.trim_end_matches(|c: char| !c.is_ascii_alphanumeric() && c != '=');
            let last = trimmed.strip_suffix("\\n").unwrap_or(trimmed).len();
            let last = if body.ends_with("\\n") { body.len() - 2 } else { last };
            add(start + first..start + last.max(first), "private_key");
            return;
        }
        // Else the line ends, but for what a string in source code has there.
        if tail.len() > MOST_TAIL {
            return;
        }
    }
    let mut found = Vec::new();
    let mut at = needle.end + line.len() + 1;
    let (mut total, mut headers) = (0, 0);
    for line in text.get(at..).unwrap_or_default().split_inclusive('\n').take(MOST_LINES) {
        let content = line.trim_end_matches(['\n', '\r']);
        match body(content) {
            Some(part) => {
                total += part.len();
                found.push(at + part.start..at + part.end);
            }
            // Headers of an encrypted key, and the empty line after them.
            None if found.is_empty() && headers < MOST_HEADERS && is_header(content) => {
                headers += 1;
            }
            None => break,
        }
        at += line.len();
    }
    if total >= LEAST {
        for range in found {
            add(range, "private_key");
        }
    }
}

/// Whether what stands before `PRIVATE KEY` is the beginning of such a line.
fn opens(head: &str) -> bool {
    let kinds = |byte: &u8| byte.is_ascii_uppercase() || *byte == b' ' || byte.is_ascii_digit();
    let kind = head.bytes().rev().take(40).take_while(kinds).count();
    let (head, kind) = head.split_at_checked(head.len() - kind).unwrap_or_default();
    head.ends_with("-----") && kind.starts_with("BEGIN ")
}

fn is_header(line: &str) -> bool {
    let line = line.trim_matches(|c: char| c.is_whitespace() || matches!(c, '+' | '>' | '"'));
    let name = line.split_once(": ").map(|(name, _)| name);
    line.is_empty()
        || name.is_some_and(|name| name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-'))
}

/// The part of a line that belongs to a key: all of it but for what a diff, a quotation or a string
/// in source code puts around it.
fn body(line: &str) -> Option<Range<usize>> {
    let mut start =
        line.len() - line.trim_start_matches([' ', '\t', '>', '#', '*', '"', '\'', '|']).len();
    let starts = |mark: &str| line.get(start..).is_some_and(|rest| rest.starts_with(mark));
    if starts("+ \"") || starts("// ") {
        start += 3;
    } else if starts("-") && !starts("--") {
        start += 1;
    }
    let rest = line.get(start..)?;
    let length = rest.bytes().take_while(|byte| is_base64(*byte)).count();
    let around =
        rest.get(length..)?.trim_end_matches([' ', '\t', '"', '\'', '+', ',', ';', '\\', ')']);
    let clean =
        around.is_empty() || around == "\\n" || around == "\\r\\n" || around.starts_with("\\n\"");
    // The mark of a diff, which base64 has too.
    let marked = usize::from(start == 0 && rest.starts_with('+'));
    (length > marked && clean).then_some(start + marked..start + length)
}

fn base64(text: &str) -> usize {
    text.bytes().filter(|byte| is_base64(*byte)).count()
}

fn is_base64(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"+/=".contains(&byte)
}

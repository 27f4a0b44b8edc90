//! Passwords in connection strings: `scheme://user:password@host`, and `Password=…` among the
//! settings of one.

use std::ops::Range;

use super::randomness::is_example;

/// As much of a user, a password and what stands around them is looked at.
const LONGEST: usize = 300;

/// `needle` is the `://`.
pub(super) fn url(
    text: &str,
    needle: Range<usize>,
    add: &mut impl FnMut(Range<usize>, &'static str),
) {
    let bytes = text.as_bytes();
    let scheme = bytes.get(needle.start.wrapping_sub(1));
    if !scheme.is_some_and(u8::is_ascii_alphanumeric) {
        return;
    }
    // What is shown as an escape ends it, as the escape itself does.
    let ends = |c: char| {
        c.is_ascii() && (!c.is_ascii_graphic() || "/?#\"'`<>\\,;)|".contains(c))
            || !c.is_ascii() && !c.is_alphanumeric()
    };
    let rest = text.get(needle.end..).unwrap_or_default();
    let authority = rest.char_indices().take(LONGEST).find(|(_, c)| ends(*c));
    let authority = authority.map_or(rest.len().min(LONGEST), |(at, _)| at);
    let authority = bytes.get(needle.end..needle.end + authority).unwrap_or_default();
    // A token in the place of the user is left out already.
    if authority.starts_with(super::super::OPEN.as_bytes()) {
        return;
    }
    let Some(at) = memchr::memrchr(b'@', authority) else { return };
    let Some(colon) = memchr::memchr(b':', authority.get(..at).unwrap_or_default()) else { return };
    let range = needle.end + colon + 1..needle.end + at;
    let user = text.get(needle.end..needle.end + colon).unwrap_or_default();
    let Some(password) = text.get(range.clone()) else { return };
    if password != user && !is_example(password) {
        add(range, "password");
    }
}

/// `needle` is `password=` or the like, without its first letter.
pub(super) fn assigned(
    text: &str,
    needle: Range<usize>,
    add: &mut impl FnMut(Range<usize>, &'static str),
) {
    const OTHERS: [&str; 12] = [
        "://",
        "server=",
        "data source=",
        "host=",
        "host =",
        "user id=",
        "userid=",
        "uid=",
        "user=",
        "username=",
        "database=",
        "dbname=",
    ];
    let (before, rest) = text.split_at_checked(needle.end).unwrap_or_default();
    let mut from = before.len().saturating_sub(LONGEST);
    while !before.is_char_boundary(from) {
        from += 1;
    }
    let before = before.get(from..).unwrap_or_default();
    let line = before.rsplit('\n').next().unwrap_or_default().to_ascii_lowercase();
    let after: String = rest.chars().take(200).take_while(|c| *c != '\n').collect();
    let after = after.to_ascii_lowercase();
    if !OTHERS.iter().any(|other| line.contains(other) || after.contains(other)) {
        return;
    }
    let quote = rest.trim_start_matches(' ').chars().next().filter(|c| matches!(c, '\'' | '"'));
    let skipped = rest.len() - rest.trim_start_matches(' ').len() + quote.map_or(0, char::len_utf8);
    let value = rest.get(skipped..).unwrap_or_default();
    let ends = |c: char| match quote {
        Some(quote) => c == quote || c.is_control(),
        None => {
            c.is_whitespace() || matches!(c, ';' | '&' | '"' | '\'' | '`' | '\\' | ',' | ')' | '<')
        }
    };
    let length = value.find(ends).unwrap_or(value.len()).min(LONGEST);
    let start = needle.end + skipped;
    let Some(password) = text.get(start..start + length) else { return };
    // A call or a variable is code.
    let is_code = password.contains(['(', '.'])
        && quote.is_none()
        && !password.contains(|c: char| c.is_ascii_digit());
    if !is_code && !is_example(password) {
        add(start..start + length, "password");
    }
}

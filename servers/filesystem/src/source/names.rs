//! Names and paths as bytes, and how they are shown. A path inside a root is a `/`-separated byte
//! string without a leading slash; the empty one is the root itself. Bytes that are no UTF-8, and
//! characters that could forge a line or hide in one, are shown as `\xNN`, which [`unescape`] takes
//! back.

use std::borrow::Cow;
use std::fmt::Write as _;

/// The form of a name or path that a person or a model sees.
pub(super) fn show(bytes: &[u8]) -> Cow<'_, str> {
    match simdutf8::basic::from_utf8(bytes) {
        Ok(text) if is_plain(text) => Cow::Borrowed(text),
        _ => Cow::Owned(escape(bytes)),
    }
}

/// Like [`show`], but [`unescape`] takes it back whatever the name holds.
pub(super) fn show_exact(bytes: &[u8]) -> Cow<'_, str> {
    match std::str::from_utf8(bytes) {
        Ok(text) if is_plain(text) && !text.contains("\\x") => Cow::Borrowed(text),
        _ => Cow::Owned(escape(bytes)),
    }
}

/// Whether a name shows as nothing but itself.
fn is_plain(text: &str) -> bool {
    let printable = |byte: u8| (0x20..0x7F).contains(&byte);
    text.bytes().all(printable) || !text.chars().any(is_treacherous)
}

/// Controls, line and paragraph separators, direction marks, tags and what has no width; joiners
/// stay, for the scripts and emoji that need them.
fn is_treacherous(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{61c}' | '\u{200b}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{2069}' | '\u{feff}' | '\u{e0000}'..='\u{e007f}')
}

fn escape(bytes: &[u8]) -> String {
    let mut shown = String::with_capacity(bytes.len() + 12);
    // Writing to a `String` can't fail.
    let hex = |shown: &mut String, bytes: &[u8]| {
        for byte in bytes {
            let _ = write!(shown, "\\x{byte:02x}");
        }
    };
    for chunk in bytes.utf8_chunks() {
        // A literal `\x` in such a name would otherwise be read back as a byte.
        for c in chunk.valid().replace("\\x", "\\x5cx").chars() {
            if is_treacherous(c) {
                hex(&mut shown, c.encode_utf8(&mut [0; 4]).as_bytes());
            } else {
                shown.push(c);
            }
        }
        hex(&mut shown, chunk.invalid());
    }
    shown
}

/// The bytes that `shown` stands for, if it holds any `\xNN`.
pub(super) fn unescape(shown: &str) -> Option<Vec<u8>> {
    let mut bytes = Vec::with_capacity(shown.len());
    let mut found = false;
    let mut rest = shown.as_bytes();
    while let Some((&first, tail)) = rest.split_first() {
        if first == b'\\'
            && let Some((b'x', digits)) = tail.split_first().map(|(x, digits)| (*x, digits))
            && let Some((pair, after)) = digits.split_at_checked(2)
            && let Ok(pair) = std::str::from_utf8(pair)
            && pair.bytes().all(|digit| digit.is_ascii_hexdigit())
            && let Ok(byte) = u8::from_str_radix(pair, 16)
            && byte != 0
        {
            bytes.push(byte);
            found = true;
            rest = after;
        } else {
            bytes.push(first);
            rest = tail;
        }
    }
    found.then_some(bytes)
}

/// The parts of a path, without empty ones and `.`.
pub(super) fn components(path: &[u8]) -> impl Iterator<Item = &[u8]> {
    path.split(|&byte| byte == b'/').filter(|part| !part.is_empty() && *part != b".")
}

/// `base/name`, or `name` in the root itself.
pub(super) fn join(base: &[u8], name: &[u8]) -> Vec<u8> {
    let mut path = Vec::with_capacity(base.len() + 1 + name.len());
    push(&mut path, base);
    push(&mut path, name);
    path
}

/// Appends `name` to `path` as a further component.
pub(super) fn push(path: &mut Vec<u8>, name: &[u8]) {
    if !path.is_empty() && !name.is_empty() {
        path.push(b'/');
    }
    path.extend_from_slice(name);
}

/// Drops the last component; `false` if there was none.
pub(super) fn pop(path: &mut Vec<u8>) -> bool {
    if path.is_empty() {
        return false;
    }
    let end = memchr::memrchr(b'/', path).unwrap_or(0);
    path.truncate(end);
    true
}

/// The last component of a path.
pub(super) fn name(path: &[u8]) -> &[u8] {
    match memchr::memrchr(b'/', path) {
        Some(slash) => path.get(slash + 1..).unwrap_or_default(),
        None => path,
    }
}

/// What is left of `path` beneath `prefix`, compared by whole components.
pub(super) fn beneath<'a>(path: &'a [u8], prefix: &[u8]) -> Option<&'a [u8]> {
    if prefix.is_empty() {
        return Some(path);
    }
    match path.strip_prefix(prefix)? {
        [] => Some(&[]),
        [b'/', rest @ ..] => Some(rest),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_bytes_come_back_from_what_is_shown() {
        for bytes in [&b"a\xffb"[..], b"\xe4hnlich.txt", b"\\x41\xff", b"\xf0\x9f"] {
            let shown = show(bytes);
            assert_eq!(unescape(&shown).as_deref(), Some(bytes), "{shown}");
        }
        assert_eq!(show("grüße".as_bytes()), "grüße");
        assert_eq!(unescape("plain"), None);
    }

    #[test]
    fn beneath_compares_components() {
        assert_eq!(beneath(b"root/a", b"root"), Some(&b"a"[..]));
        assert_eq!(beneath(b"root", b"root"), Some(&b""[..]));
        assert_eq!(beneath(b"root_private/a", b"root"), None);
        assert_eq!(beneath(b"a", b""), Some(&b"a"[..]));
    }
}

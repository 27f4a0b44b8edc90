//! Small operations on text that both answers and errors need.

/// Cuts `text` to at most `max` bytes, at a character boundary, and marks the cut with `…`.
pub(crate) fn truncate_at_char(text: &mut String, max: usize) {
    if text.len() <= max {
        return;
    }
    let end = floor_char_boundary(text, max.saturating_sub('…'.len_utf8()));
    text.truncate(end);
    text.push('…');
}

/// The largest character boundary of `text` that is not beyond `index`.
pub(crate) fn floor_char_boundary(text: &str, index: usize) -> usize {
    let mut end = index.min(text.len());
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    end
}

/// `text` between backticks, at most 200 bytes of it, control characters escaped: for echoing an
/// argument in an error.
pub fn quoted(text: &str) -> String {
    let mut shown: String = text.chars().take(200).flat_map(escape_control).collect();
    truncate_at_char(&mut shown, 200);
    format!("`{shown}`")
}

fn escape_control(c: char) -> impl Iterator<Item = char> {
    let escaped = c.is_control().then(|| c.escape_default());
    let plain = if escaped.is_none() { Some(c) } else { None };
    plain.into_iter().chain(escaped.into_iter().flatten())
}

/// A number with thousands separators: `12 345 678` reads as `12,345,678`.
pub fn grouped(n: u64) -> String {
    let digits = n.to_string();
    let mut out = String::with_capacity(digits.len() + digits.len() / 3);
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

/// A number of things: `1 file`, `2 files`.
pub fn count(n: u64, thing: &str) -> String {
    format!("{} {thing}{}", grouped(n), if n == 1 { "" } else { "s" })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cuts_at_characters() {
        let mut text = "aé".repeat(10);
        truncate_at_char(&mut text, 10);
        assert_eq!(text, "aéaéa…");
        assert!(text.len() <= 10);
    }

    #[test]
    fn quotes_without_control_characters() {
        assert_eq!(quoted("a\n\u{1b}[31m"), "`a\\n\\u{1b}[31m`");
        assert!(quoted(&"é".repeat(500)).len() <= 202);
    }

    #[test]
    fn groups_thousands() {
        assert_eq!([0, 999, 1000, 1_234_567].map(grouped), ["0", "999", "1,000", "1,234,567"]);
    }
}

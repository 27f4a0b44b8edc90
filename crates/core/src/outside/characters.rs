//! Characters that don't show as what they are: controls, terminal escapes, direction marks, tags
//! and what has no width. Those that a script or an emoji needs in their place are left alone; this
//! module decides which. It looks at single characters and their neighbours, never at meaning.

use std::ops::Range;

/// Places of the characters in `text` that have to be shown as escapes, in order.
pub(super) fn hidden(text: &str) -> Vec<Range<usize>> {
    let bytes = text.as_bytes();
    let mask = if has_lone_return(bytes) { ODD | RETURN } else { ODD };
    let mut found = Vec::new();
    let mut from = 0;
    while let Some(at) = suspect(bytes, from, mask) {
        let Some(c) = text.get(at..).and_then(|rest| rest.chars().next()) else { break };
        from = at + c.len_utf8();
        if hides(text, at, c) {
            found.push(at..from);
        }
    }
    found
}

const ODD: u8 = 1;
const RETURN: u8 = 2;

/// What a byte can begin: every character that [`hides`] may say yes to starts with an odd one.
#[expect(clippy::indexing_slicing, reason = "evaluated by the compiler")]
const BYTES: [u8; 256] = {
    let mut table = [0; 256];
    let mut byte = 0;
    while byte < 0x20 {
        table[byte] = ODD;
        byte += 1;
    }
    table[b'\t' as usize] = 0;
    table[b'\n' as usize] = 0;
    table[b'\r' as usize] = RETURN;
    let leads = [0x7F, 0xC2, 0xCD, 0xD8, 0xE1, 0xE2, 0xE3, 0xEF, 0xF0, 0xF3];
    let mut i = 0;
    while i < leads.len() {
        table[leads[i]] = ODD;
        i += 1;
    }
    table
};

/// The next byte of interest. Whole chunks of plain ASCII are passed over at once: every answer
/// comes through here.
fn suspect(bytes: &[u8], from: usize, mask: u8) -> Option<usize> {
    let mut at = from;
    for chunk in bytes.get(from..)?.chunks(64) {
        if mask != ODD || !is_plain(chunk) {
            let is_odd = |byte: u8| BYTES.get(usize::from(byte)).is_some_and(|b| b & mask != 0);
            for (i, &byte) in chunk.iter().enumerate() {
                if is_odd(byte) && goes_on(byte, bytes.get(at + i + 1)) {
                    return Some(at + i);
                }
            }
        }
        at += chunk.len();
    }
    None
}

/// Whether the second byte is one of a character that hides: whole scripts begin as those do.
fn goes_on(first: u8, second: Option<&u8>) -> bool {
    let Some(&second) = second else { return true };
    match first {
        0xE1 => matches!(second, 0x85 | 0x9E | 0xA0),
        0xE2 => matches!(second, 0x80 | 0x81),
        0xE3 => second == 0x85,
        0xEF => matches!(second, 0xB8 | 0xBB | 0xBE | 0xBF),
        0xF0 => matches!(second, 0x9B | 0x9D),
        _ => true,
    }
}

/// Eight bytes at once, without a branch: built small, the compiler doesn't do that by itself.
fn is_plain(chunk: &[u8]) -> bool {
    let (words, rest) = chunk.as_chunks();
    let mut last = [b' '; 8];
    last.iter_mut().zip(rest).for_each(|(to, from)| *to = *from);
    let words = words.iter().chain([&last]);
    words.fold(0, |any, word| any | odd(u64::from_ne_bytes(*word))) == 0
}

/// The highest bit of each byte that is neither printable ASCII nor a tab or an end of a line.
fn odd(word: u64) -> u64 {
    const ONES: u64 = u64::MAX / 0xFF;
    const HIGHEST: u64 = 0x80 * ONES;
    // No sum of two bytes reaches the next one.
    let low = word & !HIGHEST;
    let beyond = word | (low + ONES);
    let control = !(low + 0x60 * ONES);
    let is = |byte: u8| !((low ^ (u64::from(byte) * ONES)) + 0x7F * ONES);
    (beyond | control & !(is(b'\t') | is(b'\n') | is(b'\r'))) & HIGHEST
}

fn has_lone_return(bytes: &[u8]) -> bool {
    if memchr::memchr(b'\r', bytes).is_none() {
        return false;
    }
    let after = bytes.get(1..).unwrap_or_default();
    let lone = |(byte, next): (&u8, &u8)| u8::from(*byte == b'\r') & u8::from(*next != b'\n');
    bytes.ends_with(b"\r") || bytes.iter().zip(after).map(lone).fold(0, |any, one| any | one) != 0
}

/// Whether `c`, at `at` in `text`, has to be shown as an escape there.
fn hides(text: &str, at: usize, c: char) -> bool {
    let (before, rest) = text.split_at_checked(at).unwrap_or((text, ""));
    let mut ahead = rest.chars();
    ahead.next();
    let next = ahead.next();
    let previous = before.chars().next_back();
    match c {
        '\t' | '\n' => false,
        // Over a terminal it hides what stands before it in the line.
        '\r' => next != Some('\n'),
        c if c.is_control() => true,
        '\u{ad}' => !(previous.is_some_and(is_letter) && next.is_some_and(is_letter)),
        '\u{115f}' => !next.is_some_and(is_jamo),
        '\u{1160}' => !previous.is_some_and(is_jamo),
        '\u{180b}'..='\u{180d}' | '\u{180f}' => !previous.is_some_and(is_mongolian),
        '\u{180e}' => !(previous.is_some_and(is_mongolian) && next.is_some_and(is_mongolian)),
        '\u{200b}' => !(previous.is_some_and(has_no_spaces) && next.is_some_and(has_no_spaces)),
        '\u{200c}' => !joins_letters(previous, next),
        '\u{200d}' => !(joins_letters(previous, next) || joins_emoji(before, next)),
        '\u{fe00}'..='\u{fe0f}' | '\u{e0100}'..='\u{e01ef}' => !varies(c, previous, next),
        '\u{e0020}'..='\u{e007f}' => !is_of_flag(text, at),
        '\u{34f}'
        | '\u{61c}'
        | '\u{17b4}'
        | '\u{17b5}'
        | '\u{200e}'
        | '\u{200f}'
        | '\u{2028}'..='\u{202e}'
        | '\u{2060}'..='\u{206f}'
        | '\u{3164}'
        | '\u{feff}'
        | '\u{ffa0}'
        | '\u{fff0}'..='\u{fffb}'
        | '\u{1bca0}'..='\u{1bca3}'
        | '\u{1d173}'..='\u{1d17a}'
        | '\u{e0000}'..='\u{e0fff}' => true,
        _ => false,
    }
}

fn is_letter(c: char) -> bool {
    c.is_alphabetic() && !is_invisible(c)
}

/// A joiner belongs where a letter of a script that joins stands on one side, and on the other
/// anything that is seen: `می‌خواهم`, `API‌ها`, क्‍ष, `ه‍.ش`.
fn joins_letters(previous: Option<char>, next: Option<char>) -> bool {
    let sees = |c: Option<char>| c.is_none_or(|c| !is_invisible(c));
    (previous.is_some_and(is_joining) && sees(next))
        || (next.is_some_and(is_joining) && previous.is_some_and(|c| !is_invisible(c)))
}

/// What has no width of its own, as far as it could stand beside a joiner.
fn is_invisible(c: char) -> bool {
    matches!(c, '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}'
        | '\u{180b}'..='\u{180f}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
        | '\u{2060}'..='\u{206f}' | '\u{3164}' | '\u{fe00}'..='\u{fe0f}' | '\u{feff}' | '\u{ffa0}'
        | '\u{fff0}'..='\u{fffb}' | '\u{e0000}'..='\u{e0fff}')
        || c.is_control() && c != '\n'
}

/// Letters and marks of scripts that use the joiners: Arabic and its kin, the Indic ones, and those
/// of South East Asia and Mongolia.
fn is_joining(c: char) -> bool {
    match c {
        '\u{60c}' | '\u{61b}' | '\u{61f}' | '\u{66a}'..='\u{66d}' | '\u{6d4}' => false,
        '\u{964}' | '\u{965}' => false,
        '\u{610}'..='\u{8ff}' => c != '\u{61c}',
        '\u{900}'..='\u{dff}' | '\u{1000}'..='\u{109f}' | '\u{1780}'..='\u{17b3}' => true,
        '\u{17b6}'..='\u{17ff}' | '\u{1810}'..='\u{18af}' | '\u{1a20}'..='\u{1c4f}' => true,
        '\u{a840}'..='\u{a87f}' | '\u{a8e0}'..='\u{a8ff}' | '\u{a980}'..='\u{a9ff}' => true,
        '\u{aa60}'..='\u{aa7f}' | '\u{aae0}'..='\u{aaff}' | '\u{abc0}'..='\u{abff}' => true,
        '\u{fb50}'..='\u{fdff}' | '\u{fe70}'..='\u{fefc}' => true,
        '\u{10d00}'..='\u{10d3f}' | '\u{11000}'..='\u{11fff}' | '\u{1e900}'..='\u{1e95f}' => true,
        _ => false,
    }
}

/// Scripts without spaces between words, which mark them with U+200B.
fn has_no_spaces(c: char) -> bool {
    matches!(c, '\u{e00}'..='\u{fff}' | '\u{1000}'..='\u{109f}' | '\u{1780}'..='\u{17ff}'
        | '\u{1950}'..='\u{19df}' | '\u{1a20}'..='\u{1aaf}' | '\u{a980}'..='\u{a9ff}'
        | '\u{aa60}'..='\u{aa7f}')
        && !is_invisible(c)
}

fn is_mongolian(c: char) -> bool {
    matches!(c, '\u{1807}' | '\u{1820}'..='\u{18aa}')
}

fn is_jamo(c: char) -> bool {
    matches!(c, '\u{1100}'..='\u{115e}' | '\u{1161}'..='\u{11ff}' | '\u{a960}'..='\u{a97c}'
        | '\u{d7b0}'..='\u{d7fb}')
}

fn is_pictographic(c: char) -> bool {
    matches!(c, '©' | '®' | '\u{203c}' | '\u{2049}' | '\u{2122}' | '\u{2139}'
        | '\u{2190}'..='\u{21ff}' | '\u{2300}'..='\u{23ff}' | '\u{24c2}' | '\u{25a0}'..='\u{27bf}'
        | '\u{2900}'..='\u{297f}' | '\u{2b00}'..='\u{2bff}' | '\u{3030}' | '\u{303d}' | '\u{3297}'
        | '\u{3299}' | '\u{1f000}'..='\u{1f1e5}' | '\u{1f200}'..='\u{1f3fa}'
        | '\u{1f400}'..='\u{1faff}')
}

/// Between two pictures, of which the first may have a skin tone or a variation selector.
fn joins_emoji(before: &str, next: Option<char>) -> bool {
    let mut back = before.chars().rev();
    let mut previous = back.next();
    if matches!(previous, Some('\u{fe0f}' | '\u{1f3fb}'..='\u{1f3ff}')) {
        previous = back.next();
    }
    previous.is_some_and(is_pictographic) && next.is_some_and(is_pictographic)
}

/// Whether a variation selector follows a base that has variants, alone.
fn varies(selector: char, base: Option<char>, next: Option<char>) -> bool {
    let is_selector = |c: char| matches!(c, '\u{fe00}'..='\u{fe0f}' | '\u{e0100}'..='\u{e01ef}');
    let Some(base) = base.filter(|_| !next.is_some_and(is_selector)) else { return false };
    let is_ideograph = matches!(base, '\u{3400}'..='\u{9fff}' | '\u{f900}'..='\u{faff}'
        | '\u{20000}'..='\u{3ffff}');
    match selector {
        '\u{fe0e}' | '\u{fe0f}' if matches!(base, '0'..='9' | '#' | '*') => {
            next == Some('\u{20e3}')
        }
        '\u{fe0e}' | '\u{fe0f}' => is_pictographic(base),
        '\u{e0100}'..='\u{e01ef}' => is_ideograph,
        _ => {
            is_ideograph
                || matches!(base, '\u{1000}'..='\u{109f}' | '\u{2200}'..='\u{22ff}'
                    | '\u{2a00}'..='\u{2aff}' | '\u{3001}' | '\u{3002}' | '\u{a840}'..='\u{a87f}'
                    | '\u{ff01}'..='\u{ff1f}')
        }
    }
}

/// The flags of England, Scotland and Wales: the only tag sequences in general use.
const FLAGS: [&str; 3] = [
    "\u{e0067}\u{e0062}\u{e0065}\u{e006e}\u{e0067}\u{e007f}",
    "\u{e0067}\u{e0062}\u{e0073}\u{e0063}\u{e0074}\u{e007f}",
    "\u{e0067}\u{e0062}\u{e0077}\u{e006c}\u{e0073}\u{e007f}",
];

fn is_of_flag(text: &str, at: usize) -> bool {
    let before = text.get(..at).unwrap_or_default();
    let tags = before.chars().rev().take(6).take_while(|c| ('\u{e0020}'..='\u{e007f}').contains(c));
    let start = at - tags.count() * '\u{e0020}'.len_utf8();
    let (before, sequence) = text.split_at_checked(start).unwrap_or_default();
    before.ends_with('\u{1f3f4}') && FLAGS.iter().any(|flag| sequence.starts_with(flag))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_are_told_apart_wherever_they_stand() {
        for byte in 0..=u8::MAX {
            let plain = matches!(byte, b'\t' | b'\n' | b'\r' | b' '..=b'~');
            for length in [1, 7, 8, 9, 63, 64] {
                for at in [0, length / 2, length - 1] {
                    let mut chunk = vec![b'x'; length];
                    chunk[at] = byte;
                    assert_eq!(is_plain(&chunk), plain, "{byte:#x} at {at} of {length}");
                }
            }
        }
        assert!(is_plain(b""));
    }

    fn shown(text: &str) -> String {
        let mut out = String::new();
        let mut done = 0;
        for range in hidden(text) {
            out.push_str(text.get(done..range.start).unwrap());
            out.push('<');
            done = range.end;
        }
        out + text.get(done..).unwrap()
    }

    #[test]
    fn what_scripts_and_emoji_need_stays() {
        for text in [
            "plain\ttext\r\nand\nmore",
            "grüße, 日本語, русский, ελληνικά, 한국어, עברית, ไทย",
            // Persian, also beside Latin letters and digits, and with an abbreviation.
            "می\u{200c}خواهم خانه\u{200c}ای API\u{200c}ها ۵\u{200c}تایی ه\u{200d}.ش",
            // Hindi, Marathi, Bengali, Malayalam, Sinhala, Kannada, Tamil.
            "क्\u{200d}ष क्\u{200c}ष र्\u{200d}य র\u{200d}্য ന്\u{200d} ശ്രീ ක්\u{200d}ෂ ಕ್\u{200c} க்\u{200c}ஷ",
            "ភាសា\u{200b}ខ្មែរ ภาษา\u{200b}ไทย",
            "ᠮᠣᠩᠭᠣᠯ\u{180b} ᠪᠠ\u{180e}ᠠ",
            "Auf\u{ad}lage",
            "👨\u{200d}👩\u{200d}👧\u{200d}👦 👩🏽\u{200d}❤\u{fe0f}\u{200d}💋\u{200d}👩🏿 🏳\u{fe0f}\u{200d}🌈 👁\u{fe0f}\u{200d}🗨\u{fe0f}",
            "❤\u{fe0f} ☎\u{fe0e} 1\u{fe0f}\u{20e3} #\u{fe0f}\u{20e3} ©\u{fe0f} 🇩🇪 👍🏽",
            "🏴\u{e0067}\u{e0062}\u{e0073}\u{e0063}\u{e0074}\u{e007f}",
            "葛\u{e0100}城市 辻\u{fe00} ≨\u{fe00}",
            "\u{1100}\u{1160}\u{11ab} \u{115f}\u{1161}",
        ] {
            assert_eq!(shown(text), text, "{}", text.escape_unicode());
        }
    }

    #[test]
    fn what_hides_is_found() {
        for (text, expected) in [
            ("a\u{1b}[2Jb\u{9b}31m\u{7f}\u{0}\u{8}\u{c}\u{85}", "a<[2Jb<31m<<<<<"),
            ("ok\rgone\r\r\nend\r", "ok<gone<\r\nend<"),
            ("\u{202e}x\u{202c}\u{2066}y\u{2069} \u{200e}\u{200f}\u{61c}", "<x<<y< <<<"),
            ("user\u{200c}name pay\u{200d}load a\u{200b}b", "user<name pay<load a<b"),
            ("a\u{2060}b\u{2061}\u{2064}\u{feff}\u{34f}\u{206a}", "a<b<<<<<"),
            ("Auf\u{ad} \u{ad}\u{ad}lage", "Auf< <<lage"),
            // Text in tags, with and without a flag around it.
            ("hi\u{e0001}\u{e0068}\u{e0069}", "hi<<<"),
            ("🏴\u{e0068}\u{e0069}\u{e007f}", "🏴<<<"),
            ("🏴\u{e0067}\u{e0062}\u{e0073}\u{e0063}\u{e0074}\u{e0068}\u{e007f}", "🏴<<<<<<<"),
            // Data in variation selectors.
            ("😀\u{fe01}\u{fe02}\u{fe0f}", "😀<<<"),
            ("😀\u{e0101}\u{e0152}", "😀<<"),
            ("a\u{fe0f}1\u{fe0f}\u{e0100}", "a<1<<"),
            // Joiners in a row, and at the edges.
            ("می\u{200c}\u{200c}خ", "می<<خ"),
            ("👨\u{200d}\u{200d}👩 👨\u{200d} \u{200d}👩", "👨<<👩 👨< <👩"),
            ("ᠪ\u{180e} x\u{180b}", "ᠪ< x<"),
            ("\u{3164}\u{ffa0}\u{115f}x\u{1160}", "<<<x<"),
            ("a\u{2028}b\u{2029}c\u{fff9}d\u{fffa}e\u{fffb}", "a<b<c<d<e<"),
            ("\u{17b4}\u{1d173}\u{1bca0}", "<<<"),
        ] {
            assert_eq!(shown(text), expected, "{}", text.escape_unicode());
        }
    }

    #[test]
    fn every_character_that_hides_is_looked_at() {
        for c in '\0'..=char::MAX {
            let mut buffer = [0; 4];
            let text = c.encode_utf8(&mut buffer);
            if hides(text, 0, c) {
                assert_eq!(hidden(text).len(), 1, "{}", c.escape_unicode());
            }
        }
        let long = format!("{}\u{202e}{}\r{}", "x".repeat(200), "y".repeat(70), "z".repeat(63));
        assert_eq!(hidden(&long), [200..203, 273..274]);
    }
}

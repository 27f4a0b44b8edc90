//! What a text in Markdown holds that nobody sees on GitHub's pages: comments, and words behind the
//! language of a code fence. Agents get it like all other text, byte for byte; that people who look at
//! the page don't is said, for it is where instructions are hidden.

use std::fmt;
use std::ops::AddAssign;

/// The longest label of a fence that names a language and no more, characters.
const LONGEST_LABEL: usize = 48;

/// How much there is that isn't seen.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Unseen {
    comments: usize,
    labels: usize,
}

impl Unseen {
    pub(crate) fn is_none(self) -> bool {
        self == Self::default()
    }
}

impl AddAssign for Unseen {
    fn add_assign(&mut self, other: Self) {
        self.comments += other.comments;
        self.labels += other.labels;
    }
}

impl fmt::Display for Unseen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let parts = [(self.comments, "comment"), (self.labels, "code fence label")];
        let parts = parts.iter().filter(|(count, _)| *count > 0);
        let parts: Vec<String> =
            parts.map(|(count, what)| lockkeeper_core::count(*count as u64, what)).collect();
        write!(f, "hidden on GitHub's page: {}", parts.join(", "))
    }
}

/// Looks through a text.
pub(crate) fn unseen(text: &str) -> Unseen {
    let mut found = Unseen::default();
    let mut fence = None;
    let mut in_comment = false;
    for line in text.lines() {
        if let Some(open) = fence {
            if closes(line, open) {
                fence = None;
            }
            continue;
        }
        if !in_comment && let Some((open, label)) = opened(line) {
            fence = Some(open);
            let is_odd =
                label.chars().count() > LONGEST_LABEL || label.contains(char::is_whitespace);
            found.labels += usize::from(is_odd);
            continue;
        }
        // `[//]: # (words)` defines a link that nothing refers to.
        found.comments += usize::from(!in_comment && is_definition(line));
        found.comments += comments(line, &mut in_comment);
    }
    found
}

/// Comments that begin in a line; one may go on behind it.
fn comments(mut line: &str, in_comment: &mut bool) -> usize {
    let mut count = 0;
    loop {
        if *in_comment {
            let Some((_, rest)) = line.split_once("-->") else { return count };
            (line, *in_comment) = (rest, false);
        }
        let Some((_, rest)) = line.split_once("<!--") else { return count };
        count += 1;
        // These two are whole (CommonMark 0.31, 6.6).
        let whole = rest.strip_prefix('>').or_else(|| rest.strip_prefix("->"));
        (line, *in_comment) = (whole.unwrap_or(rest), whole.is_none());
    }
}

/// What a fence is made of, and how long it is.
type Fence = (char, usize);

/// A fence, also one in a quotation or a list, and what stands behind it.
fn opened(line: &str) -> Option<(Fence, &str)> {
    let line = line.trim_start_matches(|c: char| {
        c.is_whitespace() || ">*+-.)".contains(c) || c.is_ascii_digit()
    });
    let mark = line.chars().next().filter(|mark| matches!(mark, '`' | '~'))?;
    let label = line.trim_start_matches(mark);
    let length = line.len() - label.len();
    // Words between backticks are code in a line.
    let is_fence = length >= 3 && !(mark == '`' && label.contains('`'));
    is_fence.then(|| ((mark, length), label.trim()))
}

fn closes(line: &str, (mark, length): Fence) -> bool {
    let line = line.trim_matches(|c: char| c.is_whitespace() || c == '>');
    line.len() >= length && line.chars().all(|c| c == mark)
}

fn is_definition(line: &str) -> bool {
    let Some((name, place)) = line.trim_start().strip_prefix('[').and_then(|l| l.split_once("]:"))
    else {
        return false;
    };
    let place = place.trim_start();
    let rest = place.strip_prefix("<>").or_else(|| place.strip_prefix("<#>"));
    let rest = rest.or_else(|| place.strip_prefix('#'));
    !name.contains(']') && rest.is_some_and(|rest| rest.starts_with(char::is_whitespace))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counts(text: &str) -> (usize, usize) {
        let Unseen { comments, labels } = unseen(text);
        (comments, labels)
    }

    #[test]
    fn what_a_page_does_not_show_is_found() {
        let long = "x".repeat(LONGEST_LABEL + 1);
        for text in [
            "```rust and delete all\ncode\n```".to_owned(),
            format!("a\n\n~~~{long}\n~~~"),
            "> ```sh read me\n> ```".to_owned(),
            "1. ```py now do this\n   ```".to_owned(),
            "``` \u{a0}do this\n".to_owned() + "x",
            "```a\n``` b\n```\n```c d\n```".to_owned(),
        ] {
            assert_eq!(counts(&text), (0, 1), "{text}");
        }
        for (text, comments) in [
            ("a <!-- b --> c", 1),
            ("<!-- a\n```b c\n--> d <!-- e -->", 2),
            ("<!-- to the end\n\n```a b", 1),
            ("<!--> seen <!---> seen", 2),
            ("[//]: # (do this)\n[comment]: <> (and that)", 2),
        ] {
            assert_eq!(counts(text), (comments, 0), "{text}");
        }
        let both = unseen("<!-- a -->\n<!-- b -->\n```c d\n```");
        assert_eq!(both.to_string(), "hidden on GitHub's page: 2 comments, 1 code fence label");
    }

    #[test]
    fn what_a_page_shows_is_not() {
        let language = "x".repeat(LONGEST_LABEL);
        for text in [
            "plain".to_owned(),
            format!("```{language}\n<!-- shown as code -->\n```"),
            "~~~rust\n```a b\n~~~".to_owned(),
            "````md\n```a b\n```\n````".to_owned(),
            "```inline code```, and ``a b``".to_owned(),
            "- [x] done\n[a]: https://example.com \"title\"\n[b]: #anchor".to_owned(),
            "a -- b --> c < ! -- d".to_owned(),
        ] {
            assert!(unseen(&text).is_none(), "{text}");
        }
    }
}

//! Words, texts in apostrophes, and signs.

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Token {
    Word(String),
    Text(String),
    Sign(&'static str),
}

/// The longer ones first.
const SIGNS: [&str; 10] = ["!=", "<=", ">=", "=", "<", ">", "(", ")", "{", "}"];

pub(super) fn tokens(text: &str) -> Result<Vec<Token>, ()> {
    let mut tokens = Vec::new();
    let mut rest = text.trim_start();
    while let Some(first) = rest.chars().next() {
        let (token, after) = if first == '\'' {
            quoted(rest)?
        } else if let Some(sign) = SIGNS.iter().find(|sign| rest.starts_with(**sign)) {
            (Token::Sign(sign), rest.strip_prefix(sign).unwrap_or_default())
        } else {
            let end = rest.find(|c: char| !c.is_ascii_alphanumeric() && c != '.');
            let (word, after) = rest.split_at(end.unwrap_or(rest.len()));
            if word.is_empty() {
                return Err(());
            }
            (Token::Word(word.to_owned()), after)
        };
        tokens.push(token);
        rest = after.trim_start();
    }
    Ok(tokens)
}

/// A text up to its apostrophe; `\'` and `\\` are the only escapes.
fn quoted(text: &str) -> Result<(Token, &str), ()> {
    let mut value = String::new();
    let mut characters = text.char_indices().skip(1);
    while let Some((at, character)) = characters.next() {
        match character {
            '\'' => {
                let after = text.get(at + 1..).unwrap_or_default();
                return Ok((Token::Text(value), after));
            }
            '\\' => match characters.next() {
                Some((_, escaped @ ('\'' | '\\'))) => value.push(escaped),
                _ => return Err(()),
            },
            other => value.push(other),
        }
    }
    Err(())
}

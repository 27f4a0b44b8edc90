//! The tokens of a statement: what they mean, and how they are written so that `PostgreSQL` reads
//! the same ones. Its lexer and the parser's differ between versions in comments, numbers,
//! operators, escapes and the length of names; what is written here reads the same in all.

use squawk_syntax::{SyntaxKind, SyntaxNode, SyntaxToken};

use super::kinds;
use super::names::{cut, folded, quoted};
use super::refusal::Refusal;

/// A token, or several that are one to `PostgreSQL`.
pub(super) struct Lexeme {
    /// The first of the tokens.
    pub(super) token: SyntaxToken,
    /// Where it is, in bytes.
    pub(super) at: usize,
    /// How it is written.
    pub(super) text: String,
    pub(super) meaning: Meaning,
}

#[derive(Debug, PartialEq, Eq)]
pub(super) enum Meaning {
    /// A name, quoted or not.
    Name(String),
    /// A word that the parser knows; it may be used as a name.
    Word(String),
    /// A string, its escapes resolved.
    String(String),
    /// A parameter.
    Parameter(u16),
    /// A sequence of operator characters.
    Operator(String),
    Other,
}

/// Reads the tokens below `root`, of a query or a part of one.
pub(super) fn read(root: &SyntaxNode) -> Result<Vec<Lexeme>, Refusal> {
    read_with(root, kinds::is_allowed_keyword)
}

/// Reads the tokens of a statement that writes.
pub(super) fn read_writing(root: &SyntaxNode) -> Result<Vec<Lexeme>, Refusal> {
    read_with(root, |kind| kinds::is_allowed_keyword(kind) || kinds::is_keyword_of_writing(kind))
}

fn read_with(
    root: &SyntaxNode,
    is_allowed: fn(SyntaxKind) -> bool,
) -> Result<Vec<Lexeme>, Refusal> {
    let tokens: Vec<SyntaxToken> = root
        .descendants_with_tokens()
        .filter_map(rowan::NodeOrToken::into_token)
        .filter(|token| !token.kind().is_trivia())
        .collect();
    let mut lexemes = Vec::with_capacity(tokens.len());
    let mut rest = tokens.as_slice();
    while let Some((token, after)) = rest.split_first() {
        let at = start(token);
        let (meaning, text, used) = if is_operator(token) {
            let run = after
                .iter()
                .zip(rest)
                .take_while(|(next, token)| is_operator(next) && end(token) == start(next));
            let run: Vec<&SyntaxToken> =
                std::iter::once(token).chain(run.map(|(next, _)| next)).collect();
            operator(&run)?
        } else {
            single(token, after, is_allowed)?
        };
        lexemes.push(Lexeme { token: token.clone(), at, text, meaning });
        rest = rest.get(used..).unwrap_or_default();
    }
    Ok(lexemes)
}

/// A token that is not an operator, with what belongs to it of those that follow.
fn single(
    token: &SyntaxToken,
    after: &[SyntaxToken],
    is_allowed: fn(SyntaxKind) -> bool,
) -> Result<(Meaning, String, usize), Refusal> {
    let at = start(token);
    let text = token.text();
    let other = || Ok((Meaning::Other, text.to_owned(), 1));
    match token.kind() {
        SyntaxKind::IDENT => {
            let (name, used) = name(token, after)?;
            if name.is_empty() || name.contains('\0') {
                return Err(part("an empty name", at));
            }
            let written = quoted(&name);
            Ok((Meaning::Name(name), written, used))
        }
        SyntaxKind::STRING
        | SyntaxKind::ESC_STRING
        | SyntaxKind::UNICODE_ESC_STRING
        | SyntaxKind::DOLLAR_QUOTED_STRING => {
            let (value, used) = string(token, after)?;
            if value.contains('\0') {
                return Err(part("a zero byte", at));
            }
            let written = literal(&value);
            Ok((Meaning::String(value), written, used))
        }
        SyntaxKind::BIT_STRING | SyntaxKind::BYTE_STRING => {
            let digits = text.get(1..).and_then(|text| text.strip_prefix('\'')?.strip_suffix('\''));
            let is_plain =
                digits.is_some_and(|digits| digits.bytes().all(|c| c.is_ascii_hexdigit()));
            if is_plain { other() } else { Err(part("this bit string", at)) }
        }
        SyntaxKind::INT_NUMBER | SyntaxKind::NUMERIC_NUMBER => {
            let number = number(text).ok_or_else(|| part("this way to write a number", at))?;
            Ok((Meaning::Other, number, 1))
        }
        SyntaxKind::POSITIONAL_PARAM => {
            let index = text.strip_prefix('$').and_then(|index| index.parse().ok());
            let index =
                index.filter(|index| *index > 0).ok_or_else(|| part("this parameter", at))?;
            Ok((Meaning::Parameter(index), format!("${index}"), 1))
        }
        SyntaxKind::COLON => {
            let is_cast = |token: &SyntaxToken| {
                token.kind() == SyntaxKind::COLON && parent(token) == SyntaxKind::COLON_COLON
            };
            match after.first() {
                Some(next) if is_cast(token) && is_cast(next) && end(token) == start(next) => {
                    Ok((Meaning::Other, "::".to_owned(), 2))
                }
                _ if is_cast(token) => Err(part("`: :`", at)),
                _ => other(),
            }
        }
        SyntaxKind::COMMA
        | SyntaxKind::L_PAREN
        | SyntaxKind::R_PAREN
        | SyntaxKind::L_BRACK
        | SyntaxKind::R_BRACK
        | SyntaxKind::DOT
        | SyntaxKind::SEMICOLON
        | SyntaxKind::COLON_EQ => other(),
        kind if kind.is_keyword()
            && text.bytes().all(|c| c.is_ascii_alphanumeric() || c == b'_') =>
        {
            let parent = parent(token);
            if !is_allowed(kind) && !kinds::is_name(parent) {
                return Err(part(&format!("`{}`", text.to_ascii_uppercase()), at));
            }
            let word = text.to_ascii_lowercase();
            Ok((Meaning::Word(word.clone()), word, 1))
        }
        _ => Err(part("this character", at)),
    }
}

/// What a name is, and how many tokens it takes.
fn name(token: &SyntaxToken, after: &[SyntaxToken]) -> Result<(String, usize), Refusal> {
    let at = start(token);
    let text = token.text();
    let unquoted =
        |text: &str| Some(text.strip_prefix('"')?.strip_suffix('"')?.replace("\"\"", "\""));
    if let Some(quoted) = unquoted(text) {
        return Ok((cut(quoted), 1));
    }
    if let Some(escaped) = text.strip_prefix("U&").or_else(|| text.strip_prefix("u&")) {
        let escaped = unquoted(escaped).ok_or_else(|| part("this name", at))?;
        let (escape, more) = escape(after, at)?;
        let name = unicode(&escaped, escape).ok_or_else(|| part("this escape", at))?;
        return Ok((cut(name), 1 + more));
    }
    if text.contains('"') {
        return Err(part("this name", at));
    }
    let name = folded(text).ok_or_else(|| part("an unquoted name with such capitals", at))?;
    Ok((name, 1))
}

/// What a string is, and how many tokens it takes.
fn string(token: &SyntaxToken, after: &[SyntaxToken]) -> Result<(String, usize), Refusal> {
    let at = start(token);
    let wrong = || part("this string", at);
    let text = token.text();
    let inner = |text: &str| Some(text.strip_prefix('\'')?.strip_suffix('\'')?.to_owned());
    match token.kind() {
        SyntaxKind::DOLLAR_QUOTED_STRING => {
            let tag_length = text.get(1..).and_then(|rest| rest.find('$')).ok_or_else(wrong)? + 2;
            let tag = text.get(..tag_length).ok_or_else(wrong)?;
            let value = text.strip_prefix(tag).and_then(|rest| rest.strip_suffix(tag));
            Ok((value.ok_or_else(wrong)?.to_owned(), 1))
        }
        SyntaxKind::ESC_STRING => {
            let value = text.get(1..).and_then(inner).ok_or_else(wrong)?;
            refuse_continuation(after, at)?;
            Ok((unescaped(&value).ok_or_else(wrong)?, 1))
        }
        SyntaxKind::UNICODE_ESC_STRING => {
            let value = text.get(2..).and_then(inner).ok_or_else(wrong)?.replace("''", "'");
            let (escape, more) = escape(after, at)?;
            refuse_continuation(after.get(more..).unwrap_or_default(), at)?;
            Ok((unicode(&value, escape).ok_or_else(wrong)?, 1 + more))
        }
        _ => {
            let mut value = inner(text).ok_or_else(wrong)?.replace("''", "'");
            let more = after.iter().take_while(|next| next.kind() == SyntaxKind::STRING);
            let mut used = 1;
            for next in more {
                value.push_str(&inner(next.text()).ok_or_else(wrong)?.replace("''", "'"));
                used += 1;
            }
            refuse_continuation(after.get(used - 1..).unwrap_or_default(), at)?;
            Ok((value, used))
        }
    }
}

/// A string that goes on after a line break keeps the escapes of its first part; nobody needs
/// that with any.
fn refuse_continuation(after: &[SyntaxToken], at: usize) -> Result<(), Refusal> {
    let goes_on = after.first().is_some_and(|next| {
        matches!(
            next.kind(),
            SyntaxKind::STRING
                | SyntaxKind::ESC_STRING
                | SyntaxKind::UNICODE_ESC_STRING
                | SyntaxKind::DOLLAR_QUOTED_STRING
        )
    });
    if goes_on { Err(part("a string that goes on", at)) } else { Ok(()) }
}

/// The character that `UESCAPE` sets, and how many tokens that takes.
fn escape(after: &[SyntaxToken], at: usize) -> Result<(char, usize), Refusal> {
    let [word, value, ..] = after else { return Ok(('\\', 0)) };
    if word.kind() != SyntaxKind::UESCAPE_KW {
        return Ok(('\\', 0));
    }
    let mut characters = value.text().chars();
    match (characters.next(), characters.next(), characters.next(), characters.next()) {
        (Some('\''), Some(escape), Some('\''), None)
            if value.kind() == SyntaxKind::STRING
                && escape.is_ascii_graphic()
                && !escape.is_ascii_hexdigit()
                && !matches!(escape, '+' | '\'' | '"') =>
        {
            Ok((escape, 2))
        }
        _ => Err(part("this UESCAPE", at)),
    }
}

/// `U&` escapes: `\0061`, `\+000061`, `\\`, and pairs of surrogates.
fn unicode(text: &str, escape: char) -> Option<String> {
    let mut value = String::with_capacity(text.len());
    let mut high = None;
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        rest = rest.get(c.len_utf8()..)?;
        let code = if c != escape {
            u32::from(c)
        } else if let Some(after) = rest.strip_prefix(escape) {
            rest = after;
            u32::from(escape)
        } else {
            let (digits, after) = match rest.strip_prefix('+') {
                Some(long) => (long.get(..6)?, long.get(6..)?),
                None => (rest.get(..4)?, rest.get(4..)?),
            };
            rest = after;
            hexadecimal(digits)?
        };
        push(&mut value, code, &mut high)?;
    }
    high.is_none().then_some(value)
}

/// The escapes of `E'…'`.
fn unescaped(text: &str) -> Option<String> {
    // Bytes may be written one by one and make up a character together.
    let mut value = Vec::with_capacity(text.len());
    let mut high = None;
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        rest = rest.get(c.len_utf8()..)?;
        let mut character = String::new();
        if c == '\'' {
            rest = rest.strip_prefix('\'')?;
        }
        if c != '\\' {
            push(&mut character, u32::from(c), &mut high)?;
            value.extend_from_slice(character.as_bytes());
            continue;
        }
        let escaped = rest.chars().next()?;
        rest = rest.get(escaped.len_utf8()..)?;
        let code = match escaped {
            'b' => 8,
            'f' => 12,
            'n' => 10,
            'r' => 13,
            't' => 9,
            'v' => 11,
            'u' | 'U' => {
                let length = if escaped == 'u' { 4 } else { 8 };
                let code = hexadecimal(rest.get(..length)?)?;
                rest = rest.get(length..)?;
                code
            }
            'x' if rest.starts_with(|c: char| c.is_ascii_hexdigit()) => {
                let length = rest.bytes().take(2).take_while(u8::is_ascii_hexdigit).count();
                value.push(u8::from_str_radix(rest.get(..length)?, 16).ok()?);
                rest = rest.get(length..)?;
                continue;
            }
            '0'..='7' => {
                let more = rest.bytes().take(2).take_while(|c| matches!(c, b'0'..=b'7')).count();
                let mut digits = escaped.to_string();
                digits.push_str(rest.get(..more)?);
                value.push(u8::from_str_radix(&digits, 8).ok()?);
                rest = rest.get(more..)?;
                continue;
            }
            other => u32::from(other),
        };
        push(&mut character, code, &mut high)?;
        value.extend_from_slice(character.as_bytes());
    }
    if high.is_some() { None } else { String::from_utf8(value).ok() }
}

fn hexadecimal(digits: &str) -> Option<u32> {
    let is_plain = digits.bytes().all(|c| c.is_ascii_hexdigit());
    is_plain.then(|| u32::from_str_radix(digits, 16).ok()).flatten()
}

/// Adds a character that may be the second half of a pair of surrogates.
fn push(value: &mut String, code: u32, high: &mut Option<u32>) -> Option<()> {
    let code = match (high.take(), code) {
        (None, 0xD800..=0xDBFF) => {
            *high = Some(code);
            return Some(());
        }
        (Some(first), 0xDC00..=0xDFFF) => 0x10000 + ((first - 0xD800) << 10) + (code - 0xDC00),
        (Some(_), _) => return None,
        (None, code) => code,
    };
    value.push(char::from_u32(code)?);
    Some(())
}

/// A number in decimal notation, which all versions read alike.
fn number(text: &str) -> Option<String> {
    let plain = text.replace('_', "");
    let lower = plain.to_ascii_lowercase();
    for (prefix, radix) in [("0x", 16), ("0o", 8), ("0b", 2)] {
        if let Some(digits) = lower.strip_prefix(prefix) {
            return u128::from_str_radix(digits, radix).ok().map(|value| value.to_string());
        }
    }
    let (mantissa, exponent) = match lower.split_once('e') {
        Some((mantissa, exponent)) => (mantissa, Some(exponent)),
        None => (lower.as_str(), None),
    };
    let is_digits = |digits: &str| digits.bytes().all(|c| c.is_ascii_digit());
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let exponent_digits = exponent.map(|e| e.strip_prefix(['+', '-']).unwrap_or(e));
    let is_number = is_digits(whole)
        && is_digits(fraction)
        && !(whole.is_empty() && fraction.is_empty())
        && exponent_digits.is_none_or(|digits| !digits.is_empty() && is_digits(digits));
    is_number.then_some(lower)
}

/// A string as a literal that reads the same whatever `standard_conforming_strings` is.
fn literal(value: &str) -> String {
    let doubled = value.replace('\'', "''");
    if doubled.contains('\\') {
        format!("E'{}'", doubled.replace('\\', "\\\\"))
    } else {
        format!("'{doubled}'")
    }
}

/// The first operator of a run of operator characters, as `PostgreSQL` divides it; the parser
/// must have divided it in the same way.
fn operator(run: &[&SyntaxToken]) -> Result<(Meaning, String, usize), Refusal> {
    let text: String = run.iter().map(|token| token.text()).collect();
    let length = operator_length(&text);
    let (mut used, mut taken) = (0, 0);
    for token in run {
        if taken >= length {
            break;
        }
        taken += token.text().len();
        used += 1;
    }
    let first = run.first().and_then(|token| token.parent());
    let is_whole = taken == length
        && run.iter().take(used).all(|token| token.parent() == first)
        && run.get(used).is_none_or(|next| next.parent() != first);
    let at = run.first().map_or(0, |token| start(token));
    if !is_whole {
        return Err(part("this sequence of operators without spaces", at));
    }
    let text = text.get(..length).unwrap_or_default().to_owned();
    let operator = if text == "!=" { "<>".to_owned() } else { text.clone() };
    Ok((Meaning::Operator(operator), text, used))
}

/// How many bytes of a run of operator characters are its first operator.
fn operator_length(run: &str) -> usize {
    let special = |c: char| "~!@#^&|`?%".contains(c);
    let mut operator = run;
    while operator.len() > 1 && operator.ends_with(['+', '-']) {
        let shorter = operator.get(..operator.len() - 1).unwrap_or_default();
        if shorter.contains(special) {
            break;
        }
        operator = shorter;
    }
    operator.len()
}

fn is_operator(token: &SyntaxToken) -> bool {
    !token.text().is_empty() && token.text().bytes().all(|c| b"+-*/<>=~!@#%^&|`?".contains(&c))
}

fn part(what: &str, at: usize) -> Refusal {
    Refusal::Part { what: what.to_owned(), at }
}

pub(super) fn parent(token: &SyntaxToken) -> SyntaxKind {
    token.parent().map_or(SyntaxKind::ERROR, |parent| parent.kind())
}

pub(super) fn start(token: &SyntaxToken) -> usize {
    token.text_range().start().into()
}

fn end(token: &SyntaxToken) -> usize {
    token.text_range().end().into()
}

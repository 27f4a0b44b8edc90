//! Functions whose result is as long as a number says. `PostgreSQL` computes what is constant while it
//! plans, also for EXPLAIN, and a gigabyte is quickly asked for: `repeat('x', 1e9)`. A number that
//! stands in the text is judged as it is; around any other the statement that is sent has a cast to as
//! many digits as are allowed, which fails for more.

use squawk_syntax::{SyntaxKind, SyntaxNode};

use super::names::Name;
use super::refusal::Refusal;
use super::tokens::{self, Lexeme, Meaning};

/// A number that is written anew with a bound.
#[derive(Debug, Clone)]
pub(super) struct Bound {
    /// Where its first and its last token begin in the text that came in.
    first: usize,
    last: usize,
    digits: u32,
}

impl Bound {
    /// What stands before the token at this place.
    pub(super) fn before(&self, at: usize) -> &'static str {
        if at == self.first { "( " } else { "" }
    }

    /// What stands behind the token at this place.
    pub(super) fn behind(&self, at: usize) -> String {
        if at == self.last { format!(" ) {}", cast(self.digits)) } else { String::new() }
    }
}

/// It fails for more digits.
fn cast(digits: u32) -> String {
    format!(r#":: "pg_catalog" . "numeric" ( {digits} , 0 ) :: "pg_catalog" . "int4""#)
}

/// Digits of such a number where the values of many rows are collected in memory.
const COLLECTED: u32 = 3;

/// Whether a statement may collect values of rows: by an aggregate, or by `ARRAY(SELECT …)`. No setting
/// of `PostgreSQL` bounds what these hold.
pub(super) fn collects(lexemes: &[Lexeme]) -> bool {
    let texts = || lexemes.iter().map(|lexeme| lexeme.text.as_str());
    let is_aggregate = |lexeme: &Lexeme| match &lexeme.meaning {
        Meaning::Name(name) | Meaning::Word(name) => {
            name.contains("_agg")
                || name.ends_with("arrayagg")
                || name.ends_with("objectagg")
                || name.starts_with("xmlagg")
        }
        _ => false,
    };
    lexemes.iter().any(is_aggregate)
        || texts().zip(texts().skip(1)).any(|pair| matches!(pair, ("array", "(")))
}

/// The bounds of one call, in a statement that collects values or doesn't.
pub(super) fn bounds(
    name: &Name,
    arguments: &[SyntaxNode],
    collects: bool,
) -> Result<Vec<Bound>, Refusal> {
    if name.schema.as_deref().is_some_and(|schema| schema != "pg_catalog") {
        return Ok(Vec::new());
    }
    let most = if collects { COLLECTED } else { u32::MAX };
    let bound = |argument: &SyntaxNode, digits: u32| bound(&name.name, argument, digits.min(most));
    match (name.name.as_str(), arguments) {
        ("repeat", [text, times]) => {
            // About ten megabytes, whatever is repeated.
            let digits = match string(text).map_or(1_000, |text| text.len()) {
                0..=10 => 6,
                11..=100 => 5,
                101..=1_000 => 4,
                _ => 3,
            };
            bound(times, digits)
        }
        ("lpad" | "rpad", [_, length, ..]) => bound(length, 6),
        ("array_fill", [_, lengths, ..]) => {
            let array = lengths.first_child().filter(|node| node.kind() == SyntaxKind::ARRAY_EXPR);
            let elements: Vec<SyntaxNode> =
                array.iter().flat_map(SyntaxNode::children).filter(is_expression).collect();
            let digits = match elements.len() {
                0 | 1 => 6,
                2 => 3,
                3 => 2,
                _ => 1,
            };
            let bounds = elements.iter().map(|element| bound(element, digits));
            Ok(bounds.collect::<Result<Vec<_>, _>>()?.concat())
        }
        ("format", [pattern, ..]) => {
            let is_wide = string(pattern).is_some_and(|pattern| has_wide_field(&pattern));
            if is_wide {
                Err(Refusal::TooLong { function: name.name.clone(), digits: 6 })
            } else {
                Ok(Vec::new())
            }
        }
        _ => Ok(Vec::new()),
    }
}

fn is_expression(node: &SyntaxNode) -> bool {
    !tokens::read(node).unwrap_or_default().is_empty()
}

/// None for a number that stands there and is small enough.
fn bound(function: &str, argument: &SyntaxNode, digits: u32) -> Result<Vec<Bound>, Refusal> {
    let lexemes = tokens::read(argument)?;
    let text: Vec<&str> = lexemes.iter().map(|lexeme| lexeme.text.as_str()).collect();
    if text.join(" ").ends_with(&format!(") {}", cast(digits))) {
        return Ok(Vec::new());
    }
    let too_long = || Err(Refusal::TooLong { function: function.to_owned(), digits });
    match lexemes.as_slice() {
        [Lexeme { meaning: Meaning::Other, text, .. }]
            if text.starts_with(|c: char| c.is_ascii_digit()) =>
        {
            match text.parse::<u64>() {
                Ok(number) if number < 10_u64.pow(digits) => Ok(Vec::new()),
                _ => too_long(),
            }
        }
        [first, .., last] => Ok(vec![Bound { first: first.at, last: last.at, digits }]),
        [only] => Ok(vec![Bound { first: only.at, last: only.at, digits }]),
        [] => Ok(Vec::new()),
    }
}

fn string(argument: &SyntaxNode) -> Option<String> {
    match tokens::read(argument).ok()?.as_slice() {
        [Lexeme { meaning: Meaning::String(text), .. }] => Some(text.clone()),
        _ => None,
    }
}

/// `%1000000s`
fn has_wide_field(pattern: &str) -> bool {
    pattern.split('%').skip(1).any(|field| {
        let digits = field.trim_start_matches('-').bytes();
        let digits = digits.skip_while(|byte| *byte == b'0').take_while(u8::is_ascii_digit);
        digits.count() > 6
    })
}

//! From a text to a statement: bounded before it is parsed, parsed where no stack is too small,
//! walked, and written anew.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::thread;

use squawk_syntax::{SourceFile, SyntaxKind, SyntaxNode};

use super::describe::describe;
use super::growth::Bound;
use super::refusal::Refusal;
use super::tokens::{self, Lexeme, Meaning};
use super::walk::{self, is_query};
use super::writes::is_write;
use super::{Kind, Statement};

/// The longest statement, in bytes.
const MOST_BYTES: usize = 256 * 1024;

/// The most tokens in a statement: a list of some thousand values fits.
const MOST_TOKENS: usize = 10_000;

/// How deep parentheses and brackets may nest.
const DEEPEST: usize = 100;

/// How many prefixes (NOT, unary operators) may follow each other.
const MOST_PREFIXES: usize = 32;

/// How many joins a statement may have: the parser's time grows with their square.
const MOST_JOINS: usize = 300;

/// Statements of at most so many tokens are read on the stack of the caller.
const FEW_TOKENS: usize = 64;

/// The stack for all others. Each token nests at most once, at most 7 kB deep in debug builds.
const STACK: usize = 96 * 1024 * 1024;

/// What a statement may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Purpose {
    Reading,
    Writing,
}

pub(super) fn parse(sql: &str, purpose: Purpose) -> Result<Statement, Refusal> {
    if sql.len() > MOST_BYTES {
        return Err(Refusal::TooLarge("at most 256 kB are read"));
    }
    let guarded = |sql: &str| {
        // The parser is made for editors and asserts what it believes.
        catch_unwind(AssertUnwindSafe(|| read(sql, purpose))).unwrap_or_else(|_| Err(confused()))
    };
    if bounded(sql)? <= FEW_TOKENS {
        return guarded(sql);
    }
    thread::scope(|scope| {
        let reader = thread::Builder::new().stack_size(STACK).spawn_scoped(scope, || guarded(sql));
        reader.map_or_else(
            |_| Err(Refusal::TooLarge("there is no memory to read it")),
            |reader| reader.join().unwrap_or_else(|_| Err(confused())),
        )
    })
}

fn confused() -> Refusal {
    Refusal::Syntax { at: 0, message: "the parser does not understand this".to_owned() }
}

/// Counts tokens and refuses what would cost too much to read.
fn bounded(sql: &str) -> Result<usize, Refusal> {
    use squawk_lexer::TokenKind as T;
    let (mut tokens, mut depth, mut prefixes, mut joins, mut at) = (0, 0_usize, 0, 0, 0_usize);
    for token in squawk_lexer::tokenize(sql) {
        let length = usize::try_from(token.len).unwrap_or(usize::MAX);
        let text = sql.get(at..at.saturating_add(length)).unwrap_or_default();
        at = at.saturating_add(length);
        if matches!(token.kind, T::Whitespace | T::LineComment | T::BlockComment { .. }) {
            continue;
        }
        tokens += 1;
        match token.kind {
            T::OpenParen | T::OpenBracket => depth += 1,
            T::CloseParen | T::CloseBracket => depth = depth.saturating_sub(1),
            T::Ident if text.eq_ignore_ascii_case("join") => joins += 1,
            _ => {}
        }
        let is_prefix = match token.kind {
            T::Ident => ["not", "explain"].iter().any(|word| text.eq_ignore_ascii_case(word)),
            _ => text.bytes().all(|c| b"+-*/<>=~!@#%^&|`?".contains(&c)),
        };
        prefixes = if is_prefix { prefixes + 1 } else { 0 };
        if depth > DEEPEST {
            return Err(Refusal::TooLarge("it nests deeper than 100 parentheses"));
        }
        if prefixes > MOST_PREFIXES || joins > MOST_JOINS {
            return Err(Refusal::TooLarge("it has too many joins, or operators in a row"));
        }
    }
    if tokens > MOST_TOKENS {
        return Err(Refusal::TooLarge("at most 10,000 words and signs are read"));
    }
    Ok(tokens)
}

fn read(sql: &str, purpose: Purpose) -> Result<Statement, Refusal> {
    let (affirmed, negations) = affirmed(sql);
    let parsed = SourceFile::parse(&affirmed);
    let root = parsed.syntax_node();
    let statement = only_statement(&root, purpose)?;
    if let Some(error) = parsed.errors().first() {
        let at = error.range().start().into();
        return Err(Refusal::Syntax { at, message: error.message().to_owned() });
    }
    let mut lexemes = match purpose {
        Purpose::Reading => tokens::read(&root)?,
        Purpose::Writing => tokens::read_writing(&root)?,
    };
    for at in negations {
        let place = lexemes.partition_point(|lexeme| lexeme.at < at);
        let Some(next) = lexemes.get(place) else { return Err(confused()) };
        let token = next.token.clone();
        let negation = Lexeme { token, at, text: "not".to_owned(), meaning: Meaning::Other };
        lexemes.insert(place, negation);
    }

    let walked = walk::walk(&statement, &lexemes, purpose)?;
    let walk::Walked { kind, uses, writes, named, bounds } = walked;
    let description = describe(&statement, &lexemes, named);
    let (text, places) = rewrite(&lexemes, &bounds);
    let query = match kind {
        Kind::Explain { .. } => statement.children().find(|child| is_query(child.kind())),
        _ => None,
    };
    let explained = query.map(|query| usize::from(query.text_range().start()));
    let explained =
        explained.and_then(|start| lexemes.iter().map(|lexeme| lexeme.at).find(|at| *at >= start));
    Ok(Statement { text, places, uses, kind, writes, description, explained })
}

/// The text without the NOT that follows AND or OR, and where each stood. The parser does not
/// take one there if BETWEEN comes before it (`x between 1 and 2 and not y`). It is a reserved
/// word, reaches nothing and changes nothing about what the rest reaches.
fn affirmed(sql: &str) -> (String, Vec<usize>) {
    use squawk_lexer::TokenKind as T;
    let mut affirmed = String::with_capacity(sql.len());
    let (mut negations, mut follows, mut at) = (Vec::new(), false, 0_usize);
    for token in squawk_lexer::tokenize(sql) {
        let length = usize::try_from(token.len).unwrap_or(usize::MAX);
        let text = sql.get(at..at.saturating_add(length)).unwrap_or_default();
        let is = |word: &str| matches!(token.kind, T::Ident) && text.eq_ignore_ascii_case(word);
        if follows && is("not") {
            negations.push(at);
            affirmed.push_str("   ");
        } else {
            affirmed.push_str(text);
        }
        if !matches!(token.kind, T::Whitespace | T::LineComment | T::BlockComment { .. }) {
            follows = is("and") || is("or");
        }
        at = at.saturating_add(length);
    }
    (affirmed, negations)
}

/// The one statement of a text, whose kind is one that fits.
fn only_statement(root: &SyntaxNode, purpose: Purpose) -> Result<SyntaxNode, Refusal> {
    let mut statements = root.children().filter(|node| node.kind() != SyntaxKind::EMPTY_STMT);
    let statement = statements.next().ok_or(Refusal::Empty)?;
    let kind = statement.kind();
    let fits = match purpose {
        Purpose::Reading => matches!(kind, SyntaxKind::EXPLAIN | SyntaxKind::SHOW),
        Purpose::Writing => is_write(kind),
    };
    if fits || is_query(kind) {
        if statements.next().is_some() {
            return Err(Refusal::SeveralStatements);
        }
        return Ok(statement);
    }
    match purpose {
        Purpose::Reading => Err(Refusal::NotReading(first_words(&statement))),
        Purpose::Writing => Err(Refusal::NotWriting(first_words(&statement))),
    }
}

/// A statement's first word or two, for the message that refuses it.
pub(super) fn first_words(node: &SyntaxNode) -> String {
    let words = node.descendants_with_tokens().filter_map(rowan::NodeOrToken::into_token);
    let words = words.filter(|token| !token.kind().is_trivia()).take(1);
    let words: Vec<String> = words
        .map(|token| token.text().chars().take(20).collect::<String>().to_ascii_uppercase())
        .collect();
    words.join(" ")
}

/// Writes the statement anew, with the places where the parts came from.
fn rewrite(lexemes: &[Lexeme], bounds: &[Bound]) -> (String, Vec<(usize, usize)>) {
    let mut text = String::new();
    let mut places = Vec::with_capacity(lexemes.len());
    for lexeme in lexemes {
        if lexeme.text == ";" {
            continue;
        }
        if !text.is_empty() {
            text.push(' ');
        }
        for bound in bounds {
            text.push_str(bound.before(lexeme.at));
        }
        places.push((text.len(), lexeme.at));
        text.push_str(&lexeme.text);
        for bound in bounds {
            text.push_str(&bound.behind(lexeme.at));
        }
    }
    (text, places)
}

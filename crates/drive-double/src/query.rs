//! The language of the `q` parameter of `files.list`: parsed here with everything checked that Google
//! checks, and held against files in `matching`. `and` and `or` bind alike, from left to right.

mod lexer;
mod matching;
#[cfg(test)]
mod tests;

use chrono::{DateTime, NaiveDate, NaiveDateTime, Utc};

use self::lexer::{Token, tokens};

pub(crate) use self::matching::{Matched, meets};

#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Query {
    And(Box<Self>, Box<Self>),
    Or(Box<Self>, Box<Self>),
    Not(Box<Self>),
    Term(Term),
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Term {
    pub(crate) field: Field,
    pub(crate) operator: Operator,
    pub(crate) value: Operand,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Field {
    Name,
    FullText,
    MimeType,
    ModifiedTime,
    CreatedTime,
    ViewedByMeTime,
    SharedWithMeTime,
    Trashed,
    Starred,
    SharedWithMe,
    Parents,
    Owners,
    Writers,
    Readers,
    Properties,
    AppProperties,
    Visibility,
    ShortcutTarget,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Operator {
    Contains,
    Is,
    IsNot,
    Less,
    AtMost,
    More,
    AtLeast,
    In,
    Has,
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Operand {
    Text(String),
    Flag(bool),
    Time(DateTime<Utc>),
    /// A property's key and value.
    Pair(String, String),
}

impl Query {
    /// The query that a text says; the error says nothing, as Google's does.
    pub(crate) fn parse(text: &str) -> Result<Self, ()> {
        let tokens = tokens(text)?;
        let mut rest = tokens.as_slice();
        let query = chain(&mut rest)?;
        if rest.is_empty() { Ok(query) } else { Err(()) }
    }

    /// Every term in it.
    pub(crate) fn terms(&self) -> Vec<&Term> {
        match self {
            Self::And(one, other) | Self::Or(one, other) => [one.terms(), other.terms()].concat(),
            Self::Not(inner) => inner.terms(),
            Self::Term(term) => vec![term],
        }
    }
}

fn chain(rest: &mut &[Token]) -> Result<Query, ()> {
    let mut query = clause(rest)?;
    while let Some((Token::Word(word), after)) = rest.split_first() {
        let join: fn(Box<Query>, Box<Query>) -> Query = match word.as_str() {
            "and" => Query::And,
            "or" => Query::Or,
            _ => return Err(()),
        };
        *rest = after;
        query = join(Box::new(query), Box::new(clause(rest)?));
    }
    Ok(query)
}

fn clause(rest: &mut &[Token]) -> Result<Query, ()> {
    match rest.split_first().ok_or(())? {
        (Token::Word(word), after) if word == "not" => {
            *rest = after;
            Ok(Query::Not(Box::new(clause(rest)?)))
        }
        (Token::Sign("("), after) => {
            *rest = after;
            let inner = chain(rest)?;
            expect(rest, &Token::Sign(")"))?;
            Ok(inner)
        }
        _ => term(rest).map(Query::Term),
    }
}

fn term(rest: &mut &[Token]) -> Result<Term, ()> {
    // `'id' in parents` has its value in front.
    if let [Token::Text(value), Token::Word(word), Token::Word(field), after @ ..] = *rest {
        let field = field_of(field)?;
        let is_collection =
            matches!(field, Field::Parents | Field::Owners | Field::Writers | Field::Readers);
        if word != "in" || !is_collection {
            return Err(());
        }
        *rest = after;
        let value = Operand::Text(value.clone());
        return Ok(Term { field, operator: Operator::In, value });
    }
    let [Token::Word(field), operator, after @ ..] = *rest else { return Err(()) };
    *rest = after;
    let (field, operator) = (field_of(field)?, operator_of(operator)?);
    let value = operand(rest, field, operator)?;
    Ok(Term { field, operator, value })
}

fn field_of(word: &str) -> Result<Field, ()> {
    Ok(match word {
        "name" => Field::Name,
        "fullText" => Field::FullText,
        "mimeType" => Field::MimeType,
        "modifiedTime" => Field::ModifiedTime,
        "createdTime" => Field::CreatedTime,
        "viewedByMeTime" => Field::ViewedByMeTime,
        "sharedWithMeTime" => Field::SharedWithMeTime,
        "trashed" => Field::Trashed,
        "starred" => Field::Starred,
        "sharedWithMe" => Field::SharedWithMe,
        "parents" => Field::Parents,
        "owners" => Field::Owners,
        "writers" => Field::Writers,
        "readers" => Field::Readers,
        "properties" => Field::Properties,
        "appProperties" => Field::AppProperties,
        "visibility" => Field::Visibility,
        "shortcutDetails.targetId" => Field::ShortcutTarget,
        _ => return Err(()),
    })
}

fn operator_of(token: &Token) -> Result<Operator, ()> {
    Ok(match token {
        Token::Sign("=") => Operator::Is,
        Token::Sign("!=") => Operator::IsNot,
        Token::Sign("<") => Operator::Less,
        Token::Sign("<=") => Operator::AtMost,
        Token::Sign(">") => Operator::More,
        Token::Sign(">=") => Operator::AtLeast,
        Token::Word(word) if word == "contains" => Operator::Contains,
        Token::Word(word) if word == "has" => Operator::Has,
        _ => return Err(()),
    })
}

/// The value of a term, of the only kind that its field takes with this operator.
fn operand(rest: &mut &[Token], field: Field, operator: Operator) -> Result<Operand, ()> {
    let is_equality = matches!(operator, Operator::Is | Operator::IsNot);
    let is_order =
        matches!(operator, Operator::Less | Operator::AtMost | Operator::More | Operator::AtLeast);
    match field {
        Field::Name | Field::MimeType if is_equality || operator == Operator::Contains => {
            text(rest).map(Operand::Text)
        }
        Field::FullText if operator == Operator::Contains => text(rest).map(Operand::Text),
        Field::ModifiedTime
        | Field::CreatedTime
        | Field::ViewedByMeTime
        | Field::SharedWithMeTime
            if is_equality || is_order =>
        {
            time(&text(rest)?).map(Operand::Time).ok_or(())
        }
        Field::Trashed | Field::Starred | Field::SharedWithMe if is_equality => {
            let Some((Token::Word(word), after)) = rest.split_first() else { return Err(()) };
            *rest = after;
            word.parse().map(Operand::Flag).map_err(drop)
        }
        Field::Visibility if is_equality => {
            let value = text(rest)?;
            let known =
                ["anyoneCanFind", "anyoneWithLink", "domainCanFind", "domainWithLink", "limited"];
            if known.contains(&value.as_str()) { Ok(Operand::Text(value)) } else { Err(()) }
        }
        Field::ShortcutTarget if is_equality => text(rest).map(Operand::Text),
        Field::Properties | Field::AppProperties if operator == Operator::Has => {
            expect(rest, &Token::Sign("{"))?;
            expect(rest, &Token::Word("key".into()))?;
            expect(rest, &Token::Sign("="))?;
            let key = text(rest)?;
            expect(rest, &Token::Word("and".into()))?;
            expect(rest, &Token::Word("value".into()))?;
            expect(rest, &Token::Sign("="))?;
            let value = text(rest)?;
            expect(rest, &Token::Sign("}"))?;
            Ok(Operand::Pair(key, value))
        }
        _ => Err(()),
    }
}

fn text(rest: &mut &[Token]) -> Result<String, ()> {
    let Some((Token::Text(text), after)) = rest.split_first() else { return Err(()) };
    *rest = after;
    Ok(text.clone())
}

fn expect(rest: &mut &[Token], wanted: &Token) -> Result<(), ()> {
    let (first, after) = rest.split_first().ok_or(())?;
    *rest = after;
    if first == wanted { Ok(()) } else { Err(()) }
}

/// RFC 3339, of which the zone and the time of day may be left out: then it is UTC and midnight.
pub(crate) fn time(text: &str) -> Option<DateTime<Utc>> {
    let with_zone = DateTime::parse_from_rfc3339(text).map(|time| time.with_timezone(&Utc));
    let without = || NaiveDateTime::parse_from_str(text, "%Y-%m-%dT%H:%M:%S%.f");
    let day = || NaiveDate::parse_from_str(text, "%Y-%m-%d");
    with_zone
        .ok()
        .or_else(|| without().ok().map(|time| time.and_utc()))
        .or_else(|| day().ok()?.and_hms_opt(0, 0, 0).map(|time| time.and_utc()))
}

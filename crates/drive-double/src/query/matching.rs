//! Queries held against files.

use chrono::{DateTime, Utc};

use super::{Field, Operand, Operator, Query, Term};

/// What a query asks of a file, as one user sees it.
#[derive(Debug, Clone, Default)]
pub(crate) struct Matched {
    pub(crate) name: String,
    pub(crate) mime_type: String,
    /// Name, description and content.
    pub(crate) full_text: String,
    pub(crate) modified: Option<DateTime<Utc>>,
    pub(crate) created: Option<DateTime<Utc>>,
    pub(crate) viewed: Option<DateTime<Utc>>,
    pub(crate) shared_with_me: Option<DateTime<Utc>>,
    pub(crate) trashed: bool,
    pub(crate) starred: bool,
    pub(crate) parents: Vec<String>,
    pub(crate) owners: Vec<String>,
    pub(crate) writers: Vec<String>,
    pub(crate) readers: Vec<String>,
    pub(crate) properties: Vec<(String, String)>,
    pub(crate) app_properties: Vec<(String, String)>,
    pub(crate) visibility: &'static str,
    pub(crate) shortcut_target: Option<String>,
}

/// Whether a file is what a query asks for.
pub(crate) fn meets(query: &Query, file: &Matched) -> bool {
    match query {
        Query::And(one, other) => meets(one, file) && meets(other, file),
        Query::Or(one, other) => meets(one, file) || meets(other, file),
        Query::Not(inner) => !meets(inner, file),
        Query::Term(term) => is_met(term, file),
    }
}

fn is_met(term: &Term, file: &Matched) -> bool {
    match (&term.value, term.field) {
        (Operand::Flag(wanted), field) => {
            let is = match field {
                Field::Trashed => file.trashed,
                Field::Starred => file.starred,
                _ => file.shared_with_me.is_some(),
            };
            (is == *wanted) == (term.operator == Operator::Is)
        }
        (Operand::Time(wanted), field) => {
            let time = match field {
                Field::ModifiedTime => file.modified,
                Field::CreatedTime => file.created,
                Field::ViewedByMeTime => file.viewed,
                _ => file.shared_with_me,
            };
            time.is_some_and(|time| compared(time, term.operator, *wanted))
        }
        (Operand::Pair(key, value), field) => {
            let pairs = match field {
                Field::Properties => &file.properties,
                _ => &file.app_properties,
            };
            pairs.iter().any(|(name, is)| name == key && is == value)
        }
        (Operand::Text(wanted), field) => match (field, term.operator) {
            (Field::Name, Operator::Contains) => has_prefixes(&file.name, wanted),
            (Field::FullText, _) => has_words(&file.full_text, wanted),
            (Field::MimeType, Operator::Contains) => file.mime_type.starts_with(wanted.as_str()),
            (Field::Parents, _) => file.parents.contains(wanted),
            (Field::Owners, _) => file.owners.contains(wanted),
            (Field::Writers, _) => file.writers.contains(wanted),
            (Field::Readers, _) => file.readers.contains(wanted),
            (field, operator) => {
                let is = match field {
                    // Names are compared without regard to case.
                    Field::Name => file.name.to_lowercase() == wanted.to_lowercase(),
                    Field::MimeType => file.mime_type == *wanted,
                    Field::Visibility => file.visibility == wanted,
                    _ => file.shortcut_target.as_ref() == Some(wanted),
                };
                is == (operator == Operator::Is)
            }
        },
    }
}

fn compared(time: DateTime<Utc>, operator: Operator, wanted: DateTime<Utc>) -> bool {
    match operator {
        Operator::Less => time < wanted,
        Operator::AtMost => time <= wanted,
        Operator::More => time > wanted,
        Operator::AtLeast => time >= wanted,
        Operator::IsNot => time != wanted,
        _ => time == wanted,
    }
}

fn words(text: &str) -> Vec<String> {
    let words = text.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty());
    words.map(str::to_lowercase).collect()
}

/// Each word of `wanted` begins a word of the name: `contains` knows no middle of a word.
fn has_prefixes(name: &str, wanted: &str) -> bool {
    let (name, wanted) = (words(name), words(wanted));
    let begins = |wanted: &String| name.iter().any(|word| word.starts_with(wanted.as_str()));
    !wanted.is_empty() && wanted.iter().all(begins)
}

/// All words of `wanted`, each as a whole; in quotation marks they follow each other.
fn has_words(text: &str, wanted: &str) -> bool {
    let text = words(text);
    let mut inside = false;
    let mut any = false;
    for part in wanted.split('"') {
        let part = words(part);
        any |= !part.is_empty();
        let has = if inside && !part.is_empty() {
            text.windows(part.len()).any(|window| window == part)
        } else {
            part.iter().all(|word| text.contains(word))
        };
        if !has {
            return false;
        }
        inside = !inside;
    }
    any
}

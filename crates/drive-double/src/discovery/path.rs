//! Paths as templates: `files/{fileId}`, `values/{range}:append`.

use std::collections::BTreeMap;

/// One part of a path between slashes.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Segment {
    Literal(String),
    /// A parameter, and what has to come after it.
    Parameter(String, String),
}

pub(super) fn template(path: &str) -> Vec<Segment> {
    path.trim_start_matches('/').split('/').map(segment).collect()
}

fn segment(text: &str) -> Segment {
    let inside = text.strip_prefix('{').and_then(|rest| rest.split_once('}'));
    match inside {
        Some((name, after)) => {
            Segment::Parameter(name.trim_start_matches('+').to_owned(), after.to_owned())
        }
        None => Segment::Literal(text.to_owned()),
    }
}

/// The parameters in a path if it is one of this template, and how literally it is.
pub(super) fn fits(
    template: &[Segment],
    path: &[&str],
) -> Option<(usize, BTreeMap<String, String>)> {
    if template.len() != path.len() {
        return None;
    }
    let mut literal = 0;
    let mut found = BTreeMap::new();
    for (segment, text) in template.iter().zip(path) {
        match segment {
            Segment::Literal(wanted) if wanted == text => literal += 1000,
            Segment::Literal(_) => return None,
            Segment::Parameter(name, after) => {
                let value = decode(text.strip_suffix(after.as_str())?)?;
                if value.is_empty() {
                    return None;
                }
                literal += after.len();
                found.insert(name.clone(), value);
            }
        }
    }
    Some((literal, found))
}

/// A text without its percent signs; none if it isn't UTF-8 or they are followed by no number.
pub(super) fn decode(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        rest = after;
        if *first != b'%' {
            bytes.push(*first);
            continue;
        }
        let digits = std::str::from_utf8(rest.get(..2)?).ok()?;
        bytes.push(u8::from_str_radix(digits, 16).ok()?);
        rest = rest.get(2..)?;
    }
    String::from_utf8(bytes).ok()
}

/// The pairs of a query or a form, decoded.
pub(crate) fn pairs(query: &str) -> Option<Vec<(String, String)>> {
    let pairs = query.split('&').filter(|pair| !pair.is_empty());
    let mut all = Vec::new();
    for pair in pairs {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        all.push((decode(&name.replace('+', " "))?, decode(&value.replace('+', " "))?));
    }
    Some(all)
}

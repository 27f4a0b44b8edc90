//! The `fields` parameter: which parts of an answer are wanted. `id,name`, `files(id,owners/emailAddress)`,
//! `*`.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use crate::discovery::{Discovery, Method};

/// What is wanted of a value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Mask {
    All,
    Fields(BTreeMap<String, Self>),
}

impl Mask {
    /// The mask that a text says; the error is the part that says nothing.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let mut rest = text;
        let mask = list(&mut rest)?;
        if rest.is_empty() { Ok(mask) } else { Err(rest.to_owned()) }
    }

    /// The first field that the answer of this method doesn't have.
    pub(crate) fn unknown(&self, method: &Method) -> Option<String> {
        unknown(self, method, &mut Vec::new())
    }

    /// Whether a field of the outermost object is wanted, or one at some depth below `path`.
    pub(crate) fn wants(&self, path: &[&str]) -> bool {
        match (self, path.split_first()) {
            (Self::All, _) | (_, None) => true,
            (Self::Fields(fields), Some((first, rest))) => {
                let inner = fields.get(*first).or_else(|| fields.get("*"));
                inner.is_some_and(|inner| inner.wants(rest))
            }
        }
    }

    /// What is wanted of each item of a list.
    pub(crate) fn inner(&self, list: &str) -> Self {
        match self {
            Self::All => Self::All,
            Self::Fields(fields) => {
                let inner = fields.get(list).or_else(|| fields.get("*"));
                inner.cloned().unwrap_or_else(|| Self::Fields(BTreeMap::new()))
            }
        }
    }

    /// What is left of a value.
    pub(crate) fn apply(&self, value: Value) -> Value {
        match (self, value) {
            (Self::Fields(fields), Value::Object(object)) => {
                let mut kept = Map::new();
                for (name, inner) in object {
                    if let Some(mask) = fields.get(&name).or_else(|| fields.get("*")) {
                        kept.insert(name, mask.apply(inner));
                    }
                }
                Value::Object(kept)
            }
            (Self::Fields(_), Value::Array(items)) => {
                Value::Array(items.into_iter().map(|item| self.apply(item)).collect())
            }
            (_, value) => value,
        }
    }

    fn merge(&mut self, other: Self) {
        match (&mut *self, other) {
            (Self::Fields(fields), Self::Fields(more)) => {
                for (name, mask) in more {
                    match fields.get_mut(&name) {
                        Some(known) => known.merge(mask),
                        None => drop(fields.insert(name, mask)),
                    }
                }
            }
            _ => *self = Self::All,
        }
    }
}

/// `a,b/c,d(e,f)`, up to a closing parenthesis or the end.
fn list(rest: &mut &str) -> Result<Mask, String> {
    let mut mask = Mask::Fields(BTreeMap::new());
    loop {
        mask.merge(item(rest)?);
        match rest.strip_prefix(',') {
            Some(after) => *rest = after,
            None => return Ok(mask),
        }
    }
}

fn item(rest: &mut &str) -> Result<Mask, String> {
    *rest = rest.trim_start();
    let end = rest.find(|c: char| !c.is_alphanumeric() && !"_*-$".contains(c));
    let (name, after) = rest.split_at(end.unwrap_or(rest.len()));
    if name.is_empty() {
        return Err((*rest).to_owned());
    }
    *rest = after.trim_start();
    let inner = if let Some(after) = rest.strip_prefix('/') {
        *rest = after;
        item(rest)?
    } else if let Some(after) = rest.strip_prefix('(') {
        *rest = after;
        let inner = list(rest)?;
        *rest = rest.strip_prefix(')').ok_or_else(|| (*rest).to_owned())?.trim_start();
        inner
    } else {
        Mask::All
    };
    Ok(Mask::Fields([(name.to_owned(), inner)].into()))
}

fn unknown(mask: &Mask, method: &Method, path: &mut Vec<String>) -> Option<String> {
    let Mask::Fields(fields) = mask else { return None };
    for (name, inner) in fields {
        if name == "*" {
            continue;
        }
        path.push(name.clone());
        let names: Vec<&str> = path.iter().map(String::as_str).collect();
        if !Discovery::get().has_field(method, &names) {
            return Some(name.clone());
        }
        if let Some(field) = unknown(inner, method, path) {
            return Some(field);
        }
        path.pop();
    }
    None
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::Mask;
    use crate::discovery::Discovery;

    fn applied(fields: &str) -> String {
        let value = json!({
            "kind": "k",
            "files": [{ "id": "1", "name": "n", "owners": [{ "me": true, "emailAddress": "e" }] }],
        });
        Mask::parse(fields).unwrap().apply(value).to_string()
    }

    #[test]
    fn a_mask_keeps_what_it_names_at_any_depth() {
        assert_eq!(
            applied("files(id,owners/me)"),
            r#"{"files":[{"id":"1","owners":[{"me":true}]}]}"#
        );
        assert_eq!(
            applied("files/owners/emailAddress,kind"),
            applied("kind,files(owners(emailAddress))")
        );
        assert_eq!(applied("files/id,files/name"), r#"{"files":[{"id":"1","name":"n"}]}"#);
        assert_eq!(applied("*"), applied("kind, files"));
        assert_eq!(applied("files(*)"), applied("files"));
    }

    #[test]
    fn what_is_no_mask_or_no_field_is_found() {
        for wrong in ["", "a,", "a(b", "a)", "a b", "a//b"] {
            assert!(Mask::parse(wrong).is_err(), "{wrong}");
        }
        let method = Discovery::get().method("drive.files.list").unwrap();
        let unknown = |fields: &str| Mask::parse(fields).unwrap().unknown(method);
        assert_eq!(unknown("files(id,nam)"), Some("nam".to_owned()));
        assert_eq!(unknown("id"), Some("id".to_owned()));
        assert_eq!(
            unknown("files(id,properties/anything,capabilities/canEdit),nextPageToken"),
            None
        );
    }
}

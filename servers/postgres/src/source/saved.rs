//! Queries that the operator wrote and named. Their parameters have names and types: `:name` in the
//! text is the value as that type.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// One `[source.saved.NAME]`.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct SavedOptions {
    /// The query, its parameters written as `:name`.
    pub sql: String,
    /// What it answers.
    pub description: Option<String>,
    /// On which database it runs, if there are several.
    pub database: Option<String>,
    /// The types of its parameters, by name.
    pub params: BTreeMap<String, String>,
}

/// A query that may run.
#[derive(Debug, Clone)]
pub(crate) struct Saved {
    /// With `$1` and so on, in the order of `params`.
    pub(crate) sql: String,
    pub(crate) database: Option<String>,
    description: Option<String>,
    params: BTreeMap<String, String>,
}

impl Saved {
    /// Reads the settings of one.
    pub(crate) fn new(options: SavedOptions) -> Result<Self, String> {
        let SavedOptions { sql, description, database, params } = options;
        for (name, type_) in &params {
            let is_word = |c: char| c.is_ascii_alphanumeric() || c == '_';
            if name.is_empty() || !name.chars().all(is_word) {
                return Err(format!("params.{name}: a name consists of letters, digits and _"));
            }
            let of_types = |c: char| is_word(c) || ".,()[] \"".contains(c);
            if type_.is_empty() || !type_.chars().all(of_types) {
                return Err(format!("params.{name}: `{type_}` is no type"));
            }
        }
        let (sql, used) = numbered(&sql, &params);
        if sql.trim().is_empty() {
            return Err("sql: it is empty".to_owned());
        }
        match params.keys().zip(used).find(|(_, used)| !used) {
            Some((unused, _)) => Err(format!("params.{unused}: the query has no `:{unused}`")),
            None => Ok(Self { sql, database, description, params }),
        }
    }

    /// Whether it runs only with values.
    pub(crate) fn has_parameters(&self) -> bool {
        !self.params.is_empty()
    }

    /// How it is called: `name(param type, …): description`.
    pub(crate) fn signature(&self, name: &str) -> String {
        let params: Vec<String> =
            self.params.iter().map(|(name, type_)| format!("{name} {type_}")).collect();
        let description = self.description.iter().map(|text| format!(": {text}"));
        format!("{name}({}){}", params.join(", "), description.collect::<String>())
    }

    /// The values in their order; an error names what is missing or unknown.
    pub(crate) fn values(&self, mut given: BTreeMap<String, Value>) -> Result<Vec<Value>, String> {
        let value =
            |name: &String| given.remove(name).ok_or_else(|| format!("args.{name} is missing"));
        let values = self.params.keys().map(value).collect::<Result<Vec<_>, _>>()?;
        match given.keys().next() {
            Some(unknown) => Err(format!("args.{unknown} is no parameter of it")),
            None => Ok(values),
        }
    }
}

/// The query with `$1::type` in place of `:name`, and which of the parameters are in it. Strings,
/// quoted names and comments stay, and so does `::`.
fn numbered(sql: &str, params: &BTreeMap<String, String>) -> (String, Vec<bool>) {
    use squawk_lexer::TokenKind as T;
    let mut tokens = Vec::new();
    let mut at = 0_usize;
    for token in squawk_lexer::tokenize(sql) {
        let end = at.saturating_add(usize::try_from(token.len).unwrap_or(usize::MAX));
        tokens.push((token.kind, sql.get(at..end).unwrap_or_default()));
        at = end;
    }
    let mut used = vec![false; params.len()];
    let mut text = String::with_capacity(sql.len());
    let mut rest = tokens.as_slice();
    let mut follows_colon = false;
    while let Some(((_, token), after)) = rest.split_first() {
        let name = match after.first() {
            Some((T::Ident, name)) if *token == ":" && !follows_colon => Some(*name),
            _ => None,
        };
        let place = name.and_then(|name| params.keys().position(|known| known == name));
        follows_colon = *token == ":";
        let Some((place, name)) = place.zip(name) else {
            text.push_str(token);
            rest = after;
            continue;
        };
        let type_ = params.get(name).map_or("text", String::as_str);
        text.push_str(&format!("(${}::{type_})", place + 1));
        if let Some(used) = used.get_mut(place) {
            *used = true;
        }
        rest = after.get(1..).unwrap_or_default();
        follows_colon = false;
    }
    (text, used)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::{Saved, SavedOptions};

    fn saved(sql: &str, params: &[(&str, &str)]) -> Result<String, String> {
        let params = params.iter().map(|(name, of)| ((*name).to_owned(), (*of).to_owned()));
        let options = SavedOptions {
            sql: sql.to_owned(),
            params: params.collect::<BTreeMap<_, _>>(),
            ..SavedOptions::default()
        };
        Saved::new(options).map(|saved| saved.sql)
    }

    #[test]
    fn names_become_numbers_where_they_are_parameters() {
        assert_eq!(
            saved(
                "select ':id', \":id\", x::id, a[1:id2], $$:id$$ /* :id */ from t where a = :id and b > :since or c = :id -- :id",
                &[("since", "date"), ("id", "int8")],
            )
            .unwrap(),
            "select ':id', \":id\", x::id, a[1:id2], $$:id$$ /* :id */ from t where a = ($1::int8) and b > ($2::date) or c = ($1::int8) -- :id",
        );
    }

    #[test]
    fn what_makes_no_sense_stops_the_start() {
        assert!(saved("select 1", &[("id", "int8")]).unwrap_err().contains("no `:id`"));
        assert!(saved(" ", &[]).is_err());
        assert!(saved("select :id", &[("id", "int8; drop")]).is_err());
        assert!(saved("select :id", &[("i d", "int8")]).is_err());
    }
}

//! Names as `PostgreSQL` reads them: folded, with escapes resolved, cut at 63 bytes.

use std::fmt;

/// How many bytes of a name count; `PostgreSQL` cuts the rest off.
const LONGEST: usize = 63;

/// The name of an object, with its schema if it was given.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Name {
    /// As it was given; without one, the search path decides.
    pub schema: Option<String>,
    /// In its schema.
    pub name: String,
}

impl Name {
    /// The name that is made of these parts. A third part in front names the database: it must
    /// be the one that is connected, and `PostgreSQL` sees to that.
    pub(super) fn of(mut parts: Vec<String>) -> Option<Self> {
        let name = parts.pop()?;
        let schema = parts.pop();
        (parts.len() <= 1).then_some(Self { schema, name })
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(schema) = &self.schema {
            write!(f, "{}.", quoted(schema))?;
        }
        f.write_str(&quoted(&self.name))
    }
}

/// A name in double quotes.
pub(super) fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// A name without quotes, as `PostgreSQL` folds it; none where that depends on the locale of a
/// database with a one-byte encoding.
pub(super) fn folded(text: &str) -> Option<String> {
    let depends = text.chars().any(|c| !c.is_ascii() && c.is_uppercase());
    (!depends).then(|| cut(text.to_ascii_lowercase()))
}

/// A name as long as names can be.
pub(super) fn cut(mut name: String) -> String {
    if name.len() > LONGEST {
        name.truncate(name.floor_char_boundary(LONGEST));
    }
    name
}

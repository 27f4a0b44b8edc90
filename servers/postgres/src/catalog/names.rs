//! Names of objects as SQL writes them: quoted or not, alone or with their schema. Nothing here asks
//! the database.

use std::borrow::Cow;

/// A name that somebody asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Asked {
    pub(crate) database: Option<Part>,
    pub(crate) schema: Option<Part>,
    pub(crate) name: Part,
    /// Types of arguments as they were written, if there were parentheses.
    pub(crate) arguments: Option<String>,
}

/// One part of a name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Part {
    /// As PostgreSQL reads it: in lower case, unless it was quoted.
    pub(crate) folded: String,
    /// As it was written, for those who forget quotes.
    pub(crate) written: String,
}

/// What is wrong with a name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum NameError {
    #[error("a quote isn't closed")]
    Quote,
    #[error("a part of it is empty")]
    Empty,
    #[error("it has more parts than database, schema and name")]
    Parts,
}

impl Asked {
    /// The name that needs no reading.
    pub(crate) fn exactly(schema: &str, name: &str) -> Self {
        let part = |name: &str| Part { folded: name.to_owned(), written: name.to_owned() };
        Self { database: None, schema: Some(part(schema)), name: part(name), arguments: None }
    }

    pub(crate) fn parse(text: &str) -> Result<Self, NameError> {
        let (mut parts, mut rest) = (Vec::new(), text.trim());
        let mut arguments = None;
        loop {
            let (part, after) = part(rest)?;
            parts.push(part);
            let after = after.trim_start();
            if let Some(next) = after.strip_prefix('.') {
                rest = next.trim_start();
                continue;
            }
            if let Some(inside) = after.strip_prefix('(') {
                arguments = Some(inside.trim_end().trim_end_matches(')').trim().to_owned());
            }
            break;
        }
        let name = parts.pop().ok_or(NameError::Empty)?;
        let schema = parts.pop();
        let database = parts.pop();
        if !parts.is_empty() {
            return Err(NameError::Parts);
        }
        Ok(Self { database, schema, name, arguments })
    }
}

impl Part {
    fn new(written: &str) -> Self {
        // Only ASCII, as PostgreSQL does it in UTF-8.
        Self { folded: written.to_ascii_lowercase(), written: written.to_owned() }
    }

    /// Whether this is the name meant, read as PostgreSQL reads it.
    pub(crate) fn is(&self, name: &str) -> bool {
        self.folded == name
    }

    /// The same for those who forget quotes.
    pub(crate) fn may_be(&self, name: &str) -> bool {
        self.folded == name || self.written == name
    }
}

/// The first part of a name, and what follows it.
fn part(text: &str) -> Result<(Part, &str), NameError> {
    if let Some(quoted) = text.strip_prefix('"') {
        let (mut name, mut rest) = (String::new(), quoted);
        loop {
            let (before, after) = rest.split_once('"').ok_or(NameError::Quote)?;
            name.push_str(before);
            let Some(more) = after.strip_prefix('"') else {
                let empty = name.is_empty();
                let part = Part { folded: name.clone(), written: name };
                return if empty { Err(NameError::Empty) } else { Ok((part, after)) };
            };
            name.push('"');
            rest = more;
        }
    }
    let end = text.find(['.', '(', '"']).unwrap_or(text.len());
    let (name, rest) = text.split_at_checked(end).unwrap_or((text, ""));
    match name.trim() {
        "" => Err(NameError::Empty),
        name => Ok((Part::new(name), rest)),
    }
}

/// A name as SQL has to write it.
pub(crate) fn quote(name: &str) -> Cow<'_, str> {
    let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
    let first = name.chars().next().is_some_and(|c| c.is_ascii_lowercase() || c == '_');
    if first && name.chars().all(plain) && RESERVED.binary_search(&name).is_err() {
        return Cow::Borrowed(name);
    }
    Cow::Owned(format!("\"{}\"", name.replace('"', "\"\"")))
}

/// A name with its schema.
pub(crate) fn qualified(schema: &str, name: &str) -> String {
    format!("{}.{}", quote(schema), quote(name))
}

/// Words that name nothing unless they are quoted: all but the unreserved ones
/// (<https://www.postgresql.org/docs/18/sql-keywords-appendix.html>), sorted.
const RESERVED: &[&str] = &[
    "all",
    "analyse",
    "analyze",
    "and",
    "any",
    "array",
    "as",
    "asc",
    "asymmetric",
    "authorization",
    "between",
    "bigint",
    "binary",
    "bit",
    "boolean",
    "both",
    "case",
    "cast",
    "char",
    "character",
    "check",
    "coalesce",
    "collate",
    "collation",
    "column",
    "concurrently",
    "constraint",
    "create",
    "cross",
    "current_catalog",
    "current_date",
    "current_role",
    "current_schema",
    "current_time",
    "current_timestamp",
    "current_user",
    "dec",
    "decimal",
    "default",
    "deferrable",
    "desc",
    "distinct",
    "do",
    "else",
    "end",
    "except",
    "exists",
    "extract",
    "false",
    "fetch",
    "float",
    "for",
    "foreign",
    "freeze",
    "from",
    "full",
    "grant",
    "greatest",
    "group",
    "grouping",
    "having",
    "ilike",
    "in",
    "initially",
    "inner",
    "inout",
    "int",
    "integer",
    "intersect",
    "interval",
    "into",
    "is",
    "isnull",
    "join",
    "json",
    "json_array",
    "json_arrayagg",
    "json_exists",
    "json_object",
    "json_objectagg",
    "json_query",
    "json_scalar",
    "json_serialize",
    "json_table",
    "json_value",
    "lateral",
    "leading",
    "least",
    "left",
    "like",
    "limit",
    "localtime",
    "localtimestamp",
    "merge_action",
    "national",
    "natural",
    "nchar",
    "none",
    "normalize",
    "not",
    "notnull",
    "null",
    "nullif",
    "numeric",
    "offset",
    "on",
    "only",
    "or",
    "order",
    "out",
    "outer",
    "overlaps",
    "overlay",
    "placing",
    "position",
    "precision",
    "primary",
    "real",
    "references",
    "returning",
    "right",
    "row",
    "select",
    "session_user",
    "setof",
    "similar",
    "smallint",
    "some",
    "substring",
    "symmetric",
    "system_user",
    "table",
    "tablesample",
    "then",
    "time",
    "timestamp",
    "to",
    "trailing",
    "treat",
    "trim",
    "true",
    "union",
    "unique",
    "user",
    "using",
    "values",
    "varchar",
    "variadic",
    "verbose",
    "when",
    "where",
    "window",
    "with",
    "xmlattributes",
    "xmlconcat",
    "xmlelement",
    "xmlexists",
    "xmlforest",
    "xmlnamespaces",
    "xmlparse",
    "xmlpi",
    "xmlroot",
    "xmlserialize",
    "xmltable",
];

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(text: &str) -> Result<String, NameError> {
        let Asked { database, schema, name, arguments } = Asked::parse(text)?;
        let parts = [database, schema, Some(name)].into_iter().flatten();
        let parts: Vec<String> = parts.map(|part| part.folded).collect();
        let arguments = arguments.map(|arguments| format!("<{arguments}>")).unwrap_or_default();
        Ok(parts.join("|") + &arguments)
    }

    #[test]
    fn names_are_read_as_postgres_reads_them() {
        for (text, expected) in [
            ("users", "users"),
            ("Public.Users", "public|users"),
            (" app . public . users ", "app|public|users"),
            (r#""Users""#, "Users"),
            (r#""a.b""c"."d""#, "a.b\"c|d"),
            ("f(int, text)", "f<int, text>"),
            ("f()", "f<>"),
            ("Größe", "größe"),
            ("ÄB", "Äb"),
        ] {
            let parsed = parsed(text);
            assert_eq!(parsed.as_deref().unwrap_or("error"), expected, "{text}");
        }
        assert_eq!(parsed("a.b.c.d"), Err(NameError::Parts));
        for empty in ["", ".", "a.", ".a", "a..b", r#""""#, "()"] {
            assert_eq!(parsed(empty), Err(NameError::Empty), "{empty}");
        }
        assert_eq!(parsed(r#""a"#), Err(NameError::Quote));
    }

    #[test]
    fn names_are_quoted_where_sql_needs_it() {
        assert!(RESERVED.is_sorted());
        for (name, expected) in [
            ("users", "users"),
            ("_x1", "_x1"),
            ("Users", r#""Users""#),
            ("order", r#""order""#),
            ("1x", r#""1x""#),
            ("a\"b", r#""a""b""#),
            ("größe", r#""größe""#),
            ("", r#""""#),
        ] {
            assert_eq!(quote(name), expected);
        }
    }
}

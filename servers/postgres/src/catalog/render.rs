//! Descriptions as text: near to the DDL that would make the object, in as few tokens as it can be
//! read in.

use std::fmt::Write as _;

use lockkeeper_core::{count, grouped};

use super::describe::Description;
use super::listing::{Object, ObjectKind};
use super::names::{qualified, quote};
use super::relation::{Column, Constraint, Index, Policy, Relation, Relative};
use super::routine::Routine;
use super::user_type::{Extension, UserType};

/// Labels of an enum that a column shows; `describe` of the type shows all.
const LABELS: usize = 20;

/// Partitions that a table shows.
const PARTITIONS: usize = 12;

/// Characters of a comment in a list.
const COMMENT: usize = 100;

/// What stands for an expression that can't be shown.
const WITHHELD: &str = "(withheld: it mentions what the policy hides)";

/// A number of rows: to the last one while they are few.
pub(crate) fn rows(n: u64) -> String {
    if n < 10_000 { n.to_string() } else { scaled(n, 1000, ["", "k", "M", "G", "T"]) }
}

pub(crate) fn bytes(n: u64) -> String {
    scaled(n, 1024, ["B", "kB", "MB", "GB", "TB"])
}

/// In the largest unit of which there is one.
fn scaled(n: u64, step: u64, units: [&str; 5]) -> String {
    let (mut whole, mut rest, mut unit) = (n, 0, 0);
    while whole >= step && unit + 1 < units.len() {
        rest = whole % step;
        whole /= step;
        unit += 1;
    }
    let unit = units.get(unit).copied().unwrap_or_default();
    match rest * 10 / step {
        tenth if tenth > 0 && whole < 100 => format!("{whole}.{tenth}{unit}"),
        _ => format!("{whole}{unit}"),
    }
}

/// A text from the database on one line.
pub(crate) fn line(text: &str) -> String {
    let mut line = String::with_capacity(text.len());
    for c in text.trim().chars() {
        match c {
            '\n' => line.push_str("\\n"),
            '\r' => line.push_str("\\r"),
            '\t' => line.push_str("\\t"),
            c => line.push(c),
        }
    }
    line
}

/// A name on one line.
pub(crate) fn name(name: &str) -> String {
    line(&quote(name))
}

/// A comment where there are many: on one line, and not too long.
pub(crate) fn comment(text: &str) -> String {
    let mut comment = line(text);
    if let Some((end, _)) = comment.char_indices().nth(COMMENT) {
        comment.truncate(end);
        comment.push('…');
    }
    comment
}

/// What the columns of lists are.
pub(crate) const COLUMNS: &str = "name\trows\tsize\tcomment (estimates)\n";

/// The line that opens the objects of one schema and kind.
pub(crate) fn group(object: &Object) -> String {
    format!("# {} {}\n", name(&object.schema), object.kind.as_str())
}

/// An object in a list, in columns.
pub(crate) fn object(object: &Object, comment: Option<&str>) -> String {
    let mut columns = vec![name(&object.name)];
    if ObjectKind::RELATIONS.contains(&object.kind) {
        columns.push(object.rows.map(rows).unwrap_or_default());
        columns.push(object.bytes.map(bytes).unwrap_or_default());
    } else if let Some(first) = columns.first_mut() {
        let detail = object.detail.as_deref().unwrap_or_default();
        let space = if detail.is_empty() || detail.starts_with('(') { "" } else { " " };
        first.push_str(&format!("{space}{}", line(detail)));
    }
    let mut notes = Vec::new();
    notes.extend(Some(count(object.partitions, "partition")).filter(|_| object.partitions > 0));
    notes.extend((!object.readable).then(|| "no right to it".to_owned()));
    let notes = if notes.is_empty() { String::new() } else { format!("({}) ", notes.join(", ")) };
    columns.push(format!("{notes}{}", comment.unwrap_or_default()));
    format!("{}\n", columns.join("\t").trim_end())
}

fn names(names: &[String]) -> String {
    names.iter().map(|name| quote(name)).collect::<Vec<_>>().join(", ")
}

/// A list in parentheses that doesn't get too long.
fn labels(labels: &[String], most: usize) -> String {
    let shown = labels.iter().take(most);
    let mut text = shown.map(|label| format!("'{}'", line(label))).collect::<Vec<_>>().join(", ");
    if let Some(more) = labels.len().checked_sub(most).filter(|more| *more > 0) {
        let _ = write!(text, ", {more} more");
    }
    format!("({text})")
}

impl Description {
    /// As text that ends with a line end.
    pub(crate) fn text(&self) -> String {
        match self {
            Self::Relation(relation) => relation.text(),
            Self::Function(routine) => routine.text(),
            Self::Type(user_type) => user_type.text(),
            Self::Extension(extension) => extension.text(),
        }
    }
}

/// Lines of one object: the first as it is, those after it indented.
struct Lines(String);

impl Lines {
    fn new(first: &str, comment: Option<&str>) -> Self {
        let mut lines = Self(line(first));
        lines.comment(comment);
        lines.0.push('\n');
        lines
    }

    fn comment(&mut self, comment: Option<&str>) {
        if let Some(comment) = comment {
            let _ = write!(self.0, " -- {}", line(comment));
        }
    }

    fn push(&mut self, text: &str) {
        self.with_comment(text, None);
    }

    fn with_comment(&mut self, text: &str, comment: Option<&str>) {
        self.0.push_str("  ");
        self.0.push_str(&line(text));
        self.comment(comment);
        self.0.push('\n');
    }

    /// Text of several lines.
    fn block(&mut self, text: &str) {
        for line in text.trim_end().lines() {
            let _ = writeln!(self.0, "  {line}");
        }
    }
}

impl Relation {
    /// As text that ends with a line end.
    pub(crate) fn text(&self) -> String {
        let mut lines = Lines::new(&self.first_line(), self.comment.as_deref());
        if self.relkind == "S" {
            self.sequence(&mut lines);
        }
        let mut inlined = Vec::new();
        for column in &self.columns {
            let key = |contype: &str| {
                self.constraints.iter().position(|constraint| {
                    constraint.contype == contype && constraint.columns == [column.name.as_str()]
                })
            };
            let keys = ["p", "u", "f"].into_iter().filter_map(key).collect::<Vec<_>>();
            lines.with_comment(&self.column(column, &keys), column.comment.as_deref());
            inlined.extend(keys);
        }
        for (at, constraint) in self.constraints.iter().enumerate() {
            if !inlined.contains(&at) {
                lines.push(&constraint.text(&self.name));
            }
        }
        for index in self.indexes.iter().filter(|index| !index.constraint || !index.valid) {
            lines.push(&index.text(&self.schema, &self.name));
        }
        self.references(&mut lines);
        self.relatives(&mut lines);
        if self.row_security {
            let forced = if self.row_security_forced { ", for its owner too" } else { "" };
            lines.push(&format!("row security is on{forced}"));
        }
        for policy in &self.policies {
            lines.push(&policy.text());
        }
        for trigger in &self.triggers {
            let text = trigger.definition.sql.as_deref().unwrap_or(WITHHELD);
            let on = format!(" ON {}", qualified(&self.schema, &self.name));
            let text = text.replacen("CREATE ", "", 1).replacen(&on, "", 1);
            let disabled = if trigger.enabled { "" } else { " (disabled)" };
            lines.push(&format!("{text}{disabled}"));
        }
        if let Some(definition) = &self.definition {
            match &definition.sql {
                Some(sql) => lines.block(&format!("AS\n{sql}")),
                None => lines.push(&format!("AS {WITHHELD}")),
            }
        }
        let hidden = [(self.hidden.columns, "column"), (self.hidden.others, "other part")];
        let hidden = hidden.into_iter().filter(|(n, _)| *n > 0).map(|(n, what)| count(n, what));
        let hidden = hidden.collect::<Vec<_>>().join(" and ");
        if !hidden.is_empty() {
            lines.push(&format!("(the policy hides {hidden})"));
        }
        lines.0
    }

    fn first_line(&self) -> String {
        let kind = match (self.relkind.as_str(), self.persistence.as_str()) {
            ("v", _) => "view",
            ("m", _) => "materialized view",
            ("f", _) => "foreign table",
            ("S", _) => "sequence",
            (_, "u") => "unlogged table",
            (_, "t") => "temporary table",
            _ => "table",
        };
        let mut first = format!("{kind} {}", qualified(&self.schema, &self.name));
        let unsigned = |n: Option<i64>| n.and_then(|n| u64::try_from(n).ok());
        let mut facts = Vec::new();
        facts.extend(unsigned(self.rows).map(|n| format!("~{} rows", grouped(n))));
        facts.extend(unsigned(self.bytes).map(bytes));
        let indexes = unsigned(self.index_bytes).filter(|bytes| *bytes > 0);
        facts.extend(indexes.map(|n| format!("{} of indexes", bytes(n))));
        facts.push(format!("owner {}", quote(&self.owner)));
        facts.extend(self.server.as_ref().map(|server| format!("server {}", quote(server))));
        facts.extend(self.options.as_ref().map(|options| options.join(", ")));
        if !self.usable {
            facts.push("no right to use its schema".to_owned());
        } else if !self.readable {
            let some = self.columns.iter().any(|column| column.readable);
            let which = if some { "no right to read all of it" } else { "no right to read it" };
            facts.push(which.to_owned());
        }
        let _ = write!(first, " ({})", facts.join(", "));
        first
    }

    fn column(&self, column: &Column, keys: &[usize]) -> String {
        let mut text = format!("{} {}", quote(&column.name), column.r#type);
        if let Some(base) = &column.base {
            let _ = write!(text, " = {base}");
        }
        if let Some(collation) = &column.collation {
            let _ = write!(text, " COLLATE {}", quote(collation));
        }
        if let Some(all) = &column.labels {
            let _ = write!(text, " {}", labels(all, LABELS));
        }
        let keys = keys.iter().filter_map(|at| self.constraints.get(*at));
        let primary = keys.clone().any(|key| key.contype == "p");
        if column.not_null && !primary && column.identity.is_empty() {
            text.push_str(" NOT NULL");
        }
        match (column.identity.as_str(), column.generated.as_str()) {
            ("a", _) => text.push_str(" IDENTITY"),
            ("d", _) => text.push_str(" IDENTITY BY DEFAULT"),
            (_, "") => match column.default.as_ref().map(|default| default.sql.as_deref()) {
                // As `serial` makes it.
                Some(Some(sql)) if sql.starts_with("nextval(") => text.push_str(" SERIAL"),
                Some(Some(sql)) => {
                    let cast = format!("::{}", column.r#type);
                    let _ = write!(text, " DEFAULT {}", sql.strip_suffix(&cast).unwrap_or(sql));
                }
                Some(None) if column.masked => text.push_str(" DEFAULT (masked)"),
                Some(None) => drop(write!(text, " DEFAULT {WITHHELD}")),
                None => {}
            },
            (_, kind) => {
                let sql = column.default.as_ref().and_then(|default| default.sql.as_deref());
                let kind = if kind == "v" { "VIRTUAL" } else { "STORED" };
                match sql {
                    Some(sql) => drop(write!(text, " GENERATED ({sql}) {kind}")),
                    None if column.masked => text.push_str(" GENERATED (masked)"),
                    None => drop(write!(text, " GENERATED {WITHHELD}")),
                }
            }
        }
        for key in keys {
            let definition = key.definition.sql.as_deref();
            match (key.contype.as_str(), definition) {
                ("p", _) => text.push_str(" PRIMARY KEY"),
                ("u", _) => text.push_str(" UNIQUE"),
                (_, Some(sql)) => {
                    let target = sql.split_once(" REFERENCES ").map_or(sql, |(_, target)| target);
                    let _ = write!(text, " -> {target}");
                }
                (_, None) => text.push_str(" -> (hidden)"),
            }
        }
        if column.masked {
            text.push_str(" MASKED");
        }
        if !column.readable && self.usable && self.columns.iter().any(|column| column.readable) {
            text.push_str(" (no right to read it)");
        }
        text
    }

    fn references(&self, lines: &mut Lines) {
        let references = self.referenced_by.iter().map(|reference| {
            let table = qualified(&reference.schema, &reference.table);
            format!("{table}({})", names(&reference.columns))
        });
        let references = references.collect::<Vec<_>>().join(", ");
        if !references.is_empty() {
            lines.push(&format!("referenced by {references}"));
        }
    }

    fn relatives(&self, lines: &mut Lines) {
        let name = |relative: &Relative| qualified(&relative.schema, &relative.name);
        let parents = self.parents.iter().map(name).collect::<Vec<_>>().join(", ");
        if self.is_partition && !parents.is_empty() {
            let bound = self.bound.as_deref().unwrap_or("(bounds not shown)");
            lines.push(&format!("PARTITION OF {parents} {bound}"));
        } else if !parents.is_empty() {
            lines.push(&format!("INHERITS ({parents})"));
        }
        let child = |child: &Relative| match &child.bound {
            Some(bound) => format!("{} {bound}", name(child)),
            None => name(child),
        };
        let mut children: Vec<String> = self.children.iter().map(child).collect();
        let all = children.len();
        if all > PARTITIONS {
            // The ends say what lies between.
            children.splice(PARTITIONS / 2..all - PARTITIONS / 2, ["…".to_owned()]);
        }
        match &self.partition_key {
            Some(key) => {
                let key = key.sql.as_deref().unwrap_or("(hidden)");
                lines.push(&format!("PARTITION BY {key}: {}", count(all as u64, "partition")));
                for child in &children {
                    lines.block(&format!("  {}", line(child)));
                }
            }
            None if all > 0 => lines.push(&format!("inherited by {}", children.join(", "))),
            None => {}
        }
    }

    fn sequence(&self, lines: &mut Lines) {
        let Some(sequence) = &self.sequence else { return };
        let cycle = if sequence.cycle { " CYCLE" } else { "" };
        lines.push(&format!(
            "{} START {} INCREMENT {} MIN {} MAX {}{cycle}",
            sequence.r#type, sequence.start, sequence.increment, sequence.min, sequence.max,
        ));
        if let Some(owner) = &sequence.owned_by {
            let table = qualified(&owner.schema, &owner.table);
            lines.push(&format!("OWNED BY {table}.{}", quote(&owner.column)));
        }
    }
}

impl Constraint {
    fn text(&self, table: &str) -> String {
        let Some(sql) = &self.definition.sql else {
            let columns = names(&self.columns);
            return match self.contype.as_str() {
                "f" => format!("FOREIGN KEY ({columns}) REFERENCES (hidden)"),
                _ => format!("CHECK {WITHHELD}"),
            };
        };
        // Names that PostgreSQL makes up say nothing.
        if self.name.starts_with(table) {
            return sql.clone();
        }
        format!("CONSTRAINT {} {sql}", quote(&self.name))
    }
}

impl Index {
    fn text(&self, schema: &str, table: &str) -> String {
        let sql = self.definition.sql.as_deref().unwrap_or_default();
        let unique = if self.unique { "UNIQUE " } else { "" };
        let name = quote(&self.name);
        // Its schema is there unless it is on the search path, ONLY if the table has partitions.
        let starts = ["", "ONLY "].into_iter().flat_map(|only| {
            [&qualified(schema, table), &*quote(table)]
                .map(|table| format!("CREATE {unique}INDEX {name} ON {only}{table} USING "))
        });
        let body = starts.into_iter().find_map(|start| sql.strip_prefix(&start)).unwrap_or(sql);
        // What nearly all indexes are.
        let body = body.strip_prefix("btree ").unwrap_or(body);
        let mut text = format!("{unique}INDEX {name} {body}");
        if let Some(size) = self.bytes.and_then(|bytes| u64::try_from(bytes).ok()) {
            let _ = write!(text, " [{}]", bytes(size));
        }
        if !self.valid {
            text.push_str(" INVALID");
        }
        text
    }
}

impl Policy {
    fn text(&self) -> String {
        let mut text = format!("POLICY {}", quote(&self.name));
        if !self.permissive {
            text.push_str(" AS RESTRICTIVE");
        }
        let _ = write!(text, " FOR {}", self.command);
        if !self.roles.is_empty() {
            let _ = write!(text, " TO {}", names(&self.roles));
        }
        for (word, expression) in [("USING", &self.using), ("WITH CHECK", &self.check)] {
            if let Some(expression) = expression {
                let sql = expression.sql.as_deref().unwrap_or(WITHHELD);
                // Queries in it come on several lines.
                let sql = sql.split_whitespace().collect::<Vec<_>>().join(" ");
                let _ = write!(text, " {word} ({sql})");
            }
        }
        text
    }
}

impl Routine {
    fn text(&self) -> String {
        let kind = match self.prokind.as_str() {
            "p" => "procedure",
            "a" => "aggregate",
            "w" => "window function",
            _ => "function",
        };
        let mut first = format!("{kind} {}", qualified(&self.schema, &self.name));
        match &self.arguments {
            Some(arguments) => drop(write!(first, "({arguments})")),
            None => first.push_str("(…) (hidden types)"),
        }
        if let Some(result) = &self.result {
            let _ = write!(first, " -> {result}");
        }
        let mut facts = vec![self.language.as_str()];
        facts.push(match self.volatility.as_str() {
            "i" => "IMMUTABLE",
            "s" => "STABLE",
            _ => "VOLATILE",
        });
        facts.extend(self.strict.then_some("STRICT"));
        facts.extend(self.security_definer.then_some("SECURITY DEFINER"));
        let settings = self.settings.iter().flatten();
        let settings: Vec<String> = settings.map(|setting| format!("SET {setting}")).collect();
        facts.extend(settings.iter().map(String::as_str));
        let owner = format!("owner {}", quote(&self.owner));
        facts.push(&owner);
        facts.extend((!self.executable).then_some("no right to call it"));
        let _ = write!(first, " ({})", facts.join(", "));
        let mut lines = Lines::new(&first, self.comment.as_deref());
        match (&self.source, self.withheld) {
            (Some(source), _) => lines.block(source),
            (None, Some(withheld)) => lines.push(&format!("source {withheld}")),
            (None, None) => {}
        }
        lines.0
    }
}

impl UserType {
    fn text(&self) -> String {
        let name = qualified(&self.schema, &self.name);
        let base = self.base.as_deref().unwrap_or_default();
        let owner = quote(&self.owner);
        let first = match self.typtype.as_str() {
            "e" => {
                let all = self.labels.as_deref().unwrap_or_default();
                format!("enum {name} {}", labels(all, usize::MAX))
            }
            "d" => {
                let not_null = if self.not_null { " NOT NULL" } else { "" };
                let default = self.default.as_ref().map(|default| format!(" DEFAULT {default}"));
                format!("domain {name} = {base}{not_null}{}", default.unwrap_or_default())
            }
            "c" => format!("composite {name}"),
            "r" => format!("range {name} of {base}"),
            _ => format!("type {name}"),
        };
        let mut lines = Lines::new(&format!("{first} (owner {owner})"), self.comment.as_deref());
        for field in &self.fields {
            let text = format!("{} {}", quote(&field.name), field.r#type);
            lines.with_comment(&text, field.comment.as_deref());
        }
        for check in &self.checks {
            lines.push(check);
        }
        if self.hidden {
            lines.push(WITHHELD);
        }
        lines.0
    }
}

impl Extension {
    fn text(&self) -> String {
        let Self { schema, name, version, functions, types, .. } = self;
        let first = format!(
            "extension {} {version} in {} ({functions} functions, {types} types)",
            quote(name),
            quote(schema),
        );
        Lines::new(&first, self.comment.as_deref()).0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_short() {
        for (n, expected) in
            [(0, "0"), (9_999, "9999"), (10_000, "10k"), (12_345, "12.3k"), (45_600_000, "45.6M")]
        {
            assert_eq!(rows(n), expected);
        }
        for (n, expected) in [
            (0, "0B"),
            (8192, "8kB"),
            (1_500_000, "1.4MB"),
            (157_286_400, "150MB"),
            (1 << 40, "1TB"),
        ] {
            assert_eq!(bytes(n), expected);
        }
    }

    #[test]
    fn texts_stay_on_their_line() {
        assert_eq!(line(" a\tb\r\nc "), "a\\tb\\r\\nc");
        let all: Vec<String> = (0..25).map(|n| format!("l{n}")).collect();
        assert!(labels(&all, 20).ends_with("'l19', 5 more)"));
    }
}

//! Which indexes would help statements. What to try is read off their plans: columns that are
//! compared, joined and sorted by where a whole table is read. How much each helps is measured if
//! the planner can be made to believe in it, and estimated from statistics if not.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use super::Database;
use super::checked::Checked;
use super::error::PgError;
use super::explain::{How, Wished, quoted};
use super::plan::{Node, Plan};
use super::reading::Query;
use crate::catalog::seen::{Index, Named, Relation, Seen};
use crate::values::parameter::Parameter;

const TIMEOUT: Duration = Duration::from_secs(5);

/// Candidates that are tried for a statement.
const TRIED: usize = 6;

/// Columns of an index.
const COLUMNS: usize = 3;

/// Tables with fewer rows are read faster than any index of them.
const FEW: f64 = 1_000.0;

/// Without a measurement: an index that leaves more of the rows than this is no help.
const SHARE: f64 = 0.1;

/// With one: the cost that is left must be less than this.
const GAIN: f64 = 0.9;

/// What is known of an index for a statement.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Worth {
    /// The cost of the statement without it and with it.
    Measured { before: f64, after: f64 },
    /// The share of rows that it leaves.
    Estimated { share: f64 },
}

/// An index that would help.
#[derive(Debug, Clone)]
pub(crate) struct Suggestion {
    pub(crate) wished: Wished,
    pub(crate) worth: Worth,
    pub(crate) is_partitioned: bool,
}

/// What came out for several statements.
#[derive(Debug, Default)]
pub(crate) struct Combined {
    /// With the numbers of the statements that each helps, from 1; what helps most comes first.
    pub(crate) suggestions: Vec<(Suggestion, Vec<usize>)>,
    pub(crate) existing: BTreeSet<String>,
    /// Statements that could not be planned, by number.
    pub(crate) failed: Vec<(usize, PgError)>,
}

/// What came out for one statement.
#[derive(Debug, Default)]
struct Advice {
    suggestions: Vec<Suggestion>,
    /// Indexes that are there for what was looked at.
    existing: BTreeSet<String>,
}

impl Database {
    /// Which indexes would help statements.
    pub(crate) async fn advise_all(&self, statements: &[String]) -> Result<Combined, PgError> {
        let is_measured = self.extension("hypopg").await?.is_some();
        let mut combined = Combined::default();
        for (place, sql) in statements.iter().enumerate() {
            match self.advise(sql, is_measured).await {
                Ok(advice) => {
                    combined.existing.extend(advice.existing);
                    let suggestions = advice.suggestions.into_iter();
                    suggestions.for_each(|suggestion| combined.add(suggestion, place + 1));
                }
                Err(error @ (PgError::Refused(_) | PgError::NotAllowed(_))) => {
                    combined.failed.push((place + 1, error));
                }
                Err(error) => return Err(error),
            }
        }
        combined.suggestions.sort_by(|(a, _), (b, _)| a.worth.left().total_cmp(&b.worth.left()));
        Ok(combined)
    }

    /// The same for one that may run.
    async fn advise(&self, sql: &str, is_measured: bool) -> Result<Advice, PgError> {
        let checked = self.check(sql).await?;
        let mut advice = Advice::default();
        if !Self::is_explainable(&checked) {
            return Ok(advice);
        }
        let checked = match checked.statement.uses().parameters {
            0 => checked,
            _ => self.check(&self.without_parameters(&checked).await?).await?,
        };
        let how = || How { timeout: TIMEOUT, ..How::default() };
        let plan = self.explain(&checked, how()).await?;
        let seen = self.catalog().see(&plan.relations()).await?;
        for wished in candidates(&plan, &seen) {
            let Some(table) = seen.get(&wished.table.0, &wished.table.1) else { continue };
            if let Some(index) = table.indexes.iter().find(|index| covers(index, &wished)) {
                advice.existing.insert(index.name.clone());
                continue;
            }
            let is_whole = table.root == wished.table;
            let worth = if is_measured && is_whole && !table.is_partitioned {
                let how = How { indexes: vec![wished.clone()], ..how() };
                let after = self.explain(&checked, how).await?.cost();
                Worth::Measured { before: plan.cost(), after }
            } else {
                Worth::Estimated { share: share(table, &wished) }
            };
            // An index of a partition is one of its table.
            let is_partitioned = table.is_partitioned || !is_whole;
            let wished = Wished { table: table.root.clone(), ..wished };
            if worth.helps() && !advice.suggestions.iter().any(|known| known.wished == wished) {
                advice.suggestions.push(Suggestion { wished, worth, is_partitioned });
            }
        }
        advice.keep_best();
        Ok(advice)
    }

    /// A statement with values that nobody knows in place of its parameters.
    async fn without_parameters(&self, checked: &Checked) -> Result<String, PgError> {
        use squawk_lexer::TokenKind;
        let text = checked.statement.text();
        let count = usize::from(checked.statement.uses().parameters);
        let query = Query {
            sql: text.to_owned().into(),
            params: Parameter::all(vec![serde_json::Value::Null; count]),
            timeout: TIMEOUT,
            judged: checked.unproven(),
        };
        // Bound and not run: the database tells the types.
        let rows = self.pool.read(query).await?;
        let types = rows.statement.params();
        let (mut sql, mut at) = (String::with_capacity(text.len()), 0_usize);
        for token in squawk_lexer::tokenize(text) {
            let length = usize::try_from(token.len).unwrap_or(usize::MAX);
            let part = text.get(at..at.saturating_add(length)).unwrap_or_default();
            at = at.saturating_add(length);
            let number = part.strip_prefix('$').and_then(|n| n.parse::<usize>().ok());
            let type_ = number.and_then(|number| types.get(number.checked_sub(1)?));
            match (token.kind, type_) {
                (TokenKind::PositionalParam { .. }, Some(type_)) => {
                    // An array type is named after its elements.
                    let (element, array) = match type_.kind() {
                        tokio_postgres::types::Kind::Array(element) => (element, "[]"),
                        _ => (type_, ""),
                    };
                    let (schema, name) = (quoted(element.schema()), quoted(element.name()));
                    sql.push_str(&format!("(SELECT NULL::{schema}.{name}{array})"));
                }
                _ => sql.push_str(part),
            }
        }
        Ok(sql)
    }
}

impl Worth {
    fn helps(&self) -> bool {
        match self {
            Self::Measured { before, after } => *after < GAIN * before,
            Self::Estimated { share } => *share <= SHARE,
        }
    }

    /// What is left of the work.
    fn left(&self) -> f64 {
        match self {
            Self::Measured { before, after } => after / before.max(1.0),
            Self::Estimated { share } => *share,
        }
    }
}

impl Combined {
    /// One index serves all that ask for its first columns.
    fn add(&mut self, suggestion: Suggestion, statement: usize) {
        let serves =
            |a: &Wished, b: &Wished| a.table == b.table && a.columns.starts_with(&b.columns);
        for (known, statements) in &mut self.suggestions {
            if serves(&known.wished, &suggestion.wished)
                || serves(&suggestion.wished, &known.wished)
            {
                if suggestion.wished.columns.len() > known.wished.columns.len() {
                    *known = suggestion;
                }
                statements.push(statement);
                return;
            }
        }
        self.suggestions.push((suggestion, vec![statement]));
    }
}

impl Advice {
    /// Of those for a table, the one that leaves least, and among about equal ones the shortest.
    fn keep_best(&mut self) {
        let rank = |suggestion: &Suggestion| {
            // In steps of a twentieth: a column more has to be worth it.
            let left = (suggestion.worth.left() * 20.0).round();
            (left, suggestion.wished.columns.len())
        };
        self.suggestions.sort_by(|a, b| {
            let ((left, columns), (other, others)) = (rank(a), rank(b));
            left.total_cmp(&other).then(columns.cmp(&others)).then(a.wished.cmp(&b.wished))
        });
        let mut tables = BTreeSet::new();
        self.suggestions.retain(|suggestion| tables.insert(suggestion.wished.table.clone()));
    }
}

/// Whether an index does already what another would.
fn covers(index: &Index, wished: &Wished) -> bool {
    let leading: Vec<&Option<String>> = index.columns.iter().take(wished.columns.len()).collect();
    leading.len() == wished.columns.len()
        && leading.iter().zip(&wished.columns).all(|(have, want)| have.as_ref() == Some(want))
}

/// The share of rows that equality on all columns leaves.
fn share(table: &Relation, wished: &Wished) -> f64 {
    let distinct = |name: &String| {
        let column = table.columns.iter().find(|column| column.name == *name)?;
        let distinct = column.distinct?;
        Some(if distinct < 0.0 { -distinct * table.rows } else { distinct })
    };
    let values: f64 = wished.columns.iter().map(|name| distinct(name).unwrap_or(1.0)).product();
    1.0 / values.max(1.0)
}

/// How columns of a table are used by the nodes of a plan.
#[derive(Debug, Default)]
struct Used {
    equal: BTreeSet<String>,
    range: BTreeSet<String>,
    join: BTreeSet<String>,
    sort: Vec<String>,
}

/// The indexes that may be worth a try, each at most once.
fn candidates(plan: &Plan, seen: &Seen) -> Vec<Wished> {
    let nodes = plan.nodes();
    // By alias: the tables that are read whole.
    let mut tables: BTreeMap<String, (Named, Used)> = BTreeMap::new();
    for node in &nodes {
        let Some(name) = node.relation().filter(|_| node.kind() == "Seq Scan") else { continue };
        if seen.get(&name.0, &name.1).is_some_and(|table| table.rows >= FEW) {
            let alias = node.text("Alias").unwrap_or(&name.1).to_owned();
            tables.insert(alias, (name, Used::default()));
        }
    }
    for node in nodes {
        note(node, &mut tables);
    }
    let mut candidates = Vec::new();
    for (name, used) in tables.into_values() {
        let Some(table) = seen.get(&name.0, &name.1) else { continue };
        for columns in used.lists(table) {
            let wished = Wished { table: name.clone(), columns };
            if wished.exists(seen) && !candidates.contains(&wished) {
                candidates.push(wished);
            }
        }
    }
    candidates.truncate(TRIED);
    candidates
}

/// Notes what a node does with columns of tables.
fn note(node: Node<'_>, tables: &mut BTreeMap<String, (Named, Used)>) {
    for name in ["Filter", "Join Filter", "Hash Cond", "Merge Cond"] {
        let Some(text) = node.text(name) else { continue };
        for (alias, column, way) in comparisons(text) {
            let Some((_, used)) = tables.get_mut(&alias) else { continue };
            match way {
                Way::Equal if name == "Filter" => used.equal.insert(column),
                Way::Equal => used.join.insert(column),
                Way::Range => used.range.insert(column),
            };
        }
    }
    for key in node.sort_keys() {
        let words = words(key);
        if let [Word::Name(alias), Word::Sign("."), Word::Name(column), rest @ ..] =
            words.as_slice()
            && rest.iter().all(|word| matches!(word, Word::Name(n) if n == "DESC"))
            && let Some((_, used)) = tables.get_mut(alias)
        {
            used.sort.push(column.clone());
        }
    }
}

impl Used {
    /// Lists of columns, the most promising first.
    fn lists(&self, table: &Relation) -> Vec<Vec<String>> {
        let distinct = |name: &String| {
            let column = table.columns.iter().find(|column| column.name == *name);
            let distinct = column.and_then(|column| column.distinct).unwrap_or(1.0);
            if distinct < 0.0 { -distinct * table.rows } else { distinct }
        };
        // Those that leave least come first.
        let mut equal: Vec<String> = self.equal.iter().cloned().collect();
        equal.sort_by(|a, b| distinct(b).total_cmp(&distinct(a)));
        let mut lists = Vec::new();
        let mut with = |tail: &[String]| {
            let mut list = equal.clone();
            list.extend(tail.iter().filter(|name| !self.equal.contains(*name)).cloned());
            list.truncate(COLUMNS);
            if !list.is_empty() {
                lists.push(list);
            }
        };
        with(&[]);
        self.range.iter().for_each(|column| with(std::slice::from_ref(column)));
        self.join.iter().for_each(|column| with(std::slice::from_ref(column)));
        with(&self.sort);
        let single = equal.iter().chain(&self.join).chain(&self.range);
        lists.extend(single.map(|column| vec![column.clone()]));
        lists
    }
}

/// How a column is compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Way {
    Equal,
    Range,
}

/// A piece of an expression as PostgreSQL writes them.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Word<'a> {
    /// Without its quotes.
    Name(String),
    Sign(&'a str),
    Constant,
}

/// The columns that an expression compares as they are, by the alias of their table.
fn comparisons(text: &str) -> Vec<(String, String, Way)> {
    let words = words(text);
    let mut found = Vec::new();
    for at in 0..words.len() {
        let Some([Word::Name(alias), Word::Sign("."), Word::Name(column)]) = words.get(at..at + 3)
        else {
            continue;
        };
        let before = words.get(..at).unwrap_or_default();
        let after = words.get(at + 3..).unwrap_or_default();
        let way = after_column(after).or_else(|| before_column(before));
        found.extend(way.map(|way| (alias.clone(), column.clone(), way)));
    }
    found
}

fn way(word: Option<&Word<'_>>) -> Option<Way> {
    match word? {
        Word::Sign("=") => Some(Way::Equal),
        Word::Sign("<" | ">" | "<=" | ">=") => Some(Way::Range),
        _ => None,
    }
}

/// `= …`, `)::text = …`
fn after_column(words: &[Word<'_>]) -> Option<Way> {
    let mut rest = words.iter().peekable();
    if rest.peek() == Some(&&Word::Sign(")")) {
        rest.next();
        // Of a cast, and of nothing else.
        if rest.next() != Some(&Word::Sign("::")) {
            return None;
        }
        while matches!(rest.peek(), Some(Word::Name(_) | Word::Sign("."))) {
            rest.next();
        }
    }
    way(rest.next())
}

/// `… =`
fn before_column(words: &[Word<'_>]) -> Option<Way> {
    way(words.last())
}

fn words(text: &str) -> Vec<Word<'_>> {
    use squawk_lexer::TokenKind as T;
    let (mut words, mut at): (Vec<Word<'_>>, usize) = (Vec::new(), 0);
    let mut joined = false;
    for token in squawk_lexer::tokenize(text) {
        let length = usize::try_from(token.len).unwrap_or(usize::MAX);
        let start = at;
        at = at.saturating_add(length);
        let part = text.get(start..at).unwrap_or_default();
        let is_operator =
            !part.is_empty() && part.bytes().all(|c| b"<>=!:~+-*/%@#&|^".contains(&c));
        let word = match token.kind {
            T::Whitespace => {
                joined = false;
                continue;
            }
            T::Ident => Word::Name(part.to_owned()),
            T::QuotedIdent { .. } => Word::Name(part.trim_matches('"').replace("\"\"", "\"")),
            T::Literal { .. } | T::PositionalParam { .. } => Word::Constant,
            _ => Word::Sign(part),
        };
        // The lexer gives operators sign by sign.
        if is_operator
            && joined
            && let Some(Word::Sign(last)) = words.last_mut()
        {
            *last = text.get(start - last.len()..at).unwrap_or_default();
        } else {
            words.push(word);
        }
        joined = is_operator;
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_that_are_compared() {
        let found = |text: &str| -> Vec<String> {
            let found = comparisons(text).into_iter();
            found.map(|(alias, column, way)| format!("{alias}.{column} {way:?}")).collect()
        };
        let cases: &[(&str, &[&str])] = &[
            ("(o.status = 'paid'::sales.order_status)", &["o.status Equal"]),
            ("((c.email)::text = 'x.y = 1'::text)", &["c.email Equal"]),
            ("((o.a >= 5) AND (o.b <> 3))", &["o.a Range"]),
            ("(o.customer_id = c.id)", &["o.customer_id Equal", "c.id Equal"]),
            ("(lower(c.name) = 'x'::text)", &[]),
            ("(o.id = ANY ('{1,2}'::integer[]))", &["o.id Equal"]),
            ("((o.a + 1) = 5)", &[]),
            ("(\"T\".\"a b\" = (InitPlan 1).col1)", &["T.a b Equal"]),
            ("(o.note ~~ 'a%'::text)", &[]),
        ];
        for (text, expected) in cases {
            assert_eq!(found(text), *expected, "{text}");
        }
    }
}

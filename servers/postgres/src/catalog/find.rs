//! Where words occur: in names, columns, comments and labels. PostgreSQL leaves out what holds no
//! piece of a word; what is left is ranked here.

use std::cmp::Reverse;
use std::collections::HashMap;

use tokio_postgres::Row;

use super::listing::ObjectKind;
use super::nearest::likeness;
use super::visible::Lineage;
use super::{Catalog, Parameter, get};
use crate::source::error::PgError;

/// Words that are looked for at once.
const WORDS: usize = 8;

/// Hits that are looked at; a word that is in more of them says little.
const MOST: i64 = 20_000;

/// An object in which all words occur.
#[derive(Debug)]
pub(crate) struct Hit {
    pub(crate) kind: ObjectKind,
    pub(crate) schema: String,
    pub(crate) name: String,
    pub(crate) score: u32,
    /// Best first.
    pub(crate) places: Vec<Spot>,
}

/// Where in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Spot {
    pub(crate) place: Place,
    /// The name of the column, or the text in which the word is.
    pub(crate) text: String,
    /// Of a comment on a column.
    pub(crate) column: Option<String>,
    score: u32,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Place {
    Name,
    Column,
    Label,
    Comment,
}

/// What was found.
#[derive(Debug, Default)]
pub(crate) struct Hits {
    /// Best first.
    pub(crate) hits: Vec<Hit>,
    /// Whether everything was looked at.
    pub(crate) complete: bool,
}

impl Catalog<'_> {
    /// Looks for objects of these kinds, all if there are none, in which every word of `text` is.
    pub(crate) async fn find(&self, text: &str, kinds: &[ObjectKind]) -> Result<Hits, PgError> {
        let words: Vec<String> =
            text.split_whitespace().take(WORDS).map(str::to_lowercase).collect();
        if words.is_empty() {
            return Ok(Hits { complete: true, ..Hits::default() });
        }
        let patterns: Vec<String> = words.iter().flat_map(|word| pieces(word)).collect();
        let params: Vec<Parameter> = vec![Box::new(patterns), Box::new(MOST)];
        let rows = self.ask(TEXTS, params, read).await?;
        let complete = i64::try_from(rows.len()).unwrap_or(i64::MAX) < MOST;
        let mut objects: HashMap<(u8, u32), Gathered> = HashMap::new();
        for found in rows {
            let wanted = kinds.is_empty() || kinds.contains(&found.kind);
            if !wanted || !self.shows(&found) {
                continue;
            }
            let scores: Vec<u32> = words.iter().map(|word| found.score(word)).collect();
            let best = scores.iter().copied().max().unwrap_or_default();
            if best == 0 {
                continue;
            }
            let object = objects.entry((found.class, found.oid)).or_insert_with(|| Gathered {
                scores: vec![0; words.len()],
                hit: Hit {
                    kind: found.kind,
                    schema: found.schema.clone(),
                    name: found.name.clone(),
                    score: 0,
                    places: Vec::new(),
                },
            });
            for (sum, score) in object.scores.iter_mut().zip(scores) {
                *sum = (*sum).max(score);
            }
            let Texts { place, text, column, .. } = found;
            object.hit.places.push(Spot { place, text, column, score: best });
        }
        let whole = objects.into_values().filter(|object| !object.scores.contains(&0));
        let mut hits: Vec<Hit> = whole.map(Gathered::into_hit).collect();
        hits.sort_by(|a, b| {
            let key = |hit: &Hit| (Reverse(hit.score), hit.kind);
            key(a).cmp(&key(b)).then_with(|| (&a.schema, &a.name).cmp(&(&b.schema, &b.name)))
        });
        Ok(Hits { hits, complete })
    }

    fn shows(&self, found: &Texts) -> bool {
        let Texts { kind, schema, name, place, text, column, .. } = found;
        let is_relation = ObjectKind::RELATIONS.contains(kind);
        if !is_relation {
            return self.visible.object(schema, name);
        }
        let lineage = Lineage::of(schema, name);
        let column = if *place == Place::Column { Some(text) } else { column.as_ref() };
        self.visible.relation(&lineage)
            && column.is_none_or(|column| self.visible.column(&lineage, column))
    }
}

/// An object while its hits are gathered.
struct Gathered {
    /// The best hit of each word.
    scores: Vec<u32>,
    hit: Hit,
}

impl Gathered {
    fn into_hit(self) -> Hit {
        let Self { scores, mut hit } = self;
        hit.score = scores.iter().sum();
        hit.places.sort_by(|a, b| {
            (Reverse(a.score), a.place).cmp(&(Reverse(b.score), b.place)).then(a.text.cmp(&b.text))
        });
        hit
    }
}

/// One text that may hold a word.
struct Texts {
    class: u8,
    oid: u32,
    kind: ObjectKind,
    schema: String,
    name: String,
    place: Place,
    text: String,
    column: Option<String>,
}

impl Texts {
    /// How well a word fits; 0 if it doesn't.
    fn score(&self, word: &str) -> u32 {
        let weight = match self.place {
            Place::Name => 10,
            Place::Column => 8,
            Place::Label => 6,
            Place::Comment => 4,
        };
        fit(word, &self.text.to_lowercase()) * weight
    }
}

/// How well a word fits a text, both in lower case, to 10.
fn fit(word: &str, text: &str) -> u32 {
    if text == word {
        return 10;
    }
    let words = || text.split(|c: char| !c.is_alphanumeric()).filter(|part| !part.is_empty());
    let singular = |word: &str| word.strip_suffix('s').unwrap_or(word).to_owned();
    if words().any(|part| part == word) {
        return 8;
    }
    if words().any(|part| singular(part) == singular(word)) {
        return 7;
    }
    if words().any(|part| part.starts_with(word)) {
        return 6;
    }
    if text.contains(word) {
        return 4;
    }
    let typo = |part: &str| likeness(word, part).is_some_and(|likeness| likeness >= 75);
    let long = word.chars().count() >= 6;
    if long && words().any(typo) { 2 } else { 0 }
}

/// Patterns of which one is in whatever holds the word, or a word with one typo: then one half of it
/// is whole.
fn pieces(word: &str) -> Vec<String> {
    let pattern = |piece: &str| {
        let mut pattern = String::from("%");
        for c in piece.chars() {
            if matches!(c, '%' | '_' | '\\') {
                pattern.push('\\');
            }
            pattern.push(c);
        }
        pattern + "%"
    };
    let stem = word.strip_suffix('s').filter(|stem| stem.len() > 2).unwrap_or(word);
    let length = word.chars().count();
    let middle = word.char_indices().nth(length / 2).map_or(0, |(middle, _)| middle);
    match word.split_at_checked(middle) {
        Some((first, second)) if length >= 6 => vec![pattern(first), pattern(second)],
        _ => vec![pattern(stem)],
    }
}

fn read(row: &Row) -> Result<Texts, PgError> {
    let class = get::<i8>(row, 0)?.cast_unsigned();
    let kind = match class {
        b'f' => ObjectKind::Function,
        b't' => ObjectKind::Type,
        _ => ObjectKind::of_relation(get::<i8>(row, 2)?.cast_unsigned()),
    };
    let place = match get::<i8>(row, 5)?.cast_unsigned() {
        b'n' => Place::Name,
        b'c' => Place::Column,
        b'l' => Place::Label,
        _ => Place::Comment,
    };
    Ok(Texts {
        class,
        oid: get(row, 1)?,
        kind,
        schema: get(row, 3)?,
        name: get(row, 4)?,
        place,
        text: get(row, 6)?,
        column: get(row, 7)?,
    })
}

/// `$1`: patterns; `$2`: the most rows. Partitions are found as the table that they are parts of.
const TEXTS: &str = "
    WITH schemas AS (
        SELECT n.oid, n.nspname FROM pg_catalog.pg_namespace n
        WHERE pg_catalog.left(n.nspname::pg_catalog.text, 3) <> 'pg_'
            AND n.nspname <> 'information_schema'
    ), objects AS (
        SELECT 'r'::pg_catalog.\"char\" AS class, c.oid, c.relkind AS kind, n.nspname,
            c.relname AS name, 'pg_catalog.pg_class'::pg_catalog.regclass::pg_catalog.oid AS classid
        FROM pg_catalog.pg_class c JOIN schemas n ON n.oid = c.relnamespace
        WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f') AND NOT c.relispartition
        UNION ALL
        SELECT 'f', p.oid, p.prokind, n.nspname, p.proname,
            'pg_catalog.pg_proc'::pg_catalog.regclass::pg_catalog.oid
        FROM pg_catalog.pg_proc p JOIN schemas n ON n.oid = p.pronamespace
        WHERE NOT EXISTS (SELECT FROM pg_catalog.pg_depend d WHERE d.objid = p.oid
            AND d.classid = 'pg_catalog.pg_proc'::pg_catalog.regclass::pg_catalog.oid
            AND d.deptype IN ('e', 'i'))
        UNION ALL
        SELECT 't', t.oid, t.typtype, n.nspname, t.typname,
            'pg_catalog.pg_type'::pg_catalog.regclass::pg_catalog.oid
        FROM pg_catalog.pg_type t JOIN schemas n ON n.oid = t.typnamespace
        LEFT JOIN pg_catalog.pg_class c ON c.oid = t.typrelid
        WHERE (t.typtype IN ('e', 'd', 'r') OR c.relkind = 'c')
            AND NOT EXISTS (SELECT FROM pg_catalog.pg_depend d WHERE d.objid = t.oid
            AND d.classid = 'pg_catalog.pg_type'::pg_catalog.regclass::pg_catalog.oid
            AND d.deptype IN ('e', 'i'))
    ), texts AS (
        SELECT o.class, o.oid, o.kind, o.nspname, o.name, 'n'::pg_catalog.\"char\" AS place,
            o.name::pg_catalog.text AS text, NULL::pg_catalog.text AS of_column
        FROM objects o
        UNION ALL
        SELECT o.class, o.oid, o.kind, o.nspname, o.name, 'c', a.attname::pg_catalog.text, NULL
        FROM objects o JOIN pg_catalog.pg_attribute a ON a.attrelid = o.oid
        WHERE o.class = 'r' AND a.attnum > 0::pg_catalog.int2 AND NOT a.attisdropped
        UNION ALL
        SELECT o.class, o.oid, o.kind, o.nspname, o.name, 'l', e.enumlabel::pg_catalog.text, NULL
        FROM objects o JOIN pg_catalog.pg_enum e ON e.enumtypid = o.oid
        WHERE o.class = 't'
        UNION ALL
        SELECT o.class, o.oid, o.kind, o.nspname, o.name, 'd', d.description, a.attname::pg_catalog.text
        FROM objects o
        JOIN pg_catalog.pg_description d ON d.objoid = o.oid AND d.classoid = o.classid
        LEFT JOIN pg_catalog.pg_attribute a ON o.class = 'r' AND a.attrelid = o.oid
            AND a.attnum::pg_catalog.int4 = d.objsubid AND d.objsubid > 0
    )
    SELECT t.class, t.oid, t.kind, t.nspname, t.name, t.place, t.text, t.of_column FROM texts t
    WHERE pg_catalog.lower(t.text COLLATE pg_catalog.\"default\") LIKE ANY ($1::pg_catalog.text[])
    LIMIT $2";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_fit_texts() {
        for (word, text, expected) in [
            ("orders", "orders", 10),
            ("order", "order_items", 8),
            ("customer", "customers", 7),
            ("cust", "customer_id", 6),
            ("tomer", "customer_id", 4),
            ("cutsomer", "customer_id", 2),
            ("ordr", "orders", 0),
            ("invoice", "orders", 0),
        ] {
            assert_eq!(fit(word, text), expected, "{word} in {text}");
        }
    }

    #[test]
    fn whatever_fits_holds_a_piece() {
        let holds = |word: &str, text: &str| {
            let pieces = pieces(word);
            pieces.iter().any(|piece| text.contains(&piece.trim_matches('%').replace('\\', "")))
        };
        for (word, text) in [
            ("customers", "customer_id"),
            ("orders", "order_items"),
            ("order", "orders"),
            ("cutsomer", "customer"),
            ("größen", "größe"),
            ("100%", "100% cotton"),
        ] {
            assert!(fit(word, text) > 0 && holds(word, text), "{word} in {text}");
        }
        assert_eq!(pieces("a_%"), ["%a\\_\\%%"]);
    }
}

//! Masked columns, and denied ones: which columns of a result are masked, and which statements may
//! be answered at all. A mask hides a value, and whoever may compare, sort, group or compute with the value behind
//! it can find it out all the same. So a statement that touches a table with masked columns may use
//! these only as plain outputs of its outermost SELECT, where the mask is put on; all else is
//! refused, and so is everything that can't be told. A denied column doesn't exist: it can't be named
//! anywhere, and what would have it without a name is refused. Without such rules none of this is
//! asked.

use std::collections::BTreeMap;

use lockkeeper_core::Mask;

/// What masks speak about, of relations by their OIDs (`$1`): their names, and those of everything
/// that their columns are the same as or are made of. A partition has the names of its parents and a
/// parent those of its partitions, since rows of one are read through the other. What lies behind a
/// view or a generated column is said column by column.
///
/// `kind` is `self`, `kin`, `generated` (of the columns in `columns`, for the column `numbers`) or
/// `behind` (a view). `columns` are those of the relation itself for `self`, and none for `kin`.
pub(crate) const ORIGINS: &str = "\
WITH RECURSIVE reach (asked, relation, columns, behind, way) AS (
    SELECT a, a, NULL::pg_catalog.name, false, 0
    FROM pg_catalog.unnest($1::pg_catalog.oid[]) a
  UNION
    SELECT r.asked, next.relation, next.columns, r.behind OR next.behind, next.way
    FROM reach r CROSS JOIN LATERAL (
        -- Parents of parents and children of children, but no siblings.
        SELECT i.inhparent, r.columns, false, 1
        FROM pg_catalog.pg_inherits i WHERE i.inhrelid = r.relation AND r.way >= 0
      UNION ALL
        SELECT i.inhrelid, r.columns, false, -1
        FROM pg_catalog.pg_inherits i WHERE i.inhparent = r.relation AND r.way <= 0
      UNION ALL
        -- What the rule of a view reads; all columns where it names none.
        SELECT d.refobjid, t.attname, true, 0
        FROM pg_catalog.pg_rewrite w
        JOIN pg_catalog.pg_depend d
          ON d.classid = 'pg_catalog.pg_rewrite'::pg_catalog.regclass AND d.objid = w.oid
         AND d.refclassid = 'pg_catalog.pg_class'::pg_catalog.regclass
         AND d.refobjid <> w.ev_class
        LEFT JOIN pg_catalog.pg_attribute t
          ON t.attrelid = d.refobjid AND t.attnum = d.refobjsubid AND d.refobjsubid > 0
        WHERE w.ev_class = r.relation AND w.ev_type = '1'
      UNION ALL
        -- What a generated column behind a view is made of.
        SELECT g.adrelid, s.attname, true, 0
        FROM pg_catalog.pg_attribute a
        JOIN pg_catalog.pg_attrdef g ON g.adrelid = a.attrelid AND g.adnum = a.attnum
        JOIN pg_catalog.pg_depend d
          ON d.classid = 'pg_catalog.pg_attrdef'::pg_catalog.regclass AND d.objid = g.oid
         AND d.refclassid = 'pg_catalog.pg_class'::pg_catalog.regclass
         AND d.refobjid = g.adrelid AND d.refobjsubid > 0
        JOIN pg_catalog.pg_attribute s ON s.attrelid = g.adrelid AND s.attnum = d.refobjsubid
        WHERE r.behind AND a.attrelid = r.relation AND a.attname = r.columns
          AND a.attgenerated <> '' AND s.attname <> a.attname
    ) next (relation, columns, behind, way)
)
SELECT r.asked, c.relkind, n.nspname::pg_catalog.text, c.relname::pg_catalog.text,
       CASE WHEN r.behind THEN 'behind' WHEN r.asked = r.relation THEN 'self' ELSE 'kin' END,
       CASE WHEN r.asked = r.relation AND NOT r.behind
            THEN ARRAY(SELECT a.attnum FROM pg_catalog.pg_attribute a
                       WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
                       ORDER BY a.attnum)
            ELSE '{}' END,
       CASE WHEN r.columns IS NOT NULL THEN ARRAY[r.columns::pg_catalog.text]
            WHEN r.behind OR r.asked = r.relation
            THEN ARRAY(SELECT a.attname::pg_catalog.text FROM pg_catalog.pg_attribute a
                       WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
                       ORDER BY a.attnum)
            ELSE '{}' END
FROM reach r
JOIN pg_catalog.pg_class c ON c.oid = r.relation
JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
UNION ALL
SELECT a.attrelid, c.relkind, n.nspname::pg_catalog.text, c.relname::pg_catalog.text, 'generated',
       ARRAY[a.attnum], pg_catalog.array_agg(s.attname::pg_catalog.text)
FROM pg_catalog.pg_attribute a
JOIN pg_catalog.pg_class c ON c.oid = a.attrelid
JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
JOIN pg_catalog.pg_attrdef g ON g.adrelid = a.attrelid AND g.adnum = a.attnum
JOIN pg_catalog.pg_depend d
  ON d.classid = 'pg_catalog.pg_attrdef'::pg_catalog.regclass AND d.objid = g.oid
 AND d.refclassid = 'pg_catalog.pg_class'::pg_catalog.regclass
 AND d.refobjid = g.adrelid AND d.refobjsubid > 0 AND d.refobjsubid <> a.attnum
JOIN pg_catalog.pg_attribute s ON s.attrelid = g.adrelid AND s.attnum = d.refobjsubid
WHERE a.attrelid = ANY ($1::pg_catalog.oid[]) AND a.attgenerated <> ''
GROUP BY a.attrelid, a.attnum, c.relkind, n.nspname, c.relname";

/// A row of [`ORIGINS`].
#[derive(Debug, Clone)]
pub(crate) struct Origin {
    pub(crate) relation: u32,
    /// `pg_class.relkind`
    pub(crate) relation_kind: char,
    pub(crate) schema: String,
    pub(crate) name: String,
    pub(crate) kind: OriginKind,
    pub(crate) numbers: Vec<i16>,
    pub(crate) columns: Vec<String>,
}

/// See [`ORIGINS`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum OriginKind {
    Itself,
    Kin,
    Generated,
    Behind,
}

impl Origin {
    /// Reads a row of [`ORIGINS`]; an error is a mistake of ours.
    pub(crate) fn of(row: &tokio_postgres::Row) -> Result<Self, tokio_postgres::Error> {
        let kind: String = row.try_get(4)?;
        let relation_kind: i8 = row.try_get(1)?;
        Ok(Self {
            relation: row.try_get(0)?,
            relation_kind: char::from(relation_kind.cast_unsigned()),
            schema: row.try_get(2)?,
            name: row.try_get(3)?,
            kind: match kind.as_str() {
                "self" => OriginKind::Itself,
                "kin" => OriginKind::Kin,
                "generated" => OriginKind::Generated,
                _ => OriginKind::Behind,
            },
            numbers: row.try_get(5)?,
            columns: row.try_get(6)?,
        })
    }
}

/// What is masked of the relations that a statement touches.
#[derive(Debug, Default)]
pub(crate) struct Masked {
    relations: BTreeMap<u32, Relation>,
}

#[derive(Debug, Default)]
struct Relation {
    name: String,
    /// By number.
    columns: BTreeMap<i16, Column>,
    /// Why it can't be read at all while there are masks.
    closed: Option<&'static str>,
}

#[derive(Debug)]
struct Column {
    name: String,
    mask: Option<Mask>,
    denied: bool,
}

impl Relation {
    fn is_touched(&self) -> bool {
        let mut columns = self.columns.values();
        self.closed.is_some() || columns.any(|column| column.denied || column.mask.is_some())
    }

    fn has(&self, column: &str) -> bool {
        const OF_ALL: &[&str] = &["ctid", "tableoid", "xmin", "xmax", "cmin", "cmax"];
        OF_ALL.contains(&column) || self.columns.values().any(|known| known.name == column)
    }

    fn masks(&self, column: &str) -> bool {
        self.columns.values().any(|known| known.name == column && known.mask.is_some())
    }

    fn denies(&self, column: &str) -> bool {
        self.columns.values().any(|known| known.name == column && known.denied)
    }

    fn denies_any(&self) -> bool {
        self.columns.values().any(|column| column.denied)
    }

    /// The names that `*` would stand for if there were no others.
    fn allowed(&self) -> String {
        let allowed = self.columns.values().filter(|column| !column.denied);
        allowed.map(|column| quoted(&column.name)).collect::<Vec<_>>().join(", ")
    }
}

/// A name as it is written in a statement.
fn quoted(name: &str) -> String {
    let mut bytes = name.bytes();
    let is_plain = bytes.next().is_some_and(|c| c.is_ascii_lowercase() || c == b'_')
        && bytes.all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == b'_');
    if is_plain { name.to_owned() } else { format!("\"{}\"", name.replace('"', "\"\"")) }
}

/// Where PostgreSQL keeps samples of the values of all columns.
const SAMPLES: &[&str] =
    &["pg_statistic", "pg_statistic_ext_data", "pg_stats", "pg_stats_ext", "pg_stats_ext_exprs"];

impl Masked {
    /// From the answer to [`ORIGINS`] for all relations that a statement touches. `mask_of` is
    /// [`Masks::of`](lockkeeper_core::Masks::of) for names that begin with `database`, `denies`
    /// [`NameScope::denies`](lockkeeper_core::NameScope::denies).
    pub(crate) fn new(
        origins: &[Origin],
        database: &str,
        mask_of: &dyn Fn(&[&str]) -> Option<Mask>,
        denies: &dyn Fn(&[&str]) -> bool,
    ) -> Self {
        let mut masked = Self::default();
        let mask = |origin: &Origin, column: &str| {
            mask_of(&[database, &origin.schema, &origin.name, column])
        };
        // Of what is denied as a whole, its columns say nothing.
        let denied = |origin: &Origin, column: &str| {
            let (schema, name) = (&origin.schema, &origin.name);
            denies(&[database, schema, name, column]) && !denies(&[database, schema, name])
        };
        let of_kind = |kind| origins.iter().filter(move |origin| origin.kind == kind);
        for origin in of_kind(OriginKind::Itself) {
            let relation = masked.relations.entry(origin.relation).or_default();
            relation.name = format!("{}.{}", origin.schema, origin.name);
            let columns = origin.numbers.iter().zip(&origin.columns);
            let column = |(number, name): (&i16, &String)| {
                let (mask, denied) = (mask(origin, name), denied(origin, name));
                (*number, Column { name: name.clone(), mask, denied })
            };
            relation.columns = columns.map(column).collect();
            if origin.schema == "pg_toast" || origin.relation_kind == 't' {
                relation.closed = Some("holds values of other tables");
            }
            if origin.schema == "pg_catalog" && SAMPLES.contains(&origin.name.as_str()) {
                relation.closed = Some("holds samples of masked columns");
            }
        }
        for origin in of_kind(OriginKind::Kin) {
            let Some(relation) = masked.relations.get_mut(&origin.relation) else { continue };
            for column in relation.columns.values_mut() {
                column.mask = column.mask.max(mask(origin, &column.name));
                column.denied |= denied(origin, &column.name);
            }
        }
        for origin in of_kind(OriginKind::Behind) {
            let Some(relation) = masked.relations.get_mut(&origin.relation) else { continue };
            if origin.columns.iter().any(|column| mask(origin, column).is_some()) {
                relation.closed = Some("is a view that reads masked columns");
            }
            if origin.columns.iter().any(|column| denied(origin, column)) {
                relation.closed = Some("is a view that reads columns that are not allowed");
            }
            if SAMPLES.contains(&origin.name.as_str()) && origin.schema == "pg_catalog" {
                relation.closed = Some("is a view of samples of masked columns");
            }
        }
        // One may be made of what is masked by the name of its kin: these come last.
        for origin in of_kind(OriginKind::Generated) {
            let Some(relation) = masked.relations.get_mut(&origin.relation) else { continue };
            let sources = relation.columns.values();
            let sources = sources.filter(|column| origin.columns.contains(&column.name));
            let (mut strictest, mut denied) = (None, false);
            for source in sources {
                strictest = strictest.max(source.mask);
                denied |= source.denied;
            }
            for number in &origin.numbers {
                if let Some(column) = relation.columns.get_mut(number) {
                    column.mask = column.mask.max(strictest);
                    column.denied |= denied;
                }
            }
        }
        masked
    }

    /// Whether some of it has columns that don't exist for agents.
    pub(crate) fn denies_any(&self) -> bool {
        self.relations.values().any(Relation::denies_any)
    }

    /// The mask of each column of a result, by table OID and column number as the server says them.
    /// One that comes from a table, but from no column that we know of, is masked.
    pub(crate) fn of_columns(&self, columns: &[tokio_postgres::Column]) -> Vec<Option<Mask>> {
        let of = |column: &tokio_postgres::Column| self.of(column.table_oid()?, column.column_id());
        columns.iter().map(of).collect()
    }

    fn of(&self, table: u32, column: Option<i16>) -> Option<Mask> {
        let Some(relation) = self.relations.get(&table) else {
            return Some(Mask::Redact);
        };
        // ctid and the like.
        if column.is_some_and(|column| column < 0) {
            return None;
        }
        // A query of the owner's own may read what is closed to others.
        if relation.closed.is_some() {
            return Some(Mask::Redact);
        }
        let column = column.and_then(|column| relation.columns.get(&column));
        match column {
            Some(column) if column.denied => Some(Mask::Redact),
            Some(column) => column.mask,
            None if relation.is_touched() => Some(Mask::Redact),
            None => None,
        }
    }

    /// Lets each `*` of the outputs stand for the columns that are not denied, where these can be
    /// told: what to write in its place, and how many columns of which table that leaves out.
    pub(crate) fn expand(&self, statement: &mut Statement) -> (Vec<Replacement>, Vec<Omitted>) {
        let (mut replacements, mut omitted) = (Vec::new(), Vec::new());
        // From the last to the first, so that the places of the others stay.
        for whole in std::mem::take(&mut statement.wholes).into_iter().rev() {
            let Some((text, references)) = self.expanded(statement, &whole, &mut omitted) else {
                continue;
            };
            let at = whole.reference..whole.reference.saturating_add(1);
            if at.end <= statement.references.len() {
                statement.references.splice(at, references);
                replacements.push(Replacement { from: whole.from, to: whole.to, text });
            }
        }
        omitted.sort();
        omitted.dedup();
        (replacements, omitted)
    }

    fn expanded(
        &self,
        statement: &Statement,
        whole: &Whole,
        omitted: &mut Vec<Omitted>,
    ) -> Option<(String, Vec<Reference>)> {
        let place = statement.references.get(whole.reference)?.place;
        let denying = |alias: &str| {
            // Elsewhere the name is another's.
            let is_here = |source: &&Source| source.alias == alias && source.within == whole.within;
            let mut named = statement.sources.iter().filter(is_here);
            let source = named.next()?;
            let relation = self.relations.get(&source.relation)?;
            let is_plain =
                named.next().is_none() && !source.has_column_aliases && relation.closed.is_none();
            (is_plain && relation.denies_any()).then_some(relation)
        };
        let items = whole.items.as_ref()?;
        if items.iter().all(|alias| denying(alias).is_none()) {
            return None;
        }
        let (mut texts, mut references) = (Vec::new(), Vec::new());
        let mut refer = |what| {
            references.push(Reference { what, place, at: whole.from, within: whole.within });
        };
        for (n, alias) in items.iter().enumerate() {
            // Two of the same name are not told apart.
            if items.iter().skip(n + 1).any(|other| other == alias) {
                return None;
            }
            let name = format!("\"{}\"", alias.replace('"', "\"\""));
            let Some(relation) = denying(alias) else {
                texts.push(format!("{name} . *"));
                refer(What::Star { qualifier: Some(alias.clone()) });
                continue;
            };
            let mut left_out = 0;
            for column in relation.columns.values() {
                if column.denied {
                    left_out += 1;
                    continue;
                }
                texts.push(format!("{name} . \"{}\"", column.name.replace('"', "\"\"")));
                let qualifier = Some(alias.clone());
                refer(What::Column { qualifier, name: column.name.clone() });
            }
            omitted.push(Omitted { relation: relation.name.clone(), columns: left_out });
        }
        let list = texts.join(" , ");
        if list.is_empty() {
            return None;
        }
        let text = if whole.is_table { format!("select {list} from") } else { list };
        Some((text, references))
    }

    /// Whether a statement may be answered.
    ///
    /// # Errors
    ///
    /// What it does with a masked column that would tell what is behind the mask.
    pub(crate) fn judge(&self, statement: &Statement) -> Result<(), Oracle> {
        for source in &statement.sources {
            match self.relations.get(&source.relation) {
                None => return Err(Oracle::Unclear("a table that isn't known".to_owned())),
                Some(Relation { closed: Some(why), name, .. }) => {
                    return Err(Oracle::Closed { relation: name.clone(), why });
                }
                Some(_) => {}
            }
        }
        let touched: Vec<(&Source, &Relation)> = statement
            .sources
            .iter()
            .filter_map(|source| Some((source, self.relations.get(&source.relation)?)))
            .filter(|(_, relation)| relation.is_touched())
            .collect();
        if touched.is_empty() {
            return Ok(());
        }
        if let Some(what) = &statement.unclear {
            return Err(Oracle::Unclear(what.clone()));
        }
        for (source, relation) in &touched {
            if source.has_column_aliases {
                return Err(Oracle::Renamed { relation: relation.name.clone() });
            }
        }
        for reference in &statement.references {
            judge_denied(reference, &touched)?;
        }
        if statement.is_verbose && touched.iter().any(|(_, relation)| relation.denies_any()) {
            return Err(Oracle::Verbose);
        }
        let shows = |reference: &Reference| match &reference.what {
            What::Column { name, .. } => touched.iter().any(|(_, relation)| relation.masks(name)),
            What::Star { qualifier } => {
                touched.iter().any(|(source, _)| reference.covers(qualifier.as_deref(), source))
            }
            What::NaturalJoin | What::Position(_) => false,
        };
        let mut outputs = statement.references.iter().filter(|r| r.place == Place::Output);
        let has_masked_outputs = outputs.any(shows);
        let masks = |column: &str| touched.iter().any(|(_, relation)| relation.masks(column));
        for reference in &statement.references {
            match &reference.what {
                What::Column { qualifier: Some(qualifier), name } => {
                    let named = touched.iter().filter(|(source, _)| source.alias == *qualifier);
                    for (_, relation) in named {
                        if reference.place != Place::Output && relation.masks(name) {
                            return Err(Oracle::Used {
                                column: name.clone(),
                                place: reference.place,
                            });
                        }
                        // `u.row_to_json` is a function of the whole row.
                        if !relation.has(name) {
                            return Err(Oracle::WholeRow { alias: qualifier.clone() });
                        }
                    }
                }
                // By its bare name: it may be of any of the tables.
                What::Column { qualifier: None, name } => {
                    if reference.place != Place::Output && masks(name) {
                        return Err(Oracle::Used { column: name.clone(), place: reference.place });
                    }
                    // A row of a table, under the table's name.
                    if touched.iter().any(|(source, _)| source.alias == *name) {
                        return Err(Oracle::WholeRow { alias: name.clone() });
                    }
                }
                What::Star { qualifier } => {
                    let mut sources = touched.iter().map(|(source, _)| source);
                    let covered =
                        sources.any(|source| reference.covers(qualifier.as_deref(), source));
                    if reference.place != Place::Output && covered {
                        return Err(Oracle::Star { place: reference.place });
                    }
                }
                // Joins on columns that it doesn't name.
                What::NaturalJoin => return Err(Oracle::NaturalJoin),
                What::Position(_) if !has_masked_outputs => {}
                What::Position(position) => judge_position(statement, *position, &masks)?,
            }
        }
        // A name of an output may stand for a masked column where its own name doesn't appear.
        for name in &statement.output_names_used {
            let is_masked = |output: &Output| match &output.what {
                Some(What::Column { name: column, .. }) => {
                    output.name.as_ref().unwrap_or(column) == name && masks(column)
                }
                _ => false,
            };
            if statement.outputs.iter().any(is_masked) {
                return Err(Oracle::Used { column: name.clone(), place: Place::Order });
            }
        }
        Ok(())
    }
}

/// A denied column is not there to be named, and `*` would name it.
fn judge_denied(reference: &Reference, touched: &[(&Source, &Relation)]) -> Result<(), Oracle> {
    let (qualifier, column) = match &reference.what {
        What::Column { qualifier, name } => (qualifier.as_ref(), Some(name)),
        What::Star { qualifier } => (qualifier.as_ref(), None),
        What::NaturalJoin | What::Position(_) => return Ok(()),
    };
    let covered = touched.iter().filter(|(source, _)| match column {
        Some(_) => qualifier.is_none_or(|qualifier| *qualifier == source.alias),
        None => reference.covers(qualifier.map(String::as_str), source),
    });
    for (source, relation) in covered {
        match column {
            // `u.row_to_json` would be a function of the whole row.
            Some(column)
                if relation.denies(column)
                    || (qualifier.is_some() && relation.denies_any() && !relation.has(column)) =>
            {
                let column = match qualifier {
                    Some(qualifier) => format!("{qualifier}.{column}"),
                    None => format!("\"{column}\""),
                };
                return Err(Oracle::Absent { column, at: reference.at });
            }
            None if relation.denies_any() => {
                let (alias, columns) = (source.alias.clone(), relation.allowed());
                return Err(Oracle::Incomplete { alias, columns });
            }
            _ => {}
        }
    }
    Ok(())
}

/// `ORDER BY 2`: what stands there.
fn judge_position(
    statement: &Statement,
    position: usize,
    masks: &dyn Fn(&str) -> bool,
) -> Result<(), Oracle> {
    for (place, output) in statement.outputs.iter().enumerate() {
        match &output.what {
            // It takes an unknown number of places.
            Some(What::Star { .. }) => return Err(Oracle::Position { position }),
            Some(What::Column { name, .. }) if place + 1 == position && masks(name) => {
                return Err(Oracle::Used { column: name.clone(), place: Place::Order });
            }
            _ if place + 1 == position => return Ok(()),
            _ => {}
        }
    }
    Err(Oracle::Position { position })
}

/// What the guard says of a statement, as far as syntax goes. What it can't say it must put into
/// `unclear`; what it leaves out is not judged.
#[derive(Debug, Clone, Default)]
pub(crate) struct Statement {
    /// Every place where a relation is named, at any depth; the names of CTEs are none.
    pub(crate) sources: Vec<Source>,
    /// The outputs of the outermost SELECT, in order. None if the outermost is no plain SELECT:
    /// the branches of UNION, INTERSECT and EXCEPT are `Elsewhere`, and so are those of a SELECT
    /// with DISTINCT, which compares its outputs.
    pub(crate) outputs: Vec<Output>,
    /// Every column reference, star and NATURAL JOIN, at any depth. `count(*)` is no star.
    pub(crate) references: Vec<Reference>,
    /// Bare names in ORDER BY and GROUP BY of the outermost SELECT, which may be those of outputs.
    pub(crate) output_names_used: Vec<String>,
    /// The stars among the references that are outputs by themselves, in their order.
    pub(crate) wholes: Vec<Whole>,
    /// Something that this description can't express. A join with an alias of its own is such a
    /// thing, which would be another name of its tables.
    pub(crate) unclear: Option<String>,
    /// EXPLAIN VERBOSE, which names columns that the statement doesn't.
    pub(crate) is_verbose: bool,
}

/// A star that is an output by itself.
#[derive(Debug, Clone)]
pub(crate) struct Whole {
    /// Which of the references it is.
    pub(crate) reference: usize,
    /// Which SELECT it is in.
    pub(crate) within: usize,
    /// Where its first and its last token begin, in the text that came in.
    pub(crate) from: usize,
    pub(crate) to: usize,
    /// The names of what it stands for, in their order, as far as they can be told.
    pub(crate) items: Option<Vec<String>>,
    /// It is the word TABLE.
    pub(crate) is_table: bool,
}

/// What to write in place of the tokens from one place to another, in the text that came in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Replacement {
    pub(crate) from: usize,
    pub(crate) to: usize,
    pub(crate) text: String,
}

/// What a star leaves out.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Omitted {
    pub(crate) relation: String,
    pub(crate) columns: u64,
}

/// A relation where it is named.
#[derive(Debug, Clone)]
pub(crate) struct Source {
    pub(crate) relation: u32,
    /// Its own name if it was given none.
    pub(crate) alias: String,
    /// `users AS u (a, b)`
    pub(crate) has_column_aliases: bool,
    /// Which SELECT's FROM it is in.
    pub(crate) within: usize,
}

/// An output of the outermost SELECT.
#[derive(Debug, Clone)]
pub(crate) struct Output {
    /// After AS.
    pub(crate) name: Option<String>,
    /// `None` for an expression.
    pub(crate) what: Option<What>,
}

/// A reference and where it stands.
#[derive(Debug, Clone)]
pub(crate) struct Reference {
    pub(crate) what: What,
    pub(crate) place: Place,
    /// In the text that came in, in bytes.
    pub(crate) at: usize,
    /// Which SELECT it is in: `*` stands for the columns of that one's FROM.
    pub(crate) within: usize,
}

impl Reference {
    /// Whether this star, with or without a table, stands for the columns of `source`.
    fn covers(&self, qualifier: Option<&str>, source: &Source) -> bool {
        match qualifier {
            Some(qualifier) => qualifier == source.alias,
            None => self.within == source.within,
        }
    }
}

/// What is referred to. Names are as PostgreSQL folds them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum What {
    /// `email`, `u.email`, a column in USING, `u` of `(u).email`. The qualifier is the last one:
    /// `users` of `public.users.email`.
    Column {
        qualifier: Option<String>,
        name: String,
    },
    /// `*`, `u.*`, `TABLE users`
    Star {
        qualifier: Option<String>,
    },
    NaturalJoin,
    /// A number in ORDER BY or GROUP BY of the outermost SELECT, from 1.
    Position(usize),
}

/// Where a reference stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Place {
    /// It is all there is of an output of the outermost SELECT, with no more than an alias.
    Output,
    /// ORDER BY or GROUP BY of the outermost SELECT.
    Order,
    /// An expression, a condition, a join, a subquery, a CTE, a branch of UNION.
    Elsewhere(&'static str),
}

/// Why a statement isn't answered: it would tell what is behind a mask.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Oracle {
    /// As PostgreSQL says it of a column that there is none of.
    #[error("column {column} does not exist")]
    Absent { column: String, at: usize },
    #[error("`*` leaves out columns of `{alias}` that are not allowed: name those that are")]
    Incomplete { alias: String, columns: String },
    #[error("EXPLAIN VERBOSE names columns that are not allowed")]
    Verbose,
    #[error("`{column}` is masked and can't be used in {}", .place.name())]
    Used { column: String, place: Place },
    #[error("`*` over masked columns can't be used in {}", .place.name())]
    Star { place: Place },
    #[error("`{alias}` as a whole row has columns in it that are masked or not allowed")]
    WholeRow { alias: String },
    #[error("a NATURAL JOIN compares columns of which some are masked or not allowed")]
    NaturalJoin,
    #[error(
        "`{relation}` has columns that are masked or not allowed, and none can be renamed in FROM"
    )]
    Renamed { relation: String },
    #[error("`{relation}` {why}")]
    Closed { relation: String, why: &'static str },
    #[error("position {position} may be a masked column")]
    Position { position: usize },
    #[error("it can't be told what becomes of columns that are masked or not allowed in {0}")]
    Unclear(String),
}

impl Oracle {
    /// What can be done instead.
    pub(crate) fn hint(&self) -> String {
        let hint = match self {
            Self::Incomplete { columns, .. } => return format!("the columns are: {columns}"),
            Self::Absent { .. } => "list_objects and describe show what there is",
            Self::Verbose => "use EXPLAIN without VERBOSE",
            Self::Closed { .. } => "read other tables: masks are in force",
            Self::Star { .. } | Self::WholeRow { .. } => {
                "name the columns that are needed, without those"
            }
            Self::Position { .. } => "use the column's name instead of its number",
            Self::NaturalJoin => "join with ON and other columns",
            Self::Used { .. } | Self::Renamed { .. } | Self::Unclear(_) => {
                "masked columns can only be plain outputs of the outermost SELECT; filter, join and \
                 sort by others"
            }
        };
        hint.to_owned()
    }
}

impl Place {
    fn name(self) -> &'static str {
        match self {
            Self::Output => "an output",
            Self::Order => "ORDER BY or GROUP BY",
            Self::Elsewhere(place) => place,
        }
    }
}

#[cfg(test)]
mod tests;

//! Statements that the guard let through, remembered for a moment: the same statement with other
//! parameters, a page later or a thousand times a second, is judged once.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use lockkeeper_core::Mask;
use tokio::time::Instant;

use super::Database;
use super::error::{PgError, Refusal};
use super::reading::{Query, Rows};
use crate::guard::{self, FACTS, Facts, Name, Policy, Scope, Standing, Statement, Verdict};
use crate::values::masking::{Masked, ORIGINS, Omitted, Oracle, Origin, OriginKind};
use crate::values::parameter::Parameter;

/// A judgement holds this long. What the catalogue says may change at any time, also between a
/// judgement and the statement that follows it.
const HOLDS: Duration = Duration::from_secs(1);

/// As many judgements are kept.
const MOST: usize = 64;

/// A statement that may be sent to one database.
#[derive(Debug)]
pub(crate) struct Checked {
    pub(crate) statement: Statement,
    verdict: Verdict,
    /// None if no rule speaks of columns.
    masked: Option<Masked>,
    /// What `*` leaves out of it.
    omitted: Vec<Omitted>,
    since: Instant,
    /// Whether the database has been asked if it sees the same.
    is_proven: AtomicBool,
}

impl Checked {
    /// What the database has to confirm before the statement runs, if it hasn't yet.
    pub(crate) fn unproven(&self) -> Option<Verdict> {
        let is_proven = self.is_proven.load(Ordering::Relaxed);
        (!is_proven).then(|| self.verdict.clone())
    }

    /// What was judged of it.
    pub(crate) fn verdict(&self) -> &Verdict {
        &self.verdict
    }

    /// The relations that it names.
    pub(crate) fn relations(&self) -> impl Iterator<Item = (&str, &str)> {
        self.verdict.relations().iter().map(|r| (r.schema.as_str(), r.name.as_str()))
    }

    /// The database has seen what was judged.
    pub(crate) fn proven(&self) {
        self.is_proven.store(true, Ordering::Relaxed);
    }

    /// An error with its place in the text that came in, in place of the one that was sent.
    pub(crate) fn placed(&self, error: PgError, sql: &str) -> PgError {
        let PgError::Refused(mut refusal) = error else { return error };
        if let Some(position) = refusal.position {
            let at = usize::try_from(position).unwrap_or(1).saturating_sub(1);
            let text = self.statement.text();
            let at = text.char_indices().nth(at).map_or(text.len(), |(at, _)| at);
            let before = sql.get(..self.statement.place(at)).unwrap_or(sql);
            refusal.position = u32::try_from(before.chars().count() + 1).ok();
        }
        // PostgreSQL proposes columns with a similar name.
        if refusal.state == "42703" && self.masked.as_ref().is_some_and(Masked::denies_any) {
            refusal.hint = None;
        }
        PgError::Refused(refusal)
    }
}

/// The judgements of one database.
#[derive(Debug, Default)]
pub(crate) struct Judgements(Mutex<HashMap<String, Arc<Place>>>);

/// Where the judgement of one statement is. Whoever judges it holds the lock, so that it is judged
/// once however many wait for it.
type Place = tokio::sync::Mutex<Option<Arc<Checked>>>;

impl Checked {
    fn holds(&self) -> bool {
        self.since.elapsed() < HOLDS
    }
}

impl Judgements {
    fn place(&self, sql: &str) -> Arc<Place> {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(place) = kept.get(sql) {
            return Arc::clone(place);
        }
        kept.retain(|_, place| match place.try_lock() {
            Ok(judged) => judged.as_ref().is_some_and(|checked| checked.holds()),
            Err(_) => true,
        });
        let place = Arc::default();
        if kept.len() < MOST {
            kept.insert(sql.to_owned(), Arc::clone(&place));
        }
        place
    }
}

/// The rules of the policy over the relations of one database.
struct Relations<'a>(&'a Database);

impl Scope for Relations<'_> {
    fn is_limited(&self) -> bool {
        self.0.scope.is_limited()
    }

    fn hides(&self) -> bool {
        self.0.scope.restricts()
    }

    fn denies(&self, schema: &str, name: &str) -> bool {
        self.0.scope.denies(&[&self.0.name, schema, name])
    }

    fn standing(&self, schema: &str, name: &str) -> Standing {
        match self.0.admits(&[schema, name]) {
            Ok(()) if self.0.scope.is_limited() => Standing::Listed,
            Ok(()) => Standing::Open,
            Err(_) => Standing::Denied,
        }
    }
}

impl Database {
    /// Judges a statement that somebody else wrote.
    pub(crate) async fn check(&self, sql: &str) -> Result<Arc<Checked>, PgError> {
        let place = self.judgements.place(sql);
        let mut judged = place.lock().await;
        if let Some(checked) = judged.as_ref().filter(|checked| checked.holds()) {
            return Ok(Arc::clone(checked));
        }
        let mut statement = Statement::parse(sql).map_err(PgError::NotAllowed)?;
        let verdict = self.judge(&statement).await?;
        let masked = self.masked(&verdict).await?;
        let mut omitted = Vec::new();
        if let Some(masked) = &masked {
            let mut described = statement.described(&verdict);
            let (replacements, left_out) = masked.expand(&mut described);
            masked.judge(&described).map_err(|oracle| refused(oracle, sql))?;
            statement = statement.replaced(&replacements);
            omitted = left_out;
        }
        let statement = statement.told(&verdict).map_err(PgError::NotAllowed)?;
        let checked = Arc::new(Checked {
            statement,
            verdict,
            masked,
            omitted,
            since: Instant::now(),
            is_proven: AtomicBool::new(false),
        });
        *judged = Some(Arc::clone(&checked));
        Ok(checked)
    }

    /// Judges a statement that somebody else wrote and that changes rows.
    pub(crate) async fn check_write(&self, sql: &str) -> Result<Checked, PgError> {
        let statement = Statement::parse_write(sql).map_err(PgError::NotAllowed)?;
        let verdict = self.judge(&statement).await?;
        self.nothing_hidden(&statement, &verdict).await?;
        let statement = statement.told(&verdict).map_err(PgError::NotAllowed)?;
        let is_proven = AtomicBool::new(false);
        // With hidden columns there is nothing that it shows.
        let (masked, omitted) = (None, Vec::new());
        Ok(Checked { statement, verdict, masked, omitted, since: Instant::now(), is_proven })
    }

    /// Refuses what could tell, or copy, columns that the policy hides: a condition on them, their
    /// names in RETURNING, and also `*`, rows as a whole and conflicts. So whatever shows a table
    /// with such columns, and an INSERT that fills them.
    async fn nothing_hidden(
        &self,
        statement: &Statement,
        verdict: &Verdict,
    ) -> Result<(), PgError> {
        if !self.hides() {
            return Ok(());
        }
        let named: Vec<(&Name, u32)> = verdict.named(statement).collect();
        let oids: Vec<u32> = named.iter().map(|(_, oid)| *oid).collect();
        let rows = self.ask(ORIGINS, vec![Box::new(oids)]).await?;
        let origins = rows.iter().map(Origin::of).collect::<Result<Vec<_>, _>>();
        let origins = origins.map_err(PgError::Driver)?;
        for (name, oid) in named {
            // An INSERT tells by a failure whether a value is there already.
            let touches = |column: &str| match statement.writes() {
                Some(writes) if !writes.shown.contains(name) => {
                    writes.filled.as_ref().is_none_or(|filled| filled.contains(column))
                }
                _ => true,
            };
            let own = |origin: &&Origin| origin.relation == oid;
            let itself = origins.iter().filter(own).find(|o| o.kind == OriginKind::Itself);
            // One that is gone is judged by nobody.
            let itself = itself.ok_or(PgError::Unseen)?;
            for origin in origins.iter().filter(own) {
                let named = if origin.columns.is_empty() { itself } else { origin };
                let is_hidden = named.columns.iter().any(|column| {
                    let full = [&*self.name, &*origin.schema, &*origin.name, &**column];
                    touches(column) && (self.masks.of(&full).is_some() || self.scope.denies(&full))
                });
                if is_hidden {
                    return Err(PgError::Hidden(name.to_string()));
                }
            }
        }
        Ok(())
    }

    async fn judge(&self, statement: &Statement) -> Result<Verdict, PgError> {
        let facts = self.facts(statement).await?;
        let scope = Relations(self);
        let policy = Policy { scope: &scope, functions: &self.functions };
        guard::judge(statement, &facts, &policy).map_err(PgError::NotAllowed)
    }

    /// Runs a statement that was judged; `sql` is the text that it was written in.
    pub(crate) async fn read(
        &self,
        checked: &Checked,
        sql: &str,
        params: Vec<serde_json::Value>,
        timeout: Duration,
    ) -> Result<Rows, PgError> {
        if self.hides() && checked.statement.explained().is_some() {
            let told = self.plan_is_told(checked, params.clone(), timeout).await;
            told.map_err(|error| checked.placed(error, sql))?;
        }
        let text = checked.statement.text().to_owned();
        let params = Parameter::all(params);
        let query = Query { sql: text.into(), params, timeout, judged: checked.unproven() };
        let rows = self.pool.read(query).await;
        let mut rows = rows.map_err(|error| checked.placed(error, sql))?;
        checked.proven();
        let columns = rows.statement.columns();
        rows.masks = match &checked.masked {
            Some(masked) => masked.of_columns(columns),
            None => vec![None; columns.len()],
        };
        rows.omitted.clone_from(&checked.omitted);
        Ok(rows)
    }

    /// Whether no rule speaks of columns.
    pub(crate) fn shows_all_columns(&self) -> bool {
        self.masks.is_empty() && !self.scope.has_denials()
    }

    /// What the rules over columns say of the relations in a statement.
    async fn masked(&self, verdict: &Verdict) -> Result<Option<Masked>, PgError> {
        if self.shows_all_columns() {
            return Ok(None);
        }
        let Some(origins) = self.origins(verdict).await? else {
            return Ok(Some(Masked::default()));
        };
        if let Some((relation, reason)) = self.denied_part(verdict, &origins) {
            return Err(PgError::NotAllowed(guard::Refusal::Forbidden { relation, reason }));
        }
        Ok(Some(self.masked_of(&origins)))
    }

    fn masked_of(&self, origins: &[Origin]) -> Masked {
        let mask_of = |name: &[&str]| self.masks.of(name);
        let denies = |name: &[&str]| self.scope.denies(name);
        Masked::new(origins, &self.name, &mask_of, &denies)
    }

    /// Where what a statement reads comes from; none if it reads no relation.
    async fn origins(&self, verdict: &Verdict) -> Result<Option<Vec<Origin>>, PgError> {
        let relations: Vec<u32> = verdict.relations().iter().map(|relation| relation.oid).collect();
        if relations.is_empty() {
            return Ok(None);
        }
        let rows = self.ask(ORIGINS, vec![Box::new(relations)]).await?;
        let origins: Result<Vec<Origin>, _> = rows.iter().map(Origin::of).collect();
        origins.map(Some).map_err(PgError::Driver)
    }

    /// The masks of the columns of a query that its owner wrote, and vouches for: what comes from a
    /// column has that one's mask. What is computed is shown if nothing masked or denied goes into it
    /// as far as the text tells, and not at all otherwise.
    pub(crate) async fn masks_of_saved(
        &self,
        sql: &str,
        columns: &[tokio_postgres::Column],
    ) -> Result<Vec<Option<Mask>>, PgError> {
        if self.shows_all_columns() {
            return Ok(vec![None; columns.len()]);
        }
        // What the guard can't read may do anything with what it reads.
        let Ok(statement) = Statement::parse(sql) else {
            return Ok(vec![Some(Mask::Redact); columns.len()]);
        };
        let verdict = guard::found(&self.facts(&statement).await?);
        let origins = self.origins(&verdict).await?;
        let masked = origins.map(|origins| self.masked_of(&origins)).unwrap_or_default();
        let is_clear = masked.judge(&statement.described(&verdict)).is_ok();
        let of = |(column, mask): (&tokio_postgres::Column, Option<Mask>)| {
            let is_computed = column.table_oid().is_none();
            if is_computed && !is_clear { Some(Mask::Redact) } else { mask }
        };
        Ok(columns.iter().zip(masked.of_columns(columns)).map(of).collect())
    }

    /// What is read through a relation although it is denied by a name of its own: a partition
    /// through its parent, and, unless the relation is on an allow-list, a table through a view.
    fn denied_part(&self, verdict: &Verdict, origins: &[Origin]) -> Option<(String, &'static str)> {
        origins.iter().find_map(|origin| {
            if !self.scope.denies(&[&self.name, &origin.schema, &origin.name]) {
                return None;
            }
            let reason = match origin.kind {
                OriginKind::Kin => {
                    "a part of it is denied: read its other parts by their own names"
                }
                OriginKind::Behind if !self.scope.is_limited() => "it reads what is denied",
                _ => return None,
            };
            let read = verdict.relations().iter().find(|read| read.oid == origin.relation)?;
            Some((format!("{}.{}", read.schema, read.name), reason))
        })
    }

    async fn facts(&self, statement: &Statement) -> Result<Facts, PgError> {
        let question = Facts::question(statement.uses());
        let rows = self.ask(FACTS, Parameter::all(vec![question.into(), Facts::EXTENSIONS.into()]));
        let rows = rows.await?;
        let row = rows.first().ok_or(PgError::Closed)?;
        let answer = row.try_get::<_, &str>(0).map_err(PgError::Driver)?;
        Facts::decode(answer).map_err(PgError::Catalog)
    }
}

/// A denied column is refused in the database's own words for one that doesn't exist.
fn refused(oracle: Oracle, sql: &str) -> PgError {
    let Oracle::Absent { at, .. } = &oracle else { return PgError::Masked(oracle) };
    let before = sql.get(..*at).unwrap_or_default();
    PgError::Refused(Box::new(Refusal {
        state: "42703".to_owned(),
        message: oracle.to_string(),
        detail: None,
        hint: None,
        position: u32::try_from(before.chars().count() + 1).ok(),
    }))
}

#[cfg(test)]
mod tests;

//! What functions, procedures and aggregates look like.

use std::sync::LazyLock;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::sql::mentions_of;
use super::visible::Mention;
use super::{Catalog, Parameter, get, json};
use crate::source::error::PgError;

/// A function or something like one.
#[derive(Debug, Deserialize, Serialize, JsonSchema)]
pub(crate) struct Routine {
    pub(crate) schema: String,
    pub(crate) name: String,
    /// `pg_proc.prokind`
    pub(crate) prokind: String,
    /// none if hidden types are in it
    pub(crate) arguments: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) result: Option<String>,
    pub(crate) language: String,
    /// `i`, `s` or `v`
    pub(crate) volatility: String,
    pub(crate) security_definer: bool,
    pub(crate) strict: bool,
    pub(crate) parallel: String,
    pub(crate) settings: Option<Vec<String>>,
    pub(crate) owner: String,
    pub(crate) executable: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) comment: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) source: Option<String>,
    /// why there is no source although it was asked for
    #[serde(default, skip_deserializing, skip_serializing_if = "Option::is_none")]
    pub(crate) withheld: Option<&'static str>,
    #[serde(skip_serializing)]
    #[schemars(skip)]
    mentions: Option<Vec<Mention>>,
}

impl Catalog<'_> {
    /// The functions with these identifiers.
    pub(crate) async fn routines(
        &self,
        oids: Vec<u32>,
        source: bool,
    ) -> Result<Vec<(u32, Routine)>, PgError> {
        let params: Vec<Parameter> =
            vec![Box::new(oids), Box::new(self.visible.restricts()), Box::new(source)];
        let read = |row: &_| Ok((get(row, 0)?, json::<Routine>(row, 1)?));
        let mut routines = self.ask(&ROUTINES, params, read).await?;
        routines.retain(|(_, routine)| self.visible.object(&routine.schema, &routine.name));
        for (_, routine) in &mut routines {
            if !self.visible.restricts() {
                continue;
            }
            // What a body mentions is known to its language alone.
            if routine.source.take().is_some() {
                routine.withheld = Some("withheld: the policy hides parts of this database");
            }
            routine.settings = None;
            if !self.visible.all(routine.mentions.as_deref().unwrap_or_default(), &routine.schema) {
                (routine.arguments, routine.result) = (None, None);
            }
        }
        Ok(routines)
    }
}

/// `$1`: object identifiers; `$2`: whether to say what they mention; `$3`: their source.
static ROUTINES: LazyLock<String> = LazyLock::new(|| {
    let mentions = mentions_of("pg_proc", "p0.oid");
    format!(
        "SELECT p0.oid, pg_catalog.json_build_object(
            'schema', n.nspname,
            'name', p0.proname,
            'prokind', p0.prokind,
            'arguments', pg_catalog.pg_get_function_arguments(p0.oid),
            'result', pg_catalog.pg_get_function_result(p0.oid),
            'language', l.lanname,
            'volatility', p0.provolatile,
            'security_definer', p0.prosecdef,
            'strict', p0.proisstrict,
            'parallel', p0.proparallel,
            'settings', p0.proconfig,
            'owner', pg_catalog.pg_get_userbyid(p0.proowner),
            'executable', pg_catalog.has_schema_privilege(n.oid, 'USAGE')
                AND pg_catalog.has_function_privilege(p0.oid, 'EXECUTE'),
            'comment', pg_catalog.obj_description(p0.oid, 'pg_proc'),
            'source', CASE WHEN $3 AND p0.prokind <> 'a'
                THEN pg_catalog.pg_get_functiondef(p0.oid) END,
            'mentions', {mentions}
        )::pg_catalog.text
        FROM pg_catalog.pg_proc p0
        JOIN pg_catalog.pg_namespace n ON n.oid = p0.pronamespace
        JOIN pg_catalog.pg_language l ON l.oid = p0.prolang
        WHERE p0.oid = ANY ($1)"
    )
});

//! What types look like, and extensions.

use std::sync::LazyLock;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::sql::mentions_of;
use super::visible::{Lineage, Mention};
use super::{Catalog, Parameter, get, json};
use crate::source::error::PgError;

/// An enum, a domain, a composite, a range or a base type.
#[derive(Debug, Deserialize, Serialize, JsonSchema)]
pub(crate) struct UserType {
    pub(crate) schema: String,
    pub(crate) name: String,
    /// `pg_type.typtype`
    pub(crate) typtype: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) labels: Option<Vec<String>>,
    /// of a domain or range
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) base: Option<String>,
    pub(crate) not_null: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) default: Option<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) checks: Vec<String>,
    /// of a composite
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) fields: Vec<Field>,
    pub(crate) owner: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) comment: Option<String>,
    #[serde(skip_serializing)]
    #[schemars(skip)]
    mentions: Option<Vec<Mention>>,
    /// whether its definition mentions what is hidden
    #[serde(default, skip_deserializing)]
    pub(crate) hidden: bool,
}

#[derive(Debug, Deserialize, Serialize, JsonSchema)]
pub(crate) struct Field {
    pub(crate) name: String,
    pub(crate) r#type: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) comment: Option<String>,
}

#[derive(Debug, Deserialize, Serialize, JsonSchema)]
pub(crate) struct Extension {
    pub(crate) schema: String,
    pub(crate) name: String,
    pub(crate) version: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) comment: Option<String>,
    pub(crate) functions: i64,
    pub(crate) types: i64,
}

impl Catalog<'_> {
    /// The types with these identifiers.
    pub(crate) async fn types(&self, oids: Vec<u32>) -> Result<Vec<(u32, UserType)>, PgError> {
        let params: Vec<Parameter> = vec![Box::new(oids), Box::new(self.visible.restricts())];
        let read = |row: &_| Ok((get(row, 0)?, json::<UserType>(row, 1)?));
        let mut types = self.ask(&TYPES, params, read).await?;
        types.retain(|(_, found)| self.visible.object(&found.schema, &found.name));
        for (_, found) in &mut types {
            let place = Lineage::of(found.schema.clone(), found.name.clone());
            found.fields.retain(|field| self.visible.column(&place, &field.name));
            let mentions = found.mentions.take().unwrap_or_default();
            if !self.visible.all(&mentions, &found.schema) {
                found.hidden = true;
                found.base = None;
                found.default = None;
                found.checks.clear();
                found.fields.clear();
            }
        }
        Ok(types)
    }

    /// The extensions with these identifiers.
    pub(crate) async fn extensions(
        &self,
        oids: Vec<u32>,
    ) -> Result<Vec<(u32, Extension)>, PgError> {
        let read = |row: &_| Ok((get(row, 0)?, json::<Extension>(row, 1)?));
        let mut extensions = self.ask(EXTENSIONS, vec![Box::new(oids)], read).await?;
        extensions.retain(|(_, found)| self.visible.object(&found.schema, &found.name));
        Ok(extensions)
    }
}

/// `$1`: object identifiers; `$2`: whether to say what they mention.
static TYPES: LazyLock<String> = LazyLock::new(|| {
    let of_type = mentions_of("pg_type", "ty.oid");
    let of_fields = mentions_of("pg_class", "ty.typrelid");
    let of_checks = mentions_of("pg_constraint", "con.oid");
    format!(
        "SELECT ty.oid, pg_catalog.json_build_object(
            'schema', n.nspname,
            'name', ty.typname,
            'typtype', ty.typtype,
            'labels', (
                SELECT pg_catalog.json_agg(e.enumlabel ORDER BY e.enumsortorder)
                FROM pg_catalog.pg_enum e WHERE e.enumtypid = ty.oid),
            'base', CASE ty.typtype
                WHEN 'd' THEN pg_catalog.format_type(ty.typbasetype, ty.typtypmod)
                WHEN 'r' THEN (
                    SELECT pg_catalog.format_type(ra.rngsubtype, NULL)
                    FROM pg_catalog.pg_range ra WHERE ra.rngtypid = ty.oid) END,
            'not_null', ty.typnotnull,
            'default', ty.typdefault,
            'checks', COALESCE((
                SELECT pg_catalog.json_agg(pg_catalog.pg_get_constraintdef(con.oid, true)
                    ORDER BY con.conname)
                FROM pg_catalog.pg_constraint con
                WHERE con.contypid = ty.oid AND con.contype = 'c'), '[]'),
            'fields', COALESCE((
                SELECT pg_catalog.json_agg(pg_catalog.json_build_object(
                    'name', a.attname,
                    'type', pg_catalog.format_type(a.atttypid, a.atttypmod),
                    'comment', pg_catalog.col_description(ty.typrelid, a.attnum::pg_catalog.int4)
                    ) ORDER BY a.attnum)
                FROM pg_catalog.pg_attribute a
                WHERE a.attrelid = ty.typrelid AND a.attnum > 0::pg_catalog.int2
                    AND NOT a.attisdropped AND ty.typtype = 'c'), '[]'),
            'owner', pg_catalog.pg_get_userbyid(ty.typowner),
            'comment', pg_catalog.obj_description(ty.oid, 'pg_type'),
            'mentions', CASE WHEN $2 THEN
                COALESCE({of_type}::pg_catalog.jsonb, '[]')
                || COALESCE({of_fields}::pg_catalog.jsonb, '[]')
                || COALESCE((
                    SELECT pg_catalog.jsonb_agg(one.one)
                    FROM pg_catalog.pg_constraint con
                    CROSS JOIN LATERAL pg_catalog.json_array_elements({of_checks}) AS one (one)
                    WHERE con.contypid = ty.oid), '[]') END
        )::pg_catalog.text
        FROM pg_catalog.pg_type ty
        JOIN pg_catalog.pg_namespace n ON n.oid = ty.typnamespace
        WHERE ty.oid = ANY ($1)"
    )
});

/// `$1`: object identifiers.
const EXTENSIONS: &str = "
    SELECT e.oid, pg_catalog.json_build_object(
        'schema', n.nspname,
        'name', e.extname,
        'version', e.extversion,
        'comment', pg_catalog.obj_description(e.oid, 'pg_extension'),
        'functions', pg_catalog.count(*) FILTER (
            WHERE d.classid = 'pg_catalog.pg_proc'::pg_catalog.regclass::pg_catalog.oid),
        'types', pg_catalog.count(*) FILTER (
            WHERE d.classid = 'pg_catalog.pg_type'::pg_catalog.regclass::pg_catalog.oid)
    )::pg_catalog.text
    FROM pg_catalog.pg_extension e
    JOIN pg_catalog.pg_namespace n ON n.oid = e.extnamespace
    LEFT JOIN pg_catalog.pg_depend d ON d.refobjid = e.oid AND d.deptype = 'e'
        AND d.refclassid = 'pg_catalog.pg_extension'::pg_catalog.regclass::pg_catalog.oid
    WHERE e.oid = ANY ($1)
    GROUP BY e.oid, e.extname, e.extversion, n.nspname";

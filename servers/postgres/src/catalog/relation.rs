//! What tables, views and sequences look like: one row for each of those asked for, as JSON, from
//! which whatever the policy hides is taken out before anybody else sees it.

use std::sync::LazyLock;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::sql::{lineage, mentions};
use super::visible::{Lineage, Mention, Visible};
use super::{Catalog, get, json};
use crate::source::error::PgError;

/// A table or something like one.
#[derive(Debug, Deserialize, Serialize, JsonSchema)]
#[expect(clippy::struct_excessive_bools, reason = "facts of the catalogue, one beside the other")]
pub(crate) struct Relation {
    #[serde(skip_serializing)]
    #[schemars(skip)]
    pub(crate) lineage: Lineage,
    pub(crate) schema: String,
    pub(crate) name: String,
    /// `pg_class.relkind`
    pub(crate) relkind: String,
    /// `p`, `u` (unlogged) or `t` (temporary)
    pub(crate) persistence: String,
    pub(crate) owner: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) comment: Option<String>,
    /// estimate
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) rows: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) bytes: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) index_bytes: Option<i64>,
    /// whether the schema may be used
    pub(crate) usable: bool,
    /// whether all of it may be read
    pub(crate) readable: bool,
    #[serde(default)]
    pub(crate) columns: Vec<Column>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) constraints: Vec<Constraint>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) referenced_by: Vec<Reference>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) indexes: Vec<Index>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) triggers: Vec<Trigger>,
    pub(crate) row_security: bool,
    pub(crate) row_security_forced: bool,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) policies: Vec<Policy>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) partition_key: Option<Expression>,
    /// Columns that the key names.
    #[serde(skip_serializing)]
    #[schemars(skip)]
    key_columns: Vec<String>,
    pub(crate) is_partition: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) bound: Option<String>,
    /// Columns that the key of the table above names.
    #[serde(skip_serializing)]
    #[schemars(skip)]
    bound_columns: Vec<String>,
    /// above it: what it is a partition of, or inherits from
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) parents: Vec<Relative>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) children: Vec<Relative>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) definition: Option<Expression>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) options: Option<Vec<String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) sequence: Option<Sequence>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) server: Option<String>,
    /// What the policy hides of it.
    #[serde(default, skip_deserializing)]
    pub(crate) hidden: Hidden,
}

#[derive(Debug, Deserialize, Serialize, JsonSchema)]
pub(crate) struct Column {
    pub(crate) name: String,
    pub(crate) r#type: String,
    #[serde(skip_serializing)]
    #[schemars(skip)]
    pub(crate) type_schema: String,
    #[serde(skip_serializing)]
    #[schemars(skip)]
    pub(crate) type_name: String,
    /// of a domain
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) base: Option<String>,
    /// of an enum
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) labels: Option<Vec<String>>,
    pub(crate) not_null: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) default: Option<Expression>,
    /// `s` (stored) or `v` (virtual): `default` is what it is generated from
    #[serde(skip_serializing_if = "String::is_empty")]
    pub(crate) generated: String,
    /// `a` (always) or `d` (by default)
    #[serde(skip_serializing_if = "String::is_empty")]
    pub(crate) identity: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) collation: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) comment: Option<String>,
    pub(crate) readable: bool,
    /// values are masked
    #[serde(default, skip_deserializing)]
    pub(crate) masked: bool,
}

/// SQL text, and what it mentions.
#[derive(Debug, Deserialize, Serialize, JsonSchema)]
pub(crate) struct Expression {
    /// none if it isn't shown: a value is masked, or it mentions what the policy hides
    pub(crate) sql: Option<String>,
    #[serde(skip_serializing)]
    #[schemars(skip)]
    mentions: Option<Vec<Mention>>,
}

#[derive(Debug, Deserialize, Serialize, JsonSchema)]
pub(crate) struct Constraint {
    pub(crate) name: String,
    /// `pg_constraint.contype`
    pub(crate) contype: String,
    pub(crate) columns: Vec<String>,
    pub(crate) definition: Expression,
}

/// A foreign key of another table.
#[derive(Debug, Deserialize, Serialize, JsonSchema)]
pub(crate) struct Reference {
    #[serde(skip_serializing)]
    #[schemars(skip)]
    pub(crate) lineage: Lineage,
    pub(crate) schema: String,
    pub(crate) table: String,
    pub(crate) columns: Vec<String>,
    #[serde(skip_serializing)]
    #[schemars(skip)]
    target_columns: Vec<String>,
}

#[derive(Debug, Deserialize, Serialize, JsonSchema)]
pub(crate) struct Index {
    pub(crate) name: String,
    pub(crate) definition: Expression,
    /// those that it names by themselves
    #[serde(skip_serializing)]
    #[schemars(skip)]
    columns: Vec<String>,
    /// belongs to a constraint
    pub(crate) constraint: bool,
    pub(crate) unique: bool,
    pub(crate) valid: bool,
    pub(crate) bytes: Option<i64>,
}

#[derive(Debug, Deserialize, Serialize, JsonSchema)]
pub(crate) struct Trigger {
    pub(crate) name: String,
    pub(crate) definition: Expression,
    pub(crate) enabled: bool,
}

#[derive(Debug, Deserialize, Serialize, JsonSchema)]
pub(crate) struct Policy {
    pub(crate) name: String,
    pub(crate) permissive: bool,
    pub(crate) command: String,
    pub(crate) roles: Vec<String>,
    #[serde(rename = "using")]
    pub(crate) using: Option<Expression>,
    pub(crate) check: Option<Expression>,
}

#[derive(Debug, Deserialize, Serialize, JsonSchema)]
pub(crate) struct Relative {
    #[serde(skip_serializing)]
    #[schemars(skip)]
    pub(crate) lineage: Lineage,
    pub(crate) schema: String,
    pub(crate) name: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) bound: Option<String>,
}

#[derive(Debug, Deserialize, Serialize, JsonSchema)]
pub(crate) struct Sequence {
    pub(crate) r#type: String,
    pub(crate) start: i64,
    pub(crate) increment: i64,
    pub(crate) min: i64,
    pub(crate) max: i64,
    pub(crate) cycle: bool,
    pub(crate) owned_by: Option<Owner>,
}

#[derive(Debug, Deserialize, Serialize, JsonSchema)]
pub(crate) struct Owner {
    #[serde(skip_serializing)]
    #[schemars(skip)]
    pub(crate) lineage: Lineage,
    pub(crate) schema: String,
    pub(crate) table: String,
    pub(crate) column: String,
}

/// How much the policy hides of a relation.
#[derive(Debug, Default, Clone, Serialize, JsonSchema)]
pub(crate) struct Hidden {
    pub(crate) columns: u64,
    /// constraints, indexes, triggers and the like that mention what is hidden
    pub(crate) others: u64,
}

impl Catalog<'_> {
    /// The relations with these identifiers, as far as the policy shows them.
    pub(crate) async fn relations(&self, oids: Vec<u32>) -> Result<Vec<(u32, Relation)>, PgError> {
        let statement =
            if self.visible.restricts() { &RELATIONS_WITH_MENTIONS } else { &RELATIONS };
        let read = |row: &_| Ok((get(row, 0)?, json::<Relation>(row, 1)?));
        let mut relations = self.ask(statement, vec![Box::new(oids)], read).await?;
        // Between the look-up and now it may have become another's.
        relations.retain(|(_, relation)| match relation.relkind.as_str() {
            "S" => self.visible.object(&relation.schema, &relation.name),
            _ => self.visible.relation(&relation.lineage),
        });
        for (_, relation) in &mut relations {
            relation.hide(self.visible);
        }
        Ok(relations)
    }
}

impl Relation {
    pub(crate) fn column_names(&self) -> impl Iterator<Item = &str> {
        self.columns.iter().map(|column| column.name.as_str())
    }

    /// What is said of one column, and of nothing else.
    pub(crate) fn only_column(mut self, name: &str) -> Option<Self> {
        self.columns.retain(|column| column.name == name);
        self.constraints.retain(|constraint| constraint.columns == [name]);
        let own = |columns: &[String]| columns == [name];
        self.indexes.retain(|index| own(&index.columns));
        self.referenced_by.retain(|reference| own(&reference.target_columns));
        self.triggers.clear();
        self.policies.clear();
        self.parents.clear();
        self.children.clear();
        (self.partition_key, self.definition) = (None, None);
        (self.row_security, self.hidden) = (false, Hidden::default());
        (!self.columns.is_empty()).then_some(self)
    }

    /// Takes out what the policy hides.
    fn hide(&mut self, visible: Visible<'_>) {
        let own = self.lineage.clone();
        let has = |column: &String| visible.column(&own, column);
        let shows = |column: &String| has(column) && !visible.masks(&own, column);
        // Bounds and defaults are values.
        if !self.bound_columns.iter().all(shows) {
            self.bound = None;
        }
        if !self.key_columns.iter().all(shows) {
            for child in &mut self.children {
                child.bound = None;
            }
        }
        for column in &mut self.columns {
            column.masked = visible.masks(&own, &column.name);
            if let Some(default) = column.default.as_mut().filter(|_| column.masked) {
                default.sql = None;
            }
        }
        for constraint in self.constraints.iter_mut().filter(|one| one.contype == "c") {
            if constraint.columns.iter().any(|column| visible.masks(&own, column)) {
                constraint.definition.sql = None;
            }
        }
        if !visible.restricts() {
            return;
        }
        let schema = self.schema.as_str();
        self.hidden.columns = retain(&mut self.columns, |column| has(&column.name));
        for column in &mut self.columns {
            if !visible.beside(schema, &column.type_schema, &column.type_name) {
                let what = if column.labels.take().is_some() { "enum" } else { "type" };
                column.r#type = format!("(hidden {what})");
                column.base = None;
            }
            if let Some(default) = &mut column.default {
                default.hide(visible, schema);
            }
        }
        let mut others =
            retain(&mut self.constraints, |constraint| constraint.columns.iter().all(has));
        for constraint in &mut self.constraints {
            constraint.definition.hide(visible, schema);
            if constraint.definition.sql.is_none() {
                // A name tells what it is about.
                constraint.name.clear();
            }
        }
        self.referenced_by.retain(|reference| {
            let Reference { lineage, columns, target_columns, .. } = reference;
            visible.relation(lineage)
                && columns.iter().all(|column| visible.column(lineage, column))
                && target_columns.iter().all(has)
        });
        let shown = |expression: &Expression| expression.is_visible(visible, schema);
        let indexed = |index: &Index| index.columns.iter().all(has) && shown(&index.definition);
        // What belongs to a constraint was counted with it.
        self.indexes.retain(|index| !index.constraint || indexed(index));
        others += retain(&mut self.indexes, indexed);
        others += retain(&mut self.triggers, |trigger| shown(&trigger.definition));
        others += retain(&mut self.policies, |policy| {
            policy.using.iter().chain(&policy.check).all(shown)
        });
        self.hidden.others = others;
        if let Some(key) = &mut self.partition_key {
            key.hide(visible, schema);
            if !self.key_columns.iter().all(has) {
                key.sql = None;
            }
        }
        self.parents.retain(|parent| visible.relation(&parent.lineage));
        let hidden_children = retain(&mut self.children, |child| visible.relation(&child.lineage));
        if hidden_children > 0 && self.relkind == "p" {
            // It counts theirs.
            self.rows = None;
        }
        if let Some(definition) = &mut self.definition {
            definition.hide(visible, schema);
        }
        if let Some(sequence) = &mut self.sequence {
            sequence.owned_by = sequence.owned_by.take().filter(|owner| {
                visible.relation(&owner.lineage) && visible.column(&owner.lineage, &owner.column)
            });
        }
    }
}

impl Expression {
    fn hide(&mut self, visible: Visible<'_>, schema: &str) {
        if !self.is_visible(visible, schema) {
            self.sql = None;
        }
    }

    fn is_visible(&self, visible: Visible<'_>, schema: &str) -> bool {
        visible.all(self.mentions.as_deref().unwrap_or_default(), schema)
    }
}

/// Keeps what is visible; how many are not.
fn retain<T>(all: &mut Vec<T>, visible: impl Fn(&T) -> bool) -> u64 {
    let before = all.len();
    all.retain(visible);
    (before - all.len()) as u64
}

/// `$1`: object identifiers.
static RELATIONS: LazyLock<String> = LazyLock::new(|| statement(false));

/// The same, with what definitions mention.
static RELATIONS_WITH_MENTIONS: LazyLock<String> = LazyLock::new(|| statement(true));

fn statement(with_mentions: bool) -> String {
    let expression = |sql: &str, class: &str, id: &str| {
        let mentions = format!(
            "(SELECT m.mentions FROM mentions m WHERE m.objid = {id}
                AND m.classid = 'pg_catalog.{class}'::pg_catalog.regclass::pg_catalog.oid)"
        );
        let mentions = if with_mentions { mentions.as_str() } else { "NULL" };
        format!("pg_catalog.json_build_object('sql', {sql}, 'mentions', {mentions})")
    };
    // All that hangs on the relations and has an expression or a definition.
    let parts = [
        ("pg_class", "SELECT pg_catalog.unnest($1::pg_catalog.oid[])"),
        ("pg_class", "SELECT x.indexrelid FROM pg_catalog.pg_index x WHERE x.indrelid = ANY ($1)"),
        ("pg_attrdef", "SELECT x.oid FROM pg_catalog.pg_attrdef x WHERE x.adrelid = ANY ($1)"),
        (
            "pg_constraint",
            "SELECT x.oid FROM pg_catalog.pg_constraint x WHERE x.conrelid = ANY ($1)",
        ),
        ("pg_trigger", "SELECT x.oid FROM pg_catalog.pg_trigger x WHERE x.tgrelid = ANY ($1)"),
        ("pg_policy", "SELECT x.oid FROM pg_catalog.pg_policy x WHERE x.polrelid = ANY ($1)"),
        ("pg_rewrite", "SELECT x.oid FROM pg_catalog.pg_rewrite x WHERE x.ev_class = ANY ($1)"),
    ];
    let parts = parts.map(|(name, ids)| {
        let class = format!("'pg_catalog.{name}'::pg_catalog.regclass::pg_catalog.oid");
        format!("SELECT {class} AS classid, x.objid FROM ({ids}) AS x (objid)")
    });
    let mentions = if with_mentions {
        format!("mentions AS ({}), ", mentions(&parts.join(" UNION ALL ")))
    } else {
        String::new()
    };
    include_str!("relation.sql")
        .replace("{mentions}", &mentions)
        .replace("{lineage:c}", &lineage("c", "n"))
        .replace("{lineage:source}", &lineage("source", "source_n"))
        .replace("{lineage:parent}", &lineage("parent", "parent_n"))
        .replace("{lineage:child}", &lineage("child", "child_n"))
        .replace("{lineage:owner}", &lineage("owner", "owner_n"))
        .replace("{key:c.oid}", &key_columns("c.oid"))
        .replace("{key:h.inhparent}", &key_columns("h.inhparent"))
        .replace(
            "{default}",
            &expression(
                "pg_catalog.pg_get_expr(ad.adbin, ad.adrelid, true)",
                "pg_attrdef",
                "ad.oid",
            ),
        )
        .replace(
            "{constraint}",
            &expression(
                "pg_catalog.pg_get_constraintdef(con.oid, true)",
                "pg_constraint",
                "con.oid",
            ),
        )
        .replace(
            "{index}",
            &expression(
                "pg_catalog.pg_get_indexdef(i.indexrelid, 0, true)",
                "pg_class",
                "i.indexrelid",
            ),
        )
        .replace(
            "{trigger}",
            &expression("pg_catalog.pg_get_triggerdef(tg.oid)", "pg_trigger", "tg.oid"),
        )
        .replace(
            "{using}",
            &expression(
                "pg_catalog.pg_get_expr(pol.polqual, pol.polrelid, true)",
                "pg_policy",
                "pol.oid",
            ),
        )
        .replace(
            "{check}",
            &expression(
                "pg_catalog.pg_get_expr(pol.polwithcheck, pol.polrelid, true)",
                "pg_policy",
                "pol.oid",
            ),
        )
        .replace(
            "{partition_key}",
            &expression("pg_catalog.pg_get_partkeydef(c.oid)", "pg_class", "c.oid"),
        )
        .replace(
            "{view}",
            &expression("pg_catalog.pg_get_viewdef(c.oid, true)", "pg_rewrite", "rule.oid"),
        )
}

/// What the partitioned table `id` is partitioned by: its columns hang on it, and not it on them.
fn key_columns(id: &str) -> String {
    format!(
        "COALESCE((
            SELECT pg_catalog.json_agg(a.attname)
            FROM pg_catalog.pg_depend d
            JOIN pg_catalog.pg_attribute a ON a.attrelid = d.objid AND a.attnum = d.objsubid
            WHERE d.objid = {id} AND d.objsubid > 0 AND d.refobjid = {id} AND d.refobjsubid = 0
                AND d.deptype = 'i'
                AND d.classid = 'pg_catalog.pg_class'::pg_catalog.regclass::pg_catalog.oid
                AND d.refclassid = 'pg_catalog.pg_class'::pg_catalog.regclass::pg_catalog.oid
        ), '[]')"
    )
}

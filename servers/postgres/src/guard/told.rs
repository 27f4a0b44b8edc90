//! Relations of the system that are read in part: they are what everybody asks for settings and
//! roles, and in some of their values may be paths, addresses and passwords. Where a statement names
//! one, it is sent with a query of ours in its place. The columns are all there, in their order.

use super::judge::Verdict;
use super::refusal::Refusal;
use super::{Statement, catalog, trusted};
use crate::values::masking::Replacement;

/// A view of the system, its columns, and which of its rows.
type Told = (&'static str, &'static str, fn() -> String);

const TOLD: &[Told] = &[
    (
        "pg_settings",
        "name, setting, unit, category, short_desc, extra_desc, context, vartype, source, min_val, \
         max_val, enumvals, boot_val, reset_val, NULL::pg_catalog.text AS sourcefile, \
         NULL::pg_catalog.int4 AS sourceline, pending_restart",
        settings,
    ),
    (
        "pg_roles",
        "rolname, rolsuper, rolinherit, rolcreaterole, rolcreatedb, rolcanlogin, rolreplication, \
         rolconnlimit, rolpassword, rolvaliduntil, rolbypassrls, \
         NULL::pg_catalog.text[] AS rolconfig, oid",
        all,
    ),
    (
        "pg_user",
        "usename, usesysid, usecreatedb, usesuper, userepl, usebypassrls, passwd, valuntil, \
         NULL::pg_catalog.text[] AS useconfig",
        all,
    ),
];

/// A number, a truth or a word of a list holds no secret; of texts, those that are known to hold none.
fn settings() -> String {
    let names = trusted::SETTINGS.join(",");
    format!(
        " WHERE vartype OPERATOR(pg_catalog.<>) 'string' OR pg_catalog.lower(name) \
         OPERATOR(pg_catalog.=) ANY ('{{{names}}}'::pg_catalog.text[])"
    )
}

fn all() -> String {
    String::new()
}

/// Whether only a part of it is told.
pub(super) fn in_part(oid: u32, name: &str) -> bool {
    oid < catalog::FIRST_OF_USERS && TOLD.iter().any(|(told, ..)| *told == name)
}

impl Statement {
    /// The same with queries in place of what is told in part. `verdict` is its own.
    pub(crate) fn told(&self, verdict: &Verdict) -> Result<Self, Refusal> {
        let mut replacements = Vec::new();
        for (name, oid) in verdict.named(self) {
            let told = TOLD.iter().find(|(told, ..)| *told == name.name);
            let Some((told, columns, rows)) = told.filter(|_| in_part(oid, &name.name)) else {
                continue;
            };
            let forbidden = || Refusal::Forbidden {
                relation: (*told).to_owned(),
                reason: "it is told in part: read it with SELECT … FROM alone",
            };
            // All its places, or none: one that was overlooked would be read as a whole.
            let places = self.description.places(name).ok_or_else(forbidden)?;
            for place in places {
                let (from, to) = place.tokens.ok_or_else(forbidden)?;
                let alias = if place.is_aliased { String::new() } else { format!(" AS {told}") };
                let rows = rows();
                let text = format!("(SELECT {columns} FROM pg_catalog.{told}{rows}){alias}");
                replacements.push(Replacement { from, to, text });
            }
        }
        Ok(self.replaced(&replacements))
    }
}

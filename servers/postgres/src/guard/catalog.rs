//! What the catalog says of the names in a statement: the question, and its answer. The question
//! is asked on the connection that will run the statement, under the same search path.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::names::Name;
use super::trusted;
use super::uses::{Notation, Uses};

/// The question. Its parameters are [`Facts::question`] as text and [`Facts::EXTENSIONS`] as an
/// array of texts; the answer is one text, for [`Facts::decode`].
pub const FACTS: &str = include_str!("facts.sql");

/// What to set for the transaction of [`FACTS`]: to plan it takes longer than to run it, and its
/// estimated cost would have it compiled.
pub const FACTS_SETTINGS: &str =
    "set local plan_cache_mode = force_generic_plan; set local jit = off";

/// The relations that the current transaction has locked, as one array of `oid`. After the
/// statement is parsed by the database and before it is bound, these are the ones that it
/// names, seen by `PostgreSQL` itself, with those that its views read; for
/// [`super::Verdict::covers`]. [`FACTS`] must have been asked in an earlier transaction, since it
/// locks catalogs.
pub const LOCKED: &str = "\
select coalesce(pg_catalog.array_agg(distinct l.relation), '{}'::pg_catalog.oid[])
from pg_catalog.pg_lock_status() as l
join pg_catalog.pg_class c on c.oid = l.relation and c.relkind not in ('i', 'I')
where l.locktype = 'relation' and l.pid = pg_catalog.pg_backend_pid()";

/// Catalogs that [`LOCKED`] and drivers read themselves: `pg_type`, `pg_attribute`, `pg_class`,
/// `pg_namespace`, `pg_enum` and `pg_range`.
pub(super) const READ_BY_DRIVERS: &[u32] = &[1247, 1249, 1259, 2615, 3501, 3541];

/// Objects with a smaller OID were made by initdb, whatever schema they are in.
pub(super) const FIRST_OF_USERS: u32 = 16384;

/// The answer.
#[derive(Debug, Clone, Deserialize)]
pub struct Facts {
    pub(super) relations: Vec<Relation>,
    pub(super) calls: Vec<(usize, u32)>,
    pub(super) operators: Vec<Operator>,
    pub(super) types: Vec<(usize, bool, u32)>,
    pub(super) played: Vec<u32>,
    pub(super) attached: Vec<Attached>,
    pub(super) functions: Vec<Function>,
    pub(super) type_facts: Vec<Type>,
}

/// A relation that a statement names.
#[derive(Debug, Clone, Deserialize)]
pub struct Relation {
    pub(super) i: usize,
    /// Its OID.
    pub oid: u32,
    /// Its schema.
    pub schema: String,
    /// Its name.
    pub name: String,
    /// `pg_class.relkind`.
    pub kind: char,
    pub(super) extension: Option<String>,
    pub(super) ancestors: Option<Vec<(String, String)>>,
    pub(super) reads: Option<Vec<Read>>,
    pub(super) runs: Option<Vec<u32>>,
}

/// A relation that a view reads.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct Read {
    pub(super) oid: u32,
    pub(super) schema: String,
    pub(super) name: String,
    pub(super) kind: char,
}

/// An operator that initdb did not make.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct Operator {
    pub(super) i: usize,
    pub(super) function: u32,
    pub(super) types: [u32; 2],
    pub(super) is_near: bool,
    pub(super) has_builtin: bool,
}

/// A function that the use of a type may run.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct Attached {
    #[serde(rename = "type")]
    pub(super) of: u32,
    pub(super) role: String,
    pub(super) function: u32,
}

#[derive(Debug, Clone, Deserialize)]
pub(super) struct Function {
    pub(super) oid: u32,
    pub(super) schema: String,
    pub(super) name: String,
    pub(super) volatility: char,
    pub(super) language: String,
    pub(super) source: Option<String>,
    pub(super) is_raw: bool,
    pub(super) extension: Option<String>,
}

#[derive(Debug, Clone, Deserialize)]
pub(super) struct Type {
    pub(super) oid: u32,
    pub(super) schema: String,
    pub(super) name: String,
    pub(super) kind: char,
    pub(super) extension: Option<String>,
    pub(super) is_column: bool,
    /// The relation whose rows it has, also for an array of these.
    pub(super) relation: Option<String>,
}

#[derive(Serialize)]
struct Question<'a> {
    relations: Vec<Asked<'a>>,
    functions: Vec<AskedCall<'a>>,
    operators: Vec<Asked<'a>>,
    types: Vec<Asked<'a>>,
}

#[derive(Serialize)]
struct Asked<'a> {
    i: usize,
    schema: Option<&'a str>,
    name: &'a str,
}

#[derive(Serialize)]
struct AskedCall<'a> {
    #[serde(flatten)]
    name: Asked<'a>,
    arguments: Option<u16>,
    notation: &'static str,
}

impl Facts {
    /// The extensions whose functions are judged like those of the system: by what they declare.
    pub const EXTENSIONS: &'static [&'static str] = trusted::EXTENSIONS;

    /// What to ask about a statement.
    pub fn question(uses: &Uses) -> String {
        fn asked<'a>(names: impl IntoIterator<Item = &'a Name>) -> Vec<Asked<'a>> {
            let names = names.into_iter().enumerate();
            names
                .map(|(i, name)| Asked { i, schema: name.schema.as_deref(), name: &name.name })
                .collect()
        }
        let functions = asked(uses.functions.iter().map(|call| &call.name));
        let functions = functions.into_iter().zip(&uses.functions).map(|(name, call)| AskedCall {
            name,
            arguments: call.arguments,
            notation: match call.notation {
                Notation::Call => "call",
                Notation::Attribute => "attribute",
                Notation::Field => "field",
                Notation::Sample => "sample",
            },
        });
        let question = Question {
            relations: asked(&uses.relations),
            functions: functions.collect(),
            operators: asked(&uses.operators),
            types: asked(&uses.types),
        };
        serde_json::to_string(&question).unwrap_or_default()
    }

    /// Reads the answer.
    pub fn decode(answer: &str) -> Result<Self, serde_json::Error> {
        serde_json::from_str(answer)
    }

    /// The functions by OID.
    pub(super) fn by_oid(&self) -> BTreeMap<u32, &Function> {
        self.functions.iter().map(|function| (function.oid, function)).collect()
    }
}

//! The judgement: every object that a name in the statement may mean must be one that only
//! reads and that the policy lets through.

use std::collections::{BTreeMap, BTreeSet};

use super::Statement;
use super::catalog::{Attached, FIRST_OF_USERS, Facts, Function, READ_BY_DRIVERS, Relation, Type};
use super::names::{Name, quoted};
use super::refusal::Refusal;
use super::uses::{Call, Notation};
use super::{told, trusted};

/// What the operator of the server allows.
pub struct Policy<'a> {
    /// Which relations.
    pub scope: &'a dyn Scope,
    /// Which functions, beyond those that are known to only read.
    pub functions: &'a [(String, String)],
}

/// Which relations may be read.
pub trait Scope {
    /// Whether there is an allow-list, so that what is not on it must stay unknown.
    fn is_limited(&self) -> bool;

    /// Whether anything is to stay unknown: there is an allow-list, or something is denied.
    fn hides(&self) -> bool {
        self.is_limited()
    }

    /// Whether it is denied, whatever an allow-list says.
    fn denies(&self, schema: &str, name: &str) -> bool;

    /// How a relation stands, by schema and name.
    fn standing(&self, schema: &str, name: &str) -> Standing;
}

/// How a relation stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// On the allow-list: also a view or foreign table, for which its lister vouches.
    Listed,
    /// There is no allow-list.
    Open,
    /// Denied, or not on the allow-list.
    Denied,
}

/// A statement that may be sent.
#[derive(Debug, Clone)]
pub struct Verdict {
    relations: BTreeSet<u32>,
    vouched: bool,
    named: Vec<Relation>,
}

impl Verdict {
    /// Whether these relations, which the database says the statement has locked, are the ones
    /// that were judged. Views that are vouched for lock what they read, which nobody judged.
    pub fn covers(&self, locked: &[u32]) -> bool {
        self.vouched
            || locked
                .iter()
                .all(|oid| self.relations.contains(oid) || READ_BY_DRIVERS.contains(oid))
    }

    /// The relations that `statement`, the one that was judged, names: each with the name.
    pub(crate) fn named<'a>(
        &'a self,
        statement: &'a Statement,
    ) -> impl Iterator<Item = (&'a Name, u32)> {
        let names = statement.uses().relations.iter().enumerate();
        names.filter_map(|(i, name)| {
            let relation = self.named.iter().find(|relation| relation.i == i)?;
            Some((name, relation.oid))
        })
    }

    /// The relations that the statement names.
    pub fn relations(&self) -> &[Relation] {
        &self.named
    }
}

/// Decides about a statement by what the catalog says.
pub fn judge(
    statement: &Statement,
    facts: &Facts,
    policy: &Policy<'_>,
) -> Result<Verdict, Refusal> {
    let uses = statement.uses();
    for setting in &uses.settings {
        if !trusted::SETTINGS.contains(&setting.as_str()) {
            return Err(Refusal::Setting(setting.clone()));
        }
    }
    let functions = uses.functions.iter().map(|call| &call.name);
    let mut names = functions.chain(&uses.relations).chain(&uses.operators).chain(&uses.types);
    let is_temporary = |name: &&Name| {
        name.schema
            .as_deref()
            .is_some_and(|s| s.starts_with("pg_temp") || s.starts_with("pg_toast"))
    };
    if let Some(name) = names.find(is_temporary) {
        return Err(Refusal::Forbidden {
            relation: name.to_string(),
            reason: "it is temporary, or the inside of another table",
        });
    }
    let judge = Judge { policy, facts, functions: facts.by_oid() };
    let targets = statement.writes().map(|writes| &writes.targets);
    let verdict = judge.relations(uses.relations.iter().collect::<Vec<_>>().as_slice(), targets)?;
    for (i, call) in uses.functions.iter().enumerate() {
        judge.call(i, call.name.to_string(), call.notation)?;
    }
    for (i, operator) in uses.operators.iter().enumerate() {
        judge.operator(i, operator)?;
    }
    judge.types(uses.types.iter().collect::<Vec<_>>().as_slice(), &uses.functions)?;
    Ok(verdict)
}

/// The relations that a statement names, of which nothing is judged: for one whose writer is trusted.
pub(crate) fn found(facts: &Facts) -> Verdict {
    Verdict { relations: BTreeSet::new(), vouched: true, named: facts.relations.clone() }
}

/// Of a statement in which the database looks nothing up before it runs.
pub(crate) fn nothing() -> Verdict {
    Verdict { relations: BTreeSet::new(), vouched: false, named: Vec::new() }
}

struct Judge<'a> {
    policy: &'a Policy<'a>,
    facts: &'a Facts,
    functions: BTreeMap<u32, &'a Function>,
}

impl Judge<'_> {
    fn relations(
        &self,
        names: &[&Name],
        targets: Option<&BTreeSet<Name>>,
    ) -> Result<Verdict, Refusal> {
        let mut verdict = Verdict { relations: BTreeSet::new(), vouched: false, named: Vec::new() };
        for (i, name) in names.iter().enumerate() {
            let Some(relation) = self.facts.relations.iter().find(|relation| relation.i == i)
            else {
                // PostgreSQL says so itself, with a hint, unless that would tell too much.
                if self.policy.scope.hides() {
                    return Err(Refusal::Relation(name.to_string()));
                }
                continue;
            };
            self.relation(name, relation, &mut verdict)?;
            if targets.is_some_and(|targets| targets.contains(*name)) {
                Self::target(name, relation)?;
            }
            verdict.relations.insert(relation.oid);
            verdict.named.push(relation.clone());
        }
        Ok(verdict)
    }

    /// Whether a relation that may be read may be written to as well: only tables are, because what
    /// stands behind a view or a foreign table isn't judged.
    fn target(name: &Name, relation: &Relation) -> Result<(), Refusal> {
        let reason = if relation.oid < FIRST_OF_USERS {
            "it belongs to the system"
        } else if relation.extension.is_some() {
            "it belongs to an extension"
        } else if !matches!(relation.kind, 'r' | 'p') {
            "only tables can be written to; name the table behind it"
        } else {
            return Ok(());
        };
        Err(Refusal::Target { relation: name.to_string(), reason })
    }

    fn relation(
        &self,
        name: &Name,
        relation: &Relation,
        verdict: &mut Verdict,
    ) -> Result<(), Refusal> {
        let forbidden = |reason| Err(Refusal::Forbidden { relation: name.to_string(), reason });
        let is_system = relation.oid < FIRST_OF_USERS;
        match self.standing(relation) {
            Standing::Denied => return Err(Refusal::Relation(name.to_string())),
            Standing::Listed if !is_system => {
                for read in relation.reads.iter().flatten() {
                    // What a view of the system reads is not looked up.
                    verdict.vouched |= read.oid < FIRST_OF_USERS && read.kind == 'v';
                    verdict.relations.insert(read.oid);
                }
                return Ok(());
            }
            Standing::Listed | Standing::Open => {}
        }
        if let Some(reason) =
            self.unreadable(relation.oid, &relation.schema, &relation.name, relation.kind)
        {
            return forbidden(reason);
        }
        if relation.kind != 'v' {
            return Ok(());
        }
        if is_system || relation.extension.as_deref().is_some_and(is_trusted_extension) {
            // What such a view reads is locked as well.
            verdict.vouched = true;
            return Ok(());
        }
        for read in relation.reads.iter().flatten() {
            if let Some(reason) = self.unreadable(read.oid, &read.schema, &read.name, read.kind) {
                return forbidden(reason);
            }
            if told::in_part(read.oid, &read.name) {
                return forbidden("it is a view of settings or roles that are told in part");
            }
            verdict.vouched |= read.oid < FIRST_OF_USERS && read.kind == 'v';
            verdict.relations.insert(read.oid);
        }
        for oid in relation.runs.iter().flatten() {
            let Some(function) = self.functions.get(oid) else { continue };
            if self.trust(function).is_err() {
                let (view, function) = (name.to_string(), full_name(function));
                return Err(Refusal::View { view, function });
            }
        }
        Ok(())
    }

    /// A partition stands as the table that it is a part of; a denial of either counts.
    fn standing(&self, relation: &Relation) -> Standing {
        let scope = self.policy.scope;
        let own = scope.standing(&relation.schema, &relation.name);
        let is_system = relation.oid < FIRST_OF_USERS;
        // They tell of all relations and columns.
        let is_nameless = || trusted::NAMELESS_RELATIONS.contains(&relation.name.as_str());
        if is_system && (scope.is_limited() || (scope.hides() && !is_nameless())) {
            return Standing::Denied;
        }
        let mut whole = relation.ancestors.iter().flatten();
        if whole.any(|(schema, name)| scope.denies(schema, name)) {
            return Standing::Denied;
        }
        if own != Standing::Denied || scope.denies(&relation.schema, &relation.name) {
            return own;
        }
        let mut ancestors = relation.ancestors.iter().flatten();
        let is_part =
            ancestors.any(|(schema, name)| scope.standing(schema, name) == Standing::Listed);
        if is_part { Standing::Listed } else { Standing::Denied }
    }

    /// Why a relation can't be read although no allow-list leaves it out.
    fn unreadable(&self, oid: u32, schema: &str, name: &str, kind: char) -> Option<&'static str> {
        if oid < FIRST_OF_USERS && trusted::SECRET_RELATIONS.contains(&name) {
            return Some("it holds secrets, or shows files of the server");
        }
        let is_listed = self.policy.scope.standing(schema, name) == Standing::Listed;
        let reason = "it reaches beyond this database; list it if that is wanted";
        (kind == 'f' && !is_listed).then_some(reason)
    }

    fn call(&self, i: usize, name: String, notation: Notation) -> Result<(), Refusal> {
        let candidates = self.facts.calls.iter().filter(|(call, _)| *call == i);
        for (_, oid) in candidates {
            let Some(function) = self.functions.get(oid) else {
                return Err(Refusal::Function { function: name, reason: UNKNOWN });
            };
            let trust = match notation {
                // A sampling method is called by the planner only.
                Notation::Sample if function.oid < FIRST_OF_USERS => Ok(()),
                Notation::Sample
                    if function.extension.as_deref().is_some_and(is_trusted_extension) =>
                {
                    Ok(())
                }
                _ => self.trust(function),
            };
            if let Err(reason) = trust {
                return Err(Refusal::Function { function: name, reason });
            }
        }
        Ok(())
    }

    /// Whether a function only reads, and under an allow-list tells nothing of other relations.
    fn trust(&self, function: &Function) -> Result<(), &'static str> {
        let allowed = self.policy.functions.iter();
        if allowed
            .clone()
            .any(|(schema, name)| *schema == function.schema && *name == function.name)
        {
            return Ok(());
        }
        let name = function.name.as_str();
        let is_limited = self.policy.scope.hides();
        if function.language == "internal"
            && function
                .source
                .as_deref()
                .is_some_and(|source| trusted::RANGE_CONSTRUCTORS.contains(&source))
        {
            return Ok(());
        }
        let is_extension = function.extension.as_deref().is_some_and(is_trusted_extension);
        if function.oid >= FIRST_OF_USERS && !is_extension {
            return Err(UNKNOWN);
        }
        if trusted::DENIED.contains(&name) {
            return Err("it can reach more than the statement shows");
        }
        if function.is_raw && function.oid < FIRST_OF_USERS {
            return Err("it is the inside of a type");
        }
        if is_extension && !matches!(function.language.as_str(), "c" | "sql" | "internal") {
            return Err(UNKNOWN);
        }
        match function.volatility {
            'i' => Ok(()),
            's' if !is_limited || is_extension || trusted::STABLE.contains(&name) => Ok(()),
            's' => Err("it tells of more than the relations that may be read"),
            _ if is_extension && trusted::VOLATILE_OF_EXTENSIONS.contains(&name) => Ok(()),
            _ if is_extension => Err(VOLATILE),
            _ if trusted::VOLATILE.contains(&name) => Ok(()),
            _ if !is_limited && trusted::VOLATILE_ABOUT_ALL.contains(&name) => Ok(()),
            _ => Err(VOLATILE),
        }
    }

    fn operator(&self, i: usize, name: &Name) -> Result<(), Refusal> {
        for candidate in self.facts.operators.iter().filter(|candidate| candidate.i == i) {
            let function = self.functions.get(&candidate.function);
            if function.is_some_and(|function| self.trust(function).is_ok()) {
                continue;
            }
            // One of a type that nothing in the statement can have is never chosen, as long as
            // there are others of this name for the operands that are mere literals.
            let mut own = candidate.types.iter().filter(|oid| **oid >= FIRST_OF_USERS).peekable();
            let is_in_play = own.peek().is_none()
                || own.any(|oid| self.facts.played.contains(oid))
                || candidate.is_near
                || !candidate.has_builtin;
            if is_in_play {
                let function = function.map_or_else(String::new, |function| full_name(function));
                return Err(Refusal::Operator { operator: name.to_string(), function });
            }
        }
        Ok(())
    }

    fn types(&self, names: &[&Name], functions: &BTreeSet<Call>) -> Result<(), Refusal> {
        let facts: BTreeMap<u32, &Type> =
            self.facts.type_facts.iter().map(|fact| (fact.oid, fact)).collect();
        for (i, name) in names.iter().enumerate() {
            let found =
                self.facts.types.iter().find(|(named, functional, _)| *named == i && !functional);
            let fact = found.and_then(|(_, _, oid)| facts.get(oid));
            if self.policy.scope.hides() && !fact.is_some_and(|fact| self.may_be_named(fact)) {
                let reason = "it does not exist or is not allowed".to_owned();
                return Err(Refusal::Type { name: name.to_string(), reason });
            }
        }
        // The conditions of a domain run when something becomes a value of it, not when it is read.
        // That takes the name of a type, or a function that fills rows of one that is read.
        let makes_values = self.facts.types.iter().any(|(_, _, oid)| *oid >= FIRST_OF_USERS)
            || functions.iter().any(|call| call.name.name.contains("populate_record"));
        for Attached { of, role, function } in &self.facts.attached {
            let Some(function) = self.functions.get(function) else { continue };
            let is_read_only = role == "check" && !makes_values;
            if is_read_only || self.trust(function).is_ok() {
                continue;
            }
            let name = facts.get(of).map_or_else(String::new, |fact| {
                format!("{}.{}", quoted(&fact.schema), quoted(&fact.name))
            });
            let reason = format!(
                "its {role} runs {}, which is not in `allowed_functions`",
                full_name(function)
            );
            return Err(Refusal::Type { name, reason });
        }
        Ok(())
    }

    /// Whether naming a type tells nothing about what an allow-list leaves out.
    fn may_be_named(&self, fact: &Type) -> bool {
        if let Some(relation) = &fact.relation {
            return fact.oid >= FIRST_OF_USERS
                && self.policy.scope.standing(&fact.schema, relation) != Standing::Denied;
        }
        if fact.oid < FIRST_OF_USERS {
            let element = fact.name.strip_prefix('_').unwrap_or(&fact.name);
            return fact.kind != 'c' && !trusted::NAMING_TYPES.contains(&element);
        }
        !self.policy.scope.is_limited()
            || fact.is_column
            || fact.extension.as_deref().is_some_and(is_trusted_extension)
    }
}

const UNKNOWN: &str = "it is not known to only read; `allowed_functions` is where to allow it";
const VOLATILE: &str = "it may change something";

fn is_trusted_extension(name: &str) -> bool {
    trusted::EXTENSIONS.contains(&name)
}

fn full_name(function: &Function) -> String {
    format!("{}.{}", quoted(&function.schema), quoted(&function.name))
}

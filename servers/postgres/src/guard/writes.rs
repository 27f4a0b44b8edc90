//! What a statement changes: told from its syntax before anything of it runs.

use std::collections::BTreeSet;

use lockkeeper_core::Effect;
use squawk_syntax::{SyntaxKind, SyntaxNode};

use super::names::Name;

/// What a statement changes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Writes {
    /// INSERT adds. UPDATE, DELETE and MERGE with a condition, and ON CONFLICT DO UPDATE, change.
    /// All else may lose data.
    pub effect: Effect,
    /// The relations that are written to.
    pub targets: BTreeSet<Name>,
    /// The relations whose rows, or whether these exist, it may tell or copy: all but the targets of
    /// an INSERT that neither returns anything nor looks for conflicts.
    pub shown: BTreeSet<Name>,
    /// The columns that an INSERT names; none if one of them names none, and so fills them all.
    pub filled: Option<BTreeSet<String>>,
    /// Whether WITH has a part that writes, whose rows nobody counts.
    pub is_nested: bool,
}

impl Writes {
    pub(super) fn new() -> Self {
        let (targets, shown) = (BTreeSet::new(), BTreeSet::new());
        let filled = Some(BTreeSet::new());
        Self { effect: Effect::Read, targets, shown, filled, is_nested: false }
    }

    /// Notes a part that writes.
    pub(super) fn note(&mut self, node: &SyntaxNode) {
        self.effect = self.effect.max(effect(node));
        if node.kind() == SyntaxKind::INSERT {
            let list = child(node, SyntaxKind::COLUMN_TARGET_LIST);
            let names = list.and_then(|list| list.children().map(|name| plain(&name)).collect());
            let names: Option<BTreeSet<String>> = names;
            self.filled = self.filled.take().zip(names).map(|(filled, names)| &filled | &names);
        }
        self.is_nested |=
            node.parent().is_some_and(|parent| parent.kind() == SyntaxKind::WITH_TABLE);
    }
}

/// Whether a node is a statement that changes rows.
pub(super) fn is_write(kind: SyntaxKind) -> bool {
    matches!(
        kind,
        SyntaxKind::INSERT
            | SyntaxKind::UPDATE
            | SyntaxKind::DELETE
            | SyntaxKind::MERGE
            | SyntaxKind::TRUNCATE
    )
}

/// The statement that writes to the relation that this node names.
pub(super) fn writer(reference: &SyntaxNode) -> Option<SyntaxNode> {
    let parent = reference.parent()?;
    match parent.kind() {
        SyntaxKind::INSERT => Some(parent),
        SyntaxKind::RELATION_NAME | SyntaxKind::TABLE_RELATION_NAME => {
            let statement = parent.parent()?;
            match statement.kind() {
                SyntaxKind::TABLE_LIST => statement.parent(),
                kind => is_write(kind).then_some(statement),
            }
        }
        _ => None,
    }
}

/// Whether a statement tells nothing of the rows that its target has.
pub(super) fn is_silent(statement: &SyntaxNode) -> bool {
    statement.kind() == SyntaxKind::INSERT
        && child(statement, SyntaxKind::ON_CONFLICT_CLAUSE).is_none()
        && child(statement, SyntaxKind::RETURNING_CLAUSE).is_none()
}

fn effect(node: &SyntaxNode) -> Effect {
    let conditional = |is_real| if is_real { Effect::Change } else { Effect::Destroy };
    match node.kind() {
        SyntaxKind::INSERT => match child(node, SyntaxKind::ON_CONFLICT_CLAUSE) {
            Some(conflict) if child(&conflict, SyntaxKind::CONFLICT_DO_NOTHING).is_none() => {
                Effect::Change
            }
            _ => Effect::Add,
        },
        SyntaxKind::UPDATE | SyntaxKind::DELETE => {
            let joins = [SyntaxKind::FROM_CLAUSE, SyntaxKind::USING_CLAUSE];
            let is_joined = joins.iter().any(|kind| child(node, *kind).is_some());
            let condition = child(node, SyntaxKind::WHERE_CLAUSE);
            conditional(condition.is_some_and(|clause| is_real_in(&clause, node, is_joined)))
        }
        SyntaxKind::MERGE => {
            let on = child(node, SyntaxKind::USING_ON_CLAUSE);
            let on = on.and_then(|using| child(&using, SyntaxKind::ON_CLAUSE));
            let reaches_others = child(node, SyntaxKind::MERGE_WHEN_NOT_MATCHED_SOURCE).is_some();
            conditional(!reaches_others && on.is_some_and(|on| is_real_in(&on, node, true)))
        }
        _ => Effect::Destroy,
    }
}

/// Whether the condition in a clause depends on the rows of the statement's target. What can't be
/// told does not: somebody is asked then.
fn is_real_in(clause: &SyntaxNode, statement: &SyntaxNode, is_joined: bool) -> bool {
    let target = is_joined.then(|| target_name(statement).unwrap_or_default());
    clause.first_child().is_some_and(|condition| is_real(&condition, target.as_deref()))
}

fn is_real(node: &SyntaxNode, target: Option<&str>) -> bool {
    let mut operands = node.children();
    match node.kind() {
        SyntaxKind::PAREN_EXPR => operands.next().is_some_and(|inner| is_real(&inner, target)),
        SyntaxKind::PREFIX_EXPR if has(node, SyntaxKind::NOT_KW) => {
            operands.next().is_some_and(|inner| is_real(&inner, target))
        }
        SyntaxKind::BIN_EXPR if has(node, SyntaxKind::AND_KW) => {
            operands.any(|operand| is_real(&operand, target))
        }
        SyntaxKind::BIN_EXPR if has(node, SyntaxKind::OR_KW) => {
            operands.all(|operand| is_real(&operand, target))
        }
        SyntaxKind::BIN_EXPR => {
            let (left, right) = (node.first_child(), node.last_child());
            let sides = left.map(|side| bare(&side)).zip(right.map(|side| bare(&side)));
            let is_same = sides.is_none_or(|(left, right)| left == right);
            !is_same && !hides_or(node) && reads_target(node, target)
        }
        SyntaxKind::BETWEEN_EXPR | SyntaxKind::POSTFIX_EXPR => {
            !hides_or(node) && reads_target(node, target)
        }
        SyntaxKind::NAME_REF | SyntaxKind::FIELD_EXPR => reads_target(node, target),
        // `EXISTS (… WHERE …)` depends on the target if its own condition does.
        SyntaxKind::CALL_EXPR => {
            let exists = child(node, SyntaxKind::EXISTS_FN);
            let query = exists.and_then(|exists| child(&exists, SyntaxKind::SELECT));
            let clause = query.and_then(|query| child(&query, SyntaxKind::WHERE_CLAUSE));
            let writer = node.ancestors().find(|node| is_write(node.kind()));
            let name = target.map(str::to_owned).or_else(|| target_name(&writer?));
            let condition = clause.and_then(|clause| clause.first_child());
            condition.zip(name).is_some_and(|(inner, name)| is_real(&inner, Some(&name)))
        }
        _ => false,
    }
}

/// OR binds the least, but the parser takes one after BETWEEN for a part of its bound.
fn hides_or(node: &SyntaxNode) -> bool {
    node.children_with_tokens().any(|part| match part {
        rowan::NodeOrToken::Token(token) => token.kind() == SyntaxKind::OR_KW,
        rowan::NodeOrToken::Node(node) => !super::walk::is_query(node.kind()) && hides_or(&node),
    })
}

/// Whether a column of the target is read here, outside of any subquery. With other relations
/// beside it, only what is named after it counts.
fn reads_target(node: &SyntaxNode, target: Option<&str>) -> bool {
    match node.kind() {
        SyntaxKind::NAME_REF => target.is_none(),
        SyntaxKind::FIELD_EXPR => match target {
            None => true,
            Some(target) => node.first_child().is_some_and(|base| bare(&base) == target),
        },
        // The name of a function is none of a column.
        SyntaxKind::CALL_EXPR => node.children().skip(1).any(|child| reads_target(&child, target)),
        kind if super::walk::is_query(kind) => false,
        _ => node.children().any(|child| reads_target(&child, target)),
    }
}

/// By which name the expressions of a statement know its target.
fn target_name(statement: &SyntaxNode) -> Option<String> {
    let aliases = [SyntaxKind::OPTIONAL_AS_ALIAS, SyntaxKind::REQUIRED_AS_ALIAS];
    if let Some(alias) = aliases.iter().find_map(|kind| child(statement, *kind)) {
        return child(&alias, SyntaxKind::TABLE_ALIAS).map(|name| bare(&name));
    }
    let names = [SyntaxKind::RELATION_NAME, SyntaxKind::TABLE_RELATION_NAME];
    let name = names.iter().find_map(|kind| child(statement, *kind))?;
    let segments = name.descendants().filter(|node| node.kind() == SyntaxKind::PATH_SEGMENT_REF);
    segments.last().map(|segment| bare(&segment))
}

/// The name of a column that is filled; none where it is written with escapes or is a part of it.
fn plain(target: &SyntaxNode) -> Option<String> {
    let name = child(target, SyntaxKind::COLUMN_NAME_REF)?;
    let has_escapes = target.text().to_string().contains('&');
    if has_escapes { None } else { super::walk::name_in(&name) }
}

/// The text of a node without what doesn't count.
fn bare(node: &SyntaxNode) -> String {
    let tokens = node.descendants_with_tokens().filter_map(rowan::NodeOrToken::into_token);
    let tokens = tokens.filter(|token| {
        !token.kind().is_trivia()
            && !matches!(token.kind(), SyntaxKind::L_PAREN | SyntaxKind::R_PAREN)
    });
    let texts: Vec<String> = tokens
        .map(|token| match token.text() {
            quoted if quoted.starts_with('"') => quoted.trim_matches('"').to_owned(),
            string if string.contains('\'') => string.to_owned(),
            word => word.to_ascii_lowercase(),
        })
        .collect();
    texts.join(" ")
}

fn child(node: &SyntaxNode, kind: SyntaxKind) -> Option<SyntaxNode> {
    node.children().find(|child| child.kind() == kind)
}

fn has(node: &SyntaxNode, kind: SyntaxKind) -> bool {
    node.children_with_tokens().any(|child| child.kind() == kind)
}

#[cfg(test)]
mod tests {
    use lockkeeper_core::Effect;

    use crate::guard::Statement;

    fn effect(sql: &str) -> Result<Effect, String> {
        let statement = Statement::parse_write(sql).map_err(|refusal| refusal.to_string())?;
        Ok(statement.writes().unwrap().effect)
    }

    #[test]
    fn what_a_statement_may_lose_is_told_from_its_syntax() {
        let cases = [
            (
                Effect::Add,
                &[
                    "insert into t values (1, default)",
                    "insert into t default values returning id",
                    "insert into s.t (a) select a from o on conflict do nothing",
                    "with x as (insert into t values (1) returning a) select * from x",
                ] as &[&str],
            ),
            (
                Effect::Change,
                &[
                    "insert into t values (1) on conflict (a) do update set b = excluded.b",
                    "update t set a = 1 where id = 1",
                    "update t set (a, b) = (1, default) where not done",
                    "update t as x set a = o.a from o where x.id = o.id",
                    "delete from t where id in (select id from o)",
                    "delete from t where a is null and true",
                    "delete from t where exists (select 1 from o where o.id = t.id)",
                    "delete from t where id between 1 and 2",
                    "delete from only s.t where (id = $1)",
                    "with x as (delete from t where id = 1 returning *) insert into o select * from x",
                    "merge into t using o on t.id = o.id when matched then update set a = 1 \
                     when not matched then insert (a) values (o.a)",
                ],
            ),
            (
                Effect::Destroy,
                &[
                    "delete from t",
                    "update t set a = 1",
                    "delete from t where true",
                    "delete from t where 1 = 1",
                    "delete from t where $1",
                    "delete from t where $1 = $1 and 'a' < 'b'",
                    "delete from t where id = id",
                    "delete from t where id = (ID)",
                    "delete from t where id = 1 or true",
                    "delete from t where id between 1 and 2 or true",
                    "delete from t where not (id <> id)",
                    "delete from t where id = 1 or not false",
                    "delete from t where exists (select 1)",
                    "delete from t where exists (select 1 from o where o.id = 1)",
                    "delete from t where (select true)",
                    "delete from t where coalesce(true, id = 1)",
                    "delete from t where case when id = 1 then true else true end",
                    "delete from t where length('x') = 1",
                    "delete from t using o where o.id = 1",
                    "update t set a = 1 from o where o.id is not null",
                    "with x as (delete from t returning *) insert into o select * from x",
                    "merge into t using o on true when matched then delete",
                    "merge into t using o on t.id = o.id when not matched by source then delete",
                    "truncate t, s.o restart identity",
                ],
            ),
        ];
        for (expected, statements) in cases {
            for sql in statements {
                assert_eq!(effect(sql), Ok(expected), "{sql}");
            }
        }
    }

    #[test]
    fn all_else_is_refused() {
        for sql in [
            "",
            "select 1",
            "select * from t for update",
            "select 1 into t",
            "insert into t values (1); delete from t",
            "insert into t values (1); commit",
            "update t set a = 1 where current of c",
            "truncate t cascade",
            "copy t from program 'id'",
            "copy t to '/tmp/x'",
            "do $$ begin end $$",
            "call p()",
            "listen x",
            "notify x",
            "set role postgres",
            "set session authorization postgres",
            "reset role",
            "begin",
            "commit",
            "rollback",
            "savepoint a",
            "prepare transaction 'x'",
            "grant all on t to public",
            "revoke all on t from public",
            "create role x",
            "alter role x superuser",
            "create database x",
            "create extension dblink",
            "create function f() returns int language sql as 'select 1'",
            "alter system set a = 1",
            "vacuum",
            "load 'x'",
            "lock t",
            "explain analyze delete from t",
            "prepare x as delete from t",
            "execute x",
            "declare c cursor for select 1",
            "drop table t",
            "refresh materialized view v",
            "security label on table t is 'x'",
        ] {
            assert!(effect(sql).is_err(), "{sql}");
        }
    }

    #[test]
    fn a_query_never_writes() {
        for sql in [
            "insert into t values (1)",
            "with x as (insert into t values (1) returning a) select * from x",
            "with x as (delete from t returning *) select * from x",
            "truncate t",
        ] {
            assert!(Statement::parse(sql).is_err(), "{sql}");
        }
    }

    #[test]
    fn the_target_is_never_a_common_table_expression() {
        let sql = "with t as (select 1) delete from t where id = 1";
        let statement = Statement::parse_write(sql).unwrap();
        assert_eq!(statement.uses().relations.len(), 1);
        assert_eq!(statement.writes().unwrap().targets.len(), 1);
        assert_eq!(statement.writes().unwrap().shown.len(), 1);
        let silent = Statement::parse_write("insert into t (a) select b from o").unwrap();
        let shown: Vec<String> =
            silent.writes().unwrap().shown.iter().map(ToString::to_string).collect();
        assert_eq!(shown, ["\"o\""]);
    }
}

//! What a statement does with columns, as far as its text tells: for masks and for columns that
//! are denied. Every name that may be a column's is taken for one; only the plain outputs of the
//! outermost SELECT stand apart, and the names that can't be columns' because of where they are.

use std::collections::{HashMap, HashSet};

use rowan::{NodeOrToken, WalkEvent};
use squawk_syntax::{SyntaxKind, SyntaxNode};

use super::judge::Verdict;
use super::names::Name;
use super::tokens::{self, Lexeme, Meaning};
use super::walk::{has_token, is_query, is_reserved, name_in};
use crate::values::masking::{Output, Place, Reference, Source, Statement, What, Whole};

/// A relation where it is named.
#[derive(Debug, Clone)]
pub(super) struct Occurrence {
    name: Name,
    alias: String,
    has_column_aliases: bool,
    within: usize,
    place: Stands,
}

/// Where a relation is named.
#[derive(Debug, Clone, Copy)]
pub(super) struct Stands {
    /// Where its first and its last token begin in the text that came in. None where no query can
    /// stand in its place.
    pub(super) tokens: Option<(usize, usize)>,
    /// It has a name after AS.
    pub(super) is_aliased: bool,
}

impl Occurrence {
    /// From a `RELATION_NAME_REF`. None if the alias can't be told.
    pub(super) fn of(node: &SyntaxNode, name: Name) -> Option<Self> {
        let item = node.parent()?;
        let within = within(node.ancestors());
        let is_table = item.kind() == SyntaxKind::RELATION_NAME
            && item.parent().is_some_and(|table| table.kind() == SyntaxKind::TABLE);
        if item.kind() != SyntaxKind::RELATION_FROM_ITEM && !is_table {
            return None;
        }
        let alias = item.children().find(|child| child.kind() == SyntaxKind::FROM_ALIAS);
        // ONLY, `*` and samples go with tables and not with queries.
        let others = item.children_with_tokens().filter(|part| !part.kind().is_trivia()).count();
        let is_alone = !is_table && others == 1 + usize::from(alias.is_some());
        let tokens = tokens_of(node).filter(|_| is_alone);
        let place = Stands { tokens, is_aliased: alias.is_some() };
        let Some(given) = alias else {
            let alias = name.name.clone();
            return Some(Self { name, alias, has_column_aliases: false, within, place });
        };
        let mut parts = given.children();
        let alias = parts.next().filter(|part| part.kind() == SyntaxKind::TABLE_ALIAS)?;
        let alias = name_in(&alias)?;
        Some(Self { name, alias, has_column_aliases: parts.next().is_some(), within, place })
    }
}

/// Where its first and its last token begin.
fn tokens_of(node: &SyntaxNode) -> Option<(usize, usize)> {
    let tokens = node.descendants_with_tokens().filter_map(NodeOrToken::into_token);
    let mut tokens = tokens.filter(|token| !token.kind().is_trivia());
    let first = tokens.next()?;
    let last = tokens.last().unwrap_or_else(|| first.clone());
    Some((tokens::start(&first), tokens::start(&last)))
}

/// What a statement does with columns; its relations go by their names.
#[derive(Debug, Clone, Default)]
pub(super) struct Description {
    /// None if not all were found.
    named: Option<Vec<Occurrence>>,
    statement: Statement,
}

impl Description {
    /// Where a relation is named, if all places are known.
    pub(super) fn places(&self, name: &Name) -> Option<Vec<Stands>> {
        let named = self.named.as_ref()?.iter().filter(|occurrence| occurrence.name == *name);
        let places: Vec<Stands> = named.map(|occurrence| occurrence.place).collect();
        (!places.is_empty()).then_some(places)
    }

    /// The same with relations as the catalog knows them. Those that it doesn't know are left out:
    /// the database refuses the statement for them.
    pub(super) fn of(&self, relations: &[Name], verdict: &Verdict) -> Statement {
        let source = |occurrence: &Occurrence| {
            let i = relations.iter().position(|name| *name == occurrence.name)?;
            let relation = verdict.relations().iter().find(|relation| relation.i == i)?.oid;
            let Occurrence { alias, has_column_aliases, within, .. } = occurrence.clone();
            Some(Source { relation, alias, has_column_aliases, within })
        };
        let sources = self.named.iter().flatten().filter_map(source).collect();
        Statement { sources, ..self.statement.clone() }
    }
}

/// Which SELECT something is in: where that begins.
fn within(mut ancestors: impl Iterator<Item = SyntaxNode>) -> usize {
    let query =
        ancestors.find(|node| matches!(node.kind(), SyntaxKind::SELECT | SyntaxKind::TABLE));
    query.map_or(0, |query| query.text_range().start().into())
}

/// Describes a statement. `named` are the relations that its walk found, `None` for what was not
/// understood.
pub(super) fn describe(
    root: &SyntaxNode,
    lexemes: &[Lexeme],
    named: Option<Vec<Occurrence>>,
) -> Description {
    let mut statement = Statement::default();
    if named.is_none() {
        statement.unclear = Some("FROM".to_owned());
    }
    let outermost = match root.kind() {
        SyntaxKind::EXPLAIN => root.children().find(|child| is_query(child.kind())),
        _ => Some(root.clone()),
    };
    let plain = outermost.filter(is_plain);
    let mut outputs = HashSet::new();
    if let Some(plain) = &plain {
        statement.outputs = outputs_of(plain, &mut outputs);
    }
    let places = places(root, plain.as_ref(), &mut statement);
    for (i, lexeme) in lexemes.iter().enumerate() {
        let at = tokens::start(&lexeme.token);
        let Some(here) = places.get(&at) else { continue };
        let place = if outputs.contains(&at) { Place::Output } else { here.place };
        let mut refer = |what, at| {
            let within = match &what {
                What::Star { .. } => within(lexeme.token.parent_ancestors()),
                _ => 0,
            };
            statement.references.push(Reference { what, place, at, within });
        };
        let text = |i: usize| lexemes.get(i).map(|lexeme| lexeme.text.as_str());
        let before = i.checked_sub(1).and_then(text);
        let qualifier = || {
            let qualifier = lexemes.get(i.checked_sub(2)?)?;
            Some((named_by(qualifier)?.to_owned(), qualifier.at))
        };
        match &lexeme.meaning {
            _ if here.is_no_column => {}
            Meaning::Operator(operator) if operator == "*" => {
                let qualifier = if before == Some(".") {
                    qualifier().map(|(name, _)| name)
                } else if is_star(lexeme, before, text(i + 1)) {
                    None
                } else {
                    continue;
                };
                let whole = whole(lexeme, qualifier.as_deref());
                refer(What::Star { qualifier }, lexeme.at);
                let reference = statement.references.len() - 1;
                statement.wholes.extend(whole.map(|whole| Whole { reference, ..whole }));
            }
            Meaning::Name(name) | Meaning::Word(name) => {
                let parent = tokens::parent(&lexeme.token);
                if lexeme.token.kind() == SyntaxKind::NATURAL_KW && parent == SyntaxKind::JOIN {
                    refer(What::NaturalJoin, lexeme.at);
                } else if before == Some(".") {
                    // Of what a call is qualified with, no column is meant.
                    if !matches!(text(i + 1), Some("(" | ".")) {
                        let (qualifier, at) = qualifier().unzip();
                        let what = What::Column { qualifier, name: name.clone() };
                        refer(what, at.unwrap_or(lexeme.at));
                    }
                } else if !matches!(text(i + 1), Some("(" | ".")) && !is_word(lexeme) {
                    refer(What::Column { qualifier: None, name: name.clone() }, lexeme.at);
                    if place == Place::Order {
                        statement.output_names_used.push(name.clone());
                    }
                }
            }
            _ => {
                if here.is_position && lexeme.token.kind() == SyntaxKind::INT_NUMBER {
                    // What is no number that we can read is none of the positions.
                    refer(What::Position(lexeme.text.parse().unwrap_or(0)), lexeme.at);
                }
            }
        }
    }
    Description { named, statement }
}

/// A star that is an output by itself, bare or with the name of one table.
fn whole(star: &Lexeme, qualifier: Option<&str>) -> Option<Whole> {
    let target = star.token.parent_ancestors().find(|node| node.kind() == SyntaxKind::TARGET)?;
    let lexemes = tokens::read(&target).ok()?;
    let (last, path) = lexemes.split_last()?;
    let is_alone = last.at == star.at
        && path
            .chunks(2)
            .all(|pair| matches!(pair, [name, dot] if named_by(name).is_some() && dot.text == "."))
        && path.is_empty() == qualifier.is_none();
    let query = target.ancestors().find(|node| node.kind() == SyntaxKind::SELECT)?;
    let items = match qualifier {
        _ if !is_alone => return None,
        Some(qualifier) => Some(vec![qualifier.to_owned()]),
        None => items(&query),
    };
    let within = query.text_range().start().into();
    let from = lexemes.first()?.at;
    Some(Whole { reference: 0, within, from, to: star.at, items, is_table: false })
}

/// What a bare star stands for, by name. None if something has no name, or columns that are merged.
fn items(query: &SyntaxNode) -> Option<Vec<String>> {
    let clause = query.children().find(|child| child.kind() == SyntaxKind::FROM_CLAUSE)?;
    let start: usize = query.text_range().start().into();
    let mut items = Vec::new();
    for node in clause.descendants().filter(|node| within(node.ancestors()) == start) {
        let alias = || {
            let given = node.children().find(|child| child.kind() == SyntaxKind::FROM_ALIAS)?;
            name_in(&given.children().find(|part| part.kind() == SyntaxKind::TABLE_ALIAS)?)
        };
        match node.kind() {
            SyntaxKind::JOIN_USING_CLAUSE => return None,
            SyntaxKind::JOIN if has_token(&node, SyntaxKind::NATURAL_KW) => return None,
            SyntaxKind::RELATION_FROM_ITEM => {
                let has_alias = node.children().any(|child| child.kind() == SyntaxKind::FROM_ALIAS);
                items.push(if has_alias { alias()? } else { relation_of(&node)? });
            }
            SyntaxKind::PAREN_FROM_ITEM => {
                let inner = node.first_child().and_then(|inner| inner.first_child());
                match alias() {
                    Some(alias) => items.push(alias),
                    None if inner.is_some_and(|inner| is_query(inner.kind())) => return None,
                    None => {}
                }
            }
            SyntaxKind::FUNCTION_FROM_ITEM
            | SyntaxKind::ROWS_FROM_ITEM
            | SyntaxKind::EXPR_FROM_ITEM
            | SyntaxKind::JSON_TABLE_FROM_ITEM
            | SyntaxKind::XML_TABLE_FROM_ITEM => items.push(alias()?),
            _ => {}
        }
    }
    Some(items)
}

/// The name of the relation that is named right below a node, without its schema.
fn relation_of(node: &SyntaxNode) -> Option<String> {
    let mut named = node.descendants().filter(|node| node.kind() == SyntaxKind::RELATION_NAME_REF);
    let lexemes = tokens::read(&named.next()?).ok()?;
    Some(named_by(lexemes.last()?)?.to_owned())
}

/// Whether the outputs of a query are the columns that it names, one by one. DISTINCT compares
/// them, and of what isn't known they may be anything.
fn is_plain(query: &SyntaxNode) -> bool {
    let is_known = |child: SyntaxNode| {
        matches!(
            child.kind(),
            SyntaxKind::WITH_CLAUSE
                | SyntaxKind::SELECT_CLAUSE
                | SyntaxKind::FROM_CLAUSE
                | SyntaxKind::WHERE_CLAUSE
                | SyntaxKind::GROUP_BY_CLAUSE
                | SyntaxKind::HAVING_CLAUSE
                | SyntaxKind::WINDOW_CLAUSE
                | SyntaxKind::ORDER_BY_CLAUSE
                | SyntaxKind::LIMIT_CLAUSE
                | SyntaxKind::OFFSET_CLAUSE
                | SyntaxKind::FETCH_CLAUSE
                | SyntaxKind::RELATION_NAME
        )
    };
    let is_distinct = || {
        let mut clauses =
            query.children().filter(|child| child.kind() == SyntaxKind::SELECT_CLAUSE);
        clauses.any(|clause| has_distinct(&clause))
    };
    matches!(query.kind(), SyntaxKind::SELECT | SyntaxKind::TABLE)
        && query.children().all(is_known)
        && !is_distinct()
}

/// The outputs of a plain query, and where the tokens of those are that are nothing but a column.
fn outputs_of(query: &SyntaxNode, plain: &mut HashSet<usize>) -> Vec<Output> {
    if query.kind() == SyntaxKind::TABLE {
        return vec![Output { name: None, what: Some(What::Star { qualifier: None }) }];
    }
    let clause = query.children().find(|child| child.kind() == SyntaxKind::SELECT_CLAUSE);
    let list = clause.and_then(|clause| clause.children().last());
    let mut outputs = Vec::new();
    for target in list.iter().flat_map(SyntaxNode::children) {
        let label = target.children().find(|child| child.kind() == SyntaxKind::AS_NAME);
        let name = label.as_ref().and_then(|label| {
            name_in(&label.children().find(|child| child.kind() == SyntaxKind::COLUMN_NAME)?)
        });
        let lexemes = tokens::read(&target).unwrap_or_default();
        let end = label.as_ref().map_or(usize::MAX, |label| label.text_range().start().into());
        let value: Vec<&Lexeme> = lexemes.iter().filter(|lexeme| lexeme.at < end).collect();
        let what = plain_column(&value);
        if what.is_some() {
            plain.extend(value.iter().map(|lexeme| tokens::start(&lexeme.token)));
        }
        outputs.push(Output { name, what });
    }
    outputs
}

/// `a`, `t.a`, `s.t.a`, `d.s.t.a`, or a star in place of the `a`.
fn plain_column(value: &[&Lexeme]) -> Option<What> {
    let (last, path) = value.split_last()?;
    let is_path = path.len() <= 6
        && path
            .chunks(2)
            .all(|pair| matches!(pair, [name, dot] if named_by(name).is_some() && dot.text == "."));
    if !is_path {
        return None;
    }
    let qualifier = path.iter().nth_back(1).and_then(|name| named_by(name)).map(str::to_owned);
    match &last.meaning {
        Meaning::Operator(operator) if operator == "*" => Some(What::Star { qualifier }),
        _ => Some(What::Column { qualifier, name: named_by(last)?.to_owned() }),
    }
}

/// Where a token is.
#[derive(Clone, Copy)]
struct Here {
    place: Place,
    /// A name here is that of something else: a relation, a type, a label.
    is_no_column: bool,
    /// A number here is the position of an output.
    is_position: bool,
}

/// Where each token is. Notes what isn't clear, and the outputs of `TABLE`.
fn places(
    root: &SyntaxNode,
    plain: Option<&SyntaxNode>,
    statement: &mut Statement,
) -> HashMap<usize, Here> {
    let mut places = HashMap::new();
    let place = Place::Elsewhere("an expression");
    let start = Here { place, is_no_column: false, is_position: false };
    let mut stack = vec![start];
    for event in root.preorder_with_tokens() {
        let outer = stack.last().copied().unwrap_or(start);
        match event {
            WalkEvent::Enter(NodeOrToken::Node(node)) => {
                let here = outer.within(&node, plain);
                if let Some(what) = unclear(&node) {
                    statement.unclear = Some(what.to_owned());
                }
                if node.kind() == SyntaxKind::TABLE {
                    let place = if Some(&node) == plain { Place::Output } else { here.place };
                    let what = What::Star { qualifier: None };
                    let within = within(node.ancestors());
                    let reference = statement.references.len();
                    statement.references.push(Reference { what, place, at: 0, within });
                    let first = tokens::read(&node).unwrap_or_default().first().map(|one| one.at);
                    let whole = |at| Whole {
                        reference,
                        within,
                        from: at,
                        to: at,
                        items: relation_of(&node).map(|name| vec![name]),
                        is_table: true,
                    };
                    statement.wholes.extend(first.map(whole));
                }
                if is_verbose(&node) {
                    statement.is_verbose = true;
                }
                stack.push(here);
            }
            WalkEvent::Enter(NodeOrToken::Token(token)) => {
                places.insert(tokens::start(&token), outer);
            }
            WalkEvent::Leave(NodeOrToken::Node(_)) => {
                stack.pop();
            }
            WalkEvent::Leave(NodeOrToken::Token(_)) => {}
        }
    }
    places
}

impl Here {
    fn within(self, node: &SyntaxNode, plain: Option<&SyntaxNode>) -> Self {
        let mut here = self;
        let kind = node.kind();
        let is_of_outermost = plain.is_some() && node.parent().as_ref() == plain;
        let elsewhere = match kind {
            SyntaxKind::ORDER_BY_CLAUSE | SyntaxKind::GROUP_BY_CLAUSE if is_of_outermost => {
                (here.place, here.is_position) = (Place::Order, true);
                None
            }
            SyntaxKind::ORDER_BY_CLAUSE => Some("ORDER BY"),
            SyntaxKind::GROUP_BY_CLAUSE => Some("GROUP BY"),
            SyntaxKind::WHERE_CLAUSE => Some("WHERE"),
            SyntaxKind::HAVING_CLAUSE => Some("HAVING"),
            SyntaxKind::FILTER_CLAUSE => Some("FILTER"),
            SyntaxKind::DISTINCT_CLAUSE => Some("DISTINCT"),
            SyntaxKind::JOIN => Some("a join"),
            SyntaxKind::FROM_CLAUSE => Some("FROM"),
            SyntaxKind::WITH_CLAUSE => Some("WITH"),
            SyntaxKind::OVER_CLAUSE | SyntaxKind::WINDOW_CLAUSE => Some("a window"),
            SyntaxKind::COMPOUND_SELECT => Some("UNION, INTERSECT or EXCEPT"),
            _ if Some(node) == plain => None,
            _ if is_query(kind)
                && node.parent().is_some_and(|parent| is_nesting(parent.kind())) =>
            {
                Some("a subquery")
            }
            SyntaxKind::SELECT_CLAUSE if has_distinct(node) => Some("SELECT DISTINCT"),
            _ => None,
        };
        if let Some(elsewhere) = elsewhere {
            here.place = Place::Elsewhere(elsewhere);
        }
        here.is_no_column |= matches!(
            kind,
            SyntaxKind::RELATION_NAME_REF
                | SyntaxKind::TABLE_ALIAS
                | SyntaxKind::CTE_NAME
                | SyntaxKind::AS_NAME
                | SyntaxKind::PATH_TYPE
                | SyntaxKind::COLLATION_REF
                | SyntaxKind::EXPLAIN_OPTION_LIST
                | SyntaxKind::EXTRACT_FIELD_NAME
                | SyntaxKind::WINDOW
                | SyntaxKind::WINDOW_REF
        );
        let is_grouping = || {
            let word = tokens::read(node).unwrap_or_default();
            word.first().is_some_and(|word| matches!(word.text.as_str(), "rollup" | "cube"))
        };
        here.is_position &= match kind {
            SyntaxKind::CALL_EXPR => is_grouping(),
            SyntaxKind::BIN_EXPR
            | SyntaxKind::CAST_EXPR
            | SyntaxKind::CASE_EXPR
            | SyntaxKind::INDEX_EXPR
            | SyntaxKind::ARRAY_EXPR
            | SyntaxKind::BETWEEN_EXPR => false,
            kind => !is_query(kind),
        };
        here
    }
}

/// What the description has no words for.
fn unclear(node: &SyntaxNode) -> Option<&'static str> {
    match node.kind() {
        SyntaxKind::FROM_ALIAS => {
            let item = node.parent()?;
            let is_clear = match item.kind() {
                SyntaxKind::RELATION_FROM_ITEM
                | SyntaxKind::FUNCTION_FROM_ITEM
                | SyntaxKind::ROWS_FROM_ITEM
                | SyntaxKind::EXPR_FROM_ITEM
                | SyntaxKind::JSON_TABLE_FROM_ITEM
                | SyntaxKind::XML_TABLE_FROM_ITEM => true,
                SyntaxKind::PAREN_FROM_ITEM => {
                    let mut inner = item.first_child();
                    while let Some(node) = inner.take_if(|node| is_parentheses(node.kind())) {
                        inner = node.first_child();
                    }
                    inner.is_some_and(|inner| {
                        is_query(inner.kind()) || inner.kind() == SyntaxKind::WITH_CLAUSE
                    })
                }
                _ => false,
            };
            (!is_clear).then_some("a join with a name of its own")
        }
        SyntaxKind::JOIN_USING_CLAUSE
            if node.descendants().any(|child| child.kind() == SyntaxKind::TABLE_ALIAS) =>
        {
            Some("a join with a name of its own")
        }
        SyntaxKind::GROUP_BY_CLAUSE if node.first_child()?.kind() == SyntaxKind::ALL => {
            Some("GROUP BY ALL")
        }
        _ => None,
    }
}

fn is_parentheses(kind: SyntaxKind) -> bool {
    matches!(kind, SyntaxKind::PAREN_EXPR | SyntaxKind::PAREN_FROM_ITEM)
}

/// Anything but the outputs, or ALL.
fn has_distinct(clause: &SyntaxNode) -> bool {
    let mut children = clause.children();
    children.any(|child| !matches!(child.kind(), SyntaxKind::TARGET_LIST | SyntaxKind::ALL))
}

/// Whether a query below this is no statement of its own.
fn is_nesting(parent: SyntaxKind) -> bool {
    !matches!(parent, SyntaxKind::SOURCE_FILE | SyntaxKind::EXPLAIN)
}

/// EXPLAIN VERBOSE names columns that the statement doesn't.
fn is_verbose(node: &SyntaxNode) -> bool {
    node.kind() == SyntaxKind::EXPLAIN_VERBOSE
        || (node.kind() == SyntaxKind::EXPLAIN_OPTION_NAME
            && name_in(node).as_deref() == Some("verbose"))
        || (node.kind() == SyntaxKind::EXPLAIN && has_token(node, SyntaxKind::VERBOSE_KW))
}

fn named_by(lexeme: &Lexeme) -> Option<&str> {
    match &lexeme.meaning {
        Meaning::Name(name) | Meaning::Word(name) => Some(name),
        _ => None,
    }
}

/// Whether it is a word of the language that no column can have for a name without quotes.
fn is_word(lexeme: &Lexeme) -> bool {
    is_reserved(lexeme)
        || (matches!(lexeme.meaning, Meaning::Word(_))
            && matches!(lexeme.token.kind(), SyntaxKind::ORDER_KW | SyntaxKind::GROUP_KW))
}

/// Whether a `*` stands for columns: all but that of multiplication, `count(*)` and `FROM t *`.
fn is_star(lexeme: &Lexeme, before: Option<&str>, after: Option<&str>) -> bool {
    if before == Some("(") && after == Some(")") {
        return false;
    }
    matches!(tokens::parent(&lexeme.token), SyntaxKind::TARGET | SyntaxKind::FIELD_EXPR)
        || matches!(before, None | Some("," | "(" | "select" | "all" | "distinct"))
}

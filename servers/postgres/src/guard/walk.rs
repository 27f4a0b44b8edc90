//! Walks the syntax tree of a statement and notes what it can reach. Nothing is skipped: a node
//! of a kind that is not known refuses, and words before a parenthesis count as functions even
//! where the tree takes them for something else.

use std::collections::HashSet;

use squawk_syntax::{SyntaxKind, SyntaxNode, SyntaxToken};

use super::describe::Occurrence;
use super::growth::{self, Bound};
use super::names::{Name, cut};
use super::parse::{Purpose, first_words};
use super::refusal::Refusal;
use super::tokens::{self, Lexeme, Meaning};
use super::uses::{Call, Notation, Uses};
use super::writes::{Writes, is_silent, is_write, writer};
use super::{Kind, kinds, trusted};

/// What [`walk`] finds.
pub(super) struct Walked {
    pub(super) kind: Kind,
    pub(super) uses: Uses,
    pub(super) writes: Option<Writes>,
    pub(super) named: Option<Vec<Occurrence>>,
    pub(super) bounds: Vec<Bound>,
}

/// The kind of a statement, what it can reach and change, and the places where it names relations,
/// unless one of these is not understood.
pub(super) fn walk(
    statement: &SyntaxNode,
    lexemes: &[Lexeme],
    purpose: Purpose,
) -> Result<Walked, Refusal> {
    let mut walk = Walk { collects: growth::collects(lexemes), ..Walk::default() };
    let kind = match purpose {
        Purpose::Reading => walk.statement(statement)?,
        Purpose::Writing => {
            walk.writes = Some(Writes::new());
            walk.visit(statement, &Scope { names: &[], outer: None })?;
            Kind::Write
        }
    };
    walk.tokens(lexemes)?;
    if walk.writes.as_ref().is_some_and(|writes| writes.targets.is_empty()) {
        return Err(Refusal::NotWriting(first_words(statement)));
    }
    let Walk { uses, writes, named, bounds, .. } = walk;
    Ok(Walked { kind, uses, writes, named: named.into_iter().collect(), bounds })
}

pub(super) fn is_query(kind: SyntaxKind) -> bool {
    matches!(
        kind,
        SyntaxKind::SELECT
            | SyntaxKind::VALUES
            | SyntaxKind::TABLE
            | SyntaxKind::COMPOUND_SELECT
            | SyntaxKind::PAREN_SELECT
    )
}

/// The common table expressions that can be seen from a place.
#[derive(Clone, Copy)]
struct Scope<'a> {
    names: &'a [String],
    outer: Option<&'a Self>,
}

impl Scope<'_> {
    fn has(&self, name: &str) -> bool {
        self.names.iter().any(|known| known == name)
            || self.outer.is_some_and(|outer| outer.has(name))
    }
}

#[derive(Default)]
struct Walk {
    uses: Uses,
    /// WITH clauses that were read with the statement around the one they stand in.
    hoisted: HashSet<SyntaxNode>,
    /// Where the names of functions start that were noted with their arguments.
    noted: HashSet<usize>,
    /// What is changed, if it may change anything.
    writes: Option<Writes>,
    /// Where relations are named.
    named: Vec<Option<Occurrence>>,
    /// Numbers that get a bound.
    bounds: Vec<Bound>,
    /// Whether values are collected in memory.
    collects: bool,
}

impl Walk {
    fn statement(&mut self, node: &SyntaxNode) -> Result<Kind, Refusal> {
        let nothing = Scope { names: &[], outer: None };
        match node.kind() {
            SyntaxKind::SHOW => {
                Self::allowed(node)?;
                self.show(node)?;
                Ok(Kind::Show)
            }
            SyntaxKind::EXPLAIN => {
                Self::allowed(node)?;
                let query = node.children().find(|child| is_query(child.kind()));
                let query = query.ok_or_else(|| {
                    let explained = node.last_child().map(|child| first_words(&child));
                    Refusal::NotReading(format!("EXPLAIN {}", explained.unwrap_or_default()))
                })?;
                let mut analyze = false;
                for child in node.children().filter(|child| *child != query) {
                    analyze |= Self::explain(&child)?;
                }
                self.visit(&query, &nothing)?;
                Ok(Kind::Explain { analyze })
            }
            _ => {
                self.visit(node, &nothing)?;
                Ok(Kind::Query)
            }
        }
    }

    /// Refuses what is not on the list.
    fn allowed(node: &SyntaxNode) -> Result<(), Refusal> {
        if kinds::is_allowed_node(node.kind()) {
            return Ok(());
        }
        let what = format!("`{}`", format!("{:?}", node.kind()).to_lowercase().replace('_', " "));
        Err(refused(&what, node))
    }

    fn show(&mut self, node: &SyntaxNode) -> Result<(), Refusal> {
        let Some(what) = node.first_child() else { return Err(refused("SHOW ALL", node)) };
        let setting = match what.kind() {
            SyntaxKind::CONFIG_PARAMETER_REF => {
                let path = what.first_child().map(|path| segments(&path)).transpose()?;
                path.unwrap_or_default().join(".")
            }
            SyntaxKind::TIME_ZONE => "timezone".to_owned(),
            SyntaxKind::TRANSACTION_ISOLATION_LEVEL => "transaction_isolation".to_owned(),
            SyntaxKind::SESSION_AUTHORIZATION => "session_authorization".to_owned(),
            _ => return Err(refused("SHOW ALL", node)),
        };
        self.uses.settings.insert(setting);
        Ok(())
    }

    /// The options of EXPLAIN; answers whether the statement is run.
    fn explain(node: &SyntaxNode) -> Result<bool, Refusal> {
        Self::allowed(node)?;
        match node.kind() {
            SyntaxKind::EXPLAIN_ANALYZE => {
                node.children().try_for_each(|child| Self::allowed(&child))?;
                Ok(true)
            }
            SyntaxKind::EXPLAIN_VERBOSE => Ok(false),
            SyntaxKind::EXPLAIN_OPTION_LIST => {
                let mut analyze = false;
                for option in node.children() {
                    let words = tokens::read(&option)?;
                    let words: Vec<String> = words
                        .into_iter()
                        .map(|lexeme| match lexeme.meaning {
                            Meaning::Name(word) | Meaning::Word(word) | Meaning::String(word) => {
                                word
                            }
                            _ => lexeme.text,
                        })
                        .collect();
                    let known = matches!(words.as_slice(), [name, ..] if trusted::EXPLAIN.contains(&name.as_str()));
                    if !known || words.len() > 2 {
                        return Err(refused("this option of EXPLAIN", &option));
                    }
                    // Whatever its value: `analyze off` counts as running too.
                    analyze |=
                        matches!(words.first().map(String::as_str), Some("analyze" | "analyse"));
                }
                Ok(analyze)
            }
            _ => Err(refused("this part of EXPLAIN", node)),
        }
    }

    fn visit(&mut self, node: &SyntaxNode, scope: &Scope<'_>) -> Result<(), Refusal> {
        if self.writes.is_none() || !kinds::is_of_writing(node.kind()) {
            Self::allowed(node)?;
        }
        if (is_query(node.kind()) || is_write(node.kind()))
            && let Some(with) = leading_with(node)
            && self.hoisted.insert(with.clone())
        {
            return self.with(&with, node, scope);
        }
        self.note(node, scope)?;
        if let Some(writes) = &mut self.writes
            && is_write(node.kind())
        {
            writes.note(node);
        }
        for child in node.children() {
            let is_read = child.kind() == SyntaxKind::WITH_CLAUSE && self.hoisted.contains(&child);
            if !is_read {
                self.visit(&child, scope)?;
            }
        }
        Ok(())
    }

    /// A query with its WITH clause. Without RECURSIVE, an expression sees only those before it.
    fn with(
        &mut self,
        with: &SyntaxNode,
        query: &SyntaxNode,
        scope: &Scope<'_>,
    ) -> Result<(), Refusal> {
        Self::allowed(with)?;
        let is_recursive = has_token(with, SyntaxKind::RECURSIVE_KW);
        let mut expressions = Vec::new();
        for child in with.children() {
            if child.kind() != SyntaxKind::WITH_TABLE {
                return Err(refused("this part of WITH", &child));
            }
            let name = child.children().find(|child| child.kind() == SyntaxKind::CTE_NAME);
            let name = name.and_then(|name| name_in(&name)).ok_or_else(|| refused("WITH", with))?;
            expressions.push((child, name));
        }
        let all: Vec<String> = expressions.iter().map(|(_, name)| name.clone()).collect();
        for (i, (expression, _)) in expressions.iter().enumerate() {
            let seen = if is_recursive { all.as_slice() } else { all.get(..i).unwrap_or_default() };
            self.visit(expression, &Scope { names: seen, outer: Some(scope) })?;
        }
        self.visit(query, &Scope { names: &all, outer: Some(scope) })
    }

    /// Notes what the node itself reaches.
    fn note(&mut self, node: &SyntaxNode, scope: &Scope<'_>) -> Result<(), Refusal> {
        let has = |kind| has_token(node, kind);
        match node.kind() {
            SyntaxKind::SELECT
                if node.children().any(|child| child.kind() == SyntaxKind::FILTER_CLAUSE) =>
            {
                return Err(refused("FILTER here", node));
            }
            SyntaxKind::RELATION_NAME_REF | SyntaxKind::TABLE_NAME_REF => {
                let path = node.first_child().ok_or_else(|| refused("this name", node))?;
                let mut parts = segments(&path)?;
                // What is written to is never a common table expression.
                let writer = self.writes.is_some().then(|| writer(node)).flatten();
                if let [name] = parts.as_slice()
                    && writer.is_none()
                    && scope.has(name)
                {
                    return Ok(());
                }
                // The database in front of the schema is checked by PostgreSQL.
                if parts.len() == 3 {
                    parts.remove(0);
                }
                let name = Name::of(parts).ok_or_else(|| refused("this name", node))?;
                if let Some(writes) = &mut self.writes {
                    if !writer.as_ref().is_some_and(is_silent) {
                        writes.shown.insert(name.clone());
                    }
                    if writer.is_some() {
                        writes.targets.insert(name.clone());
                        // Columns may follow, which make no call of it.
                        self.noted.extend(node.last_token().map(|last| tokens::start(&last)));
                    }
                }
                self.named.push(Occurrence::of(node, name.clone()));
                self.uses.relations.insert(name);
            }
            SyntaxKind::PAREN_FROM_ITEM => {
                let inner = node.first_child().and_then(|child| child.first_child());
                let is_known = inner.is_none_or(|inner| {
                    is_query(inner.kind())
                        || matches!(
                            inner.kind(),
                            SyntaxKind::JOIN_EXPR
                                | SyntaxKind::PAREN_FROM_ITEM
                                | SyntaxKind::PAREN_EXPR
                                | SyntaxKind::WITH_CLAUSE
                                | SyntaxKind::RELATION_FROM_ITEM
                        )
                });
                if !is_known {
                    return Err(refused("these parentheses", node));
                }
            }
            SyntaxKind::CALL_EXPR => self.call(node)?,
            SyntaxKind::FIELD_EXPR => {
                let is_callee = node.parent().is_some_and(|parent| {
                    parent.kind() == SyntaxKind::CALL_EXPR
                        && parent.first_child().as_ref() == Some(node)
                });
                let field =
                    node.children().skip(1).find(|child| child.kind() == SyntaxKind::NAME_REF);
                if let (false, Some(field)) = (is_callee, field) {
                    let name = name_in(&field).ok_or_else(|| refused("this name", node))?;
                    let notation =
                        if is_path(node) { Notation::Attribute } else { Notation::Field };
                    self.function(Name { schema: None, name }, Some(1), notation);
                }
            }
            SyntaxKind::NAME_REF if has(SyntaxKind::CURRENT_SCHEMA_KW) => {
                self.system("current_schema", 0);
            }
            SyntaxKind::PATH_TYPE => {
                let path = node.first_child().ok_or_else(|| refused("this type", node))?;
                self.uses.types.insert(type_name(&path)?);
            }
            SyntaxKind::VARCHAR_TYPE => self.system_type("varchar"),
            SyntaxKind::CHARACTER_TYPE => self.system_type("bpchar"),
            SyntaxKind::BIT_TYPE => self.system_type("bit"),
            SyntaxKind::BIT_VARYING_TYPE => self.system_type("varbit"),
            SyntaxKind::DOUBLE_TYPE => self.system_type("float8"),
            SyntaxKind::INTERVAL_TYPE => self.system_type("interval"),
            SyntaxKind::TIME_TYPE => {
                self.system_type("time");
                self.system_type("timetz");
            }
            SyntaxKind::TIMESTAMP_TYPE => {
                self.system_type("timestamp");
                self.system_type("timestamptz");
            }
            SyntaxKind::COLLATION_REF => {
                let path = node.first_child().ok_or_else(|| refused("this collation", node))?;
                let name =
                    Name::of(segments(&path)?).ok_or_else(|| refused("this collation", node))?;
                self.uses.collations.insert(name);
            }
            SyntaxKind::BETWEEN_EXPR => self.operators(&[">=", "<=", "<", ">"]),
            SyntaxKind::CASE_EXPR | SyntaxKind::JOIN_USING_CLAUSE | SyntaxKind::CYCLE_CLAUSE => {
                self.operators(&["=", "<>"]);
            }
            SyntaxKind::IS_DISTINCT_FROM | SyntaxKind::IS_NOT_DISTINCT_FROM => {
                self.operators(&["="]);
            }
            SyntaxKind::JOIN if has(SyntaxKind::NATURAL_KW) => self.operators(&["="]),
            SyntaxKind::NOT_IN => self.operators(&["<>", "="]),
            SyntaxKind::NOT_LIKE => self.operators(&["!~~"]),
            SyntaxKind::NOT_ILIKE => self.operators(&["!~~*"]),
            SyntaxKind::SIMILAR_TO | SyntaxKind::NOT_SIMILAR_TO => {
                self.operators(&["~", "!~"]);
                self.system("similar_to_escape", 1);
                self.system("similar_to_escape", 2);
            }
            SyntaxKind::AT_TIME_ZONE => self.system("timezone", 2),
            SyntaxKind::AT_LOCAL => self.system("timezone", 1),
            SyntaxKind::IS_NORMALIZED | SyntaxKind::IS_NOT_NORMALIZED => {
                self.system("is_normalized", 2);
            }
            SyntaxKind::BIN_EXPR => {
                if has(SyntaxKind::IN_KW) {
                    self.operators(&["="]);
                }
                if has(SyntaxKind::LIKE_KW) {
                    self.operators(&["~~"]);
                }
                if has(SyntaxKind::ILIKE_KW) {
                    self.operators(&["~~*"]);
                }
                if has(SyntaxKind::ESCAPE_KW) {
                    self.system("like_escape", 2);
                    self.system("similar_to_escape", 2);
                }
                if has(SyntaxKind::OVERLAPS_KW) {
                    self.system("overlaps", 4);
                }
            }
            SyntaxKind::EXTRACT_FN => {
                self.system("extract", 2);
                self.system("date_part", 2);
            }
            SyntaxKind::POSITION_FN => self.system("position", 2),
            SyntaxKind::OVERLAY_FN => {
                self.system("overlay", 3);
                self.system("overlay", 4);
            }
            SyntaxKind::SUBSTRING_FN => {
                self.system("substring", 2);
                self.system("substring", 3);
            }
            SyntaxKind::TRIM_FN => {
                for name in ["btrim", "ltrim", "rtrim"] {
                    self.system(name, 1);
                    self.system(name, 2);
                }
            }
            SyntaxKind::COLLATION_FOR_FN => self.system("pg_collation_for", 1),
            SyntaxKind::XML_EXISTS_FN => self.system("xmlexists", 2),
            SyntaxKind::JSON_VALUE_FN
            | SyntaxKind::JSON_QUERY_FN
            | SyntaxKind::JSON_EXISTS_FN
            | SyntaxKind::JSON_SCALAR_FN
            | SyntaxKind::JSON_SERIALIZE_FN
            | SyntaxKind::JSON_FN
            | SyntaxKind::JSON_OBJECT_FN
            | SyntaxKind::JSON_TABLE => self.json(),
            SyntaxKind::JSON_OBJECT_AGG_FN => {
                self.json();
                for suffix in ["", "_strict", "_unique", "_unique_strict"] {
                    self.system(&format!("json_object_agg{suffix}"), 2);
                    self.system(&format!("jsonb_object_agg{suffix}"), 2);
                }
            }
            SyntaxKind::JSON_ARRAY_AGG_FN | SyntaxKind::JSON_ARRAY_FN => {
                self.json();
                for suffix in ["", "_strict"] {
                    self.system(&format!("json_agg{suffix}"), 1);
                    self.system(&format!("jsonb_agg{suffix}"), 1);
                }
            }
            SyntaxKind::SORT_BY | SyntaxKind::SORT_USING => self.operators(&["<", ">", "="]),
            SyntaxKind::DISTINCT_CLAUSE
            | SyntaxKind::GROUP_BY_CLAUSE
            | SyntaxKind::PARTITION_BY_CLAUSE
            | SyntaxKind::COMPOUND_SELECT => self.operators(&["=", "<"]),
            SyntaxKind::LITERAL if has(SyntaxKind::DEFAULT_KW) && self.writes.is_some() => {}
            SyntaxKind::LITERAL if has(SyntaxKind::DEFAULT_KW) || has(SyntaxKind::ON_KW) => {
                return Err(refused("this word as a value", node));
            }
            SyntaxKind::OP | SyntaxKind::OPERATOR_CALL => self.qualified_operator(node)?,
            _ => {}
        }
        Ok(())
    }

    /// A call with parentheses, or the node of one of the functions with a syntax of their own.
    fn call(&mut self, node: &SyntaxNode) -> Result<(), Refusal> {
        let callee = node.first_child().ok_or_else(|| refused("this call", node))?;
        if !matches!(callee.kind(), SyntaxKind::NAME_REF | SyntaxKind::FIELD_EXPR) {
            let has_arguments = node.children().any(|child| child.kind() == SyntaxKind::ARG_LIST);
            return if has_arguments { Err(refused("a call of this", node)) } else { Ok(()) };
        }
        let mut parts = Vec::new();
        let last = callee_parts(&callee, &mut parts)?;
        self.noted.insert(tokens::start(&last));
        let arguments = node.children().find(|child| child.kind() == SyntaxKind::ARG_LIST);
        let Some(arguments) = arguments else { return Err(refused("this call", node)) };
        let given: Vec<SyntaxNode> =
            arguments.children().filter(|child| child.kind() == SyntaxKind::ARG).collect();
        let is_counted = !given.iter().any(|argument| has_token(argument, SyntaxKind::VARIADIC_KW))
            && !node.children().any(|child| child.kind() == SyntaxKind::WITHIN_CLAUSE);
        let count = is_counted.then(|| u16::try_from(given.len()).ok()).flatten();
        let is_sample =
            node.parent().is_some_and(|parent| parent.kind() == SyntaxKind::TABLESAMPLE_CLAUSE);
        let notation = if is_sample { Notation::Sample } else { Notation::Call };
        if parts.len() == 3 {
            parts.remove(0);
        }
        let name = Name::of(parts).ok_or_else(|| refused("this name", node))?;
        let bounds = growth::bounds(&name, &given, self.collects)?;
        if !bounds.is_empty() {
            self.system_type("numeric");
            self.system_type("int4");
            let schema = Some("pg_catalog".to_owned());
            let name = Name { schema, name: "numeric".to_owned() };
            self.function(name, None, Notation::Call);
            self.bounds.extend(bounds);
        }
        match name.name.as_str() {
            // In FROM, `unnest` of several arrays stands for one call for each.
            "unnest" => self.system("unnest", 1),
            "nullif" => self.operators(&["="]),
            "normalize" => self.system("normalize", 2),
            "current_setting" => {
                let setting = given.first().and_then(plain_string);
                let setting = setting.ok_or_else(|| {
                    Refusal::Setting("a setting that is not named in place".to_owned())
                })?;
                self.uses.settings.insert(setting.to_ascii_lowercase());
            }
            _ => {}
        }
        self.function(name, count, notation);
        Ok(())
    }

    /// `OPERATOR(schema.+)`; the operator itself is noted with all others, without the schema.
    fn qualified_operator(&mut self, node: &SyntaxNode) -> Result<(), Refusal> {
        let path = node.children().find(|child| child.kind() == SyntaxKind::PATH_REF);
        let Some(path) = path else { return Ok(()) };
        let schemas = segments(&path)?;
        let [schema] = schemas.as_slice() else {
            return Err(refused("this name of an operator", node));
        };
        let operator: String = node
            .descendants_with_tokens()
            .filter_map(rowan::NodeOrToken::into_token)
            .filter(|token| !path.text_range().contains_range(token.text_range()))
            .filter(|token| !token.kind().is_trivia())
            .map(|token| token.text().to_owned())
            .collect();
        let operator = if operator == "!=" { "<>".to_owned() } else { operator };
        self.uses.operators.insert(Name { schema: Some(schema.clone()), name: operator });
        Ok(())
    }

    /// What can be told from the tokens alone, whatever the tree makes of them.
    fn tokens(&mut self, lexemes: &[Lexeme]) -> Result<(), Refusal> {
        for (i, lexeme) in lexemes.iter().enumerate() {
            match &lexeme.meaning {
                Meaning::Parameter(index) => {
                    self.uses.parameters = self.uses.parameters.max(*index);
                }
                Meaning::Operator(operator) => self.operator(lexeme, operator)?,
                Meaning::Name(name) | Meaning::Word(name) => {
                    let is_called = lexemes.get(i + 1).is_some_and(|next| next.text == "(");
                    let at = tokens::start(&lexeme.token);
                    if is_called && !self.noted.contains(&at) && !is_reserved(lexeme) {
                        let dotted = i.checked_sub(1).and_then(|i| lexemes.get(i));
                        let schema = dotted.filter(|dot| dot.text == ".").and_then(|_| {
                            match &lexemes.get(i.checked_sub(2)?)?.meaning {
                                Meaning::Name(name) | Meaning::Word(name) => Some(name.clone()),
                                _ => None,
                            }
                        });
                        let name = Name { schema, name: cut(name.clone()) };
                        self.function(name, None, Notation::Call);
                    }
                }
                Meaning::String(_) | Meaning::Other => {}
            }
        }
        Ok(())
    }

    fn operator(&mut self, lexeme: &Lexeme, operator: &str) -> Result<(), Refusal> {
        let parent = tokens::parent(&lexeme.token);
        let is_structure = match operator {
            "*" => matches!(
                parent,
                SyntaxKind::TARGET
                    | SyntaxKind::ARG_LIST
                    | SyntaxKind::FIELD_EXPR
                    | SyntaxKind::RELATION_FROM_ITEM
                    | SyntaxKind::RELATION_NAME
            ),
            "=>" => parent == SyntaxKind::NAMED_ARG,
            _ => false,
        };
        if !is_structure {
            if operator == "=>" {
                return Err(Refusal::Part { what: "`=>`".to_owned(), at: lexeme.at });
            }
            self.uses.operators.insert(Name { schema: None, name: operator.to_owned() });
        }
        Ok(())
    }

    fn function(&mut self, name: Name, arguments: Option<u16>, notation: Notation) {
        self.uses.functions.insert(Call { name, arguments, notation });
    }

    /// A function of the system that special syntax stands for.
    fn system(&mut self, name: &str, arguments: u16) {
        let name = Name { schema: Some("pg_catalog".to_owned()), name: name.to_owned() };
        self.function(name, Some(arguments), Notation::Call);
    }

    /// What the functions of SQL/JSON turn values into.
    fn json(&mut self) {
        self.system_type("json");
        self.system_type("jsonb");
        self.system("convert_to", 2);
        self.system("convert_from", 2);
    }

    fn system_type(&mut self, name: &str) {
        let name = Name { schema: Some("pg_catalog".to_owned()), name: name.to_owned() };
        self.uses.types.insert(name);
    }

    fn operators(&mut self, names: &[&str]) {
        for name in names {
            self.uses.operators.insert(Name { schema: None, name: (*name).to_owned() });
        }
    }
}

/// Words that can't name a function in any version.
pub(super) fn is_reserved(lexeme: &Lexeme) -> bool {
    matches!(lexeme.meaning, Meaning::Word(_))
        && matches!(
            lexeme.token.kind(),
            SyntaxKind::ALL_KW
                | SyntaxKind::AND_KW
                | SyntaxKind::ANY_KW
                | SyntaxKind::AS_KW
                | SyntaxKind::CASE_KW
                | SyntaxKind::CAST_KW
                | SyntaxKind::DISTINCT_KW
                | SyntaxKind::ELSE_KW
                | SyntaxKind::EXCEPT_KW
                | SyntaxKind::FETCH_KW
                | SyntaxKind::FROM_KW
                | SyntaxKind::HAVING_KW
                | SyntaxKind::IN_KW
                | SyntaxKind::INTERSECT_KW
                | SyntaxKind::LATERAL_KW
                | SyntaxKind::LIMIT_KW
                | SyntaxKind::NOT_KW
                | SyntaxKind::OFFSET_KW
                | SyntaxKind::ON_KW
                | SyntaxKind::ONLY_KW
                | SyntaxKind::OR_KW
                | SyntaxKind::SELECT_KW
                | SyntaxKind::SOME_KW
                | SyntaxKind::THEN_KW
                | SyntaxKind::UNION_KW
                | SyntaxKind::USING_KW
                | SyntaxKind::WHEN_KW
                | SyntaxKind::WHERE_KW
        )
}

/// The WITH clause that belongs to a query. The tree hangs it on the first operand of UNION and
/// its like, but it is seen from all of them.
fn leading_with(query: &SyntaxNode) -> Option<SyntaxNode> {
    let mut node = query.clone();
    loop {
        let clause = node.children().find(|child| child.kind() == SyntaxKind::WITH_CLAUSE);
        if clause.is_some() || node.kind() != SyntaxKind::COMPOUND_SELECT {
            return clause;
        }
        node = node.first_child()?;
    }
}

/// Whether an expression is names with dots between and nothing else.
fn is_path(node: &SyntaxNode) -> bool {
    match node.kind() {
        SyntaxKind::NAME_REF => true,
        SyntaxKind::FIELD_EXPR => node.children().all(|part| is_path(&part)),
        _ => false,
    }
}

/// The parts of the name before an argument list, and the token of the last.
fn callee_parts(node: &SyntaxNode, parts: &mut Vec<String>) -> Result<SyntaxToken, Refusal> {
    let unusual = || refused("a call of this", node);
    match node.kind() {
        SyntaxKind::NAME_REF => {
            parts.push(name_in(node).ok_or_else(unusual)?);
            first_token(node).ok_or_else(unusual)
        }
        SyntaxKind::FIELD_EXPR => {
            let mut children = node.children();
            let (Some(base), Some(field), None) =
                (children.next(), children.next(), children.next())
            else {
                return Err(unusual());
            };
            if field.kind() != SyntaxKind::NAME_REF || parts.len() > 3 {
                return Err(unusual());
            }
            callee_parts(&base, parts)?;
            callee_parts(&field, parts)
        }
        _ => Err(unusual()),
    }
}

/// The names along a path.
fn segments(path: &SyntaxNode) -> Result<Vec<String>, Refusal> {
    let mut names = Vec::new();
    let mut node = Some(path.clone());
    while let Some(part) = node {
        if part.kind() != SyntaxKind::PATH_REF {
            return Err(refused("this name", path));
        }
        let segment = part.children().find(|child| child.kind() == SyntaxKind::PATH_SEGMENT_REF);
        // The path before an operator ends with nothing.
        if let Some(name) = segment.as_ref().and_then(name_in) {
            names.push(name);
        } else if segment.is_none_or(|segment| first_token(&segment).is_some()) {
            return Err(refused("this name", path));
        }
        node = part.children().find(|child| child.kind() == SyntaxKind::PATH_REF);
    }
    names.reverse();
    Ok(names)
}

/// The name of a type. The words of standard SQL stand for types of the system.
fn type_name(path: &SyntaxNode) -> Result<Name, Refusal> {
    let unusual = || refused("this type", path);
    let mut parts = segments(path)?;
    if parts.len() == 3 {
        parts.remove(0);
    }
    let mut name = Name::of(parts).ok_or_else(unusual)?;
    let word = path.descendants_with_tokens().filter_map(rowan::NodeOrToken::into_token);
    let word = word.map(|token| token.kind()).find(|kind| !kind.is_trivia());
    let system = match word {
        _ if name.schema.is_some() => None,
        Some(SyntaxKind::INT_KW | SyntaxKind::INTEGER_KW) => Some("int4"),
        Some(SyntaxKind::SMALLINT_KW) => Some("int2"),
        Some(SyntaxKind::BIGINT_KW) => Some("int8"),
        Some(SyntaxKind::REAL_KW) => Some("float4"),
        Some(SyntaxKind::BOOLEAN_KW) => Some("bool"),
        Some(SyntaxKind::DECIMAL_KW | SyntaxKind::DEC_KW | SyntaxKind::NUMERIC_KW) => {
            Some("numeric")
        }
        // `float(24)` is float4, all others are float8; neither is anybody's.
        Some(SyntaxKind::FLOAT_KW) => Some("float8"),
        _ => None,
    };
    if let Some(system) = system {
        name = Name { schema: Some("pg_catalog".to_owned()), name: system.to_owned() };
    }
    Ok(name)
}

/// The string that an argument is, if it is one and nothing else.
fn plain_string(argument: &SyntaxNode) -> Option<String> {
    let literal = argument.first_child()?;
    if literal.kind() != SyntaxKind::LITERAL || argument.children().count() != 1 {
        return None;
    }
    match tokens::read(&literal).ok()?.as_slice() {
        [Lexeme { meaning: Meaning::String(value), .. }] => Some(value.clone()),
        _ => None,
    }
}

/// The name that a node holds.
pub(super) fn name_in(node: &SyntaxNode) -> Option<String> {
    match tokens::read(node).ok()?.as_slice() {
        [Lexeme { meaning: Meaning::Name(name) | Meaning::Word(name), .. }] => Some(name.clone()),
        _ => None,
    }
}

fn first_token(node: &SyntaxNode) -> Option<SyntaxToken> {
    let tokens = node.children_with_tokens().filter_map(rowan::NodeOrToken::into_token);
    tokens.into_iter().find(|token| !token.kind().is_trivia())
}

pub(super) fn has_token(node: &SyntaxNode, kind: SyntaxKind) -> bool {
    node.children_with_tokens().any(|child| child.kind() == kind)
}

fn refused(what: &str, node: &SyntaxNode) -> Refusal {
    Refusal::Part { what: what.to_owned(), at: node.text_range().start().into() }
}

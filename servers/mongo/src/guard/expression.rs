//! Expressions: what they read, what their results are made of, and how much they may grow.

use std::collections::HashMap;

use bson::{Bson, Document};

use super::bounds::{ASSUMED, Budget, number};
use super::operators::{self, Makes};
use super::policy::Touch;
use super::refusal::Refusal;
use super::regex;
use super::shape::Shape;
use super::walk::{Walk, only, path};

/// Variables by name, as `$let`, `$map` and `$lookup` set them.
#[derive(Debug, Clone, Default)]
pub(super) struct Variables(HashMap<String, Yield>);

impl Variables {
    pub(super) fn with(&self, name: &str, value: Yield) -> Result<Self, Refusal> {
        // Upper case is the system's. One could be set: CURRENT, and every path would mean another.
        if !name.starts_with(|c: char| c.is_ascii_lowercase() || !c.is_ascii()) {
            return Err(Refusal::form(name, "names of variables that begin with a small letter"));
        }
        let mut variables = self.clone();
        variables.0.insert(name.to_owned(), value);
        Ok(variables)
    }
}

/// Where an expression stands: the documents that its paths mean, and its variables.
#[derive(Debug, Clone, Copy)]
pub(super) struct Place<'a> {
    pub(super) root: &'a Shape,
    pub(super) variables: &'a Variables,
}

/// What is known of an expression's value.
#[derive(Debug, Clone)]
pub(super) struct Yield {
    /// Which fields it is made of.
    pub(super) shape: Shape,
    /// A constant without fields.
    pub(super) scalar: bool,
    /// An object whose fields the expression chose: one that could be held against a hidden one.
    built: bool,
    /// How large it is, a field of a document being one.
    size: f64,
    /// How often it holds what a `$reduce` has so far.
    growth: f64,
    /// Its length, if it is a list.
    length: f64,
    /// What it or its items are at most, if they are numbers. None if that can't be told.
    magnitude: Option<f64>,
}

impl Yield {
    fn constant(value: &Bson) -> Self {
        let (length, bytes) = match value {
            Bson::String(text) => (1.0, text.len()),
            Bson::Binary(binary) => (1.0, binary.bytes.len()),
            _ => (1.0, 0),
        };
        let bytes = u32::try_from(bytes).map_or(f64::MAX, f64::from);
        Self {
            shape: Shape::default(),
            scalar: true,
            built: false,
            size: 0.01 + bytes / 256.0,
            growth: 0.0,
            length,
            magnitude: number(value).map(f64::abs),
        }
    }

    fn scalar(magnitude: Option<f64>) -> Self {
        Self { scalar: false, magnitude, ..Self::constant(&Bson::Null) }
    }

    pub(super) fn field(shape: Shape) -> Self {
        Self {
            shape,
            scalar: false,
            built: false,
            size: 1.0,
            growth: 0.0,
            length: ASSUMED,
            magnitude: Some(ASSUMED),
        }
    }

    /// One of several: what holds for any of them.
    fn either(all: Vec<Self>) -> Self {
        let mut out = Self::constant(&Bson::Null);
        out.magnitude = Some(0.0);
        out.length = 0.0;
        for one in all {
            out.shape.add(one.shape);
            out.scalar &= one.scalar;
            out.built |= one.built;
            out.size = out.size.max(one.size);
            out.growth = out.growth.max(one.growth);
            out.length = out.length.max(one.length);
            out.magnitude = out.magnitude.zip(one.magnitude).map(|(a, b)| a.max(b));
        }
        out
    }

    /// All of them side by side.
    fn together(all: Vec<Self>) -> Self {
        let (mut size, mut growth) = (0.01, 0.0);
        for one in &all {
            size += one.size;
            growth += one.growth;
        }
        Self { size, growth, ..Self::either(all) }
    }
}

impl Walk<'_> {
    /// Walks an expression.
    pub(super) fn expression(&mut self, value: &Bson, at: Place<'_>) -> Result<Yield, Refusal> {
        self.budget.down()?;
        let out = match value {
            Bson::String(text) if text.starts_with("$$") => Self::variable(text, at),
            Bson::String(text) if text.len() > 1 && text.starts_with('$') => {
                let path = path(text.get(1..).unwrap_or_default())?;
                at.root.use_field(&path, "an expression")?;
                Ok(Yield::field(at.root.of(&path)))
            }
            Bson::Array(items) => {
                let all = self.all(items, at)?;
                let length = f64::from(u32::try_from(all.len()).unwrap_or(u32::MAX));
                Ok(Yield { length, ..Yield::together(all) })
            }
            Bson::Document(document) => match document.iter().next() {
                Some((name, operand)) if name.starts_with('$') => match document.len() {
                    1 => self.operator(name, operand, at),
                    _ => Err(Refusal::new(format!("beside `{name}` stands another name"))
                        .hint("an operator is alone in its object")),
                },
                _ => self.object(document, at),
            },
            constant => Ok(Yield::constant(constant)),
        }?;
        self.budget.up();
        Budget::size(out.size)?;
        Ok(out)
    }

    fn all(&mut self, values: &[Bson], at: Place<'_>) -> Result<Vec<Yield>, Refusal> {
        values.iter().map(|value| self.expression(value, at)).collect()
    }

    fn object(&mut self, document: &Document, at: Place<'_>) -> Result<Yield, Refusal> {
        let mut fields = Vec::new();
        for (name, value) in document {
            if name.starts_with('$') || name.contains('.') {
                return Err(Refusal::new(format!("`{name}` can't be the name of a field"))
                    .hint("an operator is alone in its object, and fields are nested objects"));
            }
            let mut field = self.expression(value, at)?;
            field.shape = field.shape.under(&[name]);
            fields.push(field);
        }
        Ok(Yield { built: true, scalar: false, length: 1.0, ..Yield::together(fields) })
    }

    fn variable(text: &str, at: Place<'_>) -> Result<Yield, Refusal> {
        let text = text.get(2..).unwrap_or_default();
        let (name, rest) =
            text.split_once('.').map_or((text, None), |(name, rest)| (name, Some(rest)));
        let value = match name {
            "ROOT" | "CURRENT" => Yield::field(at.root.clone()),
            "NOW" | "CLUSTER_TIME" | "REMOVE" | "DESCEND" | "PRUNE" | "KEEP" => {
                return Ok(Yield { scalar: true, ..Yield::scalar(None) });
            }
            "SEARCH_META" if !at.root.is_ruled() => Yield::field(Shape::default()),
            _ => match at.variables.0.get(name) {
                Some(value) => value.clone(),
                None => {
                    return Err(Refusal::new(format!("there is no variable `$${name}`"))
                        .hint("variables come from $let, $map, $filter, $reduce and $lookup.let"));
                }
            },
        };
        let Some(rest) = rest else { return Ok(value) };
        let path = path(rest)?;
        value.shape.use_field(&path, "an expression")?;
        Ok(Yield { shape: value.shape.of(&path), scalar: false, ..value })
    }

    fn operator(&mut self, name: &str, operand: &Bson, at: Place<'_>) -> Result<Yield, Refusal> {
        if operators::is_javascript(name) {
            return Err(javascript(name));
        }
        let makes = operators::expression(name).ok_or_else(|| Refusal::operator(name))?;
        if makes == Makes::Special {
            return self.special(name, operand, at);
        }
        let operands = self.operands(name, operand, at)?;
        self.makes(name, makes, operands)
    }

    /// The operands of an operator: a list of them, one, or by name.
    fn operands(
        &mut self,
        name: &str,
        operand: &Bson,
        at: Place<'_>,
    ) -> Result<Vec<Yield>, Refusal> {
        const NAMED: &[&str] = &[
            "$firstN",
            "$lastN",
            "$maxN",
            "$minN",
            "$trim",
            "$ltrim",
            "$rtrim",
            "$replaceOne",
            "$replaceAll",
            "$convert",
            "$median",
            "$percentile",
            "$expMovingAvg",
            "$derivative",
            "$integral",
            "$shift",
            "$minMaxScaler",
            "$indexOfArray",
        ];
        match operand {
            Bson::Array(items) => self.all(items, at),
            Bson::Document(document)
                if document.keys().next().is_some_and(|name| !name.starts_with('$'))
                    && (NAMED.contains(&name) || name.starts_with("$date")) =>
            {
                document.values().map(|value| self.expression(value, at)).collect()
            }
            one => Ok(vec![self.expression(one, at)?]),
        }
    }

    /// What an operator or accumulator that `makes` this gives for its operands.
    pub(super) fn makes(
        &mut self,
        name: &str,
        makes: Makes,
        operands: Vec<Yield>,
    ) -> Result<Yield, Refusal> {
        Ok(match makes {
            Makes::Scalar => {
                let magnitude = magnitude(name, &operands);
                let size = operands.iter().map(|one| one.size).fold(0.01, f64::max);
                let size =
                    if name.starts_with("$replace") || name == "$split" { size } else { 0.01 };
                Yield { size, length: ASSUMED, ..Yield::scalar(magnitude) }
            }
            Makes::Carries => Yield::either(operands),
            Makes::Joins => {
                let counted = operands.iter().filter(|one| !one.scalar).count();
                if counted > 1 || operands.iter().any(|one| one.growth > 0.0) {
                    self.grew = true;
                }
                if name == "$concat" {
                    // Of a document it makes nothing.
                    Yield { shape: Shape::default(), ..Yield::together(operands) }
                } else {
                    let length = operands.iter().map(|one| one.length).sum();
                    Yield { length, ..Yield::together(operands) }
                }
            }
            Makes::Compares => {
                compare(name, &operands)?;
                Yield::scalar(Some(ASSUMED))
            }
            Makes::Chooses => {
                compare(name, &operands)?;
                Yield::either(operands)
            }
            Makes::Mixes | Makes::Special => {
                for one in &operands {
                    apart(name, one)?;
                }
                let size = operands.iter().map(|one| one.size).sum();
                Yield { built: true, size, length: ASSUMED, ..Yield::scalar(Some(ASSUMED)) }
            }
        })
    }

    fn special(&mut self, name: &str, operand: &Bson, at: Place<'_>) -> Result<Yield, Refusal> {
        let named = |fields: &[&str]| match operand {
            Bson::Document(document) => only(document, fields, name).map(|()| document),
            _ => Err(Refusal::form(name, &format!("an object of {}", fields.join(", ")))),
        };
        let given = |document: &Document, field: &str| {
            let wrong = || Refusal::form(name, &format!("`{field}`"));
            document.get(field).cloned().ok_or_else(wrong)
        };
        match name {
            "$literal" => Ok(literal(operand)),
            "$let" => {
                let document = named(&["vars", "in"])?;
                let Bson::Document(set) = given(document, "vars")? else {
                    return Err(Refusal::form(name, "`vars`, an object"));
                };
                let mut variables = at.variables.clone();
                for (name, value) in &set {
                    let value = self.expression(value, at)?;
                    variables = variables.with(name, value)?;
                }
                let at = Place { variables: &variables, ..at };
                self.expression(&given(document, "in")?, at)
            }
            "$cond" => {
                let parts = match operand {
                    Bson::Array(parts) if parts.len() == 3 => parts.clone(),
                    _ => {
                        let document = named(&["if", "then", "else"])?;
                        vec![
                            given(document, "if")?,
                            given(document, "then")?,
                            given(document, "else")?,
                        ]
                    }
                };
                let mut parts = self.all(&parts, at)?;
                parts.remove(0);
                Ok(Yield::either(parts))
            }
            "$switch" => {
                let document = named(&["branches", "default"])?;
                let mut all = Vec::new();
                for branch in super::walk::documents(document.get("branches"), name)? {
                    only(&branch, &["case", "then"], name)?;
                    self.expression(&given(&branch, "case")?, at)?;
                    all.push(self.expression(&given(&branch, "then")?, at)?);
                }
                if let Some(value) = document.get("default") {
                    all.push(self.expression(value, at)?);
                }
                Ok(Yield::either(all))
            }
            "$filter" | "$map" => self.each(name, operand, at),
            "$reduce" => {
                let document = named(&["input", "initialValue", "in"])?;
                let input = self.expression(&given(document, "input")?, at)?;
                let initial = self.expression(&given(document, "initialValue")?, at)?;
                self.reduce(&input, initial, &given(document, "in")?, at)
            }
            "$zip" => {
                let document = named(&["inputs", "useLongestLength", "defaults"])?;
                let mut all = Vec::new();
                for value in document.values() {
                    all.push(self.expression(value, at)?);
                }
                Ok(Yield::together(all))
            }
            "$sortArray" => {
                let document = named(&["input", "sortBy"])?;
                let input = self.expression(&given(document, "input")?, at)?;
                match given(document, "sortBy")? {
                    Bson::Document(sort) => self.sort(&sort, &input.shape)?,
                    _ => input.shape.use_whole(&[], "$sortArray")?,
                }
                Ok(input)
            }
            "$range" => {
                let Bson::Array(bounds) = operand else {
                    return Err(Refusal::form(name, "a list of start, end and step"));
                };
                let bounds = self.all(bounds, at)?;
                self.range(&bounds)
            }
            "$getField" => {
                let (field, input) = match operand {
                    Bson::Document(document) if document.contains_key("field") => {
                        let document = named(&["field", "input"])?;
                        let input = document.get("input").map(|input| self.expression(input, at));
                        (given(document, "field")?, input.transpose()?)
                    }
                    field => (field.clone(), None),
                };
                let input = input.unwrap_or_else(|| Yield::field(at.root.clone()));
                self.field_of(name, &field, &input, at)
            }
            "$setField" | "$unsetField" => {
                let document = named(&["field", "input", "value"])?;
                let mut input = self.expression(&given(document, "input")?, at)?;
                let field = given(document, "field")?;
                match constant_name(&field) {
                    Some(field) => {
                        if let Some(value) = document.get("value") {
                            let value = self.expression(value, at)?;
                            input.shape.add(value.shape.under(&[field]));
                            input.size += value.size;
                            input.growth += value.growth;
                        }
                    }
                    None => {
                        return Err(Refusal::form(name, "`field`, a constant string"));
                    }
                }
                Ok(Yield { built: true, scalar: false, ..input })
            }
            "$meta" => {
                const KNOWN: &[&str] = &[
                    "textScore",
                    "searchScore",
                    "vectorSearchScore",
                    "score",
                    "geoNearDistance",
                    "randVal",
                    "recordId",
                ];
                const OF_FIELDS: &[&str] = &[
                    "indexKey",
                    "searchHighlights",
                    "scoreDetails",
                    "searchScoreDetails",
                    "sortKey",
                    "geoNearPoint",
                    "searchSequenceToken",
                ];
                match operand.as_str() {
                    Some(meta) if KNOWN.contains(&meta) => Ok(Yield::scalar(Some(ASSUMED))),
                    Some(meta) if OF_FIELDS.contains(&meta) => {
                        if at.root.is_ruled() {
                            Err(Refusal::hides(&format!("$meta `{meta}`")))
                        } else {
                            Ok(Yield::field(Shape::default()))
                        }
                    }
                    _ => Err(Refusal::form(name, &KNOWN.join(", "))),
                }
            }
            "$regexMatch" | "$regexFind" | "$regexFindAll" => {
                let document = named(&["input", "regex", "options"])?;
                match given(document, "regex")? {
                    Bson::RegularExpression(expression) => {
                        regex::check(expression.pattern.as_str())?;
                    }
                    Bson::String(field) if field.starts_with('$') => {
                        // A pattern of the data's own; one that was written is written here.
                        if self.expression(&Bson::String(field), at)?.scalar {
                            return Err(Refusal::form(name, "`regex`, a string or a field"));
                        }
                    }
                    Bson::String(pattern) => regex::check(&pattern)?,
                    _ => return Err(Refusal::form(name, "`regex`, a string")),
                }
                self.expression(&given(document, "input")?, at)?;
                if let Some(options) = document.get("options") {
                    self.expression(options, at)?;
                }
                Ok(Yield { length: ASSUMED, ..Yield::scalar(Some(ASSUMED)) })
            }
            _ => Err(Refusal::operator(name)),
        }
    }

    /// `$map` and `$filter`.
    fn each(&mut self, name: &str, operand: &Bson, at: Place<'_>) -> Result<Yield, Refusal> {
        let Bson::Document(document) = operand else {
            return Err(Refusal::form(name, "an object"));
        };
        let body = if name == "$map" { "in" } else { "cond" };
        only(document, &["input", "as", body, "limit", "arrayIndexAs"], name)?;
        let wrong = || Refusal::form(name, &format!("`input`, `as` and `{body}`"));
        let input = self.expression(document.get("input").ok_or_else(wrong)?, at)?;
        let variable = match document.get("as") {
            Some(name) => name.as_str().ok_or_else(wrong)?,
            None => "this",
        };
        let item = Yield { size: 1.0, length: ASSUMED, ..input.clone() };
        let mut variables = at.variables.with(variable, item)?;
        if let Some(index) = document.get("arrayIndexAs") {
            let index = index.as_str().ok_or_else(wrong)?;
            variables = variables.with(index, Yield::scalar(Some(input.length)))?;
        }
        if let Some(limit) = document.get("limit") {
            self.expression(limit, at)?;
        }
        self.budget.enter_loop(input.length)?;
        let at = Place { variables: &variables, ..at };
        let result = self.expression(document.get(body).ok_or_else(wrong)?, at)?;
        self.budget.leave_loop();
        if name == "$filter" {
            return Ok(input);
        }
        let growth = if input.growth > 0.0 { result.growth } else { result.growth * 2.0 };
        // What the data hold is bounded by their documents; what the expression made up isn't.
        let times =
            if input.shape.is_ruled() || input.length <= ASSUMED { 1.0 } else { input.length };
        Ok(Yield { growth, size: result.size * times, length: input.length, ..result })
    }

    fn reduce(
        &mut self,
        input: &Yield,
        initial: Yield,
        body: &Bson,
        at: Place<'_>,
    ) -> Result<Yield, Refusal> {
        self.budget.enter_loop(input.length)?;
        let item = Yield { size: 1.0, length: ASSUMED, ..input.clone() };
        let with_item = at.variables.with("this", item)?;
        let mut value = Yield { growth: 1.0, size: 1.0, scalar: false, ..initial.clone() };
        // What it has so far came from the round before: once more, until nothing new comes in.
        let mut rounds = 0;
        let result = loop {
            let variables = with_item.with("value", value.clone())?;
            let result = self.expression(body, Place { variables: &variables, ..at })?;
            let mut shape = value.shape.clone();
            shape.add(result.shape.clone());
            if shape.len() == value.shape.len() {
                break result;
            }
            rounds += 1;
            if rounds > 4 {
                return Err(Refusal::hides("$reduce"));
            }
            value.shape = shape;
            value.built |= result.built;
        };
        self.budget.leave_loop();
        if result.growth > 1.5 {
            return Err(Refusal::new("$reduce doubles its value in each round")
                .hint("use $$value once where texts or lists are put together"));
        }
        if result.growth > 0.0 {
            self.grew = true;
        }
        let size = initial.size + result.size.max(1.0) * (input.length / ASSUMED).max(1.0);
        let mut shape = initial.shape;
        shape.add(result.shape);
        let (growth, length) = (input.growth + initial.growth, input.length.max(ASSUMED));
        let magnitude = Some(ASSUMED * input.length.max(1.0));
        Ok(Yield { shape, size, growth, length, magnitude, ..result })
    }

    fn range(&mut self, bounds: &[Yield]) -> Result<Yield, Refusal> {
        let told = |one: &Yield| {
            one.magnitude.ok_or_else(|| {
                Refusal::bound("how long $range gets can't be told")
                    .hint("bound it with numbers, or with {$min: [\"$field\", 1000]}")
            })
        };
        let (from, to) = match bounds {
            [from, to] | [from, to, _] => (told(from)?, told(to)?),
            _ => return Err(Refusal::form("$range", "a list of start, end and step")),
        };
        let step = match bounds.get(2) {
            Some(step) if step.scalar => told(step)?.max(1.0),
            _ => 1.0,
        };
        // Between two numbers of one sign lies less, but which sign a number has isn't known.
        let both = bounds.iter().take(2).all(|one| one.scalar);
        let length = if both { (to - from).abs().max(from.min(to)) } else { to + from };
        let length = length / step;
        self.budget.range(length)?;
        let size = (length / 100.0).max(0.01);
        Ok(Yield { length: length.max(1.0), size, ..Yield::scalar(Some(from.max(to))) })
    }

    fn field_of(
        &mut self,
        name: &str,
        field: &Bson,
        input: &Yield,
        at: Place<'_>,
    ) -> Result<Yield, Refusal> {
        if let Some(field) = constant_name(field) {
            let path = vec![field.to_owned()];
            input.shape.use_field(&path, name)?;
            return Ok(Yield { shape: input.shape.of(&path), scalar: false, ..input.clone() });
        }
        self.expression(field, at)?;
        apart(name, input)?;
        Ok(Yield { shape: Shape::default(), scalar: false, ..input.clone() })
    }

    /// Walks an expression whose value is held against others as a whole.
    pub(super) fn key(&mut self, value: &Bson, at: Place<'_>, how: &str) -> Result<Shape, Refusal> {
        let shape = self.expression(value, at)?.shape;
        shape.use_whole(&[], how)?;
        Ok(shape)
    }
}

/// The name of a field that an operator is given as a constant.
fn constant_name(field: &Bson) -> Option<&str> {
    match field {
        Bson::String(name) if !name.starts_with('$') => Some(name),
        Bson::Document(document) if document.len() == 1 => {
            document.get("$literal").and_then(Bson::as_str)
        }
        _ => None,
    }
}

pub(super) fn javascript(name: &str) -> Refusal {
    Refusal::new(format!("`{name}` runs JavaScript on the server, which is never sent"))
        .hint("use the operators of $expr and of pipelines")
}

fn literal(value: &Bson) -> Yield {
    fn count(value: &Bson, built: &mut bool) -> f64 {
        match value {
            Bson::Array(items) => items.iter().map(|item| count(item, built)).sum::<f64>() + 0.01,
            Bson::Document(document) => {
                *built = true;
                document.values().map(|value| count(value, built)).sum::<f64>() + 0.01
            }
            scalar => Yield::constant(scalar).size,
        }
    }
    let mut built = false;
    let size = count(value, &mut built);
    let length = value.as_array().map_or(1, Vec::len);
    let length = f64::from(u32::try_from(length).unwrap_or(u32::MAX));
    Yield { scalar: !built, built, size, length, ..Yield::constant(value) }
}

/// Refuses what loses the names of fields over something in which one is hidden.
fn apart(name: &str, operand: &Yield) -> Result<(), Refusal> {
    match operand.shape.whole() {
        Touch::Nothing => Ok(()),
        _ => Err(Refusal::whole("what it is given", name)),
    }
}

/// Refuses comparisons that would tell something of a hidden field.
fn compare(name: &str, operands: &[Yield]) -> Result<(), Refusal> {
    for (i, one) in operands.iter().enumerate() {
        let others =
            || operands.iter().enumerate().filter(|(j, _)| *j != i).map(|(_, other)| other);
        let fits = match one.shape.whole() {
            Touch::Nothing => true,
            Touch::Possibly => !one.built && others().all(|other| !other.built),
            _ => operands.len() > 1 && !one.built && others().all(|other| other.scalar),
        };
        if !fits {
            return Err(Refusal::whole("what it is given", name));
        }
    }
    Ok(())
}

/// What a number is at most that an operator makes of these.
fn magnitude(name: &str, operands: &[Yield]) -> Option<f64> {
    let all = || operands.iter().map(|one| one.magnitude).collect::<Option<Vec<f64>>>();
    let first = || operands.first().and_then(|one| one.magnitude);
    match name {
        "$add" | "$subtract" | "$sum" => all().map(|all| all.iter().sum()),
        "$multiply" => all().map(|all| all.iter().product()),
        "$size" => operands.first().map(|one| one.length),
        "$abs" | "$ceil" | "$floor" | "$round" | "$trunc" => first(),
        "$avg" | "$median" | "$percentile" => first(),
        "$divide" => {
            let by = operands.get(1).filter(|by| by.scalar)?.magnitude?;
            (by >= 1.0).then(first)?.map(|n| n / by)
        }
        "$mod" => operands.get(1).and_then(|one| one.magnitude),
        "$pow" => all().and_then(|all| match all.as_slice() {
            [base, exponent] => Some(base.powf(*exponent)),
            _ => None,
        }),
        "$toInt" | "$toLong" | "$toDouble" | "$toDecimal" => {
            operands.first().filter(|one| !one.built && !one.scalar).and_then(|one| one.magnitude)
        }
        "$sqrt" | "$log10" | "$ln" => first(),
        "$strLenBytes" | "$strLenCP" | "$indexOfBytes" | "$indexOfCP" => Some(1_000.0),
        "$dateDiff" => Some(10_000.0),
        "$year" | "$isoWeekYear" => Some(9_999.0),
        _ if name.starts_with("$dayOf") || name.starts_with("$iso") => Some(366.0),
        "$hour" | "$minute" | "$month" | "$second" | "$week" => Some(60.0),
        "$millisecond" => Some(1_000.0),
        _ => None,
    }
}

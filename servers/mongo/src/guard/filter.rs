//! Filters, as queries, `$match`, updates and indexes have them.

use bson::{Bson, Document};

use super::expression::{Place, Variables, javascript};
use super::refusal::Refusal;
use super::regex;
use super::shape::Shape;
use super::walk::{Walk, path};

impl Walk<'_> {
    /// Walks a filter over documents of this shape, or over what lies at `at` in them.
    pub(super) fn filter(
        &mut self,
        filter: &Document,
        shape: &Shape,
        at: &[String],
    ) -> Result<(), Refusal> {
        self.filter_with(filter, shape, at, &Variables::default())
    }

    pub(super) fn filter_with(
        &mut self,
        filter: &Document,
        shape: &Shape,
        at: &[String],
        variables: &Variables,
    ) -> Result<(), Refusal> {
        self.budget.down()?;
        for (name, value) in filter {
            match name.as_str() {
                "$and" | "$or" | "$nor" => {
                    let wrong = || Refusal::form(name, "a list of filters");
                    for part in value.as_array().ok_or_else(wrong)? {
                        let part = part.as_document().ok_or_else(wrong)?;
                        self.filter_with(part, shape, at, variables)?;
                    }
                }
                "$expr" => {
                    self.expression(value, Place { root: shape, variables })?;
                }
                "$comment" | "$alwaysTrue" | "$alwaysFalse" | "$sampleRate" => {}
                "$text" if shape.is_ruled() => return Err(Refusal::hides("$text")),
                "$jsonSchema" if shape.is_ruled() => return Err(Refusal::hides("$jsonSchema")),
                "$text" | "$jsonSchema" => self.plain(value)?,
                name if name.starts_with('$') => return Err(refused(name)),
                name => {
                    let mut field = at.to_vec();
                    field.extend(path(name)?);
                    shape.use_field(&field, "a filter")?;
                    self.predicate(value, shape, &field, variables)?;
                }
            }
        }
        self.budget.up();
        Ok(())
    }

    /// What a filter asks of one field.
    fn predicate(
        &mut self,
        value: &Bson,
        shape: &Shape,
        field: &[String],
        variables: &Variables,
    ) -> Result<(), Refusal> {
        let Bson::Document(document) = value else { return self.literal(value, shape, field) };
        let first = document.keys().next().map_or("", String::as_str);
        if !first.starts_with('$') || matches!(first, "$ref" | "$id" | "$db") {
            return self.literal(value, shape, field);
        }
        self.budget.down()?;
        for (name, operand) in document {
            match name.as_str() {
                "$eq" | "$ne" | "$gt" | "$gte" | "$lt" | "$lte" => {
                    self.literal(operand, shape, field)?;
                }
                "$in" | "$nin" | "$all" => {
                    let wrong = || Refusal::form(name, "a list");
                    for item in operand.as_array().ok_or_else(wrong)? {
                        match item.as_document() {
                            Some(item) if item.keys().any(|name| name.starts_with('$')) => {
                                if name != "$all" || !item.contains_key("$elemMatch") {
                                    return Err(Refusal::form(name, "values"));
                                }
                                let item = Bson::Document(item.clone());
                                self.predicate(&item, shape, field, variables)?;
                            }
                            _ => self.literal(item, shape, field)?,
                        }
                    }
                }
                "$not" => match operand {
                    Bson::Document(_) => self.predicate(operand, shape, field, variables)?,
                    _ => self.literal(operand, shape, field)?,
                },
                "$elemMatch" => {
                    let wrong = || Refusal::form(name, "a filter");
                    let inner = operand.as_document().ok_or_else(wrong)?;
                    let first = inner.keys().next().map_or("", String::as_str);
                    if first.starts_with('$') && !matches!(first, "$and" | "$or" | "$nor" | "$expr")
                    {
                        self.predicate(operand, shape, field, variables)?;
                    } else {
                        self.filter_with(inner, shape, field, variables)?;
                    }
                }
                "$regex" => match operand {
                    Bson::String(pattern) => regex::check(pattern)?,
                    Bson::RegularExpression(expression) => {
                        regex::check(expression.pattern.as_str())?;
                    }
                    _ => return Err(Refusal::form(name, "a pattern in a string")),
                },
                "$exists" | "$type" | "$size" | "$mod" | "$options" | "$bitsAllClear"
                | "$bitsAllSet" | "$bitsAnyClear" | "$bitsAnySet" | "$geoIntersects"
                | "$geoWithin" | "$near" | "$nearSphere" | "$maxDistance" | "$minDistance"
                | "$comment" => self.plain(operand)?,
                name => return Err(refused(name)),
            }
        }
        self.budget.up();
        Ok(())
    }

    /// A value that a field is held against. A document names fields itself.
    fn literal(&mut self, value: &Bson, shape: &Shape, field: &[String]) -> Result<(), Refusal> {
        self.budget.down()?;
        match value {
            Bson::Document(document) => {
                for (name, value) in document {
                    let mut inner = field.to_vec();
                    inner.push(name.clone());
                    shape.use_field(&inner, "a filter")?;
                    self.literal(value, shape, &inner)?;
                }
            }
            Bson::Array(items) => {
                for item in items {
                    self.literal(item, shape, field)?;
                }
            }
            Bson::RegularExpression(expression) => regex::check(expression.pattern.as_str())?,
            _ => {}
        }
        self.budget.up();
        Ok(())
    }

    /// Something without names of fields, within bounds and without JavaScript.
    pub(super) fn plain(&mut self, value: &Bson) -> Result<(), Refusal> {
        self.budget.down()?;
        match value {
            Bson::Document(document) => {
                for (name, value) in document {
                    if super::operators::is_javascript(name) {
                        return Err(javascript(name));
                    }
                    if matches!(name.as_str(), "$regex" | "pattern" | "regex")
                        && let Some(pattern) = value.as_str()
                    {
                        regex::check(pattern)?;
                    }
                    self.plain(value)?;
                }
            }
            Bson::Array(items) => items.iter().try_for_each(|item| self.plain(item))?,
            Bson::RegularExpression(expression) => regex::check(expression.pattern.as_str())?,
            _ => {}
        }
        self.budget.up();
        Ok(())
    }

    /// Walks a sort.
    pub(super) fn sort(&mut self, sort: &Document, shape: &Shape) -> Result<(), Refusal> {
        for (name, order) in sort {
            match order {
                Bson::Document(meta) if meta.len() == 1 && meta.contains_key("$meta") => {
                    let at = Place { root: shape, variables: &Variables::default() };
                    self.expression(order, at)?;
                }
                Bson::Int32(1 | -1) | Bson::Int64(1 | -1) if name == "$natural" => {}
                Bson::Int32(1 | -1) | Bson::Int64(1 | -1) | Bson::Double(1.0 | -1.0) => {
                    shape.use_whole(&path(name)?, "a sort")?;
                }
                _ => return Err(Refusal::form(name, "1 or -1 as the order of a sort")),
            }
        }
        Ok(())
    }
}

fn refused(name: &str) -> Refusal {
    if super::operators::is_javascript(name) { javascript(name) } else { Refusal::operator(name) }
}

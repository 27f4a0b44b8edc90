//! What is stored and changed. A field that the policy hides is not written either: how many documents
//! an update matched or changed says what was there.

use bson::{Bson, Document};

use super::expression::{Place, Variables};
use super::policy::Touch;
use super::refusal::Refusal;
use super::shape::Shape;
use super::walk::{Walk, path};

/// What an update does.
#[derive(Debug, Clone, Copy)]
pub enum Update<'a> {
    /// `{"$set": {…}, …}`
    Operators(&'a Document),
    /// Stages.
    Pipeline(&'a [Document]),
}

/// Operators that write a value as it is.
const PLAIN: &[&str] = &[
    "$set",
    "$setOnInsert",
    "$unset",
    "$inc",
    "$mul",
    "$min",
    "$max",
    "$bit",
    "$currentDate",
    "$pop",
    "$push",
    "$addToSet",
    "$pullAll",
];

/// Stages of an update that is a pipeline.
const STAGES: &[&str] =
    &["$addFields", "$set", "$project", "$unset", "$replaceRoot", "$replaceWith"];

impl Walk<'_> {
    pub(super) fn update(
        &mut self,
        update: Update<'_>,
        array_filters: &[Document],
        shape: &Shape,
    ) -> Result<(), Refusal> {
        match update {
            Update::Operators(operators) => self.operators(operators, shape)?,
            Update::Pipeline(stages) => self.stages(stages, shape)?,
        }
        for filter in array_filters {
            // Its names begin with an identifier; which field that stands for is told by the update.
            if shape.is_ruled() {
                return Err(Refusal::hides("an array filter"));
            }
            self.filter(filter, shape, &[])?;
        }
        Ok(())
    }

    fn operators(&mut self, operators: &Document, shape: &Shape) -> Result<(), Refusal> {
        if operators.is_empty() || operators.keys().any(|name| !name.starts_with('$')) {
            return Err(Refusal::new("an update consists of operators")
                .hint("write {\"$set\": {…}}; what isn't named stays as it is"));
        }
        for (name, operand) in operators {
            let wrong = || Refusal::form(name, "an object of fields");
            let fields = operand.as_document().ok_or_else(wrong)?;
            for (field, value) in fields {
                let field = written(field)?;
                match name.as_str() {
                    "$rename" => {
                        let to = value.as_str().ok_or_else(wrong)?;
                        apart(&shape.of(&field), name)?;
                        apart(&shape.of(&written(to)?), name)?;
                    }
                    "$pull" => {
                        shape.use_whole(&field, name)?;
                        match value {
                            Bson::Document(condition)
                                if !condition.keys().any(|name| name.starts_with('$')) =>
                            {
                                self.filter(condition, shape, &field)?;
                            }
                            condition => {
                                let mut filter = Document::new();
                                filter.insert(field.join("."), condition.clone());
                                self.filter(&filter, shape, &[])?;
                            }
                        }
                    }
                    name if PLAIN.contains(&name) => {
                        // What is written over a whole takes its hidden parts with it.
                        shape.use_whole(&field, name)?;
                        self.value(value, shape, &field)?;
                    }
                    name => return Err(Refusal::operator(name)),
                }
            }
        }
        Ok(())
    }

    fn stages(&mut self, stages: &[Document], shape: &Shape) -> Result<(), Refusal> {
        let mut now = shape.clone();
        for stage in stages {
            let (Some((name, value)), 1) = (stage.iter().next(), stage.len()) else {
                return Err(Refusal::new("a stage has exactly one key"));
            };
            if !STAGES.contains(&name.as_str()) {
                return Err(Refusal::stage(name)
                    .hint("an update's pipeline takes $set, $unset, $project and $replaceWith"));
            }
            if shape.is_ruled() {
                // What moves within a document is found under its new name from then on.
                match (name.as_str(), value) {
                    ("$set" | "$addFields", Bson::Document(fields)) => {
                        for (field, value) in fields {
                            now.use_whole(&written(field)?, name)?;
                            let variables = Variables::default();
                            let at = Place { root: &now, variables: &variables };
                            apart(&self.expression(value, at)?.shape, name)?;
                        }
                    }
                    ("$unset", _) => {
                        let names =
                            value.as_array().map_or(std::slice::from_ref(value), Vec::as_slice);
                        for field in names {
                            let wrong = || Refusal::form(name, "names of fields");
                            now.use_whole(&written(field.as_str().ok_or_else(wrong)?)?, name)?;
                        }
                    }
                    _ => return Err(Refusal::hides(name)),
                }
            }
            self.budget.stage()?;
            now = self.stage(stage, false, now, &Variables::default())?;
        }
        Ok(())
    }

    /// A document that is to be stored.
    pub(super) fn stored(&mut self, document: &Document, shape: &Shape) -> Result<(), Refusal> {
        for (name, value) in document {
            if name.starts_with('$') {
                return Err(Refusal::new(format!("`{name}` can't be the name of a stored field"))
                    .hint("an operator belongs into update"));
            }
            self.value(value, shape, std::slice::from_ref(name))?;
            if shape.touch(std::slice::from_ref(name)) == Touch::Denied {
                return Err(Refusal::field(name, "a document"));
            }
        }
        Ok(())
    }

    /// A value that is written to a field: it names no denied field, at any depth.
    fn value(&mut self, value: &Bson, shape: &Shape, field: &[String]) -> Result<(), Refusal> {
        self.budget.down()?;
        match value {
            Bson::Document(document) => {
                for (name, value) in document {
                    let mut inner = field.to_vec();
                    if !matches!(name.as_str(), "$each" | "$slice" | "$sort" | "$position") {
                        inner.push(name.clone());
                    }
                    if shape.touch(&inner) == Touch::Denied {
                        return Err(Refusal::field(&inner.join("."), "a document"));
                    }
                    self.value(value, shape, &inner)?;
                }
            }
            Bson::Array(items) => {
                for item in items {
                    self.value(item, shape, field)?;
                }
            }
            _ => {}
        }
        self.budget.up();
        Ok(())
    }
}

/// The path that an update writes to: places in arrays are no names.
fn written(field: &str) -> Result<Vec<String>, Refusal> {
    let mut field = path(field)?;
    if field.first().is_some_and(|name| name.starts_with('$')) {
        return Err(Refusal::form("an update", "names of fields"));
    }
    field.retain(|name| name != "$" && !(name.starts_with("$[") && name.ends_with(']')));
    Ok(field)
}

/// Refuses to move something in which a field is hidden.
fn apart(shape: &Shape, how: &str) -> Result<(), Refusal> {
    match shape.whole() {
        Touch::Nothing => Ok(()),
        _ => Err(Refusal::whole("what it moves", how)),
    }
}

//! Which fields a result has: `$project`, `$addFields`, and the projections of queries.

use bson::{Bson, Document};

use super::expression::{Place, Variables};
use super::policy::Touch;
use super::refusal::Refusal;
use super::shape::Shape;
use super::walk::{Walk, path};

/// What a projection does with the fields that it names.
#[derive(Debug, Default)]
struct Named {
    /// Of a query, which has more forms than the stage.
    query: bool,
    included: Shape,
    computed: Shape,
    /// Whether it names what stays, so that all else goes.
    selects: bool,
    excludes: bool,
}

impl Walk<'_> {
    /// The result of `$project`.
    pub(super) fn project(&mut self, document: &Document, at: Place<'_>) -> Result<Shape, Refusal> {
        let mut named = Named::default();
        self.fields(document, at, &[], &mut named)?;
        Ok(named.result(at.root))
    }

    /// The result of a query's projection.
    pub(super) fn found(&mut self, projection: &Document, root: &Shape) -> Result<Shape, Refusal> {
        let mut named = Named { query: true, ..Named::default() };
        let variables = Variables::default();
        self.fields(projection, Place { root, variables: &variables }, &[], &mut named)?;
        Ok(named.result(root))
    }

    /// The result of `$addFields`.
    pub(super) fn add_fields(
        &mut self,
        document: &Document,
        at: Place<'_>,
    ) -> Result<Shape, Refusal> {
        let mut shape = at.root.clone();
        for (name, value) in document {
            if name.starts_with('$') {
                return Err(Refusal::form("$addFields", "fields and expressions"));
            }
            let field = path(name)?;
            shape.add(self.computed(value, at)?.under(&field));
        }
        Ok(shape)
    }

    fn fields(
        &mut self,
        document: &Document,
        at: Place<'_>,
        above: &[String],
        named: &mut Named,
    ) -> Result<(), Refusal> {
        self.budget.down()?;
        for (name, value) in document {
            if name.starts_with('$') {
                return Err(Refusal::form("a projection", "fields, and expressions for them"));
            }
            let mut field = above.to_vec();
            field.extend(path(name)?);
            let query = named.query;
            if query {
                // The place in an array that a filter found.
                field.retain(|name| name != "$");
            }
            let says_yes = match value {
                Bson::Boolean(yes) => Some(*yes),
                Bson::Int32(_) | Bson::Int64(_) | Bson::Double(_) | Bson::Decimal128(_) => {
                    super::bounds::number(value).map(|n| n != 0.0)
                }
                _ => None,
            };
            match (says_yes, value) {
                (Some(true), _) => {
                    if at.root.touch(&field) == Touch::Denied && !self.of_owner {
                        return Err(Refusal::field(&field.join("."), "a projection"));
                    }
                    named.include(&field, at.root);
                }
                (Some(false), _) => named.excludes |= field != ["_id"],
                (None, Bson::Document(inner)) => {
                    let first = inner.keys().next().map_or("", String::as_str);
                    match first {
                        "$slice" if query && inner.len() == 1 => {
                            // A slice alone leaves the other fields.
                            named.excludes = true;
                            self.plain(value)?;
                        }
                        "$elemMatch" if query && inner.len() == 1 => {
                            let wrong = || Refusal::form("$elemMatch", "a filter");
                            let filter = inner.get_document(first).map_err(|_| wrong())?;
                            self.filter(filter, at.root, &field)?;
                            named.include(&field, at.root);
                        }
                        _ if first.starts_with('$') => self.compute(value, at, &field, named)?,
                        _ => self.fields(inner, at, &field, named)?,
                    }
                }
                (None, value) => self.compute(value, at, &field, named)?,
            }
        }
        self.budget.up();
        Ok(())
    }

    fn compute(
        &mut self,
        value: &Bson,
        at: Place<'_>,
        field: &[String],
        named: &mut Named,
    ) -> Result<(), Refusal> {
        named.computed.add(self.computed(value, at)?.under(field));
        named.selects = true;
        Ok(())
    }

    /// A view may give a hidden field another name: the rules go with it.
    fn computed(&mut self, value: &Bson, at: Place<'_>) -> Result<Shape, Refusal> {
        match value {
            Bson::String(text) if self.of_owner && !text.starts_with("$$") => {
                match text.strip_prefix('$') {
                    Some(field) => Ok(at.root.of(&path(field)?)),
                    None => Ok(Shape::default()),
                }
            }
            value => self.expression(value, at).map(|made| made.shape),
        }
    }
}

impl Named {
    fn include(&mut self, field: &[String], root: &Shape) {
        self.included.add(root.of(field).under(field));
        self.selects = true;
    }

    fn result(self, root: &Shape) -> Shape {
        let id = ["_id".to_owned()];
        // Where all fields may stay, all rules do.
        let mut shape =
            if self.selects && !self.excludes { root.of(&id).under(&id) } else { root.clone() };
        shape.add(self.included);
        shape.add(self.computed);
        shape
    }
}

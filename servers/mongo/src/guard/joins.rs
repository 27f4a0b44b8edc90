//! Stages that read other collections, or the same one along several ways. Each name of a collection
//! that a stage can hold is read here and nowhere else.

use bson::{Bson, Document};

use super::bounds;
use super::expression::{Place, Variables};
use super::policy::Reference;
use super::refusal::Refusal;
use super::shape::Shape;
use super::walk::{Walk, documents, only, path, text};

impl Walk<'_> {
    pub(super) fn lookup(
        &mut self,
        document: &Document,
        mut shape: Shape,
        variables: &Variables,
    ) -> Result<Shape, Refusal> {
        const NAME: &str = "$lookup";
        only(document, &["from", "localField", "foreignField", "let", "pipeline", "as"], NAME)?;
        self.budget.join()?;
        let pipeline = match document.get("pipeline") {
            Some(pipeline) => Some(documents(Some(pipeline), NAME)?),
            None => None,
        };
        let mut foreign = match document.get("from") {
            Some(from) => self.named(from, NAME)?,
            None if begins_with_documents(pipeline.as_deref()) => Shape::default(),
            None => return Err(Refusal::form(NAME, "`from`, the name of a collection")),
        };
        if document.contains_key("localField") {
            shape.use_whole(&path(text(document, "localField", NAME)?)?, NAME)?;
        }
        if document.contains_key("foreignField") {
            foreign.use_whole(&path(text(document, "foreignField", NAME)?)?, NAME)?;
        }
        let mut inner = variables.clone();
        if let Some(set) = document.get("let") {
            let wrong = || Refusal::form(NAME, "`let`, an object");
            for (name, value) in set.as_document().ok_or_else(wrong)? {
                let value = self.expression(value, Place { root: &shape, variables })?;
                inner = inner.with(name, value)?;
            }
        }
        if let Some(pipeline) = pipeline {
            foreign = self.nested(|walk| walk.pipeline(&pipeline, foreign, &inner))?;
        }
        shape.add(foreign.under(&path(text(document, "as", NAME)?)?));
        Ok(shape)
    }

    pub(super) fn graph_lookup(
        &mut self,
        document: &Document,
        mut shape: Shape,
        variables: &Variables,
    ) -> Result<Shape, Refusal> {
        const NAME: &str = "$graphLookup";
        let known = [
            "from",
            "startWith",
            "connectFromField",
            "connectToField",
            "as",
            "maxDepth",
            "depthField",
            "restrictSearchWithMatch",
        ];
        only(document, &known, NAME)?;
        self.budget.join()?;
        let wrong = || Refusal::form(NAME, "`from` and `startWith`");
        let foreign = self.named(document.get("from").ok_or_else(wrong)?, NAME)?;
        let start = document.get("startWith").ok_or_else(wrong)?;
        self.key(start, Place { root: &shape, variables }, NAME)?;
        for field in ["connectFromField", "connectToField"] {
            foreign.use_whole(&path(text(document, field, NAME)?)?, NAME)?;
        }
        if let Some(depth) = document.get("maxDepth") {
            bounds::within(Some(depth), "$graphLookup.maxDepth", 0.0, 10_000.0)?;
        }
        if let Some(filter) = document.get("restrictSearchWithMatch") {
            let wrong = || Refusal::form(NAME, "`restrictSearchWithMatch`, a filter");
            let filter = filter.as_document().ok_or_else(wrong)?;
            self.filter_with(filter, &foreign, &[], variables)?;
        }
        shape.add(foreign.under(&path(text(document, "as", NAME)?)?));
        Ok(shape)
    }

    pub(super) fn union_with(
        &mut self,
        value: &Bson,
        mut shape: Shape,
        _variables: &Variables,
    ) -> Result<Shape, Refusal> {
        const NAME: &str = "$unionWith";
        self.budget.join()?;
        let mut foreign = Shape::default();
        let mut pipeline = None;
        match value {
            Bson::Document(document) => {
                only(document, &["coll", "db", "pipeline"], NAME)?;
                if let Some(given) = document.get("pipeline") {
                    pipeline = Some(documents(Some(given), NAME)?);
                }
                if document.contains_key("coll") {
                    foreign = self.in_database(document, "coll", NAME)?;
                } else if !begins_with_documents(pipeline.as_deref()) {
                    return Err(Refusal::form(NAME, "`coll`, the name of a collection"));
                }
            }
            name => foreign = self.named(name, NAME)?,
        }
        if let Some(pipeline) = pipeline {
            let variables = Variables::default();
            foreign = self.nested(|walk| walk.pipeline(&pipeline, foreign, &variables))?;
        }
        shape.add(foreign);
        Ok(shape)
    }

    /// `$rankFusion` and `$scoreFusion`: several ways over the same documents.
    pub(super) fn fusion(
        &mut self,
        name: &str,
        document: &Document,
        shape: &Shape,
        variables: &Variables,
    ) -> Result<Shape, Refusal> {
        only(document, &["input", "combination", "scoreDetails"], name)?;
        let wrong = || Refusal::form(name, "`input.pipelines`, an object of pipelines");
        let input = document.get_document("input").map_err(|_| wrong())?;
        only(input, &["pipelines", "normalization"], name)?;
        let mut out = shape.clone();
        for (_, pipeline) in input.get_document("pipelines").map_err(|_| wrong())? {
            self.budget.join()?;
            let pipeline = documents(Some(pipeline), name)?;
            out.add(self.nested(|walk| walk.pipeline(&pipeline, shape.clone(), variables))?);
        }
        if let Some(combination) = document.get("combination") {
            let wrong = || Refusal::form(name, "`combination`, an object");
            let combination = combination.as_document().ok_or_else(wrong)?;
            only(combination, &["weights", "method", "expression"], name)?;
            if let Some(expression) = combination.get("expression") {
                // The ways are variables of it, as numbers.
                let mut scores = variables.clone();
                for way in input.get_document("pipelines").map_err(|_| wrong())?.keys() {
                    let number =
                        self.expression(&Bson::Int32(1), Place { root: shape, variables })?;
                    scores = scores.with(way, number)?;
                }
                self.key(expression, Place { root: shape, variables: &scores }, name)?;
            }
            if let Some(weights) = combination.get("weights") {
                self.plain(weights)?;
            }
        }
        Ok(out)
    }

    /// The collection that a stage names: a string, or an object with a database.
    fn named(&mut self, value: &Bson, stage: &str) -> Result<Shape, Refusal> {
        match value {
            Bson::String(collection) => {
                let reference = Reference::new(self.database, collection.as_str());
                self.nested(|walk| walk.resolve(&reference))
            }
            Bson::Document(document) => {
                only(document, &["db", "coll"], stage)?;
                self.in_database(document, "coll", stage)
            }
            _ => Err(Refusal::form(stage, "the name of a collection")),
        }
    }

    fn in_database(
        &mut self,
        document: &Document,
        collection: &str,
        stage: &str,
    ) -> Result<Shape, Refusal> {
        let database = match document.get("db") {
            Some(_) if self.policy.is_within() => {
                return Err(Refusal::new(format!("`{stage}` reads its own database only"))
                    .hint("leave `db` out"));
            }
            Some(_) => text(document, "db", stage)?,
            None => self.database,
        };
        let reference = Reference::new(database, text(document, collection, stage)?);
        self.nested(|walk| walk.resolve(&reference))
    }
}

fn begins_with_documents(pipeline: Option<&[Document]>) -> bool {
    let first = pipeline.and_then(<[Document]>::first);
    first.is_some_and(|stage| stage.len() == 1 && stage.contains_key("$documents"))
}

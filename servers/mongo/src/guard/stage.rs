//! The stages that there are, and what each makes of the documents before it.

use bson::{Bson, Document};

use super::bounds;
use super::expression::{Place, Variables, Yield, javascript};
use super::operators::{self, Makes};
use super::refusal::Refusal;
use super::shape::Shape;
use super::walk::{Walk, documents, only, path, text};

impl Walk<'_> {
    /// Walks one stage over documents of this shape: the shape of what comes out of it.
    pub(super) fn stage(
        &mut self,
        stage: &Document,
        first: bool,
        shape: Shape,
        variables: &Variables,
    ) -> Result<Shape, Refusal> {
        let (name, value) = match (stage.len(), stage.iter().next()) {
            (1, Some((name, value))) => (name.as_str(), value),
            _ => {
                return Err(Refusal::new("a stage has exactly one key")
                    .hint("write one object for each stage, such as {\"$match\": {…}}"));
            }
        };
        let at = Place { root: &shape, variables };
        let document = || value.as_document().ok_or_else(|| Refusal::form(name, "an object"));
        match name {
            "$match" => {
                self.filter_with(document()?, &shape, &[], variables)?;
                Ok(shape)
            }
            "$project" => self.project(document()?, at),
            "$addFields" | "$set" => self.add_fields(document()?, at),
            "$unset" => {
                let names = value.as_array().map_or(std::slice::from_ref(value), Vec::as_slice);
                if names.iter().all(|name| name.as_str().is_some()) {
                    Ok(shape)
                } else {
                    Err(Refusal::form(name, "names of fields"))
                }
            }
            "$replaceWith" => Ok(self.expression(value, at)?.shape),
            "$replaceRoot" => {
                let document = document()?;
                only(document, &["newRoot"], name)?;
                let wrong = || Refusal::form(name, "`newRoot`");
                Ok(self.expression(document.get("newRoot").ok_or_else(wrong)?, at)?.shape)
            }
            "$limit" => bounds::within(Some(value), name, 1.0, 1e15).map(|()| shape),
            "$skip" => bounds::within(Some(value), name, 0.0, 1e15).map(|()| shape),
            "$sample" => {
                let document = document()?;
                only(document, &["size"], name)?;
                bounds::within(document.get("size"), "$sample.size", 1.0, 100_000.0)?;
                Ok(shape)
            }
            "$count" => match value {
                Bson::String(_) => Ok(Shape::default()),
                _ => Err(Refusal::form(name, "the name of a field")),
            },
            "$sort" => {
                self.sort(document()?, &shape)?;
                Ok(shape)
            }
            "$sortByCount" => {
                let key = self.key(value, at, name)?;
                Ok(key.under(&["_id"]))
            }
            "$unwind" => {
                let (field, index) = if let Bson::String(field) = value {
                    (field.as_str(), None)
                } else {
                    let document = document()?;
                    let known = ["path", "includeArrayIndex", "preserveNullAndEmptyArrays"];
                    only(document, &known, name)?;
                    (text(document, "path", name)?, document.get("includeArrayIndex"))
                };
                let field = field.strip_prefix('$').ok_or_else(|| {
                    Refusal::form(name, "a path that begins with $, such as \"$items\"")
                })?;
                shape.use_field(&path(field)?, name)?;
                match index {
                    None | Some(Bson::String(_) | Bson::Null) => Ok(shape),
                    Some(_) => Err(Refusal::form(name, "`includeArrayIndex`, a name")),
                }
            }
            "$group" => self.group(document()?, at),
            "$bucket" | "$bucketAuto" => self.bucket(name, document()?, at),
            "$facet" => {
                let mut out = Shape::default();
                for (name, pipeline) in document()? {
                    let pipeline = documents(Some(pipeline), "$facet")?;
                    let inner =
                        self.nested(|walk| walk.pipeline(&pipeline, shape.clone(), variables))?;
                    out.add(inner.under(&[name]));
                }
                Ok(out)
            }
            "$lookup" => self.lookup(document()?, shape, variables),
            "$graphLookup" => self.graph_lookup(document()?, shape, variables),
            "$unionWith" => self.union_with(value, shape, variables),
            "$rankFusion" | "$scoreFusion" => self.fusion(name, document()?, &shape, variables),
            "$score" => {
                let document = document()?;
                only(document, &["score", "normalize", "weight", "scoreDetails"], name)?;
                let score = document.get("score").unwrap_or(&Bson::Null);
                self.key(score, at, name)?;
                Ok(shape)
            }
            "$setWindowFields" => self.windows(document()?, &shape, variables),
            "$fill" => self.fill(document()?, &shape, variables),
            "$densify" => {
                let document = document()?;
                only(document, &["field", "partitionByFields", "range"], name)?;
                let mut fields = vec![text(document, "field", name)?];
                if let Some(more) = document.get("partitionByFields") {
                    let wrong = || Refusal::form(name, "`partitionByFields`, a list of names");
                    for field in more.as_array().ok_or_else(wrong)? {
                        fields.push(field.as_str().ok_or_else(wrong)?);
                    }
                }
                for field in fields {
                    shape.use_whole(&path(field)?, name)?;
                }
                let wrong = || Refusal::form(name, "`range`");
                bounds::densify(document.get_document("range").map_err(|_| wrong())?)?;
                Ok(shape)
            }
            "$geoNear" => self.geo_near(document()?, &shape, variables),
            // It means other documents with each level that it descends to.
            "$redact" if shape.is_ruled() => Err(Refusal::hides(name)),
            "$redact" => {
                self.expression(value, at)?;
                Ok(shape)
            }
            "$documents" if first => Ok(self.expression(value, at)?.shape),
            "$search" | "$searchMeta" | "$vectorSearch" if shape.is_ruled() => {
                Err(Refusal::hides(name))
            }
            "$search" | "$searchMeta" | "$vectorSearch" => {
                self.plain(value)?;
                Ok(shape)
            }
            "$out" | "$merge" => Err(Refusal::stage(name).hint(
                "a pipeline only reads; write with insert, update or delete where they are offered",
            )),
            "$changeStream" | "$changeStreamSplitLargeEvent" => {
                Err(Refusal::stage(name).hint("use watch"))
            }
            "$collStats" | "$indexStats" | "$planCacheStats" | "$listSearchIndexes" => {
                Err(Refusal::stage(name).hint("describe_collection says what there is to know"))
            }
            name if operators::is_javascript(name) => Err(javascript(name)),
            name => Err(Refusal::stage(name)),
        }
    }

    fn group(&mut self, document: &Document, at: Place<'_>) -> Result<Shape, Refusal> {
        let mut out = Shape::default();
        let id = document.get("_id");
        let id = id.ok_or_else(|| Refusal::form("$group", "`_id`, an expression or null"))?;
        out.add(self.key(id, at, "$group")?.under(&["_id"]));
        for (name, accumulator) in document.iter().filter(|(name, _)| *name != "_id") {
            if name.contains('.') || name.starts_with('$') {
                return Err(Refusal::form("$group", "names of fields without dots and $"));
            }
            let shape = self.accumulator("$group", accumulator, at, operators::accumulator)?;
            out.add(shape.under(&[name]));
        }
        Ok(out)
    }

    fn bucket(&mut self, name: &str, document: &Document, at: Place<'_>) -> Result<Shape, Refusal> {
        let known = ["groupBy", "boundaries", "default", "buckets", "granularity", "output"];
        only(document, &known, name)?;
        let wrong = || Refusal::form(name, "`groupBy`");
        let key = self.key(document.get("groupBy").ok_or_else(wrong)?, at, name)?;
        if name == "$bucketAuto" {
            bounds::within(document.get("buckets"), "$bucketAuto.buckets", 1.0, 10_000.0)?;
        }
        for constant in ["boundaries", "default"] {
            if let Some(constant) = document.get(constant) {
                self.expression(constant, at)?;
            }
        }
        let mut out = key.under(&["_id"]);
        out.add(key.under(&["_id", "min"]));
        out.add(key.under(&["_id", "max"]));
        let wrong = || Refusal::form(name, "`output`, an object of accumulators");
        if let Some(output) = document.get("output") {
            for (field, accumulator) in output.as_document().ok_or_else(wrong)? {
                let shape = self.accumulator(name, accumulator, at, operators::accumulator)?;
                out.add(shape.under(&[field]));
            }
        }
        Ok(out)
    }

    /// An accumulator, or what a window computes.
    pub(super) fn accumulator(
        &mut self,
        stage: &str,
        accumulator: &Bson,
        at: Place<'_>,
        known: fn(&str) -> Option<Makes>,
    ) -> Result<Shape, Refusal> {
        let wrong = || Refusal::form(stage, "an accumulator for each field, such as {\"$sum\": 1}");
        let document = accumulator.as_document().ok_or_else(wrong)?;
        let mut parts = document.iter().filter(|(name, _)| *name != "window");
        let (Some((name, operand)), None) = (parts.next(), parts.next()) else {
            return Err(wrong());
        };
        if operators::is_javascript(name) {
            return Err(javascript(name));
        }
        let makes = known(name).ok_or_else(|| {
            Refusal::new(format!(
                "the accumulator {} is not allowed",
                lockkeeper_core::quoted(name)
            ))
        })?;
        let whole = |made: Yield| made.shape;
        match name.as_str() {
            "$top" | "$topN" | "$bottom" | "$bottomN" => {
                let operand = operand.as_document().ok_or_else(wrong)?;
                only(operand, &["output", "sortBy", "n"], name)?;
                let sort = operand.get_document("sortBy").map_err(|_| wrong())?;
                self.sort(sort, at.root)?;
                if let Some(n) = operand.get("n") {
                    self.expression(n, at)?;
                }
                self.expression(operand.get("output").ok_or_else(wrong)?, at).map(whole)
            }
            "$addToSet" => self.key(operand, at, name),
            "$rank" | "$denseRank" | "$documentNumber" | "$count" => Ok(Shape::default()),
            "$max" | "$min" | "$maxN" | "$minN" => {
                let made = self.accumulated(name, operand, at)?;
                let made = self.makes(name, makes, made)?;
                made.shape.use_whole(&[], name)?;
                Ok(made.shape)
            }
            _ => {
                let made = self.accumulated(name, operand, at)?;
                self.makes(name, makes, made).map(whole)
            }
        }
    }

    /// The one operand of an accumulator, or its named ones.
    fn accumulated(
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
            "$median",
            "$percentile",
            "$expMovingAvg",
            "$derivative",
            "$integral",
            "$shift",
            "$minMaxScaler",
        ];
        match operand {
            Bson::Document(document) if NAMED.contains(&name) => {
                document.values().map(|value| self.expression(value, at)).collect()
            }
            one => Ok(vec![self.expression(one, at)?]),
        }
    }

    fn windows(
        &mut self,
        document: &Document,
        shape: &Shape,
        variables: &Variables,
    ) -> Result<Shape, Refusal> {
        const NAME: &str = "$setWindowFields";
        only(document, &["partitionBy", "sortBy", "output"], NAME)?;
        let at = Place { root: shape, variables };
        let mut out = shape.clone();
        if let Some(partition) = document.get("partitionBy") {
            self.key(partition, at, NAME)?;
        }
        if let Some(sort) = document.get("sortBy") {
            let wrong = || Refusal::form(NAME, "`sortBy`, an object");
            self.sort(sort.as_document().ok_or_else(wrong)?, shape)?;
        }
        let wrong = || Refusal::form(NAME, "`output`, an object");
        for (field, computed) in document.get_document("output").map_err(|_| wrong())? {
            let made = self.accumulator(NAME, computed, at, operators::window)?;
            out.add(made.under(&path(field)?));
        }
        Ok(out)
    }

    fn fill(
        &mut self,
        document: &Document,
        shape: &Shape,
        variables: &Variables,
    ) -> Result<Shape, Refusal> {
        const NAME: &str = "$fill";
        only(document, &["partitionBy", "partitionByFields", "sortBy", "output"], NAME)?;
        let at = Place { root: shape, variables };
        let mut out = shape.clone();
        if let Some(partition) = document.get("partitionBy") {
            self.key(partition, at, NAME)?;
        }
        let wrong = || Refusal::form(NAME, "`partitionByFields`, a list of names");
        if let Some(fields) = document.get("partitionByFields") {
            for field in fields.as_array().ok_or_else(wrong)? {
                shape.use_whole(&path(field.as_str().ok_or_else(wrong)?)?, NAME)?;
            }
        }
        if let Some(sort) = document.get("sortBy") {
            let wrong = || Refusal::form(NAME, "`sortBy`, an object");
            self.sort(sort.as_document().ok_or_else(wrong)?, shape)?;
        }
        let wrong = || Refusal::form(NAME, "`output`, an object of {value} or {method}");
        for (field, how) in document.get_document("output").map_err(|_| wrong())? {
            let field = path(field)?;
            let how = how.as_document().ok_or_else(wrong)?;
            only(how, &["value", "method"], NAME)?;
            shape.use_field(&field, NAME)?;
            if let Some(value) = how.get("value") {
                out.add(self.expression(value, at)?.shape.under(&field));
            }
        }
        Ok(out)
    }

    fn geo_near(
        &mut self,
        document: &Document,
        shape: &Shape,
        variables: &Variables,
    ) -> Result<Shape, Refusal> {
        const NAME: &str = "$geoNear";
        let known = [
            "near",
            "distanceField",
            "distanceMultiplier",
            "includeLocs",
            "key",
            "maxDistance",
            "minDistance",
            "query",
            "spherical",
        ];
        only(document, &known, NAME)?;
        let at = Place { root: shape, variables };
        let mut out = shape.clone();
        let key = match document.get("key") {
            Some(_) => Some(path(text(document, "key", NAME)?)?),
            // Without one the server looks for an index: which field that is isn't known here.
            None if shape.is_ruled() => {
                return Err(Refusal::form(NAME, "`key`, the field of the index"));
            }
            None => None,
        };
        if let Some(key) = &key {
            shape.use_whole(key, NAME)?;
            if document.contains_key("includeLocs") {
                out.add(shape.of(key).under(&path(text(document, "includeLocs", NAME)?)?));
            }
        }
        if let Some(query) = document.get("query") {
            let wrong = || Refusal::form(NAME, "`query`, a filter");
            self.filter_with(query.as_document().ok_or_else(wrong)?, shape, &[], variables)?;
        }
        for name in ["near", "maxDistance", "minDistance", "distanceMultiplier"] {
            if let Some(value) = document.get(name) {
                self.expression(value, at)?;
            }
        }
        Ok(out)
    }
}

//! `explain`: how MongoDB would find what a query or a pipeline asks for.

use bson::Document;
use lockkeeper_core::{Cx, Effect, Need, Output, Read, Tool, ToolError};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::ejson::Given;
use crate::source::Mongo;
use crate::source::describe::Index;
use crate::source::names::Namespace;
use crate::source::plan::{Plan, Reads, equal_keys, ideal, serving, written};
use crate::source::reading::Query;

pub(crate) struct Explain;

/// Show the plan of a find or, with `pipeline`, an aggregate. Nothing is executed.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Args {
    database: Option<String>,
    collection: String,
    #[serde(default)]
    filter: Given,
    sort: Option<Given>,
    projection: Option<Given>,
    #[serde(default)]
    pipeline: Vec<Given>,
    /// Suggest an index
    #[serde(default)]
    advise: bool,
}

#[derive(Serialize, JsonSchema)]
pub(crate) struct Explained {
    plan: String,
}

impl Output for Explained {
    const BULK: bool = true;

    fn text(&self) -> String {
        self.plan.clone()
    }
}

impl Tool<Mongo> for Explain {
    type Effect = Read;
    type Args = Args;
    type Output = Explained;

    const PLAIN: &'static [&'static str] = &["database", "collection", "sort", "advise"];

    fn plan(args: &Args) -> Need {
        Need::new(Effect::Read)
            .resource(super::resource(args.database.as_deref(), &args.collection))
    }

    async fn run(cx: Cx<'_, Mongo, Read>, args: Args) -> Result<Explained, ToolError> {
        let mongo = cx.source();
        let name = mongo.namespace(args.database.as_deref(), &args.collection).await?;
        let (command, (filter, sort)) = if args.pipeline.is_empty() {
            let query = Query {
                filter: args.filter.0,
                projection: args.projection.map(|projection| projection.0),
                sort: args.sort.map(|sort| sort.0),
                ..Query::default()
            };
            let query = mongo.check_query(&name, query).await?;
            let reads = Reads::Query(query.value());
            (reads.command(&name), reads.parts())
        } else {
            if !args.filter.0.is_empty() || args.sort.is_some() || args.projection.is_some() {
                return Err(ToolError::invalid_arguments("`pipeline` stands for itself").hint(
                    "put filter, sort and projection into it as $match, $sort and $project",
                ));
            }
            let stages: Vec<Document> = args.pipeline.into_iter().map(|stage| stage.0).collect();
            let pipeline = mongo.check_pipeline(&name, stages).await?;
            let reads = Reads::Pipeline(pipeline.value());
            (reads.command(&name), reads.parts())
        };
        mongo.must_exist(&name).await?;
        let explained = mongo.explain(name.database(), command).await?;
        let mut text = summary(&name, &Plan::of(&explained));
        if args.advise {
            let indexes = mongo.indexes(&name).await?;
            text.push_str(&advice(&name, &filter, sort.as_ref(), &indexes));
        }
        Ok(Explained { plan: text })
    }
}

fn summary(name: &Namespace, plan: &Plan) -> String {
    let verdict = match (plan.scans, plan.covered) {
        (true, _) => "COLLECTION SCAN: no index serves it".to_owned(),
        (false, true) => format!("index {} alone", plan.indexes.join(", ")),
        (false, false) if !plan.indexes.is_empty() => format!("index {}", plan.indexes.join(", ")),
        _ => "no index is named".to_owned(),
    };
    let sorts = if plan.sorts { "; sorts in memory" } else { "" };
    let mut text = format!("[plan on {name}: {verdict}{sorts}]\n");
    if !plan.stages.is_empty() {
        text.push_str(&format!("stages: {}\n", plan.stages.join(" > ")));
    }
    if plan.rejected > 0 {
        text.push_str(&format!("rejected plans: {}\n", plan.rejected));
    }
    text
}

fn advice(
    name: &Namespace,
    filter: &Document,
    sort: Option<&Document>,
    indexes: &[Index],
) -> String {
    let keys = ideal(filter, sort);
    let mut text = String::from("# advice (equality, then sort, then range)\n");
    if keys.is_empty() {
        text.push_str("nothing is filtered or sorted by a field: no index would help\n");
    } else {
        let known = indexes.iter().map(|index| (index.name.as_str(), &index.keys));
        match serving(&keys, equal_keys(filter), known) {
            Some(index) => text.push_str(&format!("index {index} serves it\n")),
            None => text.push_str(&format!(
                "would serve it: db.getCollection({}).createIndex({})\n",
                serde_json::Value::from(name.collection()),
                written(&keys)
            )),
        }
    }
    for index in indexes.iter().filter(|index| index.name != "_id_") {
        if let Some(longer) = &index.prefix_of {
            text.push_str(&format!("{} is redundant: {longer} begins with it\n", index.name));
        } else if index.used == Some(0) {
            text.push_str(&format!("{} wasn't used since the server started\n", index.name));
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use lockkeeper_testkit::expect;

    use crate::testing::Shop;

    #[test]
    fn shows_plans_and_advises() {
        let Some(shop) = Shop::start() else { return };
        shop.check(
            r#"explain {"collection": "orders", "filter": {"status": "new"}, "sort": {"at": -1}, "advise": true}"#,
            &expect![[r#"
                [plan on shop.orders: index status_1; sorts in memory]
                stages: IXSCAN > FETCH > SORT
                # advice (equality, then sort, then range)
                index status_1_at_-1 serves it
                margin_1 wasn't used since the server started
                status_1 is redundant: status_1_at_-1 begins with it
                status_1_at_-1 wasn't used since the server started
            "#]],
        );
        shop.check(
            r#"explain {"collection": "events", "filter": {"kind": 3, "text": {"$gt": "a"}}, "sort": {"_id": -1}, "advise": true}"#,
            &expect![[r#"
                [plan on shop.events: COLLECTION SCAN: no index serves it; sorts in memory]
                stages: COLLSCAN > SORT
                # advice (equality, then sort, then range)
                would serve it: db.getCollection("events").createIndex({"kind": 1, "_id": -1, "text": 1})
            "#]],
        );
        let pipeline = r#"explain {"collection": "events", "pipeline": [{"$match": {"kind": 3}}, {"$group": {"_id": "$text"}}]}"#;
        let text = shop.call("", &[], pipeline);
        assert!(text.contains("COLLECTION SCAN"), "{text}");
        shop.check(
            r#"explain {"collection": "nothing"}"#,
            &expect![[r#"
            error: not_found: there is no collection `shop.nothing`
            next: list_collections shows what there is; names are case-sensitive"#]],
        );
        let write = r#"explain {"collection": "orders", "pipeline": [{"$out": "stolen"}]}"#;
        assert!(shop.call("", &[], write).starts_with("error: not_allowed"));
        let names = shop.run(|database| async move { database.list_collection_names().await });
        assert!(!names.contains(&"stolen".to_owned()));
    }
}

//! `describe_collection`: what a collection is made of, but for its documents.

use bson::Bson;
use lockkeeper_core::{Cx, Effect, Need, Output, Read, Tool, ToolError, count, grouped};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::source::Mongo;
use crate::source::describe::{Described, shown};
use crate::source::plan::written;

pub(crate) struct DescribeCollection;

/// Show a collection's indexes with their use, its size, options and validation rules.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Args {
    database: Option<String>,
    collection: String,
}

#[derive(Serialize, JsonSchema)]
pub(crate) struct Description {
    description: String,
}

impl Output for Description {
    const BULK: bool = true;

    fn text(&self) -> String {
        self.description.clone()
    }
}

impl Tool<Mongo> for DescribeCollection {
    type Effect = Read;
    type Args = Args;
    type Output = Description;

    const PLAIN: &'static [&'static str] = &["database", "collection"];

    fn plan(args: &Args) -> Need {
        Need::new(Effect::Read)
            .resource(super::resource(args.database.as_deref(), &args.collection))
    }

    async fn run(cx: Cx<'_, Mongo, Read>, args: Args) -> Result<Description, ToolError> {
        let mongo = cx.source();
        let name = mongo.namespace(args.database.as_deref(), &args.collection).await?;
        let described = mongo.describe(&name).await?;
        Ok(Description { description: text(&name.to_string(), &described) })
    }
}

/// A collection as text.
pub(crate) fn text(name: &str, described: &Described) -> String {
    let collection = &described.collection;
    let kind = if collection.kind.is_empty() { "collection" } else { &collection.kind };
    let mut text = format!("[{kind} {name}");
    if let Some(documents) = described.documents {
        text.push_str(&format!(", {}", count(documents, "document")));
    }
    if let Some(average) = described.average_bytes.filter(|bytes| *bytes > 0) {
        text.push_str(&format!(" of {} on average", super::size(average)));
    }
    if let Some(bytes) = described.bytes.filter(|bytes| *bytes > 0) {
        text.push_str(&format!(", {}", super::size(bytes)));
    }
    if let Some(bytes) = described.index_bytes.filter(|bytes| *bytes > 0) {
        text.push_str(&format!(", indexes {}", super::size(bytes)));
    }
    text.push_str("]\n");
    if let Some((on, pipeline)) = collection.view() {
        let stages = pipeline.into_iter().map(Bson::Document).collect();
        let pipeline = shown(&Bson::Array(stages));
        text.push_str(&format!("view on {on}: {pipeline}\n"));
        return text;
    }
    for (option, value) in &collection.options {
        if !matches!(option.as_str(), "validator" | "viewOn" | "pipeline" | "uuid" | "idIndex") {
            text.push_str(&format!("{option}: {}\n", shown(value)));
        }
    }
    if let Some(validator) = &described.validator {
        let rules = shown(&Bson::Document(validator.clone()));
        text.push_str(&format!("validator: {rules}\n"));
    }
    if !described.indexes.is_empty() {
        text.push_str("# indexes\n");
    }
    for index in &described.indexes {
        text.push_str(&format!("{} {}", index.name, written(&index.keys)));
        for one in &index.traits {
            text.push_str(&format!(" {one}"));
        }
        if let Some(used) = index.used {
            text.push_str(&format!("; used {} times", grouped(used)));
        }
        if let Some(other) = &index.prefix_of {
            text.push_str(&format!("; {other} begins with it"));
        }
        text.push('\n');
    }
    if described.hidden_indexes > 0 {
        let hidden = described.hidden_indexes;
        text.push_str(&format!("indexes on fields that the policy hides: {hidden}\n"));
    }
    text
}

#[cfg(test)]
mod tests {
    use lockkeeper_testkit::expect;

    use crate::testing::{POLICY, Shop};

    #[test]
    fn describes_collections_and_views() {
        let Some(shop) = Shop::start() else { return };
        let plain = |text: String| {
            let sizes = |line: &str| line.starts_with('[') && line.contains(" on average");
            let lines = text.lines().map(|line| match line.split_once(" of ") {
                Some((head, _)) if sizes(line) => format!("{head} of …]"),
                _ => line.to_owned(),
            });
            lines.collect::<Vec<_>>().join("\n")
        };
        let orders = shop.call("", &[], r#"describe_collection {"collection": "orders"}"#);
        expect![[r#"
            [collection shop.orders, 200 documents]
            # indexes
            _id_ {"_id": 1}; used 0 times
            margin_1 {"margin": 1}; used 0 times
            status_1 {"status": 1}; used 0 times; status_1_at_-1 begins with it
            status_1_at_-1 {"status": 1, "at": -1}; used 0 times"#]]
        .assert_eq(&plain(orders));
        let orders = shop.call(POLICY, &[], r#"describe_collection {"collection": "orders"}"#);
        expect![[r#"
            [collection shop.orders, 200 documents]
            # indexes
            _id_ {"_id": 1}; used 0 times
            status_1 {"status": 1}; used 0 times; status_1_at_-1 begins with it
            status_1_at_-1 {"status": 1, "at": -1}; used 0 times
            indexes on fields that the policy hides: 1"#]]
        .assert_eq(&plain(orders));
        shop.check(
            r#"describe_collection {"collection": "open_orders"}"#,
            &expect![[r#"
            [view shop.open_orders]
            view on orders: [{"$match":{"status":"new"}}]
        "#]],
        );
        shop.check(
            r#"describe_collection {"collection": "checked"}"#,
            &expect![[r#"
                [collection shop.checked, 0 documents]
                validator: {"$jsonSchema":{"required":["name"]}}
                # indexes
                _id_ {"_id": 1}; used 0 times
            "#]],
        );
        shop.check(
            r#"describe_collection {"collection": "nothing"}"#,
            &expect![[r#"
            error: not_found: there is no collection `shop.nothing`
            next: list_collections shows what there is; names are case-sensitive"#]],
        );
        let hidden = shop.call(POLICY, &[], r#"describe_collection {"collection": "staff"}"#);
        assert!(hidden.starts_with("error: not_"), "{hidden}");
    }
}

//! Collections as resources, for hosts that attach them. What can be read here is what
//! `describe_collection` and `infer_schema` show.

use std::collections::BTreeSet;

use bson::Document;
use lockkeeper_core::{
    Body, Changed, Contents, Cx, Listed, Read, RegisteredResource, Resource, ToolError, Typed,
    Variables, Watch, percent_encode_path, resource,
};

use crate::source::Mongo;
use crate::source::names::Namespace;
use crate::{subscribed, tools};

pub(crate) static RESOURCES: &[RegisteredResource<Mongo>] =
    &[resource::<Mongo, Field>(), resource::<Mongo, Schema>(), resource::<Mongo, Collection>()];

/// Documents that a schema is guessed from.
const SAMPLE: u64 = 200;

/// Collections that are listed.
const LISTED: usize = 200;

/// What a collection is made of.
struct Collection;

impl Resource<Mongo> for Collection {
    const TEMPLATE: &'static str = "mongo://{database}/{collection}";
    const NAME: &'static str = "collection";
    const TOOL: &'static str = "describe_collection";

    async fn read(cx: Cx<'_, Mongo, Read>, variables: Variables) -> Result<Contents, ToolError> {
        let name = name(&cx, &variables)?;
        let described = cx.source().describe(&name).await?;
        Ok(plain(tools::described(&name.to_string(), &described)))
    }

    const WATCHED: bool = true;

    /// Tells of its documents.
    async fn watch(
        cx: Cx<'_, Mongo, Read>,
        variables: Variables,
        changed: Changed,
    ) -> Result<Watch, ToolError> {
        let name = name(&cx, &variables)?;
        subscribed::watch(&cx, name, changed).await
    }

    async fn list(cx: Cx<'_, Mongo, Read>) -> Result<Vec<Listed>, ToolError> {
        let mongo = cx.source();
        let database = mongo.database(None).await?;
        let listed = |one: crate::source::collections::Collection| Listed {
            uri: format!("mongo://{}/{}", database, percent_encode_path(&one.name)),
            name: format!("{database}.{}", one.name),
        };
        Ok(mongo.collections(&database).await?.into_iter().take(LISTED).map(listed).collect())
    }

    async fn complete(cx: Cx<'_, Mongo, Read>, typed: Typed) -> Result<Vec<String>, ToolError> {
        complete(&cx, &typed).await
    }
}

/// What its documents look like.
struct Schema;

impl Resource<Mongo> for Schema {
    const TEMPLATE: &'static str = "mongo://{database}/{collection}/schema";
    const NAME: &'static str = "schema";
    const TOOL: &'static str = "infer_schema";

    async fn read(cx: Cx<'_, Mongo, Read>, variables: Variables) -> Result<Contents, ToolError> {
        let name = name(&cx, &variables)?;
        let mongo = cx.source();
        let sample = mongo.sample(&name, Document::new(), SAMPLE).await?;
        if sample.documents == 0 {
            mongo.must_exist(&name).await?;
        }
        let all = mongo.estimate(&name).await.ok();
        Ok(plain(tools::schema(&name.to_string(), &sample, all, cx.max_output())))
    }

    async fn complete(cx: Cx<'_, Mongo, Read>, typed: Typed) -> Result<Vec<String>, ToolError> {
        complete(&cx, &typed).await
    }
}

/// One of their fields.
struct Field;

impl Resource<Mongo> for Field {
    const TEMPLATE: &'static str = "mongo://{database}/{collection}/schema/{field}";
    const NAME: &'static str = "field";
    const TOOL: &'static str = "infer_schema";

    async fn read(cx: Cx<'_, Mongo, Read>, variables: Variables) -> Result<Contents, ToolError> {
        let name = name(&cx, &variables)?;
        let wanted = variables.get("field").map(String::as_str).unwrap_or_default();
        let mongo = cx.source();
        let mut sample = mongo.sample(&name, Document::new(), SAMPLE).await?;
        sample.fields.retain(|path, _| {
            let path = path.join(".").replace("[]", "");
            let beneath = path.strip_prefix(wanted);
            beneath.is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
        });
        if sample.fields.is_empty() {
            mongo.must_exist(&name).await?;
            return Err(ToolError::new("not_found", format!("no document has `{wanted}`"))
                .hint("infer_schema shows the fields that there are"));
        }
        let all = mongo.estimate(&name).await.ok();
        Ok(plain(tools::schema(&name.to_string(), &sample, all, cx.max_output())))
    }

    async fn complete(cx: Cx<'_, Mongo, Read>, typed: Typed) -> Result<Vec<String>, ToolError> {
        complete(&cx, &typed).await
    }
}

fn name(cx: &Cx<'_, Mongo, Read>, variables: &Variables) -> Result<Namespace, ToolError> {
    let variable = |name| variables.get(name).map(String::as_str).unwrap_or_default();
    Ok(cx.source().admit(variable("database"), variable("collection"))?)
}

fn plain(text: String) -> Contents {
    Contents { mime_type: "text/plain".to_owned(), body: Body::Text(text) }
}

/// Names that begin with what was typed.
async fn complete(cx: &Cx<'_, Mongo, Read>, typed: &Typed) -> Result<Vec<String>, ToolError> {
    let mongo = cx.source();
    let mut names = BTreeSet::new();
    match typed.variable.as_str() {
        "database" => {
            names.extend(mongo.databases().await?.into_iter().map(|database| database.name));
        }
        "collection" => {
            let database = typed.others.get("database").map(String::as_str);
            let database = mongo.database(database).await?;
            names.extend(mongo.collections(&database).await?.into_iter().map(|one| one.name));
        }
        "field" => {
            let given = |name: &str| typed.others.get(name).map(String::as_str);
            let Some(collection) = given("collection") else { return Ok(Vec::new()) };
            let name = mongo.namespace(given("database"), collection).await?;
            names.extend(mongo.field_names(&name).await?.iter().cloned());
        }
        _ => {}
    }
    let begin = typed.text.to_lowercase();
    names.retain(|name| name.to_lowercase().starts_with(&begin));
    Ok(names.into_iter().collect())
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use crate::testing::{POLICY, Shop};

    #[test]
    fn collections_are_resources_with_completions() {
        let Some(shop) = Shop::start() else { return };
        let mut client = shop.client(POLICY, &[]);
        let database = shop.database.clone();
        let mut read = |uri: &str| {
            let answer =
                client.request("resources/read", json!({"uri": uri.replace("shop", &database)}));
            let text = answer["result"]["contents"][0]["text"].as_str().map(str::to_owned);
            text.unwrap_or_else(|| answer["error"]["message"].as_str().unwrap_or("").to_owned())
        };
        assert!(read("mongo://shop/orders").starts_with("[collection "));
        assert!(read("mongo://shop/users/schema").contains("\nname\t100%\tstring"));
        assert!(!read("mongo://shop/users/schema").contains("password_hash"));
        let address = read("mongo://shop/users/schema/address");
        assert!(address.contains("\naddress.city\t") && !address.contains("\nname\t"), "{address}");
        let denied = read("mongo://shop/users/schema/password_hash");
        assert_eq!(
            denied,
            read("mongo://shop/users/schema/nothing_with_")
                .replace("nothing_with_", "password_hash")
        );
        let hidden = read("mongo://shop/employees");
        assert_eq!(hidden, read("mongo://shop/nothings_").replace("nothings_", "employees"));
        let listed = client.request("resources/list", json!({}));
        let listed = listed["result"]["resources"].to_string();
        assert!(listed.contains("/orders\"") && !listed.contains("employees"), "{listed}");
        let mut complete = |variable: &str, typed: &str, others: Value| {
            let params = json!({
                "ref": {"type": "ref/resource", "uri": "mongo://{database}/{collection}/schema/{field}"},
                "argument": {"name": variable, "value": typed},
                "context": {"arguments": others},
            });
            let answer = client.request("completion/complete", params);
            answer["result"]["completion"]["values"].clone()
        };
        assert_eq!(complete("database", "", json!({})), json!([shop.database]));
        assert_eq!(complete("collection", "O", json!({})), json!(["open_orders", "orders"]));
        assert_eq!(complete("collection", "e", json!({"database": shop.database})), json!([]));
        let users = json!({"database": shop.database, "collection": "users"});
        assert_eq!(
            complete("field", "a", users.clone()),
            json!(["address", "address.city", "address.zip"])
        );
        assert_eq!(complete("field", "pass", users), json!([]));
        let hidden = json!({"database": shop.database, "collection": "employees"});
        assert_eq!(complete("field", "", hidden), json!([]));
    }
}

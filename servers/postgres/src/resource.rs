//! Schemas and tables as resources, for hosts that attach them. What can be read here is what
//! `list_objects` and `describe` show.

use std::collections::BTreeSet;

use lockkeeper_core::{
    Body, Changed, Contents, Cx, Listed, Read, RegisteredResource, Resource, ToolError, Typed,
    Variables, Watch, percent_encode_path, resource,
};

use crate::catalog::listing::{Listing, ObjectKind};
use crate::catalog::names::{qualified, quote};
use crate::catalog::relation::Relation;
use crate::catalog::render;
use crate::source::looking::Subject;
use crate::source::saved::Saved;
use crate::source::{Database, Pg};
use crate::subscribed;

pub(crate) static RESOURCES: &[RegisteredResource<Pg>] = &[
    resource::<Pg, Schema>(),
    // Before the tables: those of a schema of this name are described by `describe`.
    resource::<Pg, SavedQuery>(),
    resource::<Pg, Table>(),
    resource::<Pg, Column>(),
];

/// All tables and views of a database.
struct Schema;

impl Resource<Pg> for Schema {
    const TEMPLATE: &'static str = "pg://{database}/schema";
    const NAME: &'static str = "schema";
    const TOOL: &'static str = "list_objects";

    async fn read(cx: Cx<'_, Pg, Read>, variables: Variables) -> Result<Contents, ToolError> {
        let database = variables.get("database").map(String::as_str);
        let catalog = cx.source().database(database)?.catalog();
        let kinds = ObjectKind::RELATIONS.to_vec();
        let objects = catalog.list(&Listing { kinds, ..Listing::default() }).await?;
        let mut text = String::from(render::COLUMNS);
        let mut group = None;
        for object in &objects {
            if group.replace((&object.schema, object.kind)) != Some((&object.schema, object.kind)) {
                text.push_str(&render::group(object));
            }
            let comment = object.comment.as_deref().map(render::line);
            text.push_str(&render::object(object, comment.as_deref()));
        }
        Ok(plain(text))
    }

    async fn list(cx: Cx<'_, Pg, Read>) -> Result<Vec<Listed>, ToolError> {
        let listed = |name: &str| Listed {
            uri: format!("pg://{}/schema", percent_encode_path(name)),
            name: format!("schema of {name}"),
        };
        Ok(cx.source().databases().map(|database| listed(&database.name)).collect())
    }

    async fn complete(cx: Cx<'_, Pg, Read>, typed: Typed) -> Result<Vec<String>, ToolError> {
        complete(&cx, &typed).await
    }
}

/// A query that the operator saved: how it is called.
struct SavedQuery;

impl Resource<Pg> for SavedQuery {
    const TEMPLATE: &'static str = "pg://{database}/saved/{name}";
    const NAME: &'static str = "saved query";
    const TOOL: &'static str = "run_saved";

    async fn read(cx: Cx<'_, Pg, Read>, variables: Variables) -> Result<Contents, ToolError> {
        let (database, name, saved) = saved_at(&cx, &variables)?;
        let mut text = format!("{}\n", saved.signature(name));
        // What it reads may be hidden.
        if !database.hides() {
            text.push_str(&format!("{}\n", saved.sql.trim()));
        }
        Ok(plain(text))
    }

    const WATCHED: bool = true;

    async fn watch(
        cx: Cx<'_, Pg, Read>,
        variables: Variables,
        changed: Changed,
    ) -> Result<Watch, ToolError> {
        let (database, name, saved) = saved_at(&cx, &variables)?;
        if saved.has_parameters() {
            let problem = format!("`{name}` takes parameters, which a subscription has none of");
            return Err(
                ToolError::new("not_watchable", problem).hint("subscribe to a table that it reads")
            );
        }
        let subject = Subject::Saved { name: name.to_owned(), saved: saved.clone() };
        subscribed::watch(&cx, Some(&database.name), subject, changed).await
    }

    async fn list(cx: Cx<'_, Pg, Read>) -> Result<Vec<Listed>, ToolError> {
        let mut listed = Vec::new();
        for database in cx.source().databases() {
            let place = percent_encode_path(&database.name);
            listed.extend(saved_of(cx.source(), database).map(|(name, _)| Listed {
                uri: format!("pg://{place}/saved/{}", percent_encode_path(name)),
                name: format!("saved query {name}"),
            }));
        }
        Ok(listed)
    }

    async fn complete(cx: Cx<'_, Pg, Read>, typed: Typed) -> Result<Vec<String>, ToolError> {
        if typed.variable == "database" {
            return complete(&cx, &typed).await;
        }
        let given = typed.others.get("database").map(String::as_str);
        let database = cx.source().database(given)?;
        let names = saved_of(cx.source(), database).map(|(name, _)| name);
        let begins = |name: &&str| name.to_lowercase().starts_with(&typed.text.to_lowercase());
        Ok(names.filter(begins).map(str::to_owned).collect())
    }
}

/// The saved query that these variables name, and its database.
fn saved_at<'a>(
    cx: &Cx<'a, Pg, Read>,
    variables: &'a Variables,
) -> Result<(&'a Database, &'a str, &'a Saved), ToolError> {
    let variable = |name| variables.get(name).map(String::as_str);
    let source = cx.source();
    let database = source.database(variable("database"))?;
    let name = variable("name").unwrap_or_default();
    let found = saved_of(source, database).find(|(known, _)| *known == name);
    found.map(|(_, saved)| (database, name, saved)).ok_or_else(|| {
        ToolError::new("not_found", format!("`{name}` does not exist"))
            .hint("run_saved with an unknown name lists what is saved")
    })
}

/// The saved queries of a database.
fn saved_of<'a>(
    source: &'a Pg,
    database: &'a Database,
) -> impl Iterator<Item = (&'a str, &'a Saved)> {
    let is_of = |saved: &Saved| match &saved.database {
        Some(name) => *name == database.name,
        None => source.databases().count() == 1,
    };
    let saved = source.saved.iter().filter(move |(_, saved)| is_of(saved));
    saved.map(|(name, saved)| (name.as_str(), saved))
}

/// A table, a view or the like.
struct Table;

impl Resource<Pg> for Table {
    const TEMPLATE: &'static str = "pg://{database}/{schema}/{table}";
    const NAME: &'static str = "table";
    const TOOL: &'static str = "describe";

    async fn read(cx: Cx<'_, Pg, Read>, variables: Variables) -> Result<Contents, ToolError> {
        read(&cx, &variables).await
    }

    const WATCHED: bool = true;

    /// Tells of its rows.
    async fn watch(
        cx: Cx<'_, Pg, Read>,
        variables: Variables,
        changed: Changed,
    ) -> Result<Watch, ToolError> {
        // What is hidden isn't there, in the same words.
        read(&cx, &variables).await?;
        let variable = |name| variables.get(name).cloned().unwrap_or_default();
        let subject = Subject::Table { schema: variable("schema"), name: variable("table") };
        subscribed::watch(&cx, Some(&variable("database")), subject, changed).await
    }

    async fn complete(cx: Cx<'_, Pg, Read>, typed: Typed) -> Result<Vec<String>, ToolError> {
        complete(&cx, &typed).await
    }
}

/// One column of a table.
struct Column;

impl Resource<Pg> for Column {
    const TEMPLATE: &'static str = "pg://{database}/{schema}/{table}/{column}";
    const NAME: &'static str = "column";
    const TOOL: &'static str = "describe";

    async fn read(cx: Cx<'_, Pg, Read>, variables: Variables) -> Result<Contents, ToolError> {
        read(&cx, &variables).await
    }

    async fn complete(cx: Cx<'_, Pg, Read>, typed: Typed) -> Result<Vec<String>, ToolError> {
        complete(&cx, &typed).await
    }
}

async fn read(cx: &Cx<'_, Pg, Read>, variables: &Variables) -> Result<Contents, ToolError> {
    let variable = |name| variables.get(name).map(String::as_str);
    let catalog = cx.source().database(variable("database"))?.catalog();
    let (schema, table) =
        (variable("schema").unwrap_or_default(), variable("table").unwrap_or_default());
    let described =
        catalog.table(schema, table).await?.and_then(|table| match variable("column") {
            Some(column) => table.only_column(column),
            None => Some(table),
        });
    let Some(described) = described else {
        let column = variable("column").map(|column| format!(".{}", quote(column)));
        let name = qualified(schema, table) + &column.unwrap_or_default();
        return Err(ToolError::new("not_found", format!("`{name}` does not exist"))
            .hint("list_objects lists what there is"));
    };
    Ok(plain(described.text()))
}

fn plain(text: String) -> Contents {
    Contents { mime_type: "text/plain".to_owned(), body: Body::Text(text) }
}

/// Names that begin with what was typed.
async fn complete(cx: &Cx<'_, Pg, Read>, typed: &Typed) -> Result<Vec<String>, ToolError> {
    let given = |name: &str| typed.others.get(name).map(String::as_str);
    let begins = |name: &&str| name.to_lowercase().starts_with(&typed.text.to_lowercase());
    let mut names = BTreeSet::new();
    if typed.variable == "database" {
        names.extend(cx.source().databases().map(|database| database.name.as_str()).filter(begins));
        return Ok(names.into_iter().map(str::to_owned).collect());
    }
    let catalog = cx.source().database(given("database"))?.catalog();
    if typed.variable == "column" {
        let (Some(schema), Some(table)) = (given("schema"), given("table")) else {
            return Ok(Vec::new());
        };
        let table = catalog.table(schema, table).await?;
        let columns = table.iter().flat_map(Relation::column_names).filter(begins);
        return Ok(columns.map(str::to_owned).collect());
    }
    let (schema, kinds) = (given("schema").map(str::to_owned), ObjectKind::RELATIONS.to_vec());
    let schema = schema.filter(|_| typed.variable == "table");
    let objects = catalog.list(&Listing { schema, kinds, ..Listing::default() }).await?;
    let name = objects.iter().map(|object| match typed.variable.as_str() {
        "schema" => object.schema.as_str(),
        _ => object.name.as_str(),
    });
    names.extend(name.filter(begins));
    Ok(names.into_iter().map(str::to_owned).collect())
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use crate::testing::{POLICY, shop};

    #[test]
    fn saved_queries_are_resources_with_completions() {
        const SAVED: &str = r#"
[source.saved.orders_of]
sql = "SELECT id FROM sales.orders WHERE customer_id = :customer"
description = "orders of a customer"
params = { customer = "int8" }
[source.saved.all]
sql = "SELECT 1"
"#;
        let Some(shop) = shop() else { return };
        let read = |config: &str, uri: &str| {
            let answer = shop.client(config).request("resources/read", json!({"uri": uri}));
            let text = answer["result"]["contents"][0]["text"].as_str().map(str::to_owned);
            text.unwrap_or_else(|| answer["error"]["message"].as_str().unwrap_or("").to_owned())
        };
        assert_eq!(
            read(SAVED, "pg://app/saved/orders_of"),
            "orders_of(customer int8): orders of a customer\n\
             SELECT id FROM sales.orders WHERE customer_id = ($1::int8)\n"
        );
        let hidden = format!("{SAVED}{POLICY}");
        assert_eq!(
            read(&hidden, "pg://app/saved/orders_of"),
            "orders_of(customer int8): orders of a customer\n"
        );
        let unknown = read(SAVED, "pg://app/saved/nothing");
        assert!(!unknown.is_empty() && !unknown.contains("SELECT"), "{unknown}");
        let mut client = shop.client(SAVED);
        let listed = client.request("resources/list", json!({}))["result"]["resources"].to_string();
        assert!(listed.contains("pg://app/saved/all"), "{listed}");
        let mut complete = |typed: &str| {
            let params = json!({
                "ref": {"type": "ref/resource", "uri": "pg://{database}/saved/{name}"},
                "argument": {"name": "name", "value": typed},
                "context": {"arguments": {"database": "app"}},
            });
            client.request("completion/complete", params)["result"]["completion"]["values"].clone()
        };
        assert_eq!(complete(""), json!(["all", "orders_of"]));
        assert_eq!(complete("OR"), json!(["orders_of"]));
    }

    #[test]
    fn tables_are_resources_with_completions() {
        let Some(shop) = shop() else { return };
        let mut client = shop.client(POLICY);
        let mut read = |uri: &str| {
            let answer = client.request("resources/read", json!({"uri": uri}));
            let text = answer["result"]["contents"][0]["text"].as_str().map(str::to_owned);
            text.unwrap_or_else(|| answer["error"]["message"].as_str().unwrap_or("").to_owned())
        };
        assert!(read("pg://app/schema").contains("\ncustomers\t200\t"));
        assert!(!read("pg://app/schema").contains("employees"));
        assert!(read("pg://app/sales/orders").starts_with("table sales.orders "));
        assert!(
            read("pg://app/public/customers/email")
                .ends_with("\n  email email = text UNIQUE MASKED -- Login, unique\n")
        );
        let hidden = read("pg://app/hr/employees");
        assert_eq!(hidden, read("pg://app/hr/nothings__").replace("nothings__", "employees"));
        let hidden = read("pg://app/public/customers/password_hash");
        assert_eq!(
            hidden,
            read("pg://app/public/customers/nothing").replace("nothing", "password_hash")
        );
        let mut complete = |variable: &str, typed: &str, others: Value| {
            let params = json!({
                "ref": {"type": "ref/resource", "uri": "pg://{database}/{schema}/{table}/{column}"},
                "argument": {"name": variable, "value": typed},
                "context": {"arguments": others},
            });
            let answer = client.request("completion/complete", params);
            answer["result"]["completion"]["values"].clone()
        };
        assert_eq!(complete("database", "", json!({})), json!(["app"]));
        assert_eq!(complete("schema", "", json!({})), json!(["public", "sales"]));
        assert_eq!(complete("table", "O", json!({"schema": "sales"})), json!(["orders"]));
        assert_eq!(complete("table", "e", json!({})), json!(["events"]));
        let table = json!({"schema": "public", "table": "customers"});
        assert_eq!(complete("column", "n", table.clone()), json!(["name", "name_key"]));
        assert_eq!(complete("column", "p", table), json!([]));
        assert_eq!(
            complete("column", "", json!({"schema": "hr", "table": "employees"})),
            json!([])
        );
    }
}

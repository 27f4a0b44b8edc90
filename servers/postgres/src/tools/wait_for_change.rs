//! `wait_for_change`: what subscriptions tell, for hosts without them.

use lockkeeper_core::{Changes, Cx, Need, Read, Tool, ToolError, Wanted, percent_encode_path};
use schemars::JsonSchema;
use serde::Deserialize;

use crate::catalog::names::Asked;
use crate::catalog::resolve::{Class, Found, Meaning};
use crate::source::{Database, Pg};

pub(crate) struct WaitForChange;

/// Wait until rows of `tables` (or views), or results of `saved` queries change. With the last cursor
/// nothing in between is missed.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Args {
    database: Option<String>,
    #[serde(default)]
    tables: Vec<String>,
    #[serde(default)]
    saved: Vec<String>,
    /// seconds, default 20
    max_wait: Option<u64>,
    max_items: Option<usize>,
    /// from `next`
    cursor: Option<String>,
}

impl Tool<Pg> for WaitForChange {
    type Effect = Read;
    type Args = Args;
    type Output = Changes;

    fn plan(args: &Args) -> Need {
        let named = args.tables.iter().chain(&args.saved);
        named.fold(Need::new(lockkeeper_core::Effect::Read), Need::resource)
    }

    async fn run(cx: Cx<'_, Pg, Read>, args: Args) -> Result<Changes, ToolError> {
        let Args { database, tables, saved, max_wait, max_items, cursor } = args;
        let database = cx.source().database(database.as_deref())?;
        let place = percent_encode_path(&database.name);
        let mut uris = Vec::new();
        for (schema, table) in tables_of(database, &tables).await? {
            let (schema, table) = (percent_encode_path(&schema), percent_encode_path(&table));
            uris.push(format!("pg://{place}/{schema}/{table}"));
        }
        uris.extend(
            saved.iter().map(|name| format!("pg://{place}/saved/{}", percent_encode_path(name))),
        );
        cx.changes(Wanted { uris, max_wait, max_items, cursor }).await
    }
}

/// The schemas and names of what is meant.
async fn tables_of(
    database: &Database,
    names: &[String],
) -> Result<Vec<(String, String)>, ToolError> {
    let parse = |name: &String| {
        Asked::parse(name).map_err(|_| ToolError::invalid_arguments(format!("`{name}` is no name")))
    };
    let asked = names.iter().map(parse).collect::<Result<Vec<_>, _>>()?;
    if asked.is_empty() {
        return Ok(Vec::new());
    }
    let meanings = database.catalog().resolve(&asked).await?;
    let found = names.iter().zip(meanings).map(|(name, meaning)| {
        let found = match meaning {
            Meaning::Objects(found) => found,
            Meaning::Ambiguous(schemas) => {
                let problem = format!("`{name}` is in {}", schemas.join(", "));
                return Err(ToolError::invalid_arguments(problem).hint("name its schema"));
            }
            Meaning::Nothing => Vec::new(),
        };
        let table = found.into_iter().find(|found| found.class == Class::Relation);
        let Some(Found { schema, name, .. }) = table else {
            return Err(ToolError::new("not_found", format!("`{name}` does not exist"))
                .hint("list_objects lists what there is"));
        };
        Ok((schema, name))
    });
    found.collect()
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use lockkeeper_testkit::in_process::{InProcess, seen};
    use serde_json::{Value, json};

    use crate::testing::{POLICY, shop};

    fn wait(client: &mut InProcess, arguments: &Value) -> Value {
        let result = client.call("wait_for_change", arguments.clone());
        let data = result["structuredContent"].clone();
        assert!(data.is_object(), "{result}");
        data
    }

    const SAVED: &str = "[source]\npoll_interval = 1\n[source.saved.n]\nsql = \"SELECT count(*) FROM sales.orders\"\n";

    #[test]
    fn what_changes_between_two_calls_is_told() {
        let Some(shop) = shop() else { return };
        let mut client = shop.client(SAVED);
        let mut arguments =
            json!({"tables": ["sales.orders", "Customers"], "saved": ["n"], "max_wait": 0});
        let quiet = wait(&mut client, &arguments);
        assert_eq!((&quiet["state"], &quiet["changed"]), (&json!("unchanged"), &json!([])));
        shop.run("UPDATE customers SET name = 'x' WHERE id = 1; DELETE FROM sales.orders");
        arguments["cursor"] = quiet["next"].clone();
        arguments["max_wait"] = 10.into();
        arguments["max_items"] = 1.into();
        let mut told = Vec::new();
        while told.len() < 3 {
            let changed = wait(&mut client, &arguments);
            assert_eq!(changed["state"], "changed", "{changed}");
            let [one] = changed["changed"].as_array().unwrap().as_slice() else {
                panic!("{changed}")
            };
            told.push(one["uri"].as_str().unwrap().to_owned());
            assert_eq!(one.get("gap"), None);
            arguments["cursor"] = changed["next"].clone();
        }
        told.sort();
        let expected = ["public/customers", "sales/orders", "saved/n"];
        assert_eq!(told, expected.map(|name| format!("pg://app/{name}")));
        // One whose changes were taken already: whatever it is about may have changed.
        arguments["cursor"] = quiet["next"].clone();
        arguments["max_items"] = 10.into();
        let said = wait(&mut client, &arguments);
        assert_eq!(said["changed"].as_array().unwrap().len(), 3);
        assert!(said["changed"][0]["gap"] == true, "{said}");
    }

    #[test]
    fn it_answers_in_time_and_tells_nothing_of_what_is_hidden() {
        let Some(shop) = shop() else { return };
        let mut client = shop.client(POLICY);
        let began = Instant::now();
        let said = wait(&mut client, &json!({"tables": ["sales.orders"], "max_wait": 1}));
        assert_eq!(said["state"], "unchanged");
        assert!(began.elapsed() < Duration::from_secs(20));
        let mut call = |arguments: Value| seen(&client.call("wait_for_change", arguments));
        let hidden = call(json!({"tables": ["hr.employees"]}));
        assert!(hidden.starts_with("error: not_found"), "{hidden}");
        assert_eq!(
            hidden,
            call(json!({"tables": ["hr.nothings__"]})).replace("nothings__", "employees")
        );
        for (wrong, code) in [
            (json!({}), "invalid_arguments"),
            (json!({"saved": ["nothing"]}), "not_found"),
            (json!({"saved": ["../sales/orders"]}), "not_found"),
            (json!({"tables": ["sales.orders"], "cursor": "rubbish"}), "bad_cursor"),
        ] {
            let said = call(wrong.clone());
            assert!(said.starts_with(&format!("error: {code}")), "{wrong}: {said}");
        }
    }
}

//! `list_databases`: what there is in a deployment.

use lockkeeper_core::{Cx, Output, Read, Tool, ToolError, count};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::source::Mongo;

pub(crate) struct ListDatabases;

/// List the databases of the deployment.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Args {}

#[derive(Serialize, JsonSchema)]
pub(crate) struct Databases {
    databases: Vec<Item>,
    #[serde(skip)]
    default: Option<String>,
}

#[derive(Serialize, JsonSchema)]
struct Item {
    name: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    bytes: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    description: Option<String>,
}

impl Output for Databases {
    const BULK: bool = true;

    fn text(&self) -> String {
        let default = self.default.as_ref().map(|name| format!("; `database` defaults to {name}"));
        let mut text = format!(
            "[{}{}]\n",
            count(self.databases.len() as u64, "database"),
            default.unwrap_or_default()
        );
        for database in &self.databases {
            text.push_str(&database.name);
            if let Some(bytes) = database.bytes {
                text.push_str(&format!("\t{}", super::size(bytes)));
            }
            if let Some(description) = &database.description {
                text.push_str(&format!("\t{description}"));
            }
            text.push('\n');
        }
        text
    }
}

impl Tool<Mongo> for ListDatabases {
    type Effect = Read;
    type Args = Args;
    type Output = Databases;

    async fn run(cx: Cx<'_, Mongo, Read>, _: Args) -> Result<Databases, ToolError> {
        let databases = cx.source().databases().await?;
        let item = |database: crate::source::describe::Database| Item {
            name: database.name,
            bytes: database.bytes,
            description: database.description,
        };
        let databases = databases.into_iter().map(item).collect();
        let default = cx.source().database(None).await.ok();
        Ok(Databases { databases, default })
    }
}

#[cfg(test)]
mod tests {
    use lockkeeper_testkit::in_process::seen;
    use serde_json::json;

    use crate::testing::{POLICY, Shop};

    #[test]
    fn lists_what_may_be_read() {
        let Some(shop) = Shop::start() else { return };
        // Other tests make and drop databases at the same time.
        let mut client = shop.client("", &[]);
        let all = shop.plain(&seen(&client.call("list_databases", json!({}))));
        assert!(all.lines().any(|line| line.starts_with("shop\t")), "{all}");
        assert!(all.contains("`database` defaults to shop"), "{all}");
        let own = ["admin", "local", "config"];
        assert!(!all.lines().any(|line| own.contains(&line.split('\t').next().unwrap())), "{all}");
        let limited = shop.call(POLICY, &[], "list_databases {}");
        let denied = "[policy.resources]\ndeny = [\"shop.*\"]\n";
        let mut client = shop.client(denied, &[]);
        let denied = shop.plain(&seen(&client.call("list_databases", json!({}))));
        assert!(!denied.lines().any(|line| line.starts_with("shop")), "{denied}");
        assert_eq!(limited, "[1 database; `database` defaults to shop]\nshop\n");
    }
}

//! `list_collections`: what there is in a database, one line each.

use futures_util::{StreamExt as _, stream};
use lockkeeper_core::{Cx, Effect, Need, Output, Read, Room, Tool, ToolError, count, grouped};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::source::Mongo;
use crate::source::collections::Collection;

/// Collections that are counted at once.
const AT_ONCE: usize = 8;

/// Collections whose documents are counted; where there are more, counting them takes too long.
const COUNTED: usize = 200;

pub(crate) struct ListCollections;

/// List the collections and views of a database with estimated documents.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Args {
    database: Option<String>,
    /// from `next`
    cursor: Option<String>,
}

#[derive(Default, Serialize, JsonSchema)]
pub(crate) struct Collections {
    collections: Vec<Item>,
    total: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<String>,
    #[serde(skip)]
    database: String,
    #[serde(skip)]
    lines: String,
}

#[derive(Serialize, JsonSchema)]
struct Item {
    name: String,
    kind: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    documents: Option<u64>,
}

impl Output for Collections {
    const BULK: bool = true;

    fn text(&self) -> String {
        let mut header =
            format!("[{} in {}", count(self.total as u64, "collection"), self.database);
        if self.collections.len() < self.total {
            header.push_str(&format!(", {} shown", grouped(self.collections.len() as u64)));
        }
        if let Some(next) = &self.next {
            header.push_str(&format!("; truncated, next: cursor {next}"));
        }
        if self.total > COUNTED {
            header.push_str("; too many to count their documents");
        }
        if self.total == 0 {
            return format!("{header}; list_databases shows where there are any]\n");
        }
        format!("{header}]\nname\tdocuments\n{}", self.lines)
    }

    fn truncated(&self) -> bool {
        self.next.is_some()
    }
}

impl Tool<Mongo> for ListCollections {
    type Effect = Read;
    type Args = Args;
    type Output = Collections;

    const PLAIN: &'static [&'static str] = &["database"];

    fn plan(args: &Args) -> Need {
        args.database.iter().fold(Need::new(Effect::Read), Need::resource)
    }

    async fn run(cx: Cx<'_, Mongo, Read>, args: Args) -> Result<Collections, ToolError> {
        let mongo = cx.source();
        let first = match cx.resume(args.cursor.as_deref())?.as_deref() {
            Some(&[first]) => usize::try_from(first).unwrap_or(usize::MAX),
            _ => 0,
        };
        let database = mongo.database(args.database.as_deref()).await?;
        let found = mongo.collections(&database).await?;
        let total = found.len();
        let counted = total <= COUNTED;
        let counts = stream::iter(found.into_iter().skip(first)).map(|one| {
            let database = database.clone();
            async move {
                let countable = counted && one.view().is_none();
                let name = mongo.admit(&database, &one.name).ok().filter(|_| countable);
                let documents = match name {
                    Some(name) => mongo.estimate(&name).await.ok(),
                    None => None,
                };
                (one, documents)
            }
        });
        let mut counts = counts.buffered(AT_ONCE);
        let mut room = Room::new(cx.max_output());
        let mut page = Collections { total, database: database.clone(), ..Collections::default() };
        while let Some((one, documents)) = counts.next().await {
            if !room.push(&line(&one, documents)) {
                page.next = Some(cx.next(&[(first + page.collections.len()) as u64]));
                break;
            }
            page.collections.push(Item { name: one.name, kind: one.kind, documents });
        }
        drop(counts);
        page.lines = room.into_text();
        Ok(page)
    }
}

fn line(one: &Collection, documents: Option<u64>) -> String {
    let mut line = one.name.clone();
    if let Some(documents) = documents {
        line.push_str(&format!("\t{documents}"));
    }
    if let Some((on, _)) = one.view() {
        line.push_str(&format!("\tview on {on}"));
    } else if one.kind != "collection" {
        line.push_str(&format!("\t{}", one.kind));
    }
    if one.options.get_bool("capped").unwrap_or_default() {
        line.push_str("\tcapped");
    }
    line.push('\n');
    line
}

#[cfg(test)]
mod tests {
    use lockkeeper_testkit::expect;
    use lockkeeper_testkit::in_process::seen;
    use serde_json::json;

    use crate::testing::{POLICY, Shop};

    #[test]
    fn lists_collections_and_views() {
        let Some(shop) = Shop::start() else { return };
        shop.check(
            "list_collections {}",
            &expect![[r#"
            [8 collections in shop]
            name	documents
            checked	0
            employees	1
            events	1500
            open_orders	view on orders
            orders	200
            staff	view on employees
            types	1
            users	5
        "#]],
        );
        shop.check(
            r#"list_collections {"database": "no_such_database"}"#,
            &expect![[r#"
            [0 collections in no_such_database; list_databases shows where there are any]
        "#]],
        );
        shop.check_under(
            POLICY,
            "list_collections {}",
            &expect![[r#"
            [4 collections in shop]
            name	documents
            open_orders	view on orders
            orders	200
            staff	view on employees
            users	5
        "#]],
        );
    }

    #[test]
    fn many_are_pages() {
        let Some(shop) = Shop::empty() else { return };
        shop.run(|database| async move {
            for n in 0..60 {
                database.create_collection(format!("collection_with_a_long_name_{n:02}")).await?;
            }
            Ok(())
        });
        let mut client = shop.client("", &["--max-output", "1kB"]);
        let mut arguments = json!({});
        let mut names = Vec::new();
        loop {
            let text = seen(&client.call("list_collections", arguments.clone()));
            names.extend(
                text.lines().skip(2).map(|line| line.split('\t').next().unwrap().to_owned()),
            );
            let header = text.lines().next().unwrap();
            let Some((_, next)) = header.split_once("next: cursor ") else { break };
            arguments["cursor"] = next.trim_end_matches(']').into();
        }
        assert_eq!(names.len(), 60);
        assert!(names.is_sorted());
    }
}

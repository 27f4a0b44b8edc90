//! `delete`: documents that match a filter, removed for good.

use lockkeeper_core::{Cx, Destroy, Effect, Need, Output, Tool, ToolError, quoted};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::ejson::{self, Given};
use crate::source::Mongo;
use crate::source::writing::names_all;

pub(crate) struct Delete;

/// Delete documents that match a filter; one of them unless `many`.
///
/// `{}` matches all. `dry_run` counts them.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Args {
    database: Option<String>,
    collection: String,
    filter: Given,
    #[serde(default)]
    many: bool,
    /// Only count
    #[serde(default)]
    dry_run: bool,
}

#[derive(Serialize, JsonSchema)]
pub(crate) struct Record {
    deleted: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    would_delete: Option<u64>,
}

impl Output for Record {}

impl Tool<Mongo> for Delete {
    type Effect = Destroy;
    type Args = Args;
    type Output = Record;

    const PLAIN: &'static [&'static str] = &["database", "collection", "many", "dry_run"];

    fn plan(args: &Args) -> Need {
        let resource = super::resource(args.database.as_deref(), &args.collection);
        if args.dry_run {
            return Need::new(Effect::Read).resource(resource);
        }
        let which = match (args.many, names_all(&args.filter.0)) {
            (true, true) => format!("all documents of `{resource}`"),
            (false, true) => format!("any one document of `{resource}`"),
            (many, false) => {
                let which = if many { "the documents" } else { "one document" };
                let filter = quoted(&ejson::text_of(&args.filter.0));
                format!("{which} of `{resource}` that match {filter}")
            }
        };
        Need::new(Effect::Destroy).loses(which).resource(resource)
    }

    async fn run(cx: Cx<'_, Mongo, Destroy>, args: Args) -> Result<Record, ToolError> {
        let mongo = cx.source();
        let name = mongo.namespace(args.database.as_deref(), &args.collection).await?;
        let filter = mongo.check_deletion(&name, args.filter.0).await?;
        if args.dry_run {
            let would_delete = Some(mongo.matches(&name, filter.value(), args.many).await?);
            return Ok(Record { deleted: 0, would_delete });
        }
        let grant = cx.grant_of::<Destroy>()?;
        let deleted = mongo.delete(grant, &name, filter, args.many).await?;
        Ok(Record { deleted, would_delete: None })
    }
}

#[cfg(test)]
mod tests {
    use lockkeeper_testkit::in_process::seen;
    use serde_json::json;

    use crate::testing::{POLICY, Shop};

    #[test]
    fn what_a_filter_names_is_removed() {
        let Some(shop) = Shop::start() else { return };
        let mut client = shop.client("", &["--write", "--destroy", "allow"]);
        let mut call = |given| seen(&client.call("delete", given));
        let dry = json!({"collection": "orders", "filter": {"status": "new"}, "many": true, "dry_run": true});
        assert_eq!(call(dry), r#"{"deleted":0,"would_delete":66}"#);
        assert_eq!(shop.documents("orders").len(), 200);
        let one = json!({"collection": "orders", "filter": {"status": "new"}});
        assert_eq!(call(one), r#"{"deleted":1}"#);
        let many = json!({"collection": "orders", "filter": {"status": "new"}, "many": true});
        assert_eq!(call(many), r#"{"deleted":65}"#);
        assert_eq!(shop.documents("orders").len(), 134);
        let none = json!({"collection": "orders", "filter": {"größe": 1}, "many": true});
        assert_eq!(call(none), r#"{"deleted":0}"#);
        let all = json!({"collection": "orders", "filter": {}, "many": true});
        assert_eq!(call(all), r#"{"deleted":134}"#);
    }

    #[test]
    fn it_is_asked_for_and_keeps_to_the_rules() {
        let Some(shop) = Shop::start() else { return };
        let all = json!({"collection": "orders", "filter": {}, "many": true});
        for more in [&[][..], &["--write"], &["--write", "--destroy", "never"]] {
            let answer = seen(&shop.client("", more).call("delete", all.clone()));
            assert!(answer.starts_with("error: ") || answer.contains("unknown"), "{answer}");
        }
        let mut client = shop.client(POLICY, &["--write", "--destroy", "allow"]);
        for given in [
            json!({"collection": "employees", "filter": {}, "many": true}),
            json!({"collection": "open_orders", "filter": {}, "many": true}),
            json!({"collection": "users", "filter": {"email": "user1@example.org"}}),
            json!({"collection": "users", "filter": {"$where": "1"}}),
            json!({"collection": "orders", "filter": {"margin": 5}}),
            json!({"collection": "orders"}),
        ] {
            let answer = seen(&client.call("delete", given.clone()));
            assert!(answer.starts_with("error: "), "{given}: {answer}");
        }
        assert_eq!(shop.documents("orders").len(), 200);
        assert_eq!(shop.documents("users").len(), 5);
        assert_eq!(shop.documents("employees").len(), 1);
    }
}

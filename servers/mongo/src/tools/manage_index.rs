//! `manage_index`: indexes, made and dropped.

mod create;
mod drop;

use lockkeeper_core::{Method, method};

use crate::source::Mongo;

/// What models read of it.
pub(crate) const DESCRIPTION: &str = "Create or drop an index.\n\n\
    explain with `advise` says which one a query wants, describe_collection which there are.";

/// Its methods: a file each.
pub(crate) static METHODS: &[Method<Mongo>] =
    &[method::<Mongo, create::Create>("create"), method::<Mongo, drop::DropIndex>("drop")];

#[cfg(test)]
mod tests {
    use lockkeeper_testkit::in_process::seen;
    use serde_json::json;

    use crate::testing::{POLICY, Shop};

    fn names(shop: &Shop) -> Vec<String> {
        shop.run(|database| async move {
            database.collection::<bson::Document>("orders").list_index_names().await
        })
    }

    #[test]
    fn indexes_are_made_and_dropped() {
        let Some(shop) = Shop::start() else { return };
        let more = ["--write", "--destroy", "allow", "--manage-indexes"];
        let mut client = shop.client("", &more);
        let given = json!({"method": "create", "collection": "orders", "keys": r#"{"total": -1, "at": 1}"#, "partial_filter": {"total": {"$gt": 5}}});
        let answer = seen(&client.call("manage_index", given));
        assert_eq!(answer, r#"{"name":"total_-1_at_1"}"#);
        assert!(names(&shop).contains(&"total_-1_at_1".to_owned()));
        let unique = json!({"method": "create", "collection": "orders", "keys": {"status": 1, "user": 1}, "unique": true});
        let answer = seen(&client.call("manage_index", unique));
        assert!(answer.starts_with("error: duplicate_key"), "{answer}");
        let drop = json!({"method": "drop", "collection": "orders", "name": "total_-1_at_1"});
        let answer = seen(&client.call("manage_index", drop.clone()));
        assert_eq!(answer, r#"{"dropped":"total_-1_at_1"}"#);
        assert!(seen(&client.call("manage_index", drop)).starts_with("error: "));
        for name in ["*", "", "_id_"] {
            let drop = json!({"method": "drop", "collection": "orders", "name": name});
            let answer = seen(&client.call("manage_index", drop));
            assert!(answer.starts_with("error: "), "{name}: {answer}");
        }
        assert_eq!(names(&shop).len(), 4);
    }

    #[test]
    fn it_is_there_only_where_it_was_opened() {
        let Some(shop) = Shop::start() else { return };
        let given = json!({"method": "create", "collection": "orders", "keys": {"total": 1}});
        for more in [&[][..], &["--write"], &["--manage-indexes"]] {
            let answer = seen(&shop.client("", more).call("manage_index", given.clone()));
            assert!(answer.contains("unknown"), "{answer}");
        }
        let mut client = shop.client("", &["--write", "--manage-indexes"]);
        let expiring = json!({"method": "create", "collection": "orders", "keys": {"at": 1}, "expire_after_s": 60});
        let answer = seen(&client.call("manage_index", expiring));
        assert!(answer.contains("--destroy"), "an index that deletes is asked for: {answer}");
        let mut client =
            shop.client(POLICY, &["--write", "--destroy", "allow", "--manage-indexes"]);
        for given in [
            json!({"method": "create", "collection": "orders", "keys": {"margin": 1}}),
            json!({"method": "create", "collection": "orders", "keys": {"$**": 1}}),
            json!({"method": "create", "collection": "orders", "keys": {"a": 1}, "partial_filter": {"margin": 1}}),
            json!({"method": "create", "collection": "employees", "keys": {"a": 1}}),
            json!({"method": "drop", "collection": "employees", "name": "_id_"}),
        ] {
            let answer = seen(&client.call("manage_index", given.clone()));
            assert!(answer.starts_with("error: not_"), "{given}: {answer}");
        }
        assert_eq!(names(&shop).len(), 4);
    }
}

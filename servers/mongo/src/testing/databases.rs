//! Several databases by configuration: agents know each by the name that the settings give it, and
//! nothing else of where it is.

use bson::doc;
use lockkeeper_testkit::expect;
use lockkeeper_testkit::in_process::{InProcess, seen};
use lockkeeper_testkit::stdio::Era;
use serde_json::{Value, json};
use tempfile::TempDir;

use super::Shop;
use crate::MongoDb;

/// Two databases, `books` and `toys`, whose own names are others, and a third that nothing leads to.
struct Two {
    books: Shop,
    toys: Shop,
    directory: TempDir,
}

impl Two {
    fn start() -> Option<Self> {
        let (books, toys) = (Shop::empty()?, Shop::empty()?);
        for (shop, name) in [(&books, "a book"), (&toys, "a toy")] {
            shop.run(|database| async move {
                database.collection("items").insert_one(doc! { "_id": 1, "name": name }).await?;
                database.collection("secrets").insert_one(doc! { "_id": 1, "of": name }).await
            });
        }
        Some(Self { books, toys, directory: TempDir::new().unwrap() })
    }

    fn client(&self, policy: &str, more: &[&str]) -> InProcess {
        let uri = |shop: &Shop| shop.uri.replace("/?", &format!("/{}?", shop.database));
        let secret = self.directory.path().join("uri");
        write_secret(&secret, &uri(&self.toys));
        let config = format!(
            "[source.databases.books]\ndsn = {:?}\ndescription = \"what is read\"\n\
             [source.databases.toys]\ncredential = \"file:{}\"\n\
             [source.databases.gone]\ndsn = \"mongodb://127.0.0.1:1/gone\"\n{policy}",
            uri(&self.books),
            secret.display(),
        );
        let path = self.directory.path().join("config.toml");
        std::fs::write(&path, config).unwrap();
        let mut arguments = vec!["--config", path.to_str().unwrap()];
        arguments.extend(more);
        InProcess::start::<MongoDb>(&arguments, Era::Modern)
    }
}

fn write_secret(path: &std::path::Path, text: &str) {
    use std::os::unix::fs::PermissionsExt as _;
    std::fs::write(path, text).unwrap();
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o600)).unwrap();
}

fn ask(client: &mut InProcess, tool: &str, arguments: Value) -> String {
    seen(&client.call(tool, arguments))
}

#[test]
fn databases_have_the_names_of_the_settings() {
    let Some(two) = Two::start() else { return };
    let mut client = two.client("", &["--write"]);
    expect![[r#"
        [3 databases]
        books	what is read
        gone
        toys
    "#]]
    .assert_eq(&ask(&mut client, "list_databases", json!({})));
    for (database, found) in [("books", "a book"), ("toys", "a toy")] {
        let items = json!({"database": database, "collection": "items"});
        let expected =
            format!("[1 document of {database}.items]\n{{\"_id\":1,\"name\":\"{found}\"}}\n");
        assert_eq!(ask(&mut client, "find", items), expected);
        let listed = ask(&mut client, "list_collections", json!({"database": database}));
        assert!(listed.contains("\nitems\t1"), "{listed}");
        let new = json!({"database": database, "collection": "items", "documents": [{"_id": 2}]});
        let stored = ask(&mut client, "insert", new);
        assert!(!stored.starts_with("error"), "{stored}");
    }
    assert_eq!(two.books.documents("items").len(), 2);
    assert_eq!(two.toys.documents("items").len(), 2);
    let which = ask(&mut client, "find", json!({"collection": "items"}));
    assert!(which.starts_with("error: invalid_arguments: no database was named"), "{which}");
    let gone = ask(&mut client, "find", json!({"database": "gone", "collection": "items"}));
    assert!(gone.starts_with("error: no_connection") && !gone.contains("127.0.0.1"), "{gone}");
}

#[test]
fn no_other_database_is_reached() {
    let Some(two) = Two::start() else { return };
    let own = two.books.database.as_str();
    let mut client = two.client("", &[]);
    for database in [own, "other", "Books", "admin", "gone.items"] {
        let arguments = json!({"database": database, "collection": "items"});
        let answer = ask(&mut client, "find", arguments);
        assert!(answer.starts_with("error: not_"), "{database}: {answer}");
        let listed = ask(&mut client, "list_collections", json!({"database": database}));
        assert!(!listed.contains("items\t"), "{database}: {listed}");
    }
    // Names of the deployment's own, and those of the settings: none of them is what it seems.
    for database in [own, "books", "toys", two.toys.database.as_str(), "local"] {
        for stage in [
            json!({"$lookup": {"from": {"db": database, "coll": "items"}, "pipeline": [], "as": "x"}}),
            json!({"$unionWith": {"db": database, "coll": "items"}}),
            json!({"$facet": {"a": [{"$unionWith": {"db": database, "coll": "items"}}]}}),
        ] {
            let arguments =
                json!({"database": "books", "collection": "items", "pipeline": [stage]});
            let answer = ask(&mut client, "aggregate", arguments);
            assert!(answer.starts_with("error: not_allowed"), "{database}: {answer}");
            assert!(answer.contains("leave `db` out"), "{answer}");
        }
    }
    let within = json!({"database": "books", "collection": "items", "pipeline": [
        {"$lookup": {"from": "secrets", "localField": "_id", "foreignField": "_id", "as": "x"}},
    ]});
    assert!(ask(&mut client, "aggregate", within).contains("\"of\":\"a book\""));
}

#[test]
fn rules_hold_for_the_names_of_the_settings() {
    let Some(two) = Two::start() else { return };
    let policy = "[policy.resources]\ndeny = [\"books.secrets\", \"gone\"]\n";
    let mut client = two.client(policy, &[]);
    let secrets = |database| json!({"database": database, "collection": "secrets"});
    assert!(ask(&mut client, "find", secrets("books")).starts_with("error: not_found"));
    assert!(ask(&mut client, "find", secrets("toys")).contains("a toy"));
    // What is hidden and what isn't there are alike.
    for (tool, arguments) in [
        ("find", json!({"database": "?", "collection": "items"})),
        ("list_collections", json!({"database": "?"})),
    ] {
        let mut answer = |name: &str| {
            let mut arguments = arguments.clone();
            arguments["database"] = name.into();
            ask(&mut client, tool, arguments).replace(name, "?")
        };
        assert_eq!(answer("gone"), answer("none"), "{tool}");
    }
    assert!(!ask(&mut client, "list_databases", json!({})).contains("gone"));
}

#[test]
fn a_watch_names_the_database_as_agents_know_it() {
    let Some(two) = Two::start() else { return };
    let mut client = two.client("", &["--write"]);
    let watch = json!({"database": "books", "collection": "items", "max_wait": 1});
    let first = ask(&mut client, "watch", watch.clone());
    let (_, token) = first.split_once("resume_token ").unwrap_or_else(|| panic!("{first}"));
    let token = token.split([']', ';', '\n', ' ']).next().unwrap();
    ask(&mut client, "insert", {
        json!({"database": "books", "collection": "items", "documents": [{"_id": 7}]})
    });
    let mut again = watch;
    again["resume_token"] = token.into();
    let seen = ask(&mut client, "watch", again);
    assert!(seen.contains("\"db\":\"books\"") && !seen.contains(&two.books.database), "{seen}");
}

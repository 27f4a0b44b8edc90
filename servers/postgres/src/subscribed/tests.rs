//! Who hears what of a database's changes, how soon, and what is left when nobody listens.

use std::thread;
use std::time::{Duration, Instant};

use lockkeeper_testkit::in_process::InProcess;
use lockkeeper_testkit::postgres::Version;
use lockkeeper_testkit::stdio::Era;
use serde_json::{Value, json};

use crate::Postgres;
use crate::testing::{POLICY, Shop, shop};

const UPDATED: &str = "notifications/resources/updated";

const ORDERS: &str = "pg://app/sales/orders";

/// A trigger tells of each row.
const CHANNEL: &str = "[source.channels.\"Orders \\\"x\\\"\"]\ntables = [\"sales.orders\"]\n";
const TRIGGER: &str = r#"
CREATE FUNCTION public.tell() RETURNS trigger LANGUAGE plpgsql AS
    $$ BEGIN PERFORM pg_notify('Orders "x"', ''); RETURN NULL; END $$;
CREATE TRIGGER tell AFTER INSERT OR UPDATE OR DELETE ON sales.orders
    FOR EACH ROW EXECUTE FUNCTION public.tell();
"#;
const INSERT: &str = "INSERT INTO sales.orders (customer_id, total) VALUES (1, 1)";

/// Our connections, but for those that rest in the pool of the tools.
const CONNECTIONS: &str =
    "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'lockkeeper-postgres'";
const LISTENS: &str = "SELECT count(*) FROM pg_stat_activity WHERE query LIKE 'LISTEN%'";

fn start(shop: &Shop, config: &str, era: Era) -> InProcess {
    let mut arguments = shop.arguments("postgres", config);
    arguments.extend(["--poll-interval", "1"].map(str::to_owned));
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    InProcess::start::<Postgres>(&arguments, era)
}

fn subscribe(client: &mut InProcess, uri: &str) -> Value {
    client.request("resources/subscribe", json!({"uri": uri}))
}

fn must_subscribe(client: &mut InProcess, uri: &str) {
    let said = subscribe(client, uri);
    assert_eq!(said["result"], json!({}), "{said}");
}

fn told(client: &mut InProcess) -> (String, bool) {
    let notice = client.notification(UPDATED);
    let params = &notice["params"];
    let gap = params["_meta"]["lockkeeper/gap"].as_bool().unwrap_or_default();
    (params["uri"].as_str().unwrap().to_owned(), gap)
}

/// Lets the server run until `done`, which takes less than `within`.
fn until(client: &mut InProcess, within: Duration, mut done: impl FnMut() -> bool) {
    let began = Instant::now();
    while !done() {
        assert!(began.elapsed() < within, "not within {within:?}");
        client.request("resources/templates/list", json!({}));
        thread::sleep(Duration::from_millis(20));
    }
}

/// The notices that come in this time.
fn heard_in(client: &mut InProcess, time: Duration) -> Vec<Value> {
    let began = Instant::now();
    until(client, time * 2, || began.elapsed() >= time);
    client.take_notifications().into_iter().filter(|one| one["method"] == UPDATED).collect()
}

#[test]
fn an_insert_is_told_at_once_where_a_channel_tells_of_it() {
    let Some(shop) = shop() else { return };
    shop.run(TRIGGER);
    for era in Era::ALL {
        let mut client = start(&shop, CHANNEL, era);
        if era == Era::Legacy {
            must_subscribe(&mut client, ORDERS);
        } else {
            let filter = json!({"notifications": {"resourceSubscriptions": [ORDERS]}});
            let params = era.with_meta(&json!({}), filter);
            client.send(&json!({"jsonrpc": "2.0", "id": "s", "params": params,
                "method": "subscriptions/listen"}));
            let said = client.notification("notifications/subscriptions/acknowledged");
            assert!(said.to_string().contains(ORDERS), "{said}");
        }
        let mut took = Vec::new();
        for _ in 0..20 {
            thread::scope(|scope| {
                let inserted = scope.spawn(|| {
                    shop.run(INSERT);
                    Instant::now()
                });
                assert_eq!(told(&mut client), (ORDERS.to_owned(), false));
                let heard = Instant::now();
                took.push(heard.saturating_duration_since(inserted.join().unwrap()));
            });
            // What still stirs of it is no answer to the next one.
            heard_in(&mut client, Duration::from_millis(150));
        }
        took.sort();
        // A loaded machine takes its time; an idle one needs milliseconds.
        assert!(took[10] < Duration::from_millis(200), "{took:?}");
    }
}

#[test]
fn ten_thousand_changes_are_told_in_few_notices_and_the_last_is_among_them() {
    let Some(shop) = shop() else { return };
    shop.run(TRIGGER);
    let mut client = start(&shop, CHANNEL, Era::Legacy);
    must_subscribe(&mut client, ORDERS);
    thread::scope(|scope| {
        // Each in a transaction of its own: the database tells of equal messages of one only once.
        let changing = scope.spawn(|| {
            shop.run(
                "DO $$ BEGIN FOR i IN 1..10000 LOOP
                INSERT INTO sales.orders (customer_id, total) VALUES (1, 1); COMMIT;
                END LOOP; END $$",
            );
        });
        told(&mut client);
        until(&mut client, Duration::from_mins(1), || changing.is_finished());
    });
    let mut notices = 0;
    loop {
        match heard_in(&mut client, Duration::from_secs(2)).len() {
            0 => break,
            more => notices += more,
        }
    }
    assert!(notices < 1_500, "{notices} notices");
    // Nothing is left over, and nothing was lost: the next one is told.
    shop.run(INSERT);
    assert_eq!(told(&mut client), (ORDERS.to_owned(), false));
}

#[test]
fn what_has_no_channel_is_looked_at_again_and_again() {
    const SAVED: &str = "[source.saved.counted]\n\
        sql = \"SELECT count(*), max(id) FROM sales.orders; \"\n\
        [source.saved.of]\nsql = \"SELECT :id\"\nparams = { id = \"int4\" }\n";
    let Some(shop) = shop() else { return };
    let mut client = start(&shop, SAVED, Era::Legacy);
    let saved = "pg://app/saved/counted";
    let view = "pg://app/sales/open_orders";
    for uri in [ORDERS, saved, view, "pg://app/public/events"] {
        must_subscribe(&mut client, uri);
    }
    assert_eq!(heard_in(&mut client, Duration::from_millis(1_500)), Vec::<Value>::new());
    shop.run("UPDATE sales.orders SET note = 'changed' WHERE id = 1");
    assert_eq!(told(&mut client), (ORDERS.to_owned(), false));
    shop.run("DELETE FROM sales.orders WHERE status = 'new'");
    let mut all = [told(&mut client).0, told(&mut client).0, told(&mut client).0];
    all.sort();
    assert_eq!(all, [view.to_owned(), ORDERS.to_owned(), saved.to_owned()]);
    shop.run("INSERT INTO public.events (at, kind) VALUES ('2025-02-03', 'x')");
    assert_eq!(told(&mut client).0, "pg://app/public/events");
    // One that goes and comes again is told both times.
    shop.run("ALTER TABLE public.events RENAME TO gone");
    assert_eq!(told(&mut client).0, "pg://app/public/events");
    shop.run("ALTER TABLE public.gone RENAME TO events");
    assert_eq!(told(&mut client).0, "pg://app/public/events");
    let said = subscribe(&mut client, "pg://app/saved/of");
    assert!(said["error"]["message"].as_str().unwrap().contains("takes parameters"), "{said}");
}

#[test]
fn a_change_in_what_is_hidden_is_not_told() {
    let logs = [("log_min_duration_statement", "0")];
    let Some(shop) = Shop::start_with(Version::V16, &logs) else { return };
    // How often a table has been compared so far.
    let compared = |table: &str| {
        let log = shop.cluster.log();
        let compared = log.lines().filter(|line| line.contains("hashtextextended(ROW"));
        compared.filter(|line| line.contains(table)).count()
    };
    shop.run(TRIGGER);
    shop.run(
        "CREATE ROLE agent LOGIN; GRANT USAGE ON SCHEMA public, sales TO agent;
         GRANT SELECT ON public.customers TO agent",
    );
    let customers = "pg://app/public/customers";
    // By the channel and without: both are compared, since something is hidden.
    for config in [POLICY.to_owned(), format!("{POLICY}{CHANNEL}")] {
        let mut client = start(&shop, &config, Era::Legacy);
        must_subscribe(&mut client, customers);
        must_subscribe(&mut client, ORDERS);
        let before = ["customers", "orders"].map(|table| (table, compared(table)));
        shop.run(
            "UPDATE public.customers SET email = 'z' || email, password_hash = 'other-' || id;
             UPDATE sales.orders SET status = 'cancelled', total = total + 1",
        );
        for (table, before) in before {
            until(&mut client, Duration::from_mins(1), || compared(table) > before);
        }
        assert_eq!(heard_in(&mut client, Duration::from_millis(200)), Vec::<Value>::new());
        shop.run("UPDATE sales.orders SET note = coalesce(note, '') || 'x' WHERE id = 1");
        assert_eq!(told(&mut client), (ORDERS.to_owned(), false));
        shop.run("UPDATE public.customers SET name = name || 'x' WHERE id = 1");
        assert_eq!(told(&mut client), (customers.to_owned(), false));
    }
    // What may not be read reads like what isn't there.
    let mut client = start(&shop, POLICY, Era::Legacy);
    let hidden = subscribe(&mut client, "pg://app/hr/employees");
    let missing = subscribe(&mut client, "pg://app/hr/nothings__");
    let words = |said: &Value| said["error"]["message"].as_str().unwrap().to_owned();
    assert_eq!(words(&hidden), words(&missing).replace("nothings__", "employees"));
    // Rows that a policy of the database hides.
    shop.run(
        "CREATE TABLE public.drafts (id int, title text);
         INSERT INTO public.drafts VALUES (1, 'one'), (2, 'two');
         ALTER TABLE public.drafts ENABLE ROW LEVEL SECURITY;
         CREATE POLICY own ON public.drafts FOR SELECT TO agent USING (id = 1);
         GRANT SELECT ON public.drafts TO agent",
    );
    let channel = "[source.channels.told]\ntables = [\"public.drafts\"]";
    let mut arguments = shop.arguments("agent", channel);
    arguments.extend(["--poll-interval", "1"].map(str::to_owned));
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let mut client = InProcess::start::<Postgres>(&arguments, Era::Legacy);
    let drafts = "pg://app/public/drafts";
    must_subscribe(&mut client, drafts);
    let before = compared("drafts");
    shop.run("UPDATE public.drafts SET title = title || 'x' WHERE id = 2; NOTIFY told");
    until(&mut client, Duration::from_mins(1), || compared("drafts") > before);
    assert_eq!(heard_in(&mut client, Duration::from_millis(200)), Vec::<Value>::new());
    shop.run("UPDATE public.drafts SET title = title || 'x' WHERE id = 1; NOTIFY told");
    assert_eq!(told(&mut client), (drafts.to_owned(), false));
    let said = subscribe(&mut client, ORDERS);
    assert!(said["error"]["message"].as_str().unwrap().contains("permission denied"), "{said}");
}

#[test]
fn nothing_runs_while_nobody_listens() {
    let Some(shop) = shop() else { return };
    shop.run(TRIGGER);
    let mut client = start(&shop, CHANNEL, Era::Legacy);
    assert_eq!(shop.text(CONNECTIONS), "0");
    // The gate of a subscription asks on a connection of the tools.
    client.request("resources/read", json!({"uri": ORDERS}));
    assert_eq!(shop.text(CONNECTIONS), "1");
    let customers = "pg://app/public/customers";
    for _ in 0..3 {
        must_subscribe(&mut client, ORDERS);
        must_subscribe(&mut client, customers);
        assert_eq!(shop.text(LISTENS), "1");
        assert_eq!(shop.text(CONNECTIONS), "3");
        client.request("resources/unsubscribe", json!({"uri": ORDERS}));
        until(&mut client, Duration::from_secs(1), || shop.text(CONNECTIONS) == "2");
        assert_eq!(shop.text(LISTENS), "0");
        client.request("resources/unsubscribe", json!({"uri": customers}));
        until(&mut client, Duration::from_secs(1), || shop.text(CONNECTIONS) == "1");
    }
    // Nor after a look that is under way.
    let slow = "[source.saved.slow]\nsql = \"SELECT count(*) FROM generate_series(1, 2) g, pg_sleep(2) WHERE g > 0\"";
    let mut client = start(&shop, slow, Era::Legacy);
    must_subscribe(&mut client, "pg://app/saved/slow");
    let sleeps = "SELECT count(*) FROM pg_stat_activity WHERE state = 'active' AND query LIKE '%hashtextextended(ROW%' AND pid <> pg_backend_pid()";
    until(&mut client, Duration::from_mins(2), || shop.text(sleeps) == "1");
    client.request("resources/unsubscribe", json!({"uri": "pg://app/saved/slow"}));
    until(&mut client, Duration::from_secs(1), || shop.text(sleeps) == "0");
}

#[test]
fn a_connection_that_breaks_is_a_gap_and_is_listened_to_again() {
    let Some(mut shop) = shop() else { return };
    shop.run(TRIGGER);
    let mut client = start(&shop, CHANNEL, Era::Legacy);
    must_subscribe(&mut client, ORDERS);
    let customers = "pg://app/public/customers";
    must_subscribe(&mut client, customers);
    for _ in 0..2 {
        shop.run("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'lockkeeper-postgres'");
        assert_eq!(told(&mut client), (ORDERS.to_owned(), true));
        shop.run(INSERT);
        assert_eq!(told(&mut client), (ORDERS.to_owned(), false));
    }
    // A server that is away for a while. What is compared has missed nothing.
    shop.cluster.crash();
    client.request("resources/templates/list", json!({}));
    shop.cluster.restart();
    shop.run("UPDATE public.customers SET name = 'while nobody looked' WHERE id = 1");
    let mut heard = Vec::new();
    while heard.len() < 2 {
        heard.push(told(&mut client));
    }
    heard.sort();
    assert_eq!(heard, [(customers.to_owned(), false), (ORDERS.to_owned(), true)]);
    shop.run(INSERT);
    assert_eq!(told(&mut client), (ORDERS.to_owned(), false));
}

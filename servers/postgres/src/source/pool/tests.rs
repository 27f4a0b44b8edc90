//! Databases that end connections, crash, run out of them, fall silent and move: every call is
//! answered with a code that says so, and the next ones work again.

use std::io::{self, Read as _, Write as _};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::thread;
use std::time::{Duration, Instant};

use lockkeeper_testkit::fault::TcpProxy;
use lockkeeper_testkit::in_process::{InProcess, seen};
use lockkeeper_testkit::postgres::{Cluster, Version};
use lockkeeper_testkit::stdio::Era;
use serde_json::{Value, json};
use tokio::runtime::{Builder, Runtime};
use tokio_postgres::{Client, NoTls};

use crate::Postgres;
use crate::testing::{Shop, shop};

/// Ends our connections as an administrator does.
const END: &str = "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity
    WHERE application_name = 'lockkeeper-postgres'";

/// How many of our connections are in the middle of a long statement, and not still before it: then it
/// would begin again.
const RUNNING: &str = "SELECT count(*) FROM pg_stat_activity
    WHERE application_name = 'lockkeeper-postgres' AND state = 'active'
      AND query LIKE '%generate_series%' AND clock_timestamp() - query_start > '200 ms'";

/// Takes hours.
const ENDLESS: &str = "SELECT count(*) FROM generate_series(1, 1000000000000)";

const ONE: &str = "[1 row]\none\n1\n";

fn start(url: &str, more: &[&str]) -> InProcess {
    InProcess::start::<Postgres>(&[&[url], more].concat(), Era::Modern)
}

fn query(client: &mut InProcess, sql: &str) -> String {
    seen(&client.call("query", json!({ "sql": sql })))
}

fn one(client: &mut InProcess) -> String {
    query(client, "SELECT 1 AS one")
}

/// Asks until the answer is right; a minute is too long.
fn recovers(client: &mut InProcess) {
    let began = Instant::now();
    loop {
        let said = one(client);
        if said == ONE {
            return;
        }
        assert!(
            said.starts_with("error: no_connection") || said.contains("upstream_down"),
            "{said}"
        );
        assert!(began.elapsed() < Duration::from_mins(1), "{said}");
        thread::sleep(Duration::from_millis(200));
    }
}

/// What a call says while `trouble` is made as soon as its statement runs.
fn in_the_middle(
    shop: &mut Shop,
    call: impl FnOnce() -> String + Send,
    trouble: fn(&mut Shop),
) -> String {
    thread::scope(|scope| {
        let calling = scope.spawn(call);
        while shop.text(RUNNING) == "0" {
            assert!(!calling.is_finished(), "it ended before: {}", calling.join().unwrap());
        }
        trouble(shop);
        calling.join().unwrap()
    })
}

#[test]
fn connections_that_rested_may_be_gone() {
    let Some(mut shop) = shop() else { return };
    let mut client = start(&shop.url("postgres"), &["--write"]);
    assert_eq!(one(&mut client), ONE);
    shop.run(END);
    assert_eq!(one(&mut client), ONE);
    shop.run(END);
    let update = "UPDATE sales.orders SET note = 'x' WHERE id = 1";
    let changed = client.call("execute", json!({"statements": [{ "sql": update }]}));
    assert!(!seen(&changed).starts_with("error"), "{}", seen(&changed));
    assert_eq!(one(&mut client), ONE);
    // A restart, as after an update.
    shop.cluster.crash();
    shop.cluster.restart();
    assert_eq!(one(&mut client), ONE);
}

#[test]
fn a_statement_whose_connection_breaks_says_so() {
    let Some(mut shop) = shop() else { return };
    let mut client = start(&shop.url("postgres"), &[]);
    for trouble in [|shop: &mut Shop| shop.run(END), |shop: &mut Shop| shop.cluster.crash()] {
        let said = in_the_middle(&mut shop, || query(&mut client, ENDLESS), trouble);
        assert!(said.starts_with("error: connection_lost: "), "{said}");
        assert!(said.contains("next: nothing was changed; call again"), "{said}");
        shop.cluster.restart();
        assert_eq!(one(&mut client), ONE);
    }
    let cancel: fn(&mut Shop) = |shop| shop.run(&END.replace("terminate", "cancel"));
    let said = in_the_middle(&mut shop, || query(&mut client, ENDLESS), cancel);
    assert!(said.starts_with("error: cancelled: "), "{said}");
    assert_eq!(one(&mut client), ONE);
}

#[test]
fn a_change_whose_connection_breaks_is_none() {
    let Some(mut shop) = shop() else { return };
    let mut client = start(&shop.url("postgres"), &["--write"]);
    let sql =
        "UPDATE sales.orders SET note = (SELECT count(*) FROM generate_series(1, 100000000000))
               WHERE id = 1";
    let mut change = || {
        let call = json!({"statements": [
            {"sql": "UPDATE sales.orders SET note = 'changed' WHERE id = 2"}, {"sql": sql},
        ]});
        seen(&client.call("execute", call))
    };
    for trouble in [|shop: &mut Shop| shop.run(END), |shop: &mut Shop| shop.cluster.crash()] {
        let said = in_the_middle(&mut shop, &mut change, trouble);
        assert!(said.starts_with("error: connection_lost: "), "{said}");
        assert!(said.contains("nothing was changed"), "{said}");
        shop.cluster.restart();
        let changed = shop.text("SELECT count(*) FROM sales.orders WHERE note = 'changed'");
        assert_eq!(changed, "0");
    }
    assert_eq!(one(&mut client), ONE);
}

#[test]
fn pages_end_with_their_connection() {
    let Some(shop) = shop() else { return };
    let mut client = start(&shop.url("postgres"), &[]);
    let mut call = pages();
    next_page(&mut client, &mut call).unwrap();
    shop.run(END);
    // Some rows are there already.
    let said = (0..1_000).find_map(|_| next_page(&mut client, &mut call).err()).unwrap();
    assert!(said.starts_with("error: connection_lost: "), "{said}");
    assert_eq!(one(&mut client), ONE);
}

#[test]
fn rows_that_nobody_asks_for_make_room() {
    let Some(shop) = shop() else { return };
    let mut client = start(&shop.url("postgres"), &["--connections", "1"]);
    let mut call = pages();
    next_page(&mut client, &mut call).unwrap();
    assert_eq!(one(&mut client), ONE);
    let said = (0..1_000).find_map(|_| next_page(&mut client, &mut call).err()).unwrap();
    assert!(said.starts_with("error: cursor_expired: "), "{said}");
    // A call for room that was answered otherwise drives nobody out.
    let mut call = pages();
    for _ in 0..4 {
        next_page(&mut client, &mut call).unwrap();
    }
}

/// A query of many pages.
fn pages() -> Value {
    json!({"sql": "SELECT n, repeat('x', 1000) FROM generate_series(1, 5000) AS n", "max_rows": 20})
}

/// Reads a page, after which `call` asks for the next one.
fn next_page(client: &mut InProcess, call: &mut Value) -> Result<(), String> {
    let said = seen(&client.call("query", call.clone()));
    if said.starts_with("error") {
        return Err(said);
    }
    let (_, next) = said.split_once("next: cursor ").expect("many pages");
    call["cursor"] = next.split([';', ']']).next().into();
    Ok(())
}

#[test]
fn a_database_that_is_down_is_said_to_be() {
    let Some(mut shop) = shop() else { return };
    let mut client = start(&shop.url("postgres"), &[]);
    assert_eq!(one(&mut client), ONE);
    shop.cluster.crash();
    for _ in 0..4 {
        let began = Instant::now();
        let said = one(&mut client);
        assert!(
            said.starts_with("error: no_connection: the database can't be reached\n")
                || said.starts_with("error: upstream_down: "),
            "{said}"
        );
        assert!(said.contains("retry_after_s"), "{said}");
        assert!(!said.contains("127.0.0.1"), "{said}");
        assert!(began.elapsed() < Duration::from_secs(10), "{:?}", began.elapsed());
    }
    // Enough failed in a row.
    assert!(one(&mut client).starts_with("error: upstream_down: "));
    shop.cluster.restart();
    recovers(&mut client);
}

#[test]
fn a_database_without_free_connections_is_said_to_be() {
    let settings = [("max_connections", "5"), ("superuser_reserved_connections", "3")];
    let Some(shop) = Shop::start_with(Version::V16, &settings) else { return };
    shop.run("CREATE ROLE visitor LOGIN");
    let url = shop.url("visitor");
    let (runtime, others) = taken(&url, 2);
    let mut client = start(&url, &[]);
    let said = one(&mut client);
    assert!(
        said.starts_with("error: no_connection: all connections of the database are in use\n"),
        "{said}"
    );
    assert!(said.contains("retry_after_s"), "{said}");
    drop((others, runtime));
    recovers(&mut client);
}

/// So many connections of others.
fn taken(url: &str, count: usize) -> (Runtime, Vec<Client>) {
    let runtime = Builder::new_current_thread().enable_all().build().unwrap();
    let connect = |_| {
        let (client, connection) = runtime.block_on(tokio_postgres::connect(url, NoTls)).unwrap();
        runtime.spawn(connection);
        client
    };
    let clients = (0..count).map(connect).collect();
    (runtime, clients)
}

#[test]
fn a_connection_that_fell_silent_is_left() {
    let Some(shop) = shop() else { return };
    let upstream: SocketAddr = (Ipv4Addr::LOCALHOST, shop.cluster.port()).into();
    let proxy = TcpProxy::start(upstream).unwrap();
    let ports = [shop.cluster.port(), proxy.address().port()].map(|port| port.to_string());
    let url = shop.url("postgres").replace(&ports[0], &ports[1]);
    let mut client = start(&url, &["--write"]);
    assert_eq!(one(&mut client), ONE);
    let frozen = Instant::now();
    proxy.freeze();
    assert_eq!(one(&mut client), ONE);
    proxy.freeze();
    let update = "UPDATE sales.orders SET note = 'once' WHERE id = 1";
    let changed = client.call("execute", json!({"statements": [{ "sql": update }]}));
    assert!(!seen(&changed).starts_with("error"), "{}", seen(&changed));
    assert!(frozen.elapsed() < Duration::from_secs(20), "{:?}", frozen.elapsed());
}

#[test]
fn a_database_that_moved_is_found() {
    let Some(mut one_of_two) = Cluster::start(Version::V16) else { return };
    let Some(mut other) = Cluster::start(Version::V18) else { return };
    other.put("postgresql.auto.conf", "default_transaction_read_only = on\n");
    other.restart();
    let url = format!(
        "postgresql://postgres@127.0.0.1:{},127.0.0.1:{}/postgres?target_session_attrs=read-write",
        other.port(),
        one_of_two.port()
    );
    let mut client = start(&url, &[]);
    let mut version = || {
        let said = query(&mut client, "SHOW server_version");
        said.lines().nth(2).unwrap_or(&said).to_owned()
    };
    assert!(version().starts_with("16."));
    other.put("postgresql.auto.conf", "");
    other.restart();
    one_of_two.crash();
    assert!(version().starts_with("18."));
}

/// Refuses settings in a login as pgbouncer does, and passes on all else.
fn pooler(upstream: u16) -> u16 {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let port = listener.local_addr().unwrap().port();
    thread::spawn(move || {
        for client in listener.incoming().flatten() {
            // An error is a side that went.
            thread::spawn(move || drop(pooled(client, upstream)));
        }
    });
    port
}

fn pooled(mut client: TcpStream, upstream: u16) -> io::Result<()> {
    let mut length = [0; 4];
    client.read_exact(&mut length)?;
    let mut login = vec![0; usize::try_from(u32::from_be_bytes(length)).unwrap() - 4];
    client.read_exact(&mut login)?;
    if login == [0x04, 0xd2, 0x16, 0x2f] {
        // No TLS here; the login follows.
        client.write_all(b"N")?;
        return pooled(client, upstream);
    }
    if login.windows(9).any(|word| word == b"\0options\0") {
        let fields = b"SFATAL\0C08P01\0Munsupported startup parameter: options\0\0";
        let length = u32::try_from(fields.len() + 4).unwrap().to_be_bytes();
        return client.write_all(&[b"E", &length[..], fields].concat());
    }
    let mut server = TcpStream::connect((Ipv4Addr::LOCALHOST, upstream))?;
    server.write_all(&[&length[..], &login].concat())?;
    let (mut from, mut to) = (server.try_clone()?, client.try_clone()?);
    let answering = thread::spawn(move || io::copy(&mut from, &mut to));
    io::copy(&mut client, &mut server)?;
    server.shutdown(Shutdown::Write)?;
    answering.join().unwrap().map(drop)
}

#[test]
fn a_pooler_takes_no_settings_and_each_transaction_states_them() {
    let Some(shop) = shop() else { return };
    let port = pooler(shop.cluster.port());
    let url = shop.url("postgres").replace(&shop.cluster.port().to_string(), &port.to_string());
    let mut client = start(&url, &["--write", "--search-path", "sales"]);
    for _ in 0..3 {
        let said = query(&mut client, "SELECT count(*), '90 min'::interval::text AS i FROM orders");
        assert_eq!(said, "[1 row]\ncount\ti\n1000\tPT1H30M\n");
        let update = "UPDATE orders SET note = '90 min'::interval::text WHERE id = 1";
        let changed = client.call("execute", json!({"statements": [{ "sql": update }]}));
        assert!(!seen(&changed).starts_with("error"), "{}", seen(&changed));
    }
    assert_eq!(shop.text("SELECT note FROM sales.orders WHERE id = 1"), "PT1H30M");
    // Settings of the owner's are not left out in silence.
    let mut client = start(&format!("{url}?options=-c%20jit%3Doff"), &[]);
    assert!(one(&mut client).starts_with("error: no_connection"));
}

//! The floor of `cargo xtask bench postgres`: the driver alone, doing what the server does for an
//! agent and nothing else. `floor-postgres URL` reads lines from stdin and answers each with one:
//!
//! | asked | answered |
//! |---|---|
//! | `run SQL` | nothing, when it was run |
//! | `lookup N SQL` | p50 and p99, in µs, of N lookups, each in a read-only transaction of its own |
//! | `flood N M SQL` | lookups a second, N with M at a time |
//! | `export SQL` | ms to fetch all rows and encode them as CSV, and how many bytes that was |

use std::fmt::Write as _;
use std::io::{BufRead as _, Write as _};
use std::pin::pin;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant, SystemTime};

use anyhow::{Context as _, Result, bail};
use futures_util::TryStreamExt as _;
use futures_util::future::try_join_all;
use tokio_postgres::types::{ToSql, Type};
use tokio_postgres::{Client, NoTls, Row};

/// As many connections as the server has.
const CONNECTIONS: usize = 8;

fn main() -> Result<()> {
    let url = std::env::args().nth(1).context("which database?")?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let mut clients = try_join_all((0..CONNECTIONS).map(|_| connect(&url))).await?;
        for line in std::io::stdin().lock().lines() {
            let line = line?;
            let (what, rest) = line.split_once(' ').context("measure what?")?;
            let answer = match what {
                "lookup" => {
                    let (number, sql) = rest.split_once(' ').context("no statement")?;
                    lookups(&mut clients, number.parse()?, sql).await?
                }
                "flood" => {
                    let mut parts = rest.splitn(3, ' ');
                    let mut part = || parts.next().context("a part is missing");
                    let (number, at_once, sql) = (part()?.parse()?, part()?.parse()?, part()?);
                    flood(&mut clients, number, at_once, sql).await?
                }
                "run" => {
                    let client = clients.first().context("no connection")?;
                    client.batch_execute(rest).await?;
                    String::new()
                }
                "export" => export(&mut clients, rest).await?,
                other => bail!("`{other}` can't be measured"),
            };
            #[expect(clippy::disallowed_methods, reason = "no server: its numbers go there")]
            let mut stdout = std::io::stdout().lock();
            writeln!(stdout, "{answer}")?;
            stdout.flush()?;
        }
        Ok(())
    })
}

async fn connect(url: &str) -> Result<Client> {
    let (client, connection) = tokio_postgres::connect(url, NoTls).await?;
    #[expect(clippy::disallowed_methods, reason = "a program that measures and ends")]
    tokio::spawn(connection);
    Ok(client)
}

/// Reads the row of one key in a transaction that is rolled back.
async fn look_up(client: &mut Client, sql: &str, id: i32) -> Result<String> {
    let transaction = client.build_transaction().read_only(true).start().await?;
    let row = transaction.query_one(sql, &[&id]).await?;
    let text = encoded(&row)?;
    transaction.rollback().await?;
    Ok(text)
}

async fn lookups(clients: &mut [Client], number: u32, sql: &str) -> Result<String> {
    let client = clients.first_mut().context("no connection")?;
    let mut taken = Vec::new();
    for id in 1..=number {
        let start = Instant::now();
        look_up(client, sql, key(id)?).await?;
        taken.push(start.elapsed());
    }
    taken.sort_unstable();
    let at = |percent: usize| taken.get(taken.len() * percent / 100).map_or(0.0, microseconds);
    Ok(format!("{} {}", at(50), at(99)))
}

async fn flood(clients: &mut [Client], number: u32, at_once: usize, sql: &str) -> Result<String> {
    let (next, start) = (AtomicU32::new(0), Instant::now());
    let workers = clients.iter_mut().take(at_once).map(|client| async {
        loop {
            let id = next.fetch_add(1, Ordering::Relaxed);
            if id >= number {
                return anyhow::Ok(());
            }
            look_up(client, sql, key(id)?).await?;
        }
    });
    try_join_all(workers).await?;
    Ok(format!("{}", f64::from(number) / start.elapsed().as_secs_f64()))
}

/// Keys that exist, each after the other.
fn key(id: u32) -> Result<i32> {
    Ok(i32::try_from(id % 10_000)? + 1)
}

async fn export(clients: &mut [Client], sql: &str) -> Result<String> {
    let client = clients.first_mut().context("no connection")?;
    let start = Instant::now();
    let transaction = client.build_transaction().read_only(true).start().await?;
    let none: [&(dyn ToSql + Sync); 0] = [];
    let mut rows = pin!(transaction.query_raw(sql, none).await?);
    let mut bytes = 0;
    let mut page = String::new();
    while let Some(row) = rows.try_next().await? {
        page.push_str(&encoded(&row)?);
        if page.len() > 64 * 1024 {
            bytes += page.len();
            page.clear();
        }
    }
    bytes += page.len();
    Ok(format!("{} {bytes}", microseconds(&start.elapsed()) / 1e3))
}

/// A row as a line of CSV.
fn encoded(row: &Row) -> Result<String> {
    let mut line = String::new();
    for (n, column) in row.columns().iter().enumerate() {
        let comma = if n > 0 { "," } else { "" };
        line.push_str(comma);
        match *column.type_() {
            Type::INT4 => write!(line, "{}", row.try_get::<_, i32>(n)?)?,
            Type::INT8 => write!(line, "{}", row.try_get::<_, i64>(n)?)?,
            Type::FLOAT8 => write!(line, "{}", row.try_get::<_, f64>(n)?)?,
            Type::BOOL => write!(line, "{}", row.try_get::<_, bool>(n)?)?,
            Type::TIMESTAMPTZ => {
                let time = row.try_get::<_, SystemTime>(n)?;
                let since = time.duration_since(SystemTime::UNIX_EPOCH)?;
                write!(line, "{}.{:06}", since.as_secs(), since.subsec_micros())?;
            }
            Type::TEXT => {
                let text = row.try_get::<_, &str>(n)?;
                if text.contains([',', '"', '\n', '\r']) {
                    write!(line, "\"{}\"", text.replace('"', "\"\""))?;
                } else {
                    line.push_str(text);
                }
            }
            ref other => bail!("the floor has no encoding for {other}"),
        }
    }
    line.push('\n');
    Ok(line)
}

fn microseconds(duration: &Duration) -> f64 {
    duration.as_secs_f64() * 1e6
}

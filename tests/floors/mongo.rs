//! The floor of `cargo xtask bench mongo`: the driver alone, doing what the server does for an agent
//! and nothing else. `floor-mongo URI` reads lines from stdin and answers each with one:
//!
//! | asked | answered |
//! |---|---|
//! | `fill N` | nothing, when the collection `item` holds N documents |
//! | `lookup N` | p50 and p99, in µs, of N documents found by their `_id` |
//! | `flood N M` | documents found by their `_id` a second, N with M at a time |
//! | `pages` | ms to fetch all documents as bytes, and ms to fetch, decode and print them |
//! | `sample N` | ms to fetch a random sample of N documents |

use std::io::{BufRead as _, Write as _};
use std::sync::atomic::{AtomicI32, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};
use bson::{DateTime, Document, RawDocument, RawDocumentBuf, doc};
use futures_util::future::try_join_all;
use mongodb::options::ClientOptions;
use mongodb::{Client, Collection};

/// As many connections as the server has.
const CONNECTIONS: u32 = 8;

/// Documents that are inserted at once.
const BATCH: i32 = 1_000;

fn main() -> Result<()> {
    let uri = std::env::args().nth(1).context("which deployment?")?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let mut options = ClientOptions::parse(&uri).await?;
        options.max_pool_size = Some(CONNECTIONS);
        let client = Client::with_options(options)?;
        let database = client.default_database().context("the URI names no database")?;
        let items = database.collection::<RawDocumentBuf>("item");
        for line in std::io::stdin().lock().lines() {
            let line = line?;
            let mut words = line.split(' ');
            let what = words.next().context("measure what?")?;
            let mut number = || anyhow::Ok(words.next().context("a number is missing")?.parse()?);
            let answer = match what {
                "fill" => fill(&items, number()?).await?,
                "lookup" => lookups(&items, number()?).await?,
                "flood" => flood(&items, number()?, number()?).await?,
                "pages" => pages(&items).await?,
                "sample" => sample(&items, number()?).await?,
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

async fn fill(items: &Collection<RawDocumentBuf>, number: i32) -> Result<String> {
    items.drop().await?;
    for first in (1..=number).step_by(BATCH as usize) {
        let batch = (first..first + BATCH).map(item);
        items.clone_with_type::<Document>().insert_many(batch).await?;
    }
    Ok(String::new())
}

/// Ten fields of seven types.
fn item(n: i32) -> Document {
    doc! {
        "_id": n,
        "number": i64::from(n) * 7919,
        "name": format!("item {n}"),
        "code": format!("{:032x}", u128::from(n.unsigned_abs()) * 0x9E37_79B9_7F4A_7C15),
        "active": n % 3 == 0,
        "price": f64::from(n) / 7.0,
        "stock": { "here": n % 100, "ordered": n % 7 },
        "tags": ["a".repeat(5), format!("x{}", n % 10)],
        "about": "words of a description, ".repeat(2),
        "at": DateTime::from_millis(1_767_225_600_000 + i64::from(n) * 60_000),
    }
}

/// Finds the document of one key.
async fn look_up(items: &Collection<RawDocumentBuf>, id: i32) -> Result<RawDocumentBuf> {
    items.find_one(doc! { "_id": id }).await?.context("there is no such document")
}

async fn lookups(items: &Collection<RawDocumentBuf>, number: i32) -> Result<String> {
    let mut taken = Vec::new();
    for id in 1..=number {
        let start = Instant::now();
        look_up(items, key(id)).await?;
        taken.push(start.elapsed());
    }
    taken.sort_unstable();
    let at = |percent: usize| taken.get(taken.len() * percent / 100).map_or(0.0, microseconds);
    Ok(format!("{} {}", at(50), at(99)))
}

async fn flood(items: &Collection<RawDocumentBuf>, number: i32, at_once: i32) -> Result<String> {
    let (next, start) = (AtomicI32::new(0), Instant::now());
    let workers = (0..at_once).map(|_| async {
        loop {
            let id = next.fetch_add(1, Ordering::Relaxed);
            if id >= number {
                return anyhow::Ok(());
            }
            look_up(items, key(id)).await?;
        }
    });
    try_join_all(workers).await?;
    Ok(format!("{}", f64::from(number) / start.elapsed().as_secs_f64()))
}

/// Keys that exist, each after the other.
fn key(id: i32) -> i32 {
    id % 10_000 + 1
}

async fn pages(items: &Collection<RawDocumentBuf>) -> Result<String> {
    let start = Instant::now();
    let mut bytes = 0;
    let mut cursor = items.find(doc! {}).await?;
    while cursor.advance().await? {
        bytes += cursor.current().as_bytes().len();
    }
    let fetched = start.elapsed();
    let start = Instant::now();
    let mut cursor = items.find(doc! {}).await?;
    while cursor.advance().await? {
        bytes += printed(cursor.current())?.len();
    }
    let printed = start.elapsed();
    Ok(format!("{} {} {bytes}", milliseconds(&fetched), milliseconds(&printed)))
}

async fn sample(items: &Collection<RawDocumentBuf>, size: i32) -> Result<String> {
    let start = Instant::now();
    let stages = [doc! { "$sample": { "size": size } }];
    let mut cursor = items.aggregate(stages).with_type::<RawDocumentBuf>().await?;
    let mut bytes = 0;
    while cursor.advance().await? {
        bytes += cursor.current().as_bytes().len();
    }
    Ok(format!("{} {bytes}", milliseconds(&start.elapsed())))
}

/// A document as the driver's own types print it.
fn printed(document: &RawDocument) -> Result<String> {
    Ok(Document::try_from(document)?.to_string())
}

fn microseconds(duration: &Duration) -> f64 {
    duration.as_secs_f64() * 1e6
}

fn milliseconds(duration: &Duration) -> f64 {
    duration.as_secs_f64() * 1e3
}

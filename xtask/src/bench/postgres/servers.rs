//! The programs that are measured, and how each is asked for the same thing.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::Result;
use lockkeeper_testkit::postgres::{Cluster, Version};
use serde_json::{Value, json};

use crate::bench::client::Session;
use crate::bench::figures::Subject;
use crate::bench::turns::{Lineup, Offer, directory, on_node};
use crate::bench::{Floor, Stage};
use crate::counterparts::{self, Peer};

pub(super) const OURS: &str = "lockkeeper-postgres";
pub(super) const DBHUB: &str = "dbhub";
pub(super) const PRO: &str = "postgres-mcp";
pub(super) const DRIVER: &str = "tokio-postgres";

/// A table of 10,000 rows and ten columns, and five hundred others.
const DATA: &str = "\
    CREATE TABLE item AS SELECT n AS id, n::bigint * 7919 AS number, 'item ' || n AS name, \
    md5(n::text) AS code, n % 3 = 0 AS active, n / 7.0::float8 AS price, n % 100 AS stock, \
    repeat('words of a description, ', 2) AS about, 'x' || n % 10 AS kind, \
    timestamptz '2026-01-01 00:00Z' + n * interval '1 minute' AS at \
    FROM generate_series(1, 10000) AS n; \
    ALTER TABLE item ADD PRIMARY KEY (id); \
    CREATE SCHEMA many; \
    DO $$ BEGIN FOR n IN 1..500 LOOP EXECUTE format('CREATE TABLE many.%I (id bigint PRIMARY KEY, \
    name text NOT NULL, at timestamptz)', 'measurements_of_station_' || n); END LOOP; END $$; \
    ANALYZE";

/// By its key.
const LOOKUP: &str = "SELECT * FROM item WHERE id = $1";
const ALL: &str = "SELECT * FROM item ORDER BY id";

/// Runs on every Python that runs here: it needs no more of 3.12 than this name.
const LAUNCH: &str = "\
import sys, typing, typing_extensions
typing.override = typing_extensions.override
from postgres_mcp import main
sys.argv[0] = 'postgres-mcp'
main()";

pub(super) struct Servers {
    ours: PathBuf,
    node: Peer,
    dbhub: Peer,
    pro: Peer,
    floor: Floor,
    cluster: Cluster,
    directory: PathBuf,
}

impl Servers {
    pub(super) fn fetch(stage: &Stage<'_>) -> Result<Self> {
        let peer = |name| counterparts::peer(stage.workspace, name);
        let directory = directory(stage, "postgres")?;
        fs::create_dir_all(directory.join("export"))?;
        let postgres = peer("postgres")?.program;
        let settings = [("shared_buffers", "128MB"), ("max_connections", "100")];
        let cluster = Cluster::start_at(Version::V18, &postgres, &settings);
        let url = cluster.url("postgres");
        let mut floor = Floor::start(stage.workspace, "floor-postgres", &url)?;
        floor.ask(&format!("run {DATA}"))?;
        Ok(Self {
            ours: stage.binary.clone(),
            node: peer("node")?,
            dbhub: peer("dbhub")?,
            pro: peer("postgres-mcp")?,
            floor,
            cluster,
            directory,
        })
    }

    /// Starts a server with more options than those that all runs of it have.
    pub(super) fn start_with(&self, server: &str, options: &[&str]) -> Result<Session> {
        let url = self.cluster.url("postgres");
        let mut command = match server {
            DBHUB => {
                let mut command = Command::new(&self.node.program);
                command.arg(&self.dbhub.program).args(["--transport", "stdio", "--dsn"]);
                command.arg(format!("{url}?sslmode=disable"));
                command
            }
            PRO => {
                let mut command = Command::new("python3");
                command.args(["-c", LAUNCH, "--access-mode", "restricted", &url]);
                command.env("PYTHONPATH", self.pro.program.parent().unwrap_or(&self.pro.program));
                command
            }
            _ => {
                let mut command = Command::new(&self.ours);
                command.arg("--state-dir").arg(self.directory.join("state"));
                command.args(["--export-dir".as_ref(), self.exports().as_os_str()]);
                command.arg(format!("{url}?sslmode=disable"));
                command
            }
        };
        command.args(options);
        Session::start(command, &self.directory.join(format!("{server}.log")))
    }

    pub(super) fn exports(&self) -> PathBuf {
        self.directory.join("export")
    }

    /// The call that shows all rows of the table, or its first page.
    pub(super) fn all(server: &str) -> (&'static str, Value) {
        match server {
            OURS => ("query", json!({ "sql": ALL, "max_rows": 10_000 })),
            _ => ("execute_sql", json!({ "sql": ALL })),
        }
    }

    /// The call that lists five hundred tables.
    pub(super) fn tables(server: &str) -> (&'static str, Value) {
        match server {
            OURS => ("list_objects", json!({ "schema": "many" })),
            DBHUB => (
                "search_objects",
                json!({
                    "object_type": "table", "schema": "many", "limit": 500, "detail_level": "names",
                }),
            ),
            _ => ("list_objects", json!({ "schema_name": "many" })),
        }
    }

    /// Milliseconds that the driver takes to fetch and encode the whole table.
    pub(super) fn floor_export(&mut self) -> Result<f64> {
        self.floor.number(&format!("export {ALL}"))
    }
}

impl Lineup for Servers {
    const SERVERS: &'static [&'static str] = &[OURS, DBHUB, PRO];
    const FLOOR: &'static str = DRIVER;

    fn subjects(&self) -> Vec<Subject> {
        let node = format!("{} on Node {}", self.dbhub.version, self.node.version);
        vec![
            Subject { name: OURS, version: env!("CARGO_PKG_VERSION").to_owned() },
            Subject { name: DBHUB, version: node },
            Subject { name: PRO, version: self.pro.version.to_owned() },
            Subject { name: DRIVER, version: "alone".to_owned() },
        ]
    }

    fn start(&self, server: &str, offer: Offer) -> Result<Session> {
        let writes = server == OURS && offer != Offer::Reading;
        self.start_with(server, if writes { &["--write"] } else { &[] })
    }

    /// Besides Python.
    fn installed(&self, server: &str) -> Vec<PathBuf> {
        match server {
            DBHUB => on_node(&self.node.program, &self.dbhub.program),
            PRO => self.pro.program.parent().map(Path::to_owned).into_iter().collect(),
            _ => vec![self.ours.clone()],
        }
    }

    fn smallest(server: &str, id: u32) -> (&'static str, Value) {
        match server {
            OURS => ("query", json!({ "sql": LOOKUP, "params": [id] })),
            _ => ("execute_sql", json!({ "sql": LOOKUP.replace("$1", &id.to_string()) })),
        }
    }

    fn few(server: &str) -> Option<u32> {
        (server == PRO).then_some(200)
    }

    fn floor_calls(&mut self, calls: u32) -> Result<(f64, f64)> {
        self.floor.two(&format!("lookup {calls} {LOOKUP}"))
    }

    fn floor_flood(&mut self, calls: u32, in_flight: u32) -> Result<f64> {
        self.floor.number(&format!("flood {calls} {in_flight} {LOOKUP}"))
    }
}

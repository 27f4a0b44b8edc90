//! The programs that are measured, and how each is asked for the same thing.

use std::fs::{self, File};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use serde_json::{Value, json};

use crate::bench::client::Session;
use crate::bench::figures::Subject;
use crate::bench::turns::{Lineup, Offer, directory, on_node};
use crate::bench::{Floor, Stage};
use crate::counterparts::{self, Peer};

pub(super) const OURS: &str = "lockkeeper-mongo";
pub(super) const OFFICIAL: &str = "mongodb-mcp-server";
pub(super) const DRIVER: &str = "mongodb";

/// The driver's version in Cargo.toml.
const DRIVER_VERSION: &str = "3.9.1, the driver alone";

/// Documents of the collection `item`.
pub(super) const DOCUMENTS: u32 = 10_000;

/// How long the deployment may take to listen.
const START: Duration = Duration::from_mins(1);

pub(super) struct Servers {
    ours: PathBuf,
    node: Peer,
    official: Peer,
    pub(super) floor: Floor,
    deployment: Deployment,
    directory: PathBuf,
}

impl Servers {
    pub(super) fn fetch(stage: &Stage<'_>) -> Result<Self> {
        let peer = |name| counterparts::peer(stage.workspace, name);
        let directory = directory(stage, "mongo")?;
        fs::create_dir_all(directory.join("export"))?;
        let (node, official) = (peer("node")?, peer("mongodb-mcp-server")?);
        let deployment = Deployment::start(&peer("secantusd")?.program, &directory)?;
        let mut floor = Floor::start(stage.workspace, "floor-mongo", &deployment.uri())?;
        floor.ask(&format!("fill {DOCUMENTS}"))?;
        Ok(Self { ours: stage.binary.clone(), node, official, floor, deployment, directory })
    }

    /// The call that shows all documents, or its first page.
    pub(super) fn all(server: &str) -> (&'static str, Value) {
        let arguments = json!({ "filter": {}, "limit": DOCUMENTS });
        let mut arguments = Self::named(server, arguments);
        if server == OFFICIAL {
            arguments["responseBytesLimit"] = (16 * 1024 * 1024).into();
        }
        ("find", arguments)
    }

    /// The call that guesses the schema from a thousand documents.
    pub(super) fn schema(server: &str) -> (&'static str, Value) {
        if server == OURS {
            ("infer_schema", Self::named(server, json!({ "sample_size": 1_000 })))
        } else {
            ("collection-schema", Self::named(server, json!({ "sampleSize": 1_000 })))
        }
    }

    fn named(server: &str, mut arguments: Value) -> Value {
        arguments["collection"] = "item".into();
        if server == OFFICIAL {
            arguments["connectionId"] = "preconfigured".into();
            arguments["database"] = "bench".into();
        }
        arguments
    }
}

impl Lineup for Servers {
    const SERVERS: &'static [&'static str] = &[OURS, OFFICIAL];
    const FLOOR: &'static str = DRIVER;

    fn subjects(&self) -> Vec<Subject> {
        let node = format!("{} on Node {}", self.official.version, self.node.version);
        vec![
            Subject { name: OURS, version: env!("CARGO_PKG_VERSION").to_owned() },
            Subject { name: OFFICIAL, version: node },
            Subject { name: DRIVER, version: DRIVER_VERSION.to_owned() },
        ]
    }

    fn start(&self, server: &str, offer: Offer) -> Result<Session> {
        let uri = self.deployment.uri();
        let command = if server == OURS {
            let mut command = Command::new(&self.ours);
            command.arg("--state-dir").arg(self.directory.join("state"));
            // The largest answers that there are, for reading many pages.
            command.args(["--max-output", "100kB", &uri]);
            if offer != Offer::Reading {
                command.args(["--write", "--manage-indexes", "--export-dir"]);
                command.arg(self.directory.join("export"));
            }
            command
        } else {
            let mut command = Command::new(&self.node.program);
            command.arg(&self.official.program).args(["--connectionString", &uri]);
            command.args(["--telemetry", "disabled", "--maxDocumentsPerQuery", "20000"]);
            command.args(["--maxBytesPerQuery", "16777216"]);
            if offer == Offer::Reading {
                command.arg("--readOnly");
            }
            command.env("HOME", &self.directory);
            command
        };
        Session::start(command, &self.directory.join(format!("{server}.log")))
    }

    fn installed(&self, server: &str) -> Vec<PathBuf> {
        if server == OURS {
            return vec![self.ours.clone()];
        }
        on_node(&self.node.program, &self.official.program)
    }

    fn smallest(server: &str, id: u32) -> (&'static str, Value) {
        ("find", Self::named(server, json!({ "filter": { "_id": id } })))
    }

    fn few(server: &str) -> Option<u32> {
        (server == OFFICIAL).then_some(500)
    }

    fn floor_calls(&mut self, calls: u32) -> Result<(f64, f64)> {
        self.floor.two(&format!("lookup {calls}"))
    }

    fn floor_flood(&mut self, calls: u32, in_flight: u32) -> Result<f64> {
        self.floor.number(&format!("flood {calls} {in_flight}"))
    }
}

/// A deployment of the run's own.
struct Deployment {
    process: Child,
    port: u16,
}

impl Deployment {
    fn start(program: &Path, directory: &Path) -> Result<Self> {
        // It doesn't say which port it took if it may choose.
        let port = TcpListener::bind(("127.0.0.1", 0))?.local_addr()?.port();
        let log = File::create(directory.join("secantusd.log"))?;
        let storage = directory.join("storage");
        fs::create_dir_all(&storage)?;
        let mut command = Command::new(program);
        command.args(["--host", "127.0.0.1", "--port", &port.to_string(), "--storage-path"]);
        command.arg(storage).stdin(Stdio::null()).stdout(log.try_clone()?).stderr(log);
        let process = command.spawn().context("cannot start `secantusd-rs`")?;
        let mut deployment = Self { process, port };
        let started = Instant::now();
        while TcpStream::connect(("127.0.0.1", port)).is_err() {
            let ended = deployment.process.try_wait()?;
            ensure!(ended.is_none(), "`secantusd-rs` ended; its log is in the bench directory");
            ensure!(started.elapsed() < START, "`secantusd-rs` does not listen");
            thread::sleep(Duration::from_millis(50));
        }
        Ok(deployment)
    }

    fn uri(&self) -> String {
        format!("mongodb://127.0.0.1:{}/bench?directConnection=true", self.port)
    }
}

impl Drop for Deployment {
    fn drop(&mut self) {
        // It may have ended by itself.
        drop(self.process.kill());
        drop(self.process.wait());
    }
}

//! The programs that are measured, and how each is asked for the same thing.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread;
use std::time::Instant;

use anyhow::{Context as _, Result, ensure};
use lockkeeper_testkit::github::TOKEN;
use serde_json::{Value, json};

use crate::bench::client::Session;
use crate::bench::figures::Subject;
use crate::bench::samples::Samples;
use crate::bench::turns::{Lineup, Offer, directory};
use crate::bench::{Stage, milliseconds};
use crate::counterparts::{self, Peer};
use crate::emulated::{Connection, Emulated, request, token};

pub(super) const OURS: &str = "lockkeeper-github";
pub(super) const OFFICIAL: &str = "github-mcp-server";
/// Its newest version, which can't be had as a program.
pub(super) const PUBLISHED: &str = "github-mcp-server's snapshots";
pub(super) const HTTP: &str = "plain HTTP";

/// Issues of the repository.
const ISSUES: u32 = 100;

/// The official server forgets the port of its host, so it meets the emulator where HTTP's own is
/// free: at an address of this machine that nothing else uses.
const PORTLESS: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::new(127, 80, 80, 80)), 80);

/// The default sets of the official server's newer versions, as far as this one knows them.
const DEFAULT_SETS: &str = "--toolsets=context,repos,issues,pull_requests,users";

/// The job whose log is read.
const JOB: u64 = 1;

pub(super) struct Servers {
    ours: PathBuf,
    official: Peer,
    token: PathBuf,
    github: Emulated,
    directory: PathBuf,
    floor: Connection,
}

impl Servers {
    pub(super) fn fetch(stage: &Stage<'_>) -> Result<Self> {
        let directory = directory(stage, "github")?;
        let official = counterparts::peer(stage.workspace, "github-mcp-server")?;
        let github = Emulated::start(stage.workspace, &[("shop", false)])?;
        github.listen(PORTLESS).context("`github-mcp-server` needs port 80: measure as root")?;
        for number in 1..=ISSUES {
            let body = "Steps, what was expected, what came instead.\n".repeat(8);
            let issue = json!({ "title": format!("Issue {number}"), "body": body });
            github.ask(TOKEN, ("POST", "/repos/admin/shop/issues"), &issue)?;
        }
        let token = token(&directory)?;
        let floor = Connection::open(github.address())?;
        Ok(Self { ours: stage.binary.clone(), official, token, github, directory, floor })
    }

    /// The call that reads the end of a log.
    pub(super) fn log(server: &str) -> (&'static str, Value) {
        if server == OURS {
            ("actions_read", json!({ "method": "log", "repo": "admin/shop", "id": JOB }))
        } else {
            let job = json!({
                "owner": "admin", "repo": "shop", "job_id": JOB, "return_content": true,
                "tail_lines": 200,
            });
            ("get_job_logs", job)
        }
    }

    /// Milliseconds that reading the log takes without a server.
    pub(super) fn floor_log(&mut self) -> Result<f64> {
        let start = Instant::now();
        let path = format!("/repos/admin/shop/actions/jobs/{JOB}/logs");
        self.floor.exchange(&self.read(&path))?;
        let bytes = self.floor.drain(&self.read("/log"))?;
        let elapsed = milliseconds(start.elapsed());
        ensure!(bytes > 190_000_000, "the log has {bytes} bytes");
        Ok(elapsed)
    }

    /// For whatever a run writes.
    pub(super) fn directory(&self) -> &Path {
        &self.directory
    }

    fn read(&self, path: &str) -> Vec<u8> {
        request((self.github.address(), TOKEN), ("GET", path), "")
    }
}

/// The number of an issue that there is.
fn number(id: u32) -> u32 {
    id % ISSUES + 1
}

impl Lineup for Servers {
    const SERVERS: &'static [&'static str] = &[OURS, OFFICIAL];
    const FLOOR: &'static str = HTTP;

    fn subjects(&self) -> Vec<Subject> {
        vec![
            Subject { name: OURS, version: env!("CARGO_PKG_VERSION").to_owned() },
            Subject { name: OFFICIAL, version: self.official.version.to_owned() },
            Subject { name: PUBLISHED, version: "1.10.1".to_owned() },
            Subject { name: HTTP, version: "without a server".to_owned() },
        ]
    }

    fn start(&self, server: &str, offer: Offer) -> Result<Session> {
        let mut options = Vec::new();
        let command = if server == OURS {
            if offer != Offer::Reading {
                options.extend(["--write", "--destroy=allow"]);
            }
            if offer == Offer::All {
                options.push("--toolsets=all");
            }
            let mut command = Command::new(&self.ours);
            command.arg("--host").arg(self.github.host());
            command.arg("--credential").arg(format!("file:{}", self.token.display()));
            command.arg("--state-dir").arg(self.directory.join("state")).args(options);
            command
        } else {
            if offer == Offer::Reading {
                options.push("--read-only");
            }
            if offer != Offer::All {
                options.push(DEFAULT_SETS);
            }
            let mut command = Command::new(&self.official.program);
            command.arg("stdio").arg("--gh-host").arg(format!("http://{}", PORTLESS.ip()));
            command.args(options).env("GITHUB_PERSONAL_ACCESS_TOKEN", TOKEN);
            command
        };
        Session::start(command, &self.directory.join(format!("{server}.log")))
    }

    fn installed(&self, server: &str) -> Vec<PathBuf> {
        vec![if server == OURS { self.ours.clone() } else { self.official.program.clone() }]
    }

    fn smallest(server: &str, id: u32) -> (&'static str, Value) {
        let number = number(id);
        if server == OURS {
            ("issue_read", json!({ "method": "get", "repo": "admin/shop", "number": number }))
        } else {
            ("get_issue", json!({ "owner": "admin", "repo": "shop", "issue_number": number }))
        }
    }

    fn floor_calls(&mut self, calls: u32) -> Result<(f64, f64)> {
        let mut samples = Samples::default();
        for id in 0..calls {
            let request = self.read(&format!("/repos/admin/shop/issues/{}", number(id)));
            let start = Instant::now();
            self.floor.exchange(&request)?;
            samples.0.push(start.elapsed().as_secs_f64() * 1e6);
        }
        Ok((samples.percentile(50.0), samples.percentile(99.0)))
    }

    /// With a connection for each request in flight.
    fn floor_flood(&mut self, calls: u32, in_flight: u32) -> Result<f64> {
        let request = self.read("/repos/admin/shop/issues/1");
        let each = calls / in_flight;
        let start = Instant::now();
        thread::scope(|scope| {
            let all: Vec<_> = (0..in_flight)
                .map(|_| {
                    scope.spawn(|| -> Result<()> {
                        let mut connection = Connection::open(self.github.address())?;
                        (0..each).try_for_each(|_| Ok(connection.exchange(&request).map(drop)?))
                    })
                })
                .collect();
            let ended = all.into_iter().map(|one| one.join().ok().context("a thread panicked")?);
            ended.collect::<Result<()>>()
        })?;
        Ok(f64::from(each * in_flight) / start.elapsed().as_secs_f64())
    }
}

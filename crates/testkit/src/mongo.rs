//! Deployments that speak MongoDB's wire protocol, for tests: `SecantusDB` as a process of its own, on a
//! free port of the loopback. It takes seconds to start, so the tests of a run share one, each with a
//! database of its own; it ends when nobody uses it any more. `MONGO_TEST_URI` names a real MongoDB
//! to be used instead.
#![expect(clippy::disallowed_methods, reason = "starts servers and keeps their files")]
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test whose server does not start has failed"
)]

use std::fs::{self, File};
use std::io::{BufRead as _, BufReader};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};

/// Keeps the shared server.
const KEEP: &str = include_str!("mongo/keep.py");

/// A server that tests share.
struct Shared {
    uri: String,
    /// Held until the process ends: somebody uses the server.
    _lock: Option<File>,
}

/// Where a database of the test's own is, on the server that tests share. None if this run does
/// without one.
pub fn database() -> Option<(String, String)> {
    static SHARED: OnceLock<Option<Shared>> = OnceLock::new();
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let shared = SHARED.get_or_init(shared).as_ref()?;
    let number = NEXT.fetch_add(1, Ordering::Relaxed);
    Some((shared.uri.clone(), format!("test_{}_{number}", std::process::id())))
}

fn shared() -> Option<Shared> {
    if let Ok(uri) = std::env::var("MONGO_TEST_URI") {
        return Some(Shared { uri, _lock: None });
    }
    let program = program()?;
    let directory = program.parent().and_then(Path::parent).expect("<root>/bin/program");
    let running = directory.join("running");
    fs::create_dir_all(&running).unwrap();
    let open = |name: &str| {
        let options =
            || File::options().create(true).truncate(false).read(true).write(true).clone();
        options().open(running.join(name)).unwrap()
    };
    // Nobody ends it from here on.
    let users = open("users");
    users.lock_shared().unwrap();
    let starting = open("starting");
    starting.lock().unwrap();
    let known = fs::read_to_string(running.join("port")).ok();
    let known = known.and_then(|port| port.trim().parse().ok());
    let answers = |port: &u16| TcpStream::connect(("127.0.0.1", *port)).is_ok();
    let port = known.filter(answers).unwrap_or_else(|| {
        let mut command = python(&program);
        command.args(["-c", KEEP]).arg(running.join("users")).arg(&program).args(ARGUMENTS);
        let (_, port) = start(&mut command);
        fs::write(running.join("port"), port.to_string()).unwrap();
        port
    });
    Some(Shared {
        uri: format!("mongodb://127.0.0.1:{port}/?directConnection=true"),
        _lock: Some(users),
    })
}

/// What every server is started with.
const ARGUMENTS: [&str; 8] =
    ["--host", "127.0.0.1", "--port", "0", "--storage-path", ":memory:", "--cache-size", "256M"];

/// A server of a test's own, stopped with the value.
#[derive(Debug)]
pub struct Deployment {
    server: Child,
    port: u16,
}

impl Deployment {
    /// Starts a server with arguments of its program, unless this run does without it.
    pub fn start(arguments: &[&str]) -> Option<Self> {
        Some(Self::start_at(&program()?, arguments))
    }

    /// Starts the server that this program is.
    pub fn start_at(program: &Path, arguments: &[&str]) -> Self {
        let mut command = python(program);
        // Its own process group ends with it: what `keep` does for the shared one.
        command.arg("-c").arg(ALONE).arg(program).args(ARGUMENTS).args(arguments);
        let (server, port) = start(&mut command);
        Self { server, port }
    }

    /// The port of the loopback on which it listens.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Asks it to end, and waits until everything is stored.
    pub fn end(&mut self) {
        let id = self.server.id().to_string();
        let ended = Command::new("kill").arg(id).status();
        assert!(ended.is_ok_and(|status| status.success()), "the server can't be ended");
        self.server.wait().unwrap();
    }

    /// Stops it at once.
    pub fn stop(&mut self) {
        drop(self.server.kill());
        self.server.wait().unwrap();
    }
}

impl Drop for Deployment {
    fn drop(&mut self) {
        drop(self.server.kill());
        drop(self.server.wait());
    }
}

/// Runs the server in this process and says its port, as `keep` does.
const ALONE: &str = r#"
import logging, os, re, sys
class Told(logging.Handler):
    def emit(self, record):
        found = re.search(r"listening on [^ ]*:(\d+)", record.getMessage())
        if found:
            os.write(1, f"{found.group(1)}\n".encode())
logging.getLogger("secantus.server").addHandler(Told())
sys.argv = sys.argv[1:]
from secantus.cli import main
sys.exit(main())
"#;

fn python(program: &Path) -> Command {
    let mut command = Command::new("python3");
    let packages = program.parent().and_then(Path::parent).expect("<root>/bin/program");
    command.env("PYTHONPATH", packages).current_dir(packages);
    command
}

fn start(command: &mut Command) -> (Child, u16) {
    let mut server = command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap_or_else(|error| panic!("the server does not start: {error}"));
    let mut line = String::new();
    let output = server.stdout.take().expect("it is piped");
    BufReader::new(output).read_line(&mut line).unwrap();
    let port = line.trim().parse();
    (server, port.unwrap_or_else(|_| panic!("the server ended before it listened")))
}

/// The server's program, or none if this run does without it.
fn program() -> Option<PathBuf> {
    let without = std::env::var("LOCKKEEPER_WITHOUT").unwrap_or_default();
    if without.split(',').any(|left_out| left_out == "mongo") {
        return None;
    }
    let path = std::env::var_os("LOCKKEEPER_MONGO").unwrap_or_else(|| {
        panic!(
            "LOCKKEEPER_MONGO is not set: run `cargo xtask test`, with `--without mongo` to do \
             without, or name a deployment in MONGO_TEST_URI"
        )
    });
    Some(PathBuf::from(path))
}

//! `emulate`: a server on Node that keeps users, repositories, issues and pull requests in memory.

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use tempfile::TempDir;

use super::counterpart;

/// The one token that servers know.
pub const TOKEN: &str = "t_admin";

/// That of somebody else, `mallory`, who has no part in the repositories.
pub const STRANGER: &str = "t_mallory";

/// A running emulator, ended with the value.
#[derive(Debug)]
pub struct Emulator {
    address: SocketAddr,
    child: Child,
    _directory: TempDir,
}

impl Emulator {
    /// Starts one with a user `admin`, whose token is [`TOKEN`], and these repositories of theirs
    /// (`true` for private), each with a README; none if this run does without it.
    pub fn start(repos: &[(&str, bool)]) -> Option<Self> {
        let program = counterpart("emulate", "LOCKKEEPER_EMULATE")?;
        let node = counterpart("node", "LOCKKEEPER_NODE")?;
        Some(Self::start_at(&node, &program, repos))
    }

    /// The same, where Node and the emulator's program lie here.
    ///
    /// # Panics
    ///
    /// If it doesn't start.
    pub fn start_at(node: &Path, program: &Path, repos: &[(&str, bool)]) -> Self {
        let directory = TempDir::new().unwrap();
        let mut seed = format!("tokens:\n  {TOKEN}: {{login: admin, scopes: [repo]}}\n");
        seed.push_str(&format!("  {STRANGER}: {{login: mallory, scopes: [repo]}}\ngithub:\n"));
        seed.push_str("  users: [{login: admin, name: Admin}, {login: mallory}]\n  repos:\n");
        for (name, private) in repos {
            seed.push_str(&format!(
                "    - {{owner: admin, name: {name}, private: {private}, auto_init: true}}\n"
            ));
        }
        let file = directory.path().join("seed.yaml");
        fs::write(&file, seed).unwrap();
        // It takes a port by number only, so a free one is looked for.
        let port =
            TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap().port();
        let mut command = Command::new(node);
        command.arg(program).args(["start", "--service", "github", "--port", &port.to_string()]);
        command.arg("--seed").arg(&file).stdin(Stdio::null()).stdout(Stdio::piped());
        let mut child = command.stderr(Stdio::inherit()).spawn().expect("Node starts");
        let mut lines = BufReader::new(child.stdout.take().unwrap());
        let mut line = String::new();
        while !line.contains("Ready.") {
            line.clear();
            assert!(
                lines.read_line(&mut line).unwrap() > 0,
                "the emulator ended before it was ready"
            );
        }
        // What it says later is read, so that it doesn't wait for a reader.
        std::thread::spawn(move || std::io::copy(&mut lines, &mut std::io::sink()));
        let address = (Ipv4Addr::LOCALHOST, port).into();
        Self { address, child, _directory: directory }
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }
}

impl Drop for Emulator {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

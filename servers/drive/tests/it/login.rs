//! Logging in as people do, and one login shared by several processes.

use std::fs;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::{Command, Stdio};

use lockkeeper_drive_double::{Double, NewFile, Seed};
use lockkeeper_testkit::stdio::{Client, Era, Launch};
use serde_json::json;
use tempfile::TempDir;

use crate::bulk::BINARY;

struct Desk {
    double: Double,
    directory: TempDir,
}

impl Desk {
    fn new() -> Self {
        let double = Double::start(Seed::new().file(NewFile::text("a", "text").id("a")));
        let desk = Self { double, directory: TempDir::new().unwrap() };
        let client = desk.path("client.json");
        fs::write(&client, desk.double.desktop_client().to_string()).unwrap();
        fs::set_permissions(&client, fs::Permissions::from_mode(0o600)).unwrap();
        desk
    }

    fn path(&self, name: &str) -> String {
        self.directory.path().join(name).display().to_string()
    }

    fn arguments(&self) -> Vec<String> {
        vec![
            format!("--api-root={}", self.double.url()),
            format!("--state-dir={}", self.path("state")),
        ]
    }

    /// Runs a subcommand; each address that it shows is opened, as a browser does. What it said.
    fn run(&self, command: &str, more: &[String]) -> (bool, String) {
        let mut child = Command::new(BINARY)
            .arg(command)
            .args(self.arguments())
            .args(more)
            .env("HOME", self.directory.path())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut said = String::new();
        for line in BufReader::new(child.stderr.take().unwrap()).lines() {
            let line = line.unwrap();
            if line.starts_with(&self.double.url()) {
                let agreed = visit(&line);
                visit(&location(&agreed));
            }
            said.push_str(&line);
            said.push('\n');
        }
        child.stdout.take().unwrap().read_to_string(&mut said).unwrap();
        (child.wait().unwrap().success(), said)
    }

    fn login(&self) {
        let client = format!("--client={}", self.path("client.json"));
        let (is_done, said) = self.run("login", &[client]);
        assert!(is_done && said.contains("logged in"), "{said}");
    }

    fn server(&self) -> Client {
        Launch::new(BINARY)
            .args(self.arguments())
            .env("HOME", self.directory.path())
            .connect(Era::Modern)
            .unwrap()
    }
}

/// What is at an address.
fn visit(address: &str) -> String {
    let rest = address.strip_prefix("http://").unwrap();
    let (host, path) = rest.split_at(rest.find(['/', '?']).unwrap_or(rest.len()));
    let path = path.trim_start_matches('/');
    let mut stream = TcpStream::connect(host).unwrap();
    let request = format!("GET /{path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}

fn location(answer: &str) -> String {
    let head = answer.lines().find(|line| line.to_lowercase().starts_with("location: ")).unwrap();
    head.split_once(": ").unwrap().1.to_owned()
}

fn renewals(double: &Double) -> usize {
    let asked = double.log_of("oauth.token");
    let is_renewal = |body: &[u8]| String::from_utf8_lossy(body).contains("refresh_token");
    asked.iter().filter(|seen| is_renewal(&seen.body)).count()
}

#[test]
fn four_processes_renew_one_login_once() {
    let desk = Desk::new();
    desk.login();
    let mut servers: Vec<Client> = (0..4).map(|_| desk.server()).collect();
    let read = |server: &mut Client| {
        let reply = server.call_tool("read", json!({"file": "a"})).unwrap();
        assert!(!reply.is_error(), "{}", reply.text());
        assert!(reply.text().ends_with("text"), "{}", reply.text());
    };
    servers.iter_mut().for_each(read);
    assert_eq!(renewals(&desk.double), 0);
    for round in 1..=3 {
        // The token ends for all of them, and all of them ask at once.
        desk.double.end_tokens();
        std::thread::scope(|scope| {
            for server in &mut servers {
                scope.spawn(|| read(server));
            }
        });
        assert_eq!(renewals(&desk.double), round, "each end of a token takes one renewal");
    }
}

#[test]
fn nobody_reads_a_login_from_its_file_and_its_end_is_explained() {
    let desk = Desk::new();
    let mut server = desk.server();
    let mut ask = || server.call_tool("read", json!({"file": "a"})).unwrap().text();
    let said = ask();
    assert!(said.contains("lockkeeper-drive login"), "{said}");
    desk.login();
    // The process that was there before takes the login up.
    assert!(ask().ends_with("text"));
    assert!(holds_no_token(desk.directory.path()));
    desk.double.end_tokens();
    desk.double.end_refresh_tokens();
    let said = ask();
    assert!(said.contains("login_expired") && said.contains("In production"), "{said}");
    let (is_done, said) = desk.run("logout", &[]);
    assert!(is_done, "{said}");
    let (_, said) = desk.run("logout", &[]);
    assert!(said.contains("nobody was logged in"), "{said}");
}

/// Google's tokens begin alike; none stands in any file as it is.
fn holds_no_token(directory: &Path) -> bool {
    directory.read_dir().unwrap().all(|entry| {
        let path = entry.unwrap().path();
        if path.is_dir() {
            return holds_no_token(&path);
        }
        let text = fs::read(&path).unwrap_or_default();
        let text = String::from_utf8_lossy(&text);
        !text.contains("ya29.") && !text.contains("1//0")
    })
}

//! A GitHub with one public and one private repository of the token's user, and servers in front of
//! it: in this process, or as the binary that people start.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use lockkeeper_github::GitHub;
use lockkeeper_testkit::github::{Front, Said, TOKEN};
use lockkeeper_testkit::in_process::{self, InProcess};
use lockkeeper_testkit::stdio::{Client, Era, Launch};
use serde_json::{Value, json};
use tempfile::TempDir;

pub(crate) struct Scene {
    pub(crate) front: Front,
    directory: TempDir,
}

/// What GitHub says of a repository.
pub(crate) fn described(name: &str, private: bool) -> Value {
    json!({
        "full_name": name, "private": private, "default_branch": "main",
        "visibility": if private { "private" } else { "public" },
        "owner": {"login": name.split('/').next()},
        "permissions": {"push": true, "admin": true, "pull": true},
    })
}

impl Scene {
    pub(crate) fn new() -> Self {
        let front = Front::examples();
        for (name, private) in [("me/pub", false), ("me/priv", true)] {
            front.say("GET", &format!("/repos/{name}"), Said::json(200, &described(name, private)));
        }
        let user = json!({"login": "me", "type": "User"});
        front.say("GET", "/user", Said::json(200, &user));
        let directory = tempfile::tempdir().unwrap();
        let token = directory.path().join("token");
        fs::write(&token, TOKEN).unwrap();
        fs::set_permissions(&token, fs::Permissions::from_mode(0o600)).unwrap();
        Self { front, directory }
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    pub(crate) fn arguments(&self, flags: &[&str]) -> Vec<String> {
        let own = [
            format!("--host={}", self.front.host()),
            format!("--credential=file:{}", self.path("token").display()),
            "--write-pause=0".to_owned(),
            "--toolsets=all".to_owned(),
        ];
        own.into_iter().chain(flags.iter().map(|flag| (*flag).to_owned())).collect()
    }

    /// A session with a server in this process, which keeps nothing.
    pub(crate) fn client(&self, flags: &[&str]) -> InProcess {
        let arguments = self.arguments(flags);
        let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
        InProcess::start::<GitHub>(&arguments, Era::Modern)
    }

    /// A session with the binary, which keeps state and book in this scene's directory.
    pub(crate) fn binary(&self, flags: &[&str], capabilities: &Value, era: Era) -> Client {
        self.launch(flags).capabilities(capabilities.clone()).connect(era).unwrap()
    }

    /// The same, as talkative as it gets.
    pub(crate) fn traced(&self, flags: &[&str], era: Era) -> Client {
        self.launch(flags).env("RUST_LOG", "trace").connect(era).unwrap()
    }

    fn launch(&self, flags: &[&str]) -> Launch {
        let kept = [
            format!("--state-dir={}", self.path("state").display()),
            format!("--audit={}", self.path("audit").display()),
        ];
        Launch::new(env!("CARGO_BIN_EXE_lockkeeper-github")).args(self.arguments(flags)).args(kept)
    }

    /// All that the book says.
    pub(crate) fn book(&self) -> String {
        files(&self.path("audit"))
            .into_iter()
            .map(|path| fs::read(path).unwrap())
            .fold(String::new(), |book, bytes| book + &String::from_utf8_lossy(&bytes))
    }

    /// Requests that would have changed something.
    pub(crate) fn changes(&self) -> Vec<String> {
        let seen = self.front.take_seen().into_iter();
        seen.filter(|seen| seen.method != "GET")
            .map(|seen| format!("{} {}", seen.method, seen.path))
            .collect()
    }
}

/// What an agent sees of one call.
pub(crate) fn seen(client: &mut InProcess, tool: &str, arguments: Value) -> String {
    in_process::seen(&client.call(tool, arguments))
}

/// The files in a directory, and below.
pub(crate) fn files(directory: &Path) -> Vec<PathBuf> {
    let paths = fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path());
    paths.flat_map(|path| if path.is_dir() { files(&path) } else { vec![path] }).collect()
}

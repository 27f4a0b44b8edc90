//! A server in the settings of agent hosts: put in, found by `check`, taken out.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use lockkeeper_hosts::{Host, Places, Platform};
use lockkeeper_testkit::stdio::{Era, Launch};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::fixture::{Fixture, Ran};
use crate::jobs::counterpart;

/// A user with a home, in which there are hosts, and a project.
struct User {
    directory: TempDir,
}

impl User {
    fn new() -> Self {
        let user = Self { directory: tempfile::tempdir().unwrap() };
        fs::create_dir_all(user.project()).unwrap();
        fs::create_dir_all(user.bin()).unwrap();
        for host in Host::ALL {
            let file = user.file(host);
            fs::create_dir_all(file.parent().unwrap()).unwrap();
        }
        user
    }

    fn home(&self) -> PathBuf {
        self.directory.path().join("home")
    }

    fn project(&self) -> PathBuf {
        self.directory.path().join("project")
    }

    /// All that is on the search path.
    fn bin(&self) -> PathBuf {
        self.directory.path().join("bin")
    }

    fn file(&self, host: Host) -> PathBuf {
        let places = Places { home: Some(self.home()), ..Places::default() };
        host.file(&places, Platform::HERE).unwrap()
    }

    fn text(&self, host: Host) -> String {
        fs::read_to_string(self.file(host)).unwrap()
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let fixture = Fixture::new(&[]);
        let mut command = Command::new(fixture.program());
        command.env_clear().env("HOME", self.home()).env("PATH", self.bin());
        command.current_dir(self.project()).args(arguments);
        command
    }

    fn run(&self, arguments: &[&str]) -> Ran {
        Ran(self.command(arguments).output().unwrap())
    }

    #[track_caller]
    fn done(&self, arguments: &[&str]) -> Ran {
        let ran = self.run(arguments);
        assert_eq!(ran.code(), 0, "{arguments:?}: {}", ran.stderr());
        ran
    }
}

/// The servers in a file, as its host reads them.
fn servers(host: Host, text: &str) -> Value {
    match host {
        Host::Codex => {
            let table: toml::Table = text.parse().unwrap();
            serde_json::to_value(&table["mcp_servers"]).unwrap()
        }
        Host::VsCode => serde_json::from_str::<Value>(text).unwrap()["servers"].take(),
        Host::Zed => serde_json::from_str::<Value>(text).unwrap()["context_servers"].take(),
        _ => serde_json::from_str::<Value>(text).unwrap()["mcpServers"].take(),
    }
}

#[test]
fn what_a_host_was_told_starts_the_server() {
    let user = User::new();
    let edited = Host::ALL.into_iter().filter(|host| host.is_edited());
    // Claude Code's state file has to be there, or its program.
    fs::write(user.file(Host::ClaudeCode), "{\"numStartups\": 3}").unwrap();
    for host in edited {
        let register = ["register", host.name(), "--name", "notes", "--", "--write"];
        let dry = user.done(&[&register[..3], &["notes", "--dry-run", "--", "--write"]].concat());
        assert!(dry.stdout().contains('+') && dry.stdout().contains("--write"), "{host}");
        assert!(!user.file(host).exists() || !user.text(host).contains("notes"), "{host}");
        user.done(&register);
        let text = user.text(host);
        let again = user.done(&register);
        assert!(again.stderr().contains("so already"), "{}", again.stderr());
        assert_eq!(user.text(host), text, "{host}");

        let entry = &servers(host, &text)["notes"];
        let command = entry["command"].as_str().unwrap();
        assert!(Path::new(command).is_absolute(), "{command}");
        let words = entry["args"].as_array().unwrap();
        let arguments = words.iter().map(|word| word.as_str().unwrap());
        let mut launch = Launch::new(command).args(arguments);
        launch.command().env_clear().env("HOME", user.home());
        let mut client = launch.connect(Era::Modern).unwrap();
        let tools = client.request("tools/list", Era::Modern.with_meta(&json!({}), json!({})));
        assert!(tools.unwrap().value.to_string().contains("add_note"), "{host}");
        drop(client);

        let checked = user.done(&["check"]);
        let line = format!("{host} has `notes` in `{}`", user.file(host).display());
        assert!(checked.stdout().contains(&line), "{}", checked.stdout());

        user.done(&["unregister", host.name(), "--name", "notes", "--dry-run"]);
        assert_eq!(user.text(host), text, "{host}");
        user.done(&["unregister", host.name(), "--name", "notes"]);
        assert!(!user.text(host).contains("notes"), "{host}");
        let gone = user.done(&["unregister", host.name(), "--name", "notes"]);
        assert!(gone.stderr().contains("has no `notes`"), "{}", gone.stderr());
    }
    assert!(user.text(Host::ClaudeCode).contains("\"numStartups\": 3"));
}

#[test]
fn a_project_is_told_without_a_directory_or_a_secret() {
    let user = User::new();
    for host in [Host::ClaudeCode, Host::Codex, Host::Cursor, Host::VsCode, Host::Zed] {
        user.done(&["register", host.name(), "--project"]);
        let text = fs::read_to_string(host.project_file(&user.project()).unwrap()).unwrap();
        assert_eq!(servers(host, &text)["fixture"]["args"], json!([]), "{host}");
    }
    let none = user.run(&["register", "claude-desktop", "--project"]);
    assert_eq!(none.code(), 1);
    assert!(none.stderr().contains("reads no file of a project"), "{}", none.stderr());
    let token = "--log=postgresql://me:a1B2c3D4e5@db/shop";
    let secret = user.run(&["register", "cursor", "--project", "--", token]);
    assert_eq!(secret.code(), 1);
    assert!(secret.stderr().contains("holds a credential") && !secret.stderr().contains("a1B2"));
}

#[test]
fn what_does_not_start_is_not_registered() {
    let user = User::new();
    for (arguments, expected) in [
        (&["register", "cursor", "--", "--no-such"][..], "unexpected argument"),
        (&["register", "cursor", "--", "check"], "not a subcommand"),
        (&["register", "cursor", "--", "--config", "/no/such.toml"], "doesn't start so"),
        (&["register", "cursor", "--name", "a b"], "up to 30 letters"),
        (&["register", "emacs"], "possible values: claude-code"),
    ] {
        let ran = user.run(arguments);
        assert_ne!(ran.code(), 0);
        assert!(ran.stderr().contains(expected), "{arguments:?}: {}", ran.stderr());
    }
    assert!(!user.file(Host::Cursor).exists());
    let absent = User { directory: tempfile::tempdir().unwrap() };
    fs::create_dir_all(absent.project()).unwrap();
    let ran = absent.run(&["register", "cursor"]);
    assert!(ran.stderr().contains("Cursor isn't here"), "{}", ran.stderr());
    assert!(!absent.home().exists());
}

#[test]
fn hosts_that_are_not_edited_are_told_what_to_put_where() {
    let user = User::new();
    for host in Host::ALL {
        let ran = user.done(&["register", host.name(), "--print"]);
        assert!(ran.stderr().contains(user.file(host).to_str().unwrap()), "{}", ran.stderr());
        assert!(!servers(host, &ran.stdout())["fixture"].is_null(), "{host}");
        assert!(!user.file(host).exists(), "{host}");
    }
    let ran = user.done(&["register", "windsurf"]);
    assert!(!servers(Host::Windsurf, &ran.stdout())["fixture"].is_null());
}

/// Claude Code writes its state file itself; this stands for its program, and keeps what it was told.
#[cfg(unix)]
#[test]
fn claude_code_is_asked_to_write_its_own_state() {
    use std::os::unix::fs::PermissionsExt as _;
    let user = User::new();
    let told = user.home().join("told");
    let script = format!(
        "#!/bin/sh\nprintf '%s\\n' \"$@\" >> '{}'\ncase $2 in\n  add-json) printf '{{\"mcpServers\":{{\"%s\":%s}}}}' \"$5\" \"$6\" > '{file}' ;;\n  remove) printf '{{}}' > '{file}' ;;\nesac\n",
        told.display(),
        file = user.file(Host::ClaudeCode).display(),
    );
    let program = user.bin().join("claude");
    fs::write(&program, script).unwrap();
    fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
    let ran = user.done(&["register", "claude-code"]);
    assert!(ran.stderr().contains("through `claude mcp add-json`"), "{}", ran.stderr());
    let told_words = fs::read_to_string(&told).unwrap();
    assert!(told_words.starts_with("mcp\nadd-json\n--scope\nuser\nfixture\n{"), "{told_words}");
    user.done(&["unregister", "claude-code"]);
    assert!(fs::read_to_string(&told).unwrap().ends_with("mcp\nremove\n--scope\nuser\nfixture\n"));
    // One that says it did and didn't is found out.
    fs::write(&program, "#!/bin/sh\nexit 0\n").unwrap();
    let ran = user.run(&["register", "claude-code"]);
    assert!(ran.code() == 1 && ran.stderr().contains("ended well, but"), "{}", ran.stderr());
    fs::write(&program, "#!/bin/sh\necho no luck >&2\nexit 3\n").unwrap();
    let ran = user.run(&["register", "claude-code"]);
    assert!(ran.code() == 1 && ran.stderr().contains("no luck"), "{}", ran.stderr());
}

#[test]
fn a_host_that_starts_what_is_gone_is_told_by_check() {
    let user = User::new();
    let entry = json!({"mcpServers": {"old": {"command": "/no/such/fixture", "args": []}}});
    fs::write(user.file(Host::Cursor), entry.to_string()).unwrap();
    let ran = user.run(&["check"]);
    assert_eq!(ran.code(), 1);
    let line = "FAIL host";
    assert!(ran.stdout().contains(line) && ran.stdout().contains("`register cursor` again"));
}

/// Places and shapes are those of a list that others keep.
#[test]
fn hosts_keep_their_settings_where_others_say_too() {
    let Some(package) = counterpart("mcp-config-schema") else { return };
    let configs = package.parent().unwrap().join("configs");
    let mut known = 0;
    for host in Host::ALL.into_iter().filter(|&host| host != Host::Zed) {
        let text = fs::read_to_string(configs.join(format!("{}.json", host.name()))).unwrap();
        let config: Value = serde_json::from_str(&text).unwrap();
        for (name, platform) in
            [("linux", Platform::Linux), ("darwin", Platform::MacOs), ("win32", Platform::Windows)]
        {
            let Some(expected) = config["configPath"][name].as_str() else { continue };
            let places = if platform == Platform::Windows {
                let (home, config) = ("%USERPROFILE%".into(), "%APPDATA%".into());
                Places { home: Some(home), config: Some(config), codex: None }
            } else {
                Places { home: Some("$HOME".into()), ..Places::default() }
            };
            let file = host.file(&places, platform).unwrap();
            let file = file.to_str().unwrap().replace('\\', "/");
            assert_eq!(file, expected.replace('\\', "/"), "{host} on {name}");
            known += 1;
        }
        let structure = &config["configStructure"];
        let ran = User::new().done(&["register", host.name(), "--print"]).stdout();
        let all: Value = match host {
            Host::Codex => serde_json::to_value(ran.parse::<toml::Table>().unwrap()).unwrap(),
            _ => serde_json::from_str(&ran).unwrap(),
        };
        let entry = &all[structure["serversPropertyName"].as_str().unwrap()]["fixture"];
        let mapping = &structure["stdioPropertyMapping"];
        for property in ["commandProperty", "argsProperty"] {
            assert!(!entry[mapping[property].as_str().unwrap()].is_null(), "{host} {property}");
        }
        let says_type = mapping["typeProperty"].as_str().map(|name| entry[name].clone());
        assert_eq!(says_type, (!entry["type"].is_null()).then(|| json!("stdio")), "{host}");
    }
    assert!(known >= 20, "{known}");
}

//! Secrets are planted wherever one can be, everything is made to happen at the most talkative log
//! level, and what leaves the process is searched for them, plain and encoded.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE};
use lockkeeper_testkit::stdio::{Client, Era, Launch};
use serde_json::{Value, json};

use crate::fixture::{Fixture, PATIENCE, eras, files};
use crate::jobs;

/// With characters that each encoding changes.
fn canary(place: &str) -> String {
    format!("cAnary<{place}>%9/@+d\"4b7e")
}

/// The ways in which a secret can show: as it is, its halves, and encoded.
fn forms(secret: &str) -> Vec<String> {
    let (half, other) = secret.split_at(secret.len() / 2);
    let mut forms = vec![secret.to_owned(), half.to_owned(), other.to_owned()];
    let hex = in_hex(secret, "");
    forms.extend([hex.to_uppercase(), hex]);
    let percent = |c: char, plain: &str| match c {
        c if c.is_ascii_alphanumeric() || plain.contains(c) => c.to_string(),
        c => format!("%{:02X}", u32::from(c)),
    };
    let every = in_hex(secret, "%");
    forms.extend([every.to_uppercase(), every]);
    for plain in ["", "/", "-._~/"] {
        let encoded: String = secret.chars().map(|c| percent(c, plain)).collect();
        forms.extend([encoded.to_lowercase(), encoded]);
    }
    forms.push(secret.chars().rev().collect());
    forms.push(secret.escape_debug().to_string());
    for engine in [&STANDARD, &URL_SAFE] {
        for before in 0..3 {
            // Where its first byte falls decides; what its neighbours have a part in is cut off.
            let bytes = [&vec![b'x'; before], secret.as_bytes()].concat();
            let text = engine.encode(&bytes);
            let end = bytes.len() / 3 * 4;
            forms.push(text.get((before * 4).div_ceil(3)..end).unwrap().to_owned());
        }
    }
    forms
}

fn in_hex(text: &str, before_each: &str) -> String {
    text.bytes().map(|byte| format!("{before_each}{byte:02x}")).collect::<Vec<_>>().concat()
}

/// What a process let out, by where.
#[derive(Default)]
struct Leaving(Vec<(String, Vec<u8>)>);

impl Leaving {
    fn add(&mut self, place: impl Into<String>, bytes: impl AsRef<[u8]>) {
        self.0.push((place.into(), bytes.as_ref().to_owned()));
    }

    fn add_files(&mut self, directory: &Path) {
        for path in files(directory) {
            self.add(path.display().to_string(), fs::read(&path).unwrap());
            self.add("a file's name", path.to_str().unwrap());
        }
    }

    /// All that a running server says of itself to others.
    fn add_process(&mut self, client: &Client) {
        for name in ["cmdline", "comm", "status"] {
            let path = format!("/proc/{}/{name}", client.pid());
            // A hardened process may keep even these to itself.
            self.add(&path, fs::read(&path).unwrap_or_default());
        }
    }

    fn add_client(&mut self, client: &Client) {
        self.add("stdout", client.stdout());
        self.add("stderr", client.stderr());
    }

    fn find(&self, secrets: &[String]) -> Vec<String> {
        let mut found = Vec::new();
        for (place, bytes) in &self.0 {
            let text = String::from_utf8_lossy(bytes);
            for secret in secrets {
                for form in forms(secret).iter().filter(|form| text.contains(form.as_str())) {
                    found.push(format!("{place} holds `{form}`: {text}"));
                }
            }
        }
        found
    }

    fn holds_none_of(&self, secrets: &[String]) {
        assert!(self.0.iter().any(|(_, bytes)| !bytes.is_empty()), "nothing was searched");
        let found = self.find(secrets);
        assert!(found.is_empty(), "{}", found.join("\n"));
    }
}

#[test]
fn the_search_finds_what_it_is_for() {
    let secret = canary("control");
    for before in ["", "a", "ab", "abc", "abcd"] {
        let text = format!("{before}{secret}{before}");
        for shown in [
            text.clone(),
            STANDARD.encode(&text),
            URL_SAFE.encode(&text),
            in_hex(&text, ""),
            in_hex(&text, "").to_uppercase(),
            format!("{text:?}"),
            in_hex(&text, "%").to_uppercase(),
            json!(text).to_string(),
            text.get(..text.len() - before.len() - 4).unwrap().to_owned(),
        ] {
            let mut leaving = Leaving::default();
            leaving.add("a test", &shown);
            assert!(!leaving.find(std::slice::from_ref(&secret)).is_empty(), "{shown}");
        }
    }
    let fixture = Fixture::new(&[]);
    let mut session = fixture.connect(Era::Modern);
    session.text("print_text", json!({"text": secret}));
    let mut leaving = Leaving::default();
    leaving.add_client(&session.end());
    assert_eq!(leaving.find(&[secret]).len(), 3, "whole, and each half, on stderr");
}

fn private_file(fixture: &Fixture, name: &str, text: &str) -> String {
    let path = fixture.file(name, text);
    fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
    path
}

#[test]
fn no_source_of_a_credential_leaks_it() {
    let [env, file, command, stored, other] =
        ["env", "file", "command", "store", "other"].map(canary);
    let dsn = canary("dsn").replace(['/', '@', '%', '"', '<', '>'], "x");
    let secrets = [env, file, command, stored, other, dsn];
    let [env, file, command, stored, other, dsn] = &secrets;
    eras(|era| {
        for kind in ["env", "file", "command", "store", "bad file", "bad command", "bad store"] {
            let fixture = Fixture::new(&["--write", "--destroy", "allow"])
                .env("RUST_LOG", "trace")
                .env("FIXTURE_TOKEN", env)
                .env("SOME_OTHER_TOKEN", other);
            let of_file = private_file(&fixture, "of_file", file);
            let of_command = private_file(&fixture, "of_command", command);
            let mut leaving = Leaving::default();
            let set = fixture.secret(&["set", "mine"], stored);
            leaving.add("secret set", set.stdout() + &set.stderr());
            let source = match kind {
                "env" => "env:FIXTURE_TOKEN".to_owned(),
                "file" => format!("file:{of_file}"),
                "command" => format!("command:/bin/cat {of_command}"),
                "store" => "store:mine".to_owned(),
                "bad file" => {
                    fs::set_permissions(&of_file, fs::Permissions::from_mode(0o644)).unwrap();
                    format!("file:{of_file}")
                }
                "bad command" => {
                    format!("command:/bin/sh -c 'cat {of_command} | tee /dev/stderr; exit 1'")
                }
                _ => {
                    let store = fixture.path("state/secrets");
                    let text = fs::read_to_string(&store).unwrap();
                    fs::write(&store, text.replacen("mine", "nine", 1)).unwrap();
                    "store:mine".to_owned()
                }
            };
            let dsn = format!("postgres://u:{dsn}@host/db?sslpassword={dsn}");
            let config = format!("# {other}\n[source]\ncredential = {source:?}\ndsn = {dsn:?}\n");
            let config = fixture.file("config.toml", &config);
            let metrics = fixture.path("metrics");
            fs::create_dir(&metrics).unwrap();
            let metrics = metrics.to_str().unwrap();
            let fixture = fixture.also(&["--config", &config, "--metrics-file", metrics]);

            let mut session = fixture.connect(era);
            for end in ["welcome", "refused", "panic", "nonsense"] {
                let told = session.text("log_in", json!({"end": end}));
                let is_error = told.starts_with("error: ");
                assert_eq!(is_error, end != "welcome" || kind.starts_with("bad"), "{kind} {told}");
            }
            session.text("add_note", json!({"name": "n", "text": "t"}));
            session.text("edit_note", json!({"name": "none", "text": "t"}));
            session.text("delete_note", json!({"name": "n"}));
            session.text("panic_now", json!({"place": "blocking"}));
            session.ask("resources/read", json!({"uri": "note:///none"}));
            session.ask("no/such/method", json!({}));
            session.say("{");
            session.line();
            leaving.add_process(&session);
            let client = session.end();
            leaving.add_client(&client);
            for subcommand in [
                &["check"][..],
                &["check", "--json"],
                &["tools", "--json"],
                &["call", "log_in", "{}"],
                &["call", "log_in", r#"{"end":"refused"}"#],
                &["call", "log_in", r#"{"end":"panic"}"#],
                &["--help"],
            ] {
                let ran = fixture.run(subcommand);
                leaving.add(subcommand.join(" "), ran.stdout() + &ran.stderr());
            }
            for subcommand in [&["list"][..], &["list", "--json"], &["rotate"], &["rm", "mine"]] {
                let ran = fixture.secret(subcommand, "");
                leaving.add(subcommand.join(" "), ran.stdout() + &ran.stderr());
                leaving.add_files(&fixture.path("state"));
            }
            leaving.add_files(&fixture.path("audit"));
            assert_eq!(files(Path::new(metrics)).len(), 1);
            leaving.add_files(Path::new(metrics));
            leaving.add("log", fixture.log());
            assert!(client.stderr().contains("TRACE") || client.stderr().contains("WARN"));
            leaving.holds_none_of(&secrets);
        }
    });
}

#[test]
fn a_password_of_the_command_line_goes_nowhere_else() {
    let secret = canary("argument").replace(['/', '@', '%', '"', '<', '>'], "x");
    eras(|era| {
        let dsn = format!("postgres://u:{secret}@host/db");
        let fixture = Fixture::new(&["--dsn", &dsn, "--credential", "env:FIXTURE_TOKEN"])
            .env("RUST_LOG", "trace")
            .env("FIXTURE_TOKEN", "t0ken");
        let mut leaving = Leaving::default();
        let mut session = fixture.connect(era);
        for end in ["welcome", "refused", "panic"] {
            session.text("log_in", json!({"end": end}));
        }
        leaving.add_client(&session.end());
        for subcommand in [&["check"][..], &["tools"], &["call", "log_in", r#"{"end":"refused"}"#]]
        {
            let ran = fixture.run(subcommand);
            leaving.add(subcommand.join(" "), ran.stdout() + &ran.stderr());
        }
        leaving.add_files(&fixture.path("audit"));
        leaving.add_files(&fixture.path("state"));
        leaving.holds_none_of(std::slice::from_ref(&secret));
    });
}

#[test]
fn no_server_lets_out_what_lies_around_it() {
    let secrets = ["environment", "configuration", "credential"].map(canary);
    for job in jobs::all() {
        for era in Era::ALL {
            let place = job.directory.path();
            let config = place.join("config.toml");
            fs::write(&config, format!("# {}\n", secrets[1])).unwrap();
            let mut arguments = job.arguments.clone();
            arguments.extend(["--config".to_owned(), config.to_str().unwrap().to_owned()]);
            let launch = |arguments: &[String]| {
                let launch = Launch::new(&job.program).args(arguments).timeout(PATIENCE);
                let launch = launch.env("RUST_LOG", "trace").env("LOCKKEEPER_CANARY", &secrets[0]);
                let launch = launch.env("CANARY_CREDENTIAL", &secrets[2]);
                job.environment.iter().fold(launch, |launch, (name, value)| launch.env(name, value))
            };
            let mut leaving = Leaving::default();
            let mut run = |arguments: &[&str]| {
                let arguments: Vec<_> = arguments.iter().map(|&text| text.to_owned()).collect();
                let output = launch(&arguments).command().output().unwrap();
                leaving.add(arguments.join(" "), [output.stdout, output.stderr.clone()].concat());
                String::from_utf8(output.stderr).unwrap()
            };
            let help = run(&["--help"]);
            assert_eq!(help, "");
            for wrong in ["--no-such-flag", "--credential=env:CANARY_CREDENTIAL", "--destroy=x"] {
                run(&[&["check"], &[wrong][..]].concat());
            }
            if takes_credential(&job.program) {
                arguments.push("--credential=env:CANARY_CREDENTIAL".to_owned());
            }
            let all: Vec<&str> = arguments.iter().map(String::as_str).collect();
            run(&[&["check"], &all[..]].concat());
            run(&[&["tools", "--json"], &all[..]].concat());

            let mut client = launch(&arguments).connect(era).unwrap();
            let tools = client.request("tools/list", json!({})).unwrap().value;
            let tools = tools["result"]["tools"].as_array().unwrap().clone();
            assert!(!tools.is_empty(), "{}", job.name);
            for tool in tools {
                let name = tool["name"].as_str().unwrap();
                for given in [json!({}), json!({"no_such": 1}), json!({"path": "."}), Value::Null] {
                    client.call_tool(name, given).unwrap();
                }
            }
            client.call_tool("no_such_tool", json!({})).unwrap();
            client.request("resources/list", json!({})).unwrap();
            client.send_raw(b"{\n").unwrap();
            client.next_line(PATIENCE).unwrap();
            leaving.add_process(&client);
            client.close_stdin();
            client.wait_exit(PATIENCE).unwrap();
            leaving.add_client(&client);
            leaving.add_files(&place.join(".state"));
            leaving.holds_none_of(&secrets);
        }
    }
}

fn takes_credential(program: &Path) -> bool {
    let output = Launch::new(program).args(["--help"]).command().output().unwrap();
    String::from_utf8(output.stdout).unwrap().contains("--credential <")
}

//! Metrics as they leave a real server: over a socket of this machine, and in files.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::time::Duration;

use lockkeeper_testkit::stdio::Era;
use serde_json::json;

use crate::fixture::{Fixture, files, until};
use crate::workspace::{self, read};

fn get(address: &str, path: &str) -> String {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
    write!(stream, "GET {path} HTTP/1.1\r\nHost: {address}\r\n\r\n").unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}

fn address(fixture: &Fixture) -> String {
    fixture.status().1[0]["metrics"].as_str().unwrap().to_owned()
}

#[test]
fn a_server_in_its_sandbox_is_scraped() {
    let fixture = Fixture::new(&["--metrics-listen", "127.0.0.1:0", "--sandbox", "require"]);
    let mut session = fixture.connect(Era::Modern);
    session.call("get_note", json!({"note_name": "first"}));
    let address = address(&fixture);
    assert!(address.starts_with("127.0.0.1:") && !address.ends_with(":0"), "{address}");
    let answer = get(&address, "/metrics");
    assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"), "{answer}");
    let calls = answer.lines().find(|line| {
        line.starts_with("mcp_server_operation_duration_seconds_count")
            && line.contains("gen_ai_tool_name=\"get_note\"")
    });
    assert!(calls.is_some_and(|line| line.ends_with(" 1")), "{answer}");
    assert!(get(&address, "/healthz").ends_with("\r\n\r\nready\n"));
    // A client that stays holds up neither the server nor its end.
    let _silent = TcpStream::connect(&address).unwrap();
    session.settle();
    session.end();
    assert!(TcpStream::connect(&address).is_err());
}

#[test]
fn a_port_that_is_taken_stops_nothing() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let fixture = Fixture::new(&["--metrics-listen", &address]);
    let mut session = fixture.connect(Era::Modern);
    session.settle();
    assert_eq!(fixture.status().1[0]["metrics"], json!(null));
    let said = session.end().stderr();
    assert!(said.contains("metrics are not served") && said.contains(&address), "{said}");
    let check = fixture.run(&["check"]);
    assert_eq!(check.code(), 0);
    assert!(check.stdout().contains("can't be listened on now"), "{}", check.stdout());
}

#[test]
fn others_than_loopback_addresses_are_refused() {
    for address in ["0.0.0.0:0", "[::]:0", "localhost:9464", "192.0.2.1:9464"] {
        let fixture = Fixture::new(&["--metrics-listen", address]);
        let ran = fixture.serve_nothing();
        assert_eq!(ran.code(), 2, "{address}: {}", ran.stderr());
        let fixture = Fixture::new(&[]);
        let config = fixture.file("c.toml", &format!("[metrics]\nlisten = \"{address}\"\n"));
        let ran = fixture.also(&["--config", &config]).run(&["check"]);
        assert_eq!(ran.code(), 1);
        assert!(ran.stderr().contains("c.toml:2: "), "{}", ran.stderr());
    }
}

#[test]
fn siblings_have_files_of_their_own() {
    let fixture = Fixture::new(&[]);
    let directory = fixture.path("metrics");
    fs::create_dir(&directory).unwrap();
    let config = format!("[metrics]\nfile = {:?}\n", directory.to_str().unwrap());
    let config = fixture.file("c.toml", &config);
    let fixture = fixture.also(&["--config", &config, "--sandbox", "require"]);
    let mut sessions: Vec<_> = (0..3).map(|_| fixture.connect(Era::Modern)).collect();
    for session in &mut sessions {
        session.call("get_note", json!({"note_name": "first"}));
    }
    until("files", || files(&directory).len() == 3);
    for session in sessions {
        session.end();
    }
    let mut instances: Vec<_> = fixture.status().1;
    instances.sort_by_key(|one| one["instance"].to_string());
    let paths = files(&directory);
    assert_eq!(paths.len(), 3, "{paths:?}");
    for (path, one) in paths.iter().zip(&instances) {
        let instance = one["instance"].as_str().unwrap();
        assert_eq!(path.file_name().unwrap().to_str(), Some(&*format!("fixture-{instance}.prom")));
        let text = fs::read_to_string(path).unwrap();
        // The last call is in it, as all is written once more at the end.
        let of = format!("service_instance_id=\"{instance}\"");
        let mut lines = text.lines().filter(|line| !line.starts_with('#'));
        assert!(lines.clone().all(|line| line.contains(&of)), "{text}");
        assert!(lines.any(|line| line.contains("gen_ai_tool_name=\"get_note\"")), "{text}");
    }
}

#[test]
fn one_file_is_replaced_as_a_whole() {
    let fixture = Fixture::new(&[]);
    let path = fixture.path("own").join("metrics.prom");
    fs::create_dir(path.parent().unwrap()).unwrap();
    let fixture = fixture.also(&["--metrics-file", path.to_str().unwrap()]);
    fixture.connect(Era::Modern).end();
    let text = fs::read_to_string(&path).unwrap();
    assert!(text.contains("lockkeeper_build_info{"), "{text}");
    assert_eq!(files(path.parent().unwrap()), [path]);
}

#[test]
fn unknown_settings_of_metrics_are_refused() {
    let fixture = Fixture::new(&[]);
    let config = fixture.file("c.toml", "[metrics]\nport = 9464\n");
    let ran = fixture.also(&["--config", &config]).run(&["check"]);
    assert_eq!(ran.code(), 1);
    assert!(ran.stderr().contains("c.toml:2: unknown field `port`"), "{}", ran.stderr());
}

/// The names in a text that look like those of metrics.
fn names(text: &str) -> BTreeSet<String> {
    let words = text.split(|c: char| !c.is_ascii_alphanumeric() && c != '_');
    let is_metric =
        |word: &&str| ["lockkeeper_", "mcp_server_"].iter().any(|start| word.starts_with(start));
    words.filter(is_metric).map(str::to_owned).collect()
}

#[test]
fn documents_name_the_metrics_that_there_are() {
    let fixture = Fixture::new(&[]);
    let path = fixture.path("metrics.prom");
    let fixture = fixture.also(&["--metrics-file", path.to_str().unwrap()]);
    fixture.connect(Era::Modern).end();
    let text = fs::read_to_string(&path).unwrap();
    let exported: BTreeMap<&str, &str> =
        text.lines().filter_map(|line| line.strip_prefix("# TYPE ")?.split_once(' ')).collect();
    let document = read(Path::new("docs/metrics.md"));
    let mut problems = Vec::new();
    for (name, kind) in &exported {
        if !document.contains(&format!("| `{name}` | {kind} | ")) {
            problems.push(format!("docs/metrics.md has no row for the {kind} {name}"));
        }
    }
    for file in ["docs/metrics.md", "docs/alerts.yml"] {
        for name in names(&read(Path::new(file))) {
            let family =
                ["_bucket", "_count", "_sum"].iter().find_map(|end| name.strip_suffix(end));
            let family = family.filter(|family| exported.get(family) == Some(&"histogram"));
            if !exported.contains_key(family.unwrap_or(&name)) {
                problems.push(format!("{file}: there is no {name}"));
            }
        }
    }
    // What rules select and group by.
    let alerts = read(Path::new("docs/alerts.yml"));
    for line in alerts.lines().filter(|line| !line.trim_start().starts_with('#')) {
        let selected = line.split(['{', ',', ' ']).filter_map(|part| {
            part.split_once("=\"").or_else(|| part.split_once("=~\"")).map(|(label, _)| label)
        });
        let grouped = line.split("by (").skip(1).filter_map(|rest| rest.split(')').next());
        for label in selected.chain(grouped.flat_map(|labels| labels.split(", "))) {
            if label != "le" && !document.contains(&format!("`{label}`")) {
                problems.push(format!("docs/alerts.yml: there is no label {label}: {line}"));
            }
        }
    }
    // The errors that they count are codes that there are.
    let sources: String = workspace::files("rs").iter().map(|path| read(path)).collect();
    let counted = alerts.split("error_type=~\"").nth(1).and_then(|rest| rest.split('"').next());
    for code in counted.unwrap().split('|') {
        let code = code.strip_suffix(".*").unwrap_or(code);
        if !sources.contains(&format!("(\"{code}")) {
            problems.push(format!("docs/alerts.yml: there is no error {code}"));
        }
    }
    let alerts_of =
        |key: &str| alerts.lines().filter(|line| line.trim_start().starts_with(key)).count();
    let rules = alerts_of("- alert: Lockkeeper");
    assert!(rules > 5);
    for key in ["expr: ", "severity: ", "summary: \""] {
        assert_eq!(alerts_of(key), rules, "{key}");
    }
    assert!(problems.is_empty(), "\n{}", problems.join("\n"));
}

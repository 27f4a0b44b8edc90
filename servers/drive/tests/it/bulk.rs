//! Files of any size in little memory: over several calls, through faults, and whole at the end. A run
//! with `LOCKKEEPER_BULK=2147483648` takes that many bytes for the download and a quarter for the upload.

use std::fs::{self, File};
use std::io::{BufWriter, Read as _, Write as _};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::time::Duration;

use lockkeeper_drive_double::{Double, FULL, Fault, NewFile, Seed};
use lockkeeper_testkit::stdio::{Client, Era, Launch};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use tempfile::TempDir;

pub(crate) const BINARY: &str = env!("CARGO_BIN_EXE_lockkeeper-drive");

/// What a server may take more than before, whatever the file has. (With its release build all of it
/// is below 40 MB.)
const MOST_MORE: u64 = 24 * 1024 * 1024;

fn bytes() -> u64 {
    let set = std::env::var("LOCKKEEPER_BULK").ok();
    set.map_or(192 * 1024 * 1024, |text| text.parse().unwrap())
}

struct Office {
    double: Double,
    directory: TempDir,
}

impl Office {
    fn new(seed: Seed) -> Self {
        let office = Self { double: Double::start(seed), directory: TempDir::new().unwrap() };
        let token = office.directory.path().join("token");
        fs::write(&token, office.double.token(&[FULL])).unwrap();
        fs::set_permissions(&token, fs::Permissions::from_mode(0o600)).unwrap();
        for name in ["out", "in"] {
            fs::create_dir(office.directory.path().join(name)).unwrap();
        }
        office
    }

    fn server(&self) -> Client {
        let path = |name: &str| self.directory.path().join(name).display().to_string();
        let launch = Launch::new(BINARY).args([
            "--write".to_owned(),
            "--call-budget=5s".to_owned(),
            "--write-rate=1000/min".to_owned(),
            format!("--api-root={}", self.double.url()),
            format!("--credential=file:{}", path("token")),
            format!("--state-dir={}", path("state")),
            format!("--export-dir={}", path("out")),
            format!("--upload-dir={}", path("in")),
        ]);
        launch.timeout(Duration::from_mins(1)).connect(Era::Modern).unwrap()
    }
}

/// Calls a tool until it is done: how many calls that took, and what the last one said.
fn to_the_end(client: &mut Client, tool: &str, mut given: Value) -> (usize, Value) {
    for calls in 1..1_000 {
        let reply = client.call_tool(tool, given.clone()).unwrap();
        let text = reply.text();
        assert!(!reply.is_error(), "{text}");
        let done: Value = serde_json::from_str(&text).unwrap();
        if done["state"] == "done" {
            return (calls, done);
        }
        given["cursor"] = done["next"].clone();
    }
    panic!("it never ends");
}

/// The most memory that a server has had, after a call.
fn peak(client: &mut Client) -> u64 {
    client.call_tool("account", json!({})).unwrap();
    client.peak_memory().unwrap()
}

fn sum(path: &Path) -> String {
    let mut digest = Sha256::new();
    let (mut file, mut piece) = (File::open(path).unwrap(), vec![0; 1 << 20]);
    loop {
        let length = file.read(&mut piece).unwrap();
        if length == 0 {
            break;
        }
        digest.update(&piece[..length]);
    }
    digest.finalize().iter().map(|byte| format!("{byte:02x}")).collect::<Vec<_>>().concat()
}

#[test]
fn a_large_file_arrives_whole_whatever_breaks_on_the_way() {
    let total = bytes();
    let office = Office::new(Seed::new().file(NewFile::large("big", total, 7).id("big")));
    let mut client = office.server();
    let before = peak(&mut client);
    let on = |fault: Fault| office.double.fault(fault.on("drive.files.get"));
    on(Fault::cut(total / 3).after(1));
    on(Fault::status(503).after(2));
    on(Fault::cut(total / 4).after(3));
    let (_, done) = to_the_end(&mut client, "download", json!({"file": "big", "to": "big"}));
    assert_eq!(done["bytes"], total);
    let (_, sums) = office.double.checksums("big").unwrap();
    assert_eq!(sum(&office.directory.path().join("out/big")), sums.sha256);
    let memory = peak(&mut client);
    eprintln!("download: {total} bytes, memory at most {before}, then {memory}");
    assert!(memory < before + MOST_MORE, "{before}, then {memory}");
}

#[test]
fn a_large_upload_arrives_whole_whatever_breaks_on_the_way() {
    let total = bytes() / 4;
    let office = Office::new(Seed::new());
    let local = office.directory.path().join("in/big");
    let mut file = BufWriter::new(File::create(&local).unwrap());
    for n in 0..total / 8 {
        file.write_all(&n.wrapping_mul(0x9e37_79b9_7f4a_7c15).to_le_bytes()).unwrap();
    }
    drop(file);
    let mut client = office.server();
    let before = peak(&mut client);
    // A part of a chunk is taken; an answer is lost; the session ends.
    office.double.fault(Fault::take(700_000).after(1));
    office.double.fault(Fault::lost(502).on("upload.chunk").after(3));
    office.double.fault(Fault::status(410).on("upload.chunk").after(6));
    let given = json!({"name": "big", "local_path": "big"});
    let (_, done) = to_the_end(&mut client, "write", given);
    let (length, sums) = office.double.checksums(done["id"].as_str().unwrap()).unwrap();
    assert_eq!((length, sums.sha256), (total, sum(&local)));
    assert_eq!(office.double.find("big").as_deref(), done["id"].as_str(), "there is one");
    let memory = peak(&mut client);
    eprintln!("upload: {total} bytes, memory at most {before}, then {memory}");
    assert!(memory < before + MOST_MORE, "{before}, then {memory}");
}

#[test]
fn an_expired_token_is_renewed_once_and_the_call_succeeds() {
    let office = Office::new(Seed::new().file(NewFile::text("a", "text").id("a")));
    let credentials = office.directory.path().join("credentials.json");
    fs::write(&credentials, office.double.authorized_user(&[FULL]).to_string()).unwrap();
    fs::set_permissions(&credentials, fs::Permissions::from_mode(0o600)).unwrap();
    let launch = || {
        Launch::new(BINARY)
            .args([
                format!("--api-root={}", office.double.url()),
                format!("--credentials-file={}", credentials.display()),
                format!("--state-dir={}", office.directory.path().join("state").display()),
            ])
            .connect(Era::Modern)
            .unwrap()
    };
    let mut client = launch();
    let mut read = |expected: usize| {
        let reply = client.call_tool("read", json!({"file": "a"})).unwrap();
        assert!(!reply.is_error(), "{}", reply.text());
        assert_eq!(office.double.log_of("oauth.token").len(), expected);
    };
    read(1);
    read(1);
    // The token ends before its time: one renewal, and the call succeeds.
    office.double.end_tokens();
    read(2);
    read(2);
    // The login ends: what to do is said.
    office.double.end_tokens();
    office.double.end_refresh_tokens();
    let reply = client.call_tool("read", json!({"file": "a"})).unwrap();
    let text = reply.text();
    assert!(text.contains("login_expired") && text.contains("In production"), "{text}");
}

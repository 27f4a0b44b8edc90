//! The Google Drive scenes: the double of the tests, started for the demo with somebody's Drive, an agent
//! that sees one folder of it, and one that may write there.

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::os::unix::fs::PermissionsExt as _;
use std::process::{Child, Command, Stdio};

use anyhow::{Context as _, Result};
use serde_json::{Value, json};

use super::screen::Screen;
use super::session::{Call, Expect, Session, registration};
use super::{Scene, Scratch, Stage, release};

pub(super) const SCENE: Scene =
    Scene { server: "drive", title: "an agent reads one folder of a Drive", play };

const DOUBLE: &str = "lockkeeper-drive-double";
const TYPE: &str = "application/vnd.google-apps";

fn play(screen: &mut Screen, stage: &Stage<'_>) -> Result<()> {
    let scratch = Scratch::new(stage)?;
    let drive = Drive::open(stage, &scratch)?;
    let folder = ["--folder", "/Projects"];
    let mut session = Session::open(screen, stage, &drive.arguments(&folder))?;
    let mut call =
        |caption, tool, arguments, expect| session.call(&Call { caption, tool, arguments, expect });
    call("What is there?", "list", json!({ "depth": 2 }), Expect::Answer("Budget"))?;
    call(
        "What says something of paper?",
        "search",
        json!({ "text": "paper" }),
        Expect::Answer("Plan"),
    )?;
    call("A Doc, as Markdown", "read", json!({ "file": "plan" }), Expect::Answer("# Plan"))?;
    call(
        "A part of a Sheet",
        "read",
        json!({ "file": "/Projects/Budget", "tab": "Q1", "range": "A1:B2" }),
        Expect::Answer("Paper"),
    )?;
    let diary = call(
        "A file of another folder, by its address: it isn't there",
        "read",
        json!({ "file": "https://drive.google.com/file/d/diary/view" }),
        Expect::Refusal("not_found"),
    )?;
    let shortcut = call(
        "A shortcut that lies in the folder, and leads out of it: nor is that",
        "read",
        json!({ "file": "shortcut" }),
        Expect::Refusal("not_found"),
    )?;
    let search = call(
        "A query that breaks out of where it is put",
        "search",
        json!({ "query": "starred = true) or (fullText contains 'secret'" }),
        Expect::Refusal("parenthesis"),
    )?;
    if [diary, shortcut, search].iter().any(|said| said.contains("my secret")) {
        session.problem("what lies outside is shown");
    }
    session.close()?;

    let snippet = registration("drive", stage, &["--folder", "/Projects"])?;
    screen.snippet(
        "After `lockkeeper-drive login --client client.json`, add this to your host's configuration",
        &snippet,
    )?;
    write(screen, stage, (&drive, &scratch))
}

/// The second scene.
fn write(
    screen: &mut Screen,
    stage: &Stage<'_>,
    (drive, scratch): (&Drive, &Scratch),
) -> Result<()> {
    screen.heading("drive", "an agent writes into that folder, and nowhere else")?;
    let out = scratch.0.join("out");
    fs::create_dir_all(&out)?;
    let export = format!("--export-dir={}", out.display());
    let flags = ["--folder", "/Projects", "--write", &export];
    let mut session = Session::open(screen, stage, &drive.arguments(&flags))?;
    let mut call =
        |caption, tool, arguments, expect| session.call(&Call { caption, tool, arguments, expect });
    call(
        "Markdown becomes a Doc",
        "write",
        json!({ "name": "Minutes", "content": "# Minutes\n\nWe agreed.\n", "convert": true }),
        Expect::Answer("done"),
    )?;
    call(
        "It writes over what it has read, unless somebody else has changed it since",
        "write",
        json!({ "file": "notes", "content": "mine", "expect_revision": "an older one" }),
        Expect::Refusal("conflict"),
    )?;
    call(
        "Nothing leaves the folder",
        "organize",
        json!({ "method": "move", "file": "notes", "to": "private" }),
        Expect::Refusal("not_found"),
    )?;
    call(
        "A file of 64 MB, checked against Drive's own checksum",
        "download",
        json!({ "file": "video", "to": "video.bin" }),
        Expect::Answer("67108864"),
    )?;
    call("Into the trash", "trash", json!({ "file": "notes" }), Expect::Answer("trashed"))?;
    call(
        "And back",
        "trash",
        json!({ "file": "notes", "restore": true }),
        Expect::Answer("restored"),
    )?;
    session.close()
}

/// The double, with somebody's Drive in it.
struct Drive {
    double: Child,
    root: String,
    credential: String,
    state: String,
}

impl Drive {
    fn open(stage: &Stage<'_>, scratch: &Scratch) -> Result<Self> {
        let program = release::build(stage.workspace, DOUBLE)?;
        let path = |name: &str| scratch.0.join(name).display().to_string();
        let seed = path("seed.json");
        fs::write(&seed, files().to_string())?;
        let mut command = Command::new(program);
        command.args(["--seed", &seed]).stdin(Stdio::null()).stdout(Stdio::piped());
        let mut double = command.spawn().context("the double of Drive doesn't start")?;
        let mut line = String::new();
        let told = double.stdout.take().map(|out| BufReader::new(out).read_line(&mut line));
        let mut drive =
            Self { double, root: String::new(), credential: String::new(), state: path("state") };
        told.context("the double of Drive says nothing")??;
        let told: Value = serde_json::from_str(&line)?;
        let said =
            |name: &str| told[name].as_str().map(str::to_owned).with_context(|| line.clone());
        let token = path("token");
        fs::write(&token, said("token")?)?;
        fs::set_permissions(&token, fs::Permissions::from_mode(0o600))?;
        drive.root = said("url")?;
        drive.credential = format!("file:{token}");
        Ok(drive)
    }

    fn arguments<'a>(&'a self, more: &[&'a str]) -> Vec<&'a str> {
        let own = ["--api-root", &self.root, "--credential", &self.credential];
        let state = ["--state-dir", self.state.as_str()];
        more.iter().copied().chain(own).chain(state).collect()
    }
}

impl Drop for Drive {
    fn drop(&mut self) {
        drop(self.double.kill());
        drop(self.double.wait());
    }
}

fn files() -> Value {
    let cells = json!([["Item", "Cost"], ["Paper", 12.5], ["Ink", 3]]);
    json!({ "files": [
        { "id": "projects", "name": "Projects", "mimeType": format!("{TYPE}.folder") },
        { "id": "private", "name": "Private", "mimeType": format!("{TYPE}.folder") },
        { "id": "plan", "name": "Plan", "mimeType": format!("{TYPE}.document"),
          "parents": ["projects"], "body": { "text": "# Plan\n\nWe buy paper.\n" } },
        { "id": "budget", "name": "Budget", "mimeType": format!("{TYPE}.spreadsheet"),
          "parents": ["projects"], "sheets": [{ "title": "Q1", "rows": cells }] },
        { "id": "notes", "name": "notes.txt", "mimeType": "text/plain",
          "parents": ["projects"], "body": { "text": "Call Ada.\n" } },
        { "id": "video", "name": "video.bin", "mimeType": "application/octet-stream",
          "parents": ["projects"], "body": { "rule": [64 << 20, 1] } },
        { "id": "diary", "name": "Diary", "mimeType": "text/plain",
          "parents": ["private"], "body": { "text": "my secret\n" } },
        { "id": "shortcut", "name": "to the diary", "mimeType": format!("{TYPE}.shortcut"),
          "parents": ["projects"], "target": "diary" },
    ]})
}

//! A Drive and shorthands for the tests in the tool files. Every request of every test is held against
//! Google's own description of its API: a double that saw another one fails the test.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use lockkeeper_drive_double::{Double, FULL, NewFile, NewSheet, READONLY, Seed};
use lockkeeper_testkit::Expect;
use lockkeeper_testkit::in_process::{self, InProcess};
use lockkeeper_testkit::stdio::Era;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::Drive;
use crate::source::office_for_testing::{slides_of_two, workbook_of_two};

const PPTX: &str = "application/vnd.openxmlformats-officedocument.presentationml.presentation";
const XLSX: &str = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet";

/// A Drive, and what a server needs to log in there.
pub(crate) struct World {
    pub(crate) double: Double,
    directory: TempDir,
}

/// Three hundred lines.
pub(crate) fn log() -> String {
    (1..=300).map(|n| format!("line {n} über alles\n")).collect::<Vec<_>>().concat()
}

/// A PDF of one page with this text.
fn pdf(text: &str) -> Vec<u8> {
    let stream = format!("BT /F1 12 Tf 72 700 Td ({text}) Tj ET");
    let objects = [
        "<< /Type /Catalog /Pages 2 0 R >>".to_owned(),
        "<< /Type /Pages /Kids [3 0 R] /Count 1 >>".to_owned(),
        "<< /Type /Page /Parent 2 0 R /MediaBox [0 0 612 792] /Contents 4 0 R \
         /Resources << /Font << /F1 5 0 R >> >> >>"
            .to_owned(),
        format!("<< /Length {} >>\nstream\n{stream}\nendstream", stream.len()),
        "<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica /Encoding /WinAnsiEncoding >>"
            .to_owned(),
    ];
    let mut out = b"%PDF-1.4\n".to_vec();
    let mut table = String::from("0000000000 65535 f \n");
    for (n, object) in objects.iter().enumerate() {
        table.push_str(&format!("{:010} 00000 n \n", out.len()));
        out.extend(format!("{} 0 obj\n{object}\nendobj\n", n + 1).as_bytes());
    }
    let at = out.len();
    out.extend(
        format!("xref\n0 6\n{table}trailer\n<< /Size 6 /Root 1 0 R >>\nstartxref\n{at}\n%%EOF\n")
            .as_bytes(),
    );
    out
}

fn sheet(title: &str, rows: Value) -> NewSheet {
    NewSheet { title: title.to_owned(), rows: serde_json::from_value(rows).unwrap() }
}

impl World {
    /// An office: a team's folder, what is private, and a shared drive.
    pub(crate) fn office() -> Self {
        let plan = "# Plan 2026\n\nThe budget is small.\n\nWe buy paper.\nWe write it's \\ \"odd\" plans.\n";
        let sheets = vec![
            sheet("Q1", json!([["Item", "Cost"], ["Paper", 12.5], ["Ink\tblack", 3]])),
            sheet("Q2", json!([["Item", "Cost"]])),
        ];
        let at = "2026-03-01T08:00:00Z";
        let file = |file: NewFile, id: &str, parent: &str| file.id(id).parent(parent).modified(at);
        let folder = |name: &str, id: &str| NewFile::folder(name).id(id).modified(at);
        let seed = Seed::new()
            .drive("shared", "Company", "organizer")
            .file(folder("Team", "team"))
            .file(folder("Sub", "sub").parent("team"))
            .file(folder("Private", "private"))
            .file(file(NewFile::document("Plan 2026", plan), "plan", "team"))
            .file(file(
                NewFile::spreadsheet("Costs", sheets).export(XLSX, workbook_of_two()),
                "costs",
                "team",
            ))
            .file(file(
                NewFile::presentation("Deck", &["One", "Two"]).export(PPTX, slides_of_two()),
                "deck",
                "team",
            ))
            .file(file(NewFile::bytes("Book.xlsx", XLSX, workbook_of_two()), "book", "team"))
            .file(file(NewFile::text("notes", "Call Ada.\n"), "notes", "sub"))
            .file(file(NewFile::text("log", &log()), "log", "sub"))
            .file(file(
                NewFile::bytes("Paper.pdf", "application/pdf", pdf("Hello from a page")),
                "paper",
                "team",
            ))
            .file(file(
                NewFile::bytes("photo.png", "image/png", *b"\x89PNG\r\n\x1a\nrest"),
                "photo",
                "team",
            ))
            .file(file(
                NewFile::bytes("blob", "application/octet-stream", *b"a\0b"),
                "blob",
                "team",
            ))
            .file(file(NewFile::text("Diary", "secret"), "diary", "private"))
            .file(file(NewFile::shortcut("to notes", "notes"), "link", "team"))
            // Shortcuts out of the team's folder, and into it.
            .file(file(NewFile::shortcut("to the diary", "diary"), "out", "team"))
            .file(file(NewFile::shortcut("into the team", "plan"), "into", "private"))
            .file(file(NewFile::text("Handbook", "Be kind.\n"), "handbook", "shared"))
            .file(
                NewFile::text("Stray", "of nobody")
                    .id("stray")
                    .owner("eve@example.org")
                    .without_parent()
                    .shared_with("me@example.com", "writer")
                    .modified(at),
            );
        Self::new(seed)
    }

    pub(crate) fn new(seed: Seed) -> Self {
        Self { double: Double::start(seed), directory: TempDir::new().unwrap() }
    }

    /// The command line for a server in this world.
    pub(crate) fn arguments(&self, flags: &[&str]) -> Vec<String> {
        let is_writing = flags.contains(&"--write");
        let (name, scope) = if is_writing { ("full", FULL) } else { ("read", READONLY) };
        let token = self.directory.path().join(name);
        if !token.exists() {
            fs::write(&token, self.double.token(&[scope])).unwrap();
            fs::set_permissions(&token, fs::Permissions::from_mode(0o600)).unwrap();
        }
        let credential = format!("--credential=file:{}", token.display());
        let rate = "--write-rate=1000/min".to_owned();
        let own = [format!("--api-root={}", self.double.url()), credential, rate];
        own.into_iter().chain(flags.iter().map(|flag| (*flag).to_owned())).collect()
    }

    /// The token of servers that read, or do all (`full`).
    pub(crate) fn token(&self, name: &str) -> String {
        fs::read_to_string(self.directory.path().join(name)).unwrap()
    }

    /// A session with a server in this world.
    pub(crate) fn client(&self, flags: &[&str]) -> InProcess {
        self.client_of(Era::Modern, flags)
    }

    /// The same in an era.
    pub(crate) fn client_of(&self, era: Era, flags: &[&str]) -> InProcess {
        let arguments = self.arguments(flags);
        let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
        InProcess::start::<Drive>(&arguments, era)
    }

    /// Calls `tool {json}` once: what the agent sees.
    pub(crate) fn once(&self, flags: &[&str], call: &str) -> String {
        let (tool, given) = call.split_once(' ').unwrap();
        let given: Value = serde_json::from_str(given).unwrap_or_else(|e| panic!("{e} in {given}"));
        in_process::seen(&self.client(flags).call(tool, given))
    }

    /// The same, under another name where it reads better.
    pub(crate) fn call(&self, flags: &[&str], call: &str) -> String {
        self.once(flags, call)
    }

    /// Compares what the agent sees of a call that reads, in both eras.
    pub(crate) fn check(&self, call: &str, expect: &Expect) {
        self.check_with(&[], call, expect);
    }

    pub(crate) fn check_with(&self, flags: &[&str], call: &str, expect: &Expect) {
        let (tool, given) = call.split_once(' ').unwrap();
        let given: Value = serde_json::from_str(given).unwrap_or_else(|e| panic!("{e} in {given}"));
        let [legacy, modern] = Era::ALL
            .map(|era| in_process::seen(&self.client_of(era, flags).call(tool, given.clone())));
        assert_eq!(hide_cursor(&legacy), hide_cursor(&modern), "the eras see different answers");
        expect.assert_eq(&hide_cursor(&modern));
    }

    /// All pages of an answer.
    pub(crate) fn pages(&self, flags: &[&str], tool: &str, mut given: Value) -> Vec<String> {
        let mut client = self.client(flags);
        let mut pages = Vec::new();
        loop {
            let text = in_process::seen(&client.call(tool, given.clone()));
            let next = cursor(&text);
            pages.push(text);
            let Some(next) = next else { return pages };
            given["cursor"] = next.into();
        }
    }
}

/// The id in the answer to a change.
pub(crate) fn id_in(seen: &str) -> String {
    let value: Value = serde_json::from_str(seen).unwrap_or_else(|e| panic!("{e} in {seen}"));
    value["id"].as_str().unwrap().to_owned()
}

/// The cursor in an answer.
pub(crate) fn cursor(text: &str) -> Option<String> {
    if let Ok(value) = serde_json::from_str::<Value>(text) {
        return Some(value["next"].as_str()?.to_owned());
    }
    let (_, rest) = text.lines().next()?.split_once("next: cursor ")?;
    Some(rest.split([']', ';']).next()?.to_owned())
}

/// The revision in the line that opens an answer of `read`.
pub(crate) fn revision(text: &str) -> String {
    let (_, rest) = text.lines().next().unwrap().split_once("revision ").unwrap();
    rest.split(')').next().unwrap().to_owned()
}

/// Cursors differ from run to run.
fn hide_cursor(text: &str) -> String {
    let Some(cursor) = cursor(text) else { return text.to_owned() };
    text.replacen(&cursor, "<cursor>", 1)
}

//! Fixtures and shorthands for the tests in the tool files.

use std::fs;
use std::path::Path;

use lockkeeper_testkit::Expect;
use lockkeeper_testkit::in_process::{self, InProcess};
use lockkeeper_testkit::stdio::Era;
use serde_json::Value;
use tempfile::TempDir;

use crate::Filesystem;

/// A one-pixel PNG.
pub(crate) const PNG: &[u8] = &[
    0x89, b'P', b'N', b'G', 0x0d, 0x0a, 0x1a, 0x0a, 0, 0, 0, 0x0d, b'I', b'H', b'D', b'R', 0, 0, 0,
    1, 0, 0, 0, 1, 8, 6, 0, 0, 0, 0x1f, 0x15, 0xc4, 0x89, 0, 0, 0, 0x0a, b'I', b'D', b'A', b'T',
    0x78, 0x9c, 0x63, 0, 1, 0, 0, 5, 0, 1, 0x0d, 0x0a, 0x2d, 0xb4, 0, 0, 0, 0, b'I', b'E', b'N',
    b'D', 0xae, 0x42, 0x60, 0x82,
];

/// A directory `root` with files, beside a file that must not be reached.
pub(crate) struct Fixture {
    directory: TempDir,
}

impl Fixture {
    /// The fixture of this name.
    pub(crate) fn new(name: &str) -> Self {
        let directory = TempDir::new().unwrap();
        let root = directory.path().join("root");
        fs::create_dir(&root).unwrap();
        fs::write(directory.path().join("secret.txt"), "outside").unwrap();
        match name {
            "small" => small(&root),
            "project" => project(&root),
            name => panic!("no fixture {name}"),
        }
        Self { directory }
    }

    /// The bytes of a file in it.
    pub(crate) fn read(&self, path: &str) -> Vec<u8> {
        fs::read(self.directory.path().join("root").join(path)).unwrap()
    }

    /// The names in a directory of it, sorted.
    pub(crate) fn names(&self, path: &str) -> Vec<String> {
        let entries = fs::read_dir(self.directory.path().join("root").join(path)).unwrap();
        let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
        let mut names: Vec<String> = names.collect();
        names.sort();
        names
    }

    /// Makes or replaces a file in it.
    pub(crate) fn write(&self, path: &str, bytes: &[u8]) {
        fs::write(self.directory.path().join("root").join(path), bytes).unwrap();
    }

    pub(crate) fn root(&self) -> String {
        self.directory.path().join("root").to_str().unwrap().to_owned()
    }
}

fn small(root: &Path) {
    let write = |name: &str, bytes: &[u8]| fs::write(root.join(name), bytes).unwrap();
    fs::create_dir(root.join("sub")).unwrap();
    write("notes.txt", b"one\ntwo\nthree\n");
    write("empty.txt", b"");
    write("umlaut.txt", b"Gr\xfc\xdfe\n");
    write("dot.png", PNG);
    write("data.bin", &[0, 1, 2, 0]);
    write(".env", b"TOKEN=1");
    write("sub/id_rsa", b"key");
    let long = (1..=2000).map(|n| format!("line {n}")).collect::<Vec<_>>().join("\n") + "\n";
    write("long.txt", long.as_bytes());
    write("wide.txt", "é".repeat(3000).as_bytes());
}

fn project(root: &Path) {
    let write = |name: &str, text: &str| {
        let path = root.join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    };
    write(".gitignore", "target/\n");
    write("README.md", "# Project\n\nSays hello.\n");
    write("src/main.rs", "fn main() {\n    hello();\n}\n");
    write("src/hello.rs", "pub fn hello() {\n    println!(\"Hello\");\n}\n");
    write("target/out.rs", "fn hello() {}\n");
    for n in 0..40 {
        write(&format!("data/{n:02}.csv"), "hello,1\nhello,2\n");
    }
}

/// A session with the server over the fixture.
pub(crate) fn client(fixture: &Fixture, flags: &[&str]) -> InProcess {
    let root = fixture.root();
    InProcess::start::<Filesystem>(&[&[root.as_str()], flags].concat(), Era::Modern)
}

/// Calls `tool {json}` over a fixture and compares what the agent sees.
pub(crate) fn check(fixture: &str, call: &str, expect: &Expect) {
    let fixture = Fixture::new(fixture);
    run(&fixture, &[], call, |text| expect.assert_eq(text));
}

/// The same with everything allowed, each era over a fixture of its own.
pub(crate) fn check_writing(fixture: &str, call: &str, expect: &Expect) {
    let (tool, arguments) = call.split_once(' ').unwrap();
    let arguments: Value = serde_json::from_str(arguments).unwrap();
    let mut texts = Vec::new();
    for era in [Era::Legacy, Era::Modern] {
        let fixture = Fixture::new(fixture);
        let root = fixture.root();
        let flags = [root.as_str(), "--write", "--destroy", "allow"];
        let mut client = InProcess::start::<Filesystem>(&flags, era);
        let text = in_process::seen(&client.call(tool, arguments.clone()));
        texts.push(hide(&text.replace(&root, "<root>")));
    }
    assert_eq!(texts[0], texts[1], "both eras see the same");
    expect.assert_eq(&texts[0]);
}

/// The same with flags and a computed expectation.
pub(crate) fn check_with(fixture: &str, flags: &[&str], call: &str, expected: &str) {
    let fixture = Fixture::new(fixture);
    run(&fixture, flags, call, |text| assert_eq!(text, expected));
}

/// Calls a tool until there is no further page: the first line of each page, and all other lines.
pub(crate) fn all_pages(
    client: &mut InProcess,
    tool: &str,
    mut arguments: Value,
) -> (Vec<String>, Vec<String>) {
    let (mut headers, mut lines) = (Vec::new(), Vec::new());
    loop {
        let text = in_process::seen(&client.call(tool, arguments.clone()));
        let (header, body) = text.split_once('\n').unwrap();
        headers.push(header.to_owned());
        lines.extend(body.lines().map(str::to_owned));
        let Some((_, next)) = header.split_once("next: cursor ") else { break };
        arguments["cursor"] = next.trim_end_matches(']').into();
    }
    (headers, lines)
}

fn run(fixture: &Fixture, flags: &[&str], call: &str, compare: impl Fn(&str)) {
    let root = fixture.root();
    let arguments = [&[root.as_str()], flags].concat();
    let text = in_process::call_in_both_eras::<Filesystem>(&arguments, call);
    compare(&hide(&text.replace(&root, "<root>")));
}

/// Versions, cursors and times differ from run to run.
fn hide(text: &str) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some((place, word)) = ["version ", "\"version\":\"", "cursor ", "mtime "]
        .iter()
        .filter_map(|word| Some((rest.find(word)?, *word)))
        .min()
    {
        let (before, after) = rest.split_at(place + word.len());
        out.push_str(before);
        let end = after.find([']', ';', '"', ',', ' ', '\n']).unwrap_or(after.len());
        let name = word.trim_matches([' ', '"', ':']);
        out.push_str(&format!("<{name}>"));
        rest = after.split_at(end).1;
    }
    out + rest
}

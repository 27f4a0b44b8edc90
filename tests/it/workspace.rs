//! The workspace that these tests are part of, as cargo and the file system see it.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

/// Where the workspace lies.
pub(crate) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

/// The members of the workspace, with the dependencies that they declare.
pub(crate) fn members() -> Vec<Value> {
    let cargo = std::env::var("CARGO").unwrap_or_else(|_| "cargo".to_owned());
    let mut command = Command::new(cargo);
    command.args(["metadata", "--format-version", "1", "--no-deps"]).current_dir(root());
    let output = command.output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let metadata: Value = serde_json::from_slice(&output.stdout).unwrap();
    metadata["packages"].as_array().unwrap().clone()
}

/// The directory of a member, relative to the root.
pub(crate) fn directory(member: &Value) -> PathBuf {
    let manifest = Path::new(member["manifest_path"].as_str().unwrap());
    manifest.parent().unwrap().strip_prefix(root()).unwrap().to_owned()
}

/// A connector server: its binary's name and the directory that its package lies in.
pub(crate) struct Server {
    pub(crate) name: String,
    pub(crate) directory: PathBuf,
}

/// The servers that have a binary.
pub(crate) fn servers() -> Vec<Server> {
    let mut servers = Vec::new();
    for member in members() {
        let directory = directory(&member);
        let targets = member["targets"].as_array().unwrap();
        let is_binary = |target: &&Value| target["kind"][0] == "bin";
        if let (true, Some(target)) =
            (directory.starts_with("servers"), targets.iter().find(is_binary))
        {
            servers.push(Server { name: target["name"].as_str().unwrap().to_owned(), directory });
        }
    }
    servers
}

/// All files of the workspace that end like this, relative to its root.
pub(crate) fn files(extension: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    walk(&root(), extension, &mut found);
    found.sort();
    found
}

fn walk(directory: &Path, extension: &str, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(directory).unwrap() {
        let entry = entry.unwrap();
        let (path, name) = (entry.path(), entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            if name != "target" && !name.as_encoded_bytes().starts_with(b".git") {
                walk(&path, extension, found);
            }
        } else if path.extension().is_some_and(|is| is == extension) {
            found.push(path.strip_prefix(root()).unwrap().to_owned());
        }
    }
}

pub(crate) fn read(path: &Path) -> String {
    fs::read_to_string(root().join(path)).unwrap_or_else(|e| panic!("{}: {e}", path.display()))
}

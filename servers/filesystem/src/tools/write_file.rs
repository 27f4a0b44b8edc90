//! `write_file`: a whole file, made, replaced or added to.

use lockkeeper_core::{Add, Change, Cx, Destroy, Effect, Need, Output, Tool, ToolError};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::Fs;
use crate::source::Written;

pub(crate) struct WriteFile;

/// Create, replace or append a file; makes parents. Keeps the encoding of a replaced file.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Args {
    path: String,
    content: String,
    /// default create: fails if it exists
    mode: Option<Mode>,
    /// version from an earlier result; fails if changed since
    if_version: Option<String>,
}

#[derive(Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
enum Mode {
    Create,
    Overwrite,
    Append,
}

#[derive(Serialize, JsonSchema)]
pub(crate) struct Record {
    path: String,
    version: String,
    bytes: u64,
    created: bool,
}

impl Tool<Fs> for WriteFile {
    type Effect = Change;
    type Args = Args;
    type Output = Record;

    fn plan(args: &Args) -> Need {
        let need = match (args.mode.unwrap_or(Mode::Create), &args.if_version) {
            (Mode::Create, _) => Need::new(Effect::Add),
            (Mode::Append, _) | (Mode::Overwrite, Some(_)) => Need::new(Effect::Change),
            (Mode::Overwrite, None) => {
                Need::new(Effect::Destroy).loses(format!("what `{}` holds now", args.path))
            }
        };
        need.resource(&args.path)
    }

    async fn run(cx: Cx<'_, Fs, Change>, args: Args) -> Result<Record, ToolError> {
        let Args { path, content, mode, if_version } = args;
        let written = match (mode.unwrap_or(Mode::Create), if_version) {
            (Mode::Create, Some(_)) => {
                return Err(ToolError::invalid_arguments(
                    "`if_version` goes with mode overwrite or append",
                ));
            }
            (Mode::Create, None) => {
                let grant = cx.grant_of::<Add>()?;
                cx.blocking(move |fs, _| {
                    fs.files.create_file(grant, fs.files.target(&path)?, &content)
                })
                .await?
            }
            (Mode::Append, seen) => {
                let grant = cx.grant_of::<Change>()?;
                cx.blocking(move |fs, _| {
                    let target = fs.files.target(&path)?;
                    fs.files.append_to_file(grant, target, &content, seen.as_deref())
                })
                .await?
            }
            (Mode::Overwrite, Some(seen)) => {
                let grant = cx.grant_of::<Change>()?;
                cx.blocking(move |fs, _| {
                    fs.files.replace_file(grant, fs.files.target(&path)?, &content, &seen)
                })
                .await?
            }
            (Mode::Overwrite, None) => {
                let grant = cx.grant_of::<Destroy>()?;
                cx.blocking(move |fs, _| {
                    fs.files.overwrite_file(grant, fs.files.target(&path)?, &content)
                })
                .await?
            }
        };
        Ok(written?.into())
    }
}

impl From<Written> for Record {
    fn from(written: Written) -> Self {
        let Written { path, version, bytes, created } = written;
        Self { path, version, bytes, created }
    }
}

impl Output for Record {}

#[cfg(test)]
mod tests {
    use lockkeeper_testkit::expect;
    use lockkeeper_testkit::in_process::{InProcess, seen};
    use lockkeeper_testkit::stdio::Era;
    use serde_json::json;

    use crate::Filesystem;
    use crate::testing::{Fixture, check_writing, client};

    #[test]
    fn creates_with_parents() {
        check_writing(
            "small",
            r#"write_file {"path": "a/b/c.txt", "content": "hi\n"}"#,
            &expect![[r#"{"path":"a/b/c.txt","version":"<version>","bytes":3,"created":true}"#]],
        );
    }

    #[test]
    fn an_existing_file_is_not_replaced_unasked() {
        check_writing(
            "small",
            r#"write_file {"path": "notes.txt", "content": "gone"}"#,
            &expect![[r#"
                error: exists: `notes.txt` exists already
                next: choose another name, or read it and say that you replace it"#]],
        );
    }

    #[test]
    fn a_blind_overwrite_destroys() {
        let fixture = Fixture::new("small");
        let mut client = client(&fixture, &["--write", "--destroy", "never"]);
        let blind = json!({"path": "notes.txt", "content": "new\n", "mode": "overwrite"});
        let result = client.call("write_file", blind.clone());
        let text = result["content"][0]["text"].as_str().unwrap();
        assert!(text.starts_with("policy_denied"), "{text}");
        assert_eq!(fixture.read("notes.txt"), b"one\ntwo\nthree\n");
        let info = client.call("file_info", json!({"paths": ["notes.txt"]}));
        let version = &info["structuredContent"]["files"][0]["version"];
        let mut seen = blind;
        seen["if_version"] = version.clone();
        let result = client.call("write_file", seen.clone());
        assert_eq!(result["structuredContent"]["bytes"], 4);
        let result = client.call("write_file", seen);
        let text = result["content"][0]["text"].as_str().unwrap();
        assert!(text.starts_with("stale_version: `notes.txt` is not at that version"), "{text}");
        assert_eq!(fixture.read("notes.txt"), b"new\n");
    }

    #[test]
    fn appends_in_the_encoding_of_the_file() {
        let fixture = Fixture::new("small");
        let mut client = client(&fixture, &["--write"]);
        let append =
            |content: &str| json!({"path": "umlaut.txt", "content": content, "mode": "append"});
        client.call("write_file", append("ö\n"));
        assert_eq!(fixture.read("umlaut.txt"), b"Gr\xfc\xdfe\n\xf6\n");
        let result = client.call("write_file", append("日"));
        assert_eq!(result["isError"], true);
        assert_eq!(fixture.read("umlaut.txt"), b"Gr\xfc\xdfe\n\xf6\n");
    }

    #[test]
    fn exists_only_where_writing_is_allowed() {
        let fixture = Fixture::new("small");
        let create = json!({"path": "x", "content": ""});
        let answer = |arguments: &[&str]| {
            let arguments: Vec<String> =
                arguments.iter().map(|text| text.replace("DIR", &fixture.root())).collect();
            let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
            let mut client = InProcess::start::<Filesystem>(&arguments, Era::Modern);
            seen(&client.call("write_file", create.clone()))
        };
        fixture.write("policy.toml", b"[policy]\nwrite = false\n");
        for arguments in [&["DIR"][..], &["DIR:ro"], &["DIR:rw", "--config", "DIR/policy.toml"]] {
            let text = answer(arguments);
            assert!(text.starts_with("protocol error"), "{text}");
        }
        for arguments in [&["DIR:ro", "--write"][..], &["DIR", "DIR/sub:rw"]] {
            let text = answer(arguments);
            assert!(text.starts_with("error: read_only: `x` lies in"), "{text}");
        }
        assert!(answer(&["DIR", "--write"]).contains(r#""created":true"#));
        assert!(answer(&["DIR:rw"]).starts_with("error: exists"));
    }
}

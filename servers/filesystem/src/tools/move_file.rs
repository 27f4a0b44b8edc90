//! `move_file`: a file or directory under another name, or twice.

use lockkeeper_core::{Add, Change, Cx, Destroy, Effect, Need, Output, Tool, ToolError};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::Fs;

pub(crate) struct MoveFile;

/// Move, rename or copy a file or directory; never replaces unless overwrite.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Args {
    source: String,
    /// the new path itself, not the directory to put it in
    destination: String,
    #[serde(default)]
    copy: bool,
    #[serde(default)]
    overwrite: bool,
}

#[derive(Serialize, JsonSchema)]
pub(crate) struct Record {
    /// files and directories
    moved: u64,
}

impl Tool<Fs> for MoveFile {
    type Effect = Change;
    type Args = Args;
    type Output = Record;

    fn plan(args: &Args) -> Need {
        let need = match (args.overwrite, args.copy) {
            (true, _) => {
                Need::new(Effect::Destroy).loses(format!("what `{}` holds now", args.destination))
            }
            (false, true) => Need::new(Effect::Add),
            (false, false) => Need::new(Effect::Change),
        };
        need.resource(&args.source).resource(&args.destination)
    }

    async fn run(cx: Cx<'_, Fs, Change>, args: Args) -> Result<Record, ToolError> {
        let moved = match (args.overwrite, args.copy) {
            (true, copy) => {
                let grant = cx.grant_of::<Destroy>()?;
                cx.blocking(move |fs, _| {
                    let to = fs.files.destination(&args.destination)?;
                    if copy {
                        fs.files.copy_over(grant, &fs.files.original(&args.source)?, to)
                    } else {
                        fs.files.move_over(grant, &fs.files.entry(&args.source)?, to)
                    }
                })
                .await?
            }
            (false, true) => {
                let grant = cx.grant_of::<Add>()?;
                cx.blocking(move |fs, _| {
                    let from = fs.files.original(&args.source)?;
                    fs.files.copy_entry(grant, &from, fs.files.destination(&args.destination)?)
                })
                .await?
            }
            (false, false) => {
                let grant = cx.grant_of::<Change>()?;
                cx.blocking(move |fs, _| {
                    let from = fs.files.entry(&args.source)?;
                    fs.files.move_entry(grant, &from, fs.files.destination(&args.destination)?)
                })
                .await?
            }
        };
        Ok(Record { moved: moved? })
    }
}

impl Output for Record {}

#[cfg(test)]
mod tests {
    use lockkeeper_testkit::expect;
    use serde_json::json;

    use crate::testing::{Fixture, check_writing, client};

    #[test]
    fn moves_a_directory_and_counts() {
        check_writing(
            "project",
            r#"move_file {"source": "data", "destination": "new/place"}"#,
            &expect![[r#"{"moved":41}"#]],
        );
    }

    #[test]
    fn never_replaces_unasked() {
        let fixture = Fixture::new("small");
        let mut client = client(&fixture, &["--write", "--destroy", "never"]);
        let mut args = json!({"source": "empty.txt", "destination": "notes.txt"});
        for flag in ["copy", "nothing"] {
            if flag == "copy" {
                args["copy"] = true.into();
            }
            let result = client.call("move_file", args.clone());
            let text = result["content"][0]["text"].as_str().unwrap();
            assert!(text.starts_with("exists: `notes.txt`"), "{text}");
        }
        args["overwrite"] = true.into();
        let result = client.call("move_file", args);
        let text = result["content"][0]["text"].as_str().unwrap();
        assert!(text.starts_with("policy_denied"), "{text}");
        assert_eq!(fixture.read("notes.txt"), b"one\ntwo\nthree\n");
    }

    #[test]
    fn copies_and_overwrites_when_asked() {
        let fixture = Fixture::new("small");
        let mut client = client(&fixture, &["--write", "--destroy", "allow"]);
        let copy = json!({"source": "notes.txt", "destination": "x/copy.txt", "copy": true});
        assert_eq!(client.call("move_file", copy)["structuredContent"]["moved"], 1);
        let over = json!({"source": "x/copy.txt", "destination": "wide.txt", "overwrite": true});
        assert_eq!(client.call("move_file", over)["structuredContent"]["moved"], 1);
        assert_eq!(fixture.read("wide.txt"), fixture.read("notes.txt"));
    }

    #[test]
    fn nothing_leaves_the_roots() {
        check_writing(
            "small",
            r#"move_file {"source": "notes.txt", "destination": "../notes.txt"}"#,
            &expect![[r#"
                error: outside_roots: `../notes.txt` lies outside the allowed directories
                next: list_directory without a path names the allowed directories"#]],
        );
    }
}

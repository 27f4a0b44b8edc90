//! `write`: content for a file, new or there.

use lockkeeper_core::{Add, Change, Cx, Effect, Need, Tool, ToolError};
use schemars::JsonSchema;
use serde::Deserialize;

use super::download::pause;
use crate::rows::Done;
use crate::source::{Given, Sent, Source, SourceError, Upload};

pub(crate) struct WriteFile;

/// Write a new file (`parent`, `name`) or replace the content of one (`file`), which keeps its id and
/// history.
///
/// `running` is not finished: call again with `next` as `cursor` and all else the same.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Args {
    file: Option<String>,
    parent: Option<String>,
    name: Option<String>,
    content: Option<String>,
    /// Path in the upload directory, in place of content
    local_path: Option<String>,
    mime: Option<String>,
    /// Make a Google Doc of Markdown or text, a Sheet of CSV
    #[serde(default)]
    convert: bool,
    /// As read showed it; another one is not overwritten
    expect_revision: Option<String>,
    cursor: Option<String>,
}

impl Tool<Source> for WriteFile {
    type Effect = Add;
    const MOST: Effect = Effect::Change;
    type Args = Args;
    type Output = Done;

    fn plan(args: &Args) -> Need {
        let effect = if args.file.is_some() { Effect::Change } else { Effect::Add };
        let named = args.file.iter().chain(&args.parent);
        named.fold(Need::new(effect), Need::resource)
    }

    async fn run(cx: Cx<'_, Source, Add>, args: Args) -> Result<Done, ToolError> {
        let until = pause();
        let replaces = args.file.is_some();
        let upload = match cx.resume(args.cursor.as_deref())?.as_deref() {
            None => begin(&cx, args).await?,
            Some(&[id, _]) => cx.source().uploads.take(id).ok_or_else(expired)?,
            Some(_) => return Err(expired()),
        };
        let sent = if replaces {
            let grant = cx.grant_of::<Change>()?;
            cx.source().send(&grant, upload, until).await?
        } else {
            cx.source().send(&cx.grant(), upload, until).await?
        };
        match sent {
            Sent::Done(found) => {
                let size = found.file().size.and_then(|size| u64::try_from(size).ok());
                Ok(Done { bytes: size, ..Done::of("done", &found) })
            }
            Sent::Running(upload) => {
                let (bytes, total) = (upload.sent, Some(upload.total));
                let next = Some(cx.next(&[cx.source().uploads.keep(upload), bytes]));
                Ok(Done { state: "running", bytes: Some(bytes), total, next, ..Done::default() })
            }
        }
    }
}

async fn begin(cx: &Cx<'_, Source, Add>, args: Args) -> Result<Box<Upload>, ToolError> {
    let given = match (args.content, args.local_path) {
        (Some(content), None) => {
            if let Some(placeholder) = lockkeeper_core::placeholder(&content) {
                return Err(ToolError::invalid_arguments(format!(
                    "`content` holds `{placeholder}`, which stands for something that was not shown"
                ))
                .hint("write the file without what was left out, or ask the user"));
            }
            Given::Text(content)
        }
        (None, Some(path)) => Given::Local(path),
        _ => return Err(ToolError::invalid_arguments("give either `content` or `local_path`")),
    };
    let source = cx.source();
    match (args.file, args.name) {
        (Some(file), None) if args.parent.is_none() && !args.convert => {
            let held = source.hold_content(&file).await?;
            let expect = args.expect_revision.as_deref();
            Ok(source.replace(&held, expect, (given, args.mime)).await?)
        }
        (None, Some(name)) if args.expect_revision.is_none() => {
            let parent = source.hold_folder(args.parent.as_deref()).await?;
            Ok(source.place((&parent, name), (given, args.mime), args.convert).await?)
        }
        _ => Err(ToolError::invalid_arguments(
            "give `file`, with `expect_revision` if you like, or `name` with `parent` and `convert`",
        )),
    }
}

fn expired() -> ToolError {
    SourceError::Expired { what: "this upload", hint: "begin it again, without cursor" }.into()
}

#[cfg(test)]
mod tests {
    use crate::testing::{World, id_in};

    #[test]
    fn writes_new_files_and_replaces_content() {
        let world = World::office();
        let flags = ["--write"];
        let seen =
            world.once(&flags, r#"write {"name": "new.md", "parent": "team", "content": "ü1"}"#);
        assert!(seen.starts_with(r#"{"state":"done","id":""#), "{seen}");
        assert!(seen.contains(r#""name":"new.md""#) && seen.contains(r#""bytes":3"#), "{seen}");
        let id = id_in(&seen);
        let read = world.once(&[], &format!(r#"read {{"file": "{id}"}}"#));
        assert!(read.ends_with("\nü1"), "{read}");
        let again = format!(r#"write {{"file": "{id}", "content": ""}}"#);
        let seen = world.once(&flags, &again);
        assert!(seen.contains(r#""bytes":0"#) && seen.contains(&id), "{seen}");
        let doc = r##"write {"name": "Memo", "parent": "team", "content": "# Memo\n\nHello", "convert": true}"##;
        let seen = world.once(&flags, doc);
        let read = world.once(&[], &format!(r#"read {{"file": "{}"}}"#, id_in(&seen)));
        assert!(read.contains("(doc, ") && read.contains("# Memo"), "{read}");
    }

    #[test]
    fn a_stale_overwrite_is_refused_and_leaves_the_old_state() {
        let world = World::office();
        let read = world.once(&[], r#"read {"file": "notes"}"#);
        let revision = crate::testing::revision(&read);
        let write = format!(
            r#"write {{"file": "notes", "content": "mine", "expect_revision": "{revision}"}}"#
        );
        world.once(&["--write"], r#"write {"file": "notes", "content": "theirs"}"#);
        let seen = world.once(&["--write"], &write);
        assert!(seen.starts_with("error: conflict: the file has revision"), "{seen}");
        assert!(world.once(&[], r#"read {"file": "notes"}"#).ends_with("\ntheirs"));
    }

    #[test]
    fn arguments_that_make_no_sense_write_nothing() {
        let world = World::office();
        for call in [
            r#"write {"name": "x"}"#,
            r#"write {"name": "x", "content": "a", "local_path": "b"}"#,
            r#"write {"content": "a"}"#,
            r#"write {"file": "notes", "name": "x", "content": "a"}"#,
            r#"write {"file": "notes", "content": "[redacted:github_token]"}"#,
            r#"write {"name": "x", "parent": "notes", "content": "a"}"#,
            r#"write {"file": "team", "content": "a"}"#,
            r#"write {"file": "costs", "content": "a"}"#,
            r#"write {"name": "x", "local_path": "/etc/passwd"}"#,
        ] {
            let seen = world.once(&["--write", "--destroy=allow"], call);
            assert!(seen.starts_with("error: "), "{call}: {seen}");
        }
        assert!(world.once(&[], r#"search {"query": "name = 'x'"}"#).starts_with("[0 files]"));
        let seen = world.once(&[], r#"write {"name": "x", "content": "a"}"#);
        assert!(seen.contains("unknown"), "{seen}");
    }

    #[test]
    fn local_files_come_from_their_directory_alone() {
        let world = World::office();
        let directory = tempfile::tempdir().unwrap();
        std::fs::write(directory.path().join("a.txt"), "local").unwrap();
        std::os::unix::fs::symlink("/etc/passwd", directory.path().join("link")).unwrap();
        let flag = format!("--upload-dir={}", directory.path().display());
        let flags = ["--write", flag.as_str()];
        let seen = world.once(&flags, r#"write {"name": "a.txt", "local_path": "a.txt"}"#);
        assert!(seen.contains(r#""bytes":5"#), "{seen}");
        for path in ["link", "../a.txt", "/etc/passwd", ".hidden", "", "nothing"] {
            let seen =
                world.once(&flags, &format!(r#"write {{"name": "x", "local_path": "{path}"}}"#));
            assert!(seen.starts_with("error: not_suited"), "{path}: {seen}");
        }
    }
}

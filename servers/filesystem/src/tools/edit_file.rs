//! `edit_file`: exact text replaced, all edits or none.

use lockkeeper_core::{Altered, Change, Cx, Effect, Need, Output, Room, Tool, ToolError};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::Fs;
use crate::source;

/// Bytes of the diff that an answer repeats: the caller has written most of it itself.
const MOST_DIFF: usize = 4_000;

pub(crate) struct EditFile;

/// Replace exact text, all edits or none. `old_text` must match once (or `replace_all`);
/// indentation is matched loosely only if unique. Line endings, BOM, encoding kept. Returns a diff.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Args {
    path: String,
    edits: Vec<Edit>,
    #[serde(default)]
    dry_run: bool,
    if_version: Option<String>,
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Edit {
    old_text: String,
    new_text: String,
    #[serde(default)]
    replace_all: bool,
}

#[derive(Serialize, JsonSchema)]
pub(crate) struct Record {
    path: String,
    version: String,
    replaced: u64,
    diff: String,
    /// the diff was cut
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    truncated: bool,
    #[serde(skip)]
    altered: Altered,
}

impl Tool<Fs> for EditFile {
    type Effect = Change;
    type Args = Args;
    type Output = Record;

    fn plan(args: &Args) -> Need {
        Need::new(if args.dry_run { Effect::Read } else { Effect::Change }).resource(&args.path)
    }

    async fn run(cx: Cx<'_, Fs, Change>, args: Args) -> Result<Record, ToolError> {
        let Args { path, edits, dry_run, if_version } = args;
        if edits.is_empty() {
            return Err(ToolError::invalid_arguments("`edits` is empty"));
        }
        let edit = |Edit { old_text, new_text, replace_all }| source::Edit {
            old_text,
            new_text,
            replace_all,
        };
        let edits: Vec<source::Edit> = edits.into_iter().map(edit).collect();
        let grant = if dry_run { None } else { Some(cx.grant_of::<Change>()?) };
        let edited = cx.blocking(move |fs, _| {
            let target = fs.files.target(&path)?;
            match grant {
                Some(grant) => fs.files.edit_file(grant, &target, &edits, if_version.as_deref()),
                None => fs.files.preview_edits(&target, &edits, if_version.as_deref()),
            }
        });
        let source::Edited { path, diff, replaced, version } = edited.await??;
        let mut room = Room::new(MOST_DIFF.min(cx.max_output()));
        let truncated = !diff.hunks.iter().all(|hunk| room.push(hunk));
        let altered = diff.altered;
        Ok(Record { path, version, replaced, diff: room.into_text(), truncated, altered })
    }
}

impl Output for Record {
    fn altered(&self) -> Altered {
        self.altered
    }

    const BULK: bool = true;

    fn text(&self) -> String {
        let Self { path, version, replaced, diff, truncated, altered: _ } = self;
        let cut = if *truncated { "; diff truncated" } else { "" };
        format!("[{path}: {replaced} replaced; version {version}{cut}]\n{diff}")
    }

    fn truncated(&self) -> bool {
        self.truncated
    }
}

#[cfg(test)]
mod tests {
    use lockkeeper_testkit::expect;
    use lockkeeper_testkit::in_process::seen;
    use serde_json::json;

    use crate::testing::{Fixture, check_writing, client};

    #[test]
    fn edits_and_shows_the_diff() {
        check_writing(
            "small",
            r#"edit_file {"path": "notes.txt", "edits": [
                {"old_text": "two", "new_text": "2"}, {"old_text": "2\n", "new_text": "2\n2.5\n"}]}"#,
            &expect![[r#"
                [notes.txt: 2 replaced; version <version>]
                @@ -1,3 +1,4 @@
                 one
                -two
                +2
                +2.5
                 three
            "#]],
        );
    }

    #[test]
    fn no_match_shows_the_nearest_block_and_changes_nothing() {
        check_writing(
            "project",
            r#"edit_file {"path": "src/hello.rs", "edits": [
                {"old_text": "pub fn", "new_text": "fn"},
                {"old_text": "    println!(\"Hullo\");\n", "new_text": ""}]}"#,
            &expect![[r#"
                error: no_match: `src/hello.rs`, edit 2: old_text is not found; lines 2-2 are nearest (- file, + old_text):
                @@ -1 +1 @@
                -    println!("Hello");
                +    println!("Hullo");
                next: nothing was changed; read_file those lines and quote them exactly"#]],
        );
    }

    #[test]
    fn an_ambiguous_text_is_refused_with_its_lines() {
        check_writing(
            "small",
            r#"edit_file {"path": "long.txt", "edits": [{"old_text": "line 199", "new_text": "x"}]}"#,
            &expect![[r#"
                error: ambiguous: `long.txt`, edit 1: old_text is found 11 times: lines 199, 1990, 1991, 1992, 1993, 1994, 1995, 1996, 1997, 1998, 1999
                next: nothing was changed; quote more lines around the one you mean, or set replace_all"#]],
        );
    }

    #[test]
    fn the_old_state_survives_every_refusal() {
        let mixed: &[u8] = b"\xef\xbb\xbfone\r\ntwo\nthree\r\n";
        let fixture = Fixture::new("small");
        let mut client = client(&fixture, &["--write"]);
        fixture.write("mixed.txt", mixed);
        fixture.write("broken.txt", b"\xef\xbb\xbfab\xc3(\n");
        let mut edit = |path: &str, old: &str, new: &str| {
            let edits = json!([{"old_text": old, "new_text": new}]);
            seen(&client.call("edit_file", json!({"path": path, "edits": edits})))
        };
        for (path, old, new, code) in [
            ("mixed.txt", "", "x", "empty_old_text"),
            ("mixed.txt", "two", "two", "no_change"),
            ("mixed.txt", "zwei", "x", "no_match"),
            ("umlaut.txt", "ü", "日", "unencodable"),
            ("broken.txt", "ab", "x", "not_exact"),
            ("data.bin", "a", "b", "not_text"),
            ("none.txt", "a", "b", "not_found"),
            (".env", "TOKEN", "x", "not_found"),
        ] {
            let text = edit(path, old, new);
            assert!(text.starts_with(&format!("error: {code}: ")), "{text}");
        }
        assert_eq!(fixture.read("mixed.txt"), mixed);
        assert_eq!(fixture.read("umlaut.txt"), b"Gr\xfc\xdfe\n");
        edit("mixed.txt", "one\ntwo\nthree", "one\n2\nthree");
        assert_eq!(fixture.read("mixed.txt"), b"\xef\xbb\xbfone\r\n2\nthree\r\n");
        edit("umlaut.txt", "Grüße", "Größe");
        assert_eq!(fixture.read("umlaut.txt"), b"Gr\xf6\xdfe\n");
    }

    #[test]
    fn a_dry_run_and_a_stale_version_change_nothing() {
        let fixture = Fixture::new("small");
        let mut client = client(&fixture, &["--write"]);
        let edits = json!([{"old_text": "two", "new_text": "2"}]);
        let dry = json!({"path": "notes.txt", "edits": edits, "dry_run": true});
        let result = client.call("edit_file", dry);
        assert!(result.get("structuredContent").is_none(), "the diff travels once");
        let text = seen(&result);
        assert!(text.contains("-two\n+2\n"), "{text}");
        let version = text.split_once("version ").unwrap().1.split(']').next().unwrap();
        assert_eq!(fixture.read("notes.txt"), b"one\ntwo\nthree\n");
        fixture.write("notes.txt", b"one\ntwo\nthree\nfour\n");
        let call = json!({"path": "notes.txt", "edits": edits, "if_version": version});
        let text = seen(&client.call("edit_file", call));
        assert!(text.starts_with("error: stale_version"), "{text}");
        assert_eq!(fixture.read("notes.txt"), b"one\ntwo\nthree\nfour\n");
    }
}

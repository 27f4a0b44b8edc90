//! `apply_patch`: a unified diff over any number of files, all or nothing.

use lockkeeper_core::{Change, Cx, Effect, Need, Output, Tool, ToolError};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::Fs;
use crate::source::{PatchAction, Patched, patch_paths};

pub(crate) struct ApplyPatch;

/// Apply a unified diff over one or more files (create, delete, rename too), all or nothing.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Args {
    patch: String,
    #[serde(default)]
    dry_run: bool,
}

#[derive(Serialize, JsonSchema)]
pub(crate) struct Record {
    files: Vec<File>,
}

#[derive(Serialize, JsonSchema)]
struct File {
    path: String,
    action: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    version: Option<String>,
}

impl Tool<Fs> for ApplyPatch {
    type Effect = Change;
    type Args = Args;
    type Output = Record;

    fn plan(args: &Args) -> Need {
        let need = Need::new(if args.dry_run { Effect::Read } else { Effect::Change });
        patch_paths(&args.patch).into_iter().fold(need, Need::resource)
    }

    async fn run(cx: Cx<'_, Fs, Change>, args: Args) -> Result<Record, ToolError> {
        let grant = if args.dry_run { None } else { Some(cx.grant_of::<Change>()?) };
        let files = cx.blocking(move |fs, _| match grant {
            Some(grant) => fs.files.apply_patch(grant, &args.patch),
            None => fs.files.preview_patch(&args.patch),
        });
        let files = files.await??.into_iter();
        let file = |Patched { path, action, version }| {
            let action = match action {
                PatchAction::Created => "created",
                PatchAction::Changed => "changed",
                PatchAction::Deleted => "deleted",
                PatchAction::Renamed => "renamed",
            };
            File { path, action, version }
        };
        Ok(Record { files: files.map(file).collect() })
    }
}

impl Output for Record {}

#[cfg(test)]
mod tests {
    use lockkeeper_testkit::expect;
    use lockkeeper_testkit::in_process::seen;
    use serde_json::json;

    use crate::testing::{Fixture, check_writing, client};

    const ALL: &str = "diff --git a/notes.txt b/notes.txt\n--- a/notes.txt\n+++ b/notes.txt\n\
        @@ -2,2 +2,3 @@\n two\n-three\n+3\n+4\n\
        --- /dev/null\n+++ b/new/file.txt\n@@ -0,0 +1,2 @@\n+a\n+b\n\\ No newline at end of file\n\
        diff --git a/umlaut.txt b/gr\u{fc}n.txt\nrename from umlaut.txt\nrename to gr\u{fc}n.txt\n\
        --- a/umlaut.txt\n+++ b/gr\u{fc}n.txt\n@@ -1 +1 @@\n-Gr\u{fc}\u{df}e\n+Gr\u{f6}\u{df}e\n\
        diff --git a/empty.txt b/empty.txt\ndeleted file mode 100644\nindex e69de29..0000000\n";

    #[test]
    fn changes_creates_renames_and_deletes() {
        let call = format!("apply_patch {}", json!({"patch": ALL}));
        check_writing(
            "small",
            &call,
            &expect![[
                r#"{"files":[{"path":"notes.txt","action":"changed","version":"<version>"},{"path":"new/file.txt","action":"created","version":"<version>"},{"path":"grün.txt","action":"renamed","version":"<version>"},{"path":"empty.txt","action":"deleted"}]}"#
            ]],
        );
    }

    #[test]
    fn a_dry_run_changes_nothing_and_a_run_all() {
        let fixture = Fixture::new("small");
        let mut client = client(&fixture, &["--write"]);
        client.call("apply_patch", json!({"patch": ALL, "dry_run": true}));
        assert_eq!(fixture.read("notes.txt"), b"one\ntwo\nthree\n");
        client.call("apply_patch", json!({"patch": ALL}));
        assert_eq!(fixture.read("notes.txt"), b"one\ntwo\n3\n4\n");
        assert_eq!(fixture.read("new/file.txt"), b"a\nb");
        assert_eq!(fixture.read("gr\u{fc}n.txt"), b"Gr\xf6\xdfe\n");
        assert_eq!(
            fixture.names("."),
            [
                ".env",
                "data.bin",
                "dot.png",
                "gr\u{fc}n.txt",
                "long.txt",
                "new",
                "notes.txt",
                "sub",
                "wide.txt",
            ]
        );
    }

    #[test]
    fn what_fails_in_one_file_changes_none() {
        let good = "--- notes.txt\n+++ notes.txt\n@@ -1 +1 @@\n-one\n+1\n\
            --- /dev/null\n+++ made/x\n@@ -0,0 +1 @@\n+x\n";
        for (bad, code) in [
            ("--- long.txt\n+++ long.txt\n@@ -1 +1 @@\n-line 7777\n+x\n", "patch_failed"),
            ("--- long.txt\n+++ long.txt\n@@ @@\n-line 1999x\n+x\n", "patch_failed"),
            ("--- notes.txt\n+++ notes.txt\n@@ -2 +2 @@\n-two\n+2\n", "patch_failed"),
            ("--- none\n+++ none\n@@ -1 +1 @@\n-a\n+b\n", "not_found"),
            ("--- .env\n+++ .env\n@@ -1 +1 @@\n-TOKEN=1\n+b\n", "not_found"),
            ("--- /dev/null\n+++ b/../secret.txt\n@@ -0,0 +1 @@\n+x\n", "outside_roots"),
            ("--- /dev/null\n+++ b/.git/hooks/x\n@@ -0,0 +1 @@\n+x\n", "git_internals"),
            ("--- /dev/null\n+++ b/wide.txt\n@@ -0,0 +1 @@\n+x\n", "exists"),
            ("--- a/long.txt\n+++ /dev/null\n@@ -1,2 +0,0 @@\n-line 1\n-line 2\n", "patch_failed"),
            ("--- data.bin\n+++ data.bin\n@@ -1 +1 @@\n-a\n+b\n", "not_text"),
            ("@@ -1 +1 @@\n", "patch_failed"),
        ] {
            let fixture = Fixture::new("small");
            let before = fixture.names(".");
            let mut client = client(&fixture, &["--write"]);
            let text = seen(&client.call("apply_patch", json!({"patch": format!("{good}{bad}")})));
            assert!(text.starts_with(&format!("error: {code}: ")), "{bad}: {text}");
            assert_eq!(fixture.read("notes.txt"), b"one\ntwo\nthree\n");
            assert_eq!(fixture.names("."), before);
        }
    }

    #[test]
    fn line_numbers_may_be_off_and_line_ends_stay() {
        let fixture = Fixture::new("small");
        let mut client = client(&fixture, &["--write"]);
        fixture.write("crlf.txt", b"a\r\nb\r\nc\nd");
        let patch = "--- crlf.txt\n+++ crlf.txt\n@@ -7,3 +7,3 @@\n b\n+new\n c\n-d\n+e\n";
        client.call("apply_patch", json!({"patch": patch}));
        assert_eq!(fixture.read("crlf.txt"), b"a\r\nb\r\nnew\r\nc\ne");
        let patch = "--- long.txt\n+++ long.txt\n@@ -1990,1 +1990,1 @@\n-line 1980\n+x\n\
            @@ -1999 +1999 @@\n-line 1989\n+y\n";
        client.call("apply_patch", json!({"patch": patch}));
        let text = String::from_utf8(fixture.read("long.txt")).unwrap();
        assert!(text.contains("\nline 1979\nx\nline 1981\n") && text.contains("\ny\nline 1990\n"));
    }
    #[test]
    fn a_wrong_line_number_and_several_places_is_refused() {
        let fixture = Fixture::new("small");
        let mut client = client(&fixture, &["--write"]);
        let original = "a\nx\na\nx\na\nx\n";
        fixture.write("same.txt", original.as_bytes());
        for at in [1, 3, 30] {
            let patch = format!("--- same.txt\n+++ same.txt\n@@ -{at} +{at} @@\n-x\n+y\n");
            let text = seen(&client.call("apply_patch", json!({"patch": patch})));
            assert!(text.contains("fits at lines 2, 4, 6\n"), "{at}: {text}");
            assert_eq!(fixture.read("same.txt"), original.as_bytes());
        }
        let patch = "--- same.txt\n+++ same.txt\n@@ -4 +4 @@\n-x\n+y\n";
        client.call("apply_patch", json!({"patch": patch}));
        assert_eq!(fixture.read("same.txt"), b"a\nx\na\ny\na\nx\n");
    }
}

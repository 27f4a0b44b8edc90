//! `replace_text`: a pattern replaced in many files.

use std::collections::BTreeMap;

use lockkeeper_core::{Altered, Change, Cx, Effect, Need, Output, Tool, ToolError};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::Fs;
use crate::source::{PassedOver, ReplaceOptions};

/// Bytes of diff that an answer holds.
const MOST_DIFF: usize = 6_000;

pub(crate) struct ReplaceText;

/// Replace a regex or literal in many files, in all or none; `dry_run` is the default.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Args {
    pattern: String,
    /// $1 for groups
    replacement: String,
    path: Option<String>,
    glob: Option<String>,
    #[serde(default)]
    literal: bool,
    /// default true
    dry_run: Option<bool>,
}

#[derive(Serialize, JsonSchema)]
pub(crate) struct Record {
    files: u64,
    replaced: u64,
    /// nothing was written
    dry_run: bool,
    /// files with matches that can't be changed
    #[serde(skip_serializing_if = "is_zero")]
    skipped: u64,
    /// files that were not looked into, by why
    passed_over: BTreeMap<&'static str, u64>,
    diff: String,
    /// the diff or, with `complete` false, the search was cut
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    truncated: bool,
    complete: bool,
    #[serde(skip)]
    altered: Altered,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde calls it with a reference")]
fn is_zero(n: &u64) -> bool {
    *n == 0
}

impl Tool<Fs> for ReplaceText {
    type Effect = Change;
    type Args = Args;
    type Output = Record;

    fn plan(args: &Args) -> Need {
        let effect = if args.dry_run.unwrap_or(true) { Effect::Read } else { Effect::Change };
        Need::new(effect).resource(args.path.as_deref().unwrap_or("."))
    }

    async fn run(cx: Cx<'_, Fs, Change>, args: Args) -> Result<Record, ToolError> {
        let dry_run = args.dry_run.unwrap_or(true);
        let grant = if dry_run { None } else { Some(cx.grant_of::<Change>()?) };
        let options = ReplaceOptions {
            pattern: args.pattern,
            replacement: args.replacement,
            literal: args.literal,
            glob: args.glob,
            ignored: false,
            diff_bytes: MOST_DIFF.min(cx.max_output()),
        };
        let path = args.path.unwrap_or_default();
        let replaced = cx.blocking(move |fs, stop| {
            let located = fs.files.locate(&path)?;
            match grant {
                Some(grant) => fs.files.replace_in_files(grant, &located, &options, stop),
                None => fs.files.preview_replace(&located, &options, stop),
            }
        });
        let replaced = replaced.await??;
        Ok(Record {
            files: replaced.files,
            replaced: replaced.replaced,
            dry_run,
            skipped: replaced.skipped,
            passed_over: reasons(replaced.passed_over),
            truncated: replaced.truncated || !replaced.complete,
            complete: replaced.complete,
            diff: replaced.diff,
            altered: replaced.altered,
        })
    }
}

fn reasons(over: PassedOver) -> BTreeMap<&'static str, u64> {
    let PassedOver { binary, too_large, undecodable, unreadable } = over;
    let reasons = [
        ("binary", binary),
        ("over 8 MB", too_large),
        ("undecodable", undecodable),
        ("unreadable", unreadable),
    ];
    reasons.into_iter().filter(|(_, files)| *files > 0).collect()
}

impl Output for Record {
    fn altered(&self) -> Altered {
        self.altered
    }

    const BULK: bool = true;

    fn text(&self) -> String {
        let mut header = format!("[{} files, {} replaced", self.files, self.replaced);
        if self.dry_run {
            header.push_str("; dry run: nothing was written");
        }
        if self.skipped > 0 {
            header.push_str(&format!("; {} files skipped: they can't be changed", self.skipped));
        }
        if !self.passed_over.is_empty() {
            let over: Vec<String> =
                self.passed_over.iter().map(|(why, files)| format!("{files} {why}")).collect();
            header.push_str(&format!("; not looked into: {}", over.join(", ")));
        }
        if !self.complete {
            header.push_str("; truncated: not all was searched, narrow path or glob");
        } else if self.truncated {
            header.push_str("; diff truncated");
        }
        format!("{header}]\n{}", self.diff)
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
    fn a_dry_run_is_the_default() {
        check_writing(
            "project",
            r#"replace_text {"pattern": "(?i)(hello)\\(", "replacement": "say_$1(", "glob": "*.rs"}"#,
            &expect![[r#"
                [2 files, 2 replaced; dry run: nothing was written]
                --- src/hello.rs
                +++ src/hello.rs
                @@ -1,2 +1,2 @@
                -pub fn hello() {
                +pub fn say_hello() {
                     println!("Hello");
                --- src/main.rs
                +++ src/main.rs
                @@ -1,3 +1,3 @@
                 fn main() {
                -    hello();
                +    say_hello();
                 }
            "#]],
        );
    }

    #[test]
    fn replaces_in_all_files_and_keeps_their_bytes() {
        let fixture = Fixture::new("project");
        let mut client = client(&fixture, &["--write", "--max-output", "1kB"]);
        fixture.write("src/crlf.txt", b"hello\r\n\r\nGr\xfc\xdfe, hello\n");
        fixture.write("src/other.bin", b"hello\0");
        let args = json!({"pattern": "hello$", "replacement": "bye", "dry_run": false});
        let dry = json!({"pattern": "hello$", "replacement": "bye"});
        client.call("replace_text", dry);
        assert_eq!(fixture.read("src/crlf.txt"), b"hello\r\n\r\nGr\xfc\xdfe, hello\n");
        let text = seen(&client.call("replace_text", args));
        assert!(text.starts_with("[1 files, 2 replaced; not looked into: 1 binary]\n"), "{text}");
        assert_eq!(fixture.read("src/crlf.txt"), b"bye\r\n\r\nGr\xfc\xdfe, bye\n");
        assert_eq!(fixture.read("src/other.bin"), b"hello\0");
        let args = json!({"pattern": "hello,1", "replacement": "$0", "literal": true,
            "path": "data", "dry_run": false});
        let text = seen(&client.call("replace_text", args));
        assert!(text.starts_with("[40 files, 40 replaced; diff truncated]\n"), "{text}");
        assert!(text.len() <= 1_000, "{} bytes", text.len());
        assert_eq!(fixture.read("data/07.csv"), b"$0\nhello,2\n");
        // What ignore files leave out stays.
        assert_eq!(fixture.read("target/out.rs"), b"fn hello() {}\n");
    }

    #[test]
    fn senseless_patterns_and_forbidden_places_are_refused() {
        let fixture = Fixture::new("small");
        let mut client = client(&fixture, &["--write"]);
        for (pattern, path, code) in [
            ("x*", "", "invalid_pattern"),
            ("(", "", "invalid_pattern"),
            ("a", "../secret.txt", "outside_roots"),
            ("TOKEN", ".env", "not_found"),
            ("a", "data.bin", "not_text"),
        ] {
            let args = json!({"pattern": pattern, "replacement": "y", "path": path});
            let text = seen(&client.call("replace_text", args));
            assert!(text.starts_with(&format!("error: {code}: ")), "{pattern}: {text}");
        }
        let nothing = json!({"pattern": "TOKEN", "replacement": "y", "dry_run": false});
        let text = seen(&client.call("replace_text", nothing));
        assert!(text.starts_with("[0 files, 0 replaced; "), "{text}");
        assert_eq!(fixture.read(".env"), b"TOKEN=1");
    }

    #[test]
    fn what_is_passed_over_is_counted() {
        let fixture = Fixture::new("small");
        let mut client = client(&fixture, &["--write"]);
        fixture.write("large.txt", "two words\n".repeat(1_000_000).as_bytes());
        fixture.write("broken.txt", b"\xef\xbb\xbftwo\xc3(\n");
        let args = json!({"pattern": "two", "replacement": "2", "dry_run": false});
        let text = seen(&client.call("replace_text", args));
        let counts = "not looked into: 2 binary, 1 over 8 MB, 1 undecodable]";
        assert!(text.starts_with(&format!("[1 files, 1 replaced; {counts}\n")), "{text}");
        assert_eq!(fixture.read("broken.txt"), b"\xef\xbb\xbftwo\xc3(\n");
    }

    #[test]
    fn the_diff_travels_once() {
        let fixture = Fixture::new("project");
        let args = json!({"pattern": "hello", "replacement": "bye", "path": "src"});
        let result = client(&fixture, &["--write"]).call("replace_text", args.clone());
        assert!(result.get("structuredContent").is_none(), "{result}");
        let flags = ["--write", "--results", "structured"];
        let result = client(&fixture, &flags).call("replace_text", args);
        assert!(result["structuredContent"]["diff"].as_str().unwrap().contains("+pub fn bye"));
        assert_eq!(
            result["content"][0]["text"],
            "[2 files, 2 replaced; dry run: nothing was written]"
        );
    }
    #[test]
    fn a_group_that_does_not_exist_is_refused() {
        let fixture = Fixture::new("small");
        let mut client = client(&fixture, &["--write"]);
        for replacement in ["US$5", "$1_x", "$HOME"] {
            let arguments = json!({"pattern": "(two)", "replacement": replacement,
                "dry_run": false});
            let text = seen(&client.call("replace_text", arguments));
            assert!(text.starts_with("error: invalid_replacement: "), "{text}");
            assert_eq!(fixture.read("notes.txt"), b"one\ntwo\nthree\n");
        }
        let arguments = json!({"pattern": "(two)", "replacement": "${1}_$$5 $", "dry_run": false});
        client.call("replace_text", arguments);
        assert_eq!(fixture.read("notes.txt"), b"one\ntwo_$5 $\nthree\n");
    }
}

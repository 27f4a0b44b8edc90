//! `diff_files`: a unified diff of two files, or of a file and a text.

use std::sync::Arc;

use lockkeeper_core::{Altered, Cx, Effect, Need, Output, Read, Room, Tool, ToolError};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use crate::Fs;
use crate::pages::Kept;
use crate::source::{Diff, DiffOptions, FsError, Window};

/// The largest file that is compared.
const MOST: usize = 8 * 1024 * 1024;

pub(crate) struct DiffFiles;

/// Unified diff of two files, or of a file and given text.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Args {
    a: String,
    b: Option<String>,
    b_text: Option<String>,
    context: Option<u32>,
    /// from `next`
    cursor: Option<String>,
}

#[derive(Serialize, JsonSchema)]
pub(crate) struct Difference {
    added: u64,
    removed: u64,
    hunks: Vec<String>,
    /// Hunks in all.
    total: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<String>,
    /// A smaller diff may exist: the texts are too long and too different to look for it.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    coarse: bool,
    #[serde(skip)]
    names: (String, String),
    #[serde(skip)]
    altered: Altered,
}

impl Tool<Fs> for DiffFiles {
    type Effect = Read;
    type Args = Args;
    type Output = Difference;

    fn plan(args: &Args) -> Need {
        let paths = std::iter::once(&args.a).chain(&args.b);
        paths.fold(Need::new(Effect::Read), Need::resource)
    }

    async fn run(cx: Cx<'_, Fs, Read>, args: Args) -> Result<Difference, ToolError> {
        let skip = match cx.resume(args.cursor.as_deref())?.as_deref() {
            Some([skip]) => usize::try_from(*skip).unwrap_or(usize::MAX),
            _ => 0,
        };
        let room = cx.max_output();
        let options = DiffOptions {
            context: args.context.unwrap_or(3).min(100),
            hunk_bytes: room / 2,
            outside: cx.outside(),
        };
        let walk = cx.source().walk().await;
        let mut difference = cx
            .blocking(move |fs, _| {
                let _walk = walk;
                let (a, old) = whole_text(fs, &args.a)?;
                let (b, new) = match (args.b, args.b_text) {
                    (Some(path), None) => whole_text(fs, &path)?,
                    (None, Some(text)) => (("b_text".to_owned(), String::new()), text),
                    _ => {
                        return Err(ToolError::invalid_arguments("give either `b` or `b_text`")
                            .hint("`b` is a path, `b_text` the text to compare with"));
                    }
                };
                // A version changes whenever the file does; a given text is its own version.
                let given = Sha256::digest(if b.1.is_empty() { new.as_bytes() } else { b"" });
                let key = format!("{options:?}\n{a:?}\n{b:?}\n{given:?}");
                let diff = match fs.pages.get(&key) {
                    Some(Kept::Compared(diff)) => diff,
                    _ => Arc::new(Diff::of(&old, &new, options)),
                };
                let difference = page(&diff, (a.0, b.0), skip, room);
                if skip + difference.hunks.len() < difference.total {
                    fs.pages.put(key, Kept::Compared(diff));
                } else {
                    fs.pages.drop(&key);
                }
                Ok(difference)
            })
            .await??;
        let end = skip + difference.hunks.len();
        if end < difference.total {
            difference.next = Some(cx.next(&[end as u64]));
        }
        Ok(difference)
    }
}

/// The name and version of a file, and its text.
fn whole_text(fs: &Fs, path: &str) -> Result<((String, String), String), ToolError> {
    let located = fs.locate(path)?;
    let window = Window { offset: 1, limit: usize::MAX, from_byte: None };
    let read = fs.files.read_text(&located, window, MOST)?;
    if read.next.is_some() {
        let (asked, size) = (located.asked().clone(), read.total_bytes);
        let error = FsError::TooLarge { asked, size, limit: MOST as u64 };
        return Err(error.into());
    }
    Ok(((fs.files.display(&located), read.version), read.text))
}

fn page(diff: &Diff, names: (String, String), skip: usize, room: usize) -> Difference {
    let mut lines = Room::new(room);
    let hunks = diff.hunks.iter().skip(skip).take_while(|hunk| lines.push(hunk)).cloned().collect();
    Difference {
        added: diff.added,
        removed: diff.removed,
        hunks,
        total: diff.hunks.len(),
        next: None,
        coarse: diff.is_coarse,
        names,
        altered: diff.altered,
    }
}

impl Output for Difference {
    const BULK: bool = true;

    fn altered(&self) -> Altered {
        self.altered
    }

    fn text(&self) -> String {
        let (a, b) = &self.names;
        if self.total == 0 {
            return format!("[{a} and {b} have the same text]");
        }
        let mut header = format!("[+{} -{}, {} hunks", self.added, self.removed, self.total);
        if let Some(next) = &self.next {
            let shown = self.hunks.len();
            header.push_str(&format!(", {shown} shown; truncated, next: cursor {next}"));
        }
        if self.coarse {
            header.push_str("; coarse: a smaller diff may exist");
        }
        format!("{header}]\n--- {a}\n+++ {b}\n{}", self.hunks.concat())
    }

    fn truncated(&self) -> bool {
        self.next.is_some()
    }
}

#[cfg(test)]
mod tests {
    use lockkeeper_testkit::expect;

    use crate::testing::check;

    #[test]
    fn compares_a_file_with_a_text() {
        check(
            "small",
            r#"diff_files {"a": "notes.txt", "b_text": "one\n2\nthree\n"}"#,
            &expect![[r#"
                [+1 -1, 1 hunks]
                --- notes.txt
                +++ b_text
                @@ -1,3 +1,3 @@
                 one
                -two
                +2
                 three
            "#]],
        );
    }

    #[test]
    fn equal_texts_have_no_diff() {
        check(
            "small",
            r#"diff_files {"a": "notes.txt", "b": "sub/../notes.txt"}"#,
            &expect!["[notes.txt and notes.txt have the same text]"],
        );
    }

    #[test]
    fn needs_exactly_one_other_side() {
        check(
            "small",
            r#"diff_files {"a": "notes.txt"}"#,
            &expect![[r"
            error: invalid_arguments: give either `b` or `b_text`
            next: `b` is a path, `b_text` the text to compare with"]],
        );
    }

    #[test]
    fn binaries_are_not_compared() {
        check(
            "small",
            r#"diff_files {"a": "notes.txt", "b": "data.bin"}"#,
            &expect![[r#"
            error: not_text: `data.bin` is not text: binary data
            next: file_info describes it"#]],
        );
    }
}

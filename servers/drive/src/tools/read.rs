//! `read`: a file as text.

use lockkeeper_core::{AROUND, Cx, Effect, Media, MediaKind, Need, Outside, Read, Tool, ToolError};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::json;
use sha2::{Digest as _, Sha256};

use crate::rows::{self, Answer};
use crate::source::{Content, Found, Source, SourceError, Wanted};

/// Bytes of a page, unless asked for otherwise.
const PAGE: usize = 20_000;

pub(crate) struct ReadFile;

/// Read a file as text: Docs as Markdown, all tabs of Sheets as TSV, Slides, PDF and Office files by
/// page, images as images.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Args {
    pub(crate) file: String,
    /// Of a spreadsheet
    #[serde(default)]
    pub(crate) tab: Option<String>,
    /// A1:D20
    #[serde(default)]
    pub(crate) range: Option<String>,
    /// An older one, by info
    #[serde(default)]
    pub(crate) revision: Option<String>,
    /// Bytes, default 20000
    #[serde(default)]
    pub(crate) limit: Option<usize>,
    #[serde(default)]
    pub(crate) cursor: Option<String>,
}

impl Tool<Source> for ReadFile {
    type Effect = Read;
    type Args = Args;
    type Output = Answer;

    fn plan(args: &Args) -> Need {
        Need::new(Effect::Read).resource(args.file.clone())
    }

    async fn run(cx: Cx<'_, Source, Read>, args: Args) -> Result<Answer, ToolError> {
        read(&cx, args).await
    }
}

/// A page of a file, for the tool and for resources.
pub(crate) async fn read(cx: &Cx<'_, Source, Read>, args: Args) -> Result<Answer, ToolError> {
    let source = cx.source();
    let found = source.find(&args.file).await?;
    let wanted = Wanted { tab: args.tab, range: args.range, revision: args.revision };
    let mark = mark(&found.revision());
    let from = match cx.resume(args.cursor.as_deref())?.as_deref() {
        None => 0,
        Some(&[from, then]) if then == mark => from,
        Some(_) => return Err(SourceError::Changed.into()),
    };
    let limit = args.limit.unwrap_or(PAGE).clamp(1, cx.max_output());
    let mut answer = Answer::about(head(&found));
    match source.content(&found, &wanted).await? {
        Content::Text { text, how } => {
            answer.note(how);
            let start = usize::try_from(from).unwrap_or(usize::MAX).min(text.text.len());
            let page = page(cx.outside(), &text.text, start, limit);
            let (end, total) = (page.end, text.text.len());
            if let Some(note) = &text.note {
                answer.note(note);
            }
            fill(cx, &mut answer, page, (from, end as u64, total as u64, mark));
        }
        Content::Plain { size } => {
            let around = AROUND as u64;
            let part = source.part(&found, &wanted, from..from + limit as u64, around).await?;
            let start = usize::try_from(from.saturating_sub(part.begins)).unwrap_or(0);
            let start = part.text.ceil_char_boundary(start.min(part.text.len()));
            let page = page(cx.outside(), &part.text, start, limit);
            let end = part.begins + page.end as u64;
            if part.is_lossy {
                answer.note("not all UTF-8: other bytes are shown as ?");
            }
            fill(cx, &mut answer, page, (from, end, size, mark));
        }
        Content::Image { data, mime } => {
            answer.media.push(Media { kind: MediaKind::Image, data, mime_type: mime });
        }
        Content::Other { why } => answer.note(why),
    }
    Ok(answer)
}

fn head(found: &Found) -> String {
    let revision = found.revision();
    let through = found.through().map(|id| format!(", through the shortcut {id}"));
    let kind = rows::kind(found.mime());
    format!("{} ({kind}, revision {revision}){}", found.name(), through.unwrap_or_default())
}

/// A page as it is shown.
struct Page {
    text: String,
    /// Where it ends in the text.
    end: usize,
    altered: lockkeeper_core::Altered,
}

/// So much of a text, to the end of a line if there is one.
fn page(outside: Outside, text: &str, start: usize, limit: usize) -> Page {
    let most = text.floor_char_boundary(start.saturating_add(limit).min(text.len()));
    // A single character always fits: a page of nothing would never end.
    let most =
        if most > start { most } else { text.ceil_char_boundary((start + 1).min(text.len())) };
    let line = text.get(start..most).and_then(|page| page.rfind('\n')).map(|at| start + at + 1);
    let end = if most < text.len() { line.unwrap_or(most) } else { most };
    let whole = outside.uncut(text, start..end);
    // A credential that is longer than a page is shown as its placeholder, and passed over.
    let range = if whole.end > start { whole } else { start..end };
    let end = range.end;
    let shown = outside.show_part(text, range);
    Page { text: shown.text.to_string(), end, altered: shown.altered() }
}

fn fill(
    cx: &Cx<'_, Source, Read>,
    answer: &mut Answer,
    page: Page,
    (from, end, total, mark): (u64, u64, u64, u64),
) {
    answer.note(&format!("bytes {from}-{end} of {total}"));
    answer.next = (end < total).then(|| cx.next(&[end, mark]));
    answer.altered = page.altered;
    if cx.wants_data() {
        answer.items.push(json!({ "text": page.text, "from": from, "end": end, "total": total }));
    }
    answer.body = page.text;
}

/// A revision as a number, so that a cursor knows the file as it was.
fn mark(revision: &str) -> u64 {
    let digest = Sha256::digest(revision.as_bytes());
    digest.iter().take(4).fold(0, |number, byte| number << 8 | u64::from(*byte))
}

#[cfg(test)]
mod tests {
    use lockkeeper_testkit::expect;
    use serde_json::json;

    use crate::testing::World;

    #[test]
    fn reads_every_kind() {
        let world = World::office();
        world.check(
            r#"read {"file": "plan"}"#,
            &expect![[r#"
            [Plan 2026 (doc, revision v2); as Markdown; bytes 0-78 of 78]
            # Plan 2026

            The budget is small.

            We buy paper.
            We write it's \ "odd" plans.
        "#]],
        );
        world.check(
            r#"read {"file": "costs"}"#,
            &expect![[r#"
            [Costs (sheet, revision v2); tab by tab, as TSV; bytes 0-118 of 118]
            ## Q1 A1:Z1000 (3 rows, 2 columns)
            Item	Cost
            Paper	12.5
            "Ink\tblack"	3

            ## Q2 A1:Z1000 (1 rows, 2 columns)
            Item	Cost

        "#]],
        );
        world.check(
            r#"read {"file": "costs", "tab": "Q2", "range": "A1:B1"}"#,
            &expect![[r#"
            [Costs (sheet, revision v2); tab by tab, as TSV; bytes 0-43 of 43]
            ## Q2 A1:B1 (1 rows, 2 columns)
            Item	Cost

        "#]],
        );
        world.check(
            r#"read {"file": "costs", "tab": "Q3"}"#,
            &expect![[r#"
            error: not_suited: there is no tab `Q3`, but Q1, Q2
            next: name one of these tabs"#]],
        );
        world.check(
            r#"read {"file": "deck"}"#,
            &expect![[r#"
            [Deck (slides, revision v2); slide by slide; bytes 0-32 of 32]
            ## Slide 1
            One

            ## Slide 2
            Two

        "#]],
        );
        world.check(
            r#"read {"file": "book"}"#,
            &expect![[r#"
            [Book.xlsx (xlsx, revision bFCrbfqO); tab by tab, as TSV; bytes 0-98 of 98]
            ## Costs (2 rows, 3 columns)
            Item		When
            Paper	12.5	2025-12-09

            ## Notes (1 rows, 1 columns)
            TRUE

        "#]],
        );
        world.check(
            r#"read {"file": "notes"}"#,
            &expect![[r#"
            [notes (text/plain, revision EE1XBB4e); bytes 0-10 of 10]
            Call Ada.
        "#]],
        );
        world.check(
            r#"read {"file": "paper"}"#,
            &expect![[r#"
            [Paper.pdf (pdf, revision cyJMKN7Y); page by page; bytes 0-29 of 29]
            ## Page 1
            Hello from a page

        "#]],
        );
        world.check(r#"read {"file": "blob"}"#, &expect![[r#"
            [blob (application/octet-stream, revision X0OZdz8a); not text; download puts it into a file]
        "#]]);
        world.check(
            r#"read {"file": "team"}"#,
            &expect![[r#"
            [Team (folder, revision v2); a folder; list shows what is in it]
        "#]],
        );
        world.check(
            r#"read {"file": "link"}"#,
            &expect![[r#"
            [notes (text/plain, revision EE1XBB4e), through the shortcut link; bytes 0-10 of 10]
            Call Ada.
        "#]],
        );
        world.check(
            r#"read {"file": "nothing"}"#,
            &expect![[r#"
            error: not_found: `nothing` is not there, or can't be seen from here
            next: check the id; search and list show what there is"#]],
        );
    }

    #[test]
    fn an_image_is_an_image() {
        let world = World::office();
        let answer = world.client(&[]).call("read", json!({"file": "photo"}));
        assert_eq!(answer["content"][1]["type"], "image", "{answer}");
        assert_eq!(answer["content"][1]["mimeType"], "image/png");
    }

    #[test]
    fn pages_are_the_whole_text() {
        let world = World::office();
        for (file, limit) in [("plan", 40), ("log", 100)] {
            let pages = world.pages(&[], "read", json!({"file": file, "limit": limit}));
            let text: String = pages.iter().map(|page| page.split_once('\n').unwrap().1).collect();
            let whole = world.pages(&[], "read", json!({"file": file})).concat();
            assert!(pages.len() > 1, "{file}");
            assert_eq!(text, whole.split_once('\n').unwrap().1, "{file}");
        }
    }

    #[test]
    fn a_file_that_changed_between_two_pages_is_not_mixed() {
        let world = World::office();
        let mut client = world.client(&["--write"]);
        let first = lockkeeper_testkit::in_process::seen(
            &client.call("read", json!({"file": "log", "limit": 100})),
        );
        let cursor = crate::testing::cursor(&first).unwrap();
        client.call("write", json!({"file": "log", "content": "new"}));
        let next = json!({"file": "log", "limit": 100, "cursor": cursor});
        let second = lockkeeper_testkit::in_process::seen(&client.call("read", next));
        assert!(
            second.starts_with("error: changed: the file changed since the last page"),
            "{second}"
        );
    }
}

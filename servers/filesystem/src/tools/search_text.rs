//! `search_text`: lines that match, grouped by file; or files, or counts.

use std::fmt::Write as _;
use std::sync::Arc;

use lockkeeper_core::{
    Altered, Cx, Effect, Need, Output, Read, Room, Stop, Tool, ToolError, count, grouped,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::Fs;
use crate::pages::{Chunk, Kept, Totals};
use crate::source::{SearchMode, SearchOptions, SearchResult};

/// Bytes of hits that are kept in memory for the next pages.
const KEPT: usize = 4 * 1024 * 1024;
/// More lines around a hit than anyone needs.
const MOST_CONTEXT: usize = 100;

pub(crate) struct SearchText;

/// Search file contents by regex (or literal).
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[expect(clippy::struct_excessive_bools, reason = "independent switches of a grep")]
pub(crate) struct Args {
    pattern: String,
    path: Option<String>,
    glob: Option<String>,
    #[serde(default)]
    literal: bool,
    #[serde(default)]
    ignore_case: bool,
    #[serde(default)]
    multiline: bool,
    context: Option<usize>,
    output: Option<What>,
    /// also .gitignore'd and hidden
    #[serde(default)]
    ignored: bool,
    limit: Option<usize>,
    /// from `next`
    cursor: Option<String>,
}

#[derive(Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
enum What {
    Lines,
    Files,
    Count,
}

#[derive(Default, Serialize, JsonSchema)]
pub(crate) struct Hits {
    files: Vec<FileHits>,
    /// Matching lines in all (with output files: not counted).
    hits: u64,
    /// Files with hits in all.
    files_with_hits: u64,
    /// Files looked at.
    searched: u64,
    /// Passed over as binary.
    binary: u64,
    unreadable: u64,
    /// Passed over as too large for multiline.
    too_large: u64,
    /// Whether everything was searched; if not, the counts are lower bounds.
    complete: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<String>,
    #[serde(skip)]
    lines: String,
    /// The root it was searched in, if there are others.
    #[serde(skip_serializing_if = "Option::is_none")]
    only_in: Option<String>,
    #[serde(skip)]
    ignored: bool,
    #[serde(skip)]
    what: Option<What>,
    #[serde(skip)]
    end: Option<u64>,
    /// Beyond what core finds line by line.
    #[serde(skip)]
    altered: Altered,
}

#[derive(Serialize, JsonSchema)]
struct FileHits {
    path: String,
    hits: u64,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    lines: Vec<Line>,
}

#[derive(Serialize, JsonSchema)]
struct Line {
    line: u64,
    text: String,
    /// It only stands near a hit.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    context: bool,
}

impl Tool<Fs> for SearchText {
    type Effect = Read;
    type Args = Args;
    type Output = Hits;

    fn plan(args: &Args) -> Need {
        args.path.iter().fold(Need::new(Effect::Read), Need::resource)
    }

    async fn run(cx: Cx<'_, Fs, Read>, args: Args) -> Result<Hits, ToolError> {
        if args.pattern.is_empty() {
            return Err(
                ToolError::invalid_arguments("`pattern` is empty").hint("find_files lists files")
            );
        }
        let skip = match cx.resume(args.cursor.as_deref())?.as_deref() {
            Some([skip]) => *skip,
            _ => 0,
        };
        let what = args.output.unwrap_or(What::Lines);
        let options = SearchOptions {
            pattern: args.pattern,
            literal: args.literal,
            ignore_case: args.ignore_case,
            multiline: args.multiline,
            context: args.context.unwrap_or(0).min(MOST_CONTEXT),
            glob: args.glob,
            ignored: args.ignored,
            mode: match what {
                What::Lines => SearchMode::Lines,
                What::Files => SearchMode::Files,
                What::Count => SearchMode::Count,
            },
            keep_bytes: KEPT,
            ..SearchOptions::default()
        };
        let first_root = cx.source().only_first_root(args.path.as_deref());
        let base = args.path.unwrap_or_default();
        let page = Page {
            skip,
            limit: args.limit.unwrap_or(usize::MAX).max(1),
            room: cx.max_output(),
            what,
            context: options.context > 0,
            ignored: options.ignored,
            data: cx.wants_data(),
        };
        let walk = cx.source().walk().await;
        let mut hits = cx
            .blocking(move |fs, stop| {
                let _walk = walk;
                search(fs, &base, options, &page, stop)
            })
            .await??;
        hits.only_in = first_root;
        hits.next = hits.end.map(|end| cx.next(&[end]));
        Ok(hits)
    }
}

/// Which part of the result is wanted.
struct Page {
    /// Items before it: lines, or files.
    skip: u64,
    limit: usize,
    room: usize,
    what: What,
    context: bool,
    ignored: bool,
    /// Not only as text.
    data: bool,
}

fn search(
    fs: &Fs,
    base: &str,
    mut options: SearchOptions,
    page: &Page,
    stop: &Stop,
) -> Result<Hits, ToolError> {
    let key = format!("{base}\n{options:?}");
    let kept = match fs.pages.get(&key) {
        Some(Kept::Searched(chunk)) if page.skip > 0 && chunk.base() <= page.skip => Some(chunk),
        _ => None,
    };
    let mut chunk = if let Some(chunk) = kept {
        chunk
    } else {
        // What an earlier call kept of the same search would be memory twice over.
        fs.pages.drop(&key);
        let result = fs.files.search(&fs.locate(base)?, &options, stop)?;
        Arc::new(chunk(0, totals(&result), result, page.what))
    };
    // Hits beyond what is kept are searched for again from where the kept ones end.
    while page.skip >= chunk.end()
        && page.skip > 0
        && let Some(from) = chunk.result.next.clone()
    {
        options.from = Some(from);
        let (end, totals) = (chunk.end(), chunk.totals);
        options.count_all = !totals.complete;
        // Two chunks at once would be twice the memory.
        fs.pages.drop(&key);
        drop(chunk);
        let result = fs.files.search(&fs.locate(base)?, &options, stop)?;
        let totals = if totals.complete { totals } else { totals.and(&self::totals(&result)) };
        chunk = Arc::new(self::chunk(end, totals, result, page.what));
    }
    let hits = render(&chunk, page);
    if hits.end.is_some() {
        fs.pages.put(key, Kept::Searched(chunk));
    } else {
        fs.pages.drop(&key);
    }
    Ok(hits)
}

fn chunk(base: u64, totals: Totals, result: SearchResult, what: What) -> Chunk {
    let mut starts = Vec::with_capacity(result.files.len() + 1);
    let mut position = base;
    for file in &result.files {
        starts.push(position);
        position += match what {
            What::Lines => file.lines().count() as u64,
            What::Files | What::Count => 1,
        };
    }
    starts.push(position);
    Chunk { starts, totals, result }
}

impl Chunk {
    fn base(&self) -> u64 {
        self.starts.first().copied().unwrap_or_default()
    }

    fn end(&self) -> u64 {
        self.starts.last().copied().unwrap_or_default()
    }

    /// The file that holds the item at `position`, and where its items start.
    fn file_at(&self, position: u64) -> (usize, u64) {
        let file = self.starts.partition_point(|start| *start <= position).saturating_sub(1);
        (file, self.starts.get(file).copied().unwrap_or_default())
    }
}

fn totals(result: &SearchResult) -> Totals {
    Totals {
        hits: result.hits,
        files: result.files_with_hits,
        searched: result.searched,
        binary: result.binary,
        unreadable: result.unreadable,
        too_large: result.too_large,
        complete: result.complete,
    }
}

impl Totals {
    /// The counts of a search that paused, and of what it went on with.
    fn and(&self, later: &Self) -> Self {
        Self {
            hits: self.hits + later.hits,
            files: self.files + later.files,
            searched: self.searched + later.searched,
            binary: self.binary + later.binary,
            unreadable: self.unreadable + later.unreadable,
            too_large: self.too_large + later.too_large,
            complete: later.complete,
        }
    }
}

fn render(chunk: &Chunk, page: &Page) -> Hits {
    let (result, totals) = (&chunk.result, &chunk.totals);
    let mut room = Room::new(page.room);
    let mut files = Vec::new();
    let (first, mut position) = chunk.file_at(page.skip.max(chunk.base()));
    let mut shown = 0;
    let mut full = false;
    let mut text = String::new();
    let mut altered = Altered::default();
    for file in result.files.iter().skip(first) {
        if full {
            break;
        }
        if page.what != What::Lines {
            position += 1;
            if position <= page.skip {
                continue;
            }
            text.clone_from(&file.path);
            if page.what == What::Count {
                text.push_str(&format!(": {}", file.hits));
            }
            text.push('\n');
            if shown == page.limit || !room.push(&text) {
                position -= 1;
                break;
            }
            shown += 1;
            if page.data {
                let path = file.path.clone();
                files.push(FileHits { path, hits: file.hits, lines: Vec::new() });
            }
            continue;
        }
        let mut lines = Vec::new();
        let mut last = None;
        let passed_over = page.skip.saturating_sub(position);
        position += passed_over;
        for hit in file.lines().skip(usize::try_from(passed_over).unwrap_or(usize::MAX)) {
            position += 1;
            text.clear();
            match last {
                None => {
                    text.push_str(&file.path);
                    text.push('\n');
                }
                Some(last) if last + 1 < hit.line && page.context => text.push_str("--\n"),
                Some(_) => {}
            }
            let mark = if hit.is_context { '-' } else { ':' };
            // Writing to a string can't fail.
            let _ = write!(text, "{}{mark}", hit.line);
            text.push_str(hit.text.trim_end_matches(['\n', '\r']));
            text.push('\n');
            if shown == page.limit || !room.push(&text) {
                position -= 1;
                full = true;
                break;
            }
            shown += usize::from(!hit.is_context);
            altered.redacted += u64::from(hit.is_redacted);
            last = Some(hit.line);
            if page.data {
                let text = hit.text.to_owned();
                lines.push(Line { line: hit.line, text, context: hit.is_context });
            }
        }
        if !lines.is_empty() {
            files.push(FileHits { path: file.path.clone(), hits: file.hits, lines });
        }
    }
    let more = position < chunk.end() || result.next.is_some();
    Hits {
        files,
        hits: totals.hits,
        files_with_hits: totals.files,
        searched: totals.searched,
        binary: totals.binary,
        unreadable: totals.unreadable,
        too_large: totals.too_large,
        complete: totals.complete,
        next: None,
        lines: room.into_text(),
        only_in: None,
        ignored: page.ignored,
        what: Some(page.what),
        end: more.then_some(position),
        altered,
    }
}

impl Output for Hits {
    const BULK: bool = true;

    fn text(&self) -> String {
        let more = if self.complete { "" } else { " so far (state: running)" };
        let files = count(self.files_with_hits, "file");
        let mut header = match self.what {
            Some(What::Files) => format!("[{files}{more}"),
            _ => format!("[{} in {files}{more}", count(self.hits, "hit")),
        };
        header.push_str(&format!(", {} searched", grouped(self.searched)));
        let skipped = [
            (self.binary, "binary"),
            (self.unreadable, "unreadable"),
            (self.too_large, "too large for multiline"),
        ];
        for (files, why) in skipped {
            if files > 0 {
                header.push_str(&format!(", {} {why}", grouped(files)));
            }
        }
        if self.files_with_hits == 0 && !self.ignored {
            header.push_str("; ignored and hidden files were left out");
        }
        if let Some(only_in) = &self.only_in {
            header.push_str(&format!("; {only_in}"));
        }
        if let Some(next) = &self.next {
            header.push_str(&format!("; truncated, next: cursor {next}"));
        }
        format!("{header}]\n{}", self.lines)
    }

    fn altered(&self) -> Altered {
        self.altered
    }

    fn truncated(&self) -> bool {
        self.next.is_some() || !self.complete
    }
}

#[cfg(test)]
mod tests {
    use lockkeeper_testkit::expect;

    use crate::testing::{Fixture, all_pages, check, client};

    #[test]
    fn finds_lines() {
        check(
            "project",
            r#"search_text {"pattern": "hello\\(", "glob": "*.rs"}"#,
            &expect![[r#"
            [2 hits in 2 files, 2 searched]
            src/hello.rs
            1:pub fn hello() {
            src/main.rs
            2:    hello();
        "#]],
        );
    }

    #[test]
    fn shows_context() {
        check(
            "project",
            r#"search_text {"pattern": "hello();", "literal": true, "context": 1}"#,
            &expect![[r#"
                [1 hit in 1 file, 43 searched]
                src/main.rs
                1-fn main() {
                2:    hello();
                3-}
            "#]],
        );
    }

    #[test]
    fn counts_and_names_files() {
        check(
            "project",
            r#"search_text {"pattern": "HELLO", "ignore_case": true, "output": "count", "path": "src"}"#,
            &expect![[r#"
                [3 hits in 2 files, 2 searched]
                src/hello.rs: 2
                src/main.rs: 1
            "#]],
        );
        check(
            "project",
            r#"search_text {"pattern": "hello", "output": "files", "glob": "*.rs", "ignored": true}"#,
            &expect![[r#"
                [3 files, 3 searched]
                src/hello.rs
                src/main.rs
                target/out.rs
            "#]],
        );
    }

    #[test]
    fn a_bad_pattern_says_what_to_do() {
        check(
            "project",
            r#"search_text {"pattern": "a("}"#,
            &expect![[r#"
            error: invalid_pattern: the pattern is not a regular expression: regex parse error:
                (?:a()
                ^
            error: unclosed group
            next: escape special characters, or set literal to true"#]],
        );
    }

    #[test]
    fn pages_hold_every_hit_once() {
        let fixture = Fixture::new("project");
        let mut client = client(&fixture, &["--max-output", "1kB"]);
        let arguments = serde_json::json!({"pattern": "hello", "path": "data", "limit": 13});
        let (headers, lines) = all_pages(&mut client, "search_text", arguments);
        for header in &headers {
            assert!(header.starts_with("[80 hits in 40 files, 40 searched"), "{header}");
        }
        let hits = lines.iter().filter(|line| line.contains(":hello")).count();
        assert_eq!((hits, headers.len()), (80, 7));
    }
}

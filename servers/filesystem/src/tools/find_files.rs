//! `find_files`: paths by glob or word, as lines.

use std::sync::Arc;

use lockkeeper_core::time::parse_rfc3339;
use lockkeeper_core::{Cx, Effect, Need, Output, Read, Room, Stop, Tool, ToolError, grouped};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::Fs;
use crate::pages::Kept;
use crate::source::{EntryKind, FindOptions, FindResult};

pub(crate) struct FindFiles;

/// Find files by glob, newest first; best match first for a plain word.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Args {
    glob: String,
    path: Option<String>,
    r#type: Option<Type>,
    min_size: Option<u64>,
    max_size: Option<u64>,
    /// RFC 3339
    changed_after: Option<String>,
    /// also .gitignore'd and hidden
    #[serde(default)]
    ignored: bool,
    limit: Option<usize>,
    /// from `next`
    cursor: Option<String>,
}

#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
enum Type {
    File,
    Dir,
    Link,
}

#[derive(Serialize, JsonSchema)]
pub(crate) struct Paths {
    paths: Vec<String>,
    /// Hits in all.
    total: usize,
    /// Whether the whole tree was walked.
    complete: bool,
    /// Directories that could not be read.
    unreadable: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<String>,
    /// The root it was searched in, if there are others.
    #[serde(skip_serializing_if = "Option::is_none")]
    only_in: Option<String>,
    #[serde(skip)]
    ignored: bool,
    #[serde(skip)]
    lines: String,
}

impl Tool<Fs> for FindFiles {
    type Effect = Read;
    type Args = Args;
    type Output = Paths;

    fn plan(args: &Args) -> Need {
        args.path.iter().fold(Need::new(Effect::Read), Need::resource)
    }

    async fn run(cx: Cx<'_, Fs, Read>, args: Args) -> Result<Paths, ToolError> {
        let skip = match cx.resume(args.cursor.as_deref())?.as_deref() {
            Some([skip]) => usize::try_from(*skip).unwrap_or(usize::MAX),
            _ => 0,
        };
        let changed_after = args.changed_after.as_deref().map(|text| {
            parse_rfc3339(text).ok_or_else(|| {
                ToolError::invalid_arguments("`changed_after` is not a time")
                    .hint("write it like 2026-11-21 or 2026-11-21T13:00:00Z")
            })
        });
        let glob = relative(cx.source(), args.glob);
        // Who names a hidden file by its dot wants to see it.
        let dotted = glob.split('/').any(|name| name.starts_with('.') && name.len() > 2);
        let options = FindOptions {
            glob,
            kind: args.r#type.map(|kind| match kind {
                Type::File => EntryKind::File,
                Type::Dir => EntryKind::Dir,
                Type::Link => EntryKind::Link,
            }),
            min_size: args.min_size,
            max_size: args.max_size,
            changed_after: changed_after.transpose()?,
            ignored: args.ignored || dotted,
        };
        let only_in = cx.source().only_first_root(args.path.as_deref());
        let base = args.path.unwrap_or_default();
        let limit = args.limit.unwrap_or(usize::MAX).max(1);
        let room = cx.max_output();
        let ignored = options.ignored;
        let walk = cx.source().walk().await;
        let mut paths = cx
            .blocking(move |fs, stop| {
                let _walk = walk;
                let key = format!("{base}\n{options:?}");
                let result = find(fs, &key, &base, &options, (skip, stop))?;
                let paths = page(&result, skip, limit, room);
                keep(fs, key, result, skip + paths.paths.len());
                Ok::<_, ToolError>(paths)
            })
            .await??;
        let end = skip + paths.paths.len();
        (paths.ignored, paths.only_in) = (ignored, only_in);
        if end < paths.total {
            paths.next = Some(cx.next(&[end as u64]));
        }
        Ok(paths)
    }
}

/// An absolute glob as one from its root.
fn relative(fs: &Fs, glob: String) -> String {
    let roots = fs.files.roots();
    let rest = roots.iter().find_map(|root| glob.strip_prefix(&root.path)?.strip_prefix('/'));
    rest.map(|rest| format!("./{rest}")).unwrap_or(glob)
}

/// The result of an earlier page, or a new walk.
fn find(
    fs: &Fs,
    key: &str,
    base: &str,
    options: &FindOptions,
    (skip, stop): (usize, &Stop),
) -> Result<Arc<FindResult>, ToolError> {
    if skip > 0
        && let Some(Kept::Found(result)) = fs.pages.get(key)
    {
        return Ok(result);
    }
    let located = fs.locate(base)?;
    Ok(Arc::new(fs.files.find(&located, options, stop)?))
}

fn keep(fs: &Fs, key: String, result: Arc<FindResult>, end: usize) {
    if end < result.len() {
        fs.pages.put(key, Kept::Found(result));
    } else {
        fs.pages.drop(&key);
    }
}

fn page(result: &FindResult, skip: usize, limit: usize, room: usize) -> Paths {
    let mut lines = Room::new(room);
    let mut paths = Vec::new();
    for found in result.iter_from(skip).take(limit) {
        let mut path = found.path;
        if found.kind == EntryKind::Dir {
            path.push('/');
        }
        path.push('\n');
        if !lines.push(&path) {
            break;
        }
        path.pop();
        paths.push(path);
    }
    Paths {
        paths,
        total: result.len(),
        complete: result.complete,
        unreadable: result.unreadable,
        next: None,
        only_in: None,
        ignored: false,
        lines: lines.into_text(),
    }
}

impl Output for Paths {
    const BULK: bool = true;

    fn text(&self) -> String {
        let more = if self.complete { "" } else { " or more (the time was up)" };
        let mut header = format!("[{}{more} found", grouped(self.total as u64));
        if self.paths.len() < self.total {
            header.push_str(&format!(", {} shown", grouped(self.paths.len() as u64)));
        }
        if let Some(next) = &self.next {
            header.push_str(&format!("; truncated, next: cursor {next}"));
        }
        if self.unreadable > 0 {
            header.push_str(&format!("; {} directories not readable", self.unreadable));
        }
        if self.total == 0 && !self.ignored {
            header.push_str("; ignored and hidden files were left out");
        }
        if let Some(only_in) = &self.only_in {
            header.push_str(&format!("; {only_in}"));
        }
        format!("{header}]\n{}", self.lines)
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
    fn finds_by_glob() {
        check(
            "project",
            r#"find_files {"glob": "src/*.rs", "type": "file"}"#,
            &expect![[r#"
            [2 found]
            src/hello.rs
            src/main.rs
        "#]],
        );
    }

    #[test]
    fn finds_by_word_best_first() {
        check(
            "project",
            r#"find_files {"glob": "hello"}"#,
            &expect![[r#"
            [1 found]
            src/hello.rs
        "#]],
        );
    }

    #[test]
    fn finds_nothing_and_says_so() {
        check(
            "project",
            r#"find_files {"glob": "*.xyz"}"#,
            &expect![[r#"
                [0 found; ignored and hidden files were left out]
            "#]],
        );
        check(
            "project",
            r#"find_files {"glob": "[z-a"}"#,
            &expect![[r#"
            error: invalid_glob: `[z-a` is not a glob: invalid range; 'z' > 'a'
            next: escape special characters as [*], [?], [[]"#]],
        );
    }

    #[test]
    fn pages_hold_every_hit_once() {
        let fixture = Fixture::new("project");
        let mut client = client(&fixture, &[]);
        let arguments = serde_json::json!({"glob": "*.csv", "limit": 9});
        let (_, mut paths) = all_pages(&mut client, "find_files", arguments);
        paths.sort();
        let expected: Vec<String> = (0..40).map(|n| format!("data/{n:02}.csv")).collect();
        assert_eq!(paths, expected);
    }
}

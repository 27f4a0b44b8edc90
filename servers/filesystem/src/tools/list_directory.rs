//! `list_directory`: a directory or a tree as indented lines; without a path, the roots.

use lockkeeper_core::time::rfc3339;
use lockkeeper_core::{Cx, Effect, Need, Output, Read, Room, Tool, ToolError, grouped};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::Fs;
use crate::source::{self, Access, EntryKind, ListOptions, Listing};

/// Entries that a page holds unless the caller says otherwise.
const ENTRIES: usize = 1_000;

pub(crate) struct ListDirectory;

/// List a directory or, with depth, a tree; big folders are folded to counts. No path: the roots
/// and what is allowed there.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Args {
    path: Option<String>,
    depth: Option<usize>,
    glob: Option<String>,
    /// also .gitignore'd and hidden
    #[serde(default)]
    ignored: bool,
    sort: Option<Sort>,
    limit: Option<usize>,
    /// from `next`
    cursor: Option<String>,
}

#[derive(Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
enum Sort {
    Name,
    Size,
    Mtime,
}

#[derive(Default, Serialize, JsonSchema)]
pub(crate) struct Directory {
    path: String,
    entries: Vec<Entry>,
    /// Entries of the whole listing.
    total: usize,
    /// Left out as ignored or hidden.
    left_out: usize,
    /// Whether everything was counted.
    complete: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<String>,
    #[serde(skip)]
    lines: String,
}

#[derive(Serialize, JsonSchema)]
struct Entry {
    path: String,
    kind: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    size: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    mtime: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    target: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    children: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    access: Option<&'static str>,
}

impl Tool<Fs> for ListDirectory {
    type Effect = Read;
    type Args = Args;
    type Output = Directory;

    fn plan(args: &Args) -> Need {
        args.path.iter().fold(Need::new(Effect::Read), Need::resource)
    }

    async fn run(cx: Cx<'_, Fs, Read>, args: Args) -> Result<Directory, ToolError> {
        let wants_tree = args.depth.is_some() || args.glob.is_some() || args.cursor.is_some();
        let path = match args.path {
            Some(path) => path,
            None if wants_tree => ".".to_owned(),
            None => return Ok(roots(cx.source())),
        };
        let skip = match cx.resume(args.cursor.as_deref())?.as_deref() {
            Some([skip]) => usize::try_from(*skip).unwrap_or(usize::MAX),
            _ => 0,
        };
        let options = ListOptions {
            depth: args.depth.unwrap_or(1).max(1),
            sort: match args.sort {
                None | Some(Sort::Name) => source::Sort::Name,
                Some(Sort::Size) => source::Sort::Size,
                Some(Sort::Mtime) => source::Sort::Mtime,
            },
            ignored: args.ignored,
            glob: args.glob,
            skip,
            // No line is shorter than four bytes.
            take: args.limit.unwrap_or(ENTRIES).clamp(1, cx.max_output() / 4),
            room: cx.max_output(),
            ..ListOptions::default()
        };
        let timed = args.sort == Some(Sort::Mtime);
        let (path, listing) = cx
            .blocking(move |fs, stop| {
                let located = fs.locate(&path)?;
                let listing = fs.files.list(&located, &options, stop)?;
                Ok::<_, ToolError>((fs.files.display(&located), listing))
            })
            .await??;
        let (mut directory, shown) = page(path, listing, timed, cx.max_output());
        if skip + shown < directory.total {
            directory.next = Some(cx.next(&[(skip + shown) as u64]));
        }
        Ok(directory)
    }
}

fn roots(fs: &Fs) -> Directory {
    let mut directory = Directory { complete: true, ..Directory::default() };
    for root in fs.files.roots() {
        let access = match root.access {
            Access::ReadOnly => "read-only",
            Access::ReadWrite => "read and write",
        };
        directory.lines.push_str(&format!("{} ({access})\n", root.path));
        directory.entries.push(Entry {
            path: root.path,
            kind: "root",
            size: None,
            mtime: None,
            target: None,
            children: None,
            access: Some(access),
        });
    }
    directory.total = directory.entries.len();
    directory
}

/// As many entries as fit, and how many that are.
fn page(path: String, listing: Listing, timed: bool, room: usize) -> (Directory, usize) {
    let mut lines = Room::new(room);
    let mut entries = Vec::new();
    // A page that begins inside a directory says which one.
    if let Some(first) = listing.entries.first().filter(|first| first.depth > 0) {
        for (depth, name) in first.path.split('/').take(first.depth).enumerate() {
            lines.push(&format!("{:1$}{name}/ (continued)\n", "", depth * 2));
        }
    }
    for entry in listing.entries {
        let kind = match entry.kind {
            EntryKind::File => "file",
            EntryKind::Dir => "dir",
            EntryKind::Link => "link",
            EntryKind::Special => "special",
        };
        let stat = entry.stat.as_ref();
        let mtime = stat.filter(|_| timed).map(|stat| rfc3339(stat.mtime()));
        let mut line = format!("{:1$}{2}", "", entry.depth * 2, entry.name);
        match entry.kind {
            EntryKind::Dir => line.push('/'),
            EntryKind::Link => match &entry.target {
                Some(target) => line.push_str(&format!(" -> {target}")),
                None => line.push_str(" -> (nothing that is allowed)"),
            },
            EntryKind::Special => line.push_str(" (special)"),
            EntryKind::File => {
                // None if it vanished, or lies in a directory that only shows names.
                if let Some(stat) = stat {
                    line.push_str(&format!("\t{}", stat.size));
                }
            }
        }
        if let Some(children) = entry.children {
            line.push_str(&format!(" ({} entries)", grouped(children as u64)));
        }
        let access = entry.unreadable.then_some("not readable");
        if let Some(access) = access {
            line.push_str(&format!(" ({access})"));
        }
        if let Some(mtime) = &mtime {
            line.push_str(&format!("\t{mtime}"));
        }
        line.push('\n');
        if !lines.push(&line) {
            break;
        }
        entries.push(Entry {
            path: entry.path,
            kind,
            size: stat.filter(|_| entry.kind == EntryKind::File).map(|stat| stat.size),
            mtime,
            target: entry.target,
            children: entry.children,
            access,
        });
    }
    let shown = entries.len();
    let Listing { total, left_out, complete, .. } = listing;
    let lines = lines.into_text();
    (Directory { path, entries, total, left_out, complete, next: None, lines }, shown)
}

impl Output for Directory {
    const BULK: bool = true;

    fn text(&self) -> String {
        if self.path.is_empty() {
            return format!("[roots; relative paths start at the first]\n{}", self.lines);
        }
        let more = if self.complete { "" } else { " or more" };
        let mut header = format!("[{}: {}{more} entries", self.path, grouped(self.total as u64));
        if self.entries.len() < self.total {
            header.push_str(&format!(", {} shown", grouped(self.entries.len() as u64)));
        }
        if let Some(next) = &self.next {
            header.push_str(&format!("; truncated, next: cursor {next}"));
        }
        if self.left_out > 0 {
            let left_out = grouped(self.left_out as u64);
            header.push_str(&format!("; {left_out} ignored or hidden"));
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

    use super::*;
    use crate::source::ListEntry;
    use crate::testing::{Fixture, all_pages, check, client};

    #[test]
    fn names_the_roots() {
        check(
            "small",
            "list_directory {}",
            &expect![[r"
                [roots; relative paths start at the first]
                <root> (read-only)
            "]],
        );
    }

    #[test]
    fn lists_a_tree_without_what_is_ignored() {
        check(
            "project",
            r#"list_directory {"path": ".", "depth": 2, "glob": "**/*.{rs,md}"}"#,
            &expect![[r#"
                [.: 4 entries; 2 ignored or hidden]
                README.md	23
                src/
                  hello.rs	42
                  main.rs	27
            "#]],
        );
    }

    #[test]
    fn pages_hold_every_entry_once() {
        let fixture = Fixture::new("project");
        let mut client = client(&fixture, &[]);
        let arguments = serde_json::json!({"path": "data", "limit": 7});
        let (_, lines) = all_pages(&mut client, "list_directory", arguments);
        let names: Vec<&str> = lines.iter().map(|line| line.split('\t').next().unwrap()).collect();
        let expected: Vec<String> = (0..40).map(|n| format!("{n:02}.csv")).collect();
        assert_eq!(names, expected);
    }

    #[test]
    fn a_file_is_not_a_directory() {
        check(
            "small",
            r#"list_directory {"path": "notes.txt"}"#,
            &expect![[r#"
            error: not_a_directory: `notes.txt` is a file, not a directory
            next: read_file reads it"#]],
        );
    }
    #[test]
    fn what_can_not_be_looked_into_says_so() {
        let entry = |name: &str, kind, unreadable| ListEntry {
            depth: 0,
            name: name.to_owned(),
            path: name.to_owned(),
            kind,
            stat: None,
            unreadable,
            target: None,
            children: None,
        };
        let entries =
            vec![entry("closed", EntryKind::Dir, true), entry("file", EntryKind::File, false)];
        let listing = Listing { entries, total: 2, left_out: 0, complete: true };
        let (directory, _) = page(".".to_owned(), listing, false, 1_000);
        assert_eq!(directory.text(), "[.: 2 entries]\nclosed/ (not readable)\nfile\n");
        assert_eq!(directory.entries[0].access, Some("not readable"));
    }
}

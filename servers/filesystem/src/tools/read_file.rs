//! `read_file`: text by lines, images and audio as content, anything else described.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use lockkeeper_core::{Cx, Effect, Media, MediaKind, Need, Output, Read, Tool, ToolError, grouped};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::Fs;
use crate::source::{FsError, Kind, Next, TextWindow, Window};

/// Lines that are read unless the caller says otherwise.
const LINES: usize = 2_000;
/// The most bytes of an image or sound: base64 makes a third more of them, and hosts cut at 5 MB.
const MOST_MEDIA: u64 = 3_500_000;

pub(crate) struct ReadFile;

/// Read text, an image or audio. Text comes in lines offset..offset+limit (default 1, 2000;
/// negative offset = from the end) and says where to go on; other encodings are decoded, binary is
/// described. Many files: paths.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Args {
    path: Option<String>,
    #[serde(default)]
    paths: Vec<String>,
    offset: Option<i64>,
    limit: Option<usize>,
    #[serde(default)]
    line_numbers: bool,
    /// from `next`
    cursor: Option<String>,
}

#[derive(Serialize, JsonSchema)]
pub(crate) struct Files {
    files: Vec<File>,
    /// Paths that the answer had no room for.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    unread: Vec<String>,
    #[serde(skip)]
    media: Vec<Media>,
}

#[derive(Default, Serialize, JsonSchema)]
struct File {
    path: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    text: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    first_line: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    last_line: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    total_lines: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    size: Option<u64>,
    /// The offset or cursor to go on with.
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<String>,
    #[serde(skip_serializing_if = "String::is_empty")]
    encoding: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    line_ends: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    version: String,
    /// What the file is, if it is not text; or what went wrong.
    #[serde(skip_serializing_if = "Option::is_none")]
    note: Option<String>,
}

impl Tool<Fs> for ReadFile {
    type Effect = Read;
    type Args = Args;
    type Output = Files;

    fn plan(args: &Args) -> Need {
        let paths = args.path.iter().chain(&args.paths);
        paths.fold(Need::new(Effect::Read), Need::resource)
    }

    async fn run(cx: Cx<'_, Fs, Read>, args: Args) -> Result<Files, ToolError> {
        let from_byte = match cx.resume(args.cursor.as_deref())?.as_deref() {
            None => None,
            Some([byte, line]) => Some((*byte, *line)),
            Some(_) => return Err(ToolError::invalid_arguments("`cursor` is of another tool")),
        };
        let paths: Vec<String> = args.path.into_iter().chain(args.paths).collect();
        if paths.is_empty() {
            return Err(ToolError::invalid_arguments("`path` is missing"));
        }
        if from_byte.is_some() && paths.len() > 1 {
            return Err(ToolError::invalid_arguments("`cursor` goes with one path"));
        }
        let window = Window {
            offset: match from_byte {
                Some((_, line)) => i64::try_from(line).unwrap_or(0),
                None => args.offset.unwrap_or(1),
            },
            limit: args.limit.unwrap_or(LINES),
            from_byte: from_byte.map(|(byte, _)| byte),
        };
        let room = cx.max_output();
        let numbered = args.line_numbers;
        let read = cx.blocking(move |fs, _| read_all(fs, &paths, window, room)).await??;
        let Pieces { pieces, unread, media } = read;
        let file = |piece| finish(piece, numbered, |position| cx.next(position));
        Ok(Files { files: pieces.into_iter().map(file).collect(), unread, media })
    }
}

/// One file as the source gave it.
enum Piece {
    Text(String, Box<TextWindow>),
    Other(File),
}

struct Pieces {
    pieces: Vec<Piece>,
    unread: Vec<String>,
    media: Vec<Media>,
}

fn read_all(fs: &Fs, paths: &[String], window: Window, room: usize) -> Result<Pieces, ToolError> {
    let mut read = Pieces { pieces: Vec::new(), unread: Vec::new(), media: Vec::new() };
    let mut left = room;
    for path in paths {
        if left < 200 && !read.pieces.is_empty() {
            read.unread.push(path.clone());
            continue;
        }
        let piece = match read_one(fs, path, window, left, &mut read.media) {
            Ok(piece) => piece,
            // One of many that can't be read is no reason to keep the others back.
            Err(error) if paths.len() > 1 => {
                let note = Some(ToolError::from(error).text().replace('\n', "; "));
                Piece::Other(File { path: path.clone(), note, ..File::default() })
            }
            Err(error) => return Err(error.into()),
        };
        if let Piece::Text(_, window) = &piece {
            left = left.saturating_sub(window.text.len());
        }
        left = left.saturating_sub(100);
        read.pieces.push(piece);
    }
    Ok(read)
}

fn read_one(
    fs: &Fs,
    path: &str,
    window: Window,
    room: usize,
    media: &mut Vec<Media>,
) -> Result<Piece, FsError> {
    let located = fs.files.locate(path)?;
    let shown = fs.files.display(&located);
    match fs.files.read_text(&located, window, room) {
        Ok(text) => return Ok(Piece::Text(shown, Box::new(text))),
        Err(FsError::NotText { .. }) => {}
        Err(error) => return Err(error),
    }
    let kind = located.sniff()?;
    let size = located.stat().size;
    let note = match &kind {
        Kind::Image { mime } | Kind::Audio { mime } if size <= MOST_MEDIA => {
            let is_image = matches!(kind, Kind::Image { .. });
            media.push(Media {
                kind: if is_image { MediaKind::Image } else { MediaKind::Audio },
                data: STANDARD.encode(located.read_bytes(MOST_MEDIA)?),
                mime_type: (*mime).to_owned(),
            });
            (*mime).to_owned()
        }
        Kind::Image { mime } | Kind::Audio { mime } => {
            format!("{mime}, too large to return (at most {} bytes)", grouped(MOST_MEDIA))
        }
        Kind::Binary { mime, description } => format!("binary, not shown: {description} ({mime})"),
        Kind::Text { .. } => "text that can't be decoded".to_owned(),
    };
    let version = located.version();
    Ok(Piece::Other(File {
        path: shown,
        size: Some(size),
        version,
        note: Some(note),
        ..File::default()
    }))
}

fn finish(piece: Piece, numbered: bool, cursor: impl Fn(&[u64]) -> String) -> File {
    let (path, window) = match piece {
        Piece::Text(path, window) => (path, window),
        Piece::Other(file) => return file,
    };
    let next = window.next.map(|next| match next {
        Next::Line(line) => format!("offset {line}"),
        Next::Byte { position, line } => {
            format!("cursor {}", cursor(&[position, line.unwrap_or(0)]))
        }
    });
    let text = match window.first_line {
        Some(first) if numbered => number(&window.text, first),
        _ => window.text,
    };
    let lossy =
        window.lossy.then(|| "some bytes fit no character and are shown as \u{fffd}".into());
    File {
        path,
        text: Some(text),
        first_line: window.first_line,
        last_line: window.last_line,
        total_lines: window.total_lines,
        size: Some(window.total_bytes),
        next,
        encoding: format!(
            "{}{}",
            window.encoding.name(),
            if window.bom { " with BOM" } else { "" }
        ),
        line_ends: window.eol.name().to_owned(),
        version: window.version,
        note: lossy,
    }
}

fn number(text: &str, first: u64) -> String {
    let mut out = String::with_capacity(text.len() + text.len() / 8);
    for (number, line) in (first..).zip(text.split_inclusive('\n')) {
        out.push_str(&format!("{number}\t{line}"));
    }
    out
}

impl Output for Files {
    const BULK: bool = true;

    fn text(&self) -> String {
        let mut out = String::new();
        for file in &self.files {
            if !out.is_empty() {
                out.push_str(if out.ends_with('\n') { "\n" } else { "\n\n" });
            }
            out.push_str(&file.header());
            if let Some(text) = &file.text {
                out.push('\n');
                out.push_str(text);
            }
        }
        if !self.unread.is_empty() {
            let end = if out.ends_with('\n') { "" } else { "\n" };
            let left = self.unread.join("\", \"");
            out.push_str(&format!(
                "{end}\n[truncated: no room for paths [\"{left}\"]; call again]"
            ));
        }
        out
    }

    fn truncated(&self) -> bool {
        !self.unread.is_empty() || self.files.iter().any(|file| file.next.is_some())
    }

    fn take_media(&mut self) -> Vec<Media> {
        std::mem::take(&mut self.media)
    }
}

impl File {
    /// `[src/a.rs lines 1-20 of 300; truncated, next: offset 21; version …]`
    fn header(&self) -> String {
        let mut parts = Vec::new();
        match (self.first_line, self.last_line, self.total_lines) {
            _ if self.text.is_none() => {}
            (Some(1), Some(1), Some(1)) => parts.push("1 line".to_owned()),
            (Some(1), Some(last), Some(total)) if last == total => {
                parts.push(format!("{total} lines"));
            }
            (Some(first), Some(last), Some(total)) => {
                parts.push(format!("lines {first}-{last} of {total}"));
            }
            (Some(first), Some(last), None) => parts.push(format!("lines {first}-{last}")),
            (_, _, Some(total)) if self.text.as_deref() == Some("") && total > 0 => {
                parts.push(format!("no lines there; it has {total}"));
            }
            _ if self.size == Some(0) => parts.push("empty".to_owned()),
            _ => parts.push("from the end".to_owned()),
        }
        if let Some(size) = self.size.filter(|_| self.total_lines.is_none()) {
            parts.push(format!("{} bytes", grouped(size)));
        }
        if let Some(next) = &self.next {
            parts.push(format!("truncated, next: {next}"));
        }
        if !self.encoding.is_empty() && self.encoding != "UTF-8" {
            parts.push(self.encoding.clone());
        }
        if self.line_ends == "CRLF" || self.line_ends == "mixed" {
            parts.push(format!("{} line ends", self.line_ends));
        }
        if let Some(note) = &self.note {
            parts.push(note.clone());
        }
        if !self.version.is_empty() {
            parts.push(format!("version {}", self.version));
        }
        format!("[{}: {}]", self.path, parts.join("; "))
    }
}

#[cfg(test)]
mod tests {
    use lockkeeper_testkit::expect;

    use crate::testing::{Fixture, check, check_with, client};

    #[test]
    fn reads_a_file() {
        check(
            "small",
            r#"read_file {"path": "notes.txt"}"#,
            &expect![[r"
                [notes.txt: 3 lines; version <version>]
                one
                two
                three
            "]],
        );
    }

    #[test]
    fn reads_lines_from_either_end_and_says_where_to_go_on() {
        check(
            "small",
            r#"read_file {"path": "notes.txt", "offset": 2, "limit": 1, "line_numbers": true}"#,
            &expect![[r"
                [notes.txt: lines 2-2 of 3; truncated, next: offset 3; version <version>]
                2	two
            "]],
        );
        check(
            "small",
            r#"read_file {"path": "notes.txt", "offset": -1}"#,
            &expect![[r"
                [notes.txt: lines 3-3 of 3; version <version>]
                three
            "]],
        );
    }

    #[test]
    fn reads_many_and_names_those_that_fail() {
        check(
            "small",
            r#"read_file {"paths": ["empty.txt", "none.txt", "umlaut.txt"]}"#,
            &expect![[r"
                [empty.txt: empty; version <version>]

                [none.txt: not_found: `none.txt` does not exist, or is hidden by this server's rules; next: find_files searches names; list_directory shows a directory]

                [umlaut.txt: 1 line; windows-1252; version <version>]
                Grüße
            "]],
        );
    }

    #[test]
    fn secrets_and_missing_files_look_the_same() {
        for path in [".env", "nothing", "sub/id_rsa"] {
            let expected = format!(
                "error: not_found: `{path}` does not exist, or is hidden by this server's rules\n\
                 next: find_files searches names; list_directory shows a directory"
            );
            check_with("small", &[], &format!(r#"read_file {{"path": "{path}"}}"#), &expected);
        }
    }

    #[test]
    fn nothing_outside_is_read() {
        check(
            "small",
            r#"read_file {"path": "../secret.txt"}"#,
            &expect![[r"
                error: outside_roots: `../secret.txt` lies outside the allowed directories
                next: list_directory without a path names the allowed directories"]],
        );
    }

    #[test]
    fn images_are_content_and_binaries_described() {
        check(
            "small",
            r#"read_file {"paths": ["dot.png", "data.bin"]}"#,
            &expect![[r"
                [dot.png: 67 bytes; image/png; version <version>]

                [data.bin: 4 bytes; binary, not shown: binary data (application/octet-stream); version <version>]
                [image/png, 92 bytes of base64]"]],
        );
    }

    #[test]
    fn a_long_file_and_a_long_line_go_on() {
        check_with(
            "small",
            &["--max-output", "1kB"],
            r#"read_file {"path": "long.txt", "limit": 5}"#,
            "[long.txt: lines 1-5 of 2000; truncated, next: offset 6; version <version>]\n\
             line 1\nline 2\nline 3\nline 4\nline 5\n",
        );
        let fixture = Fixture::new("small");
        let mut client = client(&fixture, &["--max-output", "1kB"]);
        let mut arguments = serde_json::json!({"path": "wide.txt"});
        let mut read = String::new();
        for _ in 0..20 {
            let result = client.call("read_file", arguments.clone());
            let text = result["content"][0]["text"].as_str().unwrap();
            let (header, body) = text.split_once('\n').unwrap();
            read.push_str(body);
            let Some((_, next)) = header.split_once("next: cursor ") else { break };
            let cursor = next.split(';').next().unwrap();
            assert!(cursor.len() <= 48, "{cursor}");
            arguments["cursor"] = cursor.into();
        }
        assert_eq!(read, "é".repeat(3000));
    }
}

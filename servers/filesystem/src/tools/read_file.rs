//! `read_file`: text by lines, images and audio as content, anything else described.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use lockkeeper_core::{
    Altered, Cx, Effect, Media, MediaKind, Need, Output, Read, Tool, ToolError, grouped,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::Fs;
use crate::source::{FsError, Kind, Located, Next, TextWindow, Window};

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
    /// So many paths at the end had no room: call again with them.
    #[serde(skip_serializing_if = "Option::is_none")]
    left_out: Option<usize>,
    #[serde(skip)]
    media: Vec<Media>,
    #[serde(skip)]
    altered: Altered,
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
            limit: args.limit.unwrap_or(LINES).max(1),
            from_byte: from_byte.map(|(byte, _)| byte),
        };
        let room = cx.max_output();
        let numbered = args.line_numbers;
        let read = cx.blocking(move |fs, _| read_all(fs, &paths, window, (room, numbered)));
        let Pieces { pieces, left_out, media } = read.await??;
        let mut altered = Altered::default();
        for piece in &pieces {
            if let Piece::Text(_, window) = piece {
                altered += window.altered;
            }
        }
        let file = |piece| finish(piece, numbered, |position| cx.next(position));
        let left_out = Some(left_out).filter(|left| *left > 0);
        Ok(Files { files: pieces.into_iter().map(file).collect(), left_out, media, altered })
    }
}

/// One file as the source gave it.
enum Piece {
    Text(String, Box<TextWindow>),
    Other(File),
}

struct Pieces {
    pieces: Vec<Piece>,
    left_out: usize,
    media: Vec<Media>,
}

fn read_all(
    fs: &Fs,
    paths: &[String],
    window: Window,
    (room, numbered): (usize, bool),
) -> Result<Pieces, ToolError> {
    let mut read = Pieces { pieces: Vec::new(), left_out: 0, media: Vec::new() };
    let mut left = room;
    for path in paths {
        // Also for the header of a file without text, whose path may be long.
        if left < 400 + path.len() && !read.pieces.is_empty() {
            break;
        }
        let piece = match read_one(fs, path, window, (left, numbered), &mut read.media) {
            Ok(Some(piece)) => piece,
            // No room for this picture beside the others.
            Ok(None) => break,
            // One of many that can't be read is no reason to keep the others back.
            Err(error) if paths.len() > 1 => {
                let note = Some(ToolError::from(error).text().replace('\n', "; "));
                Piece::Other(File { path: path.clone(), note, ..File::default() })
            }
            Err(error) => return Err(error.into()),
        };
        let used = match &piece {
            Piece::Text(path, window) => {
                path.len() + 120 + window.text.len() + numbers(window, numbered)
            }
            Piece::Other(file) => file.header().len() + 2,
        };
        left = left.saturating_sub(used);
        read.pieces.push(piece);
    }
    read.left_out = paths.len() - read.pieces.len();
    Ok(read)
}

/// Bytes that line numbers take.
fn numbers(window: &TextWindow, numbered: bool) -> usize {
    let digits = window.last_line.filter(|_| numbered).map_or(0, |last| last.to_string().len() + 1);
    usize::try_from(window.lines).unwrap_or(usize::MAX).saturating_mul(digits)
}

/// Text within `room`, its line numbers counted.
fn read_text(
    fs: &Fs,
    located: &Located,
    mut window: Window,
    (room, numbered): (usize, bool),
) -> Result<TextWindow, FsError> {
    let text = fs.files.read_shown(located, window, room)?;
    if text.text.len() + numbers(&text, numbered) <= room {
        return Ok(text);
    }
    // As many lines as fit if they are as long as these on the average; at least one.
    let taken = text.text.len() + numbers(&text, true);
    let lines = usize::try_from(text.lines).unwrap_or(usize::MAX);
    window.limit = (lines.saturating_mul(room) / taken.max(1)).max(1);
    loop {
        let text = fs.files.read_shown(located, window, room)?;
        if window.limit == 1 || text.text.len() + numbers(&text, true) <= room {
            return Ok(text);
        }
        window.limit = (window.limit / 2).max(1);
    }
}

fn read_one(
    fs: &Fs,
    path: &str,
    window: Window,
    room: (usize, bool),
    media: &mut Vec<Media>,
) -> Result<Option<Piece>, FsError> {
    let located = fs.locate(path)?;
    let shown = fs.files.display(&located);
    match read_text(fs, &located, window, room) {
        Ok(text) => return Ok(Some(Piece::Text(shown, Box::new(text)))),
        Err(FsError::NotText { .. }) => {}
        Err(error) => return Err(error),
    }
    let kind = located.sniff()?;
    let size = located.stat().size;
    let note = match &kind {
        Kind::Image { mime } | Kind::Audio { mime } if size <= MOST_MEDIA => {
            let taken: usize = media.iter().map(|media| media.data.len() / 4 * 3).sum();
            if taken as u64 + size > MOST_MEDIA {
                return Ok(None);
            }
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
    Ok(Some(Piece::Other(File {
        path: shown,
        size: Some(size),
        version,
        note: Some(note),
        ..File::default()
    })))
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
        if let Some(left_out) = self.left_out {
            let end = if out.ends_with('\n') { "" } else { "\n" };
            out.push_str(&format!(
                "{end}\n[truncated: no room for the last {left_out} paths; call again with them]"
            ));
        }
        out
    }

    fn truncated(&self) -> bool {
        self.left_out.is_some() || self.files.iter().any(|file| file.next.is_some())
    }

    fn altered(&self) -> Altered {
        self.altered
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

    #[test]
    fn numbered_lines_are_all_there_page_by_page() {
        let fixture = Fixture::new("small");
        let mut client = client(&fixture, &["--max-output", "1kB"]);
        let mut arguments = serde_json::json!({"path": "long.txt", "line_numbers": true});
        let mut lines = Vec::new();
        loop {
            let result = client.call("read_file", arguments.clone());
            let text = result["content"][0]["text"].as_str().unwrap();
            assert!(text.len() <= 1_000, "{}", text.len());
            let (header, body) = text.split_once('\n').unwrap();
            lines.extend(body.lines().map(str::to_owned));
            let Some((_, next)) = header.split_once("next: offset ") else { break };
            let next: u64 = next.split(';').next().unwrap().parse().unwrap();
            arguments["offset"] = next.into();
        }
        let expected: Vec<String> = (1..=2000).map(|n| format!("{n}\tline {n}")).collect();
        assert_eq!(lines, expected);
    }

    #[test]
    fn pictures_share_one_bound() {
        let fixture = Fixture::new("small");
        let picture = [crate::testing::PNG, &vec![0; 2_000_000]].concat();
        std::fs::write(format!("{}/large.png", fixture.root()), picture).unwrap();
        let mut client = client(&fixture, &[]);
        let paths = serde_json::json!({"paths": ["large.png", "large.png", "large.png"]});
        let result = client.call("read_file", paths);
        let content = result["content"].as_array().unwrap();
        assert_eq!(content.len(), 2);
        let text = content[0]["text"].as_str().unwrap();
        assert!(text.contains("no room for the last 2 paths"), "{text}");
    }

    #[test]
    fn a_hostile_name_is_one_line_and_can_be_asked_for() {
        let fixture = Fixture::new("small");
        let name = "a.txt\n12:forged\u{202e}";
        std::fs::write(format!("{}/sub/{name}", fixture.root()), "hit").unwrap();
        let mut client = client(&fixture, &[]);
        let found = client.call("find_files", serde_json::json!({"glob": "sub/a*"}));
        let text = found["content"][0]["text"].as_str().unwrap();
        let shown = "sub/a.txt\\x0a12:forged\\xe2\\x80\\xae";
        assert_eq!(text, format!("[1 found]\n{shown}\n"));
        let read = client.call("read_file", serde_json::json!({"path": shown}));
        assert!(read["content"][0]["text"].as_str().unwrap().ends_with("\nhit"), "{read}");
    }
}

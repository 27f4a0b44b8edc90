//! Pages of a diff: files with their patches, cut between hunks where they can be, and at a line
//! where one hunk is longer than a page. Nothing is lost between pages, and nothing comes twice.

use serde_json::Value;

use crate::answer::find;

/// Where a diff goes on: a file by its place in the whole list, and a line of its patch.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Place {
    pub(crate) file: u64,
    pub(crate) line: u64,
}

/// A page that is being filled.
#[derive(Debug)]
pub(crate) struct DiffPage {
    pub(crate) text: String,
    room: usize,
    pub(crate) files: u64,
}

impl DiffPage {
    pub(crate) fn new(room: usize) -> Self {
        Self { text: String::new(), room, files: 0 }
    }

    /// Adds a file from this line of its patch on; returns the line to go on at if not all of it
    /// found room.
    pub(crate) fn file(&mut self, file: &Value, from: u64) -> Option<u64> {
        let text = |path: &str| find(file, path).as_str().unwrap_or_default().to_owned();
        let (path, was) = (text("filename"), text("previous_filename"));
        let count = |path: &str| find(file, path).as_u64().unwrap_or_default();
        let was = if was.is_empty() { String::new() } else { format!(", was {was}") };
        let (added, deleted) = (count("additions"), count("deletions"));
        let mut head = format!("=== {path} ({}, +{added} -{deleted}{was})", text("status"));
        if from > 0 {
            head.push_str(&format!(", from line {} of its patch", from + 1));
        }
        head.push('\n');
        let patch = text("patch");
        let lines: Vec<&str> =
            if patch.is_empty() { Vec::new() } else { patch.split('\n').collect() };
        if lines.is_empty() {
            let why = if added + deleted > 0 { "too large, or no text" } else { "no text changed" };
            head.push_str(&format!("({why}: GitHub gives no patch)\n"));
        }
        if self.text.len() + head.len() > self.room && self.files > 0 {
            return Some(from);
        }
        let empty_page = self.files == 0;
        let from_line = usize::try_from(from).unwrap_or(usize::MAX).min(lines.len());
        let left = lines.get(from_line..).unwrap_or_default();
        let mut taken = 0;
        let mut size = self.text.len() + head.len();
        while taken < left.len() {
            let hunk = hunk_end(left, taken);
            let piece: usize =
                left.get(taken..hunk).unwrap_or_default().iter().map(|l| l.len() + 1).sum();
            if size + piece <= self.room {
                (taken, size) = (hunk, size + piece);
                continue;
            }
            // A page begins with as much of its first hunk as it holds.
            if taken == 0 && empty_page {
                while let Some(line) = left.get(taken)
                    && (taken == 0 || size + line.len() < self.room)
                {
                    (taken, size) = (taken + 1, size + line.len() + 1);
                }
            }
            break;
        }
        if taken == 0 && !left.is_empty() {
            return Some(from);
        }
        self.text.push_str(&head);
        for line in left.iter().take(taken) {
            self.text.push_str(line);
            self.text.push('\n');
        }
        self.files += 1;
        (taken < left.len()).then(|| from + taken as u64)
    }
}

/// Where the hunk that begins at this line ends.
fn hunk_end(lines: &[&str], start: usize) -> usize {
    let next = lines.iter().skip(start + 1).position(|line| line.starts_with("@@"));
    next.map_or(lines.len(), |next| start + 1 + next)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn nothing_is_lost_and_nothing_comes_twice() {
        let hunk = |n: u64, lines: u64| {
            let lines = (0..lines).map(|l| format!("+line {n}.{l}\n")).collect::<Vec<_>>().concat();
            format!("@@ -{n} +{n} @@\n{lines}")
        };
        let files: Vec<Value> = (0..400u64)
            .map(|n| {
                let hunks: String = (0..n % 5).map(|h| hunk(n * 10 + h, if n == 7 { 300 } else { n % 9 })).collect();
                json!({"filename": format!("f{n}"), "status": "modified", "additions": 1, "patch": hunks.trim_end()})
            })
            .collect();
        let expected: Vec<String> = files
            .iter()
            .flat_map(|file| {
                file["patch"].as_str().unwrap().lines().map(str::to_owned).collect::<Vec<_>>()
            })
            .collect();
        let (mut at, mut read, mut pages) = (Place::default(), Vec::new(), 0);
        let mut heads = std::collections::BTreeSet::new();
        'pages: loop {
            let mut page = DiffPage::new(1_500);
            pages += 1;
            let mut next = None;
            while let Some(file) = files.get(usize::try_from(at.file).unwrap()) {
                if let Some(line) = page.file(file, at.line) {
                    next = Some(Place { line, ..at });
                    break;
                }
                at = Place { file: at.file + 1, line: 0 };
            }
            assert!(page.files > 0, "a page holds something");
            for line in page.text.lines() {
                if let Some(head) = line.strip_prefix("=== ") {
                    heads.insert(head.split(' ').next().unwrap().to_owned());
                } else if !line.starts_with('(') {
                    read.push(line.to_owned());
                }
            }
            match next {
                Some(place) => at = place,
                None => break 'pages,
            }
        }
        assert_eq!(read, expected);
        assert_eq!(heads.len(), 400);
        assert!(pages > 20);
    }
}

//! What a file holds, as text: Google's own types by export, others by what they are. Extracted text
//! is kept by file, revision and part, so that paging costs one export; plain text is read by ranges
//! and never as a whole.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use tokio::sync::Semaphore;

use super::Source;
use super::api::{Google, Range};
use super::error::SourceError;
use super::extract;
use super::gate::Found;
use super::office;

/// Files whose text is extracted here, at most.
const LONGEST_EXTRACTED: u64 = 20 * 1024 * 1024;

/// Images that are shown, at most: larger ones are refused by most models.
const LONGEST_IMAGE: u64 = 3 * 1024 * 1024;

/// How much of a file of unknown type is looked at.
const SNIFFED: u64 = 4_096;

/// Extracted texts that are kept, and their bytes together.
const MOST_KEPT: usize = 8;
const HEAVIEST_KEPT: usize = 12 * 1024 * 1024;

/// Google's types.
const DOC: &str = "application/vnd.google-apps.document";
const SHEET: &str = "application/vnd.google-apps.spreadsheet";
const SLIDES: &str = "application/vnd.google-apps.presentation";
const DRAWING: &str = "application/vnd.google-apps.drawing";
pub(super) const DOCX: &str =
    "application/vnd.openxmlformats-officedocument.wordprocessingml.document";
pub(super) const XLSX: &str = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet";
pub(super) const PPTX: &str =
    "application/vnd.openxmlformats-officedocument.presentationml.presentation";

/// Which part of a file is wanted.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Wanted {
    /// A tab of a spreadsheet.
    pub(crate) tab: Option<String>,
    /// Cells of it.
    pub(crate) range: Option<String>,
    /// An older revision.
    pub(crate) revision: Option<String>,
}

/// A file's content.
pub(crate) enum Content {
    /// All of its text, made by `how`.
    Text { text: Arc<Extracted>, how: &'static str },
    /// Plain text that lies at Drive.
    Plain { size: u64 },
    /// A picture, encoded as base64.
    Image { data: String, mime: String },
    /// Nothing that can be shown.
    Other { why: &'static str },
}

/// Text that was made of a file.
#[derive(Debug, Default)]
pub(crate) struct Extracted {
    pub(crate) text: String,
    /// What was left out on the way.
    pub(crate) note: Option<String>,
}

/// A piece of plain text, with what lies around it.
pub(crate) struct Part {
    pub(crate) text: String,
    /// Where the text begins in the file.
    pub(crate) begins: u64,
    /// It isn't all UTF-8.
    pub(crate) is_lossy: bool,
}

type Key = (String, String, Wanted);

/// Texts that were made.
pub(super) struct Texts {
    kept: Mutex<VecDeque<(Key, Arc<Extracted>)>>,
    /// One file at a time: what takes too long isn't joined by others.
    turn: Arc<Semaphore>,
}

impl Default for Texts {
    fn default() -> Self {
        Self { kept: Mutex::default(), turn: Arc::new(Semaphore::new(1)) }
    }
}

impl Texts {
    fn get(&self, key: &Key) -> Option<Arc<Extracted>> {
        let kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        kept.iter().find(|(known, _)| known == key).map(|(_, text)| Arc::clone(text))
    }

    fn keep(&self, key: Key, text: &Arc<Extracted>) {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        kept.retain(|(known, _)| *known != key);
        kept.push_back((key, Arc::clone(text)));
        let weight = |kept: &VecDeque<(Key, Arc<Extracted>)>| {
            kept.iter().map(|(_, text)| text.text.len()).sum::<usize>()
        };
        while kept.len() > 1 && (kept.len() > MOST_KEPT || weight(&kept) > HEAVIEST_KEPT) {
            kept.pop_front();
        }
    }
}

impl Source {
    /// What a file holds.
    pub(crate) async fn content(
        &self,
        found: &Found,
        wanted: &Wanted,
    ) -> Result<Content, SourceError> {
        let mime = found.mime();
        let is_sheet = mime == SHEET || mime == XLSX;
        if (wanted.tab.is_some() || wanted.range.is_some()) && !is_sheet {
            return Err(SourceError::argument("`tab` and `range` are for spreadsheets"));
        }
        if wanted.revision.is_some() && mime.starts_with("application/vnd.google-apps.") {
            return Err(SourceError::Unsuited {
                problem: "of Google's own types only the current revision can be read".to_owned(),
                hint: "leave `revision` out",
            });
        }
        let how = match mime {
            DOC => "as Markdown",
            SHEET | XLSX => "tab by tab, as TSV",
            SLIDES | PPTX => "slide by slide",
            DOCX => "its text",
            "application/pdf" => "page by page",
            DRAWING => return self.drawing(found).await,
            "application/vnd.google-apps.folder" => {
                return Ok(Content::Other { why: "a folder; list shows what is in it" });
            }
            mime if mime.starts_with("application/vnd.google-apps.") => {
                return Ok(Content::Other { why: "a type that has no text" });
            }
            mime if is_image(mime) => return self.image(found, wanted).await,
            mime => return self.plain(found, mime, wanted).await,
        };
        let key = (found.id().to_owned(), found.revision(), wanted.clone());
        if let Some(text) = self.texts.get(&key) {
            return Ok(Content::Text { text, how });
        }
        let text = Arc::new(match mime {
            DOC => office::without_images(&self.exported(found, "text/markdown").await?),
            SHEET => self.spreadsheet(found, wanted).await?,
            SLIDES => self.extracted(self.exported(found, PPTX).await?, PPTX, wanted).await?,
            mime => {
                let bytes = self.whole(found, wanted, LONGEST_EXTRACTED).await?;
                self.extracted(bytes, mime, wanted).await?
            }
        });
        self.texts.keep(key, &text);
        Ok(Content::Text { text, how })
    }

    /// A range of a plain text, and so many bytes around it.
    pub(crate) async fn part(
        &self,
        found: &Found,
        wanted: &Wanted,
        range: std::ops::Range<u64>,
        around: u64,
    ) -> Result<Part, SourceError> {
        let from = range.start.saturating_sub(around);
        let to = range.end.saturating_add(around);
        let bytes = self.bytes(found, wanted, Range { from, to: Some(to) }).await?;
        Ok(decode(&bytes, from))
    }

    async fn bytes(
        &self,
        found: &Found,
        wanted: &Wanted,
        range: Range,
    ) -> Result<Vec<u8>, SourceError> {
        let revision = revision(wanted)?;
        let mut answered = self.api.content(found.id(), revision, Some(range)).await?;
        let most = range.to.unwrap_or(u64::MAX).saturating_sub(range.from);
        let most = usize::try_from(most).unwrap_or(usize::MAX);
        // Who doesn't understand ranges sends all of it.
        let mut skip = range.from.saturating_sub(answered.begins());
        let mut bytes = Vec::new();
        while bytes.len() < most
            && let Some(piece) = answered.next().await?
        {
            let skipped = usize::try_from(skip).unwrap_or(usize::MAX).min(piece.len());
            skip -= skipped as u64;
            bytes.extend_from_slice(piece.get(skipped..).unwrap_or_default());
        }
        bytes.truncate(most);
        Ok(bytes)
    }

    /// All of a file, if it isn't longer than `most`.
    async fn whole(
        &self,
        found: &Found,
        wanted: &Wanted,
        most: u64,
    ) -> Result<Vec<u8>, SourceError> {
        let size = size(found);
        if size > most {
            return Err(SourceError::Unsuited {
                problem: format!("the file has {size} bytes; {most} at most are read here"),
                hint: "download puts it into the export directory, if the user allows one",
            });
        }
        self.bytes(found, wanted, Range { from: 0, to: Some(most) }).await
    }

    /// A file of Google's in another form.
    pub(super) async fn exported(&self, found: &Found, mime: &str) -> Result<Vec<u8>, SourceError> {
        let answered = self.api.export(found.id(), mime).await?;
        Ok(answered.whole(Google::longest_whole()).await?.to_vec())
    }

    /// The text of an office document or PDF, made beside the protocol and one at a time. One that
    /// takes longer than its call is left to end by itself; until then there is no other.
    pub(super) async fn extracted(
        &self,
        bytes: Vec<u8>,
        mime: &str,
        wanted: &Wanted,
    ) -> Result<Extracted, SourceError> {
        let turn = Arc::clone(&self.texts.turn).try_acquire_owned().map_err(|_| {
            SourceError::Unsuited {
                problem: "the text of another file is still being extracted".to_owned(),
                hint: "try again in a few seconds",
            }
        })?;
        let (mime, wanted) = (mime.to_owned(), wanted.clone());
        let work = tokio::task::spawn_blocking(move || {
            let extracted = extract::text(&bytes, &mime, &wanted);
            drop(turn);
            extracted
        });
        let done = tokio::time::timeout(extract::LONGEST, work).await;
        let late = || SourceError::Unsuited {
            problem: "its text can't be extracted in time".to_owned(),
            hint: "download it, or ask the user for another form of it",
        };
        let unreadable = || SourceError::Unsuited {
            problem: "its text can't be extracted: the file is damaged or of an odd kind"
                .to_owned(),
            hint: "download it, or ask the user for another form of it",
        };
        done.map_err(|_| late())?.map_err(|_| unreadable())?.ok_or_else(unreadable)
    }

    async fn drawing(&self, found: &Found) -> Result<Content, SourceError> {
        let bytes = self.exported(found, "image/png").await?;
        if bytes.len() as u64 > LONGEST_IMAGE {
            return Ok(Content::Other { why: "a drawing too large to be shown" });
        }
        Ok(Content::Image { data: STANDARD.encode(bytes), mime: "image/png".to_owned() })
    }

    async fn image(&self, found: &Found, wanted: &Wanted) -> Result<Content, SourceError> {
        if size(found) > LONGEST_IMAGE {
            return Ok(Content::Other { why: "an image too large to be shown (3 MB)" });
        }
        let bytes = self.whole(found, wanted, LONGEST_IMAGE).await?;
        Ok(Content::Image { data: STANDARD.encode(bytes), mime: found.mime().to_owned() })
    }

    async fn plain(
        &self,
        found: &Found,
        mime: &str,
        wanted: &Wanted,
    ) -> Result<Content, SourceError> {
        let size = match (&wanted.revision, size(found)) {
            (Some(_), _) => self.revision_size(found, wanted).await?,
            (None, size) => size,
        };
        if !is_text(mime) {
            let head = self.bytes(found, wanted, Range { from: 0, to: Some(SNIFFED) }).await?;
            if head.contains(&0) || decode(&head, 0).is_lossy {
                return Ok(Content::Other { why: "not text; download puts it into a file" });
            }
        }
        Ok(Content::Plain { size })
    }

    async fn revision_size(&self, found: &Found, wanted: &Wanted) -> Result<u64, SourceError> {
        let revisions = self.revisions(found).await?.revisions.unwrap_or_default();
        let is_it = |one: &&google_drive3::api::Revision| one.id == wanted.revision;
        let revision = revisions.iter().find(is_it).ok_or_else(|| SourceError::NotFound {
            asked: wanted.revision.clone().unwrap_or_default(),
        })?;
        Ok(revision.size.and_then(|size| u64::try_from(size).ok()).unwrap_or(0))
    }
}

/// How long a file is; 0 for Google's own types.
pub(super) fn size(found: &Found) -> u64 {
    found.file().size.and_then(|size| u64::try_from(size).ok()).unwrap_or(0)
}

fn revision(wanted: &Wanted) -> Result<Option<&str>, SourceError> {
    if let Some(revision) = &wanted.revision {
        super::name::check_id(revision)?;
    }
    Ok(wanted.revision.as_deref())
}

fn is_image(mime: &str) -> bool {
    matches!(mime, "image/png" | "image/jpeg" | "image/gif" | "image/webp")
}

fn is_text(mime: &str) -> bool {
    mime.starts_with("text/")
        || mime.ends_with("+json")
        || mime.ends_with("+xml")
        || matches!(
            mime,
            "application/json"
                | "application/xml"
                | "application/javascript"
                | "application/x-sh"
                | "application/sql"
                | "application/x-yaml"
                | "application/toml"
        )
}

/// Bytes from the middle of a text: halves of characters at both ends are left out.
fn decode(bytes: &[u8], from: u64) -> Part {
    let is_middle = |byte: &&u8| **byte & 0xc0 == 0x80;
    let skip = if from == 0 { 0 } else { bytes.iter().take(3).take_while(is_middle).count() };
    let rest = bytes.get(skip..).unwrap_or_default();
    let begins = from + skip as u64;
    match std::str::from_utf8(rest) {
        Ok(text) => Part { text: text.to_owned(), begins, is_lossy: false },
        // The last character is cut.
        Err(error) if error.error_len().is_none() => {
            let whole = rest.get(..error.valid_up_to()).unwrap_or_default();
            Part { text: String::from_utf8_lossy(whole).into_owned(), begins, is_lossy: false }
        }
        // One for one, so that places in it are places in the file.
        Err(_) => {
            let ascii =
                rest.iter().map(|byte| if byte.is_ascii() { char::from(*byte) } else { '?' });
            Part { text: ascii.collect(), begins, is_lossy: true }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_of_text_begin_and_end_with_whole_characters() {
        let bytes = "aüb€c".as_bytes();
        let part = decode(&bytes[2..], 2);
        assert_eq!((part.text.as_str(), part.begins), ("b€c", 3));
        let part = decode(&bytes[..5], 0);
        assert_eq!((part.text.as_str(), part.is_lossy), ("aüb", false));
        let latin = decode(b"gr\xfc\xdfe!", 0);
        assert_eq!((latin.text.as_str(), latin.is_lossy), ("gr??e!", true));
    }

    #[test]
    fn few_texts_are_kept() {
        let texts = Texts::default();
        for n in 0..20 {
            let text = Arc::new(Extracted { text: "x".repeat(1024 * 1024), note: None });
            texts.keep((n.to_string(), String::new(), Wanted::default()), &text);
        }
        let kept = texts.kept.lock().unwrap().len();
        assert!(kept <= MOST_KEPT, "{kept}");
        assert!(texts.get(&("19".into(), String::new(), Wanted::default())).is_some());
    }
}

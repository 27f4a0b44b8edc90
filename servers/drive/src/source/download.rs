//! Downloads into the export directory: read piece by piece, gone on with after every fault and over
//! as many calls as it takes, and compared with Drive's own checksum before the file gets its name.

use std::time::Instant;

use lockkeeper_core::{Draft, ExportDir, ToolError};
use schemars::JsonSchema;
use serde::Deserialize;
use sha2::{Digest as _, Sha256};

use super::Source;
use super::api::{Answered, Range};
use super::content::{DOCX, PPTX, XLSX, size};
use super::error::SourceError;
use super::gate::Found;
use super::hex;

/// Faults in a row without a byte between them, at most.
const MOST_FAULTS: u32 = 4;

/// What is gathered before it is written.
const PIECE: usize = 1024 * 1024;

/// Forms that Google's own types can be had in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Form {
    Pdf,
    Docx,
    Xlsx,
    Pptx,
    Md,
    Txt,
    Csv,
    Html,
    Png,
}

impl Form {
    fn mime(self) -> &'static str {
        match self {
            Self::Pdf => "application/pdf",
            Self::Docx => DOCX,
            Self::Xlsx => XLSX,
            Self::Pptx => PPTX,
            Self::Md => "text/markdown",
            Self::Txt => "text/plain",
            Self::Csv => "text/csv",
            Self::Html => "text/html",
            Self::Png => "image/png",
        }
    }
}

/// A download under way.
pub(crate) struct Download {
    id: String,
    revision: String,
    form: Option<Form>,
    draft: Draft,
    /// Hashed as it is written.
    digest: Sha256,
    expected: Option<String>,
    pub(crate) total: Option<u64>,
    answered: Option<Answered>,
    piece: Vec<u8>,
    faults: u32,
}

/// How far a step got.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Got {
    /// There is a piece to be written.
    Piece,
    /// That was all.
    All,
}

impl Download {
    pub(crate) fn new(
        found: &Found,
        form: Option<Form>,
        draft: Draft,
    ) -> Result<Self, SourceError> {
        let is_native = found.mime().starts_with("application/vnd.google-apps.");
        if is_native != form.is_some() {
            let (problem, hint) = if is_native {
                (
                    "a file of Google's own type has no content of its own",
                    "name a `format`: pdf, docx, xlsx, …",
                )
            } else {
                ("only files of Google's own types have other forms", "leave `format` out")
            };
            return Err(SourceError::Unsuited { problem: problem.to_owned(), hint });
        }
        Ok(Self {
            id: found.id().to_owned(),
            revision: found.revision(),
            form,
            draft,
            digest: Sha256::new(),
            expected: found.file().sha256_checksum.clone(),
            total: (!is_native).then(|| size(found)),
            answered: None,
            piece: Vec::new(),
            faults: 0,
        })
    }

    pub(crate) fn bytes(&self) -> u64 {
        self.draft.bytes()
    }

    /// Writes what was gathered. Blocking.
    pub(crate) fn write(&mut self) -> Result<(), ToolError> {
        self.digest.update(&self.piece);
        self.draft.write(&self.piece)?;
        self.piece.clear();
        Ok(())
    }

    /// Gives the file its name, if it is what it should be. Blocking.
    pub(crate) fn finish(mut self) -> Result<u64, ToolError> {
        self.write()?;
        let bytes = self.draft.bytes();
        let hex = hex(&self.digest.finalize());
        let is_long = self.total.is_some_and(|total| total != bytes);
        if is_long || self.expected.is_some_and(|expected| expected != hex) {
            let problem = "what came is not what Drive has: the checksums differ".to_owned();
            return Err(SourceError::Damaged { problem }.into());
        }
        self.draft.finish()
    }
}

impl Source {
    /// The directory for files.
    pub(crate) fn export_dir(&self) -> Option<&ExportDir> {
        self.export_dir.as_ref()
    }

    /// Whether it still is the same file, and may still be seen.
    pub(crate) async fn check_download(&self, download: &Download) -> Result<(), SourceError> {
        let found = self.find(&download.id).await?;
        if found.revision() == download.revision { Ok(()) } else { Err(SourceError::Changed) }
    }

    /// Gathers a piece.
    pub(crate) async fn fetch(
        &self,
        download: &mut Download,
        until: Instant,
    ) -> Result<Got, SourceError> {
        loop {
            match self.gather(download, until).await {
                Ok(got) => {
                    download.faults = 0;
                    return Ok(got);
                }
                Err(error) if error.is_broken() && download.form.is_none() => {
                    download.answered = None;
                    download.faults += 1;
                    if download.faults > MOST_FAULTS || Instant::now() >= until {
                        return Err(error);
                    }
                    if !download.piece.is_empty() {
                        return Ok(Got::Piece);
                    }
                }
                Err(error) => return Err(error),
            }
        }
    }

    async fn gather(&self, download: &mut Download, until: Instant) -> Result<Got, SourceError> {
        let from = download.draft.bytes() + download.piece.len() as u64;
        if download.total == Some(from) {
            return Ok(Got::All);
        }
        if download.answered.is_none() {
            let mut answered = if let Some(form) = download.form {
                self.api.export(&download.id, form.mime()).await?
            } else {
                let range = Some(Range { from, to: None }).filter(|_| from > 0);
                self.api.content(&download.id, None, range).await?
            };
            // Who doesn't understand ranges begins at the beginning again.
            let mut skip = from.saturating_sub(answered.begins());
            while skip > 0
                && let Some(piece) = answered.next().await?
            {
                let skipped = usize::try_from(skip).unwrap_or(usize::MAX).min(piece.len());
                skip -= skipped as u64;
                download.piece.extend_from_slice(piece.get(skipped..).unwrap_or_default());
            }
            download.answered = Some(answered);
        }
        while let Some(answered) = &mut download.answered {
            let Some(piece) = answered.next().await? else {
                download.answered = None;
                let has = download.draft.bytes() + download.piece.len() as u64;
                // The end of the body is the end of the file only if its length says so.
                return match download.total {
                    Some(total) if has < total => {
                        Err(SourceError::Http(lockkeeper_http::HttpError::BodyTruncated))
                    }
                    _ => Ok(Got::All),
                };
            };
            download.piece.extend_from_slice(&piece);
            if download.piece.len() >= PIECE || Instant::now() >= until {
                return Ok(Got::Piece);
            }
        }
        Ok(Got::Piece)
    }
}

//! New content for files: text that a call brings, or a file of the upload directory. What is long
//! goes in a session, chunk by chunk, over as many calls as it takes: after a fault the session is
//! asked where it stands, and one that is gone is begun anew.

use std::io::{Read as _, Seek as _, SeekFrom};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Instant, SystemTime};

use bytes::Bytes;
use cap_std::fs::Dir;
use google_drive3::api::File;
use lockkeeper_core::{Grant, Mutating, StartError};
use sha2::{Digest as _, Sha256};

use super::Source;
use super::api::{Progress, Target};
use super::error::SourceError;
use super::gate::{Found, Held};
use super::hex;

/// What is longer goes in a session.
const LONGEST_AT_ONCE: u64 = 5 * 1024 * 1024;

/// A chunk: a multiple of 256 KiB, as Google wants it.
const CHUNK: u64 = 16 * 256 * 1024;

/// Faults in a row without progress, and sessions that were lost, at most.
const MOST_FAULTS: u32 = 5;
const MOST_SESSIONS: u32 = 3;

/// A directory that files are taken from.
#[derive(Debug)]
pub(crate) struct UploadDir {
    path: PathBuf,
    directory: Arc<Dir>,
}

impl UploadDir {
    pub(crate) fn new(path: &Path, own: &[PathBuf]) -> Result<Self, StartError> {
        let wrong =
            |problem: &str| StartError::new(format!("--upload-dir {}: {problem}", path.display()));
        let real = path.canonicalize().map_err(|_| wrong("there is no such directory"))?;
        let is_ours = |own: &PathBuf| {
            let own = own.canonicalize().unwrap_or_else(|_| own.clone());
            own.starts_with(&real) || real.starts_with(&own)
        };
        if own.iter().any(is_ours) {
            return Err(wrong("this server keeps files of its own there; name another directory"));
        }
        let directory = Dir::open_ambient_dir(&real, cap_std::ambient_authority());
        let directory = directory.map_err(|_| wrong("it can't be opened"))?;
        Ok(Self { path: real, directory: Arc::new(directory) })
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }
}

/// What is to be written.
#[derive(Debug)]
pub(crate) enum Given {
    Text(String),
    /// A path in the upload directory.
    Local(String),
}

/// Content on its way.
pub(crate) struct Upload {
    target: Target,
    /// What it had to be to be replaced.
    over: Option<(String, Option<String>)>,
    content: Body,
    pub(crate) total: u64,
    pub(crate) sent: u64,
    session: Option<String>,
    sessions: u32,
    faults: u32,
    digest: Sha256,
    hashed: u64,
    /// The last chunk was sent, and no answer came.
    is_in_doubt: bool,
}

enum Body {
    Text(Bytes),
    File { file: Arc<cap_std::fs::File>, modified: Option<SystemTime> },
}

/// How an upload stands.
pub(crate) enum Sent {
    Running(Box<Upload>),
    Done(Box<Found>),
}

impl Source {
    /// Prepares content for a file that is there; `expect` is the revision that it must have.
    pub(crate) async fn replace(
        &self,
        held: &Held,
        expect: Option<&str>,
        (given, mime): (Given, Option<String>),
    ) -> Result<Box<Upload>, SourceError> {
        if held.is_folder() {
            let problem = format!("`{}` is a folder", held.name());
            return Err(SourceError::Unsuited {
                problem,
                hint: "name a file, or `parent` and `name`",
            });
        }
        let mime = mime.or_else(|| match held.mime() {
            "application/vnd.google-apps.document" => Some("text/markdown".to_owned()),
            mime if mime.starts_with("application/vnd.google-apps.") => None,
            mime => Some(mime.to_owned()),
        });
        let mime = mime.ok_or_else(|| SourceError::Unsuited {
            problem: "the content of this type can't be replaced as a whole".to_owned(),
            hint: "make a new file, or let the user edit it",
        })?;
        let target = Target { id: Some(held.id().to_owned()), metadata: File::default(), mime };
        let over = Some((held.id().to_owned(), expect.map(str::to_owned)));
        self.prepare(target, over, given).await
    }

    /// Prepares a new file. `convert` makes a Google document of Markdown, text or HTML.
    pub(crate) async fn place(
        &self,
        (parent, name): (&Held, String),
        (given, mime): (Given, Option<String>),
        convert: bool,
    ) -> Result<Box<Upload>, SourceError> {
        let mime = mime.unwrap_or_else(|| {
            let by_name = guess(&name);
            if convert && by_name == "application/octet-stream" { "text/markdown" } else { by_name }
                .to_owned()
        });
        let converted = match mime.as_str() {
            "text/csv" | super::content::XLSX => "application/vnd.google-apps.spreadsheet",
            super::content::PPTX => "application/vnd.google-apps.presentation",
            _ => "application/vnd.google-apps.document",
        };
        let metadata = File {
            name: Some(name),
            parents: Some(vec![parent.id().to_owned()]),
            mime_type: convert.then(|| converted.to_owned()),
            ..File::default()
        };
        self.prepare(Target { id: None, metadata, mime }, None, given).await
    }

    async fn prepare(
        &self,
        target: Target,
        over: Option<(String, Option<String>)>,
        given: Given,
    ) -> Result<Box<Upload>, SourceError> {
        let (content, total) = match given {
            Given::Text(text) => {
                let bytes = Bytes::from(text);
                let total = bytes.len() as u64;
                (Body::Text(bytes), total)
            }
            Given::Local(path) => {
                let directory = self.upload_dir.as_ref().ok_or_else(|| SourceError::Unsuited {
                    problem: "the server has no upload directory".to_owned(),
                    hint: "give `content`, or ask the user for --upload-dir",
                })?;
                let directory = Arc::clone(&directory.directory);
                let opened = tokio::task::spawn_blocking(move || open(&directory, &path)).await;
                let (file, meta) =
                    opened.map_err(|_| SourceError::Answer { what: "it broke" })??;
                (Body::File { file: Arc::new(file), modified: meta.modified }, meta.length)
            }
        };
        if target.mime.is_empty() || !target.mime.bytes().all(|byte| (0x21..0x7f).contains(&byte)) {
            return Err(SourceError::argument("`mime` is a type such as text/plain"));
        }
        Ok(Box::new(Upload {
            target,
            over,
            content,
            total,
            sent: 0,
            session: None,
            sessions: 0,
            faults: 0,
            digest: Sha256::new(),
            hashed: 0,
            is_in_doubt: false,
        }))
    }

    /// Sends what fits until then.
    pub(crate) async fn send<E: Mutating>(
        &self,
        _grant: &Grant<E>,
        mut upload: Box<Upload>,
        until: Instant,
    ) -> Result<Sent, SourceError> {
        self.check_target(&upload).await?;
        let file = if upload.total <= LONGEST_AT_ONCE {
            let bytes = upload.read(0, upload.total).await?;
            upload.hash(0, &bytes);
            upload.sent = upload.total;
            self.api.upload(&upload.target, &bytes).await?
        } else {
            match self.send_chunks(&mut upload, until).await? {
                Some(file) => *file,
                None => return Ok(Sent::Running(upload)),
            }
        };
        let hex = hex(&upload.digest.finalize());
        if file.sha256_checksum.as_ref().is_some_and(|sum| *sum != hex) {
            let problem = "what arrived is not what was sent: the checksums differ".to_owned();
            return Err(SourceError::Damaged { problem });
        }
        Ok(Sent::Done(Box::new(self.seen(file).await?)))
    }

    /// A file that is replaced must still be there, still be allowed, and still be the one that its
    /// writer has read.
    async fn check_target(&self, upload: &Upload) -> Result<(), SourceError> {
        let Some((id, expect)) = &upload.over else {
            let parent = upload.target.metadata.parents.iter().flatten().next();
            return self.hold_folder(parent.map(String::as_str)).await.map(drop);
        };
        let held = self.hold_content(id).await?;
        let Some(expect) = expect.as_deref().filter(|expect| !held.is_revision(expect)) else {
            return Ok(());
        };
        let problem = format!("the file has revision {} by now, not {expect}", held.revision());
        Err(SourceError::Conflict { problem })
    }

    async fn send_chunks(
        &self,
        upload: &mut Upload,
        until: Instant,
    ) -> Result<Option<Box<File>>, SourceError> {
        loop {
            if Instant::now() >= until {
                return Ok(None);
            }
            match self.send_chunk(upload).await {
                Ok(Progress::Done(file)) => return Ok(Some(file)),
                Ok(Progress::Has(bytes)) => {
                    if bytes > upload.total {
                        return Err(SourceError::Answer { what: "it has more than was sent" });
                    }
                    upload.faults = if bytes > upload.sent { 0 } else { upload.faults + 1 };
                    upload.sent = bytes;
                }
                Ok(Progress::Gone) => upload.begin_anew()?,
                Err(error) if error.is_broken() => {
                    upload.is_in_doubt |= upload.sent + CHUNK >= upload.total;
                    upload.faults += 1;
                    if upload.faults > MOST_FAULTS {
                        return Err(error);
                    }
                    self.catch_up(upload).await?;
                }
                Err(error) => return Err(error),
            }
            if upload.faults > MOST_FAULTS || upload.sessions > MOST_SESSIONS {
                return Err(SourceError::Fault { status: 503 });
            }
        }
    }

    async fn send_chunk(&self, upload: &mut Upload) -> Result<Progress, SourceError> {
        let session = if let Some(session) = &upload.session {
            session.clone()
        } else {
            let session = self.api.begin_upload(&upload.target, upload.total).await?;
            upload.session.insert(session).clone()
        };
        let from = upload.sent;
        if from == upload.total {
            // All was taken, and the answer that says so got lost.
            return self.api.probe(&session, upload.total).await;
        }
        let chunk = upload.read(from, CHUNK.min(upload.total - from)).await?;
        upload.hash(from, &chunk);
        self.api.send_chunk(&session, chunk, (from, upload.total)).await
    }

    /// After a fault: where the session stands.
    async fn catch_up(&self, upload: &mut Upload) -> Result<(), SourceError> {
        let Some(session) = &upload.session else { return Ok(()) };
        match self.api.probe(session, upload.total).await {
            Ok(Progress::Has(bytes)) if bytes <= upload.total => upload.sent = bytes,
            // The next chunk, or question, learns of it again.
            Ok(Progress::Done(_)) => upload.sent = upload.total,
            Ok(Progress::Gone) => upload.begin_anew()?,
            Ok(Progress::Has(_)) => return Err(SourceError::Answer { what: "it has too much" }),
            Err(error) if error.is_broken() => {}
            Err(error) => return Err(error),
        }
        Ok(())
    }
}

impl Upload {
    /// The session is gone: the next chunk begins another one. What may already be a new file isn't
    /// made a second time.
    fn begin_anew(&mut self) -> Result<(), SourceError> {
        if self.is_in_doubt && self.over.is_none() {
            return Err(SourceError::InDoubt);
        }
        self.session = None;
        self.sent = 0;
        self.sessions += 1;
        Ok(())
    }

    /// Bytes of the content.
    async fn read(&self, from: u64, length: u64) -> Result<Bytes, SourceError> {
        let length = usize::try_from(length).unwrap_or(usize::MAX);
        match &self.content {
            Body::Text(bytes) => {
                let from = usize::try_from(from).unwrap_or(usize::MAX).min(bytes.len());
                Ok(bytes.slice(from..from.saturating_add(length).min(bytes.len())))
            }
            Body::File { file, modified } => {
                let (file, modified, total) = (Arc::clone(file), *modified, self.total);
                let read = tokio::task::spawn_blocking(move || {
                    let meta = file.metadata()?;
                    let now = meta.modified().ok().map(cap_std::time::SystemTime::into_std);
                    if meta.len() != total || now != modified {
                        return Ok(None);
                    }
                    let mut bytes = vec![0; length];
                    let mut reader = &*file;
                    reader.seek(SeekFrom::Start(from))?;
                    reader.read_exact(&mut bytes)?;
                    Ok::<_, std::io::Error>(Some(Bytes::from(bytes)))
                });
                let read = read.await.ok().and_then(Result::ok).flatten();
                read.ok_or_else(|| SourceError::Conflict {
                    problem: "the local file changed while it was uploaded".to_owned(),
                })
            }
        }
    }

    /// Takes bytes into the checksum that weren't before.
    fn hash(&mut self, from: u64, bytes: &[u8]) {
        let skip = usize::try_from(self.hashed.saturating_sub(from)).unwrap_or(usize::MAX);
        if let Some(new) = bytes.get(skip..) {
            self.digest.update(new);
            self.hashed = self.hashed.max(from + bytes.len() as u64);
        }
    }
}

fn open(directory: &Dir, path: &str) -> Result<(cap_std::fs::File, Stat), SourceError> {
    let missing = || SourceError::Unsuited {
        problem: format!("`{path}` is no file of the upload directory"),
        hint: "give a path relative to the upload directory",
    };
    let is_hidden = Path::new(path)
        .components()
        .any(|part| part.as_os_str().to_string_lossy().starts_with('.'));
    if is_hidden || path.is_empty() {
        return Err(missing());
    }
    // A pipe in its place must not be waited for: what it is, is asked before it is opened.
    let meta = directory.metadata(path).map_err(|_| missing())?;
    if !meta.is_file() {
        return Err(missing());
    }
    let file = directory.open(path).map_err(|_| missing())?;
    let meta = file.metadata().map_err(|_| missing())?;
    if !meta.is_file() {
        return Err(missing());
    }
    let modified = meta.modified().ok().map(cap_std::time::SystemTime::into_std);
    Ok((file, Stat { length: meta.len(), modified }))
}

/// What is said of a local file.
struct Stat {
    length: u64,
    modified: Option<SystemTime>,
}

/// A type by the end of a name.
fn guess(name: &str) -> &'static str {
    let end = name.rsplit_once('.').map(|(_, end)| end.to_ascii_lowercase()).unwrap_or_default();
    match end.as_str() {
        "md" => "text/markdown",
        "txt" | "log" => "text/plain",
        "csv" => "text/csv",
        "html" | "htm" => "text/html",
        "json" => "application/json",
        "xml" => "application/xml",
        "pdf" => "application/pdf",
        "png" => "image/png",
        "jpg" | "jpeg" => "image/jpeg",
        "zip" => "application/zip",
        "docx" => super::content::DOCX,
        "xlsx" => super::content::XLSX,
        "pptx" => super::content::PPTX,
        _ => "application/octet-stream",
    }
}

//! Uploads, as Google documents them and its own clients make them: small ones in one request with
//! their metadata, others in a session that takes chunks, says after each how far it got, and can be
//! asked where it stands.

use bytes::Bytes;
use google_drive3::api::File;
use http::header::{CONTENT_LENGTH, CONTENT_RANGE, HeaderName, LOCATION, RANGE};
use http::{Method, StatusCode};
use lockkeeper_http::Semantics;

use super::FILE;
use super::google::Google;
use super::own::{Answered, Asking, JSON, content_type, json, query};
use crate::source::error::SourceError;
use crate::source::hex;

/// The longest answer to an upload.
const LONGEST_ANSWER: u64 = 1024 * 1024;

/// Where content goes.
#[derive(Debug, Clone)]
pub(crate) struct Target {
    /// The file that gets new content; none makes one.
    pub(crate) id: Option<String>,
    /// What else is said of it.
    pub(crate) metadata: File,
    /// The type of what is sent.
    pub(crate) mime: String,
}

/// What a session says.
#[derive(Debug)]
pub(crate) enum Progress {
    /// It has so many bytes.
    Has(u64),
    Done(Box<File>),
    /// It doesn't exist any more.
    Gone,
}

impl Google {
    /// Metadata and content at once.
    pub(crate) async fn upload(
        &self,
        target: &Target,
        content: &[u8],
    ) -> Result<File, SourceError> {
        let mut random = [0; 16];
        getrandom::fill(&mut random).map_err(|_| SourceError::Answer { what: "no randomness" })?;
        let boundary = hex(&random);
        let mut body = Vec::with_capacity(content.len() + 1024);
        body.extend_from_slice(
            format!(
                "--{boundary}\r\ncontent-type: {JSON}\r\n\r\n{}\r\n\
                 --{boundary}\r\ncontent-type: {}\r\n\r\n",
                json(&target.metadata)?,
                target.mime
            )
            .as_bytes(),
        );
        body.extend_from_slice(content);
        body.extend_from_slice(format!("\r\n--{boundary}--\r\n").as_bytes());
        let asking = Asking {
            headers: vec![content_type(&format!("multipart/related; boundary={boundary}"))],
            body: body.into(),
            ..self.beginning(target, "multipart")
        };
        let answered = self.send(asking).await?.succeeded(asked(target)).await?;
        file(answered).await
    }

    /// Begins a session: its address.
    pub(crate) async fn begin_upload(
        &self,
        target: &Target,
        total: u64,
    ) -> Result<String, SourceError> {
        let asking = Asking {
            headers: vec![
                content_type(JSON),
                (HeaderName::from_static("x-upload-content-type"), target.mime.clone()),
                (HeaderName::from_static("x-upload-content-length"), total.to_string()),
            ],
            body: json(&target.metadata)?.into(),
            // A session that nobody goes on with leaves no file.
            semantics: Some(Semantics::Repeatable),
            ..self.beginning(target, "resumable")
        };
        let answered = self.send(asking).await?.succeeded(asked(target)).await?;
        let location = answered.headers.get(LOCATION).and_then(|value| value.to_str().ok());
        let location =
            location.ok_or(SourceError::Answer { what: "an upload without an address" })?;
        // The token goes there, and an upstream that lies must not choose where to.
        if !location.starts_with(&format!("{}/", self.root)) {
            return Err(SourceError::Answer { what: "an upload's address is elsewhere" });
        }
        Ok(location.to_owned())
    }

    /// Sends the bytes from `from` on.
    pub(crate) async fn send_chunk(
        &self,
        session: &str,
        chunk: Bytes,
        (from, total): (u64, u64),
    ) -> Result<Progress, SourceError> {
        let last = (from + chunk.len() as u64).saturating_sub(1);
        self.put(session, chunk, format!("bytes {from}-{last}/{total}")).await
    }

    /// Asks a session where it stands.
    pub(crate) async fn probe(&self, session: &str, total: u64) -> Result<Progress, SourceError> {
        self.put(session, Bytes::new(), format!("bytes */{total}")).await
    }

    async fn put(
        &self,
        session: &str,
        body: Bytes,
        range: String,
    ) -> Result<Progress, SourceError> {
        let is_probe = body.is_empty();
        let mut headers = vec![(CONTENT_RANGE, range)];
        if is_probe {
            headers.push((CONTENT_LENGTH, "0".to_owned()));
        }
        let asking = Asking {
            method: Method::PUT,
            address: session.to_owned(),
            headers,
            body,
            // A chunk of which a part was taken must go on from there: it is never sent again as it
            // was. A question can be.
            semantics: Some(if is_probe { Semantics::Repeatable } else { Semantics::Once }),
            streamed: false,
        };
        let answered = self.send(asking).await?;
        match answered.status {
            StatusCode::PERMANENT_REDIRECT => Ok(Progress::Has(taken(&answered))),
            StatusCode::NOT_FOUND | StatusCode::GONE => Ok(Progress::Gone),
            _ => Ok(Progress::Done(Box::new(file(answered.succeeded("the upload").await?).await?))),
        }
    }

    fn beginning(&self, target: &Target, kind: &str) -> Asking {
        let (method, place) = match &target.id {
            Some(id) => (Method::PATCH, format!("/{id}")),
            None => (Method::POST, String::new()),
        };
        let query = query(&[("uploadType", kind), ("supportsAllDrives", "true"), ("fields", FILE)]);
        Asking {
            method,
            address: format!("{}/upload/drive/v3/files{place}?{query}", self.root),
            headers: Vec::new(),
            body: Bytes::new(),
            semantics: Some(Semantics::Once),
            streamed: false,
        }
    }
}

/// How much a session has. Without a `Range` that is nothing.
fn taken(answered: &Answered) -> u64 {
    let range = answered.headers.get(RANGE).and_then(|value| value.to_str().ok());
    let last =
        range.and_then(|range| range.strip_prefix("bytes=")?.split_once('-')?.1.parse().ok());
    last.map_or(0, |last: u64| last.saturating_add(1))
}

fn asked(target: &Target) -> &str {
    target.id.as_deref().unwrap_or("the folder")
}

async fn file(answered: Answered) -> Result<File, SourceError> {
    let body = answered.whole(LONGEST_ANSWER).await?;
    serde_json::from_slice(&body).map_err(|_| SourceError::Answer { what: "it is no file" })
}

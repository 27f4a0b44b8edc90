//! One request and its answer, and the requests that bring content: by ranges, by export, and as values
//! of spreadsheets.

use bytes::Bytes;
use http::header::{AUTHORIZATION, CONTENT_RANGE, CONTENT_TYPE, RANGE};
use http::{HeaderMap, HeaderValue, Method, StatusCode};
use http_body_util::BodyExt as _;
use lockkeeper_http::{Body, MaxBody, Semantics, Streamed, Unfollowed};
use lockkeeper_oauth::Token;
use serde::Serialize;
use serde_json::Value;
use tower::Service as _;

use super::google::Google;
use crate::source::error::SourceError;

/// The longest error that is read.
const LONGEST_ERROR: usize = 64 * 1024;

/// The longest export and the longest answer of the spreadsheet service. Google's own limit for
/// exports is 10 MB.
const LONGEST_WHOLE: u64 = 32 * 1024 * 1024;

/// A piece of a file's content: from this byte, up to before this one.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Range {
    pub(crate) from: u64,
    pub(crate) to: Option<u64>,
}

/// An answer whose body is still to be read.
pub(crate) struct Answered {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    body: Body,
}

impl Answered {
    /// The next piece of the body; none at its end.
    pub(crate) async fn next(&mut self) -> Result<Option<Bytes>, SourceError> {
        while let Some(frame) = self.body.frame().await {
            if let Ok(data) = frame?.into_data() {
                return Ok(Some(data));
            }
        }
        Ok(None)
    }

    /// All of the body.
    pub(crate) async fn whole(self, most: u64) -> Result<Bytes, SourceError> {
        Ok(self.body.collect(usize::try_from(most).unwrap_or(usize::MAX)).await?)
    }

    /// Where the body begins in the content: what was asked for, or 0 if ranges are not understood.
    pub(crate) fn begins(&self) -> u64 {
        if self.status != StatusCode::PARTIAL_CONTENT {
            return 0;
        }
        let range = self.headers.get(CONTENT_RANGE).and_then(|value| value.to_str().ok());
        let from = range.and_then(|range| range.strip_prefix("bytes ")?.split('-').next());
        from.and_then(|from| from.parse().ok()).unwrap_or(0)
    }

    /// An error if the status is no success.
    pub(super) async fn succeeded(self, asked: &str) -> Result<Self, SourceError> {
        if self.status.is_success() {
            return Ok(self);
        }
        let status = self.status;
        let body = self.body.collect(LONGEST_ERROR).await.unwrap_or_default();
        Err(SourceError::of_body(status, &body, asked))
    }
}

/// One request of our own.
#[derive(Clone)]
pub(super) struct Asking {
    pub(super) method: Method,
    pub(super) address: String,
    pub(super) headers: Vec<(http::HeaderName, String)>,
    pub(super) body: Bytes,
    pub(super) semantics: Option<Semantics>,
    pub(super) streamed: bool,
}

impl Asking {
    fn get(address: String) -> Self {
        Self {
            method: Method::GET,
            address,
            headers: Vec::new(),
            body: Bytes::new(),
            semantics: None,
            streamed: false,
        }
    }
}

impl Google {
    /// A part of a file's content, or of an older revision's.
    pub(crate) async fn content(
        &self,
        id: &str,
        revision: Option<&str>,
        range: Option<Range>,
    ) -> Result<Answered, SourceError> {
        let place = match revision {
            Some(revision) => format!("files/{id}/revisions/{revision}?alt=media"),
            None => format!("files/{id}?alt=media&supportsAllDrives=true"),
        };
        let mut asking = Asking::get(format!("{}/drive/v3/{place}", self.root));
        asking.streamed = true;
        if let Some(Range { from, to }) = range {
            let last = to.map(|to| to.saturating_sub(1).to_string()).unwrap_or_default();
            asking.headers.push((RANGE, format!("bytes={from}-{last}")));
        }
        let answered = self.send(asking).await?;
        if answered.status == StatusCode::RANGE_NOT_SATISFIABLE {
            return Ok(Answered { body: Body::empty(), ..answered });
        }
        answered.succeeded(id).await
    }

    /// A file of Google's own types in another form.
    pub(crate) async fn export(&self, id: &str, mime: &str) -> Result<Answered, SourceError> {
        let query = query(&[("mimeType", mime)]);
        let mut asking = Asking::get(format!("{}/drive/v3/files/{id}/export?{query}", self.root));
        asking.streamed = true;
        self.send(asking).await?.succeeded(id).await
    }

    /// The longest that is taken as a whole.
    pub(crate) const fn longest_whole() -> u64 {
        LONGEST_WHOLE
    }

    /// What the spreadsheet service says at `place`, beneath the spreadsheet.
    pub(crate) async fn sheets(
        &self,
        id: &str,
        place: &str,
        parameters: &[(&str, &str)],
    ) -> Result<Value, SourceError> {
        let query = query(parameters);
        let address = format!("{}/v4/spreadsheets/{id}{place}?{query}", self.sheets);
        let answered = self.send(Asking::get(address)).await?.succeeded(id).await?;
        let body = answered.whole(LONGEST_WHOLE).await?;
        serde_json::from_slice(&body).map_err(|_| SourceError::Answer { what: "it is not JSON" })
    }

    /// Sends a request; once more with another token, if Google doesn't know the first.
    pub(super) async fn send(&self, asking: Asking) -> Result<Answered, SourceError> {
        let token = self.tokens.token().await?;
        let answered = self.send_with(&asking, &token).await?;
        if answered.status != StatusCode::UNAUTHORIZED {
            return Ok(answered);
        }
        let token = self.tokens.another(&token).await?;
        self.send_with(&asking, &token).await
    }

    async fn send_with(&self, asking: &Asking, token: &Token) -> Result<Answered, SourceError> {
        let invalid = |_| SourceError::argument("the arguments make no address");
        let mut request = http::Request::builder()
            .method(asking.method.clone())
            .uri(&asking.address)
            .body(Body::from(asking.body.clone()))
            .map_err(invalid)?;
        let headers = request.headers_mut();
        let mut authorization = HeaderValue::try_from(format!("Bearer {}", token.expose()))
            .map_err(|_| SourceError::Unauthorized)?;
        authorization.set_sensitive(true);
        headers.insert(AUTHORIZATION, authorization);
        for (name, value) in &asking.headers {
            let value = HeaderValue::try_from(value.as_str());
            headers
                .insert(name, value.map_err(|_| SourceError::argument("no header can hold this"))?);
        }
        let extensions = request.extensions_mut();
        if asking.method != Method::GET {
            // 308 is how an upload says "go on".
            extensions.insert(Unfollowed);
        }
        if let Some(semantics) = asking.semantics {
            extensions.insert(semantics);
        }
        if asking.streamed {
            extensions.insert(Streamed);
            extensions.insert(MaxBody(u64::MAX));
        }
        // It is always ready.
        let response = self.http.clone().call(request).await?;
        let (parts, body) = response.into_parts();
        Ok(Answered { status: parts.status, headers: parts.headers, body })
    }
}

/// The type of what is said about files.
pub(super) const JSON: &str = "application/json; charset=utf-8";

/// What is said about a file, without what isn't: Drive refuses fields that it doesn't let be changed,
/// also if they are null.
pub(super) fn json(said: &impl Serialize) -> Result<String, SourceError> {
    let mut value = serde_json::to_value(said)
        .map_err(|_| SourceError::argument("that can't be said of a file"))?;
    strip(&mut value);
    Ok(value.to_string())
}

fn strip(value: &mut Value) {
    if let Value::Object(fields) = value {
        fields.retain(|_, value| !value.is_null());
        fields.values_mut().for_each(strip);
    }
}

/// Parameters of an address.
pub(super) fn query(parameters: &[(&str, &str)]) -> String {
    form_urlencoded::Serializer::new(String::new()).extend_pairs(parameters).finish()
}

/// The type of a body.
pub(super) fn content_type(mime: &str) -> (http::HeaderName, String) {
    (CONTENT_TYPE, mime.to_owned())
}

//! One request to GitHub and its answer: octocrab as the transport over lockkeeper-http, our own
//! headers, errors and addresses. Nothing here decides whether a request may be made.

use std::sync::{Arc, OnceLock};

use bytes::Bytes;
use http::header::{
    ACCEPT, AUTHORIZATION, CONTENT_TYPE, IF_NONE_MATCH, LINK, LOCATION, RANGE, USER_AGENT,
};
use http::{HeaderMap, HeaderValue, Method, StatusCode};
use http_body_util::BodyExt as _;
use http_body_util::combinators::BoxBody;
use lockkeeper_core::{
    Credentials, Environment, Reach, Secret, StartError, ToolError, percent_decode,
};
use lockkeeper_http::{
    Cache, CacheSettings, Http, HttpError, MaxBody, Quota, Semantics, Streamed, Unfollowed,
};
use octocrab::{AuthState, Octocrab, OctocrabBuilder};
use serde_json::Value;

use super::app::{App, Installed};
use super::error::SourceError;
use super::route::Route;
use crate::config::Host;

/// The version of the REST interface.
const VERSION: &str = "2022-11-28";

/// The longest log or artifact that is read, bytes.
const LONGEST_STREAM: u64 = 1 << 30;

/// An answer as JSON.
#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) value: Value,
    pub(crate) headers: HeaderMap,
    /// Whether there is a next page.
    pub(crate) has_next: bool,
    /// Where it begins, of lists that have no numbered pages.
    pub(crate) after: Option<String>,
}

/// The body of an answer that is read piece by piece.
pub(crate) struct Stream(BoxBody<Bytes, octocrab::Error>);

impl Stream {
    /// The next piece; none at the end.
    pub(crate) async fn next(&mut self) -> Result<Option<Bytes>, SourceError> {
        while let Some(frame) = self.0.frame().await {
            if let Ok(data) = frame.map_err(failed)?.into_data() {
                return Ok(Some(data));
            }
        }
        Ok(None)
    }
}

/// What a request is, beside its route.
#[derive(Debug, Clone, Default)]
pub(super) struct Call {
    pub(super) method: Method,
    pub(super) accept: Option<&'static str>,
    pub(super) body: Option<Value>,
    pub(super) semantics: Option<Semantics>,
    pub(super) quota: Option<Quota>,
    /// Its body is bulk that may lie elsewhere: redirects are followed to the hosts of the settings,
    /// without the token.
    pub(super) streamed: bool,
    pub(super) from_byte: Option<u64>,
}

/// A client for one GitHub.
pub(super) struct Client {
    host: Host,
    http: Http,
    credential: Credentials,
    /// In whose name, if it isn't that of a token.
    app: Option<App>,
    octocrab: OnceLock<Octocrab>,
}

impl Client {
    pub(super) fn new(
        host: Host,
        app: Option<(String, Option<u64>)>,
        environment: &Environment,
    ) -> Result<Self, StartError> {
        let failed = |error: lockkeeper_http::DestinationError| StartError::new(error.to_string());
        let mut builder = Http::builder(environment.upstream("github"), &environment.network);
        builder = if host.is_named {
            builder.named_host(&host.origin).map_err(failed)?
        } else {
            builder.host(&host.origin).map_err(failed)?
        };
        for store in host.stores {
            builder = builder.host(store).map_err(failed)?;
        }
        // Which principal an answer is for is part of the cache's own key: the credential's header.
        let cache = Cache::new(CacheSettings::default());
        let http = builder.cache(cache, [0; 32]).build();
        let credential = environment.credential.clone();
        let app = app.map(|(id, installation)| App::new(id, installation, credential.clone()));
        Ok(Self { host, http, credential, app, octocrab: OnceLock::new() })
    }

    pub(super) fn reach(&self) -> Reach {
        self.http.reach().clone()
    }

    pub(super) fn host(&self) -> &Host {
        &self.host
    }

    /// JSON for JSON.
    pub(super) async fn json(&self, route: &Route, call: Call) -> Result<Reply, SourceError> {
        let uri = route.uri(&self.host.rest);
        let (headers, body) = self.whole(&uri, call, route.asked()).await?;
        let link = headers.get(LINK).and_then(|link| link.to_str().ok()).unwrap_or_default();
        let next = next(link);
        let (has_next, after) = (next.is_some(), next.and_then(after));
        let value = if body.is_empty() {
            Value::Null
        } else {
            serde_json::from_slice(&body)
                .map_err(|error| SourceError::answer(format!("no JSON: {error}")))?
        };
        Ok(Reply { value, headers, has_next, after })
    }

    /// One document to GraphQL's address.
    pub(super) async fn graphql(
        &self,
        body: Value,
        semantics: Semantics,
    ) -> Result<Value, SourceError> {
        let call = Call {
            method: Method::POST,
            body: Some(body),
            semantics: Some(semantics),
            quota: Some(Quota("graphql")),
            ..Call::default()
        };
        let (_, body) = self.whole(&self.host.graphql, call, "graphql").await?;
        serde_json::from_slice(&body)
            .map_err(|error| SourceError::answer(format!("no JSON: {error}")))
    }

    /// The whole body of a success.
    pub(super) async fn bytes(
        &self,
        route: &Route,
        call: Call,
    ) -> Result<(HeaderMap, Bytes), SourceError> {
        self.whole(&route.uri(&self.host.rest), call, route.asked()).await
    }

    /// A body that is read piece by piece.
    pub(super) async fn stream(&self, route: &Route, call: Call) -> Result<Stream, SourceError> {
        let uri = route.uri(&self.host.rest);
        let response = self.send(&uri, &Call { streamed: true, ..call }).await?;
        if response.status().is_success() {
            return Ok(Stream(response.into_body()));
        }
        let (parts, body) = response.into_parts();
        let body = body.collect().await.map_err(failed)?.to_bytes();
        Err(SourceError::of(parts.status, &parts.headers, &body, route.asked()))
    }

    /// Where an answer says that something is now.
    pub(super) async fn moved_to(&self, route: &Route) -> Result<Option<u64>, SourceError> {
        let response = self.send(&route.uri(&self.host.rest), &Call::default()).await?;
        if !response.status().is_redirection() {
            return Ok(None);
        }
        let location = response.headers().get(LOCATION).and_then(|location| location.to_str().ok());
        let path = location.and_then(|location| location.strip_prefix(&self.host.rest));
        let id = path.and_then(|path| path.strip_prefix("/repositories/"));
        Ok(id.and_then(|id| id.parse().ok()))
    }

    async fn whole(
        &self,
        uri: &str,
        call: Call,
        asked: &str,
    ) -> Result<(HeaderMap, Bytes), SourceError> {
        let response = self.send(uri, &call).await?;
        let (parts, body) = response.into_parts();
        let body = body.collect().await.map_err(failed)?.to_bytes();
        if !parts.status.is_success() {
            return Err(SourceError::of(parts.status, &parts.headers, &body, asked));
        }
        Ok((parts.headers, body))
    }

    /// Sends it; once more with a renewed token, if GitHub no longer takes the one that was kept.
    async fn send(
        &self,
        uri: &str,
        call: &Call,
    ) -> Result<http::Response<BoxBody<Bytes, octocrab::Error>>, SourceError> {
        let token = self.token().await?;
        let response = self.send_with(uri, call, &token).await?;
        if response.status() != StatusCode::UNAUTHORIZED {
            return Ok(response);
        }
        match &self.app {
            Some(app) => app.forget(&token).await,
            None => self.credential.forget().await,
        }
        let renewed = self.token().await?;
        if renewed.expose() == token.expose() {
            return Ok(response);
        }
        self.send_with(uri, call, &renewed).await
    }

    async fn token(&self) -> Result<Arc<Secret<String>>, SourceError> {
        match &self.app {
            Some(app) => app.token(self).await,
            None => self.credential.resolve().await.map_err(SourceError::Credential),
        }
    }

    /// The App in whose name it asks, and what its installation may do.
    pub(super) async fn installed(&self) -> Option<(&str, Result<Installed, SourceError>)> {
        let app = self.app.as_ref()?;
        Some((app.id(), app.installed(self).await))
    }

    /// JSON for an App, which this signed claim is of.
    pub(super) async fn as_app(
        &self,
        route: &Route,
        call: Call,
        claim: &Secret<String>,
    ) -> Result<(HeaderMap, Value), SourceError> {
        let response = self.send_with(&route.uri(&self.host.rest), &call, claim).await?;
        let (parts, body) = response.into_parts();
        let body = body.collect().await.map_err(failed)?.to_bytes();
        if matches!(parts.status, StatusCode::UNAUTHORIZED | StatusCode::NOT_FOUND) {
            return Err(SourceError::Credential(
                ToolError::new(
                    "bad_credential",
                    "GitHub knows no App with this id, key and installation",
                )
                .hint("ask the user to run this server's `check`, which says what is wrong"),
            ));
        }
        if !parts.status.is_success() {
            return Err(SourceError::of(parts.status, &parts.headers, &body, route.asked()));
        }
        let value = serde_json::from_slice(&body)
            .map_err(|error| SourceError::answer(format!("no JSON: {error}")))?;
        Ok((parts.headers, value))
    }

    async fn send_with(
        &self,
        uri: &str,
        call: &Call,
        token: &Secret<String>,
    ) -> Result<http::Response<BoxBody<Bytes, octocrab::Error>>, SourceError> {
        let body = call.body.as_ref().map(Value::to_string).unwrap_or_default();
        let mut request = http::Request::builder()
            .method(call.method.clone())
            .uri(uri)
            .body(body)
            .map_err(|_| SourceError::argument("the arguments make no address"))?;
        let headers = request.headers_mut();
        let mut authorization = HeaderValue::try_from(format!("Bearer {}", token.expose().trim()))
            .map_err(|_| SourceError::Credential(no_token()))?;
        authorization.set_sensitive(true);
        headers.insert(AUTHORIZATION, authorization);
        let accept = call.accept.unwrap_or("application/vnd.github+json");
        headers.insert(ACCEPT, HeaderValue::from_static(accept));
        headers.insert("x-github-api-version", HeaderValue::from_static(VERSION));
        let agent = concat!("lockkeeper-github/", env!("CARGO_PKG_VERSION"));
        headers.insert(USER_AGENT, HeaderValue::from_static(agent));
        if call.body.is_some() {
            headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        }
        if let Some(from) = call.from_byte
            && let Ok(range) = HeaderValue::try_from(format!("bytes={from}-"))
        {
            headers.insert(RANGE, range);
        }
        debug_assert!(!headers.contains_key(IF_NONE_MATCH), "the cache revalidates");
        let extensions = request.extensions_mut();
        if let Some(semantics) = call.semantics {
            extensions.insert(semantics);
        }
        if let Some(quota) = call.quota {
            extensions.insert(quota);
        }
        if call.streamed {
            extensions.insert(Streamed);
            extensions.insert(MaxBody(LONGEST_STREAM));
        } else {
            extensions.insert(Unfollowed);
        }
        self.octocrab().execute(request).await.map_err(failed)
    }

    /// Made with the first request: it starts a task, and so needs the runtime.
    fn octocrab(&self) -> &Octocrab {
        self.octocrab.get_or_init(|| {
            let builder = OctocrabBuilder::new_empty().with_service(self.http.clone());
            match builder.with_auth(AuthState::None).build() {
                Ok(octocrab) => octocrab,
                Err(never) => match never {},
            }
        })
    }
}

fn no_token() -> ToolError {
    ToolError::new("no_credential", "the token holds characters that no token has")
        .hint("ask the user to run this server's `check`, which says what is wrong")
}

/// What octocrab makes of an error of the stack below it holds that error.
#[expect(clippy::needless_pass_by_value, reason = "the shape of `map_err`")]
fn failed(error: octocrab::Error) -> SourceError {
    match HttpError::find(&error) {
        Some(error) => SourceError::Http(error.clone()),
        None => SourceError::answer("it can't be read"),
    }
}

/// The next page in a `Link` header (RFC 8288).
fn next(link: &str) -> Option<&str> {
    let is_next = |one: &&str| one.split(';').skip(1).any(|p| p.trim() == "rel=\"next\"");
    link.split(',').find(is_next)?.split(';').next()
}

/// Where a page begins by its own cursor.
fn after(page: &str) -> Option<String> {
    let (_, query) = page.trim().trim_end_matches('>').split_once('?')?;
    let after = query.split('&').find_map(|pair| pair.strip_prefix("after="))?;
    percent_decode(after)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_next_page_is_found_in_its_header() {
        let numbered = "<https://h/x?page=1>; rel=\"prev\", <https://h/x?page=3>; rel=\"next\"";
        assert_eq!(next(numbered).map(str::trim), Some("<https://h/x?page=3>"));
        assert_eq!(next(numbered).and_then(after), None);
        let walked = "<https://h/x?per_page=2&after=Y3Vyc29y%3D%3D>; rel=\"next\"";
        assert_eq!(next(walked).and_then(after).as_deref(), Some("Y3Vyc29y=="));
        assert_eq!(next("<https://h/x?page=1>; rel=\"prev\""), None);
    }
}

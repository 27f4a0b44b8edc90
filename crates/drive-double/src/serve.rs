//! The life of a request: logged, held against Google's documents, failed on purpose or done, and its
//! answer held against the documents too.

mod failing;
mod media;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::body::{Body, Bytes};
use axum::extract::{Request, State};
use axum::http::request::Parts;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::Response;
use futures_util::StreamExt as _;
use serde_json::Value;

use crate::api;
use crate::call::{Answer, Call, Caller};
use crate::content::{Content, Incoming};
use crate::control::control;
use crate::discovery::{Asked, Discovery, Problem, pairs};
use crate::error::{ApiError, Said};
use crate::fault::Faults;
use crate::log::Seen;
use crate::mask::Mask;
use crate::oauth::{self, Granted};
use crate::session;
use crate::upload::parts;
use crate::world::World;

use self::media::media;

pub(crate) use self::failing::{after, before};

/// The largest body that is read as a whole.
const MOST: usize = 64 * 1024 * 1024;

/// How much of a body the log keeps.
const LOGGED: usize = 64 * 1024;

/// What all requests work with.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) world: Mutex<World>,
    pub(crate) faults: Mutex<Faults>,
    pub(crate) log: Mutex<Vec<Seen>>,
    pub(crate) violations: Mutex<Vec<String>>,
    /// Those that ended have nothing.
    pub(crate) sessions: Mutex<BTreeMap<String, Option<crate::upload::Shared>>>,
}

impl Shared {
    pub(crate) fn new(world: World) -> Self {
        Self {
            world: Mutex::new(world),
            faults: Mutex::default(),
            log: Mutex::default(),
            violations: Mutex::default(),
            sessions: Mutex::default(),
        }
    }

    pub(crate) fn violated(&self, what: String) {
        locked(&self.violations).push(what);
    }

    pub(crate) fn note(&self, number: usize, change: impl FnOnce(&mut Seen)) {
        if let Some(seen) = locked(&self.log).get_mut(number) {
            change(seen);
        }
    }
}

pub(crate) fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Answers one request.
pub(crate) async fn serve(State(shared): State<Arc<Shared>>, request: Request) -> Response {
    let (head, body) = request.into_parts();
    let path = head.uri.path().to_owned();
    if let Some(what) = path.strip_prefix("/__double/") {
        let body = axum::body::to_bytes(body, MOST).await.unwrap_or_default();
        return control(&shared, head.method.as_str(), what, &body);
    }
    let number = enter(&shared, &head);
    let response = match account(&path) {
        Some(id) => accounts(&shared, number, id, &head, body).await,
        None => method(&shared, number, &head, body).await,
    };
    let status = response.status().as_u16();
    shared.note(number, |seen| seen.status = status);
    response
}

/// Puts a request into the log, and says where.
fn enter(shared: &Shared, head: &Parts) -> usize {
    let headers = head.headers.iter();
    let text = |value: &axum::http::HeaderValue| String::from_utf8_lossy(value.as_bytes()).into();
    let seen = Seen {
        verb: head.method.to_string(),
        path: head.uri.path().to_owned(),
        query: pairs(head.uri.query().unwrap_or_default()).unwrap_or_default(),
        headers: headers.map(|(name, value)| (name.to_string(), text(value))).collect(),
        ..Seen::default()
    };
    let mut log = locked(&shared.log);
    log.push(seen);
    log.len() - 1
}

/// What an endpoint of Google's accounts is called in the log.
fn account(path: &str) -> Option<&'static str> {
    Some(match path {
        "/token" => "oauth.token",
        "/auth" | "/o/oauth2/auth" | "/o/oauth2/v2/auth" => "oauth.auth",
        "/revoke" => "oauth.revoke",
        "/device/code" => "oauth.device",
        "/v1/token" => "oauth.exchange",
        path if path.ends_with(":generateAccessToken") => "oauth.impersonate",
        path if path.starts_with("/computeMetadata/") => "oauth.metadata",
        _ => return None,
    })
}

async fn accounts(
    shared: &Shared,
    number: usize,
    id: &'static str,
    head: &Parts,
    body: Body,
) -> Response {
    shared.note(number, |seen| id.clone_into(&mut seen.id));
    let body = whole(shared, number, body).await;
    let fault = locked(&shared.faults).decide(id);
    let refused = before(fault.as_ref(), id).await;
    if let Some(error) = refused {
        return refusal(error);
    }
    let query = pairs(head.uri.query().unwrap_or_default()).unwrap_or_default();
    let form = pairs(&String::from_utf8_lossy(&body)).unwrap_or_default();
    let path = head.uri.path();
    let granted = {
        let mut world = locked(&shared.world);
        match id {
            "oauth.auth" => oauth::consent(&mut world, &query),
            "oauth.revoke" => {
                oauth::revoke(&mut world, if form.is_empty() { &query } else { &form })
            }
            "oauth.device" => oauth::device(&mut world, &form),
            "oauth.exchange" => oauth::exchange(&mut world, &form),
            "oauth.metadata" => {
                oauth::metadata(&mut world, path, &query, text(&head.headers, "metadata-flavor"))
            }
            "oauth.impersonate" => {
                let name = path.rsplit('/').next().unwrap_or_default();
                let email = name.trim_end_matches(":generateAccessToken").replace("%40", "@");
                let body = serde_json::from_slice(&body).unwrap_or(Value::Null);
                let bearer = bearer(&head.headers).unwrap_or_default();
                oauth::impersonate(&mut world, &email, &body, bearer)
            }
            _ => {
                let host = text(&head.headers, "host").unwrap_or_default();
                oauth::token(&mut world, &form, &format!("http://{host}/token"))
            }
        }
    };
    let response = match granted {
        Granted::Json(status, value) => json_response(status, &value),
        Granted::Text(status, text) => refusal(ApiError::text(status, &text)),
        Granted::Redirect(to) => {
            let mut response = refusal(ApiError::text(302, ""));
            if let Ok(to) = to.parse() {
                response.headers_mut().insert(header::LOCATION, to);
            }
            response
        }
    };
    after(fault.as_ref(), response)
}

async fn method(shared: &Arc<Shared>, number: usize, head: &Parts, body: Body) -> Response {
    let (verb, path) = (head.method.as_str(), head.uri.path());
    let asked = Discovery::get().request(verb, path, head.uri.query().unwrap_or_default());
    let asked = match asked {
        Ok(asked) => asked,
        Err(Problem::NoMethod(why)) => {
            shared.violated(why);
            return refusal(ApiError::text(404, "Not Found"));
        }
        Err(Problem::Parameter(name, why)) => {
            shared.violated(format!("{verb} {path}: {why}"));
            return refusal(ApiError::at(400, "invalid", &why, Some((&name, "parameter"))));
        }
    };
    if let Some((_, id)) = asked.query.iter().find(|(name, _)| name == "upload_id") {
        return session::serve(shared, number, id, head, body).await;
    }
    let id = asked.method.id.clone();
    shared.note(number, |seen| seen.id.clone_from(&id));
    let fault = locked(&shared.faults).decide(&id);
    if let Some(error) = before(fault.as_ref(), &id).await {
        whole(shared, number, body).await;
        return refusal(error);
    }
    let response = match done(shared, number, asked, head, body).await {
        Ok(response) => response,
        Err(error) => refusal(error),
    };
    after(fault.as_ref(), response)
}

/// Does what is asked, after everything that holds for all methods was checked.
async fn done(
    shared: &Arc<Shared>,
    number: usize,
    asked: Asked<'static>,
    head: &Parts,
    body: Body,
) -> Result<Response, ApiError> {
    let method = asked.method;
    let caller = admitted(shared, &asked, head)?;
    let fields = asked.query.iter().find(|(name, _)| name == "fields");
    let is_content = asked.query.iter().any(|(name, value)| name == "alt" && value == "media");
    let mask = if is_content {
        Mask::All
    } else {
        api::mask(method, fields.map(|(_, value)| value.as_str()))?
    };
    let mut call = Call {
        method,
        path: asked.path,
        query: asked.query,
        caller,
        body: serde_json::Map::new(),
        upload: None,
        mask,
    };
    let kind = text(&head.headers, "content-type").unwrap_or_default().to_owned();
    let upload = call.parameter("uploadType").filter(|_| asked.is_upload).map(str::to_owned);
    match upload.as_deref() {
        Some("media") => {
            let mut incoming = Incoming::default();
            let mut pieces = body.into_data_stream();
            while let Some(piece) = pieces.next().await {
                let piece = piece.map_err(|_| ApiError::text(400, "The body broke off."))?;
                incoming.push(&piece);
                shared.note(number, |seen| seen.received += piece.len() as u64);
            }
            let kind = Some(kind).filter(|kind| !kind.is_empty());
            call.upload = Some((incoming.finish(), kind));
        }
        Some("multipart") => {
            let body = whole(shared, number, body).await;
            let parts = parts(&kind, &body);
            let malformed = || ApiError::new(400, "badRequest", "Malformed multipart body.");
            let (metadata, content, kind) = parts.ok_or_else(malformed)?;
            call.body = checked(shared, method, Value::Object(metadata))?;
            call.upload = Some((Content::kept(content), kind));
        }
        Some("resumable") => {
            let body = whole(shared, number, body).await;
            call.body = json_body(shared, method, &body)?;
            return session::begin(shared, call, head);
        }
        _ if asked.is_upload => {
            let message = "uploadType is media, multipart or resumable";
            return Err(ApiError::parameter("uploadType", message));
        }
        _ => {
            let body = whole(shared, number, body).await;
            call.body = json_body(shared, method, &body)?;
        }
    }
    answered(shared, &call, text(&head.headers, "range"), None)
}

/// Who asks, if their token is good for this method.
fn admitted(shared: &Shared, asked: &Asked<'_>, head: &Parts) -> Result<Caller, ApiError> {
    let method = asked.method;
    let world = locked(&shared.world);
    let parameter = asked.query.iter().find(|(name, _)| name == "access_token");
    let token = bearer(&head.headers).or(parameter.map(|(_, token)| token.as_str()));
    let caller = token.and_then(|token| world.caller(token)).ok_or_else(ApiError::no_token)?;
    let service = Discovery::get().services().iter().find(|one| one.name == method.service);
    let host = match service {
        Some(service) if service.host == "www.googleapis.com" => "drive.googleapis.com",
        Some(service) => service.host.as_str(),
        None => "",
    };
    if world.settings.disabled.contains(host) {
        return Err(ApiError::disabled(host));
    }
    if !method.allows(&caller.scopes) {
        return Err(ApiError::no_scope(host, &method.id, &method.scopes));
    }
    Ok(caller)
}

/// The answer to a call whose body is there, of which `keep` gets a copy. Content is
/// answered in the range that is asked for.
pub(crate) fn answered(
    shared: &Shared,
    call: &Call,
    range: Option<&str>,
    keep: Option<&mut Option<Value>>,
) -> Result<Response, ApiError> {
    let answer = api::answer(&mut locked(&shared.world), call)?;
    Ok(match answer {
        Answer::Json(value) => {
            let value = call.mask.apply(value);
            for problem in Discovery::get().response_body(call.method, &value) {
                shared.violated(format!("the double itself: {problem}"));
            }
            let response = json_response(200, &value);
            if let Some(keep) = keep {
                *keep = Some(value);
            }
            response
        }
        Answer::Empty => build(204, HeaderMap::new(), Body::empty()),
        Answer::Content(content, kind, in_parts) => {
            media(&content, &kind, range.filter(|_| in_parts))?
        }
    })
}

/// A body as a whole, into the log too.
pub(crate) async fn whole(shared: &Shared, number: usize, body: Body) -> Bytes {
    let bytes = axum::body::to_bytes(body, MOST).await.unwrap_or_default();
    shared.note(number, |seen| {
        seen.received = bytes.len() as u64;
        seen.body = bytes.slice(..bytes.len().min(LOGGED));
    });
    bytes
}

fn json_body(
    shared: &Shared,
    method: &'static crate::discovery::Method,
    body: &[u8],
) -> Result<serde_json::Map<String, Value>, ApiError> {
    if body.is_empty() {
        return Ok(serde_json::Map::new());
    }
    let malformed = || ApiError::new(400, "parseError", "Parse Error");
    checked(shared, method, serde_json::from_slice(body).map_err(|_| malformed())?)
}

/// A request's JSON, if it is what the method takes.
fn checked(
    shared: &Shared,
    method: &'static crate::discovery::Method,
    value: Value,
) -> Result<serde_json::Map<String, Value>, ApiError> {
    let problems = Discovery::get().request_body(method, &value);
    if let Some(problem) = problems.first() {
        let message = format!("Invalid JSON payload received. {problem}");
        for problem in &problems {
            shared.violated(problem.clone());
        }
        return Err(ApiError::new(400, "invalid", &message));
    }
    match value {
        Value::Object(fields) => Ok(fields),
        _ => Err(ApiError::new(400, "parseError", "Parse Error")),
    }
}

pub(crate) fn text<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name)?.to_str().ok()
}

fn bearer(headers: &HeaderMap) -> Option<&str> {
    text(headers, "authorization")?.strip_prefix("Bearer ")
}

pub(crate) fn json_response(status: u16, value: &Value) -> Response {
    let mut headers = HeaderMap::new();
    let kind = axum::http::HeaderValue::from_static("application/json; charset=UTF-8");
    headers.insert(header::CONTENT_TYPE, kind);
    build(status, headers, Body::from(value.to_string()))
}

pub(crate) fn refusal(error: ApiError) -> Response {
    let mut response = match error.body {
        Said::Json(value) => json_response(error.status, &value),
        Said::Text(text) => build(error.status, HeaderMap::new(), Body::from(text)),
    };
    for (name, value) in error.headers {
        if let Ok(value) = value.parse() {
            response.headers_mut().insert(name, value);
        }
    }
    response
}

pub(crate) fn build(status: u16, headers: HeaderMap, body: Body) -> Response {
    let mut response = Response::new(body);
    *response.status_mut() = StatusCode::from_u16(status).unwrap_or(StatusCode::IM_A_TEAPOT);
    *response.headers_mut() = headers;
    response
}

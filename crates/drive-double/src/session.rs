//! Requests to upload sessions: begun by a POST or PATCH, filled by PUTs, ended by a DELETE. The address
//! of a session is all that it takes to fill it.

use std::sync::Arc;

use axum::body::Body;
use axum::http::request::Parts;
use axum::http::{HeaderMap, header};
use axum::response::Response;
use futures_util::StreamExt as _;
use tokio::sync::Mutex;

use crate::api;
use crate::call::Call;
use crate::error::ApiError;
use crate::fault::Act;
use crate::serve::{
    Shared, after, answered, before, build, json_response, locked, refusal, text, whole,
};
use crate::upload::{ChunkRange, GRAIN, Session};

/// Makes a session, after everything was checked that can be before the content comes.
pub(crate) fn begin(shared: &Shared, call: Call, head: &Parts) -> Result<Response, ApiError> {
    let kind = text(&head.headers, "x-upload-content-type").map(str::to_owned);
    let total = match text(&head.headers, "x-upload-content-length") {
        Some(text) => Some(text.parse().map_err(|_| {
            ApiError::new(400, "badRequest", "X-Upload-Content-Length is no number")
        })?),
        None => None,
    };
    let id = {
        let mut world = locked(&shared.world);
        api::admit(&world, &call)?;
        world.word(40)
    };
    let host = text(&head.headers, "host").unwrap_or_default();
    let path = head.uri.path();
    let address = format!("http://{host}{path}?uploadType=resumable&upload_id={id}");
    let session = Arc::new(Mutex::new(Session::new(call, kind, total)));
    locked(&shared.sessions).insert(id.clone(), Some(session));
    let mut headers = HeaderMap::new();
    for (name, value) in [("location", address), ("x-guploader-uploadid", id)] {
        if let Ok(value) = value.parse() {
            headers.insert(name, value);
        }
    }
    Ok(build(200, headers, Body::empty()))
}

/// Answers a request to a session.
pub(crate) async fn serve(
    shared: &Arc<Shared>,
    number: usize,
    id: &str,
    head: &Parts,
    body: Body,
) -> Response {
    let range = text(&head.headers, "content-range").map(ChunkRange::parse);
    let is_probe = matches!(range, Some(Some(ChunkRange::Probe(_))));
    let kind = if is_probe { "upload.probe" } else { "upload.chunk" };
    shared.note(number, |seen| kind.clone_into(&mut seen.id));
    let fault = locked(&shared.faults).decide(kind);
    if let Some(error) = before(fault.as_ref(), kind).await {
        drain(shared, number, body).await;
        return refusal(error);
    }
    let known = locked(&shared.sessions).get(id).cloned();
    let session = match known {
        Some(Some(session)) => session,
        Some(None) => return refusal(ApiError::text(410, "Gone")),
        None => return refusal(ApiError::text(404, "Not Found")),
    };
    if head.method == "DELETE" {
        locked(&shared.sessions).insert(id.to_owned(), None);
        return refusal(ApiError::text(499, "Client Closed Request"));
    }
    let mut session = session.lock().await;
    if let Some(done) = &session.done {
        drain(shared, number, body).await;
        return json_response(200, &done.clone());
    }
    let response = match range {
        Some(None) => refusal(ApiError::text(400, "Failed to parse Content-Range header.")),
        Some(Some(ChunkRange::Probe(total))) => {
            whole(shared, number, body).await;
            session.total = session.total.or(total);
            if session.total == Some(session.kept()) {
                finish(shared, &mut session)
            } else {
                incomplete(&session)
            }
        }
        Some(Some(ChunkRange::Bytes(from, end, total))) => {
            let chunk = Chunk { from, end: Some(end), total };
            taken(shared, number, &mut session, (chunk, fault.as_ref()), body).await
        }
        None => {
            let chunk = Chunk { from: 0, end: None, total: None };
            taken(shared, number, &mut session, (chunk, fault.as_ref()), body).await
        }
    };
    after(fault.as_ref(), response)
}

/// What a request brings; without an end it is all that comes.
struct Chunk {
    from: u64,
    end: Option<u64>,
    total: Option<u64>,
}

async fn taken(
    shared: &Arc<Shared>,
    number: usize,
    session: &mut Session,
    (chunk, fault): (Chunk, Option<&Act>),
    body: Body,
) -> Response {
    let kept = session.kept();
    let total = chunk.total.or(session.total);
    if session.total.is_some() && total != session.total {
        return refusal(ApiError::text(400, "The length of the whole has changed."));
    }
    session.total = total;
    if chunk.from > kept {
        drain(shared, number, body).await;
        let message = format!(
            "Invalid request. According to the Content-Range header, the upload offset is {} byte(s), \
             which exceeds already uploaded size of {kept} byte(s).",
            chunk.from
        );
        return refusal(ApiError::text(400, &message));
    }
    let is_last = chunk.end.is_none() || (chunk.end.is_some() && chunk.end == total);
    let length = chunk.end.map(|end| end - chunk.from);
    if !is_last && length.is_some_and(|length| !length.is_multiple_of(GRAIN as u64)) {
        drain(shared, number, body).await;
        let message = "Invalid request. The number of bytes uploaded is required to be equal or \
                       greater than 262144, except for the final request (it's recommended to be the \
                       exact multiple of 262144).";
        return refusal(ApiError::text(400, message));
    }

    let most = if let Some(Act::Take(bytes)) = fault { *bytes } else { u64::MAX };
    // What is there already is not taken again.
    let mut skip = kept - chunk.from;
    let (mut came, mut used) = (0, 0);
    let mut broke = false;
    let mut pieces = body.into_data_stream();
    while let Some(piece) = pieces.next().await {
        let Ok(piece) = piece else {
            broke = true;
            break;
        };
        came += piece.len() as u64;
        let skipped = usize::try_from(skip).unwrap_or(usize::MAX).min(piece.len());
        skip -= skipped as u64;
        let room = usize::try_from(most - used).unwrap_or(usize::MAX);
        let taken = (piece.len() - skipped).min(room);
        session.push(piece.get(skipped..skipped + taken).unwrap_or_default());
        used += taken as u64;
        shared.note(number, |seen| seen.received = came);
    }
    if most < u64::MAX {
        session.interrupt();
        return refusal(ApiError::text(503, "Service Unavailable"));
    }
    if broke || length.is_some_and(|length| length != came) {
        session.interrupt();
        return refusal(ApiError::text(400, "The body is not as long as its Content-Range says."));
    }
    if is_last {
        session.total = Some(chunk.from + came);
        finish(shared, session)
    } else {
        incomplete(session)
    }
}

/// 308, with what is there.
fn incomplete(session: &Session) -> Response {
    let mut headers = HeaderMap::new();
    if let Some(last) = session.kept().checked_sub(1)
        && let Ok(value) = format!("bytes=0-{last}").parse()
    {
        headers.insert(header::RANGE, value);
    }
    build(308, headers, Body::empty())
}

/// All is there: now it is done.
fn finish(shared: &Shared, session: &mut Session) -> Response {
    let Some(mut call) = session.call.take() else {
        return refusal(ApiError::text(404, "Not Found"));
    };
    let content = session.take().finish();
    call.upload = Some((content, session.mime_type.clone()));
    match answered(shared, &call, None, Some(&mut session.done)) {
        Ok(response) => response,
        Err(error) => refusal(error),
    }
}

/// Reads a body that nobody wants, so that the client hears the answer.
async fn drain(shared: &Shared, number: usize, body: Body) {
    let mut pieces = body.into_data_stream();
    let mut came = 0;
    while let Some(Ok(piece)) = pieces.next().await {
        came += piece.len() as u64;
    }
    shared.note(number, |seen| seen.received = came);
}

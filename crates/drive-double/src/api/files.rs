//! Files as they are: one of them, its content, its exports; and how they go for good.

use std::collections::BTreeSet;

use serde_json::json;

use crate::call::{Answer, Call};
use crate::error::{ApiError, Result};
use crate::formats;
use crate::world::World;

pub(super) fn get(world: &mut World, call: &Call) -> Result<Answer> {
    let file = call.file(world)?;
    if call.parameter("alt") != Some("media") {
        return Ok(Answer::Json(world.file(file, &call.caller, &call.mask)));
    }
    if !call.caller.reads_content() {
        let scopes: Vec<String> =
            call.method.scopes.iter().filter(|s| !s.contains("metadata")).cloned().collect();
        let method = "google.apps.drive.v3.DriveFiles.Get";
        return Err(ApiError::no_scope("drive.googleapis.com", method, &scopes));
    }
    if file.is_native() {
        let message =
            "Only files with binary content can be downloaded. Use Export with Docs Editors files.";
        let location = Some(("alt", "parameter"));
        return Err(ApiError::at(403, "fileNotDownloadable", message, location));
    }
    if !world.may(file, &call.caller.email, "canDownload") {
        return Err(no_download());
    }
    let Some(head) = file.head() else { return Err(ApiError::no_file(&file.id)) };
    Ok(Answer::Content(head.content.clone(), file.mime_type.clone(), true))
}

fn no_download() -> ApiError {
    let message = "This file cannot be downloaded by the user.";
    ApiError::at(403, "cannotDownloadFile", message, Some(("alt", "parameter")))
}

pub(super) fn export(world: &mut World, call: &Call) -> Result<Answer> {
    let file = call.file(world)?;
    let kind = call.parameter("mimeType").unwrap_or_default();
    if !file.is_native() || file.head().is_none() {
        let message = "Export only supports Docs Editors files.";
        return Err(ApiError::new(403, "fileNotExportable", message));
    }
    if !world.may(file, &call.caller.email, "canDownload") {
        return Err(no_download());
    }
    let message = "The requested conversion is not supported.";
    let refused = || ApiError::at(400, "badRequest", message, Some(("convertTo", "parameter")));
    let content = formats::export(file, kind).ok_or_else(refused)?;
    if content.len() > formats::MOST_EXPORTED {
        let message = "This file is too large to be exported.";
        return Err(ApiError::new(403, "exportSizeLimitExceeded", message));
    }
    Ok(Answer::Content(content, kind.to_owned(), false))
}

pub(super) fn delete(world: &mut World, call: &Call) -> Result<Answer> {
    let file = call.file_to(world, "canDelete")?;
    remove(world, &file.id);
    Ok(Answer::Empty)
}

/// A file and everything in it goes for good.
pub(crate) fn remove(world: &mut World, id: &str) {
    for id in world.subtree(id) {
        let audience = world.audience(&id);
        world.tick();
        let drive = world.files.remove(&id).and_then(|file| file.drive);
        world.note(&id, drive, false, audience);
    }
}

pub(super) fn empty_trash(world: &mut World, call: &Call) -> Answer {
    let me = &call.caller.email;
    let drive = call.parameter("driveId").map(str::to_owned);
    let trashed = world.files.values().filter(|file| file.trashed.is_some() && file.drive == drive);
    let mine: BTreeSet<String> = trashed
        .filter(|file| world.may(file, me, "canDelete"))
        .map(|file| file.id.clone())
        .collect();
    for id in mine {
        remove(world, &id);
    }
    Answer::Empty
}

pub(super) fn generate_ids(world: &mut World, call: &Call) -> Answer {
    let ids: Vec<String> = (0..call.number("count", 10)).map(|_| world.file_id()).collect();
    Answer::Json(json!({ "kind": "drive#generatedIds", "space": "drive", "ids": ids }))
}

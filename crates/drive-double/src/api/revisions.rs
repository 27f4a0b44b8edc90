//! Older contents of files.

use serde_json::{Value, json};

use super::page::page;
use crate::call::{Answer, Call};
use crate::error::{ApiError, Result};
use crate::world::{File, Revision, World};

pub(super) fn list(world: &mut World, call: &Call) -> Result<Answer> {
    let file = readable(world, call)?;
    let all: Vec<&Revision> = file.revisions.iter().collect();
    let (found, next) = page(call, world.skipped, all, call.number("pageSize", 200))?;
    let mask = call.mask.inner("revisions");
    let sums = mask.wants(&["md5Checksum"]);
    let me = call.caller.email.as_str();
    let found: Vec<Value> =
        found.iter().map(|one| world.revision_json(file, one, me, sums)).collect();
    let mut list = json!({ "kind": "drive#revisionList", "revisions": found });
    if let Some(next) = next {
        list["nextPageToken"] = json!(next);
    }
    Ok(Answer::Json(list))
}

pub(super) fn get(world: &mut World, call: &Call) -> Result<Answer> {
    let file = readable(world, call)?;
    let one = find(file, call)?;
    if call.parameter("alt") == Some("media") {
        if file.is_native() {
            let message = "Only files with binary content can be downloaded. Use Export with Docs Editors files.";
            return Err(ApiError::new(403, "fileNotDownloadable", message));
        }
        return Ok(Answer::Content(one.content.clone(), one.mime_type.clone(), true));
    }
    let sums = call.mask.wants(&["md5Checksum"]);
    Ok(Answer::Json(world.revision_json(file, one, &call.caller.email, sums)))
}

pub(super) fn update(world: &mut World, call: &Call) -> Result<Answer> {
    let file = call.file_to(world, "canEdit")?;
    let id = find(&file, call)?.id.clone();
    if let Some(keep) = call.body.get("keepForever").and_then(Value::as_bool) {
        let mut revisions =
            world.files.get_mut(&file.id).into_iter().flat_map(|f| &mut f.revisions);
        if let Some(one) = revisions.find(|one| one.id == id) {
            one.keep = keep;
        }
    }
    let file = call.file(world)?;
    let sums = call.mask.wants(&["md5Checksum"]);
    Ok(Answer::Json(world.revision_json(file, find(file, call)?, &call.caller.email, sums)))
}

pub(super) fn delete(world: &mut World, call: &Call) -> Result<Answer> {
    let file = call.file_to(world, "canEdit")?;
    let id = find(&file, call)?.id.clone();
    if file.is_native() || file.revisions.len() == 1 {
        let message = "The last remaining revision of a file, and revisions of Docs Editors files, \
                       cannot be deleted.";
        return Err(ApiError::new(403, "cannotDeleteRevision", message));
    }
    world.tick();
    if let Some(file) = world.files.get_mut(&file.id) {
        file.revisions.retain(|one| one.id != id);
    }
    world.changed(&file.id, [].into());
    Ok(Answer::Empty)
}

/// Readers see a file as it is, not as it was.
fn readable<'a>(world: &'a World, call: &Call) -> Result<&'a File> {
    let file = call.file(world)?;
    if world.may(file, &call.caller.email, "canReadRevisions") {
        Ok(file)
    } else {
        Err(ApiError::no_right())
    }
}

fn find<'a>(file: &'a File, call: &Call) -> Result<&'a Revision> {
    let id = call.id("revisionId");
    let wanted = |one: &&Revision| one.id == id;
    let head = if id == "head" { file.head() } else { None };
    let found = head.or_else(|| file.revisions.iter().find(wanted));
    found.ok_or_else(|| ApiError::nothing("Revision", id, "revisionId"))
}

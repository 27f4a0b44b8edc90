//! The methods, by the ids that the discovery documents give them.

mod about;
mod changes;
mod comments;
mod copying;
mod creating;
mod docs;
mod drives;
pub(crate) mod files;
mod listing;
mod page;
mod permissions;
mod replies;
mod revisions;
mod sheets;
mod updating;

use crate::call::{Answer, Call};
use crate::discovery::Method;
use crate::error::{ApiError, Result};
use crate::mask::Mask;
use crate::world::World;

/// Does what a request asks.
pub(crate) fn answer(world: &mut World, call: &Call) -> Result<Answer> {
    match call.method.id.as_str() {
        "drive.about.get" => Ok(about::get(world, call)),
        "drive.changes.getStartPageToken" => changes::start(world, call),
        "drive.changes.list" => changes::list(world, call),
        "drive.comments.create" => comments::create(world, call),
        "drive.comments.delete" => comments::delete(world, call),
        "drive.comments.get" => comments::get(world, call),
        "drive.comments.list" => comments::list(world, call),
        "drive.comments.update" => comments::update(world, call),
        "drive.drives.get" => drives::get(world, call),
        "drive.drives.list" => drives::list(world, call),
        "drive.drives.create" => drives::create(world, call),
        "drive.drives.update" => drives::update(world, call),
        "drive.drives.delete" => drives::delete(world, call),
        "drive.drives.hide" => drives::hide(world, call, true),
        "drive.drives.unhide" => drives::hide(world, call, false),
        "drive.files.copy" => copying::copy(world, call),
        "drive.files.create" => creating::create(world, call),
        "drive.files.delete" => files::delete(world, call),
        "drive.files.emptyTrash" => Ok(files::empty_trash(world, call)),
        "drive.files.export" => files::export(world, call),
        "drive.files.generateIds" => Ok(files::generate_ids(world, call)),
        "drive.files.get" => files::get(world, call),
        "drive.files.list" => listing::list(world, call),
        "drive.files.update" => updating::update(world, call),
        "drive.permissions.create" => permissions::create(world, call),
        "drive.permissions.delete" => permissions::delete(world, call),
        "drive.permissions.get" => permissions::get(world, call),
        "drive.permissions.list" => permissions::list(world, call),
        "drive.permissions.update" => permissions::update(world, call),
        "drive.replies.create" => replies::create(world, call),
        "drive.replies.delete" => replies::delete(world, call),
        "drive.replies.get" => replies::get(world, call),
        "drive.replies.list" => replies::list(world, call),
        "drive.replies.update" => replies::update(world, call),
        "drive.revisions.delete" => revisions::delete(world, call),
        "drive.revisions.get" => revisions::get(world, call),
        "drive.revisions.list" => revisions::list(world, call),
        "drive.revisions.update" => revisions::update(world, call),
        "docs.documents.get" => docs::get(world, call),
        "sheets.spreadsheets.get" => sheets::get(world, call),
        "sheets.spreadsheets.values.get" => sheets::values(world, call),
        "sheets.spreadsheets.values.batchGet" => sheets::batch(world, call),
        id => Err(ApiError::text(501, &format!("the double doesn't know {id} yet"))),
    }
}

/// What an upload would be refused for before its content comes.
pub(crate) fn admit(world: &World, call: &Call) -> Result<()> {
    match call.method.id.as_str() {
        "drive.files.create" => creating::admit(world, call).map(drop),
        "drive.files.update" => updating::admit(world, call).map(drop),
        _ => Ok(()),
    }
}

/// The fields that are answered if none are asked for; none where they must be asked for.
pub(crate) fn default_fields(method: &Method) -> Option<&'static str> {
    const FILE: &str = "kind,id,name,mimeType,resourceKey";
    Some(match method.id.as_str() {
        "drive.about.get" => return None,
        "drive.comments.delete" | "drive.replies.delete" => "*",
        id if id.starts_with("drive.comments.") || id.starts_with("drive.replies.") => return None,
        "drive.files.list" => {
            "kind,incompleteSearch,nextPageToken,files(kind,id,name,mimeType,resourceKey)"
        }
        "drive.files.get" | "drive.files.create" | "drive.files.update" | "drive.files.copy" => {
            FILE
        }
        "drive.permissions.list" => "kind,nextPageToken,permissions(kind,id,type,role)",
        id if id.starts_with("drive.permissions.") => "kind,id,type,role",
        "drive.revisions.list" => "kind,nextPageToken,revisions(kind,id,mimeType,modifiedTime)",
        id if id.starts_with("drive.revisions.") => "kind,id,mimeType,modifiedTime",
        "drive.changes.list" => {
            "kind,nextPageToken,newStartPageToken,changes(kind,type,changeType,time,removed,fileId,\
             driveId,file(kind,id,name,mimeType),drive(kind,id,name))"
        }
        "drive.drives.list" => "kind,nextPageToken,drives(kind,id,name)",
        id if id.starts_with("drive.drives.") => "kind,id,name",
        _ => "*",
    })
}

/// The mask of a request.
pub(crate) fn mask(method: &Method, fields: Option<&str>) -> Result<Mask> {
    let Some(text) = fields.or_else(|| default_fields(method)) else {
        let message = "The 'fields' parameter is required for this method.";
        return Err(ApiError::at(400, "required", message, Some(("fields", "parameter"))));
    };
    let refused = |part: &str| {
        let message = format!("Invalid field selection {part}");
        ApiError::at(400, "invalidParameter", &message, Some(("fields", "parameter")))
    };
    let mask = Mask::parse(text).map_err(|part| refused(&part))?;
    match mask.unknown(method) {
        Some(part) if method.answers_json() => Err(refused(&part)),
        _ => Ok(mask),
    }
}

//! `files.update`: metadata, content, the folder that a file is in, and the trash.

use std::collections::BTreeSet;

use serde_json::Value;

use super::creating::{check_fields, fill, receives, write};
use crate::call::{Answer, Call};
use crate::error::{ApiError, Result};
use crate::world::{File, World};

pub(super) fn update(world: &mut World, call: &Call) -> Result<Answer> {
    let file = admit(world, call)?;
    let me = call.caller.email.clone();
    let audience = world.audience(&file.id);
    let mut file = moved(world, call, file)?;
    let now = world.tick();
    // Neither is a modification of the file itself.
    let quiet = ["starred", "viewedByMeTime", "trashed"];
    if call.upload.is_some() || call.body.keys().any(|name| !quiet.contains(&name.as_str())) {
        file.modified = now;
        file.modified_by.clone_from(&me);
    }
    write(&mut file, &call.body, &me)?;
    match call.body.get("trashed") {
        Some(Value::Bool(true)) if file.trashed.is_none() => file.trashed = Some((now, me.clone())),
        Some(Value::Bool(false)) => file.trashed = None,
        _ => {}
    }
    if let Some((content, sent)) = &call.upload {
        if let Some(kind) = call.text("mimeType").or(sent.as_deref()).filter(|_| !file.is_native())
        {
            kind.clone_into(&mut file.mime_type);
        }
        fill(world, &mut file, content.clone(), sent.as_deref(), &me)?;
    }
    let id = file.id.clone();
    world.files.insert(id.clone(), file);
    world.changed(&id, audience);
    let file = world.files.get(&id).ok_or_else(|| ApiError::no_file(&id))?;
    Ok(Answer::Json(world.file(file, &call.caller, &call.mask)))
}

/// The file, if all that is asked may be done with it.
pub(super) fn admit(world: &World, call: &Call) -> Result<File> {
    let file = call.file(world)?.clone();
    if call.body.contains_key("parents") {
        let message = "The parents field is not directly writable in update requests. Use the \
                       addParents and removeParents parameters instead.";
        return Err(ApiError::new(403, "fieldNotWritable", message));
    }
    if call.body.contains_key("shortcutDetails") || call.body.contains_key("id") {
        let message = "The resource body includes fields which are not directly writable.";
        return Err(ApiError::new(403, "fieldNotWritable", message));
    }
    check_fields(&call.body)?;
    let uploads = call.upload.is_some() || call.parameter("uploadType").is_some();
    if uploads && !call.caller.reads_content() {
        let method = "google.apps.drive.v3.DriveFiles.Update";
        return Err(ApiError::no_scope("drive.googleapis.com", method, &call.method.scopes));
    }
    for name in call.body.keys() {
        let capability = match name.as_str() {
            // Everybody has their own stars.
            "starred" | "viewedByMeTime" => continue,
            "trashed" if call.body.get(name) == Some(&Value::Bool(true)) => "canTrash",
            "trashed" => "canUntrash",
            "name" => "canRename",
            "contentRestrictions" => "canModifyContentRestriction",
            _ => "canEdit",
        };
        call.allow(world, &file, capability)?;
    }
    if uploads {
        call.allow(world, &file, "canModifyContent")?;
    }
    Ok(file)
}

/// The file in the folders that it is to be in.
fn moved(world: &World, call: &Call, mut file: File) -> Result<File> {
    let ids = |name: &str| -> Vec<String> {
        let words = call.parameter(name).unwrap_or_default().split(',');
        words
            .map(str::trim)
            .filter(|id| !id.is_empty())
            .map(|id| call.resolved(world, id))
            .collect()
    };
    let (added, removed) = (ids("addParents"), ids("removeParents"));
    if added.is_empty() && removed.is_empty() {
        return Ok(file);
    }
    let before = file.parents.clone();
    file.parents.retain(|id| !removed.contains(id));
    for id in &added {
        let folder = call.named(world, id)?;
        receives(world, call, folder)?;
        if world.chain(folder).iter().any(|above| above.id == file.id) {
            let message = "A shared drive item or folder cannot be moved into its own subtree.";
            return Err(ApiError::new(403, "cannotMoveIntoDescendant", message));
        }
        let leaves = folder.drive != file.drive;
        let capability = if leaves { "canMoveItemOutOfDrive" } else { "canMoveItemWithinDrive" };
        call.allow(world, &file, capability)?;
        if leaves && file.is_folder() {
            let message = "Folders cannot be moved between shared drives by this method.";
            return Err(ApiError::new(403, "teamDrivesFolderMoveInNotSupported", message));
        }
        if !file.parents.contains(id) {
            file.parents.push(id.clone());
        }
    }
    if file.parents.len() > 1 && file.parents.len() > before.len() {
        let message = "Increasing the number of parents is not allowed";
        return Err(ApiError::new(403, "cannotAddParent", message));
    }
    if added.is_empty() {
        call.allow(world, &file, "canEdit")?;
        if file.parents.is_empty() {
            let message = "A file must have at least one parent.";
            return Err(ApiError::new(403, "cannotRemoveParent", message));
        }
    }
    let drives: BTreeSet<Option<String>> = file
        .parents
        .iter()
        .filter_map(|id| world.files.get(id))
        .map(|parent| parent.drive.clone())
        .collect();
    if let Some(drive) = drives.into_iter().next() {
        if drive.is_some() {
            file.owner = None;
            file.permissions.retain(|one| one.role != crate::world::Role::Owner);
        }
        file.drive = drive;
    }
    Ok(file)
}

//! `files.copy`.

use serde_json::Value;

use super::creating::{check_fields, receives, write};
use crate::call::{Answer, Call};
use crate::content::Content;
use crate::error::{ApiError, Result};
use crate::formats;
use crate::world::World;

pub(super) fn copy(world: &mut World, call: &Call) -> Result<Answer> {
    let source = call.file(world)?.clone();
    check_fields(&call.body)?;
    let me = call.caller.email.clone();
    if !world.may(&source, &me, "canCopy") {
        let message = "This file cannot be copied by the user.";
        return Err(ApiError::new(403, "cannotCopyFile", message));
    }
    let root = world.user(&me).root;
    let named = call.body.get("parents").and_then(Value::as_array);
    let parents: Vec<String> = if let Some(all) = named {
        all.iter().filter_map(Value::as_str).map(str::to_owned).collect()
    } else {
        let mut seen = world.visible_parents(&source, &call.caller);
        seen.retain(|id| world.files.get(id).is_some_and(|p| receives(world, call, p).is_ok()));
        if seen.is_empty() { vec![root] } else { seen }
    };
    let mut resolved = Vec::new();
    for id in &parents {
        let folder = call.named(world, id)?;
        receives(world, call, folder)?;
        resolved.push(folder.id.clone());
    }
    if world.user(&me).quota == 0 && resolved.iter().all(|id| world.files[id].drive.is_none()) {
        let message = "Service Accounts do not have storage quota.";
        return Err(ApiError::new(403, "storageQuotaExceeded", message));
    }

    let kind = call.text("mimeType").unwrap_or(&source.mime_type).to_owned();
    let mut file = world.blank(&format!("Copy of {}", source.name), &kind, &me);
    file.apps.insert(call.caller.app.clone());
    file.description.clone_from(&source.description);
    file.properties.clone_from(&source.properties);
    file.target.clone_from(&source.target);
    let content = source.head().map(|head| head.content.clone());
    if kind == source.mime_type {
        file.sheets.clone_from(&source.sheets);
        file.tabs.clone_from(&source.tabs);
        file.exports.clone_from(&source.exports);
    } else if !formats::converts(&source.mime_type, &kind) {
        let message = "The requested conversion is not supported.";
        return Err(ApiError::new(400, "badRequest", message));
    }
    write(&mut file, &call.body, &me)?;
    if source.target.is_none() {
        world.revise(&mut file, content.unwrap_or_else(|| Content::kept("")), &me);
    }
    let id = world.place(file, resolved, &me);
    let file = world.files.get(&id).ok_or_else(|| ApiError::no_file(&id))?;
    Ok(Answer::Json(world.file(file, &call.caller, &call.mask)))
}

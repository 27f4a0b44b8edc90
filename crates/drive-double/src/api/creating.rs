//! `files.create`: metadata alone, or with content, which may become one of Google's types.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use crate::call::{Answer, Call};
use crate::content::Content;
use crate::error::{ApiError, Result};
use crate::formats;
use crate::query;
use crate::seed::{NewSheet, mime};
use crate::world::{File, World};

/// The fields that may be written.
const WRITABLE: [&str; 22] = [
    "appProperties",
    "contentHints",
    "contentRestrictions",
    "copyRequiresWriterPermission",
    "createdTime",
    "description",
    "folderColorRgb",
    "id",
    "inheritedPermissionsDisabled",
    "kind",
    "mimeType",
    "modifiedTime",
    "name",
    "originalFilename",
    "parents",
    "properties",
    "shortcutDetails",
    "starred",
    "trashed",
    "viewedByMeTime",
    "viewersCanCopyContent",
    "writersCanShare",
];

pub(super) fn create(world: &mut World, call: &Call) -> Result<Answer> {
    let parents = admit(world, call)?;
    let me = call.caller.email.clone();
    let sent = call.upload.as_ref().and_then(|(_, kind)| kind.clone());
    let name = call.text("name").unwrap_or("Untitled").to_owned();
    let kind = call.text("mimeType").map(str::to_owned).or_else(|| sent.clone());
    let kind = kind.unwrap_or_else(|| "application/octet-stream".to_owned());
    let mut file = world.blank(&name, &kind, &me);
    if let Some(id) = call.text("id") {
        if world.files.contains_key(id) {
            let message = "A file already exists with the provided ID.";
            return Err(ApiError::new(409, "fileIdInUse", message));
        }
        id.clone_into(&mut file.id);
    }
    file.apps.insert(call.caller.app.clone());
    write(&mut file, &call.body, &me)?;
    if kind == mime::SHORTCUT {
        let target =
            call.body.get("shortcutDetails").and_then(|details| details["targetId"].as_str());
        let target = target.ok_or_else(|| {
            ApiError::new(400, "shortcutTargetInvalid", "The shortcut target is invalid.")
        })?;
        file.target = Some(call.named(world, target)?.id.clone());
    } else if kind != mime::FOLDER {
        let content = call.upload.as_ref().map(|(content, _)| content.clone());
        fill(world, &mut file, content.unwrap_or_else(|| Content::kept("")), sent.as_deref(), &me)?;
    }
    file.viewed_by.insert(me.clone(), file.modified);
    let id = world.place(file, parents, &me);
    let file =
        call.named(world, &id).or_else(|_| world.files.get(&id).ok_or_else(ApiError::no_token))?;
    Ok(Answer::Json(world.file(file, &call.caller, &call.mask)))
}

/// The folders that the new file goes to, if it may.
pub(super) fn admit(world: &World, call: &Call) -> Result<Vec<String>> {
    check_fields(&call.body)?;
    let user = world.users.get(&call.caller.email).ok_or_else(ApiError::no_token)?;
    let parents: Vec<String> = match call.body.get("parents").and_then(Value::as_array) {
        Some(all) => all.iter().filter_map(Value::as_str).map(str::to_owned).collect(),
        None => vec![user.root.clone()],
    };
    let [parent] = parents.as_slice() else {
        let message = "A file cannot be created in more than one folder.";
        return Err(ApiError::new(403, "teamDrivesParentLimit", message));
    };
    let parent = call.named(world, parent)?;
    receives(world, call, parent)?;
    let is_folder = call.text("mimeType") == Some(mime::FOLDER);
    if user.quota == 0 && parent.drive.is_none() && !is_folder {
        let message = "Service Accounts do not have storage quota. Leverage shared drives \
                       (https://developers.google.com/workspace/drive/api/guides/about-shareddrives), \
                       or use OAuth delegation (http://support.google.com/a/answer/7281227) instead.";
        return Err(ApiError::new(403, "storageQuotaExceeded", message));
    }
    Ok(vec![parent.id.clone()])
}

/// Whether a folder takes something new.
pub(super) fn receives(world: &World, call: &Call, folder: &File) -> Result<()> {
    if !folder.is_folder() {
        let message = "The specified parent is not a folder.";
        return Err(ApiError::new(403, "parentNotAFolder", message));
    }
    // An application that may only see its own files may put new ones anywhere it sees.
    if !world.may(folder, &call.caller.email, "canAddChildren") {
        let message = "Insufficient permissions for the specified parent.";
        return Err(ApiError::new(403, "insufficientParentPermissions", message));
    }
    Ok(())
}

pub(super) fn check_fields(body: &Map<String, Value>) -> Result<()> {
    match body.keys().find(|name| !WRITABLE.contains(&name.as_str())) {
        Some(_) => {
            let message = "The resource body includes fields which are not directly writable.";
            Err(ApiError::new(403, "fieldNotWritable", message))
        }
        None => Ok(()),
    }
}

/// Puts the fields of a request into a file.
pub(super) fn write(file: &mut File, body: &Map<String, Value>, me: &str) -> Result<()> {
    for (name, value) in body {
        let text = || value.as_str().unwrap_or_default().to_owned();
        let moment =
            || query::time(&text()).ok_or_else(|| ApiError::parameter(name, "Invalid Value"));
        match name.as_str() {
            "name" => file.name = text(),
            "description" => file.description = value.as_str().map(str::to_owned),
            "createdTime" => file.created = moment()?,
            "modifiedTime" => file.modified = moment()?,
            "viewedByMeTime" => drop(file.viewed_by.insert(me.to_owned(), moment()?)),
            "starred" if value == true => drop(file.starred_by.insert(me.to_owned())),
            "starred" => drop(file.starred_by.remove(me)),
            "properties" => pairs(&mut file.properties, value),
            "appProperties" => pairs(&mut file.app_properties, value),
            "copyRequiresWriterPermission" => file.copy_needs_writer = value == true,
            "writersCanShare" => file.writers_can_share = value == true,
            "contentRestrictions" | "folderColorRgb" => {
                file.more.insert(name.clone(), value.clone());
            }
            _ => {}
        }
    }
    Ok(())
}

/// A property that is null is removed.
fn pairs(known: &mut BTreeMap<String, String>, value: &Value) {
    for (key, value) in value.as_object().into_iter().flatten() {
        match value.as_str() {
            Some(text) => drop(known.insert(key.clone(), text.to_owned())),
            None => drop(known.remove(key)),
        }
    }
}

/// New content for a file, converted if it is one of Google's types.
pub(super) fn fill(
    world: &mut World,
    file: &mut File,
    content: Content,
    sent: Option<&str>,
    me: &str,
) -> Result<()> {
    let kind = sent.map(|kind| kind.split(';').next().unwrap_or_default().trim());
    if file.is_native()
        && let Some(kind) = kind
    {
        if !formats::converts(kind, &file.mime_type) {
            let message = "The requested conversion is not supported.";
            return Err(ApiError::new(400, "badRequest", message));
        }
        file.exports.clear();
        file.tabs.clear();
        let separator = if kind == "text/csv" { ',' } else { '\t' };
        if file.mime_type == mime::SPREADSHEET {
            let rows = formats::rows(content.text(), separator);
            file.sheets = vec![NewSheet { title: "Sheet1".to_owned(), rows }];
        }
    }
    world.revise(file, content, me);
    Ok(())
}

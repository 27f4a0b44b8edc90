//! What happened since a moment, of which a token is a number in the order of changes.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::call::{Answer, Call};
use crate::error::{ApiError, Result};
use crate::world::{Change, World, moment};

pub(super) fn start(world: &mut World, call: &Call) -> Result<Answer> {
    if let Some(drive) = call.parameter("driveId") {
        drive_seen(world, call, drive)?;
    }
    let token = world.changes.len() + 1;
    Ok(Answer::Json(json!({
        "kind": "drive#startPageToken",
        "startPageToken": token.to_string(),
    })))
}

pub(super) fn list(world: &mut World, call: &Call) -> Result<Answer> {
    let token = call.parameter("pageToken").unwrap_or_default();
    let start: usize = token
        .parse()
        .ok()
        .filter(|start| (1..=world.changes.len() + 1).contains(start))
        .ok_or_else(|| ApiError::parameter("pageToken", "Invalid Value"))?;
    let drive = call.parameter("driveId");
    if let Some(drive) = drive {
        drive_seen(world, call, drive)?;
        if !call.flag("includeItemsFromAllDrives") {
            let message = "The includeItemsFromAllDrives parameter must be set to true when driveId \
                           is specified or corpora contains drive or allDrives.";
            return Err(ApiError::new(403, "includeTeamDriveItemsRequired", message));
        }
    }
    if call.flag("includeItemsFromAllDrives") && !call.knows_drives() {
        let message = "The supportsAllDrives parameter must be set to true when \
                       includeItemsFromAllDrives is set to true.";
        return Err(ApiError::new(403, "supportsTeamDrivesRequired", message));
    }

    // Each file once, where it changed last.
    let mut last: BTreeMap<&str, usize> = BTreeMap::new();
    for (at, change) in world.changes.iter().enumerate().skip(start - 1) {
        if is_meant(call, drive, change) {
            last.insert(&change.id, at);
        }
    }
    let mut places: Vec<usize> = last.into_values().collect();
    places.sort_unstable();
    let size = call.number("pageSize", 100);
    let mask = call.mask.inner("changes").inner("file");
    let mut shown = Vec::new();
    let mut next = None;
    for at in places {
        let Some(change) = world.changes.get(at) else { continue };
        let Some(json) = change_json(world, call, change, &mask) else { continue };
        if shown.len() == size {
            next = Some(at + 1);
            break;
        }
        shown.push(json);
    }
    let mut list = json!({ "kind": "drive#changeList", "changes": shown });
    match next {
        Some(at) => list["nextPageToken"] = json!(at.to_string()),
        None => list["newStartPageToken"] = json!((world.changes.len() + 1).to_string()),
    }
    Ok(Answer::Json(list))
}

fn drive_seen(world: &World, call: &Call, drive: &str) -> Result<()> {
    let root = world.files.get(drive).filter(|root| world.sees(root, &call.caller));
    let missing = || ApiError::nothing("Shared drive", drive, "driveId");
    root.filter(|root| root.drive.is_some()).map(drop).ok_or_else(missing)
}

fn is_meant(call: &Call, drive: Option<&str>, change: &Change) -> bool {
    let here = match (drive, change.drive.as_deref()) {
        (Some(wanted), Some(drive)) => wanted == drive,
        (Some(_), None) => false,
        (None, Some(_)) => call.flag("includeItemsFromAllDrives"),
        (None, None) => true,
    };
    here && change.audience.contains(&call.caller.email)
}

fn change_json(
    world: &World,
    call: &Call,
    change: &Change,
    mask: &crate::mask::Mask,
) -> Option<Value> {
    let time = moment(change.time);
    let me = &call.caller.email;
    if change.is_drive {
        let drive = world.drives.get(&change.id);
        let mut json = json!({
            "kind": "drive#change",
            "type": "drive",
            "changeType": "drive",
            "time": time,
            "driveId": change.id,
            "removed": drive.is_none(),
        });
        if let Some(drive) = drive {
            json["drive"] = world.drive_json(drive, me);
        }
        return Some(json);
    }
    let file = world.files.get(&change.id).filter(|file| world.sees(file, &call.caller));
    let removed = file.is_none();
    if removed && (call.parameter("includeRemoved") == Some("false") || call.caller.is_limited()) {
        return None;
    }
    let mut json = json!({
        "kind": "drive#change",
        "type": "file",
        "changeType": "file",
        "time": time,
        "fileId": change.id,
        "removed": removed,
    });
    if let Some(file) = file {
        json["file"] = world.file(file, &call.caller, mask);
    }
    Some(json)
}

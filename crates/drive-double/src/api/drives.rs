//! Shared drives.

use serde_json::{Value, json};

use super::files::remove;
use super::page::page;
use crate::call::{Answer, Call};
use crate::error::{ApiError, Result};
use crate::seed::mime;
use crate::world::{Drive, Role, World};

pub(super) fn list(world: &mut World, call: &Call) -> Result<Answer> {
    let me = call.caller.email.as_str();
    if call.parameter("q").is_some_and(|q| !q.is_empty()) && !call.flag("useDomainAdminAccess") {
        let message = "Query is only supported with useDomainAdminAccess.";
        return Err(ApiError::parameter("q", message));
    }
    let all = world.drives.values().filter(|drive| role(world, &drive.id, me) >= Role::Reader);
    let (found, next) = page(call, world.skipped, all.collect(), call.number("pageSize", 10))?;
    let found: Vec<Value> = found.iter().map(|drive| world.drive_json(drive, me)).collect();
    let mut list = json!({ "kind": "drive#driveList", "drives": found });
    if let Some(next) = next {
        list["nextPageToken"] = json!(next);
    }
    Ok(Answer::Json(list))
}

pub(super) fn get(world: &mut World, call: &Call) -> Result<Answer> {
    let drive = find(world, call, Role::Reader)?;
    Ok(Answer::Json(world.drive_json(drive, &call.caller.email)))
}

pub(super) fn create(world: &mut World, call: &Call) -> Result<Answer> {
    let me = call.caller.email.clone();
    let missing = || ApiError::at(400, "required", "name", Some(("drive.name", "other")));
    let name = call.text("name").ok_or_else(missing)?.to_owned();
    let created = world.tick();
    let mut root = world.blank("Drive", mime::FOLDER, &me);
    root.id = world.root_id();
    root.drive = Some(root.id.clone());
    let permission = world.permission("user", &me, Role::Organizer);
    root.permissions.push(permission);
    let id = root.id.clone();
    let drive = Drive { id: id.clone(), name, created, hidden_by: [].into() };
    world.files.insert(id.clone(), root);
    let json = {
        world.drives.insert(id.clone(), drive.clone());
        world.drive_json(&drive, &me)
    };
    note(world, &id);
    Ok(Answer::Json(json))
}

pub(super) fn update(world: &mut World, call: &Call) -> Result<Answer> {
    let id = find(world, call, Role::Organizer)?.id.clone();
    world.tick();
    if let (Some(name), Some(drive)) = (call.text("name"), world.drives.get_mut(&id)) {
        name.clone_into(&mut drive.name);
    }
    note(world, &id);
    get(world, call)
}

pub(super) fn delete(world: &mut World, call: &Call) -> Result<Answer> {
    let id = find(world, call, Role::Organizer)?.id.clone();
    let is_empty = world.children(&id).is_empty();
    if !is_empty && !call.flag("allowItemDeletion") {
        let message = "Shared drives that have untrashed items cannot be deleted.";
        return Err(ApiError::new(403, "cannotDeleteTeamDrive", message));
    }
    let audience = world.audience(&id);
    remove(world, &id);
    world.drives.remove(&id);
    world.note(&id, Some(id.clone()), true, audience);
    Ok(Answer::Empty)
}

pub(super) fn hide(world: &mut World, call: &Call, hides: bool) -> Result<Answer> {
    let id = find(world, call, Role::Reader)?.id.clone();
    let me = call.caller.email.clone();
    if let Some(drive) = world.drives.get_mut(&id) {
        if hides {
            drive.hidden_by.insert(me);
        } else {
            drive.hidden_by.remove(&me);
        }
    }
    get(world, call)
}

fn note(world: &mut World, id: &str) {
    let audience = world.audience(id);
    world.note(id, Some(id.to_owned()), true, audience);
}

fn role(world: &World, id: &str, me: &str) -> Role {
    world.files.get(id).map_or(Role::None, |root| world.role(root, me))
}

fn find<'a>(world: &'a World, call: &Call, least: Role) -> Result<&'a Drive> {
    let id = call.id("driveId");
    let missing = || ApiError::nothing("Shared drive", id, "driveId");
    let drive = world.drives.get(id).ok_or_else(missing)?;
    match role(world, id, &call.caller.email) {
        Role::None => Err(missing()),
        role if role < least => Err(ApiError::no_right()),
        _ => Ok(drive),
    }
}

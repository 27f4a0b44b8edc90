//! Who a file is shared with.

use serde_json::{Value, json};

use super::page::page;
use crate::call::{Answer, Call};
use crate::error::{ApiError, Result};
use crate::query;
use crate::world::{File, Role, World};

pub(super) fn list(world: &mut World, call: &Call) -> Result<Answer> {
    let file = call.file(world)?;
    may_list(world, call, file)?;
    let all: Vec<Value> = world
        .permissions(file)
        .into_iter()
        .map(|(one, from)| world.permission_json(one, from, file))
        .collect();
    // Without a size, what is in My Drive comes on one page.
    let whole = if file.drive.is_some() { 100 } else { usize::MAX };
    let (found, next) = page(call, world.skipped, all, call.number("pageSize", whole))?;
    let mut list = json!({ "kind": "drive#permissionList", "permissions": found });
    if let Some(next) = next {
        list["nextPageToken"] = json!(next);
    }
    Ok(Answer::Json(list))
}

/// Readers don't learn with whom else a file is shared.
fn may_list(world: &World, call: &Call, file: &File) -> Result<()> {
    let may = world.may(file, &call.caller.email, "canShare")
        || file.drive.is_some()
        || world.role(file, &call.caller.email) >= Role::Writer;
    if may { Ok(()) } else { Err(ApiError::no_right()) }
}

pub(super) fn get(world: &mut World, call: &Call) -> Result<Answer> {
    let file = call.file(world)?;
    may_list(world, call, file)?;
    shown(world, call, file, call.id("permissionId"))
}

fn shown(world: &World, _: &Call, file: &File, id: &str) -> Result<Answer> {
    let found = world.permissions(file).into_iter().find(|(one, _)| one.id == id);
    let (one, from) = found.ok_or_else(|| ApiError::nothing("Permission", id, "permissionId"))?;
    Ok(Answer::Json(world.permission_json(one, from, file)))
}

pub(super) fn create(world: &mut World, call: &Call) -> Result<Answer> {
    let mut file = call.file_to(world, "canShare")?;
    let missing = |name: &str| {
        let message = format!("The permission {name} field is required.");
        ApiError::at(400, "required", &message, Some((&format!("permission.{name}"), "other")))
    };
    let kind = call.text("type").ok_or_else(|| missing("type"))?;
    let role = role_in(call)?.ok_or_else(|| missing("role"))?;
    let whom = match kind {
        "user" | "group" => call.text("emailAddress").ok_or_else(|| missing("emailAddress"))?,
        "domain" => call.text("domain").ok_or_else(|| missing("domain"))?,
        "anyone" => "",
        _ => return Err(ApiError::parameter("permission.type", "The specified type is invalid.")),
    };
    check_role(world, call, &file, role)?;
    let transfers = role == Role::Owner;
    let mut permission = world.permission(kind, whom, role);
    permission.discoverable = call.body.get("allowFileDiscovery") == Some(&Value::Bool(true));
    permission.expires = expiry(world, call)?;
    let id = permission.id.clone();
    let audience = world.audience(&file.id);
    file.permissions.retain(|one| one.id != id);
    file.permissions.push(permission);
    if transfers {
        hand_over(&mut file, whom);
    }
    file.shared_at = world.tick();
    keep(world, file, audience, call, &id)
}

pub(super) fn update(world: &mut World, call: &Call) -> Result<Answer> {
    let mut file = call.file_to(world, "canShare")?;
    let id = call.id("permissionId").to_owned();
    let role = role_in(call)?;
    if let Some(role) = role {
        check_role(world, call, &file, role)?;
    }
    let expires = expiry(world, call)?;
    let removes = call.flag("removeExpiration");
    let inherited = world.permissions(&file).iter().any(|(one, _)| one.id == id);
    let Some(own) = file.permissions.iter_mut().find(|one| one.id == id) else {
        return Err(not_own(inherited, &id));
    };
    if let Some(role) = role {
        own.role = role;
    }
    own.expires = if removes { None } else { expires.or(own.expires) };
    let whom = own.whom.clone();
    if role == Some(Role::Owner) {
        hand_over(&mut file, &whom);
    }
    let audience = world.audience(&file.id);
    world.tick();
    keep(world, file, audience, call, &id)
}

pub(super) fn delete(world: &mut World, call: &Call) -> Result<Answer> {
    let file = call.file(world)?;
    let id = call.id("permissionId").to_owned();
    let me = world.users.get(&call.caller.email).map(|user| user.permission_id.clone());
    // Everybody may take themselves off.
    let mut file =
        if me.as_ref() == Some(&id) { file.clone() } else { call.file_to(world, "canShare")? };
    let inherited = world.permissions(&file).iter().any(|(one, _)| one.id == id);
    let Some(own) = file.permissions.iter().find(|one| one.id == id) else {
        return Err(not_own(inherited, &id));
    };
    if own.role == Role::Owner {
        return Err(ApiError::no_right());
    }
    let audience = world.audience(&file.id);
    file.permissions.retain(|one| one.id != id);
    world.tick();
    let id = file.id.clone();
    world.files.insert(id.clone(), file);
    world.changed(&id, audience);
    Ok(Answer::Empty)
}

fn keep(
    world: &mut World,
    file: File,
    audience: std::collections::BTreeSet<String>,
    call: &Call,
    permission: &str,
) -> Result<Answer> {
    let id = file.id.clone();
    world.files.insert(id.clone(), file);
    world.changed(&id, audience);
    let file = world.files.get(&id).ok_or_else(|| ApiError::no_file(&id))?;
    shown(world, call, file, permission)
}

fn role_in(call: &Call) -> Result<Option<Role>> {
    let invalid = || ApiError::parameter("permission.role", "The specified role is invalid.");
    call.text("role").map(|word| Role::parse(word).ok_or_else(invalid)).transpose()
}

fn check_role(world: &World, call: &Call, file: &File, role: Role) -> Result<()> {
    let mine = world.role(file, &call.caller.email);
    if role == Role::Owner {
        if file.drive.is_some() {
            let message = "The owner of a shared drive item cannot be changed.";
            return Err(ApiError::new(403, "ownerOnTeamDriveItemNotSupported", message));
        }
        if !call.flag("transferOwnership") {
            let message = "The transferOwnership parameter must be enabled when the permission role is 'owner'.";
            let location = Some(("transferOwnership", "parameter"));
            return Err(ApiError::at(403, "forbidden", message, location));
        }
        if mine != Role::Owner {
            return Err(ApiError::no_right());
        }
    }
    if role >= Role::FileOrganizer && role < Role::Owner && file.drive.is_none() {
        let message = "The specified role is only valid for shared drive items.";
        return Err(ApiError::new(403, "organizerOnNonTeamDriveNotSupported", message));
    }
    if role > mine { Err(ApiError::no_right()) } else { Ok(()) }
}

fn expiry(world: &World, call: &Call) -> Result<Option<chrono::DateTime<chrono::Utc>>> {
    let Some(text) = call.text("expirationTime") else { return Ok(None) };
    match query::time(text) {
        Some(time) if time > world.now => Ok(Some(time)),
        _ => {
            let message = "The expiration date must be in the future.";
            Err(ApiError::new(403, "expirationDateMustBeInTheFuture", message))
        }
    }
}

fn not_own(inherited: bool, id: &str) -> ApiError {
    if inherited {
        let message = "Cannot update a permission that is inherited from a parent.";
        ApiError::new(403, "cannotModifyInheritedPermission", message)
    } else {
        ApiError::nothing("Permission", id, "permissionId")
    }
}

/// Who owned it before may still edit it.
fn hand_over(file: &mut File, to: &str) {
    for one in &mut file.permissions {
        if one.role == Role::Owner && one.whom != to {
            one.role = Role::Writer;
        }
    }
    file.owner = Some(to.to_owned());
}

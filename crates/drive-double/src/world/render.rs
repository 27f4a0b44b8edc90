//! Resources as Drive writes them, for one user.

use chrono::{DateTime, SecondsFormat, Utc};
use serde_json::{Map, Value, json};

use crate::call::Caller;
use crate::formats;
use crate::mask::Mask;
use crate::seed::mime;

use super::{Comment, Drive, File, Permission, Reply, Revision, Role, World};

/// A time as Google writes it.
pub(crate) fn moment(time: DateTime<Utc>) -> String {
    time.to_rfc3339_opts(SecondsFormat::Millis, true)
}

/// A user as it stands in resources.
pub(crate) fn user(world: &World, email: &str, me: &str) -> Value {
    let known = world.users.get(email);
    json!({
        "kind": "drive#user",
        "displayName": known.map_or(email, |user| &user.name),
        "me": email == me,
        "permissionId": known.map(|user| user.permission_id.as_str()).unwrap_or_default(),
        "emailAddress": email,
    })
}

impl World {
    /// A file, as a caller sees it. What costs something is only there if the mask wants it.
    pub(crate) fn file(&self, file: &File, caller: &Caller, mask: &Mask) -> Value {
        let me = caller.email.as_str();
        let mut all = Map::new();
        let mut set = |name: &str, value: Value| drop(all.insert(name.to_owned(), value));
        set("kind", json!("drive#file"));
        set("id", json!(file.id));
        set("name", json!(self.name(file)));
        set("mimeType", json!(file.mime_type));
        let is_trashed = self.is_trashed(file);
        set("starred", json!(file.starred_by.contains(me)));
        set("trashed", json!(is_trashed));
        set("explicitlyTrashed", json!(file.trashed.is_some()));
        set("createdTime", json!(moment(file.created)));
        set("modifiedTime", json!(moment(file.modified)));
        set("version", json!(file.version.to_string()));
        set("spaces", json!(["drive"]));
        set("ownedByMe", json!(file.owner.as_deref() == Some(me)));
        set("modifiedByMe", json!(file.modified_by == me));
        if file.modified_by == me {
            set("modifiedByMeTime", json!(moment(file.modified)));
        }
        set("lastModifyingUser", user(self, &file.modified_by, me));
        set("viewedByMe", json!(file.viewed_by.contains_key(me)));
        if let Some(time) = file.viewed_by.get(me) {
            set("viewedByMeTime", json!(moment(*time)));
        }
        set("copyRequiresWriterPermission", json!(file.copy_needs_writer));
        set("viewersCanCopyContent", json!(!file.copy_needs_writer));
        set("isAppAuthorized", json!(file.apps.contains(&caller.app)));
        set("webViewLink", json!(link(file)));
        set("thumbnailVersion", json!("0"));
        set("hasThumbnail", json!(false));
        let parents = self.visible_parents(file, caller);
        if !parents.is_empty() {
            set("parents", json!(parents));
        }
        if let Some(text) = &file.description {
            set("description", json!(text));
        }
        if !file.properties.is_empty() {
            set("properties", json!(file.properties));
        }
        if !file.app_properties.is_empty() && file.apps.contains(&caller.app) {
            set("appProperties", json!(file.app_properties));
        }
        if mask.wants(&["capabilities"]) {
            set("capabilities", Value::Object(self.capabilities(file, me)));
        }
        let permissions = self.permissions(file);
        set("shared", json!(file.drive.is_some() || permissions.len() > 1));
        if let Some(drive) = &file.drive {
            set("driveId", json!(drive));
            set("teamDriveId", json!(drive));
            set("hasAugmentedPermissions", json!(file.permissions.len() > 1));
        } else {
            set("writersCanShare", json!(file.writers_can_share));
            let owner = file.owner.as_deref().unwrap_or_default();
            set("owners", json!([user(self, owner, me)]));
            if file.is_shared_with(me) {
                set("sharedWithMeTime", json!(moment(file.shared_at)));
                set("sharingUser", user(self, owner, me));
            }
        }
        if self.may(file, me, "canShare") || file.drive.is_some() {
            let ids: Vec<&str> = permissions.iter().map(|(one, _)| one.id.as_str()).collect();
            set("permissionIds", json!(ids));
            // Of what is in shared drives they are only listed by their own method.
            if file.drive.is_none() {
                let all = permissions.iter();
                let all = all.map(|(one, from)| self.permission_json(one, from, file));
                set("permissions", Value::Array(all.collect()));
            }
        }
        if let Some((time, by)) = file.trashed.as_ref().filter(|_| file.drive.is_some()) {
            set("trashedTime", json!(moment(*time)));
            set("trashingUser", user(self, by, me));
        }
        if let Some(target) = &file.target {
            let kind = self.files.get(target).map(|target| target.mime_type.as_str());
            let mut details = json!({ "targetId": target });
            if let Some(kind) = kind {
                details["targetMimeType"] = json!(kind);
            }
            set("shortcutDetails", details);
        }
        for (name, value) in &file.more {
            set(name, value.clone());
        }
        set("quotaBytesUsed", json!(file.quota().to_string()));
        content_fields(file, mask, &mut set);
        Value::Object(all)
    }

    /// Its name; a shared drive's top folder has that of the drive.
    pub(crate) fn name<'a>(&'a self, file: &'a File) -> &'a str {
        self.drives.get(&file.id).map_or(&file.name, |drive| &drive.name)
    }

    /// The folders above that the caller may see: of a file that was shared by itself, none.
    pub(crate) fn visible_parents(&self, file: &File, caller: &Caller) -> Vec<String> {
        let parents = file.parents.iter().filter_map(|id| self.files.get(id));
        let seen = parents.filter(|parent| self.role(parent, &caller.email) >= Role::Reader);
        seen.map(|parent| parent.id.clone()).collect()
    }

    /// A permission on a file, which may come from a folder above.
    pub(crate) fn permission_json(&self, one: &Permission, from: &File, file: &File) -> Value {
        let mut json = json!({
            "kind": "drive#permission",
            "id": one.id,
            "type": one.kind,
            "role": one.role.word(),
        });
        match one.kind.as_str() {
            "anyone" => json["allowFileDiscovery"] = json!(one.discoverable),
            "domain" => {
                json["allowFileDiscovery"] = json!(one.discoverable);
                json["domain"] = json!(one.whom);
                json["displayName"] = json!(one.whom);
            }
            _ => {
                let name = self.users.get(&one.whom).map_or(&one.whom, |user| &user.name);
                json["emailAddress"] = json!(one.whom);
                json["displayName"] = json!(name);
                json["deleted"] = json!(false);
                json["pendingOwner"] = json!(false);
            }
        }
        if let Some(time) = one.expires {
            json["expirationTime"] = json!(moment(time));
        }
        if file.drive.is_some() {
            let inherited = from.id != file.id;
            let kind = if from.parents.is_empty() { "member" } else { "file" };
            let mut detail =
                json!({ "permissionType": kind, "role": one.role.word(), "inherited": inherited });
            if inherited {
                detail["inheritedFrom"] = json!(from.id);
            }
            json["permissionDetails"] = json!([detail]);
        }
        json
    }

    pub(crate) fn drive_json(&self, drive: &Drive, me: &str) -> Value {
        let role = self.files.get(&drive.id).map_or(Role::None, |root| self.role(root, me));
        let writes = role >= Role::Writer;
        let organizes = role >= Role::Organizer;
        json!({
            "kind": "drive#drive",
            "id": drive.id,
            "name": drive.name,
            "colorRgb": "#4ca0e6",
            "createdTime": moment(drive.created),
            "hidden": drive.hidden_by.contains(me),
            "restrictions": {
                "adminManagedRestrictions": false,
                "copyRequiresWriterPermission": false,
                "domainUsersOnly": false,
                "driveMembersOnly": false,
                "sharingFoldersRequiresOrganizerPermission": false,
            },
            "capabilities": {
                "canAddChildren": writes,
                "canComment": role >= Role::Commenter,
                "canCopy": true,
                "canDeleteChildren": organizes,
                "canDeleteDrive": organizes,
                "canDownload": true,
                "canEdit": writes,
                "canListChildren": true,
                "canManageMembers": organizes,
                "canReadRevisions": writes,
                "canRename": writes,
                "canRenameDrive": organizes,
                "canShare": writes,
                "canTrashChildren": role >= Role::FileOrganizer,
            },
        })
    }

    pub(crate) fn revision_json(&self, file: &File, one: &Revision, me: &str, sums: bool) -> Value {
        let mut json = json!({
            "kind": "drive#revision",
            "id": one.id,
            "mimeType": one.mime_type,
            "modifiedTime": moment(one.modified),
            "published": false,
            "lastModifyingUser": user(self, &one.by, me),
        });
        if !file.is_native() {
            json["keepForever"] = json!(one.keep);
            json["originalFilename"] = json!(one.name);
            json["size"] = json!(one.content.len().to_string());
            if sums {
                json["md5Checksum"] = json!(one.content.sums().md5);
            }
        }
        json
    }

    pub(crate) fn comment_json(&self, one: &Comment, me: &str, with_deleted: bool) -> Value {
        let replies = one.replies.iter().filter(|reply| with_deleted || !reply.deleted);
        let replies: Vec<Value> = replies.map(|reply| self.reply_json(reply, me)).collect();
        let mut json = json!({
            "kind": "drive#comment",
            "id": one.id,
            "createdTime": moment(one.created),
            "modifiedTime": moment(one.modified),
            "author": person(self, &one.author, me),
            "deleted": one.deleted,
            "replies": replies,
        });
        if !one.deleted {
            json["content"] = json!(one.content);
            json["htmlContent"] = json!(escaped(&one.content));
            if one.resolved {
                json["resolved"] = json!(true);
            }
            if let Some(quoted) = &one.quoted {
                json["quotedFileContent"] = quoted.clone();
            }
            if let Some(anchor) = &one.anchor {
                json["anchor"] = json!(anchor);
            }
        }
        json
    }

    pub(crate) fn reply_json(&self, one: &Reply, me: &str) -> Value {
        let mut json = json!({
            "kind": "drive#reply",
            "id": one.id,
            "createdTime": moment(one.created),
            "modifiedTime": moment(one.modified),
            "author": person(self, &one.author, me),
            "deleted": one.deleted,
        });
        if let Some(action) = &one.action {
            json["action"] = json!(action);
        }
        if !one.deleted {
            json["content"] = json!(one.content);
            json["htmlContent"] = json!(escaped(&one.content));
        }
        json
    }
}

impl File {
    /// Whether someone else's file was shared with a user.
    pub(crate) fn is_shared_with(&self, email: &str) -> bool {
        let named = |one: &Permission| one.kind == "user" && one.whom == email;
        self.drive.is_none()
            && self.owner.as_deref() != Some(email)
            && self.permissions.iter().any(named)
    }

    /// What a file takes of its owner's space.
    pub(crate) fn quota(&self) -> u64 {
        if self.is_native() { 0 } else { self.head().map_or(0, |head| head.content.len()) }
    }
}

/// What is said of content.
fn content_fields(file: &File, mask: &Mask, set: &mut impl FnMut(&str, Value)) {
    let Some(head) = file.head() else { return };
    if file.is_native() {
        let links = formats::exports(&file.mime_type).into_iter().map(|kind| {
            let link = format!("https://docs.google.com/feeds/download/{}?as={kind}", file.id);
            (kind.to_owned(), json!(link))
        });
        set("exportLinks", Value::Object(links.collect()));
        set("size", json!(head.content.len().to_string()));
        return;
    }
    set("size", json!(head.content.len().to_string()));
    set("headRevisionId", json!(head.id));
    set("originalFilename", json!(head.name));
    let extension = file.name.rsplit_once('.').map(|(_, end)| end).unwrap_or_default();
    set("fileExtension", json!(extension));
    set("fullFileExtension", json!(extension));
    let link = format!("https://drive.google.com/uc?id={}&export=download", file.id);
    set("webContentLink", json!(link));
    // Sums of gigabytes take a while.
    let summed = ["md5Checksum", "sha1Checksum", "sha256Checksum"];
    if summed.iter().any(|name| mask.wants(&[name])) {
        let sums = head.content.sums();
        set("md5Checksum", json!(sums.md5));
        if let Some(sum) = head.content.sha1() {
            set("sha1Checksum", json!(sum));
        }
        set("sha256Checksum", json!(sums.sha256));
    }
}

/// Authors come without their address and permission id.
fn person(world: &World, email: &str, me: &str) -> Value {
    let known = user(world, email, me);
    json!({ "kind": "drive#user", "displayName": known["displayName"], "me": known["me"] })
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

fn link(file: &File) -> String {
    let id = &file.id;
    match file.mime_type.as_str() {
        mime::FOLDER => format!("https://drive.google.com/drive/folders/{id}"),
        mime::DOCUMENT => format!("https://docs.google.com/document/d/{id}/edit?usp=drivesdk"),
        mime::SPREADSHEET => {
            format!("https://docs.google.com/spreadsheets/d/{id}/edit?usp=drivesdk")
        }
        mime::PRESENTATION => {
            format!("https://docs.google.com/presentation/d/{id}/edit?usp=drivesdk")
        }
        _ => format!("https://drive.google.com/file/d/{id}/view?usp=drivesdk"),
    }
}

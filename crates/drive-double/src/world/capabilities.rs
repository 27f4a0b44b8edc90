//! What a user may do with a file: said in `capabilities`, and asked by every method that changes
//! something, so that both are one.

use serde_json::{Map, Value};

use crate::seed::mime;

use super::{File, Role, World};

impl World {
    /// Each capability by its name.
    pub(crate) fn capabilities(&self, file: &File, email: &str) -> Map<String, Value> {
        let role = self.role(file, email);
        let in_drive = file.drive.is_some();
        let is_top = file.parents.is_empty() && (in_drive || self.is_root(file));
        let folder = file.is_folder();
        let shortcut = file.mime_type == mime::SHORTCUT;
        let writes = role >= Role::Writer;
        let copies = role >= Role::Reader && !folder && (writes || !file.copy_needs_writer);
        let removes = if in_drive { role >= Role::Organizer } else { role == Role::Owner };
        let organizes = if in_drive { role >= Role::FileOrganizer } else { role == Role::Owner };
        let shares = writes && (file.writers_can_share || role >= Role::Organizer);
        let read_only = file.more.get("contentRestrictions").and_then(Value::as_array);
        let read_only = read_only.is_some_and(|all| all.iter().any(|one| one["readOnly"] == true));
        let is_trashed = self.is_trashed(file);
        let edits = writes && !is_trashed;
        let all = [
            ("canAcceptOwnership", false),
            ("canAddChildren", folder && edits),
            ("canAddFolderFromAnotherDrive", folder && edits && in_drive),
            ("canAddMyDriveParent", false),
            ("canChangeCopyRequiresWriterPermission", writes),
            ("canChangeSecurityUpdateEnabled", false),
            ("canComment", role >= Role::Commenter),
            ("canCopy", copies),
            ("canDelete", removes && !is_top),
            ("canDeleteChildren", folder && removes && in_drive),
            ("canDownload", copies && !shortcut),
            ("canEdit", edits),
            ("canListChildren", folder && role >= Role::Reader),
            ("canModifyContent", edits && !read_only),
            ("canModifyContentRestriction", writes),
            ("canModifyLabels", false),
            ("canMoveChildrenOutOfDrive", folder && in_drive && role >= Role::Organizer),
            ("canMoveChildrenWithinDrive", folder && edits),
            ("canMoveItemIntoTeamDrive", organizes && !is_top),
            ("canMoveItemOutOfDrive", !is_top && if in_drive { removes } else { organizes }),
            ("canMoveItemWithinDrive", !is_top && edits),
            ("canReadDrive", in_drive && role >= Role::Reader),
            ("canReadLabels", false),
            ("canReadRevisions", !folder && !shortcut && writes),
            ("canRemoveChildren", folder && edits),
            ("canRemoveMyDriveParent", false),
            ("canRename", edits && !is_top),
            ("canShare", shares),
            ("canTrash", organizes && !is_top),
            ("canTrashChildren", folder && in_drive && role >= Role::FileOrganizer),
            ("canUntrash", organizes && !is_top),
        ];
        all.into_iter().map(|(name, may)| (name.to_owned(), Value::Bool(may))).collect()
    }

    /// Whether a user may do this.
    pub(crate) fn may(&self, file: &File, email: &str, capability: &str) -> bool {
        self.capabilities(file, email).get(capability) == Some(&Value::Bool(true))
    }
}

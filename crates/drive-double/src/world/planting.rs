//! What a seed says becomes files.

use crate::content::Content;
use crate::query;
use crate::seed::{NewBody, NewDrive, NewFile, Seed, mime};

use super::{APP, Drive, Permission, Role, World};

impl World {
    /// Everything that a seed has, in its order.
    pub(crate) fn plant(&mut self, seed: Seed) -> Result<(), String> {
        self.user(crate::ME);
        for email in &seed.users {
            self.user(email);
        }
        for drive in seed.drives {
            self.plant_drive(drive)?;
        }
        for file in seed.files {
            self.plant_file(file)?;
        }
        Ok(())
    }

    fn plant_drive(&mut self, new: NewDrive) -> Result<(), String> {
        let created = self.tick();
        let mut root = self.blank("Drive", mime::FOLDER, crate::ME);
        new.id.clone_into(&mut root.id);
        root.drive = Some(new.id.clone());
        for (email, role) in new.members {
            let role = Role::parse(&role).ok_or_else(|| format!("`{role}` is no role"))?;
            root.permissions.push(self.permission("user", &email, role));
        }
        let drive = Drive { id: new.id.clone(), name: new.name, created, hidden_by: [].into() };
        self.files.insert(new.id.clone(), root);
        self.drives.insert(new.id.clone(), drive);
        let audience = self.audience(&new.id);
        self.note(&new.id, Some(new.id.clone()), true, audience);
        Ok(())
    }

    /// The id of the new file.
    pub(crate) fn plant_file(&mut self, new: NewFile) -> Result<String, String> {
        let owner = new.owner.unwrap_or_else(|| crate::ME.to_owned());
        let root = self.user(&owner).root;
        let mut file = self.blank(&new.name, &new.mime_type, &owner);
        if let Some(id) = new.id {
            file.id = id;
        }
        if self.files.contains_key(&file.id) {
            return Err(format!("there are two files `{}`", file.id));
        }
        let moment = |text: &str| query::time(text).ok_or_else(|| format!("`{text}` is no time"));
        if let Some(time) = &new.modified {
            file.modified = moment(time)?;
            file.created = file.modified;
        }
        if let Some(time) = &new.created {
            file.created = moment(time)?;
        }
        let parents = new.parents.unwrap_or_else(|| vec![root]);
        if let Some(missing) = parents.iter().find(|id| !self.files.contains_key(*id)) {
            return Err(format!("`{}` is in `{missing}`, which isn't there", new.name));
        }
        for (kind, whom, role) in new.permissions {
            let role = Role::parse(&role).ok_or_else(|| format!("`{role}` is no role"))?;
            let permission = self.permission(&kind, &whom, role);
            file.permissions.push(permission);
        }
        let now = file.modified;
        file.description = new.description;
        file.properties = new.properties;
        file.target = new.target;
        file.sheets = new.sheets;
        file.tabs = new.tabs;
        file.exports = new
            .exports
            .into_iter()
            .filter_map(|(kind, body)| Some((kind, content(body)?)))
            .collect();
        file.copy_needs_writer = new.copy_needs_writer;
        file.trashed = new.trashed.then(|| (now, owner.clone()));
        if new.starred {
            file.starred_by.insert(crate::ME.to_owned());
        }
        if new.viewed {
            file.viewed_by.insert(crate::ME.to_owned(), now);
        }
        if new.by_app {
            file.apps.insert(APP.to_owned());
        }
        let is_empty = matches!(file.mime_type.as_str(), mime::FOLDER | mime::SHORTCUT);
        if !is_empty {
            let content = content(new.body).unwrap_or_else(|| Content::kept(""));
            self.revise(&mut file, content, &owner);
        }
        Ok(self.place(file, parents, &owner))
    }

    /// A permission with the id that Google gives to whom it is for.
    pub(crate) fn permission(&mut self, kind: &str, whom: &str, role: Role) -> Permission {
        let id = match kind {
            "anyone" => "anyoneWithLink".to_owned(),
            "domain" => {
                let sum =
                    whom.bytes().fold(7_u64, |sum, byte| sum.wrapping_mul(31) + u64::from(byte));
                format!("{sum:020}k")
            }
            _ => self.user(whom).permission_id,
        };
        let (kind, whom) = (kind.to_owned(), whom.to_owned());
        Permission { id, kind, role, whom, discoverable: false, expires: None }
    }
}

fn content(body: NewBody) -> Option<Content> {
    match body {
        NewBody::Nothing => None,
        NewBody::Text(text) => Some(Content::kept(text)),
        NewBody::Bytes(bytes) => Some(Content::kept(bytes)),
        NewBody::Rule(length, seed) => Some(Content::by_rule(length, seed)),
    }
}

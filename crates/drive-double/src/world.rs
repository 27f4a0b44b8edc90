//! Everything that the double knows, and the few ways in which it changes. Time and ids are its own, so
//! that the same requests give the same answers.

mod access;
mod capabilities;
mod planting;
mod render;

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::Value;

use crate::content::{Content, mixed};
use crate::oauth::Accounts;
use crate::seed::{NewSheet, mime};

pub(crate) use self::access::Role;
pub(crate) use self::render::{moment, user};

/// The client that tokens are of, unless something else is said.
pub(crate) const APP: &str = "double.apps.googleusercontent.com";

#[derive(Debug)]
pub(crate) struct World {
    pub(crate) now: DateTime<Utc>,
    /// Seconds by which tests moved the clock on: what expires follows these, not the changes.
    pub(crate) skipped: i64,
    ids: u64,
    pub(crate) users: BTreeMap<String, User>,
    pub(crate) files: BTreeMap<String, File>,
    pub(crate) drives: BTreeMap<String, Drive>,
    pub(crate) changes: Vec<Change>,
    pub(crate) accounts: Accounts,
    pub(crate) settings: Settings,
}

/// What tests switch.
#[derive(Debug, Default)]
pub(crate) struct Settings {
    /// Searches say that they didn't look everywhere.
    pub(crate) incomplete_search: bool,
    /// Hosts of services that the project hasn't switched on.
    pub(crate) disabled: BTreeSet<String>,
    /// Files that a page has at most, whatever is asked for.
    pub(crate) most_on_a_page: Option<usize>,
}

#[derive(Debug, Clone)]
pub(crate) struct User {
    pub(crate) email: String,
    pub(crate) name: String,
    pub(crate) permission_id: String,
    pub(crate) root: String,
    /// Bytes that may be stored; service accounts have none.
    pub(crate) quota: u64,
}

#[derive(Debug, Clone)]
pub(crate) struct Drive {
    pub(crate) id: String,
    pub(crate) name: String,
    pub(crate) created: DateTime<Utc>,
    pub(crate) hidden_by: BTreeSet<String>,
}

#[derive(Debug, Clone)]
pub(crate) struct File {
    pub(crate) id: String,
    pub(crate) name: String,
    pub(crate) mime_type: String,
    pub(crate) parents: Vec<String>,
    pub(crate) drive: Option<String>,
    /// None in shared drives.
    pub(crate) owner: Option<String>,
    pub(crate) description: Option<String>,
    pub(crate) properties: BTreeMap<String, String>,
    pub(crate) app_properties: BTreeMap<String, String>,
    pub(crate) created: DateTime<Utc>,
    pub(crate) modified: DateTime<Utc>,
    pub(crate) modified_by: String,
    /// When, and by whom; what is in a trashed folder has none of its own.
    pub(crate) trashed: Option<(DateTime<Utc>, String)>,
    pub(crate) starred_by: BTreeSet<String>,
    pub(crate) viewed_by: BTreeMap<String, DateTime<Utc>>,
    pub(crate) shared_at: DateTime<Utc>,
    pub(crate) permissions: Vec<Permission>,
    /// The oldest first; those of Google's types hold what they are converted from.
    pub(crate) revisions: Vec<Revision>,
    pub(crate) exports: BTreeMap<String, Content>,
    pub(crate) sheets: Vec<NewSheet>,
    pub(crate) tabs: Vec<(String, String)>,
    pub(crate) target: Option<String>,
    pub(crate) comments: Vec<Comment>,
    /// The applications that `drive.file` is enough for.
    pub(crate) apps: BTreeSet<String>,
    pub(crate) copy_needs_writer: bool,
    pub(crate) writers_can_share: bool,
    /// Fields that are kept as they were written, such as `folderColorRgb`.
    pub(crate) more: BTreeMap<String, Value>,
    pub(crate) version: u64,
}

#[derive(Debug, Clone)]
pub(crate) struct Permission {
    pub(crate) id: String,
    /// `user`, `group`, `domain` or `anyone`.
    pub(crate) kind: String,
    pub(crate) role: Role,
    /// An address or a domain.
    pub(crate) whom: String,
    pub(crate) discoverable: bool,
    pub(crate) expires: Option<DateTime<Utc>>,
}

#[derive(Debug, Clone)]
pub(crate) struct Revision {
    pub(crate) id: String,
    pub(crate) mime_type: String,
    pub(crate) name: String,
    pub(crate) content: Content,
    pub(crate) modified: DateTime<Utc>,
    pub(crate) by: String,
    pub(crate) keep: bool,
}

#[derive(Debug, Clone)]
pub(crate) struct Comment {
    pub(crate) id: String,
    pub(crate) author: String,
    pub(crate) content: String,
    pub(crate) quoted: Option<Value>,
    pub(crate) anchor: Option<String>,
    pub(crate) created: DateTime<Utc>,
    pub(crate) modified: DateTime<Utc>,
    pub(crate) resolved: bool,
    pub(crate) deleted: bool,
    pub(crate) replies: Vec<Reply>,
}

#[derive(Debug, Clone)]
pub(crate) struct Reply {
    pub(crate) id: String,
    pub(crate) author: String,
    pub(crate) content: String,
    pub(crate) action: Option<String>,
    pub(crate) created: DateTime<Utc>,
    pub(crate) modified: DateTime<Utc>,
    pub(crate) deleted: bool,
}

/// Something happened to a file or a shared drive.
#[derive(Debug, Clone)]
pub(crate) struct Change {
    pub(crate) id: String,
    pub(crate) is_drive: bool,
    pub(crate) drive: Option<String>,
    pub(crate) time: DateTime<Utc>,
    /// Who could see it before or after.
    pub(crate) audience: BTreeSet<String>,
}

impl World {
    pub(crate) fn new() -> Self {
        let now = DateTime::from_timestamp(1_767_603_600, 0).unwrap_or_default();
        Self {
            now,
            skipped: 0,
            ids: 0,
            users: BTreeMap::new(),
            files: BTreeMap::new(),
            drives: BTreeMap::new(),
            changes: Vec::new(),
            accounts: Accounts::default(),
            settings: Settings::default(),
        }
    }

    /// The next moment: every change has a time of its own.
    pub(crate) fn tick(&mut self) -> DateTime<Utc> {
        self.now += TimeDelta::seconds(1);
        self.now
    }

    /// Moves the clock on.
    pub(crate) fn skip(&mut self, seconds: i64) {
        self.now += TimeDelta::seconds(seconds);
        self.skipped += seconds;
    }

    /// An id like those of files.
    pub(crate) fn file_id(&mut self) -> String {
        format!("1{}", self.word(32))
    }

    /// An id like those of root folders and shared drives.
    pub(crate) fn root_id(&mut self) -> String {
        format!("0A{}Uk9PVA", self.word(11))
    }

    /// So many letters and digits that weren't given before.
    pub(crate) fn word(&mut self, length: usize) -> String {
        const LETTERS: &[u8; 64] =
            b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
        self.ids += 1;
        let (mut word, mut number) = (String::new(), 0);
        for at in 0..length {
            number = if at % 10 == 0 { mixed(self.ids * 16 + at as u64 / 10) } else { number >> 6 };
            let letter = LETTERS.get(usize::try_from(number & 63).unwrap_or_default());
            word.push(char::from(letter.copied().unwrap_or(b'A')));
        }
        word
    }

    /// A number in digits that wasn't given before.
    pub(crate) fn digits(&mut self) -> String {
        self.ids += 1;
        format!("{:020}", mixed(self.ids))
    }

    /// The account with this address; made if there is none.
    pub(crate) fn user(&mut self, email: &str) -> User {
        if let Some(user) = self.users.get(email) {
            return user.clone();
        }
        let name = email.split(['@', '.']).next().unwrap_or_default();
        let mut letters = name.chars();
        let first = letters.next().unwrap_or('A').to_uppercase();
        let is_robot = email.ends_with(".gserviceaccount.com");
        let user = User {
            email: email.to_owned(),
            name: first.chain(letters).collect(),
            permission_id: self.digits(),
            root: self.root_id(),
            quota: if is_robot { 0 } else { 15 << 30 },
        };
        let mut root = self.blank("My Drive", mime::FOLDER, email);
        user.root.clone_into(&mut root.id);
        root.give_to(&user);
        self.files.insert(user.root.clone(), root);
        self.users.insert(email.to_owned(), user.clone());
        user
    }

    /// A file that is nowhere yet, owned by nobody.
    pub(crate) fn blank(&mut self, name: &str, mime_type: &str, by: &str) -> File {
        let now = self.tick();
        File {
            id: self.file_id(),
            name: name.to_owned(),
            mime_type: mime_type.to_owned(),
            parents: Vec::new(),
            drive: None,
            owner: None,
            description: None,
            properties: BTreeMap::new(),
            app_properties: BTreeMap::new(),
            created: now,
            modified: now,
            modified_by: by.to_owned(),
            trashed: None,
            starred_by: BTreeSet::new(),
            viewed_by: BTreeMap::new(),
            shared_at: now,
            permissions: Vec::new(),
            revisions: Vec::new(),
            exports: BTreeMap::new(),
            sheets: Vec::new(),
            tabs: Vec::new(),
            target: None,
            comments: Vec::new(),
            apps: BTreeSet::new(),
            copy_needs_writer: false,
            writers_can_share: true,
            more: BTreeMap::new(),
            version: 1,
        }
    }

    /// Gives a file its place, its drive and, outside shared drives, its owner; then it is there.
    pub(crate) fn place(&mut self, mut file: File, parents: Vec<String>, owner: &str) -> String {
        let drive = parents.iter().find_map(|parent| self.files.get(parent)?.drive.clone());
        file.parents = parents;
        if drive.is_none() {
            let user = self.user(owner);
            file.give_to(&user);
        }
        file.drive = drive;
        let id = file.id.clone();
        self.files.insert(id.clone(), file);
        self.changed(&id, BTreeSet::new());
        id
    }

    /// A new head revision.
    pub(crate) fn revise(&mut self, file: &mut File, content: Content, by: &str) {
        let revision = Revision {
            id: format!("0B{}", self.word(49)),
            mime_type: file.mime_type.clone(),
            name: file.name.clone(),
            content,
            modified: file.modified,
            by: by.to_owned(),
            keep: false,
        };
        file.revisions.push(revision);
    }

    /// Notes that a file is not as it was, for those who see it and those who did.
    pub(crate) fn changed(&mut self, id: &str, mut audience: BTreeSet<String>) {
        audience.extend(self.audience(id));
        let drive = self.files.get(id).and_then(|file| file.drive.clone());
        if let Some(file) = self.files.get_mut(id) {
            file.version += 1;
        }
        self.note(id, drive, false, audience);
    }

    /// Notes a change under an id, of a file or of a shared drive.
    pub(crate) fn note(
        &mut self,
        id: &str,
        drive: Option<String>,
        is_drive: bool,
        audience: BTreeSet<String>,
    ) {
        let time = self.now;
        self.changes.push(Change { id: id.to_owned(), is_drive, drive, time, audience });
    }

    /// The users who see a file.
    pub(crate) fn audience(&self, id: &str) -> BTreeSet<String> {
        let Some(file) = self.files.get(id) else { return BTreeSet::new() };
        let users = self.users.keys();
        users.filter(|email| self.role(file, email) >= Role::Reader).cloned().collect()
    }

    /// The files in a folder.
    pub(crate) fn children(&self, id: &str) -> Vec<String> {
        let children = self.files.values().filter(|file| file.parents.iter().any(|p| p == id));
        children.map(|file| file.id.clone()).collect()
    }

    /// A folder's files, theirs, and so on; the folder itself comes last.
    pub(crate) fn subtree(&self, id: &str) -> Vec<String> {
        let (mut found, mut open) = (Vec::new(), vec![id.to_owned()]);
        while let Some(id) = open.pop() {
            if !found.contains(&id) {
                open.extend(self.children(&id));
                found.push(id);
            }
        }
        found.reverse();
        found
    }
}

impl File {
    /// Makes a user its owner.
    fn give_to(&mut self, user: &User) {
        self.owner = Some(user.email.clone());
        self.permissions.push(Permission {
            id: user.permission_id.clone(),
            kind: "user".to_owned(),
            role: Role::Owner,
            whom: user.email.clone(),
            discoverable: false,
            expires: None,
        });
    }

    pub(crate) fn is_folder(&self) -> bool {
        self.mime_type == mime::FOLDER
    }

    /// Whether it is one of Google's own types, whose content is only to be had by export.
    pub(crate) fn is_native(&self) -> bool {
        self.mime_type.starts_with("application/vnd.google-apps.")
    }

    pub(crate) fn head(&self) -> Option<&Revision> {
        self.revisions.last()
    }

    /// Its content as text, as far as it is kept.
    pub(crate) fn text(&self) -> &str {
        self.head().map(|head| head.content.text()).unwrap_or_default()
    }
}

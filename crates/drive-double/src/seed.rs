//! What a double starts with: files, folders, shared drives, shortcuts, as Rust values or, for the
//! control endpoint and the program, as JSON.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// Everything that is there at the start.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "camelCase")]
pub struct Seed {
    /// The accounts; the first is whose tokens [`crate::Double::token`] makes. `me@example.com` is
    /// always there.
    pub users: Vec<String>,
    /// The shared drives.
    pub drives: Vec<NewDrive>,
    /// The files, each after those that it names.
    pub files: Vec<NewFile>,
}

/// A shared drive.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "camelCase")]
pub struct NewDrive {
    /// Its id, by which it is also the folder that holds its files.
    pub id: String,
    /// Its name.
    pub name: String,
    /// Members with their roles: `organizer`, `fileOrganizer`, `writer`, `commenter`, `reader`.
    pub members: Vec<(String, String)>,
}

/// A file, folder or shortcut. Made by one of its constructors, told more by its methods.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "camelCase")]
#[expect(clippy::struct_excessive_bools, reason = "each is a state that a file is in or not")]
pub struct NewFile {
    pub(crate) id: Option<String>,
    pub(crate) name: String,
    pub(crate) mime_type: String,
    pub(crate) parents: Option<Vec<String>>,
    pub(crate) owner: Option<String>,
    pub(crate) body: NewBody,
    /// By the type that it is exported as.
    pub(crate) exports: BTreeMap<String, NewBody>,
    pub(crate) sheets: Vec<NewSheet>,
    pub(crate) tabs: Vec<(String, String)>,
    pub(crate) target: Option<String>,
    pub(crate) permissions: Vec<(String, String, String)>,
    pub(crate) description: Option<String>,
    pub(crate) properties: BTreeMap<String, String>,
    pub(crate) created: Option<String>,
    pub(crate) modified: Option<String>,
    pub(crate) starred: bool,
    pub(crate) trashed: bool,
    pub(crate) viewed: bool,
    pub(crate) by_app: bool,
    pub(crate) copy_needs_writer: bool,
}

/// What a file holds.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum NewBody {
    /// Nothing.
    #[default]
    Nothing,
    /// Text.
    Text(String),
    /// Bytes.
    Bytes(Vec<u8>),
    /// So many bytes made by a rule, and the seed of the rule.
    Rule(u64, u64),
}

/// A tab of a spreadsheet.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct NewSheet {
    /// Its title.
    pub title: String,
    /// Its cells, row by row.
    pub rows: Vec<Vec<serde_json::Value>>,
}

/// Google's own types.
pub mod mime {
    /// A folder.
    pub const FOLDER: &str = "application/vnd.google-apps.folder";
    /// A shortcut.
    pub const SHORTCUT: &str = "application/vnd.google-apps.shortcut";
    /// A document.
    pub const DOCUMENT: &str = "application/vnd.google-apps.document";
    /// A spreadsheet.
    pub const SPREADSHEET: &str = "application/vnd.google-apps.spreadsheet";
    /// A presentation.
    pub const PRESENTATION: &str = "application/vnd.google-apps.presentation";
}

impl Seed {
    /// Nothing but `me@example.com` with an empty My Drive.
    pub fn new() -> Self {
        Self::default()
    }

    /// With another account.
    #[must_use]
    pub fn user(mut self, email: &str) -> Self {
        self.users.push(email.to_owned());
        self
    }

    /// With a shared drive that `me@example.com` has this role in.
    #[must_use]
    pub fn drive(mut self, id: &str, name: &str, role: &str) -> Self {
        let members = vec![(crate::ME.to_owned(), role.to_owned())];
        self.drives.push(NewDrive { id: id.to_owned(), name: name.to_owned(), members });
        self
    }

    /// With a file.
    #[must_use]
    pub fn file(mut self, file: NewFile) -> Self {
        self.files.push(file);
        self
    }
}

impl NewFile {
    fn of(name: &str, mime_type: &str, body: NewBody) -> Self {
        let (name, mime_type) = (name.to_owned(), mime_type.to_owned());
        Self { name, mime_type, body, ..Self::default() }
    }

    /// A folder.
    pub fn folder(name: &str) -> Self {
        Self::of(name, mime::FOLDER, NewBody::Nothing)
    }

    /// Plain text.
    pub fn text(name: &str, text: &str) -> Self {
        Self::of(name, "text/plain", NewBody::Text(text.to_owned()))
    }

    /// Bytes of any type.
    pub fn bytes(name: &str, mime_type: &str, bytes: impl Into<Vec<u8>>) -> Self {
        Self::of(name, mime_type, NewBody::Bytes(bytes.into()))
    }

    /// So many bytes made by a rule when they are read, so that they need no memory.
    pub fn large(name: &str, length: u64, seed: u64) -> Self {
        Self::of(name, "application/octet-stream", NewBody::Rule(length, seed))
    }

    /// A Google document, of this Markdown.
    pub fn document(name: &str, markdown: &str) -> Self {
        Self::of(name, mime::DOCUMENT, NewBody::Text(markdown.to_owned()))
    }

    /// A Google spreadsheet, of tabs with rows of cells.
    pub fn spreadsheet(name: &str, sheets: Vec<NewSheet>) -> Self {
        Self { sheets, ..Self::of(name, mime::SPREADSHEET, NewBody::Nothing) }
    }

    /// A Google presentation, with the text of each slide.
    pub fn presentation(name: &str, slides: &[&str]) -> Self {
        Self::of(name, mime::PRESENTATION, NewBody::Text(slides.join("\n\n")))
    }

    /// A shortcut to the file with this id.
    pub fn shortcut(name: &str, target: &str) -> Self {
        let target = Some(target.to_owned());
        Self { target, ..Self::of(name, mime::SHORTCUT, NewBody::Nothing) }
    }

    /// With an id of the test's own.
    #[must_use]
    pub fn id(mut self, id: &str) -> Self {
        self.id = Some(id.to_owned());
        self
    }

    /// In this folder, or at the top of the shared drive with this id, instead of My Drive.
    #[must_use]
    pub fn parent(mut self, id: &str) -> Self {
        self.parents.get_or_insert_default().push(id.to_owned());
        self
    }

    /// In no folder.
    #[must_use]
    pub fn without_parent(mut self) -> Self {
        self.parents = Some(Vec::new());
        self
    }

    /// Someone else's.
    #[must_use]
    pub fn owner(mut self, email: &str) -> Self {
        self.owner = Some(email.to_owned());
        self
    }

    /// Shared with an account, which gets this role.
    #[must_use]
    pub fn shared_with(mut self, email: &str, role: &str) -> Self {
        self.permissions.push(("user".to_owned(), email.to_owned(), role.to_owned()));
        self
    }

    /// Open to whoever has the link.
    #[must_use]
    pub fn shared_with_anyone(mut self, role: &str) -> Self {
        self.permissions.push(("anyone".to_owned(), String::new(), role.to_owned()));
        self
    }

    /// Open to all accounts of a domain.
    #[must_use]
    pub fn shared_with_domain(mut self, domain: &str, role: &str) -> Self {
        self.permissions.push(("domain".to_owned(), domain.to_owned(), role.to_owned()));
        self
    }

    /// What a Google file is when it is exported as this type.
    #[must_use]
    pub fn export(mut self, mime_type: &str, bytes: impl Into<Vec<u8>>) -> Self {
        self.exports.insert(mime_type.to_owned(), NewBody::Bytes(bytes.into()));
        self
    }

    /// The same, made by a rule.
    #[must_use]
    pub fn large_export(mut self, mime_type: &str, length: u64, seed: u64) -> Self {
        self.exports.insert(mime_type.to_owned(), NewBody::Rule(length, seed));
        self
    }

    /// A tab of a document, with its Markdown; the first tab is what the document itself holds.
    #[must_use]
    pub fn tab(mut self, title: &str, markdown: &str) -> Self {
        self.tabs.push((title.to_owned(), markdown.to_owned()));
        self
    }

    /// Of another type.
    #[must_use]
    pub fn mime_type(mut self, mime_type: &str) -> Self {
        mime_type.clone_into(&mut self.mime_type);
        self
    }

    /// With a description.
    #[must_use]
    pub fn description(mut self, text: &str) -> Self {
        self.description = Some(text.to_owned());
        self
    }

    /// With a property.
    #[must_use]
    pub fn property(mut self, key: &str, value: &str) -> Self {
        self.properties.insert(key.to_owned(), value.to_owned());
        self
    }

    /// Created at this time (RFC 3339).
    #[must_use]
    pub fn created(mut self, time: &str) -> Self {
        self.created = Some(time.to_owned());
        self
    }

    /// Last modified at this time (RFC 3339).
    #[must_use]
    pub fn modified(mut self, time: &str) -> Self {
        self.modified = Some(time.to_owned());
        self
    }

    /// Starred by `me@example.com`.
    #[must_use]
    pub fn starred(mut self) -> Self {
        self.starred = true;
        self
    }

    /// In the trash.
    #[must_use]
    pub fn trashed(mut self) -> Self {
        self.trashed = true;
        self
    }

    /// Viewed by `me@example.com`.
    #[must_use]
    pub fn viewed(mut self) -> Self {
        self.viewed = true;
        self
    }

    /// Made or opened with the application that the double's tokens are of, so that `drive.file` is
    /// enough for it.
    #[must_use]
    pub fn by_app(mut self) -> Self {
        self.by_app = true;
        self
    }

    /// Readers and commenters may not download, print or copy it.
    #[must_use]
    pub fn copy_needs_writer(mut self) -> Self {
        self.copy_needs_writer = true;
        self
    }
}

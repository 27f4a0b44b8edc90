//! One request after everything that holds for all of them was checked: who asks which method for what,
//! and the kinds of answers.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value};

use crate::content::Content;
use crate::discovery::Method;
use crate::error::{ApiError, Result};
use crate::mask::Mask;
use crate::world::{File, World};

const DRIVE: &str = "https://www.googleapis.com/auth/drive";

/// Who asks, by their token.
#[derive(Debug, Clone)]
pub(crate) struct Caller {
    pub(crate) email: String,
    pub(crate) scopes: BTreeSet<String>,
    /// The client that the token was made for.
    pub(crate) app: String,
}

impl Caller {
    fn has(&self, scope: &str) -> bool {
        let long = format!("{DRIVE}{scope}");
        self.scopes.contains(&long)
    }

    /// Whether it sees only what its application made or opened.
    pub(crate) fn is_limited(&self) -> bool {
        let wide = ["", ".readonly", ".metadata", ".metadata.readonly", ".meet.readonly"];
        !wide.iter().any(|scope| self.has(scope))
            && !self.scopes.iter().any(|scope| !scope.starts_with(DRIVE))
    }

    /// Whether it may read content, not only what is said of it.
    pub(crate) fn reads_content(&self) -> bool {
        let metadata = [".metadata", ".metadata.readonly"];
        let long: Vec<String> = metadata.iter().map(|scope| format!("{DRIVE}{scope}")).collect();
        self.scopes.iter().any(|scope| !long.contains(scope))
    }

    /// Whether it may change what its application neither made nor opened.
    fn writes_all(&self) -> bool {
        self.has("") || self.has(".metadata")
    }
}

/// A request to a method.
#[derive(Debug)]
pub(crate) struct Call {
    pub(crate) method: &'static Method,
    pub(crate) path: BTreeMap<String, String>,
    pub(crate) query: Vec<(String, String)>,
    pub(crate) caller: Caller,
    pub(crate) body: Map<String, Value>,
    /// Content that came with it, and its type.
    pub(crate) upload: Option<(Content, Option<String>)>,
    pub(crate) mask: Mask,
}

/// What is answered.
#[derive(Debug)]
pub(crate) enum Answer {
    Json(Value),
    /// 204.
    Empty,
    /// Content, its type, and whether parts of it can be asked for.
    Content(Content, String, bool),
}

impl Call {
    /// A parameter of the query.
    pub(crate) fn parameter(&self, name: &str) -> Option<&str> {
        self.query.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    pub(crate) fn parameters(&self, name: &str) -> Vec<&str> {
        let all = self.query.iter().filter(|(known, _)| known == name);
        all.map(|(_, value)| value.as_str()).collect()
    }

    pub(crate) fn flag(&self, name: &str) -> bool {
        self.parameter(name) == Some("true")
    }

    pub(crate) fn number(&self, name: &str, default: usize) -> usize {
        self.parameter(name).and_then(|value| value.parse().ok()).unwrap_or(default)
    }

    /// A parameter of the path.
    pub(crate) fn id(&self, name: &str) -> &str {
        self.path.get(name).map(String::as_str).unwrap_or_default()
    }

    /// A text in the body.
    pub(crate) fn text(&self, name: &str) -> Option<&str> {
        self.body.get(name).and_then(Value::as_str)
    }

    /// Whether it says that it knows about shared drives.
    pub(crate) fn knows_drives(&self) -> bool {
        self.flag("supportsAllDrives") || self.flag("supportsTeamDrives")
    }

    /// The file that the path names, if the caller sees it. What is in a shared drive isn't there for
    /// those who don't say that they know about shared drives.
    pub(crate) fn file<'a>(&self, world: &'a World) -> Result<&'a File> {
        self.named(world, self.id("fileId"))
    }

    /// A file by an id that may be `root`.
    pub(crate) fn named<'a>(&self, world: &'a World, id: &str) -> Result<&'a File> {
        let gone = || ApiError::no_file(id);
        let file = world.files.get(&self.resolved(world, id)).ok_or_else(gone)?;
        let asks = self.method.has_parameter("supportsAllDrives");
        let hidden = file.drive.is_some() && asks && !self.knows_drives();
        if hidden || !world.sees(file, &self.caller) { Err(gone()) } else { Ok(file) }
    }

    /// The id that an alias stands for.
    pub(crate) fn resolved(&self, world: &World, id: &str) -> String {
        match world.users.get(&self.caller.email) {
            Some(user) if id == "root" => user.root.clone(),
            _ => id.to_owned(),
        }
    }

    /// The same for changing it: the user must have the capability, and the token's application the
    /// right to this file.
    pub(crate) fn file_to(&self, world: &World, capability: &str) -> Result<File> {
        let file = self.file(world)?;
        self.allow(world, file, capability)?;
        Ok(file.clone())
    }

    pub(crate) fn allow(&self, world: &World, file: &File, capability: &str) -> Result<()> {
        if !world.may(file, &self.caller.email, capability) {
            return Err(ApiError::no_right());
        }
        let opened = file.apps.contains(&self.caller.app) || world.is_root(file);
        let reads = self.method.verb == "GET";
        if !reads && !self.caller.writes_all() && !opened {
            let (app, id) = (self.caller.app.split('.').next().unwrap_or_default(), &file.id);
            let message =
                format!("The user has not granted the app {app} write access to the file {id}.");
            return Err(ApiError::new(403, "appNotAuthorizedToFile", &message));
        }
        Ok(())
    }
}

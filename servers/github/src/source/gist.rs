//! Gists: files of a user's outside repositories. Their content is for everybody, or for those who
//! know their address.

use serde_json::{Value, json};

use super::error::SourceError;
use super::{OwnerRef, Route, Source, Target};

/// A gist that the rules admit, as GitHub describes it.
#[derive(Debug)]
pub(crate) struct GistRef {
    id: String,
    owner: Option<OwnerRef>,
    is_public: bool,
    /// All of it.
    pub(crate) value: Value,
}

impl GistRef {
    pub(crate) fn route(&self) -> Result<Route, SourceError> {
        Route::outside("gists").name("id", &self.id)
    }

    /// What writing to it means.
    pub(crate) fn target(&self) -> Result<Target<'_>, SourceError> {
        let owner = self.owner.as_ref();
        let owner = owner.ok_or_else(|| SourceError::argument("the gist is nobody's"))?;
        Ok(Target::Owned { owner, what: "a gist", is_public: self.is_public })
    }

    /// What an answer calls it.
    pub(crate) fn called(&self) -> String {
        let visibility = if self.is_public { "public" } else { "secret" };
        format!("gist {}, {visibility}", self.id)
    }
}

impl Source {
    /// The gist with this id, or with this address.
    pub(crate) async fn gist(&self, asked: &str) -> Result<GistRef, SourceError> {
        let id = asked.trim().trim_end_matches('/').rsplit('/').next().unwrap_or_default();
        let is_id = !id.is_empty() && id.bytes().all(|byte| byte.is_ascii_alphanumeric());
        if !is_id {
            return Err(SourceError::argument("`id` is that of a gist; gist_read list has it"));
        }
        let route = Route::outside("gists").name("id", id)?;
        let mut value = self.read(&route).await?.value;
        if !self.admit_gist(&mut value, None) {
            let rule = "its owner's things are not admitted".to_owned();
            return Err(SourceError::Hidden { asked: format!("gists {id}"), rule });
        }
        let login = value.pointer("/owner/login").and_then(Value::as_str);
        let owner = login.map(|login| self.owner(login)).transpose()?;
        let is_public = value.get("public") == Some(&Value::Bool(true));
        Ok(GistRef { id: id.to_owned(), owner, is_public, value })
    }

    /// Whether a gist may be shown. Notes what was seen.
    pub(crate) fn admit_gist(&self, gist: &mut Value, _: Option<&super::RepoRef>) -> bool {
        let is_admitted = match gist.pointer("/owner/login").and_then(Value::as_str) {
            Some(owner) => self.rules.admits_owner(owner).is_ok(),
            None => !self.rules.is_restricted(),
        };
        if is_admitted {
            name_files(gist);
            let id = gist.get("id").and_then(Value::as_str).unwrap_or_default();
            let is_public = gist.get("public") == Some(&Value::Bool(true));
            self.saw_own(&format!("gist {id}"), !is_public);
        }
        is_admitted
    }
}

/// The names of a gist's files, which are keys.
fn name_files(gist: &mut Value) {
    let files = gist.get("files").and_then(Value::as_object);
    let names: Vec<String> = files.into_iter().flatten().map(|(name, _)| name.clone()).collect();
    if let Some(gist) = gist.as_object_mut() {
        gist.insert("names".to_owned(), json!(names));
    }
}

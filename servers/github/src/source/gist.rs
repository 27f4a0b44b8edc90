//! Gists: files of a user's outside repositories. Their content is for everybody, or for those who
//! know their address.

use lockkeeper_core::Sight;
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

    /// What writing to a gist means: also a secret one is read by whoever has its address.
    pub(crate) fn of(owner: &OwnerRef) -> Target<'_> {
        Target::Owned { owner, what: "a gist", is_public: true }
    }

    /// What writing to it means.
    pub(crate) fn target(&self) -> Result<Target<'_>, SourceError> {
        let owner = self.owner.as_ref();
        let owner = owner.ok_or_else(|| SourceError::argument("the gist is nobody's"))?;
        Ok(Self::of(owner))
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
        let owner = owner_of(&value).map(|login| self.owner(login)).transpose()?;
        let is_public = value.get("public") == Some(&Value::Bool(true));
        Ok(GistRef { id: id.to_owned(), owner, is_public, value })
    }

    /// Whether a gist may be shown. What it means to have seen it is noted where it is read.
    pub(crate) fn admit_gist(&self, gist: &mut Value, _: Option<&super::RepoRef>) -> bool {
        let is_admitted = self.admits_gist(gist);
        if is_admitted {
            name_files(gist);
        }
        is_admitted
    }

    fn admits_gist(&self, gist: &Value) -> bool {
        match owner_of(gist) {
            Some(owner) => self.rules.admits_owner(owner).is_ok(),
            None => !self.rules.is_restricted(),
        }
    }

    /// Of what kind the gists in an answer are: anybody can make a secret one and hand out its address.
    pub(super) async fn sight_of_gists(&self, value: &Value) -> Sight {
        let gists = value.as_array().map_or(std::slice::from_ref(value), Vec::as_slice);
        let mut sight = Sight { private: false, untrusted: false };
        for gist in gists.iter().filter(|gist| self.admits_gist(gist)) {
            let is_public = gist.get("public") == Some(&Value::Bool(true));
            sight.private |= !is_public;
            sight.untrusted |= is_public || !self.is_mine(owner_of(gist)).await;
        }
        sight
    }

    async fn is_mine(&self, owner: Option<&str>) -> bool {
        match owner {
            Some(owner) => self.me().await.is_ok_and(|me| me.eq_ignore_ascii_case(owner)),
            None => false,
        }
    }
}

fn owner_of(gist: &Value) -> Option<&str> {
    gist.pointer("/owner/login").and_then(Value::as_str)
}

/// The names of a gist's files, which are keys.
fn name_files(gist: &mut Value) {
    let files = gist.get("files").and_then(Value::as_object);
    let names: Vec<String> = files.into_iter().flatten().map(|(name, _)| name.clone()).collect();
    if let Some(gist) = gist.as_object_mut() {
        gist.insert("names".to_owned(), json!(names));
    }
}

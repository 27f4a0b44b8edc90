//! Users and organizations whose things lie in no repository: projects and gists. They exist here only
//! if the rules admit everything of that owner, for nothing narrower says anything about them.

use serde_json::Value;

use super::client::Call;
use super::error::SourceError;
use super::{Route, Source, repo};

/// An owner of whom the rules admit everything.
#[derive(Debug, Clone)]
pub(crate) struct OwnerRef(String);

impl OwnerRef {
    pub(crate) fn login(&self) -> &str {
        &self.0
    }
}

impl Source {
    /// The user or organization of this name. Nothing is asked about one that the rules hide.
    pub(crate) fn owner(&self, asked: &str) -> Result<OwnerRef, SourceError> {
        let asked = asked.trim().trim_start_matches('@');
        if !repo::is_owner(asked) {
            return Err(SourceError::argument("`owner` is the name of a user or organization"));
        }
        let hidden = |rule| SourceError::Hidden { asked: asked.to_owned(), rule };
        self.rules.admits_owner(asked).map_err(hidden)?;
        Ok(OwnerRef(asked.to_owned()))
    }

    /// The token's own user.
    pub(crate) async fn own(&self) -> Result<OwnerRef, SourceError> {
        let user = self.client.json(&Route::outside("user"), Call::default()).await?;
        self.owner(user.value.get("login").and_then(Value::as_str).unwrap_or_default())
    }
}

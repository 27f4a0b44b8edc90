//! A login as it is kept: one value in the store of secrets, read by every process of the account and
//! renewed by one at a time.

use std::time::{Duration, SystemTime};

use lockkeeper_core::{Keep, Secret};
use serde::{Deserialize, Serialize};

use crate::error::AuthError;

/// What a login is, as far as it may be shown.
#[derive(Debug, Clone, Default)]
pub struct Account {
    /// What the person agreed to.
    pub scopes: Vec<String>,
}

/// A login. The texts in it are wiped with the value that it is made of and written to.
#[derive(Serialize, Deserialize)]
pub(crate) struct Stored {
    pub(crate) client_id: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) client_secret: Option<String>,
    pub(crate) token_uri: String,
    pub(crate) refresh_token: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) access_token: Option<String>,
    /// Seconds since 1970.
    #[serde(default)]
    pub(crate) expires: u64,
    #[serde(default)]
    pub(crate) scopes: Vec<String>,
}

impl Drop for Stored {
    fn drop(&mut self) {
        // A `Secret` wipes what it is given.
        drop(Secret::new(std::mem::take(&mut self.refresh_token)));
        drop(self.access_token.take().map(Secret::new));
        drop(self.client_secret.take().map(Secret::new));
    }
}

impl Stored {
    pub(crate) fn read(keep: &Keep, name: &str) -> Result<Option<Self>, AuthError> {
        let Some(text) = keep.get(name)? else { return Ok(None) };
        let stored = serde_json::from_str(text.expose());
        let problem = "it is none of ours; log in again".to_owned();
        stored.map(Some).map_err(|_| AuthError::Kept { problem })
    }

    pub(crate) fn write(&self, keep: &Keep, name: &str) -> Result<(), AuthError> {
        let text = serde_json::to_string(self)
            .map_err(|_| AuthError::Kept { problem: "it can't be written down".to_owned() })?;
        Ok(keep.set(name, &Secret::new(text))?)
    }

    /// When the access token ends.
    pub(crate) fn expires(&self) -> SystemTime {
        SystemTime::UNIX_EPOCH + Duration::from_secs(self.expires)
    }

    pub(crate) fn set_expires(&mut self, at: SystemTime) {
        self.expires = at.duration_since(SystemTime::UNIX_EPOCH).map_or(0, |since| since.as_secs());
    }
}

//! A file of credentials as Google's tools write it, named by `GOOGLE_APPLICATION_CREDENTIALS`: what
//! kind it is, and the services that it names. A kind that would run a program is refused.

use std::fmt;
use std::path::{Path, PathBuf};

use lockkeeper_core::{Secret, StartError};
use serde::Deserialize;
use yup_oauth2::ServiceAccountKey;
use yup_oauth2::external_account::{CredentialSource, ExternalAccountSecret};

use crate::provider::Origins;

/// The longest file of credentials.
const LONGEST: usize = 64 * 1024;

/// What a file says.
pub enum CredentialsFile {
    /// `authorized_user`: a person's login, as `gcloud auth application-default login` writes it.
    Authorized(Authorized),
    /// `service_account`: a key, and the person that it acts for.
    ServiceAccount(Box<(ServiceAccountKey, Option<String>)>),
    /// `external_account`: workload identity, by a token in a file or behind an address.
    External(Box<ExternalAccountSecret>),
    /// No file: the identity of the machine, by its metadata server.
    Metadata(String),
}

impl fmt::Debug for CredentialsFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Authorized(_) => "Authorized",
            Self::ServiceAccount(_) => "ServiceAccount",
            Self::External(_) => "External",
            Self::Metadata(_) => "Metadata",
        })
    }
}

/// A person's login in a file.
pub struct Authorized {
    client_id: String,
    client_secret: Secret<String>,
    refresh_token: Secret<String>,
    pub(crate) token_uri: String,
}

impl Authorized {
    pub(crate) fn form(&self) -> Vec<(&str, &str)> {
        vec![
            ("grant_type", "refresh_token"),
            ("refresh_token", self.refresh_token.expose()),
            ("client_id", &self.client_id),
            ("client_secret", self.client_secret.expose()),
        ]
    }
}

/// Why a file isn't taken.
#[derive(Debug, thiserror::Error)]
#[error("credentials file `{}`: {problem}", .path.display())]
pub struct FileError {
    path: PathBuf,
    problem: String,
}

impl From<FileError> for StartError {
    fn from(error: FileError) -> Self {
        Self::new(error.to_string())
    }
}

#[derive(Deserialize)]
struct Head {
    #[serde(rename = "type")]
    kind: Option<String>,
}

#[derive(Deserialize)]
struct AuthorizedText {
    client_id: String,
    client_secret: String,
    refresh_token: String,
    token_uri: Option<String>,
}

impl CredentialsFile {
    /// Reads a file. `subject` is whom a service account acts for.
    ///
    /// # Errors
    ///
    /// A file that isn't there, that others can read, or that holds nothing that can be used.
    pub fn read(path: &Path, subject: Option<&str>, token_uri: &str) -> Result<Self, FileError> {
        let wrong =
            |problem: &str| FileError { path: path.to_owned(), problem: problem.to_owned() };
        let text = Secret::from_private_file(path, LONGEST).map_err(|problem| wrong(&problem))?;
        let text = text.ok_or_else(|| wrong("there is none"))?;
        let Head { kind } = parse(&text).ok_or_else(|| wrong("it is no JSON"))?;
        let incomplete = || wrong("it lacks something that its kind has");
        if subject.is_some() && kind.as_deref() != Some("service_account") {
            return Err(wrong("--subject is for service accounts, and it is none"));
        }
        match kind.as_deref() {
            Some("authorized_user") => {
                let text: AuthorizedText = parse(&text).ok_or_else(incomplete)?;
                Ok(Self::Authorized(Authorized {
                    client_id: text.client_id,
                    client_secret: Secret::new(text.client_secret),
                    refresh_token: Secret::new(text.refresh_token),
                    token_uri: text.token_uri.unwrap_or_else(|| token_uri.to_owned()),
                }))
            }
            Some("service_account") => {
                let key = parse(&text).ok_or_else(incomplete)?;
                Ok(Self::ServiceAccount(Box::new((key, subject.map(str::to_owned)))))
            }
            Some("external_account") => {
                let secret = parse(&text).ok_or_else(|| {
                    wrong(
                        "its credential_source is neither a file nor an address with a format; \
                         programs and AWS are not asked",
                    )
                })?;
                Ok(Self::External(Box::new(secret)))
            }
            _ => {
                Err(wrong("its type is none of authorized_user, service_account, external_account"))
            }
        }
    }

    /// Adds the services that it has to contact.
    ///
    /// # Errors
    ///
    /// An address that is none.
    pub fn add_origins(&self, origins: &mut Origins) -> Result<(), StartError> {
        match self {
            Self::Authorized(authorized) => origins.add(&authorized.token_uri),
            Self::ServiceAccount(key) => origins.add(&key.0.token_uri),
            Self::External(secret) => {
                origins.add(&secret.token_url)?;
                if let Some(url) = &secret.service_account_impersonation_url {
                    origins.add(url)?;
                }
                match &secret.credential_source {
                    CredentialSource::Url { url, .. } => origins.add(url),
                    CredentialSource::File { .. } => Ok(()),
                }
            }
            Self::Metadata(address) => origins.add(address),
        }
    }

    /// Files that are read with each token.
    pub fn files(&self) -> Vec<PathBuf> {
        match self {
            Self::External(secret) => match &secret.credential_source {
                CredentialSource::File { file } => vec![file.into()],
                CredentialSource::Url { .. } => Vec::new(),
            },
            _ => Vec::new(),
        }
    }
}

fn parse<'t, T: Deserialize<'t>>(text: &'t Secret<String>) -> Option<T> {
    serde_json::from_str(text.expose()).ok()
}

//! The flows of Google's that need no person: service accounts, workload identity and the metadata
//! server, by yup-oauth2 over our own connector. It gets no delegate, so it prints and asks nothing,
//! no storage, so it writes nothing; and it logs by the `log` crate, which nothing here listens to.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use lockkeeper_core::Secret;
use lockkeeper_http::{Bridge, Http, HttpError};
use tokio::sync::OnceCell;
use yup_oauth2::authenticator::{ApplicationDefaultCredentialsTypes, Authenticator};
use yup_oauth2::{
    ApplicationDefaultCredentialsAuthenticator, ApplicationDefaultCredentialsFlowOpts,
    CustomHyperClientBuilder, Error, ExternalAccountAuthenticator, ServiceAccountAuthenticator,
};

use crate::Token;
use crate::endpoint::{is_token, refusal};
use crate::error::AuthError;
use crate::file::CredentialsFile;
use crate::provider::Provider;

/// One of these flows, and the tokens that it has.
pub(crate) struct Google {
    file: CredentialsFile,
    flow: OnceCell<Authenticator<Bridge>>,
}

impl Google {
    pub(crate) fn new(file: CredentialsFile) -> Self {
        Self { file, flow: OnceCell::new() }
    }

    /// A token for these scopes, and when it ends.
    pub(crate) async fn token(
        &self,
        (provider, http): (&Provider, &Http),
        scopes: &[String],
        anew: bool,
    ) -> Result<(Token, Option<SystemTime>), AuthError> {
        let flow = self.flow.get_or_try_init(|| self.build(http)).await?;
        let asked =
            if anew { flow.force_refreshed_token(scopes).await } else { flow.token(scopes).await };
        let given = asked.map_err(|error| failed(provider, &error))?;
        let token = given.token().filter(|token| is_token(token));
        let token = token.ok_or(AuthError::Answer { what: "no access token" })?;
        let token = Arc::new(Secret::new(token.to_owned()));
        let expires = given.expiration_time().and_then(|at| {
            let seconds = u64::try_from(at.unix_timestamp()).ok()?;
            SystemTime::UNIX_EPOCH.checked_add(Duration::from_secs(seconds))
        });
        Ok((token, expires))
    }

    async fn build(&self, http: &Http) -> Result<Authenticator<Bridge>, AuthError> {
        let client = || CustomHyperClientBuilder::from(Bridge::new(http.clone()).client());
        let unusable = |_| AuthError::File { problem: "its key can't be used".to_owned() };
        match &self.file {
            CredentialsFile::ServiceAccount(account) => {
                let (key, subject) = &**account;
                let mut builder = ServiceAccountAuthenticator::with_client(key.clone(), client());
                if let Some(subject) = subject {
                    builder = builder.subject(subject);
                }
                builder.build().await.map_err(unusable)
            }
            CredentialsFile::External(secret) => {
                let builder =
                    ExternalAccountAuthenticator::with_client((**secret).clone(), client());
                builder.build().await.map_err(unusable)
            }
            CredentialsFile::Metadata(address) => {
                let options = ApplicationDefaultCredentialsFlowOpts {
                    metadata_url: Some(format!(
                        "{address}/computeMetadata/v1/instance/service-accounts/default/token"
                    )),
                };
                let kinds =
                    ApplicationDefaultCredentialsAuthenticator::with_client(options, client());
                match kinds.await {
                    ApplicationDefaultCredentialsTypes::InstanceMetadata(builder) => {
                        builder.build().await.map_err(unusable)
                    }
                    // It looks at the environment by itself; the file that stands there comes first
                    // here, too, and by another way.
                    ApplicationDefaultCredentialsTypes::ServiceAccount(_) => Err(AuthError::File {
                        problem: "a file and the metadata server are both named".to_owned(),
                    }),
                }
            }
            CredentialsFile::Authorized(_) => {
                Err(AuthError::File { problem: "it is a person's".to_owned() })
            }
        }
    }
}

fn failed(provider: &Provider, error: &Error) -> AuthError {
    if let Some(error) = HttpError::find(error) {
        return AuthError::Http(error.clone());
    }
    match error {
        Error::AuthError(error) => {
            refusal(provider, error.error.as_str(), error.error_description.as_deref())
        }
        Error::JSONError(_) => AuthError::Answer { what: "it is not the JSON of a token" },
        Error::LowLevelError(_) => {
            AuthError::File { problem: "what it names can't be read or used".to_owned() }
        }
        _ => AuthError::Answer { what: "it gave no token" },
    }
}

//! The way to an access token. One renewal at a time in a process; for a login, one at a time over
//! all processes that share the store, and whoever waited takes what the other one got.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use lockkeeper_core::{Credentials, Keep};
use lockkeeper_http::{Http, Semantics};
use tokio::sync::Mutex;

use crate::Token;
use crate::endpoint::{self, Asked, Given, is_token};
use crate::error::AuthError;
use crate::file::{Authorized, CredentialsFile};
use crate::google::Google;
use crate::provider::Provider;
use crate::stored::{Account, Stored};

/// A token this near to its end is renewed: it has to last for a request.
const MARGIN: Duration = Duration::from_mins(1);

/// Where tokens come from, for people.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Way {
    /// A token that was given.
    Token,
    /// A login by a person, kept under this name.
    Login(String),
    /// A file of credentials, and what kind of one.
    File(&'static str),
    /// The machine's own identity.
    Metadata,
}

/// Gives access tokens. Clones share what they know.
#[derive(Clone)]
pub struct TokenSource(Arc<Inner>);

struct Inner {
    kind: Kind,
    provider: Provider,
    http: Http,
    scopes: Vec<String>,
    kept: Mutex<Option<Kept>>,
}

enum Kind {
    Token(Credentials),
    Login { keep: Keep, name: String },
    Authorized(Authorized),
    Google { google: Google, way: Way },
}

struct Kept {
    token: Token,
    expires: Option<SystemTime>,
}

impl Kept {
    fn is_fresh(&self) -> bool {
        self.expires.is_none_or(|expires| expires > SystemTime::now() + MARGIN)
    }
}

impl TokenSource {
    /// Tokens that are given to the server as they are.
    pub fn given(credentials: Credentials, provider: Provider, http: Http) -> Self {
        Self::new(Kind::Token(credentials), provider, http, &[])
    }

    /// Tokens of the login that is kept under `name`.
    pub fn login(keep: Keep, name: &str, provider: Provider, http: Http) -> Self {
        Self::new(Kind::Login { keep, name: name.to_owned() }, provider, http, &[])
    }

    /// Tokens by a file of credentials, for these scopes.
    pub fn file(file: CredentialsFile, provider: Provider, http: Http, scopes: &[&str]) -> Self {
        let kind = match file {
            CredentialsFile::Authorized(authorized) => Kind::Authorized(authorized),
            CredentialsFile::ServiceAccount(_) => {
                Kind::Google { google: Google::new(file), way: Way::File("service_account") }
            }
            CredentialsFile::External(_) => {
                Kind::Google { google: Google::new(file), way: Way::File("external_account") }
            }
            CredentialsFile::Metadata(_) => {
                Kind::Google { google: Google::new(file), way: Way::Metadata }
            }
        };
        Self::new(kind, provider, http, scopes)
    }

    fn new(kind: Kind, provider: Provider, http: Http, scopes: &[&str]) -> Self {
        let scopes = scopes.iter().map(|scope| (*scope).to_owned()).collect();
        Self(Arc::new(Inner { kind, provider, http, scopes, kept: Mutex::default() }))
    }

    /// Where tokens come from.
    pub fn way(&self) -> Way {
        match &self.0.kind {
            Kind::Token(_) => Way::Token,
            Kind::Login { name, .. } => Way::Login(name.clone()),
            Kind::Authorized(_) => Way::File("authorized_user"),
            Kind::Google { way, .. } => way.clone(),
        }
    }

    /// What the person who logged in agreed to; none if that isn't known here.
    pub async fn account(&self) -> Result<Option<Account>, AuthError> {
        let Kind::Login { keep, name } = &self.0.kind else { return Ok(None) };
        let stored = read(keep, name).await?.ok_or_else(|| self.0.nobody())?;
        Ok(Some(Account { scopes: stored.scopes.clone() }))
    }

    /// A token that should be accepted.
    pub async fn token(&self) -> Result<Token, AuthError> {
        self.0.get(None).await
    }

    /// Another token than this one, which the service refused although its time isn't over.
    pub async fn another(&self, refused: &Token) -> Result<Token, AuthError> {
        self.0.get(Some(refused)).await
    }
}

impl Inner {
    async fn get(&self, refused: Option<&Token>) -> Result<Token, AuthError> {
        let is_refused =
            |token: &str| refused.is_some_and(|refused| refused.expose().as_str() == token);
        let mut kept = self.kept.lock().await;
        if let Some(kept) = kept.as_ref().filter(|kept| kept.is_fresh())
            && !is_refused(kept.token.expose())
        {
            return Ok(Arc::clone(&kept.token));
        }
        let new = match &self.kind {
            Kind::Token(credentials) => {
                if refused.is_some() {
                    credentials.forget().await;
                }
                let token = credentials.resolve().await.map_err(AuthError::Credential)?;
                if is_refused(token.expose()) || !is_token(token.expose()) {
                    return Err(AuthError::Stale);
                }
                // A program or a file may give another one at any time; `Credentials` keeps it.
                return Ok(token);
            }
            Kind::Login { keep, name } => self.of_login(keep, name, &is_refused).await?,
            Kind::Authorized(authorized) => {
                let form = authorized.form();
                let asked = Asked { provider: &self.provider, token_uri: &authorized.token_uri };
                endpoint::ask(&self.http, asked, &form, Semantics::Reads).await?.into()
            }
            Kind::Google { google, .. } => {
                let (token, expires) = google
                    .token((&self.provider, &self.http), &self.scopes, refused.is_some())
                    .await?;
                Kept { token, expires }
            }
        };
        if is_refused(new.token.expose()) {
            return Err(AuthError::Stale);
        }
        Ok(Arc::clone(&kept.insert(new).token))
    }

    /// The token that is kept with a login; renewed, and kept again, if it is over.
    async fn of_login(
        &self,
        keep: &Keep,
        name: &str,
        is_refused: &(dyn Fn(&str) -> bool + Sync),
    ) -> Result<Kept, AuthError> {
        let usable = |stored: &Stored| {
            let token = stored.access_token.as_ref().filter(|token| !is_refused(token))?;
            let token = Arc::new(lockkeeper_core::Secret::new(token.clone()));
            let kept = Kept { token, expires: Some(stored.expires()) };
            kept.is_fresh().then_some(kept)
        };
        let stored = read(keep, name).await?.ok_or_else(|| self.nobody())?;
        if let Some(kept) = usable(&stored) {
            return Ok(kept);
        }
        drop(stored);
        let locking = (keep.clone(), name.to_owned());
        let lock = blocking(move || Ok(locking.0.lock(&locking.1)?)).await?;
        // Another process may have renewed it meanwhile.
        let mut stored = read(keep, name).await?.ok_or_else(|| self.nobody())?;
        if let Some(kept) = usable(&stored) {
            return Ok(kept);
        }
        let mut form = vec![
            ("grant_type", "refresh_token"),
            ("refresh_token", stored.refresh_token.as_str()),
            ("client_id", stored.client_id.as_str()),
        ];
        form.extend(stored.client_secret.as_deref().map(|secret| ("client_secret", secret)));
        let asked = Asked { provider: &self.provider, token_uri: &stored.token_uri };
        let given = endpoint::ask(&self.http, asked, &form, Semantics::Reads).await?;
        tracing::info!("the login's token was renewed");
        stored.access_token = Some(given.access.expose().clone());
        stored.set_expires(given.expires);
        if let Some(refresh) = &given.refresh {
            stored.refresh_token = refresh.expose().clone();
        }
        let keeping = (keep.clone(), name.to_owned());
        let wrote = blocking(move || {
            let written = stored.write(&keeping.0, &keeping.1);
            drop(lock);
            written
        });
        if let Err(error) = wrote.await {
            // This process can go on; the next one renews it again.
            tracing::warn!(%error, "a renewed token can't be kept");
        }
        Ok(given.into())
    }

    fn nobody(&self) -> AuthError {
        AuthError::NotLoggedIn { title: self.provider.title, server: self.provider.server }
    }
}

impl From<Given> for Kept {
    fn from(given: Given) -> Self {
        Self { token: given.access, expires: Some(given.expires) }
    }
}

async fn read(keep: &Keep, name: &str) -> Result<Option<Stored>, AuthError> {
    let (keep, name) = (keep.clone(), name.to_owned());
    blocking(move || Stored::read(&keep, &name)).await
}

pub(crate) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, AuthError> + Send + 'static,
) -> Result<T, AuthError> {
    let done = tokio::task::spawn_blocking(work).await;
    done.map_err(|_| AuthError::Kept { problem: "the work on it failed".to_owned() })?
}

#[cfg(test)]
mod tests;

//! Whom a person logs in with: addresses, and what is said differently there.

use http::Uri;
use lockkeeper_core::{Environment, StartError};
use lockkeeper_http::Http;

/// A service that gives tokens.
#[derive(Debug, Clone)]
pub struct Provider {
    /// What people call it.
    pub title: &'static str,
    /// The server's binary, as hints name it.
    pub server: &'static str,
    /// Where a person agrees.
    pub auth_uri: String,
    /// Where tokens are given.
    pub token_uri: String,
    /// Where they are revoked.
    pub revoke_uri: Option<String>,
    /// What the address that a person opens says beside what the standard wants.
    pub auth_parameters: &'static [(&'static str, &'static str)],
    /// What to do about a login that is no longer accepted, beside logging in again.
    pub advice: &'static str,
}

/// What Google's desktop clients lose their logins by.
const GOOGLE_ADVICE: &str = "Google ends logins of an OAuth app whose publishing status is \
    \"Testing\" after 7 days: set it to \"In production\" under Google Auth Platform > Audience";

impl Provider {
    /// Google, or what stands in its place at `root`.
    pub fn google(server: &'static str, root: Option<&str>) -> Self {
        let at = |path: &str, own: &str| match root {
            Some(root) => format!("{}{path}", root.trim_end_matches('/')),
            None => own.to_owned(),
        };
        Self {
            title: "Google",
            server,
            auth_uri: at("/auth", "https://accounts.google.com/o/oauth2/v2/auth"),
            token_uri: at("/token", "https://oauth2.googleapis.com/token"),
            revoke_uri: Some(at("/revoke", "https://oauth2.googleapis.com/revoke")),
            // Without `consent` a second login gets no refresh token.
            auth_parameters: &[("access_type", "offline"), ("prompt", "consent")],
            advice: GOOGLE_ADVICE,
        }
    }
}

/// The services that tokens are asked of.
#[derive(Debug, Clone, Default)]
pub struct Origins(Vec<String>);

impl Origins {
    /// Adds the origin of this address.
    ///
    /// # Errors
    ///
    /// An address without a host.
    pub fn add(&mut self, address: &str) -> Result<(), StartError> {
        let wrong = || StartError::new(format!("`{address}` is no address of a service"));
        let uri: Uri = address.parse().map_err(|_| wrong())?;
        let (Some(scheme), Some(authority)) = (uri.scheme_str(), uri.authority()) else {
            return Err(wrong());
        };
        let origin = format!("{scheme}://{authority}");
        if !self.0.contains(&origin) {
            self.0.push(origin);
        }
        Ok(())
    }

    /// A client that may contact these services and no other. Whoever runs the server named them.
    ///
    /// # Errors
    ///
    /// An address that nothing may be sent to: not https, and not on this machine.
    pub fn client(
        &self,
        name: &'static str,
        environment: &Environment,
    ) -> Result<Http, StartError> {
        let mut builder = Http::builder(environment.upstream(name), &environment.network);
        for origin in &self.0 {
            let named = builder.named_host(origin);
            builder = named.map_err(|error| StartError::new(error.to_string()))?;
        }
        Ok(builder.max_body(256 * 1024).build())
    }
}

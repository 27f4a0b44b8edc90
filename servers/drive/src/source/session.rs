//! Who is logged in, for the subcommands that change it and for `check`.

use std::path::PathBuf;

use lockkeeper_core::{Keep, Ports, StartError, tell};
use lockkeeper_http::Http;
use lockkeeper_oauth::{ClientFile, Ended, Login, Provider, Way};

/// What a login is made with.
pub(super) struct Session {
    pub(super) provider: Provider,
    pub(super) http: Http,
    pub(super) keep: Keep,
    pub(super) name: String,
    pub(super) scope: &'static str,
    pub(super) client: Option<PathBuf>,
    /// Files that tokens are made from.
    pub(super) reads: Vec<PathBuf>,
}

impl Session {
    pub(super) async fn login(&self) -> Result<String, StartError> {
        let client = self.client.as_deref().ok_or_else(|| {
            StartError::new(
                "--client FILE: the JSON of an OAuth client of the type \"Desktop app\", which \
                 Google's console gives you under APIs & Services > Credentials",
            )
        })?;
        let client = ClientFile::read(client)?;
        let scopes = [self.scope];
        let show = |address: &str| {
            tell(&format!(
                "Open this address in a browser on this machine and agree:\n\n{address}\n"
            ));
        };
        let done = self.ways(&scopes).run(&client, show).await;
        done.map_err(|error| StartError::new(error.to_string()))?;
        Ok(format!("logged in, with {}; the login is kept as {}", self.scope, self.name))
    }

    pub(super) async fn logout(&self) -> Result<String, StartError> {
        let ended = self.ways(&[]).end().await;
        let said = match ended.map_err(|error| StartError::new(error.to_string()))? {
            Ended::Nobody => "nobody was logged in",
            Ended::Revoked => "logged out, and Google revoked the login",
            Ended::Forgotten => {
                "logged out here, but Google couldn't be told: remove the app under \
                 https://myaccount.google.com/connections"
            }
        };
        Ok(said.to_owned())
    }

    fn ways<'a>(&'a self, scopes: &'a [&'a str]) -> Login<'a> {
        let Self { provider, http, keep, name, .. } = self;
        Login { provider, http, keep: (keep, name), scopes }
    }
}

/// Where tokens come from, for people.
pub(super) fn way(way: &Way) -> String {
    match way {
        Way::Token => "an access token that was given".to_owned(),
        Way::Login(name) => format!("a login, kept as {name}"),
        Way::File(kind) => format!("a credentials file of the type {kind}"),
        Way::Metadata => "the identity of this machine".to_owned(),
    }
}

/// The ports of two clients.
pub(super) fn both(one: &Ports, other: &Ports) -> Ports {
    match (one, other) {
        (Ports::Fixed(one), Ports::Fixed(other)) => {
            let mut ports: Vec<u16> = one.iter().chain(other).copied().collect();
            ports.sort_unstable();
            ports.dedup();
            Ports::Fixed(ports)
        }
        _ => Ports::Open,
    }
}

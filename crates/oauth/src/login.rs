//! A login by a person (RFC 8252): an address to open in a browser, PKCE with S256, a state that
//! nobody can guess, and a listener on a free port of this machine for the one answer. Whatever
//! else connects there is turned away and ends nothing. It never runs in a serving process.

use std::path::Path;
use std::time::{Duration, SystemTime};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use futures_util::StreamExt as _;
use futures_util::stream::FuturesUnordered;
use lockkeeper_core::{Keep, Secret, StartError};
use lockkeeper_http::{Http, Semantics};
use serde::Deserialize;
use sha2::{Digest as _, Sha256};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::timeout;

use crate::endpoint::{self, Asked};
use crate::error::{AuthError, said};
use crate::provider::Provider;
use crate::stored::Stored;
use crate::tokens::blocking;

/// How long a person may take.
const PATIENCE: Duration = Duration::from_mins(10);

/// How long a browser may take for one request, and how long that may be.
const REQUEST_TIME: Duration = Duration::from_secs(5);
const LONGEST_REQUEST: usize = 8 * 1024;

/// Browsers open a few connections ahead; more than these are turned away.
const CONNECTIONS: usize = 16;

/// The longest client file.
const LONGEST_FILE: usize = 64 * 1024;

/// What a service knows an app by. Of a desktop app it is no secret (RFC 8252 §8.5), but it is kept
/// like one.
pub struct ClientFile {
    id: String,
    secret: Option<Secret<String>>,
}

#[derive(Deserialize)]
struct ClientText {
    installed: Option<ClientFields>,
    web: Option<serde::de::IgnoredAny>,
}

#[derive(Deserialize)]
struct ClientFields {
    client_id: String,
    client_secret: Option<String>,
}

impl ClientFile {
    /// Reads the file that Google's console gives for a desktop app.
    ///
    /// # Errors
    ///
    /// A file that isn't one, or that others can read.
    pub fn read(path: &Path) -> Result<Self, StartError> {
        let wrong =
            |problem: &str| StartError::new(format!("--client {}: {problem}", path.display()));
        let text =
            Secret::from_private_file(path, LONGEST_FILE).map_err(|problem| wrong(&problem))?;
        let text = text.ok_or_else(|| wrong("there is no such file"))?;
        let parsed: ClientText = serde_json::from_str(text.expose())
            .map_err(|_| wrong("it is not the JSON of an OAuth client"))?;
        match parsed {
            ClientText { installed: Some(fields), .. } => {
                Ok(Self { id: fields.client_id, secret: fields.client_secret.map(Secret::new) })
            }
            ClientText { web: Some(_), .. } => {
                Err(wrong("it is of a web app; make an OAuth client of the type \"Desktop app\""))
            }
            ClientText { .. } => Err(wrong("it is not the JSON of an OAuth client")),
        }
    }
}

/// A login to come.
pub struct Login<'a> {
    /// Whom with.
    pub provider: &'a Provider,
    /// The way to its token service.
    pub http: &'a Http,
    /// Where the login is kept, and its name there.
    pub keep: (&'a Keep, &'a str),
    /// What the person is asked to agree to.
    pub scopes: &'a [&'a str],
}

impl Login<'_> {
    /// Waits for a person: `show` is told the address to open.
    ///
    /// # Errors
    ///
    /// A person who doesn't agree, or takes too long; a service that doesn't give what was asked for.
    pub async fn run(&self, client: &ClientFile, show: impl Fn(&str)) -> Result<(), AuthError> {
        if !self.keep.0.has_place() {
            return Err(AuthError::Kept { problem: "there is no state directory".to_owned() });
        }
        let failed = |_| AuthError::Login { problem: "no port of this machine is free".to_owned() };
        // The address and not `localhost`: that one may be another address first (RFC 8252 §7.3).
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.map_err(failed)?;
        let port = listener.local_addr().map_err(failed)?.port();
        let redirect = format!("http://127.0.0.1:{port}");
        let (verifier, state) = (random()?, random()?);
        show(&self.address(&client.id, &redirect, verifier.expose(), state.expose()));
        let answer = timeout(PATIENCE, await_answer(&listener, port, state.expose())).await;
        drop(listener);
        let took = || AuthError::Login {
            problem: format!("nobody agreed within {} minutes", PATIENCE.as_secs() / 60),
        };
        let code = answer.map_err(|_| took())??;
        let mut form = vec![
            ("grant_type", "authorization_code"),
            ("code", code.expose().as_str()),
            ("redirect_uri", &redirect),
            ("client_id", &client.id),
            ("code_verifier", verifier.expose()),
        ];
        form.extend(
            client.secret.as_ref().map(|secret| ("client_secret", secret.expose().as_str())),
        );
        let asked = Asked { provider: self.provider, token_uri: &self.provider.token_uri };
        let given = endpoint::ask(self.http, asked, &form, Semantics::Once).await?;
        let refresh = given.refresh.ok_or(AuthError::Login {
            problem:
                "the service gave no lasting login; remove this app's access in the account's \
                      settings and log in again"
                    .to_owned(),
        })?;
        let wanted = || self.scopes.iter().map(|scope| (*scope).to_owned());
        let scopes = given.scopes.unwrap_or_else(|| wanted().collect());
        let missing: Vec<String> = wanted().filter(|scope| !scopes.contains(scope)).collect();
        if !missing.is_empty() {
            return Err(AuthError::Login {
                problem: format!(
                    "the person did not agree to all that was asked: {} is missing; log in again \
                     and leave every box ticked",
                    missing.join(" ")
                ),
            });
        }
        let mut stored = Stored {
            client_id: client.id.clone(),
            client_secret: client.secret.as_ref().map(|secret| secret.expose().clone()),
            token_uri: self.provider.token_uri.clone(),
            refresh_token: refresh.expose().clone(),
            access_token: Some(given.access.expose().clone()),
            expires: 0,
            scopes,
        };
        stored.set_expires(given.expires.max(SystemTime::now()));
        self.keeping(move |keep, name| stored.write(keep, name)).await
    }

    /// Forgets the login; whether there was one. The service is told, if it can be reached.
    ///
    /// # Errors
    ///
    /// A store that can't be written.
    pub async fn end(&self) -> Result<Ended, AuthError> {
        let stored = self.keeping(Stored::read).await;
        let mut revoked = false;
        if let (Ok(Some(stored)), Some(address)) = (&stored, &self.provider.revoke_uri) {
            let form = [("token", stored.refresh_token.as_str())];
            revoked = endpoint::tell(self.http, address, &form).await.unwrap_or(false);
        }
        let was_there = self.keeping(|keep, name| Ok(keep.remove(name)?)).await?;
        Ok(match (was_there, revoked) {
            (false, _) => Ended::Nobody,
            (true, true) => Ended::Revoked,
            (true, false) => Ended::Forgotten,
        })
    }

    async fn keeping<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Keep, &str) -> Result<T, AuthError> + Send + 'static,
    ) -> Result<T, AuthError> {
        let (keep, name) = (self.keep.0.clone(), self.keep.1.to_owned());
        blocking(move || {
            let _lock = keep.lock(&name)?;
            work(&keep, &name)
        })
        .await
    }

    fn address(&self, client: &str, redirect: &str, verifier: &str, state: &str) -> String {
        let challenge = URL_SAFE_NO_PAD.encode(Sha256::digest(verifier.as_bytes()));
        let query = form_urlencoded::Serializer::new(String::new())
            .append_pair("response_type", "code")
            .append_pair("client_id", client)
            .append_pair("redirect_uri", redirect)
            .append_pair("scope", &self.scopes.join(" "))
            .append_pair("code_challenge", &challenge)
            .append_pair("code_challenge_method", "S256")
            .append_pair("state", state)
            .extend_pairs(self.provider.auth_parameters)
            .finish();
        format!("{}?{query}", self.provider.auth_uri)
    }
}

/// How a logout went.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ended {
    /// Nobody was logged in.
    Nobody,
    /// Forgotten here and revoked there.
    Revoked,
    /// Forgotten here; the service could not be told.
    Forgotten,
}

/// 32 random bytes as text.
fn random() -> Result<Secret<String>, AuthError> {
    let mut bytes = [0; 32];
    let filled = getrandom::fill(&mut bytes);
    filled.map_err(|_| AuthError::Login { problem: "no random numbers".to_owned() })?;
    Ok(Secret::new(URL_SAFE_NO_PAD.encode(bytes)))
}

/// What one request to the listener was.
enum Heard {
    /// Not the answer.
    Other,
    Code(Secret<String>),
    Refused(String),
}

/// The code that the browser brings. Several connections are listened to at once, as browsers open
/// some on which they say nothing.
async fn await_answer(
    listener: &TcpListener,
    port: u16,
    state: &str,
) -> Result<Secret<String>, AuthError> {
    let mut talking = FuturesUnordered::new();
    loop {
        tokio::select! {
            accepted = listener.accept(), if talking.len() < CONNECTIONS => {
                if let Ok((stream, _)) = accepted {
                    talking.push(timeout(REQUEST_TIME, listen(stream, port, state)));
                }
            }
            Some(heard) = talking.next() => match heard {
                Ok(Heard::Code(code)) => return Ok(code),
                Ok(Heard::Refused(why)) => return Err(AuthError::Login {
                    problem: format!("the login was refused: {why}"),
                }),
                Ok(Heard::Other) | Err(_) => {}
            },
        }
    }
}

async fn listen(mut stream: TcpStream, port: u16, state: &str) -> Heard {
    let Some(head) = read_head(&mut stream).await else { return Heard::Other };
    let heard = understand(&head, port, state);
    let (status, text) = match &heard {
        Heard::Code(_) => ("200 OK", "You are logged in. You can close this page."),
        Heard::Refused(_) => ("200 OK", "The login was refused. The terminal says why."),
        Heard::Other => ("404 Not Found", "There is nothing here."),
    };
    let answer = format!(
        "HTTP/1.1 {status}\r\ncontent-type: text/plain; charset=utf-8\r\ncontent-length: {}\r\n\
         cache-control: no-store\r\nreferrer-policy: no-referrer\r\nconnection: close\r\n\r\n{text}",
        text.len()
    );
    if stream.write_all(answer.as_bytes()).await.is_ok() {
        let _whoever_has_gone = stream.shutdown().await;
    }
    heard
}

async fn read_head(stream: &mut TcpStream) -> Option<String> {
    let mut head = Vec::new();
    let mut piece = [0; 1024];
    while !head.windows(4).any(|end| end == b"\r\n\r\n") {
        let length = stream.read(&mut piece).await.ok().filter(|length| *length > 0)?;
        head.extend_from_slice(piece.get(..length)?);
        if head.len() > LONGEST_REQUEST {
            return None;
        }
    }
    String::from_utf8(head).ok()
}

/// Reads one request. Only one with our state counts, whatever else it says: any page that is open
/// in the browser can send requests here.
fn understand(head: &str, port: u16, state: &str) -> Heard {
    let mut lines = head.lines();
    let mut words = lines.next().unwrap_or_default().split(' ');
    let (Some("GET"), Some(target)) = (words.next(), words.next()) else { return Heard::Other };
    let host = lines.find_map(|line| {
        let (name, value) = line.split_once(':')?;
        name.eq_ignore_ascii_case("host").then(|| value.trim())
    });
    if host != Some(format!("127.0.0.1:{port}").as_str()) {
        return Heard::Other;
    }
    let Some((_, query)) = target.split_once('?') else { return Heard::Other };
    let value = |name: &str| {
        let mut pairs = form_urlencoded::parse(query.as_bytes());
        pairs.find(|(key, _)| key == name).map(|(_, value)| value.into_owned())
    };
    if !value("state").is_some_and(|given| is_same(given.as_bytes(), state.as_bytes())) {
        return Heard::Other;
    }
    match (value("code"), value("error")) {
        (_, Some(error)) => Heard::Refused(said(&error)),
        (Some(code), None) => Heard::Code(Secret::new(code)),
        (None, None) => Heard::Other,
    }
}

/// Compares without telling by its time how far two texts agree.
fn is_same(one: &[u8], other: &[u8]) -> bool {
    one.len() == other.len() && one.iter().zip(other).fold(0, |all, (a, b)| all | (a ^ b)) == 0
}

#[cfg(test)]
mod tests;

//! `login` by a code that a person enters in a browser (RFC 8628): no port is listened at, so it works
//! over any terminal. The token goes into the encrypted store, from where `--credential store:NAME`
//! takes it; the serving process never asks for one.

use std::time::Duration;

use http::header::{ACCEPT, CONTENT_TYPE};
use lockkeeper_core::{Environment, Keep, Network, Secret, StartError, Upstream, tell};
use lockkeeper_http::{Body, Http, Semantics};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use tower::Service as _;

use super::Source;
use super::route::encoded;
use crate::config::toolset;

/// The longest answer.
const LONGEST: usize = 64 * 1024;

/// What a person may take, whatever GitHub says.
const LONGEST_WAIT: Duration = Duration::from_mins(15);

const GRANT: &str = "urn:ietf:params:oauth:grant-type:device_code";

/// What logging in needs.
pub(super) struct Login {
    client_id: Option<String>,
    upstream: Upstream,
    network: Network,
    keep: Keep,
}

#[derive(Deserialize)]
struct Device {
    device_code: String,
    user_code: String,
    expires_in: u64,
    #[serde(default)]
    interval: u64,
}

#[derive(Deserialize)]
struct Answer {
    access_token: Option<String>,
    expires_in: Option<u64>,
    scope: Option<String>,
    error: Option<String>,
    interval: Option<u64>,
}

impl Login {
    pub(super) fn new(client_id: Option<String>, environment: &Environment) -> Self {
        Self {
            client_id,
            upstream: environment.upstream("github"),
            network: environment.network.clone(),
            keep: environment.keep.clone(),
        }
    }
}

impl Source {
    /// Logs a person in, and says how it went.
    pub(crate) async fn log_in(&self) -> Result<String, StartError> {
        let Login { client_id, upstream, network, keep } = &self.login;
        let client_id = client_id.as_deref().ok_or_else(|| {
            StartError::new(
                "--client-id is missing: that of an OAuth App or GitHub App of yours, with its \
                 device flow switched on",
            )
        })?;
        if !keep.has_place() {
            return Err(StartError::new("there is no state directory; name one with --state-dir"));
        }
        let host = self.client.host();
        let failed = |error: lockkeeper_http::DestinationError| StartError::new(error.to_string());
        let builder = Http::builder(upstream.clone(), network);
        let builder =
            if host.is_named { builder.named_host(&host.web) } else { builder.host(&host.web) };
        let http = builder.map_err(failed)?.build();
        let scopes = toolset::scopes(&self.toolsets, self.writes).join(" ");
        let form = [("client_id", client_id), ("scope", scopes.as_str())];
        let device: Device = post(&http, &format!("{}/login/device/code", host.web), &form).await?;
        // Ours, not one that was sent: a person is led nowhere else.
        let code: String =
            device.user_code.chars().filter(char::is_ascii_graphic).take(20).collect();
        tell(&format!("Open {}/login/device and enter the code {code}", host.web));
        let wait = Duration::from_secs(device.expires_in).min(LONGEST_WAIT);
        let device_code = Secret::new(device.device_code);
        let mut interval = Duration::from_secs(device.interval.clamp(1, 60));
        let form = [
            ("client_id", client_id),
            ("device_code", device_code.expose().as_str()),
            ("grant_type", GRANT),
        ];
        let place = format!("{}/login/oauth/access_token", host.web);
        let until = tokio::time::Instant::now() + wait;
        while tokio::time::Instant::now() + interval < until {
            tokio::time::sleep(interval).await;
            let answer: Answer = post(&http, &place, &form).await?;
            match (answer.access_token.map(Secret::new), answer.error.as_deref()) {
                (Some(token), _) => {
                    return self.keep_login(&token, answer.expires_in, answer.scope);
                }
                (None, Some("authorization_pending")) => {}
                (None, Some("slow_down")) => {
                    let told = answer.interval.map(Duration::from_secs);
                    interval = told.unwrap_or(interval + Duration::from_secs(5));
                }
                (None, error) => return Err(StartError::new(refusal(error))),
            }
        }
        Err(StartError::new("nobody entered the code in time"))
    }

    fn keep_login(
        &self,
        token: &Secret<String>,
        expires_in: Option<u64>,
        scope: Option<String>,
    ) -> Result<String, StartError> {
        let name = self.client.host().login_name();
        let kept = self.login.keep.set(&name, token);
        kept.map_err(|error| StartError::new(format!("the login can't be kept: {error}")))?;
        let scope: String = scope.unwrap_or_default().chars().filter(|c| !c.is_control()).collect();
        let ends = expires_in.map_or_else(String::new, |seconds| {
            format!("; it ends in {} hours, then log in again", seconds.div_ceil(3_600))
        });
        Ok(format!("logged in ({scope}){ends}; start the server with --credential store:{name}"))
    }

    /// Forgets a login.
    pub(crate) fn log_out(&self) -> Result<String, StartError> {
        let host = self.client.host();
        let name = host.login_name();
        let removed = self.login.keep.remove(&name);
        if !removed.map_err(|error| StartError::new(error.to_string()))? {
            return Err(StartError::new("there is no login to forget"));
        }
        Ok(format!("the login is forgotten here; revoke it at {}/settings/applications", host.web))
    }
}

fn refusal(error: Option<&str>) -> String {
    match error {
        Some("access_denied") => "the person declined".to_owned(),
        Some("expired_token") => "nobody entered the code in time".to_owned(),
        Some("device_flow_disabled") => "the App's device flow is switched off".to_owned(),
        Some("incorrect_client_credentials" | "unauthorized_client") => {
            "GitHub knows no App with this --client-id".to_owned()
        }
        _ => "GitHub refuses the login".to_owned(),
    }
}

/// Sends a form, and reads JSON. Neither is ever said in an error.
async fn post<T: DeserializeOwned>(
    http: &Http,
    place: &str,
    form: &[(&str, &str)],
) -> Result<T, StartError> {
    let pairs: Vec<String> =
        form.iter().map(|(name, value)| format!("{name}={}", encoded(value))).collect();
    let request = http::Request::post(place)
        .header(CONTENT_TYPE, "application/x-www-form-urlencoded")
        .header(ACCEPT, "application/json")
        .extension(Semantics::Repeatable)
        .body(Body::from(pairs.join("&")))
        .map_err(|_| StartError::new("GitHub's address is none"))?;
    let response = http.clone().call(request).await;
    let response = response.map_err(|error| StartError::new(format!("no login: {error}")))?;
    let body = response.into_body().collect(LONGEST).await;
    let body = body.map_err(|error| StartError::new(format!("no login: {error}")))?;
    serde_json::from_slice(&body)
        .map_err(|_| StartError::new("GitHub gives no login by a code here, or not to this App"))
}

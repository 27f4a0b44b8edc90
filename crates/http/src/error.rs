//! What can go wrong on the way to another service and back: one variant for each operation that
//! failed. `Display` is for the log and names hosts, never a path, query, header or body; what the
//! model reads is made in one place, [`ToolError::from`], and names not even the host.

use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use lockkeeper_core::ToolError;

/// An error of any type.
pub type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// An error of any type, as many may hold it.
type Source = Arc<dyn std::error::Error + Send + Sync>;

/// What a time limit was set for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    /// One of the places at the host.
    Turn,
    /// Looking up the name, connecting, and agreeing on TLS.
    Connect,
    /// From the request to the first byte of its response.
    FirstByte,
    /// Between two pieces of a body.
    Idle,
}

impl fmt::Display for Phase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Turn => "waiting for its turn",
            Self::Connect => "connecting",
            Self::FirstByte => "waiting for its answer",
            Self::Idle => "reading its answer",
        })
    }
}

/// Why a request has no response, or a response no end.
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum HttpError {
    /// The request is not one that can be sent: a defect of ours, or a link from outside.
    #[error("not a request that can be sent: {reason}")]
    Invalid {
        /// Why.
        reason: &'static str,
    },
    /// The settings don't name this host, or not with this scheme or port.
    #[error("`{host}` is no host of this server's settings")]
    HostDenied {
        /// Host and port.
        host: String,
    },
    /// The host's address is of a kind that isn't dialled unless the settings name it.
    #[error("`{host}` is at {address}, which is not dialled: {reason}")]
    AddressDenied {
        /// Host and port.
        host: String,
        /// The address that would have been dialled.
        address: IpAddr,
        /// Its kind.
        reason: &'static str,
    },
    /// The name has no address.
    #[error("`{host}` was not found")]
    NameNotFound {
        /// Host and port.
        host: String,
        /// What the resolver said.
        source: Option<Source>,
    },
    /// No connection.
    #[error("can't connect to `{host}`")]
    Connect {
        /// Host and port.
        host: String,
        /// Why.
        source: Source,
    },
    /// The proxy makes no connection to the host.
    #[error("the proxy makes no connection to `{host}`: {reason}")]
    Proxy {
        /// Host and port.
        host: String,
        /// What it said: a status, or why it wasn't understood.
        reason: String,
    },
    /// No TLS with the host, or a certificate that isn't trusted.
    #[error("no secure connection to `{host}`: {reason}")]
    Tls {
        /// Host and port.
        host: String,
        /// What is wrong, in words for who has to repair it.
        reason: String,
        /// What the library said.
        source: Option<Source>,
    },
    /// It took too long.
    #[error("`{host}` took longer than {limit:?} while {phase}")]
    Timeout {
        /// Host and port.
        host: String,
        /// What took too long.
        phase: Phase,
        /// How long it may take.
        limit: Duration,
    },
    /// The call's time is up.
    #[error("the call's time was up while {phase} (`{host}`)")]
    Deadline {
        /// Host and port.
        host: String,
        /// What was under way.
        phase: Phase,
        /// How long the host had had by then.
        given: Duration,
    },
    /// The connection broke before anything of the request was sent.
    #[error("the connection to `{host}` broke before the request was sent")]
    BrokenBeforeSend {
        /// Host and port.
        host: String,
        /// Why.
        source: Source,
    },
    /// The connection broke when the request was, or may have been, sent and had no response yet.
    #[error("the connection to `{host}` broke after the request was sent")]
    BrokenAfterSend {
        /// Host and port.
        host: String,
        /// Why.
        source: Source,
    },
    /// A body couldn't be read to its end.
    #[error("a body broke off")]
    Body {
        /// Why.
        source: Source,
    },
    /// A body ended before its announced length.
    #[error("a body ended early")]
    BodyTruncated,
    /// A body isn't in the encoding that it claims.
    #[error("a body can't be decoded as {encoding}")]
    BodyEncoding {
        /// The encoding.
        encoding: &'static str,
        /// Why.
        source: Source,
    },
    /// A body is longer than it may be.
    #[error("a body is longer than {limit} bytes")]
    BodyTooLarge {
        /// The most that it may be, bytes.
        limit: u64,
    },
    /// The service has failed too often of late, and is left alone for a while.
    #[error("the service has failed too often and is not asked for {retry_after:?}")]
    BreakerOpen {
        /// When it is asked again.
        retry_after: Duration,
    },
    /// The service wants fewer requests, and its wait doesn't fit into this call.
    #[error("the service asks to wait {retry_after:?}")]
    RateLimited {
        /// When it will take requests again.
        retry_after: Duration,
    },
    /// A request that changes something broke off: it may or may not have had its effect.
    #[error("it can't be known whether the request had its effect")]
    OutcomeUnknown {
        /// What broke it off.
        source: Arc<Self>,
    },
    /// The service answered a change with a fault of its own.
    #[error("the service answered with status {status}")]
    Fault {
        /// The status.
        status: u16,
    },
    /// An answer that makes no sense.
    #[error("the service's answer makes no sense: {reason}")]
    Answer {
        /// Why.
        reason: &'static str,
    },
    /// The recording doesn't have what was asked for, or can't be written.
    #[cfg(any(test, feature = "testing"))]
    #[error("{reason}")]
    Recording {
        /// What is missing, or why.
        reason: String,
    },
    /// A redirect followed the other.
    #[error("more than {limit} redirects")]
    TooManyRedirects {
        /// How many are followed.
        limit: usize,
    },
    /// A redirect that isn't followed.
    #[error("a redirect is not followed: {reason}")]
    Redirect {
        /// Why.
        reason: &'static str,
    },
}

impl HttpError {
    /// The same about a change that it left in doubt.
    pub(crate) fn unknown(self) -> Self {
        match self {
            Self::OutcomeUnknown { .. } => self,
            error => Self::OutcomeUnknown { source: Arc::new(error) },
        }
    }

    /// Whether the upstream may have seen the request (or part of it). If not, doing it again is safe
    /// whatever it does.
    pub fn may_have_been_sent(&self) -> bool {
        match self {
            Self::Invalid { .. }
            | Self::HostDenied { .. }
            | Self::AddressDenied { .. }
            | Self::NameNotFound { .. }
            | Self::Connect { .. }
            | Self::Proxy { .. }
            | Self::Tls { .. }
            | Self::BrokenBeforeSend { .. }
            | Self::BreakerOpen { .. } => false,
            Self::Timeout { phase, .. } | Self::Deadline { phase, .. } => {
                matches!(phase, Phase::FirstByte | Phase::Idle)
            }
            _ => true,
        }
    }

    /// An [`HttpError`] that came through a body as an error of any type, or a body that broke off.
    pub(crate) fn of_body(error: BoxError) -> Self {
        match error.downcast::<Self>() {
            Ok(error) => *error,
            Err(error) => Self::Body { source: error.into() },
        }
    }

    /// The [`HttpError`] in an error of any type, or in what caused it: libraries that clients are built
    /// with wrap theirs around ours.
    pub fn find<'a>(error: &'a (dyn std::error::Error + 'static)) -> Option<&'a Self> {
        let mut next = Some(error);
        while let Some(error) = next {
            if let Some(found) = error.downcast_ref::<Self>() {
                return Some(found);
            }
            // A shared source is an error of its own type.
            if let Some(found) = error.downcast_ref::<Arc<Self>>() {
                return Some(found);
            }
            // Of what an `io::Error` wraps, it calls only the cause a source of its own.
            let wrapped = error.downcast_ref::<std::io::Error>().and_then(std::io::Error::get_ref);
            next = wrapped.map(|wrapped| wrapped as _).or_else(|| error.source());
        }
        None
    }
}

impl From<HttpError> for ToolError {
    fn from(error: HttpError) -> Self {
        (&error).into()
    }
}

impl From<&HttpError> for ToolError {
    fn from(error: &HttpError) -> Self {
        let seconds = |after: &Duration| after.as_secs() + u64::from(after.subsec_nanos() > 0);
        match error {
            HttpError::Invalid { reason } => {
                Self::new("invalid_request", format!("the request can't be sent: {reason}"))
            }
            HttpError::HostDenied { .. } => {
                Self::new("host_denied", "that host is not one that this server may contact")
                    .hint("use what this server's own service offers; its settings name the hosts")
            }
            HttpError::AddressDenied { reason, .. } => {
                Self::new("address_denied", format!("that host is not contacted: {reason}"))
                    .hint("whoever runs this server can allow the host in its settings")
            }
            HttpError::NameNotFound { .. } => {
                Self::new("upstream_down", "the service's host name was not found").hint(
                    "check the network and the host in the server's settings; try again later",
                )
            }
            HttpError::Connect { .. } | HttpError::BrokenBeforeSend { .. } => {
                Self::new("upstream_down", "the service can't be reached").hint("try again later")
            }
            HttpError::Proxy { .. } => {
                Self::new("upstream_down", "the proxy makes no connection to the service")
                    .hint("the server's log on stderr says what the proxy answered")
            }
            HttpError::Tls { reason, .. } => {
                Self::new("upstream_down", format!("no secure connection to the service: {reason}"))
                    .hint("whoever runs this server has to repair this; its log names the host")
            }
            HttpError::Timeout { phase, limit, .. } => Self::new(
                "upstream_timeout",
                format!("the service took longer than {} s while {phase}", seconds(limit)),
            )
            .hint("try again later, or ask for less at once"),
            HttpError::Deadline { phase, .. } => Self::new(
                "upstream_timeout",
                format!("the call's time was up before the service was done ({phase})"),
            )
            .hint("try again later, or ask for less at once"),
            HttpError::BrokenAfterSend { .. }
            | HttpError::Body { .. }
            | HttpError::BodyTruncated => {
                Self::new("upstream_down", "the connection to the service broke")
                    .hint("try again later")
            }
            HttpError::BodyEncoding { encoding, .. } => {
                Self::new("upstream_invalid", format!("the answer isn't valid {encoding}"))
            }
            HttpError::BodyTooLarge { limit } => {
                Self::new("too_large", format!("the service's answer is longer than {limit} bytes"))
                    .hint("ask for less: fewer items, a smaller range")
            }
            HttpError::BreakerOpen { retry_after } => {
                Self::new("upstream_down", "the service has failed too often and is left alone")
                    .retry_after_s(seconds(retry_after).max(1))
            }
            HttpError::RateLimited { retry_after } => {
                Self::new("rate_limited", "the service takes no more requests for now")
                    .retry_after_s(seconds(retry_after).max(1))
            }
            HttpError::OutcomeUnknown { source } => Self::new(
                "outcome_unknown",
                format!("{}: the change may or may not have happened", happened(source)),
            )
            .hint("look at the current state before you try again"),
            HttpError::Fault { status } => {
                Self::new("upstream_down", format!("the service answered with status {status}"))
                    .hint("try again later")
            }
            HttpError::Answer { reason } => Self::new(
                "upstream_invalid",
                format!("the service's answer makes no sense: {reason}"),
            ),
            #[cfg(any(test, feature = "testing"))]
            HttpError::Recording { reason } => Self::new("recording", reason.clone()),
            HttpError::TooManyRedirects { .. } => {
                Self::new("upstream_invalid", "the service redirects too often")
            }
            HttpError::Redirect { reason } => {
                Self::new("upstream_invalid", format!("a redirect is not followed: {reason}"))
            }
        }
    }
}

/// What left a change without a clear answer.
fn happened(error: &HttpError) -> String {
    match error {
        HttpError::OutcomeUnknown { source } => happened(source),
        HttpError::Fault { status } => format!("the service answered with status {status}"),
        HttpError::Timeout { .. } | HttpError::Deadline { .. } => {
            "the service didn't answer in time".to_owned()
        }
        HttpError::BodyTooLarge { .. }
        | HttpError::BodyEncoding { .. }
        | HttpError::Answer { .. }
        | HttpError::Redirect { .. }
        | HttpError::TooManyRedirects { .. } => "the service's answer is of no use".to_owned(),
        HttpError::BrokenAfterSend { .. } | HttpError::Body { .. } | HttpError::BodyTruncated => {
            "the connection to the service broke".to_owned()
        }
        // An earlier attempt, or one behind a redirect, came to nothing.
        _ => "the service didn't say what became of it".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_model_reads_names_no_host() {
        let host = || "ghes.corp.example:8443".to_owned();
        let source: Source = Arc::new(std::io::Error::other("ghes.corp.example: refused"));
        let address = IpAddr::from([169, 254, 169, 254]);
        for error in [
            HttpError::HostDenied { host: host() },
            HttpError::AddressDenied { host: host(), address, reason: "a cloud metadata address" },
            HttpError::NameNotFound { host: host(), source: Some(Arc::clone(&source)) },
            HttpError::Connect { host: host(), source: Arc::clone(&source) },
            HttpError::Proxy { host: host(), reason: "status 407".to_owned() },
            HttpError::Tls {
                host: host(),
                reason: "its certificate has expired".to_owned(),
                source: None,
            },
            HttpError::Timeout {
                host: host(),
                phase: Phase::FirstByte,
                limit: Duration::from_secs(1),
            },
            HttpError::Deadline { host: host(), phase: Phase::Idle, given: Duration::ZERO },
            HttpError::BrokenAfterSend { host: host(), source },
        ] {
            let text = ToolError::from(&error).text();
            assert!(!text.contains("corp") && !text.contains("169."), "{text}");
            let broken = HttpError::OutcomeUnknown { source: Arc::new(error) };
            assert_eq!(ToolError::from(broken).code(), "outcome_unknown");
        }
    }

    #[test]
    fn what_left_the_outcome_open_is_said_as_it_was() {
        let host = || "h".to_owned();
        let (phase, limit) = (Phase::FirstByte, Duration::from_secs(1));
        for (error, said) in [
            (HttpError::Fault { status: 502 }, "answered with status 502"),
            (HttpError::Timeout { host: host(), phase, limit }, "didn't answer in time"),
            (HttpError::BodyTooLarge { limit: 1 }, "answer is of no use"),
            (HttpError::BodyTruncated, "the connection to the service broke"),
        ] {
            let unknown = HttpError::OutcomeUnknown { source: Arc::new(error) };
            let text = ToolError::from(HttpError::OutcomeUnknown { source: Arc::new(unknown) });
            assert!(text.text().contains(said), "{}", text.text());
        }
    }

    #[test]
    fn waits_are_rounded_up() {
        let error = HttpError::RateLimited { retry_after: Duration::from_millis(1_200) };
        let text = ToolError::from(error).text();
        assert!(text.ends_with("retry_after_s: 2"), "{text}");
    }

    #[test]
    fn it_is_found_in_what_others_wrapped_around_it() {
        let error = HttpError::Body { source: Arc::new(HttpError::BodyTruncated) };
        let wrapped = std::io::Error::other(error);
        assert!(matches!(HttpError::find(&wrapped), Some(HttpError::Body { .. })));
        assert!(HttpError::find(&std::io::Error::other("x")).is_none());
    }
}

//! The proxy on the way out, as the environment names it: which requests take it, and how it is asked
//! for a connection. Its password is in one header, which is never logged.

use std::net::IpAddr;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::Uri;
use ipnet::IpNet;
use lockkeeper_core::{Network, Secret, percent_decode};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};

use crate::dial::Target;
use crate::error::HttpError;

/// The longest answer of a proxy to CONNECT, bytes.
const LONGEST_ANSWER: usize = 8 * 1024;

/// The proxy for requests that leave this machine.
#[derive(Default)]
pub(crate) struct Proxies {
    proxy: Option<Proxy>,
    direct: Direct,
}

/// One proxy.
pub(crate) struct Proxy {
    /// Where it is. `None` if it is of a kind that isn't spoken, or no address.
    pub(crate) place: Option<Target>,
    authorization: Option<Secret<String>>,
}

/// What `NO_PROXY` names.
#[derive(Default)]
struct Direct {
    all: bool,
    networks: Vec<(IpNet, Option<u16>)>,
    names: Vec<(String, Option<u16>)>,
}

impl Proxies {
    /// What the environment says.
    pub(crate) fn new(network: &Network) -> Self {
        Self {
            proxy: network.proxy.as_ref().map(|text| Proxy::new(text.expose())),
            direct: network.no_proxy.as_deref().map(Direct::new).unwrap_or_default(),
        }
    }

    /// The proxy for a target. Nothing for this machine ever takes one: the proxy's "this machine" is
    /// another, and what isn't encrypted would leave.
    pub(crate) fn take(&self, target: &Target) -> Option<&Proxy> {
        let direct = target.is_this_machine() || self.direct.names(target);
        self.proxy.as_ref().filter(|_| !direct)
    }

    /// The proxy's port, for the sandbox.
    pub(crate) fn port(&self) -> Option<u16> {
        Some(self.proxy.as_ref()?.place.as_ref()?.port)
    }
}

impl Proxy {
    fn new(text: &str) -> Self {
        let text = text.trim();
        let (scheme, rest) = text.split_once("://").unwrap_or(("http", text));
        // A password may hold what no address may; it is taken off before the rest is read.
        let rest = rest.split(['/', '?', '#']).next().unwrap_or_default();
        let (user, place) = match rest.rsplit_once('@') {
            Some((user, place)) => (Some(user), place),
            None => (None, rest),
        };
        let scheme = scheme.to_ascii_lowercase();
        let spoken = matches!(scheme.as_str(), "http" | "https");
        let uri = spoken.then(|| format!("{scheme}://{place}").parse::<Uri>().ok()).flatten();
        // What isn't properly encoded was meant as it stands.
        let decoded =
            |text: &str| Secret::new(percent_decode(text).unwrap_or_else(|| text.to_owned()));
        let authorization = user.map(|user| {
            let (user, password) = user.split_once(':').unwrap_or((user, ""));
            let (user, password) = (decoded(user), decoded(password));
            let pair = Secret::new(format!("{}:{}", user.expose(), password.expose()));
            Secret::new(STANDARD.encode(pair.expose()))
        });
        Self { place: uri.and_then(|uri| Target::of(&uri).ok()), authorization }
    }

    /// Asks for a connection to the target, over a connection to the proxy.
    pub(crate) async fn connect<S>(&self, stream: &mut S, target: &Target) -> Result<(), HttpError>
    where
        S: AsyncRead + AsyncWrite + Unpin,
    {
        let failed =
            |reason: &str| HttpError::Proxy { host: target.to_string(), reason: reason.to_owned() };
        let mut request =
            Secret::new(format!("CONNECT {target} HTTP/1.1\r\nHost: {target}\r\n").into_bytes());
        if let Some(authorization) = &self.authorization {
            let header = format!("Proxy-Authorization: Basic {}\r\n", authorization.expose());
            let header = Secret::new(header.into_bytes());
            request = Secret::new([request.expose().as_slice(), header.expose()].concat());
        }
        let request = Secret::new([request.expose().as_slice(), b"\r\n"].concat());
        let write = stream.write_all(request.expose()).await;
        write.map_err(|_| failed("the connection to it broke"))?;
        stream.flush().await.map_err(|_| failed("the connection to it broke"))?;
        let answer = read_head(stream).await;
        let head = answer.map_err(|_| failed("it closed the connection"))?;
        let head = head.ok_or_else(|| failed("its answer is too long"))?;
        match status(&head) {
            Some(200..=299) => Ok(()),
            Some(407) => Err(failed("it asks for a user name and password, or other ones (407)")),
            Some(status) => Err(failed(&format!("it answered with status {status}"))),
            None => Err(failed("it answered with what is not HTTP")),
        }
    }
}

/// Reads up to the empty line and no further: what follows is the target's.
async fn read_head<S: AsyncRead + Unpin>(stream: &mut S) -> std::io::Result<Option<Vec<u8>>> {
    let mut head = Vec::with_capacity(256);
    while !head.ends_with(b"\r\n\r\n") {
        if head.len() == LONGEST_ANSWER {
            return Ok(None);
        }
        head.push(stream.read_u8().await?);
    }
    Ok(Some(head))
}

fn status(head: &[u8]) -> Option<u16> {
    let rest = head.strip_prefix(b"HTTP/1.")?;
    let code = rest.get(2..5).filter(|_| rest.get(1) == Some(&b' '))?;
    std::str::from_utf8(code).ok()?.parse().ok()
}

impl Direct {
    fn new(text: &str) -> Self {
        let mut direct = Self::default();
        for entry in text.split([',', ' ', '\t']).filter(|entry| !entry.is_empty()) {
            if entry == "*" {
                direct.all = true;
                continue;
            }
            let (place, port) = split_port(entry);
            let address = place.parse::<IpAddr>().map(IpNet::from);
            if let Ok(network) = place.parse::<IpNet>().or(address) {
                direct.networks.push((network, port));
                continue;
            }
            let name = place.strip_prefix('*').unwrap_or(place).trim_matches('.');
            if !name.is_empty() {
                direct.names.push((name.to_ascii_lowercase(), port));
            }
        }
        direct
    }

    fn names(&self, target: &Target) -> bool {
        let port = |port: Option<u16>| port.is_none_or(|port| port == target.port);
        if self.all {
            return true;
        }
        match target.address {
            Some(address) => self
                .networks
                .iter()
                .any(|(network, only)| network.contains(&address) && port(*only)),
            None => self.names.iter().any(|(name, only)| {
                let rest = target.host.strip_suffix(name.as_str());
                port(*only) && rest.is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
            }),
        }
    }
}

/// `host:port`, `[address]:port`, or either without a port.
fn split_port(entry: &str) -> (&str, Option<u16>) {
    if let Some((address, rest)) = entry.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        return (address, rest.strip_prefix(':').and_then(|port| port.parse().ok()));
    }
    match entry.rsplit_once(':') {
        // More than one colon is an IPv6 address.
        Some((host, port)) if !host.contains(':') => match port.parse() {
            Ok(port) => (host, Some(port)),
            Err(_) => (entry, None),
        },
        _ => (entry, None),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    fn target(uri: &str) -> Target {
        Target::of(&uri.parse().unwrap()).unwrap()
    }

    fn proxies(proxy: &str, no_proxy: Option<&str>) -> Proxies {
        Proxies::new(&Network {
            proxy: Some(Arc::new(Secret::new(proxy.to_owned()))),
            no_proxy: no_proxy.map(ToOwned::to_owned),
            ..Network::default()
        })
    }

    #[test]
    fn no_proxy() {
        for (list, uri, direct) in [
            ("", "https://api.example.com", false),
            ("*", "https://api.example.com", true),
            ("example.com", "https://example.com", true),
            ("example.com", "https://api.example.com", true),
            ("example.com", "https://API.EXAMPLE.COM", true),
            ("example.com", "https://notexample.com", false),
            ("example.com", "https://example.com.evil.test", false),
            (".example.com", "https://api.example.com", true),
            (".example.com", "https://example.com", true),
            ("*.example.com", "https://api.example.com", true),
            ("EXAMPLE.com", "https://example.com", true),
            ("other.test, example.com", "https://example.com", true),
            ("other.test example.com", "https://example.com", true),
            ("other.test,,", "https://example.com", false),
            ("example.com:8443", "https://example.com:8443", true),
            ("example.com:8443", "https://example.com", false),
            ("10.0.0.0/8", "https://10.1.2.3", true),
            ("10.0.0.0/8", "https://11.1.2.3", false),
            ("10.1.2.3", "https://10.1.2.3:8443", true),
            ("10.1.2.3:443", "https://10.1.2.3:8443", false),
            ("fd00::/8", "https://[fd12::1]", true),
            ("[fd12::1]:443", "https://[fd12::1]", true),
            ("fd12::1", "https://[fd12::1]", true),
            // An address is no name, and a name that ends like one is no address.
            ("1.2.3", "https://9.1.2.3", false),
            (".", "https://example.com", false),
            // This machine is never asked for through a proxy.
            ("", "http://localhost:9000", true),
            ("", "http://127.0.0.1:9000", true),
            ("", "https://[::1]:9000", true),
        ] {
            let proxies = proxies("http://proxy.test:3128", Some(list));
            assert_eq!(proxies.take(&target(uri)).is_none(), direct, "{list:?} {uri}");
        }
    }

    #[test]
    fn a_proxy_in_any_of_its_spellings() {
        for (text, place, pair) in [
            ("http://proxy.test:3128", Some("proxy.test:3128"), None),
            ("proxy.test:3128", Some("proxy.test:3128"), None),
            ("HTTP://proxy.test", Some("proxy.test:80"), None),
            ("https://proxy.test/", Some("proxy.test:443"), None),
            ("http://[fd12::1]:3128", Some("[fd12::1]:3128"), None),
            ("http://u:p@proxy.test:1", Some("proxy.test:1"), Some("u:p")),
            ("http://u:p%40%3A%2F@proxy.test:1", Some("proxy.test:1"), Some("u:p@:/")),
            ("http://u:p@ss@proxy.test:1", Some("proxy.test:1"), Some("u:p@ss")),
            ("http://u:p%zz@proxy.test:1", Some("proxy.test:1"), Some("u:p%zz")),
            ("http://u@proxy.test:1", Some("proxy.test:1"), Some("u:")),
            ("socks5://proxy.test:1080", None, None),
            ("http://", None, None),
        ] {
            let proxy = Proxy::new(text);
            let shown = proxy.place.map(|place| place.to_string());
            assert_eq!(shown.as_deref(), place, "{text}");
            let sent = proxy.authorization.map(|sent| sent.expose().clone());
            assert_eq!(sent, pair.map(|pair| STANDARD.encode(pair)), "{text}");
        }
    }

    async fn answered(answer: &'static [u8]) -> (Result<(), HttpError>, String, Vec<u8>) {
        let (mut ours, mut theirs) = tokio::io::duplex(64 * 1024);
        theirs.write_all(answer).await.unwrap();
        let proxy = Proxy::new("http://user:pa55@proxy.test:3128");
        let result = proxy.connect(&mut ours, &target("https://api.example.com/x?y")).await;
        theirs.shutdown().await.unwrap();
        let mut rest = Vec::new();
        ours.read_to_end(&mut rest).await.unwrap();
        drop(ours);
        let mut request = String::new();
        theirs.read_to_string(&mut request).await.unwrap();
        (result, request, rest)
    }

    #[tokio::test]
    async fn asks_for_host_and_port_alone_and_leaves_the_rest_to_the_target() {
        let (result, request, rest) =
            answered(b"HTTP/1.1 200 Connection established\r\nVia: x\r\n\r\n\x16\x03").await;
        result.unwrap();
        assert_eq!(
            request,
            "CONNECT api.example.com:443 HTTP/1.1\r\nHost: api.example.com:443\r\n\
             Proxy-Authorization: Basic dXNlcjpwYTU1\r\n\r\n"
        );
        assert_eq!(rest, b"\x16\x03");
    }

    #[tokio::test]
    async fn a_proxy_that_refuses_is_quoted_by_its_status_alone() {
        static ENDLESS: &[u8] = &[b'x'; 2 * LONGEST_ANSWER];
        for (answer, expected) in [
            (&b"HTTP/1.1 407 dXNlcjpwYTU1\r\n\r\n"[..], "407"),
            (b"HTTP/1.0 403 no\r\n\r\n", "status 403"),
            (b"SSH-2.0-x\r\n\r\n", "not HTTP"),
            (b"HTTP/1.1 200 OK\r\n", "closed"),
            (ENDLESS, "too long"),
        ] {
            // Closed without an end to its answer, a proxy says nothing more.
            let (mut ours, mut theirs) = tokio::io::duplex(64 * 1024);
            theirs.write_all(answer).await.unwrap();
            theirs.shutdown().await.unwrap();
            let proxy = Proxy::new("http://user:pa55@proxy.test:3128");
            let error = proxy.connect(&mut ours, &target("https://api.example.com")).await;
            let error = error.unwrap_err().to_string();
            assert!(error.contains(expected), "{error}");
            assert!(!error.contains("dXNlc") && !error.contains("pa55"), "{error}");
        }
    }
}

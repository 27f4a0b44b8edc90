//! Which hosts a server may contact, and at which addresses. Names decide whether a request is made
//! at all; addresses are looked at again when they are about to be dialled, whatever the name was
//! resolved to before. There is no list of forbidden names: what isn't named is forbidden.

pub(crate) mod address;

use std::fmt;
use std::net::{IpAddr, Ipv6Addr, SocketAddr};

use http::Uri;
use ipnet::IpNet;

use self::address::Kind;
use crate::error::HttpError;

/// Why a setting doesn't name a host or a network.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` {reason}")]
pub struct DestinationError {
    text: String,
    reason: &'static str,
}

/// The hosts that may be contacted and the networks that they may be in.
#[derive(Debug, Clone, Default)]
pub(crate) struct Destinations {
    hosts: Vec<Host>,
    networks: Vec<IpNet>,
}

#[derive(Debug, Clone)]
struct Host {
    secure: bool,
    name: Name,
    port: u16,
    /// Whoever runs the server named it: it may be at a private address.
    named: bool,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Name {
    Address(IpAddr),
    Exact(String),
    /// `.example.com`: every name that ends with it.
    Beneath(String),
}

/// Where clouds have their metadata service. No proxy leads there.
const METADATA: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(169, 254, 169, 254));

/// Where a request goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Target {
    pub(crate) secure: bool,
    /// In lower case; an address without brackets.
    pub(crate) host: String,
    pub(crate) port: u16,
    pub(crate) address: Option<IpAddr>,
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.host.contains(':') {
            write!(f, "[{}]:{}", self.host, self.port)
        } else {
            write!(f, "{}:{}", self.host, self.port)
        }
    }
}

impl Target {
    /// The target of an absolute address.
    pub(crate) fn of(uri: &Uri) -> Result<Self, HttpError> {
        let invalid = |reason| HttpError::Invalid { reason };
        let secure = match uri.scheme_str() {
            Some("https") => true,
            Some("http") => false,
            Some(_) => return Err(invalid("only https addresses are contacted")),
            None => return Err(invalid("its address has no host")),
        };
        let authority = uri.authority().ok_or_else(|| invalid("its address has no host"))?;
        if authority.as_str().contains('@') {
            return Err(invalid("its address holds a user name"));
        }
        let host = authority.host();
        let bracketed = host.strip_prefix('[').and_then(|host| host.strip_suffix(']'));
        let address = match bracketed {
            Some(host) => {
                let address = host.parse::<Ipv6Addr>();
                Some(IpAddr::V6(address.map_err(|_| invalid("its address is no IPv6 address"))?))
            }
            None => host.parse().ok().map(IpAddr::V4),
        };
        let host = bracketed.unwrap_or(host).to_ascii_lowercase();
        if host.is_empty() || host.len() > 253 {
            return Err(invalid("its address has no host"));
        }
        let in_names = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
        if address.is_none() && !host.bytes().all(in_names) {
            return Err(invalid("its host is no valid name"));
        }
        if address.is_none() && is_odd_address(&host) {
            return Err(invalid("its host is an address in an unusual form"));
        }
        let port = match (authority.port_u16(), authority.port()) {
            (Some(port), _) => port,
            (None, Some(_)) => return Err(invalid("its address has no valid port")),
            (None, None) => {
                if secure {
                    443
                } else {
                    80
                }
            }
        };
        Ok(Self { secure, host, port, address })
    }

    /// Whether it is this machine, by what it is called.
    pub(crate) fn is_this_machine(&self) -> bool {
        let loopback = |address| address::plain(address).is_loopback();
        self.host == "localhost" || self.address.is_some_and(loopback) || self.is_metadata()
    }

    /// Whether it is the metadata service of the machine, by its address: it speaks plain http, with
    /// this machine alone.
    fn is_metadata(&self) -> bool {
        !self.secure && self.port == 80 && self.address == Some(METADATA)
    }
}

/// Whether resolvers may take a name for an IPv4 address, written as a number, in hexadecimal, in
/// octal, with fewer parts or with a dot at its end.
fn is_odd_address(host: &str) -> bool {
    let host = host.strip_suffix('.').unwrap_or(host);
    let last = host.rsplit('.').next().unwrap_or_default();
    let hexadecimal = last
        .strip_prefix("0x")
        .is_some_and(|digits| digits.bytes().all(|byte| byte.is_ascii_hexdigit()));
    last.bytes().all(|byte| byte.is_ascii_digit()) || hexadecimal
}

impl Destinations {
    /// Adds a host. `https://api.example.com`, `https://*.example.com`, `http://127.0.0.1:8080`.
    /// `named` says that whoever runs the server named it, so that it may be at a private address.
    pub(crate) fn add_host(&mut self, text: &str, named: bool) -> Result<(), DestinationError> {
        let error = |reason| DestinationError { text: shown(text), reason };
        let (plain, beneath) = match text.strip_prefix("https://*.") {
            Some(rest) => (format!("https://{rest}"), true),
            None => (text.to_owned(), false),
        };
        let uri: Uri = plain.parse().map_err(|_| error("is no address of a service"))?;
        let target = Target::of(&uri).map_err(|_| error("is no address of a service"))?;
        if uri.path() != "/" || uri.query().is_some() {
            return Err(error("names more than a host"));
        }
        let stays_here = named && target.is_this_machine();
        if !(target.secure || stays_here) {
            return Err(error("is not https"));
        }
        let name = match (target.address, beneath) {
            (Some(_), true) => return Err(error("is no address of a service")),
            (Some(address), false) => Name::Address(address),
            // One label would be a whole top-level domain.
            (None, true) if !target.host.contains('.') => return Err(error("is too wide")),
            (None, true) => Name::Beneath(format!(".{}", target.host)),
            (None, false) => Name::Exact(target.host),
        };
        self.hosts.push(Host { secure: target.secure, name, port: target.port, named });
        Ok(())
    }

    /// Adds a network, or one address, that the hosts may be at although it is private.
    pub(crate) fn add_network(&mut self, text: &str) -> Result<(), DestinationError> {
        let address = text.parse().map(|address: IpAddr| IpNet::from(address));
        let network = text.parse().or(address);
        let reason = "is no network, such as 10.1.0.0/16";
        self.networks.push(network.map_err(|_| DestinationError { text: shown(text), reason })?);
        Ok(())
    }

    /// The ports of all hosts.
    pub(crate) fn ports(&self) -> impl Iterator<Item = u16> + '_ {
        self.hosts.iter().map(|host| host.port)
    }

    /// The names of single hosts.
    pub(crate) fn names(&self) -> impl Iterator<Item = String> + '_ {
        self.hosts.iter().filter_map(|host| match &host.name {
            Name::Address(IpAddr::V6(address)) => Some(format!("[{address}]")),
            Name::Address(IpAddr::V4(address)) => Some(address.to_string()),
            Name::Exact(name) => Some(name.clone()),
            Name::Beneath(_) => None,
        })
    }

    /// Whether a request may be made at all.
    pub(crate) fn admit(&self, target: &Target) -> Result<(), HttpError> {
        let admitted = self.rules(target).next().is_some();
        if !admitted {
            return Err(HttpError::HostDenied { host: target.to_string() });
        }
        if let Some(address) = target.address {
            self.check(target, address)?;
        }
        Ok(())
    }

    /// Whether a target may be dialled at this address.
    pub(crate) fn check(&self, target: &Target, address: IpAddr) -> Result<(), HttpError> {
        let denied =
            |reason| HttpError::AddressDenied { host: target.to_string(), address, reason };
        let plain = address::plain(address);
        // Without TLS nothing leaves this machine.
        let is_metadata = target.is_metadata() && plain == METADATA;
        if !target.secure && !plain.is_loopback() && !is_metadata {
            return Err(denied("not this machine, and not https"));
        }
        let named = self.rules(target).any(|host| host.named);
        let networks = || self.networks.iter().filter(|network| network.contains(&plain));
        // What a host called by its address resolves to is what was named.
        let literally = || {
            let called = target.address.is_some_and(|called| address::plain(called) == plain);
            let alone = |network: &IpNet| network.prefix_len() == network.max_prefix_len();
            (named && called) || networks().any(alone)
        };
        match address::kind(address) {
            Kind::Public => Ok(()),
            Kind::Private(_) if named || networks().next().is_some() => Ok(()),
            Kind::Literal(_) if literally() => Ok(()),
            Kind::Private(reason) | Kind::Literal(reason) => Err(denied(reason)),
        }
    }

    /// Of the addresses that a name was resolved to, those that may be dialled.
    pub(crate) fn allowed(
        &self,
        target: &Target,
        addresses: impl IntoIterator<Item = SocketAddr>,
    ) -> Result<Vec<SocketAddr>, HttpError> {
        let (mut allowed, mut refusal) = (Vec::new(), None);
        for address in addresses {
            match self.check(target, address.ip()) {
                // The port is the target's, whatever a resolver made of it.
                Ok(()) => allowed.push(SocketAddr::new(address::plain(address.ip()), target.port)),
                Err(error) => refusal = refusal.or(Some(error)),
            }
        }
        match refusal {
            Some(refusal) if allowed.is_empty() => Err(refusal),
            None if allowed.is_empty() => {
                Err(HttpError::NameNotFound { host: target.to_string(), source: None })
            }
            _ => Ok(allowed),
        }
    }

    /// The addresses of a proxy that may be dialled. Whoever runs the server named it, so it may be
    /// anywhere but at an address that no name leads to.
    pub(crate) fn proxy(
        place: &Target,
        addresses: impl IntoIterator<Item = SocketAddr>,
    ) -> Result<Vec<SocketAddr>, HttpError> {
        let name = match place.address {
            Some(address) => Name::Address(address),
            None => Name::Exact(place.host.clone()),
        };
        let host = Host { secure: true, name, port: place.port, named: true };
        // What is said to a proxy in the clear is the name of a host, and the rest is encrypted.
        let place = Target { secure: true, ..place.clone() };
        Self { hosts: vec![host], networks: Vec::new() }.allowed(&place, addresses)
    }

    fn rules<'a>(&'a self, target: &'a Target) -> impl Iterator<Item = &'a Host> {
        self.hosts.iter().filter(move |host| {
            host.secure == target.secure && host.port == target.port && host.name.is(target)
        })
    }
}

impl Name {
    fn is(&self, target: &Target) -> bool {
        match (self, target.address) {
            (Self::Address(address), Some(target)) => *address == target,
            (Self::Exact(name), None) => *name == target.host,
            (Self::Beneath(suffix), None) => {
                target.host.len() > suffix.len() && target.host.ends_with(suffix.as_str())
            }
            _ => false,
        }
    }
}

/// A setting as its error shows it: without what may be a password in it.
fn shown(text: &str) -> String {
    match text.rsplit_once('@') {
        Some((_, rest)) => format!("…@{rest}"),
        None => text.to_owned(),
    }
}

#[cfg(test)]
mod tests;

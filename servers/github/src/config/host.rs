//! Which GitHub: where its REST and GraphQL interfaces are, by the name of its host.

/// The one that most mean.
pub(crate) const DOTCOM: &str = "github.com";

/// Where logs and artifacts of github.com and ghe.com lie: the API redirects there, with a signature
/// in the address and without our token.
const STORES: &[&str] = &[
    "https://*.blob.core.windows.net",
    "https://*.actions.githubusercontent.com",
    "https://objects.githubusercontent.com",
];

/// Where one GitHub is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Host {
    /// The name under which people know it.
    pub(crate) name: String,
    /// Before the path of a REST call.
    pub(crate) rest: String,
    /// GraphQL's one address.
    pub(crate) graphql: String,
    /// Where people look at it, and log in.
    pub(crate) web: String,
    /// What the API is at, for the dialler.
    pub(crate) origin: String,
    /// Whether whoever runs the server named it.
    pub(crate) is_named: bool,
    /// Hosts that answers may lead to, for bulk that the API hands out elsewhere.
    pub(crate) stores: &'static [&'static str],
}

impl Host {
    /// Reads `github.com`, `name.ghe.com`, the host of an Enterprise Server, or a URL of one.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let wrong = |why: &str| Err(format!("GITHUB_HOST `{text}`: {why}"));
        let (scheme, rest) = match text.split_once("://") {
            Some((scheme @ ("http" | "https"), rest)) => (scheme, rest),
            Some(_) => return wrong("a host name, or a URL with https://"),
            None => ("https", text),
        };
        let authority = rest.trim_end_matches('/').to_ascii_lowercase();
        let (name, port) = match authority.rsplit_once(':') {
            Some((name, port)) if port.parse::<u16>().is_ok() => (name, Some(port)),
            Some(_) => return wrong("not a host name with a port"),
            None => (authority.as_str(), None),
        };
        let is_name = !name.is_empty()
            && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'.')
            && !name.starts_with(['.', '-']);
        if !is_name {
            return wrong("a host name, without user, path or query");
        }
        let is_loopback = matches!(name, "localhost" | "127.0.0.1");
        if scheme == "http" && !is_loopback {
            return wrong("http:// is for this machine only; use https://");
        }
        if port.is_none() && matches!(name, "github.com" | "www.github.com" | "api.github.com") {
            return Ok(Self::cloud(DOTCOM, "https://api.github.com".to_owned(), false));
        }
        if port.is_none()
            && let Some(tenant) = name.strip_suffix(".ghe.com")
        {
            let tenant = tenant.strip_prefix("api.").unwrap_or(tenant);
            let name = format!("{tenant}.ghe.com");
            return Ok(Self::cloud(&name, format!("https://api.{tenant}.ghe.com"), true));
        }
        let origin = format!("{scheme}://{authority}");
        Ok(Self {
            name: authority.clone(),
            rest: format!("{origin}/api/v3"),
            graphql: format!("{origin}/api/graphql"),
            web: origin.clone(),
            origin,
            is_named: true,
            stores: STORES,
        })
    }

    /// What a login there is called in the store.
    pub(crate) fn login_name(&self) -> String {
        let plain = |c: char| if c.is_ascii_alphanumeric() { c } else { '-' };
        format!("login-{}", self.name.chars().map(plain).collect::<String>())
    }

    fn cloud(name: &str, origin: String, is_named: bool) -> Self {
        Self {
            name: name.to_owned(),
            graphql: format!("{origin}/graphql"),
            web: format!("https://{name}"),
            rest: origin.clone(),
            origin,
            is_named,
            stores: STORES,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_kind_of_host_has_its_own_paths() {
        for (text, rest, graphql) in [
            ("github.com", "https://api.github.com", "https://api.github.com/graphql"),
            ("https://github.com/", "https://api.github.com", "https://api.github.com/graphql"),
            ("Octo.ghe.com", "https://api.octo.ghe.com", "https://api.octo.ghe.com/graphql"),
            (
                "https://api.octo.ghe.com",
                "https://api.octo.ghe.com",
                "https://api.octo.ghe.com/graphql",
            ),
            (
                "git.corp.example",
                "https://git.corp.example/api/v3",
                "https://git.corp.example/api/graphql",
            ),
            (
                "https://git.corp.example:8443",
                "https://git.corp.example:8443/api/v3",
                "https://git.corp.example:8443/api/graphql",
            ),
            (
                "http://127.0.0.1:4030",
                "http://127.0.0.1:4030/api/v3",
                "http://127.0.0.1:4030/api/graphql",
            ),
        ] {
            let host = Host::parse(text).unwrap();
            assert_eq!((host.rest.as_str(), host.graphql.as_str()), (rest, graphql), "{text}");
        }
    }

    #[test]
    fn what_is_no_host_is_refused() {
        for text in [
            "",
            "http://git.corp.example",
            "http://127.0.0.1.evil.example",
            "ftp://github.com",
            "https://user@github.com",
            "github.com/path",
            "git hub",
            "https://",
            "a:b",
            "-a",
        ] {
            assert!(Host::parse(text).is_err(), "{text}");
        }
    }
}

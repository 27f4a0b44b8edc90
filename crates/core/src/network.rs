//! What the environment says about the way to other machines: proxies, and whose certificates are
//! trusted. It is read here, as all of the environment is, and used by whoever connects.

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

use crate::secret::Secret;

/// The way out, by the environment's account.
#[derive(Clone, Default)]
pub struct Network {
    /// `https_proxy` or `HTTPS_PROXY`, else `all_proxy` or `ALL_PROXY`. It may hold a password.
    pub proxy: Option<Arc<Secret<String>>>,
    /// `no_proxy` or `NO_PROXY`: the hosts that are reached without it.
    pub no_proxy: Option<String>,
    /// `SSL_CERT_FILE`: certificates to trust instead of the system's.
    pub certificate_file: Option<PathBuf>,
    /// `SSL_CERT_DIR`: the same, a directory of them.
    pub certificate_directory: Option<PathBuf>,
}

impl Network {
    /// Takes it from variables.
    pub(crate) fn read(variable: impl Fn(&str) -> Option<std::ffi::OsString>) -> Self {
        let set = |name: &str| variable(name).filter(|value| !value.is_empty());
        let text = |name: &str| set(name).map(|value| value.to_string_lossy().into_owned());
        // Lower case first, as curl has it.
        let either = |lower: &str| text(lower).or_else(|| text(&lower.to_ascii_uppercase()));
        let proxy = either("https_proxy").or_else(|| either("all_proxy"));
        Self {
            proxy: proxy.map(|proxy| Arc::new(Secret::new(proxy))),
            no_proxy: either("no_proxy"),
            certificate_file: set("SSL_CERT_FILE").map(PathBuf::from),
            certificate_directory: set("SSL_CERT_DIR").map(PathBuf::from),
        }
    }
}

impl fmt::Debug for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Network")
            .field("proxy", &self.proxy.is_some())
            .field("no_proxy", &self.no_proxy)
            .field("certificate_file", &self.certificate_file)
            .field("certificate_directory", &self.certificate_directory)
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lower_case_comes_first_and_empty_is_unset() {
        let read = |set: &[(&str, &str)]| {
            let network = Network::read(|name| {
                set.iter().find(|(known, _)| *known == name).map(|(_, value)| value.into())
            });
            network.proxy.map(|proxy| proxy.expose().clone())
        };
        for (set, expected) in [
            (&[][..], None),
            (&[("HTTPS_PROXY", "upper"), ("https_proxy", "lower")], Some("lower")),
            (&[("HTTPS_PROXY", "upper"), ("https_proxy", "")], Some("upper")),
            (&[("ALL_PROXY", "all")], Some("all")),
            (&[("all_proxy", "all"), ("HTTPS_PROXY", "https")], Some("https")),
            (&[("HTTP_PROXY", "plain"), ("http_proxy", "plain")], None),
        ] {
            assert_eq!(read(set).as_deref(), expected, "{set:?}");
        }
    }

    #[test]
    fn a_proxys_password_is_not_printed() {
        let network =
            Network::read(|name| (name == "https_proxy").then(|| "http://u:pa55@proxy".into()));
        assert!(!format!("{network:?}").contains("pa55"));
    }
}

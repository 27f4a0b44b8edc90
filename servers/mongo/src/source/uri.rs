//! Connection strings, as far as they are looked at before anybody connects: which ports and files
//! they name, and whether they can be read at all. Nothing is resolved here.

use std::path::PathBuf;

use mongodb::options::{ConnectionString, HostInfo, ServerAddress, Tls};

/// What MongoDB listens on where nothing else is said.
const PORT: u16 = 27017;

/// What a connection string says without asking anybody.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Named {
    /// The ports of the hosts; none if they are asked of DNS.
    pub(crate) ports: Option<Vec<u16>>,
    /// Certificates and keys.
    pub(crate) files: Vec<PathBuf>,
    /// The database behind the slash.
    pub(crate) database: Option<String>,
    /// Host names, for taking them out of what the driver says.
    pub(crate) hosts: Vec<String>,
}

/// Reads a connection string.
///
/// # Errors
///
/// What is wrong with it, in words that hold nothing of it.
pub(crate) fn named(uri: &str) -> Result<Named, &'static str> {
    if !uri.starts_with("mongodb://") && !uri.starts_with("mongodb+srv://") {
        return Err("it begins with neither mongodb:// nor mongodb+srv://");
    }
    let parsed = ConnectionString::parse(uri).map_err(|_| {
        "special characters of its user name and password must be percent-encoded, and its options \
         known to MongoDB drivers"
    })?;
    let mut named = Named { database: parsed.default_database, ..Named::default() };
    match parsed.host_info {
        HostInfo::HostIdentifiers(addresses) => {
            let port = |address: &ServerAddress| match address {
                ServerAddress::Tcp { port, .. } => Some(port.unwrap_or(PORT)),
                _ => None,
            };
            let mut ports: Vec<u16> = addresses.iter().filter_map(port).collect();
            ports.sort_unstable();
            ports.dedup();
            named.ports = Some(ports);
            named.hosts.extend(addresses.iter().filter_map(host));
            #[cfg(unix)]
            named.files.extend(addresses.iter().filter_map(|address| match address {
                ServerAddress::Unix { path } => Some(path.clone()),
                _ => None,
            }));
        }
        HostInfo::DnsRecord(name) => named.hosts.push(name),
        _ => {}
    }
    if let Some(Tls::Enabled(tls)) = parsed.tls {
        named.files.extend(tls.ca_file_path);
        named.files.extend(tls.cert_key_file_path);
    }
    Ok(named)
}

/// A host's name, if it has one.
pub(crate) fn host(address: &ServerAddress) -> Option<String> {
    match address {
        ServerAddress::Tcp { host, .. } => Some(host.clone()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_connection_string_names() {
        let two = named("mongodb://u:p@h1,h2:27018/shop?tls=true&tlsCAFile=/etc/ca.pem").unwrap();
        assert_eq!(two.ports, Some(vec![27017, 27018]));
        assert_eq!(two.files, [PathBuf::from("/etc/ca.pem")]);
        assert_eq!(two.database.as_deref(), Some("shop"));
        assert_eq!(two.hosts, ["h1", "h2"]);
        let service = named("mongodb+srv://cluster0.example.net/").unwrap();
        assert_eq!((service.ports, service.database), (None, None));
    }

    #[test]
    fn what_is_wrong_is_said_without_what_was_given() {
        for uri in ["", "postgres://h", "mongodb://u:s3cr3t@x@h/", "mongodb://h/?tls=perhaps"] {
            let problem = named(uri).unwrap_err();
            assert!(!problem.contains("s3cr3t") && !problem.contains("perhaps"), "{problem}");
        }
    }
}

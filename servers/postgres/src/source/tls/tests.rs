//! TLS with a real server, whose certificate is known, unknown, for another name, its own or over.

use lockkeeper_testkit::postgres::{Cluster, Version};
use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair, date_time_ymd};
use tempfile::TempDir;
use tokio::runtime::Builder;

use super::*;
use crate::source::connect::{ConnectError, Session, connect};
use crate::source::dsn::Address;

const LONG: std::time::Duration = std::time::Duration::from_secs(20);

/// A certificate and its key, PEM.
struct Pair {
    certificate: String,
    key: String,
}

struct Authority {
    pem: String,
    issuer: Issuer<'static, KeyPair>,
}

fn authority(name: &str) -> Authority {
    let mut params = CertificateParams::default();
    params.distinguished_name.push(DnType::CommonName, name);
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let key = KeyPair::generate().unwrap();
    let pem = params.self_signed(&key).unwrap().pem();
    Authority { pem, issuer: Issuer::new(params, key) }
}

impl Authority {
    fn issue(&self, subject: &str, names: &[&str]) -> Pair {
        let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
        let mut params = CertificateParams::new(names).unwrap();
        params.distinguished_name.push(DnType::CommonName, subject);
        let key = KeyPair::generate().unwrap();
        let certificate = params.signed_by(&key, &self.issuer).unwrap().pem();
        Pair { certificate, key: key.serialize_pem() }
    }
}

/// As `openssl req -x509` makes one, which calls itself an authority, or as others do.
fn own(names: &[&str], is_ca: bool, is_over: bool) -> Pair {
    let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
    let mut params = CertificateParams::new(names).unwrap();
    if is_ca {
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    }
    if is_over {
        params.not_before = date_time_ymd(2020, 1, 1);
        params.not_after = date_time_ymd(2021, 1, 1);
    }
    let key = KeyPair::generate().unwrap();
    let certificate = params.self_signed(&key).unwrap().pem();
    Pair { certificate, key: key.serialize_pem() }
}

/// A server that speaks TLS with this certificate; only the Debian one is built with it.
fn serving(pair: &Pair, clients: Option<&str>) -> Option<Cluster> {
    let mut cluster = Cluster::start(Version::V15)?;
    cluster.put("server.crt", &pair.certificate);
    cluster.put("server.key", &pair.key);
    let mut settings = "ssl = on\n".to_owned();
    if let Some(authority) = clients {
        cluster.put("clients.crt", authority);
        settings.push_str("ssl_ca_file = 'clients.crt'\n");
        cluster.put("pg_hba.conf", "hostssl all all 127.0.0.1/32 cert\n");
    }
    cluster.put("postgresql.auto.conf", &settings);
    cluster.restart();
    Some(cluster)
}

/// What becomes of a connection: `TLS`, `no TLS`, or what is wrong.
fn tried(cluster: &Cluster, host: &str, rest: &str) -> String {
    let dsn = format!(
        "host={host} hostaddr=127.0.0.1 port={} user=postgres dbname=postgres {rest}",
        cluster.port()
    );
    let address = Address::parse(&dsn, &std::collections::BTreeMap::new(), None).unwrap();
    let session = Session {
        application: "test",
        search_path: "pg_catalog",
        sockets: &lockkeeper_core::Sockets::default(),
        pooled: None,
        hear: None,
    };
    let runtime = Builder::new_current_thread().enable_all().build().unwrap();
    match runtime.block_on(connect(&address, &session, LONG)) {
        Ok(connection) if connection.encrypted => "TLS".to_owned(),
        Ok(_) => "no TLS".to_owned(),
        Err(ConnectError::Tls { problem, .. }) => problem,
        Err(error) => error.state().map_or_else(|| error.to_string(), |s| s.code().to_owned()),
    }
}

fn files() -> (TempDir, impl Fn(&str, &str) -> String) {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().to_owned();
    let write = move |name: &str, text: &str| {
        let file = path.join(name);
        std::fs::write(&file, text).unwrap();
        file.to_str().unwrap().to_owned()
    };
    (directory, write)
}

#[test]
fn modes_are_libpqs() {
    let ours = authority("ours");
    let Some(cluster) = serving(&ours.issue("db", &["db.example"]), None) else { return };
    let (_directory, write) = files();
    let known = format!("sslrootcert={}", write("known.pem", &ours.pem));
    let other = format!("sslrootcert={}", write("other.pem", &authority("other").pem));
    let unknown = "invalid peer certificate: UnknownIssuer";
    for (host, mode, root, expected) in [
        ("db.example", "disable", "", "no TLS"),
        ("db.example", "prefer", "", "TLS"),
        ("db.example", "require", "", "TLS"),
        ("db.example", "require", &other, unknown),
        ("db.example", "verify-ca", &known, "TLS"),
        ("db.example", "verify-ca", &other, unknown),
        ("elsewhere.example", "verify-ca", &known, "TLS"),
        ("db.example", "verify-full", &known, "TLS"),
        ("db.example", "verify-full", &other, unknown),
        ("db.example", "verify-full", "", unknown),
    ] {
        let said = tried(&cluster, host, &format!("sslmode={mode} {root}"));
        assert_eq!(said, expected, "{host} {mode} {root}");
    }
    let said = tried(&cluster, "elsewhere.example", &format!("sslmode=verify-full {known}"));
    assert!(said.contains("not valid for name \"elsewhere.example\""), "{said}");
}

#[test]
fn a_server_may_be_known_by_its_own_certificate() {
    let (_directory, write) = files();
    for is_ca in [true, false] {
        let pair = own(&["db.example"], is_ca, false);
        let Some(cluster) = serving(&pair, None) else { return };
        let root = format!("sslrootcert={}", write("own.pem", &pair.certificate));
        for (host, mode, expected) in [
            ("db.example", "verify-ca", "TLS"),
            ("elsewhere.example", "verify-ca", "TLS"),
            ("db.example", "verify-full", "TLS"),
        ] {
            let said = tried(&cluster, host, &format!("sslmode={mode} {root}"));
            assert_eq!(said, expected, "{is_ca} {host} {mode}");
        }
        let said = tried(&cluster, "elsewhere.example", &format!("sslmode=verify-full {root}"));
        assert!(said.contains("not valid for name"), "{is_ca}: {said}");
        // Another one with the same names is another server.
        let other = own(&["db.example"], is_ca, false).certificate;
        let root = format!("sslrootcert={}", write("other.pem", &other));
        for mode in ["verify-ca", "verify-full"] {
            let said = tried(&cluster, "db.example", &format!("sslmode={mode} {root}"));
            assert!(said.starts_with("invalid peer certificate"), "{is_ca} {mode}: {said}");
        }
    }
}

#[test]
fn a_certificate_that_is_over_is_none() {
    let (_directory, write) = files();
    for is_ca in [true, false] {
        let pair = own(&["db.example"], is_ca, true);
        let Some(cluster) = serving(&pair, None) else { return };
        let root = format!("sslrootcert={}", write("own.pem", &pair.certificate));
        let said = tried(&cluster, "db.example", &format!("sslmode=verify-ca {root}"));
        assert!(said.contains("expired"), "{is_ca}: {said}");
    }
}

#[test]
fn a_client_certificate_opens() {
    let (ours, clients) = (authority("ours"), authority("clients"));
    let pair = ours.issue("db", &["db.example"]);
    let Some(cluster) = serving(&pair, Some(&clients.pem)) else { return };
    let (_directory, write) = files();
    let root = format!("sslmode=verify-full sslrootcert={}", write("known.pem", &ours.pem));
    let login = |pair: &Pair| {
        let certificate = write("client.pem", &pair.certificate);
        format!("{root} sslcert={certificate} sslkey={}", write("client.key", &pair.key))
    };
    assert_eq!(tried(&cluster, "db.example", &login(&clients.issue("postgres", &[]))), "TLS");
    // It names another role; it comes from another authority; there is none.
    assert_eq!(tried(&cluster, "db.example", &login(&clients.issue("eve", &[]))), "28000");
    let said = tried(&cluster, "db.example", &login(&ours.issue("postgres", &[])));
    assert!(said.contains("UnknownCA") || said.contains("refused the login"), "{said}");
    let said = tried(&cluster, "db.example", &root);
    assert!(said == "28000" || said.contains("refused the login"), "{said}");
}

#[test]
fn files_that_are_none_are_named() {
    let (_directory, write) = files();
    let pair = own(&["db.example"], true, false);
    let client = |root: Option<String>, certificate: Option<String>, key: Option<String>| {
        let path = |text: Option<String>| text.map(PathBuf::from);
        let settings = TlsSettings {
            mode: TlsMode::VerifyCa,
            root: path(root),
            certificate: path(certificate),
            key: path(key),
        };
        settings.client().map(drop).unwrap_err().to_string()
    };
    let known = write("known.pem", &pair.certificate);
    let said = client(Some("/does/not/exist".to_owned()), None, None);
    assert!(said.starts_with("/does/not/exist: "), "{said}");
    let said = client(Some(write("empty.pem", "")), None, None);
    assert!(said.ends_with("no certificate in PEM"), "{said}");
    let said = client(Some(known.clone()), Some(known.clone()), None);
    assert_eq!(said, "a client certificate needs its key: name both sslcert and sslkey");
    let sealed =
        "-----BEGIN ENCRYPTED PRIVATE KEY-----\nAAAA\n-----END ENCRYPTED PRIVATE KEY-----\n";
    let said = client(Some(known.clone()), Some(known), Some(write("sealed.key", sealed)));
    assert!(said.ends_with("the private key is encrypted: decrypt it"), "{said}");
}

#[test]
fn signature_algorithms_are_found() {
    let identifier = [0x2a, 0x86, 0x48, 0xce, 0x3d, 4, 3, 3];
    let algorithm = [&[0x30, 10, 0x06, 8][..], &identifier].concat();
    let contents = [&[0x30, 0x82, 1, 0][..], &[0; 256]].concat();
    let body = [contents, algorithm, vec![0x03, 1, 0]].concat();
    let length = u16::try_from(body.len()).unwrap().to_be_bytes();
    let certificate = [&[0x30, 0x82][..], &length, &body].concat();
    assert_eq!(signature_algorithm(&certificate), Some(&identifier[..]));
    assert_eq!(end_point(&certificate).len(), 48);
    for end in 0..certificate.len() {
        assert_eq!(end_point(&certificate[..end]).len(), 32, "cut at {end}");
    }
}

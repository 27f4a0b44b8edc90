//! Where metrics leave the process: a file that is replaced now and then, for the textfile
//! collector of Prometheus' node exporter, and a listener on a loopback address, for a scraper. Neither is there unless
//! it is asked for. Both are opened before the sandbox closes. What is said is made elsewhere.

mod file;
mod listen;

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use serde::Deserialize;
use tokio::sync::watch;

pub(crate) use self::file::MetricsFile;
pub(crate) use self::listen::{Health, Listener, is_loopback};
use crate::instance::Lifecycle;
use crate::instance::kept::is_other_than_file;
use crate::server::Finding;
use crate::state;

/// `[metrics]`, `--metrics-file` and `--metrics-listen`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct MetricsSource {
    pub(crate) file: Option<PathBuf>,
    pub(crate) listen: Option<Loopback>,
}

impl MetricsSource {
    /// What this source says, and where it says nothing, `lower`.
    pub(crate) fn or(self, lower: Self) -> Self {
        Self { file: self.file.or(lower.file), listen: self.listen.or(lower.listen) }
    }

    /// The directory that files are written in, as far as it exists.
    pub(crate) fn directory(&self) -> Option<PathBuf> {
        let path = self.file.as_deref()?;
        let directory = if path.is_dir() { path } else { parent(path) };
        directory.canonicalize().ok()
    }

    /// The file of one instance: at the path that is named, or in it if that is a directory, under
    /// a name that no sibling has.
    pub(crate) fn path(&self, server: &str, instance: &str) -> Option<PathBuf> {
        // A relative path is one from where the server was started.
        let path = std::path::absolute(self.file.as_deref()?).ok()?;
        let own = || path.join(format!("{server}-{instance}{}", file::ENDING));
        Some(if path.is_dir() { own() } else { path })
    }

    /// For `check`. It binds the port for a moment, so it comes before the sandbox.
    pub(crate) fn findings(&self) -> Vec<Finding> {
        let finding = |state: String, ok| Finding { subject: "metrics".to_owned(), state, ok };
        let mut findings = Vec::new();
        if let Some(path) = &self.file {
            let said = path.display();
            let place = if path.is_dir() { path } else { parent(path) };
            let trouble = if !place.is_dir() {
                Some("there is no such directory")
            } else if !path.is_dir() && is_other_than_file(path) {
                Some("it is there, and not a regular file")
            } else {
                state::unwritable(place)
            };
            findings.push(match trouble {
                Some(trouble) => finding(format!("{said}: {trouble}"), false),
                None if path.is_dir() => {
                    finding(format!("a file for each instance in {said}"), true)
                }
                None => finding(said.to_string(), true),
            });
        }
        if let Some(Loopback(address)) = self.listen {
            findings.push(match std::net::TcpListener::bind(address) {
                Ok(_) => finding(format!("http://{address}/metrics"), true),
                // A sibling, most likely: this one would serve its tools all the same.
                Err(error) => finding(format!("{address} can't be listened on now: {error}"), true),
            });
        }
        if findings.is_empty() {
            findings.push(finding("none".to_owned(), true));
        }
        findings
    }
}

fn parent(path: &Path) -> &Path {
    match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    }
}

/// An address that only this machine reaches.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub(crate) struct Loopback(pub(crate) SocketAddr);

impl FromStr for Loopback {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let address: SocketAddr = text
            .trim()
            .parse()
            .map_err(|_| "an address and a port are needed, such as 127.0.0.1:9464".to_owned())?;
        if !address.ip().is_loopback() {
            return Err(
                "metrics are served on loopback addresses only: 127.0.0.1 or [::1]".to_owned()
            );
        }
        Ok(Self(address))
    }
}

impl TryFrom<String> for Loopback {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

/// The open ways out of one process.
#[derive(Default)]
pub(crate) struct Outlets {
    file: Option<MetricsFile>,
    listener: Option<Listener>,
}

impl Outlets {
    /// Opens what `settings` ask for. What can't be opened is said, and stops nothing.
    pub(crate) fn open(settings: &MetricsSource, server: &str, instance: &str) -> Self {
        let shared = settings.file.as_ref().is_some_and(|path| path.is_dir()).then_some(server);
        let file = settings.path(server, instance);
        let file = file.map(|path| MetricsFile::new(path, instance, shared));
        let bind = |Loopback(address)| match Listener::bind(address) {
            Ok(listener) => Some(listener),
            Err(error) => {
                tracing::warn!(%address, %error, "metrics are not served: it can't be listened on");
                None
            }
        };
        Self { file, listener: settings.listen.and_then(bind) }
    }

    /// Where metrics are served.
    pub(crate) fn address(&self) -> Option<SocketAddr> {
        self.listener.as_ref().map(Listener::address)
    }

    /// Lets metrics out for as long as the server runs.
    pub(crate) async fn serve(
        &self,
        changes: watch::Receiver<()>,
        text: impl Fn() -> String,
        health: impl Fn() -> Lifecycle,
    ) {
        let writing = async {
            if let Some(file) = &self.file {
                file.keep(changes, &text).await;
            }
        };
        let listening = async {
            if let Some(listener) = &self.listener {
                listener.serve(&Health { text: &text, lifecycle: &health }).await;
            }
        };
        tokio::join!(writing, listening);
    }

    /// The last word.
    pub(crate) fn end(&self, text: &str) {
        if let Some(file) = &self.file {
            file.write(text);
        }
    }
}

#[cfg(test)]
mod tests;

//! Unix sockets of this machine that a source connects to. No filter of system calls sees the path
//! of a socket, and Landlock doesn't ask about it, so a process in the sandbox makes none at all:
//! another one, started before, connects to those that the settings name and hands them in.

#[cfg(target_os = "linux")]
mod opener;

use std::io;
#[cfg(target_os = "linux")]
use std::path::Path;
use std::path::PathBuf;
use std::process::ExitCode;
#[cfg(target_os = "linux")]
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

#[cfg(target_os = "linux")]
use self::opener::Opener;

/// The way to Unix sockets; see [`Environment::sockets`](crate::Environment::sockets). Clones are
/// the same way.
#[derive(Debug, Clone, Default)]
pub struct Sockets {
    #[cfg(target_os = "linux")]
    opener: Arc<OnceLock<Mutex<Opener>>>,
}

impl Sockets {
    /// Connects to the socket at this path, which [`Reach::sockets`](crate::Reach::sockets) names.
    ///
    /// # Errors
    ///
    /// As the system says, or that it isn't named.
    #[cfg(target_os = "linux")]
    pub async fn connect(&self, path: &Path) -> io::Result<tokio::net::UnixStream> {
        if self.opener.get().is_none() {
            return tokio::net::UnixStream::connect(path).await;
        }
        let (opener, path) = (Arc::clone(&self.opener), path.to_owned());
        let opened = tokio::task::spawn_blocking(move || {
            let opener = opener.get().ok_or(io::ErrorKind::NotConnected)?;
            opener.lock().unwrap_or_else(PoisonError::into_inner).open(&path)
        });
        let stream = opened.await.map_err(io::Error::other)??;
        stream.set_nonblocking(true)?;
        tokio::net::UnixStream::from_std(stream)
    }

    /// The same where there is no sandbox.
    #[cfg(all(unix, not(target_os = "linux")))]
    pub async fn connect(&self, path: &std::path::Path) -> io::Result<tokio::net::UnixStream> {
        tokio::net::UnixStream::connect(path).await
    }

    /// Prepares for the sandbox: from now on only these can be connected to.
    #[cfg(target_os = "linux")]
    pub(crate) fn start(&self, paths: &[PathBuf]) -> io::Result<()> {
        if !paths.is_empty() {
            // There is one start of a process.
            drop(self.opener.set(Opener::start(paths)?.into()));
        }
        Ok(())
    }

    #[cfg(not(target_os = "linux"))]
    #[expect(clippy::unnecessary_wraps, clippy::unused_self, reason = "as it is on Linux")]
    pub(crate) fn start(&self, _: &[PathBuf]) -> io::Result<()> {
        Ok(())
    }
}

/// If this process was started to open sockets, does so until its end.
pub(crate) fn serve_if_asked() -> Option<ExitCode> {
    #[cfg(target_os = "linux")]
    return opener::serve_if_asked();
    #[cfg(not(target_os = "linux"))]
    None
}

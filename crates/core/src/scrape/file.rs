//! Metrics in a file: replaced as a whole, so that whoever reads it never sees half of it.

use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::Instant;

use crate::instance::kept::Kept;
use crate::instance::sweep_left;

/// At most so often, and only if something changed.
const EVERY: Duration = Duration::from_secs(15);

/// Files of ended processes stay so long, to be read once more.
const LEFT: Duration = Duration::from_mins(10);

pub(super) const ENDING: &str = ".prom";

/// The file of this process.
pub(crate) struct MetricsFile {
    inner: Mutex<Inner>,
    /// Where siblings of this server have files too.
    shared: Option<(PathBuf, String)>,
}

struct Inner {
    kept: Kept,
    written: Option<Instant>,
    complained: bool,
}

impl MetricsFile {
    /// At `path`; `shared` is the server whose instances have files beside it.
    pub(super) fn new(path: PathBuf, instance: &str, shared: Option<&str>) -> Self {
        let directory = path.parent().map(Path::to_owned);
        let shared = directory.zip(shared.map(str::to_owned));
        // Whoever collects it is another user, and there is nothing in it to hide.
        let kept = Kept::new(path, instance, 0o644);
        let inner = Inner { kept, written: None, complained: false };
        Self { inner: Mutex::new(inner), shared }
    }

    /// Writes what `text` says, at once and then whenever something changed.
    pub(super) async fn keep(&self, mut changes: watch::Receiver<()>, text: impl Fn() -> String) {
        loop {
            changes.mark_unchanged();
            self.write(&text());
            if changes.changed().await.is_err() {
                return;
            }
            let written = self.inner.lock().unwrap_or_else(PoisonError::into_inner).written;
            if let Some(written) = written {
                tokio::time::sleep_until(written + EVERY).await;
            }
        }
    }

    pub(super) fn write(&self, text: &str) {
        let mut inner = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
        inner.written = Some(Instant::now());
        match inner.kept.replace_file(text.as_bytes()) {
            Ok(()) => inner.complained = false,
            Err(error) if !inner.complained => {
                inner.complained = true;
                tracing::warn!(%error, "the metrics file can't be written");
            }
            Err(_) => {}
        }
        if let Some((directory, server)) = &self.shared {
            sweep_left(directory, server, ENDING, LEFT);
        }
    }
}

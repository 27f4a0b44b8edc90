//! Files and folders that hosts subscribed to. While somebody listens, one task asks Drive's feeds of
//! changes: the account's own, and that of each shared drive in which something is listened to. With
//! the last listener it ends, and nothing is asked any more. What is told passes the gate: of a file
//! outside nothing is, and of one that goes outside only that it has changed.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use google_drive3::api::Change;
use lockkeeper_core::{Changed, Watch};
use tokio::task::JoinHandle;

use super::Source;
use super::api::DriveApi as _;
use super::error::SourceError;

/// Changes that are asked for at once.
const AT_ONCE: i32 = 100;

/// After faults the next look waits longer, up to this.
const LONGEST_PAUSE: Duration = Duration::from_mins(10);

/// Who listens to what.
pub(super) struct Feed {
    interval: Duration,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    last: u64,
    listeners: BTreeMap<u64, Listener>,
    /// Where each feed goes on: that of a shared drive by its id, the account's own by none.
    tokens: BTreeMap<Option<String>, String>,
    poller: Option<JoinHandle<()>>,
}

struct Listener {
    id: String,
    is_folder: bool,
    drive: Option<String>,
    changed: Changed,
}

/// Somebody listens, until this is dropped.
struct Listening {
    source: Arc<Source>,
    number: u64,
}

impl Drop for Listening {
    fn drop(&mut self) {
        let mut state = self.source.feed.lock();
        let State { listeners, tokens, poller, .. } = &mut *state;
        listeners.remove(&self.number);
        tokens.retain(|drive, _| listeners.values().any(|one| one.drive == *drive));
        if listeners.is_empty()
            && let Some(poller) = poller.take()
        {
            poller.abort();
        }
    }
}

impl Feed {
    pub(super) fn new(interval: Duration) -> Self {
        Self { interval, state: Mutex::default() }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn token(&self, drive: Option<&String>) -> Option<String> {
        self.lock().tokens.get(&drive.cloned()).cloned()
    }

    /// Goes on there, if anybody still listens.
    fn go_on(&self, drive: Option<&String>, token: String) {
        if let Some(known) = self.lock().tokens.get_mut(&drive.cloned()) {
            *known = token;
        }
    }

    /// Those whose feed this is: what lies in a shared drive may be told of in two.
    fn each(&self, drive: Option<&String>, tell: impl FnMut(&Listener)) {
        let state = self.lock();
        state.listeners.values().filter(|one| one.drive.as_ref() == drive).for_each(tell);
    }

    /// How long until the next look: all servers of an account don't ask at the same moment.
    fn pause(&self, faults: u32) -> Duration {
        let pause = self.interval.saturating_mul(1 << faults.min(10));
        let pause = pause.min(LONGEST_PAUSE.max(self.interval));
        let random = getrandom::u32().unwrap_or_default();
        pause.mul_f64(1.0 + f64::from(random) / f64::from(u32::MAX) / 10.0)
    }
}

impl Source {
    /// Watches a file, or a folder with all beneath, which must be there.
    pub(crate) async fn watch(
        self: &Arc<Self>,
        name: &str,
        changed: Changed,
    ) -> Result<Watch, SourceError> {
        let found = self.find(name).await?;
        let listener = || Listener {
            id: found.id().to_owned(),
            is_folder: found.is_folder(),
            drive: found.file().drive_id.clone(),
            changed: changed.clone(),
        };
        let mut token = None;
        loop {
            if let Some(watch) = self.listen(listener(), token) {
                return Ok(watch);
            }
            // What happens from this moment on is told.
            token = Some(self.api.start_token(found.file().drive_id.as_deref()).await?);
        }
    }

    /// Lets one listen; none if its feed isn't read yet and no place to begin is given.
    fn listen(self: &Arc<Self>, listener: Listener, token: Option<String>) -> Option<Watch> {
        let mut state = self.feed.lock();
        if let Some(token) = token {
            state.tokens.entry(listener.drive.clone()).or_insert(token);
        }
        if !state.tokens.contains_key(&listener.drive) {
            return None;
        }
        state.last += 1;
        let number = state.last;
        state.listeners.insert(number, listener);
        if state.poller.as_ref().is_none_or(JoinHandle::is_finished) {
            #[expect(clippy::disallowed_methods, reason = "it ends with the last listener")]
            let poller = tokio::spawn(poll(Arc::clone(self)));
            state.poller = Some(poller);
        }
        drop(state);
        Some(Watch::new(Listening { source: Arc::clone(self), number }))
    }

    /// Reads a feed to its end.
    async fn look(&self, drive: Option<&String>) -> Result<(), SourceError> {
        while let Some(token) = self.feed.token(drive) {
            let asked = self.api.changes(&token, AT_ONCE, drive.map(String::as_str)).await;
            let list = match asked {
                // The place is gone: what happened since can't be told.
                Err(SourceError::Invalid { .. } | SourceError::Expired { .. }) => {
                    let token = self.api.start_token(drive.map(String::as_str)).await?;
                    self.feed.go_on(drive, token);
                    self.feed.each(drive, |one| one.changed.gap());
                    return Ok(());
                }
                list => list?,
            };
            for change in list.changes.unwrap_or_default() {
                Box::pin(self.pass_on(change, drive)).await?;
            }
            let is_end = list.next_page_token.is_none();
            if let Some(next) = list.next_page_token.or(list.new_start_page_token) {
                self.feed.go_on(drive, next);
            }
            if is_end {
                return Ok(());
            }
        }
        Ok(())
    }

    /// Tells of a change whoever listens to the file, or to a folder that it lies or lay in.
    async fn pass_on(&self, change: Change, drive: Option<&String>) -> Result<(), SourceError> {
        let id = change.file_id.unwrap_or_default();
        let was_seen = self.gate.knew(&id);
        let mut above = if was_seen { self.gate.remembered(&id) } else { BTreeSet::new() };
        self.gate.forget(&id);
        let (mut is_meant, mut are_folders) = (false, false);
        self.feed.each(drive, |one| {
            is_meant |= one.id == id;
            are_folders |= one.is_folder;
        });
        if !is_meant && !are_folders {
            return Ok(());
        }
        let file = change.file.filter(|_| change.removed != Some(true));
        let now = match file {
            Some(file) => self.gate.chain(&self.api, &file).await?,
            None => None,
        };
        let is_told = was_seen || now.is_some();
        above.extend(now.into_iter().flatten());
        self.feed.each(drive, |one| {
            if is_told && (one.id == id || one.is_folder && above.contains(&one.id)) {
                one.changed.now();
            }
        });
        Ok(())
    }
}

/// Asks again and again, for as long as it isn't stopped.
async fn poll(source: Arc<Source>) {
    let mut faults = 0;
    loop {
        tokio::time::sleep(source.feed.pause(faults)).await;
        let drives: Vec<_> = source.feed.lock().tokens.keys().cloned().collect();
        let mut is_fault = false;
        for drive in drives {
            if let Err(error) = source.look(drive.as_ref()).await {
                tracing::debug!(%error, "changes couldn't be asked for");
                is_fault = true;
            }
        }
        faults = if is_fault { faults + 1 } else { 0 };
    }
}

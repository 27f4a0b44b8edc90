//! Channels that are listened to: one connection for each database, beside the pool, which is there
//! only as long as somebody wants to hear. When it breaks it is opened again, and whoever hears is
//! told that something may have been missed.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::{Notify, mpsc, oneshot};
use tokio::time::{sleep, timeout};

use super::connect::Unasked;
use super::error::PgError;
use super::pool::{Lease, PATIENCE, Pool};
use super::{Database, quoted};

/// How long after a failed attempt the next one to listen again follows; twice as long each time.
const PAUSE: Duration = Duration::from_millis(250);
const LONGEST_PAUSE: Duration = Duration::from_secs(30);

/// What somebody who hears is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Heard {
    /// There was a message.
    Message,
    /// There may have been messages that nobody heard.
    Gap,
}

/// Told at once, in the middle of other things: it only leaves a mark.
pub(crate) type Ear = Arc<dyn Fn(Heard) + Send + Sync>;

/// The one connection that listens. It ends when this is dropped.
pub(crate) struct Listener {
    ears: Arc<Ears>,
    asks: mpsc::UnboundedSender<Ask>,
    /// Dropped with it, which ends its task at whatever it is.
    _alive: oneshot::Sender<()>,
}

/// Somebody hears, until this is dropped.
pub(crate) struct Hearing {
    number: u64,
    listener: Arc<Listener>,
}

#[derive(Default)]
struct Ears {
    by_number: Mutex<BTreeMap<u64, (Vec<String>, Ear)>>,
    /// A connection ended.
    ended: Notify,
}

/// What the task is asked: others are to be listened to than before.
enum Ask {
    /// Says whether the database can be listened to, as soon as it is.
    Begin(oneshot::Sender<Result<bool, PgError>>),
    End,
}

impl Database {
    /// Tells `ear` of each message on these channels, from now on. None if the database takes no
    /// LISTEN: it is a standby, or stands behind a pooler.
    pub(crate) async fn hear(
        &self,
        channels: Vec<String>,
        ear: Ear,
    ) -> Result<Option<Hearing>, PgError> {
        let listener = {
            let mut kept = self.listener.lock().unwrap_or_else(PoisonError::into_inner);
            kept.upgrade().unwrap_or_else(|| {
                let listener = Arc::new(Listener::start(&self.pool));
                *kept = Arc::downgrade(&listener);
                listener
            })
        };
        let (reply, begun) = oneshot::channel();
        let hearing = Listener::add(listener, channels, ear);
        drop(hearing.listener.asks.send(Ask::Begin(reply)));
        let listens = begun.await.map_err(|_| PgError::Closed)??;
        Ok(listens.then_some(hearing))
    }
}

impl Listener {
    fn start(pool: &Pool) -> Self {
        let ears = Arc::<Ears>::default();
        let (asks, asked) = mpsc::unbounded_channel();
        let (alive, dead) = oneshot::channel::<()>();
        let heard = Arc::clone(&ears);
        let pool = pool.apart(1, Some(Arc::new(move |unasked: Unasked<'_>| heard.tell(unasked))));
        let listening = listen(Arc::clone(&ears), pool, asked);
        #[expect(clippy::disallowed_methods, reason = "it ends with the last who hears")]
        tokio::spawn(async move {
            tokio::select! {
                biased;
                _ = dead => {}
                () = listening => {}
            }
        });
        Self { ears, asks, _alive: alive }
    }

    fn add(listener: Arc<Self>, channels: Vec<String>, ear: Ear) -> Hearing {
        let mut ears = listener.ears.lock();
        let number = ears.last_key_value().map_or(0, |(last, _)| last + 1);
        ears.insert(number, (channels, ear));
        drop(ears);
        Hearing { number, listener }
    }
}

impl Drop for Hearing {
    fn drop(&mut self) {
        self.listener.ears.lock().remove(&self.number);
        drop(self.listener.asks.send(Ask::End));
    }
}

impl Ears {
    fn lock(&self) -> MutexGuard<'_, BTreeMap<u64, (Vec<String>, Ear)>> {
        self.by_number.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn tell(&self, unasked: Unasked<'_>) {
        let Unasked::Notified(channel) = unasked else { return self.ended.notify_one() };
        for (channels, ear) in self.lock().values() {
            if channels.iter().any(|one| one == channel) {
                ear(Heard::Message);
            }
        }
    }

    fn tell_of_gap(&self) {
        for (_, ear) in self.lock().values() {
            ear(Heard::Gap);
        }
    }

    fn channels(&self) -> BTreeSet<String> {
        self.lock().values().flat_map(|(channels, _)| channels).cloned().collect()
    }
}

/// A connection, and the channels that it listens to.
struct Line {
    lease: Lease,
    channels: BTreeSet<String>,
}

/// The task: sees to it that what is to be heard is listened to.
async fn listen(ears: Arc<Ears>, pool: Pool, mut asked: mpsc::UnboundedReceiver<Ask>) {
    let mut line = None;
    // How long until the next attempt to listen again, if there was a connection.
    let mut pause = None;
    loop {
        let again = async {
            match pause {
                Some(pause) => sleep(pause).await,
                None => std::future::pending().await,
            }
        };
        let reply = tokio::select! {
            ask = asked.recv() => match ask {
                Some(Ask::Begin(reply)) => Some(reply),
                Some(Ask::End) => None,
                None => return,
            },
            () = ears.ended.notified() => {
                let is_lost = |line: &Line| line.lease.connection.client.is_closed();
                if line.take_if(|line| is_lost(line)).is_some() {
                    pause = Some(PAUSE);
                }
                continue;
            }
            () = again => None,
        };
        if line.is_none() && reply.is_none() && pause.is_none() {
            continue;
        }
        let settled = settle(&ears, &pool, &mut line).await;
        match &settled {
            Ok(_) if pause.take().is_some() => ears.tell_of_gap(),
            Ok(_) => {}
            Err(error) => {
                tracing::debug!(%error, "channels are not listened to");
                if line.take().is_some() {
                    pause = Some(PAUSE);
                } else {
                    pause = pause.map(|pause| (pause * 2).min(LONGEST_PAUSE));
                }
            }
        }
        if let Some(reply) = reply {
            // Whoever asked may be gone.
            drop(reply.send(settled));
        }
    }
}

/// Listens to what is to be heard, and to nothing else. False if that can't be done here.
async fn settle(ears: &Ears, pool: &Pool, line: &mut Option<Line>) -> Result<bool, PgError> {
    let wanted = ears.channels();
    let Line { lease, channels } = match line {
        Some(line) => line,
        None => line.insert(Line { lease: pool.take().await?, channels: BTreeSet::new() }),
    };
    let connection = &lease.connection;
    if connection.pooled.is_some() {
        *line = None;
        return Ok(false);
    }
    let begins = wanted.difference(channels).map(|name| format!("LISTEN {};", quoted(name)));
    let ends = channels.difference(&wanted).map(|name| format!("UNLISTEN {};", quoted(name)));
    let sql: String = begins.chain(ends).collect();
    if sql.is_empty() {
        return Ok(true);
    }
    let done = timeout(PATIENCE, connection.client.batch_execute(&sql)).await;
    match done
        .map_err(|_| PgError::Closed)?
        .map_err(|error| PgError::of(error, &connection.overlong))
    {
        Ok(()) => *channels = wanted,
        Err(PgError::Refused(refusal)) if refusal.state == READ_ONLY => {
            *line = None;
            return Ok(false);
        }
        Err(error) => return Err(error),
    }
    Ok(true)
}

/// SQLSTATE of what a standby doesn't do.
const READ_ONLY: &str = "25006";

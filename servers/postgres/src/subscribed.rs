//! Tables and saved queries that hosts subscribed to. A channel that the settings name wakes whoever
//! looks; without one it is looked at again and again.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use lockkeeper_core::{Changed, Cx, Read, ToolError, Watch};
use tokio::sync::Notify;
use tokio::time::sleep;

use crate::source::Pg;
use crate::source::error::PgError;
use crate::source::listening::{Heard, Hearing};
use crate::source::looking::{Look, Subject, passes};

/// Comparing takes a tenth of a connection's time at most: so many times as long as it took, nobody
/// looks again; and for so long at least.
const REST: u32 = 9;
const LEAST_REST: Duration = Duration::from_millis(20);

/// The longest time until a look is tried again that failed.
const LONGEST_PAUSE: Duration = Duration::from_mins(1);

/// Begins to watch what stands in a database.
pub(crate) async fn watch(
    cx: &Cx<'_, Pg, Read>,
    database: Option<&str>,
    subject: Subject,
    changed: Changed,
) -> Result<Watch, ToolError> {
    let database = cx.source().database(database)?;
    let stirred = Arc::<Stirred>::default();
    let channels = cx.source().channels_of(database, &subject);
    // Before the first look, so that nothing is missed between.
    let hearing = if channels.is_empty() {
        None
    } else {
        let marks = Arc::clone(&stirred);
        let ear = Arc::new(move |heard| marks.hear(heard));
        database.hear(channels, ear).await?
    };
    let look = Look::new(database.aside(), subject, hearing.is_some()).await.map_err(refused)?;
    let every = cx.source().poll_interval;
    let watching = Watching { look, hearing, stirred, every };
    Ok(Watch::run(changed.clone(), async move { watching.tell(&changed).await }))
}

/// The first look failed.
fn refused(error: PgError) -> ToolError {
    let is_slow = matches!(&error, PgError::Refused(refusal) if refusal.state == "57014");
    let error = ToolError::from(error);
    if is_slow {
        return error.hint(
            "it is too large to be compared again and again: the server's owner can name a channel \
             that tells of it",
        );
    }
    error
}

/// What came on a channel since it was last looked at.
#[derive(Default)]
struct Stirred {
    notify: Notify,
    gap: AtomicBool,
}

impl Stirred {
    fn hear(&self, heard: Heard) {
        if heard == Heard::Gap {
            self.gap.store(true, Ordering::Relaxed);
        }
        self.notify.notify_one();
    }
}

struct Watching {
    look: Look,
    hearing: Option<Hearing>,
    stirred: Arc<Stirred>,
    every: Duration,
}

impl Watching {
    async fn tell(mut self, changed: &Changed) -> ToolError {
        let mut again: Option<Duration> = None;
        loop {
            match (&self.hearing, again) {
                (Some(_), None) => self.stirred.notify.notified().await,
                // Whatever comes meanwhile is part of what is looked at then.
                (_, Some(pause)) => sleep(pause).await,
                (None, None) => sleep(self.every).await,
            }
            let gap = self.stirred.gap.swap(false, Ordering::Relaxed);
            match self.look.has_changed().await {
                Ok(has_changed) => {
                    again = None;
                    if has_changed && gap && self.look.misses_messages() {
                        changed.gap();
                    } else if has_changed {
                        changed.now();
                    }
                }
                Err(error) if passes(&error) => {
                    tracing::debug!(%error, "a subscription could not be looked at");
                    self.stirred.gap.fetch_or(gap, Ordering::Relaxed);
                    let pause = again.map_or(self.every, |pause| pause * 2);
                    again = Some(pause.min(LONGEST_PAUSE));
                }
                Err(error) => return error.into(),
            }
            sleep((self.look.took() * REST).max(LEAST_REST)).await;
        }
    }
}

#[cfg(test)]
mod tests;

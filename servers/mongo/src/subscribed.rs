//! Collections that hosts subscribed to: a change stream each, over connections of their own. It goes
//! on where it was after whatever broke it, and says so where it can't.

use std::sync::Arc;
use std::time::Duration;

use bson::{Bson, Document, doc};
use lockkeeper_core::{Changed, Cx, Read, ToolError, Watch};
use tokio::time::{Instant, sleep};

use crate::ejson::{Seen, Sight as _};
use crate::guard::Shape;
use crate::source::Mongo;
use crate::source::changes::{Changes, Event, Token};
use crate::source::error::MongoError;
use crate::source::homes::MOST_WATCHED;
use crate::source::names::Namespace;

/// One look at a stream that says nothing ends after so long, and the next one begins.
const LOOK: Duration = Duration::from_mins(1);

/// How long after it broke a stream is opened again; twice as long each time that fails.
const PAUSE: Duration = Duration::from_millis(100);
const LONGEST_PAUSE: Duration = Duration::from_secs(30);

/// MongoDB's codes for a place in its history that isn't kept any more.
const LOST: [i32; 2] = [286, 280];

/// Begins to watch a collection.
pub(crate) async fn watch(
    cx: &Cx<'_, Mongo, Read>,
    name: Namespace,
    changed: Changed,
) -> Result<Watch, ToolError> {
    let mongo = cx.source();
    mongo.must_exist(&name).await?;
    let shape = mongo.shape(&name).await?;
    let Some(changes) = open(mongo, &name, None).await? else {
        let problem = format!("{MOST_WATCHED} collections are subscribed to already");
        return Err(ToolError::new("too_many", problem).hint("end some subscriptions first"));
    };
    let watched = Watched { mongo: cx.shared_source(), name, shape, changes };
    Ok(Watch::run(changed.clone(), async move { watched.tell(&changed).await }))
}

async fn open(
    mongo: &Mongo,
    name: &Namespace,
    token: Option<&Token>,
) -> Result<Option<Changes>, MongoError> {
    // What documents hold is of no concern.
    let pipeline = vec![doc! { "$project": { "fullDocument": 0 } }];
    let pipeline = mongo.check_watch(name, pipeline).await?;
    mongo.watch_aside(name, pipeline, token).await
}

struct Watched {
    mongo: Arc<Mongo>,
    name: Namespace,
    /// That of the collection's documents.
    shape: Shape,
    changes: Changes,
}

impl Watched {
    async fn tell(mut self, changed: &Changed) -> ToolError {
        let mut pause = PAUSE;
        loop {
            match self.changes.next(&self.mongo, Instant::now() + LOOK).await {
                Ok(Event::Change(event, _)) => {
                    pause = PAUSE;
                    if is_seen(&event, &self.shape) {
                        changed.now();
                    }
                    continue;
                }
                Ok(Event::Nothing) if self.changes.goes_on() => continue,
                // The collection is gone, and another one of its name may come.
                Ok(Event::Nothing) => {}
                Err(error) => tracing::debug!(%error, "a change stream broke"),
            }
            let mut token = self.changes.token().cloned();
            loop {
                sleep(pause).await;
                pause = (pause * 2).min(LONGEST_PAUSE);
                match open(&self.mongo, &self.name, token.as_ref()).await {
                    Ok(Some(changes)) => {
                        self.changes = changes;
                        if token.is_none() {
                            changed.gap();
                        }
                        break;
                    }
                    // Another took its place meanwhile.
                    Ok(None) => return MongoError::Busy.into(),
                    Err(error) if error.code().is_some_and(|code| LOST.contains(&code)) => {
                        token = None;
                    }
                    Err(error) if !passes(&error) => return error.into(),
                    Err(error) => tracing::debug!(%error, "a change stream can't be opened"),
                }
            }
        }
    }
}

/// Whether it may go better a little later.
fn passes(error: &MongoError) -> bool {
    match error {
        MongoError::Refused(refusal) => refusal.code != UNAUTHORIZED,
        MongoError::Missing(..) | MongoError::Guarded(_) | MongoError::NotAllowed(_) => false,
        _ => true,
    }
}

/// MongoDB's code for what the user may not do.
const UNAUTHORIZED: i32 = 13;

/// Whether an event changes something that may be seen. An update names the fields that it changed;
/// what else there is concerns whole documents.
fn is_seen(event: &Document, shape: &Shape) -> bool {
    if !shape.is_ruled() {
        return true;
    }
    let Ok(update) = event.get_document("updateDescription") else { return true };
    let is_seen = |field: &str| !matches!(shape.seen(&[field]), Seen::Masked(_) | Seen::Denied);
    let named = |name: &str| update.get_array(name).into_iter().flatten();
    update
        .get_document("updatedFields")
        .is_ok_and(|fields| fields.keys().any(|field| is_seen(field)))
        || named("removedFields").filter_map(Bson::as_str).any(is_seen)
        || named("truncatedArrays")
            .filter_map(|cut| cut.as_document()?.get_str("field").ok())
            .any(is_seen)
}

#[cfg(test)]
mod tests;

//! Changes of a collection, as they happen. Nothing is kept between two calls: where the next one goes
//! on is in its token, so it may come to another process, after another start, or after the connection
//! broke.

use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use bson::{Bson, Document, RawDocumentBuf};
use mongodb::Database;
use mongodb::change_stream::ChangeStream;
use mongodb::change_stream::event::ResumeToken;
use tokio::time::Instant;

use super::Mongo;
use super::connect::{Deployment, limit};
use super::error::MongoError;
use super::names::Namespace;
use super::reading::Checked;
use crate::guard::{self, Shape};

/// How long a server waits for a change before it answers that there is none.
const PATIENCE: Duration = Duration::from_millis(500);

/// The longest token that is taken. Those of MongoDB hold the key of a document.
const MAX_TOKEN: usize = 16_000;

/// Where a watch goes on.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Token {
    token: Document,
    /// The collection was dropped or renamed there, and what goes on is another one of its name.
    is_after_end: bool,
}

impl Token {
    /// Reads what [`Token::text`] wrote.
    pub(crate) fn read(text: &str) -> Option<Self> {
        let (kind, base64) = text.split_at_checked(1)?;
        let is_after_end = match kind {
            "r" => false,
            "e" => true,
            _ => return None,
        };
        let bytes = URL_SAFE_NO_PAD.decode(base64).ok().filter(|_| text.len() <= MAX_TOKEN)?;
        let token = Document::from_reader(bytes.as_slice()).ok()?;
        Some(Self { token, is_after_end })
    }

    /// The token as text.
    pub(crate) fn text(&self) -> String {
        let kind = if self.is_after_end { "e" } else { "r" };
        let bytes = self.token.to_vec().unwrap_or_default();
        format!("{kind}{}", URL_SAFE_NO_PAD.encode(bytes))
    }

    fn of(token: &ResumeToken, is_after_end: bool) -> Option<Self> {
        match bson::serialize_to_bson(token).ok()? {
            Bson::Document(token) => Some(Self { token, is_after_end }),
            _ => None,
        }
    }

    fn resume(&self) -> Result<ResumeToken, MongoError> {
        let token = Bson::Document(self.token.clone());
        bson::deserialize_from_bson(token)
            .map_err(|_| MongoError::NotAllowed("the resume_token is none of ours".to_owned()))
    }
}

/// A watch under way.
pub(crate) struct Changes {
    /// The database's name for agents, and its own.
    database: (String, String),
    /// The deployment, if it isn't the one of the tools.
    aside: Option<Arc<Deployment>>,
    stream: ChangeStream<RawDocumentBuf>,
    pub(crate) shape: Shape,
    token: Option<Token>,
    ended: bool,
}

/// What a watch saw.
pub(crate) enum Event {
    /// A change, and where to go on after it.
    Change(Document, Option<Token>),
    /// Nothing until the time was up.
    Nothing,
}

impl Mongo {
    /// Has a watch's pipeline judged.
    pub(crate) async fn check_watch(
        &self,
        name: &Namespace,
        pipeline: Vec<Document>,
    ) -> Result<Checked<Vec<Document>>, MongoError> {
        let shape = self.judge(name, |subject| guard::watch(subject, &pipeline)).await?;
        Ok(Checked { value: pipeline, shape })
    }

    /// Begins to watch, after `token` or now.
    pub(crate) async fn watch(
        &self,
        name: &Namespace,
        pipeline: Checked<Vec<Document>>,
        token: Option<&Token>,
    ) -> Result<Changes, MongoError> {
        let (deployment, database) = self.at(name.database()).await?;
        watch(deployment, &database, name, pipeline, token).await
    }

    /// The same over connections of its own, for as long as somebody listens. None if too many do.
    pub(crate) async fn watch_aside(
        &self,
        name: &Namespace,
        pipeline: Checked<Vec<Document>>,
        token: Option<&Token>,
    ) -> Result<Option<Changes>, MongoError> {
        let Some((deployment, database)) = self.aside(name.database()).await? else {
            return Ok(None);
        };
        let changes = watch(&deployment, &database, name, pipeline, token).await?;
        Ok(Some(Changes { aside: Some(deployment), ..changes }))
    }
}

async fn watch(
    deployment: &Deployment,
    database: &Database,
    name: &Namespace,
    pipeline: Checked<Vec<Document>>,
    token: Option<&Token>,
) -> Result<Changes, MongoError> {
    let Checked { value: pipeline, shape } = pipeline;
    let own = database.name().to_owned();
    let collection = database.collection::<Document>(name.collection());
    let mut watch = collection.watch().pipeline(pipeline).max_await_time(PATIENCE);
    match token {
        Some(token) if token.is_after_end => watch = watch.start_after(token.resume()?),
        Some(token) => watch = watch.resume_after(token.resume()?),
        None => {}
    }
    let stream = deployment.ask(limit(None)?, async { watch.await }).await?;
    let began = stream.resume_token().and_then(|begun| Token::of(&begun, false));
    let token = began.or_else(|| token.cloned());
    let database = (name.database().to_owned(), own);
    let (aside, ended) = (None, false);
    Ok(Changes { database, aside, stream: stream.with_type(), shape, token, ended })
}

impl Changes {
    /// Where to go on.
    pub(crate) fn token(&self) -> Option<&Token> {
        self.token.as_ref()
    }

    /// Whether the collection was dropped or renamed.
    pub(crate) fn ended(&self) -> bool {
        self.ended
    }

    /// Whether there is more to come of this stream.
    pub(crate) fn goes_on(&self) -> bool {
        !self.ended && self.stream.is_alive()
    }

    /// The next change, waited for until `until`.
    pub(crate) async fn next(
        &mut self,
        mongo: &Mongo,
        until: Instant,
    ) -> Result<Event, MongoError> {
        loop {
            if self.ended {
                return Ok(Event::Nothing);
            }
            // What is asked for is waited for: a change that was on its way would be lost otherwise,
            // until somebody goes on from the last token.
            let deployment = match &self.aside {
                Some(aside) => aside,
                None => mongo.deployment(&self.database.0)?,
            };
            let found = deployment.ask(limit(None)?, self.stream.next_if_any()).await?;
            let now = self.stream.resume_token();
            let Some(event) = found else {
                self.token = now.and_then(|now| Token::of(&now, false)).or(self.token.take());
                // A server that has closed its cursor says no more; what it said before came already.
                if Instant::now() >= until || !self.stream.is_alive() {
                    return Ok(Event::Nothing);
                }
                continue;
            };
            let mut event = Document::try_from(event)
                .map_err(|_| MongoError::NotAllowed("an event can't be read".to_owned()))?;
            self.ended = event.get_str("operationType").is_ok_and(|kind| kind == "invalidate");
            let token = now.and_then(|now| Token::of(&now, self.ended));
            self.token = token.clone().or(self.token.take());
            // The token goes along once for all events.
            event.remove("_id");
            for place in ["ns", "to"] {
                let Some(Bson::Document(named)) = event.get_mut(place) else { continue };
                if !self.names_for_agents(mongo, named) {
                    event.remove(place);
                }
            }
            return Ok(Event::Change(event, token));
        }
    }

    /// Puts the database's name for agents into the name of a collection. False if agents may not
    /// know of it.
    fn names_for_agents(&self, mongo: &Mongo, named: &mut Document) -> bool {
        let (known, own) = &self.database;
        match named.get_str("db") {
            Ok(database) if database == own => drop(named.insert("db", known.as_str())),
            Ok(_) if !mongo.homes.are_named() => {}
            _ => return false,
        }
        match (named.get_str("db"), named.get_str("coll")) {
            (Ok(database), Ok(collection)) => mongo.admit(database, collection).is_ok(),
            _ => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use bson::doc;

    use super::*;

    #[test]
    fn tokens_are_read_back() {
        for is_after_end in [false, true] {
            let token = Token { token: doc! { "_data": "8265" }, is_after_end };
            assert_eq!(Token::read(&token.text()), Some(token));
        }
        for wrong in ["", "r", "x", "rAAAA", "é", "r!!", "e\u{0}", &"r".repeat(20_000)] {
            assert_eq!(Token::read(wrong), None, "{wrong:?}");
        }
    }
}

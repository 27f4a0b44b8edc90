//! `watch`: changes of a collection, from now on or from where another call ended.

use std::time::Duration;

use lockkeeper_core::{
    Altered, Cx, Effect, Need, Ongoing, Output, Read, Room, Tool, ToolError, count,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use tokio::time::Instant;

use crate::ejson::{Form, Given, Veil, Writer};
use crate::source::Mongo;
use crate::source::changes::{Changes, Event, Token};
use crate::source::error::MongoError;

/// How long a call waits unless it says otherwise.
const WAIT: Duration = Duration::from_secs(10);

/// Most events of one answer.
const MOST: usize = 500;

/// How long more is waited for when something came: changes come in groups.
const TOGETHER: Duration = Duration::from_millis(200);

pub(crate) struct Watch;

/// Wait for changes of a collection: inserts, updates, deletes.
///
/// Answers as soon as there are some. To miss none, call again with `resume_token` of the last answer.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Args {
    database: Option<String>,
    collection: String,
    /// Over events: $match, $project, $set, $unset, $replaceRoot; `_id` stays
    #[serde(default)]
    pipeline: Vec<Given>,
    resume_token: Option<String>,
    /// Seconds, default 10
    max_wait: Option<u32>,
    /// Default 500
    max_items: Option<usize>,
}

/// Events, and where the next call goes on.
#[derive(Default, Serialize, JsonSchema)]
pub(crate) struct Events {
    events: Vec<Map<String, Value>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    resume_token: Option<String>,
    #[serde(skip)]
    text: String,
    #[serde(skip)]
    altered: Altered,
    #[serde(skip)]
    more: bool,
}

impl Output for Events {
    const BULK: bool = true;

    fn text(&self) -> String {
        self.text.clone()
    }

    fn truncated(&self) -> bool {
        self.more
    }

    fn altered(&self) -> Altered {
        self.altered
    }
}

impl Tool<Mongo> for Watch {
    type Effect = Read;
    type Args = Args;
    type Output = Events;

    const PLAIN: &'static [&'static str] = &["database", "collection", "max_wait", "max_items"];

    fn plan(args: &Args) -> Need {
        Need::new(Effect::Read)
            .resource(super::resource(args.database.as_deref(), &args.collection))
    }

    async fn run(cx: Cx<'_, Mongo, Read>, args: Args) -> Result<Events, ToolError> {
        let mongo = cx.source();
        let until = until(args.max_wait);
        let most = args.max_items.unwrap_or(MOST).clamp(1, MOST);
        let name = mongo.namespace(args.database.as_deref(), &args.collection).await?;
        let token = args.resume_token.as_deref().map(|text| {
            Token::read(text).ok_or_else(|| {
                ToolError::invalid_arguments("this `resume_token` is none of this server's")
                    .hint("give the one of the last answer, or none to begin now")
            })
        });
        let token = token.transpose()?;
        let pipeline = args.pipeline.into_iter().map(|stage| stage.0).collect();
        let pipeline = mongo.check_watch(&name, pipeline).await?;
        let changes = mongo.watch(&name, pipeline, token.as_ref()).await?;
        gather(&cx, &name.to_string(), changes, (until, most)).await
    }
}

/// When a call answers: well within its budget.
fn until(asked: Option<u32>) -> Instant {
    let now = Instant::now();
    let left = Ongoing::current()
        .map(|call| call.deadline().saturating_duration_since(std::time::Instant::now()));
    let most = left.map_or(WAIT, |left| left.mul_f64(0.8));
    now + asked.map_or(WAIT, |seconds| Duration::from_secs(seconds.into())).min(most)
}

async fn gather(
    cx: &Cx<'_, Mongo, Read>,
    name: &str,
    mut changes: Changes,
    (mut until, most): (Instant, usize),
) -> Result<Events, ToolError> {
    let mongo = cx.source();
    let veil = changes
        .shape
        .is_ruled()
        .then(|| Veil::new(Box::new(changes.shape.clone()), mongo.masks.clone()));
    let mut writer = Writer::new(Form::Relaxed).behind(veil);
    let mut room = Room::new(cx.max_output());
    let mut out = Events::default();
    let mut goes_on = changes.token().cloned();
    let (mut taken, mut note, mut line) = (0, None, String::new());
    loop {
        let (event, token) = match changes.next(mongo, until).await {
            Ok(Event::Change(event, token)) => (event, token),
            Ok(Event::Nothing) => {
                goes_on = changes.token().cloned();
                break;
            }
            // What came is told, and the next call goes on behind it.
            Err(error) if goes_on.is_some() && !matches!(error, MongoError::Refused(_)) => {
                let error = ToolError::from(error);
                note = Some(format!("{}: {}: call again", error.code(), error.message()));
                break;
            }
            Err(error) => return Err(error.into()),
        };
        line.clear();
        let bytes =
            event.to_vec().map_err(|_| ToolError::new("internal", "an event can't be read"))?;
        writer.document(&bytes, &mut line).map_err(MongoError::Malformed)?;
        line.push('\n');
        let shown = cx.outside().show(&line);
        if taken == most || !room.push(&shown.text) {
            out.more = true;
            break;
        }
        if cx.wants_data() {
            out.events.extend(serde_json::from_str(&line).ok());
        }
        out.altered += shown.altered();
        taken += 1;
        goes_on = token.or(goes_on);
        until = until.min(Instant::now() + TOGETHER);
    }
    let hidden = writer.hidden();
    out.altered.redacted += hidden.masked;
    let mut opening = format!("[{} of {name}", count(taken as u64, "change"));
    if out.more {
        opening.push_str("; truncated");
    }
    if changes.ended() {
        opening.push_str("; the collection was dropped or renamed");
    }
    if let Some(note) = note {
        opening.push_str(&format!("; {note}"));
    }
    if hidden.omitted > 0 {
        opening.push_str(&format!("; {} hidden by the policy", count(hidden.omitted, "field")));
    }
    out.resume_token = goes_on.as_ref().map(Token::text);
    if let Some(token) = &out.resume_token {
        opening.push_str(&format!("; next: resume_token {token}"));
    }
    out.text = opening + "]\n" + &room.into_text();
    Ok(out)
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use bson::{Document, doc};
    use lockkeeper_testkit::fault::TcpFault;
    use lockkeeper_testkit::in_process::{InProcess, seen};
    use lockkeeper_testkit::stdio::Era;
    use serde_json::{Value, json};

    use crate::MongoDb;
    use crate::testing::{POLICY, Shop, stub};

    fn token(answer: &str) -> String {
        let line = answer.lines().next().unwrap();
        let (_, token) = line.split_once("resume_token ").unwrap_or_else(|| panic!("{answer}"));
        token.trim_end_matches(']').to_owned()
    }

    /// The ids of the documents that the events are about.
    fn ids(answer: &str) -> Vec<i64> {
        let events =
            answer.lines().skip(1).map(|line| serde_json::from_str::<Value>(line).unwrap());
        events.filter_map(|event| event["documentKey"]["_id"].as_i64()).collect()
    }

    fn begin(client: &mut InProcess, collection: &str) -> String {
        let given = json!({"collection": collection, "max_wait": 0});
        let answer = seen(&client.call("watch", given));
        assert!(answer.starts_with("[0 changes of "), "{answer}");
        token(&answer)
    }

    fn insert(shop: &Shop, ids: std::ops::Range<i32>) {
        shop.run(|database| async move {
            let documents = ids.map(|id| doc! { "_id": id, "text": "x".repeat(100) });
            database.collection::<Document>("events").insert_many(documents).await
        });
    }

    #[test]
    fn changes_come_in_order_and_each_once() {
        let Some(shop) = Shop::empty() else { return };
        insert(&shop, 0..1);
        let mut client = shop.client("", &[]);
        let mut from = begin(&mut client, "events");
        insert(&shop, 1..400);
        let mut all = Vec::new();
        while all.len() < 399 {
            // Each time another process: nothing is kept in this one.
            let mut client = shop.client("", &["--max-output", "8kB"]);
            let given = json!({"collection": "events", "resume_token": from, "max_wait": 2});
            let answer = seen(&client.call("watch", given));
            let some = ids(&answer);
            assert!(!some.is_empty(), "{answer}");
            all.extend(some);
            from = token(&answer);
        }
        assert_eq!(all, (1..400).collect::<Vec<i64>>());
        let given = json!({"collection": "events", "resume_token": from, "max_wait": 0});
        assert!(ids(&seen(&client.call("watch", given))).is_empty());
    }

    #[test]
    fn no_more_events_come_than_were_asked_for() {
        let Some(shop) = Shop::empty() else { return };
        insert(&shop, 0..1);
        let mut client = shop.client("", &[]);
        let mut from = begin(&mut client, "events");
        insert(&shop, 1..6);
        let mut all = Vec::new();
        for expected in [2, 2, 1] {
            let given = json!({"collection": "events", "resume_token": from, "max_wait": 5, "max_items": 2});
            let answer = seen(&client.call("watch", given));
            assert_eq!(ids(&answer).len(), expected, "{answer}");
            all.extend(ids(&answer));
            from = token(&answer);
        }
        assert_eq!(all, [1, 2, 3, 4, 5]);
    }

    #[test]
    fn a_connection_that_is_cut_loses_and_doubles_nothing() {
        let Some(shop) = Shop::empty() else { return };
        insert(&shop, 0..1);
        let proxy = shop.proxy();
        let uri = format!("mongodb://{}/?directConnection=true", proxy.address());
        let start =
            || InProcess::start::<MongoDb>(&[&uri, "--database", &shop.database], Era::Modern);
        let mut client = start();
        let mut from = begin(&mut client, "events");
        insert(&shop, 1..300);
        let (mut all, mut cuts) = (Vec::new(), 0);
        while all.len() < 299 {
            // Cut amid the answers, further in each time.
            proxy.always(TcpFault::ResetAfter(2_000 + cuts * 9_000));
            cuts += 1;
            if cuts % 3 == 0 {
                client = start();
            }
            proxy.down();
            proxy.up();
            let given = json!({"collection": "events", "resume_token": from, "max_wait": 1});
            let answer = seen(&client.call("watch", given));
            if answer.starts_with("error: ") {
                assert!(cuts < 60, "{answer}");
                continue;
            }
            all.extend(ids(&answer));
            from = token(&answer);
        }
        assert_eq!(all, (1..300).collect::<Vec<i64>>());
        assert!(cuts > 2);
    }

    #[test]
    fn it_answers_in_time() {
        let Some(shop) = Shop::empty() else { return };
        insert(&shop, 0..1);
        let mut client = shop.client("", &["--call-budget", "4s"]);
        let began = Instant::now();
        let given = json!({"collection": "events", "max_wait": 600});
        let answer = seen(&client.call("watch", given));
        assert!(answer.starts_with("[0 changes"), "{answer}");
        assert!(began.elapsed().as_secs() < 4);
        for wrong in ["rubbish", "r", "rBQAAAAA"] {
            let given = json!({"collection": "events", "resume_token": wrong});
            let answer = seen(&client.call("watch", given));
            assert!(answer.starts_with("error: "), "{wrong}: {answer}");
        }
    }

    #[test]
    fn it_tells_what_ends_it_and_goes_on_behind_it() {
        let event = |id: &str, kind: &str| doc! { "_id": { "_data": id }, "operationType": kind };
        let uri = stub::start(move |command| {
            let change = command.get_array("pipeline").ok().and_then(|stages| {
                stages.first()?.as_document()?.get_document("$changeStream").ok().cloned()
            });
            let events = match change {
                Some(change) if change.contains_key("startAfter") => vec![event("3", "insert")],
                Some(_) => vec![event("1", "drop"), event("2", "invalidate")],
                None => Vec::new(),
            };
            stub::cursor(0, "firstBatch", events)
        });
        let mut client = InProcess::start::<MongoDb>(&[&uri], Era::Modern);
        let given = json!({"collection": "things", "max_wait": 1});
        let answer = seen(&client.call("watch", given));
        assert!(
            answer.contains("2 changes of shop.things; the collection was dropped"),
            "{answer}"
        );
        assert!(answer.contains("{\"operationType\":\"drop\"}"), "{answer}");
        let from = token(&answer);
        assert!(from.starts_with('e'), "{from}");
        let given = json!({"collection": "things", "max_wait": 1, "resume_token": from});
        let answer = seen(&client.call("watch", given));
        assert!(answer.contains("{\"operationType\":\"insert\"}"), "{answer}");
    }

    #[test]
    fn events_are_seen_by_the_rules_of_their_collection() {
        let Some(shop) = Shop::start() else { return };
        let mut client = shop.client(POLICY, &[]);
        let from = begin(&mut client, "users");
        shop.run(|database| async move {
            let users = database.collection::<Document>("users");
            let user =
                doc! { "_id": 9, "email": "x@secret.example", "password_hash": "h-9", "n": 1 };
            users.insert_one(user).await?;
            let change =
                doc! { "$set": { "password_hash": "h-10", "deep.password_hash": "h-11", "n": 2 } };
            users.update_one(doc! { "_id": 9 }, change).await
        });
        let given = json!({"collection": "users", "resume_token": from, "max_wait": 3});
        let answer = seen(&client.call("watch", given));
        assert_eq!(ids(&answer), [9, 9], "{answer}");
        for hidden in ["h-9", "h-10", "h-11", "secret"] {
            assert!(!answer.contains(hidden), "{hidden}: {answer}");
        }
        assert!(answer.contains("hidden by the policy"), "{answer}");
        for given in [
            json!({"collection": "employees", "max_wait": 0}),
            json!({"collection": "system.profile", "max_wait": 0}),
            json!({"collection": "users", "pipeline": [{"$match": {"fullDocument.email": "x"}}]}),
            json!({"collection": "users", "pipeline": [{"$lookup": {"from": "employees", "pipeline": [], "as": "x"}}]}),
            json!({"collection": "users", "pipeline": [{"$out": "stolen"}]}),
        ] {
            let answer = seen(&client.call("watch", given));
            assert!(answer.starts_with("error: not_"), "{answer}");
        }
        let filtered = json!({"collection": "users", "resume_token": from, "max_wait": 3, "pipeline": [{"$match": {"operationType": "update"}}]});
        assert_eq!(ids(&seen(&client.call("watch", filtered))), [9]);
    }
}

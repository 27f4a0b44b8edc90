//! `notify`: a message to whoever listens on a channel.

use lockkeeper_core::{Add, Cx, Need, Output, Tool, ToolError};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::config::LONGEST_CHANNEL;
use crate::source::Pg;
use crate::source::writing::{Ceiling, Finish, Permit, Write};
use crate::values::parameter::Parameter;

/// A payload is shorter than this, in bytes.
const PAYLOAD_END: usize = 8_000;

pub(crate) struct Notify;

/// Send a message to the sessions that LISTEN on a channel.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Args {
    channel: String,
    #[serde(default)]
    payload: String,
    database: Option<String>,
}

#[derive(Serialize, JsonSchema)]
pub(crate) struct Record {
    sent: bool,
}

impl Output for Record {}

impl Tool<Pg> for Notify {
    type Effect = Add;
    type Args = Args;
    type Output = Record;

    const PLAIN: &'static [&'static str] = &["database", "channel"];

    fn plan(args: &Args) -> Need {
        let need = Need::new(lockkeeper_core::Effect::Add);
        args.database.iter().cloned().fold(need, Need::resource)
    }

    async fn run(cx: Cx<'_, Pg, Add>, args: Args) -> Result<Record, ToolError> {
        let Args { channel, payload, database } = args;
        let database = cx.source().database(database.as_deref())?;
        if channel.is_empty() || channel.len() > LONGEST_CHANNEL {
            let problem = format!("channel: from 1 to {LONGEST_CHANNEL} bytes");
            return Err(ToolError::invalid_arguments(problem));
        }
        if payload.len() >= PAYLOAD_END {
            let problem = format!("payload: less than {PAYLOAD_END} bytes");
            return Err(
                ToolError::invalid_arguments(problem).hint("write it to a table and send its key")
            );
        }
        let write = Write {
            sql: "SELECT pg_catalog.pg_notify($1, $2)".to_owned(),
            params: Parameter::all(vec![channel.into(), payload.into()]),
            effect: lockkeeper_core::Effect::Add,
            // It is ours.
            judged: None,
            is_nested: false,
        };
        let (permit, ceiling) = (Permit::Add(cx.grant()), Ceiling::Most(1));
        database.pool.write(permit, vec![write], ceiling, Finish::Commit).await?;
        Ok(Record { sent: true })
    }
}

#[cfg(test)]
mod tests {
    use lockkeeper_testkit::in_process::seen;
    use serde_json::json;

    use crate::testing::shop;

    const WRITE: &str = "[policy]\nwrite = true\n";

    #[test]
    fn who_listens_is_told() {
        let Some(shop) = shop() else { return };
        let said = shop.heard("Odd \"channel\"", || {
            let arguments = json!({"channel": "Odd \"channel\"", "payload": "it's $1; DROP"});
            seen(&shop.client(WRITE).call("notify", arguments))
        });
        assert_eq!(said, (r#"{"sent":true}"#.to_owned(), "it's $1; DROP".to_owned()));
    }

    #[test]
    fn what_postgresql_would_not_take_is_refused() {
        let Some(shop) = shop() else { return };
        let mut client = shop.client(WRITE);
        for arguments in [
            json!({"channel": ""}),
            json!({"channel": "c".repeat(64)}),
            json!({"channel": "c", "payload": "p".repeat(8_000)}),
        ] {
            let said = seen(&client.call("notify", arguments));
            assert!(said.starts_with("error: invalid_arguments"), "{said}");
        }
        let said =
            seen(&client.call("notify", json!({"channel": "c", "payload": "p".repeat(7_999)})));
        assert_eq!(said, r#"{"sent":true}"#);
    }
}

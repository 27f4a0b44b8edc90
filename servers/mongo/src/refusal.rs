//! What a deployment can't do, as agents are told: a code, MongoDB's own words, and what to do. Hosts,
//! ports and users are for the log and `check`.

use std::error::Error as _;

use lockkeeper_core::ToolError;

use crate::guard::Refusal as Refused;
use crate::source::error::{MongoError, Refusal};

/// Who can mend the way to the database.
const OWNER: &str = "ask the user to run this server's `check`, which says what is wrong";

impl From<MongoError> for ToolError {
    fn from(error: MongoError) -> Self {
        let message = error.to_string();
        match error {
            MongoError::Uri(_) => Self::new("no_connection", message).hint(OWNER),
            MongoError::Credential(error) => error,
            MongoError::Down(open) => Self::new("upstream_down", message)
                .hint("call again then; it is asked no sooner")
                .retry_after_s(open.retry_after.as_secs().max(1)),
            MongoError::NoServer(problem) => {
                tracing::warn!(%problem, "no server of the deployment can be reached");
                Self::new("no_connection", message)
                    .hint("call again later; if it stays, the user's `check` says what is wrong")
                    .retry_after_s(5)
            }
            MongoError::Login(problem) => {
                tracing::warn!(%problem, "the deployment refused the login");
                Self::new("no_connection", message).hint(OWNER)
            }
            MongoError::Tls(problem) => {
                tracing::warn!(%problem, "no TLS connection");
                Self::new("no_connection", message).hint(OWNER)
            }
            MongoError::Closed => Self::new("connection_lost", message)
                .hint("nothing was changed by a read: call again")
                .retry_after_s(1),
            MongoError::Busy => Self::new("busy", message).hint("call again").retry_after_s(2),
            MongoError::OutOfTime => Self::new("timeout", message)
                .hint("ask for less: a narrower filter, a smaller limit, or fields of an index"),
            MongoError::Refused(refusal) => refused(&refusal),
            MongoError::WhichDatabase => Self::invalid_arguments(message)
                .hint("give `database`; list_databases shows what there is"),
            MongoError::NoDatabase => {
                Self::new("not_found", message).hint("list_databases shows what there is")
            }
            MongoError::Name(_) => Self::new("not_allowed", message)
                .hint("list_databases and list_collections show what there is"),
            MongoError::Missing(_, rule) => {
                let missing = Self::new("not_found", message)
                    .hint("list_collections shows what there is; names are case-sensitive");
                match rule {
                    Some(rule) => missing.denied_by(rule),
                    None => missing,
                }
            }
            MongoError::Guarded(refusal) => {
                let advice = match refusal {
                    Refused::Refused { hint: Some(hint), .. } => hint,
                    _ => "write it without that; the server's owner decides what is allowed".into(),
                };
                Self::new("not_allowed", message).hint(advice)
            }
            MongoError::NotAllowed(_) => Self::new("not_allowed", message)
                .hint("write it without that; the server's owner decides what is allowed"),
            MongoError::Scan { advice, .. } => Self::new("collection_scan", message).hint(advice),
            MongoError::CursorGone => Self::new("cursor_expired", message).hint(
                "run it again; sorted by _id and filtered by {_id: {$gt: …}} with the last one \
                 read, it goes on from there",
            ),
            MongoError::Malformed(_) => {
                Self::new("internal", message).hint("leave this document or field out")
            }
            MongoError::InDoubt => Self::new("outcome_unknown", message).hint(
                "read what is there before doing it again: it may have been done, in part or all",
            ),
            MongoError::Placeholder(_) => Self::new("placeholder", message).hint(
                "what this server hides is not written back: leave the field out, so that it stays \
                 as it is",
            ),
            MongoError::Driver(error) => {
                tracing::warn!(%error, problem = error.source().map(ToString::to_string), "the driver failed");
                Self::new("internal", message).hint("call again; the server's log says more")
            }
        }
    }
}

/// An error of MongoDB itself: <https://www.mongodb.com/docs/manual/reference/error-codes/>.
fn refused(refusal: &Refusal) -> ToolError {
    let Refusal { code, name, message } = refusal;
    let name = if name.is_empty() { String::new() } else { format!(" {name}") };
    let message = format!("{message} (MongoDB {code}{name})");
    let (kind, advice, retry) = match code {
        13 | 8_000 => (
            "permission_denied",
            "the database user may not do this; tell the user, who can give it the role `read`",
            None,
        ),
        18 => ("no_connection", OWNER, None),
        26 => ("not_found", "list_collections shows what there is", None),
        50 | 262 => (
            "timeout",
            "ask for less: a narrower filter, a smaller limit, or fields of an index",
            None,
        ),
        43 | 136 | 237 => (
            "cursor_expired",
            "run it again; sorted by _id and filtered by {_id: {$gt: …}} with the last one read, \
             it goes on from there",
            None,
        ),
        286 | 280 => (
            "history_lost",
            "the changes since then are not kept any more: watch without resume_token, after \
             reading what there is",
            None,
        ),
        // No primary, or a member that steps down, recovers or shuts down.
        91 | 189 | 10_058 | 10_107 | 11_600 | 11_602 | 13_435 | 13_436 => {
            ("connection_lost", "the deployment is choosing another primary: call again", Some(2))
        }
        96 | 112 | 24 => ("conflict", "another operation was faster; call again", Some(1)),
        292 | 146 => (
            "too_large",
            "it needs more memory than the server has for it: filter first, use an index for the \
             sort, or return less",
            None,
        ),
        10_334 | 17_280 | 16_389 | 17_419 => {
            ("too_large", "return less of each document: project the fields that matter", None)
        }
        11_000 | 11_001 => ("duplicate_key", "another document has this value", None),
        121 => ("invalid_document", "describe_collection shows the rules for documents", None),
        2
        | 9
        | 14
        | 40_323
        | 40_324
        | 168
        | 16_410..=17_400
        | 28_600..=40_600
        | 51_000..=52_000 => ("invalid_query", "correct the query", None),
        115 | 59 | 238 | 6_047_401 => {
            ("not_available", "this deployment doesn't have it: write it another way", None)
        }
        _ => ("database_error", "correct the query, or tell the user", None),
    };
    let error = ToolError::new(kind, message).hint(advice);
    match retry {
        Some(seconds) => error.retry_after_s(seconds),
        None => error,
    }
}

/// What `check` says of a way that doesn't lead there: for whoever owns the machine.
pub(crate) fn advice(error: &MongoError) -> String {
    match error {
        MongoError::NoServer(problem) => format!("not reached: {problem}"),
        MongoError::Login(problem) => format!("login refused: {problem}"),
        MongoError::Tls(problem) => format!("no TLS: {problem}"),
        MongoError::Driver(driver) => format!("{error}: {driver}"),
        error => error.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mongodbs_codes_become_ours() {
        for (code, expected) in [
            (13, "permission_denied"),
            (50, "timeout"),
            (43, "cursor_expired"),
            (286, "history_lost"),
            (10_107, "connection_lost"),
            (11_000, "duplicate_key"),
            (292, "too_large"),
            (99_999, "database_error"),
        ] {
            let refusal = Refusal { code, name: "Name".into(), message: "words".into() };
            let error = ToolError::from(MongoError::Refused(Box::new(refusal)));
            assert_eq!(error.code(), expected, "{code}");
            assert!(error.message().contains(&format!("words (MongoDB {code} Name)")));
        }
    }
}

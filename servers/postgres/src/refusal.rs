//! What a database can't do, as agents are told: a code, PostgreSQL's own words, and what to do.
//! Hosts, ports and users are for the log and `check`.

use std::error::Error as _;

use lockkeeper_core::ToolError;
use tokio_postgres::error::SqlState;

use crate::guard::Refusal as Guarded;
use crate::source::connect::ConnectError;
use crate::source::error::{PgError, Refusal};
use crate::source::writing::Failed;

/// Who can mend the way to the database.
const OWNER: &str = "ask the user to run this server's `check`, which says what is wrong";

impl From<Failed> for ToolError {
    fn from(failed: Failed) -> Self {
        let Failed { at, error } = failed;
        match at {
            Some(at) => Self::from(error).about(&format!("statements[{at}]")),
            None => Self::from(error),
        }
    }
}

impl From<PgError> for ToolError {
    fn from(error: PgError) -> Self {
        let message = error.to_string();
        match error {
            PgError::NoDatabase { known } | PgError::WhichDatabase { known } => {
                Self::invalid_arguments(message).hint(format!("database is one of {known}"))
            }
            PgError::Credential(error) => error,
            PgError::Dsn(_) => Self::new("no_connection", message).hint(OWNER),
            PgError::Connect(error) => no_connection(&error),
            PgError::UnsafeRole { role, problem } => {
                tracing::warn!(role, problem, "the role is not used");
                Self::new("unsafe_role", message).hint(OWNER)
            }
            PgError::Down(open) => Self::new("upstream_down", message)
                .hint("call again then; it is asked no sooner")
                .retry_after_s(open.retry_after.as_secs().max(1)),
            PgError::Closed => {
                Self::new("connection_lost", message).hint("nothing was changed; call again")
            }
            PgError::Expired => expired(),
            PgError::RowTooLong { .. } => Self::new("too_large", message)
                .hint("select less of it, such as left(column, 1000) or octet_length(column)"),
            PgError::NotAllowed(refusal) => not_allowed(&refusal),
            PgError::Masked(oracle) => Self::new("not_allowed", message).hint(oracle.hint()),
            PgError::HiddenPlan => Self::new("not_allowed", message)
                .hint("use the tool explain, which leaves that out"),
            PgError::Unseen => Self::new("not_allowed", message)
                .hint("name the tables themselves; tell the user if they are named"),
            PgError::Refused(refusal) => refused(*refusal),
            PgError::Hidden(_) => Self::new("not_allowed", message)
                .hint("INSERT other columns, without RETURNING and ON CONFLICT; tell the user if more is needed"),
            PgError::TooManyRows { rows, .. } => Self::new("too_many_rows", message).hint(format!(
                "narrow the condition, or say expect_rows: {rows} in all if that is meant"
            )),
            PgError::OtherRows { .. } => Self::new("other_rows", message)
                .hint("query what the conditions match, then correct them or expect_rows"),
            PgError::NotCounted => Self::new("not_allowed", message)
                .hint("write it as several statements, without WITH"),
            PgError::OutOfTime => {
                Self::new("timeout", message).hint("change less at once: it is safe to call again")
            }
            PgError::Unanswered => Self::new("outcome_unknown", message)
                .hint("query the rows that it would have changed before trying again"),
            PgError::NotPlanned => Self::new("internal", message).hint("call again"),
            PgError::NoExtension { name, preloaded } => {
                let library = if preloaded {
                    format!(
                        "add {name} to shared_preload_libraries in postgresql.conf, restart, and "
                    )
                } else {
                    "install it on the server and ".to_owned()
                };
                Self::new("not_available", message)
                    .hint(format!("ask the database's owner: {library}CREATE EXTENSION {name}"))
            }
            PgError::Parameter { .. } => Self::invalid_arguments(message)
                .hint("give it as PostgreSQL writes such a value, or cast: $1::text"),
            PgError::Parameters { .. } => {
                Self::invalid_arguments(message).hint("params has a value for each of $1, $2, …")
            }
            PgError::Catalog(error) => {
                tracing::warn!(%error, "the catalogue can't be read");
                Self::new("internal", message).hint("query pg_catalog; the server's log says more")
            }
            PgError::Driver(error) => {
                tracing::warn!(%error, problem = error.source().map(ToString::to_string), "the driver failed");
                Self::new("internal", message).hint("call again; the server's log says more")
            }
        }
    }
}

/// Rows were kept for the next page, and are not any more.
pub(crate) fn expired() -> ToolError {
    ToolError::new("cursor_expired", PgError::Expired.to_string()).hint(
        "run it again; ORDER BY a key and WHERE key > $1, with the last one read, goes on from there",
    )
}

fn no_connection(error: &ConnectError) -> ToolError {
    tracing::warn!(%error, problem = error.source().map(ToString::to_string), "no connection");
    let (problem, hint) = match error {
        ConnectError::Login { .. } if error.lacks_password() => {
            ("the database asks for a password, and there is none", OWNER)
        }
        ConnectError::Login { .. } => match error.state().map(SqlState::code) {
            Some("28P01" | "28000") => ("the database refused the login", OWNER),
            Some("3D000") => ("the database doesn't exist on its server", OWNER),
            Some("53300") => ("all connections of the database are in use", "call again later"),
            Some("57P03") => ("the database is starting up or shutting down", "call again later"),
            _ => ("the database refused the connection", OWNER),
        },
        ConnectError::NoTls { .. } | ConnectError::Tls { .. } | ConnectError::Settings(_) => {
            ("there is no TLS connection as the settings ask for", OWNER)
        }
        ConnectError::NoAddress(_)
        | ConnectError::Unreachable { .. }
        | ConnectError::Silent { .. }
        | ConnectError::NoneWanted => ("the database can't be reached", "call again later"),
    };
    let refused = ToolError::new("no_connection", problem).hint(hint);
    if error.may_pass() { refused.retry_after_s(5) } else { refused }
}

/// An error of the database itself: <https://www.postgresql.org/docs/current/errcodes-appendix.html>.
fn refused(refusal: Refusal) -> ToolError {
    let Refusal { state, mut message, detail, hint, position } = refusal;
    if let Some(detail) = detail {
        message.push_str(&format!("; {detail}"));
    }
    let place = position.map(|position| format!(" at character {position}"));
    let message = format!("{message} (SQLSTATE {state}{})", place.unwrap_or_default());
    let (code, advice) = match state.as_str() {
        "57014" if message.contains("user request") => {
            ("cancelled", "somebody ended it on the server: ask the user before calling again")
        }
        // Statements that last longer than a transaction.
        "26000" | "42P05" => {
            ("pooler", "ask the user: pgbouncer needs max_prepared_statements, or to pool sessions")
        }
        "57014" => ("timeout", "ask for less, or raise timeout_ms up to the call budget"),
        "55P03" => ("locked", "another session holds it; call again later"),
        "42501" => ("permission_denied", "the database's role may not do this"),
        "25006" => ("read_only", "this transaction can't write"),
        "53100" | "53200" | "53400" => ("too_large", "ask for less: the database is out of room"),
        // Results travel in the binary form, which aclitem, box2d and the like don't have.
        "42883" if message.starts_with("no binary output function") => {
            ("invalid_sql", "cast the columns of this type to text")
        }
        "42P01" | "42703" | "42883" | "3F000" | "42704" => {
            ("not_found", "list_objects and describe show what there is")
        }
        state if state.starts_with("42") => ("invalid_sql", "correct the statement"),
        state if state.starts_with("22") => ("invalid_value", "correct the values"),
        state if state.starts_with("23") => ("constraint", "nothing was changed"),
        state if state.starts_with("40") => ("conflict", "nothing was changed; call again"),
        state if state.starts_with("57P") || state.starts_with("08") => {
            ("connection_lost", "nothing was changed; call again")
        }
        _ => ("database_error", "correct the statement, or tell the user"),
    };
    ToolError::new(code, message)
        .hint(hint.map_or_else(|| advice.to_owned(), |hint| format!("{hint}; {advice}")))
}

/// What the guard refuses.
fn not_allowed(refusal: &Guarded) -> ToolError {
    let (code, hint) = match refusal {
        Guarded::Empty | Guarded::SeveralStatements | Guarded::Syntax { .. } => {
            ("invalid_sql", "send one statement that PostgreSQL understands")
        }
        Guarded::TooLarge(_) => ("too_large", "split it"),
        Guarded::TooLong { .. } => ("too_large", "ask for less"),
        Guarded::NotReading(_) => (
            "not_allowed",
            "read with SELECT; `execute` writes, if the server was started with --write",
        ),
        Guarded::NotWriting(_) => {
            ("not_allowed", "query runs what reads; all else is done by the user, or by migrations")
        }
        Guarded::Schema(_) => (
            "not_allowed",
            "plain tables, columns, keys, indexes and comments, all by schema.name, one change a statement",
        ),
        Guarded::Relation(_) => ("not_found", "list_objects shows what there is"),
        _ => ("not_allowed", "write it without that; the server's owner decides what is allowed"),
    };
    ToolError::new(code, refusal.to_string()).hint(hint)
}

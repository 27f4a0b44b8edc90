//! What the database, or the way to it, can't do. The source's own words; `refusal.rs` says them to
//! agents.

use lockkeeper_core::{Open, ToolError};
use tokio_postgres::error::{DbError, ErrorPosition};

use super::bounded::Overlong;
use super::connect::ConnectError;
use super::dsn::DsnError;
use crate::guard::Refusal as Guarded;
use crate::values::masking::Oracle;
use crate::values::parameter::ParameterError;

/// Why an operation on a database failed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum PgError {
    #[error("there is no database of that name")]
    NoDatabase { known: String },
    #[error("there are several databases")]
    WhichDatabase { known: String },
    #[error("the connection string can't be used: {0}")]
    Dsn(#[source] DsnError),
    #[error("{}", .0.message())]
    Credential(ToolError),
    #[error("there is no connection to the database")]
    Connect(#[source] ConnectError),
    /// The owner wants one that can do less.
    #[error("the database's role has more rights than the server's owner allows it")]
    UnsafeRole { role: String, problem: String },
    /// The breaker is open.
    #[error("the database can't be reached now")]
    Down(Open),
    #[error("the connection to the database broke")]
    Closed,
    /// Nobody asked for a while.
    #[error("the rows behind this cursor are not kept any more")]
    Expired,
    #[error("a row of {bytes} bytes is too long to be read")]
    RowTooLong { bytes: u64 },
    /// The guard said no.
    #[error("{0}")]
    NotAllowed(Guarded),
    /// It would tell what is masked or denied.
    #[error("{0}")]
    Masked(#[source] Oracle),
    /// EXPLAIN would show parts of it.
    #[error("the plan names what is not allowed")]
    HiddenPlan,
    /// The database sees more in a statement than was judged.
    #[error("the statement reads more than its text shows")]
    Unseen,
    /// What a policy hides of a table could be told from what a change does.
    #[error("{0} has columns that the policy hides: only rows without these can be added to it")]
    Hidden(String),
    #[error("it changes {rows} rows, and may change {most}; nothing was changed")]
    TooManyRows { rows: u64, most: u64 },
    #[error("{rows} rows would have changed, not {expected}; nothing was changed")]
    OtherRows { rows: u64, expected: u64 },
    #[error("the server doesn't count the rows that WITH changes; nothing was changed")]
    NotCounted,
    #[error("the time of the call was up; nothing was changed")]
    OutOfTime,
    /// COMMIT was sent, and its answer did not come.
    #[error(
        "the connection broke while the changes were made final: they hold as a whole or not at all"
    )]
    Unanswered,
    /// A mistake of ours.
    #[error("this call was not planned as what it does")]
    NotPlanned,
    /// The database said no.
    #[error("{}", .0.message)]
    Refused(Box<Refusal>),
    /// An extension is needed that the database doesn't have.
    #[error("the database doesn't have the extension {name}")]
    NoExtension { name: &'static str, preloaded: bool },
    #[error("parameter {index} can't be given as `{expected}`: {problem}")]
    Parameter { index: usize, expected: String, problem: String },
    #[error("the statement has {expected} parameters, and {given} values were given")]
    Parameters { expected: usize, given: usize },
    #[error("the driver failed")]
    Driver(#[source] tokio_postgres::Error),
    #[error("the catalogue answered in a form that isn't known")]
    Catalog(#[source] serde_json::Error),
}

/// What PostgreSQL says of an error
/// (<https://www.postgresql.org/docs/current/protocol-error-fields.html>).
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Refusal {
    /// SQLSTATE.
    pub(crate) state: String,
    pub(crate) message: String,
    pub(crate) detail: Option<String>,
    pub(crate) hint: Option<String>,
    /// Where in the statement, in characters from 1.
    pub(crate) position: Option<u32>,
}

impl From<&DbError> for Refusal {
    fn from(error: &DbError) -> Self {
        let position = match error.position() {
            Some(ErrorPosition::Original(position)) => Some(*position),
            _ => None,
        };
        Self {
            state: error.code().code().to_owned(),
            message: error.message().to_owned(),
            detail: error.detail().map(str::to_owned),
            hint: error.hint().map(str::to_owned),
            position,
        }
    }
}

impl PgError {
    /// What the driver reports of a connection that has this bound.
    pub(crate) fn of(error: tokio_postgres::Error, overlong: &Overlong) -> Self {
        if let Some(bytes) = overlong.bytes() {
            return Self::RowTooLong { bytes };
        }
        if let Some(refused) = error.as_db_error() {
            return Self::Refused(Box::new(refused.into()));
        }
        if let Some(error) = ParameterError::of(&error) {
            let ParameterError { index, expected, problem } = error.clone();
            return Self::Parameter { index, expected, problem };
        }
        if error.is_closed() {
            return Self::Closed;
        }
        Self::Driver(error)
    }

    /// The same without what PostgreSQL tells of rows and of other tables: "Failing row contains".
    pub(crate) fn without_rows(mut self) -> Self {
        if let Self::Refused(refusal) = &mut self {
            refusal.detail = None;
            refusal.hint = None;
            if refusal.state == "23503" {
                "a foreign key doesn't hold".clone_into(&mut refusal.message);
            }
        }
        self
    }

    /// Whether the connection was gone.
    pub(crate) fn is_gone(&self) -> bool {
        match self {
            Self::Closed => true,
            Self::Driver(error) => error.is_closed(),
            // The administrator ended it, the server is going down, or who stands between lost it.
            Self::Refused(refusal) => {
                refusal.state.starts_with("57P") || refusal.state.starts_with("08")
            }
            _ => false,
        }
    }
}

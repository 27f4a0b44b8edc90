//! What the role that logs in could do if nothing else held it back, and what kind of server it has
//! logged in to: for `check`, and for owners who serve only harmless roles.

use std::io;

use lockkeeper_core::{Finding, count};
use tokio_postgres::Client;
use tokio_postgres::error::SqlState;

use super::Database;
use super::connect::ConnectError;
use super::error::{PgError, Refusal};
use super::pool::RoleWanted;

/// One row about the role and the server.
const STANDING: &str = include_str!("standing.sql");

/// How a role stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Standing {
    version: String,
    pub(crate) role: String,
    is_standby: bool,
    /// Rights that no connector needs, worst first, as the database names them.
    dangers: Vec<String>,
    /// Tables that it could write.
    writable: i64,
}

impl Standing {
    /// Asks the database how the role stands that has logged in.
    pub(crate) async fn of(client: &Client) -> Result<Self, PgError> {
        let rows = client.query_typed(STANDING, &[]).await.map_err(|error| {
            error
                .as_db_error()
                .map(Refusal::from)
                .map_or_else(|| PgError::Closed, |refusal| PgError::Refused(Box::new(refusal)))
        })?;
        let row = rows.first().ok_or(PgError::Closed)?;
        let read = || {
            Ok(Self {
                version: row.try_get(0)?,
                role: row.try_get(1)?,
                is_standby: row.try_get(2)?,
                dangers: row.try_get(3)?,
                writable: row.try_get(4)?,
            })
        };
        read().map_err(PgError::Driver)
    }

    /// What the owner doesn't want of a role.
    pub(crate) fn unwanted(&self, wanted: RoleWanted) -> Option<String> {
        if wanted == RoleWanted::Any {
            return None;
        }
        if !self.dangers.is_empty() {
            return Some(self.dangers.join(", "));
        }
        let writes = wanted == RoleWanted::Reader && self.writable > 0;
        writes.then(|| format!("could write {}", count(self.writable.unsigned_abs(), "table")))
    }
}

impl Database {
    /// The lines of `check`.
    pub(crate) async fn findings(&self, writes: bool) -> Vec<Finding> {
        let finding = |subject: &str, state: String, ok| Finding {
            subject: format!("{} {subject}", self.name),
            state,
            ok,
        };
        let lease = match self.pool.take().await {
            Ok(lease) => lease,
            Err(error @ PgError::UnsafeRole { .. }) => {
                return vec![finding("role", advice(&error), false)];
            }
            Err(error) => return vec![finding("database", advice(&error), false)],
        };
        let standing = Standing::of(&lease.connection.client).await;
        let is_encrypted = lease.connection.encrypted;
        lease.give_back();
        let Standing { version, role, is_standby, dangers, writable } = match standing {
            Ok(standing) => standing,
            Err(error) => return vec![finding("database", advice(&error), false)],
        };
        let standby = if is_standby { ", a standby" } else { "" };
        let tls = if is_encrypted { "TLS" } else { "no TLS" };
        let state = format!("PostgreSQL {version}{standby}, {tls}, role {role}");
        let mut findings = vec![finding("database", state, true)];
        if !dangers.is_empty() {
            let state = format!("{}; {OWN_ROLE}", dangers.join(", "));
            findings.push(finding("role", state, true));
        }
        if !writes && writable > 0 {
            let tables = count(writable.unsigned_abs(), "table");
            let state =
                format!("could write {tables}; the server won't, but a role that can't is safer");
            findings.push(finding("role", state, true));
        }
        findings
    }
}

/// What to do about a role that can more than it needs to.
const OWN_ROLE: &str = "use a role of its own (--print-setup-sql writes one)";

/// What is wrong with the way to a database, and what to do, for its owner.
fn advice(error: &PgError) -> String {
    let PgError::Connect(failed) = error else {
        return match error {
            PgError::Dsn(_) => format!("{error}; correct the connection string"),
            PgError::UnsafeRole { role, problem } => format!("{role}: {problem}; {OWN_ROLE}"),
            error => error.to_string(),
        };
    };
    let chain = |error: &dyn std::error::Error| {
        let mut text = error.to_string();
        let mut source = error.source();
        while let Some(error) = source {
            text.push_str(&format!(": {error}"));
            source = error.source();
        }
        text
    };
    let said = chain(failed);
    let advice = match failed {
        ConnectError::Login { .. } if failed.lacks_password() => {
            "it asks for a password: see --credential, PGPASSWORD or the password file"
        }
        ConnectError::Login { .. } if failed.takes_no_options() => {
            "a pooler: leave `options` out of the connection string"
        }
        ConnectError::Login { .. } => match failed.state().map(SqlState::code) {
            Some("28P01") => {
                "the password is wrong: see --credential, PGPASSWORD or the password file"
            }
            Some("28000") => {
                "if the role exists, pg_hba.conf doesn't let it in from here, or not without TLS"
            }
            Some("3D000") => "name a database that exists: psql -l lists them",
            Some("53300") => "raise max_connections, or lower --connections",
            Some("57P03") => "wait until the server has started",
            _ => "the server's log says more",
        },
        ConnectError::NoAddress(_) => "correct the host's name",
        ConnectError::Unreachable { source, .. }
            if source.kind() == io::ErrorKind::PermissionDenied =>
        {
            "what only a credential names is out of the sandbox's reach: name the socket by PGHOST"
        }
        ConnectError::Unreachable { .. } | ConnectError::Silent { .. } => {
            "is the server running, listening on this address, and no firewall between?"
        }
        ConnectError::NoTls { .. } => {
            "switch ssl on at the server, or give sslmode=prefer if the network is yours alone"
        }
        ConnectError::Tls { .. } => {
            "name the authority's certificate by sslrootcert, and the host as its certificate does"
        }
        ConnectError::Settings(_) => {
            "correct the file; if only a credential names it, so must PGSSLROOTCERT, PGSSLCERT or PGSSLKEY"
        }
        ConnectError::NoneWanted => "correct target_session_attrs, or name all hosts",
    };
    format!("{said}; {advice}")
}

#[cfg(test)]
mod tests;

//! What the role that logs in could do if nothing else held it back, and what kind of server it has
//! logged in to: for `check`, and for owners who serve only harmless roles.

use lockkeeper_core::Finding;

use super::Database;
use super::connect::ConnectError;
use super::error::PgError;

/// One row about the role and the server.
const STANDING: &str = "\
SELECT pg_catalog.current_setting('server_version'),
       r.rolname::pg_catalog.text,
       r.rolsuper,
       r.rolbypassrls,
       r.rolreplication,
       r.rolcreaterole,
       pg_catalog.pg_has_role(r.oid, 'pg_read_server_files', 'MEMBER'),
       pg_catalog.pg_has_role(r.oid, 'pg_write_server_files', 'MEMBER')
         OR pg_catalog.pg_has_role(r.oid, 'pg_execute_server_program', 'MEMBER'),
       pg_catalog.pg_is_in_recovery(),
       (SELECT pg_catalog.count(*)
          FROM pg_catalog.pg_class c
          JOIN pg_catalog.pg_namespace n ON n.oid OPERATOR(pg_catalog.=) c.relnamespace
         WHERE c.relkind IN ('r', 'p', 'f', 'v')
           AND n.nspname NOT LIKE 'pg\\_%' AND n.nspname OPERATOR(pg_catalog.<>) 'information_schema'
           AND pg_catalog.has_table_privilege(c.oid, 'INSERT, UPDATE, DELETE, TRUNCATE'))
  FROM pg_catalog.pg_roles r
 WHERE r.rolname OPERATOR(pg_catalog.=) CURRENT_USER";

/// How a role stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Standing {
    pub(crate) version: String,
    pub(crate) role: String,
    /// Rights that no connector needs, worst first, as the database names them.
    pub(crate) dangers: Vec<&'static str>,
    /// Tables that it could write.
    pub(crate) writable: i64,
    pub(crate) standby: bool,
}

impl Database {
    /// Asks the database how its role stands.
    pub(crate) async fn standing(&self) -> Result<Standing, PgError> {
        let rows = self.ask(STANDING, Vec::new()).await?;
        let row = rows.first().ok_or(PgError::Closed)?;
        let is = |n: usize| row.try_get::<_, bool>(n).unwrap_or(true);
        let rights = [
            (2, "SUPERUSER"),
            (7, "writes files or runs programs on the server"),
            (6, "reads files on the server (pg_read_server_files)"),
            (3, "BYPASSRLS"),
            (4, "REPLICATION"),
            (5, "CREATEROLE"),
        ];
        Ok(Standing {
            version: row.try_get(0).map_err(PgError::Driver)?,
            role: row.try_get(1).map_err(PgError::Driver)?,
            dangers: rights.into_iter().filter(|(n, _)| is(*n)).map(|(_, right)| right).collect(),
            writable: row.try_get(9).map_err(PgError::Driver)?,
            standby: is(8),
        })
    }

    /// The lines of `check`.
    pub(crate) async fn findings(&self, writes: bool) -> Vec<Finding> {
        let finding = |subject: &str, state: String, ok| Finding {
            subject: format!("{} {subject}", self.name),
            state,
            ok,
        };
        let standing = match self.standing().await {
            Ok(standing) => standing,
            Err(error) => return vec![finding("database", advice(&error), false)],
        };
        let Standing { version, role, dangers, writable, standby } = standing;
        let standby = if standby { ", a standby" } else { "" };
        let tls = if self.pool.is_encrypted() { "TLS" } else { "no TLS" };
        let mut findings = vec![finding(
            "database",
            format!("PostgreSQL {version}{standby}, {tls}, role {role}"),
            true,
        )];
        if !dangers.is_empty() {
            let state = format!(
                "{}: use a role of its own (--print-setup-sql writes one)",
                dangers.join(", ")
            );
            findings.push(finding("role", state, true));
        }
        if !writes && writable > 0 {
            let state = format!(
                "could write {writable} tables; the server won't, but a role that can't is safer"
            );
            findings.push(finding("role", state, true));
        }
        findings
    }
}

/// What is wrong with the way to a database, and what to do, for its owner.
fn advice(error: &PgError) -> String {
    let PgError::Connect(failed) = error else {
        return match error {
            PgError::Dsn(_) => format!("{error}: correct the connection string"),
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
        ConnectError::Login { .. } => match failed.state().map(|state| state.code()) {
            Some("28P01") => {
                "the password is wrong: see --credential, PGPASSWORD or the password file"
            }
            Some("28000") => "pg_hba.conf doesn't let this user in from here, or not without TLS",
            Some("3D000") => "name a database that exists: psql -l lists them",
            Some("53300") => "raise max_connections, or lower --connections",
            Some("57P03") => "wait until the server has started",
            _ => "the server's log says more",
        },
        ConnectError::NoAddress(_) => "correct the host's name",
        ConnectError::Unreachable { .. } | ConnectError::Silent { .. } => {
            "is the server running, listening on this address, and no firewall between?"
        }
        ConnectError::NoTls { .. } => {
            "switch ssl on at the server, or give sslmode=prefer if the network is yours alone"
        }
        ConnectError::Tls { .. } => {
            "name the authority's certificate by sslrootcert, and the host as its certificate does"
        }
        ConnectError::Settings(_) => "correct the file",
        ConnectError::NoneWanted => "correct target_session_attrs, or name all hosts",
    };
    format!("{said}. {advice}")
}

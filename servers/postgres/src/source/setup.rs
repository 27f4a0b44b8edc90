//! `--print-setup-sql`: the statements by which a database's owner makes a role that can do what this
//! server needs, and nothing else. They are printed, never run: nothing here knows a connection.

use super::{Database, Pg, quoted};
use lockkeeper_core::{Scope, ScopePattern};

/// What the role is called, by what it may do.
const READER: &str = "lockkeeper_reader";
const WRITER: &str = "lockkeeper_writer";

/// Connections for subscriptions: one listens, one looks.
const BESIDE_POOL: usize = 2;

/// What the settings give the role.
#[derive(Debug, PartialEq, Eq)]
enum Given {
    Schema(String),
    Table(String, String),
    /// A pattern that names no single thing.
    Unclear(String),
}

impl Pg {
    /// The statements for all databases of the settings.
    pub(crate) fn setup_sql(&self) -> String {
        let role = if self.writes { WRITER } else { READER };
        let mut sql = format!(
            "-- A role for this server. Run this as a superuser, then give the role a password\n\
             -- (in psql: \\password {role}) and put that where --credential finds it.\n\
             CREATE ROLE {role} LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS\n\
             \x20 CONNECTION LIMIT {};\n",
            self.connections + BESIDE_POOL
        );
        if !self.writes {
            sql.push_str(&format!("ALTER ROLE {role} SET default_transaction_read_only = on;\n"));
        }
        sql.push_str(&format!(
            "ALTER ROLE {role} SET statement_timeout = '30s';\n\
             ALTER ROLE {role} SET idle_in_transaction_session_timeout = '2min';\n\
             ALTER ROLE {role} SET temp_file_limit = '1GB';\n\
             -- top_queries and health see more with it:\n\
             -- GRANT pg_monitor TO {role};\n"
        ));
        for database in self.databases() {
            sql.push_str(&database.setup_sql(role, self.writes, &self.rules));
        }
        sql
    }
}

impl Database {
    fn setup_sql(&self, role: &str, writes: bool, rules: &Scope) -> String {
        let name = self.pool.database_name();
        let shown = name.as_deref().unwrap_or(&self.name);
        let mut sql = format!("\n-- The rest is run in the database {shown:?}.\n");
        match name.as_deref() {
            Some(name) => {
                sql.push_str(&format!("GRANT CONNECT ON DATABASE {} TO {role};\n", quoted(name)));
            }
            None => sql.push_str(&format!("-- GRANT CONNECT ON DATABASE … TO {role};\n")),
        }
        if self.search_path.iter().any(|schema| schema == "public") {
            sql.push_str(
                "-- Before PostgreSQL 15 everybody may make tables here:\n\
                 REVOKE CREATE ON SCHEMA public FROM PUBLIC;\n",
            );
        }
        let rights = if writes { "SELECT, INSERT, UPDATE, DELETE" } else { "SELECT" };
        let given = self.given(rules);
        let mut schemas: Vec<&str> = given.iter().filter_map(Given::schema).collect();
        schemas.sort_unstable();
        schemas.dedup();
        for schema in schemas {
            let schema = quoted(schema);
            sql.push_str(&format!("GRANT USAGE ON SCHEMA {schema} TO {role};\n"));
            if writes {
                let usage = "GRANT USAGE ON ALL SEQUENCES IN SCHEMA";
                sql.push_str(&format!("{usage} {schema} TO {role};\n"));
            }
        }
        for given in &given {
            sql.push_str(&match given {
                Given::Schema(schema) => {
                    let schema = quoted(schema);
                    format!(
                        "GRANT {rights} ON ALL TABLES IN SCHEMA {schema} TO {role};\n\
                         -- Tables to come; say FOR ROLE … if others make them:\n\
                         ALTER DEFAULT PRIVILEGES IN SCHEMA {schema} GRANT {rights} ON TABLES TO {role};\n"
                    )
                }
                Given::Table(schema, table) => {
                    let table = format!("{}.{}", quoted(schema), quoted(table));
                    format!("GRANT {rights} ON TABLE {table} TO {role};\n")
                }
                Given::Unclear(pattern) => {
                    format!("-- The policy allows {pattern:?}: grant what that means by hand.\n")
                }
            });
        }
        for denied in rules.deny().iter().map(ScopePattern::text) {
            match self.meant(denied) {
                Some(Given::Table(schema, table)) => {
                    let table = format!("{}.{}", quoted(&schema), quoted(&table));
                    sql.push_str(&format!("REVOKE ALL ON TABLE {table} FROM {role};\n"));
                }
                Some(_) => sql.push_str(&format!(
                    "-- The policy denies {denied:?}: the server holds it; grant columns or views in place\n\
                     -- of tables if the database shall hold it as well.\n"
                )),
                None => {}
            }
        }
        sql
    }

    /// What the role gets: the policy's list, or the schemas of the search path.
    fn given(&self, rules: &Scope) -> Vec<Given> {
        // Each further list only takes away.
        let listed = rules.allow().next();
        let Some(listed) = listed else {
            return self.search_path.iter().cloned().map(Given::Schema).collect();
        };
        let given = listed.iter().filter_map(|pattern| self.meant(pattern.text()));
        given
            .filter(|given| match given {
                Given::Table(schema, table) => self.admits(&[schema, table]).is_ok(),
                _ => true,
            })
            .collect()
    }

    /// What a pattern of the policy means here; none if it speaks of another database.
    fn meant(&self, pattern: &str) -> Option<Given> {
        let is_plain = |part: &str| !part.contains(['*', '?', '[', '{', '\\']);
        let parts: Vec<&str> = pattern.split('.').collect();
        match parts.first() {
            Some(database) if is_plain(database) && *database != self.name => return None,
            _ => {}
        }
        Some(match parts.as_slice() {
            [database, schema] | [database, schema, "*" | "**"]
                if is_plain(database) && is_plain(schema) =>
            {
                Given::Schema((*schema).to_owned())
            }
            [database, schema, table]
                if [database, schema, table].into_iter().all(|p| is_plain(p)) =>
            {
                Given::Table((*schema).to_owned(), (*table).to_owned())
            }
            _ => Given::Unclear(pattern.to_owned()),
        })
    }
}

impl Given {
    fn schema(&self) -> Option<&str> {
        match self {
            Self::Schema(schema) | Self::Table(schema, _) => Some(schema),
            Self::Unclear(_) => None,
        }
    }
}

#[cfg(test)]
mod tests;

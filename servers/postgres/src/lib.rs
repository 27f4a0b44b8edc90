//! MCP connector server for PostgreSQL.
pub(crate) mod source;

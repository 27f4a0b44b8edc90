//! MCP connector server for PostgreSQL: statements that can only read unless writing is allowed, in
//! transactions of their own, over tables that the policy admits.
#![cfg_attr(test, expect(clippy::disallowed_methods, reason = "tests make their own files"))]

#[cfg(test)]
mod attacked;
mod catalog;
mod config;
pub mod guard;
mod refusal;
mod resource;
mod source;
mod subscribed;
mod survey;
#[cfg(test)]
mod testing;
mod tools;
mod values;

use std::collections::BTreeMap;

use lockkeeper_core::{
    Credential, Environment, Finding, NamePattern, Opening, Reach, Registered, RegisteredResource,
    Separator, Server, StartError, Surveyed,
};

pub use config::Options;
use source::Pg;

/// The PostgreSQL connector.
pub struct Postgres;

impl Server for Postgres {
    type Source = Pg;
    type Options = Options;

    const NAME: &'static str = "lockkeeper-postgres";
    const TITLE: &'static str = "PostgreSQL";
    const VERSION: &'static str = env!("CARGO_PKG_VERSION");
    const ABOUT: &'static str = "PostgreSQL databases for agents: reads that can only read";
    const INSTRUCTIONS: &'static str =
        "list_objects and describe show what there is; query runs one SELECT with $1 parameters.";
    const VARIABLES: &'static [&'static str] = source::dsn::NAMES;

    fn opening(options: &Options, tool: &str) -> Opening {
        match (tool, &options.export_dir) {
            ("export", Some(_)) => Opening::Adds,
            ("export", None) => Opening::Absent,
            _ => Opening::Policy,
        }
    }

    fn credential(options: &Options) -> Option<Credential> {
        options.credential()
    }

    fn credentials(options: &Options) -> BTreeMap<String, Credential> {
        options.credentials()
    }

    fn tools() -> &'static [Registered<Pg>] {
        tools::TOOLS
    }

    fn resources() -> &'static [RegisteredResource<Pg>] {
        resource::RESOURCES
    }

    fn check_resource(pattern: &str) -> Result<(), String> {
        NamePattern::new(pattern, Separator('.')).map(drop)
    }

    fn check_mask(pattern: &str) -> Result<(), String> {
        Self::check_resource(pattern)
    }

    fn open(options: Options, environment: &Environment) -> Result<Pg, StartError> {
        Pg::open(config::decide(options, environment)?, environment)
    }

    fn printed(options: &Options) -> Option<fn(&Pg) -> String> {
        options.print_setup_sql.then_some(Pg::setup_sql)
    }

    fn reach(pg: &Pg) -> Reach {
        pg.reach()
    }

    async fn survey(pg: &Pg) -> Result<Vec<Surveyed>, StartError> {
        pg.survey().await.map_err(|error| StartError::new(error.to_string()))
    }

    async fn report(pg: &Pg) -> Vec<Finding> {
        pg.findings().await
    }
}

//! MCP connector server for MongoDB: reads that can only read, over collections that the policy
//! admits, however deep in a pipeline they are named.
#![cfg_attr(test, expect(clippy::disallowed_methods, reason = "tests make their own files"))]

mod config;
pub mod ejson;
pub mod guard;
mod page;
mod refusal;
mod resource;
mod source;
mod subscribed;
mod survey;
#[cfg(test)]
mod testing;
mod tools;

use std::collections::BTreeMap;

use lockkeeper_core::{
    Credential, Environment, Finding, Judgement, NamePattern, Opening, Reach, Registered,
    RegisteredResource, Separator, Server, StartError, Surveyed,
};

pub use config::Options;
use source::Mongo;
use source::error::MongoError;

/// The MongoDB connector.
pub struct MongoDb;

impl Server for MongoDb {
    type Source = Mongo;
    type Options = Options;

    const NAME: &'static str = "lockkeeper-mongo";
    const TITLE: &'static str = "MongoDB";
    const VERSION: &'static str = env!("CARGO_PKG_VERSION");
    const ABOUT: &'static str = "MongoDB for agents: reads that can only read";
    const INSTRUCTIONS: &'static str = "list_collections and infer_schema show what there is; find \
        and aggregate read it. Documents are Extended JSON: {\"$oid\": …}, {\"$date\": …}.";
    const ORDERED_ARGUMENTS: bool = true;
    const VARIABLES: &'static [&'static str] = &[config::MONGODB_URI];

    fn credential(options: &Options) -> Option<Credential> {
        options.credential.clone()
    }

    fn credentials(options: &Options) -> BTreeMap<String, Credential> {
        options.credentials()
    }

    fn opening(options: &Options, tool: &str) -> Opening {
        match tool {
            "export" if options.export_dir.is_some() => Opening::Adds,
            "export" => Opening::Absent,
            "manage_index" if !options.manage_indexes => Opening::Absent,
            _ => Opening::Policy,
        }
    }

    fn tools() -> &'static [Registered<Mongo>] {
        tools::TOOLS
    }

    fn resources() -> &'static [RegisteredResource<Mongo>] {
        resource::RESOURCES
    }

    fn check_resource(pattern: &str) -> Result<(), String> {
        NamePattern::new(pattern, Separator('.')).map(drop)
    }

    fn check_mask(pattern: &str) -> Result<(), String> {
        Self::check_resource(pattern)
    }

    async fn judge(mongo: &Mongo, resource: &str, _live: bool) -> Judgement {
        let Some((database, collection)) = resource.split_once('.') else {
            return Judgement::Unknown("it names no collection".to_owned());
        };
        let database = match database {
            "" => mongo.database(None).await,
            named => mongo.database(Some(named)).await,
        };
        match database.and_then(|database| mongo.admit(&database, collection)) {
            Ok(_) => Judgement::Admitted,
            Err(MongoError::Missing(_, Some(rule))) => Judgement::Denied(rule),
            Err(MongoError::Name(own)) => Judgement::Denied(own),
            Err(error) => Judgement::Unknown(error.to_string()),
        }
    }

    fn open(options: Options, environment: &Environment) -> Result<Mongo, StartError> {
        Mongo::open(config::decide(options, environment)?, environment)
    }

    fn reach(mongo: &Mongo) -> Reach {
        mongo.reach()
    }

    async fn survey(mongo: &Mongo) -> Result<Vec<Surveyed>, StartError> {
        mongo.survey().await.map_err(|error| StartError::new(error.to_string()))
    }

    async fn report(mongo: &Mongo) -> Vec<Finding> {
        mongo.findings().await
    }
}

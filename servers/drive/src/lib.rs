//! MCP connector server for Google Drive: a source that can only name files which lie in the folders
//! that are allowed, tools that translate to it, and what they need to be served by lockkeeper-core.
#![cfg_attr(test, expect(clippy::disallowed_methods, reason = "tests make their own files"))]

mod config;
mod refusal;
mod resource;
mod rows;
mod source;
#[cfg(test)]
mod testing;
mod tools;

use lockkeeper_core::{
    Credential, Environment, Finding, Judgement, Opening, Reach, Registered, RegisteredResource,
    Server, StartError,
};

pub use config::Options;
use source::Source;

/// The Google Drive connector.
pub struct Drive;

impl Server for Drive {
    type Source = Source;
    type Options = Options;

    const NAME: &'static str = "lockkeeper-drive";
    const TITLE: &'static str = "Google Drive";
    const VERSION: &'static str = env!("CARGO_PKG_VERSION");
    const ABOUT: &'static str = "Google Drive for agents: within the folders that are allowed";
    const INSTRUCTIONS: &'static str = "Files are named by id, URL or path (/Folder/file). search \
        finds, read gives text of any format, info the rest.";
    const SEPARATOR: char = '/';
    const VARIABLES: &'static [&'static str] = config::VARIABLES;
    const WRITE_RATE: Option<&'static str> = Some("20/min");
    const LOGS_IN: bool = true;

    fn opening(options: &Options, tool: &str) -> Opening {
        match tool {
            "download" if options.export_dir.is_some() => Opening::Adds,
            "download" => Opening::Absent,
            "share" if !options.share => Opening::Absent,
            _ => Opening::Policy,
        }
    }

    fn credential(options: &Options) -> Option<Credential> {
        Some(options.credential())
    }

    fn tools() -> &'static [Registered<Source>] {
        tools::TOOLS
    }

    fn resources() -> &'static [RegisteredResource<Source>] {
        resource::RESOURCES
    }

    fn check_resource(pattern: &str) -> Result<(), String> {
        source::check_pattern(pattern)
    }

    async fn judge(source: &Source, resource: &str, live: bool) -> Judgement {
        source.judge(resource, live).await
    }

    fn open(options: Options, environment: &Environment) -> Result<Source, StartError> {
        Source::open(config::decide(options, environment)?, environment)
    }

    async fn login(source: &Source) -> Result<String, StartError> {
        source.login().await
    }

    async fn logout(source: &Source) -> Result<String, StartError> {
        source.logout().await
    }

    fn reach(source: &Source) -> Reach {
        source.reach()
    }

    async fn report(source: &Source) -> Vec<Finding> {
        source.findings().await
    }
}

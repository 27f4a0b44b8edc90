//! The protocol core of the lockkeeper connector servers.
#![cfg_attr(test, expect(clippy::disallowed_methods, reason = "tests make their own files"))]

mod answer;
mod audit;
mod backlog;
mod catalog;
mod changes;
mod cli;
mod config;
mod confirm;
mod context;
mod credential;
mod cursor;
mod decode;
mod digest;
pub mod dsn;
mod effect;
mod error;
mod export;
mod feed;
mod handler;
mod instance;
mod keep;
mod log;
mod marks;
mod metrics;
mod network;
mod ongoing;
mod outside;
mod pipeline;
mod policy;
mod private;
mod prompt;
mod rates;
mod resource;
mod sandbox;
mod schema;
mod scrape;
mod secret;
mod server;
mod shelf;
mod sockets;
mod state;
mod stdio;
mod stop;
#[cfg(feature = "testing")]
pub mod testing;
mod text;
pub mod time;
mod tool;
mod trace;
mod upstream;
mod vault;
mod wire;

pub use answer::{Media, MediaKind, Output, Results, Room};
pub use changes::{Changed, Watch};
pub use cli::{main, tell};
pub use context::Cx;
pub use credential::{Credential, CredentialError, Credentials};
pub use effect::{Add, Change, Covers, Destroy, Effect, EffectKind, Grant, Mutating, Read};
pub use error::ToolError;
pub use export::{Draft, Export, ExportDir, Exported, Filled, Filling};
pub use feed::{Changes, Wanted};
pub use keep::{Keep, KeepError, KeepLock};
pub use marks::{Found, Mark, Marks};
pub use network::Network;
pub use ongoing::{Ongoing, Sight};
pub use outside::{AROUND, Altered, Outside, Shown, Unclear, placeholder};
pub use policy::Opening;
pub use policy::mask::{Mask, Masks};
pub use policy::scope::{Beneath, NamePattern, NameScope, Scope, ScopePattern, Separator};
pub use prompt::{Argument, Prompt, RegisteredPrompt, prompt};
pub use resource::{
    Body, Contents, Listed, RegisteredResource, Resource, Typed, Variables, percent_decode,
    percent_encode_path, resource,
};
pub use sandbox::Ports;
pub use secret::Secret;
pub use server::{Caution, Environment, Finding, Judgement, Reach, Server, StartError, Surveyed};
pub use shelf::Shelf;
pub use sockets::Sockets;
pub use stop::Stop;
pub use text::{count, grouped, quoted};
pub use tool::{Method, Need, Registered, Tool, method, methods, tool};
pub use trace::{Trace, TraceId};
pub use upstream::{
    Attempt, Backoff, BreakerState, Cached, Failure, Open, Upstream, UpstreamReading, Upstreams,
};

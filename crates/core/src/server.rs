//! A connector server: what it is made of, and how it is served over a pair of byte streams until
//! its host goes.

pub(crate) mod http;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use rmcp::ServiceExt as _;
use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;

use crate::credential::{Credential, Credentials};
use crate::error::ToolError;
use crate::handler::{Gate, Handler, Identity};
use crate::keep::Keep;
use crate::marks::Marks;
use crate::network::Network;
use crate::outside::Outside;
use crate::pipeline::Pipeline;
use crate::policy::Opening;
use crate::policy::mask::Masks;
use crate::policy::scope::Scope;
use crate::prompt::RegisteredPrompt;
use crate::resource::RegisteredResource;
use crate::sandbox::Ports;
use crate::sockets::Sockets;
use crate::stdio;
use crate::tool::{Need, Registered};
use crate::upstream::{Upstream, Upstreams};
use crate::wire::{Ids, Output, Wire};

/// Reads under way get this long once the host has gone.
const GRACE: Duration = Duration::from_secs(1);

/// How long a client that reads slowly may take for its last answers.
const LONGEST_FLUSH: Duration = Duration::from_secs(15);

/// One connector server: the few things in which it differs from the others.
pub trait Server: Sized + 'static {
    /// What its tools work on.
    type Source: Send + Sync + 'static;
    /// Its own settings, from the command line, the environment and the `[source]` table of a
    /// configuration file. Fields are optional or lists; unset ones are left out when serialized.
    type Options: clap::Args + Serialize + DeserializeOwned + Default + Send;

    /// The binary's name, `lockkeeper-…`.
    const NAME: &'static str;
    /// A name for people.
    const TITLE: &'static str;
    /// The binary's version.
    const VERSION: &'static str;
    /// One line for `--help`.
    const ABOUT: &'static str;
    /// What an agent should know before it calls a tool; always in its context, so short.
    const INSTRUCTIONS: &'static str;
    /// Whether tools reach beyond this machine (MCP's `openWorldHint`).
    const OPEN_WORLD: bool = true;
    /// What stands between the parts of a resource's name, if [`NameScope`](crate::NameScope) or
    /// masks match it.
    const SEPARATOR: char = '.';

    /// Whether the order of keys within arguments means something, as in a sort or a document that
    /// is stored. Without it they come sorted by name.
    const ORDERED_ARGUMENTS: bool = false;

    /// The environment's variables that the server reads, beside core's own: no other is looked at.
    /// One that holds a secret belongs into [`Server::credential`] instead, unless it has to be
    /// read together with others.
    const VARIABLES: &'static [&'static str] = &[];

    /// How often a call may alter something where no setting says it, for example `20/min`: for
    /// services that take offence at more.
    const WRITE_RATE: Option<&'static str> = None;

    /// Whether these settings ask for writing by themselves, without `--write`: where rights are
    /// given place by place. Counts as the command line saying so; other sources still narrow it.
    fn implies_write(_options: &Self::Options) -> bool {
        false
    }

    /// What these settings say of one of the tools: whether it exists only with a setting of its own,
    /// such as a directory that it writes into.
    fn opening(_options: &Self::Options, _tool: &str) -> Opening {
        Opening::Policy
    }

    /// Where the credential is, for servers that need one: from these settings or a default. It is
    /// not read before [`Environment::credential`] is asked for it.
    fn credential(_options: &Self::Options) -> Option<Credential> {
        None
    }

    /// The same by name, for servers that log in at several places.
    fn credentials(_options: &Self::Options) -> BTreeMap<String, Credential> {
        BTreeMap::new()
    }

    /// The tools, in one static slice.
    fn tools() -> &'static [Registered<Self::Source>];

    /// The resource families.
    fn resources() -> &'static [RegisteredResource<Self::Source>] {
        &[]
    }

    /// The prompts.
    fn prompts() -> &'static [RegisteredPrompt<Self::Source>] {
        &[]
    }

    /// What a test's server answers beside core.
    #[cfg(feature = "testing")]
    #[doc(hidden)]
    const BESIDE: Option<&'static dyn crate::testing::Beside> = None;

    /// Checks a pattern of `[policy.resources]`: the server's grammar of resource names.
    ///
    /// # Errors
    ///
    /// What is wrong with it.
    fn check_resource(_pattern: &str) -> Result<(), String> {
        Err("this server has no resources that a policy could name".to_owned())
    }

    /// Checks a pattern of `[policy.mask]`.
    ///
    /// # Errors
    ///
    /// What is wrong with it.
    fn check_mask(_pattern: &str) -> Result<(), String> {
        Err("this server has nothing that a policy could mask".to_owned())
    }

    /// What the policy says to a resource that a call's plan names, for `policy explain`. `live`
    /// allows asking the upstream where the rules alone can't tell.
    fn judge(
        _source: &Self::Source,
        _resource: &str,
        _live: bool,
    ) -> impl Future<Output = Judgement> + Send {
        async { Judgement::Admitted }
    }

    /// What speaks against a change that the policy allows, by what was read before: a person decides
    /// then. It may ask the upstream. Whatever a source must not do without that person's yes, it has
    /// to refuse by itself to a grant that [is not cautioned](crate::Grant::is_cautioned): a plan names
    /// what is known beforehand.
    fn caution(
        _source: &Self::Source,
        _need: &Need,
    ) -> impl Future<Output = Option<Caution>> + Send {
        async { None }
    }

    /// Makes the source. Nothing is connected to, locked or changed yet: a host may start a server
    /// twice and end it at will.
    fn open(options: Self::Options, environment: &Environment) -> Result<Self::Source, StartError>;

    /// What is printed in place of serving, if these settings ask for such a thing: something that
    /// prepares the service for this server. Nothing is asked of the service for it.
    fn printed(_options: &Self::Options) -> Option<fn(&Self::Source) -> String> {
        None
    }

    /// What there is in the source, under the policy in force, in the order of a listing.
    fn survey(
        _source: &Self::Source,
    ) -> impl Future<Output = Result<Vec<Surveyed>, StartError>> + Send {
        async { Ok(Vec::new()) }
    }

    /// Whether there are `login` and `logout`: a person lets the server act for them.
    const LOGS_IN: bool = false;

    /// Logs a person in, and says how it went. It runs in a process of its own, which serves nothing
    /// and has no sandbox: what it listens at is no business of a serving process.
    fn login(_source: &Self::Source) -> impl Future<Output = Result<String, StartError>> + Send {
        async { Err(StartError::new("this server has no login")) }
    }

    /// Forgets, and where that is possible revokes, what `login` was given.
    fn logout(_source: &Self::Source) -> impl Future<Output = Result<String, StartError>> + Send {
        async { Err(StartError::new("this server has no login")) }
    }

    /// What the source reaches outside the process. The sandbox closes all the rest.
    fn reach(_source: &Self::Source) -> Reach {
        Reach::default()
    }

    /// Says for `check` what the source reaches and what the platform can't keep. It may connect:
    /// whoever runs `check` wants to know whether that works.
    fn report(_source: &Self::Source) -> impl Future<Output = Vec<Finding>> + Send {
        async { Vec::new() }
    }
}

/// What a server may know of the process around it.
#[derive(Debug, Clone, Default)]
pub struct Environment {
    /// The user's home directory.
    pub home: Option<PathBuf>,
    /// The directory in which the server was started.
    pub current_dir: Option<PathBuf>,
    /// Whether writing was asked for by name (`--write` or its like), and not only implied.
    pub write: bool,
    /// Core's own files and directories (keys, secrets, the audit log, configuration in force),
    /// which no tool may reach. They need not exist yet.
    pub own: Vec<PathBuf>,
    /// Those of [`Server::VARIABLES`] that are set, to text that isn't empty.
    pub variables: BTreeMap<&'static str, String>,
    /// How many calls run at once.
    pub concurrency: usize,
    /// How text from outside is shown.
    pub outside: Outside,
    /// The resource rules of the policy in force.
    pub scope: Scope,
    /// The masks of the policy in force.
    pub masks: Masks,
    /// The credential that [`Server::credential`] names.
    pub credential: Credentials,
    /// Those that [`Server::credentials`] names.
    pub credentials: BTreeMap<String, Credentials>,
    /// What the server keeps for itself between its runs.
    pub keep: Keep,
    /// Proxies and trusted certificates.
    pub network: Network,
    /// The remote services that were named so far.
    pub upstreams: Upstreams,
    /// What processes of this server saw, as far as it decides what may be done later.
    pub marks: Marks,
    /// The way to Unix sockets, which [`Reach::sockets`] has to name.
    pub sockets: Sockets,
}

impl Environment {
    /// The remote service of that name, watched by core: its breaker, its retries, its counters.
    /// The name becomes a label, so it is one of a few that the server knows beforehand.
    pub fn upstream(&self, name: &'static str) -> Upstream {
        self.upstreams.register(name)
    }
}

/// Why a person should decide on a change; see [`Server::caution`].
#[derive(Debug, Clone)]
pub struct Caution {
    /// What the person is told.
    pub question: String,
    /// What the agent is told if nobody can be asked.
    pub refusal: ToolError,
}

/// What the resource rules say to one resource.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Judgement {
    /// They let it be reached.
    Admitted,
    /// This rule hides it.
    Denied(String),
    /// It can't be told, for this reason.
    Unknown(String),
}

/// What a source reaches outside its process, by its settings. Paths that don't exist when the
/// server starts stay out of reach.
#[derive(Debug, Clone, Default)]
pub struct Reach {
    /// Files and directories to read.
    pub read: Vec<PathBuf>,
    /// Files and directories to write as well, if the policy lets tools write at all.
    pub write: Vec<PathBuf>,
    /// The server's own files, which it writes whatever tools may do.
    pub own: Vec<PathBuf>,
    /// TCP ports to connect to.
    pub ports: Ports,
    /// Unix sockets to connect to, by [`Environment::sockets`].
    pub sockets: Vec<PathBuf>,
}

/// Why a server can't start: a message and what to do.
#[derive(Debug, thiserror::Error)]
#[error("{message}")]
pub struct StartError {
    message: String,
}

impl StartError {
    /// A start that failed for this reason, said in full.
    pub fn new(message: impl Into<String>) -> Self {
        Self { message: message.into() }
    }
}

/// Something that a source holds, for `init`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Surveyed {
    /// A pattern of `[policy.resources]` that matches it.
    pub pattern: String,
    /// What it is, in a few words.
    pub note: String,
}

impl Surveyed {
    /// What has this name, part by part, and all beneath. Characters that patterns give a meaning to
    /// are taken as they are.
    pub fn named(parts: &[&str], separator: char, note: impl Into<String>) -> Self {
        let plain = |part: &&str| {
            let special = |c: char| c == separator || "*?[]{}!\\".contains(c);
            let escaped =
                part.chars().map(|c| if special(c) { format!("\\{c}") } else { c.to_string() });
            escaped.collect::<String>()
        };
        let parts: Vec<String> = parts.iter().map(plain).collect();
        Self { pattern: parts.join(&separator.to_string()), note: note.into() }
    }
}

/// One line of `check`.
#[derive(Debug, Clone, Serialize)]
pub struct Finding {
    /// What it is about, for example `root`.
    pub subject: String,
    /// How it stands.
    pub state: String,
    /// Whether the server can work like this.
    pub ok: bool,
}

/// Serves one connection to its end. `draining` begins the end from outside.
pub(crate) async fn serve<S: Send + Sync + 'static>(
    pipeline: Arc<Pipeline<S>>,
    identity: Identity,
    (input, output): (stdio::Input, stdio::Output),
    draining: CancellationToken,
) {
    let began = Instant::now();
    let ids = Arc::new(Ids::new(Arc::clone(&pipeline.backlog)));
    let (output, writing) = Output::new(output, Arc::clone(&pipeline.backlog), draining.clone());
    let wire = Wire::new(input, output, Arc::clone(&ids), draining.clone(), pipeline.ordered);
    let handler = Handler::new(Arc::clone(&pipeline), identity, draining.clone());
    let gate = Gate { handler, ids };
    let serving = async {
        match gate.serve(wire).await {
            Ok(running) => {
                if let Err(error) = running.waiting().await {
                    tracing::error!(%error, "the protocol loop failed");
                }
            }
            Err(error) => tracing::debug!(%error, "the connection ended before it began"),
        }
    };
    let ending = async {
        draining.cancelled().await;
        sleep(GRACE).await;
        pipeline.ending.cancel();
        // Reads end at once now. Answers go out as long as the client takes them; one that doesn't
        // is not waited for.
        pipeline.mutations.close();
        pipeline.mutations.wait().await;
        let flushed =
            async { while timeout(GRACE / 2, pipeline.backlog.shrinks()).await.is_ok() {} };
        if timeout(LONGEST_FLUSH, flushed).await.is_err() {
            tracing::info!("the client takes its last answers too slowly");
        }
    };
    let all = async { tokio::join!(serving, writing) };
    tokio::select! {
        _ = all => {}
        () = ending => {}
        () = pipeline.audit.keep_head() => {}
    }
    pipeline.mutations.close();
    pipeline.mutations.wait().await;
    pipeline.metrics.session(began.elapsed());
}

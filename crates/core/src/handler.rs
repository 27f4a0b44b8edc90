//! The meeting with rmcp: a handler that translates between its types and the pipeline, and a gate
//! around it that sees every request of every era and denies what it doesn't know.

#[cfg(feature = "testing")]
pub(crate) mod beside;
mod prompts;
mod subscriptions;

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Instant;

use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use hyper::http::request::Parts;
use rmcp::ServerHandler;
use rmcp::model::{
    CacheScope, CallToolRequestParams, CallToolResponse, CallToolResult, ClientCapabilities,
    ClientNotification, ClientRequest, ClientResult, CompleteRequestParams, CompleteResult,
    CompletionInfo, ContentBlock, DiscoverResult, ElicitRequest, ElicitRequestParams,
    ElicitationAction, ElicitationSchema, ErrorCode, ErrorData, GetPromptRequestParams,
    GetPromptResponse, Implementation, InputRequest, InputRequiredResult, ListPromptsResult,
    ListResourceTemplatesResult, ListResourcesResult, ListToolsResult, MetaObject,
    PaginatedRequestParams, ProgressNotificationParam, ProgressToken, ProtocolVersion,
    ReadResourceRequestParams, ReadResourceResponse, ReadResourceResult, Reference, Resource,
    ResourceContents, ResourceTemplate, ServerCapabilities, ServerConfig, ServerRequest,
    ServerResult, SubscribeRequestParams, SubscriptionFilter, Tool, ToolAnnotations,
    UnsubscribeRequestParams,
};
use rmcp::service::{
    NotificationContext, Peer, PeerRequestOptions, RequestContext, RoleServer, Service,
    ServiceRole, SubscriptionContext,
};
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

use crate::answer::{Answer, MediaKind};
use crate::catalog::Definition;
use crate::confirm::{Asker, EXPIRES, INVALID, QUESTION, Round};
use crate::context::Host;
use crate::effect::Effect;
use crate::error::ToolError;
use crate::metrics::{Noted, OTHER_METHOD};
use crate::ongoing::Seen;
use crate::outside::Altered;
use crate::pipeline::{Ask, Caller, Pipeline, Reading, Reply, Request};
use crate::resource::{Body, Contents, RegisteredResource, Typed, matches};
use crate::text::truncate_at_char;
use crate::trace::Trace;
use crate::wire::{ArgumentsText, Ids};
use subscriptions::Session;

/// Lists don't change while a server runs; a client may keep one for an hour.
const LIST_TTL_MS: u64 = 3_600_000;

/// The same for a tool that doesn't exist and for one that is hidden.
const UNKNOWN_TOOL: &str = "unknown tool; tools/list names those in force. Tools that write exist \
    only if the server was started with --write";

const NO_SUCH_RESOURCE: &str = "no such resource";

/// How much of a URI an error repeats.
const MOST_ECHOED: usize = 1_000;

/// What a server says of itself.
#[derive(Debug, Clone)]
pub(crate) struct Identity {
    pub(crate) name: &'static str,
    pub(crate) title: &'static str,
    pub(crate) version: &'static str,
    pub(crate) instructions: String,
    #[cfg(feature = "testing")]
    pub(crate) beside: Option<&'static dyn beside::Beside>,
}

pub(crate) struct Handler<S: 'static> {
    pub(crate) pipeline: Arc<Pipeline<S>>,
    pub(crate) identity: Identity,
    tools: Arc<[Tool]>,
    session: Arc<Session>,
    /// Cancelled when the connection's input has ended.
    draining: CancellationToken,
}

impl<S: Send + Sync + 'static> Handler<S> {
    pub(crate) fn new(
        pipeline: Arc<Pipeline<S>>,
        identity: Identity,
        draining: CancellationToken,
    ) -> Self {
        let tools = pipeline.catalog.definitions().map(definition);
        #[cfg(feature = "testing")]
        let tools = tools.chain(identity.beside.into_iter().flat_map(beside::Beside::tools));
        let tools = tools.collect();
        Self { pipeline, identity, tools, session: Arc::default(), draining }
    }

    /// The same for another connection.
    pub(crate) fn sibling(&self) -> Self {
        Self {
            pipeline: Arc::clone(&self.pipeline),
            identity: self.identity.clone(),
            tools: Arc::clone(&self.tools),
            session: Arc::default(),
            draining: self.draining.clone(),
        }
    }

    /// Whether requests of this method are known here. rmcp answers requests for capabilities that a
    /// server never declared, and grows new requests with each release: those don't pass.
    fn passes(&self, method: &str, modern: bool) -> bool {
        match method {
            "initialize" | "server/discover" | "ping" | "tools/list" | "tools/call" => true,
            "resources/list" | "resources/templates/list" | "resources/read" => {
                !self.pipeline.resources.is_empty()
            }
            "prompts/list" | "prompts/get" => !self.pipeline.prompts.is_empty(),
            "completion/complete" => {
                !self.pipeline.resources.is_empty() || !self.pipeline.prompts.is_empty()
            }
            "resources/subscribe" | "resources/unsubscribe" => !modern && self.is_watchable(),
            "subscriptions/listen" => modern && self.is_watchable(),
            #[cfg(feature = "testing")]
            _ => self.identity.beside.is_some_and(|beside| beside.passes(method, modern)),
            #[cfg(not(feature = "testing"))]
            _ => false,
        }
    }

    /// How a message that came over HTTP passes, if it does.
    pub(crate) fn admission(&self, method: &str, modern: bool) -> Option<Admission> {
        match method {
            // Older clients get empty lists.
            _ if !modern && ASKED_ANYWAY.contains(&method) => Some(Admission::Other),
            _ if !self.passes(method, modern) => None,
            "subscriptions/listen" => Some(Admission::Listen),
            "tools/call" => Some(Admission::Call),
            _ => Some(Admission::Other),
        }
    }

    fn visible_resources(&self) -> impl Iterator<Item = &'static RegisteredResource<S>> {
        let policy = &self.pipeline.policy;
        self.pipeline.resources.iter().filter(|one| policy.lists(one.tool, Effect::Read))
    }

    fn resource(&self, uri: &str) -> Option<(&'static RegisteredResource<S>, crate::Variables)> {
        self.pipeline
            .resources
            .iter()
            .find_map(|resource| Some((resource, matches(resource.template, uri)?)))
    }
}

impl<S: Send + Sync + 'static> ServerHandler for Handler<S> {
    fn get_info(&self) -> ServerConfig {
        let mut capabilities = ServerCapabilities::builder().enable_tools().build();
        if !self.pipeline.resources.is_empty() {
            let mut resources = rmcp::model::ResourcesCapability::default();
            resources.subscribe = self.is_watchable().then_some(true);
            capabilities.resources = Some(resources);
            capabilities.completions = Some(rmcp::model::JsonObject::default());
        }
        if !self.pipeline.prompts.is_empty() {
            capabilities.prompts = Some(rmcp::model::PromptsCapability::default());
            capabilities.completions = Some(rmcp::model::JsonObject::default());
        }
        #[cfg(feature = "testing")]
        if let Some(beside) = self.identity.beside {
            beside.declare(&mut capabilities);
        }
        let implementation = Implementation::new(self.identity.name, self.identity.version)
            .with_title(self.identity.title);
        ServerConfig::new(capabilities)
            .with_server_info(implementation)
            .with_instructions(self.identity.instructions.clone())
    }

    async fn discover(
        &self,
        _context: RequestContext<RoleServer>,
    ) -> Result<DiscoverResult, ErrorData> {
        let versions = ServerHandler::supported_protocol_versions(self).into_owned();
        let result = DiscoverResult::from_server_info(versions, ServerHandler::get_info(self));
        Ok(result.with_ttl_ms(LIST_TTL_MS).with_cache_scope(CacheScope::Private))
    }

    async fn list_tools(
        &self,
        _request: Option<PaginatedRequestParams>,
        _context: RequestContext<RoleServer>,
    ) -> Result<ListToolsResult, ErrorData> {
        let result = ListToolsResult::with_all_items(self.tools.to_vec());
        Ok(result.with_ttl_ms(LIST_TTL_MS).with_cache_scope(CacheScope::Private))
    }

    async fn call_tool(
        &self,
        request: CallToolRequestParams,
        context: RequestContext<RoleServer>,
    ) -> Result<CallToolResponse, ErrorData> {
        #[cfg(feature = "testing")]
        if let Some(answer) = self.identity.beside.and_then(|one| one.call_tool(&request, &context))
        {
            return answer.await;
        }
        let round = request
            .request_state
            .map(|state| Round { state, responses: request.input_responses.unwrap_or_default() });
        let can = context.client_capabilities().as_ref().is_some_and(asks_people);
        let ask = match is_modern(&context) {
            true => Ask::Rounds { can, round },
            false if can => Ask::Request(Arc::new(LegacyAsker {
                peer: context.peer.clone(),
                cancelled: context.ct.clone(),
                ending: self.pipeline.ending.clone(),
            })),
            false => Ask::Nobody,
        };
        let call = Request {
            tool: &request.name,
            arguments: request.arguments.unwrap_or_default(),
            text: kept::<ArgumentsText>(&context).map(|text| text.0),
            caller: caller(&context),
            ask,
        };
        match self.pipeline.call(call).await {
            Reply::Answer(answer) => Ok(result(answer).into()),
            // The client brought it, not the agent, who can't mend it.
            Reply::Failed(error) if error.code() == INVALID => {
                Err(ErrorData::invalid_params(error.text(), None))
            }
            Reply::Failed(error) => {
                Ok(CallToolResult::error(vec![ContentBlock::text(error.text())]).into())
            }
            Reply::Unknown => Err(ErrorData::invalid_params(UNKNOWN_TOOL, None)),
            Reply::Question { question, state } => {
                let request = InputRequest::Elicitation(ElicitRequest::new(form(question)));
                let requests = [(QUESTION.to_owned(), request)].into();
                Ok(InputRequiredResult::new(Some(requests), Some(state)).into())
            }
        }
    }

    async fn list_resources(
        &self,
        _request: Option<PaginatedRequestParams>,
        context: RequestContext<RoleServer>,
    ) -> Result<ListResourcesResult, ErrorData> {
        let mut resources = Vec::new();
        for resource in self.pipeline.resources {
            let reading = Reading {
                route: "resources/list",
                tool: resource.tool,
                resource: None,
                caller: caller(&context),
            };
            // What may not be read is not listed either.
            let listed = self.pipeline.read(reading, |call| (resource.list)(call)).await;
            let (listed, _) = said_if_ours(listed)?.unwrap_or_default();
            resources.extend(listed.into_iter().map(|entry| Resource::new(entry.uri, entry.name)));
        }
        Ok(ListResourcesResult::with_all_items(resources)
            .with_ttl_ms(0)
            .with_cache_scope(CacheScope::Private))
    }

    async fn list_resource_templates(
        &self,
        _request: Option<PaginatedRequestParams>,
        _context: RequestContext<RoleServer>,
    ) -> Result<ListResourceTemplatesResult, ErrorData> {
        let templates = self
            .visible_resources()
            .map(|resource| ResourceTemplate::new(resource.template, resource.name));
        Ok(ListResourceTemplatesResult::with_all_items(templates.collect())
            .with_ttl_ms(LIST_TTL_MS)
            .with_cache_scope(CacheScope::Private))
    }

    async fn read_resource(
        &self,
        request: ReadResourceRequestParams,
        context: RequestContext<RoleServer>,
    ) -> Result<ReadResourceResponse, ErrorData> {
        let uri = request.uri;
        let echoed = Some(echoed(&uri));
        let Some((resource, variables)) = self.resource(&uri) else {
            noted(&context).error("not_found");
            return Err(ErrorData::resource_not_found(NO_SUCH_RESOURCE, echoed));
        };
        let reading = Reading {
            route: "resources/read",
            tool: resource.tool,
            resource: Some(&uri),
            caller: caller(&context),
        };
        let read = self.pipeline.read(reading, |call| (resource.read)(call, variables)).await;
        match read {
            Ok((contents, aside)) => {
                let mut result = ReadResourceResult::new(vec![body(contents, uri)])
                    .with_ttl_ms(0)
                    .with_cache_scope(CacheScope::Private);
                result.meta = meta(aside.altered, aside.unrecorded, aside.seen);
                Ok(result.into())
            }
            Err(error) => Err(match error.code() {
                "not_found" => ErrorData::resource_not_found(NO_SUCH_RESOURCE, echoed),
                _ if error.is_ours() => ErrorData::internal_error(error.text(), echoed),
                _ => ErrorData::invalid_params(error.text(), echoed),
            }),
        }
    }

    fn accepted_subscription_filter(
        &self,
        requested: &SubscriptionFilter,
    ) -> Option<SubscriptionFilter> {
        // The gate has left in it what is being watched.
        self.is_watchable().then(|| requested.clone())
    }

    async fn listen(&self, context: SubscriptionContext) -> Result<(), ErrorData> {
        self.listen_on(context).await;
        Ok(())
    }

    async fn subscribe(
        &self,
        request: SubscribeRequestParams,
        context: RequestContext<RoleServer>,
    ) -> Result<(), ErrorData> {
        self.subscribe_to(request, context).await
    }

    async fn unsubscribe(
        &self,
        request: UnsubscribeRequestParams,
        _context: RequestContext<RoleServer>,
    ) -> Result<(), ErrorData> {
        self.unsubscribe_from(&request);
        Ok(())
    }

    async fn list_prompts(
        &self,
        _request: Option<PaginatedRequestParams>,
        _context: RequestContext<RoleServer>,
    ) -> Result<ListPromptsResult, ErrorData> {
        // Older clients ask anyway.
        let listed = if self.passes("prompts/list", true) {
            self.listed_prompts()
        } else {
            ListPromptsResult::default()
        };
        #[cfg(feature = "testing")]
        let listed = {
            let mut listed = listed;
            listed
                .prompts
                .extend(self.identity.beside.into_iter().flat_map(beside::Beside::prompts));
            listed
        };
        Ok(listed)
    }

    async fn get_prompt(
        &self,
        request: GetPromptRequestParams,
        _context: RequestContext<RoleServer>,
    ) -> Result<GetPromptResponse, ErrorData> {
        #[cfg(feature = "testing")]
        if let Some(answer) = self.identity.beside.and_then(|one| one.get_prompt(&request)) {
            return answer;
        }
        self.filled_prompt(&request).map(Into::into)
    }

    #[cfg(feature = "testing")]
    #[expect(
        deprecated,
        reason = "asked for by revisions that have it; the gate passes nothing else"
    )]
    async fn set_level(
        &self,
        _request: rmcp::model::SetLevelRequestParams,
        _context: RequestContext<RoleServer>,
    ) -> Result<(), ErrorData> {
        Ok(())
    }

    async fn complete(
        &self,
        request: CompleteRequestParams,
        context: RequestContext<RoleServer>,
    ) -> Result<CompleteResult, ErrorData> {
        let (tool, complete) = match &request.r#ref {
            Reference::Resource(reference) => {
                let mut resources = self.visible_resources();
                let resource = resources.find(|resource| resource.template == reference.uri);
                let missing = || ErrorData::invalid_params("no such resource template", None);
                resource.map(|resource| (resource.tool, resource.complete)).ok_or_else(missing)?
            }
            Reference::Prompt(reference) => {
                let prompt = self.prompt(&reference.name)?;
                (prompt.tool, prompt.complete)
            }
            _ => return Err(ErrorData::invalid_params("no such reference", None)),
        };
        let reading = Reading {
            route: "completion/complete",
            tool,
            resource: None,
            caller: caller(&context),
        };
        let others = request.context.and_then(|context| context.arguments).unwrap_or_default();
        let typed = Typed {
            variable: request.argument.name,
            text: request.argument.value,
            others: others.into_iter().collect(),
        };
        let values = self.pipeline.read(reading, |call| complete(call, typed));
        // A name that can't be completed has no completions; that is not an error to show.
        let (mut values, _) = said_if_ours(values.await)?.unwrap_or_default();
        let total = u32::try_from(values.len()).ok();
        let has_more = values.len() > CompletionInfo::MAX_VALUES;
        values.truncate(CompletionInfo::MAX_VALUES);
        let info = CompletionInfo::with_pagination(values, total, has_more);
        Ok(CompleteResult::new(info.map_err(|error| ErrorData::internal_error(error, None))?))
    }
}

/// The gate around the handler. rmcp answers requests for capabilities that a server never
/// declared, and grows new requests with each release: here the known ones pass, the rest don't.
pub(crate) struct Gate<S: 'static> {
    pub(crate) handler: Handler<S>,
    pub(crate) ids: Arc<Ids>,
}

impl<S: Send + Sync + 'static> Gate<S> {
    async fn pass(
        &self,
        mut request: ClientRequest,
        mut context: RequestContext<RoleServer>,
    ) -> Result<ServerResult, ErrorData> {
        let modern = is_modern(&context);
        let passes = self.handler.passes(request.method(), modern);
        if passes {
            if let ClientRequest::SubscriptionsListenRequest(listen) = &mut request {
                let filter = &mut listen.params.notifications;
                let asked = filter.resource_subscriptions.take().unwrap_or_default();
                let (accepted, listened) =
                    self.handler.open_listen(asked, || caller(&context)).await;
                filter.resource_subscriptions = (!accepted.is_empty()).then_some(accepted);
                context.extensions.insert(listened);
            }
            return self.handler.handle_request(request, context).await;
        }
        // See `ASKED_ANYWAY`.
        let mut empty = match &request {
            ClientRequest::ListPromptsRequest(_) if !modern => {
                ServerResult::ListPromptsResult(ListPromptsResult::default())
            }
            ClientRequest::ListResourcesRequest(_) if !modern => {
                ServerResult::ListResourcesResult(ListResourcesResult::default())
            }
            ClientRequest::ListResourceTemplatesRequest(_) if !modern => {
                ServerResult::ListResourceTemplatesResult(ListResourceTemplatesResult::default())
            }
            _ => {
                let method = request.method().to_owned();
                return Err(ErrorData::new(ErrorCode::METHOD_NOT_FOUND, method, None));
            }
        };
        empty.strip_result_type_for_legacy_peer();
        Ok(empty)
    }
}

impl<S: Send + Sync + 'static> Service<RoleServer> for Gate<S> {
    async fn handle_request(
        &self,
        request: ClientRequest,
        mut context: RequestContext<RoleServer>,
    ) -> Result<ServerResult, ErrorData> {
        let started = Instant::now();
        let id = context.id.clone();
        let noted = Arc::new(Noted::new(self.ids.name(&id)));
        context.extensions.insert(Arc::clone(&noted));
        let method = known_method(request.method());
        // A call's own panic is caught where it runs, and audited; this is the wall behind that.
        let result = AssertUnwindSafe(self.pass(request, context)).catch_unwind().await;
        let result =
            result.unwrap_or_else(|_| Err(ErrorData::internal_error("internal error", None)));
        let error = result.as_ref().err().map(|error| error_type(error.code));
        self.handler.pipeline.metrics.operation(method, &noted, error, started.elapsed());
        self.ids.handled(&id);
        result
    }

    async fn handle_notification(
        &self,
        notification: ClientNotification,
        context: NotificationContext<RoleServer>,
    ) -> Result<(), ErrorData> {
        self.handler.handle_notification(notification, context).await
    }

    fn get_info(&self) -> <RoleServer as ServiceRole>::Info {
        ServerHandler::get_info(&self.handler)
    }

    fn supported_protocol_versions(&self) -> Cow<'static, [ProtocolVersion]> {
        ServerHandler::supported_protocol_versions(&self.handler)
    }
}

/// A request's method, as metrics name it.
pub(crate) fn known_method(method: &str) -> &'static str {
    METHODS.into_iter().find(|known| *known == method).unwrap_or(OTHER_METHOD)
}

const METHODS: [&str; 14] = [
    "initialize",
    "server/discover",
    "ping",
    "tools/list",
    "tools/call",
    "resources/list",
    "resources/templates/list",
    "resources/read",
    "resources/subscribe",
    "resources/unsubscribe",
    "subscriptions/listen",
    "completion/complete",
    "prompts/list",
    "prompts/get",
];

/// What older clients ask for whatever was declared, and log an error noisily.
const ASKED_ANYWAY: [&str; 3] = ["prompts/list", "resources/list", "resources/templates/list"];

/// How a request over HTTP goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Admission {
    Call,
    Listen,
    Other,
}

/// An error of the protocol, as metrics name it.
fn error_type(code: ErrorCode) -> &'static str {
    match code {
        ErrorCode::METHOD_NOT_FOUND => "method_not_found",
        ErrorCode::INVALID_PARAMS => "invalid_params",
        ErrorCode::RESOURCE_NOT_FOUND => "not_found",
        ErrorCode::INTERNAL_ERROR => "internal",
        _ => "_other",
    }
}

fn is_modern(context: &RequestContext<RoleServer>) -> bool {
    context.protocol_version().is_some_and(|version| version >= ProtocolVersion::V_2026_07_28)
}

/// A client that declares elicitation without naming modes means forms.
fn asks_people(capabilities: &ClientCapabilities) -> bool {
    let elicitation = capabilities.elicitation.as_ref();
    elicitation.is_some_and(|modes| modes.form.is_some() || modes.url.is_none())
}

fn client(context: &RequestContext<RoleServer>) -> String {
    let info = context.client_info();
    let mut name = info.map_or_else(String::new, |info| format!("{}/{}", info.name, info.version));
    truncate_at_char(&mut name, 100);
    name
}

fn definition(definition: &Definition) -> Tool {
    let input = Arc::new(definition.input_schema.clone());
    let mut tool = Tool::new(definition.name.clone(), definition.description.clone(), input);
    tool.output_schema = definition.output_schema.clone().map(Arc::new);
    let hints = &definition.annotations;
    tool.annotations = Some(ToolAnnotations::from_raw(
        None,
        Some(hints.read_only_hint),
        hints.destructive_hint,
        None,
        Some(hints.open_world_hint),
    ));
    tool
}

fn result(answer: Answer) -> CallToolResult {
    let mut content = vec![ContentBlock::text(answer.text)];
    content.extend(answer.media.into_iter().map(|media| match media.kind {
        MediaKind::Image => ContentBlock::image(media.data, media.mime_type),
        MediaKind::Audio => ContentBlock::audio(media.data, media.mime_type),
    }));
    let mut result = CallToolResult::success(content);
    result.structured_content = answer.structured;
    // Its text says by itself what isn't recorded.
    result.meta = meta(answer.altered, false, answer.seen);
    result
}

/// `{"altered": {"escaped": 2, "redacted": 1}}`, a warning, of what kind it is that was read: schemas
/// of data have no room for them.
fn meta(altered: Altered, unrecorded: bool, seen: Seen) -> Option<MetaObject> {
    let mut meta = rmcp::model::JsonObject::new();
    if !altered.is_none() {
        meta.insert("altered".to_owned(), json!(altered));
    }
    if unrecorded {
        meta.insert("warning".to_owned(), json!("this call is not in the audit log"));
    }
    if let Some(sight) = seen.sight {
        let integrity = if sight.untrusted { "untrusted" } else { "trusted" };
        let confidentiality = if sight.private { "private" } else { "public" };
        meta.insert("integrity".to_owned(), json!(integrity));
        meta.insert("confidentiality".to_owned(), json!(confidentiality));
    }
    if seen.withheld > 0 {
        meta.insert("withheld".to_owned(), json!(seen.withheld));
    }
    (!meta.is_empty()).then_some(MetaObject(meta))
}

fn body(contents: Contents, uri: String) -> ResourceContents {
    let contents_of = match contents.body {
        Body::Text(text) => ResourceContents::text(text, uri),
        Body::Blob(blob) => ResourceContents::blob(blob, uri),
    };
    contents_of.with_mime_type(contents.mime_type)
}

/// A form without fields: accepting it is the answer.
fn form(question: String) -> ElicitRequestParams {
    ElicitRequestParams::FormElicitationParams {
        meta: None,
        message: question,
        requested_schema: ElicitationSchema::new(BTreeMap::new()),
    }
}

/// Older revisions don't speak of traces, and hosts of theirs send them all the same.
fn trace(context: &RequestContext<RoleServer>) -> Option<Trace> {
    Trace::read(context.meta.get_traceparent()?, context.meta.get_tracestate())
}

fn caller(context: &RequestContext<RoleServer>) -> Caller {
    let host = PeerHost {
        peer: context.peer.clone(),
        token: context.meta.get_progress_token(),
        ended: context.ct.clone(),
    };
    let (client, trace, noted) = (client(context), trace(context), noted(context));
    Caller { cancelled: context.ct.clone(), client, host: Arc::new(host), trace, noted }
}

/// Tells a client of trouble where an empty list would say that there is nothing.
fn said_if_ours<T>(result: Result<T, ToolError>) -> Result<Result<T, ToolError>, ErrorData> {
    match result {
        Err(error) if error.is_ours() => Err(ErrorData::internal_error(error.text(), None)),
        other => Ok(other),
    }
}

/// A URI beside an error about it.
fn echoed(uri: &str) -> Value {
    let mut uri = uri.to_owned();
    truncate_at_char(&mut uri, MOST_ECHOED);
    json!({"uri": uri})
}

/// What the gate sent along.
fn noted(context: &RequestContext<RoleServer>) -> Arc<Noted> {
    kept(context).unwrap_or_default()
}

/// The same of any type; over HTTP it comes with the head of the request.
fn kept<T: Clone + Send + Sync + 'static>(context: &RequestContext<RoleServer>) -> Option<T> {
    let head = || context.extensions.get::<Parts>()?.extensions.get::<T>();
    context.extensions.get::<T>().or_else(head).cloned()
}

struct PeerHost {
    peer: Peer<RoleServer>,
    token: Option<ProgressToken>,
    /// Cancelled with the request, and once it is answered: no message for it may follow.
    ended: CancellationToken,
}

impl Host for PeerHost {
    fn progress(
        &self,
        done: f64,
        total: Option<f64>,
        message: Option<String>,
    ) -> BoxFuture<'_, ()> {
        Box::pin(async move {
            let Some(token) = self.token.clone().filter(|_| !self.ended.is_cancelled()) else {
                return;
            };
            let mut param = ProgressNotificationParam::new(token, done);
            param.total = total;
            param.message = message;
            if let Err(error) = self.peer.notify_progress(param).await {
                tracing::debug!(%error, "progress was not sent");
            }
        })
    }
}

struct LegacyAsker {
    peer: Peer<RoleServer>,
    cancelled: CancellationToken,
    ending: CancellationToken,
}

impl Asker for LegacyAsker {
    fn ask(&self, question: String) -> BoxFuture<'_, Result<bool, ToolError>> {
        Box::pin(async move {
            let request = ServerRequest::ElicitRequest(ElicitRequest::new(form(question)));
            let options = PeerRequestOptions::no_options();
            let sent = self.peer.send_cancellable_request(request, options).await;
            let Ok(mut asked) = sent else { return Err(cannot_ask()) };
            let withdrawn = tokio::select! {
                answer = &mut asked.rx => return match answer {
                    Ok(Ok(ClientResult::ElicitResult(answer))) => {
                        Ok(answer.action == ElicitationAction::Accept)
                    }
                    _ => Err(cannot_ask()),
                },
                () = self.cancelled.cancelled() => ToolError::cancelled(),
                () = self.ending.cancelled() => ToolError::ending(),
                () = tokio::time::sleep(EXPIRES) => {
                    ToolError::new("confirmation_expired", "nobody confirmed this call in time")
                }
            };
            // The host should not leave a question open whose answer means nothing any more.
            if asked.cancel(Some(withdrawn.message().to_owned())).await.is_err() {
                tracing::debug!("the question could not be withdrawn");
            }
            Err(withdrawn)
        })
    }
}

fn cannot_ask() -> ToolError {
    ToolError::new("confirmation_unavailable", "the client could not ask a person")
        .hint("the server's owner can allow it with --destroy allow")
}

//! What core leaves out on purpose: the protocol's logging, sampling, roots, forms with fields, content
//! that no server of ours has. rmcp speaks here; what core does around it (the door, bounds, sessions,
//! eras) is tested all the same.

#![expect(deprecated, reason = "the suite tests what older revisions have")]

use std::pin::Pin;
use std::time::Duration;

use lockkeeper_core::testing::Beside;
use rmcp::model::{
    CallToolRequestParams, CallToolResponse, CallToolResult, ClientCapabilities, ClientResult,
    ContentBlock, CreateMessageRequest, CreateMessageRequestParams, ElicitRequest,
    ElicitRequestParams, ErrorData, GetPromptRequestParams, GetPromptResponse, GetPromptResult,
    InputRequests, InputRequiredResult, InputResponses, LoggingLevel,
    LoggingMessageNotificationParam, Prompt, RequestStateCodec, ServerCapabilities, ServerRequest,
    Tool,
};
use rmcp::service::{Peer, RequestContext, RoleServer};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use crate::PIXEL;

type Called = Pin<Box<dyn Future<Output = Result<CallToolResponse, ErrorData>> + Send>>;

#[derive(Debug)]
pub(crate) struct LeftOut;

impl Beside for LeftOut {
    fn declare(&self, capabilities: &mut ServerCapabilities) {
        capabilities.logging = Some(rmcp::model::JsonObject::default());
    }

    fn passes(&self, method: &str, modern: bool) -> bool {
        method == "logging/setLevel" && !modern
    }

    fn tools(&self) -> Vec<Tool> {
        let nothing = json!({"type": "object"});
        let others = TOOLS.iter().map(|name| (*name, nothing.clone()));
        let listed = others.chain([("json_schema_2020_12_tool", whole_schema())]);
        listed
            .filter_map(|(name, schema)| {
                let Value::Object(schema) = schema else { return None };
                Some(Tool::new(name, "For the conformance suite", schema))
            })
            .collect()
    }

    fn prompts(&self) -> Vec<Prompt> {
        PROMPTS.iter().map(|name| Prompt::new(*name, Some("For the suite"), None)).collect()
    }

    fn call_tool(
        &self,
        request: &CallToolRequestParams,
        context: &RequestContext<RoleServer>,
    ) -> Option<Called> {
        let known = self.tools().iter().any(|tool| tool.name == request.name);
        known.then(|| Box::pin(call(request.clone(), context.clone())) as Called)
    }

    fn get_prompt(
        &self,
        request: &GetPromptRequestParams,
    ) -> Option<Result<GetPromptResponse, ErrorData>> {
        PROMPTS.contains(&request.name.as_str()).then(|| filled(request))
    }
}

const TOOLS: &[&str] = &[
    "test_elicitation_sep1034_defaults",
    "test_elicitation_sep1330_enums",
    "test_embedded_resource",
    "test_input_required_result_capabilities",
    "test_input_required_result_elicitation",
    "test_input_required_result_list_roots",
    "test_input_required_result_multi_round",
    "test_input_required_result_multiple_inputs",
    "test_input_required_result_sampling",
    "test_logging_tool",
    "test_missing_capability",
    "test_multiple_content_types",
    "test_sampling",
    "test_tool_with_logging",
];

const PROMPTS: &[&str] = &[
    "test_input_required_result_prompt",
    "test_prompt_with_embedded_resource",
    "test_prompt_with_image",
];

async fn call(
    request: CallToolRequestParams,
    context: RequestContext<RoleServer>,
) -> Result<CallToolResponse, ErrorData> {
    let peer = &context.peer;
    let can = context.meta.client_capabilities().unwrap_or_default();
    let responses = request.input_responses.as_ref();
    let given = |name: &str| {
        let arguments = request.arguments.as_ref();
        arguments.and_then(|arguments| arguments.get(name)?.as_str()).unwrap_or_default().to_owned()
    };
    match &*request.name {
        "test_embedded_resource" => content(json!([embedded("test://embedded-resource")])),
        "test_multiple_content_types" => content(json!([
            {"type": "text", "text": "several"},
            {"type": "image", "data": PIXEL, "mimeType": "image/png"},
            embedded("test://mixed-content-resource"),
        ])),
        "test_tool_with_logging" => {
            for said in ["started", "goes on", "has ended"] {
                log(peer, LoggingLevel::Info, said).await?;
            }
            // Notices and answers go different ways.
            tokio::time::sleep(Duration::from_millis(50)).await;
            text("logged")
        }
        "test_logging_tool" => {
            if let Some(level) = context.meta.log_level() {
                log(peer, level, "asked for").await?;
            }
            text("logged what was asked for")
        }
        "test_missing_capability" if can.sampling.is_none() => {
            let needed = ClientCapabilities::builder().enable_sampling().build();
            Err(ErrorData::missing_required_client_capability(needed))
        }
        "test_sampling" => {
            let params: CreateMessageRequestParams = typed(message(&given("prompt")))?;
            let request = CreateMessageRequest::new(params);
            answered(peer, ServerRequest::CreateMessageRequest(request)).await
        }
        "test_elicitation_sep1034_defaults" => ask(peer, defaults()).await,
        "test_elicitation_sep1330_enums" => ask(peer, choices()).await,
        "test_input_required_result_elicitation" => {
            needs(responses, json!({"user_name": form("name")}), None)
        }
        "test_input_required_result_sampling" => {
            needs(responses, json!({"capital_question": sampling("The capital of France?")}), None)
        }
        "test_input_required_result_list_roots" => {
            needs(responses, json!({"client_roots": roots()}), None)
        }
        "test_input_required_result_multiple_inputs" => {
            let all = json!({
                "user_name": form("name"),
                "greeting": sampling("A greeting"),
                "client_roots": roots(),
            });
            opened(request.request_state.as_deref())?;
            needs(responses, all, Some(sealed(1)?))
        }
        "test_input_required_result_multi_round" => match opened(request.request_state.as_deref())?
        {
            0 => needs(None, json!({"step1": form("name")}), Some(sealed(1)?)),
            1 => needs(None, json!({"step2": form("color")}), Some(sealed(2)?)),
            _ => text("all rounds are done"),
        },
        "test_input_required_result_capabilities" => {
            let mut requests = serde_json::Map::new();
            if can.elicitation.is_some() {
                requests.insert("user_name".to_owned(), form("name"));
            }
            if can.sampling.is_some() {
                requests.insert("greeting".to_owned(), sampling("A greeting"));
            }
            needs(responses, requests.into(), None)
        }
        _ => text("done"),
    }
}

fn filled(request: &GetPromptRequestParams) -> Result<GetPromptResponse, ErrorData> {
    let first = match request.name.as_str() {
        "test_prompt_with_image" => {
            json!({"type": "image", "data": PIXEL, "mimeType": "image/png"})
        }
        "test_prompt_with_embedded_resource" => embedded("test://example-resource"),
        _ if is_answered(request.input_responses.as_ref(), "user_context") => {
            json!({"type": "text", "text": "with context"})
        }
        _ => return Ok(required(json!({"user_context": form("context")}), None)?.into()),
    };
    let second = json!({"type": "text", "text": "Look at that."});
    let messages = [first, second].map(|content| json!({"role": "user", "content": content}));
    Ok(GetPromptResult::new(typed(json!(messages))?).into())
}

fn typed<T: DeserializeOwned>(value: Value) -> Result<T, ErrorData> {
    serde_json::from_value(value)
        .map_err(|error| ErrorData::internal_error(error.to_string(), None))
}

fn content(blocks: Value) -> Result<CallToolResponse, ErrorData> {
    let blocks: Vec<ContentBlock> = typed(blocks)?;
    Ok(CallToolResult::success(blocks).into())
}

fn text(said: &str) -> Result<CallToolResponse, ErrorData> {
    content(json!([{"type": "text", "text": said}]))
}

fn embedded(uri: &str) -> Value {
    let resource = json!({"uri": uri, "mimeType": "text/plain", "text": "embedded"});
    json!({"type": "resource", "resource": resource})
}

async fn log(peer: &Peer<RoleServer>, level: LoggingLevel, said: &str) -> Result<(), ErrorData> {
    let param = LoggingMessageNotificationParam::new(level, json!(said));
    let sent = peer.notify_logging_message(param).await;
    sent.map_err(|error| ErrorData::internal_error(error.to_string(), None))
}

/// Asks the client in the middle of a call, as revisions before 2026-07-28 do.
async fn answered(
    peer: &Peer<RoleServer>,
    request: ServerRequest,
) -> Result<CallToolResponse, ErrorData> {
    let answer: Result<ClientResult, _> = peer.send_request(request).await;
    let answer = answer.map_err(|error| ErrorData::internal_error(error.to_string(), None))?;
    text(&json!(answer).to_string())
}

async fn ask(peer: &Peer<RoleServer>, properties: Value) -> Result<CallToolResponse, ErrorData> {
    let schema = json!({"type": "object", "properties": properties});
    let params = ElicitRequestParams::FormElicitationParams {
        meta: None,
        message: "Please fill in".to_owned(),
        requested_schema: typed(schema)?,
    };
    answered(peer, ServerRequest::ElicitRequest(ElicitRequest::new(params))).await
}

fn defaults() -> Value {
    json!({
        "name": {"type": "string", "default": "John Doe"},
        "age": {"type": "integer", "default": 30},
        "score": {"type": "number", "default": 95.5},
        "status": {
            "type": "string",
            "enum": ["active", "inactive", "pending"],
            "default": "active",
        },
        "verified": {"type": "boolean", "default": true},
    })
}

fn choices() -> Value {
    let plain = json!(["option1", "option2", "option3"]);
    let titled: Vec<Value> = (1..=3)
        .map(|n| json!({"const": format!("value{n}"), "title": format!("Option {n}")}))
        .collect();
    json!({
        "untitledSingle": {"type": "string", "enum": plain},
        "titledSingle": {"type": "string", "oneOf": titled},
        "legacyEnum": {
            "type": "string",
            "enum": ["opt1", "opt2", "opt3"],
            "enumNames": ["Option One", "Option Two", "Option Three"],
        },
        "untitledMulti": {"type": "array", "items": {"type": "string", "enum": plain}},
        "titledMulti": {"type": "array", "items": {"anyOf": titled}},
    })
}

/// A question of 2026-07-28, with one field.
fn form(field: &str) -> Value {
    let schema = json!({
        "type": "object",
        "properties": {field: {"type": "string"}},
        "required": [field],
    });
    let params =
        json!({"mode": "form", "message": format!("Your {field}?"), "requestedSchema": schema});
    json!({"method": "elicitation/create", "params": params})
}

fn sampling(prompt: &str) -> Value {
    json!({"method": "sampling/createMessage", "params": message(prompt)})
}

fn message(prompt: &str) -> Value {
    let content = json!({"type": "text", "text": prompt});
    json!({"messages": [{"role": "user", "content": content}], "maxTokens": 100})
}

fn roots() -> Value {
    json!({"method": "roots/list", "params": {}})
}

/// An answer to be looked at is an object.
fn is_answered(responses: Option<&InputResponses>, key: &str) -> bool {
    responses.and_then(|responses| responses.get(key)).is_some_and(Value::is_object)
}

/// Asks for all of `requests` until all are answered.
fn needs(
    responses: Option<&InputResponses>,
    requests: Value,
    state: Option<String>,
) -> Result<CallToolResponse, ErrorData> {
    let mut keys = requests.as_object().into_iter().flat_map(serde_json::Map::keys);
    if keys.all(|key| is_answered(responses, key)) {
        return text("all is answered");
    }
    Ok(required(requests, state)?.into())
}

fn required(requests: Value, state: Option<String>) -> Result<InputRequiredResult, ErrorData> {
    let requests: InputRequests = typed(requests)?;
    Ok(InputRequiredResult::new(Some(requests), state))
}

fn codec() -> RequestStateCodec {
    RequestStateCodec::new_unchecked(b"known to everybody who reads this")
}

fn sealed(round: u8) -> Result<String, ErrorData> {
    let sealed = codec().seal_json(&round);
    sealed.map_err(|error| ErrorData::internal_error(error.to_string(), None))
}

/// The round that a state stands for; none is the first.
fn opened(state: Option<&str>) -> Result<u8, ErrorData> {
    let Some(state) = state else { return Ok(0) };
    let round = codec().open_json(state);
    round.map_err(|_| ErrorData::invalid_params("the state is not ours", None))
}

/// Every keyword that the suite looks for.
fn whole_schema() -> Value {
    json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "type": "object",
        "$defs": {
            "address": {
                "$anchor": "addressDef",
                "type": "object",
                "properties": {"street": {"type": "string"}, "city": {"type": "string"}},
            },
        },
        "properties": {
            "name": {"type": "string"},
            "address": {"$ref": "#/$defs/address"},
            "contactMethod": {"type": "string", "enum": ["phone", "email"]},
            "phone": {"type": "string"},
            "email": {"type": "string"},
        },
        "allOf": [{"anyOf": [{"required": ["phone"]}, {"required": ["email"]}]}],
        "if": {"properties": {"contactMethod": {"const": "phone"}}, "required": ["contactMethod"]},
        "then": {"required": ["phone"]},
        "else": {"required": ["email"]},
        "additionalProperties": false,
    })
}

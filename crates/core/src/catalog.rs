//! The tools of a server as they are listed: built once at the start from the registrations and
//! the policy, so that a list never depends on the client or on earlier calls.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::{Value, json};

use crate::answer::Results;
use crate::effect::Effect;
use crate::error::ToolError;
use crate::policy::Policy;
use crate::schema::{self, Object};
use crate::tool::{Entry, Kind, Prepared, Registered};

/// A server's visible tools.
pub(crate) struct Catalog<S: 'static> {
    tools: BTreeMap<String, Listed<S>>,
    /// Those that the policy hides, with the weakest effect of each: for the audit log alone.
    hidden: BTreeMap<String, (&'static str, Effect)>,
}

/// One visible tool.
pub(crate) struct Listed<S: 'static> {
    /// The registered name, without a prefix.
    pub(crate) name: &'static str,
    pub(crate) definition: Definition,
    dispatch: Dispatch<S>,
}

enum Dispatch<S: 'static> {
    One(&'static Entry<S>, Object),
    Methods(Vec<(&'static str, &'static Entry<S>, Object)>),
}

/// What `tools/list` says of a tool.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Definition {
    pub(crate) name: String,
    pub(crate) description: String,
    pub(crate) input_schema: Object,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) output_schema: Option<Object>,
    pub(crate) annotations: Annotations,
}

/// MCP's hints, derived from the effect and from nothing else.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Annotations {
    pub(crate) read_only_hint: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) destructive_hint: Option<bool>,
    pub(crate) open_world_hint: bool,
}

impl Annotations {
    fn new(effect: Effect, open_world: bool) -> Self {
        Self {
            read_only_hint: effect == Effect::Read,
            // The protocol's default is `true`, and it means nothing for what only reads.
            destructive_hint: effect.mutates().then_some(effect > Effect::Add),
            open_world_hint: open_world,
        }
    }
}

/// How tools are listed.
pub(crate) struct Listing<'a> {
    pub(crate) policy: &'a Policy,
    pub(crate) results: Results,
    pub(crate) prefix: &'a str,
    pub(crate) open_world: bool,
}

impl<S> Catalog<S> {
    pub(crate) fn new(registered: &'static [Registered<S>], listing: &Listing<'_>) -> Self {
        let tools = registered
            .iter()
            .filter(|tool| listing.policy.lists(tool.name, tool.effects().0))
            .map(|tool| list(tool, listing))
            .map(|listed| (listed.definition.name.clone(), listed))
            .collect();
        let hidden = registered
            .iter()
            .filter(|tool| !listing.policy.lists(tool.name, tool.effects().0))
            .map(|tool| (format!("{}{}", listing.prefix, tool.name), (tool.name, tool.effects().0)))
            .collect();
        Self { tools, hidden }
    }

    /// The tool that clients know by this name, if it is visible.
    pub(crate) fn get(&self, name: &str) -> Option<&Listed<S>> {
        self.tools.get(name)
    }

    /// The tool that this would be if the policy didn't hide it, and its effect.
    pub(crate) fn hidden(&self, name: &str) -> Option<(&'static str, Effect)> {
        self.hidden.get(name).copied()
    }

    /// All visible tools, by name.
    pub(crate) fn definitions(&self) -> impl Iterator<Item = &Definition> {
        self.tools.values().map(|listed| &listed.definition)
    }
}

impl<S> Listed<S> {
    /// The arguments it has.
    pub(crate) fn arguments(&self) -> Option<&Object> {
        self.definition.input_schema.get("properties").and_then(Value::as_object)
    }

    /// The arguments whose values the audit log may show.
    pub(crate) fn plain(&self, given: &Object) -> &'static [&'static str] {
        match &self.dispatch {
            Dispatch::One(entry, _) => entry.plain,
            Dispatch::Methods(methods) => {
                let chosen = given.get("method").and_then(Value::as_str);
                let chosen = methods.iter().find(|(name, ..)| Some(*name) == chosen);
                chosen.map_or(&[], |(_, entry, _)| entry.plain)
            }
        }
    }

    /// Decodes and plans a call.
    pub(crate) fn prepare(
        &self,
        mut given: Object,
        text: Option<&str>,
    ) -> Result<Prepared<S>, ToolError> {
        match &self.dispatch {
            Dispatch::One(entry, schema) => (entry.prepare)((given, text), schema),
            Dispatch::Methods(methods) => {
                let chosen = given.remove("method");
                let chosen = chosen.as_ref().and_then(Value::as_str);
                let method = methods.iter().find(|(name, ..)| Some(*name) == chosen);
                let Some((_, entry, schema)) = method else {
                    let names: Vec<&str> = methods.iter().map(|(name, ..)| *name).collect();
                    return Err(ToolError::invalid_arguments("`method` is missing or unknown")
                        .hint(format!("the methods are {}", names.join(", "))));
                };
                (entry.prepare)((given, text), schema)
            }
        }
    }
}

fn list<S>(tool: &'static Registered<S>, listing: &Listing<'_>) -> Listed<S> {
    let visible = |effect| listing.policy.lists(tool.name, effect);
    let (description, input_schema, output, dispatch, strongest) = match &tool.kind {
        Kind::One(entry) => {
            let (description, schema) = (entry.input)();
            let output = output_schema(entry, listing.results);
            (description, schema.clone(), output, Dispatch::One(entry, schema), entry.most)
        }
        Kind::Methods { description, methods } => {
            let methods: Vec<_> = methods
                .iter()
                .filter(|method| visible(method.entry.effect))
                .map(|method| (method.name, &method.entry, (method.entry.input)().1))
                .collect();
            let schemas: Vec<_> =
                methods.iter().map(|(name, _, schema)| (*name, schema.clone())).collect();
            let strongest = methods.iter().map(|(_, entry, _)| entry.most).max();
            // The methods' results differ, so a schema would be a union, which hosts don't read.
            let output = (listing.results == Results::Structured).then(any_object);
            let schema = schema::of_methods(&schemas);
            let strongest = strongest.unwrap_or(Effect::Read);
            (schema::reflow(description), schema, output, Dispatch::Methods(methods), strongest)
        }
    };
    let definition = Definition {
        name: format!("{}{}", listing.prefix, tool.name),
        description,
        input_schema,
        output_schema: output,
        annotations: Annotations::new(strongest, listing.open_world),
    };
    Listed { name: tool.name, definition, dispatch }
}

fn output_schema<S>(entry: &Entry<S>, results: Results) -> Option<Object> {
    (!entry.bulk || results == Results::Structured).then(|| {
        let (_, schema) = (entry.output)();
        schema
    })
}

fn any_object() -> Object {
    let Value::Object(schema) = json!({"type": "object"}) else { return Object::new() };
    schema
}

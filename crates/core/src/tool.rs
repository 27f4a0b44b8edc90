//! What a tool is: arguments, an effect, an output and one function. Registration erases the types
//! so that a server's tools fit into one static slice.

use std::sync::Arc;

use futures_util::future::BoxFuture;
use schemars::JsonSchema;
use serde::de::DeserializeOwned;

use crate::answer::{Answer, Output};
use crate::context::{Call, Cx};
use crate::decode;
use crate::effect::{Effect, EffectKind};
use crate::error::ToolError;
use crate::schema::{self, Object};

/// One thing that an agent can ask of the source `S`.
///
/// The doc comment of `Args` is the tool's description. A tool translates its arguments to one or
/// two operations of the source; it decides nothing, logs nothing and sets no timeout. Its body may
/// run twice (a confirmation under protocol 2026-07-28 is a second call), never halfway.
pub trait Tool<S: Send + Sync + 'static>: 'static {
    /// What a call does at the least, and what its grant allows. A call whose arguments need more
    /// says so in [`Tool::plan`].
    type Effect: EffectKind;
    /// The most that a call does: what hosts are told of the tool.
    const MOST: Effect = Self::Effect::EFFECT;
    /// The arguments; `#[serde(deny_unknown_fields)]`, a plain struct.
    type Args: DeserializeOwned + JsonSchema + Send + 'static;
    /// The result.
    type Output: Output;

    /// Arguments whose values the audit log may show; of the others it shows keyed hashes. Never
    /// one that can hold a secret or another's text.
    const PLAIN: &'static [&'static str] = &[];

    /// What these arguments need, decided before policy, audit and confirmation.
    fn plan(_args: &Self::Args) -> Need {
        Need::new(Self::Effect::EFFECT)
    }

    /// Does it.
    fn run(
        cx: Cx<'_, S, Self::Effect>,
        args: Self::Args,
    ) -> impl Future<Output = Result<Self::Output, ToolError>> + Send;
}

/// What one call needs: see [`Tool::plan`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Need {
    pub(crate) effect: Effect,
    pub(crate) resources: Vec<String>,
    pub(crate) loses: Option<String>,
}

impl Need {
    /// A call with this effect.
    pub fn new(effect: Effect) -> Self {
        Self { effect, resources: Vec::new(), loses: None }
    }

    /// Names a resource that the call touches, as the audit log shows it.
    #[must_use]
    pub fn resource(mut self, name: impl Into<String>) -> Self {
        self.resources.push(name.into());
        self
    }

    /// The resources that were named.
    pub fn resources(&self) -> &[String] {
        &self.resources
    }

    /// Says what would be lost for good: the question that a person confirms.
    #[must_use]
    pub fn loses(mut self, what: impl Into<String>) -> Self {
        self.loses = Some(what.into());
        self
    }
}

/// A tool in the form in which a server lists it. Made by [`tool`] and [`methods`].
pub struct Registered<S: 'static> {
    pub(crate) name: &'static str,
    pub(crate) kind: Kind<S>,
}

pub(crate) enum Kind<S: 'static> {
    One(Entry<S>),
    Methods { description: &'static str, methods: &'static [Method<S>] },
}

/// One method of a tool with a `method` argument. Made by [`method`].
pub struct Method<S: 'static> {
    pub(crate) name: &'static str,
    pub(crate) entry: Entry<S>,
}

pub(crate) struct Entry<S: 'static> {
    pub(crate) effect: Effect,
    pub(crate) most: Effect,
    pub(crate) bulk: bool,
    pub(crate) plain: &'static [&'static str],
    pub(crate) input: fn() -> (String, Object),
    pub(crate) output: fn() -> (String, Object),
    pub(crate) prepare: fn(Given<'_>, &Object) -> Result<Prepared<S>, ToolError>,
}

/// The arguments of a call, and how they were written where the order of keys means something.
pub(crate) type Given<'a> = (Object, Option<&'a str>);

type Run<S> = Box<dyn FnOnce(Arc<Call<S>>) -> BoxFuture<'static, Result<Answer, ToolError>> + Send>;

/// A call whose arguments are decoded and planned.
pub(crate) struct Prepared<S: 'static> {
    pub(crate) need: Need,
    pub(crate) run: Run<S>,
}

/// Registers the tool `T` under `name`, which is also the name of its file.
pub const fn tool<S: Send + Sync + 'static, T: Tool<S>>(name: &'static str) -> Registered<S> {
    Registered { name, kind: Kind::One(entry::<S, T>()) }
}

/// Registers a tool whose `method` argument chooses one of `methods`.
pub const fn methods<S: Send + Sync + 'static>(
    name: &'static str,
    description: &'static str,
    methods: &'static [Method<S>],
) -> Registered<S> {
    Registered { name, kind: Kind::Methods { description, methods } }
}

/// One method for [`methods`]; `T` declares its own arguments and effect.
pub const fn method<S: Send + Sync + 'static, T: Tool<S>>(name: &'static str) -> Method<S> {
    Method { name, entry: entry::<S, T>() }
}

const fn entry<S: Send + Sync + 'static, T: Tool<S>>() -> Entry<S> {
    Entry {
        effect: T::Effect::EFFECT,
        most: T::MOST,
        bulk: T::Output::BULK,
        plain: T::PLAIN,
        input: schema::of::<T::Args>,
        output: schema::of_output::<T::Output>,
        prepare: prepare::<S, T>,
    }
}

fn prepare<S: Send + Sync + 'static, T: Tool<S>>(
    (given, text): Given<'_>,
    schema: &Object,
) -> Result<Prepared<S>, ToolError> {
    let args: T::Args = decode::arguments(given, text, schema)?;
    let need = T::plan(&args);
    let run: Run<S> = Box::new(|call| {
        Box::pin(async move {
            let output = T::run(Cx::new(&call), args).await?;
            Answer::render(output, call.results, call.outside, call.max_output)
        })
    });
    Ok(Prepared { need, run })
}

impl<S> Registered<S> {
    /// The tool's name.
    pub fn name(&self) -> &'static str {
        self.name
    }

    /// The weakest effect that a call of it has, and the strongest.
    pub(crate) fn effects(&self) -> (Effect, Effect) {
        match &self.kind {
            Kind::One(entry) => (entry.effect, entry.most),
            Kind::Methods { methods, .. } => {
                let least = methods.iter().map(|method| method.entry.effect).min();
                let most = methods.iter().map(|method| method.entry.most).max();
                (least.unwrap_or(Effect::Read), most.unwrap_or(Effect::Read))
            }
        }
    }
}

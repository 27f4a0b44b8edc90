//! Prompts: tasks that a person picks by name in their host, with a few blanks to fill in. What they
//! become is our own text and what the person typed; nothing from outside is in it.

use std::collections::BTreeMap;
use std::sync::Arc;

use futures_util::future::BoxFuture;

use crate::context::{Call, Cx};
use crate::effect::Read;
use crate::error::ToolError;
use crate::resource::Typed;

/// A task under a name, over the source `S`.
pub trait Prompt<S: Send + Sync + 'static>: 'static {
    /// Its name, `snake_case`.
    const NAME: &'static str;
    /// What it is for, in one line.
    const DESCRIPTION: &'static str;
    /// Its blanks.
    const ARGUMENTS: &'static [Argument];
    /// The read tool that the task begins with: without it there is no such prompt.
    const TOOL: &'static str;

    /// What the agent is told. Every required argument is there, and none is unknown.
    fn text(arguments: &BTreeMap<String, String>) -> String;

    /// Values for an argument that begin with what was typed.
    fn complete(
        _cx: Cx<'_, S, Read>,
        _typed: Typed,
    ) -> impl Future<Output = Result<Vec<String>, ToolError>> + Send {
        async { Ok(Vec::new()) }
    }
}

/// A blank of a prompt.
#[derive(Debug, Clone, Copy)]
pub struct Argument {
    /// Its name.
    pub name: &'static str,
    /// What belongs there.
    pub description: &'static str,
    /// Whether the prompt makes no sense without it.
    pub required: bool,
}

type Complete<S> = fn(Arc<Call<S>>, Typed) -> BoxFuture<'static, Result<Vec<String>, ToolError>>;

/// A prompt in the form in which a server lists it. Made by [`prompt`].
pub struct RegisteredPrompt<S: 'static> {
    pub(crate) name: &'static str,
    pub(crate) description: &'static str,
    pub(crate) arguments: &'static [Argument],
    pub(crate) tool: &'static str,
    text: fn(&BTreeMap<String, String>) -> String,
    pub(crate) complete: Complete<S>,
}

/// Registers the prompt `P`.
pub const fn prompt<S: Send + Sync + 'static, P: Prompt<S>>() -> RegisteredPrompt<S> {
    RegisteredPrompt {
        name: P::NAME,
        description: P::DESCRIPTION,
        arguments: P::ARGUMENTS,
        tool: P::TOOL,
        text: P::text,
        complete: |call, typed| Box::pin(async move { P::complete(Cx::new(&call), typed).await }),
    }
}

impl<S> RegisteredPrompt<S> {
    /// What the agent is told.
    ///
    /// # Errors
    ///
    /// Which argument is missing or unknown.
    pub(crate) fn filled(&self, arguments: &BTreeMap<String, String>) -> Result<String, String> {
        let known = |name: &str| self.arguments.iter().any(|argument| argument.name == name);
        if let Some(name) = arguments.keys().find(|name| !known(name)) {
            return Err(format!("the prompt has no argument {}", crate::text::quoted(name)));
        }
        let is_given = |name: &str| arguments.get(name).is_some_and(|value| !value.is_empty());
        match self.arguments.iter().find(|one| one.required && !is_given(one.name)) {
            Some(missing) => Err(format!("the argument `{}` is missing", missing.name)),
            None => Ok((self.text)(arguments)),
        }
    }
}

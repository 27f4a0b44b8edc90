//! Prompts, as the protocol lists and fills them.

use std::collections::BTreeMap;

use rmcp::model::{
    CacheScope, ErrorData, GetPromptRequestParams, GetPromptResult, ListPromptsResult, Prompt,
    PromptArgument, PromptMessage, Role,
};
use serde_json::Value;

use super::{Handler, LIST_TTL_MS};
use crate::effect::Effect;
use crate::prompt::RegisteredPrompt;

impl<S: Send + Sync + 'static> Handler<S> {
    /// A prompt is there with the tool that it begins with.
    fn visible_prompts(&self) -> impl Iterator<Item = &'static RegisteredPrompt<S>> {
        let policy = &self.pipeline.policy;
        self.pipeline.prompts.iter().filter(|one| policy.lists(one.tool, Effect::Read))
    }

    pub(super) fn prompt(&self, name: &str) -> Result<&'static RegisteredPrompt<S>, ErrorData> {
        let prompt = self.visible_prompts().find(|prompt| prompt.name == name);
        prompt.ok_or_else(|| ErrorData::invalid_params("no such prompt", None))
    }

    pub(super) fn listed_prompts(&self) -> ListPromptsResult {
        let prompts = self.visible_prompts().map(|prompt| {
            let arguments = prompt.arguments.iter().map(|argument| {
                PromptArgument::new(argument.name)
                    .with_description(argument.description)
                    .with_required(argument.required)
            });
            Prompt::new(prompt.name, Some(prompt.description), Some(arguments.collect()))
        });
        ListPromptsResult::with_all_items(prompts.collect())
            .with_ttl_ms(LIST_TTL_MS)
            .with_cache_scope(CacheScope::Private)
    }

    pub(super) fn filled_prompt(
        &self,
        request: &GetPromptRequestParams,
    ) -> Result<GetPromptResult, ErrorData> {
        let prompt = self.prompt(&request.name)?;
        let mut arguments = BTreeMap::new();
        for (name, value) in request.arguments.iter().flatten() {
            let Value::String(text) = value else {
                return Err(ErrorData::invalid_params("arguments of prompts are text", None));
            };
            arguments.insert(name.clone(), text.clone());
        }
        let text = prompt.filled(&arguments);
        let text = text.map_err(|problem| ErrorData::invalid_params(problem, None))?;
        let message = PromptMessage::new_text(Role::User, text);
        Ok(GetPromptResult::new(vec![message]).with_description(prompt.description))
    }
}

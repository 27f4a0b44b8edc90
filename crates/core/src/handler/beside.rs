//! For tests only: what a fixture answers beside core. The official conformance suite asks for things
//! that core leaves out on purpose; a fixture answers those itself, behind the same door and in the same
//! sessions. Nothing here is compiled into a server.

use futures_util::future::BoxFuture;
use rmcp::model::{
    CallToolRequestParams, CallToolResponse, ErrorData, GetPromptRequestParams, GetPromptResponse,
    Prompt, ServerCapabilities, Tool,
};
use rmcp::service::{RequestContext, RoleServer};

/// What a fixture has that core doesn't.
pub trait Beside: std::fmt::Debug + Send + Sync {
    /// Declares it.
    fn declare(&self, capabilities: &mut ServerCapabilities);

    /// Whether it answers this method, which core doesn't know, in this era. All that it is asked for is
    /// `logging/setLevel`, to which nothing is the answer.
    fn passes(&self, method: &str, modern: bool) -> bool;

    /// Its tools, listed after those of the server.
    fn tools(&self) -> Vec<Tool>;

    /// Its prompts, listed after those of the server.
    fn prompts(&self) -> Vec<Prompt>;

    /// Calls one of its tools; none for a tool of the server.
    fn call_tool(
        &self,
        request: &CallToolRequestParams,
        context: &RequestContext<RoleServer>,
    ) -> Option<BoxFuture<'static, Result<CallToolResponse, ErrorData>>>;

    /// Fills one of its prompts; none for a prompt of the server.
    fn get_prompt(
        &self,
        request: &GetPromptRequestParams,
    ) -> Option<Result<GetPromptResponse, ErrorData>>;
}

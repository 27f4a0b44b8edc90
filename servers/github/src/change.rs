//! What most writing methods are: one request into a repository, and a short word of what it did.
//! Methods say where it goes and what with; that it may be made at all is decided before.

use std::marker::PhantomData;

use http::Method;
use lockkeeper_core::{Cx, Effect, Mutating, Need, Output, Tool, ToolError};
use schemars::JsonSchema;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use crate::answer::find;
use crate::source::{RepoRef, Route, Source, Target};

/// What was done: enough to find it again, and no more.
#[derive(Debug, Default, Serialize, JsonSchema)]
pub(crate) struct Done {
    pub(crate) done: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) number: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) id: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) node: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) sha: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) url: Option<String>,
}

impl Output for Done {}

impl Done {
    /// What an answer says was done.
    pub(crate) fn of(done: impl Into<String>, value: &Value) -> Self {
        let text = |path: &str| find(value, path).as_str().map(str::to_owned);
        let sha = ["commit.sha", "object.sha", "sha"].iter().find_map(|path| text(path));
        Self {
            done: done.into(),
            number: find(value, "number").as_u64(),
            id: find(value, "id").as_u64(),
            node: None,
            sha,
            url: text("html_url"),
        }
    }
}

/// One request that changes something.
#[derive(Debug)]
pub(crate) struct Request {
    pub(crate) method: Method,
    pub(crate) route: Route,
    pub(crate) body: Option<Value>,
}

impl Request {
    pub(crate) fn new(method: Method, route: Route) -> Self {
        Self { method, route, body: None }
    }

    pub(crate) fn post(route: Route) -> Self {
        Self::new(Method::POST, route)
    }

    pub(crate) fn put(route: Route) -> Self {
        Self::new(Method::PUT, route)
    }

    pub(crate) fn patch(route: Route) -> Self {
        Self::new(Method::PATCH, route)
    }

    pub(crate) fn delete(route: Route) -> Self {
        Self::new(Method::DELETE, route)
    }

    /// With these fields; those without a value are left out.
    #[must_use]
    pub(crate) fn fields<const N: usize>(mut self, fields: [(&str, Value); N]) -> Self {
        let fields = fields.into_iter().filter(|(_, value)| !value.is_null());
        let fields: Map<String, Value> =
            fields.map(|(name, value)| (name.to_owned(), value)).collect();
        self.body = Some(Value::Object(fields));
        self
    }
}

/// Arguments of a change in a repository.
pub(crate) trait InRepository:
    DeserializeOwned + JsonSchema + Send + Sync + 'static
{
    /// The repository.
    fn repo(&self) -> &str;
}

/// A method that changes one thing in a repository with one request.
pub(crate) trait Change: Send + Sync + 'static {
    /// Its effect.
    type Effect: Mutating;
    /// Its arguments.
    type Args: InRepository;
    /// What it did, in the past tense.
    const DONE: &'static str;

    /// The request.
    fn request(repo: &RepoRef, args: &Self::Args) -> Result<Request, ToolError>;

    /// What would be lost for good.
    fn loses(_args: &Self::Args) -> Option<String> {
        None
    }
}

/// A [`Change`] as a tool's method.
pub(crate) struct Changed<C>(PhantomData<C>);

impl<C: Change> Tool<Source> for Changed<C> {
    type Effect = C::Effect;
    type Args = C::Args;
    type Output = Done;

    fn plan(args: &C::Args) -> Need {
        let need = need::<C::Effect>(args.repo());
        match C::loses(args) {
            Some(what) => need.loses(format!("{what} of {}", args.repo())),
            None => need,
        }
    }

    async fn run(cx: Cx<'_, Source, C::Effect>, args: C::Args) -> Result<Done, ToolError> {
        let repo = cx.source().repo(args.repo()).await?;
        let request = C::request(&repo, &args)?;
        make(&cx, &repo, request, C::DONE).await
    }
}

/// What a change in a repository needs.
pub(crate) fn need<E: Mutating>(repo: &str) -> Need {
    let effect: Effect = E::EFFECT;
    Need::new(effect).resource(repo)
}

/// Makes a request, and says what it did.
pub(crate) async fn make<E: Mutating>(
    cx: &Cx<'_, Source, E>,
    repo: &RepoRef,
    Request { method, route, body }: Request,
    done: &str,
) -> Result<Done, ToolError> {
    let target = Target::Repo(repo);
    let reply = cx.source().change(cx.grant(), target, (method, &route), body).await?;
    Ok(Done::of(format!("{done} in {}", repo.full_name()), &reply.value))
}

//! What most methods are: one request, shown by a shape. A method says where it goes and what is
//! shown of the answer; pages, room and cursors are made here, once for all.

mod args;
mod connected;

use std::marker::PhantomData;

use lockkeeper_core::{Cx, Effect, EffectKind, Need, Read, Tool, ToolError};
use serde_json::Value;

pub(crate) use self::args::{Common, InRepo, OfId, OfName, OfNumber, Page, Plain};
pub(crate) use self::connected::{Connection, connected};
use crate::answer::{Answer, Shape, chosen};
use crate::source::{RepoRef, Route, Source, SourceError};

/// How an answer is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Form {
    /// Lines of columns.
    Table,
    /// Texts, each behind a line that says whose it is.
    Blocks,
    /// One thing.
    Record,
}

/// What is shown of an answer.
#[derive(Debug, Clone, Copy)]
pub(crate) struct View {
    pub(crate) title: &'static str,
    pub(crate) shape: Shape,
    pub(crate) form: Form,
    /// The list within the answer; empty if the answer is the list.
    pub(crate) key: &'static str,
    pub(crate) paging: Paging,
    /// Whether an item may be shown, beside what was asked for.
    admit: fn(&Source, &mut Value, Option<&RepoRef>) -> bool,
}

/// How GitHub gives a list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Paging {
    /// In pages with numbers.
    Numbers,
    /// In pages that lead to the next one.
    Cursors,
    /// All at once.
    Whole,
}

impl View {
    pub(crate) const fn table(title: &'static str, shape: Shape) -> Self {
        Self {
            title,
            shape,
            form: Form::Table,
            key: "",
            paging: Paging::Numbers,
            admit: Source::admit,
        }
    }

    pub(crate) const fn blocks(title: &'static str, shape: Shape) -> Self {
        Self { form: Form::Blocks, ..Self::table(title, shape) }
    }

    pub(crate) const fn record(title: &'static str, shape: Shape) -> Self {
        Self { form: Form::Record, paging: Paging::Whole, ..Self::table(title, shape) }
    }

    /// The list is in this field of the answer.
    pub(crate) const fn within(self, key: &'static str) -> Self {
        Self { key, ..self }
    }

    /// GitHub gives all of it at once.
    pub(crate) const fn whole(self) -> Self {
        Self { paging: Paging::Whole, ..self }
    }

    /// GitHub's pages lead to the next one.
    pub(crate) const fn by_cursors(self) -> Self {
        Self { paging: Paging::Cursors, ..self }
    }

    /// Its items are gists.
    pub(crate) const fn of_gists(self) -> Self {
        Self { admit: Source::admit_gist, ..self }
    }
}

/// A method that reads one place in a repository.
pub(crate) trait Fetch: Send + Sync + 'static {
    /// Its arguments.
    type Args: Common;
    /// What is shown.
    const VIEW: View;

    /// Where it goes.
    fn route(repo: &RepoRef, args: &Self::Args) -> Result<Route, SourceError>;
}

/// A [`Fetch`] as a tool's method.
pub(crate) struct Fetched<F>(PhantomData<F>);

impl<F: Fetch> Tool<Source> for Fetched<F> {
    type Effect = Read;
    type Args = F::Args;
    type Output = Answer;

    fn plan(args: &F::Args) -> Need {
        Need::new(Effect::Read).resource(args.repo())
    }

    async fn run(cx: Cx<'_, Source, Read>, args: F::Args) -> Result<Answer, ToolError> {
        let page = args.page();
        page.check(&F::VIEW)?;
        let repo = cx.source().repo(args.repo()).await?;
        let head = of_repo(F::VIEW.title, &repo, &args.subject());
        show(&cx, F::route(&repo, &args)?, &F::VIEW, &page, head).await
    }
}

/// A method that reads one place outside repositories.
pub(crate) trait FetchOutside: Send + Sync + 'static {
    /// Its arguments.
    type Args: Common;
    /// What is shown.
    const VIEW: View;

    /// Where it goes.
    fn route(args: &Self::Args) -> Result<Route, SourceError>;
}

/// A [`FetchOutside`] as a tool's method.
pub(crate) struct FetchedOutside<F>(PhantomData<F>);

impl<F: FetchOutside> Tool<Source> for FetchedOutside<F> {
    type Effect = Read;
    type Args = F::Args;
    type Output = Answer;

    async fn run(cx: Cx<'_, Source, Read>, args: F::Args) -> Result<Answer, ToolError> {
        let page = args.page();
        page.check(&F::VIEW)?;
        let mut head = F::VIEW.title.to_owned();
        if !args.subject().is_empty() {
            head = format!("{head} of {}", args.subject());
        }
        show(&cx, F::route(&args)?, &F::VIEW, &page, head).await
    }
}

/// The beginning of an answer about something in a repository.
pub(crate) fn of_repo(title: &str, repo: &RepoRef, subject: &str) -> String {
    let visibility = if repo.is_private() { "private" } else { "public" };
    format!("{title} of {}{subject}, {visibility}", repo.full_name())
}

/// Reads a route and shows it.
pub(crate) async fn show<E: EffectKind>(
    cx: &Cx<'_, Source, E>,
    route: Route,
    view: &View,
    page: &Page<'_>,
    head: String,
) -> Result<Answer, ToolError> {
    if view.form == Form::Record {
        let mut reply = cx.source().read(&route).await?;
        if !(view.admit)(cx.source(), &mut reply.value, route.repo()) {
            return Err(SourceError::NotFound { asked: head }.into());
        }
        return record(cx, &reply.value, view, page, head);
    }
    let at = Position::resume(cx, page)?;
    let (reply, has_next) = match view.paging {
        Paging::Numbers => {
            let numbered = route.clone().query("per_page", page.n()?).query("page", at.page);
            let reply = cx.source().read(&numbered).await?;
            let has_next = reply.has_next;
            (reply, has_next)
        }
        Paging::Cursors => {
            let route = route.clone().query("per_page", page.n()?);
            cx.source().read_page(&route, at.page).await?
        }
        Paging::Whole => {
            let reply = cx.source().read(&route).await?;
            let has_next = reply.has_next;
            (reply, has_next)
        }
    };
    let total = reply.value.get("total_count").and_then(Value::as_u64);
    let mut items = items(reply.value, view.key)?;
    items.retain_mut(|item| (view.admit)(cx.source(), item, route.repo()));
    let mut answer = list(cx, &items, view, page, (at, has_next))?;
    if has_next && view.paging == Paging::Whole {
        answer = answer.note("GitHub has more: narrow it");
    }
    Ok(answer.total(total).headed(&head))
}

/// Where a list goes on: a page of GitHub's, and an item on it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Position {
    pub(crate) page: u64,
    pub(crate) skip: usize,
    /// What the list is of, where that may change between two pages.
    pub(crate) of: Option<u64>,
}

impl Position {
    pub(crate) fn resume<E: EffectKind>(
        cx: &Cx<'_, Source, E>,
        page: &Page<'_>,
    ) -> Result<Self, ToolError> {
        let at = cx.resume(page.cursor)?.unwrap_or_default();
        let skip = at.get(1).copied().unwrap_or_default();
        let skip = usize::try_from(skip).unwrap_or(usize::MAX);
        let page = at.first().copied().unwrap_or(1).max(1);
        Ok(Self { page, skip, of: at.get(2).copied() })
    }

    fn cursor<E: EffectKind>(self, cx: &Cx<'_, Source, E>) -> String {
        let place: Vec<u64> = [self.page, self.skip as u64].into_iter().chain(self.of).collect();
        cx.next(&place)
    }
}

/// Shows the items of one page from a position on.
pub(crate) fn list<E: EffectKind>(
    cx: &Cx<'_, Source, E>,
    items: &[Value],
    view: &View,
    page: &Page<'_>,
    (at, has_next): (Position, bool),
) -> Result<Answer, ToolError> {
    let fields = chosen(view.shape, page.fields)?;
    let (room, outside) = (cx.max_output(), cx.outside());
    let left = items.get(at.skip..).unwrap_or_default();
    let mut answer = Answer::default();
    // What GitHub gives all at once is cut here.
    let is_paged = view.paging != Paging::Whole;
    let most = if is_paged { left.len() } else { page.n()?.min(left.len()) };
    let left_now = left.get(..most).unwrap_or_default();
    let count = match view.form {
        Form::Blocks => answer.blocks(&fields, left_now, room, outside),
        Form::Table | Form::Record => answer.table(&fields, left_now, room, outside),
    };
    let next = if count < left.len() {
        Some(Position { skip: at.skip + count, ..at }.cursor(cx))
    } else if has_next && is_paged {
        Some(Position { page: at.page + 1, skip: 0, ..at }.cursor(cx))
    } else {
        None
    };
    Ok(answer.next(next))
}

/// Shows one thing.
pub(crate) fn record<E: EffectKind>(
    cx: &Cx<'_, Source, E>,
    value: &Value,
    view: &View,
    page: &Page<'_>,
    head: String,
) -> Result<Answer, ToolError> {
    let fields = chosen(view.shape, page.fields)?;
    let from = cx.resume(page.cursor)?.and_then(|at| at.first().copied()).unwrap_or_default();
    let from = usize::try_from(from).unwrap_or(usize::MAX);
    let mut answer = Answer::new(head);
    let next = answer.record(&fields, value, (from, cx.max_output()), cx.outside());
    Ok(answer.next(next.map(|next| cx.next(&[next as u64]))))
}

/// The list in an answer.
pub(crate) fn items(value: Value, key: &str) -> Result<Vec<Value>, SourceError> {
    let list = match (value, key) {
        (list, "") => list,
        (mut object, key) => object.get_mut(key).map(Value::take).unwrap_or_default(),
    };
    match list {
        Value::Array(items) => Ok(items),
        _ => Err(SourceError::answer("no list where one was expected")),
    }
}

//! Lists that only GraphQL gives, page by page.

use lockkeeper_core::{Cx, EffectKind, ToolError};
use serde_json::Value;

use super::{Page, Position, View, items, list};
use crate::answer::{Answer, find};
use crate::source::{Document, Source, Within};

/// What is asked, and where in the data the list is.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Connection<'a> {
    pub(crate) within: Within<'a>,
    pub(crate) document: &'static Document,
    pub(crate) path: &'static str,
    pub(crate) variables: &'a Value,
}

/// Reads a page of a list and shows what `admit` leaves of it.
pub(crate) async fn connected<E: EffectKind>(
    cx: &Cx<'_, Source, E>,
    connection: Connection<'_>,
    (view, page): (&View, &Page<'_>),
    head: &str,
    admit: impl FnMut(&mut Value) -> bool,
) -> Result<Answer, ToolError> {
    let at = Position::resume(cx, page)?;
    let Connection { within, document, path, variables } = connection;
    let pages = (page.n()?, at.page);
    let found = cx.source().connection(within, (document, path), variables, pages).await;
    let (found, has_next) = found?;
    let total = find(&found, "totalCount").as_u64();
    let mut nodes = items(found, "nodes")?;
    nodes.retain_mut(admit);
    Ok(list(cx, &nodes, view, page, (at, has_next))?.total(total).headed(head))
}

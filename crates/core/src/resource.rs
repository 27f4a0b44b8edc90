//! Resources: data that a host attaches by URI. A server registers URI templates; this module
//! matches URIs against them and stands before every read as the pipeline stands before a tool.

use std::collections::BTreeMap;
use std::sync::Arc;

use futures_util::future::BoxFuture;

use crate::changes::{Changed, Listening, Watch};
use crate::context::{Call, Cx};
use crate::effect::Read;
use crate::error::ToolError;
use crate::outside::{Altered, Outside};

/// A family of resources under one URI template of the source `S`.
pub trait Resource<S: Send + Sync + 'static>: 'static {
    /// RFC 6570 with `{name}` (up to the next `/`) and `{+name}` (the rest), for example
    /// `file:///{+path}`.
    const TEMPLATE: &'static str;
    /// The template's name.
    const NAME: &'static str;
    /// The read tool that gives the same data: who may not call it may not read this.
    const TOOL: &'static str;

    /// Reads the resource that these variables name.
    fn read(
        cx: Cx<'_, S, Read>,
        variables: Variables,
    ) -> impl Future<Output = Result<Contents, ToolError>> + Send;

    /// Whether there is something to [`watch`](Resource::watch).
    const WATCHED: bool = false;

    /// Begins to watch the resource, which need not exist yet: whoever subscribed to it is told of
    /// what `changed` says. Called once, however many listen; ended when the last has gone.
    fn watch(
        _cx: Cx<'_, S, Read>,
        _variables: Variables,
        _changed: Changed,
    ) -> impl Future<Output = Result<Watch, ToolError>> + Send {
        async { Err(ToolError::new("not_watchable", "this resource can't be subscribed to")) }
    }

    /// The resources worth listing; not all that can be read.
    fn list(_cx: Cx<'_, S, Read>) -> impl Future<Output = Result<Vec<Listed>, ToolError>> + Send {
        async { Ok(Vec::new()) }
    }

    /// Values for a variable that begin with what was typed.
    fn complete(
        _cx: Cx<'_, S, Read>,
        _typed: Typed,
    ) -> impl Future<Output = Result<Vec<String>, ToolError>> + Send {
        async { Ok(Vec::new()) }
    }
}

/// The variables of a matched URI, percent-decoded.
pub type Variables = BTreeMap<&'static str, String>;

/// The beginning of a value for a variable of a template.
#[derive(Debug, Clone, Default)]
pub struct Typed {
    /// The variable's name.
    pub variable: String,
    /// What was typed.
    pub text: String,
    /// Values of other variables, as far as the client names them.
    pub others: BTreeMap<String, String>,
}

/// What a resource holds.
#[derive(Debug, Clone)]
pub struct Contents {
    /// MIME type.
    pub mime_type: String,
    /// The data.
    pub body: Body,
}

/// See [`Contents`].
#[derive(Debug, Clone)]
pub enum Body {
    /// Text.
    Text(String),
    /// Bytes, encoded as base64.
    Blob(String),
}

/// What a route gives back that reads without being a tool.
pub(crate) trait Show {
    /// Shows what comes from outside in it.
    fn show(&mut self, outside: Outside) -> Altered;
}

impl Show for Contents {
    fn show(&mut self, outside: Outside) -> Altered {
        match &mut self.body {
            Body::Text(text) => outside.show_in(text),
            Body::Blob(_) => Altered::default(),
        }
    }
}

impl Show for Listed {
    fn show(&mut self, outside: Outside) -> Altered {
        let mut altered = outside.show_in(&mut self.uri);
        altered += outside.show_in(&mut self.name);
        altered
    }
}

impl Show for String {
    fn show(&mut self, outside: Outside) -> Altered {
        outside.show_in(self)
    }
}

impl Show for Listening {
    fn show(&mut self, _outside: Outside) -> Altered {
        Altered::default()
    }
}

impl<T: Show> Show for Vec<T> {
    fn show(&mut self, outside: Outside) -> Altered {
        let mut altered = Altered::default();
        for one in self {
            altered += one.show(outside);
        }
        altered
    }
}

/// An entry of `resources/list`.
#[derive(Debug, Clone)]
pub struct Listed {
    /// The resource's URI.
    pub uri: String,
    /// A short name.
    pub name: String,
}

type Reading<T> = BoxFuture<'static, Result<T, ToolError>>;
type Watching<S> = fn(Arc<Call<S>>, Variables, Changed) -> Reading<Watch>;
type Complete<S> = fn(Arc<Call<S>>, Typed) -> Reading<Vec<String>>;

/// A resource in the form in which a server lists it. Made by [`resource`].
pub struct RegisteredResource<S: 'static> {
    pub(crate) template: &'static str,
    pub(crate) name: &'static str,
    pub(crate) tool: &'static str,
    pub(crate) read: fn(Arc<Call<S>>, Variables) -> Reading<Contents>,
    pub(crate) list: fn(Arc<Call<S>>) -> Reading<Vec<Listed>>,
    pub(crate) complete: Complete<S>,
    pub(crate) watch: Option<Watching<S>>,
}

/// Registers the resource family `R`.
pub const fn resource<S: Send + Sync + 'static, R: Resource<S>>() -> RegisteredResource<S> {
    RegisteredResource {
        template: R::TEMPLATE,
        name: R::NAME,
        tool: R::TOOL,
        read: |call, variables| Box::pin(async move { R::read(Cx::new(&call), variables).await }),
        list: |call| Box::pin(async move { R::list(Cx::new(&call)).await }),
        complete: |call, typed| Box::pin(async move { R::complete(Cx::new(&call), typed).await }),
        watch: if R::WATCHED { Some(watch::<S, R>) } else { None },
    }
}

fn watch<S: Send + Sync + 'static, R: Resource<S>>(
    call: Arc<Call<S>>,
    variables: Variables,
    changed: Changed,
) -> Reading<Watch> {
    Box::pin(async move { R::watch(Cx::new(&call), variables, changed).await })
}

/// The variables of `uri` if it matches `template`.
pub(crate) fn matches(template: &'static str, uri: &str) -> Option<Variables> {
    let mut variables = Variables::new();
    match_from(template, uri, &mut variables).then_some(variables)
}

fn match_from(template: &'static str, uri: &str, variables: &mut Variables) -> bool {
    let Some((literal, rest)) = template.split_once('{') else { return template == uri };
    let Some(uri) = uri.strip_prefix(literal) else { return false };
    let Some((name, rest)) = rest.split_once('}') else { return false };
    let (name, reserved) = match name.strip_prefix('+') {
        Some(name) => (name, true),
        None => (name, false),
    };
    // The shortest value that lets the rest match; with nothing after it, that is all of it.
    let ends = uri.char_indices().map(|(i, _)| i).chain([uri.len()]);
    for end in ends {
        let Some((value, tail)) = uri.split_at_checked(end) else { continue };
        if !reserved && value.contains('/') {
            return false;
        }
        if rest.is_empty() && !tail.is_empty() {
            continue;
        }
        if match_from(rest, tail, variables) {
            let Some(decoded) = percent_decode(value) else { return false };
            variables.insert(name, decoded);
            return true;
        }
    }
    false
}

/// Percent-decoding (RFC 3986 §2.1) to valid UTF-8.
pub fn percent_decode(text: &str) -> Option<String> {
    let mut out = Vec::with_capacity(text.len());
    let mut bytes = text.bytes();
    while let Some(byte) = bytes.next() {
        if byte != b'%' {
            out.push(byte);
            continue;
        }
        let high = char::from(bytes.next()?).to_digit(16)?;
        let low = char::from(bytes.next()?).to_digit(16)?;
        out.push(u8::try_from(high * 16 + low).ok()?);
    }
    String::from_utf8(out).ok()
}

/// Percent-encodes all that a path of a URI can't hold as it is (RFC 3986 §3.3); `/` stays.
pub fn percent_encode_path(path: &str) -> String {
    let mut out = String::with_capacity(path.len());
    for byte in path.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~!$&'()*+,;=:@/".contains(&byte) {
            out.push(char::from(byte));
        } else {
            out.push_str(&format!("%{byte:02X}"));
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn uris_match_templates() {
        let path = |uri| matches("file:///{+path}", uri).map(|mut v| v.remove("path").unwrap());
        assert_eq!(path("file:///a/b%20c.txt").as_deref(), Some("a/b c.txt"));
        assert_eq!(path("file:///").as_deref(), Some(""));
        assert_eq!(path("http:///a"), None);
        assert_eq!(path("file:///%"), None);
        assert_eq!(path("file:///%ff"), None);
        let two = matches("repo://{owner}/{name}/x", "repo://a/b/x").unwrap();
        assert_eq!((two["owner"].as_str(), two["name"].as_str()), ("a", "b"));
        assert!(matches("repo://{owner}/{name}/x", "repo://a/b/c/x").is_none());
        let slash = matches("repo://{ref}/{+path}", "repo://feature%2Fx/a%20b").unwrap();
        assert_eq!((slash["ref"].as_str(), slash["path"].as_str()), ("feature/x", "a b"));
        assert!(matches("repo://{ref}/{+path}", "repo://feature%/a").is_none());
    }

    #[test]
    fn paths_survive_a_round_trip() {
        for path in ["/a b/ü%.txt", "/x?y#z", "/emoji 🦀"] {
            let encoded = percent_encode_path(path);
            assert!(encoded.is_ascii());
            assert_eq!(percent_decode(&encoded).as_deref(), Some(path));
        }
    }
}

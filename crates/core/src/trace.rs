//! The trace of a caller: W3C Trace Context from a request's `_meta` (MCP's SEP-414), read strictly
//! and carried into the audit log, the log and outgoing requests. What is malformed doesn't exist.
//! `baggage` is not read at all: nothing here needs it, and it must not reach an upstream.

use std::fmt;
use std::sync::Arc;

use serde::{Serialize, Serializer};

use crate::state::{hex, random};

/// The flags that are passed on: `sampled` and `random-trace-id`.
const KNOWN_FLAGS: u8 = 0b11;

/// The longest `tracestate` that is passed on, bytes; the least that the specification asks for.
const LONGEST_STATE: usize = 512;

/// The longest `tracestate` that is looked at; the most that is well-formed is less than this.
const LONGEST_READ: usize = 32 * (256 + 1 + 256 + 3);

const MOST_MEMBERS: usize = 32;

/// Where in a distributed trace a call stands. Cloning is cheap.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trace {
    id: TraceId,
    /// The call itself, beneath the caller's span.
    span: [u8; 8],
    flags: u8,
    state: Option<Arc<str>>,
}

/// What all spans of a trace have in common.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct TraceId([u8; 16]);

impl Trace {
    /// The trace that a caller's `traceparent` and `tracestate` speak of. As the specification has
    /// it, a malformed `traceparent` makes both void, a malformed `tracestate` only itself.
    pub(crate) fn read(traceparent: &str, tracestate: Option<&str>) -> Option<Self> {
        let (id, flags) = parent(traceparent)?;
        let mut span = [0; 8];
        span.copy_from_slice(random(8).get(..8)?);
        let state = tracestate.and_then(state).map(Arc::from);
        Some(Self { id, span, flags, state })
    }

    /// The trace's id.
    pub fn id(&self) -> TraceId {
        self.id
    }

    /// The id of this call's span, in hexadecimal. The log names it, so that what an upstream
    /// records leads back to the call.
    pub fn span(&self) -> String {
        hex(&self.span)
    }

    /// A `traceparent` for requests in the course of the call, whose parent is the call.
    pub fn child_header(&self) -> String {
        format!("00-{}-{}-{:02x}", self.id, self.span(), self.flags)
    }

    /// A `tracestate` to go with it, if the caller gave one: visible ASCII, at most 512 bytes.
    pub fn state(&self) -> Option<&str> {
        self.state.as_deref()
    }
}

impl fmt::Display for TraceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex(&self.0))
    }
}

impl fmt::Debug for TraceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl Serialize for TraceId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// `00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01`; later versions may go on after that.
fn parent(text: &str) -> Option<(TraceId, u8)> {
    let (known, rest) = text.split_at_checked(55)?;
    let mut parts = known.split('-');
    let [version] = bytes::<1>(parts.next()?)?;
    let id = bytes::<16>(parts.next()?)?;
    let span = bytes::<8>(parts.next()?)?;
    let [flags] = bytes::<1>(parts.next()?)?;
    let ends = match version {
        0xff => false,
        0 => rest.is_empty(),
        _ => rest.is_empty() || rest.starts_with('-'),
    };
    let valid = ends && parts.next().is_none() && id != [0; 16] && span != [0; 8];
    valid.then_some((TraceId(id), flags & KNOWN_FLAGS))
}

/// Exactly `N` bytes in lower-case hexadecimal.
fn bytes<const N: usize>(text: &str) -> Option<[u8; N]> {
    let digit = |byte: u8| match byte {
        b'0'..=b'9' => Some(byte - b'0'),
        b'a'..=b'f' => Some(byte - b'a' + 10),
        _ => None,
    };
    let (pairs, rest) = text.as_bytes().as_chunks::<2>();
    if pairs.len() != N || !rest.is_empty() {
        return None;
    }
    let mut out = [0; N];
    for (byte, [high, low]) in out.iter_mut().zip(pairs) {
        *byte = digit(*high)? << 4 | digit(*low)?;
    }
    Some(out)
}

/// A well-formed list without its empty members, cut at a member to what is passed on.
fn state(text: &str) -> Option<String> {
    if text.len() > LONGEST_READ {
        return None;
    }
    let members = text.split(',').map(|member| member.trim_matches([' ', '\t']));
    let members: Vec<&str> = members.filter(|member| !member.is_empty()).collect();
    if members.len() > MOST_MEMBERS {
        return None;
    }
    let mut keys = Vec::new();
    for member in &members {
        let (key, value) = member.split_once('=')?;
        if !is_key(key) || !is_value(value) || keys.contains(&key) {
            return None;
        }
        keys.push(key);
    }
    let mut out = String::new();
    for member in members {
        let comma = usize::from(!out.is_empty());
        if out.len() + comma + member.len() > LONGEST_STATE {
            break;
        }
        if comma > 0 {
            out.push(',');
        }
        out.push_str(member);
    }
    (!out.is_empty()).then_some(out)
}

fn is_key(key: &str) -> bool {
    let begins = key.starts_with(|c: char| c.is_ascii_lowercase() || c.is_ascii_digit());
    let allowed = |c: char| {
        c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '_' | '-' | '*' | '/' | '@')
    };
    begins && key.len() <= 256 && key.chars().all(allowed)
}

/// Printable ASCII but `,` and `=`; the spaces around it are gone by now.
fn is_value(value: &str) -> bool {
    let allowed = |byte: u8| matches!(byte, b' '..=b'~') && byte != b',' && byte != b'=';
    (1..=256).contains(&value.len()) && value.bytes().all(allowed)
}

#[cfg(test)]
mod tests {
    use super::*;

    const PARENT: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

    #[test]
    fn a_trace_goes_on_under_the_call() {
        let trace = Trace::read(PARENT, Some(" vendor=1 ,, other@x=a b ")).unwrap();
        assert_eq!(trace.id().to_string(), "0af7651916cd43dd8448eb211c80319c");
        let child = trace.child_header();
        assert_eq!(child, format!("00-{}-{}-01", trace.id(), trace.span()));
        assert!(!child.contains("b7ad6b7169203331"), "its parent is the call: {child}");
        assert_eq!(trace.state(), Some("vendor=1,other@x=a b"));
        let again = Trace::read(&child, None).unwrap();
        assert_eq!(again.id(), trace.id());
        assert_ne!(again.span(), trace.span());
    }

    #[test]
    fn only_known_flags_are_passed_on() {
        let unknown = PARENT.replace("-01", "-fe");
        assert!(Trace::read(&unknown, None).unwrap().child_header().ends_with("-02"));
        let later = PARENT.replacen("00-", "cc-", 1) + "-what-will-be";
        let trace = Trace::read(&later, None).unwrap();
        assert!(trace.child_header().starts_with("00-0af7"), "we speak version 00");
    }

    #[test]
    fn what_is_malformed_is_ignored() {
        let broken = [
            String::new(),
            PARENT.to_uppercase(),
            PARENT.chars().take(54).collect(),
            format!("{PARENT}-00"),
            format!("{PARENT}\r\nAuthorization: x"),
            format!(" {PARENT}"),
            PARENT.replacen("00-", "ff-", 1),
            PARENT.replacen("00-", "0-0", 1),
            PARENT.replace('-', "_"),
            PARENT.replacen("00-", "cc-", 1) + "x",
            PARENT.replace("0af7651916cd43dd8448eb211c80319c", &"0".repeat(32)),
            PARENT.replace("b7ad6b7169203331", &"0".repeat(16)),
            PARENT.replace("0af7", "0afü").replace("319c-", "31-"),
            "é".repeat(55),
        ];
        for text in broken {
            assert_eq!(Trace::read(&text, None), None, "{text:?}");
        }
        for state in [
            "novalue",
            "Upper=1",
            "a=1,a=2",
            "a=b=c",
            "a=\r\nX: y",
            "a=ü",
            "=1",
            "a=",
            &format!("{}=1", "k".repeat(257)),
            &format!("a={}", "v".repeat(257)),
            &(0..33).map(|n| format!("k{n}=1")).collect::<Vec<_>>().join(","),
            &"a".repeat(1_000_000),
            " , ",
        ] {
            let trace = Trace::read(PARENT, Some(state)).unwrap();
            assert_eq!(trace.state(), None, "{state:.80}");
        }
    }

    #[test]
    fn a_long_state_is_cut_at_a_member() {
        let members: Vec<String> = (0..10).map(|n| format!("k{n}={}", "v".repeat(97))).collect();
        let trace = Trace::read(PARENT, Some(&members.join(","))).unwrap();
        assert_eq!(trace.state(), Some(&*members[..5].join(",")));
    }
}

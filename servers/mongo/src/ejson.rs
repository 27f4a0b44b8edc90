//! Documents as text: raw BSON to relaxed or canonical Extended JSON (version 2) straight from its
//! bytes, and arguments back to BSON, so that no type and no digit is lost on either way. What the
//! policy hides is left out or masked while it is written. Knows no MCP and no driver.
//!
//! Two things differ from the specification, both so that nothing is lost. In the relaxed form,
//! integers beyond 2^53, which many readers of JSON would round, are `$numberLong`, and doubles that
//! look like integers of more than 64 bits are `$numberDouble`. And such integers are refused where
//! they are read, instead of rounded.

mod bytes;
mod date;
mod json;
mod read;
mod veil;
mod write;

pub use bytes::Malformed;
pub use json::{Json, Object};
pub use read::{Given, Problem, document, value};
pub use veil::{Seen, Sight, Veil};
pub use write::{Form, Hidden, Writer, text, text_of};

#[cfg(test)]
mod tests;

//! Test kit for connector servers.

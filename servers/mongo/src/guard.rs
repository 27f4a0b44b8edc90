//! What a filter, projection, update or pipeline refers to and does: every level of the parsed tree
//! is walked, stages that are not on the list are refused, and whoever asks learns each namespace
//! that is read or written. Pure; it asks no server and knows no MCP.

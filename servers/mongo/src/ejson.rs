//! Documents as text: raw BSON to relaxed or canonical Extended JSON straight from its bytes, and
//! arguments back to BSON, so that no type and no digit is lost either way. Knows no MCP and no
//! driver.

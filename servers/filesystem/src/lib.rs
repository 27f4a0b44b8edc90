//! MCP connector server for files and directories.

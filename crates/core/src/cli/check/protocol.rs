//! A conversation of the server with itself, as hosts of both protocol eras have it.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader, DuplexStream};
use tokio_util::sync::CancellationToken;

use super::super::Served;
use super::finding;
use crate::server::{Finding, Server, serve};
use crate::stdio;

/// How long a list of tools may take.
const PATIENCE: Duration = Duration::from_secs(10);

/// Room in the pipe between the two.
const PIPE: usize = 1 << 16;

/// Whether both eras list the tools in force.
pub(super) async fn told<S: Server>(served: &Served<S>) -> Finding {
    let definitions: Vec<_> = served.pipeline.catalog.definitions().collect();
    let expected = json!(definitions);
    let conversations = [
        (
            "2025-11-25",
            vec![
                json!({"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": {
                "protocolVersion": "2025-11-25", "capabilities": {},
                "clientInfo": {"name": "check", "version": S::VERSION}}}),
                json!({"jsonrpc": "2.0", "method": "notifications/initialized"}),
                json!({"jsonrpc": "2.0", "id": 2, "method": "tools/list"}),
            ],
        ),
        (
            "2026-07-28",
            vec![json!({"jsonrpc": "2.0", "id": 2, "method": "tools/list",
            "params": {"_meta": {
                "io.modelcontextprotocol/protocolVersion": "2026-07-28",
                "io.modelcontextprotocol/clientInfo": {"name": "check", "version": S::VERSION},
                "io.modelcontextprotocol/clientCapabilities": {}}}})],
        ),
    ];
    for (revision, messages) in conversations {
        let (ours, theirs) = tokio::io::duplex(PIPE);
        let end = CancellationToken::new();
        let streams = stdio::over(ours);
        let pipeline = Arc::clone(&served.pipeline);
        let serving = serve(pipeline, served.identity.clone(), streams, end.clone());
        let asking = tokio::time::timeout(PATIENCE, ask(theirs, messages));
        let told = tokio::select! {
            told = asking => told.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into())),
            () = serving => Err(io::ErrorKind::UnexpectedEof.into()),
        };
        let problem = match told {
            Ok(listed) if listed == expected => continue,
            Ok(_) => "another list of tools".to_owned(),
            Err(error) => error.to_string(),
        };
        return finding("protocol", format!("revision {revision} fails: {problem}"), false);
    }
    let said = format!("2024-11-05 to 2026-07-28, both eras list {} tools", definitions.len());
    finding("protocol", said, true)
}

/// Sends all messages and waits for the answer of the last.
async fn ask(stream: DuplexStream, messages: Vec<Value>) -> io::Result<Value> {
    let (read, mut write) = tokio::io::split(stream);
    let mut lines = BufReader::new(read).lines();
    for message in messages {
        write.write_all(format!("{message}\n").as_bytes()).await?;
        let Some(id) = message.get("id") else { continue };
        while let Some(line) = lines.next_line().await? {
            let mut answer: Value = serde_json::from_str(&line)?;
            if answer.get("id") != Some(id) {
                continue;
            }
            if let Some(tools) = answer.pointer_mut("/result/tools") {
                return Ok(tools.take());
            }
            if answer.get("error").is_some() {
                return Err(io::Error::other(answer.to_string()));
            }
            break;
        }
    }
    Err(io::ErrorKind::UnexpectedEof.into())
}

//! A server that answers as a test says: for errors that a whole one gives only when it is torn down.
//! It speaks as much of the wire protocol as a driver needs to connect
//! (<https://www.mongodb.com/docs/manual/reference/mongodb-wire-protocol/>).

use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::thread;

use bson::{DateTime, Document, doc};

/// What becomes of a command.
pub(crate) enum Answer {
    Reply(Document),
    /// The connection breaks.
    Drop,
    /// Nothing ever comes.
    Silence,
}

/// An error as MongoDB replies it.
pub(crate) fn error(code: i32, name: &str) -> Answer {
    Answer::Reply(
        doc! { "ok": 0.0, "code": code, "codeName": name, "errmsg": format!("scripted {name}") },
    )
}

/// A cursor's reply.
pub(crate) fn cursor(id: i64, batch: &str, documents: Vec<Document>) -> Answer {
    Answer::Reply(doc! { "ok": 1.0, "cursor": { "id": id, "ns": "shop.things", batch: documents } })
}

type Script = dyn Fn(&Document) -> Answer + Send + Sync;

/// Starts one: how to reach it. It lives as long as the process.
pub(crate) fn start(script: impl Fn(&Document) -> Answer + Send + Sync + 'static) -> String {
    let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let port = listener.local_addr().unwrap().port();
    let script: Arc<Script> = Arc::new(script);
    thread::spawn(move || {
        for connection in listener.incoming().flatten() {
            let script = Arc::clone(&script);
            // It ends with its connection, however that ends.
            thread::spawn(move || serve(connection, port, &*script));
        }
    });
    format!("mongodb://127.0.0.1:{port}/shop?directConnection=true")
}

fn serve(mut connection: TcpStream, port: u16, script: &Script) -> Option<()> {
    const OP_QUERY: i32 = 2004;
    loop {
        let mut header = [0; 16];
        connection.read_exact(&mut header).ok()?;
        let field = |n: usize| i32::from_le_bytes(header[n..n + 4].try_into().unwrap());
        let (length, id, code) = (field(0), field(4), field(12));
        let mut body = vec![0; usize::try_from(length).unwrap() - 16];
        connection.read_exact(&mut body).ok()?;
        let command = match code {
            // Flags, the name of a collection, two numbers, then the command.
            OP_QUERY => {
                let end = 4 + body[4..].iter().position(|byte| *byte == 0).unwrap() + 1 + 8;
                Document::from_reader(&body[end..]).unwrap()
            }
            // Flags and the kind of the section.
            _ => Document::from_reader(&body[5..]).unwrap(),
        };
        let name = command.keys().next().cloned().unwrap_or_default();
        let answer = match name.as_str() {
            "hello" | "isMaster" | "ismaster" if command.contains_key("topologyVersion") => {
                Answer::Silence
            }
            "hello" | "isMaster" | "ismaster" => Answer::Reply(doc! {
                "ok": 1.0, "isWritablePrimary": true, "ismaster": true, "helloOk": true,
                "setName": "stub", "setVersion": 1, "me": format!("127.0.0.1:{port}"),
                "hosts": [format!("127.0.0.1:{port}")], "primary": format!("127.0.0.1:{port}"),
                "minWireVersion": 0, "maxWireVersion": 21, "maxBsonObjectSize": 16_777_216,
                "maxMessageSizeBytes": 48_000_000, "maxWriteBatchSize": 100_000,
                "logicalSessionTimeoutMinutes": 30, "localTime": DateTime::now(),
            }),
            "endSessions" | "killCursors" => Answer::Reply(doc! { "ok": 1.0 }),
            _ => script(&command),
        };
        let reply = match answer {
            Answer::Reply(reply) => reply.to_vec().unwrap(),
            Answer::Drop => return None,
            Answer::Silence => continue,
        };
        let mut message = Vec::new();
        if code == OP_QUERY {
            message.extend(1_i32.to_le_bytes());
            message.extend([8, 0, 0, 0]);
            message.extend([0; 12]);
            message.extend(1_i32.to_le_bytes());
        } else {
            message.extend(2013_i32.to_le_bytes());
            message.extend([0; 5]);
        }
        message.extend(reply);
        let total = i32::try_from(message.len() + 12).unwrap();
        let mut all = total.to_le_bytes().to_vec();
        all.extend(1_i32.to_le_bytes());
        all.extend(id.to_le_bytes());
        all.extend(message);
        connection.write_all(&all).ok()?;
    }
}

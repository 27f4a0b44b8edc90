//! A proxy that passes bytes and knows no protocol.

use std::collections::VecDeque;
use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::sleep;

use super::locked;
use crate::serving::Serving;

/// What the TCP proxy does with a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TcpFault {
    /// Nothing goes wrong.
    Pass,
    /// The upstream is reached this much later.
    Latency(Duration),
    /// A reset at once; the upstream isn't reached.
    Reset,
    /// A reset after so many bytes to the client.
    ResetAfter(usize),
    /// After so many bytes to the client, no more, and no end either.
    StallAfter(usize),
    /// So many bytes to the client at once, with a pause after each.
    Drip(usize, Duration),
}

/// A TCP proxy before an upstream, served until it is dropped.
#[derive(Debug)]
pub struct TcpProxy {
    serving: Serving,
    script: Arc<Mutex<Script>>,
}

#[derive(Debug)]
struct Script {
    queue: VecDeque<TcpFault>,
    always: TcpFault,
    connections: u64,
    /// Connections up to this number say nothing any more.
    frozen: u64,
}

impl TcpProxy {
    /// Starts a proxy on a free loopback port.
    pub fn start(upstream: SocketAddr) -> io::Result<Self> {
        let script =
            Script { queue: VecDeque::new(), always: TcpFault::Pass, connections: 0, frozen: 0 };
        let script = Arc::new(Mutex::new(script));
        let serving = Serving::start({
            let script = Arc::clone(&script);
            move |client, _| {
                let (fault, number) = locked(&script).decide();
                let script = Arc::clone(&script);
                async move {
                    let is_frozen = move || number <= locked(&script).frozen;
                    // An error is a side that went, which ends the connection.
                    drop(connection(client, upstream, fault, is_frozen).await);
                }
            }
        })?;
        Ok(Self { serving, script })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.serving.address()
    }

    /// These faults, one each, for the next connections.
    pub fn next(&self, faults: impl IntoIterator<Item = TcpFault>) {
        locked(&self.script).queue.extend(faults);
    }

    /// This fault for all further connections.
    pub fn always(&self, fault: TcpFault) {
        locked(&self.script).always = fault;
    }

    /// Drops all connections and refuses new ones.
    pub fn down(&self) {
        self.serving.listen(false);
    }

    /// Takes connections again.
    pub fn up(&self) {
        self.serving.listen(true);
    }

    /// Nothing comes back on the connections that there are, and they don't end: as if what stands
    /// between had forgotten them. New ones are as before.
    pub fn freeze(&self) {
        let mut script = locked(&self.script);
        script.frozen = script.connections;
    }

    /// How many connections came.
    pub fn connections(&self) -> u64 {
        locked(&self.script).connections
    }
}

impl Script {
    /// What is done with the next connection, and its number.
    fn decide(&mut self) -> (TcpFault, u64) {
        self.connections += 1;
        (self.queue.pop_front().unwrap_or(self.always), self.connections)
    }
}

async fn connection(
    client: TcpStream,
    upstream: SocketAddr,
    fault: TcpFault,
    is_frozen: impl Fn() -> bool,
) -> io::Result<()> {
    match fault {
        TcpFault::Reset => return client.set_zero_linger(),
        TcpFault::Latency(time) => sleep(time).await,
        _ => {}
    }
    let mut upstream = TcpStream::connect(upstream).await?;
    upstream.set_nodelay(true)?;
    let mut client = client;
    let resets = {
        let (mut from_client, mut to_client) = client.split();
        let (mut from_upstream, mut to_upstream) = upstream.split();
        tokio::select! {
            resets = answers(&mut from_upstream, &mut to_client, fault, is_frozen) => resets?,
            // The client's end is passed on; the upstream may still have something to say.
            failed = async {
                tokio::io::copy(&mut from_client, &mut to_upstream).await?;
                to_upstream.shutdown().await?;
                std::future::pending::<io::Result<bool>>().await
            } => failed?,
        }
    };
    if resets { client.set_zero_linger() } else { client.shutdown().await }
}

/// Passes on what the upstream says; true if the connection is to be reset.
async fn answers(
    from: &mut (impl AsyncRead + Unpin),
    to: &mut (impl AsyncWrite + Unpin),
    fault: TcpFault,
    is_frozen: impl Fn() -> bool,
) -> io::Result<bool> {
    let mut left = match fault {
        TcpFault::ResetAfter(bytes) | TcpFault::StallAfter(bytes) => bytes,
        _ => usize::MAX,
    };
    let (most, pause) = match fault {
        TcpFault::Drip(bytes, pause) => (bytes.max(1), pause),
        _ => (16 * 1024, Duration::ZERO),
    };
    let mut buffer = vec![0; most];
    loop {
        if left == 0 {
            if matches!(fault, TcpFault::ResetAfter(_)) {
                return Ok(true);
            }
            return std::future::pending().await;
        }
        let read = from.read(&mut buffer).await?;
        if is_frozen() {
            return std::future::pending().await;
        }
        if read == 0 {
            return Ok(false);
        }
        let now = read.min(left);
        to.write_all(buffer.get(..now).unwrap_or_default()).await?;
        left -= now;
        if !pause.is_zero() {
            sleep(pause).await;
        }
    }
}

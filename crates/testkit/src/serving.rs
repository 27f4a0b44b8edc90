//! A listener on a loopback port, served by a thread of its own, so that tests without a runtime
//! can have one.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::mpsc as blocking;
use std::thread::{self, JoinHandle};

use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::runtime::Builder;
use tokio::sync::mpsc;
use tokio::task::JoinSet;

/// How many connections may wait to be accepted.
const BACKLOG: u32 = 4096;

/// A listener that is served until it is dropped.
#[derive(Debug)]
pub(crate) struct Serving {
    address: SocketAddr,
    orders: Option<mpsc::UnboundedSender<Order>>,
    thread: Option<JoinHandle<()>>,
}

/// To listen or not, and whom to tell that it is so.
#[derive(Debug)]
struct Order {
    listen: bool,
    done: blocking::Sender<()>,
}

impl Serving {
    /// Takes a free port and serves what connects there; connections are numbered from 1.
    pub(crate) fn start<F>(serve: impl Fn(TcpStream, u64) -> F + Send + 'static) -> io::Result<Self>
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let keeper = socket((Ipv4Addr::LOCALHOST, 0).into())?;
        let address = keeper.local_addr()?;
        let runtime = Builder::new_current_thread().enable_all().build()?;
        let (orders, mut received) = mpsc::unbounded_channel();
        let first = {
            let _entered = runtime.enter();
            listen(address)?
        };
        let thread = thread::spawn(move || {
            // It never listens, and keeps the port ours while nobody does.
            let _keeper = keeper;
            runtime.block_on(accept(address, first, &mut received, serve));
        });
        Ok(Self { address, orders: Some(orders), thread: Some(thread) })
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Drops all connections and refuses new ones, or takes them again. It is so on return.
    pub(crate) fn listen(&self, listen: bool) {
        let (done, is_done) = blocking::channel();
        let Some(orders) = &self.orders else { return };
        if orders.send(Order { listen, done }).is_ok() {
            // An error is a thread that has ended: then nobody listens.
            let _ = is_done.recv();
        }
    }
}

impl Drop for Serving {
    fn drop(&mut self) {
        self.orders = None;
        if let Some(thread) = self.thread.take() {
            // A panic in it was printed.
            drop(thread.join());
        }
    }
}

async fn accept<F: Future<Output = ()> + Send + 'static>(
    address: SocketAddr,
    first: TcpListener,
    orders: &mut mpsc::UnboundedReceiver<Order>,
    serve: impl Fn(TcpStream, u64) -> F,
) {
    let mut listener = Some(first);
    let mut connections = JoinSet::new();
    let mut number = 0;
    loop {
        let accepted = async {
            match &listener {
                Some(listener) => listener.accept().await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            order = orders.recv() => {
                let Some(Order { listen: wanted, done }) = order else { return };
                if !wanted {
                    listener = None;
                    connections.shutdown().await;
                } else if listener.is_none() {
                    listener = listen(address).ok();
                }
                // Whoever asked may have gone.
                let _ = done.send(());
            }
            accepted = accepted => if let Ok((stream, _)) = accepted {
                number += 1;
                // Small answers are not held back.
                drop(stream.set_nodelay(true));
                connections.spawn(serve(stream, number));
            },
            Some(_) = connections.join_next() => {}
        }
    }
}

fn listen(address: SocketAddr) -> io::Result<TcpListener> {
    socket(address)?.listen(BACKLOG)
}

fn socket(address: SocketAddr) -> io::Result<TcpSocket> {
    let socket = TcpSocket::new_v4()?;
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    Ok(socket)
}

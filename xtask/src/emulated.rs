//! GitHub as the demo and the benchmark meet it: an emulator that keeps state, behind a listener with
//! the paths of an Enterprise Server, which begin with `/api/v3`, and with a long log of a job.

use std::fs;
use std::io::{self, BufRead as _, BufReader, Read as _, Write as _};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;

use anyhow::{Context as _, Result, ensure};
use lockkeeper_testkit::github::{Emulator, TOKEN};
use serde_json::Value;

use crate::counterparts;
use crate::workspace::Workspace;

/// The listener's prefix of all paths.
const PREFIX: &str = "/api/v3";

/// Where the log of any job lies that is asked for: the emulator has none.
const LOG: &str = "/log";
const LOG_LINES: usize = 10_000;
const LOG_PIECES: usize = 200;

/// After so many requests they come with another token, which stands for the same user: the emulator
/// has a quota for each, as GitHub has, and it isn't what is measured.
const REQUESTS_OF_TOKEN: u64 = 2_000;

/// A running GitHub with repositories of `admin`.
pub(crate) struct Emulated {
    address: SocketAddr,
    emulator: Emulator,
    passed: Arc<AtomicU64>,
}

impl Emulated {
    /// Starts one with these repositories, `true` for private.
    pub(crate) fn start(workspace: &Workspace, repos: &[(&str, bool)]) -> Result<Self> {
        let node = counterparts::peer(workspace, "node")?.program;
        let program = counterparts::peer(workspace, "emulate")?.program;
        let emulator = Emulator::start_at(&node, &program, repos);
        let passed = Arc::default();
        let address = listen((Ipv4Addr::LOCALHOST, 0).into(), emulator.address(), &passed)?;
        Ok(Self { address, emulator, passed })
    }

    /// Listens at another address as well.
    pub(crate) fn listen(&self, address: SocketAddr) -> Result<()> {
        listen(address, self.emulator.address(), &self.passed).map(drop)
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// What `--host` is.
    pub(crate) fn host(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Asks without a server in between; the answer's body.
    pub(crate) fn ask(
        &self,
        token: &str,
        (method, path): (&str, &str),
        body: &Value,
    ) -> Result<String> {
        let mut connection = Connection::open(self.address)?;
        let request = request((self.address, token), (method, path), &body.to_string());
        let answer = connection.exchange(&request)?;
        let status = answer.head.split(' ').nth(1).unwrap_or_default();
        ensure!(status.starts_with('2'), "{method} {path}: status {status}");
        String::from_utf8(answer.body).context("the answer is no text")
    }
}

/// The token in a file that a server reads.
pub(crate) fn token(directory: &Path) -> Result<PathBuf> {
    let path = directory.join("token");
    fs::write(&path, TOKEN)?;
    fs::set_permissions(&path, fs::Permissions::from_mode(0o600))?;
    Ok(path)
}

/// A request as a client sends it.
pub(crate) fn request(
    (to, token): (SocketAddr, &str),
    (method, path): (&str, &str),
    body: &str,
) -> Vec<u8> {
    let length = body.len();
    format!(
        "{method} {PREFIX}{path} HTTP/1.1\r\nhost: {to}\r\nauthorization: Bearer {token}\r\n\
         content-type: application/json\r\ncontent-length: {length}\r\n\r\n{body}"
    )
    .into_bytes()
}

/// A connection that one request after the other goes over.
pub(crate) struct Connection(BufReader<TcpStream>);

impl Connection {
    pub(crate) fn open(to: SocketAddr) -> io::Result<Self> {
        let stream = TcpStream::connect(to)?;
        stream.set_nodelay(true)?;
        Ok(Self(BufReader::with_capacity(64 * 1024, stream)))
    }

    /// Sends a request and reads its answer.
    pub(crate) fn exchange(&mut self, request: &[u8]) -> io::Result<Message> {
        self.0.get_mut().write_all(request)?;
        Message::read(&mut self.0)?.ok_or_else(|| io::ErrorKind::UnexpectedEof.into())
    }

    /// Sends a request and reads its answer, of which only the length is kept.
    pub(crate) fn drain(&mut self, request: &[u8]) -> io::Result<u64> {
        self.0.get_mut().write_all(request)?;
        let head = Head::read(&mut self.0)?.ok_or(io::ErrorKind::UnexpectedEof)?;
        io::copy(&mut (&mut self.0).take(head.length), &mut io::sink())
    }
}

/// The head of a request or an answer, with the empty line behind it.
struct Head {
    text: String,
    length: u64,
    is_chunked: bool,
}

impl Head {
    /// The next one; none if the other side has said its last.
    fn read(from: &mut BufReader<TcpStream>) -> io::Result<Option<Self>> {
        let mut head = Self { text: String::new(), length: 0, is_chunked: false };
        loop {
            let start = head.text.len();
            if from.read_line(&mut head.text)? == 0 {
                let is_over = start == 0;
                return if is_over { Ok(None) } else { Err(io::ErrorKind::UnexpectedEof.into()) };
            }
            let line = head.text.get(start..).unwrap_or_default().to_ascii_lowercase();
            if line == "\r\n" {
                return Ok(Some(head));
            }
            if let Some(value) = line.strip_prefix("content-length:") {
                head.length = value.trim().parse().unwrap_or_default();
            }
            head.is_chunked |= line.starts_with("transfer-encoding:");
        }
    }
}

/// A request or an answer: its head and its body, in chunks if they came so.
pub(crate) struct Message {
    head: String,
    body: Vec<u8>,
}

impl Message {
    /// The next one; none if the other side has said its last.
    fn read(from: &mut BufReader<TcpStream>) -> io::Result<Option<Self>> {
        let Some(Head { text: head, length, mut is_chunked }) = Head::read(from)? else {
            return Ok(None);
        };
        let mut body = Vec::new();
        while is_chunked {
            let start = body.len();
            from.read_until(b'\n', &mut body)?;
            let size = String::from_utf8_lossy(body.get(start..).unwrap_or_default());
            let size = u64::from_str_radix(size.trim(), 16).map_err(io::Error::other)?;
            from.take(size + 2).read_to_end(&mut body)?;
            is_chunked = size > 0;
        }
        from.take(length).read_to_end(&mut body)?;
        Ok(Some(Self { head, body }))
    }

    fn path(&self) -> &str {
        self.head.split(' ').nth(1).unwrap_or_default()
    }

    fn host(&self) -> &str {
        let lines = self.head.lines().skip(1).filter_map(|line| line.split_once(':'));
        let mut hosts = lines.filter(|(name, _)| name.eq_ignore_ascii_case("host"));
        hosts.next().map(|(_, host)| host.trim()).unwrap_or_default()
    }

    fn bytes(&self) -> Vec<u8> {
        [self.head.as_bytes(), &self.body].concat()
    }
}

/// Passes on what comes to an address.
fn listen(address: SocketAddr, to: SocketAddr, passed: &Arc<AtomicU64>) -> Result<SocketAddr> {
    let listener =
        TcpListener::bind(address).with_context(|| format!("cannot listen at {address}"))?;
    let address = listener.local_addr()?;
    let passed = Arc::clone(passed);
    thread::spawn(move || {
        for client in listener.incoming().flatten() {
            let passed = Arc::clone(&passed);
            // A client that went away is its own business.
            thread::spawn(move || drop(serve(client, to, &passed)));
        }
    });
    Ok(address)
}

/// All requests of one connection.
fn serve(client: TcpStream, to: SocketAddr, passed: &AtomicU64) -> io::Result<()> {
    client.set_nodelay(true)?;
    let mut client = BufReader::new(client);
    let mut kept: Option<Connection> = None;
    while let Some(mut request) = Message::read(&mut client)? {
        request.head = request.head.replacen(&format!(" {PREFIX}"), " ", 1);
        if request.path().ends_with("/logs") {
            let place = format!("http://{}{LOG}", request.host());
            let answer =
                format!("HTTP/1.1 302 Found\r\nlocation: {place}\r\ncontent-length: 0\r\n\r\n");
            client.get_mut().write_all(answer.as_bytes())?;
            continue;
        }
        if request.path() == LOG {
            send_log(client.get_mut())?;
            continue;
        }
        let number = passed.fetch_add(1, Ordering::Relaxed) / REQUESTS_OF_TOKEN;
        let (token, other) = (format!("{TOKEN}\r\n"), format!("{TOKEN}-{number}\r\n"));
        request.head = request.head.replacen(&token, &other, 1);
        let bytes = request.bytes();
        // What rested for long may be gone: then nothing was begun.
        let mut rested = kept.take();
        let answer = match rested.as_mut().map(|connection| connection.exchange(&bytes)) {
            Some(Ok(answer)) => answer,
            Some(Err(_)) | None => rested.insert(Connection::open(to)?).exchange(&bytes)?,
        };
        kept = rested;
        client.get_mut().write_all(&answer.bytes())?;
    }
    Ok(())
}

/// About 200 MB of lines as Actions writes them.
fn send_log(client: &mut TcpStream) -> io::Result<()> {
    let line =
        format!("2026-01-01T10:00:00.1234567Z Compiling something {} of many\n", "x".repeat(48));
    let piece = line.repeat(LOG_LINES);
    let length = piece.len() * LOG_PIECES;
    write!(
        client,
        "HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\ncontent-length: {length}\r\n\r\n"
    )?;
    (0..LOG_PIECES).try_for_each(|_| client.write_all(piece.as_bytes()))
}

//! The opener: this binary, started anew before the sandbox closes and told a list of paths. From
//! then on it is only asked for one of them by its number, and answers with an open socket. Whatever
//! else comes ends it, as does the end of its input.

use std::io::{self, IoSlice, IoSliceMut};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd as _, BorrowedFd, OwnedFd};
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitCode, Stdio};

use rustix::cmsg_space;
use rustix::net::{
    AddressFamily, RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, SendAncillaryBuffer,
    SendAncillaryMessage, SendFlags, SocketAddrUnix, SocketFlags, SocketType,
};
use rustix::process::{DumpableBehavior, set_dumpable_behavior};

/// The only argument of an opener.
const FLAG: &str = "--socket-opener";

/// As many sockets can be named.
const MOST: usize = u8::MAX as usize;

/// Bytes of all their paths.
const LONGEST: usize = 32 * 1024;

/// An open socket comes with this answer; any other is the number of an error.
const OPEN: i32 = 0;

/// The other end of an opener. It ends with this value, or with this process.
#[derive(Debug)]
pub(super) struct Opener {
    child: Child,
    /// Dropped before the child is waited for.
    channel: Option<OwnedFd>,
    paths: Vec<PathBuf>,
}

impl Opener {
    /// Starts an opener for these paths.
    #[expect(clippy::disallowed_methods, reason = "this binary, before its sandbox closes")]
    pub(super) fn start(paths: &[PathBuf]) -> io::Result<Self> {
        // Packets arrive whole or not at all.
        let flags = SocketFlags::CLOEXEC;
        let kind = SocketType::SEQPACKET;
        let (channel, theirs) = rustix::net::socketpair(AddressFamily::UNIX, kind, flags, None)?;
        let mut command = Command::new("/proc/self/exe");
        command.arg(FLAG).stdin(Stdio::from(theirs)).stdout(Stdio::null());
        // Ctrl-C is for the server, which may need a connection once more to finish.
        let child = command.process_group(0).spawn()?;
        let mut named = Vec::new();
        for path in paths {
            named.extend(path.as_os_str().as_bytes());
            named.push(0);
        }
        if named.len() > LONGEST || paths.len() > MOST {
            return Err(io::ErrorKind::InvalidInput.into());
        }
        rustix::net::send(&channel, &named, SendFlags::NOSIGNAL)?;
        Ok(Self { child, channel: Some(channel), paths: paths.to_owned() })
    }

    /// Has the socket at this path opened.
    pub(super) fn open(&mut self, path: &Path) -> io::Result<UnixStream> {
        let named = self.paths.iter().position(|named| named == path);
        let number = named.and_then(|at| u8::try_from(at).ok());
        let number = number.ok_or(io::ErrorKind::PermissionDenied)?;
        let channel = self.channel.as_ref().ok_or(io::ErrorKind::NotConnected)?;
        rustix::net::send(channel, &[number], SendFlags::NOSIGNAL)?;
        let mut space = [MaybeUninit::uninit(); cmsg_space!(ScmRights(1))];
        let mut control = RecvAncillaryBuffer::new(&mut space);
        let mut answer = [0; 4];
        let mut into = [IoSliceMut::new(&mut answer)];
        let flags = RecvFlags::CMSG_CLOEXEC;
        let received = rustix::net::recvmsg(channel, &mut into, &mut control, flags)?;
        let mut open = control.drain().filter_map(|message| match message {
            RecvAncillaryMessage::ScmRights(mut sockets) => sockets.next(),
            _ => None,
        });
        match (received.bytes, i32::from_be_bytes(answer), open.next()) {
            (4, OPEN, Some(socket)) => Ok(socket.into()),
            (4, error, None) if error != OPEN => Err(io::Error::from_raw_os_error(error)),
            _ => Err(io::ErrorKind::BrokenPipe.into()),
        }
    }
}

impl Drop for Opener {
    fn drop(&mut self) {
        drop(self.channel.take());
        if let Err(error) = self.child.wait() {
            tracing::debug!(%error, "the opener of sockets is not to be found");
        }
    }
}

/// If this process was started as an opener, is one until its end.
pub(super) fn serve_if_asked() -> Option<ExitCode> {
    let mut arguments = std::env::args_os().skip(1);
    if arguments.next()? != FLAG || arguments.next().is_some() {
        return None;
    }
    let served = serve(rustix::stdio::stdin());
    Some(if served.is_ok() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn serve(channel: BorrowedFd<'_>) -> io::Result<()> {
    set_dumpable_behavior(DumpableBehavior::NotDumpable)?;
    let mut named = vec![0; LONGEST];
    let (length, _) = rustix::net::recv(channel, &mut named, RecvFlags::empty())?;
    let named = named.get(..length).and_then(|named| named.strip_suffix(&[0]));
    let named = named.ok_or(io::ErrorKind::InvalidData)?;
    let paths: Vec<&[u8]> = named.split(|byte| *byte == 0).collect();
    let mut number = [0];
    while let (1, 1) = rustix::net::recv(channel, &mut number, RecvFlags::TRUNC)? {
        let path = paths.get(usize::from(number[0])).ok_or(io::ErrorKind::InvalidData)?;
        match connect(path) {
            Ok(socket) => answer(channel, OPEN, &[socket.as_fd()])?,
            Err(error) => answer(channel, error.raw_os_error().unwrap_or(libc::EIO), &[])?,
        }
    }
    Ok(())
}

/// Without waiting: a listener whose queue is full says so.
fn connect(path: &[u8]) -> io::Result<OwnedFd> {
    let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
    let socket = rustix::net::socket_with(AddressFamily::UNIX, SocketType::STREAM, flags, None)?;
    rustix::net::connect(&socket, &SocketAddrUnix::new(path)?)?;
    Ok(socket)
}

fn answer(channel: BorrowedFd<'_>, number: i32, sockets: &[BorrowedFd<'_>]) -> io::Result<()> {
    let mut space = [MaybeUninit::uninit(); cmsg_space!(ScmRights(1))];
    let mut control = SendAncillaryBuffer::new(&mut space);
    if !sockets.is_empty() {
        control.push(SendAncillaryMessage::ScmRights(sockets));
    }
    let number = number.to_be_bytes();
    let from = [IoSlice::new(&number)];
    rustix::net::sendmsg(channel, &from, &mut control, SendFlags::NOSIGNAL)?;
    Ok(())
}

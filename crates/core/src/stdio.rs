//! Standard input and output as the protocol's channel. Pipes and sockets are driven without
//! blocking (hosts use either); after [`open`] the process's own standard output is its standard
//! error, so that nothing a library prints can reach the client.

use std::io;

use tokio::io::{AsyncRead, AsyncWrite};

pub(crate) type Input = Box<dyn AsyncRead + Send + Unpin>;
pub(crate) type Output = Box<dyn AsyncWrite + Send + Unpin>;

/// The two ends of a stream, in the place of standard input and output.
pub(crate) fn over<S: AsyncRead + AsyncWrite + Send + 'static>(stream: S) -> (Input, Output) {
    let (input, output) = tokio::io::split(stream);
    (Box::new(input), Box::new(output))
}

/// Takes over standard input and output. Call it once, inside a runtime.
#[cfg(unix)]
#[expect(clippy::disallowed_methods, reason = "this module is who owns standard output")]
pub(crate) fn open() -> io::Result<(Input, Output)> {
    use std::os::fd::AsFd as _;

    let (stdin, stdout) = (io::stdin(), io::stdout());
    let input = stdin.as_fd().try_clone_to_owned()?;
    let output = stdout.as_fd().try_clone_to_owned()?;
    let pair = (open_input(input)?, open_output(output)?);
    rustix::stdio::dup2_stdout(io::stderr().as_fd())?;
    Ok(pair)
}

#[cfg(not(unix))]
pub(crate) fn open() -> io::Result<(Input, Output)> {
    Ok((Box::new(tokio::io::stdin()), Box::new(tokio::io::stdout())))
}

/// A FIFO is opened anew, so that non-blocking mode stays ours and doesn't reach those who share
/// the descriptor; a socket's other users are closed ends of the host.
#[cfg(unix)]
fn open_input(input: std::os::fd::OwnedFd) -> io::Result<Input> {
    use std::os::fd::AsRawFd as _;
    use tokio::net::unix::pipe;

    let path = format!("/proc/self/fd/{}", input.as_raw_fd());
    if let Ok(pipe) = pipe::OpenOptions::new().open_receiver(path) {
        return Ok(Box::new(pipe));
    }
    if let Some(socket) = socket(&input) {
        return Ok(Box::new(socket?));
    }
    Ok(Box::new(tokio::fs::File::from_std(input.into())))
}

#[cfg(unix)]
fn open_output(output: std::os::fd::OwnedFd) -> io::Result<Output> {
    use std::os::fd::AsRawFd as _;
    use tokio::net::unix::pipe;

    let path = format!("/proc/self/fd/{}", output.as_raw_fd());
    if let Ok(pipe) = pipe::OpenOptions::new().open_sender(path) {
        return Ok(Box::new(pipe));
    }
    if let Some(socket) = socket(&output) {
        return Ok(Box::new(socket?));
    }
    Ok(Box::new(tokio::fs::File::from_std(output.into())))
}

#[cfg(unix)]
fn socket(descriptor: &std::os::fd::OwnedFd) -> Option<io::Result<tokio::net::UnixStream>> {
    let stat = rustix::fs::fstat(descriptor).ok()?;
    let kind = rustix::fs::FileType::from_raw_mode(stat.st_mode);
    (kind == rustix::fs::FileType::Socket).then(|| {
        let socket = std::os::unix::net::UnixStream::from(descriptor.try_clone()?);
        socket.set_nonblocking(true)?;
        tokio::net::UnixStream::from_std(socket)
    })
}

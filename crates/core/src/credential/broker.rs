//! The broker: a process that is started before the sandbox closes, told one program, and from
//! then on only asked to run it again. The sandboxed process can send it one byte, which names
//! nothing; whatever else comes ends it, as does the end of its input.
//!
//! It is this binary started anew, not a fork: a fork would need unsafe code, and would hold all
//! that its parent has in memory. What to run goes through the pipe and not through the command
//! line, which every user may read.

use std::fs::File;
use std::io::{self, Read, Write};
use std::process::{Child, ChildStdin, ChildStdout, Command, ExitCode, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc;

use super::command::{self, CommandError};
use crate::secret::Secret;
use crate::vault::MOST_VALUE;

/// The only argument of a broker.
const FLAG: &str = "--credential-broker";
const RUN: u8 = b'?';
const GIVEN: u8 = 0;
const REFUSED: u8 = 1;
/// A command line and its arguments.
const MOST_WORDS: usize = 128 * 1024;

/// The other end of a broker. It ends with this value, or with this process.
pub(super) struct Broker {
    child: Child,
    /// Dropped before the child is waited for.
    requests: Option<ChildStdin>,
    replies: ChildStdout,
}

impl Broker {
    /// Starts a broker for one program.
    #[expect(clippy::disallowed_methods, reason = "this binary, before its sandbox closes")]
    pub(super) fn start(words: &[String]) -> io::Result<Self> {
        // On Linux also where the binary was replaced since it started.
        let this = if cfg!(target_os = "linux") {
            "/proc/self/exe".into()
        } else {
            std::env::current_exe()?
        };
        let mut command = Command::new(this);
        command.arg(FLAG).stdin(Stdio::piped()).stdout(Stdio::piped());
        // Ctrl-C is for the server, which may need its credential once more to finish.
        #[cfg(unix)]
        std::os::unix::process::CommandExt::process_group(&mut command, 0);
        let mut child = command.spawn()?;
        let (Some(mut requests), Some(replies)) = (child.stdin.take(), child.stdout.take()) else {
            return Err(io::ErrorKind::BrokenPipe.into());
        };
        if words.iter().any(|word| word.contains('\0')) {
            return Err(io::ErrorKind::InvalidInput.into());
        }
        let ended: Vec<String> = words.iter().map(|word| format!("{word}\0")).collect();
        write_frame(&mut requests, ended.concat().as_bytes())?;
        Ok(Self { child, requests: Some(requests), replies })
    }

    /// Has the program run: what it prints.
    pub(super) fn ask(&mut self) -> Result<Secret<String>, CommandError> {
        let (given, bytes) = self.exchange().map_err(CommandError::NoBroker)?;
        let text = bytes.into_string().ok_or(CommandError::BadOutput)?;
        if given { Ok(text) } else { Err(CommandError::Told(text.expose().clone())) }
    }

    fn exchange(&mut self) -> io::Result<(bool, Secret<Vec<u8>>)> {
        let requests = self.requests.as_mut().ok_or(io::ErrorKind::BrokenPipe)?;
        requests.write_all(&[RUN])?;
        let mut kind = [0];
        self.replies.read_exact(&mut kind)?;
        Ok((kind == [GIVEN], read_frame(&mut self.replies, MOST_VALUE)?))
    }
}

impl Drop for Broker {
    fn drop(&mut self) {
        drop(self.requests.take());
        if let Err(error) = self.child.wait() {
            tracing::debug!(%error, "the broker is not to be found");
        }
    }
}

/// If this process was started as a broker, is one until its end.
#[expect(clippy::disallowed_methods, reason = "standard output is not the protocol's here")]
pub(crate) fn serve_if_asked() -> Option<ExitCode> {
    let mut arguments = std::env::args_os().skip(1);
    if arguments.next()? != FLAG || arguments.next().is_some() {
        return None;
    }
    let served =
        unbuffered(&io::stdin()).and_then(|input| serve(input, unbuffered(&io::stdout())?));
    Some(if served.is_ok() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Secrets pass through: nothing keeps a copy.
#[cfg(unix)]
fn unbuffered(stream: &impl std::os::fd::AsFd) -> io::Result<File> {
    Ok(stream.as_fd().try_clone_to_owned()?.into())
}

#[cfg(windows)]
fn unbuffered(stream: &impl std::os::windows::io::AsHandle) -> io::Result<File> {
    Ok(stream.as_handle().try_clone_to_owned()?.into())
}

fn serve(mut input: File, mut output: File) -> io::Result<()> {
    #[cfg(target_os = "linux")]
    {
        use rustix::process::{DumpableBehavior, set_dumpable_behavior};
        set_dumpable_behavior(DumpableBehavior::NotDumpable)?;
    }
    let words = read_frame(&mut input, MOST_WORDS)?;
    let words = words.into_string().ok_or(io::ErrorKind::InvalidData)?;
    let words = words.expose().strip_suffix('\0').ok_or(io::ErrorKind::InvalidData)?;
    let words: Vec<String> = words.split('\0').map(str::to_owned).collect();
    let (sender, receiver) = mpsc::channel();
    let gone = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let answering = scope.spawn(|| {
            for () in receiver {
                answer(&mut output, command::run_until(&words, &gone))?;
            }
            Ok(())
        });
        let mut request = [0];
        while matches!(input.read(&mut request), Ok(1)) && request == [RUN] {
            if sender.send(()).is_err() {
                break;
            }
        }
        gone.store(true, Ordering::Relaxed);
        drop(sender);
        answering.join().unwrap_or_else(|_| Err(io::ErrorKind::Other.into()))
    })
}

fn answer(output: &mut File, result: Result<Secret<String>, CommandError>) -> io::Result<()> {
    match result {
        Ok(secret) => {
            output.write_all(&[GIVEN])?;
            write_frame(output, secret.expose().as_bytes())
        }
        Err(error) => {
            output.write_all(&[REFUSED])?;
            write_frame(output, error.to_string().as_bytes())
        }
    }
}

fn write_frame(to: &mut impl Write, bytes: &[u8]) -> io::Result<()> {
    let length = u32::try_from(bytes.len()).map_err(|_| io::ErrorKind::InvalidInput)?;
    to.write_all(&length.to_be_bytes())?;
    to.write_all(bytes)
}

fn read_frame(from: &mut impl Read, most: usize) -> io::Result<Secret<Vec<u8>>> {
    let mut length = [0; 4];
    from.read_exact(&mut length)?;
    let length = usize::try_from(u32::from_be_bytes(length)).unwrap_or(usize::MAX);
    if length > most {
        return Err(io::ErrorKind::InvalidData.into());
    }
    let mut bytes = Secret::new(vec![0; length]);
    from.read_exact(bytes.expose_mut())?;
    Ok(bytes)
}

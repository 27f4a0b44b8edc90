//! A connector that has been taken over: its one tool does what an attacker in the process would
//! try. What it may reach is what the command line says, and the sandbox is all that holds it.
#![expect(
    clippy::disallowed_methods,
    clippy::disallowed_types,
    unsafe_code,
    reason = "it breaks every rule on purpose, and asks the kernel for what only unsafe code can"
)]

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read as _};
use std::net::{TcpListener, TcpStream, UdpSocket};
use std::os::linux::net::SocketAddrExt as _;
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::net::{SocketAddr, UnixDatagram, UnixStream};
use std::path::PathBuf;
use std::process::{Command, ExitCode};

use lockkeeper_core::{
    Cx, Environment, Output, Ports, Reach, Read, Registered, Server, StartError, Tool, ToolError,
    tool,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

struct Escape;

#[derive(Clone, clap::Args, Serialize, Deserialize, Default)]
#[serde(deny_unknown_fields, default)]
struct Options {
    /// May be read
    #[arg(long, value_name = "PATH")]
    read: Vec<PathBuf>,
    /// May be written
    #[arg(long, value_name = "PATH")]
    change: Vec<PathBuf>,
    /// May be connected to
    #[arg(long, value_name = "PORT")]
    port: Vec<u16>,
    /// All ports may be connected to
    #[arg(long)]
    any_port: bool,
    /// Starts a thread before the sandbox is closed
    #[arg(long)]
    early_thread: bool,
}

/// Try something.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Args {
    way: Way,
    /// A path, an address or a number.
    target: String,
}

#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum Way {
    ReadFile,
    ListDirectory,
    WriteFile,
    TruncateFile,
    MakeDirectory,
    MoveHere,
    LinkHere,
    ReplaceFile,
    ChangeMode,
    RunProgram,
    ConnectTcp,
    ListenTcp,
    SendUdp,
    ConnectUnix,
    ConnectAbstract,
    SendFromPair,
    ReviveListener,
    Signal,
    RaiseLimit,
    BecomeDumpable,
    StartThread,
    Call,
}

#[derive(Serialize, JsonSchema)]
struct Got {
    got: String,
}

impl Output for Got {}

struct TryWay;

impl Tool<Options> for TryWay {
    type Effect = Read;
    type Args = Args;
    type Output = Got;

    async fn run(cx: Cx<'_, Options, Read>, args: Args) -> Result<Got, ToolError> {
        let result = cx.blocking(move |_, _| attempt(&args.way, &args.target)).await?;
        result.map(|got| Got { got }).map_err(|error| {
            let errno = error.raw_os_error().unwrap_or_default();
            ToolError::new("refused", format!("errno {errno}"))
        })
    }
}

fn attempt(way: &Way, target: &str) -> io::Result<String> {
    let done = || "done".to_owned();
    match way {
        Way::ReadFile => {
            let mut bytes = [0; 8];
            let read = File::open(target)?.read(&mut bytes)?;
            Ok(format!("{read} bytes"))
        }
        Way::ListDirectory => Ok(format!("{} names", fs::read_dir(target)?.count())),
        Way::WriteFile => OpenOptions::new().append(true).create(true).open(target).map(|_| done()),
        Way::TruncateFile => {
            let path = std::ffi::CString::new(target)?;
            raw(libc::SYS_truncate, [path.as_ptr() as usize, 0, 0]).map(|_| done())
        }
        Way::MakeDirectory => fs::create_dir(target).map(|()| done()),
        // `from:to`
        Way::MoveHere => pair(target, |from, to| fs::rename(from, to)),
        Way::LinkHere => pair(target, |from, to| fs::hard_link(from, to)),
        Way::ReplaceFile => {
            let beside = format!("{target}.new");
            fs::write(&beside, "#!/bin/sh\n")?;
            fs::rename(beside, target).map(|()| done())
        }
        Way::ChangeMode => {
            fs::set_permissions(target, fs::Permissions::from_mode(0o666)).map(|()| done())
        }
        Way::RunProgram => {
            let status = Command::new(target).args(["-c", "exit 0"]).status()?;
            Ok(status.to_string())
        }
        Way::ConnectTcp => TcpStream::connect(target).map(|_| done()),
        Way::ListenTcp => TcpListener::bind(target).map(|_| done()),
        Way::SendUdp => UdpSocket::bind("127.0.0.1:0")?.send_to(b"x", target).map(|_| done()),
        Way::ConnectUnix => UnixStream::connect(target).map(|_| done()),
        Way::ConnectAbstract => {
            UnixStream::connect_addr(&SocketAddr::from_abstract_name(target)?).map(|_| done())
        }
        Way::SendFromPair => {
            let (one, _other) = UnixDatagram::pair()?;
            one.send_to(b"x", target).map(|_| done())
        }
        Way::ReviveListener => revive_listener(target),
        Way::Signal => raw(libc::SYS_kill, [number(target)?, 0, 0]).map(|_| done()),
        Way::RaiseLimit => {
            let limit = [1_u64, 1_u64];
            let limit = limit.as_ptr() as usize;
            raw(libc::SYS_setrlimit, [number(target)?, limit, 0]).map(|_| done())
        }
        Way::BecomeDumpable => raw(libc::SYS_prctl, [4, 1, 0]).map(|_| done()),
        Way::StartThread => {
            std::thread::spawn(done).join().map_err(|_| io::Error::other("panicked"))
        }
        // With arguments that no call accepts: only what is denied outright says EPERM.
        Way::Call => raw(call_number(target)?, [usize::MAX, 0, 0]).map(|_| done()),
    }
}

/// A listener that was shut down is an unused socket: the only one that a process without a network
/// can get hold of. Connects with it, by every call that can.
fn revive_listener(target: &str) -> io::Result<String> {
    const MSG_FASTOPEN: usize = 0x2000_0000;
    let is_listener = |descriptor: &usize| {
        let (mut listens, mut length) = (0_u32, 4_u32);
        let [value, size] = [&raw mut listens as usize, &raw mut length as usize];
        let [level, name] = [libc::SOL_SOCKET as usize, libc::SO_ACCEPTCONN as usize];
        raw6(libc::SYS_getsockopt, [*descriptor, level, name, value, size, 0]).is_ok()
            && listens == 1
    };
    let listener = (3..256).find(is_listener).ok_or(io::ErrorKind::NotFound)?;
    raw(libc::SYS_shutdown, [listener, 2, 0])?;
    let port: u16 = target.rsplit(':').next().and_then(|port| port.parse().ok()).unwrap_or(0);
    let address = libc::sockaddr_in {
        sin_family: libc::sa_family_t::try_from(libc::AF_INET).map_err(io::Error::other)?,
        sin_port: port.to_be(),
        sin_addr: libc::in_addr { s_addr: u32::from_ne_bytes([127, 0, 0, 1]) },
        sin_zero: [0; 8],
    };
    let (at, size) = (&raw const address as usize, size_of_val(&address));
    let byte = b"x".as_ptr() as usize;
    let ways = [
        raw(libc::SYS_connect, [listener, at, size]),
        raw6(libc::SYS_sendto, [listener, byte, 1, MSG_FASTOPEN, at, size]),
        raw(libc::SYS_listen, [listener, 1, 0]),
    ];
    let mut refused = Err(io::ErrorKind::NotFound.into());
    for way in ways {
        match way {
            Ok(_) => return Ok("done".to_owned()),
            // It connects, in its own time.
            Err(error) if error.raw_os_error() == Some(libc::EINPROGRESS) => {
                return Ok("done".to_owned());
            }
            // Refused by the sandbox, and not for another reason.
            Err(error) if error.raw_os_error() == Some(libc::EPERM) => refused = Err(error),
            Err(error) => return Err(error),
        }
    }
    refused
}

fn pair(target: &str, act: impl Fn(&str, &str) -> io::Result<()>) -> io::Result<String> {
    let (from, to) = target.split_once(':').ok_or(io::ErrorKind::InvalidInput)?;
    act(from, to).map(|()| "done".to_owned())
}

fn number(target: &str) -> io::Result<usize> {
    target.parse().map_err(|_| io::ErrorKind::InvalidInput.into())
}

fn call_number(name: &str) -> io::Result<libc::c_long> {
    Ok(match name {
        "execve" => libc::SYS_execve,
        "execveat" => libc::SYS_execveat,
        "memfd_create" => libc::SYS_memfd_create,
        "clone" => libc::SYS_clone,
        "clone3" => libc::SYS_clone3,
        "ptrace" => libc::SYS_ptrace,
        "process_vm_readv" => libc::SYS_process_vm_readv,
        "process_vm_writev" => libc::SYS_process_vm_writev,
        "pidfd_open" => libc::SYS_pidfd_open,
        "pidfd_getfd" => libc::SYS_pidfd_getfd,
        "shmget" => libc::SYS_shmget,
        "keyctl" => libc::SYS_keyctl,
        "unshare" => libc::SYS_unshare,
        "setns" => libc::SYS_setns,
        "mount" => libc::SYS_mount,
        "open_by_handle_at" => libc::SYS_open_by_handle_at,
        "bpf" => libc::SYS_bpf,
        "perf_event_open" => libc::SYS_perf_event_open,
        "userfaultfd" => libc::SYS_userfaultfd,
        "io_uring_setup" => libc::SYS_io_uring_setup,
        "finit_module" => libc::SYS_finit_module,
        "kexec_load" => libc::SYS_kexec_load,
        "seccomp" => libc::SYS_seccomp,
        "unknown" => 4_000,
        _ => return Err(io::ErrorKind::InvalidInput.into()),
    })
}

fn raw(call: libc::c_long, [a, b, c]: [usize; 3]) -> io::Result<libc::c_long> {
    raw6(call, [a, b, c, 0, 0, 0])
}

fn raw6(call: libc::c_long, arguments: [usize; 6]) -> io::Result<libc::c_long> {
    let [first, second, third, fourth, fifth, sixth] = arguments;
    // SAFETY: the arguments are numbers, or point to what its caller holds.
    let result = unsafe { libc::syscall(call, first, second, third, fourth, fifth, sixth) };
    if result < 0 { Err(io::Error::last_os_error()) } else { Ok(result) }
}

impl Server for Escape {
    type Source = Options;
    type Options = Options;

    const NAME: &'static str = "fixture-escape";
    const TITLE: &'static str = "Escape";
    const VERSION: &'static str = "0.1.0";
    const ABOUT: &'static str = "Tries to get out";
    const INSTRUCTIONS: &'static str = "Tries to get out.";

    fn tools() -> &'static [Registered<Options>] {
        static TOOLS: &[Registered<Options>] = &[tool::<Options, TryWay>("try_way")];
        TOOLS
    }

    fn open(options: Options, _: &Environment) -> Result<Options, StartError> {
        if options.early_thread {
            std::thread::spawn(std::thread::park);
        }
        Ok(options)
    }

    fn reach(options: &Options) -> Reach {
        let ports = match options.port.as_slice() {
            _ if options.any_port => Ports::Open,
            [] => Ports::None,
            ports => Ports::Fixed(ports.to_vec()),
        };
        Reach {
            read: options.read.clone(),
            write: options.change.clone(),
            ports,
            ..Reach::default()
        }
    }
}

fn main() -> ExitCode {
    lockkeeper_core::main::<Escape>()
}

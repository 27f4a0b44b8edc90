//! The filter of system calls. It denies by list: what Landlock doesn't see (programs, processes,
//! sockets, other processes' memory, attributes by path) and what a connector never needs but
//! attackers of kernels do. A list of what is allowed would tie the binary to one C library, one
//! allocator and one runtime, and a wrong guess ends a session; the gap of a denying list, calls
//! that don't exist yet, is closed by number. Denied calls fail, they don't kill: a library that
//! only tries goes on.

use std::collections::BTreeMap;

use libc::c_long;
use seccompiler::SeccompCmpArgLen::{Dword, Qword};
use seccompiler::SeccompCmpOp::{Eq, MaskedEq, Ne};
use seccompiler::{
    BpfProgram, SeccompAction, SeccompCmpArgLen, SeccompCmpOp, SeccompCondition, SeccompFilter,
    SeccompRule, sock_filter,
};

/// The first call that doesn't exist here: to this process the kernel is Linux 6.5. That hides
/// what is new, and on x86-64 the whole second table (x32), whose numbers begin at 2^30. C libraries
/// take ENOSYS for an older kernel and go another way.
const FIRST_UNKNOWN: c_long = libc::SYS_set_mempolicy_home_node + 2;

/// Denied whatever their arguments are.
const DENIED: &[c_long] = &[
    // Programs.
    libc::SYS_execve,
    libc::SYS_execveat,
    libc::SYS_memfd_create,
    // Other processes.
    libc::SYS_kill,
    libc::SYS_pidfd_open,
    libc::SYS_pidfd_getfd,
    libc::SYS_pidfd_send_signal,
    libc::SYS_rt_sigqueueinfo,
    libc::SYS_rt_tgsigqueueinfo,
    libc::SYS_ptrace,
    libc::SYS_process_vm_readv,
    libc::SYS_process_vm_writev,
    libc::SYS_process_madvise,
    libc::SYS_process_mrelease,
    libc::SYS_kcmp,
    libc::SYS_shmget,
    libc::SYS_shmat,
    libc::SYS_shmctl,
    libc::SYS_semget,
    libc::SYS_semop,
    libc::SYS_semtimedop,
    libc::SYS_semctl,
    libc::SYS_msgget,
    libc::SYS_msgsnd,
    libc::SYS_msgrcv,
    libc::SYS_msgctl,
    libc::SYS_mq_open,
    libc::SYS_mq_unlink,
    // Keys of the user and the session.
    libc::SYS_add_key,
    libc::SYS_request_key,
    libc::SYS_keyctl,
    // Another identity or other walls.
    libc::SYS_setuid,
    libc::SYS_setgid,
    libc::SYS_setreuid,
    libc::SYS_setregid,
    libc::SYS_setresuid,
    libc::SYS_setresgid,
    libc::SYS_setfsuid,
    libc::SYS_setfsgid,
    libc::SYS_setgroups,
    libc::SYS_capset,
    libc::SYS_personality,
    libc::SYS_seccomp,
    libc::SYS_unshare,
    libc::SYS_setns,
    libc::SYS_chroot,
    libc::SYS_pivot_root,
    libc::SYS_mount,
    libc::SYS_umount2,
    libc::SYS_mount_setattr,
    libc::SYS_move_mount,
    libc::SYS_open_tree,
    libc::SYS_fsopen,
    libc::SYS_fsconfig,
    libc::SYS_fsmount,
    libc::SYS_fspick,
    // Attributes by path, which Landlock doesn't see: ours are changed by descriptor.
    libc::SYS_fchmodat,
    libc::SYS_fchownat,
    libc::SYS_setxattr,
    libc::SYS_lsetxattr,
    libc::SYS_removexattr,
    libc::SYS_lremovexattr,
    libc::SYS_name_to_handle_at,
    libc::SYS_open_by_handle_at,
    libc::SYS_mknodat,
    libc::SYS_fanotify_init,
    libc::SYS_fanotify_mark,
    libc::SYS_quotactl,
    libc::SYS_quotactl_fd,
    // The machine.
    libc::SYS_reboot,
    libc::SYS_kexec_load,
    libc::SYS_init_module,
    libc::SYS_finit_module,
    libc::SYS_delete_module,
    libc::SYS_sethostname,
    libc::SYS_setdomainname,
    libc::SYS_settimeofday,
    libc::SYS_clock_settime,
    libc::SYS_adjtimex,
    libc::SYS_clock_adjtime,
    libc::SYS_swapon,
    libc::SYS_swapoff,
    libc::SYS_acct,
    libc::SYS_syslog,
    libc::SYS_vhangup,
    libc::SYS_nfsservctl,
    // The ways into the kernel that attackers like best.
    libc::SYS_bpf,
    libc::SYS_perf_event_open,
    libc::SYS_userfaultfd,
    libc::SYS_io_uring_setup,
    libc::SYS_io_uring_enter,
    libc::SYS_io_uring_register,
    libc::SYS_lookup_dcookie,
];

/// Those that only some processors' tables have.
#[cfg(target_arch = "x86_64")]
const OLD: &[c_long] = &[
    libc::SYS_fork,
    libc::SYS_vfork,
    libc::SYS_chmod,
    libc::SYS_chown,
    libc::SYS_lchown,
    libc::SYS_utime,
    libc::SYS_utimes,
    libc::SYS_futimesat,
    libc::SYS_mknod,
    libc::SYS_kexec_file_load,
    libc::SYS_modify_ldt,
    libc::SYS_iopl,
    libc::SYS_ioperm,
    libc::SYS_uselib,
    libc::SYS_ustat,
    libc::SYS_sysfs,
    libc::SYS__sysctl,
];
#[cfg(not(target_arch = "x86_64"))]
const OLD: &[c_long] = &[KEXEC_FILE_LOAD];
#[cfg(not(target_arch = "x86_64"))]
const KEXEC_FILE_LOAD: c_long = 294;

/// What of sockets a process keeps.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Sockets {
    /// None of any family.
    None,
    /// Those that come to a listener which was there before; it makes none itself.
    Accepted,
    /// TCP and UDP.
    Internet,
}

/// Denied without a network.
const NETWORK: &[c_long] = &[libc::SYS_socket, libc::SYS_connect, libc::SYS_bind, libc::SYS_listen];
/// Denied where there is no listener either.
const ACCEPT: &[c_long] = &[libc::SYS_accept, libc::SYS_accept4];

const TIOCSTI: u64 = 0x5412;
const TIOCLINUX: u64 = 0x541C;
const FIOSETOWN: u64 = 0x8901;
const SIOCSPGRP: u64 = 0x8902;
const F_SETOWN: u64 = 8;
const F_SETSIG: u64 = 10;
const F_SETOWN_EX: u64 = 15;
const IPPROTO_TCP: u64 = 6;
const IPPROTO_UDP: u64 = 17;
const AF_UNIX: u64 = 1;
const AF_INET: u64 = 2;
const AF_INET6: u64 = 10;
const SOCK_STREAM: u64 = 1;
const SOCK_DGRAM: u64 = 2;
/// The type of a socket without its flags.
const SOCK_TYPE: u64 = 0xf;
const MSG_FASTOPEN: u64 = 0x2000_0000;
const CLONE_THREAD: u64 = 0x1_0000;
/// `CLONE_NEWNS` and its six like.
const NAMESPACES: [u64; 7] =
    [0x2_0000, 0x200_0000, 0x400_0000, 0x800_0000, 0x1000_0000, 0x2000_0000, 0x4000_0000];
/// Harmless and used by libraries: reading flags, naming threads and memory.
const PRCTL: [u64; 7] = [3, 15, 16, 21, 23, 39, 0x5356_4d41];

/// Makes the program for this processor.
pub(super) fn filter(sockets: Sockets) -> Result<BpfProgram, seccompiler::Error> {
    let mut rules: BTreeMap<c_long, Vec<SeccompRule>> =
        DENIED.iter().chain(OLD).map(|&call| (call, Vec::new())).collect();
    if sockets == Sockets::Internet {
        // TCP and UDP over IP: no raw or netlink sockets, and not MPTCP, whose connections
        // Landlock doesn't see.
        let kinds = (0..=SOCK_TYPE).filter(|kind| ![SOCK_STREAM, SOCK_DGRAM].contains(kind));
        let mut denied = vec![
            rule(&[(0, Dword, Ne, AF_INET), (0, Dword, Ne, AF_INET6)])?,
            rule(&[(2, Dword, Ne, 0), (2, Dword, Ne, IPPROTO_TCP), (2, Dword, Ne, IPPROTO_UDP)])?,
        ];
        for kind in kinds {
            denied.push(rule(&[(1, Dword, MaskedEq(SOCK_TYPE), kind)])?);
        }
        rules.insert(libc::SYS_socket, denied);
    } else {
        rules.extend(NETWORK.iter().map(|&call| (call, Vec::new())));
    }
    if sockets == Sockets::None {
        rules.extend(ACCEPT.iter().map(|&call| (call, Vec::new())));
    } else {
        // Sending the first data with the connection goes past Landlock's look at the port; and a
        // listener that was shut down is a socket like a new one.
        let fast_open = |at| Ok::<_, seccompiler::Error>(vec![rule(&[flag(at, MSG_FASTOPEN)])?]);
        rules.insert(libc::SYS_sendto, fast_open(3)?);
        rules.insert(libc::SYS_sendmsg, fast_open(2)?);
        rules.insert(libc::SYS_sendmmsg, fast_open(3)?);
    }
    // The runtime's own wake-up. One of datagrams could be pointed at any other socket.
    let mut pairs = vec![rule(&[(0, Dword, Ne, AF_UNIX)])?];
    for kind in (0..=SOCK_TYPE).filter(|&kind| kind != SOCK_STREAM) {
        pairs.push(rule(&[(1, Dword, MaskedEq(SOCK_TYPE), kind)])?);
    }
    rules.insert(libc::SYS_socketpair, pairs);
    // Threads, but no processes and no namespaces.
    let mut clones = vec![rule(&[(0, Qword, MaskedEq(CLONE_THREAD), 0)])?];
    for namespace in NAMESPACES {
        clones.push(rule(&[flag(0, namespace)])?);
    }
    rules.insert(libc::SYS_clone, clones);
    // A thread may be signalled by its own process: that is how a process aborts.
    let own = u64::from(std::process::id());
    rules.insert(libc::SYS_tgkill, vec![rule(&[(0, Dword, Ne, own)])?]);
    if cfg!(not(target_env = "musl")) {
        rules.insert(libc::SYS_tkill, Vec::new());
    }
    // Times of an open file, not of a path.
    rules.insert(libc::SYS_utimensat, vec![rule(&[(1, Qword, Ne, 0)])?]);
    // Limits are read, not set.
    rules.insert(libc::SYS_prlimit64, vec![rule(&[(2, Qword, Ne, 0)])?]);
    rules.insert(libc::SYS_setrlimit, Vec::new());
    // Typing into the terminal that a person started the server from; and a descriptor that is
    // another process's sends it a signal of one's choice, which only the newest Landlock sees.
    let request = |request: u64| rule(&[(1, Dword, Eq, request)]);
    let requests = [TIOCSTI, TIOCLINUX, FIOSETOWN, SIOCSPGRP].map(request);
    rules.insert(libc::SYS_ioctl, requests.into_iter().collect::<Result<_, _>>()?);
    let commands = [F_SETOWN, F_SETSIG, F_SETOWN_EX].map(request);
    rules.insert(libc::SYS_fcntl, commands.into_iter().collect::<Result<_, _>>()?);
    let others: Vec<Condition> = PRCTL.iter().map(|&one| (0, Dword, Ne, one)).collect();
    rules.insert(libc::SYS_prctl, vec![rule(&others)?]);

    let denied = SeccompAction::Errno(libc::EPERM.unsigned_abs());
    let architecture = std::env::consts::ARCH.try_into()?;
    let filter = SeccompFilter::new(rules, SeccompAction::Allow, denied, architecture)?;
    let mut program = unknown();
    program.extend(BpfProgram::try_from(filter)?);
    Ok(program)
}

type Condition = (u8, SeccompCmpArgLen, SeccompCmpOp, u64);

/// Matches a call whose arguments fulfil all conditions.
fn rule(conditions: &[Condition]) -> Result<SeccompRule, seccompiler::Error> {
    let conditions: Result<Vec<_>, _> = conditions
        .iter()
        .cloned()
        .map(|(argument, length, operator, value)| {
            SeccompCondition::new(argument, length, operator, value)
        })
        .collect();
    Ok(SeccompRule::new(conditions?)?)
}

fn flag(argument: u8, bit: u64) -> Condition {
    (argument, Qword, MaskedEq(bit), bit)
}

/// Goes before the filter: calls that don't exist here. `clone3` is one of them, as its flags are
/// out of a filter's sight; C libraries then use `clone`.
fn unknown() -> BpfProgram {
    const LOAD: u16 = 0x20;
    const JUMP_IF_EQUAL: u16 = 0x15;
    const JUMP_IF_AT_LEAST: u16 = 0x35;
    const RETURN: u16 = 0x06;
    let step = |code, jt, jf, k| sock_filter { code, jt, jf, k };
    let number = |call: c_long| u32::try_from(call).unwrap_or(u32::MAX);
    let no_such_call = u32::from(SeccompAction::Errno(libc::ENOSYS.unsigned_abs()));
    vec![
        step(LOAD, 0, 0, 0),
        step(JUMP_IF_EQUAL, 1, 0, number(libc::SYS_clone3)),
        step(JUMP_IF_AT_LEAST, 0, 1, number(FIRST_UNKNOWN)),
        step(RETURN, 0, 0, no_such_call),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALLOW: u32 = 0x7fff_0000;
    const DENY: u32 = 0x0005_0000 + 1;
    const NO_SUCH_CALL: u32 = 0x0005_0000 + 38;
    const KILL: u32 = 0x8000_0000;
    const HERE: u32 = if cfg!(target_arch = "x86_64") { 0xc000_003e } else { 0xc000_00b7 };
    const I386: u32 = 0x4000_0003;

    /// What the kernel would do: the few instructions that filters are made of.
    fn run(program: &[sock_filter], architecture: u32, call: c_long, arguments: &[u64]) -> u32 {
        let mut data = vec![u32::try_from(call).unwrap(), architecture, 0, 0];
        for at in 0..6 {
            let argument = arguments.get(at).copied().unwrap_or_default();
            let half = |half: u64| u32::try_from(half & 0xffff_ffff).unwrap();
            data.extend([half(argument), half(argument >> 32)]);
        }
        let (mut at, mut accumulator) = (0, 0);
        loop {
            let sock_filter { code, jt, jf, k } = &program[at];
            let go = |yes| usize::from(if yes { *jt } else { *jf });
            at += 1;
            match code {
                0x20 => accumulator = data[*k as usize / 4],
                0x54 => accumulator &= k,
                0x05 => at += *k as usize,
                0x15 => at += go(accumulator == *k),
                0x25 => at += go(accumulator > *k),
                0x35 => at += go(accumulator >= *k),
                0x06 => return *k,
                other => panic!("unknown instruction {other:#x}"),
            }
        }
    }

    const ALL: [Sockets; 3] = [Sockets::None, Sockets::Accepted, Sockets::Internet];

    /// Checks calls with arguments against the filter for a server with these sockets.
    fn check(sockets: Sockets, expected: u32, calls: &[(c_long, &[u64])]) {
        let program = filter(sockets).unwrap();
        for (call, arguments) in calls {
            let got = run(&program, HERE, *call, arguments);
            assert_eq!(got, expected, "{sockets:?}: call {call} {arguments:x?}");
        }
    }

    #[test]
    fn what_a_connector_needs_is_allowed() {
        let thread = 0x3d_0f00;
        for sockets in ALL {
            check(
                sockets,
                ALLOW,
                &[
                    (libc::SYS_read, &[]),
                    (libc::SYS_openat2, &[]),
                    (libc::SYS_renameat2, &[]),
                    (libc::SYS_mmap, &[]),
                    (libc::SYS_futex, &[]),
                    (libc::SYS_epoll_pwait2, &[]),
                    (libc::SYS_inotify_add_watch, &[]),
                    (libc::SYS_getrandom, &[]),
                    (libc::SYS_fchmod, &[]),
                    (libc::SYS_fchown, &[]),
                    (libc::SYS_fsetxattr, &[]),
                    (libc::SYS_utimensat, &[3, 0]),
                    (libc::SYS_prlimit64, &[0, 7, 0, 0x7fff_0000]),
                    (libc::SYS_clone, &[thread]),
                    (libc::SYS_socketpair, &[AF_UNIX, SOCK_STREAM | 0x8_0800]),
                    (libc::SYS_prctl, &[15]),
                    (libc::SYS_ioctl, &[1, 0x5401]),
                    (libc::SYS_fcntl, &[1, 4, 0x800]),
                    (libc::SYS_tgkill, &[u64::from(std::process::id()), 1, 6]),
                    (libc::SYS_sendto, &[3, 0, 0, 0x4000]),
                ],
            );
        }
    }

    #[test]
    fn what_it_does_not_need_is_denied() {
        for sockets in ALL {
            let always: Vec<(c_long, &[u64])> =
                DENIED.iter().chain(OLD).map(|&call| (call, &[][..])).collect();
            check(sockets, DENY, &always);
            check(
                sockets,
                DENY,
                &[
                    (libc::SYS_utimensat, &[3, 0x7fff_0000]),
                    (libc::SYS_prlimit64, &[0, 4, 0x7fff_0000]),
                    // A new process, by fork and by vfork; a thread in other namespaces.
                    (libc::SYS_clone, &[17]),
                    (libc::SYS_clone, &[0x4111]),
                    (libc::SYS_clone, &[0x3d_0f00 | 0x4000_0000]),
                    (libc::SYS_socketpair, &[AF_UNIX, SOCK_DGRAM]),
                    (libc::SYS_socketpair, &[AF_INET, SOCK_STREAM]),
                    // Being dumpable and traceable again.
                    (libc::SYS_prctl, &[4, 1]),
                    (libc::SYS_prctl, &[0x5961_6d61, u64::MAX]),
                    (libc::SYS_ioctl, &[0, TIOCSTI]),
                    (libc::SYS_ioctl, &[3, FIOSETOWN, 0x7fff_0000]),
                    (libc::SYS_fcntl, &[3, F_SETOWN, 1]),
                    (libc::SYS_fcntl, &[3, F_SETOWN_EX, 0x7fff_0000]),
                    (libc::SYS_fcntl, &[3, F_SETSIG, 9]),
                    // The kernel looks at the low half only.
                    (libc::SYS_ioctl, &[0, 0xdead_0000_0000 | TIOCSTI]),
                    (libc::SYS_prctl, &[0xdead_0000_0000 | 4, 1]),
                    (libc::SYS_tgkill, &[1, 1, 9]),
                ],
            );
        }
    }

    #[test]
    fn what_is_unknown_does_not_exist() {
        for sockets in ALL {
            check(
                sockets,
                NO_SUCH_CALL,
                &[
                    (libc::SYS_clone3, &[]),
                    (FIRST_UNKNOWN, &[]),
                    (470, &[]),
                    (0x3fff_ffff, &[]),
                    // The table of x32 has `read` and `execve` again.
                    (0x4000_0000, &[]),
                    (0x4000_0208, &[]),
                ],
            );
        }
        let program = filter(Sockets::None).unwrap();
        // `int 0x80` of a 64-bit process: 11 is `execve`.
        assert_eq!(run(&program, I386, 11, &[]), KILL);
    }

    #[test]
    fn sockets_are_for_tcp_and_udp_and_only_with_a_network() {
        let kinds = [SOCK_STREAM, SOCK_STREAM | 0x8_0800, SOCK_DGRAM | 0x8_0000];
        for family in [AF_INET, AF_INET6] {
            for kind in kinds {
                let call = &[(libc::SYS_socket, &[family, kind, 0][..])];
                check(Sockets::Internet, ALLOW, call);
                check(Sockets::Accepted, DENY, call);
                check(Sockets::None, DENY, call);
            }
        }
        let (mptcp, icmp, raw, netlink, packet) = (262, 1, 3, 16, 17);
        for denied in [
            [AF_INET, SOCK_STREAM, mptcp],
            [AF_INET, SOCK_DGRAM, icmp],
            [AF_INET, raw, IPPROTO_TCP],
            [netlink, raw, 0],
            [packet, raw, 0],
            [AF_UNIX, SOCK_STREAM, 0],
        ] {
            for sockets in ALL {
                check(sockets, DENY, &[(libc::SYS_socket, &denied)]);
            }
        }
        let fast: [(c_long, &[u64]); 3] = [
            (libc::SYS_sendto, &[3, 0, 0, MSG_FASTOPEN]),
            (libc::SYS_sendmsg, &[3, 0, MSG_FASTOPEN | 0x4000]),
            (libc::SYS_sendmmsg, &[3, 0, 1, MSG_FASTOPEN]),
        ];
        check(Sockets::Internet, DENY, &fast);
        check(Sockets::Accepted, DENY, &fast);
        let own: [(c_long, &[u64]); 3] =
            [(libc::SYS_connect, &[3]), (libc::SYS_bind, &[3]), (libc::SYS_listen, &[3])];
        check(Sockets::None, DENY, &own);
        check(Sockets::Accepted, DENY, &own);
        check(Sockets::Internet, ALLOW, &own);
        let accept: [(c_long, &[u64]); 2] = [(libc::SYS_accept, &[3]), (libc::SYS_accept4, &[3])];
        check(Sockets::None, DENY, &accept);
        check(Sockets::Accepted, ALLOW, &accept);
        check(Sockets::Internet, ALLOW, &accept);
    }
}

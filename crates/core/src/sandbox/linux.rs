//! The sandbox on Linux: Landlock for files and TCP ports, seccomp for system calls, and a process
//! that can't gain privileges and whose memory no other process of the user can read.

use std::io;

use landlock::{
    ABI, Access as _, AccessFs, AccessNet, BitFlags, CompatLevel, Compatible as _, LandlockStatus,
    NetPort, PathBeneath, PathFd, Ruleset, RulesetAttr as _, RulesetCreatedAttr as _, RulesetError,
    Scope, make_bitflags,
};
use rustix::process::{DumpableBehavior, Resource, Rlimit};

use super::calls::Sockets;
use super::{Access, Enforced, Mode, Ports, Rules, calls};

/// The newest Landlock that this was tested with. A right that a newer kernel knows is not denied
/// before it is known here what it breaks.
const NEWEST: ABI = ABI::V7;

const READ: BitFlags<AccessFs> = make_bitflags!(AccessFs::{ReadFile | ReadDir});

/// No devices, sockets or pipes are made, no device is controlled, and nothing is ever executed.
const WRITE: BitFlags<AccessFs> = make_bitflags!(AccessFs::{
    ReadFile | ReadDir | WriteFile | Truncate | RemoveFile | RemoveDir | MakeReg | MakeDir
    | MakeSym | Refer
});

pub(super) fn enforce(mode: Mode, rules: Rules) -> io::Result<Enforced> {
    one_thread()?;
    rustix::process::set_dumpable_behavior(DumpableBehavior::NotDumpable)?;
    let none = Rlimit { current: Some(0), maximum: Some(0) };
    rustix::process::setrlimit(Resource::Core, none)?;
    rustix::thread::set_no_new_privs(true)?;
    let landlock = restrict(&rules, NEWEST).unwrap_or_else(|error| {
        tracing::warn!(%error, "no Landlock");
        0
    });
    let filter = calls::filter(match (&rules.ports, rules.listen.is_empty()) {
        (Ports::None, true) => Sockets::None,
        (Ports::None, false) => Sockets::Accepted,
        (Ports::Fixed(_) | Ports::Open, _) => Sockets::Internet,
    });
    let seccomp = filter.and_then(|filter| seccompiler::apply_filter(&filter));
    if let Err(error) = &seccomp {
        tracing::warn!(%error, "no filter of system calls");
    }
    let seccomp = seccomp.is_ok();
    let missing = missing(landlock, seccomp, &rules);
    let landlock = (landlock > 0).then_some(landlock);
    Ok(Enforced { mode, landlock, seccomp, rules, missing })
}

/// A thread that runs already would stay free, and all of the process with it.
#[expect(clippy::disallowed_methods, reason = "the process looks at itself")]
fn one_thread() -> io::Result<()> {
    // Without /proc there is no telling; nothing of ours starts a thread before.
    match std::fs::read_dir("/proc/self/task").map(Iterator::count) {
        Ok(2..) => Err(io::Error::other("a thread was started before the sandbox")),
        _ => Ok(()),
    }
}

/// Restricts files, ports, signals and abstract sockets, as far as the kernel's Landlock and
/// `newest` go. Gives the version in force; 0 is none.
fn restrict(rules: &Rules, newest: ABI) -> Result<u8, RulesetError> {
    let handled = AccessFs::from_all(newest);
    let mut ruleset =
        Ruleset::default().set_compatibility(CompatLevel::BestEffort).handle_access(handled)?;
    let ports = match &rules.ports {
        Ports::Open => BitFlags::from(AccessNet::BindTcp),
        Ports::None | Ports::Fixed(_) => AccessNet::BindTcp | AccessNet::ConnectTcp,
    } & AccessNet::from_all(newest);
    if !ports.is_empty() {
        ruleset = ruleset.handle_access(ports)?;
    }
    let scopes = Scope::from_all(newest);
    if !scopes.is_empty() {
        ruleset = ruleset.scope(scopes)?;
    }
    let mut ruleset = ruleset.create()?;
    for rule in &rules.paths {
        // What is gone since the rules were made stays out of reach.
        let Ok(place) = PathFd::new(&rule.path) else { continue };
        let mut access = handled
            & match rule.access {
                Access::Read => READ,
                Access::Write => WRITE,
            };
        if !rule.path.is_dir() {
            access &= AccessFs::from_file(newest);
        }
        if let Err(error) = (&mut ruleset).add_rule(PathBeneath::new(place, access)) {
            tracing::warn!(%error, path = %rule.path.display(), "stays out of reach");
        }
    }
    if let Ports::Fixed(fixed) = &rules.ports
        && ports.contains(AccessNet::ConnectTcp)
    {
        for port in fixed {
            ruleset = ruleset.add_rule(NetPort::new(*port, AccessNet::ConnectTcp))?;
        }
    }
    Ok(match ruleset.restrict_self()?.landlock {
        LandlockStatus::Available { effective_abi, .. } => effective_abi.min(newest) as u8,
        LandlockStatus::NotEnabled | LandlockStatus::NotImplemented => 0,
    })
}

/// What stays possible. Unix sockets and signals are denied by seccomp as well, and TCP where
/// there is no network.
fn missing(landlock: u8, seccomp: bool, rules: &Rules) -> Vec<&'static str> {
    let writes = rules.paths.iter().any(|rule| rule.access == Access::Write);
    let mut missing = Vec::new();
    if landlock == 0 {
        missing.push("files (Landlock: Linux 5.13 or newer, switched on)");
    }
    if landlock == 1 && writes {
        missing.push("moving between directories, which Landlock 1 refuses (Linux 5.19)");
    }
    if (1..3).contains(&landlock) {
        missing.push("truncating files (Linux 6.2)");
    }
    if landlock < 4 && rules.ports != Ports::None {
        missing.push("TCP ports (Linux 6.7)");
    }
    if (1..5).contains(&landlock) {
        missing.push("controlling devices (Linux 6.10)");
    }
    if !seccomp {
        missing.push("programs, sockets and other system calls (seccomp)");
    }
    missing
}

#[cfg(test)]
mod tests {
    use super::super::Rule;
    use super::*;

    fn rules(paths: &[(&std::path::Path, Access)], ports: Ports) -> Rules {
        let rule = |(path, access): &(&std::path::Path, Access)| Rule {
            path: path.canonicalize().unwrap(),
            access: *access,
        };
        Rules { paths: paths.iter().map(rule).collect(), ports, ..Rules::default() }
    }

    /// What kernels of all ages do, as far as this one can stand for older ones: a right that
    /// isn't handled is not asked for.
    #[test]
    fn older_kernels_hold_what_they_can() {
        for newest in [ABI::V1, ABI::V2, ABI::V3, ABI::V4, ABI::V5, ABI::V6, NEWEST] {
            let directory = tempfile::tempdir().unwrap();
            let path = |name: &str| directory.path().join(name);
            for name in ["own/a", "own/b", "other"] {
                std::fs::create_dir_all(path(name)).unwrap();
            }
            std::fs::write(path("own/a/file"), "x").unwrap();
            std::fs::write(path("other/file"), "x").unwrap();
            let rules = rules(&[(&path("own"), Access::Write)], Ports::None);
            // The rules hold for a thread: the others of this process go on.
            std::thread::scope(|scope| {
                let restricted = scope.spawn(|| {
                    assert_eq!(restrict(&rules, newest).unwrap(), newest as u8);
                    assert!(std::fs::read(path("other/file")).is_err());
                    assert!(std::fs::write(path("other/new"), "x").is_err());
                    assert!(std::fs::read_dir(path("other")).is_err());
                    std::fs::write(path("own/a/file"), "y").unwrap();
                    let moved = std::fs::rename(path("own/a/file"), path("own/b/file"));
                    assert_eq!(moved.is_ok(), newest > ABI::V1, "{newest:?}");
                    let listener = std::net::TcpListener::bind("127.0.0.1:0");
                    assert_eq!(listener.is_err(), newest > ABI::V3, "{newest:?}");
                });
                restricted.join().unwrap();
            });
        }
    }

    #[test]
    fn what_is_missing_is_said() {
        let directory = tempfile::tempdir().unwrap();
        let local = rules(&[(directory.path(), Access::Read)], Ports::None);
        let network = rules(&[], Ports::Fixed(vec![443]));
        assert_eq!(missing(5, true, &local), [""; 0]);
        assert_eq!(missing(7, true, &network), [""; 0]);
        assert_eq!(missing(0, true, &local).len(), 1);
        assert_eq!(missing(7, false, &local).len(), 1);
        assert_eq!(
            missing(3, true, &network),
            ["TCP ports (Linux 6.7)", "controlling devices (Linux 6.10)"]
        );
        let writing = rules(&[(directory.path(), Access::Write)], Ports::None);
        assert_eq!(missing(1, true, &writing).len(), 3);
        assert_eq!(missing(1, true, &local).len(), 2);
    }
}

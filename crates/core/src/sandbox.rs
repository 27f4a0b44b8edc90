//! The process's own prison: before the runtime starts it gives up everything that its settings
//! don't need, so that not even a defect in it, or in a library, gets further than a tool may.
//! What `check` prints is made from the value that was applied. This module decides no policy.

#[cfg(target_os = "linux")]
#[path = "sandbox/linux.rs"]
mod system;
#[cfg(not(target_os = "linux"))]
#[path = "sandbox/elsewhere.rs"]
mod system;

#[cfg(target_os = "linux")]
mod calls;

use std::fmt;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::server::{Finding, Reach, StartError};

/// How much is asked of the sandbox. Of all sources that name one, the strictest counts.
#[derive(
    Debug,
    Clone,
    Copy,
    Default,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Serialize,
    Deserialize,
    clap::ValueEnum,
)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Mode {
    /// None.
    Off,
    /// What this system can enforce.
    #[default]
    BestEffort,
    /// All of it, or the server doesn't start.
    Require,
}

impl Mode {
    /// The strictest that was named, or the default.
    pub(crate) fn strictest(named: impl IntoIterator<Item = Option<Self>>) -> Self {
        named.into_iter().flatten().max().unwrap_or_default()
    }
}

impl fmt::Display for Mode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Off => "off",
            Self::BestEffort => "best-effort",
            Self::Require => "require",
        })
    }
}

/// TCP ports that a source connects to.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Ports {
    /// No network at all.
    #[default]
    None,
    /// These, on whatever host.
    Fixed(Vec<u16>),
    /// Any: where the settings don't fix them.
    Open,
}

impl fmt::Display for Ports {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::None => f.write_str("none"),
            Self::Open => f.write_str("open"),
            Self::Fixed(ports) => {
                let ports: Vec<String> = ports.iter().map(ToString::to_string).collect();
                f.write_str(&ports.join(", "))
            }
        }
    }
}

/// What may be done beneath a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Access {
    Read,
    Write,
}

/// One line of the rule table.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub(crate) struct Rule {
    #[serde(serialize_with = "as_shown")]
    path: PathBuf,
    access: Access,
}

/// Not every path is text; one that isn't is written as it is printed.
fn as_shown<S: serde::Serializer>(path: &Path, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(&path.display())
}

/// All that the process keeps.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub(crate) struct Rules {
    paths: Vec<Rule>,
    ports: Ports,
    /// Unix sockets that another process opens for this one.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    sockets: Vec<String>,
    /// Where connections come in: the listener is there before.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    listen: Vec<SocketAddr>,
}

/// What names are looked up with, and certificates checked against.
const NETWORK: &[&str] = &[
    "/etc/resolv.conf",
    "/etc/hosts",
    "/etc/host.conf",
    "/etc/nsswitch.conf",
    "/etc/gai.conf",
    "/etc/services",
    "/etc/ssl",
    "/etc/pki",
    "/etc/ca-certificates",
    "/usr/share/ca-certificates",
    "/usr/local/share/ca-certificates",
    // Replaced as a whole when the network changes, so the rule is for the directory.
    "/run/systemd/resolve",
    "/run/NetworkManager",
];

impl Rules {
    /// The rules for a source and for core's own directories, which are made before a server
    /// serves. Without `writes` nothing may be written but what belongs to the server itself.
    pub(crate) fn new(reach: &Reach, own: &[&Path], writes: bool) -> Self {
        let sockets = reach.sockets.iter().map(|path| path.display().to_string()).collect();
        let ports = reach.ports.clone();
        let mut rules = Self { paths: Vec::new(), ports, sockets, listen: Vec::new() };
        for &path in own {
            let path = path.canonicalize().or_else(|_| std::path::absolute(path));
            rules.paths.extend(path.map(|path| Rule { path, access: Access::Write }));
        }
        reach.own.iter().for_each(|path| rules.add(path, Access::Write));
        let granted = if writes { Access::Write } else { Access::Read };
        reach.write.iter().for_each(|path| rules.add(path, granted));
        reach.read.iter().for_each(|path| rules.add(path, Access::Read));
        if reach.ports != Ports::None {
            for path in NETWORK {
                rules.add(Path::new(path), Access::Read);
            }
        }
        rules.paths.sort();
        rules.paths.dedup();
        // A right can't be taken back further down: such a line would promise too much.
        let all = rules.paths.clone();
        let idle = |rule: &Rule, other: &Rule| {
            rule != other && rule.path.starts_with(&other.path) && rule.access <= other.access
        };
        rules.paths.retain(|rule| !all.iter().any(|other| idle(rule, other)));
        rules
    }

    /// The same with connections that come in at these addresses.
    pub(crate) fn listening(self, listen: Vec<SocketAddr>) -> Self {
        Self { listen, ..self }
    }

    /// What doesn't exist can't be named to the kernel: it stays out of reach.
    fn add(&mut self, path: &Path, access: Access) {
        if let Ok(path) = path.canonicalize() {
            self.paths.push(Rule { path, access });
        }
    }
}

/// What was enforced.
#[derive(Debug, Serialize)]
pub(crate) struct Enforced {
    mode: Mode,
    /// The version of Landlock that the rules were given to.
    landlock: Option<u8>,
    seccomp: bool,
    #[serde(flatten)]
    rules: Rules,
    /// What this system can't enforce.
    missing: Vec<&'static str>,
}

/// Gives up all but `rules`, for this process and for good. To be called before other threads
/// run: the kernel restricts the calling one and those that it starts.
pub(crate) fn enforce(mode: Mode, rules: Rules) -> Result<Enforced, StartError> {
    if mode == Mode::Off {
        return Ok(Enforced { mode, landlock: None, seccomp: false, rules, missing: Vec::new() });
    }
    let enforced = system::enforce(mode, rules)
        .map_err(|error| StartError::new(format!("the sandbox can't be set up: {error}")))?;
    if mode == Mode::Require && !enforced.missing.is_empty() {
        return Err(StartError::new(format!(
            "--sandbox require: this system can't enforce {}",
            enforced.missing.join(", ")
        )));
    }
    for missing in &enforced.missing {
        tracing::info!(missing, "the sandbox is not complete");
    }
    Ok(enforced)
}

impl Enforced {
    /// The lines of `check`.
    pub(crate) fn findings(&self) -> Vec<Finding> {
        let finding =
            |subject: &str, state: String| Finding { subject: subject.into(), state, ok: true };
        if self.mode == Mode::Off {
            return vec![finding("sandbox", "off".to_owned())];
        }
        let mut walls = Vec::new();
        walls.extend(self.landlock.map(|abi| format!("Landlock {abi}")));
        walls.extend(self.seccomp.then(|| "seccomp".to_owned()));
        if cfg!(target_os = "linux") {
            walls.push("no new privileges, not dumpable".to_owned());
        }
        if walls.is_empty() {
            walls.push("not enforced".to_owned());
        }
        let mut findings = vec![finding("sandbox", format!("{}: {}", self.mode, walls.join(", ")))];
        for missing in &self.missing {
            findings.push(finding("sandbox", format!("not enforced: {missing}")));
        }
        if self.landlock.is_some() {
            for Rule { path, access } in &self.rules.paths {
                let access = match access {
                    Access::Read => "read",
                    Access::Write => "read and write",
                };
                findings.push(finding("reach", format!("{access} {}", path.display())));
            }
        }
        if self.landlock.is_some() || self.seccomp {
            findings.push(finding("ports", self.rules.ports.to_string()));
            for path in &self.rules.sockets {
                let state = format!("connect {path}, by a process of its own");
                findings.push(finding("reach", state));
            }
            if !self.rules.listen.is_empty() {
                let at = self.rules.listen.iter().map(SocketAddr::to_string).collect::<Vec<_>>();
                findings
                    .push(finding("listens", format!("{}, and nowhere else", at.join(" and "))));
            }
        }
        findings
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_strictest_counts() {
        use Mode::{BestEffort, Off, Require};
        for (named, expected) in [
            (&[][..], BestEffort),
            (&[None, None], BestEffort),
            (&[Some(Off)], Off),
            (&[Some(Off), None, Some(BestEffort)], BestEffort),
            (&[Some(Require), Some(Off)], Require),
            (&[Some(BestEffort), Some(Require)], Require),
        ] {
            assert_eq!(Mode::strictest(named.iter().copied()), expected, "{named:?}");
        }
    }

    #[test]
    fn who_may_not_write_keeps_no_right_to() {
        let directory = tempfile::tempdir().unwrap();
        let place = |name: &str| {
            let path = directory.path().canonicalize().unwrap().join(name);
            std::fs::create_dir_all(&path).unwrap();
            path
        };
        let reach = Reach {
            read: vec![place("read")],
            write: vec![place("write"), directory.path().join("missing")],
            own: vec![place("own")],
            ports: Ports::Fixed(vec![5432]),
            ..Reach::default()
        };
        let state = place("state");
        let table = |writes| {
            let rules = Rules::new(&reach, &[&state], writes);
            assert_eq!(rules.ports, Ports::Fixed(vec![5432]));
            let ours = rules.paths.iter().filter(|rule| rule.path.starts_with(place("")));
            let line = |rule: &Rule| {
                format!("{:?} {}", rule.access, rule.path.file_name().unwrap().display())
            };
            ours.map(line).collect::<Vec<_>>()
        };
        assert_eq!(table(false), ["Write own", "Read read", "Write state", "Read write"]);
        assert_eq!(table(true), ["Write own", "Read read", "Write state", "Write write"]);
        assert_eq!(Rules::new(&Reach::default(), &[], true), Rules::default());
    }
}

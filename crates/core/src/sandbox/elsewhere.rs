//! Where there is no sandbox that a process puts itself into: nothing is enforced, and said so.

use std::io;

use super::{Enforced, Mode, Rules};

pub(super) fn enforce(mode: Mode, rules: Rules) -> io::Result<Enforced> {
    let missing = vec!["files, programs and ports: only Linux has a sandbox"];
    Ok(Enforced { mode, landlock: None, seccomp: false, rules, missing })
}

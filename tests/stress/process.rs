//! What a running server takes, as the kernel says.

use std::fs;

/// Memory and descriptors of processes at one moment.
pub(crate) struct Sample {
    /// Resident memory of each, bytes.
    pub(crate) memory: Vec<u64>,
    /// Open descriptors of each. Of a process that may not be looked into, as servers are to all but
    /// root, the kernel tells the size of its table.
    pub(crate) descriptors: Vec<u64>,
}

impl Sample {
    pub(crate) fn take(processes: &[u32]) -> Self {
        Self {
            memory: processes.iter().map(|id| status(*id, "VmRSS:") * 1024).collect(),
            descriptors: processes.iter().map(|id| descriptors(*id)).collect(),
        }
    }
}

pub(crate) fn sum(numbers: &[u64]) -> u64 {
    numbers.iter().sum()
}

/// By how much the one that grew most has grown.
pub(crate) fn growth(before: &[u64], after: &[u64]) -> u64 {
    let grown = before.iter().zip(after).map(|(before, after)| after.saturating_sub(*before));
    grown.max().unwrap_or_default()
}

fn descriptors(id: u32) -> u64 {
    match fs::read_dir(format!("/proc/{id}/fd")) {
        Ok(entries) => entries.count() as u64,
        Err(_) => status(id, "FDSize:"),
    }
}

/// A number of `/proc/PID/status`; 0 for a process that is gone.
fn status(id: u32, key: &str) -> u64 {
    let status = fs::read_to_string(format!("/proc/{id}/status")).unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix(key)).unwrap_or_default();
    line.trim().trim_end_matches(" kB").parse().unwrap_or_default()
}

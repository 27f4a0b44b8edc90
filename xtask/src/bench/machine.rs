//! What a run was made on, without saying whose machine it is.

use std::fs;
use std::process::Command;

use anyhow::{Context as _, Result};
use serde_json::{Value, json};

use crate::process::output;

pub(crate) struct Machine {
    pub(crate) date: String,
    processor: String,
    cores: usize,
    memory_gb: u64,
    kernel: String,
    open_files: String,
    /// How many programs ran besides, before the run began.
    load: String,
}

impl Machine {
    pub(crate) fn look() -> Result<Self> {
        let date = output(Command::new("date").args(["-u", "+%Y-%m-%d"]))?;
        let kernel = output(Command::new("uname").arg("-r"))?;
        let numbers = kernel.trim().split(|c: char| c != '.' && !c.is_ascii_digit()).next();
        let memory: u64 = field("/proc/meminfo", "MemTotal")?
            .split_whitespace()
            .next()
            .context("no memory size")?
            .parse()?;
        let limits = field("/proc/self/limits", "Max open files")?;
        Ok(Self {
            date: date.trim().to_owned(),
            // Not every architecture names its model.
            processor: field("/proc/cpuinfo", "model name")
                .unwrap_or_else(|_| std::env::consts::ARCH.to_owned()),
            cores: std::thread::available_parallelism()?.get(),
            memory_gb: (memory + 512 * 1024) / (1024 * 1024),
            kernel: numbers.unwrap_or_default().to_owned(),
            open_files: limits.split_whitespace().next().unwrap_or_default().to_owned(),
            load: read("/proc/loadavg")?.split(' ').next().unwrap_or_default().to_owned(),
        })
    }

    pub(crate) fn describe(&self) -> String {
        let Self { processor, cores, memory_gb, kernel, open_files, load, .. } = self;
        format!(
            "{cores} cores of {processor}, {memory_gb} GB, Linux {kernel}, {open_files} open files \
             allowed, load {load} before the run"
        )
    }

    pub(super) fn json(&self) -> Value {
        json!({
            "processor": self.processor,
            "cores": self.cores,
            "memory_gb": self.memory_gb,
            "kernel": self.kernel,
            "open_files": self.open_files,
            "load_before": self.load,
        })
    }
}

/// The rest of the first line of a file that begins with `key`.
pub(super) fn field(path: &str, key: &str) -> Result<String> {
    let text = read(path)?;
    let rest = text.lines().find_map(|line| line.strip_prefix(key));
    let rest = rest.with_context(|| format!("`{path}` has no line `{key}`"))?;
    Ok(rest.trim_matches(|c: char| c == ':' || c.is_whitespace()).to_owned())
}

fn read(path: &str) -> Result<String> {
    fs::read_to_string(path).with_context(|| format!("cannot read `{path}`; Linux only"))
}

//! The text format of Prometheus, 0.0.4: what the textfile collector of `node_exporter` and every
//! scraper read. Not `OpenMetrics`, whose counters and infos that collector doesn't take.

use std::fmt::Display;

use super::family::{BUCKETS, Histogram};

/// What kind of family samples belong to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Counter,
    Gauge,
    Histogram,
}

/// Samples as they are written, family after family.
#[derive(Debug)]
pub(crate) struct Text {
    out: String,
    /// Labels that each sample has, ready to be written.
    constant: String,
}

impl Text {
    pub(super) fn new(constant: &[(&str, &str)]) -> Self {
        let mut labels = String::new();
        write_labels(&mut labels, constant);
        Self { out: String::new(), constant: labels }
    }

    /// Begins a family. All its samples follow before the next one begins.
    pub(crate) fn family(&mut self, name: &str, kind: Kind, help: &str) {
        let kind = match kind {
            Kind::Counter => "counter",
            Kind::Gauge => "gauge",
            Kind::Histogram => "histogram",
        };
        self.out.push_str(&format!("# HELP {name} {help}\n# TYPE {name} {kind}\n"));
    }

    /// A sample of the family, with these labels beside the constant ones.
    pub(crate) fn sample(&mut self, name: &str, labels: &[(&str, &str)], value: impl Display) {
        self.out.push_str(name);
        self.out.push('{');
        self.out.push_str(&self.constant);
        if !labels.is_empty() {
            self.out.push(',');
            write_labels(&mut self.out, labels);
        }
        self.out.push_str(&format!("}} {value}\n"));
    }

    pub(super) fn histogram(&mut self, name: &str, labels: &[(&str, &str)], histogram: &Histogram) {
        let bucket = format!("{name}_bucket");
        let mut labels = labels.to_vec();
        let ends = BUCKETS.iter().map(|(_, end)| *end).chain(["+Inf"]);
        let mut count = 0;
        for (own, end) in histogram.counts.iter().zip(ends) {
            count += own;
            labels.push(("le", end));
            self.sample(&bucket, &labels, count);
            labels.pop();
        }
        self.sample(&format!("{name}_sum"), &labels, histogram.sum.as_secs_f64());
        self.sample(&format!("{name}_count"), &labels, count);
    }

    pub(super) fn end(self) -> String {
        self.out
    }
}

fn write_labels(out: &mut String, labels: &[(&str, &str)]) {
    for (n, (name, value)) in labels.iter().enumerate() {
        if n > 0 {
            out.push(',');
        }
        out.push_str(name);
        out.push_str("=\"");
        for c in value.chars() {
            match c {
                '\\' => out.push_str("\\\\"),
                '"' => out.push_str("\\\""),
                '\n' => out.push_str("\\n"),
                c => out.push(c),
            }
        }
        out.push('"');
    }
}

//! What a run measured, as a table for people and as data with every sample.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::samples::Samples;

/// One row of the table.
pub(super) struct Measure {
    pub(super) key: &'static str,
    pub(super) title: &'static str,
    pub(super) unit: Unit,
    /// Whom ours is compared with.
    pub(super) against: Option<&'static str>,
    pub(super) bar: Option<Bar>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Unit {
    Milliseconds,
    Microseconds,
    Megabytes,
    Kilobytes,
    PerSecond,
    Tokens,
}

/// What ours has to reach: the budget in the design.
#[derive(Clone, Copy)]
pub(super) enum Bar {
    AtMost(f64),
    AtLeast(f64),
    RatioAtMost(f64),
    RatioAtLeast(f64),
    /// More than whom ours is compared with, by so much.
    AboveAtMost(f64),
}

/// A program that is measured. The first is ours.
pub(super) struct Subject {
    pub(super) name: &'static str,
    pub(super) version: String,
}

pub(super) struct Figures {
    measures: &'static [Measure],
    subjects: Vec<Subject>,
    cells: BTreeMap<(&'static str, &'static str), Cell>,
}

#[derive(Default)]
struct Cell {
    samples: Samples,
    failure: Option<String>,
}

impl Figures {
    pub(super) fn new(measures: &'static [Measure], subjects: Vec<Subject>) -> Self {
        Self { measures, subjects, cells: BTreeMap::new() }
    }

    /// Adds the number of a round.
    pub(super) fn add(&mut self, key: &'static str, subject: &'static str, number: f64) {
        self.cells.entry((key, subject)).or_default().samples.0.push(number);
    }

    /// Notes why there is no number; the first reason stays.
    pub(super) fn fail(&mut self, key: &'static str, subject: &'static str, reason: String) {
        self.cells.entry((key, subject)).or_default().failure.get_or_insert(reason);
    }

    pub(super) fn has_failed(&self, key: &'static str, subject: &'static str) -> bool {
        self.cells.get(&(key, subject)).is_some_and(|cell| cell.failure.is_some())
    }

    /// Measures whose bar is missed.
    pub(super) fn missed(&self) -> Vec<&'static str> {
        let missed = self.measures.iter().filter(|measure| self.passes(measure) == Some(false));
        missed.map(|measure| measure.title).collect()
    }

    /// A Markdown table of all measures, and below it what others failed with.
    pub(super) fn table(&self) -> String {
        let mut notes = Notes::default();
        let mut table = self.head(&["ratio", "bar"]);
        for measure in self.measures {
            let show = |samples: &Samples| spread(samples);
            table.push_str(&self.row(measure, &mut notes, show));
            let ratio = match (self.ratios(measure), measure.against) {
                (Some(ratios), Some(subject)) => format!("{} × {subject}", spread(&ratios)),
                _ => String::new(),
            };
            table.push_str(&format!(" {ratio} | {} |\n", self.verdict(measure)));
        }
        table + &notes.text()
    }

    /// The same with medians only, of some measures.
    pub(super) fn brief(&self, keys: &[&str]) -> String {
        let mut notes = Notes::default();
        let mut table = self.head(&[]);
        for measure in self.measures.iter().filter(|measure| keys.contains(&measure.key)) {
            let show = |samples: &Samples| digits(samples.median());
            table.push_str(&self.row(measure, &mut notes, show));
            table.push('\n');
        }
        table + &notes.text()
    }

    fn head(&self, more: &[&str]) -> String {
        let subjects =
            self.subjects.iter().map(|Subject { name, version }| format!(" {name} {version} |"));
        let more = more.iter().map(|title| format!(" {title} |"));
        let titles: Vec<String> = subjects.chain(more).collect();
        format!("| |{}\n|---|{}\n", titles.concat(), "---:|".repeat(titles.len()))
    }

    fn row(&self, measure: &Measure, notes: &mut Notes, show: fn(&Samples) -> String) -> String {
        let mut row = format!("| {}, {} |", measure.title, measure.unit.name());
        for subject in &self.subjects {
            let shown = match self.cells.get(&(measure.key, subject.name)) {
                None => String::new(),
                Some(Cell { failure: Some(failure), .. }) => format!("– ({})", notes.add(failure)),
                Some(cell) => show(&cell.samples),
            };
            row.push_str(&format!(" {shown} |"));
        }
        row
    }

    pub(super) fn json(&self) -> Value {
        let subjects = self
            .subjects
            .iter()
            .map(|subject| json!({ "name": subject.name, "version": subject.version }));
        let measures = self.measures.iter().map(|measure| {
            let cells = self.subjects.iter().filter_map(|subject| {
                let cell = self.cells.get(&(measure.key, subject.name))?;
                let data = match &cell.failure {
                    Some(failure) => json!({ "failure": failure }),
                    None => json!({ "median": cell.samples.median(), "samples": cell.samples.0 }),
                };
                Some((subject.name.to_owned(), data))
            });
            let bar = measure.bar.map(|bar| match bar {
                Bar::AtMost(most) => json!({ "at_most": most }),
                Bar::AtLeast(least) => json!({ "at_least": least }),
                Bar::RatioAtMost(most) => json!({ "ratio_at_most": most }),
                Bar::RatioAtLeast(least) => json!({ "ratio_at_least": least }),
                Bar::AboveAtMost(most) => json!({ "above_at_most": most }),
            });
            json!({
                "key": measure.key,
                "title": measure.title,
                "unit": measure.unit.name(),
                "figures": Value::Object(cells.collect()),
                "against": measure.against,
                "ratio": self.ratios(measure).map(|ratios| ratios.median()),
                "ratios": self.ratios(measure).map(|ratios| ratios.0),
                "bar": bar,
                "passes": self.passes(measure),
            })
        });
        json!({
            "subjects": subjects.collect::<Vec<_>>(),
            "measures": measures.collect::<Vec<_>>(),
        })
    }

    fn ratios(&self, measure: &Measure) -> Option<Samples> {
        let ratios = self.ours(measure)?.ratios(self.theirs(measure)?);
        (!ratios.0.is_empty()).then_some(ratios)
    }

    /// By how much ours is more, round by round.
    fn above(&self, measure: &Measure) -> Option<f64> {
        let above = self.ours(measure)?.differences(self.theirs(measure)?);
        (!above.0.is_empty()).then(|| above.median())
    }

    fn theirs(&self, measure: &Measure) -> Option<&Samples> {
        let cell = self.cells.get(&(measure.key, measure.against?))?;
        cell.failure.is_none().then_some(&cell.samples)
    }

    fn ours(&self, measure: &Measure) -> Option<&Samples> {
        let cell = self.cells.get(&(measure.key, self.subjects.first()?.name))?;
        cell.failure.is_none().then_some(&cell.samples)
    }

    /// Whether the bar is reached; `None` without one. A bar that could not be measured is missed.
    fn passes(&self, measure: &Measure) -> Option<bool> {
        let ratio = || self.ratios(measure).map(|ratios| ratios.median());
        Some(match measure.bar? {
            Bar::AtMost(most) => self.ours(measure).is_some_and(|ours| ours.median() <= most),
            Bar::AtLeast(least) => self.ours(measure).is_some_and(|ours| ours.median() >= least),
            Bar::RatioAtMost(most) => ratio().is_some_and(|ratio| ratio <= most),
            Bar::RatioAtLeast(least) => ratio().is_some_and(|ratio| ratio >= least),
            Bar::AboveAtMost(most) => self.above(measure).is_some_and(|above| above <= most),
        })
    }

    fn verdict(&self, measure: &Measure) -> String {
        let (Some(bar), Some(passes)) = (measure.bar, self.passes(measure)) else {
            return String::new();
        };
        let bar = match bar {
            Bar::AtMost(most) => format!("≤ {most}"),
            Bar::AtLeast(least) => format!("≥ {least}"),
            Bar::RatioAtMost(most) => format!("≤ {most} ×"),
            Bar::RatioAtLeast(least) => format!("≥ {least} ×"),
            Bar::AboveAtMost(most) => format!("≤ + {most} {}", measure.unit.name()),
        };
        if passes { bar } else { format!("{bar} **missed**") }
    }
}

impl Unit {
    fn name(self) -> &'static str {
        match self {
            Self::Milliseconds => "ms",
            Self::Microseconds => "µs",
            Self::Megabytes => "MB",
            Self::Kilobytes => "kB",
            Self::PerSecond => "/s",
            Self::Tokens => "tokens",
        }
    }
}

/// Reasons that stand below a table, each once.
#[derive(Default)]
struct Notes(Vec<String>);

impl Notes {
    fn add(&mut self, reason: &str) -> usize {
        let known = self.0.iter().position(|known| known == reason).unwrap_or_else(|| {
            self.0.push(reason.to_owned());
            self.0.len() - 1
        });
        known + 1
    }

    fn text(&self) -> String {
        let lines = (1..).zip(&self.0).map(|(number, reason)| format!("\n({number}) {reason}  "));
        lines.collect()
    }
}

/// The median and, where it says something, the spread.
fn spread(samples: &Samples) -> String {
    let (median, least, most) =
        (digits(samples.median()), digits(samples.least()), digits(samples.most()));
    if least == most { median } else { format!("{median} ({least}–{most})") }
}

/// Three digits, as far as they are behind the point at all.
fn digits(number: f64) -> String {
    match number {
        n if n >= 100.0 => format!("{n:.0}"),
        n if n >= 10.0 => format!("{n:.1}"),
        n => format!("{n:.2}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MEASURES: &[Measure] = &[
        Measure {
            key: "start",
            title: "start",
            unit: Unit::Milliseconds,
            against: Some("theirs"),
            bar: Some(Bar::AtMost(10.0)),
        },
        Measure {
            key: "search",
            title: "search",
            unit: Unit::Milliseconds,
            against: Some("theirs"),
            bar: Some(Bar::RatioAtMost(1.3)),
        },
        Measure {
            key: "calls",
            title: "calls",
            unit: Unit::PerSecond,
            against: Some("theirs"),
            bar: Some(Bar::RatioAtLeast(1.2)),
        },
        Measure {
            key: "find",
            title: "find",
            unit: Unit::Microseconds,
            against: Some("theirs"),
            bar: Some(Bar::AboveAtMost(200.0)),
        },
    ];

    fn figures() -> Figures {
        let subject = |name| Subject { name, version: "1".to_owned() };
        let mut figures = Figures::new(MEASURES, vec![subject("ours"), subject("theirs")]);
        for (ours, theirs) in [(4.0, 400.0), (6.0, 300.0), (5.0, 350.0)] {
            figures.add("start", "ours", ours);
            figures.add("start", "theirs", theirs);
            figures.add("search", "ours", 3.0 * ours);
            figures.add("calls", "ours", 1000.0);
            figures.add("calls", "theirs", 500.0);
            figures.add("find", "ours", 40.0 * ours);
            figures.add("find", "theirs", 0.4 * theirs);
        }
        figures.fail("search", "theirs", "too many open files".to_owned());
        figures
    }

    #[test]
    fn the_table_shows_medians_spread_failures_and_bars() {
        let table = figures().table();
        let expected = "\
| | ours 1 | theirs 1 | ratio | bar |
|---|---:|---:|---:|---:|
| start, ms | 5.00 (4.00–6.00) | 350 (300–400) | 0.01 (0.01–0.02) × theirs | ≤ 10 |
| search, ms | 15.0 (12.0–18.0) | – (1) |  | ≤ 1.3 × **missed** |
| calls, /s | 1000 | 500 | 2.00 × theirs | ≥ 1.2 × |
| find, µs | 200 (160–240) | 140 (120–160) | 1.43 (1.00–2.00) × theirs | ≤ + 200 µs |

(1) too many open files  ";
        assert_eq!(table, expected);
    }

    #[test]
    fn a_bar_that_was_not_measured_is_missed() {
        assert_eq!(figures().missed(), ["search"]);
        assert_eq!(figures().json()["measures"][1]["passes"], false);
    }
}

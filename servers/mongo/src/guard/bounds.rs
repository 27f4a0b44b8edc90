//! How much one request may ask of the server. Between two documents a server looks at its clock and
//! its memory; within one expression or one pattern it doesn't, so what could run or grow without end
//! there is bounded before it is sent.

use bson::{Bson, Document};

use super::refusal::Refusal;

/// Most stages, those of all nested pipelines included.
const MAX_STAGES: usize = 200;

/// Most stages that read another collection.
const MAX_JOINS: usize = 20;

/// Deepest nesting of documents and lists.
const MAX_DEPTH: usize = 100;

/// Most values and operators.
const MAX_NODES: usize = 200_000;

/// Most rounds of loops in one expression: the product of nested ones.
const MAX_ROUNDS: f64 = 1_000_000.0;

/// Longest list that `$range` makes.
const MAX_RANGE: f64 = 1_000_000.0;

/// Most times that something may be put together with itself.
const MAX_SIZE: f64 = 100_000.0;

/// Most stages, one behind another, that put together longer texts or lists.
const MAX_GROWING: usize = 24;

/// What a list in a document is taken to have, and a number to be, where only the data say it.
pub(super) const ASSUMED: f64 = 100.0;

/// What is used up.
#[derive(Debug, Default)]
pub(super) struct Budget {
    stages: usize,
    joins: usize,
    nodes: usize,
    growing: usize,
    depth: usize,
    rounds: Vec<f64>,
}

impl Budget {
    pub(super) fn stage(&mut self) -> Result<(), Refusal> {
        self.stages += 1;
        if self.stages > MAX_STAGES {
            Err(Refusal::bound(format!("more than {MAX_STAGES} stages")))
        } else {
            Ok(())
        }
    }

    pub(super) fn join(&mut self) -> Result<(), Refusal> {
        self.joins += 1;
        if self.joins > MAX_JOINS {
            Err(Refusal::bound(format!("more than {MAX_JOINS} stages that read a collection")))
        } else {
            Ok(())
        }
    }

    /// One level deeper; [`Self::up`] goes back.
    pub(super) fn down(&mut self) -> Result<(), Refusal> {
        self.nodes += 1;
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return Err(Refusal::bound(format!("nested deeper than {MAX_DEPTH}")));
        }
        if self.nodes > MAX_NODES {
            Err(Refusal::bound(format!("more than {MAX_NODES} values")))
        } else {
            Ok(())
        }
    }

    pub(super) fn up(&mut self) {
        self.depth = self.depth.saturating_sub(1);
    }

    /// A stage whose expressions put things together.
    pub(super) fn growing(&mut self) -> Result<(), Refusal> {
        self.growing += 1;
        if self.growing > MAX_GROWING {
            Err(Refusal::bound(format!(
                "more than {MAX_GROWING} stages that put texts or lists together"
            )))
        } else {
            Ok(())
        }
    }

    /// A loop of so many rounds, within those that run already.
    pub(super) fn enter_loop(&mut self, rounds: f64) -> Result<(), Refusal> {
        self.rounds.push(rounds.max(1.0));
        if self.rounds.iter().product::<f64>() > MAX_ROUNDS {
            Err(Refusal::bound("the nested loops of an expression would run too long"))
        } else {
            Ok(())
        }
    }

    pub(super) fn leave_loop(&mut self) {
        self.rounds.pop();
    }

    pub(super) fn range(&self, length: f64) -> Result<(), Refusal> {
        let all = length * self.rounds.iter().product::<f64>().max(1.0);
        if length <= MAX_RANGE && all <= MAX_ROUNDS * ASSUMED {
            Ok(())
        } else {
            Err(Refusal::bound(format!("$range makes more than {MAX_RANGE} numbers")))
        }
    }

    pub(super) fn size(size: f64) -> Result<f64, Refusal> {
        if size <= MAX_SIZE {
            Ok(size)
        } else {
            Err(Refusal::bound("an expression repeats a value too often"))
        }
    }
}

/// A whole number in a request, whatever its type.
pub(super) fn number(value: &Bson) -> Option<f64> {
    #[expect(clippy::cast_precision_loss, reason = "what is compared with bounds may be rounded")]
    match value {
        Bson::Int32(n) => Some(f64::from(*n)),
        Bson::Int64(n) => Some(*n as f64),
        Bson::Double(n) => Some(*n),
        Bson::Decimal128(n) => n.to_string().parse().ok(),
        _ => None,
    }
}

/// Checks that a number lies in a range.
pub(super) fn within(
    value: Option<&Bson>,
    what: &str,
    least: f64,
    most: f64,
) -> Result<(), Refusal> {
    let fits = |n: f64| n >= least && n <= most && n.fract() == 0.0;
    match value.and_then(number).filter(|n| fits(*n)) {
        Some(_) => Ok(()),
        None => Err(Refusal::form(what, &format!("a whole number from {least} to {most}"))),
    }
}

/// How many documents `$densify` would make, where its bounds say it.
pub(super) fn densify(range: &Document) -> Result<(), Refusal> {
    const MOST: f64 = 100_000.0;
    let wrong =
        || Refusal::form("$densify", "`range` with `step`, `bounds` and, for dates, `unit`");
    let step = range.get("step").and_then(number).filter(|step| *step > 0.0).ok_or_else(wrong)?;
    let Some(bounds) = range.get("bounds").and_then(Bson::as_array) else {
        return match range.get("bounds").and_then(Bson::as_str) {
            Some("full" | "partition") => Ok(()),
            _ => Err(wrong()),
        };
    };
    let [low, high] = bounds.as_slice() else { return Err(wrong()) };
    #[expect(clippy::cast_precision_loss, reason = "what is compared with bounds may be rounded")]
    let place = |bound: &Bson| match bound {
        Bson::DateTime(date) => Some(date.timestamp_millis() as f64),
        other => number(other),
    };
    let unit = match range.get("unit").and_then(Bson::as_str) {
        None => 1.0,
        Some("millisecond") => 1.0,
        Some("second") => 1e3,
        Some("minute") => 60e3,
        Some("hour") => 3_600e3,
        Some("day") => 86_400e3,
        Some("week") => 7.0 * 86_400e3,
        Some("month") => 28.0 * 86_400e3,
        Some("quarter") => 90.0 * 86_400e3,
        Some("year") => 365.0 * 86_400e3,
        Some(_) => return Err(wrong()),
    };
    let (low, high) = (place(low).ok_or_else(wrong)?, place(high).ok_or_else(wrong)?);
    if (high - low) / (step * unit) <= MOST {
        Ok(())
    } else {
        Err(Refusal::bound(format!("$densify would make more than {MOST} documents")))
    }
}

//! Plans as PostgreSQL makes them, read for agents: a line for each node, and what is wrong with it.
//! What belongs to relations that the policy hides is left out.

use std::collections::BTreeSet;

use serde_json::{Map, Value};

use crate::catalog::render;
use crate::catalog::seen::{Named, Seen, shown};

/// Rows from which on reading, sorting and repeating are worth a word.
const MANY: f64 = 10_000.0;

/// Estimates that are wrong by this factor mislead.
const WRONG: f64 = 10.0;

/// Bytes of a condition in a line.
const CONDITION: usize = 300;

/// Conditions of a node, as they are named and shown.
const CONDITIONS: &[(&str, &str)] = &[
    ("Index Cond", "cond"),
    ("Hash Cond", "cond"),
    ("Merge Cond", "cond"),
    ("TID Cond", "cond"),
    ("Join Filter", "join filter"),
    ("Filter", "filter"),
    ("One-Time Filter", "filter"),
    ("Sort Key", "by"),
    ("Group Key", "by"),
];

/// A plan.
#[derive(Debug)]
pub(crate) struct Plan {
    root: Value,
    planning: Option<f64>,
    execution: Option<f64>,
}

/// One node.
#[derive(Clone, Copy)]
pub(crate) struct Node<'a>(&'a Map<String, Value>);

impl Plan {
    /// Reads what `EXPLAIN (FORMAT JSON)` answers.
    pub(crate) fn decode(text: &str) -> Result<Self, serde_json::Error> {
        let (plan,): (Map<String, Value>,) = serde_json::from_str(text)?;
        let number = |name: &str| plan.get(name).and_then(Value::as_f64);
        Ok(Self {
            root: plan.get("Plan").cloned().unwrap_or_default(),
            planning: number("Planning Time"),
            execution: number("Execution Time"),
        })
    }

    /// All nodes, each before those below it.
    pub(crate) fn nodes(&self) -> Vec<Node<'_>> {
        let mut nodes = Vec::new();
        if let Some(root) = self.root.as_object() {
            Node(root).collect(&mut nodes);
        }
        nodes
    }

    /// The relations that it reads.
    pub(crate) fn relations(&self) -> BTreeSet<Named> {
        self.nodes().into_iter().filter_map(Node::relation).collect()
    }

    /// What the planner thinks it costs.
    pub(crate) fn cost(&self) -> f64 {
        self.root.get("Total Cost").and_then(Value::as_f64).unwrap_or_default()
    }

    /// As PostgreSQL gave it.
    pub(crate) fn json(&self) -> &Value {
        &self.root
    }

    /// What it takes in all, for the opening line.
    pub(crate) fn summary(&self) -> String {
        let mut summary = format!("cost {}", number(self.cost()));
        if let Some(planning) = self.planning.filter(|_| self.execution.is_some()) {
            summary.push_str(&format!(", planned in {} ms", number(planning)));
        }
        if let Some(execution) = self.execution {
            summary.push_str(&format!(", ran {} ms", number(execution)));
        }
        summary
    }

    /// Whether all that PostgreSQL's own text of it would name may be told. Outputs are only in that
    /// with VERBOSE.
    pub(crate) fn is_told(&self, seen: &Seen) -> bool {
        let tells = |value: &Value| match value {
            Value::String(text) => seen.tells(text),
            Value::Array(texts) => {
                texts.iter().filter_map(Value::as_str).all(|text| seen.tells(text))
            }
            _ => true,
        };
        seen.is_whole()
            && self.nodes().into_iter().all(|Node(node)| {
                // A join that another server makes names tables that nobody looked up.
                !node.contains_key("Relations")
                    && node.iter().all(|(name, value)| name == "Output" || tells(value))
            })
    }

    /// A line for each node.
    pub(crate) fn lines(&self, seen: &Seen) -> Vec<String> {
        let mut lines = Vec::new();
        if let Some(root) = self.root.as_object() {
            Node(root).write(seen, 0, &mut lines);
        }
        lines
    }

    /// What is wrong with it, worst first.
    pub(crate) fn findings(&self, seen: &Seen) -> Vec<String> {
        let mut findings: Vec<(u8, String)> = Vec::new();
        for node in self.nodes() {
            if node.is_hidden(seen) {
                continue;
            }
            findings.extend(node.spilled().map(|finding| (0, finding)));
            findings.extend(node.reads_much(seen).map(|finding| (1, finding)));
            findings.extend(node.repeats().map(|finding| (2, finding)));
            findings.extend(node.misjudged().map(|finding| (3, finding)));
        }
        findings.sort_by_key(|(rank, _)| *rank);
        let mut findings: Vec<String> = findings.into_iter().map(|(_, finding)| finding).collect();
        findings.dedup();
        findings
    }
}

impl<'a> Node<'a> {
    fn collect(self, nodes: &mut Vec<Self>) {
        nodes.push(self);
        self.below().for_each(|node| node.collect(nodes));
    }

    /// The nodes right below.
    pub(crate) fn below(self) -> impl Iterator<Item = Self> {
        let below = self.0.get("Plans").and_then(Value::as_array);
        below.into_iter().flatten().filter_map(Value::as_object).map(Node)
    }

    /// A text that it has.
    pub(crate) fn text(self, name: &str) -> Option<&'a str> {
        self.0.get(name).and_then(Value::as_str)
    }

    fn number(self, name: &str) -> Option<f64> {
        self.0.get(name).and_then(Value::as_f64)
    }

    /// A condition, or several keys.
    fn condition(self, name: &str) -> Option<String> {
        match self.0.get(name)? {
            Value::String(text) => Some(text.clone()),
            Value::Array(keys) => {
                Some(keys.iter().filter_map(Value::as_str).collect::<Vec<_>>().join(", "))
            }
            _ => None,
        }
    }

    /// The keys that it sorts by.
    pub(crate) fn sort_keys(self) -> Vec<&'a str> {
        let keys = self.0.get("Sort Key").and_then(Value::as_array);
        keys.into_iter().flatten().filter_map(Value::as_str).collect()
    }

    pub(crate) fn kind(self) -> &'a str {
        self.text("Node Type").unwrap_or_default()
    }

    pub(crate) fn relation(self) -> Option<Named> {
        Some((self.text("Schema")?.to_owned(), self.text("Relation Name")?.to_owned()))
    }

    fn is_hidden(self, seen: &Seen) -> bool {
        !seen.is_whole()
            && self.relation().is_some_and(|(schema, name)| seen.get(&schema, &name).is_none())
    }

    fn loops(self) -> f64 {
        self.number("Actual Loops").unwrap_or(1.0)
    }

    /// How it is called in a finding.
    fn title(self) -> String {
        let mut title = self.kind().to_lowercase();
        if let Some(name) = self.relation() {
            title.push_str(&format!(" of {}", shown(&name)));
        }
        title
    }

    fn write(self, seen: &Seen, depth: usize, lines: &mut Vec<String>) {
        let indent = "  ".repeat(depth);
        if self.is_hidden(seen) {
            lines.push(format!("{indent}(the inside of something, not shown)"));
            return;
        }
        let mut line = indent;
        if let Some(name) = self.text("Subplan Name") {
            line.push_str(&format!("{}: ", render::line(name)));
        }
        line.push_str(self.kind());
        if let Some(join) = self.text("Join Type").filter(|join| *join != "Inner") {
            line.push_str(&format!(" ({join})"));
        }
        if let Some(name) = self.relation() {
            line.push_str(&format!(" {}", shown(&name)));
            if let Some(alias) = self.text("Alias").filter(|alias| *alias != name.1) {
                line.push_str(&format!(" {}", render::name(alias)));
            }
        } else if let Some(name) = self.text("CTE Name").or_else(|| self.text("Function Name")) {
            line.push_str(&format!(" {}", render::name(name)));
        }
        if let Some(index) = self.text("Index Name").filter(|index| seen.tells(index)) {
            line.push_str(&format!(" using {}", render::name(index)));
        }
        line.push_str(&self.figures());
        for (name, title) in CONDITIONS {
            let Some(mut condition) = self.condition(name).map(|text| render::line(&text)) else {
                continue;
            };
            if !seen.tells(&condition) {
                line.push_str(&format!("; {title} not shown"));
                continue;
            }
            if condition.len() > CONDITION {
                condition.truncate(condition.floor_char_boundary(CONDITION));
                condition.push('…');
            }
            line.push_str(&format!("; {title} {condition}"));
        }
        line.push_str(&self.waste());
        lines.push(line);
        self.below().for_each(|node| node.write(seen, depth + 1, lines));
    }

    /// Rows, cost and time.
    fn figures(self) -> String {
        let estimated = number(self.number("Plan Rows").unwrap_or_default());
        let cost = number(self.number("Total Cost").unwrap_or_default());
        let Some(rows) = self.number("Actual Rows") else {
            return format!(" rows={estimated} cost={cost}");
        };
        let loops = self.loops();
        if loops == 0.0 {
            return format!(" rows={estimated}/never run cost={cost}");
        }
        let mut figures = format!(" rows={estimated}/{}", number(rows));
        if loops > 1.0 {
            figures.push_str(&format!(" loops={}", number(loops)));
        }
        figures.push_str(&format!(" cost={cost}"));
        if let Some(time) = self.number("Actual Total Time") {
            figures.push_str(&format!(" ms={}", number(time * loops)));
        }
        figures
    }

    /// What it read, sorted and threw away.
    fn waste(self) -> String {
        let mut waste = String::new();
        for (name, title) in [
            ("Rows Removed by Filter", "removed"),
            ("Rows Removed by Join Filter", "removed"),
            ("Rows Removed by Index Recheck", "removed by recheck"),
            ("Heap Fetches", "heap fetches"),
            ("Shared Read Blocks", "blocks from disk"),
            ("Temp Written Blocks", "temporary blocks"),
        ] {
            if let Some(n) = self.number(name).filter(|n| *n > 0.0) {
                waste.push_str(&format!("; {} {title}", number(n)));
            }
        }
        if let Some(method) = self.text("Sort Method") {
            let space = self.number("Sort Space Used").unwrap_or_default();
            let place = self.text("Sort Space Type").unwrap_or_default().to_lowercase();
            waste.push_str(&format!("; {method} {}kB {place}", number(space)));
        }
        waste
    }

    fn spilled(self) -> Option<String> {
        let title = self.title();
        let remedy = "sort or hash fewer rows or columns, or raise work_mem";
        if self.text("Sort Space Type") == Some("Disk") {
            let space = number(self.number("Sort Space Used")?);
            return Some(format!("{title} went to disk with {space}kB: {remedy}"));
        }
        if self.number("Hash Batches").is_some_and(|batches| batches > 1.0) {
            let batches = number(self.number("Hash Batches")?);
            return Some(format!("{title} went to disk in {batches} batches: {remedy}"));
        }
        let space = self.number("Disk Usage").filter(|space| *space > 0.0)?;
        Some(format!("{title} went to disk with {}kB: {remedy}", number(space)))
    }

    /// A whole table is read for few of its rows.
    fn reads_much(self, seen: &Seen) -> Option<String> {
        self.text("Filter").filter(|_| self.kind() == "Seq Scan")?;
        let name = self.relation()?;
        let (read, kept) = match (self.number("Actual Rows"), self.number("Rows Removed by Filter"))
        {
            (Some(kept), Some(removed)) => ((kept + removed) * self.loops(), kept * self.loops()),
            (Some(_), None) => return None,
            _ => (seen.get(&name.0, &name.1)?.rows, self.number("Plan Rows")?),
        };
        (read >= MANY && kept <= read / 10.0).then(|| {
            format!(
                "{} reads {} rows to keep {}: an index for its filter may help, see suggest_indexes",
                self.title(),
                number(read),
                number(kept)
            )
        })
    }

    /// The inner side of a nested loop runs for each of many rows.
    fn repeats(self) -> Option<String> {
        if self.kind() != "Nested Loop" {
            return None;
        }
        let mut below = self.below();
        let (outer, inner) = (below.next()?, below.next()?);
        let times = match inner.number("Actual Loops") {
            Some(loops) => loops,
            None => outer.number("Plan Rows")?,
        };
        (times >= MANY).then(|| {
            format!(
                "nested loop runs a {} {} times: fewer outer rows or a hash join would be faster",
                inner.kind().to_lowercase(),
                number(times)
            )
        })
    }

    fn misjudged(self) -> Option<String> {
        let (planned, actual) = (self.number("Plan Rows")?, self.number("Actual Rows")?);
        // A node that was stopped early was not wrong.
        if self.loops() == 0.0 || self.0.contains_key("Join Type") && self.loops() > 1.0 {
            return None;
        }
        let relation = self.relation()?;
        let factor = (planned.max(1.0) / actual.max(1.0)).max(actual.max(1.0) / planned.max(1.0));
        (factor >= WRONG && planned.max(actual) >= 100.0).then(|| {
            format!(
                "{}: {} rows were expected, {} came: ANALYZE {}, or CREATE STATISTICS on the columns \
                 it filters by",
                self.title(),
                number(planned),
                number(actual),
                shown(&relation)
            )
        })
    }
}

/// Short: no more than two decimals, none on large numbers.
pub(crate) fn number(n: f64) -> String {
    if n.fract().abs() < 0.005 || n >= 1_000.0 {
        return format!("{n:.0}");
    }
    format!("{n:.2}").trim_end_matches('0').trim_end_matches('.').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_short() {
        let numbers = [0.0, 0.001, 0.25, 1.5, 2.0, 27.504, 12345.678];
        assert_eq!(numbers.map(number), ["0", "0", "0.25", "1.5", "2", "27.5", "12346"]);
    }

    #[test]
    fn spills_are_found() {
        let plan = r#"[{"Plan": {"Node Type": "Sort", "Sort Space Type": "Disk", "Sort Space Used": 2048,
            "Plans": [{"Node Type": "Hash", "Hash Batches": 8}]}}]"#;
        let findings = Plan::decode(plan).unwrap().findings(&Seen::default());
        assert_eq!(
            findings,
            [
                "sort went to disk with 2048kB: sort or hash fewer rows or columns, or raise work_mem",
                "hash went to disk in 8 batches: sort or hash fewer rows or columns, or raise work_mem",
            ]
        );
    }
}

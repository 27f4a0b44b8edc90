//! Full text: documents and queries.

use super::wire::{Out, Problem, Reader, SHORT};

/// <https://www.postgresql.org/docs/current/datatype-textsearch.html>
pub(super) fn document(reader: &mut Reader<'_>, out: &mut Out<'_>) -> Result<(), Problem> {
    for n in 0..reader.count(3)? {
        let lexeme = reader.terminated()?;
        out.room(lexeme.len() + 4)?;
        if n > 0 {
            out.push(' ');
        }
        quoted(out, lexeme);
        for place in 0..reader.u16()? {
            out.room(8)?;
            out.push(if place == 0 { ':' } else { ',' });
            let position = reader.u16()?;
            out.padded(u64::from(position & 0x3FFF), 1);
            out.push_str(match position >> 14 {
                3 => "A",
                2 => "B",
                1 => "C",
                _ => "",
            });
        }
    }
    Ok(())
}

fn quoted(out: &mut Out<'_>, lexeme: &str) {
    out.push('\'');
    for c in lexeme.chars() {
        if matches!(c, '\'' | '\\') {
            out.push(c);
        }
        out.push(c);
    }
    out.push('\'');
}

enum Item<'a> {
    Lexeme { text: &'a str, weights: u8, is_prefix: bool },
    Not { operand: usize },
    Both { operator: Operator, left: usize, right: usize },
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Operator {
    And,
    Or,
    Phrase { distance: i16 },
}

impl Operator {
    fn priority(self) -> u8 {
        match self {
            Self::Or => 1,
            Self::And => 2,
            Self::Phrase { .. } => 3,
        }
    }
}

const NOT: u8 = 4;

/// What is still to be written of a query.
enum Step {
    Item { item: usize, parent: u8, is_right_of_phrase: bool },
    Text(&'static str),
    Operator(Operator),
}

/// The items come in prefix order, each operator before its right and then its left operand. A query
/// may nest as deep as it is long: nothing here calls itself.
pub(super) fn query(reader: &mut Reader<'_>, out: &mut Out<'_>) -> Result<(), Problem> {
    let items = items(reader)?;
    if items.is_empty() {
        return Ok(());
    }
    let mut steps = vec![Step::Item { item: 0, parent: 0, is_right_of_phrase: false }];
    while let Some(step) = steps.pop() {
        out.room(8)?;
        let (item, parent, is_right_of_phrase) = match step {
            Step::Item { item, parent, is_right_of_phrase } => (item, parent, is_right_of_phrase),
            Step::Text(text) => {
                out.push_str(text);
                continue;
            }
            Step::Operator(operator) => {
                write_operator(out, operator);
                continue;
            }
        };
        match items.get(item).ok_or(SHORT)? {
            Item::Lexeme { text, weights, is_prefix } => {
                out.room(text.len() + 8)?;
                quoted(out, text);
                if *is_prefix || weights & 15 != 0 {
                    out.push(':');
                }
                if *is_prefix {
                    out.push('*');
                }
                for (bit, weight) in [(8, 'A'), (4, 'B'), (2, 'C'), (1, 'D')] {
                    if weights & bit != 0 {
                        out.push(weight);
                    }
                }
            }
            Item::Not { operand } => {
                if NOT < parent {
                    out.push_str("( ");
                    steps.push(Step::Text(" )"));
                }
                out.push('!');
                let item = *operand;
                steps.push(Step::Item { item, parent: NOT, is_right_of_phrase: false });
            }
            Item::Both { operator, left, right } => {
                let priority = operator.priority();
                let is_phrase = matches!(operator, Operator::Phrase { .. });
                if priority < parent || is_phrase && is_right_of_phrase {
                    out.push_str("( ");
                    steps.push(Step::Text(" )"));
                }
                steps.push(Step::Item {
                    item: *right,
                    parent: priority,
                    is_right_of_phrase: is_phrase,
                });
                steps.push(Step::Operator(*operator));
                let item = *left;
                steps.push(Step::Item { item, parent: priority, is_right_of_phrase: false });
            }
        }
    }
    Ok(())
}

fn write_operator(out: &mut Out<'_>, operator: Operator) {
    match operator {
        Operator::And => out.push_str(" & "),
        Operator::Or => out.push_str(" | "),
        Operator::Phrase { distance: 1 } => out.push_str(" <-> "),
        Operator::Phrase { distance } => {
            out.push_str(" <");
            out.padded(u64::from(distance.unsigned_abs()), 1);
            out.push_str("> ");
        }
    }
}

fn items<'a>(reader: &mut Reader<'a>) -> Result<Vec<Item<'a>>, Problem> {
    let count = reader.count(2)?;
    let mut items = Vec::new();
    for _ in 0..count {
        items.push(match (reader.u8()?, reader.u8()?) {
            (1, weights) => {
                let is_prefix = reader.u8()? != 0;
                Item::Lexeme { text: reader.terminated()?, weights, is_prefix }
            }
            (2, 1) => Item::Not { operand: 0 },
            (2, 2) => Item::Both { operator: Operator::And, left: 0, right: 0 },
            (2, 3) => Item::Both { operator: Operator::Or, left: 0, right: 0 },
            (2, 4) => {
                let distance = reader.i16()?;
                Item::Both { operator: Operator::Phrase { distance }, left: 0, right: 0 }
            }
            _ => return Err(Problem::Corrupt("an operator is unknown")),
        });
    }
    // From the end, every operator finds its operands complete; what is on the stack lies in order.
    let mut complete = Vec::new();
    for (place, item) in items.iter_mut().enumerate().rev() {
        match item {
            Item::Lexeme { .. } => {}
            Item::Not { operand } => *operand = complete.pop().ok_or(SHORT)?,
            Item::Both { left, right, .. } => {
                *right = complete.pop().ok_or(SHORT)?;
                *left = complete.pop().ok_or(SHORT)?;
            }
        }
        complete.push(place);
    }
    if complete.len() > 1 { Err(Problem::Corrupt("an operator is missing")) } else { Ok(items) }
}

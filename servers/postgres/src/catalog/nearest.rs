//! Names that are nearly the one that somebody asked for. Only what the policy shows is compared.

use std::cmp::Reverse;

use super::Catalog;
use super::listing::{Listing, ObjectKind};
use super::names::{Asked, qualified};
use crate::source::error::PgError;

/// Suggestions for one name.
const MOST: usize = 3;

impl Catalog<'_> {
    /// Schema and name of all objects.
    pub(super) async fn all_names(&self) -> Result<Vec<(String, String)>, PgError> {
        let mut kinds = ObjectKind::RELATIONS.to_vec();
        kinds.extend([ObjectKind::Sequence, ObjectKind::Function, ObjectKind::Type]);
        let objects = self.list(&Listing { kinds, ..Listing::default() }).await?;
        Ok(objects.into_iter().map(|object| (object.schema, object.name)).collect())
    }
}

/// The names most like the one asked for, best first.
pub(super) fn nearest(asked: &Asked, names: &[(String, String)]) -> Vec<String> {
    let wanted = asked.name.folded.to_lowercase();
    let mut near: Vec<_> = names
        .iter()
        .filter_map(|(schema, name)| {
            let likeness = likeness(&wanted, &name.to_lowercase())?;
            let in_schema = asked.schema.as_ref().is_some_and(|asked| asked.may_be(schema));
            Some((Reverse(likeness), !in_schema, qualified(schema, name)))
        })
        .collect();
    near.sort();
    near.dedup_by(|a, b| a.2 == b.2);
    near.into_iter().take(MOST).map(|(_, _, name)| name).collect()
}

/// How much two names are alike, to 100; none if they aren't.
pub(super) fn likeness(wanted: &str, name: &str) -> Option<usize> {
    let longest = wanted.chars().count().max(name.chars().count());
    let shortest = wanted.chars().count().min(name.chars().count());
    // One typo in three letters, and no more than three.
    let most = (longest / 3).min(3);
    let distance = (longest - shortest <= most).then(|| distance(wanted, name));
    if let Some(distance) = distance.filter(|distance| *distance <= most) {
        return Some(100 - distance * 100 / longest.max(1));
    }
    let contained = shortest >= 3 && (name.contains(wanted) || wanted.contains(name));
    contained.then(|| 60 * shortest / longest)
}

/// Letters to insert, delete, replace or swap with their neighbour.
fn distance(a: &str, b: &str) -> usize {
    let (a, b): (Vec<char>, Vec<char>) = (a.chars().collect(), b.chars().collect());
    let mut before: Vec<usize> = Vec::new();
    let mut last: Vec<usize> = (0..=b.len()).collect();
    for (i, from) in a.iter().enumerate() {
        let mut row = vec![i + 1];
        for (j, to) in b.iter().enumerate() {
            let at = |row: &[usize], j: usize| row.get(j).copied().unwrap_or(usize::MAX / 2);
            let replaced = at(&last, j) + usize::from(from != to);
            let mut best = replaced.min(at(&last, j + 1) + 1).min(at(&row, j) + 1);
            let swapped = i > 0 && j > 0 && a.get(i - 1) == Some(to) && b.get(j - 1) == Some(from);
            if swapped {
                best = best.min(at(&before, j - 1) + 1);
            }
            row.push(best);
        }
        before = std::mem::replace(&mut last, row);
    }
    last.last().copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn distances() {
        for (a, b, expected) in [
            ("orders", "orders", 0),
            ("order", "orders", 1),
            ("odrers", "orders", 1),
            ("ordres", "orders", 1),
            ("größe", "grösse", 2),
            ("", "abc", 3),
        ] {
            assert_eq!((distance(a, b), distance(b, a)), (expected, expected), "{a} {b}");
        }
    }

    #[test]
    fn the_nearest_come_first() {
        let names = [
            ("sales", "orders"),
            ("sales", "order_items"),
            ("old", "orders"),
            ("public", "Borders"),
            ("public", "customers"),
        ];
        let names: Vec<_> =
            names.iter().map(|(schema, name)| ((*schema).to_owned(), (*name).to_owned())).collect();
        let near = |name: &str| nearest(&Asked::parse(name).unwrap(), &names);
        assert_eq!(near("sales.ordrs"), ["sales.orders", "old.orders", "public.\"Borders\""]);
        assert_eq!(near("customer"), ["public.customers"]);
        assert_eq!(near("items"), ["sales.order_items"]);
        assert!(near("xyz").is_empty());
    }
}

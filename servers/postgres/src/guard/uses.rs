//! What a statement can reach, by name.

use std::collections::BTreeSet;

use super::names::Name;

/// The names in a statement that mean something outside of it. There may be more than
/// `PostgreSQL` would look up, never fewer.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Uses {
    /// Tables, views and whatever else FROM reads; names of common table expressions are not
    /// among them where they are in scope.
    pub relations: BTreeSet<Name>,
    /// Functions of all kinds.
    pub functions: BTreeSet<Call>,
    /// Operators, also those that special syntax stands for (`IN`, `LIKE`, `BETWEEN`, …).
    pub operators: BTreeSet<Name>,
    /// Types that something is cast to or declared as; of arrays, the type of the elements.
    pub types: BTreeSet<Name>,
    /// Collations.
    pub collations: BTreeSet<Name>,
    /// Settings that SHOW or `current_setting` read.
    pub settings: BTreeSet<String>,
    /// How many parameters it takes.
    pub parameters: u16,
}

/// The use of a function.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Call {
    /// Its name.
    pub name: Name,
    /// How many arguments it is given, where that can be told.
    pub arguments: Option<u16>,
    /// How it is written.
    pub notation: Notation,
}

/// How the use of a function is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Notation {
    /// `f(x)`. With one argument, it may as well mean a cast to a type of that name.
    Call,
    /// `x.f`: a column, or a function of one argument if there is no such column.
    Attribute,
    /// `(x).f`, `x[1].f`, `$1.f`: the same of any value.
    Field,
    /// `TABLESAMPLE f(x)`.
    Sample,
}

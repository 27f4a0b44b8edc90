//! Where the fields of documents come from. A shape is a set of grafts: the field at a path (and all
//! beneath it) comes from a path of a collection whose rules hold for it. Where several may be meant
//! all of them hold; a graft too many hides too much, one too few is a hole.

use std::sync::Arc;

use super::policy::{Fields, Touch};
use super::refusal::Refusal;
use crate::ejson::{Seen, Sight};

/// Most grafts of one shape.
const MAX_GRAFTS: usize = 2_000;

/// Where the fields of documents come from, as far as rules hold for them.
#[derive(Debug, Clone, Default)]
pub struct Shape {
    grafts: Vec<Graft>,
}

#[derive(Debug, Clone)]
struct Graft {
    at: Vec<String>,
    from: Vec<String>,
    /// None hides everything.
    rules: Option<Arc<Fields>>,
}

impl Graft {
    fn touch(&self, beneath: &[&str]) -> Touch {
        let Some(rules) = &self.rules else { return Touch::Denied };
        let mut path: Vec<&str> = self.from.iter().map(String::as_str).collect();
        path.extend(beneath);
        rules.touch(&path)
    }

    fn is_same(&self, other: &Self) -> bool {
        let rules = match (&self.rules, &other.rules) {
            (Some(one), Some(two)) => Arc::ptr_eq(one, two),
            (None, None) => true,
            _ => false,
        };
        rules && self.at == other.at && self.from == other.from
    }
}

impl Shape {
    pub(super) fn of_collection(rules: Option<Arc<Fields>>) -> Self {
        let graft = |rules| Graft { at: Vec::new(), from: Vec::new(), rules: Some(rules) };
        Self { grafts: rules.map(graft).into_iter().collect() }
    }

    /// The events of a change stream over documents of this shape.
    pub(super) fn of_changes(&self) -> Self {
        let mut shape = Self::default();
        let places: [&[&str]; 4] = [
            &["fullDocument"],
            &["fullDocumentBeforeChange"],
            &["documentKey"],
            &["updateDescription", "updatedFields"],
        ];
        for place in places {
            shape.add(self.under(place));
        }
        // Names of hidden fields stand there as values.
        for name in ["removedFields", "disambiguatedPaths", "truncatedArrays"] {
            if self.is_ruled() {
                let at = vec!["updateDescription".to_owned(), name.to_owned()];
                shape.grafts.push(Graft { at, from: Vec::new(), rules: None });
            }
        }
        shape
    }

    /// Whether any rule holds for anything in it.
    pub fn is_ruled(&self) -> bool {
        !self.grafts.is_empty()
    }

    pub(super) fn len(&self) -> usize {
        self.grafts.len()
    }

    /// This shape, as that of the field at `path`.
    pub(super) fn under<P: AsRef<str>>(&self, path: &[P]) -> Self {
        let mut shape = self.clone();
        for graft in &mut shape.grafts {
            graft.at.splice(0..0, path.iter().map(|name| name.as_ref().to_owned()));
        }
        shape
    }

    /// Both at once.
    pub(super) fn add(&mut self, other: Self) {
        for graft in other.grafts {
            if !self.grafts.iter().any(|known| known.is_same(&graft)) {
                self.grafts.push(graft);
            }
        }
    }

    pub(super) fn check_size(&self) -> Result<(), Refusal> {
        if self.grafts.len() > MAX_GRAFTS {
            Err(Refusal::bound("the pipeline renames too many fields to be judged"))
        } else {
            Ok(())
        }
    }

    /// The shape of the field at `path`.
    pub(super) fn of(&self, path: &[String]) -> Self {
        let mut shape = Self::default();
        for variant in variants(path) {
            for graft in &self.grafts {
                let graft = if let Some(rest) = variant.strip_prefix(graft.at.as_slice()) {
                    let from = graft.from.iter().chain(rest).cloned().collect();
                    Graft { at: Vec::new(), from, rules: graft.rules.clone() }
                } else if let Some(rest) = graft.at.strip_prefix(variant.as_slice()) {
                    Graft { at: rest.to_vec(), ..graft.clone() }
                } else {
                    continue;
                };
                if graft.touch(&[]) != Touch::Nothing
                    && !shape.grafts.iter().any(|known| known.is_same(&graft))
                {
                    shape.grafts.push(graft);
                }
            }
        }
        shape
    }

    /// How rules touch all of it.
    pub(super) fn whole(&self) -> Touch {
        let touch = |graft: &Graft| match graft.touch(&[]) {
            Touch::Masked(_) | Touch::Denied if !graft.at.is_empty() => Touch::Beneath,
            touch => touch,
        };
        self.grafts.iter().map(touch).max().unwrap_or(Touch::Nothing)
    }

    /// How rules touch the field at `path`.
    pub(super) fn touch(&self, path: &[String]) -> Touch {
        self.of(path).whole()
    }

    /// Refuses a use of the field at `path` if it is hidden itself.
    pub(super) fn use_field(&self, path: &[String], how: &str) -> Result<(), Refusal> {
        match self.touch(path) {
            Touch::Masked(_) | Touch::Denied if path.is_empty() => {
                Err(Refusal::whole("what it is given", how))
            }
            Touch::Masked(_) | Touch::Denied => Err(Refusal::field(&path.join("."), how)),
            _ => Ok(()),
        }
    }

    /// Refuses a use that depends on all of the field if a rule hides a part of it.
    pub(super) fn use_whole(&self, path: &[String], how: &str) -> Result<(), Refusal> {
        match self.touch(path) {
            Touch::Beneath if path.is_empty() => Err(Refusal::whole("what it is given", how)),
            Touch::Beneath => Err(Refusal::whole(&path.join("."), how)),
            _ => self.use_field(path, how),
        }
    }
}

impl Sight for Shape {
    fn seen(&self, path: &[&str]) -> Seen {
        let path: Vec<String> = path.iter().map(|&name| name.to_owned()).collect();
        self.touch(&path).into()
    }
}

/// What a path can mean: names that hold dots may stand for the path that they spell (change streams
/// write such), and numbers for places in arrays, which rules don't name.
fn variants(path: &[String]) -> Vec<Vec<String>> {
    let mut all = vec![path.to_vec()];
    if path.iter().any(|name| name.contains('.')) {
        all.push(path.iter().flat_map(|name| name.split('.')).map(str::to_owned).collect());
    }
    let number = |name: &str| !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_digit());
    for at in 0..all.len() {
        let without: Option<Vec<String>> = all
            .get(at)
            .filter(|path| path.iter().any(|name| number(name)))
            .map(|path| path.iter().filter(|name| !number(name)).cloned().collect());
        all.extend(without);
    }
    all
}

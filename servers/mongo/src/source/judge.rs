//! The guard's questions, answered: what it must know of names is looked up, and remembered for a
//! moment.

use super::Mongo;
use super::error::MongoError;
use super::names::Namespace;
use crate::guard::{Judged, Kind, Known, Reference, Refusal, Shape, Subject, View};

/// Names that are looked up for one question at most. Views stand on views, and pipelines name
/// collections.
const MOST_LOOKUPS: usize = 200;

impl Mongo {
    /// Has the guard judge what is about to be sent; the shape of what will come back.
    pub(crate) async fn judge(
        &self,
        name: &Namespace,
        question: impl Fn(Subject<'_>) -> Result<Judged, Refusal>,
    ) -> Result<Shape, MongoError> {
        let of = Reference::new(name.database(), name.collection());
        let mut known = Known::new();
        loop {
            let subject = Subject { policy: &self.policy, known: &known, of: &of };
            let judged = question(subject).map_err(MongoError::from)?;
            if judged.unresolved.is_empty() {
                return Ok(judged.shape);
            }
            for reference in judged.unresolved {
                if known.len() >= MOST_LOOKUPS {
                    return Err(MongoError::NotAllowed(
                        "it stands on too many collections and views".to_owned(),
                    ));
                }
                let name = self.admit(&reference.database, &reference.collection)?;
                let kind = match Box::pin(self.believed(&name)).await? {
                    None => Kind::Missing,
                    Some(found) => match found.view() {
                        None => Kind::Collection,
                        Some((on, pipeline)) => Kind::View(View { on: on.to_owned(), pipeline }),
                    },
                };
                known.insert(reference, kind);
            }
        }
    }

    /// The shape of a collection's documents as they are.
    pub(crate) async fn shape(&self, name: &Namespace) -> Result<Shape, MongoError> {
        self.judge(name, |subject| crate::guard::aggregate(subject, &[])).await
    }
}

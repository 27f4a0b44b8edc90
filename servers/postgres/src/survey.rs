//! What there is to be allowed or denied: tables and views, for `init`.

use lockkeeper_core::{Surveyed, count};

use crate::catalog::listing::{Listing, ObjectKind};
use crate::source::Pg;
use crate::source::error::PgError;

impl Pg {
    /// The relations that the role may read, under the policy in force.
    pub(crate) async fn survey(&self) -> Result<Vec<Surveyed>, PgError> {
        let mut found = Vec::new();
        for database in self.databases() {
            let relations = Listing { kinds: ObjectKind::RELATIONS.to_vec(), ..Listing::default() };
            let objects = database.catalog().list(&relations).await?;
            for object in objects.iter().filter(|object| object.readable) {
                let kind = object.kind.as_str().replace('_', " ");
                let rows = object.rows.map(|rows| format!(", about {}", count(rows, "row")));
                let note = kind + &rows.unwrap_or_default();
                let name = [&database.name, &object.schema, &object.name].map(String::as_str);
                found.push(Surveyed::named(&name, '.', note));
            }
        }
        Ok(found)
    }
}

//! What there is to be allowed or denied: collections and views, for `init`.

use lockkeeper_core::Surveyed;

use crate::source::Mongo;
use crate::source::error::MongoError;

impl Mongo {
    /// The collections of the database that the settings name, or of all, under the policy in force.
    pub(crate) async fn survey(&self) -> Result<Vec<Surveyed>, MongoError> {
        let databases = match self.database(None).await {
            Ok(name) => vec![name],
            Err(_) => self.databases().await?.into_iter().map(|database| database.name).collect(),
        };
        let mut found = Vec::new();
        for database in databases {
            for collection in self.collections(&database).await? {
                let name = [database.as_str(), collection.name.as_str()];
                found.push(Surveyed::named(&name, '.', collection.kind));
            }
        }
        Ok(found)
    }
}

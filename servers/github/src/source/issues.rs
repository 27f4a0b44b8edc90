//! Issues that other issues lead to: named by number here, or by `owner/name#number` elsewhere.

use serde_json::Value;

use super::{RepoRef, Source, SourceError};

impl Source {
    /// The id of an issue, which links between issues take. One elsewhere has to exist here as well.
    pub(crate) async fn issue_id(&self, repo: &RepoRef, named: &str) -> Result<u64, SourceError> {
        let (place, number) = named.rsplit_once('#').unwrap_or(("", named));
        let number: u64 = number.trim().parse().map_err(|_| {
            SourceError::argument("an issue is named by its number, or owner/name#number elsewhere")
        })?;
        let repo = match place {
            "" => repo.clone(),
            place => self.repo(place).await?,
        };
        let issue = self.read(&repo.route().at("issues").number(number)).await?;
        let id = issue.value.get("id").and_then(Value::as_u64);
        id.ok_or_else(|| SourceError::answer("an issue without an id"))
    }
}

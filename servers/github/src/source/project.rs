//! Projects of users and organizations, and the items on them. An item that leads into a repository
//! is there only if the rules admit that repository.

use serde_json::{Value, json};

use super::error::SourceError;
use super::{Document, OwnerRef, Route, Source, Target, Within};
use crate::answer::{cell, find};

const PROJECT: Document =
    Document { name: "project", text: include_str!("../graphql/project.graphql") };

const ITEM: Document =
    Document { name: "item", text: include_str!("../graphql/project_item.graphql") };

/// A project that the rules admit, as GitHub describes it.
#[derive(Debug)]
pub(crate) struct ProjectRef {
    owner: OwnerRef,
    number: u64,
    is_of_organization: bool,
    pub(crate) is_public: bool,
    /// What GraphQL knows it by.
    pub(crate) node: String,
    /// All of it.
    pub(crate) value: Value,
}

/// An item on a project, admitted together with what it leads to.
#[derive(Debug)]
pub(crate) struct ItemRef {
    pub(crate) id: u64,
    /// What GraphQL knows it by.
    pub(crate) node: String,
    /// All of it.
    pub(crate) value: Value,
}

impl ProjectRef {
    pub(crate) fn owner(&self) -> &OwnerRef {
        &self.owner
    }

    /// Its place in the REST interface.
    pub(crate) fn route(&self) -> Result<Route, SourceError> {
        let owners = if self.is_of_organization { "orgs" } else { "users" };
        let route = Route::outside(owners).name("owner", self.owner.login())?;
        Ok(route.at("projectsV2").number(self.number))
    }

    /// What writing to it means.
    pub(crate) fn target(&self) -> Target<'_> {
        Target::Owned { owner: &self.owner, what: "a project", is_public: self.is_public }
    }

    /// `project 3 of acme`
    pub(crate) fn called(&self) -> String {
        format!("project {} of {}", self.number, self.owner.login())
    }

    /// The same, and who sees it.
    pub(crate) fn headed(&self) -> String {
        let visibility = if self.is_public { "public" } else { "private" };
        format!("{}, {visibility}", self.called())
    }
}

impl Source {
    /// The project with this number. Reading it is reading what it says.
    pub(crate) async fn project(
        &self,
        owner: &str,
        number: u64,
    ) -> Result<ProjectRef, SourceError> {
        let owner = self.owner(owner)?;
        let variables = json!({ "owner": owner.login(), "number": number });
        let data = self.query(Within::Owner(&owner), &PROJECT, variables).await?;
        let value = find(&data, "repositoryOwner.projectV2");
        let Some(node) = value.get("id").and_then(Value::as_str).map(str::to_owned) else {
            let asked = format!("project {number} of {}", owner.login());
            return Err(SourceError::NotFound { asked });
        };
        let is_of_organization =
            find(&data, "repositoryOwner.__typename").as_str() == Some("Organization");
        let is_public = value.get("public") == Some(&Value::Bool(true));
        let project = ProjectRef { owner, number, is_of_organization, is_public, node, value };
        self.saw_own(&project.called(), !is_public);
        Ok(project)
    }

    /// An item on this project.
    pub(crate) async fn project_item(
        &self,
        project: &ProjectRef,
        id: u64,
    ) -> Result<ItemRef, SourceError> {
        let missing =
            || SourceError::NotFound { asked: format!("item {id} of {}", project.called()) };
        // GraphQL knows it by another id only.
        let found = self.read(&project.route()?.at("items").number(id)).await?.value;
        let node = cell(&find(&found, "node_id"));
        let within = Within::Owner(project.owner());
        let data = self.query(within, &ITEM, json!({ "id": node })).await?;
        let mut value = find(&data, "node");
        let is_of_project = find(&value, "project.id").as_str() == Some(project.node.as_str());
        if !is_of_project || !self.admit_item(&mut value) {
            return Err(missing());
        }
        Ok(ItemRef { id, node, value })
    }

    /// Whether an item may be shown, with what it leads to. Notes what was seen, and brings what is
    /// shown of it together.
    pub(crate) fn admit_item(&self, item: &mut Value) -> bool {
        // What the token may not see says nothing of where it lies.
        let content = find(item, "content");
        if content.is_null() || find(item, "type").as_str() == Some("REDACTED") {
            return false;
        }
        if let Some(repo) = content.pointer("/repository/nameWithOwner").and_then(Value::as_str) {
            if self.admits(repo).is_err() {
                return false;
            }
            let is_private = content.pointer("/repository/isPrivate") != Some(&Value::Bool(false));
            self.saw_own(repo, is_private);
        }
        let value = |value: &Value| {
            let name = cell(&find(value, "field.name"));
            let known = ["text", "number", "date", "name", "title"];
            let value = known.iter().find_map(|key| value.get(key).filter(|v| !v.is_null()))?;
            // It is in a column of its own.
            (name != "Title").then(|| format!("{name}: {}", cell(value)))
        };
        let values = find(item, "fieldValues.nodes");
        let values: Vec<String> =
            values.as_array().into_iter().flatten().filter_map(value).collect();
        if let Some(item) = item.as_object_mut() {
            let id = item.get("fullDatabaseId").and_then(Value::as_str);
            let id = id.and_then(|id| id.parse::<u64>().ok());
            item.insert("item".to_owned(), json!(id));
            item.insert("values".to_owned(), json!(values));
        }
        // The two kinds have states of two types, which GraphQL wants to be named apart.
        let state = find(item, "content.pullState");
        if let (false, Some(content)) =
            (state.is_null(), item.get_mut("content").and_then(Value::as_object_mut))
        {
            content.insert("state".to_owned(), state);
        }
        true
    }
}

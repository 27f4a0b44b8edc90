//! The rules over folders: what they say, what they mean once paths are looked up, and their
//! verdict over a file and all that it lies in. Every list must admit it, and nothing may deny it.

use std::collections::{BTreeMap, BTreeSet};

use lockkeeper_core::Scope;

use super::{Above, DriveApi as _, FOLDER, Google};
use crate::source::api::Listing;
use crate::source::error::SourceError;
use crate::source::name::{Name, literal};

/// Checks a pattern of `[policy.resources]`: a file or folder, with all beneath it, by id, URL or path.
pub(crate) fn check_pattern(text: &str) -> Result<(), String> {
    Name::parse(text).map(drop).map_err(|error| error.to_string())
}

/// One folder of the settings, and where it stands there.
#[derive(Debug, Clone)]
struct Entry {
    name: Name,
    rule: String,
}

/// The rules as they are written.
#[derive(Debug, Clone, Default)]
pub(crate) struct Entries {
    allow: Vec<Vec<Entry>>,
    deny: Vec<Entry>,
}

/// The rules with ids.
#[derive(Debug)]
pub(crate) struct Resolved {
    /// My Drive.
    pub(super) root: String,
    allow: Vec<BTreeMap<String, Named>>,
    deny: BTreeMap<String, Named>,
    /// What is left of the lists where others cut them: ids and names, in their order.
    left: Vec<(String, Named)>,
}

#[derive(Debug, Clone)]
struct Named {
    name: String,
    rule: String,
    is_folder: bool,
}

impl Entries {
    pub(crate) fn new(folders: &[String], scope: &Scope) -> Result<Self, String> {
        let entry = |text: &str, rule: String| {
            let name = Name::parse(text).map_err(|error| format!("{rule}: {error}"))?;
            Ok(Entry { name, rule })
        };
        let mut allow = Vec::new();
        if !folders.is_empty() {
            let own = folders.iter().map(|text| entry(text, format!("--folder {text}")));
            allow.push(own.collect::<Result<Vec<_>, String>>()?);
        }
        let of_policy =
            |pattern: &lockkeeper_core::ScopePattern| entry(pattern.text(), pattern.to_string());
        for list in scope.allow() {
            allow.push(list.iter().map(of_policy).collect::<Result<_, _>>()?);
        }
        let deny = scope.deny().iter().map(of_policy).collect::<Result<_, _>>()?;
        Ok(Self { allow, deny })
    }

    pub(crate) fn restricts(&self) -> bool {
        !self.allow.is_empty() || !self.deny.is_empty()
    }

    pub(crate) fn denies(&self) -> bool {
        !self.deny.is_empty()
    }

    /// Whether one rule may take away what another one gives.
    pub(crate) fn may_contradict(&self) -> bool {
        self.allow.len() > 1 || (!self.allow.is_empty() && self.denies())
    }

    /// Looks all of them up.
    pub(crate) async fn resolve(&self, api: &Google) -> Result<Resolved, SourceError> {
        let root = api.get("root", "id,name").await?.id.unwrap_or_default();
        let (mut allow, mut left) = (Vec::new(), Vec::new());
        for list in &self.allow {
            let mut ids = BTreeMap::new();
            for entry in list {
                let (id, named) = resolve(api, &root, entry).await?;
                if left.iter().all(|(known, _)| *known != id) {
                    left.push((id.clone(), named.clone()));
                }
                ids.insert(id, named);
            }
            allow.push(ids);
        }
        let mut deny = BTreeMap::new();
        for entry in &self.deny {
            let (id, named) = resolve(api, &root, entry).await?;
            deny.insert(id, named);
        }
        for (id, named) in allow.iter().flatten() {
            tracing::info!(%id, name = %named.name, "allowed, with all beneath");
        }
        Ok(Resolved { root, allow, deny, left })
    }
}

async fn resolve(api: &Google, root: &str, entry: &Entry) -> Result<(String, Named), SourceError> {
    let unresolved =
        |problem: &str| SourceError::Unresolved { problem: format!("{}: {problem}", entry.rule) };
    let ids = match &entry.name {
        Name::Id { id, .. } => BTreeSet::from([id.clone()]),
        Name::Path { names, .. } => {
            let mut ids = BTreeSet::from([root.to_owned()]);
            for (depth, name) in names.iter().enumerate() {
                let mut next = BTreeSet::new();
                for id in &ids {
                    next.extend(children(api, id, name).await?);
                }
                if depth == 0 {
                    next.extend(drives(api, name).await?);
                }
                ids = next;
            }
            ids
        }
    };
    let mut ids = ids.into_iter();
    let (Some(id), None) = (ids.next(), ids.next()) else {
        return Err(unresolved("it is not there, or there are several of this path: give its id"));
    };
    let file = match api.get(&id, "id,name,mimeType,driveId").await {
        Err(SourceError::NotFound { .. }) => return Err(unresolved("it is not there")),
        file => file?,
    };
    let name = match &file.drive_id {
        Some(drive) if *drive == id => api.drive(drive).await?.name,
        _ => file.name,
    };
    let name = name.unwrap_or_default();
    let is_folder = file.mime_type.as_deref() == Some(FOLDER);
    Ok((file.id.unwrap_or(id), Named { name, rule: entry.rule.clone(), is_folder }))
}

/// What is called so in a folder.
pub(super) async fn children(
    api: &Google,
    folder: &str,
    name: &str,
) -> Result<BTreeSet<String>, SourceError> {
    let q =
        format!("{} in parents and name = {} and trashed = false", literal(folder), literal(name));
    let files = api.list(&Listing { q, size: 20, ..Listing::default() }).await?.files;
    Ok(files.unwrap_or_default().into_iter().filter_map(|file| file.id).collect())
}

/// The shared drives that are called so.
pub(super) async fn drives(api: &Google, name: &str) -> Result<BTreeSet<String>, SourceError> {
    let drives = api.drives().await?.drives.unwrap_or_default().into_iter();
    Ok(drives.filter(|drive| drive.name.as_deref() == Some(name)).filter_map(|d| d.id).collect())
}

impl Resolved {
    /// Whether there is an allow-list.
    pub(crate) fn is_limited(&self) -> bool {
        !self.allow.is_empty()
    }

    /// What the lists allow together: ids and names.
    pub(crate) fn allowed(&self) -> impl Iterator<Item = (&str, &str)> {
        self.left.iter().map(|(id, named)| (id.as_str(), named.name.as_str()))
    }

    /// What the lists name, each for itself.
    pub(super) fn candidates(&self) -> Vec<String> {
        self.left.iter().map(|(id, _)| id.clone()).collect()
    }

    /// Keeps these.
    pub(super) fn keep(&mut self, ids: &[String]) {
        self.left.retain(|(id, _)| ids.contains(id));
    }

    /// Whether all that is allowed are folders, so that what lies in them can be looked for there.
    pub(crate) fn are_folders(&self) -> bool {
        self.left.iter().all(|(_, named)| named.is_folder)
    }

    /// Whether this very file is denied.
    pub(crate) fn is_denied(&self, id: &str) -> bool {
        self.deny.contains_key(id)
    }

    /// Whether a list names this very file.
    pub(super) fn is_allowed(&self, id: &str) -> bool {
        self.allow.iter().any(|list| list.contains_key(id))
    }

    /// Where new files go by themselves.
    pub(crate) fn home(&self) -> &str {
        self.allowed().next().map_or(self.root.as_str(), |(id, _)| id)
    }

    /// Whether a file exists.
    ///
    /// # Errors
    ///
    /// The rule that hides it.
    pub(super) fn verdict(&self, above: &Above, is_writing: bool) -> Result<(), String> {
        if let Some((_, named)) = self.deny.iter().find(|(id, _)| above.parents.contains_key(*id)) {
            return Err(format!("resources.deny {}", named.rule));
        }
        // What lies in something unseen may lie in what is denied.
        if !self.deny.is_empty() && !above.is_whole() {
            return Err("resources.deny can't be told: not all its folders can be seen".to_owned());
        }
        for list in &self.allow {
            let is_one = |id: &str| list.contains_key(id);
            let is_inside =
                if is_writing { above.is_within(&is_one) } else { above.meets(&is_one) };
            if !is_inside {
                let rule = list.values().next().map_or("an empty list", |named| &named.rule);
                return Err(format!("no allowed folder holds it ({rule})"));
            }
        }
        Ok(())
    }
}

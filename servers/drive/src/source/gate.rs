//! Which files exist here. Every file that any tool or resource touches comes through this gate, and
//! only it makes a [`Found`]: by walking from the file up through its folders to one that is allowed.
//! A shortcut is judged by what it leads to. What can't be told is refused.

mod above;
mod roots;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use google_drive3::api::File;
use lockkeeper_core::{Environment, StartError};
use sha2::{Digest as _, Sha256};
use tokio::sync::OnceCell;
use tokio::time::Instant;

use self::above::Above;
use self::roots::{Entries, Resolved};
use super::api::{DriveApi, FILE, Google};
use super::error::SourceError;
use super::name::{Name, check_id};

pub(crate) use self::roots::check_pattern;

/// How long it is believed where a folder lies.
const KNOWN: Duration = Duration::from_mins(1);

/// Of so many folders it is remembered.
const MOST_KNOWN: usize = 10_000;

/// Folders over folders, at most: Drive itself allows 100.
const DEEPEST: usize = 100;

const FOLDER: &str = "application/vnd.google-apps.folder";
const SHORTCUT: &str = "application/vnd.google-apps.shortcut";

/// A file that may be read here: only the gate makes one.
#[derive(Debug, Clone)]
pub(crate) struct Found {
    id: String,
    file: File,
    /// The shortcut that led to it.
    through: Option<String>,
}

/// A file or folder that may be changed here: only the gate makes one.
#[derive(Debug, Clone)]
pub(crate) struct Held(Found);

impl Found {
    pub(crate) fn id(&self) -> &str {
        &self.id
    }

    pub(crate) fn file(&self) -> &File {
        &self.file
    }

    pub(crate) fn name(&self) -> &str {
        self.file.name.as_deref().unwrap_or_default()
    }

    pub(crate) fn mime(&self) -> &str {
        self.file.mime_type.as_deref().unwrap_or_default()
    }

    pub(crate) fn is_folder(&self) -> bool {
        self.mime() == FOLDER
    }

    pub(crate) fn through(&self) -> Option<&str> {
        self.through.as_deref()
    }

    /// What its content is called: it is another one after each change of it. Drive's own names have
    /// fifty characters, which each answer would pay for.
    pub(crate) fn revision(&self) -> String {
        match (&self.file.head_revision_id, self.file.version) {
            (Some(revision), _) => {
                let digest = Sha256::digest(revision.as_bytes());
                URL_SAFE_NO_PAD.encode(digest.get(..6).unwrap_or_default())
            }
            (None, version) => format!("v{}", version.unwrap_or_default()),
        }
    }

    /// Whether that is what its content is called, by us or by Drive.
    pub(crate) fn is_revision(&self, given: &str) -> bool {
        given == self.revision() || self.file.head_revision_id.as_deref() == Some(given)
    }
}

impl std::ops::Deref for Held {
    type Target = Found;

    fn deref(&self) -> &Found {
        &self.0
    }
}

/// Where a file or folder lies.
#[derive(Debug, Clone)]
struct Place {
    name: String,
    parents: Vec<String>,
    drive: Option<String>,
}

impl Place {
    fn of(file: &File) -> Self {
        Self {
            name: file.name.clone().unwrap_or_default(),
            parents: file.parents.clone().unwrap_or_default(),
            drive: file.drive_id.clone(),
        }
    }
}

/// What a walk is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Purpose {
    /// One way into an allowed folder is enough.
    Reading,
    /// All ways must end there, and nothing is believed from before.
    Writing,
}

/// Where folders lay, when it was asked; none of what this account doesn't see.
type Known = BTreeMap<String, (Instant, Option<Arc<Place>>)>;

/// The gate.
pub(crate) struct Gate {
    entries: Entries,
    resolved: OnceCell<Resolved>,
    known: Mutex<Known>,
    /// What was let through before: only of that it is told that it is gone.
    admitted: Mutex<BTreeSet<String>>,
}

impl Gate {
    pub(crate) fn new(folders: &[String], environment: &Environment) -> Result<Self, StartError> {
        let entries = Entries::new(folders, &environment.scope).map_err(StartError::new)?;
        Ok(Self {
            entries,
            resolved: OnceCell::new(),
            known: Mutex::default(),
            admitted: Mutex::default(),
        })
    }

    /// Whether any rule is in force.
    pub(crate) fn restricts(&self) -> bool {
        self.entries.restricts()
    }

    /// The rules, with paths looked up. Asked of Drive once; a folder that isn't found closes all.
    pub(crate) async fn resolved(&self, api: &Google) -> Result<&Resolved, SourceError> {
        let resolve = async || {
            let mut resolved = self.entries.resolve(api).await?;
            if self.entries.may_contradict() {
                let mut left = Vec::new();
                for id in resolved.candidates() {
                    let file = api.get(&id, FILE).await?;
                    let above = self.above(api, (&id, &file), &resolved.root, Purpose::Reading);
                    if resolved.verdict(&above.await?, false).is_ok() {
                        left.push(id);
                    }
                }
                resolved.keep(&left);
            }
            Ok(resolved)
        };
        self.resolved.get_or_try_init(resolve).await
    }

    /// Whether anything is denied.
    pub(crate) fn denies(&self) -> bool {
        self.entries.denies()
    }

    /// What the settings allow stays where it is and keeps its name: both are said of the folder that it
    /// lies in, which is outside.
    pub(crate) async fn check_inner(&self, api: &Google, held: &Held) -> Result<(), SourceError> {
        if self.resolved(api).await?.is_allowed(held.id()) {
            return Err(SourceError::Unsuited {
                problem: format!("`{}` is what the settings allow", held.name()),
                hint: "only the user can move, rename or trash it; what lies in it can be",
            });
        }
        Ok(())
    }

    /// The file of that name; a shortcut is followed.
    pub(crate) async fn find(&self, api: &Google, asked: &Name) -> Result<Found, SourceError> {
        let first = self.look_up(api, asked).await?;
        let found = self.follow(api, first, asked).await?;
        self.judge(api, &found.file, (asked.text(), Purpose::Reading)).await?;
        Ok(found)
    }

    /// The same to change it. A shortcut is not followed: it is what is changed, and both it and
    /// what it leads to must be allowed.
    pub(crate) async fn hold(&self, api: &Google, asked: &Name) -> Result<Held, SourceError> {
        let found = self.look_up(api, asked).await?;
        self.judge(api, &found.file, (asked.text(), Purpose::Writing)).await?;
        if found.mime() == SHORTCUT {
            let target = self.follow(api, found.clone(), asked).await?;
            self.judge(api, &target.file, (asked.text(), Purpose::Reading)).await?;
        }
        Ok(Held(found))
    }

    /// The same to change the content: a shortcut is followed.
    pub(crate) async fn hold_content(
        &self,
        api: &Google,
        asked: &Name,
    ) -> Result<Held, SourceError> {
        let first = self.look_up(api, asked).await?;
        let found = self.follow(api, first, asked).await?;
        self.judge(api, &found.file, (asked.text(), Purpose::Writing)).await?;
        Ok(Held(found))
    }

    /// The folder that new files go to.
    pub(crate) async fn hold_folder(
        &self,
        api: &Google,
        asked: Option<&Name>,
    ) -> Result<Held, SourceError> {
        let asked = match asked {
            Some(asked) => asked.clone(),
            None => Name::id(self.resolved(api).await?.home()),
        };
        let held = self.hold_content(api, &asked).await?;
        if !held.is_folder() {
            let problem = format!("`{}` is no folder", asked.text());
            return Err(SourceError::Unsuited { problem, hint: "name a folder; list shows them" });
        }
        Ok(held)
    }

    /// Which of these may be seen. Of a shortcut both it and what it leads to must be.
    pub(crate) async fn admit(
        &self,
        api: &Google,
        files: Vec<File>,
    ) -> Result<(Vec<Found>, usize), SourceError> {
        let (mut found, mut filtered) = (Vec::new(), 0);
        for file in files {
            match Box::pin(self.admit_one(api, file)).await {
                Ok(one) => found.push(one),
                Err(SourceError::Hidden { .. } | SourceError::NotFound { .. }) => filtered += 1,
                Err(error) => return Err(error),
            }
        }
        Ok((found, filtered))
    }

    async fn admit_one(&self, api: &Google, file: File) -> Result<Found, SourceError> {
        let id = file.id.clone().unwrap_or_default();
        let target = file.shortcut_details.as_ref().and_then(|details| details.target_id.clone());
        self.judge(api, &file, (&id, Purpose::Reading)).await?;
        if let Some(target) = target.filter(|_| self.restricts()) {
            check_id(&target)?;
            let target = api.get(&target, FILE).await?;
            self.judge(api, &target, (&id, Purpose::Reading)).await?;
        }
        Ok(Found { id, file, through: None })
    }

    /// Whether a file whose id is known may have been seen before it went.
    pub(crate) fn knew(&self, id: &str) -> bool {
        !self.restricts() || self.admitted().contains(id)
    }

    /// A file that may be read, with everything that it lies in; none if it may not be.
    pub(crate) async fn chain(
        &self,
        api: &Google,
        file: &File,
    ) -> Result<Option<BTreeSet<String>>, SourceError> {
        let id = file.id.clone().unwrap_or_default();
        match self.judge(api, file, (&id, Purpose::Reading)).await {
            Err(SourceError::Hidden { .. }) => return Ok(None),
            judged => judged?,
        }
        let root = &self.resolved(api).await?.root;
        let above = self.above(api, (&id, file), root, Purpose::Reading).await?;
        Ok(Some(above.parents.into_keys().collect()))
    }

    /// What a file lay in when it was last seen, as far as that is remembered.
    pub(crate) fn remembered(&self, id: &str) -> BTreeSet<String> {
        let known = self.known();
        let (mut above, mut left) = (BTreeSet::new(), vec![id.to_owned()]);
        while let Some(id) = left.pop() {
            let place = known.get(&id).and_then(|(_, place)| place.as_ref());
            if above.insert(id) {
                left.extend(place.into_iter().flat_map(|place| place.parents.clone()));
            }
        }
        above
    }

    /// Where a file lies, from an allowed folder down, as agents name it.
    pub(crate) async fn path(&self, api: &Google, found: &Found) -> Result<String, SourceError> {
        let resolved = self.resolved(api).await?;
        let above = self.above(api, (&found.id, &found.file), &resolved.root, Purpose::Reading);
        // Of several ways up this is one through an allowed folder: the others are nobody's business.
        let way = above.await?.way(&|id| resolved.is_limited().then(|| resolved.is_allowed(id)));
        let mut names = Vec::new();
        for id in way.iter().filter(|id| resolved.is_limited() || **id != resolved.root) {
            let place = self.place(api, id, Purpose::Reading).await?;
            names.push(place.map_or_else(|| "…".to_owned(), |place| place.name.clone()));
        }
        Ok(format!("/{}", names.join("/")))
    }

    /// Forgets where something lies: it was moved.
    pub(crate) fn forget(&self, id: &str) {
        self.known().remove(id);
    }

    async fn look_up(&self, api: &Google, asked: &Name) -> Result<Found, SourceError> {
        let id = match asked {
            Name::Id { id, .. } if id == "root" => self.resolved(api).await?.root.clone(),
            Name::Id { id, .. } => id.clone(),
            Name::Path { text, names } => self.by_path(api, text, names).await?,
        };
        check_id(&id)?;
        if self.restricts() {
            // What is wrong with the login shows here, so that below only the file can be at fault.
            self.resolved(api).await?;
        }
        let file = api.get(&id, FILE).await.map_err(|error| match error {
            SourceError::NotFound { .. } => {
                SourceError::NotFound { asked: asked.text().to_owned() }
            }
            // Where it lies can't be told, and that it is there must not be.
            SourceError::Forbidden { .. } | SourceError::ScopeMissing { .. }
                if self.restricts() =>
            {
                SourceError::NotFound { asked: asked.text().to_owned() }
            }
            error => error,
        })?;
        Ok(Found { id: file.id.clone().unwrap_or(id), file, through: None })
    }

    /// What a shortcut leads to, if it is one.
    async fn follow(&self, api: &Google, found: Found, asked: &Name) -> Result<Found, SourceError> {
        let details = found.file.shortcut_details.as_ref().filter(|_| found.mime() == SHORTCUT);
        let Some(target) = details.and_then(|details| details.target_id.clone()) else {
            return Ok(found);
        };
        let missing = || SourceError::NotFound { asked: asked.text().to_owned() };
        check_id(&target).map_err(|_| missing())?;
        let file = match api.get(&target, FILE).await {
            Err(SourceError::NotFound { .. }) => return Err(missing()),
            file => file?,
        };
        if file.mime_type.as_deref() == Some(SHORTCUT) {
            return Err(missing());
        }
        Ok(Found { id: target, file, through: Some(found.id) })
    }

    /// The id behind a path. It is looked for from the allowed folders down, or from My Drive; what
    /// lies elsewhere isn't even asked about.
    async fn by_path(
        &self,
        api: &Google,
        text: &str,
        names: &[String],
    ) -> Result<String, SourceError> {
        let resolved = self.resolved(api).await?;
        let missing = || SourceError::NotFound { asked: text.to_owned() };
        let Some((first, rest)) = names.split_first() else {
            return Ok(resolved.home().to_owned());
        };
        let mut ids = if resolved.is_limited() {
            let named = resolved.allowed().filter(|(_, name)| name == first);
            named.map(|(id, _)| id.to_owned()).collect::<BTreeSet<_>>()
        } else {
            let mut ids = roots::children(api, &resolved.root, first).await?;
            ids.extend(roots::drives(api, first).await?);
            ids
        };
        for name in rest {
            let mut next = BTreeSet::new();
            for id in &ids {
                next.extend(roots::children(api, id, name).await?);
            }
            ids = next;
        }
        // What may not be seen doesn't make a path ambiguous.
        let mut seen = Vec::new();
        for id in ids {
            let file = api.get(&id, FILE).await?;
            if self.judge(api, &file, (text, Purpose::Reading)).await.is_ok() {
                seen.push(id);
            }
        }
        match seen.as_slice() {
            [] => Err(missing()),
            [one] => Ok(one.clone()),
            several => Err(SourceError::Ambiguous {
                asked: text.to_owned(),
                ids: several.iter().take(10).cloned().collect::<Vec<_>>().join(", "),
            }),
        }
    }

    /// Whether a file exists here. Of a shortcut this is its own place; whoever asks follows it.
    async fn judge(
        &self,
        api: &Google,
        file: &File,
        (asked, purpose): (&str, Purpose),
    ) -> Result<(), SourceError> {
        if !self.restricts() {
            return Ok(());
        }
        let resolved = self.resolved(api).await?;
        let id = file.id.clone().unwrap_or_default();
        let above = self.above(api, (&id, file), &resolved.root, purpose).await?;
        match resolved.verdict(&above, purpose == Purpose::Writing) {
            Ok(()) => {
                let mut admitted = self.admitted();
                if admitted.len() >= MOST_KNOWN {
                    admitted.clear();
                }
                admitted.insert(id);
                Ok(())
            }
            Err(rule) => {
                if purpose == Purpose::Reading {
                    self.admitted().remove(&id);
                }
                Err(SourceError::Hidden { asked: asked.to_owned(), rule })
            }
        }
    }

    /// A file and everything that it lies in.
    async fn above(
        &self,
        api: &Google,
        (id, file): (&str, &File),
        root: &str,
        purpose: Purpose,
    ) -> Result<Above, SourceError> {
        let mut above = Above { id: id.to_owned(), ..Above::default() };
        let place = Arc::new(Place::of(file));
        self.remember(id, Some(Arc::clone(&place)));
        let mut left = vec![(id.to_owned(), Some(place))];
        while let Some((id, place)) = left.pop() {
            let Some(place) = place else {
                above.parents.insert(id, None);
                continue;
            };
            let mut parents = place.parents.clone();
            if parents.is_empty() && place.drive.as_deref().is_some_and(|drive| drive != id) {
                parents.extend(place.drive.clone());
            }
            for parent in &parents {
                if above.parents.len() + left.len() > DEEPEST {
                    return Ok(Above { is_cut: true, ..above });
                }
                let is_top = parent == root || place.drive.as_deref() == Some(parent);
                if above.parents.contains_key(parent) || left.iter().any(|(id, _)| id == parent) {
                    continue;
                }
                if is_top {
                    above.tops.insert(parent.clone());
                    above.parents.insert(parent.clone(), Some(Vec::new()));
                    continue;
                }
                let upper = self.place(api, parent, purpose).await?;
                left.push((parent.clone(), upper));
            }
            let is_drive = place.drive.as_deref() == Some(id.as_str());
            if parents.is_empty() && (id == root || is_drive) {
                above.tops.insert(id.clone());
            }
            above.parents.insert(id, Some(parents));
        }
        Ok(above)
    }

    /// Where a folder lies; none if this account doesn't see it.
    async fn place(
        &self,
        api: &Google,
        id: &str,
        purpose: Purpose,
    ) -> Result<Option<Arc<Place>>, SourceError> {
        let kept = self.known().get(id).filter(|(at, _)| at.elapsed() < KNOWN).cloned();
        if let Some((_, place)) = kept.filter(|_| purpose == Purpose::Reading) {
            return Ok(place);
        }
        let place = match api.get(id, "id,name,mimeType,parents,driveId").await {
            Ok(mut file) => {
                if file.drive_id.as_deref() == Some(id) {
                    // As a file, each shared drive is called the same.
                    file.name = api.drive(id).await.ok().and_then(|drive| drive.name);
                }
                Some(Arc::new(Place::of(&file)))
            }
            Err(SourceError::NotFound { .. } | SourceError::Forbidden { .. }) => None,
            Err(error) => return Err(error),
        };
        self.remember(id, place.clone());
        Ok(place)
    }

    fn remember(&self, id: &str, place: Option<Arc<Place>>) {
        let mut known = self.known();
        if known.len() >= MOST_KNOWN {
            known.clear();
        }
        known.insert(id.to_owned(), (Instant::now(), place));
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn admitted(&self) -> MutexGuard<'_, BTreeSet<String>> {
        self.admitted.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod escape;
#[cfg(test)]
mod tests;

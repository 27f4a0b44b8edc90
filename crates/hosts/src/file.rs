//! Files of hosts: read whole, replaced in one step, with a copy of what was there before.

#![expect(
    clippy::disallowed_methods,
    clippy::disallowed_types,
    reason = "the user's own settings, which no agent names: no server's scope is about them"
)]

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read as _, Write as _};
use std::path::{Path, PathBuf};

use crate::edit::{self, EditError};
use crate::entry::Entry;
use crate::host::{Host, Places, Platform, Registered};

/// The longest file that is read, bytes. State files of hosts grow to some megabytes.
const LONGEST: u64 = 64 << 20;

/// The end of a copy's name.
const COPY: &str = ".before-lockkeeper";
/// The end of a draft's name.
const DRAFT: &str = ".lockkeeper-draft";

/// Why a file was not edited. It is as it was.
#[derive(Debug, thiserror::Error)]
pub enum FileError {
    /// The file can't be read or written.
    #[error("`{}` can't be {what}: {why}", .path.display())]
    Unusable {
        /// Which.
        path: PathBuf,
        /// What was tried.
        what: &'static str,
        /// Why.
        why: String,
    },
    /// Somebody else wrote it in between.
    #[error("`{}` was changed by another program just now: call again", .0.display())]
    Changed(PathBuf),
    /// What is in it.
    #[error("`{}`: {why}", .path.display())]
    Edit {
        /// Which.
        path: PathBuf,
        /// Why.
        why: EditError,
    },
}

/// A file as it is and as it will be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// Which file.
    pub path: PathBuf,
    /// What is there, if it is.
    pub before: Option<String>,
    /// What will be there.
    pub after: String,
}

impl Change {
    /// The change that puts `entry` into the file at `path`.
    pub fn put(host: Host, path: &Path, entry: &Entry) -> Result<Self, FileError> {
        let before = read(path)?;
        let after = edit::put(host, before.as_deref().unwrap_or_default(), entry)
            .map_err(|why| FileError::Edit { path: path.to_owned(), why })?;
        Ok(Self { path: path.to_owned(), before, after })
    }

    /// A file with nothing but `entry`.
    pub fn printed(host: Host, entry: &Entry) -> Result<String, FileError> {
        edit::put(host, "", entry)
            .map_err(|why| FileError::Edit { path: PathBuf::from(host.to_string()), why })
    }

    /// The change that takes the server `name` of the program `of` out of the file at `path`. `None`
    /// if it isn't there.
    pub fn take(host: Host, path: &Path, name: &str, of: &str) -> Result<Option<Self>, FileError> {
        let Some(before) = read(path)? else { return Ok(None) };
        let after = edit::take(host, &before, name, of)
            .map_err(|why| FileError::Edit { path: path.to_owned(), why })?;
        Ok(after.map(|after| Self { path: path.to_owned(), before: Some(before), after }))
    }

    /// Whether there is nothing to do.
    pub fn is_none(&self) -> bool {
        self.before.as_deref() == Some(self.after.as_str())
    }

    /// The lines that go, with a minus, and those that come, with a plus.
    pub fn lines(&self) -> String {
        let before: Vec<&str> = self.before.as_deref().unwrap_or_default().lines().collect();
        let after: Vec<&str> = self.after.lines().collect();
        let same = |(one, other): &(&&str, &&str)| one == other;
        let front = before.iter().zip(&after).take_while(same).count();
        let back = before.iter().rev().zip(after.iter().rev()).take_while(same).count();
        let back = back.min(before.len() - front).min(after.len() - front);
        let mut out = String::new();
        for (sign, lines) in [('-', &before), ('+', &after)] {
            for line in lines.get(front..lines.len() - back).unwrap_or_default() {
                out.push(sign);
                out.push_str(line);
                out.push('\n');
            }
        }
        out
    }

    /// Writes it. Whoever reads, and whatever crashes, finds the old file or the new one. What was
    /// there before lies beside it afterwards; the path of that copy is returned.
    pub fn write(&self) -> Result<Option<PathBuf>, FileError> {
        // A file that is a link to one elsewhere stays a link.
        let path = match fs::canonicalize(&self.path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => self.path.clone(),
            path => path.map_err(|error| unusable(&self.path, "found", &error))?,
        };
        let directory = path.parent().unwrap_or(Path::new("."));
        fs::create_dir_all(directory).map_err(|error| unusable(directory, "made", &error))?;
        let permissions = fs::metadata(&path).ok().map(|meta| meta.permissions());
        let draft = beside(&path, DRAFT);
        write_new(&draft, &self.after, permissions.as_ref())?;
        let done = self.exchange(&path, &draft, permissions.as_ref());
        if done.is_err() {
            // It is of no use to anybody, and says nothing if it stays.
            drop(fs::remove_file(&draft));
        }
        done
    }

    fn exchange(
        &self,
        path: &Path,
        draft: &Path,
        permissions: Option<&fs::Permissions>,
    ) -> Result<Option<PathBuf>, FileError> {
        let copy = match &self.before {
            None => None,
            Some(before) => {
                let copy = beside(path, COPY);
                write_new(&copy, before, permissions)?;
                Some(copy)
            }
        };
        if read(path)? != self.before {
            return Err(FileError::Changed(path.to_owned()));
        }
        fs::rename(draft, path).map_err(|error| unusable(path, "replaced", &error))?;
        #[cfg(unix)]
        if let Some(directory) = path.parent() {
            let synced = File::open(directory).and_then(|directory| directory.sync_all());
            synced.map_err(|error| unusable(directory, "synced", &error))?;
        }
        Ok(copy)
    }
}

/// Where the program `of` is registered, in the user's files and in those of a project. Files that
/// can't be understood say so.
pub fn registered(
    places: &Places,
    project: Option<&Path>,
    of: &str,
) -> Vec<Result<Registered, FileError>> {
    let mut all = Vec::new();
    for host in Host::ALL {
        let user = host.file(places, Platform::HERE);
        let project = project.and_then(|project| host.project_file(project));
        for file in user.into_iter().chain(project) {
            let found = match read(&file) {
                Ok(None) => continue,
                Ok(Some(text)) => edit::servers(host, &text)
                    .map_err(|why| FileError::Edit { path: file.clone(), why }),
                Err(error) => Err(error),
            };
            match found {
                Ok(servers) => {
                    let ours = servers.into_iter().filter(|(_, command)| edit::is_of(command, of));
                    all.extend(ours.map(|(name, command)| {
                        Ok(Registered { host, file: file.clone(), name, command })
                    }));
                }
                Err(error) => all.push(Err(error)),
            }
        }
    }
    all
}

fn read(path: &Path) -> Result<Option<String>, FileError> {
    let file = match OpenOptions::new().read(true).open(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        file => file.map_err(|error| unusable(path, "read", &error))?,
    };
    let meta = file.metadata().map_err(|error| unusable(path, "read", &error))?;
    let refused = |why: &str| FileError::Unusable {
        path: path.to_owned(),
        what: "read",
        why: why.to_owned(),
    };
    if !meta.is_file() {
        return Err(refused("it is no file"));
    }
    let mut text = String::new();
    file.take(LONGEST + 1)
        .read_to_string(&mut text)
        .map_err(|error| unusable(path, "read", &error))?;
    if text.len() as u64 > LONGEST {
        return Err(refused("it is longer than 64 MB"));
    }
    Ok(Some(text))
}

/// Writes a file that is as private as the one that it stands for; a new one is the user's alone.
fn write_new(
    path: &Path,
    text: &str,
    permissions: Option<&fs::Permissions>,
) -> Result<(), FileError> {
    let write = || {
        match fs::remove_file(path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        let mut options = OpenOptions::new();
        options.write(true).create_new(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let mut file = options.open(path)?;
        if let Some(permissions) = permissions {
            file.set_permissions(permissions.clone())?;
        }
        file.write_all(text.as_bytes())?;
        file.sync_all()
    };
    write().map_err(|error| unusable(path, "written", &error))
}

fn beside(path: &Path, end: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(end);
    PathBuf::from(name)
}

fn unusable(path: &Path, what: &'static str, error: &io::Error) -> FileError {
    FileError::Unusable { path: path.to_owned(), what, why: error.to_string() }
}

#[cfg(test)]
mod tests;

//! Who may do what: roles by permissions of a file, of the folders that it is in, and of its shared drive.

use std::collections::BTreeSet;

use crate::call::Caller;

use super::{File, Permission, World};

/// What someone is to a file, the weakest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Role {
    None,
    Reader,
    Commenter,
    Writer,
    FileOrganizer,
    Organizer,
    Owner,
}

impl Role {
    pub(crate) fn parse(word: &str) -> Option<Self> {
        Some(match word {
            "reader" => Self::Reader,
            "commenter" => Self::Commenter,
            "writer" => Self::Writer,
            "fileOrganizer" => Self::FileOrganizer,
            "organizer" => Self::Organizer,
            "owner" => Self::Owner,
            _ => return None,
        })
    }

    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Reader => "reader",
            Self::Commenter => "commenter",
            Self::Writer => "writer",
            Self::FileOrganizer => "fileOrganizer",
            Self::Organizer => "organizer",
            Self::Owner => "owner",
        }
    }
}

/// The deepest that folders are looked through.
const DEPTH: usize = 200;

impl World {
    /// A file and the folders above it, the nearest first; each once, whatever the links are.
    pub(crate) fn chain<'a>(&'a self, file: &'a File) -> Vec<&'a File> {
        let mut seen = BTreeSet::new();
        let (mut found, mut open) = (Vec::new(), vec![file]);
        while let Some(next) = open.pop() {
            if seen.insert(&next.id) && found.len() < DEPTH {
                open.extend(next.parents.iter().filter_map(|parent| self.files.get(parent)));
                found.push(next);
            }
        }
        found
    }

    /// The permissions that hold for a file, each with where it comes from. What stands for the same
    /// person nearer to the file comes first.
    pub(crate) fn permissions<'a>(&'a self, file: &'a File) -> Vec<(&'a Permission, &'a File)> {
        let chain = self.chain(file);
        let mut all: Vec<(&Permission, &File)> = Vec::new();
        for from in chain {
            // A root folder is its owner's; that says nothing about what others put into it.
            let is_root = from.id != file.id && from.parents.is_empty() && from.drive.is_none();
            if is_root && from.name == "My Drive" {
                continue;
            }
            for permission in &from.permissions {
                let holds = permission.expires.is_none_or(|end| end > self.now);
                let owns = permission.role == Role::Owner && from.id != file.id;
                if holds && !owns && !all.iter().any(|(known, _)| known.id == permission.id) {
                    all.push((permission, from));
                }
            }
        }
        all
    }

    /// What a user is to a file.
    pub(crate) fn role(&self, file: &File, email: &str) -> Role {
        let holding = self.permissions(file).into_iter();
        let roles = holding.filter(|(one, _)| one.is_for(email)).map(|(one, _)| one.role);
        // Whoever owns a folder may at least edit what others put into it.
        let owns = |above: &&File| above.owner.as_deref() == Some(email);
        let above = if self.chain(file).iter().any(owns) { Role::Writer } else { Role::None };
        roles.max().unwrap_or(Role::None).max(above)
    }

    /// Whether it comes up by itself, and not only for those who have its link.
    pub(crate) fn is_listed(&self, file: &File, email: &str) -> bool {
        let mut holding = self.permissions(file).into_iter();
        let names = |one: &Permission| {
            one.is_for(email) && (matches!(one.kind.as_str(), "user" | "group") || one.discoverable)
        };
        file.owner.as_deref() == Some(email)
            || holding.any(|(one, _)| names(one))
            || self.chain(file).iter().any(|above| above.owner.as_deref() == Some(email))
    }

    /// Whether a file is in the trash, by itself or with a folder.
    pub(crate) fn is_trashed(&self, file: &File) -> bool {
        self.chain(file).iter().any(|one| one.trashed.is_some())
    }

    /// Whether a caller's token lets them see a file that they themselves may see.
    pub(crate) fn is_opened(&self, file: &File, caller: &Caller) -> bool {
        !caller.is_limited() || file.apps.contains(&caller.app) || self.is_root(file)
    }

    pub(crate) fn is_root(&self, file: &File) -> bool {
        self.users.values().any(|user| user.root == file.id)
    }

    /// Whether a caller sees a file.
    pub(crate) fn sees(&self, file: &File, caller: &Caller) -> bool {
        self.role(file, &caller.email) >= Role::Reader && self.is_opened(file, caller)
    }
}

impl Permission {
    pub(crate) fn is_for(&self, email: &str) -> bool {
        match self.kind.as_str() {
            "anyone" => true,
            "domain" => email.split_once('@').is_some_and(|(_, domain)| domain == self.whom),
            _ => self.whom == email,
        }
    }
}

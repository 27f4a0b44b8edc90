//! Giving others access: to people and groups by address, and to domains that the settings name.
//! Never to everybody, and never the ownership.

use google_drive3::api::Permission;
use lockkeeper_core::{Add, Change, Grant};
use schemars::JsonSchema;
use serde::Deserialize;

use super::Source;
use super::api::DriveApi as _;
use super::error::SourceError;
use super::gate::Held;
use super::name::check_id;

/// What someone may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Role {
    Reader,
    Commenter,
    Writer,
}

impl Role {
    fn as_str(self) -> &'static str {
        match self {
            Self::Reader => "reader",
            Self::Commenter => "commenter",
            Self::Writer => "writer",
        }
    }
}

/// Who gets access.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Receiver {
    User(String),
    Group(String),
    Domain(String),
}

impl Source {
    /// Whether the settings let someone have access.
    fn admits_receiver(&self, receiver: &Receiver) -> Result<(), SourceError> {
        let domain = match receiver {
            Receiver::User(email) | Receiver::Group(email) => {
                let domain = email.rsplit_once('@').filter(|(name, _)| !name.is_empty());
                let domain = domain.map(|(_, domain)| domain).filter(|domain| domain.contains('.'));
                domain.ok_or_else(|| SourceError::argument("`email` is no address"))?
            }
            Receiver::Domain(domain) => domain,
        };
        let domain = domain.to_ascii_lowercase();
        let is_named = self.share_domains.contains(&domain);
        let by_address = !matches!(receiver, Receiver::Domain(_)) && self.share_domains.is_empty();
        if is_named || by_address {
            return Ok(());
        }
        Err(SourceError::Unsuited {
            problem: "the settings don't allow sharing with that domain".to_owned(),
            hint: "tell the user: --share-domain names the domains",
        })
    }

    /// Gives someone access.
    pub(crate) async fn share(
        &self,
        _grant: Grant<Add>,
        file: &Held,
        (receiver, role): (Receiver, Role),
        notify: bool,
    ) -> Result<Permission, SourceError> {
        self.admits_receiver(&receiver)?;
        let role = Some(role.as_str().to_owned());
        let new = match receiver {
            Receiver::User(email) => ("user", Some(email), None),
            Receiver::Group(email) => ("group", Some(email), None),
            Receiver::Domain(domain) => ("domain", None, Some(domain)),
        };
        let (type_, email_address, domain) = (Some(new.0.to_owned()), new.1, new.2);
        let permission = Permission { type_, role, email_address, domain, ..Permission::default() };
        self.api.grant(file.id(), permission, notify).await
    }

    /// Changes what someone may do.
    pub(crate) async fn change_share(
        &self,
        _grant: Grant<Change>,
        (file, permission): (&Held, &str),
        role: Role,
    ) -> Result<Permission, SourceError> {
        let receiver = match self.own_permission(file, permission).await? {
            Permission { type_: Some(kind), domain: Some(domain), .. } if kind == "domain" => {
                Receiver::Domain(domain)
            }
            Permission { email_address: Some(email), .. } => Receiver::User(email),
            _ => {
                return Err(SourceError::Unsuited {
                    problem: "that is everybody's access, which is only ever taken away here"
                        .to_owned(),
                    hint: "revoke it, or let the user change it on Google's own pages",
                });
            }
        };
        self.admits_receiver(&receiver)?;
        self.api.change_grant(file.id(), permission, role.as_str().to_owned()).await
    }

    /// Takes access away.
    pub(crate) async fn revoke_share(
        &self,
        _grant: Grant<Change>,
        (file, permission): (&Held, &str),
    ) -> Result<(), SourceError> {
        self.own_permission(file, permission).await?;
        self.api.revoke(file.id(), permission).await
    }

    /// A permission that may be changed: ownership may not.
    async fn own_permission(
        &self,
        file: &Held,
        permission: &str,
    ) -> Result<Permission, SourceError> {
        check_id(permission)?;
        let permissions = self.api.permissions(file.id()).await?.permissions.unwrap_or_default();
        let is_it = |one: &Permission| one.id.as_deref() == Some(permission);
        let Some(found) = permissions.into_iter().find(is_it) else {
            return Err(SourceError::NotFound { asked: permission.to_owned() });
        };
        if matches!(found.role.as_deref(), Some("owner" | "organizer" | "fileOrganizer")) {
            return Err(SourceError::Unsuited {
                problem: "that is the access of an owner or organizer".to_owned(),
                hint: "only the user can change it, on Google's own pages",
            });
        }
        Ok(found)
    }
}

//! Google Drive as this server sees it: the files that the gate lets through, and what can be done
//! with them. It knows no MCP.

mod api;
mod archive;
mod content;
mod download;
mod error;
mod extract;
mod feed;
mod gate;
mod name;
mod office;
mod search;
mod session;
mod sharing;
mod sheet;
mod upload;

use std::time::Duration;

use google_drive3::api::{
    About, ChangeList, CommentList, File, PermissionList, Reply, RevisionList,
};
use lockkeeper_core::{
    Add, Change, Environment, ExportDir, Finding, Grant, Judgement, Mutating, Reach, Shelf,
    StartError,
};
use lockkeeper_http::Http;
use lockkeeper_oauth::{CredentialsFile, Origins, Provider, TokenSource};

use self::api::{DriveApi as _, Google, Moves};
use self::content::Texts;
pub(crate) use self::content::{Content, Wanted};
pub(crate) use self::download::{Download, Form, Got};
pub(crate) use self::error::SourceError;
use self::gate::Gate;
pub(crate) use self::gate::{Found, Held, check_pattern};
pub(crate) use self::name::Name;
pub(crate) use self::search::{Kind, Listed, Order, Place, Search};
pub(crate) use self::sharing::{Receiver, Role};
pub(crate) use self::upload::{Given, Sent, Upload, UploadDir};
use crate::config::{Config, Login};

/// How long what a call began is kept for the next one.
const KEPT: Duration = Duration::from_mins(10);

/// Drive, behind the gate.
pub struct Source {
    api: Google,
    gate: Gate,
    texts: Texts,
    session: session::Session,
    feed: feed::Feed,
    export_dir: Option<ExportDir>,
    upload_dir: Option<UploadDir>,
    share_domains: Vec<String>,
    /// Where the next page of a listing begins.
    pub(crate) pages: Shelf<Place>,
    pub(crate) downloads: Shelf<Box<Download>>,
    pub(crate) uploads: Shelf<Box<Upload>>,
}

impl Source {
    pub(crate) fn open(config: Config, environment: &Environment) -> Result<Self, StartError> {
        let root = config.api_root.as_deref();
        let provider = Provider::google(env!("CARGO_PKG_NAME"), root);
        let mut origins = Origins::default();
        origins.add(&provider.token_uri)?;
        let file = match &config.login {
            Login::File(path) => {
                let subject = config.subject.as_deref();
                Some(CredentialsFile::read(path, subject, &provider.token_uri)?)
            }
            Login::Metadata(address) => Some(CredentialsFile::Metadata(address.clone())),
            Login::Token | Login::Profile => None,
        };
        let mut reads = environment.keep.files();
        if let Some(file) = &file {
            file.add_origins(&mut origins)?;
            reads.extend(file.files());
        }
        let token_http = origins.client("google-oauth", environment)?;
        let name = format!("oauth-google-{}", config.profile);
        let tokens = match file {
            Some(file) => {
                TokenSource::file(file, provider.clone(), token_http.clone(), &[config.scope])
            }
            None if config.login == Login::Token => TokenSource::given(
                environment.credential.clone(),
                provider.clone(),
                token_http.clone(),
            ),
            None => {
                let keep = environment.keep.clone();
                TokenSource::login(keep, &name, provider.clone(), token_http.clone())
            }
        };
        let http = client(root, environment)?;
        let export_dir = config.export_dir.as_deref();
        let export_dir =
            export_dir.map(|path| ExportDir::new(path, &environment.own)).transpose()?;
        let upload_dir = config.upload_dir.as_deref();
        let upload_dir =
            upload_dir.map(|path| UploadDir::new(path, &environment.own)).transpose()?;
        let session = session::Session {
            provider,
            http: token_http,
            keep: environment.keep.clone(),
            name,
            scope: config.scope,
            client: config.client,
            reads,
        };
        Ok(Self {
            gate: Gate::new(&config.folders, environment)?,
            api: Google::new(http, tokens, root),
            texts: Texts::default(),
            session,
            feed: feed::Feed::new(config.poll_interval),
            export_dir,
            upload_dir,
            share_domains: config.share_domains,
            pages: Shelf::new(256, KEPT),
            downloads: Shelf::new(8, KEPT),
            uploads: Shelf::new(8, KEPT),
        })
    }

    pub(crate) fn reach(&self) -> Reach {
        let mut reach = self.api.reach().clone();
        let token = self.session.http.reach();
        reach.read.extend(token.read.iter().cloned());
        reach.read.extend(self.session.reads.iter().cloned());
        reach.read.extend(self.upload_dir.as_ref().map(|directory| directory.path().to_owned()));
        reach.own.extend(self.export_dir.iter().map(|directory| directory.path().to_owned()));
        reach.ports = session::both(&reach.ports, &token.ports);
        reach
    }

    /// The file of that name.
    pub(crate) async fn find(&self, name: &str) -> Result<Found, SourceError> {
        self.gate.find(&self.api, &Name::parse(name)?).await
    }

    /// The same to change what is said of it.
    pub(crate) async fn hold(&self, name: &str) -> Result<Held, SourceError> {
        self.gate.hold(&self.api, &Name::parse(name)?).await
    }

    /// The same to change its content.
    pub(crate) async fn hold_content(&self, name: &str) -> Result<Held, SourceError> {
        self.gate.hold_content(&self.api, &Name::parse(name)?).await
    }

    /// The folder for something new; the first that is allowed, or My Drive, if none is named.
    pub(crate) async fn hold_folder(&self, name: Option<&str>) -> Result<Held, SourceError> {
        let name = name.map(Name::parse).transpose()?;
        self.gate.hold_folder(&self.api, name.as_ref()).await
    }

    /// Whether rules of the settings hide anything.
    pub(crate) fn restricts(&self) -> bool {
        self.gate.restricts()
    }

    /// Where a file lies.
    pub(crate) async fn path(&self, found: &Found) -> Result<String, SourceError> {
        self.gate.path(&self.api, found).await
    }

    /// Whether the policy lets a resource be reached that a call's plan names.
    pub(crate) async fn judge(&self, resource: &str, live: bool) -> Judgement {
        let Ok(name) = Name::parse(resource) else { return Judgement::Admitted };
        if !self.gate.restricts() {
            return Judgement::Admitted;
        }
        if !live {
            return Judgement::Unknown(
                "only Drive knows where a file lies: --live asks".to_owned(),
            );
        }
        match self.gate.find(&self.api, &name).await {
            Ok(_) => Judgement::Admitted,
            Err(SourceError::Hidden { rule, .. }) => Judgement::Denied(rule),
            Err(error) => Judgement::Unknown(error.to_string()),
        }
    }

    pub(crate) async fn about(&self) -> Result<About, SourceError> {
        self.api.about().await
    }

    /// Scopes that the login has, if they are known here.
    pub(crate) async fn scopes(&self) -> Result<Option<Vec<String>>, SourceError> {
        Ok(self.api.tokens().account().await?.map(|account| account.scopes))
    }

    /// The scope that these settings ask for.
    pub(crate) fn scope(&self) -> &'static str {
        self.session.scope
    }

    /// Where tokens come from, for people.
    pub(crate) fn way(&self) -> String {
        session::way(&self.api.tokens().way())
    }

    /// What the settings allow: ids and names; none if everything.
    pub(crate) async fn folders(&self) -> Result<Option<Vec<(String, String)>>, SourceError> {
        let resolved = self.gate.resolved(&self.api).await?;
        let allowed = resolved.allowed().map(|(id, name)| (id.to_owned(), name.to_owned()));
        Ok(resolved.is_limited().then(|| allowed.collect()))
    }

    /// The shared drives, as far as they may be seen.
    pub(crate) async fn drives(&self) -> Result<Vec<(String, String)>, SourceError> {
        let drives = self.api.drives().await?.drives.unwrap_or_default();
        let mut seen = Vec::new();
        for drive in drives {
            let Some(id) = drive.id else { continue };
            if !self.gate.restricts() || self.find(&id).await.is_ok() {
                seen.push((id, drive.name.unwrap_or_default()));
            }
        }
        Ok(seen)
    }

    pub(crate) async fn permissions(&self, found: &Found) -> Result<PermissionList, SourceError> {
        self.api.permissions(found.id()).await
    }

    pub(crate) async fn revisions(&self, found: &Found) -> Result<RevisionList, SourceError> {
        self.api.revisions(found.id()).await
    }

    pub(crate) async fn comments(
        &self,
        found: &Found,
        size: i32,
        page: Place,
    ) -> Result<CommentList, SourceError> {
        self.api.comments(found.id(), size, page.token).await
    }

    /// The token from which changes are told.
    pub(crate) async fn start_token(&self) -> Result<String, SourceError> {
        self.api.start_token(None).await
    }

    /// What changed, and may be seen.
    pub(crate) async fn changes(
        &self,
        token: &str,
        size: i32,
    ) -> Result<(Vec<ChangeSeen>, ChangeList), SourceError> {
        if token.is_empty() || token.len() > 64 || !token.bytes().all(|b| b.is_ascii_alphanumeric())
        {
            return Err(SourceError::argument("`since` is a token that this tool gave"));
        }
        let mut list = self.api.changes(token, size, None).await?;
        let mut seen = Vec::new();
        for change in list.changes.take().unwrap_or_default() {
            let id = change.file_id.clone().unwrap_or_default();
            let known = self.gate.knew(&id);
            self.gate.forget(&id);
            let time = change.time;
            match change.file {
                Some(file) if change.removed != Some(true) => {
                    let (mut found, _) = self.gate.admit(&self.api, vec![file]).await?;
                    seen.extend(found.pop().map(|found| ChangeSeen {
                        id,
                        time,
                        file: Some(found),
                    }));
                }
                // Where it lay can't be asked any more.
                _ if known => seen.push(ChangeSeen { id, time, file: None }),
                _ => {}
            }
        }
        Ok((seen, list))
    }

    /// Makes a folder.
    pub(crate) async fn create_folder(
        &self,
        _grant: Grant<Add>,
        parent: &Held,
        name: String,
    ) -> Result<Found, SourceError> {
        let mime_type = Some("application/vnd.google-apps.folder".to_owned());
        let parents = Some(vec![parent.id().to_owned()]);
        let folder = File { name: Some(name), mime_type, parents, ..File::default() };
        self.seen(self.api.create(folder).await?).await
    }

    /// Makes a shortcut to a file.
    pub(crate) async fn create_shortcut(
        &self,
        _grant: Grant<Add>,
        (target, parent): (&Found, &Held),
        name: Option<String>,
    ) -> Result<Found, SourceError> {
        let shortcut = google_drive3::api::FileShortcutDetails {
            target_id: Some(target.id().to_owned()),
            ..Default::default()
        };
        let file = File {
            name: Some(name.unwrap_or_else(|| target.name().to_owned())),
            mime_type: Some("application/vnd.google-apps.shortcut".to_owned()),
            parents: Some(vec![parent.id().to_owned()]),
            shortcut_details: Some(shortcut),
            ..File::default()
        };
        self.seen(self.api.create(file).await?).await
    }

    /// Copies a file.
    pub(crate) async fn copy(
        &self,
        _grant: Grant<Add>,
        (file, parent): (&Found, &Held),
        name: Option<String>,
    ) -> Result<Found, SourceError> {
        let parents = Some(vec![parent.id().to_owned()]);
        let copy = self.api.copy(file.id(), File { name, parents, ..File::default() }).await?;
        self.seen(copy).await
    }

    /// Moves a file out of all its folders into this one.
    pub(crate) async fn relocate(
        &self,
        _grant: Grant<Change>,
        file: &Held,
        to: &Held,
    ) -> Result<Found, SourceError> {
        let from = file.file().parents.clone().unwrap_or_default();
        let moves = Moves {
            to: Some(to.id().to_owned()).filter(|to| !from.contains(to)),
            from: from.into_iter().filter(|from| from != to.id()).collect(),
        };
        self.gate.check_inner(&self.api, file).await?;
        self.gate.forget(file.id());
        self.seen(self.api.update(file.id(), File::default(), moves).await?).await
    }

    /// Says something else of a file: its name, a star, whether it is in the trash.
    pub(crate) async fn amend(
        &self,
        _grant: Grant<Change>,
        file: &Held,
        new: Amended,
    ) -> Result<Found, SourceError> {
        let Amended { name, starred, trashed } = new;
        if name.is_some() || trashed.is_some() {
            self.gate.check_inner(&self.api, file).await?;
        }
        let new = File { name, starred, trashed, ..File::default() };
        self.gate.forget(file.id());
        self.seen(self.api.update(file.id(), new, Moves::default()).await?).await
    }

    pub(crate) async fn comment(
        &self,
        _grant: Grant<Add>,
        file: &Held,
        text: String,
    ) -> Result<String, SourceError> {
        let comment = self.api.comment(file.id(), text).await?;
        comment.id.ok_or(SourceError::Answer { what: "a comment without an id" })
    }

    pub(crate) async fn reply<E: Mutating>(
        &self,
        _grant: Grant<E>,
        (file, comment): (&Held, &str),
        reply: Reply,
    ) -> Result<String, SourceError> {
        let is_part = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
        if comment.is_empty() || comment.len() > 128 || !comment.bytes().all(is_part) {
            return Err(SourceError::argument("`comment` is an id that comments shows"));
        }
        let reply = self.api.reply(file.id(), comment, reply).await?;
        reply.id.ok_or(SourceError::Answer { what: "a reply without an id" })
    }

    /// What Drive made of a change, which still has to be something that exists here.
    async fn seen(&self, file: File) -> Result<Found, SourceError> {
        let (mut found, _) = Box::pin(self.gate.admit(&self.api, vec![file])).await?;
        found.pop().ok_or(SourceError::Answer { what: "it was done, but can't be seen any more" })
    }

    pub(crate) async fn login(&self) -> Result<String, StartError> {
        self.session.login().await
    }

    pub(crate) async fn logout(&self) -> Result<String, StartError> {
        self.session.logout().await
    }

    pub(crate) async fn findings(&self) -> Vec<Finding> {
        let finding = |subject: &str, said: Result<String, SourceError>| match said {
            Ok(state) => Finding { subject: subject.to_owned(), state, ok: true },
            Err(error) => {
                Finding { subject: subject.to_owned(), state: error.to_string(), ok: false }
            }
        };
        let mut findings = vec![finding("login", Ok(self.way()))];
        findings.push(finding("scope asked for", Ok(self.scope().to_owned())));
        let account = self.about().await.map(|about| {
            let email = about.user.and_then(|user| user.email_address);
            email.unwrap_or_else(|| "unknown".to_owned())
        });
        let connected = account.is_ok();
        findings.push(finding("account", account));
        if connected {
            let folders = self.folders().await.map(|folders| match folders {
                None => "all that the account sees".to_owned(),
                Some(folders) => {
                    let named = folders.iter().map(|(id, name)| format!("{name} ({id})"));
                    named.collect::<Vec<_>>().join(", ")
                }
            });
            findings.push(finding("folders", folders));
        }
        findings
    }
}

/// Documents for the tests of what stands on this.
#[cfg(test)]
pub(crate) mod office_for_testing {
    pub(crate) use super::office::tests::slides_of_two;
    pub(crate) use super::sheet::tests::workbook_of_two;
}

/// What is said anew of a file.
#[derive(Debug, Default)]
pub(crate) struct Amended {
    pub(crate) name: Option<String>,
    pub(crate) starred: Option<bool>,
    pub(crate) trashed: Option<bool>,
}

/// A change, and the file as it is now; none if it is gone.
pub(crate) struct ChangeSeen {
    pub(crate) id: String,
    pub(crate) time: Option<chrono::DateTime<chrono::Utc>>,
    pub(crate) file: Option<Found>,
}

/// Bytes as checksums are written.
fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut out, byte| {
        out.extend(
            [byte >> 4, byte & 15].map(|half| char::from_digit(half.into(), 16).unwrap_or('0')),
        );
        out
    })
}

/// The way to Drive.
fn client(root: Option<&str>, environment: &Environment) -> Result<Http, StartError> {
    let upstream = environment.upstream("google-drive");
    let mut builder = Http::builder(upstream, &environment.network);
    for place in Google::roots(root) {
        let named = match root {
            None => builder.host(place),
            Some(_) => builder.named_host(place),
        };
        builder = named.map_err(|error| StartError::new(format!("--api-root: {error}")))?;
    }
    Ok(builder.build())
}

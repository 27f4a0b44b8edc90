//! Google's Drive. The types are google-drive3's; the requests are made here, over the one path that
//! content needs anyway (google-drive3 can set no header): the same renewal of tokens, the same
//! errors, and no connection in memory for each call. All ask for shared drives as well, without
//! which nothing that lies there is found.

use google_drive3::api::{
    About, Change, ChangeList, Comment, CommentList, Drive, DriveList, File, FileList, Permission,
    PermissionList, Reply, RevisionList, StartPageToken,
};
use http::Method;
use lockkeeper_http::Http;
use lockkeeper_oauth::TokenSource;
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::own::{Asking, JSON, content_type, json, query};
use super::{DriveApi, FILE, Listing, Moves};
use crate::source::error::SourceError;

/// Google's own place.
const ROOT: &str = "https://www.googleapis.com";
const SHEETS_ROOT: &str = "https://sheets.googleapis.com";

/// Comments with what they are about.
const COMMENT: &str = "id,content,author(displayName,me),createdTime,resolved,deleted,\
    quotedFileContent(value),replies(id,content,author(displayName,me),createdTime,action,deleted)";

const PERMISSION: &str = "id,type,role,emailAddress,domain,displayName,deleted,expirationTime";

/// The longest answer of metadata.
const LONGEST: u64 = 32 * 1024 * 1024;

/// What is found in shared drives, too.
const ALL: (&str, &str) = ("supportsAllDrives", "true");
const ALL_ITEMS: (&str, &str) = ("includeItemsFromAllDrives", "true");

/// Google, or what stands in its place.
pub(crate) struct Google {
    pub(super) http: Http,
    pub(super) tokens: TokenSource,
    /// Where Drive is, and where spreadsheets are.
    pub(super) root: String,
    pub(super) sheets: String,
}

impl Google {
    pub(crate) fn new(http: Http, tokens: TokenSource, root: Option<&str>) -> Self {
        let sheets = root.unwrap_or(SHEETS_ROOT).to_owned();
        Self { http, tokens, root: root.unwrap_or(ROOT).to_owned(), sheets }
    }

    /// The addresses that are contacted.
    pub(crate) fn roots(root: Option<&str>) -> Vec<&str> {
        root.map_or_else(|| vec![ROOT, SHEETS_ROOT], |root| vec![root])
    }

    /// What the way to Drive reaches.
    pub(crate) fn reach(&self) -> &lockkeeper_core::Reach {
        self.http.reach()
    }

    pub(crate) fn tokens(&self) -> &TokenSource {
        &self.tokens
    }

    /// Asks for metadata.
    async fn read<T: DeserializeOwned>(
        &self,
        (place, asked): (&str, &str),
        parameters: &[(&str, &str)],
    ) -> Result<T, SourceError> {
        Box::pin(self.ask(Method::GET, (place, asked), parameters, None::<&()>)).await
    }

    async fn ask<T: DeserializeOwned, B: Serialize + Sync>(
        &self,
        method: Method,
        (place, asked): (&str, &str),
        parameters: &[(&str, &str)],
        body: Option<&B>,
    ) -> Result<T, SourceError> {
        let body = body.map(json).transpose()?.unwrap_or_default();
        let asking = Asking {
            method,
            address: format!("{}/drive/v3/{place}?{}", self.root, query(parameters)),
            headers: if body.is_empty() { Vec::new() } else { vec![content_type(JSON)] },
            body: body.into(),
            semantics: None,
            streamed: false,
        };
        let answered = self.send(asking).await?.succeeded(asked).await?;
        let body = answered.whole(LONGEST).await?;
        // What is deleted is answered with nothing.
        let body = if body.is_empty() { b"null".as_slice() } else { &body };
        serde_json::from_slice(body)
            .map_err(|_| SourceError::Answer { what: "it is not what is documented" })
    }
}

impl DriveApi for Google {
    async fn about(&self) -> Result<About, SourceError> {
        self.read(("about", "the account"), &[("fields", "user,storageQuota")]).await
    }

    async fn get(&self, id: &str, fields: &str) -> Result<File, SourceError> {
        self.read((&format!("files/{id}"), id), &[ALL, ("fields", fields)]).await
    }

    async fn list(&self, listing: &Listing) -> Result<FileList, SourceError> {
        let fields = format!("nextPageToken,incompleteSearch,files({FILE})");
        let size = listing.size.to_string();
        let mut parameters =
            vec![ALL, ALL_ITEMS, ("q", &listing.q), ("pageSize", &size), ("fields", &fields)];
        match &listing.drive {
            Some(drive) => parameters.extend([("corpora", "drive"), ("driveId", drive)]),
            None => parameters.push(("corpora", "allDrives")),
        }
        parameters.extend(listing.order.map(|order| ("orderBy", order)));
        parameters.extend(listing.page.as_deref().map(|page| ("pageToken", page)));
        self.read(("files", "the search"), &parameters).await
    }

    async fn create(&self, file: File) -> Result<File, SourceError> {
        let parameters = [ALL, ("fields", FILE)];
        self.ask(Method::POST, ("files", "the folder"), &parameters, Some(&file)).await
    }

    async fn update(&self, id: &str, file: File, moves: Moves) -> Result<File, SourceError> {
        let from = moves.from.join(",");
        let mut parameters = vec![ALL, ("fields", FILE)];
        parameters.extend(moves.to.as_deref().map(|to| ("addParents", to)));
        parameters.extend(Some(("removeParents", from.as_str())).filter(|_| !from.is_empty()));
        let place = format!("files/{id}");
        self.ask(Method::PATCH, (&place, id), &parameters, Some(&file)).await
    }

    async fn copy(&self, id: &str, file: File) -> Result<File, SourceError> {
        let place = format!("files/{id}/copy");
        self.ask(Method::POST, (&place, id), &[ALL, ("fields", FILE)], Some(&file)).await
    }

    async fn drive(&self, id: &str) -> Result<Drive, SourceError> {
        self.read((&format!("drives/{id}"), id), &[("fields", "id,name")]).await
    }

    async fn drives(&self) -> Result<DriveList, SourceError> {
        let parameters = [("pageSize", "100"), ("fields", "nextPageToken,drives(id,name)")];
        self.read(("drives", "the shared drives"), &parameters).await
    }

    async fn comments(
        &self,
        id: &str,
        size: i32,
        page: Option<String>,
    ) -> Result<CommentList, SourceError> {
        let (fields, size) = (format!("nextPageToken,comments({COMMENT})"), size.to_string());
        let mut parameters = vec![("pageSize", size.as_str()), ("fields", &fields)];
        parameters.extend(page.as_deref().map(|page| ("pageToken", page)));
        self.read((&format!("files/{id}/comments"), id), &parameters).await
    }

    async fn comment(&self, id: &str, text: String) -> Result<Comment, SourceError> {
        let comment = Comment { content: Some(text), ..Comment::default() };
        let place = format!("files/{id}/comments");
        self.ask(Method::POST, (&place, id), &[("fields", COMMENT)], Some(&comment)).await
    }

    async fn reply(&self, id: &str, comment: &str, reply: Reply) -> Result<Reply, SourceError> {
        let place = format!("files/{id}/comments/{comment}/replies");
        let parameters = [("fields", "id,content,createdTime,action")];
        self.ask(Method::POST, (&place, comment), &parameters, Some(&reply)).await
    }

    async fn revisions(&self, id: &str) -> Result<RevisionList, SourceError> {
        let fields = "nextPageToken,revisions(id,modifiedTime,size,lastModifyingUser(displayName))";
        let parameters = [("pageSize", "200"), ("fields", fields)];
        self.read((&format!("files/{id}/revisions"), id), &parameters).await
    }

    async fn permissions(&self, id: &str) -> Result<PermissionList, SourceError> {
        let fields = format!("nextPageToken,permissions({PERMISSION})");
        let parameters = [ALL, ("pageSize", "100"), ("fields", &fields)];
        self.read((&format!("files/{id}/permissions"), id), &parameters).await
    }

    async fn grant(
        &self,
        id: &str,
        permission: Permission,
        notify: bool,
    ) -> Result<Permission, SourceError> {
        let notify = if notify { "true" } else { "false" };
        let parameters = [ALL, ("sendNotificationEmail", notify), ("fields", PERMISSION)];
        let place = format!("files/{id}/permissions");
        self.ask(Method::POST, (&place, id), &parameters, Some(&permission)).await
    }

    async fn change_grant(
        &self,
        id: &str,
        permission: &str,
        role: String,
    ) -> Result<Permission, SourceError> {
        let new = Permission { role: Some(role), ..Permission::default() };
        let place = format!("files/{id}/permissions/{permission}");
        let parameters = [ALL, ("fields", PERMISSION)];
        self.ask(Method::PATCH, (&place, permission), &parameters, Some(&new)).await
    }

    async fn revoke(&self, id: &str, permission: &str) -> Result<(), SourceError> {
        let place = format!("files/{id}/permissions/{permission}");
        self.ask(Method::DELETE, (&place, permission), &[ALL], None::<&()>).await
    }

    async fn start_token(&self, drive: Option<&str>) -> Result<String, SourceError> {
        let mut parameters = vec![ALL];
        parameters.extend(drive.map(|drive| ("driveId", drive)));
        let token: StartPageToken =
            self.read(("changes/startPageToken", "the changes"), &parameters).await?;
        token.start_page_token.ok_or(SourceError::Answer { what: "no token for changes" })
    }

    async fn changes(
        &self,
        token: &str,
        size: i32,
        drive: Option<&str>,
    ) -> Result<ChangeList, SourceError> {
        let fields = format!(
            "nextPageToken,newStartPageToken,changes(changeType,removed,time,fileId,file({FILE}))"
        );
        let size = size.to_string();
        let mut parameters =
            vec![ALL, ALL_ITEMS, ("pageToken", token), ("pageSize", &size), ("fields", &fields)];
        parameters.extend(drive.map(|drive| ("driveId", drive)));
        let mut list: ChangeList = self.read(("changes", "the changes"), &parameters).await?;
        let is_of_file = |change: &Change| change.change_type.as_deref() != Some("drive");
        list.changes.get_or_insert_default().retain(is_of_file);
        Ok(list)
    }
}

//! What this server asks of Drive, apart from content. One implementation asks Google; whoever
//! calls knows nothing of HTTP. Nothing here decides whether a request
//! may be made: that is the gate's.

mod google;
mod own;
mod upload;

use google_drive3::api::{
    About, ChangeList, Comment, CommentList, Drive, DriveList, File, FileList, Permission,
    PermissionList, Reply, RevisionList,
};

use super::error::SourceError;
pub(crate) use google::Google;
pub(crate) use own::{Answered, Range};
pub(crate) use upload::{Progress, Target};

/// What is asked of a file wherever one is shown or judged.
pub(crate) const FILE: &str = "id,name,mimeType,parents,driveId,trashed,shortcutDetails(targetId,\
    targetMimeType),size,modifiedTime,version,headRevisionId,md5Checksum,sha256Checksum,starred";

/// A listing of files.
#[derive(Debug, Clone, Default)]
pub(crate) struct Listing {
    pub(crate) q: String,
    pub(crate) order: Option<&'static str>,
    pub(crate) size: i32,
    pub(crate) page: Option<String>,
    /// A shared drive to look in.
    pub(crate) drive: Option<String>,
}

/// How a file changes its place.
#[derive(Debug, Clone, Default)]
pub(crate) struct Moves {
    pub(crate) to: Option<String>,
    pub(crate) from: Vec<String>,
}

/// Drive's metadata.
pub(crate) trait DriveApi: Send + Sync {
    fn about(&self) -> impl Future<Output = Result<About, SourceError>> + Send;
    fn get(&self, id: &str, fields: &str)
    -> impl Future<Output = Result<File, SourceError>> + Send;
    fn list(&self, listing: &Listing)
    -> impl Future<Output = Result<FileList, SourceError>> + Send;
    fn create(&self, file: File) -> impl Future<Output = Result<File, SourceError>> + Send;
    fn update(
        &self,
        id: &str,
        file: File,
        moves: Moves,
    ) -> impl Future<Output = Result<File, SourceError>> + Send;
    fn copy(&self, id: &str, file: File) -> impl Future<Output = Result<File, SourceError>> + Send;
    fn drive(&self, id: &str) -> impl Future<Output = Result<Drive, SourceError>> + Send;
    fn drives(&self) -> impl Future<Output = Result<DriveList, SourceError>> + Send;
    fn comments(
        &self,
        id: &str,
        size: i32,
        page: Option<String>,
    ) -> impl Future<Output = Result<CommentList, SourceError>> + Send;
    fn comment(
        &self,
        id: &str,
        text: String,
    ) -> impl Future<Output = Result<Comment, SourceError>> + Send;
    fn reply(
        &self,
        id: &str,
        comment: &str,
        reply: Reply,
    ) -> impl Future<Output = Result<Reply, SourceError>> + Send;
    fn revisions(&self, id: &str)
    -> impl Future<Output = Result<RevisionList, SourceError>> + Send;
    fn permissions(
        &self,
        id: &str,
    ) -> impl Future<Output = Result<PermissionList, SourceError>> + Send;
    fn grant(
        &self,
        id: &str,
        permission: Permission,
        notify: bool,
    ) -> impl Future<Output = Result<Permission, SourceError>> + Send;
    fn change_grant(
        &self,
        id: &str,
        permission: &str,
        role: String,
    ) -> impl Future<Output = Result<Permission, SourceError>> + Send;
    fn revoke(
        &self,
        id: &str,
        permission: &str,
    ) -> impl Future<Output = Result<(), SourceError>> + Send;
    /// Of a shared drive, or of the account.
    fn start_token(
        &self,
        drive: Option<&str>,
    ) -> impl Future<Output = Result<String, SourceError>> + Send;
    fn changes(
        &self,
        token: &str,
        size: i32,
        drive: Option<&str>,
    ) -> impl Future<Output = Result<ChangeList, SourceError>> + Send;
}

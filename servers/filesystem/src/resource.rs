//! Files as resources, for hosts that attach them: `file:///{+path}`.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use lockkeeper_core::{
    Body, Changed, Contents, Cx, Listed, Read, RegisteredResource, Resource, ToolError, Typed,
    Variables, Watch, percent_encode_path, resource,
};

use crate::Fs;
use crate::source::{FsError, Kind, Window};
use crate::subscribed;

/// The most bytes of a file that a resource read returns: it has no pages.
const MOST: u64 = 4 * 1024 * 1024;

pub(crate) static RESOURCES: &[RegisteredResource<Fs>] = &[resource::<Fs, Files>()];

struct Files;

impl Resource<Fs> for Files {
    const TEMPLATE: &'static str = "file:///{+path}";
    const NAME: &'static str = "file";
    const TOOL: &'static str = "read_file";

    async fn read(cx: Cx<'_, Fs, Read>, mut variables: Variables) -> Result<Contents, ToolError> {
        let path = format!("/{}", variables.remove("path").unwrap_or_default());
        cx.blocking(move |fs, _| read(fs, &path)).await?.map_err(ToolError::from)
    }

    async fn list(cx: Cx<'_, Fs, Read>) -> Result<Vec<Listed>, ToolError> {
        let roots = cx.source().files.roots();
        let listed = |root: crate::source::RootInfo| Listed {
            uri: format!("file://{}", percent_encode_path(&root.path)),
            name: root.path,
        };
        Ok(roots.into_iter().map(listed).collect())
    }

    const WATCHED: bool = true;

    async fn watch(
        cx: Cx<'_, Fs, Read>,
        mut variables: Variables,
        changed: Changed,
    ) -> Result<Watch, ToolError> {
        let path = format!("/{}", variables.remove("path").unwrap_or_default());
        subscribed::watch(&cx, path, changed).await
    }

    async fn complete(cx: Cx<'_, Fs, Read>, typed: Typed) -> Result<Vec<String>, ToolError> {
        let paths =
            cx.blocking(move |fs, _| fs.files.complete(&format!("/{}", typed.text))).await?;
        Ok(paths.into_iter().map(|path| path.trim_start_matches('/').to_owned()).collect())
    }
}

fn read(fs: &Fs, path: &str) -> Result<Contents, FsError> {
    let located = fs.files.locate(path)?;
    let kind = located.sniff()?;
    let mime_type = kind.mime(path).to_owned();
    if located.stat().size > MOST {
        let asked = located.asked().clone();
        return Err(FsError::TooLarge { asked, size: located.stat().size, limit: MOST });
    }
    let body = match kind {
        Kind::Text { .. } => {
            let window = Window { offset: 1, limit: usize::MAX, from_byte: None };
            // Decoding can make a file larger: up to three bytes for each of Latin-1.
            let most = usize::try_from(MOST * 3).unwrap_or(usize::MAX);
            Body::Text(fs.files.read_text(&located, window, most)?.text)
        }
        _ => Body::Blob(STANDARD.encode(located.read_bytes(MOST)?)),
    };
    Ok(Contents { mime_type, body })
}

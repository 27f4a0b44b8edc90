//! Files as resources, for hosts that attach them, `file:///{+path}`, and directories as their names.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use lockkeeper_core::{
    Body, Changed, Contents, Cx, Listed, Read, RegisteredResource, Resource, Stop, ToolError,
    Typed, Variables, Watch, percent_encode_path, resource,
};

use crate::Fs;
use crate::source::{EntryKind, FsError, Kind, ListOptions, Listing, Window};
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
        cx.blocking(move |fs, stop| read(fs, &path, stop)).await?.map_err(ToolError::from)
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

fn read(fs: &Fs, path: &str, stop: &Stop) -> Result<Contents, FsError> {
    let located = fs.files.locate(path)?;
    let kind = match located.sniff() {
        Err(error @ FsError::NotAFile { .. }) => {
            let listing = fs.files.list(&located, &ListOptions::default(), stop);
            return listing.map(|listing| names(&listing)).map_err(|_| error);
        }
        kind => kind?,
    };
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

/// A directory, with what was left out said in its last line.
fn names(listing: &Listing) -> Contents {
    let mut text = String::new();
    for entry in &listing.entries {
        text.push_str(&entry.name);
        text.push_str(if entry.kind == EntryKind::Dir { "/\n" } else { "\n" });
    }
    let more = listing.total.saturating_sub(listing.entries.len());
    if more > 0 || !listing.complete {
        text.push_str(&format!("… {more} more: list_directory has them all\n"));
    }
    Contents { mime_type: "inode/directory".to_owned(), body: Body::Text(text) }
}

#[cfg(test)]
mod tests {
    use lockkeeper_testkit::in_process::InProcess;
    use lockkeeper_testkit::stdio::Era;
    use serde_json::json;

    use crate::Filesystem;
    use crate::testing::Fixture;

    #[test]
    fn what_is_listed_can_be_read() {
        let fixture = Fixture::new("small");
        let mut client = InProcess::start::<Filesystem>(&[&fixture.root()], Era::Modern);
        let listed = client.request("resources/list", json!({}));
        let uri = listed["result"]["resources"][0]["uri"].clone();
        fixture.write("sub/one", b"");
        let read = client.request("resources/read", json!({"uri": uri}));
        let contents = &read["result"]["contents"][0];
        assert_eq!(contents["mimeType"], "inode/directory");
        let text = contents["text"].as_str().unwrap();
        assert!(text.contains("notes.txt\nsub/\n") && !text.contains(".env"), "{text}");
        std::fs::create_dir(format!("{}/many", fixture.root())).unwrap();
        (0..1_010).for_each(|i| fixture.write(&format!("many/{i:04}"), b""));
        let uri = format!("file://{}/many", fixture.root());
        let read = client.request("resources/read", json!({"uri": uri}));
        let text = read["result"]["contents"][0]["text"].as_str().unwrap();
        assert!(text.ends_with("\n0999\n… 10 more: list_directory has them all\n"), "{text}");
    }
}

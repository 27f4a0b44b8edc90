//! What hosts attach by URI: files, and tabs of spreadsheets.

use lockkeeper_core::{
    Body, Contents, Cx, Listed, Output as _, Read, RegisteredResource, Resource, ToolError, Typed,
    Variables, percent_encode_path, resource,
};

use crate::source::{Order, Place, Search, Source};
use crate::tools::{ReadArgs, read};

pub(crate) static RESOURCES: &[RegisteredResource<Source>] =
    &[resource::<Source, DriveFile>(), resource::<Source, Tab>()];

/// What is listed of recent files.
const RECENT: usize = 20;

struct DriveFile;
struct Tab;

impl Resource<Source> for DriveFile {
    const TEMPLATE: &'static str = "gdrive:///{file}";
    const NAME: &'static str = "file";
    const TOOL: &'static str = "read";

    async fn read(cx: Cx<'_, Source, Read>, variables: Variables) -> Result<Contents, ToolError> {
        contents(&cx, &variables).await
    }

    /// Allowed folders and what changed last.
    async fn list(cx: Cx<'_, Source, Read>) -> Result<Vec<Listed>, ToolError> {
        let mut listed = Vec::new();
        for (id, name) in cx.source().folders().await?.unwrap_or_default() {
            listed.push(Listed { uri: format!("gdrive:///{id}"), name });
        }
        let search = Search { order: Some(Order::Modified), ..Search::default() };
        for found in cx.source().search(&search, RECENT, Place::default()).await?.files {
            let uri = format!("gdrive:///{}", found.id());
            listed.push(Listed { uri, name: found.name().to_owned() });
        }
        Ok(listed)
    }

    async fn complete(cx: Cx<'_, Source, Read>, typed: Typed) -> Result<Vec<String>, ToolError> {
        if typed.variable != "file" {
            return Ok(Vec::new());
        }
        let name = Some(typed.text).filter(|text| !text.is_empty());
        let search = Search { name, order: Some(Order::Name), ..Search::default() };
        let found = cx.source().search(&search, RECENT, Place::default()).await?.files;
        Ok(found.iter().map(|found| found.id().to_owned()).collect())
    }
}

impl Resource<Source> for Tab {
    const TEMPLATE: &'static str = "gdrive:///{file}/{tab}";
    const NAME: &'static str = "tab";
    const TOOL: &'static str = "read";

    async fn read(cx: Cx<'_, Source, Read>, variables: Variables) -> Result<Contents, ToolError> {
        contents(&cx, &variables).await
    }

    async fn complete(cx: Cx<'_, Source, Read>, typed: Typed) -> Result<Vec<String>, ToolError> {
        let Some(file) = typed.others.get("file").filter(|_| typed.variable == "tab") else {
            return Ok(Vec::new());
        };
        let found = cx.source().find(file).await?;
        let tabs = cx.source().tabs(&found).await?;
        let fitting =
            tabs.into_iter().map(|(name, ..)| name).filter(|n| n.starts_with(&typed.text));
        Ok(fitting.map(|name| percent_encode_path(&name)).collect())
    }
}

/// The first page; more of it is the tool's.
async fn contents(cx: &Cx<'_, Source, Read>, variables: &Variables) -> Result<Contents, ToolError> {
    let value = |name: &str| variables.get(name).cloned();
    let args = ReadArgs {
        file: value("file").unwrap_or_default(),
        tab: value("tab"),
        range: None,
        revision: None,
        limit: Some(cx.max_output()),
        cursor: None,
    };
    let mut answer = read(cx, args).await?;
    if let Some(media) = answer.take_media().pop() {
        return Ok(Contents { mime_type: media.mime_type, body: Body::Blob(media.data) });
    }
    let text = match answer.next.take() {
        // Nothing is cut silently.
        Some(_) => format!("[{}; the tool read has the rest]\n{}", answer.about, answer.body),
        None if answer.body.is_empty() => format!("[{}]\n", answer.about),
        None => answer.body,
    };
    Ok(Contents { mime_type: "text/plain".to_owned(), body: Body::Text(text) })
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use crate::testing::World;

    fn read(world: &World, flags: &[&str], uri: &str) -> Value {
        world.client(flags).request("resources/read", json!({ "uri": uri }))
    }

    #[test]
    fn resources_are_what_read_gives() {
        let world = World::office();
        let text = |uri: &str| read(&world, &[], uri)["result"]["contents"][0]["text"].clone();
        assert_eq!(text("gdrive:///notes"), "Call Ada.\n");
        assert!(text("gdrive:///costs/Q2").as_str().unwrap().starts_with("## Q2"));
        let photo = read(&world, &[], "gdrive:///photo");
        assert_eq!(photo["result"]["contents"][0]["mimeType"], "image/png", "{photo}");
    }

    #[test]
    fn nothing_outside_is_read_listed_or_completed() {
        let world = World::office();
        let flags = ["--folder=team"];
        let hidden = read(&world, &flags, "gdrive:///diary").to_string();
        let missing = read(&world, &flags, "gdrive:///never").to_string();
        assert_eq!(hidden.replace("diary", "never"), missing);
        let listed = world.client(&flags).request("resources/list", json!({})).to_string();
        assert!(listed.contains("gdrive:///team") && listed.contains("Plan 2026"), "{listed}");
        assert!(!listed.contains("diary") && !listed.contains("Diary"), "{listed}");
        let complete = |variable: &str, typed: &str| {
            let reference = json!({"type": "ref/resource", "uri": "gdrive:///{file}"});
            let argument = json!({"name": variable, "value": typed});
            let given = json!({"ref": reference, "argument": argument});
            let answer = world.client(&flags).request("completion/complete", given);
            answer["result"]["completion"]["values"].clone()
        };
        assert_eq!(complete("file", "Plan"), json!(["plan"]));
        assert_eq!(complete("file", "Dia"), json!([]));
    }
}

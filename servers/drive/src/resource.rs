//! What hosts attach by URI: files, and tabs of spreadsheets.

use lockkeeper_core::{
    Body, Changed, Contents, Cx, Listed, Output as _, Read, RegisteredResource, Resource,
    ToolError, Typed, Variables, Watch, percent_encode_path, resource,
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

    const WATCHED: bool = true;

    async fn watch(
        cx: Cx<'_, Source, Read>,
        variables: Variables,
        changed: Changed,
    ) -> Result<Watch, ToolError> {
        watch(&cx, &variables, changed).await
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

    const WATCHED: bool = true;

    async fn watch(
        cx: Cx<'_, Source, Read>,
        variables: Variables,
        changed: Changed,
    ) -> Result<Watch, ToolError> {
        watch(&cx, &variables, changed).await
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

async fn watch(
    cx: &Cx<'_, Source, Read>,
    variables: &Variables,
    changed: Changed,
) -> Result<Watch, ToolError> {
    let file = variables.get("file").cloned().unwrap_or_default();
    Ok(cx.shared_source().watch(&file, changed).await?)
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
    use lockkeeper_drive_double::{Fault, Seen};
    use lockkeeper_testkit::in_process::InProcess;
    use lockkeeper_testkit::stdio::Era;
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

    const UPDATED: &str = "notifications/resources/updated";

    fn subscribe(client: &mut InProcess, uris: &[&str]) {
        for uri in uris {
            let answer = client.request("resources/subscribe", json!({"uri": uri}));
            assert_eq!(answer["result"], json!({}), "{answer}");
        }
    }

    fn told(client: &mut InProcess) -> Value {
        client.notification(UPDATED)["params"]["uri"].clone()
    }

    #[test]
    fn changes_of_files_folders_and_shared_drives_are_told_while_somebody_listens() {
        let world = World::office();
        let flags = ["--poll-interval=1", "--folder=team", "--folder=shared"];
        let mut client = world.client_of(Era::Legacy, &flags);
        let write = |file: &str| {
            let call = format!(r#"write {{"file": "{file}", "content": "new"}}"#);
            assert!(world.once(&["--write"], &call).contains("done"));
        };
        let uris = ["gdrive:///notes", "gdrive:///sub", "gdrive:///handbook"];
        subscribe(&mut client, &uris);
        // What happens outside is nobody's business; that is told in the same look, or not at all.
        write("diary");
        write("log");
        assert_eq!(told(&mut client), "gdrive:///sub");
        write("handbook");
        assert_eq!(told(&mut client), "gdrive:///handbook");
        // It goes outside: that it changed is told, and nothing after that.
        let out = r#"organize {"method": "move", "file": "notes", "to": "private"}"#;
        world.once(&["--write"], out);
        let mut both = [told(&mut client), told(&mut client)];
        both.sort_by_key(Value::to_string);
        assert_eq!(both, ["gdrive:///notes", "gdrive:///sub"]);
        write("notes");
        write("log");
        assert_eq!(told(&mut client), "gdrive:///sub");
        assert!(client.take_notifications().is_empty());
    }

    #[test]
    fn nothing_is_asked_while_nobody_listens() {
        let world = World::office();
        // Each has a token of its own.
        let mut first = world.client_of(Era::Legacy, &["--poll-interval=1"]);
        let mut other = world.client_of(Era::Legacy, &["--poll-interval=1", "--write"]);
        let looks = |scope: &str| {
            let token = format!("Bearer {}", world.token(scope));
            let log = world.double.log_of("drive.changes.list");
            let is_its =
                |seen: &Seen| seen.headers.contains(&("authorization".into(), token.clone()));
            log.iter().filter(|seen| is_its(seen)).count()
        };
        subscribe(&mut first, &["gdrive:///notes", "gdrive:///plan"]);
        subscribe(&mut other, &["gdrive:///notes"]);
        let change = |other: &mut InProcess| {
            other.call("write", json!({"file": "notes", "content": "new"}));
            assert_eq!(told(other), "gdrive:///notes");
        };
        change(&mut other);
        assert_eq!(told(&mut first), "gdrive:///notes");
        assert!(looks("read") > 0);
        for uri in ["gdrive:///notes", "gdrive:///plan"] {
            first.request("resources/unsubscribe", json!({"uri": uri}));
        }
        let before = looks("read");
        for _ in 0..3 {
            change(&mut other);
        }
        assert_eq!(looks("read"), before);
        // Who comes back hears of what is new.
        subscribe(&mut first, &["gdrive:///notes"]);
        change(&mut other);
        assert_eq!(told(&mut first), "gdrive:///notes");
    }

    #[test]
    fn a_fault_is_waited_out_and_a_lost_place_is_a_gap() {
        let world = World::office();
        let mut client = world.client_of(Era::Legacy, &["--poll-interval=1"]);
        subscribe(&mut client, &["gdrive:///notes"]);
        world.double.fault(Fault::status(400).on("drive.changes.list"));
        let notice = client.notification(UPDATED);
        assert_eq!(notice["params"]["_meta"]["lockkeeper/gap"], true, "{notice}");
        world.double.fault(Fault::status(403).on("drive.changes.list"));
        world.once(&["--write"], r#"write {"file": "notes", "content": "new"}"#);
        assert_eq!(told(&mut client), "gdrive:///notes");
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

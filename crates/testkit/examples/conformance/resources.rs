//! Resources of core's: text, bytes, a template, and one that can be subscribed to.

use lockkeeper_core::{
    Body, Changed, Contents, Cx, Listed, Read, Resource, ToolError, Variables, Watch,
};

use crate::{Nothing, PIXEL};

/// The tool whose gate they share.
const TOOL: &str = "test_simple_text";

fn listed(uri: &str, name: &str) -> Vec<Listed> {
    vec![Listed { uri: uri.to_owned(), name: name.to_owned() }]
}

fn text(mime_type: &str, text: impl Into<String>) -> Contents {
    Contents { mime_type: mime_type.to_owned(), body: Body::Text(text.into()) }
}

pub(crate) struct Text;

impl Resource<Nothing> for Text {
    const TEMPLATE: &'static str = "test://static-text";
    const NAME: &'static str = "static-text";
    const TOOL: &'static str = TOOL;

    async fn read(_cx: Cx<'_, Nothing, Read>, _: Variables) -> Result<Contents, ToolError> {
        Ok(text("text/plain", "This is the content of the static text resource."))
    }

    async fn list(_cx: Cx<'_, Nothing, Read>) -> Result<Vec<Listed>, ToolError> {
        Ok(listed(Self::TEMPLATE, Self::NAME))
    }
}

pub(crate) struct Binary;

impl Resource<Nothing> for Binary {
    const TEMPLATE: &'static str = "test://static-binary";
    const NAME: &'static str = "static-binary";
    const TOOL: &'static str = TOOL;

    async fn read(_cx: Cx<'_, Nothing, Read>, _: Variables) -> Result<Contents, ToolError> {
        Ok(Contents { mime_type: "image/png".to_owned(), body: Body::Blob(PIXEL.to_owned()) })
    }

    async fn list(_cx: Cx<'_, Nothing, Read>) -> Result<Vec<Listed>, ToolError> {
        Ok(listed(Self::TEMPLATE, Self::NAME))
    }
}

pub(crate) struct Template;

impl Resource<Nothing> for Template {
    const TEMPLATE: &'static str = "test://template/{id}/data";
    const NAME: &'static str = "template";
    const TOOL: &'static str = TOOL;

    async fn read(_cx: Cx<'_, Nothing, Read>, variables: Variables) -> Result<Contents, ToolError> {
        let id = variables.get("id").map_or("", String::as_str);
        let data = format!("Data for ID: {id}");
        let data = serde_json::json!({"id": id, "templateTest": true, "data": data});
        Ok(text("application/json", data.to_string()))
    }
}

pub(crate) struct Watched;

impl Resource<Nothing> for Watched {
    const TEMPLATE: &'static str = "test://watched-resource";
    const NAME: &'static str = "watched-resource";
    const TOOL: &'static str = TOOL;
    const WATCHED: bool = true;

    async fn read(_cx: Cx<'_, Nothing, Read>, _: Variables) -> Result<Contents, ToolError> {
        Ok(text("text/plain", "It never changes."))
    }

    async fn watch(
        _cx: Cx<'_, Nothing, Read>,
        _: Variables,
        changed: Changed,
    ) -> Result<Watch, ToolError> {
        Ok(Watch::new(changed))
    }
}

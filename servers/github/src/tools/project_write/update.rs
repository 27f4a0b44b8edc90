//! A project gets another title, description, text or state.

use lockkeeper_core::{Change, Cx, Effect, Need, Tool, ToolError};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::need;
use crate::answer::find;
use crate::change::Done;
use crate::patch::{Edit, Patch, check_text};
use crate::source::{Document, Source, Target};

pub(super) struct Update;

static DOCUMENT: Document =
    Document { name: "project", text: include_str!("../../graphql/update_project.graphql") };

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Args {
    owner: String,
    number: u64,
    title: Option<String>,
    description: Option<String>,
    readme: Option<String>,
    #[serde(default)]
    readme_edits: Vec<Edit>,
    closed: Option<bool>,
    public: Option<bool>,
}

impl Tool<Source> for Update {
    type Effect = Change;
    type Args = Args;
    type Output = Done;

    fn plan(args: &Args) -> Need {
        need(Effect::Change, &args.owner)
    }

    async fn run(cx: Cx<'_, Source, Change>, args: Args) -> Result<Done, ToolError> {
        check_text(args.title.as_deref())?;
        check_text(args.description.as_deref())?;
        let project = cx.source().project(&args.owner, args.number).await?;
        let patch =
            Patch { whole: args.readme.as_deref(), edits: &args.readme_edits, append: None };
        let old = find(&project.value, "readme");
        let readme = patch.apply(old.as_str().unwrap_or_default())?;
        let fields = [
            ("title", json!(args.title)),
            ("shortDescription", json!(args.description)),
            ("readme", json!(readme)),
            ("closed", json!(args.closed)),
            ("public", json!(args.public)),
        ];
        let mut input: Map<String, Value> = fields
            .into_iter()
            .filter(|(_, value)| !value.is_null())
            .map(|(name, value)| (name.to_owned(), value))
            .collect();
        if input.is_empty() {
            return Err(ToolError::invalid_arguments("say what is to be changed"));
        }
        input.insert("projectId".to_owned(), json!(project.node));
        // What becomes public is read by everybody, as it was before.
        let target = Target::Owned {
            owner: project.owner(),
            what: "a project",
            is_public: project.is_public || args.public == Some(true),
        };
        cx.source().mutate(cx.grant(), target, &DOCUMENT, Value::Object(input)).await?;
        let url = find(&project.value, "url").as_str().map(str::to_owned);
        Ok(Done { done: format!("updated {}", project.called()), url, ..Done::default() })
    }
}

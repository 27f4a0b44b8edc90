//! `share grant`.

use lockkeeper_core::{Add, Cx, Effect, Need, Tool, ToolError};
use schemars::JsonSchema;
use serde::Deserialize;

use crate::rows::Done;
use crate::source::{Receiver, Role, Source};

pub(super) struct GrantAccess;

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Args {
    file: String,
    /// Of a person
    email: Option<String>,
    /// Address of a group
    group: Option<String>,
    domain: Option<String>,
    role: Role,
    /// Let Google write to them
    #[serde(default)]
    notify: bool,
}

impl Tool<Source> for GrantAccess {
    type Effect = Add;
    type Args = Args;
    type Output = Done;

    const PLAIN: &'static [&'static str] = &["email", "group", "domain", "role"];

    fn plan(args: &Args) -> Need {
        Need::new(Effect::Add).resource(args.file.clone())
    }

    async fn run(cx: Cx<'_, Source, Add>, args: Args) -> Result<Done, ToolError> {
        let receiver = match (args.email, args.group, args.domain) {
            (Some(email), None, None) => Receiver::User(email),
            (None, Some(email), None) => Receiver::Group(email),
            (None, None, Some(domain)) => Receiver::Domain(domain),
            _ => {
                return Err(ToolError::invalid_arguments("give one of `email`, `group`, `domain`"));
            }
        };
        let file = cx.source().hold(&args.file).await?;
        let given = (receiver, args.role);
        let permission = cx.source().share(cx.grant(), &file, given, args.notify).await?;
        Ok(Done { state: "granted", id: permission.id, ..Done::default() })
    }
}

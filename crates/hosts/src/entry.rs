//! What a host has to know of a server, as that host writes it.

use serde_json::{Value, json};

use crate::host::Host;

/// A server as a host starts it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// What the host calls it.
    pub name: String,
    /// The absolute path of the program.
    pub command: String,
    /// Its arguments.
    pub args: Vec<String>,
    /// Variables of the environment that it reads. Only their names go into a file.
    pub variables: Vec<String>,
}

/// The fields of an object, in the order in which people write them.
pub(crate) type Fields = Vec<(&'static str, Value)>;

/// A host hands no variables on to servers, and has no way to refer to one.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "{host} passes on no variable of the environment, and the server takes {variable} from there"
)]
pub struct NoWay {
    host: Host,
    variable: String,
}

impl Entry {
    /// The entry as a line of JSON.
    pub fn json(&self, host: Host) -> Result<String, NoWay> {
        let fields = self.shape(host)?.into_iter().map(|(name, field)| (name.to_owned(), field));
        Ok(Value::Object(fields.collect()).to_string())
    }

    /// The entry as JSON, or as what becomes TOML.
    pub(crate) fn shape(&self, host: Host) -> Result<Fields, NoWay> {
        let mut shape = Vec::new();
        if host.says_type() {
            shape.push(("type", json!("stdio")));
        }
        shape.push(("command", json!(self.command)));
        shape.push(("args", json!(self.args)));
        let Some(first) = self.variables.first() else { return Ok(shape) };
        let mut refer = |reference: &dyn Fn(&str) -> String| {
            let pairs = self.variables.iter().map(|name| (name.clone(), json!(reference(name))));
            shape.push(("env", Value::Object(pairs.collect())));
        };
        match host {
            // It starts servers with the environment that it was started with.
            Host::ClaudeCode => {}
            Host::Codex => shape.push(("env_vars", json!(self.variables))),
            Host::Cursor | Host::Windsurf => refer(&|name| format!("${{env:{name}}}")),
            Host::Gemini => refer(&|name| format!("${name}")),
            // It asks once, and keeps the answer encrypted.
            Host::VsCode => refer(&|name| format!("${{input:{}}}", self.input(name))),
            Host::ClaudeDesktop | Host::Zed => {
                return Err(NoWay { host, variable: first.clone() });
            }
        }
        Ok(shape)
    }

    /// What VS Code has to ask for.
    pub(crate) fn inputs(&self, host: Host) -> Vec<(String, Fields)> {
        if host != Host::VsCode {
            return Vec::new();
        }
        let ask = |name: &String| {
            let id = self.input(name);
            let input = vec![
                ("type", json!("promptString")),
                ("id", json!(id)),
                ("description", json!(format!("{name} of {}", self.name))),
                ("password", json!(true)),
            ];
            (id, input)
        };
        self.variables.iter().map(ask).collect()
    }

    fn input(&self, variable: &str) -> String {
        format!("{}{variable}", Self::inputs_of(&self.name))
    }

    /// What the ids of a server's inputs begin with.
    pub(crate) fn inputs_of(name: &str) -> String {
        format!("lockkeeper.{name}.")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn variables_are_named_and_never_their_values() {
        let entry = Entry {
            name: "shop".to_owned(),
            command: "/bin/lockkeeper-postgres".to_owned(),
            args: vec!["postgresql://db/shop".to_owned()],
            variables: vec!["SHOP_PASSWORD".to_owned()],
        };
        let field = |host, name| {
            let shape = entry.shape(host)?.into_iter();
            let mut named = shape.filter(|(known, _)| *known == name).map(|(_, value)| value);
            Ok::<_, NoWay>(named.next().unwrap_or_default())
        };
        let env = |host| field(host, "env");
        assert_eq!(env(Host::Cursor), Ok(json!({"SHOP_PASSWORD": "${env:SHOP_PASSWORD}"})));
        assert_eq!(env(Host::Gemini), Ok(json!({"SHOP_PASSWORD": "$SHOP_PASSWORD"})));
        let asked = json!({"SHOP_PASSWORD": "${input:lockkeeper.shop.SHOP_PASSWORD}"});
        assert_eq!(env(Host::VsCode), Ok(asked));
        assert_eq!(entry.inputs(Host::VsCode).len(), 1);
        assert_eq!(env(Host::ClaudeCode), Ok(Value::Null));
        assert_eq!(field(Host::Codex, "env_vars"), Ok(json!(["SHOP_PASSWORD"])));
        for host in [Host::ClaudeDesktop, Host::Zed] {
            assert!(env(host).unwrap_err().to_string().contains("SHOP_PASSWORD"));
        }
    }
}

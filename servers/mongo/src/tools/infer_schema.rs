//! `infer_schema`: the fields of a collection, guessed from a sample.

use lockkeeper_core::{Cx, Effect, Need, Output, Read, Room, Tool, ToolError, count, grouped};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::ejson::Given;
use crate::source::Mongo;
use crate::source::sample::{Comparable, Field, Sample};

/// Documents that are looked at, unless fewer or more are asked for.
const SAMPLE: u64 = 500;

/// As many can be.
const MOST: u64 = 10_000;

pub(crate) struct InferSchema;

/// Guess the fields of a collection from a random sample: types, how many have them, values.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Args {
    database: Option<String>,
    collection: String,
    /// Documents, default 500, at most 10000
    sample_size: Option<u64>,
    #[serde(default)]
    filter: Given,
}

#[derive(Serialize, JsonSchema)]
pub(crate) struct Schema {
    schema: String,
}

impl Output for Schema {
    const BULK: bool = true;

    fn text(&self) -> String {
        self.schema.clone()
    }
}

impl Tool<Mongo> for InferSchema {
    type Effect = Read;
    type Args = Args;
    type Output = Schema;

    const PLAIN: &'static [&'static str] = &["database", "collection", "sample_size"];

    fn plan(args: &Args) -> Need {
        Need::new(Effect::Read)
            .resource(super::resource(args.database.as_deref(), &args.collection))
    }

    async fn run(cx: Cx<'_, Mongo, Read>, args: Args) -> Result<Schema, ToolError> {
        let mongo = cx.source();
        let name = mongo.namespace(args.database.as_deref(), &args.collection).await?;
        let size = args.sample_size.unwrap_or(SAMPLE).clamp(1, MOST);
        let sample = mongo.sample(&name, args.filter.0, size).await?;
        if sample.documents == 0 {
            mongo.must_exist(&name).await?;
        }
        let all = mongo.estimate(&name).await.ok();
        let schema = text(&name.to_string(), &sample, all, cx.max_output());
        Ok(Schema { schema })
    }
}

/// A schema as text.
pub(crate) fn text(name: &str, sample: &Sample, all: Option<u64>, room: usize) -> String {
    let mut lines = Room::new(room);
    let mut shown = 0;
    for (path, field) in &sample.fields {
        if !lines.push(&line(path, field, sample.documents)) {
            break;
        }
        shown += 1;
    }
    let of = all.map(|all| format!(" of {}", grouped(all))).unwrap_or_default();
    let mut opening = format!(
        "[{} in {}{of} of {name}: a guess",
        count(sample.fields.len() as u64, "field"),
        count(sample.documents, "document").replace(" documents", "").replace(" document", ""),
    );
    if shown < sample.fields.len() {
        opening.push_str(&format!(
            "; truncated: {} shown, filter or find shows more",
            grouped(shown as u64)
        ));
    }
    if sample.more {
        opening.push_str("; there are more fields than are told apart: their names may be data");
    }
    if sample.hidden > 0 {
        opening.push_str("; some are hidden by the policy");
    }
    format!("{opening}]\nfield\tpresent\ttypes\tvalues\n{}", lines.into_text())
}

fn line(path: &[String], field: &Field, documents: u64) -> String {
    let total: u64 = field.types.values().sum();
    let mut types: Vec<(&str, u64)> = field.types.iter().map(|(name, n)| (*name, *n)).collect();
    types.sort_by(|a, b| b.1.cmp(&a.1).then(a.0.cmp(b.0)));
    let types: Vec<String> = match types.as_slice() {
        [(only, _)] => vec![(*only).to_owned()],
        several => several.iter().map(|(name, n)| format!("{name} {}", share(*n, total))).collect(),
    };
    let mut line = format!(
        "{}\t{}\t{}",
        escaped(&path.join(".")),
        share(field.present, documents),
        types.join(", ")
    );
    let values = field.values();
    let details = if field.masked {
        "MASKED".to_owned()
    } else if !values.is_empty() {
        values.iter().map(|(value, _)| escaped(value)).collect::<Vec<_>>().join(" | ")
    } else {
        match field.range {
            Some((least, most)) if least == most => shown(least),
            Some((least, most)) => format!("{} … {}", shown(least), shown(most)),
            None if field.longest > 0 => {
                format!("up to {}", count(field.longest as u64, "element"))
            }
            None => String::new(),
        }
    };
    if !details.is_empty() {
        line.push('\t');
        line.push_str(&details);
    }
    line.push('\n');
    line
}

fn share(part: u64, all: u64) -> String {
    match (part * 100).checked_div(all) {
        Some(100) | None => "100%".to_owned(),
        Some(0) => "<1%".to_owned(),
        Some(percent) => format!("{percent}%"),
    }
}

fn shown(value: Comparable) -> String {
    match value {
        Comparable::Number(number) => number.to_string(),
        Comparable::Date(millis) => {
            bson::DateTime::from_millis(millis).try_to_rfc3339_string().unwrap_or_default()
        }
    }
}

fn escaped(text: &str) -> String {
    text.replace('\t', "\\t").replace('\n', "\\n").replace('\r', "\\r")
}

#[cfg(test)]
mod tests {
    use lockkeeper_testkit::expect;

    use crate::testing::{POLICY, Shop};

    #[test]
    fn guesses_fields() {
        let Some(shop) = Shop::start() else { return };
        shop.check(
            r#"infer_schema {"collection": "orders"}"#,
            &expect![[r#"
            [10 fields in 200 of 200 of shop.orders: a guess]
            field	present	types	values
            _id	100%	int	1 … 200
            at	100%	date	2023-11-15T22:13:20Z … 2024-06-01T22:13:20Z
            items	100%	array	up to 1 element
            items[]	100%	object
            items[].count	100%	int	1 … 3
            items[].sku	100%	string	s1 | s2 | s3 | s4 | s0 | s5 | s6
            margin	100%	int	1 … 200
            status	100%	string	paid | shipped | new
            total	100%	double	1.5 … 300
            user	100%	objectId
        "#]],
        );
        shop.check(
            r#"infer_schema {"collection": "users", "filter": {"address.city": "Oslo"}}"#,
            &expect![[r#"
                [9 fields in 2 of 5 of shop.users: a guess]
                field	present	types	values
                _id	100%	objectId
                address	100%	object
                address.city	100%	string	Oslo
                address.zip	100%	string	2 | 4
                email	100%	string	user2@example.org | user4@example.org
                name	100%	string	User 2 | User 4
                password_hash	100%	string	hash-2 | hash-4
                tags	100%	array	up to 2 elements
                tags[]	100%	string	a | b
            "#]],
        );
        shop.check_under(
            POLICY,
            r#"infer_schema {"collection": "users"}"#,
            &expect![[r#"
            [8 fields in 5 of 5 of shop.users: a guess; some are hidden by the policy]
            field	present	types	values
            _id	100%	objectId
            address	100%	object
            address.city	100%	string	Bergen | Oslo
            address.zip	100%	string
            email	100%	string	MASKED
            name	100%	string
            tags	100%	array	up to 2 elements
            tags[]	80%	string	a | b
        "#]],
        );
        shop.check(
            r#"infer_schema {"collection": "nothing"}"#,
            &expect![[r#"
            error: not_found: there is no collection `shop.nothing`
            next: list_collections shows what there is; names are case-sensitive"#]],
        );
        let call = r#"infer_schema {"collection": "events", "sample_size": 1500}"#;
        let all = shop.call("", &[], call);
        assert!(all.starts_with("[3 fields in 1,500 of 1,500 of shop.events: a guess]"), "{all}");
    }
}

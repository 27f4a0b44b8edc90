//! `list_objects`: what there is in a database, one line each.

use lockkeeper_core::{
    Altered, Cx, Effect, Need, Output, Read, Room, Tool, ToolError, count, grouped,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::catalog::listing::{self, Listing, Object, ObjectKind, Pattern};
use crate::catalog::render;
use crate::source::Pg;

/// Bytes of a page, if the settings allow more.
const PAGE: usize = 15_600;

pub(crate) struct ListObjects;

/// List tables, views and other objects with estimated rows and size. describe shows their columns.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Args {
    database: Option<String>,
    schema: Option<String>,
    /// default: tables and views
    #[serde(default)]
    kind: Vec<ObjectKind>,
    /// glob, or part of a name
    pattern: Option<String>,
    limit: Option<usize>,
    /// from `next`
    cursor: Option<String>,
}

#[derive(Default, Serialize, JsonSchema)]
pub(crate) struct Objects {
    objects: Vec<Item>,
    total: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<String>,
    #[serde(skip)]
    place: String,
    #[serde(skip)]
    lines: String,
    #[serde(skip)]
    altered: Altered,
}

#[derive(Serialize, JsonSchema)]
struct Item {
    kind: ObjectKind,
    schema: String,
    name: String,
    /// arguments, definition or version
    #[serde(skip_serializing_if = "Option::is_none")]
    detail: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    rows: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    bytes: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    partitions: Option<u64>,
    readable: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    comment: Option<String>,
}

impl Tool<Pg> for ListObjects {
    type Effect = Read;
    type Args = Args;
    type Output = Objects;

    fn plan(args: &Args) -> Need {
        args.schema.iter().fold(Need::new(Effect::Read), Need::resource)
    }

    async fn run(cx: Cx<'_, Pg, Read>, args: Args) -> Result<Objects, ToolError> {
        let position = cx.resume(args.cursor.as_deref())?.unwrap_or_default();
        let pattern = args.pattern.as_deref().map(Pattern::new).transpose();
        let pattern = pattern.map_err(|problem| {
            ToolError::invalid_arguments(format!("`pattern` is no glob: {problem}"))
                .hint("escape special characters as [*], [?], [[]")
        })?;
        let database = cx.source().database(args.database.as_deref())?;
        let kinds = if args.kind.is_empty() { ObjectKind::RELATIONS.to_vec() } else { args.kind };
        let listing = Listing { schema: args.schema, kinds, pattern };
        let objects = database.catalog().list(&listing).await?;
        let first = listing::resume(&objects, &position);
        let limit = args.limit.unwrap_or(usize::MAX).max(1);
        let mut page = page(&cx, objects.iter().skip(first).take(limit));
        let shown = first + page.objects.len();
        page.next = (shown < objects.len()).then(|| cx.next(&listing::position(&objects, shown)));
        page.total = objects.len();
        page.place = listing.schema.unwrap_or_else(|| database.name.clone());
        Ok(page)
    }
}

/// As many objects as fit.
fn page<'o>(cx: &Cx<'_, Pg, Read>, objects: impl Iterator<Item = &'o Object>) -> Objects {
    let mut lines = Room::new(cx.max_output().min(PAGE));
    let mut page = Objects::default();
    let mut group = None;
    for object in objects {
        // Shown before it is cut, so that nothing is cut in two that hides something.
        let shown = object.comment.as_deref().map(|comment| cx.outside().show(comment));
        let comment = shown.as_ref().map(|shown| render::comment(&shown.text));
        let line = render::object(object, comment.as_deref());
        let new_group = (&object.schema, object.kind);
        let header = match group.replace(new_group) {
            Some(last) if last == new_group => String::new(),
            _ => render::group(object),
        };
        if !lines.push(&(header + &line)) {
            break;
        }
        page.altered += shown.map(|shown| shown.altered()).unwrap_or_default();
        page.objects.push(Item {
            kind: object.kind,
            schema: object.schema.clone(),
            name: object.name.clone(),
            detail: object.detail.clone(),
            rows: object.rows,
            bytes: object.bytes,
            partitions: Some(object.partitions).filter(|n| *n > 0),
            readable: object.readable,
            comment,
        });
    }
    page.lines = lines.into_text();
    page
}

impl Output for Objects {
    const BULK: bool = true;

    fn text(&self) -> String {
        let mut header = format!("[{} in {}", count(self.total as u64, "object"), self.place);
        if self.objects.len() < self.total {
            header.push_str(&format!(", {} shown", grouped(self.objects.len() as u64)));
        }
        if let Some(next) = &self.next {
            header.push_str(&format!("; truncated, next: cursor {next}"));
        }
        if self.total == 0 {
            return format!("{header}; leave schema, kind and pattern out to see what there is]\n");
        }
        format!("{header}]\n{}{}", render::COLUMNS, self.lines)
    }

    fn truncated(&self) -> bool {
        self.next.is_some()
    }

    fn altered(&self) -> Altered {
        self.altered
    }
}

#[cfg(test)]
mod tests {
    use lockkeeper_testkit::expect;
    use lockkeeper_testkit::in_process::seen;
    use serde_json::json;

    use crate::testing::{MANY, POLICY, all_pages, shop};

    #[test]
    fn lists_tables_and_views() {
        let Some(shop) = shop() else { return };
        shop.check(
            "list_objects {}",
            &expect![[r#"
            [17 objects in app]
            name	rows	size	comment (estimates)
            # "Odd ""Names""" table
            "select"	0
            # hr table
            employees	20	24kB	Confidential
            # public table
            "Users"	0	8kB
            archived_documents	0
            customers	200	96kB	People who buy
            documents	30	24kB
            events	1000	552kB	(13 partitions) What happened, by month
            scratch	0
            # public view
            logins
            staff_directory
            # sales table
            order_items	2500	256kB
            orders	1000	200kB	One order of one customer
            products	50	64kB
            refunds	0	8kB
            visits	0	8kB
            # sales view
            open_orders			Orders that are not done
            # sales materialized_view
            revenue	10	24kB
        "#]],
        );
    }

    #[test]
    fn lists_what_else_there_is() {
        let Some(shop) = shop() else { return };
        let kinds = r#"list_objects {"kind": ["sequence", "function", "type", "extension"]}"#;
        shop.check(
            kinds,
            &expect![[r#"
            [22 objects in app]
            name	rows	size	comment (estimates)
            # hr sequence
            employees_id_seq
            # hr function
            notice() -> trigger
            # hr type
            grade enum (junior, senior, principal)
            # pg_catalog extension
            plpgsql 1.0	PL/pgSQL procedural language
            # public sequence
            customers_id_seq
            events_id_seq
            invoice_no
            # public function
            first_text(text) -> text aggregate
            normalize_name(name text) -> text	Names as they are compared
            normalize_name(name text, locale text) -> text
            salary_of(employee integer) -> numeric SECURITY DEFINER
            # public type
            address composite
            email domain over text
            # sales sequence
            orders_id_seq
            products_id_seq
            refunds_id_seq
            visits_id_seq
            # sales function
            close_orders(INOUT closed integer) procedure
            touch() -> trigger
            # sales type
            money_amount domain over numeric(12,2)
            order_status enum (new, paid, shipped, cancelled)	Where an order stands
            price_range range of numeric
        "#]],
        );
    }

    #[test]
    fn lists_what_matches() {
        let Some(shop) = shop() else { return };
        shop.check(
            r#"list_objects {"pattern": "ORDER"}"#,
            &expect![[r#"
            [3 objects in app]
            name	rows	size	comment (estimates)
            # sales table
            order_items	2500	256kB
            orders	1000	200kB	One order of one customer
            # sales view
            open_orders			Orders that are not done
        "#]],
        );
        shop.check(
            r#"list_objects {"pattern": "sales.re*", "limit": 1}"#,
            &expect![[r#"
            [2 objects in app, 1 shown; truncated, next: cursor <cursor>]
            name	rows	size	comment (estimates)
            # sales table
            refunds	0	8kB
        "#]],
        );
        shop.check(
            r#"list_objects {"schema": "nothing"}"#,
            &expect![[r#"
                [0 objects in nothing; leave schema, kind and pattern out to see what there is]
            "#]],
        );
        shop.check(
            r#"list_objects {"pattern": "[a"}"#,
            &expect![[r#"
            error: invalid_arguments: `pattern` is no glob: unclosed character class; missing ']'
            next: escape special characters as [*], [?], [[]"#]],
        );
        shop.check(
            r#"list_objects {"schema": "pg_catalog", "pattern": "pg_stat_wal*", "limit": 1}"#,
            &expect![[r#"
                [2 objects in pg_catalog, 1 shown; truncated, next: cursor <cursor>]
                name	rows	size	comment (estimates)
                # pg_catalog view
                pg_stat_wal
            "#]],
        );
    }

    #[test]
    fn says_what_the_role_may_not_read() {
        let Some(shop) = shop() else { return };
        shop.check_as(
            "reader",
            "",
            r#"list_objects {"schema": "sales"}"#,
            &expect![[r#"
            [7 objects in sales]
            name	rows	size	comment (estimates)
            # sales table
            order_items	2500	256kB	(no right to it)
            orders	1000	200kB	One order of one customer
            products	50	64kB
            refunds	0	8kB	(no right to it)
            visits	0	8kB	(no right to it)
            # sales view
            open_orders			(no right to it) Orders that are not done
            # sales materialized_view
            revenue	10	24kB	(no right to it)
        "#]],
        );
    }

    #[test]
    fn what_the_policy_hides_does_not_exist() {
        let Some(shop) = shop() else { return };
        shop.check_as(
            "postgres",
            POLICY,
            "list_objects {}",
            &expect![[r#"
            [7 objects in app]
            name	rows	size	comment (estimates)
            # public table
            customers	200	96kB	People who buy
            documents	30	24kB
            events	907	504kB	(12 partitions) What happened, by month
            # public view
            logins
            staff_directory
            # sales table
            orders	1000	200kB	One order of one customer
            visits	0	8kB
        "#]],
        );
        let kinds = r#"list_objects {"kind": ["sequence", "function", "type", "extension"]}"#;
        shop.check_as(
            "postgres",
            POLICY,
            kinds,
            &expect![[r#"
                [0 objects in app; leave schema, kind and pattern out to see what there is]
            "#]],
        );
    }

    #[test]
    fn five_hundred_tables_are_a_page() {
        let Some(shop) = shop() else { return };
        shop.run(MANY);
        let mut client = shop.client("");
        let text = seen(&client.call("list_objects", json!({"schema": "many"})));
        assert!(text.starts_with("[500 objects in many]"), "{}", text.lines().next().unwrap());
        assert!(text.len() < 16_000, "{} bytes", text.len());
    }

    #[test]
    fn pages_hold_every_object_once_whatever_changes_between_them() {
        let Some(shop) = shop() else { return };
        let mut client = shop.client("");
        let names = |pages: &[String]| -> Vec<String> {
            let lines = pages.iter().flat_map(|page| page.lines().skip(2));
            let objects = lines.filter(|line| !line.starts_with('#'));
            objects.map(|line| line.split('\t').next().unwrap_or_default().to_owned()).collect()
        };
        let whole = names(&all_pages(&mut client, "list_objects", json!({})));
        let paged = all_pages(&mut client, "list_objects", json!({"limit": 3}));
        assert_eq!(paged.len(), whole.len().div_ceil(3));
        assert_eq!(names(&paged), whole);
        let first = seen(&client.call("list_objects", json!({"limit": 5})));
        let (_, cursor) = first.lines().next().unwrap().split_once("cursor ").unwrap();
        let cursor = cursor.trim_end_matches(']');
        assert!(cursor.len() <= 48, "{cursor}");
        // The last one that was shown goes, and one comes before it.
        shop.run(r#"DROP TABLE public.archived_documents; CREATE TABLE "A" ()"#);
        shop.run(&format!("DROP TABLE public.{} CASCADE", whole[4]));
        let rest = seen(&client.call("list_objects", json!({"limit": 5, "cursor": cursor})));
        assert_eq!(names(&[rest])[0], whole[5]);
    }
}

use super::*;

const USERS: u32 = 10;
const ORDERS: u32 = 11;
const VIEW: u32 = 12;
const STATS: u32 = 13;

fn origin(relation: u32, name: &str, kind: OriginKind, columns: &[&str]) -> Origin {
    let is_self = kind == OriginKind::Itself;
    Origin {
        relation,
        relation_kind: 'r',
        schema: if name.starts_with("pg_") { "pg_catalog" } else { "public" }.to_owned(),
        name: name.to_owned(),
        kind,
        numbers: if is_self { (1..).take(columns.len()).collect() } else { Vec::new() },
        columns: columns.iter().map(|column| (*column).to_owned()).collect(),
    }
}

fn masked() -> Masked {
    let origins = [
        origin(USERS, "users", OriginKind::Itself, &["id", "email", "ssn", "email_lower"]),
        origin(USERS, "users_2024", OriginKind::Kin, &[]),
        Origin { numbers: vec![4], ..origin(USERS, "users", OriginKind::Generated, &["email"]) },
        origin(ORDERS, "orders", OriginKind::Itself, &["id", "total"]),
        origin(VIEW, "v", OriginKind::Itself, &["id"]),
        origin(VIEW, "users", OriginKind::Behind, &["id", "email"]),
        origin(STATS, "pg_stats", OriginKind::Itself, &["most_common_vals"]),
    ];
    Masked::new(
        &origins,
        "app",
        &|name| match name {
            ["app", "public", "users", "email"] => Some(Mask::Last4),
            // Stated about a partition only.
            ["app", "public", "users_2024", "ssn"] => Some(Mask::Redact),
            _ => None,
        },
        &|_| false,
    )
}

fn source(relation: u32, alias: &str) -> Source {
    Source { relation, alias: alias.to_owned(), has_column_aliases: false, within: 0 }
}

fn column(name: &str) -> What {
    What::Column { qualifier: None, name: name.to_owned() }
}

fn star() -> What {
    What::Star { qualifier: None }
}

const WHERE: Place = Place::Elsewhere("WHERE");

fn judge(sources: &[(u32, &str)], references: &[(What, Place)]) -> Result<(), Oracle> {
    let plain = references.iter().filter(|(_, place)| *place == Place::Output);
    let statement = Statement {
        sources: sources.iter().map(|(relation, alias)| source(*relation, alias)).collect(),
        outputs: plain.map(|(what, _)| Output { name: None, what: Some(what.clone()) }).collect(),
        references: references
            .iter()
            .map(|(what, place)| Reference { what: what.clone(), place: *place, at: 0, within: 0 })
            .collect(),
        ..Statement::default()
    };
    masked().judge(&statement)
}

#[test]
fn the_strictest_mask_of_all_names_counts() {
    let masked = masked();
    for (column, expected) in
        [(1, None), (2, Some(Mask::Last4)), (3, Some(Mask::Redact)), (4, Some(Mask::Last4))]
    {
        assert_eq!(masked.of(USERS, Some(column)), expected, "column {column}");
    }
    // What isn't known is no reason to show it.
    assert_eq!(masked.of(USERS, Some(9)), Some(Mask::Redact));
    assert_eq!(masked.of(99, Some(1)), Some(Mask::Redact));
    assert_eq!(masked.of(ORDERS, Some(-1)), None);
}

#[test]
fn masked_columns_are_plain_outputs_or_nothing() {
    let users = &[(USERS, "u")];
    for references in [
        vec![(column("email"), Place::Output)],
        vec![(star(), Place::Output)],
        vec![(column("email"), Place::Output), (column("id"), WHERE)],
        vec![(column("email"), Place::Output), (column("id"), Place::Order)],
        vec![(column("id"), Place::Output), (What::Position(1), Place::Order)],
    ] {
        assert_eq!(judge(users, &references), Ok(()), "{references:?}");
    }
    for place in [
        WHERE,
        Place::Order,
        Place::Elsewhere("an expression"),
        Place::Elsewhere("a subquery"),
        Place::Elsewhere("UNION"),
    ] {
        for name in ["email", "ssn", "email_lower"] {
            let refused = judge(users, &[(column(name), place)]).unwrap_err();
            assert_eq!(refused, Oracle::Used { column: name.to_owned(), place });
        }
        assert_eq!(judge(users, &[(star(), place)]), Err(Oracle::Star { place }));
        assert_eq!(judge(&[(ORDERS, "o")], &[(column("email"), place), (star(), place)]), Ok(()));
    }
}

#[test]
fn what_hides_a_masked_column_is_refused() {
    let users = &[(USERS, "u"), (ORDERS, "o")];
    let whole = Oracle::WholeRow { alias: "u".to_owned() };
    assert_eq!(judge(users, &[(column("u"), Place::Output)]), Err(whole.clone()));
    assert_eq!(judge(users, &[(column("u"), Place::Elsewhere("an expression"))]), Err(whole));
    assert_eq!(judge(users, &[(column("o"), Place::Output)]), Ok(()));
    assert_eq!(judge(users, &[(What::NaturalJoin, WHERE)]), Err(Oracle::NaturalJoin));
    let of = |qualifier: &str, name: &str| What::Column {
        qualifier: Some(qualifier.to_owned()),
        name: name.to_owned(),
    };
    let whole = Oracle::WholeRow { alias: "u".to_owned() };
    assert_eq!(judge(users, &[(of("u", "row_to_json"), Place::Output)]), Err(whole));
    assert_eq!(judge(users, &[(of("u", "ctid"), WHERE), (of("o", "email"), WHERE)]), Ok(()));
    assert!(judge(users, &[(of("u", "email"), WHERE)]).is_err());
    let other = What::Star { qualifier: Some("o".to_owned()) };
    assert_eq!(judge(users, &[(other, Place::Elsewhere("a subquery"))]), Ok(()));
    let own = What::Star { qualifier: Some("u".to_owned()) };
    let place = Place::Elsewhere("a subquery");
    assert_eq!(judge(users, &[(own, place)]), Err(Oracle::Star { place }));
}

#[test]
fn positions_and_names_of_outputs_are_followed() {
    let users = &[(USERS, "u")];
    let email = (column("email"), Place::Output);
    let id = (column("id"), Place::Output);
    let at = |position| (What::Position(position), Place::Order);
    assert_eq!(judge(users, &[id.clone(), email.clone(), at(1)]), Ok(()));
    let used = |name: &str| Oracle::Used { column: name.to_owned(), place: Place::Order };
    assert_eq!(judge(users, &[id.clone(), email.clone(), at(2)]), Err(used("email")));
    assert_eq!(judge(users, &[id, email, at(3)]), Err(Oracle::Position { position: 3 }));
    let after_star = [(star(), Place::Output), at(1)];
    assert_eq!(judge(users, &after_star), Err(Oracle::Position { position: 1 }));
    let statement = Statement {
        sources: vec![source(USERS, "u")],
        outputs: vec![Output { name: Some("e".to_owned()), what: Some(column("email")) }],
        references: vec![Reference { what: column("e"), place: Place::Order, at: 0, within: 0 }],
        output_names_used: vec!["e".to_owned()],
        ..Statement::default()
    };
    assert_eq!(masked().judge(&statement), Err(used("e")));
}

#[test]
fn what_cannot_be_told_is_refused() {
    for (relation, expected) in [
        (VIEW, "`public.v` is a view that reads masked columns"),
        (STATS, "`pg_catalog.pg_stats` holds samples of masked columns"),
        (
            99,
            "it can't be told what becomes of columns that are masked or not allowed in a table that isn't known",
        ),
    ] {
        let refused = judge(&[(relation, "x")], &[]).unwrap_err();
        assert_eq!(refused.to_string(), expected);
    }
    let statement = |relation, unclear: Option<&str>, has_column_aliases| Statement {
        sources: vec![Source { has_column_aliases, ..source(relation, "t") }],
        unclear: unclear.map(str::to_owned),
        ..Statement::default()
    };
    let masked = masked();
    assert!(masked.judge(&statement(USERS, Some("XMLTABLE"), false)).is_err());
    assert!(masked.judge(&statement(USERS, None, true)).is_err());
    assert!(masked.judge(&statement(ORDERS, Some("XMLTABLE"), true)).is_ok());
}

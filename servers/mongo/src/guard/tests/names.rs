//! Which collections something refers to, and what must be known of them.

use super::*;

fn references(judged: &Judged) -> Vec<String> {
    judged.references.iter().map(ToString::to_string).collect()
}

#[test]
fn each_reference_is_told() {
    let line = concat!(
        r#"pipeline [{"$lookup":{"from":"users","pipeline":[{"$unionWith":{"coll":"items"}}],"as":"a"}},"#,
        r#"{"$facet":{"f":[{"$graphLookup":{"from":"nodes","startWith":"$a","connectFromField":"a","#,
        r#""connectToField":"b","as":"g"}}]}},{"$unionWith":{"db":"other","coll":"things"}}]"#
    );
    let judged = open().takes(line);
    let all = ["shop.orders", "shop.users", "shop.items", "shop.nodes", "other.things"];
    assert_eq!(references(&judged), all);
}

#[test]
fn a_view_is_followed_to_what_it_stands_on() {
    let judged = two_collections().takes("find:on_cheap {}");
    assert_eq!(references(&judged), ["shop.on_cheap", "shop.cheap", "shop.orders"]);
    let refusal = two_collections().refuses("find:joined {}");
    let expected = "there is no collection `shop.joined`";
    assert_eq!(refusal.to_string(), expected, "what it stands on isn't named");
    let refusal = two_collections().refuses("update:cheap {\"$set\":{\"a\":1}}");
    assert_eq!(refusal.to_string(), "`shop.cheap` is a view");
}

#[test]
fn what_is_not_known_has_to_be_asked() {
    let mut world = two_collections();
    world.known.clear();
    let line = r#"pipeline [{"$unionWith":"users"}]"#;
    let judged = world.ask(line).unwrap();
    assert_eq!(judged.unresolved.len(), 2);
    world.known.insert(Reference::new("shop", "orders"), Kind::Collection);
    let view = View { on: "orders".into(), pipeline: Vec::new() };
    world.known.insert(Reference::new("shop", "users"), Kind::View(view));
    assert!(world.ask(line).unwrap().unresolved.is_empty());
    assert!(open().ask(line).unwrap().unresolved.is_empty(), "without rules nobody asks");
}

#[test]
fn what_is_missing_answers_like_what_is_hidden() {
    let world = two_collections();
    let hidden = world.refuses(r#"pipeline [{"$unionWith":"payroll"}]"#).to_string();
    let missing = world.refuses(r#"pipeline [{"$unionWith":"nothing"}]"#).to_string();
    assert_eq!(hidden.replace("payroll", "nothing"), missing);
}

//! Denied and masked fields: what can't be done with them, and where they are found in results.

use super::*;
use crate::ejson::{Seen, Sight as _};

fn ruled() -> World {
    world(
        None,
        &["shop.users.password", "shop.users.address.ssn"],
        &[("shop.users.email", Mask::Redact), ("shop.orders.card", Mask::Last4)],
    )
}

fn anywhere() -> World {
    world(None, &["**.password*"], &[("shop.**.ssn", Mask::Redact)])
}

#[test]
fn a_hidden_field_can_be_used_for_nothing() {
    for line in [
        r#"find:users {"email":"a@example.org"}"#,
        r#"find:users {"password":{"$exists":true}}"#,
        r#"find:users {"password":{"$regex":"^a"}}"#,
        r#"find:users {"$or":[{"a":1},{"email":{"$gt":"m"}}]}"#,
        r#"find:users {"address.ssn":"1"}"#,
        r#"find:users {"address":{"city":"Rome","ssn":"1"}}"#,
        r#"find:users {"address":{"$in":[{"ssn":"1"}]}}"#,
        r#"find:users {"address":{"$gt":{"ssn":"1"}}}"#,
        r#"find:users {"address":{"$elemMatch":{"ssn":"1"}}}"#,
        r#"find:users {"address":{"$all":[{"$elemMatch":{"ssn":"1"}}]}}"#,
        r#"find:users {"address":{"$not":{"$eq":{"ssn":"1"}}}}"#,
        r#"find:users {"address.0.ssn":"1"}"#,
        r#"find:users {"password.0":"a"}"#,
        r#"find:users {"email.x":"a"}"#,
        r#"find:users {"$expr":{"$eq":["$email","a"]}}"#,
        r#"find:users {"$expr":{"$gt":[{"$strLenCP":"$password"},8]}}"#,
        r#"find:users {"$expr":{"$eq":["$$ROOT.email","a"]}}"#,
        r#"find:users {"$expr":{"$eq":["$$CURRENT.email","a"]}}"#,
        r#"find:users {"$expr":{"$eq":["$address",{"ssn":"1"}]}}"#,
        r#"find:users {"$expr":{"$eq":[{"$getField":"email"},"a"]}}"#,
        r#"find:users {"$expr":{"$eq":[{"$getField":{"$concat":["em","ail"]}},"a"]}}"#,
        r#"find:users {"$expr":{"$let":{"vars":{"r":"$$ROOT"},"in":{"$eq":["$$r.email","a"]}}}}"#,
        r#"find:users {"$text":{"$search":"a"}}"#,
        r#"find:users {"$jsonSchema":{"properties":{"email":{"enum":["a"]}}}}"#,
        r#"sort:users {"email":1}"#,
        r#"sort:users {"name":1,"password":-1}"#,
        r#"sort:users {"address":1}"#,
        r#"distinct:users email"#,
        r#"distinct:users password"#,
        r#"distinct:users address"#,
        r#"projection:users {"password":1}"#,
        r#"projection:users {"x":"$email"}"#,
        r#"projection:users {"x":{"$toUpper":"$password"}}"#,
        r#"projection:users {"x":{"$meta":"indexKey"}}"#,
        r#"projection:users {"address":{"$elemMatch":{"ssn":"1"}}}"#,
        r#"pipeline:users [{"$match":{"email":"a"}}]"#,
        r#"pipeline:users [{"$project":{"x":"$email"}}]"#,
        r#"pipeline:users [{"$project":{"password":1}}]"#,
        r#"pipeline:users [{"$project":{"address":{"ssn":1}}}]"#,
        r#"pipeline:users [{"$group":{"_id":"$email"}}]"#,
        r#"pipeline:users [{"$group":{"_id":"$address"}}]"#,
        r#"pipeline:users [{"$group":{"_id":"$$ROOT"}}]"#,
        r#"pipeline:users [{"$group":{"_id":null,"x":{"$max":"$email"}}}]"#,
        r#"pipeline:users [{"$group":{"_id":null,"x":{"$max":"$address"}}}]"#,
        r#"pipeline:users [{"$group":{"_id":null,"x":{"$top":{"output":"$name","sortBy":{"email":1}}}}}]"#,
        r#"pipeline:users [{"$group":{"_id":null,"x":{"$addToSet":"$address"}}}]"#,
        r#"pipeline:users [{"$sortByCount":"$email"}]"#,
        r#"pipeline:users [{"$bucket":{"groupBy":"$email","boundaries":["a","m"]}}]"#,
        r#"pipeline:users [{"$bucketAuto":{"groupBy":"$email","buckets":5}}]"#,
        r#"pipeline:users [{"$unwind":"$email"}]"#,
        r#"pipeline:users [{"$set":{"x":{"$objectToArray":"$$ROOT"}}}]"#,
        r#"pipeline:users [{"$set":{"x":{"$objectToArray":"$address"}}}]"#,
        r#"pipeline:users [{"$set":{"x":{"$toString":"$address"}}}]"#,
        r#"pipeline:users [{"$set":{"x":{"$bsonSize":"$$ROOT"}}}]"#,
        r#"pipeline:users [{"$set":{"x":{"$toHashedIndexKey":"$$ROOT"}}}]"#,
        r#"pipeline:users [{"$set":{"x":{"$getField":{"field":"password","input":"$$ROOT"}}}}]"#,
        r#"pipeline:users [{"$set":{"x":{"$getField":{"field":{"$literal":"password"},"input":"$$ROOT"}}}}]"#,
        r#"pipeline:users [{"$set":{"x":{"$getField":{"field":"$name","input":"$$ROOT"}}}}]"#,
        r#"pipeline:users [{"$set":{"x":{"$map":{"input":["$address"],"in":"$$this.ssn"}}}}]"#,
        r#"pipeline:users [{"$set":{"x":{"$map":{"input":["$$ROOT"],"as":"r","in":"$$r.email"}}}}]"#,
        r#"pipeline:users [{"$set":{"x":{"$filter":{"input":["$$ROOT"],"as":"r","cond":{"$eq":["$$r.email","a"]}}}}}]"#,
        r#"pipeline:users [{"$set":{"x":{"$reduce":{"input":["$$ROOT"],"initialValue":"","in":"$$this.email"}}}}]"#,
        r#"pipeline:users [{"$set":{"x":{"$reduce":{"input":[1,2],"initialValue":"$$ROOT","in":"$$value.email"}}}}]"#,
        r#"pipeline:users [{"$set":{"x":{"$let":{"vars":{"a":"$address"},"in":"$$a.ssn"}}}}]"#,
        r#"pipeline:users [{"$set":{"x":{"$sortArray":{"input":["$address"],"sortBy":{"ssn":1}}}}}]"#,
        r#"pipeline:users [{"$set":{"x":{"$sortArray":{"input":["$address"],"sortBy":1}}}}]"#,
        r#"pipeline:users [{"$set":{"x":{"$in":["$address",[{"ssn":"1"}]]}}}]"#,
        r#"pipeline:users [{"$set":{"x":{"$indexOfArray":[[{"ssn":"1"}],"$address"]}}}]"#,
        r#"pipeline:users [{"$set":{"x":{"$setEquals":[["$address"],[{"ssn":"1"}]]}}}]"#,
        r#"pipeline:users [{"$set":{"x":{"$cmp":["$$ROOT",{"email":"m"}]}}}]"#,
        r#"pipeline:users [{"$set":{"r":"$$ROOT"}},{"$match":{"r.email":"a"}}]"#,
        r#"pipeline:users [{"$set":{"r":"$$ROOT"}},{"$project":{"x":"$r.email"}}]"#,
        r#"pipeline:users [{"$set":{"r":{"s":"$$ROOT"}}},{"$project":{"x":"$r.s.password"}}]"#,
        r#"pipeline:users [{"$group":{"_id":null,"all":{"$push":"$$ROOT"}}},{"$unwind":"$all"},{"$match":{"all.email":"a"}}]"#,
        r#"pipeline:users [{"$group":{"_id":null,"f":{"$first":"$$ROOT"}}},{"$project":{"x":"$f.email"}}]"#,
        r#"pipeline:users [{"$replaceRoot":{"newRoot":{"x":"$$ROOT"}}},{"$match":{"x.email":"a"}}]"#,
        r#"pipeline:users [{"$replaceWith":"$address"},{"$match":{"ssn":"1"}}]"#,
        r#"pipeline:users [{"$facet":{"a":[{"$match":{"email":"a"}}]}}]"#,
        r#"pipeline:users [{"$facet":{"a":[{"$limit":1}]}},{"$project":{"x":"$a.email"}}]"#,
        r#"pipeline:users [{"$redact":{"$cond":[{"$eq":["$ssn","1"]},"$$KEEP","$$PRUNE"]}}]"#,
        r#"pipeline [{"$lookup":{"from":"users","localField":"a","foreignField":"email","as":"u"}}]"#,
        r#"pipeline [{"$lookup":{"from":"users","localField":"card","foreignField":"name","as":"u"}}]"#,
        r#"pipeline [{"$lookup":{"from":"users","pipeline":[{"$match":{"email":"a"}}],"as":"u"}}]"#,
        r#"pipeline [{"$lookup":{"from":"users","let":{"c":"$card"},"pipeline":[],"as":"u"}}]"#,
        r#"pipeline [{"$lookup":{"from":"users","let":{"c":"$$ROOT"},"pipeline":[{"$match":{"$expr":{"$eq":["$name","$$c.card"]}}}],"as":"u"}}]"#,
        r#"pipeline [{"$lookup":{"from":"users","pipeline":[],"as":"u"}},{"$match":{"u.email":"a"}}]"#,
        r#"pipeline [{"$lookup":{"from":"users","pipeline":[],"as":"u"}},{"$unwind":"$u"},{"$sort":{"u.password":1}}]"#,
        r#"pipeline [{"$lookup":{"from":"users","pipeline":[],"as":"u"}},{"$set":{"v":{"$first":"$u"}}},{"$project":{"x":"$v.email"}}]"#,
        r#"pipeline [{"$unionWith":"users"},{"$match":{"email":"a"}}]"#,
        r#"pipeline [{"$graphLookup":{"from":"users","startWith":"$a","connectFromField":"a","connectToField":"email","as":"x"}}]"#,
        r#"pipeline [{"$graphLookup":{"from":"users","startWith":"$card","connectFromField":"a","connectToField":"b","as":"x"}}]"#,
        r#"pipeline [{"$graphLookup":{"from":"users","startWith":"$a","connectFromField":"a","connectToField":"b","as":"x","restrictSearchWithMatch":{"email":"a"}}}]"#,
        r#"pipeline:users [{"$setWindowFields":{"sortBy":{"email":1},"output":{"r":{"$rank":{}}}}}]"#,
        r#"pipeline:users [{"$setWindowFields":{"partitionBy":"$email","output":{"n":{"$sum":1}}}}]"#,
        r#"pipeline:users [{"$setWindowFields":{"sortBy":{"a":1},"output":{"n":{"$shift":{"output":"$email","by":1}}}}}]"#,
        r#"pipeline:users [{"$fill":{"partitionByFields":["email"],"output":{"a":{"value":1}}}}]"#,
        r#"pipeline:users [{"$fill":{"output":{"a":{"value":"$email"}}}}]"#,
        r#"pipeline:users [{"$densify":{"field":"email","range":{"step":1,"bounds":"full"}}}]"#,
        r#"pipeline:users [{"$geoNear":{"near":[0,0],"distanceField":"d"}}]"#,
        r#"pipeline:users [{"$geoNear":{"near":[0,0],"distanceField":"d","key":"address"}}]"#,
        r#"pipeline:users [{"$search":{"text":{"query":"a","path":"email"}}}]"#,
        r#"pipeline:users [{"$vectorSearch":{"index":"a","path":"v","queryVector":[1],"limit":5}}]"#,
        r#"projection:users {"address.$.ssn":1}"#,
        r#"projection:users {"password.$":1}"#,
        r#"pipeline:names [{"$match":{"mail":"a"}}]"#,
        r#"pipeline:names [{"$project":{"x":"$mail"}}]"#,
        r#"pipeline:names [{"$project":{"x":"$a.ssn"}}]"#,
        r#"watch:users [{"$match":{"fullDocument.email":"a"}}]"#,
        r#"watch:users [{"$match":{"updateDescription.updatedFields.email":"a"}}]"#,
        r#"watch:users [{"$project":{"x":"$fullDocument.password"}}]"#,
        r#"watch:users [{"$project":{"x":{"$objectToArray":"$updateDescription.updatedFields"}}}]"#,
        r#"update:users {"$set":{"password":"x"}}"#,
        r#"update:users {"$set":{"email":"x"}}"#,
        r#"update:users {"$max":{"email":"x"}}"#,
        r#"update:users {"$set":{"address":{"city":"Rome"}}}"#,
        r#"update:users {"$set":{"friend":{"a":1},"address.ssn":"1"}}"#,
        r#"update:users {"$rename":{"email":"mail"}}"#,
        r#"update:users {"$rename":{"name":"email"}}"#,
        r#"update:users {"$rename":{"address":"a"}}"#,
        r#"update:users {"$unset":{"password":""}}"#,
        r#"update:users {"$pull":{"friends":1,"password":"a"}}"#,
        r#"update_pipeline:users [{"$set":{"x":"$email"}}]"#,
        r#"update_pipeline:users [{"$set":{"x":"$$ROOT"}}]"#,
        r#"update_pipeline:users [{"$set":{"x":"$address"}}]"#,
        r#"update_pipeline:users [{"$unset":"password"}]"#,
        r#"update_pipeline:users [{"$replaceWith":{"a":1}}]"#,
        r#"update_pipeline:users [{"$project":{"a":1}}]"#,
        r#"delete:users {"email":"a"}"#,
        r#"insert:users [{"name":"a","password":"b"}]"#,
        r#"insert:users [{"address":{"ssn":"b"}}]"#,
        r#"insert:users [{"address":[{"ssn":"b"}]}]"#,
        r#"index:users {"email":1}"#,
        r#"index:users {"$**":1}"#,
        r#"partial:users {"email":"a"}"#,
    ] {
        ruled().refuses(line);
    }
    for line in [
        r#"find:users {"password":1}"#,
        r#"find:users {"passwords":1}"#,
        r#"find:users {"a.b.password_hash":1}"#,
        r#"find:users {"a":{"password":1}}"#,
        r#"find:items {"ssn":1}"#,
        r#"pipeline [{"$set":{"x":{"$objectToArray":"$a"}}}]"#,
        r#"pipeline [{"$set":{"x":{"$eq":["$a",{"password":"b"}]}}}]"#,
        r#"pipeline [{"$set":{"x":{"$eq":["$a",{"$arrayToObject":[[["password","b"]]]}]}}}]"#,
        r#"pipeline [{"$set":{"y":{"$mergeObjects":["$a","$b"]}}},{"$project":{"x":"$y.password"}}]"#,
    ] {
        anywhere().refuses(line);
    }
}

#[test]
fn all_else_goes_on_under_such_rules() {
    for line in [
        r#"find:users {"name":"a","address.city":"Rome"}"#,
        r#"find:users {"address":{"$exists":true}}"#,
        r#"projection:users {"name":1,"email":1}"#,
        r#"projection:users {"password":0}"#,
        r#"projection:users {"address":1}"#,
        r#"pipeline:names [{"$project":{"mail":1}}]"#,
        r#"sort:users {"name":1}"#,
        r#"distinct:users name"#,
        r#"pipeline:users [{"$project":{"name":1,"email":1,"address":1}}]"#,
        r#"pipeline:users [{"$unset":["password","email"]}]"#,
        r#"pipeline:users [{"$group":{"_id":"$name","n":{"$sum":1}}}]"#,
        r#"pipeline:users [{"$group":{"_id":null,"all":{"$push":"$$ROOT"}}}]"#,
        r#"pipeline:users [{"$replaceRoot":{"newRoot":"$address"}}]"#,
        r#"pipeline [{"$lookup":{"from":"users","localField":"c","foreignField":"_id","as":"u"}},{"$unwind":"$u"},{"$project":{"n":"$u.name","u":1}}]"#,
        r#"pipeline [{"$unionWith":"users"},{"$sort":{"name":1}}]"#,
        r#"pipeline:names [{"$match":{"n":"a"}}]"#,
        r#"update:users {"$set":{"name":"x","address.city":"Rome"}}"#,
        r#"update_pipeline:users [{"$set":{"name":{"$toUpper":"$name"}}}]"#,
        r#"insert:users [{"name":"a","email":"b@example.org"}]"#,
        r#"index:users {"name":1}"#,
        r#"watch:users [{"$match":{"fullDocument.name":"a"}}]"#,
    ] {
        ruled().takes(line);
    }
    for line in [
        r#"find:users {"name":"a","a":{"$gt":1}}"#,
        r#"sort:users {"name":1}"#,
        r#"distinct:users name"#,
        r#"pipeline [{"$group":{"_id":"$status","n":{"$sum":"$total"},"m":{"$max":"$total"}}},{"$sort":{"n":-1}}]"#,
        r#"pipeline [{"$match":{"$expr":{"$gt":["$a","$b"]}}}]"#,
        r#"pipeline [{"$set":{"x":{"$cond":[{"$eq":["$status","paid"]},"$a","$b"]},"y":{"$concat":["$a","$b"]}}}]"#,
        r#"pipeline [{"$unwind":"$items"},{"$group":{"_id":"$items.sku","x":{"$sum":{"$multiply":["$items.p","$items.q"]}}}}]"#,
        r#"pipeline [{"$lookup":{"from":"users","localField":"c","foreignField":"_id","as":"u"}}]"#,
    ] {
        anywhere().takes(line);
    }
}

/// What is seen of a result's field.
fn seen(world: &World, line: &str, path: &str) -> Seen {
    world.takes(line).shape.seen(&path.split('/').collect::<Vec<_>>())
}

#[test]
fn rules_follow_fields_to_where_they_go() {
    let (denied, redacted) = (Seen::Denied, Seen::Masked(Mask::Redact));
    for (line, path, expected) in [
        ("find:users {}", "password", denied),
        ("find:users {}", "email", redacted),
        ("find:users {}", "address", Seen::Partly),
        ("find:users {}", "address/ssn", denied),
        ("find:users {}", "address.ssn", denied),
        ("find:users {}", "name", Seen::Clear),
        (r#"pipeline:users [{"$replaceRoot":{"newRoot":"$address"}}]"#, "ssn", denied),
        (r#"pipeline:users [{"$replaceRoot":{"newRoot":"$address"}}]"#, "email", Seen::Clear),
        (r#"pipeline:users [{"$project":{"x":"$address"}}]"#, "x/ssn", denied),
        (r#"pipeline:users [{"$project":{"x":{"y":["$address"]}}}]"#, "x/y/ssn", denied),
        (
            r#"pipeline:users [{"$project":{"x":{"$mergeObjects":["$address",{"a":1}]}}}]"#,
            "x/ssn",
            denied,
        ),
        (
            r#"pipeline:users [{"$project":{"x":{"$ifNull":["$address","$$ROOT"]}}}]"#,
            "x/email",
            redacted,
        ),
        (
            r#"pipeline:users [{"$project":{"x":{"$setField":{"field":"a","input":"$$ROOT","value":1}}}}]"#,
            "x/email",
            redacted,
        ),
        (
            r#"pipeline:users [{"$project":{"x":{"$map":{"input":["$$ROOT"],"in":{"y":"$$this"}}}}}]"#,
            "x/y/email",
            redacted,
        ),
        (
            r#"pipeline:users [{"$project":{"x":{"$reduce":{"input":["$$ROOT"],"initialValue":[],"in":{"$concatArrays":["$$value",["$$this"]]}}}}}]"#,
            "x/email",
            redacted,
        ),
        (
            r#"pipeline:users [{"$project":{"x":{"$zip":{"inputs":[["$$ROOT"],[1]]}}}}]"#,
            "x/email",
            redacted,
        ),
        (
            r#"pipeline:users [{"$group":{"_id":"$name","all":{"$push":{"r":"$$ROOT"}}}}]"#,
            "all/r/email",
            redacted,
        ),
        (
            r#"pipeline:users [{"$group":{"_id":"$name","all":{"$push":"$$ROOT"}}}]"#,
            "email",
            Seen::Clear,
        ),
        (
            r#"pipeline:users [{"$group":{"_id":"$name","x":{"$top":{"output":"$$ROOT","sortBy":{"name":1}}}}}]"#,
            "x/email",
            redacted,
        ),
        (
            r#"pipeline:users [{"$group":{"_id":"$name","x":{"$firstN":{"n":2,"input":"$$ROOT"}}}}]"#,
            "x/email",
            redacted,
        ),
        (r#"pipeline:users [{"$facet":{"f":[{"$limit":1}]}}]"#, "f/email", redacted),
        (r#"pipeline:users [{"$unset":"a"},{"$limit":5}]"#, "email", redacted),
        (r#"pipeline:users [{"$project":{"name":1}}]"#, "email", Seen::Clear),
        (r#"pipeline:users [{"$project":{"a":0}}]"#, "email", redacted),
        (r#"pipeline [{"$lookup":{"from":"users","pipeline":[],"as":"u"}}]"#, "u/email", redacted),
        (
            r#"pipeline [{"$lookup":{"from":"users","pipeline":[],"as":"u.v"}}]"#,
            "u/v/email",
            redacted,
        ),
        (
            r#"pipeline [{"$lookup":{"from":"users","pipeline":[],"as":"u"}}]"#,
            "card",
            Seen::Masked(Mask::Last4),
        ),
        (
            r#"pipeline [{"$lookup":{"from":"users","let":{"o":"$$ROOT"},"pipeline":[{"$set":{"o":"$$o"}}],"as":"u"}}]"#,
            "u/o/card",
            Seen::Masked(Mask::Last4),
        ),
        (r#"pipeline [{"$unionWith":"users"}]"#, "email", redacted),
        (r#"pipeline [{"$unionWith":"users"}]"#, "card", Seen::Masked(Mask::Last4)),
        (
            r#"pipeline [{"$graphLookup":{"from":"users","startWith":"$a","connectFromField":"a","connectToField":"b","as":"x"}}]"#,
            "x/email",
            redacted,
        ),
        (
            r#"pipeline:users [{"$setWindowFields":{"sortBy":{"a":1},"output":{"p":{"$push":"$$ROOT"}}}}]"#,
            "p/email",
            redacted,
        ),
        ("find:names {}", "mail", redacted),
        ("find:names {}", "a/ssn", denied),
        (r#"pipeline [{"$unionWith":"names"}]"#, "mail", redacted),
        ("watch:users []", "fullDocument/email", redacted),
        ("watch:users []", "fullDocumentBeforeChange/password", denied),
        ("watch:users []", "updateDescription/updatedFields/address.ssn", denied),
        ("watch:users []", "updateDescription/updatedFields/address.0.ssn", denied),
        ("watch:users []", "updateDescription/removedFields", denied),
        ("watch:users []", "operationType", Seen::Clear),
        ("projection:users {\"name\":1}", "email", Seen::Clear),
        ("projection:users {\"x\":\"$address\"}", "x/ssn", denied),
    ] {
        assert_eq!(seen(&ruled(), line, path), expected, "{line}: {path}");
    }
    let line = r#"pipeline:users [{"$replaceWith":{"a":{"b":"$c"}}}]"#;
    assert_eq!(seen(&anywhere(), line, "a/b/password_hash"), denied);
    assert_eq!(seen(&anywhere(), line, "a/b/name"), Seen::Partly);
}

#[test]
fn what_names_documents_by_a_hidden_id_is_refused() {
    let world = world(None, &[], &[("shop.users._id", Mask::Hash)]);
    world.refuses("watch:users []");
    world.takes("watch:orders []");
    anywhere().takes("watch:users []");
}

#[test]
fn a_distinct_value_is_seen_by_the_rules_of_its_field() {
    let shape = anywhere().takes("distinct:users a").shape;
    assert_eq!(shape.seen(&["password"]), Seen::Denied);
    assert_eq!(shape.seen(&[]), Seen::Partly);
}

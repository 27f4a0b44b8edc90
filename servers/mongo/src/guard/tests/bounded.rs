//! What could run or grow without end.

use super::*;

fn repeated(stage: &str, n: usize) -> String {
    format!("pipeline [{}]", vec![stage; n].join(","))
}

#[test]
fn what_could_run_for_ever_is_refused() {
    for line in [
        r#"find {"a":{"$regex":"(a+)+$"}}"#,
        r#"find {"a":{"$not":{"$regex":"^(a*)*$"}}}"#,
        r#"find {"a":{"$regularExpression":{"pattern":"(a+)+","options":""}}}"#,
        r#"find {"a":{"$in":[{"$regularExpression":{"pattern":"(a+)+","options":""}}]}}"#,
        r#"find {"$jsonSchema":{"properties":{"a":{"pattern":"(a+)+"}}}}"#,
        r#"pipeline [{"$set":{"x":{"$regexMatch":{"input":"$a","regex":"(a|a)*$"}}}}]"#,
        r#"pipeline [{"$set":{"x":{"$regexFindAll":{"input":"$a","regex":{"$concat":["(a+",")+"]}}}}}]"#,
        r#"pipeline [{"$set":{"x":{"$range":[0,2000000000]}}}]"#,
        r#"pipeline [{"$set":{"x":{"$range":[-2000000000,0]}}}]"#,
        r#"pipeline [{"$set":{"x":{"$range":[0,{"$multiply":[100000,100000]}]}}}]"#,
        r#"pipeline [{"$set":{"x":{"$range":[0,{"$toInt":"2000000000"}]}}}]"#,
        r#"pipeline [{"$set":{"x":{"$range":[0,{"$literal":2000000000}]}}}]"#,
        r#"pipeline [{"$set":{"x":{"$let":{"vars":{"n":2000000000},"in":{"$range":[0,"$$n"]}}}}}]"#,
        r#"pipeline [{"$set":{"x":{"$map":{"input":{"$range":[0,100000]},"in":{"$map":{"input":{"$range":[0,100000]},"in":1}}}}}}]"#,
        r#"pipeline [{"$set":{"x":{"$map":{"input":"$a","as":"a","in":{"$map":{"input":"$b","as":"b","in":{"$map":{"input":"$c","as":"c","in":{"$map":{"input":"$d","as":"d","in":1}}}}}}}}}}]"#,
        r#"pipeline [{"$set":{"x":{"$reduce":{"input":{"$range":[0,40]},"initialValue":"a","in":{"$concat":["$$value","$$value"]}}}}}]"#,
        r#"pipeline [{"$set":{"x":{"$reduce":{"input":{"$range":[0,40]},"initialValue":[1],"in":{"$concatArrays":["$$value","$$value"]}}}}}]"#,
        r#"pipeline [{"$set":{"x":{"$reduce":{"input":{"$range":[0,40]},"initialValue":[1],"in":["$$value","$$value"]}}}}]"#,
        r#"pipeline [{"$set":{"x":{"$reduce":{"input":"$a","initialValue":[1],"in":{"$let":{"vars":{"v":"$$value"},"in":{"$setUnion":["$$v","$$v"]}}}}}}}]"#,
        r#"pipeline [{"$set":{"x":{"$reduce":{"input":"$a","initialValue":[1],"in":{"$map":{"input":[1,2,3],"in":"$$value"}}}}}}]"#,
        r#"pipeline [{"$set":{"x":{"$reduce":{"input":"$a","initialValue":{},"in":{"a":"$$value","b":"$$value"}}}}}]"#,
        r#"pipeline [{"$sample":{"size":100000000}}]"#,
        r#"pipeline [{"$sample":{"size":0}}]"#,
        r#"pipeline [{"$sample":{"size":-1}}]"#,
        r#"pipeline [{"$limit":0}]"#,
        r#"pipeline [{"$limit":-5}]"#,
        r#"pipeline [{"$limit":"5"}]"#,
        r#"pipeline [{"$skip":-1}]"#,
        r#"pipeline [{"$bucketAuto":{"groupBy":"$a","buckets":100000000}}]"#,
        r#"pipeline [{"$graphLookup":{"from":"users","startWith":"$a","connectFromField":"a","connectToField":"b","as":"x","maxDepth":-1}}]"#,
        r#"pipeline [{"$densify":{"field":"n","range":{"step":0.000001,"bounds":[0,1000]}}}]"#,
        r#"pipeline [{"$densify":{"field":"n","range":{"step":0,"bounds":"full"}}}]"#,
        r#"pipeline [{"$densify":{"field":"d","range":{"step":1,"unit":"millisecond","bounds":[{"$date":"2000-01-01"},{"$date":"2024-01-01"}]}}}]"#,
    ] {
        open().refuses(line);
    }
    open().refuses(&repeated(r#"{"$match":{}}"#, 201));
    open().takes(&repeated(r#"{"$match":{}}"#, 200));
    open().refuses(&repeated(r#"{"$unionWith":"orders"}"#, 21));
    open().refuses(&repeated(r#"{"$lookup":{"from":"users","pipeline":[],"as":"x"}}"#, 21));
    open().refuses(&repeated(r#"{"$set":{"a":{"$concatArrays":["$a","$a"]}}}"#, 30));
    open().takes(&repeated(r#"{"$set":{"a":{"$concat":["$a","!"]}}}"#, 100));
    let mut doubling = r#"{"$concat":["$$v","$$v"]}"#.to_owned();
    for _ in 0..24 {
        doubling =
            format!(r#"{{"$let":{{"vars":{{"v":{{"$concat":["$$v","$$v"]}}}},"in":{doubling}}}}}"#);
    }
    let line = format!(
        r#"pipeline [{{"$set":{{"x":{{"$let":{{"vars":{{"v":"$a"}},"in":{doubling}}}}}}}}}]"#
    );
    open().refuses(&line);
}

#[test]
fn depth_is_bounded_whatever_is_nested() {
    // Core reads nothing that is nested deeper than 64; this is the wall behind it.
    let mut pipeline = vec![bson::doc! { "$match": {} }];
    for _ in 0..30 {
        pipeline = vec![bson::doc! { "$facet": { "a": pipeline } }];
    }
    let policy = Policy::default();
    let (known, of) = (Known::new(), Reference::new("shop", "orders"));
    let subject = Subject { policy: &policy, known: &known, of: &of };
    assert!(aggregate(subject, &pipeline).is_err());
    let mut expression = Bson::Int32(1);
    for _ in 0..200 {
        expression = bson::bson!({ "$abs": expression });
    }
    assert!(aggregate(subject, &[bson::doc! { "$set": { "a": expression.clone() } }]).is_err());
    assert!(filter(subject, &bson::doc! { "$expr": expression }).is_err());
    let mut nested = bson::doc! { "a": 1 };
    for _ in 0..200 {
        nested = bson::doc! { "$and": [nested] };
    }
    assert!(filter(subject, &nested).is_err());
}

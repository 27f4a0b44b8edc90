//! Every type against PostgreSQL itself: what we write is what `::text` gives there, byte for byte, for
//! values at the edges and for random ones; and the same text, as a parameter, is the same value again.

use lockkeeper_core::Masks;
use lockkeeper_testkit::postgres::{Cluster, Version};
use serde_json::Value;
use tokio::runtime::Builder;
use tokio_postgres::{Client, NoTls};

use super::parameter::Parameter;
use super::{Show, Shown, Tally, raw};

/// The settings of our sessions.
const SETTINGS: &str = "SET datestyle = ISO; SET intervalstyle = iso_8601; SET timezone = 'UTC'; \
    SET bytea_output = hex; SET lc_monetary = 'C'; SET extra_float_digits = 1";

const TYPES: &str = r#"
    CREATE TYPE mood AS ENUM ('sad', 'so so', 'ha"ppy');
    CREATE DOMAIN positive AS numeric CHECK (VALUE >= 0);
    CREATE TYPE pair AS (a int, "b c" text, d numeric[]);
    CREATE TYPE nested AS (p pair, q pair[], r int4range, m mood);
    CREATE TYPE span AS RANGE (subtype = positive);
    CREATE DOMAIN pairs AS pair[];"#;

/// So many random values of each type.
const RANDOM: usize = 60;

/// 64 bits that look random, by `g`.
const BITS: &str = "('x' || md5(g::text))::bit(64)";
const WIDE: &str = "('x' || md5(g::text))::bit(64)::int8";

/// A type, an expression over `g` for random values of it, and the edges as text.
type Case = (&'static str, String, &'static [&'static str]);

fn cases() -> Vec<Case> {
    let of = |text: &str| text.replace("BITS", BITS).replace("WIDE", WIDE);
    let moment = "timestamp '2000-01-01' + make_interval(secs => WIDE / 1e9)";
    let point = "point((random() - 0.5) * 10 ^ (g % 20 - 8), random() * g)";
    let odd = r"(ARRAY['', ' ', 'a b', 'NULL', 'null', '{', '}', 'a,b', 'a;b', '(', ')', '[', 'x\y',
        '\', 'it''s', 'say ''x''', 'tab' || chr(9), chr(10), 'größe', '👩‍👩‍👧', '日本', 'a''b\c',
        '%', '_', '$1', ':x', chr(127), chr(160), '\.', '\N'])[g % 30 + 1]";
    let odd = format!("{odd} || CASE g % 3 WHEN 0 THEN chr(34) || g ELSE '' END");
    let cases: &[(&'static str, &str, &'static [&'static str])] = &[
        ("int2", "(WIDE % 32768)::int2", &["-32768", "32767", "0"]),
        ("int4", "(WIDE % 2147483648)::int4", &["-2147483648", "2147483647"]),
        ("int8", "WIDE", &["-9223372036854775808", "9223372036854775807", "9007199254740993"]),
        (
            "numeric",
            "WIDE::numeric * 10::numeric ^ (g % 60 - 40)",
            &[
                "NaN",
                "Infinity",
                "-Infinity",
                "0",
                "0.000",
                "-0.10",
                "1e-130",
                "1e1000",
                "10000",
                "100000000",
                "0.00010000",
                "99999999.99999999",
                "1.50",
                "-12345678901234567890.1",
            ],
        ),
        ("numeric(30,7)", "(WIDE::numeric / (g * g))::numeric(30,7)", &["0", "-1", "NaN"]),
        (
            "float4",
            "((random() - 0.5) * 10 ^ (g % 60 - 30))::float4",
            &[
                "NaN",
                "Infinity",
                "-Infinity",
                "-0",
                "0",
                "1e-45",
                "3.4028235e38",
                "16777217",
                "0.1",
                "1e15",
                "1e-5",
            ],
        ),
        (
            "float8",
            "(random() - 0.5) * 10 ^ (g % 600 - 300)",
            &[
                "NaN",
                "Infinity",
                "-Infinity",
                "-0",
                "5e-324",
                "1.7976931348623157e308",
                "0.1",
                "1e15",
                "1e16",
                "123456789012345678",
                "0.0001",
                "0.00001",
                "1e21",
                "4.35",
            ],
        ),
        (
            "money",
            "(WIDE / 1000)::numeric::money",
            &["-92233720368547758.08", "92233720368547758.07", "0", "-0.01", "1234567.8"],
        ),
        ("bool", "g % 2 = 0", &["t", "f"]),
        ("\"char\"", "(g % 127 + 1)::\"char\"", &["", "a", "\\"]),
        ("text", "ODD", &["", "\u{feff}", "e\u{301}"]),
        ("varchar(9)", "left(ODD, 9)::varchar(9)", &[""]),
        ("name", "(ODD)::name", &["x"]),
        ("bpchar", "'x' || g", &["x"]),
        (
            "bytea",
            "substring(decode(md5(g::text), 'hex') from 1 for g % 17)",
            &["", "\\x00", "\\xdeadbeef"],
        ),
        ("bit(13)", "('x' || md5(g::text))::bit(13)", &["0000000000000", "1111111111111"]),
        (
            "varbit",
            "substring(BITS from 1 for g % 65)::varbit",
            &["", "1", "00000000", "111111111"],
        ),
        (
            "date",
            "date '2000-01-01' + (WIDE % 1000000)::int",
            &[
                "infinity",
                "-infinity",
                "4713-01-01 BC",
                "0001-12-31 BC",
                "0001-01-01",
                "5874897-12-31",
                "2000-02-29",
                "10000-01-01",
                "1999-12-31",
            ],
        ),
        (
            "time",
            "time '00:00' + make_interval(secs => random() * 86399)",
            &["00:00", "24:00", "23:59:59.999999", "12:00:00.1"],
        ),
        (
            "timetz",
            "(time '00:00' + make_interval(secs => random() * 86399))::timetz",
            &["00:00+00", "24:00-15:59:59", "12:34:56.000001+05:30", "23:59:59.9-08"],
        ),
        (
            "timestamp",
            "MOMENT",
            &[
                "infinity",
                "-infinity",
                "4713-01-01 00:00:00 BC",
                "0001-12-31 23:59:59.999999 BC",
                "294276-12-31 23:59:59.999999",
                "1999-12-31 23:59:59.9",
                "0099-01-01",
            ],
        ),
        (
            "timestamptz",
            "(MOMENT)::timestamptz",
            &[
                "infinity",
                "-infinity",
                "4713-01-01 00:00:00+00 BC",
                "294276-12-31 23:59:59.999999+00",
                "2025-06-01 12:00:00+05:30",
                "0001-01-01 00:00:00+00",
            ],
        ),
        (
            "interval",
            "make_interval((WIDE % 99)::int, (g % 30) - 15, 0, (WIDE % 999)::int, 0, 0, (random() - 0.5) * 10 ^ (g % 9))",
            &[
                "0",
                "1 year -1 month",
                "-1 day +02:03:04.5",
                "178000000 years",
                "-178000000 years",
                "00:00:00.000001",
                "-00:00:00.000001",
                "1 mon -1 day -00:00:01",
                "2147483647 days",
                "100:00:00",
            ],
        ),
        ("uuid", "md5(g::text)::uuid", &["00000000-0000-0000-0000-000000000000"]),
        (
            "inet",
            "inet '0.0.0.0' + (WIDE & 4294967295)",
            &[
                "10.0.0.1/8",
                "::1",
                "2001:db8::/32",
                "::ffff:1.2.3.4",
                "1:0:0:2::3",
                "::",
                "0.0.0.0/0",
                "fe80::1/64",
            ],
        ),
        (
            "cidr",
            "network(set_masklen(inet '0.0.0.0' + (WIDE & 4294967295), g % 33))",
            &["10.0.0.0/8", "::/0", "2001:db8::/32", "1.2.3.4/32"],
        ),
        ("macaddr", "left(md5(g::text), 12)::macaddr", &["08:00:2b:01:02:03"]),
        ("macaddr8", "left(md5(g::text), 16)::macaddr8", &["08:00:2b:01:02:03:04:05"]),
        ("point", "POINT", &["(0,0)", "(NaN,Infinity)", "(-0,1e300)"]),
        ("line", "line(point(g, 1), point(2, g * random() + 3))", &["{1,2,3}", "{0,-1,0.5}"]),
        ("lseg", "lseg(POINT, POINT)", &["[(0,0),(1,1)]"]),
        ("box", "box(POINT, POINT)", &["(1,1),(0,0)"]),
        (
            "path",
            "path(polygon(g % 7 + 2, circle(POINT, g)))",
            &["[(0,0),(1,1)]", "((0,0),(1,1),(2,0))"],
        ),
        ("polygon", "polygon(g % 7 + 2, circle(POINT, g))", &["((0,0),(1,1),(2,0))"]),
        ("circle", "circle(POINT, g * random())", &["<(0,0),0>"]),
        (
            "json",
            "json_build_object(ODD, g * random(), 'n', ARRAY[WIDE])",
            &["null", " {\"a\" : 1.50 } ", "[1e400]", "\"\\u00e9\""],
        ),
        (
            "jsonb",
            "jsonb_build_object(ODD, (random() * g)::numeric, 'n', jsonb_build_array(WIDE, NULL, true))",
            &["null", "1.50", "{}", "[]", "\"\\u00e9\\\"\"", "1e100", "{\"b\":1,\"aa\":2}"],
        ),
        (
            "jsonpath",
            "('$.\"k' || g || '\"[*] ? (@.x > ' || g || ')')::jsonpath",
            &[
                "$",
                "lax $.a[1 to last]",
                "strict $.** ? (@ like_regex \"^a\" flag \"i\")",
                "$.a + 1",
            ],
        ),
        (
            "tsvector",
            "to_tsvector('simple', ODD || ' b c d ' || md5(g::text))",
            &["", "'a':1A,2B 'b c' 'it''s':16383D", "'\\\\':1"],
        ),
        (
            "tsquery",
            "('a' || g || ':*A & (b | !c) <-> d')::tsquery",
            &["a", "!a", "'it''s' | b", "a <3> b & !(c | d)", "!!a"],
        ),
        ("oid", "(WIDE & 4294967295)::oid", &["0", "4294967295"]),
        ("xid", "((WIDE & 4294967295)::text)::xid", &["0"]),
        ("cid", "((g)::text)::cid", &["0"]),
        ("tid", "('(' || g || ',' || g % 100 || ')')::tid", &["(0,0)", "(4294967295,65535)"]),
        ("xid8", "(g::text)::xid8", &["18446744073709551615"]),
        ("pg_lsn", "pg_lsn '0/0' + (WIDE & 9999999999999)", &["0/0", "FFFFFFFF/FFFFFFFF"]),
        (
            "pg_snapshot",
            "(g || ':' || g + 9 || ':' || g + 1 || ',' || g + 3)::pg_snapshot",
            &["1:1:"],
        ),
        (
            "txid_snapshot",
            "(g || ':' || g + 9 || ':' || g + 1)::txid_snapshot",
            &["10:20:10,14,15"],
        ),
        ("int2vector", "(g || ' ' || g % 7)::int2vector", &["", "1"]),
        ("oidvector", "(g || ' ' || g % 7)::oidvector", &[""]),
        ("refcursor", "(ODD)::refcursor", &["x"]),
        (
            "int4range",
            "int4range((g % 9) - 4, g, (ARRAY['[)', '(]', '[]', '()'])[g % 4 + 1])",
            &["empty", "(,)", "[1,)", "(,5]"],
        ),
        ("int8range", "int8range(least(WIDE / 2, g), g)", &["empty", "(,)"]),
        (
            "numrange",
            "numrange(-random()::numeric, g::numeric / 7, '(]')",
            &["empty", "[1.50,2.0)", "(,NaN]", "[-Infinity,Infinity]"],
        ),
        (
            "daterange",
            "daterange(date '2000-01-01' - g, date '2000-01-01' + g)",
            &["empty", "[infinity,)", "(,0044-03-15 BC)"],
        ),
        (
            "tsrange",
            "tsrange(least(MOMENT, 'infinity'), 'infinity', '[]')",
            &["empty", "[\"2000-01-01 00:00:00\",)"],
        ),
        ("tstzrange", "tstzrange((MOMENT)::timestamptz, NULL)", &["empty", "(,infinity)"]),
        ("span", "span((g % 5)::positive, g::positive + 6)", &["empty", "[0,1.0]"]),
        (
            "int4multirange",
            "int4multirange(int4range(g, g + 2), int4range(g + 9, NULL))",
            &["{}", "{(,)}"],
        ),
        (
            "nummultirange",
            "nummultirange(numrange(g, g + 0.5), numrange(g + 9, g + 10, '[]'))",
            &["{}"],
        ),
        (
            "datemultirange",
            "datemultirange(daterange(date '2000-01-01' - g, date '2000-01-01'))",
            &["{}"],
        ),
        ("tstzmultirange", "tstzmultirange(tstzrange((MOMENT)::timestamptz, NULL))", &["{}"]),
        ("mood", "(enum_range(NULL::mood))[g % 3 + 1]", &["ha\"ppy"]),
        ("positive", "abs(WIDE)::numeric / 1000", &["0", "NaN", "1.00"]),
        (
            "pair",
            "ROW(CASE g % 4 WHEN 0 THEN NULL ELSE g END, ODD, ARRAY[g / 3.0, NULL])::pair",
            &["(,,)", "(1,\"\",{})", "(,\" \",\"{NULL}\")"],
        ),
        (
            "nested",
            "ROW(ROW(g, ODD, NULL)::pair, ARRAY[ROW(1, ODD, '{1}')::pair, NULL], int4range(1, g + 1), 'so so')::nested",
            &["(,,,)"],
        ),
        ("pairs", "ARRAY[ROW(g, ODD, NULL)::pair]", &["{}"]),
        (
            "int4[]",
            "ARRAY[g, NULL, -g]",
            &["{}", "{{1,2},{3,NULL}}", "[0:1]={1,2}", "[-2:-2][5:6]={{1,2}}", "{{{1}}}"],
        ),
        (
            "text[]",
            "ARRAY[ODD, NULL, '', ODD || 'x']",
            &["{}", "{NULL,\"NULL\",null}", "{{a,\"b c\"},{\"\\\\\",\"\\\"\"}}", "[2:2]={x}"],
        ),
        ("bool[]", "ARRAY[g % 2 = 0, NULL]", &["{}"]),
        ("numeric[]", "ARRAY[WIDE / 1000.0, 'NaN', NULL]", &["{0.00}"]),
        ("float8[]", "ARRAY[random(), 'NaN', '-0']", &["{}"]),
        ("bytea[]", "ARRAY[decode(md5(g::text), 'hex'), '']", &["{}"]),
        ("date[]", "ARRAY[date '2000-01-01' + g, 'infinity']", &["{}"]),
        ("timestamptz[]", "ARRAY[(MOMENT)::timestamptz, NULL]", &["{}"]),
        ("interval[]", "ARRAY[make_interval(secs => g / 7.0)]", &["{}"]),
        ("uuid[]", "ARRAY[md5(g::text)::uuid]", &["{}"]),
        ("jsonb[]", "ARRAY[jsonb_build_object(ODD, g), 'null']", &["{}"]),
        ("inet[]", "ARRAY[inet '10.0.0.0/8', NULL]", &["{}"]),
        ("box[]", "ARRAY[box(POINT, POINT), NULL]", &["{}"]),
        ("point[]", "ARRAY[POINT]", &["{}"]),
        ("mood[]", "ARRAY[(enum_range(NULL::mood))[g % 3 + 1]]", &["{}"]),
        ("pair[]", "ARRAY[ROW(g, ODD, NULL)::pair, NULL]", &["{}"]),
        ("int4range[]", "ARRAY[int4range(g, g + 5), 'empty']", &["{}"]),
        ("tsvector[]", "ARRAY[to_tsvector('simple', ODD)]", &["{}"]),
        ("varbit[]", "ARRAY[BITS::varbit, '']", &["{}"]),
        ("money[]", "ARRAY[g::money]", &["{}"]),
    ];
    cases
        .iter()
        .map(|(name, random, edges)| {
            let random = random.replace("MOMENT", moment).replace("POINT", point);
            (*name, of(&random.replace("ODD", &format!("({odd})"))), *edges)
        })
        .collect()
}

/// Types of extensions, which only some installations have.
fn of_extensions(version: Version) -> (&'static str, Vec<Case>) {
    fn case(name: &'static str, random: &str, edges: &'static [&'static str]) -> Case {
        (name, random.to_owned(), edges)
    }
    match version {
        Version::V15 => (
            "CREATE EXTENSION hstore; CREATE EXTENSION citext; CREATE EXTENSION ltree",
            vec![
                case(
                    "hstore",
                    "hstore('k\"' || g, NULL) || hstore('a b', 'c=>d' || g)",
                    &["", "a=>1,b=>NULL,\"\"=>\"\"", "\"x\\\"y\\\\\"=>\"\\\\\""],
                ),
                case("hstore[]", "ARRAY[hstore('k' || g, 'v'), NULL]", &["{}"]),
                case("citext", "('Größe ' || g)::citext", &[""]),
                case("citext[]", "ARRAY[('A b' || g)::citext]", &["{}"]),
                case("ltree", "('a.b_' || g)::ltree", &["", "Top.Science"]),
                case(
                    "lquery",
                    "('*.a' || g || '|b*@.*{1,3}')::lquery",
                    &["Top.*{0,2}.sport*@.!football|tennis"],
                ),
                case(
                    "ltxtquery",
                    "('a' || g || ' & !b*@')::ltxtquery",
                    &["Europe & Russia*@ & !Transportation"],
                ),
                // Only this one is built with libxml.
                case(
                    "xml",
                    "xmlelement(name a, xmlattributes(g AS b), 'x<y')",
                    &["<a>b</a>", "a<!-- c -->"],
                ),
            ],
        ),
        _ => (
            "CREATE EXTENSION vector",
            vec![
                case(
                    "vector",
                    "ARRAY[g, random(), -1e-10 * g, 1e20]::real[]::vector",
                    &["[1,2,3]", "[0.1,1e-30,-0]"],
                ),
                case("vector(3)", "ARRAY[g, random(), -g]::real[]::vector(3)", &["[1,2,3]"]),
                case("vector[]", "ARRAY[ARRAY[g, 0.5]::real[]::vector]", &["{}"]),
                case(
                    "halfvec",
                    "ARRAY[g, random(), -0.0001 * g]::real[]::halfvec",
                    &["[1,65504,6e-8]", "[0.1]"],
                ),
                case(
                    "sparsevec",
                    "('{1:' || g || ',7:' || g / 3.0 || '}/' || g + 9)::sparsevec",
                    &["{}/5", "{1:0.5}/1"],
                ),
            ],
        ),
    }
}

/// How PostgreSQL writes a value. The cast of `inet` has a mask that its own output leaves out.
fn written(value: &str, type_: &str) -> String {
    match type_ {
        "inet" => format!("format('%s', {value}::inet)"),
        _ => format!("({value}::{type_})::text"),
    }
}

struct Oracle {
    version: Version,
    client: Client,
    wrong: Vec<String>,
}

impl Oracle {
    async fn hold(&mut self, (type_, random, edges): &Case) {
        let edges: Vec<String> =
            edges.iter().map(|edge| format!("'{}'", edge.replace('\'', "''"))).collect();
        let sql = format!(
            "SELECT v, {} FROM (SELECT ({random})::{type_} AS v FROM generate_series(1, {RANDOM}) g \
             UNION ALL SELECT e::{type_} FROM unnest(ARRAY[{}]::text[]) e) s",
            written("v", type_),
            edges.join(", ")
        );
        let rows = self.client.query(&sql, &[]).await;
        let rows = rows.unwrap_or_else(|error| panic!("{type_}: {error:?}\n{sql}"));
        assert!(rows.len() >= RANDOM, "{type_}");
        let shown = Shown::new(rows[0].columns()[0].type_(), None);
        let question = format!("SELECT {}", written("$1", type_));
        let again = self.client.prepare(&question).await.unwrap();
        let masks = Masks::default();
        let show = Show { masks: &masks, longest: usize::MAX / 2 };
        for row in &rows {
            let expected: String = row.get(1);
            let Some(bytes) = raw(row, 0) else { panic!("{type_}: NULL") };
            let (mut text, mut tally) = (String::new(), Tally::default());
            shown.plain(bytes, show, &mut text, &mut tally);
            if text != expected || tally != Tally::default() {
                self.wrong.push(format!("{:?} {type_}: {text:?} for {expected:?}", self.version));
                continue;
            }
            // What reads well as JSON is taken as JSON; all is taken as its text.
            let json = shown.json(Some(bytes), show, &mut tally);
            let mut given = vec![Value::String(expected.clone())];
            given.extend(Some(json).filter(|json| json.is_array() || json.is_number()));
            for value in given {
                let asked = format!("{value}");
                let parameters = Parameter::all(vec![value]);
                let parameters = parameters.iter().map(|p| p.as_ref() as _).collect::<Vec<_>>();
                let same = match self.client.query_one(&again, &parameters).await {
                    Ok(row) => row.get::<_, String>(0),
                    Err(error) => format!("{error:?}"),
                };
                if same != expected {
                    let version = self.version;
                    self.wrong.push(format!("{version:?} {type_}: {asked} became {same:?}"));
                }
            }
        }
    }
}

#[test]
fn all_types_are_what_postgresql_writes() {
    for version in Version::ALL {
        let Some(cluster) = Cluster::start(version) else { continue };
        let runtime = Builder::new_current_thread().enable_all().build().unwrap();
        let wrong = runtime.block_on(async {
            let (client, connection) =
                tokio_postgres::connect(&cluster.url("postgres"), NoTls).await.unwrap();
            tokio::spawn(connection);
            let (extensions, more) = of_extensions(version);
            for sql in [SETTINGS, TYPES, extensions, "SELECT setseed(0.25)"] {
                client.batch_execute(sql).await.unwrap();
            }
            let mut oracle = Oracle { version, client, wrong: Vec::new() };
            for case in cases().iter().chain(&more) {
                oracle.hold(case).await;
            }
            oracle.wrong
        });
        let shown: Vec<&String> = wrong.iter().take(60).collect();
        assert!(wrong.is_empty(), "{} wrong: {shown:#?}", wrong.len());
    }
}

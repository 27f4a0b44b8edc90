//! Makes up queries over the schema of the tests: valid ones mostly, in all the shapes that names
//! can hide in. The same seed makes the same queries. Only for tests.

pub(super) struct Generator {
    state: u64,
    depth: u32,
    /// How many aliases were given.
    aliases: u32,
    /// Names of common table expressions in scope, each with a column `n` (a number).
    expressions: Vec<&'static str>,
}

/// What can be read of a relation in FROM: its alias, and columns by their kind.
struct Source {
    alias: String,
    numbers: &'static [&'static str],
    texts: &'static [&'static str],
    times: &'static [&'static str],
}

/// A relation as it is written, and its columns by their kind.
type Table =
    (&'static str, &'static [&'static str], &'static [&'static str], &'static [&'static str]);

const TABLES: &[Table] = &[
    ("app.users", &["id", "score", "name_length"], &["name", "email"], &["created"]),
    ("users", &["id", "score"], &["name"], &["created"]),
    ("\"app\".\"users\"", &["id"], &["name"], &["created"]),
    ("app.orders", &["id", "total", "user_id"], &["status"], &["placed"]),
    ("app.orders_2024", &["id", "total"], &["status"], &["placed"]),
    ("only app.orders", &["id"], &["status"], &["placed"]),
    ("salaries", &["user_id", "amount"], &["note"], &[]),
    ("APP.Salaries", &["amount"], &["note"], &[]),
    ("vault.api_keys", &["id"], &["key"], &[]),
    ("app.v_nested", &["amount"], &["note"], &[]),
    ("pg_catalog.pg_class", &["relnatts", "oid::int8"], &["relname"], &[]),
];

/// Names of expressions that hide tables.
const HIDING: &[&str] = &["salaries", "users", "orders", "x", "\"salaries\"", "pg_class"];

impl Generator {
    pub(super) fn new(seed: u64) -> Self {
        Self {
            state: seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1,
            depth: 0,
            aliases: 0,
            expressions: Vec::new(),
        }
    }

    pub(super) fn below(&mut self, n: usize) -> usize {
        self.state ^= self.state << 13;
        self.state ^= self.state >> 7;
        self.state ^= self.state << 17;
        usize::try_from(self.state >> 33).unwrap() % n
    }

    fn pick<T: Copy>(&mut self, from: &[T]) -> T {
        let i = self.below(from.len());
        from[i]
    }

    fn alias(&mut self) -> String {
        self.aliases += 1;
        format!("a{}", self.aliases)
    }

    pub(super) fn query(&mut self) -> String {
        self.aliases = 0;
        let columns = 1 + self.below(3);
        self.numbers(columns)
    }

    /// A query of so many columns, all numeric, the first one named `n`.
    fn numbers(&mut self, columns: usize) -> String {
        self.depth += 1;
        let known = self.expressions.len();
        let query = match self.below(if self.depth > 3 { 6 } else { 10 }) {
            6 => {
                let operator =
                    self.pick(&["union", "union all", "intersect", "except", "except all"]);
                let with = if self.below(2) == 0 { self.with() } else { String::new() };
                let (a, b) = (self.select(columns), self.numbers(columns));
                format!("{with}{a} {operator} ({b}) order by 1 limit 5")
            }
            7 | 8 => {
                let with = self.with();
                format!("{with}{}", self.select(columns))
            }
            9 => {
                let inner = self.numbers(columns);
                format!("({inner})")
            }
            _ => self.select(columns),
        };
        self.expressions.truncate(known);
        self.depth -= 1;
        query
    }

    fn with(&mut self) -> String {
        let recursive = self.below(3) == 0;
        let mut parts = Vec::new();
        let mut given = Vec::new();
        for _ in 0..=self.below(2) {
            let name = self.pick(HIDING);
            if given.contains(&name.trim_matches('"')) {
                continue;
            }
            given.push(name.trim_matches('"'));
            // Names of RECURSIVE are seen by all; to refer to them as tables would not be valid.
            let known = self.expressions.len();
            if recursive {
                self.expressions.push(name);
                let hidden = self.expressions.split_off(known);
                parts.push(format!(
                    "{name} as (select 1 as n union all select n + 1 from {name} where n < 3)"
                ));
                self.expressions.extend(hidden);
            } else {
                let query = self.numbers(1);
                let materialized = self.pick(&["", "materialized ", "not materialized "]);
                parts.push(format!("{name}(n) as {materialized}({query})"));
                self.expressions.push(name);
            }
        }
        format!("with {}{} ", if recursive { "recursive " } else { "" }, parts.join(", "))
    }

    fn select(&mut self, columns: usize) -> String {
        let mut sources = Vec::new();
        let mut from = self.from(&mut sources);
        for _ in 0..self.below(3) {
            let more = self.from(&mut sources);
            from = match self.below(4) {
                0 => format!("{from}, {more}"),
                1 => format!("{from} cross join {more}"),
                2 => {
                    let condition = self.condition(&sources);
                    format!("{from} left join {more} on {condition}")
                }
                _ => {
                    let condition = self.condition(&sources);
                    let alias = self.alias();
                    let inner = format!("(select * from {more} where {condition})");
                    // The inner names can't be seen outside.
                    sources.pop();
                    sources.push(Source {
                        alias: alias.clone(),
                        numbers: &[],
                        texts: &[],
                        times: &[],
                    });
                    format!("{from}, lateral {inner} {alias}")
                }
            };
        }
        let is_grouped = self.below(4) == 0;
        let mut list = Vec::new();
        for i in 0..columns {
            let value = if is_grouped { self.aggregate(&sources) } else { self.number(&sources) };
            list.push(format!("({value})::numeric{}", if i == 0 { " as n" } else { "" }));
        }
        let distinct = if self.below(6) == 0 { "distinct " } else { "" };
        let mut sql = format!(
            "select {distinct}{} from {from} where {}",
            list.join(", "),
            self.condition(&sources)
        );
        if is_grouped {
            sql += &format!(" having count(*) > {}", self.below(3));
        }
        sql
    }

    fn from(&mut self, sources: &mut Vec<Source>) -> String {
        let alias = self.alias();
        let written = match self.below(12) {
            0 if self.depth < 4 => {
                let query = self.numbers(1);
                sources.push(Source {
                    alias: alias.clone(),
                    numbers: &["n"],
                    texts: &[],
                    times: &[],
                });
                return format!("({query}) as {alias}(n)");
            }
            1 => {
                sources.push(Source {
                    alias: alias.clone(),
                    numbers: &["n"],
                    texts: &[],
                    times: &[],
                });
                return format!("generate_series(1, {}) as {alias}(n)", self.below(9));
            }
            2 => {
                sources.push(Source {
                    alias: alias.clone(),
                    numbers: &["n"],
                    texts: &["t"],
                    times: &[],
                });
                return format!(
                    "rows from (generate_series(1, 2), unnest(array['a', 'b'])) as {alias}(n, t)"
                );
            }
            3 => {
                sources.push(Source {
                    alias: alias.clone(),
                    numbers: &["n"],
                    texts: &["t"],
                    times: &["d"],
                });
                return format!(
                    "(values (1, 'x', now()), (2, 'y', '2024-01-01')) {alias}(n, t, d)"
                );
            }
            4 => {
                sources.push(Source {
                    alias: alias.clone(),
                    numbers: &["n", "m"],
                    texts: &["t"],
                    times: &[],
                });
                return format!(
                    "jsonb_to_recordset('[]') as {alias}(n int, m numeric(5, 2), t app.email)"
                );
            }
            5..=7 if !self.expressions.is_empty() => {
                let known = self.expressions.clone();
                let name = self.pick(&known);
                sources.push(Source {
                    alias: alias.clone(),
                    numbers: &["n"],
                    texts: &[],
                    times: &[],
                });
                return format!("{name} as {alias}");
            }
            _ => {
                let (table, numbers, texts, times) = self.pick(TABLES);
                let plain = table.trim_matches('"').to_lowercase();
                if self.expressions.iter().any(|name| name.trim_matches('"') == plain) {
                    ("app.users", TABLES[0].1, TABLES[0].2, TABLES[0].3)
                } else {
                    (table, numbers, texts, times)
                }
            }
        };
        let (table, numbers, texts, times) = written;
        sources.push(Source { alias: alias.clone(), numbers, texts, times });
        let is_table = table.contains("orders") || table.contains("users");
        let sample =
            if is_table && self.below(8) == 0 { " tablesample bernoulli (50)" } else { "" };
        format!("{table} as {alias}{sample}")
    }

    fn column(
        &mut self,
        sources: &[Source],
        of: fn(&Source) -> &'static [&'static str],
    ) -> Option<String> {
        let source = &sources[self.below(sources.len())];
        let columns = of(source);
        if columns.is_empty() {
            return None;
        }
        let column = self.pick(columns);
        let alias = &source.alias;
        // A cast binds to the whole; some columns are written with one.
        Some(match (self.below(4), column.contains(':')) {
            (0, false) => format!("({alias}).{column}"),
            (1, false) => format!("\"{alias}\".\"{column}\""),
            _ => format!("{alias}.{column}"),
        })
    }

    fn number(&mut self, sources: &[Source]) -> String {
        self.depth += 1;
        let value = match self.below(if self.depth > 5 { 4 } else { 20 }) {
            0 => self.below(100).to_string(),
            1..=3 => {
                self.column(sources, |source| source.numbers).unwrap_or_else(|| "1.5".to_owned())
            }
            4 | 5 => {
                let (a, b) = (self.number(sources), self.number(sources));
                let operator = self.pick(&["+", "-", "*", "operator(pg_catalog.+)"]);
                format!("({a} {operator} {b})")
            }
            6 => format!("abs(({})::numeric)", self.number(sources)),
            7 => format!("coalesce({}, 0)", self.number(sources)),
            8 => format!("length({})", self.text(sources)),
            9 => format!("position('a' in {})", self.text(sources)),
            10 => format!(
                "extract({} from {})",
                self.pick(&["year", "epoch", "day"]),
                self.time(sources)
            ),
            11 => format!(
                "case when {} then {} else 2 end",
                self.condition(sources),
                self.number(sources)
            ),
            12 => format!(
                "cast({} as {})",
                self.number(sources),
                self.pick(&[
                    "int",
                    "bigint",
                    "float8",
                    "numeric(10, 2)",
                    "real",
                    "double precision"
                ])
            ),
            13 if self.depth < 4 => format!("(select max(n) from ({}) m(n))", self.numbers(1)),
            14 => format!("greatest({}, {})", self.number(sources), self.number(sources)),
            15 => format!("nullif(({})::numeric, 3)", self.number(sources)),
            16 => format!("(array[{}, 2])[1]", self.number(sources)),
            17 => format!(
                "row_number() over (partition by {} order by {})",
                self.text(sources),
                self.number(sources)
            ),
            18 => format!("({})::text::numeric", self.number(sources)),
            _ => format!("- {}", self.number(sources)),
        };
        self.depth -= 1;
        value
    }

    fn aggregate(&mut self, sources: &[Source]) -> String {
        match self.below(7) {
            0 => "count(*)".to_owned(),
            1 => format!("sum({})", self.number_of_row(sources)),
            2 => format!("count(distinct {})", self.text(sources)),
            3 => format!(
                "avg({}) filter (where {})",
                self.number_of_row(sources),
                self.condition(sources)
            ),
            4 => format!(
                "percentile_cont(0.5) within group (order by ({})::float8)",
                self.number_of_row(sources)
            ),
            5 => format!(
                "length(string_agg({}, ',' order by {}))",
                self.text(sources),
                self.text(sources)
            ),
            _ => format!(
                "max({}) - min({})",
                self.number_of_row(sources),
                self.number_of_row(sources)
            ),
        }
    }

    /// A number without a window: those can't be aggregated.
    fn number_of_row(&mut self, sources: &[Source]) -> String {
        self.column(sources, |source| source.numbers).unwrap_or_else(|| "7".to_owned())
    }

    fn text(&mut self, sources: &[Source]) -> String {
        self.depth += 1;
        let value = match self.below(if self.depth > 5 { 3 } else { 14 }) {
            0 => "'it''s'".to_owned(),
            1 | 2 => self
                .column(sources, |source| source.texts)
                .map_or_else(|| "text 'x'".to_owned(), |c| format!("({c})::text")),
            3 => format!("upper({})", self.text(sources)),
            4 => format!("({} || {})", self.text(sources), self.text(sources)),
            5 => format!("substring({} from 1 for 2)", self.text(sources)),
            6 => format!("trim(both 'a' from {})", self.text(sources)),
            7 => format!("to_char({}, 'YYYY')", self.time(sources)),
            8 => format!("regexp_replace({}, 'a+', E'\\\\n')", self.text(sources)),
            9 => format!("overlay({} placing 'x' from 1)", self.text(sources)),
            10 => format!("({} collate \"C\")", self.text(sources)),
            11 => format!("jsonb_build_object('k', {})->>'k'", self.text(sources)),
            12 => format!("concat({}, {})", self.text(sources), self.time(sources)),
            _ => format!("split_part({}, ',', 1)", self.text(sources)),
        };
        self.depth -= 1;
        value
    }

    fn time(&mut self, sources: &[Source]) -> String {
        match self.below(6) {
            0 => "now()".to_owned(),
            1 => "timestamptz '2024-01-01'".to_owned(),
            2 => "current_timestamp".to_owned(),
            3 => "(now() - interval '1' day)".to_owned(),
            4 => "date_trunc('month', now() at time zone 'utc')".to_owned(),
            _ => self
                .column(sources, |source| source.times)
                .unwrap_or_else(|| "localtimestamp".to_owned()),
        }
    }

    fn condition(&mut self, sources: &[Source]) -> String {
        self.depth += 1;
        let condition = match self.below(if self.depth > 5 { 3 } else { 16 }) {
            0 => "true".to_owned(),
            1 | 2 => {
                let operator = self.pick(&[
                    "=",
                    "<>",
                    "!=",
                    "<",
                    ">=",
                    "is distinct from",
                    "is not distinct from",
                ]);
                format!(
                    "({} {operator} {})",
                    self.number_of_row(sources),
                    self.number_of_row(sources)
                )
            }
            3 => {
                let operator = self.pick(&[
                    "like",
                    "not like",
                    "ilike",
                    "not ilike",
                    "similar to",
                    "~",
                    "!~*",
                    "^@",
                ]);
                format!("({} {operator} {})", self.text(sources), self.text(sources))
            }
            4 => format!("{} between {} and 10", self.number_of_row(sources), self.below(5)),
            5 => format!("{} not between symmetric 3 and 1", self.number_of_row(sources)),
            6 => format!("{} in (1, 2.5, 3)", self.number_of_row(sources)),
            7 if self.depth < 4 => {
                format!("{} not in ({})", self.number_of_row(sources), self.numbers(1))
            }
            8 if self.depth < 4 => format!("exists ({})", self.numbers(2)),
            9 if self.depth < 4 => {
                format!("{} > all ({})", self.number_of_row(sources), self.numbers(1))
            }
            10 => format!("not ({} and {})", self.condition(sources), self.condition(sources)),
            11 => format!("({} or {})", self.condition(sources), self.condition(sources)),
            12 => format!("({}, {}) < (1, 'x')", self.number_of_row(sources), self.text(sources)),
            13 => format!("{} is not null", self.text(sources)),
            14 => format!("({}, now()) overlaps (now(), interval '1 hour')", "now()"),
            _ => format!("{} = any (array[1, 2])", self.number_of_row(sources)),
        };
        self.depth -= 1;
        condition
    }
}

//! Statements that change the schema, for `execute` where its owner opened that. Not a subset that is
//! cut out of SQL but a small language of our own, which is written anew as SQL: tables of plain
//! columns, keys, indexes, comments. There is no place in it for an expression, a function, a role or
//! a type of the database's own, so that nothing runs but what is said.

use lockkeeper_core::Effect;

use super::names::{Name, cut, quoted};
use super::refusal::Refusal;

/// The longest statement, bytes.
const LONGEST: usize = 16 * 1024;

/// A statement that changes the schema.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Ddl {
    /// What to send.
    pub(crate) text: String,
    /// The relations that it names, all with their schema.
    pub(crate) relations: Vec<Name>,
    /// It names something that no rule over relations speaks of.
    pub(crate) is_beyond_rules: bool,
}

impl Ddl {
    /// What all of it needs: whatever is dropped is lost, and a column that is added to a large
    /// table locks it.
    pub(crate) const EFFECT: Effect = Effect::Destroy;

    /// Whether a text begins like one of these.
    pub(crate) fn is_meant(sql: &str) -> bool {
        let first = sql.split_whitespace().next().unwrap_or_default().to_ascii_lowercase();
        matches!(first.as_str(), "create" | "alter" | "drop" | "comment")
    }

    /// Reads one.
    pub(crate) fn parse(sql: &str) -> Result<Self, Refusal> {
        if sql.len() > LONGEST {
            return Err(Refusal::TooLarge("at most 16 kB of DDL are read"));
        }
        let ddl = Self { text: String::new(), relations: Vec::new(), is_beyond_rules: false };
        let mut reader = Reader { tokens: read(sql)?, at: 0, ddl };
        reader.statement()?;
        Ok(reader.ddl)
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Token {
    /// Without quotes, in lower case.
    Word(String),
    /// In quotes.
    Name(String),
    /// A string.
    Text(String),
    Number(String),
    Sign(char),
}

/// The tokens of a text in which there are only plain ones: no comments, escapes or operators, over
/// which lexers differ.
fn read(sql: &str) -> Result<Vec<Token>, Refusal> {
    let mut tokens = Vec::new();
    let mut rest = sql.trim_end().trim_end_matches(';').char_indices().peekable();
    while let Some((at, c)) = rest.next() {
        let refused = |what: &str| Err(Refusal::Part { what: what.to_owned(), at });
        let mut taken = |first: String, is_part: fn(char) -> bool| {
            let mut text = first;
            while let Some((_, c)) = rest.next_if(|(_, c)| is_part(*c)) {
                text.push(c);
            }
            text
        };
        match c {
            ' ' | '\t' | '\n' | '\r' => {}
            'a'..='z' | 'A'..='Z' | '_' => {
                let word = taken(c.to_string(), |c| c.is_ascii_alphanumeric() || c == '_');
                // `U&"…"`, `E'…'` and the like are no word and a string.
                if matches!(rest.peek(), Some((_, '\'' | '"' | '&' | '$'))) {
                    return refused("this kind of string or name");
                }
                tokens.push(Token::Word(word.to_ascii_lowercase()));
            }
            '0'..='9' => {
                let number = taken(c.to_string(), |c| c.is_ascii_digit() || c == '.');
                let is_plain = number.matches('.').count() <= 1 && !number.ends_with('.');
                let ends = !matches!(rest.peek(), Some((_, c)) if c.is_alphanumeric() || *c == '_');
                if !is_plain || !ends {
                    return refused("this number");
                }
                tokens.push(Token::Number(number));
            }
            '"' | '\'' => {
                let mut text = String::new();
                loop {
                    match rest.next() {
                        None | Some((_, '\\' | '\0')) => return refused("this string or name"),
                        Some((_, end)) if end == c => match rest.next_if(|(_, next)| *next == c) {
                            Some(_) => text.push(c),
                            None => break,
                        },
                        Some((_, part)) => text.push(part),
                    }
                }
                if c == '\'' {
                    tokens.push(Token::Text(text));
                } else if text.is_empty() {
                    return refused("this name");
                } else {
                    tokens.push(Token::Name(cut(text)));
                }
            }
            '(' | ')' | ',' | '.' | '[' | ']' | '-' => {
                // Two of them begin a comment.
                if c == '-' && matches!(rest.peek(), Some((_, '-'))) {
                    return refused("a comment");
                }
                tokens.push(Token::Sign(c));
            }
            _ => return refused("this sign"),
        }
    }
    Ok(tokens)
}

/// Types that columns may have, as one word.
const TYPES: &[&str] = &[
    "bigint",
    "bigserial",
    "bool",
    "boolean",
    "bytea",
    "char",
    "cidr",
    "date",
    "daterange",
    "decimal",
    "float4",
    "float8",
    "inet",
    "int",
    "int2",
    "int4",
    "int4range",
    "int8",
    "int8range",
    "integer",
    "interval",
    "json",
    "jsonb",
    "macaddr",
    "money",
    "numeric",
    "numrange",
    "point",
    "real",
    "serial",
    "smallint",
    "text",
    "time",
    "timestamp",
    "timestamptz",
    "timetz",
    "tsrange",
    "tsvector",
    "tstzrange",
    "uuid",
    "varchar",
    "xml",
];

/// Kinds of indexes.
const METHODS: &[&str] = &["btree", "hash", "gin", "gist", "brin"];

struct Reader {
    tokens: Vec<Token>,
    at: usize,
    ddl: Ddl,
}

impl Reader {
    fn refused<T>(&self) -> Result<T, Refusal> {
        let part = match self.tokens.get(self.at) {
            Some(Token::Word(word)) => format!("`{}` here", word.to_ascii_uppercase()),
            Some(_) => "this part".to_owned(),
            None => "the end here".to_owned(),
        };
        Err(Refusal::Schema(part))
    }

    fn push(&mut self, text: &str) {
        if !self.ddl.text.is_empty() {
            self.ddl.text.push(' ');
        }
        self.ddl.text.push_str(text);
    }

    /// These words, if they are next.
    fn has(&mut self, words: &str) -> bool {
        let count = words.split(' ').count();
        let next = self.tokens.iter().skip(self.at).take(count);
        let is_next = next.eq(words
            .split(' ')
            .map(|word| Token::Word(word.to_owned()))
            .collect::<Vec<_>>()
            .iter());
        if is_next {
            self.at += count;
            self.push(&words.to_ascii_uppercase());
        }
        is_next
    }

    fn expect(&mut self, words: &str) -> Result<(), Refusal> {
        if self.has(words) { Ok(()) } else { self.refused() }
    }

    fn sign(&mut self, sign: char) -> bool {
        let is_next = self.tokens.get(self.at) == Some(&Token::Sign(sign));
        if is_next {
            self.at += 1;
            self.push(&sign.to_string());
        }
        is_next
    }

    fn expect_sign(&mut self, sign: char) -> Result<(), Refusal> {
        if self.sign(sign) { Ok(()) } else { self.refused() }
    }

    fn name(&mut self) -> Result<String, Refusal> {
        let name = match self.tokens.get(self.at) {
            Some(Token::Word(name) | Token::Name(name)) => cut(name.clone()),
            _ => return self.refused(),
        };
        self.at += 1;
        self.push(&quoted(&name));
        Ok(name)
    }

    /// `schema.name`: where an unqualified name would lead depends on the search path.
    fn relation(&mut self) -> Result<(), Refusal> {
        let schema = self.name()?;
        if !self.sign('.') {
            return Err(Refusal::Schema(format!("{} without its schema", quoted(&schema))));
        }
        let name = self.name()?;
        if schema.starts_with("pg_") || schema == "information_schema" {
            return Err(Refusal::Schema("the schema of the system".to_owned()));
        }
        self.ddl.relations.push(Name { schema: Some(schema), name });
        Ok(())
    }

    fn list(&mut self, item: fn(&mut Self) -> Result<(), Refusal>) -> Result<(), Refusal> {
        self.expect_sign('(')?;
        loop {
            item(self)?;
            if !self.sign(',') {
                return self.expect_sign(')');
            }
        }
    }

    fn columns(&mut self) -> Result<(), Refusal> {
        self.list(|reader| reader.name().map(drop))
    }

    fn statement(&mut self) -> Result<(), Refusal> {
        if self.has("create table") {
            self.has("if not exists");
            self.relation()?;
            self.list(Self::element)?;
        } else if self.has("create schema") {
            self.has("if not exists");
            let schema = self.name()?;
            self.ddl.is_beyond_rules = true;
            if schema.starts_with("pg_") {
                return Err(Refusal::Schema("the schema of the system".to_owned()));
            }
        } else if self.has("create unique index") || self.has("create index") {
            self.index()?;
        } else if self.has("drop table")
            || self.has("drop view")
            || self.has("drop materialized view")
            || self.has("drop sequence")
            || self.has("drop index")
        {
            self.ddl.is_beyond_rules = self.ddl.text == "DROP INDEX";
            self.has("if exists");
            self.relation()?;
            // CASCADE would drop what isn't named.
            self.has("restrict");
        } else if self.has("alter table") {
            self.has("if exists");
            self.relation()?;
            self.action()?;
        } else if self.has("comment on table") {
            self.relation()?;
            self.comment()?;
        } else if self.has("comment on column") {
            self.relation()?;
            self.expect_sign('.')?;
            self.name()?;
            self.comment()?;
        } else {
            return self.refused();
        }
        if self.at < self.tokens.len() { self.refused() } else { Ok(()) }
    }

    fn comment(&mut self) -> Result<(), Refusal> {
        self.expect("is")?;
        self.literal()
    }

    fn index(&mut self) -> Result<(), Refusal> {
        self.has("if not exists");
        if !self.has("on") {
            self.name()?;
            self.expect("on")?;
        }
        self.relation()?;
        if self.has("using") && !METHODS.iter().any(|method| self.has(method)) {
            return self.refused();
        }
        self.list(|reader| {
            reader.name()?;
            if !reader.has("asc") {
                reader.has("desc");
            }
            if !reader.has("nulls first") {
                reader.has("nulls last");
            }
            Ok(())
        })
    }

    fn action(&mut self) -> Result<(), Refusal> {
        if self.has("add constraint") {
            self.name()?;
            return self.constraint();
        }
        if self.has("drop constraint") {
            self.has("if exists");
            self.name()?;
            self.has("restrict");
            return Ok(());
        }
        if self.has("add column") || self.has("add") {
            self.has("if not exists");
            return self.column();
        }
        if self.has("drop column") || self.has("drop") {
            self.has("if exists");
            self.name()?;
            self.has("restrict");
            return Ok(());
        }
        if self.has("rename column") {
            self.name()?;
            self.expect("to")?;
            return self.name().map(drop);
        }
        self.expect("alter column")?;
        self.name()?;
        if self.has("set not null") || self.has("drop not null") || self.has("drop default") {
            return Ok(());
        }
        self.expect("set default")?;
        self.literal()
    }

    /// A column or a constraint of a table.
    fn element(&mut self) -> Result<(), Refusal> {
        let starts = ["primary", "unique", "foreign", "constraint"];
        match self.tokens.get(self.at) {
            Some(Token::Word(word)) if starts.contains(&word.as_str()) => {
                if self.has("constraint") {
                    self.name()?;
                }
                self.constraint()
            }
            _ => self.column(),
        }
    }

    fn constraint(&mut self) -> Result<(), Refusal> {
        if self.has("primary key") || self.has("unique") {
            return self.columns();
        }
        self.expect("foreign key")?;
        self.columns()?;
        self.expect("references")?;
        self.reference()
    }

    fn reference(&mut self) -> Result<(), Refusal> {
        self.relation()?;
        if self.tokens.get(self.at) == Some(&Token::Sign('(')) {
            self.columns()?;
        }
        if self.has("on delete") {
            let actions = ["cascade", "set null", "restrict", "no action"];
            if !actions.iter().any(|action| self.has(action)) {
                return self.refused();
            }
        }
        Ok(())
    }

    fn column(&mut self) -> Result<(), Refusal> {
        self.name()?;
        self.type_()?;
        loop {
            if self.has("not null")
                || self.has("null")
                || self.has("primary key")
                || self.has("unique")
                || self.has("generated always as identity")
                || self.has("generated by default as identity")
            {
                continue;
            }
            if self.has("default") {
                self.literal()?;
            } else if self.has("references") {
                self.reference()?;
            } else {
                return Ok(());
            }
        }
    }

    fn type_(&mut self) -> Result<(), Refusal> {
        let is_long = ["double precision", "character varying", "bit varying"];
        let is_known =
            is_long.iter().any(|words| self.has(words)) || TYPES.iter().any(|word| self.has(word));
        if !is_known {
            return self.refused();
        }
        if self.sign('(') {
            loop {
                match self.tokens.get(self.at) {
                    Some(Token::Number(number)) if !number.contains('.') => {
                        let number = number.clone();
                        self.at += 1;
                        self.push(&number);
                    }
                    _ => return self.refused(),
                }
                if !self.sign(',') {
                    self.expect_sign(')')?;
                    break;
                }
            }
        }
        if !self.has("with time zone") {
            self.has("without time zone");
        }
        while self.sign('[') {
            self.expect_sign(']')?;
        }
        Ok(())
    }

    /// A value that needs no computing, and the present.
    fn literal(&mut self) -> Result<(), Refusal> {
        let words = ["null", "true", "false", "current_timestamp", "current_date"];
        if words.iter().any(|word| self.has(word)) {
            return Ok(());
        }
        if self.has("now") {
            self.expect_sign('(')?;
            return self.expect_sign(')');
        }
        self.sign('-');
        let text = match self.tokens.get(self.at) {
            Some(Token::Number(number)) => number.clone(),
            Some(Token::Text(text)) => format!("'{}'", text.replace('\'', "''")),
            _ => return self.refused(),
        };
        self.at += 1;
        self.push(&text);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_understood_is_written_anew() {
        for (sql, expected) in [
            (
                "create table App.T (id bigint generated always as identity primary key, \"a b\" varchar(20) not null default 'it''s', at timestamp with time zone default now(), n numeric(10, 2)[], o int references app.orders (id) on delete cascade, unique (id, \"a b\"), constraint f foreign key (o) references app.u (id));",
                r#"CREATE TABLE "app" . "t" ( "id" BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY , "a b" VARCHAR ( 20 ) NOT NULL DEFAULT 'it''s' , "at" TIMESTAMP WITH TIME ZONE DEFAULT NOW ( ) , "n" NUMERIC ( 10 , 2 ) [ ] , "o" INT REFERENCES "app" . "orders" ( "id" ) ON DELETE CASCADE , UNIQUE ( "id" , "a b" ) , CONSTRAINT "f" FOREIGN KEY ( "o" ) REFERENCES "app" . "u" ( "id" ) )"#,
            ),
            (
                "CREATE UNIQUE INDEX IF NOT EXISTS i ON app.t USING btree (a DESC NULLS LAST, b)",
                r#"CREATE UNIQUE INDEX IF NOT EXISTS "i" ON "app" . "t" USING BTREE ( "a" DESC NULLS LAST , "b" )"#,
            ),
            ("drop table if exists app.t", r#"DROP TABLE IF EXISTS "app" . "t""#),
            (
                "alter table app.t add column x text",
                r#"ALTER TABLE "app" . "t" ADD COLUMN "x" TEXT"#,
            ),
            (
                "alter table app.t rename column x to y",
                r#"ALTER TABLE "app" . "t" RENAME COLUMN "x" TO "y""#,
            ),
            (
                "alter table app.t alter column x set default -5",
                r#"ALTER TABLE "app" . "t" ALTER COLUMN "x" SET DEFAULT - 5"#,
            ),
            (
                "comment on column app.t.x is 'what it is'",
                r#"COMMENT ON COLUMN "app" . "t" . "x" IS 'what it is'"#,
            ),
        ] {
            assert_eq!(Ddl::parse(sql).unwrap().text, expected);
        }
    }

    #[test]
    fn all_else_is_refused() {
        for sql in [
            "create table t (id int)",
            "create table pg_catalog.t (id int)",
            "create table app.t as select 1",
            "create table app.t (id int default pg_sleep(1))",
            "create table app.t (id int check (f(id)))",
            "create table app.t (id int generated always as (f(id)) stored)",
            "create table app.t (id app.domain)",
            "create table app.t (like app.u)",
            "create table app.t (id int) inherits (app.u)",
            "create table app.t partition of app.u default",
            "create table app.t (id int) tablespace x",
            "create temp table x (id int)",
            "create index on app.t (f(x))",
            "create index on app.t (x) where f(x)",
            "create index on app.t (x evil_ops)",
            "create view app.v as select 1",
            "create function app.f() returns int language sql as 'select 1'",
            "create extension dblink",
            "create role x superuser",
            "create language plpythonu",
            "create server x foreign data wrapper y",
            "create trigger t after insert on app.t execute function app.f()",
            "create rule r as on insert to app.t do also select 1",
            "create publication p for all tables",
            "alter table app.t owner to postgres",
            "alter table app.t enable row level security",
            "alter table app.t disable trigger all",
            "alter table app.t alter column x type int using f(x)",
            "alter table app.t set schema pg_catalog",
            "alter table app.t add column x text, drop column y",
            "alter system set fsync = off",
            "alter role postgres superuser",
            "alter database app set x = 1",
            "drop table app.t cascade",
            "drop table app.t, app.u",
            "drop schema app cascade",
            "drop role x",
            "drop database app",
            "drop function app.f",
            "comment on role postgres is 'x'",
            "comment on table app.t is f()",
            "drop table app.t; drop table app.u",
            "drop table app.t -- x",
            "drop table app.t /* x */",
            "drop table U&\"app\".t",
            "drop table app.t restrict cascade",
            "comment on table app.t is E'\\''",
            "comment on table app.t is 'a\\'",
            "comment on table app.t is $$x$$",
            "create",
            "",
        ] {
            assert!(Ddl::parse(sql).is_err(), "{sql}");
        }
    }
}

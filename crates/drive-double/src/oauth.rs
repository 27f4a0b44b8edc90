//! Google's accounts: consent, tokens, and everything that ends them.

mod assertion;
mod consent;
mod machine;
mod token;

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use crate::call::Caller;
use crate::world::{APP, World};

pub(crate) use self::consent::consent;
pub(crate) use self::machine::{exchange, impersonate, metadata};
pub(crate) use self::token::{device, revoke, token};

/// The secret of the client that is known from the start.
pub(crate) const SECRET: &str = "double-secret";

/// How long an access token holds.
const SECONDS: i64 = 3599;

/// What an endpoint of accounts answers.
#[derive(Debug)]
pub(crate) enum Granted {
    Json(u16, Value),
    Text(u16, String),
    /// To this address.
    Redirect(String),
}

#[derive(Debug)]
pub(crate) struct Accounts {
    /// Client ids and their secrets.
    pub(crate) clients: BTreeMap<String, String>,
    tokens: BTreeMap<String, Token>,
    refresh: BTreeMap<String, Refresh>,
    codes: BTreeMap<String, Code>,
    devices: BTreeMap<String, Refresh>,
    /// Service accounts, and the scopes in which they may act for others.
    pub(crate) robots: BTreeMap<String, BTreeSet<String>>,
    /// Whoever is asked says no.
    pub(crate) denies: bool,
    /// What whoever is asked ticks, if not everything.
    pub(crate) ticks: Option<BTreeSet<String>>,
}

#[derive(Debug, Clone)]
struct Token {
    caller: Caller,
    /// In seconds by which the clock was moved on.
    ends: i64,
}

#[derive(Debug, Clone)]
struct Refresh {
    caller: Caller,
    is_over: bool,
}

#[derive(Debug, Clone)]
struct Code {
    caller: Caller,
    redirect: String,
    challenge: Option<String>,
    offline: bool,
}

impl Default for Accounts {
    fn default() -> Self {
        Self {
            clients: [(APP.to_owned(), SECRET.to_owned())].into(),
            tokens: BTreeMap::new(),
            refresh: BTreeMap::new(),
            codes: BTreeMap::new(),
            devices: BTreeMap::new(),
            robots: BTreeMap::new(),
            denies: false,
            ticks: None,
        }
    }
}

impl World {
    /// A new access token.
    pub(crate) fn grant(&mut self, caller: Caller) -> String {
        self.user(&caller.email);
        let token = format!("ya29.{}", self.word(40));
        let ends = self.skipped + SECONDS;
        self.accounts.tokens.insert(token.clone(), Token { caller, ends });
        token
    }

    /// A new refresh token.
    pub(crate) fn grant_refresh(&mut self, caller: Caller) -> String {
        self.user(&caller.email);
        let token = format!("1//0{}", self.word(40));
        self.accounts.refresh.insert(token.clone(), Refresh { caller, is_over: false });
        token
    }

    /// Who a token is of, if it holds.
    pub(crate) fn caller(&self, token: &str) -> Option<Caller> {
        let token = self.accounts.tokens.get(token)?;
        (token.ends > self.skipped).then(|| token.caller.clone())
    }

    /// All access tokens end.
    pub(crate) fn end_tokens(&mut self) {
        self.accounts.tokens.clear();
    }

    /// All refresh tokens end.
    pub(crate) fn end_refresh_tokens(&mut self) {
        for refresh in self.accounts.refresh.values_mut() {
            refresh.is_over = true;
        }
    }
}

/// The scopes in a text.
fn scopes(text: &str) -> BTreeSet<String> {
    text.split_whitespace().map(str::to_owned).collect()
}

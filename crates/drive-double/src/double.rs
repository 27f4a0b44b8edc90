//! The handle of a running double.

use std::collections::BTreeSet;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::thread::{self, JoinHandle};

use axum::Router;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::runtime::Builder;
use tokio::sync::oneshot;

use crate::call::Caller;
use crate::content::Checksums;
use crate::fault::Fault;
use crate::log::Seen;
use crate::mask::Mask;
use crate::oauth::SECRET;
use crate::seed::{NewFile, Seed};
use crate::serve::{Shared, locked, serve};
use crate::world::{APP, World};

static KEY: &str = include_str!("../data/service-account.pem");

/// A double, served in a thread of its own until it is dropped.
///
/// Dropping it panics if there were violations that nobody took.
#[derive(Debug)]
pub struct Double {
    address: SocketAddr,
    shared: Arc<Shared>,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Double {
    /// Starts one on a free loopback port.
    pub fn start(seed: Seed) -> Self {
        Self::start_on(0, seed)
    }

    /// Starts one on this loopback port.
    #[expect(clippy::expect_used, reason = "a test without its double can only end")]
    pub fn start_on(port: u16, seed: Seed) -> Self {
        let mut world = World::new();
        world.plant(seed).expect("the seed is sound");
        let shared = Arc::new(Shared::new(world));
        let runtime = Builder::new_current_thread().enable_all().build().expect("a runtime");
        let listener = runtime.block_on(TcpListener::bind((Ipv4Addr::LOCALHOST, port)));
        let listener = listener.expect("a free port");
        let address = listener.local_addr().expect("it is bound");
        let (stop, stopped) = oneshot::channel::<()>();
        let router = Router::new().fallback(serve).with_state(Arc::clone(&shared));
        let thread = thread::spawn(move || {
            runtime.block_on(async {
                tokio::select! {
                    _ = stopped => {}
                    served = axum::serve(listener, router) => drop(served),
                }
            });
            // Connections that are still open end with it.
            runtime.shutdown_background();
        });
        Self { address, shared, stop: Some(stop), thread: Some(thread) }
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// `http://127.0.0.1:PORT`, which stands for every host of Google's.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// An access token of `me@example.com` with these scopes.
    pub fn token(&self, scopes: &[&str]) -> String {
        self.token_of(crate::ME, scopes)
    }

    /// An access token of another account.
    pub fn token_of(&self, email: &str, scopes: &[&str]) -> String {
        self.world().grant(caller(email, scopes))
    }

    /// Credentials as `gcloud` and logins keep them: `authorized_user`, with a refresh token.
    pub fn authorized_user(&self, scopes: &[&str]) -> Value {
        json!({
            "type": "authorized_user",
            "client_id": APP,
            "client_secret": SECRET,
            "refresh_token": self.world().grant_refresh(caller(crate::ME, scopes)),
            "token_uri": format!("{}/token", self.url()),
        })
    }

    /// The client that tokens are of, as the console hands it out for desktop applications.
    pub fn desktop_client(&self) -> Value {
        json!({ "installed": {
            "client_id": APP,
            "client_secret": SECRET,
            "project_id": "double",
            "auth_uri": format!("{}/o/oauth2/v2/auth", self.url()),
            "token_uri": format!("{}/token", self.url()),
            "redirect_uris": ["http://localhost"],
        }})
    }

    /// The key file of a service account, which may act for others in these scopes.
    pub fn service_account(&self, email: &str, delegated: &[&str]) -> Value {
        let mut world = self.world();
        world.user(email);
        let delegated = delegated.iter().map(|scope| (*scope).to_owned()).collect();
        world.accounts.robots.insert(email.to_owned(), delegated);
        json!({
            "type": "service_account",
            "project_id": "double",
            "private_key_id": "double-key",
            "private_key": KEY,
            "client_email": email,
            "client_id": "100000000000000000001",
            "auth_uri": format!("{}/o/oauth2/v2/auth", self.url()),
            "token_uri": format!("{}/token", self.url()),
            "universe_domain": "googleapis.com",
        })
    }

    /// Adds a file, and says its id.
    #[expect(clippy::expect_used, reason = "a test with a wrong file can only end")]
    pub fn add(&self, file: NewFile) -> String {
        self.world().plant_file(file).expect("the file is sound")
    }

    /// A file as its owner, or `me@example.com`, sees it, with all fields but checksums.
    pub fn file(&self, id: &str) -> Option<Value> {
        let world = self.world();
        let file = world.files.get(id)?;
        let email = file.owner.as_deref().unwrap_or(crate::ME);
        let mask = Mask::parse("*,md5Checksum").unwrap_or(Mask::All);
        Some(world.file(file, &caller(email, &[crate::FULL]), &mask))
    }

    /// Removes a file for good, with everything in it.
    pub fn remove(&self, id: &str) {
        crate::api::files::remove(&mut self.world(), id);
    }

    /// The id of the only file with this name, wherever it is.
    pub fn find(&self, name: &str) -> Option<String> {
        let world = self.world();
        let mut found = world.files.values().filter(|file| file.name == name);
        let first = found.next()?;
        found.next().is_none().then(|| first.id.clone())
    }

    /// What a file holds, if it is small enough to be kept.
    pub fn content(&self, id: &str) -> Option<Vec<u8>> {
        let world = self.world();
        Some(world.files.get(id)?.head()?.content.whole()?.to_vec())
    }

    /// How long a file is, and its checksums.
    pub fn checksums(&self, id: &str) -> Option<(u64, Checksums)> {
        // Gigabytes are summed without the world being kept from others.
        let content = self.world().files.get(id)?.head()?.content.clone();
        Some((content.len(), content.sums().clone()))
    }

    /// How many upload sessions are open.
    pub fn open_uploads(&self) -> usize {
        locked(&self.shared.sessions).values().filter(|session| session.is_some()).count()
    }

    /// From now on this goes wrong.
    pub fn fault(&self, fault: Fault) {
        locked(&self.shared.faults).add(fault);
    }

    /// Nothing goes wrong any more.
    pub fn heal(&self) {
        locked(&self.shared.faults).clear();
    }

    /// Moves the clock on: tokens hold for an hour, page tokens for three.
    pub fn advance(&self, seconds: i64) {
        self.world().skip(seconds);
    }

    /// All access tokens end.
    pub fn end_tokens(&self) {
        self.world().end_tokens();
    }

    /// All refresh tokens end, as after seven days while an application is being tested.
    pub fn end_refresh_tokens(&self) {
        self.world().end_refresh_tokens();
    }

    /// All upload sessions end.
    pub fn end_uploads(&self) {
        for session in locked(&self.shared.sessions).values_mut() {
            *session = None;
        }
    }

    /// Whoever is asked for consent says no.
    pub fn deny_consent(&self) {
        self.world().accounts.denies = true;
    }

    /// Whoever is asked for consent ticks only these scopes.
    pub fn tick_only(&self, scopes: &[&str]) {
        let ticks: BTreeSet<String> = scopes.iter().map(|scope| (*scope).to_owned()).collect();
        self.world().accounts.ticks = Some(ticks);
    }

    /// A service isn't switched on in the project: `sheets.googleapis.com` and so on.
    pub fn disable_service(&self, host: &str) {
        self.world().settings.disabled.insert(host.to_owned());
    }

    /// Searches over all drives say that they didn't look everywhere.
    pub fn search_incompletely(&self) {
        self.world().settings.incomplete_search = true;
    }

    /// Pages of searches have so many files at most, whatever is asked for.
    pub fn most_on_a_page(&self, most: usize) {
        self.world().settings.most_on_a_page = Some(most);
    }

    /// The requests so far, the oldest first.
    pub fn log(&self) -> Vec<Seen> {
        locked(&self.shared.log).clone()
    }

    /// The requests so far to a method, or to those whose ids begin like this.
    pub fn log_of(&self, id: &str) -> Vec<Seen> {
        let mut log = self.log();
        log.retain(|seen| seen.id.starts_with(id));
        log
    }

    /// Forgets the requests so far.
    pub fn clear_log(&self) {
        locked(&self.shared.log).clear();
    }

    /// What was asked or answered that isn't in Google's documents.
    pub fn violations(&self) -> Vec<String> {
        locked(&self.shared.violations).clone()
    }

    /// The same, and they count no more: for tests that provoke them.
    pub fn take_violations(&self) -> Vec<String> {
        std::mem::take(&mut *locked(&self.shared.violations))
    }

    /// Waits for the double's end, which only comes with the process.
    pub fn wait(mut self) {
        if let Some(thread) = self.thread.take() {
            // A panic in it was printed.
            drop(thread.join());
        }
    }

    fn world(&self) -> std::sync::MutexGuard<'_, World> {
        locked(&self.shared.world)
    }
}

impl Drop for Double {
    fn drop(&mut self) {
        self.stop = None;
        if let Some(thread) = self.thread.take() {
            // A panic in it was printed.
            drop(thread.join());
        }
        let violations = self.violations();
        let is_failing = thread::panicking();
        let all = violations.join("\n");
        assert!(is_failing || all.is_empty(), "traffic that isn't in Google's documents:\n{all}");
    }
}

fn caller(email: &str, scopes: &[&str]) -> Caller {
    let scopes = scopes.iter().map(|scope| (*scope).to_owned()).collect();
    Caller { email: email.to_owned(), scopes, app: APP.to_owned() }
}

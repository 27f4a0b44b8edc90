//! Files of instances as others find them.

use std::fs;
use std::time::Duration;

use super::list::{Listing, list, sweep};
use super::*;
use crate::upstream::{Failure, Upstreams};

const SERVER: &str = "lockkeeper-test";

struct Place(tempfile::TempDir);

impl Place {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn begin(&self) -> Instance {
        Instance::begin(SERVER, "1.2.3", Some(self.0.path()))
    }

    fn files(&self) -> Vec<PathBuf> {
        let files = fs::read_dir(self.0.path().join(DIRECTORY)).unwrap();
        files.map(|file| file.unwrap().path()).collect()
    }

    fn list(&self) -> Listing {
        list(&self.0.path().join(DIRECTORY), Some(SERVER)).unwrap()
    }

    fn states(&self) -> Vec<(Lifecycle, bool)> {
        let listing = self.list();
        assert_eq!(listing.problems, [""; 0]);
        listing.instances.iter().map(|one| (one.record.lifecycle, one.crashed)).collect()
    }

    /// A file that a process left which was killed.
    fn crashed(&self, instance: &str, lifecycle: Lifecycle) -> PathBuf {
        let living = self.begin();
        let mut record = self.list().instances.remove(0).record;
        living.enter(Lifecycle::Stopped, &Vitals::default());
        fs::remove_file(
            self.0.path().join(DIRECTORY).join(format!("{SERVER}-{}.json", living.id())),
        )
        .unwrap();
        record.instance = instance.to_owned();
        record.lifecycle = lifecycle;
        let path = self.0.path().join(DIRECTORY).join(format!("{SERVER}-{instance}.json"));
        fs::write(&path, serde_json::to_vec(&record).unwrap()).unwrap();
        path
    }
}

#[test]
fn it_goes_from_starting_to_stopped() {
    let place = Place::new();
    let instance = place.begin();
    assert_eq!(place.states(), [(Lifecycle::Starting, false)]);
    for lifecycle in [Lifecycle::Ready, Lifecycle::Draining, Lifecycle::Stopped] {
        instance.enter(lifecycle, &Vitals::default());
        assert_eq!(place.states(), [(lifecycle, false)]);
    }
    drop(instance);
    assert_eq!(place.states(), [(Lifecycle::Stopped, false)], "a stop is no crash");
}

#[test]
fn who_ends_without_having_stopped_has_failed() {
    let place = Place::new();
    let instance = place.begin();
    instance.stage("sandbox");
    drop(instance);
    let listing = place.list();
    let record = &listing.instances.first().unwrap().record;
    assert_eq!(
        (record.lifecycle, &record.why[..]),
        (Lifecycle::Failed, &["sandbox".to_owned()][..])
    );
}

#[test]
fn it_is_degraded_for_as_long_as_something_does_not_work() {
    let place = Place::new();
    let instance = place.begin();
    let upstreams = Upstreams::default();
    let upstream = upstreams.register("github");
    let vitals = |audit_fails| Vitals {
        upstreams: upstreams.readings(),
        audit_fails,
        recent: Recent {
            calls: 3,
            errors: 1,
            p50: Duration::ZERO,
            p99: Duration::from_micros(1_500),
        },
        ..Vitals::default()
    };
    instance.enter(Lifecycle::Ready, &vitals(false));
    assert_eq!(place.states(), [(Lifecycle::Ready, false)]);
    for _ in 0..5 {
        upstream.admit().unwrap().failed(Failure::Unreachable);
    }
    instance.enter(Lifecycle::Ready, &vitals(true));
    let record = place.list().instances.remove(0).record;
    assert_eq!(record.lifecycle, Lifecycle::Degraded);
    assert_eq!(record.why, ["audit", "breaker:github"]);
    let upstream = record.upstreams.first().unwrap();
    assert_eq!((upstream.breaker.as_str(), upstream.opened, upstream.failed), ("open", 1, 5));
    assert_eq!(
        (record.error_rate.to_string(), record.p99_ms.to_string()),
        ("0.3333".into(), "1.5".into())
    );
    assert_eq!(instance.lifecycle(&Vitals::default()), Lifecycle::Ready);
}

#[test]
fn hits_are_a_share_of_what_could_have_been_one() {
    let upstreams = Upstreams::default();
    let upstream = upstreams.register("github");
    let vitals = || Vitals { upstreams: upstreams.readings(), ..Vitals::default() };
    upstream.cached(Cached::Bypassed);
    assert_eq!(vitals().cache_hit_ratio(), None);
    for cached in [Cached::Hit, Cached::Revalidated, Cached::Coalesced, Cached::Miss] {
        upstream.cached(cached);
    }
    assert_eq!(vitals().cache_hit_ratio(), Some(0.75));
}

#[tokio::test(start_paused = true)]
async fn it_is_written_when_something_changed_and_not_otherwise() {
    let place = Place::new();
    let instance = Arc::new(place.begin());
    instance.enter(Lifecycle::Ready, &Vitals::default());
    let (changed, changes) = watch::channel(());
    let looks = Arc::new(std::sync::atomic::AtomicUsize::new(0));
    let counted = || looks.load(std::sync::atomic::Ordering::Relaxed);
    let keeping = {
        let (instance, looks) = (Arc::clone(&instance), Arc::clone(&looks));
        async move {
            let vitals = || {
                let calls = looks.fetch_add(1, std::sync::atomic::Ordering::Relaxed) as u64 + 1;
                Vitals { recent: Recent { calls, ..Recent::default() }, ..Vitals::default() }
            };
            instance.keep(changes, vitals).await;
        }
    };
    let test = async {
        tokio::time::sleep(Duration::from_hours(1)).await;
        assert_eq!(counted(), 0, "nothing happened");
        for _ in 0..100 {
            changed.send_replace(());
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        tokio::time::sleep(Duration::from_hours(1)).await;
        assert!((3..=5).contains(&counted()), "{}", counted());
        assert_eq!(place.list().instances.first().unwrap().record.calls, counted() as u64);
    };
    tokio::select! {
        () = keeping => panic!("it went on for as long as there was a server"),
        () = test => {}
    }
}

#[test]
fn without_a_place_it_works_on() {
    for state in [None, Some(Path::new("/proc/nowhere"))] {
        let instance = Instance::begin(SERVER, "1", state);
        instance.enter(Lifecycle::Ready, &Vitals::default());
        instance.enter(Lifecycle::Stopped, &Vitals::default());
    }
}

#[test]
fn a_lock_tells_the_living_from_the_dead() {
    let place = Place::new();
    place.crashed("00000001", Lifecycle::Ready);
    place.crashed("00000002", Lifecycle::Stopped);
    let _living = place.begin();
    let mut states = place.states();
    states.sort_by_key(|(lifecycle, crashed)| (lifecycle.as_str(), *crashed));
    let expected =
        [(Lifecycle::Ready, true), (Lifecycle::Starting, false), (Lifecycle::Stopped, false)];
    assert_eq!(states, expected);
}

#[test]
fn hostile_files_are_said_and_harm_nobody() {
    let place = Place::new();
    let directory = place.0.path().join(DIRECTORY);
    let good = place.crashed("00000000", Lifecycle::Ready);
    let text = fs::read_to_string(&good).unwrap();
    let name = |n: usize| format!("{SERVER}-{n:08x}.json");
    let put = |n: usize, text: String| fs::write(directory.join(name(n)), text).unwrap();
    let of = |n: usize| text.replace("00000000", &format!("{n:08x}"));
    put(1, String::new());
    put(2, "garbage\u{1b}[31m".to_owned());
    put(3, " ".repeat(100_000));
    put(4, text.clone());
    put(5, of(5).replace("1.2.3", "\\u001b[2J"));
    put(6, of(6).replace("1.2.3", &"x".repeat(65)));
    put(7, of(7).replace("\"p50_ms\":0.0", "\"p50_ms\":-1e300"));
    put(8, of(8).replace("\"why\":[]", "\"why\":[\"a\\nb\"]"));
    put(9, "[".repeat(60_000));
    #[cfg(unix)]
    {
        std::os::unix::fs::symlink("/etc/passwd", directory.join(name(10))).unwrap();
        let (cwd, mode) = (rustix::fs::CWD, rustix::fs::Mode::RWXU);
        rustix::fs::mkfifoat(cwd, directory.join(name(11)), mode).unwrap();
    }
    fs::create_dir(directory.join(name(12))).unwrap();
    fs::write(directory.join("\u{1b}]0;x\u{7}.json"), "").unwrap();
    fs::write(directory.join("other"), "").unwrap();
    let listing = place.list();
    assert_eq!(listing.instances.len(), 1, "{:?}", listing.instances);
    assert_eq!(listing.problems.len(), if cfg!(unix) { 14 } else { 12 }, "{:?}", listing.problems);
    assert!(!listing.problems.concat().chars().any(char::is_control), "{:?}", listing.problems);
    // Files of other servers are none of ours, also broken ones.
    assert_eq!(list(&directory, Some("lockkeeper-other")).unwrap().problems.len(), 2);
    // A newer server may say more.
    put(13, of(13).replacen('{', "{\"new\":{\"x\":1},", 1));
    assert_eq!(place.list().instances.len(), 2);
}

#[test]
fn what_ended_long_ago_is_swept() {
    let place = Place::new();
    let directory = place.0.path().join(DIRECTORY);
    let day = Duration::from_hours(24);
    let living = place.begin();
    let old = |n: usize, lifecycle| place_file(&directory, n, lifecycle, &living.id());
    old(1, Lifecycle::Stopped);
    old(2, Lifecycle::Failed);
    old(3, Lifecycle::Ready);
    fs::write(directory.join("lockkeeper-test-00000004.json"), "broken").unwrap();
    fs::write(directory.join(".lockkeeper-test-00000005.json.00000005.tmp"), "half").unwrap();
    fs::write(directory.join("of-somebody-else.json"), "theirs").unwrap();
    let now = SystemTime::now();
    let left = |after: Duration| {
        sweep(&directory, now + after);
        place.files().len()
    };
    assert_eq!(left(Duration::from_mins(30)), 7);
    assert_eq!(left(Duration::from_hours(23)), 6, "the draft");
    assert_eq!(left(2 * day), 4, "what ended");
    assert_eq!(left(8 * day), 2, "what crashed or is broken");
    let names: Vec<_> = place.files();
    assert!(names.iter().any(|path| path.ends_with("of-somebody-else.json")));
    assert_eq!(place.list().instances.len(), 1, "the living one");
}

#[test]
fn no_more_than_two_hundred_stay() {
    let place = Place::new();
    let directory = place.0.path().join(DIRECTORY);
    let living = place.begin();
    for n in 0..300 {
        place_file(&directory, n, Lifecycle::Stopped, &living.id());
    }
    // One sweep does what it can beside calls; the next one goes on.
    for _ in 0..3 {
        sweep(&directory, SystemTime::now() + Duration::from_mins(1));
    }
    assert!(place.files().len() <= 201, "{}", place.files().len());
    assert!(place.list().instances.iter().any(|one| one.record.instance == living.id()));
}

/// A file like that of the instance `model`, which nobody keeps.
fn place_file(directory: &Path, n: usize, lifecycle: Lifecycle, model: &str) {
    let text = fs::read_to_string(directory.join(format!("{SERVER}-{model}.json"))).unwrap();
    let text = text.replace(model, &format!("{n:08x}"));
    let text = text.replace("starting", lifecycle.as_str());
    fs::write(directory.join(format!("{SERVER}-{n:08x}.json")), text).unwrap();
}

#[test]
fn metrics_tell_where_it_stands_and_who_crashed() {
    let place = Place::new();
    place.crashed("00000001", Lifecycle::Ready);
    let metrics = crate::metrics::Metrics::new(SERVER, "1", "ab12".to_owned());
    let instance = Arc::new(place.begin());
    metrics.collect(Instance::collector(&instance));
    instance.enter(Lifecycle::Ready, &Vitals::default());
    let text = metrics.text();
    let has = |text: &str, name: &str, end: &str| {
        text.lines().any(|line| line.starts_with(name) && line.ends_with(end))
    };
    assert!(has(&text, "lockkeeper_lifecycle{", "state=\"ready\"} 1"), "{text}");
    assert!(has(&text, "lockkeeper_lifecycle{", "state=\"degraded\"} 0"), "{text}");
    assert!(has(&text, "lockkeeper_crashed_instances{", "} 1"), "{text}");
    instance.enter(Lifecycle::Stopped, &Vitals::default());
    assert!(has(&metrics.text(), "lockkeeper_lifecycle{", "state=\"stopped\"} 1"));
}

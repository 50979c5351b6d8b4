//! The peers of the interop tests: real servers, clients and a browser.
//!
//! Installed programs are used. Missing ones are installed if that is allowed: Debian packages by
//! root, Python and Node packages into `target/peers` or the folder that `UPSHIFT_PEERS` names. A
//! peer that cannot be installed is reported, and the tests that need it are skipped by name.

use std::path::{Path, PathBuf};

use crate::run::{command, find, on_ci, output, root, shown, succeeds, target};
use crate::{debian, node};

/// The programs, and the Debian packages that contain them.
const PROGRAMS: &[(&str, &str)] = &[
    ("curl", "curl"),
    ("wget", "wget"),
    ("git", "git"),
    ("ruby", "ruby"),
    ("nginx", "nginx-light"),
    ("haproxy", "haproxy"),
    ("apache2", "apache2"),
    ("caddy", "caddy"),
    ("php", "php-cli"),
    ("go", "golang-go"),
    ("nghttpd", "nghttp2-server"),
    ("cupsd", "cups-daemon"),
    ("h2o", "h2o"),
    ("lighttpd", "lighttpd-mod-openssl"),
    ("nghttp", "nghttp2-client"),
    ("ab", "apache2-utils"),
    ("goaccess", "goaccess"),
    ("wrk", "wrk"),
    ("gzip", "gzip"),
    ("zstd", "zstd"),
    ("setpriv", "util-linux"),
    ("ipptool", "cups-ipp-utils"),
    ("lpstat", "cups-client"),
    ("java", "default-jdk-headless"),
    ("chromium", "chromium"),
    ("python3", "python3-venv"),
    ("prove", "perl"),
    ("systemd-socket-activate", "systemd"),
    ("prometheus", "prometheus"),
    ("promtool", "prometheus"),
    // For the fuzz targets: libFuzzer is C++.
    ("c++", "g++"),
];

/// The folder of the Python and Node packages.
pub(crate) fn folder() -> PathBuf {
    match std::env::var_os("UPSHIFT_PEERS") {
        Some(folder) => PathBuf::from(folder),
        None => target().join("peers"),
    }
}

/// The peers that were found, and those that are missing with the reason.
#[derive(Default)]
pub(crate) struct Peers {
    present: Vec<String>,
    missing: Vec<(String, String)>,
}

impl Peers {
    /// The names of the missing peers in the format of the interop tests: `nginx,chromium`.
    pub(crate) fn missing(&self) -> String {
        let names: Vec<&str> = self.missing.iter().map(|(name, _)| name.as_str()).collect();
        names.join(",")
    }

    /// Returns true if the tests may run: in CI no peer may be missing.
    pub(crate) fn suffice(&self) -> bool {
        self.missing.is_empty() || !on_ci()
    }

    /// Prints one line for all peers that were found, and one for each that is missing.
    pub(crate) fn print(&self) {
        println!("  found: {}", self.present.join(", "));
        for (name, why) in &self.missing {
            println!("  skipped: the tests that need {name}: {why}");
        }
    }

    fn add(&mut self, name: &str, found: Result<(), String>) {
        match found {
            Ok(()) => self.present.push(name.to_owned()),
            Err(why) => self.missing.push((name.to_owned(), why)),
        }
    }
}

/// Finds the peers, and installs missing ones.
pub(crate) fn set_up() -> Peers {
    let mut peers = Peers::default();
    for (program, found) in install_programs(PROGRAMS) {
        peers.add(program, found);
    }
    // Node comes out of a Python package.
    peers.add("python packages", python_packages());
    peers.add("python requests", python_requests());
    peers.add("node", node::usable_node().map(drop));
    peers.add("node packages", node_packages());
    peers
}

/// Installs those of the programs that are missing, each from its Debian package. Returns for each
/// why it is still missing, if it is.
pub(crate) fn install_programs<'p>(
    programs: &[(&'p str, &str)],
) -> Vec<(&'p str, Result<(), String>)> {
    let mut wanted = Vec::new();
    for (program, package) in programs {
        if find(program).is_none() {
            wanted.push(*package);
        }
    }
    let refused = debian::install_packages(&wanted);
    let mut results = Vec::new();
    for (program, package) in programs {
        let found = match (find(program), refused.get(*package)) {
            (Some(_), _) => Ok(()),
            (None, Some(why)) => Err(why.clone()),
            (None, None) => Err(format!("Debian's {package} does not contain it")),
        };
        results.push((*program, found));
    }
    results
}

/// Finds the peers that are installed.
pub(crate) fn find_installed() -> Peers {
    let mut peers = Peers::default();
    for (program, _) in PROGRAMS {
        peers.add(program, require(find(program).is_some()));
    }
    peers.add("python packages", require(folder().join("python/installed").is_file()));
    peers.add("python requests", require(folder().join("python-requests/installed").is_file()));
    peers.add("node", node::usable_node().map(drop));
    peers.add("node packages", require(folder().join("node/installed").is_file()));
    peers
}

fn require(is_installed: bool) -> Result<(), String> {
    if is_installed {
        return Ok(());
    }
    Err("not installed; `cargo xtask peers` sets it up".to_owned())
}

/// The Python packages of the interop tests.
fn python_packages() -> Result<(), String> {
    install_python(&root().join("interop/requirements.txt"), &folder().join("python"))
}

/// The Python packages that cannot stand beside those.
fn python_requests() -> Result<(), String> {
    let wish = root().join("interop/requirements-requests.txt");
    install_python(&wish, &folder().join("python-requests"))
}

/// Installs the Python packages that the file `wish` lists into a virtual environment.
pub(crate) fn install_python(wish: &Path, home: &Path) -> Result<(), String> {
    if up_to_date(wish, home) {
        return Ok(());
    }
    if find("python3").is_none() {
        return Err("there is no python3".to_owned());
    }
    println!("  installing Python packages into {}", shown(home));
    output(&mut command("python3", ["-m", "venv", "--clear", &home.to_string_lossy()]))?;
    let pip = home.join("bin/pip").to_string_lossy().into_owned();
    let install = [
        "install",
        "--quiet",
        "--disable-pip-version-check",
        "--requirement",
        &wish.to_string_lossy(),
    ];
    record_installed(succeeds(&mut command(&pip, install)), "pip", wish, home)
}

/// The Node packages of `interop/package.json`, as its lock file pins them.
fn node_packages() -> Result<(), String> {
    let (wish, home) = (root().join("interop/package-lock.json"), folder().join("node"));
    if up_to_date(&wish, &home) {
        return Ok(());
    }
    node::usable_node()?;
    println!("  installing Node packages into {}", shown(&home));
    copy_lists(&home).map_err(|error| format!("{}: {error}", shown(&home)))?;
    let install = ["ci", "--no-audit", "--no-fund", "--ignore-scripts", "--loglevel=error"];
    record_installed(succeeds(node::npm_command(&install)?.current_dir(&home)), "npm", &wish, &home)
}

fn copy_lists(home: &Path) -> std::io::Result<()> {
    std::fs::create_dir_all(home)?;
    for name in ["package.json", "package-lock.json"] {
        std::fs::copy(root().join("interop").join(name), home.join(name))?;
    }
    Ok(())
}

/// Returns true if the list that was installed last, `home/installed`, is the one in `wish`.
fn up_to_date(wish: &Path, home: &Path) -> bool {
    match (std::fs::read(wish), std::fs::read(home.join("installed"))) {
        (Ok(wished), Ok(installed)) => wished == installed,
        _ => false,
    }
}

/// Notes what was installed, for [`up_to_date`].
fn record_installed(
    succeeded: bool,
    program: &str,
    wish: &Path,
    home: &Path,
) -> Result<(), String> {
    if !succeeded {
        return Err(format!("{program} could not install them"));
    }
    std::fs::copy(wish, home.join("installed")).map(drop).map_err(|error| error.to_string())
}

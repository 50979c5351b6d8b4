//! The programs on the other side: real servers, clients and a browser that the interop tests talk
//! to.
//!
//! What is there is used. What is missing is installed where that is allowed: Debian packages by
//! root, Python and Node packages into `target/peers`, or the folder that `UPSHIFT_PEERS` names.
//! What cannot be had is named, and the tests that need it are skipped by name.

use std::path::{Path, PathBuf};

use crate::run::{command, find, on_ci, output, root, shown, succeeds, target};
use crate::{debian, node};

/// Programs, and the Debian packages that they come in.
const PROGRAMS: &[(&str, &str)] = &[
    ("curl", "curl"),
    ("nginx", "nginx-light"),
    ("haproxy", "haproxy"),
    ("apache2", "apache2"),
    ("caddy", "caddy"),
    ("php", "php-cli"),
    ("go", "golang-go"),
    ("nghttpd", "nghttp2-server"),
    ("cupsd", "cups-daemon"),
    ("nghttp", "nghttp2-client"),
    ("ab", "apache2-utils"),
    ("wrk", "wrk"),
    ("ipptool", "cups-ipp-utils"),
    ("lpstat", "cups-client"),
    ("java", "default-jdk-headless"),
    ("chromium", "chromium"),
    ("python3", "python3-venv"),
    ("systemd-socket-activate", "systemd"),
    // For the fuzz targets: libFuzzer is C++.
    ("c++", "g++"),
];

/// Where Python and Node packages are put.
pub(crate) fn folder() -> PathBuf {
    std::env::var_os("UPSHIFT_PEERS").map_or_else(|| target().join("peers"), PathBuf::from)
}

/// What setting up came to.
#[derive(Default)]
pub(crate) struct Peers {
    present: Vec<String>,
    missing: Vec<(String, String)>,
}

impl Peers {
    /// The names of those that cannot be had, as the interop tests want them: `nginx,chromium`.
    pub(crate) fn missing(&self) -> String {
        self.missing.iter().map(|(name, _)| name.as_str()).collect::<Vec<_>>().join(",")
    }

    /// Whether these will do: a missing one is a hole in what CI says, and no more than that
    /// elsewhere.
    pub(crate) fn suffice(&self) -> bool {
        self.missing.is_empty() || !on_ci()
    }

    /// One line for all that are there, one for each that is not.
    pub(crate) fn print(&self) {
        println!("  found: {}", self.present.join(", "));
        for (name, why) in &self.missing {
            println!("  skipped: the tests that need {name}: {why}");
        }
    }

    fn is(&mut self, name: &str, there: Result<(), String>) {
        match there {
            Ok(()) => self.present.push(name.to_owned()),
            Err(why) => self.missing.push((name.to_owned(), why)),
        }
    }
}

/// Installs what is missing and may be installed, and says so.
pub(crate) fn set_up() -> Peers {
    let missing = PROGRAMS.iter().filter(|(program, _)| find(program).is_none());
    let wanted: Vec<&str> = missing.map(|(_, package)| *package).collect();
    let refused = debian::install(&wanted);
    let mut peers = Peers::default();
    for (program, package) in PROGRAMS {
        let there = match (find(program), refused.get(*package)) {
            (Some(_), _) => Ok(()),
            (None, Some(why)) => Err(why.clone()),
            (None, None) => Err(format!("Debian's {package} did not bring it")),
        };
        peers.is(program, there);
    }
    // Node comes out of a Python package.
    peers.is("python packages", python_packages());
    peers.is("node", node::usable().map(drop));
    peers.is("node packages", node_packages());
    peers
}

/// What is there already; nothing is installed.
pub(crate) fn found() -> Peers {
    let mut peers = Peers::default();
    let how = || "not installed; `cargo xtask peers` sets it up".to_owned();
    for (program, _) in PROGRAMS {
        peers.is(program, find(program).map(drop).ok_or_else(how));
    }
    let file = |path: &str| folder().join(path).is_file().then_some(()).ok_or_else(how);
    peers.is("python packages", file("python/installed"));
    peers.is("node", node::usable().map(drop));
    peers.is("node packages", file("node/installed"));
    peers
}

/// The Python packages of the interop tests.
fn python_packages() -> Result<(), String> {
    install_python(&root().join("interop/requirements.txt"), &folder().join("python"))
}

/// Installs the Python packages that the file `wish` lists into a virtual environment.
pub(crate) fn install_python(wish: &Path, home: &Path) -> Result<(), String> {
    if up_to_date(wish, home) {
        return Ok(());
    }
    find("python3").ok_or("there is no python3")?;
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
    done(succeeds(&mut command(&pip, install)), "pip", wish, home)
}

/// The Node packages of `interop/package.json`, as its lock file pins them.
fn node_packages() -> Result<(), String> {
    let (wish, home) = (root().join("interop/package-lock.json"), folder().join("node"));
    if up_to_date(&wish, &home) {
        return Ok(());
    }
    node::usable()?;
    println!("  installing Node packages into {}", shown(&home));
    std::fs::create_dir_all(&home).map_err(|error| error.to_string())?;
    for name in ["package.json", "package-lock.json"] {
        std::fs::copy(root().join("interop").join(name), home.join(name))
            .map_err(|error| error.to_string())?;
    }
    let install = ["ci", "--no-audit", "--no-fund", "--ignore-scripts", "--loglevel=error"];
    done(succeeds(node::npm(&install)?.current_dir(&home)), "npm", &wish, &home)
}

/// `home/installed` is a copy of the list that was installed last.
fn up_to_date(wish: &Path, home: &Path) -> bool {
    let wished = std::fs::read(wish).ok();
    wished.is_some() && wished == std::fs::read(home.join("installed")).ok()
}

fn done(succeeded: bool, program: &str, wish: &Path, home: &Path) -> Result<(), String> {
    if !succeeded {
        return Err(format!("{program} could not install them"));
    }
    std::fs::copy(wish, home.join("installed")).map(drop).map_err(|error| error.to_string())
}

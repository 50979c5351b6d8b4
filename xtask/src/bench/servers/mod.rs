//! The servers that are measured side by side, each with a configuration for the same behaviour:
//! one worker on CPU 0 that refuses `X-Api-Version: 1.0` with a 426, sends WebSocket tunnels of
//! `/chat` to one upstream and all other requests to another.

mod rule_set;
mod running;

use std::io;
use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};

pub(crate) use rule_set::RuleSet;
pub(crate) use running::{RunningProgram, RunningServer, start_server, start_upstream};

use crate::peers;
use crate::run::{entries, find};

/// A program that can refuse requests in front of an upstream.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(crate) enum ServerKind {
    Upshift,
    Nginx,
    Haproxy,
    Envoy,
    Caddy,
}

impl ServerKind {
    pub(crate) const ALL: [Self; 5] =
        [Self::Upshift, Self::Nginx, Self::Haproxy, Self::Envoy, Self::Caddy];

    /// The name in tables and charts.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Upshift => "Upshift",
            Self::Nginx => "nginx",
            Self::Haproxy => "HAProxy",
            Self::Envoy => "Envoy",
            Self::Caddy => "Caddy",
        }
    }

    /// The server of a name, in any case.
    pub(crate) fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|server| server.name().eq_ignore_ascii_case(name))
    }

    /// The file of the program, if it is installed. Upshift is built from the checkout.
    pub(crate) fn find_program(self) -> Option<PathBuf> {
        match self {
            Self::Upshift => None,
            Self::Nginx => find("nginx"),
            Self::Haproxy => find("haproxy"),
            Self::Envoy => find_envoy(),
            Self::Caddy => Some(python_home().join("bin/caddy")).filter(|file| file.is_file()),
        }
    }

    /// The arguments of the program that let it serve in the foreground.
    fn arguments(self, configuration: &Path) -> Vec<String> {
        let file = configuration.to_string_lossy().into_owned();
        let (before, after): (&[&str], &[&str]) = match self {
            Self::Upshift => (&["serve", "--config"], &[]),
            Self::Nginx => (&["-c"], &[]),
            Self::Haproxy => (&["-db", "-f"], &[]),
            Self::Envoy => {
                (&["-c"], &["--concurrency", "1", "--disable-hot-restart", "--log-level", "error"])
            }
            Self::Caddy => (&["run", "--config"], &["--adapter", "caddyfile"]),
        };
        let mut arguments = Vec::new();
        arguments.extend(before.iter().map(ToString::to_string));
        arguments.push(file);
        arguments.extend(after.iter().map(ToString::to_string));
        arguments
    }

    fn configuration_template(self) -> (&'static str, &'static str) {
        match self {
            Self::Upshift => ("upshift.toml", include_str!("upshift.toml")),
            Self::Nginx => ("nginx.conf", include_str!("nginx.conf")),
            Self::Haproxy => ("haproxy.cfg", include_str!("haproxy.cfg")),
            Self::Envoy => ("envoy.yaml", include_str!("envoy.yaml")),
            Self::Caddy => ("Caddyfile", include_str!("Caddyfile")),
        }
    }
}

/// The folder of the servers that are Python packages.
pub(crate) fn python_home() -> PathBuf {
    peers::folder().join("bench")
}

fn find_envoy() -> Option<PathBuf> {
    for version in entries(&python_home().join("lib")) {
        let file = version.path().join("site-packages/envoy/_bin/envoy");
        if file.is_file() {
            return Some(file);
        }
    }
    None
}

/// The addresses and files that all configurations of a measurement refer to.
#[derive(Clone, Debug)]
pub(crate) struct Surroundings {
    /// The folder in which each server gets one of its own.
    pub(crate) folder: PathBuf,
    pub(crate) certificate: PathBuf,
    pub(crate) key: PathBuf,
    /// Both in one file, as HAProxy wants them.
    pub(crate) certificate_and_key: PathBuf,
    pub(crate) upstream: SocketAddr,
    /// The upstream of WebSocket tunnels.
    pub(crate) tunnels: SocketAddr,
    /// The binary of the gateway.
    pub(crate) gateway: PathBuf,
}

/// A port of the loopback interface that was free a moment ago.
///
/// # Errors
/// If there is none.
pub(crate) fn find_free_port() -> io::Result<u16> {
    Ok(TcpListener::bind("127.0.0.1:0")?.local_addr()?.port())
}

/// Replaces each `@name@` of a template.
fn fill_template(template: &str, values: &[(&str, String)]) -> String {
    let mut text = template.to_owned();
    for (name, value) in values {
        text = text.replace(&format!("@{name}@"), value);
    }
    text
}

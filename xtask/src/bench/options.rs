//! The flags of the benchmarks that run side by side with other servers.

use std::path::PathBuf;

use super::servers::ServerKind;
use crate::run::{command, root, succeeds, target};

/// The use of the counts that were measured.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(crate) enum CountsUse {
    #[default]
    Report,
    /// Fail if a count is above its limit.
    Gate,
    /// Write the counts as limits.
    Update,
}

/// The flags of a run.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct BenchOptions {
    pub(crate) rounds: usize,
    pub(crate) servers: Vec<ServerKind>,
    /// The binary of the gateway; left out: it is built from the checkout.
    gateway: Option<PathBuf>,
    /// Write the results into docs/performance.md.
    pub(crate) writes: bool,
    pub(crate) counts: CountsUse,
}

impl BenchOptions {
    /// Reads flags.
    ///
    /// # Errors
    /// If one is unknown, or has no valid value.
    pub(crate) fn parse(words: &[&str]) -> Result<Self, String> {
        let mut options = Self {
            rounds: 9,
            servers: ServerKind::ALL.to_vec(),
            gateway: None,
            writes: false,
            counts: CountsUse::Report,
        };
        let mut rest = words.iter().copied();
        while let Some(flag) = rest.next() {
            match flag {
                "--write" => options.writes = true,
                "--gate" => options.count_own(CountsUse::Gate),
                "--update" => options.count_own(CountsUse::Update),
                "--rounds" => options.rounds = parse_rounds(rest.next())?,
                "--only" => options.servers = parse_servers(rest.next())?,
                "--exe" => options.gateway = Some(parse_file(rest.next())?),
                _ => return Err(format!("unknown flag {flag}; see `cargo xtask help`")),
            }
        }
        Ok(options)
    }

    /// Counts Upshift alone: the limits are for no other server.
    fn count_own(&mut self, counts: CountsUse) {
        self.counts = counts;
        self.servers = vec![ServerKind::Upshift];
    }

    /// The binary of the gateway, built if no other one is named.
    ///
    /// # Errors
    /// If it does not build.
    pub(crate) fn find_gateway(&self) -> Result<PathBuf, String> {
        if let Some(file) = &self.gateway {
            return Ok(file.clone());
        }
        let build = ["build", "--quiet", "--release", "--package", "upshift"];
        if succeeds(&mut command("cargo", build)) {
            Ok(target().join("release/upshift"))
        } else {
            Err("the gateway does not build".to_owned())
        }
    }
}

fn parse_rounds(value: Option<&str>) -> Result<usize, String> {
    match value.unwrap_or_default().parse() {
        Ok(rounds) if rounds > 0 => Ok(rounds),
        _ => Err("--rounds needs a number above 0".to_owned()),
    }
}

fn parse_servers(value: Option<&str>) -> Result<Vec<ServerKind>, String> {
    let mut servers = Vec::new();
    for name in value.unwrap_or_default().split(',') {
        let Some(server) = ServerKind::parse(name) else {
            let known = ServerKind::ALL.map(|server| server.name().to_lowercase());
            return Err(format!("--only {name}: not one of {}", known.join(", ")));
        };
        servers.push(server);
    }
    // Tables and turns are in the order of the declaration.
    servers.sort_unstable();
    servers.dedup();
    Ok(servers)
}

fn parse_file(value: Option<&str>) -> Result<PathBuf, String> {
    let file = root().join(value.unwrap_or_default());
    if file.is_file() {
        return Ok(file);
    }
    Err(format!("--exe needs the file of a gateway, and {} is none", file.display()))
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test that fails here has failed")]

    use super::*;

    #[test]
    fn flags_change_the_defaults() {
        let options =
            BenchOptions::parse(&["--gate", "--rounds", "3", "--only", "nginx,upshift"]).unwrap();
        assert_eq!(options.rounds, 3);
        assert_eq!(options.servers, [ServerKind::Upshift, ServerKind::Nginx]);
        assert_eq!((options.counts, options.writes), (CountsUse::Gate, false));
        let gate = BenchOptions::parse(&["--gate"]).unwrap();
        assert_eq!(gate.servers, [ServerKind::Upshift]);
    }

    #[test]
    fn a_wrong_flag_says_what_is_possible() {
        let error = BenchOptions::parse(&["--only", "iis"]).unwrap_err();
        assert_eq!(error, "--only iis: not one of upshift, nginx, haproxy, envoy, caddy");
        assert!(BenchOptions::parse(&["--rounds", "0"]).is_err());
        assert!(BenchOptions::parse(&["--exe", "no/such/file"]).is_err());
    }
}

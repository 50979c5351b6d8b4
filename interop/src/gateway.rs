//! The built binary: `upshift serve` in the background, and its other verbs.

use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::program::until;
use crate::{Output, Program, Reply, Scratch, run};

/// An `upshift serve` that runs as long as this value.
#[derive(Debug)]
pub struct Gateway {
    program: Program,
    http: SocketAddr,
    https: SocketAddr,
    admin: SocketAddr,
    folder: Scratch,
}

impl Gateway {
    /// In front of `upstream`, with these rules.
    pub fn start(upstream: SocketAddr, rules: &str) -> Self {
        Self::with(upstream, "", rules, &[])
    }

    /// The same, with more lines in `[gateway]` and more arguments.
    ///
    /// # Panics
    /// If it does not start and say where it listens.
    pub fn with(upstream: SocketAddr, gateway: &str, rules: &str, arguments: &[&str]) -> Self {
        Self::launch(Command::new(binary()), &policy_file(upstream, gateway, rules), arguments)
    }

    /// The same as [`Self::start`], with at most so many descriptors.
    ///
    /// # Panics
    /// If it does not start and say where it listens.
    pub fn with_descriptors(upstream: SocketAddr, rules: &str, most: usize) -> Self {
        Self::after(&format!("ulimit -n {most}"), upstream, "", rules)
    }

    /// The same as [`Self::with`], started by a shell that has run `first`: `ulimit -f 0`.
    ///
    /// # Panics
    /// If it does not start and say where it listens.
    pub fn after(first: &str, upstream: SocketAddr, gateway: &str, rules: &str) -> Self {
        let mut command = Command::new("sh");
        command.args(["-c", &format!("{first} && exec \"$0\" \"$@\"")]).arg(binary());
        Self::launch(command, &policy_file(upstream, gateway, rules), &[])
    }

    /// A second process at the addresses of `first`, with its policy and its store.
    ///
    /// # Panics
    /// If it does not start and say where it listens.
    pub fn beside(first: &Self, arguments: &[&str]) -> Self {
        let store = format!("[gateway]\nstore = \"{}\"\n", first.store().display());
        let policy = first.policy_with_addresses().replace("[gateway]\n", &store);
        Self::launch(Command::new(binary()), &policy, arguments)
    }

    /// The store of a gateway whose policy names none.
    pub fn store(&self) -> PathBuf {
        self.folder.path().join("upshift.db")
    }

    /// The policy file, with the addresses that were bound in place of those that were asked for.
    ///
    /// # Panics
    /// If the file cannot be read.
    pub fn policy_with_addresses(&self) -> String {
        let mut policy =
            std::fs::read_to_string(self.file()).unwrap_or_else(|error| panic!("{error}"));
        for (key, address) in [("http", self.http), ("https", self.https), ("admin", self.admin)] {
            policy = policy.replace(
                &format!("\n{key} = \"127.0.0.1:0\""),
                &format!("\n{key} = \"{address}\""),
            );
        }
        policy
    }

    /// Runs a gateway that is not expected to serve, to its end.
    pub fn fails(upstream: SocketAddr, gateway: &str, rules: &str) -> Output {
        let folder = Scratch::new();
        let file = folder.file("upshift.toml", policy_file(upstream, gateway, rules));
        upshift(&["serve", "--config", &file.to_string_lossy()])
    }

    fn launch(mut command: Command, policy: &str, arguments: &[&str]) -> Self {
        let folder = Scratch::new();
        let file = folder.file("upshift.toml", policy);
        command.args(["serve", "--config", &file.to_string_lossy()]).args(arguments);
        // What a person's environment could change is taken away.
        for variable in ["UPSHIFT_CONFIG", "UPSHIFT_ADMIN", "UPSHIFT_TOKEN", "RUST_LOG"] {
            command.env_remove(variable);
        }
        command.env("NO_COLOR", "1");
        let mut program = Program::start(command);
        let http = program.wait_for("address for http", |lines| printed(lines, "http://", false));
        let https =
            program.wait_for("address for https", |lines| printed(lines, "https://", false));
        let admin = program.wait_for("address for admin", |lines| printed(lines, "http://", true));
        until("the gateway", || TcpStream::connect(http).ok());
        Self { program, http, https, admin, folder }
    }

    /// The cleartext listener.
    pub fn http(&self) -> SocketAddr {
        self.http
    }

    /// Where it listens with TLS.
    pub fn https(&self) -> SocketAddr {
        self.https
    }

    /// Where its admin listener is.
    pub fn admin(&self) -> SocketAddr {
        self.admin
    }

    /// `http://…` for a path.
    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.http)
    }

    /// `https://…` for a path.
    pub fn secure_url(&self, path: &str) -> String {
        format!("https://{}{path}", self.https)
    }

    /// The process.
    pub fn program(&mut self) -> &mut Program {
        &mut self.program
    }

    /// Sends it a signal: `TERM`.
    pub fn signal(&self, name: &str) {
        self.program.signal(name);
    }

    /// The descriptors that it has open.
    ///
    /// # Panics
    /// If the kernel does not say.
    pub fn descriptors(&self) -> usize {
        let path = format!("/proc/{}/fd", self.program.id());
        let open = std::fs::read_dir(&path).unwrap_or_else(|error| panic!("{path}: {error}"));
        open.count()
    }

    /// The file that it was started with.
    pub fn file(&self) -> PathBuf {
        self.folder.path().join("upshift.toml")
    }

    /// What the admin listener answers.
    pub fn ask_admin(&self, path: &str) -> Reply {
        let request =
            format!("GET {path} HTTP/1.1\r\nHost: {}\r\nConnection: close\r\n\r\n", self.admin);
        crate::exchange(self.admin, request.as_bytes(), false).0
    }

    /// What `curl --include` with these arguments prints, the last being a URL.
    pub fn curl(&self, arguments: &[&str]) -> Reply {
        let words: Vec<&str> =
            ["--silent", "--show-error", "--include", "--insecure", "--max-time", "60"]
                .iter()
                .chain(arguments)
                .copied()
                .collect();
        Reply::read(run("curl", &words).ok().as_bytes())
    }
}

/// Runs the binary to its end.
pub fn upshift(arguments: &[&str]) -> Output {
    run(&binary().to_string_lossy(), arguments)
}

/// The decision record of `upshift explain --json` with these rules.
///
/// # Panics
/// If it prints no JSON.
pub fn explain(rules: &str, arguments: &[&str]) -> serde_json::Value {
    explain_with("", rules, arguments)
}

/// The same, with more lines in `[gateway]`.
///
/// # Panics
/// If it prints no JSON.
pub fn explain_with(gateway: &str, rules: &str, arguments: &[&str]) -> serde_json::Value {
    let folder = Scratch::new();
    let nowhere = SocketAddr::from(([127, 0, 0, 1], 9));
    let file = folder
        .file("upshift.toml", policy_file(nowhere, gateway, rules))
        .to_string_lossy()
        .into_owned();
    let words: Vec<&str> =
        ["explain", "--json", "--config", &file].iter().chain(arguments).copied().collect();
    let text = upshift(&words).ok();
    serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error}: {text}"))
}

fn policy_file(upstream: SocketAddr, gateway: &str, rules: &str) -> String {
    format!(
        "[gateway]\nhttp = \"127.0.0.1:0\"\nhttps = \"127.0.0.1:0\"\nadmin = \"127.0.0.1:0\"\n\
         upstream = \"http://{upstream}\"\n{gateway}\n{rules}\n"
    )
}

/// The binary that Cargo built beside these tests, or the one that is named.
///
/// # Panics
/// If there is none.
pub fn binary() -> PathBuf {
    if let Some(named) = std::env::var_os("UPSHIFT_BIN") {
        return named.into();
    }
    let test = std::env::current_exe().unwrap_or_default();
    let built = test.ancestors().nth(2).unwrap_or_else(|| Path::new(".")).join("upshift");
    assert!(built.is_file(), "{} is not built: cargo build -p upshift", built.display());
    built
}

/// The address behind `scheme` in a line that is, or is not, about the admin listener.
fn printed(lines: &[String], scheme: &str, admin: bool) -> Option<SocketAddr> {
    let about = lines.iter().filter(|line| line.to_ascii_lowercase().contains("admin") == admin);
    about
        .flat_map(|line| line.match_indices(scheme).map(|(at, _)| &line[at + scheme.len()..]))
        .find_map(|rest| {
            let end = rest
                .find(|c: char| !c.is_ascii_hexdigit() && !".:[]".contains(c))
                .unwrap_or(rest.len());
            rest[..end].parse().ok()
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_read_from_what_is_printed() {
        let lines = [
            "listening on http://127.0.0.1:4001 and https://127.0.0.1:4002",
            "admin on http://127.0.0.1:4003/",
        ];
        let lines = lines.map(str::to_owned);
        assert_eq!(printed(&lines, "http://", false).map(|to| to.port()), Some(4001));
        assert_eq!(printed(&lines, "https://", false).map(|to| to.port()), Some(4002));
        assert_eq!(printed(&lines, "http://", true).map(|to| to.port()), Some(4003));
    }
}

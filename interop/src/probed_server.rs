//! Real servers as they come, for `upshift probe`.

use std::net::{SocketAddr, TcpStream};
use std::path::PathBuf;
use std::process::Command;

use serde_json::Value;

use crate::path_server::find_port;
use crate::program::until;
use crate::script::fill_in;
use crate::{
    Certificate, EchoOrigin, Gateway, Output, Program, Scratch, envoy, find, free_port, run,
    start_script, upshift,
};

/// The names of the servers, in the order of docs/league/servers.md, and the peers that each needs.
pub const PROBED_SERVERS: [(&str, &[&str]); 13] = [
    ("nginx", &["nginx"]),
    ("Apache", &["apache2"]),
    ("HAProxy", &["haproxy"]),
    ("Caddy", &["caddy"]),
    ("Envoy", &["python packages"]),
    ("h2o", &["h2o"]),
    ("lighttpd", &["lighttpd"]),
    ("nghttpd", &["nghttpd"]),
    ("CUPS", &["cupsd"]),
    ("Node ws", &["node", "node packages"]),
    ("Python websockets", &["python packages"]),
    ("Python http.server", &["python packages"]),
    ("Upshift", &[]),
];

/// A server that is probed, as long as this value.
#[derive(Debug)]
pub struct ProbedServer {
    http: SocketAddr,
    https: Option<SocketAddr>,
    _programs: Vec<Program>,
    _gateway: Option<(Gateway, EchoOrigin)>,
    _files: (Scratch, Certificate),
}

/// What a configuration of a server needs.
struct Setup {
    folder: Scratch,
    certificate: Certificate,
    http: SocketAddr,
    https: SocketAddr,
}

impl ProbedServer {
    /// Starts a server of [`PROBED_SERVERS`].
    ///
    /// # Panics
    /// If there is none of that name, or if it does not start.
    pub fn start(name: &str) -> Self {
        let setup = Setup::new();
        match name {
            "nginx" => setup.start_nginx("nginx.conf", true, &[]),
            "Apache" => setup.start_configured("apache2", &["-X", "-f"], "apache.conf"),
            "HAProxy" => setup.start_configured("haproxy", &["-db", "-f"], "haproxy.cfg"),
            "Caddy" => setup.start_configured(
                "caddy",
                &["run", "--adapter", "caddyfile", "--config"],
                "caddy.caddyfile",
            ),
            "Envoy" => setup.start_envoy(),
            "h2o" => setup.start_configured("h2o", &["-c"], "h2o.conf"),
            "lighttpd" => setup.start_configured("lighttpd", &["-D", "-f"], "lighttpd.conf"),
            "nghttpd" => setup.start_nghttpd(),
            "CUPS" => setup.start_cups(),
            "Node ws" => setup.start_reporting("ws_server.cjs", "ws"),
            "Python websockets" => setup.start_reporting("websockets_server.py", "websockets"),
            "Python http.server" => setup.start_reporting("python_server.py", "http.server"),
            "Upshift" => setup.start_upshift(),
            other => panic!("no server to probe is called {other}"),
        }
    }

    /// Starts an nginx in front of another server that passes on no offers to switch, and speaks
    /// HTTP/1.0 with it at `/old/`.
    pub fn nginx_before(upstream: SocketAddr) -> Self {
        let places = [("@upstream@", upstream.to_string())];
        Setup::new().start_nginx("nginx_proxy.conf", false, &places)
    }

    /// Where it listens without TLS.
    pub fn http(&self) -> SocketAddr {
        self.http
    }

    /// The address of its TLS port.
    ///
    /// # Panics
    /// If it does not.
    pub fn https(&self) -> SocketAddr {
        self.https.unwrap_or_else(|| panic!("this server has no TLS"))
    }

    /// The report of `upshift probe --json` of `/`, and its exit code.
    pub fn probe(&self) -> (Value, i32) {
        self.probe_path("/")
    }

    /// The same for another path.
    pub fn probe_path(&self, path: &str) -> (Value, i32) {
        let url = format!("http://{}{path}", self.http);
        let mut words = vec!["probe".to_owned(), "--json".to_owned(), url];
        // For a busy machine. An answer that comes late would change the matrix.
        words.extend(["--timeout=8s", "--connect-timeout=8s"].map(str::to_owned));
        if let Some(https) = self.https {
            words.push(format!("--tls-port={}", https.port()));
        }
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        read_report(&upshift(&words))
    }
}

/// The report in the output of `upshift probe --json`, and the exit code.
///
/// # Panics
/// If it printed no JSON.
pub fn read_report(output: &Output) -> (Value, i32) {
    let report = serde_json::from_str(&output.stdout)
        .unwrap_or_else(|error| panic!("{error}: {}{}", output.stdout, output.stderr));
    (report, output.code)
}

impl Setup {
    fn new() -> Self {
        let folder = Scratch::new();
        for name in ["files", "spool", "temporary", "ssl"] {
            let made = std::fs::create_dir_all(folder.path().join(name));
            made.unwrap_or_else(|error| panic!("{name}: {error}"));
        }
        folder.file("files/index.html", "<!doctype html><title>well</title><p>well\n");
        Self { folder, certificate: Certificate::new(), http: free_port(), https: free_port() }
    }

    fn configuration(&self, name: &str, more: &[(&str, String)]) -> PathBuf {
        let path_of = |path: &std::path::Path| path.to_string_lossy().into_owned();
        let read = |path: &std::path::Path| {
            std::fs::read_to_string(path)
                .unwrap_or_else(|error| panic!("{}: {error}", path.display()))
        };
        let (certificate, key) = (self.certificate.file(), self.certificate.key());
        let both = self.folder.file("both.pem", read(certificate) + &read(key));
        let root = path_of(self.folder.path());
        let mut places = vec![
            ("@http@", self.http.port().to_string()),
            ("@https@", self.https.port().to_string()),
            ("@certificate_and_key@", path_of(&both)),
            ("@certificate@", path_of(certificate)),
            ("@key@", path_of(key)),
            ("@files@", format!("{root}/files")),
            ("@folder@", root),
        ];
        places.extend(more.iter().cloned());
        let written = fill_in(&format!("probe/{name}"), &self.folder, &places);
        // A server may need two files.
        let own = self.folder.path().join(name);
        std::fs::rename(&written, &own).unwrap_or_else(|error| panic!("{name}: {error}"));
        own
    }

    /// Starts a program whose last argument is its configuration.
    fn start_configured(
        self,
        program: &str,
        arguments: &[&str],
        configuration: &str,
    ) -> ProbedServer {
        let file = self.configuration(configuration, &[]);
        let mut command = self.command(program);
        command.args(arguments).arg(file);
        self.started(vec![Program::start(command)], true)
    }

    fn start_nginx(self, name: &str, has_tls: bool, places: &[(&str, String)]) -> ProbedServer {
        let file = self.configuration(name, places);
        let mut command = self.command("nginx");
        command.arg("-p").arg(self.folder.path()).args(["-e", "stderr", "-c"]).arg(file);
        self.started(vec![Program::start(command)], has_tls)
    }

    fn start_envoy(self) -> ProbedServer {
        let file = self.configuration("envoy.yaml", &[]);
        let mut command = Command::new(envoy().unwrap_or_else(|| "envoy".into()));
        // Without hot restarts, for which several of them would share memory.
        command
            .args(["--disable-hot-restart", "--concurrency", "1", "-l", "error", "-c"])
            .arg(file);
        self.started(vec![Program::start(command)], true)
    }

    /// One process for cleartext and one for TLS, as it has no listener for both.
    fn start_nghttpd(self) -> ProbedServer {
        let htdocs = self.folder.path().join("files").to_string_lossy().into_owned();
        let common = ["--address=127.0.0.1", "--htdocs", &htdocs];
        let mut cleartext = self.command("nghttpd");
        cleartext.args(common).arg("--no-tls").arg(self.http.port().to_string());
        let mut tls = self.command("nghttpd");
        tls.args(common).arg(self.https.port().to_string());
        tls.arg(self.certificate.key()).arg(self.certificate.file());
        self.started(vec![Program::start(cleartext), Program::start(tls)], true)
    }

    fn start_cups(self) -> ProbedServer {
        let files = self.configuration("cups_files.conf", &[]);
        let file = self.configuration("cupsd.conf", &[]);
        let mut command = self.command("cupsd");
        command.args(["-f", "-c"]).arg(file).arg("-s").arg(files);
        self.started(vec![Program::start(command)], false)
    }

    /// Starts a script that prints its port.
    fn start_reporting(mut self, script: &str, name: &str) -> ProbedServer {
        let files = self.folder.path().join("files").to_string_lossy().into_owned();
        let program = start_script(&format!("probe/{script}"), &[&files]);
        let (address, program) = find_port(program, name);
        self.http = address;
        self.started(vec![program], false)
    }

    /// A gateway with a rule.
    fn start_upshift(mut self) -> ProbedServer {
        let origin = EchoOrigin::start();
        let rule = "[[rule]]\nid = \"needs-tls\"\npaths = [\"/**\"]\nrequire = { tls = \"1.2\" }\n";
        let keys = "http3 = true\nh2c-upgrade = true\n";
        let gateway = Gateway::with(origin.address(), keys, rule, &[]);
        (self.http, self.https) = (gateway.http(), gateway.https());
        let mut server = self.started(Vec::new(), true);
        server._gateway = Some((gateway, origin));
        server
    }

    fn command(&self, program: &str) -> Command {
        let mut command = Command::new(find(program).unwrap_or_else(|| program.into()));
        // Caddy keeps its state in the home folder.
        for variable in ["HOME", "XDG_CONFIG_HOME", "XDG_DATA_HOME"] {
            command.env(variable, self.folder.path());
        }
        command
    }

    fn started(self, programs: Vec<Program>, has_tls: bool) -> ProbedServer {
        let Self { folder, certificate, http, https } = self;
        until("the server", || TcpStream::connect(http).ok());
        if has_tls {
            until("the server with TLS", || TcpStream::connect(https).ok());
        }
        ProbedServer {
            http,
            https: has_tls.then_some(https),
            _programs: programs,
            _gateway: None,
            _files: (folder, certificate),
        }
    }
}

/// The version of a server, in its own words; empty if it does not tell.
pub fn server_version(name: &str) -> String {
    let (program, argument) = match name {
        "nginx" => ("nginx", "-v"),
        "Apache" => ("apache2", "-v"),
        "HAProxy" => ("haproxy", "-v"),
        "Caddy" => ("caddy", "version"),
        "h2o" => ("h2o", "--version"),
        "lighttpd" => ("lighttpd", "-v"),
        "nghttpd" => ("nghttpd", "--version"),
        _ => return package_version(name),
    };
    let output = run(program, &[argument]);
    first_number(&(output.stdout + &output.stderr))
}

fn package_version(name: &str) -> String {
    match name {
        "Envoy" => {
            let binary = envoy().unwrap_or_else(|| "envoy".into());
            let text = run(&binary.to_string_lossy(), &["--version"]).stdout;
            // `…/envoy  version: <hash>/1.40.0/Clean/…`.
            let versions = text.split("version: ").nth(1).unwrap_or_default();
            first_number(versions.split('/').nth(1).unwrap_or_default())
        }
        // It does not tell itself.
        "CUPS" => {
            let query = ["-W", "-f", "${Version}", "cups-daemon"];
            first_number(&run("dpkg-query", &query).stdout)
        }
        "Node ws" => {
            let program = "import { createRequire } from \"node:module\";\
                console.log(createRequire(import.meta.url)(\"ws/package.json\").version);";
            crate::node(program, &[]).stdout.trim().to_owned()
        }
        "Python websockets" => {
            let program = "import websockets; print(websockets.__version__)";
            crate::python(program, &[]).stdout.trim().to_owned()
        }
        "Python http.server" => {
            let program = "import platform; print(platform.python_version())";
            crate::python(program, &[]).stdout.trim().to_owned()
        }
        _ => first_number(&upshift(&["--version"]).stdout),
    }
}

/// The first word that begins with a digit, after a `/` or a `v` too.
fn first_number(text: &str) -> String {
    for word in text.split(|separator: char| separator.is_whitespace() || separator == '/') {
        let word = word.trim_start_matches('v');
        if word.starts_with(|first: char| first.is_ascii_digit()) && word.contains('.') {
            let end = word.find(|c: char| c != '.' && !c.is_ascii_digit()).unwrap_or(word.len());
            return word[..end].to_owned();
        }
    }
    String::new()
}

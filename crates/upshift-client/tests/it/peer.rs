//! A server made of a bare socket: it reads one request after another and answers each with bytes.

#![expect(clippy::unwrap_used, reason = "a peer that fails here fails its test")]

use std::net::SocketAddr;
use std::sync::{Arc, LazyLock, Mutex};

use rustls::ServerConfig;
use rustls::pki_types::PrivateKeyDer;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;
use tokio_rustls::TlsAcceptor;

/// What a peer has read.
#[derive(Clone, Debug)]
pub(crate) struct Seen {
    pub(crate) tls: bool,
    pub(crate) head: String,
    pub(crate) body: Vec<u8>,
}

/// A peer; it ends when it is dropped.
pub(crate) struct Peer {
    address: SocketAddr,
    seen: Arc<Mutex<Vec<Seen>>>,
    task: JoinHandle<()>,
}

type Answer = dyn Fn(&str, bool) -> Vec<u8> + Send + Sync;

#[derive(Clone, Copy, PartialEq, Eq)]
enum Manner {
    /// Answers when the request is read whole.
    Polite,
    /// Answers when the head is read, and closes.
    Hasty,
    /// Answers and keeps the connection open without reading on.
    Open,
    /// Switches to TLS on `OPTIONS *` by 101.
    InBand,
}

/// TLS for `127.0.0.1`.
pub(crate) static TLS: LazyLock<TlsAcceptor> = LazyLock::new(|| {
    let signed = rcgen::generate_simple_self_signed(vec!["127.0.0.1".into()]).unwrap();
    let key = PrivateKeyDer::try_from(signed.signing_key.serialize_der()).unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap();
    TlsAcceptor::from(Arc::new(
        config.with_no_client_auth().with_single_cert(vec![signed.cert.into()], key).unwrap(),
    ))
});

impl Peer {
    /// Answers by what it reads and whether it came over TLS. Clear and TLS share the port.
    pub(crate) async fn new(
        answer: impl Fn(&str, bool) -> Vec<u8> + Send + Sync + 'static,
    ) -> Self {
        Self::start(Arc::new(answer), Manner::Polite).await
    }

    /// Always the same; speaks no TLS.
    pub(crate) async fn always(answer: &str) -> Self {
        let answer = answer.as_bytes().to_vec();
        Self::new(move |_, tls| if tls { Vec::new() } else { answer.clone() }).await
    }

    /// One answer in clear, another over TLS.
    pub(crate) async fn either(clear: &str, secure: &str) -> Self {
        let (clear, secure) = (clear.as_bytes().to_vec(), secure.as_bytes().to_vec());
        Self::new(move |_, tls| if tls { secure.clone() } else { clear.clone() }).await
    }

    /// As [`either`](Self::either), but TLS begins by a 101 on the clear connection.
    pub(crate) async fn in_band(clear: &str, secure: &str) -> Self {
        let (clear, secure) = (clear.as_bytes().to_vec(), secure.as_bytes().to_vec());
        let answer = move |_: &str, tls: bool| if tls { secure.clone() } else { clear.clone() };
        Self::start(Arc::new(answer), Manner::InBand).await
    }

    /// Answers before the body and closes at once.
    pub(crate) async fn hasty(answer: &str) -> Self {
        let answer = answer.as_bytes().to_vec();
        Self::start(Arc::new(move |_: &str, _: bool| answer.clone()), Manner::Hasty).await
    }

    /// Answers and never closes.
    pub(crate) async fn open(answer: &str) -> Self {
        let answer = answer.as_bytes().to_vec();
        Self::start(Arc::new(move |_: &str, _: bool| answer.clone()), Manner::Open).await
    }

    async fn start(answer: Arc<Answer>, manner: Manner) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let seen = Arc::new(Mutex::new(Vec::new()));
        let all = Arc::clone(&seen);
        let task = tokio::spawn(async move {
            while let Ok((tcp, _)) = listener.accept().await {
                let talk = Talk { answer: Arc::clone(&answer), seen: Arc::clone(&all), manner };
                tokio::spawn(talk.run(tcp));
            }
        });
        Self { address, seen, task }
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// What it has read so far.
    pub(crate) fn requests(&self) -> Vec<Seen> {
        self.seen.lock().unwrap().clone()
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        self.task.abort();
    }
}

struct Talk {
    answer: Arc<Answer>,
    seen: Arc<Mutex<Vec<Seen>>>,
    manner: Manner,
}

impl Talk {
    async fn run(self, tcp: TcpStream) {
        let mut first = [0];
        let tls = matches!(tcp.peek(&mut first).await, Ok(1)) && first[0] == 0x16;
        if tls {
            // A peer that has no answer over TLS does not speak it.
            if !(self.answer)("", true).is_empty()
                && let Ok(stream) = TLS.accept(tcp).await
            {
                drop(self.talk(stream, true).await);
            }
        } else {
            drop(self.clear(tcp).await);
        }
    }

    async fn clear(&self, mut tcp: TcpStream) -> std::io::Result<()> {
        if self.manner != Manner::InBand {
            return self.talk(tcp, false).await;
        }
        loop {
            let request = read(&mut tcp, true).await?;
            let switches = request.0.starts_with("OPTIONS *");
            self.note(&request, false);
            if !switches {
                tcp.write_all(&(self.answer)(&request.0, false)).await?;
                continue;
            }
            tcp.write_all(
                b"HTTP/1.1 101 S\r\nUpgrade: TLS/1.2, HTTP/1.1\r\nConnection: Upgrade\r\n\r\n",
            )
            .await?;
            let mut stream = TLS.accept(tcp).await?;
            // The response to OPTIONS is owed inside TLS.
            stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n").await?;
            return self.talk(stream, true).await;
        }
    }

    async fn talk<S: AsyncRead + AsyncWrite + Unpin>(
        &self,
        mut stream: S,
        tls: bool,
    ) -> std::io::Result<()> {
        loop {
            let request = read(&mut stream, self.manner != Manner::Hasty).await?;
            self.note(&request, tls);
            stream.write_all(&(self.answer)(&request.0, tls)).await?;
            stream.flush().await?;
            match self.manner {
                Manner::Hasty => return stream.shutdown().await,
                Manner::Open => std::future::pending().await,
                Manner::Polite | Manner::InBand => {}
            }
        }
    }

    fn note(&self, (head, body): &(String, Vec<u8>), tls: bool) {
        self.seen.lock().unwrap().push(Seen { tls, head: head.clone(), body: body.clone() });
    }
}

/// One request: its head, and its body if it is waited for.
async fn read<S: AsyncRead + Unpin>(
    stream: &mut S,
    whole: bool,
) -> std::io::Result<(String, Vec<u8>)> {
    let mut bytes = Vec::new();
    let end = loop {
        if let Some(at) = bytes.windows(4).position(|four| four == b"\r\n\r\n") {
            break at + 4;
        }
        if stream.read_buf(&mut bytes).await? == 0 || bytes.len() > 1 << 20 {
            return Err(std::io::ErrorKind::UnexpectedEof.into());
        }
    };
    let mut body = bytes.split_off(end);
    let head = String::from_utf8_lossy(&bytes).into_owned();
    let length = head
        .to_ascii_lowercase()
        .lines()
        .find_map(|line| line.strip_prefix("content-length:")?.trim().parse().ok());
    while whole && body.len() < length.unwrap_or(0) {
        if stream.read_buf(&mut body).await? == 0 {
            break;
        }
    }
    Ok((head, body))
}

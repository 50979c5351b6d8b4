//! HTTP/3 (RFC 9114) on quinn. 0-RTT is off: what it sends can be replayed by anybody on the way.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use bytes::{Buf, Bytes};
use h3::client::{RequestStream, SendRequest};
use h3_quinn::{OpenStreams, RecvStream, SendStream};
use http::header::{CONNECTION, HOST, UPGRADE};
use http::{Request, Response};
use http_body::Frame;
use http_body_util::BodyExt;
use quinn::crypto::rustls::QuicClientConfig;
use tokio::sync::Mutex;
use upshift_core::{TlsState, TlsVersion};

use crate::connect::{PATIENCE, Trust, tls_config};
use crate::transport::Incoming;
use crate::{Body, BoxError, ConnectionInfo};

type Sender = SendRequest<OpenStreams, Bytes>;

/// Open HTTP/3 connections by host and UDP port.
pub(crate) struct Connections {
    trust: Trust,
    open: Mutex<HashMap<(String, u16), Sender>>,
}

impl Connections {
    pub(crate) fn new(trust: Trust) -> Self {
        Self { trust, open: Mutex::default() }
    }

    /// Sends a request to its host, at `port` or else that of its URL.
    pub(crate) async fn send(&self, request: Request<Body>, port: Option<u16>) -> Result<Response<Incoming>, BoxError> {
        let uri = request.uri();
        let host = uri.host().ok_or("the URL names no host")?.to_owned();
        let port = port.or(uri.port_u16()).unwrap_or(443);
        let (parts, body) = request.into_parts();
        let mut head = Request::from_parts(parts, ());
        // RFC 9114 §4.2: a field that is about the connection makes the message malformed.
        for name in [HOST, CONNECTION, UPGRADE] {
            head.headers_mut().remove(name);
        }
        *head.version_mut() = http::Version::HTTP_3;
        let stream = match self.pooled(&host, port).await {
            Some(mut sender) => match sender.send_request(head.clone()).await {
                Ok(stream) => stream,
                // Closed while it lay there: nothing was sent, so a new one is asked.
                Err(_) => self.connect(&host, port).await?.send_request(head).await?,
            },
            None => self.connect(&host, port).await?.send_request(head).await?,
        };
        exchange(stream, body).await
    }

    async fn pooled(&self, host: &str, port: u16) -> Option<Sender> {
        self.open.lock().await.get(&(host.to_owned(), port)).cloned()
    }

    async fn connect(&self, host: &str, port: u16) -> Result<Sender, BoxError> {
        let mut config = tls_config(&self.trust, Some(TlsVersion::V1_3), &[b"h3"])?;
        config.enable_early_data = false;
        let config = quinn::ClientConfig::new(Arc::new(QuicClientConfig::try_from(config)?));
        let name = host.trim_start_matches('[').trim_end_matches(']');
        let mut failure: BoxError = format!("{name} has no address").into();
        for address in tokio::net::lookup_host((name, port)).await? {
            match tokio::time::timeout(PATIENCE, open(address, name, config.clone())).await {
                Ok(Ok(sender)) => {
                    self.open.lock().await.insert((host.to_owned(), port), sender.clone());
                    return Ok(sender);
                }
                Ok(Err(error)) => failure = error,
                Err(_) => failure = format!("{address} does not answer over QUIC").into(),
            }
        }
        Err(failure)
    }
}

async fn open(address: SocketAddr, name: &str, config: quinn::ClientConfig) -> Result<Sender, BoxError> {
    let any: SocketAddr = if address.is_ipv4() { ([0, 0, 0, 0], 0).into() } else { ([0_u16; 8], 0).into() };
    let endpoint = quinn::Endpoint::client(any)?;
    let connection = endpoint.connect_with(config, address, name)?.await?;
    let (mut driver, sender) = h3::client::new(h3_quinn::Connection::new(connection)).await?;
    // Runs until the server closes, or the last sender is dropped.
    tokio::spawn(async move {
        std::future::poll_fn(|cx| driver.poll_close(cx)).await;
        endpoint.wait_idle().await;
    });
    Ok(sender)
}

/// Sends the body while the answer may already come: a refusal does not wait for it.
async fn exchange(
    stream: RequestStream<h3_quinn::BidiStream<Bytes>, Bytes>,
    body: Body,
) -> Result<Response<Incoming>, BoxError> {
    let (send, mut receive) = stream.split();
    let sending = tokio::spawn(upload(send, body));
    let response = receive.recv_response().await;
    if response.is_err() {
        sending.abort();
    }
    let mut response = response?.map(|()| Answer { stream: receive, ended: false }.boxed_unsync());
    response.extensions_mut().insert(ConnectionInfo { tls: TlsState::Version(TlsVersion::V1_3) });
    Ok(response)
}

async fn upload(mut stream: RequestStream<SendStream<Bytes>, Bytes>, mut body: Body) -> Result<(), BoxError> {
    while let Some(frame) = body.frame().await {
        if let Ok(data) = frame?.into_data() {
            stream.send_data(data).await?;
        }
    }
    Ok(stream.finish().await?)
}

/// The body of an answer.
struct Answer {
    stream: RequestStream<RecvStream, Bytes>,
    ended: bool,
}

impl http_body::Body for Answer {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        if !self.ended {
            match ready!(self.stream.poll_recv_data(cx)) {
                Ok(Some(mut data)) => {
                    return Poll::Ready(Some(Ok(Frame::data(data.copy_to_bytes(data.remaining())))));
                }
                Ok(None) => {}
                Err(error) => return Poll::Ready(Some(Err(error.into()))),
            }
            self.ended = true;
        }
        let trailers = ready!(self.stream.poll_recv_trailers(cx));
        Poll::Ready(trailers.map_err(Into::into).map(|trailers| trailers.map(Frame::trailers)).transpose())
    }
}

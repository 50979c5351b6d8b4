//! What becomes of a connection after our `101`.
//!
//! The codec for HTTP/1.1 ends with the `101` and gives the stream back, with whatever it read too
//! much. That must be nothing: a client that did not wait for the `101` sent bytes of the new
//! protocol where a refusal would have made them a request (RFC 9931 §3), so its connection ends
//! here.

use std::rc::Rc;

use bytes::{Bytes, BytesMut};
use http::header::{self, HeaderValue};
use http::{HeaderMap, Request, Response, StatusCode, Version, request};
use http_body::Body as _;
use http_body_util::{BodyExt, Limited};
use tokio::time::timeout;
use upshift_core::TlsState;
use upshift_http::strip_hop_by_hop;

use crate::body::{RequestBody, ResponseBody};
use crate::downstream::h2c::{self, H2cSettings};
use crate::downstream::http1_gate::Http1Gate;
use crate::downstream::in_band_tls;
use crate::downstream::stream::{ClientStream, ClientTransport};
use crate::downstream::{Connection, serve_http1, serve_http2};
use crate::local_reply::Fault;
use crate::progress::activity::Activity;
use crate::telemetry::counts::{Counts, Ending};
use crate::tls;
use crate::tunnel::UpstreamTunnel;
use upshift_config::Limits;

/// The longest content that a request may bring over into HTTP/2, in bytes: it has to be held until
/// the switch is done.
const MAX_CONTENT: u64 = 64 * 1024;

/// What a connection of HTTP/1.1 becomes.
pub(crate) enum Switch {
    /// A tunnel to an upstream.
    Tunnel(UpstreamTunnel),
    /// HTTP/2, with the request that asked for it to be answered on stream 1.
    H2c(Box<Request<RequestBody>>, H2cSettings),
    /// HTTP/1.1 inside TLS, with the request that asked for it to be read again there.
    Tls(Bytes),
}

/// What a request asks of the gateway itself.
pub(crate) enum Asked {
    /// Nothing.
    Nothing,
    /// To switch to HTTP/2 in clear.
    H2c(H2cSettings),
    /// To switch to TLS.
    Tls,
}

impl Asked {
    /// What the request asks for, as far as the gateway is told to perform it. Anything else is
    /// ignored.
    pub(crate) fn read(
        connection: &Connection,
        request: &request::Parts,
        body: &RequestBody,
    ) -> Self {
        if connection.tls != TlsState::Cleartext || !request.headers.contains_key(header::UPGRADE) {
            return Self::Nothing;
        }
        let snapshot = connection.worker.shared.snapshot.load();
        if snapshot.in_band_tls.is_some() && in_band_tls::is_asked(request, !body.is_empty()) {
            return Self::Tls;
        }
        // Content of unknown length might not fit, and could not be put back: such a request stays
        // as it is.
        let fits = body.size_hint().upper().is_some_and(|length| length <= MAX_CONTENT);
        if !snapshot.settings.file.gateway.h2c_upgrade || !fits {
            return Self::Nothing;
        }
        H2cSettings::from_request(request).map_or(Self::Nothing, Self::H2c)
    }
}

/// Answers a request that asks for HTTP/2, once its content has come.
pub(crate) async fn to_h2c(
    connection: &Connection,
    mut request: request::Parts,
    body: RequestBody,
    settings: H2cSettings,
) -> Result<Response<ResponseBody>, Fault> {
    let limit = usize::try_from(MAX_CONTENT).unwrap_or(usize::MAX);
    let broken = |_| Fault::Framing("The request's content broke off.");
    let content = Limited::new(body, limit).collect().await.map_err(broken)?.to_bytes();
    strip_hop_by_hop(&mut request.headers);
    request.headers.remove(header::EXPECT);
    request.version = Version::HTTP_2;
    let kept = Request::from_parts(request, RequestBody::from_bytes(content));
    connection.switch.replace(Some(Switch::H2c(Box::new(kept), settings)));
    Ok(switching(HeaderValue::from_static("h2c")))
}

/// Answers a request that asks for TLS.
pub(crate) fn to_tls(connection: &Connection, request: request::Parts) -> Response<ResponseBody> {
    connection.switch.replace(Some(Switch::Tls(in_band_tls::owed(request))));
    switching(in_band_tls::STACK)
}

/// RFC 9110 §15.2.2: a `101` MUST have an `Upgrade` field; §7.8: and with it the connection option.
fn switching(to: HeaderValue) -> Response<ResponseBody> {
    let mut response = Response::new(ResponseBody::empty());
    *response.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
    let fields = [(header::UPGRADE, to), (header::CONNECTION, HeaderValue::from_static("Upgrade"))];
    *response.headers_mut() = HeaderMap::from_iter(fields);
    response
}

impl Switch {
    /// Goes on with `stream`, of which the codec had read `early` when it ended.
    pub(crate) async fn perform(self, stream: ClientStream, early: Bytes, connection: &Connection) {
        let worker = &connection.worker;
        if !early.is_empty() {
            worker.count_ending(Ending::EarlyBytes);
            return Box::pin(cut_off(stream, &worker.limits())).await;
        }
        // Empty as it is, it may be all that keeps the codec's buffer.
        drop(early);
        Counts::add(&mut worker.counts.borrow_mut().transitions, self.name());
        match self {
            Self::Tunnel(tunnel) => {
                let _busy = connection.activity.begin_request();
                tunnel.relay_bytes(stream.with_shutdown()).await;
            }
            Self::H2c(kept, settings) => {
                Box::pin(http2(stream, *kept, &settings, connection)).await;
            }
            Self::Tls(owed) => {
                // What is inside has an activity of its own.
                let _busy = connection.activity.begin_request();
                Box::pin(http1_in_tls(stream, owed, connection)).await;
            }
        }
    }

    fn name(&self) -> &'static str {
        match self {
            Self::Tunnel(_) => "tunnel",
            Self::H2c(..) => "h2c",
            Self::Tls(_) => "tls",
        }
    }
}

async fn http2(
    mut stream: ClientStream,
    kept: Request<RequestBody>,
    settings: &H2cSettings,
    connection: &Connection,
) {
    let limits = connection.worker.limits();
    match timeout(limits.header_timeout, h2c::read_opening(&mut stream, settings, kept.method()))
        .await
    {
        Ok(Ok(opening)) => stream.put_back(opening),
        other => {
            tracing::debug!(peer = %connection.peer, ?other, "no HTTP/2 after the switch");
            connection.worker.count_ending(Ending::NoHttp2);
            return cut_off(stream, &limits).await;
        }
    }
    serve_http2(stream.with_shutdown(), Rc::new(connection.again(connection.tls)), Some(kept))
        .await;
}

/// Closes without a word: whatever the client sends belongs to no protocol that was agreed on.
async fn cut_off(stream: ClientStream, limits: &Limits) {
    stream.close_gracefully(Some((limits.discard_bytes, limits.discard_timeout))).await;
}

async fn http1_in_tls(stream: ClientStream, owed: Bytes, connection: &Connection) {
    let snapshot = connection.worker.shared.snapshot.load_full();
    let (Some(config), Some(tcp)) = (snapshot.in_band_tls.clone(), stream.into_cleartext()) else {
        return;
    };
    let handshake = in_band_tls::handshake(tcp, config);
    let tls = match timeout(snapshot.settings.file.limits.header_timeout, handshake).await {
        Ok(Ok(tls)) => tls,
        Ok(Err(error)) => {
            tracing::debug!(peer = %connection.peer, %error, "no TLS after the switch");
            return connection.worker.count_ending(error.ending());
        }
        Err(_) => return connection.worker.count_ending(Ending::TlsTimeout),
    };
    let state = tls::state(tls.get_ref().1.protocol_version());
    let activity = Activity::new();
    let mut stream = ClientStream::new(ClientTransport::Tls(Box::new(tls)), Rc::clone(&activity));
    stream
        .put_gate(Http1Gate::new(BytesMut::from(owed), snapshot.settings.file.limits.header_bytes));
    let inside = Connection { activity, ..connection.again(state) };
    serve_http1(stream, Rc::new(inside)).await;
}

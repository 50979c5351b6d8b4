//! Switches of a connection to another protocol: the requests that ask for one, and the `101` that
//! grants it. The connection loop performs the switch once the `101` has gone out.

use bytes::Bytes;
use http::header::{self, HeaderValue};
use http::{HeaderMap, Method, Request, Response, StatusCode, Version, request};
use http_body::Body as _;
use http_body_util::{BodyExt, Limited};
use upshift_core::TlsState;
use upshift_http::{connection_has_option, strip_hop_by_hop};
use upshift_http1::{ClientConnection, FieldId, Framing, RequestStart, SendError};

use crate::body::RequestBody;
use crate::exchange::h2c_offer::H2cSettings;
use crate::fields::names::{ReceivedNames, fields_of};
use crate::generation::Generation;
use crate::local_reply::LocalReply;
use crate::received_request::ReceivedRequest;
use crate::response_body::ResponseBody;
use crate::tunnel::{UpstreamTunnel, offered_upgrades};

/// The longest content that a request may bring over into HTTP/2, in bytes: it has to be held until
/// the switch is done.
const MAX_CONTENT: u64 = 64 * 1024;

/// The protocols that the `101` to in-band TLS names, from the bottom up (RFC 2817 §3.3).
const TLS_STACK: HeaderValue = HeaderValue::from_static("TLS/1.2, HTTP/1.1");

/// The protocol that a connection of HTTP/1.1 goes on with after a `101`.
pub(crate) enum Switch {
    /// A tunnel to an upstream.
    Tunnel(UpstreamTunnel),
    /// HTTP/2. The request that asked for it is answered on stream 1.
    H2c(Box<Request<RequestBody>>, H2cSettings),
    /// HTTP/1.1 inside TLS. The request that asked for it is read again there.
    Tls(Bytes),
}

impl Switch {
    /// A short stable name, for counting.
    pub(crate) fn name(&self) -> &'static str {
        match self {
            Self::Tunnel(_) => "tunnel",
            Self::H2c(..) => "h2c",
            Self::Tls(_) => "tls",
        }
    }
}

/// A switch that a request asks the gateway itself to perform.
pub(crate) enum RequestedSwitch {
    /// None.
    None,
    /// HTTP/2 in cleartext.
    H2c(H2cSettings),
    /// TLS in band.
    Tls,
}

impl RequestedSwitch {
    /// The switch that a request asks for, if the gateway is configured to perform it. Any other
    /// offer is ignored.
    pub(crate) fn read(
        request: &ReceivedRequest<'_>,
        body: &RequestBody,
        tls: TlsState,
        generation: &Generation,
    ) -> Self {
        if tls != TlsState::Cleartext || !request.fields.has(FieldId::Upgrade) {
            return Self::None;
        }
        if generation.in_band_tls.is_some() && asks_for_tls(request, !body.is_empty()) {
            return Self::Tls;
        }
        // Content of unknown length might not fit, and could not be put back: such a request stays
        // as it is.
        let fits = body.size_hint().upper().is_some_and(|length| length <= MAX_CONTENT);
        if !generation.settings.file.gateway.h2c_upgrade || !fits {
            return Self::None;
        }
        match H2cSettings::from_request(request) {
            Some(settings) => Self::H2c(settings),
            None => Self::None,
        }
    }
}

/// Returns true if a cleartext request asks for TLS on its connection (RFC 2817 §3.2).
fn asks_for_tls(request: &ReceivedRequest<'_>, has_content: bool) -> bool {
    // RFC 9112 §9.6: after `close`, no further request may be processed.
    request.method == Method::OPTIONS
        && !has_content
        && !connection_has_option(request.fields.map(), "close")
        && offered_upgrades(request).is_some_and(|list| list.contains_name("TLS"))
}

/// Grants HTTP/2 to a request, once its content has arrived (RFC 7540 §3.2).
pub(crate) async fn grant_h2c(
    mut request: request::Parts,
    body: RequestBody,
    settings: H2cSettings,
) -> Result<(Response<ResponseBody>, Switch), LocalReply> {
    let limit = usize::try_from(MAX_CONTENT).unwrap_or(usize::MAX);
    let Ok(content) = Limited::new(body, limit).collect().await else {
        return Err(LocalReply::Framing("The request's content broke off."));
    };
    strip_hop_by_hop(&mut request.headers);
    request.headers.remove(header::EXPECT);
    request.version = Version::HTTP_2;
    let kept = Request::from_parts(request, RequestBody::from_bytes(content.to_bytes()));
    let response = switching_protocols(HeaderValue::from_static("h2c"));
    Ok((response, Switch::H2c(Box::new(kept), settings)))
}

/// Grants TLS to a request, the fields of which had these `names`.
pub(crate) fn grant_tls(
    request: request::Parts,
    names: ReceivedNames<'_>,
) -> Result<(Response<ResponseBody>, Switch), LocalReply> {
    let replay = replay_in_tls(request, names)
        .map_err(|_| LocalReply::Framing("The request cannot be read again inside TLS."))?;
    Ok((switching_protocols(TLS_STACK), Switch::Tls(replay)))
}

/// The request as it is read again inside TLS (RFC 2817 §3.3), without its offer.
fn replay_in_tls(
    mut request: request::Parts,
    names: ReceivedNames<'_>,
) -> Result<Bytes, SendError> {
    strip_hop_by_hop(&mut request.headers);
    // An absolute target stays absolute; `*` is the whole of the asterisk form.
    let mut target = request.uri.to_string();
    if request.uri.authority().is_some() && request.uri.path() == "*" {
        // The absolute form of OPTIONS, whose path is empty (RFC 9112 §3.2.4).
        target.pop();
    }
    let start = RequestStart {
        method: request.method.as_str().as_bytes(),
        target: target.as_bytes(),
        version: upshift_http1::Version::Http11,
    };
    let mut head = Vec::with_capacity(512);
    let mut codec = ClientConnection::new(upshift_http1::Limits::default());
    codec.send_request(&mut head, start, fields_of(&request.headers, names), Framing::None)?;
    Ok(head.into())
}

/// RFC 9110 §15.2.2: a `101` MUST have an `Upgrade` field; §7.8: and with it the connection option.
fn switching_protocols(to: HeaderValue) -> Response<ResponseBody> {
    let mut response = Response::new(ResponseBody::empty());
    *response.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
    let fields = [(header::UPGRADE, to), (header::CONNECTION, HeaderValue::from_static("Upgrade"))];
    *response.headers_mut() = HeaderMap::from_iter(fields);
    response
}

//! Turns the response of an upstream into the one for the client.

use http::header::{self, HeaderMap, HeaderValue};
use http::{Response, StatusCode, Version, response};
use upshift_http::{remove_nominated, strip_hop_by_hop};

use super::waiting::UpstreamTimeouts;
use crate::body::BodyTimeout;
use crate::fields::forwarded;
use crate::fields::names::KeptNames;
use crate::fields::trailers::TrailerFilter;
use crate::framing::declared_length;
use crate::http1_client::InterimResponse;
use crate::local_reply::LocalReply;
use crate::response_body::ResponseBody;
use crate::upstream::http1::Http1Head;
use crate::upstream::{Checkout, EndpointFailure, UpstreamBody};

/// The `Upgrade` field of an upstream's 426, kept as an extension of the response because the field
/// itself is removed as hop-by-hop.
#[derive(Clone)]
pub(crate) struct UpstreamUpgrade(pub(crate) Vec<HeaderValue>);

/// Turns the upstream's response into the one for the client: checks its framing, and removes the
/// hop-by-hop fields.
pub(crate) async fn receive_response(
    response: Response<UpstreamBody>,
    checkout: Checkout,
    name: &str,
    is_head: bool,
    timeouts: UpstreamTimeouts,
) -> Result<Response<ResponseBody>, LocalReply> {
    let (mut parts, mut content) = response.into_parts();
    let names = content.take_names();
    let declared = match checked_length(&parts) {
        Ok(declared) => declared,
        Err(what) => {
            checkout.fail_response(EndpointFailure::Broken);
            return Err(LocalReply::BadGateway(name.to_owned(), what.to_owned()));
        }
    };
    // RFC 7838 §2.1: an alternative service applies to the whole origin, so clients that use it
    // would bypass this gateway.
    parts.headers.remove(header::ALT_SVC);
    let upgrade = required_upgrade(&parts);
    let nominated = remove_nominated(&mut parts.headers, &[]);
    strip_hop_by_hop(&mut parts.headers);
    let filter = TrailerFilter::for_response(nominated);
    let timeout = BodyTimeout::new(timeouts.silence);
    let mut body = ResponseBody::from_upstream(content, checkout, timeout, filter);
    if declared.is_none() && !is_head {
        // A response that breaks right after its head can still become a 502 here. With a declared
        // length, the client notices the truncation itself.
        body = body.wait_for_start().await.map_err(|error| {
            LocalReply::BadGateway(name.to_owned(), format!("broke off its response: {error}"))
        })?;
    }
    set_length(&mut parts, declared, &body, is_head);
    let mut relayed = relay_head(parts, body.with_names(names));
    if let Some(upgrade) = upgrade {
        relayed.extensions_mut().insert(upgrade);
    }
    Ok(relayed)
}

/// The `Upgrade` field of a 426, if there is one.
fn required_upgrade(parts: &response::Parts) -> Option<UpstreamUpgrade> {
    if parts.status != StatusCode::UPGRADE_REQUIRED || !parts.headers.contains_key(header::UPGRADE)
    {
        return None;
    }
    Some(UpstreamUpgrade(parts.headers.get_all(header::UPGRADE).iter().cloned().collect()))
}

/// Returns the length that an upstream's response declares, or an error if the end of the response
/// is ambiguous.
fn checked_length(parts: &response::Parts) -> Result<Option<u64>, &'static str> {
    // RFC 9110 §15.2.2: a server may switch only to a protocol that was offered, and none was.
    if parts.status == StatusCode::SWITCHING_PROTOCOLS {
        return Err("switched protocols without being asked");
    }
    let Ok(declared) = declared_length(&parts.headers) else {
        return Err("sent a Content-Length that is not one number");
    };
    let codings = parts.headers.get_all(header::TRANSFER_ENCODING);
    // RFC 9112 §6.3: such a message "might indicate an attempt to perform request smuggling or
    // response splitting and ought to be handled as an error".
    if declared.is_some() && codings.iter().next().is_some() {
        return Err("sent both Content-Length and Transfer-Encoding");
    }
    // RFC 9112 §6.1: Transfer-Encoding is removed here, so a coding that is not decoded would be
    // lost.
    if codings.iter().any(|coding| !coding.as_bytes().eq_ignore_ascii_case(b"chunked")) {
        return Err("used a transfer coding other than chunked");
    }
    // §6.1: "A sender MUST NOT apply the chunked transfer coding more than once".
    if codings.iter().nth(1).is_some() {
        return Err("applied the chunked coding twice");
    }
    Ok(declared)
}

/// Sets `Content-Length` from the body that is sent.
fn set_length(
    parts: &mut response::Parts,
    declared: Option<u64>,
    body: &ResponseBody,
    is_head: bool,
) {
    use http_body::Body as _;
    let length = match parts.status {
        // RFC 9110 §8.6: "A server MUST NOT send a Content-Length header field in any response with
        // a status code of 1xx (Informational) or 204 (No Content)".
        StatusCode::NO_CONTENT => None,
        // §8.6: here it is the length that the content of a 200 would have, which only the upstream
        // knows.
        StatusCode::NOT_MODIFIED => declared,
        _ if is_head => declared,
        _ => body.size_hint().exact(),
    };
    match length {
        Some(length) if states_length(&parts.headers, length) => {}
        Some(length) => {
            parts.headers.insert(header::CONTENT_LENGTH, length.into());
        }
        None => {
            parts.headers.remove(header::CONTENT_LENGTH);
        }
    }
}

/// Returns true if there is one `Content-Length`, and it is `length` as this hop would write it.
/// Such a line is kept, because creating the same value again costs two allocations.
fn states_length(headers: &HeaderMap, length: u64) -> bool {
    let mut lines = headers.get_all(header::CONTENT_LENGTH).iter();
    let (Some(line), None) = (lines.next(), lines.next()) else { return false };
    let digits = line.as_bytes();
    // `parse` also reads `+5` and `05`.
    let is_canonical = digits == b"0" || matches!(digits, [b'1'..=b'9', ..]);
    is_canonical && line.to_str().is_ok_and(|text| text.parse() == Ok(length))
}

/// Adapts the head of the upstream's response to this hop. Hop-by-hop fields have already been
/// removed.
pub(crate) fn relay_head(mut parts: response::Parts, body: ResponseBody) -> Response<ResponseBody> {
    forwarded::add_via(&mut parts.headers, parts.version);
    // The client's codec writes the version of its own connection instead.
    parts.version = Version::HTTP_11;
    parts.extensions.clear();
    Response::from_parts(parts, body)
}

/// Adapts an interim response of the upstream to this hop.
pub(super) fn relay_interim(head: Http1Head) -> InterimResponse {
    let (parts, _) = head.response.into_parts();
    let (status, mut headers) = (parts.status, parts.headers);
    // RFC 7838 §2.1: as in other responses. RFC 6797 §7.2: over cleartext, a host MUST NOT send
    // Strict-Transport-Security; over TLS, the final response has it.
    for name in [header::ALT_SVC, header::STRICT_TRANSPORT_SECURITY] {
        headers.remove(name);
    }
    remove_nominated(&mut headers, &[]);
    strip_hop_by_hop(&mut headers);
    forwarded::add_via(&mut headers, parts.version);
    let names = KeptNames::unless_title_case(head.fields, head.bytes);
    InterimResponse { status, headers, names }
}

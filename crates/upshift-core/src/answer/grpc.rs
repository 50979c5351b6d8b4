//! A refused gRPC call: HTTP 200, trailers only, `FAILED_PRECONDITION` (gRPC over HTTP2,
//! "Responses").
//!
//! Never `UNAVAILABLE`: clients retry that, and a refusal would become a storm.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD;

const FAILED_PRECONDITION: u8 = 9;
const ERROR_INFO: &str = "type.googleapis.com/google.rpc.ErrorInfo";

/// The fields of the answer, `google.rpc.ErrorInfo` with this metadata among them.
pub(super) fn fields(message: &str, metadata: &[(&str, &str)]) -> [(&'static str, String); 3] {
    let mut info = Vec::new();
    text(&mut info, 1, "UPGRADE_REQUIRED");
    text(&mut info, 2, "upshift");
    for (key, value) in metadata.iter().filter(|(_, value)| !value.is_empty()) {
        let mut entry = Vec::new();
        text(&mut entry, 1, key);
        text(&mut entry, 2, value);
        bytes(&mut info, 3, &entry);
    }
    let mut any = Vec::new();
    text(&mut any, 1, ERROR_INFO);
    bytes(&mut any, 2, &info);
    let mut status = vec![1 << 3, FAILED_PRECONDITION];
    text(&mut status, 2, message);
    bytes(&mut status, 3, &any);
    [
        ("grpc-status", FAILED_PRECONDITION.to_string()),
        ("grpc-message", percent_encode(message)),
        ("grpc-status-details-bin", STANDARD_NO_PAD.encode(status)),
    ]
}

/// A field of wire type 2 (Protocol Buffers, "Length-Delimited Records").
fn bytes(out: &mut Vec<u8>, field: u8, content: &[u8]) {
    out.push(field << 3 | 2);
    let mut length = content.len();
    while length >= 0x80 {
        out.push((length & 0x7f) as u8 | 0x80);
        length >>= 7;
    }
    out.push(length as u8);
    out.extend_from_slice(content);
}

fn text(out: &mut Vec<u8>, field: u8, content: &str) {
    bytes(out, field, content.as_bytes());
}

/// `Percent-Encoded` of gRPC over HTTP2: all but the visible ASCII without `%`.
fn percent_encode(message: &str) -> String {
    let mut out = String::with_capacity(message.len());
    for byte in message.bytes() {
        match byte {
            b' '..=b'~' if byte != b'%' => out.push(char::from(byte)),
            _ => out.push_str(&format!("%{byte:02X}")),
        }
    }
    out
}

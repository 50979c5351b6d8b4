//! The answer to a refused gRPC call: HTTP 200 with trailers only and the status
//! `FAILED_PRECONDITION` (gRPC over HTTP2, "Responses").
//!
//! The status is never `UNAVAILABLE`, because clients retry that, and a refusal would cause a flood
//! of requests.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD;

use crate::prepared::Encoding;

const FAILED_PRECONDITION: u8 = 9;
const ERROR_INFO: &str = "type.googleapis.com/google.rpc.ErrorInfo";

/// Appends the field lines of the answer, with a `google.rpc.ErrorInfo` that has this metadata.
pub(super) fn push_grpc_lines(message: &str, metadata: &[(&str, &str)], lines: &mut String) {
    let mut info = Vec::new();
    // `google.rpc.ErrorInfo`: field 1 is the reason, 2 the domain, 3 the metadata.
    push_text(&mut info, 1, "UPGRADE_REQUIRED");
    push_text(&mut info, 2, "upshift");
    for (key, value) in metadata {
        if value.is_empty() {
            continue;
        }
        let mut entry = Vec::new();
        push_text(&mut entry, 1, key);
        push_text(&mut entry, 2, value);
        push_bytes(&mut info, 3, &entry);
    }
    let mut any = Vec::new();
    // `google.protobuf.Any`: field 1 is the URL of the type, 2 the message.
    push_text(&mut any, 1, ERROR_INFO);
    push_bytes(&mut any, 2, &info);
    // Field 1 of `google.rpc.Status` is the code, a varint (wire type 0).
    let mut status = vec![1 << 3, FAILED_PRECONDITION];
    push_text(&mut status, 2, message);
    push_bytes(&mut status, 3, &any);
    lines.push_str(&format!("grpc-status: {FAILED_PRECONDITION}\r\ngrpc-message: "));
    Encoding::GrpcMessage.push_text(message, lines);
    // gRPC over HTTP2: base64 in fields whose name ends in `-bin` should have no padding.
    lines.push_str("\r\ngrpc-status-details-bin: ");
    STANDARD_NO_PAD.encode_string(status, lines);
    lines.push_str("\r\n");
}

/// Appends a field of wire type 2 (Protocol Buffers, "Length-Delimited Records").
fn push_bytes(out: &mut Vec<u8>, field: u8, content: &[u8]) {
    out.push(field << 3 | 2);
    // The length is a varint: seven bits a byte, the lowest first.
    let mut length = content.len();
    while length >= 0x80 {
        out.push((length & 0x7f) as u8 | 0x80);
        length >>= 7;
    }
    // At most 0x7f is left, so the cast loses nothing.
    out.push(length as u8);
    out.extend_from_slice(content);
}

fn push_text(out: &mut Vec<u8>, field: u8, content: &str) {
    push_bytes(out, field, content.as_bytes());
}

//! The first line of a message.

use crate::head::target_form;
use crate::octets::{is_target_byte, is_token, is_value_byte};
use crate::send_error::SendError;
use crate::version::Version;

pub(crate) fn write_request_line(
    out: &mut Vec<u8>,
    method: &[u8],
    target: &[u8],
    version: Version,
) -> Result<(), SendError> {
    if !is_token(method) {
        return Err(SendError::InvalidMethod);
    }
    // RFC 9112 §3.2: "No whitespace is allowed in the request-target."
    let has_valid_bytes = target.iter().all(|byte| is_target_byte(*byte));
    if !has_valid_bytes || target_form(method, target).is_none() {
        return Err(SendError::InvalidTarget);
    }
    for part in [method, b" ", target, b" ", version.as_str().as_bytes(), b"\r\n"] {
        out.extend_from_slice(part);
    }
    Ok(())
}

/// Writes a status line. RFC 9112 §2.3 and RFC 9110 §2.5: it states the sender's version, even in
/// response to HTTP/1.0.
pub(crate) fn write_status_line(
    out: &mut Vec<u8>,
    status: u16,
    reason: &[u8],
) -> Result<(), SendError> {
    if !reason.iter().all(|byte| is_value_byte(*byte)) {
        return Err(SendError::InvalidReason);
    }
    let [hundreds, tens, ones] = [status / 100, status / 10 % 10, status % 10];
    out.extend_from_slice(b"HTTP/1.1 ");
    for digit in [hundreds, tens, ones] {
        out.push(b'0' + (digit % 10) as u8);
    }
    // RFC 9112 §4: "A server MUST send the space that separates the status-code from the
    // reason-phrase even when the reason-phrase is absent".
    out.push(b' ');
    out.extend_from_slice(reason);
    out.extend_from_slice(b"\r\n");
    Ok(())
}

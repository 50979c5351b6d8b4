//! The octets of answers.

use http::StatusCode;
use upshift_record::RecordedRequest;

use crate::mock::scenario::{Answer, Placeholders, Step, no_step_body};

/// The octets of a step's answer to `request`, without its faults.
pub(super) fn render_step(
    step: &Step,
    placeholders: &Placeholders,
    request: &RecordedRequest,
) -> Vec<u8> {
    match step.answer() {
        Answer::Text(text, raw) => placeholders.render(text, raw),
        Answer::Message { interim, status, fields, body } => {
            let mut octets = Vec::new();
            for one in interim {
                put_head(&mut octets, one.status.0, &one.fields, placeholders);
                octets.extend_from_slice(b"\r\n");
            }
            let body = placeholders.fill(body);
            put_head(&mut octets, status, fields, placeholders);
            // RFC 9110 §8.6: none in a 1xx or 204.
            if status >= 200 && status != 204 {
                octets.extend_from_slice(format!("Content-Length: {}\r\n", body.len()).as_bytes());
            }
            octets.extend_from_slice(b"\r\n");
            // RFC 9110 §9.3.2: the response to HEAD has no content.
            if request.method.as_bytes() != b"HEAD" {
                octets.extend_from_slice(body.as_bytes());
            }
            octets
        }
        Answer::StreamError(_) | Answer::Nothing => Vec::new(),
    }
}

fn put_head(
    octets: &mut Vec<u8>,
    status: u16,
    fields: &[(String, String)],
    placeholders: &Placeholders,
) {
    let reason = match StatusCode::from_u16(status) {
        Ok(known) => known.canonical_reason().unwrap_or_default(),
        Err(_) => "",
    };
    octets.extend_from_slice(format!("HTTP/1.1 {status} {reason}\r\n").as_bytes());
    for (name, value) in fields {
        octets.extend_from_slice(format!("{name}: {}\r\n", placeholders.fill(value)).as_bytes());
    }
}

/// The octets of the answer to a request that no step fits.
pub(super) fn render_no_step(scenario: &str) -> Vec<u8> {
    let body = no_step_body(scenario);
    let head = "HTTP/1.1 404 Not Found\r\nContent-Type: text/plain\r\n";
    format!("{head}Content-Length: {}\r\n\r\n{body}", body.len()).into_bytes()
}

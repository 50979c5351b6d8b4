//! The problem body of a refusal (RFC 9457), as far as a client can act on it or show it.

use serde_json::{Map, Value};

use super::dates::read_date;
use crate::Timestamp;
use crate::field::MediaType;

/// The most characters of a text from a peer that are kept.
const TEXT_LIMIT: usize = 2048;

/// The most members of a list from a peer that are kept.
const LIST_LIMIT: usize = 32;

/// The members of a problem body. Any of them may be missing, because a peer wrote the body.
///
/// Control characters are removed from every text, so that it can be printed on a terminal.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ProblemDetails {
    /// `type`: a URI that identifies the kind of problem.
    pub kind: Option<String>,
    /// `title`.
    pub title: Option<String>,
    /// `detail`: the message for people.
    pub detail: Option<String>,
    /// `rule`: the server's name of the rule that refused.
    pub rule: Option<String>,
    /// `phase`, such as `enforce` or `brownout`.
    pub phase: Option<String>,
    /// `required`: the alternatives, the preferred one first. Any one of them suffices.
    pub required: Vec<StatedRequirement>,
    /// `upgrade.protocols`: protocol tokens, the preferred one first.
    pub protocols: Vec<String>,
    /// `upgrade.url`: the place to get what is required.
    pub upgrade_url: Option<String>,
    /// `upgrade.instructions`, for people.
    pub instructions: Option<String>,
    /// `docs`: a URL.
    pub docs: Option<String>,
    /// `sunset`: the end of what the request used.
    pub sunset: Option<Timestamp>,
    /// `window.ends_at`: the end of a brownout.
    pub window_ends_at: Option<Timestamp>,
    /// `retryable`: true if the same request may succeed later.
    pub retryable: Option<bool>,
    /// `request_id`, for a support request.
    pub request_id: Option<String>,
}

/// A requirement that the body states: one member of `required`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct StatedRequirement {
    /// `tls`, `http`, `websocket`, `api`, `client` or `protocol`.
    pub kind: String,
    /// The lowest version that the server accepts; for `protocol` and `websocket`, the token.
    pub minimum: Option<String>,
    /// The versions that the server supports.
    pub supported: Vec<String>,
}

impl ProblemDetails {
    /// Reads a body of this `Content-Type`; `None` if it is not a JSON object.
    pub fn from_body(content_type: &str, body: &[u8]) -> Option<Self> {
        let media = MediaType::parse(content_type)?;
        let is_json =
            media.has_essence("application/problem+json") || media.has_essence("application/json");
        if !is_json {
            return None;
        }
        match serde_json::from_slice(body) {
            Ok(Value::Object(members)) => Some(Self::from_members(&members)),
            _ => None,
        }
    }

    fn from_members(members: &Map<String, Value>) -> Self {
        let empty = Map::new();
        let upgrade = members.get("upgrade").and_then(Value::as_object).unwrap_or(&empty);
        let window = members.get("window").and_then(Value::as_object).unwrap_or(&empty);
        Self {
            kind: text_member(members, "type"),
            title: text_member(members, "title"),
            detail: text_member(members, "detail"),
            rule: text_member(members, "rule"),
            phase: text_member(members, "phase"),
            required: list_member(members, "required", StatedRequirement::from_value),
            protocols: list_member(upgrade, "protocols", shown_text),
            upgrade_url: text_member(upgrade, "url"),
            instructions: text_member(upgrade, "instructions"),
            docs: text_member(members, "docs"),
            sunset: date_member(members, "sunset"),
            window_ends_at: date_member(window, "ends_at"),
            retryable: members.get("retryable").and_then(Value::as_bool),
            request_id: text_member(members, "request_id"),
        }
    }
}

impl StatedRequirement {
    fn from_value(value: &Value) -> Option<Self> {
        let members = value.as_object()?;
        let names = ["minimum", "protocol", "version"];
        let minimum = names.iter().find_map(|name| text_member(members, name));
        Some(Self {
            kind: text_member(members, "kind")?,
            minimum,
            supported: list_member(members, "supported", shown_text),
        })
    }
}

fn text_member(members: &Map<String, Value>, name: &str) -> Option<String> {
    shown_text(members.get(name)?)
}

fn date_member(members: &Map<String, Value>, name: &str) -> Option<Timestamp> {
    read_date(members.get(name)?.as_str()?)
}

fn list_member<T>(
    members: &Map<String, Value>,
    name: &str,
    read_member: fn(&Value) -> Option<T>,
) -> Vec<T> {
    let Some(Value::Array(values)) = members.get(name) else { return Vec::new() };
    // Limited before the members are read, because all of them may be malformed.
    values.iter().take(LIST_LIMIT).filter_map(read_member).collect()
}

/// A string, or a number as it was written, without control characters and within the limit.
fn shown_text(value: &Value) -> Option<String> {
    let text = match value {
        Value::String(text) => text.clone(),
        // A version such as 2 may be a number in JSON.
        Value::Number(number) => number.to_string(),
        _ => return None,
    };
    Some(text.chars().filter(|character| is_shown(*character)).take(TEXT_LIMIT).collect())
}

/// Returns false for control characters, and for characters that change the direction of a text, so
/// that it reads as another one.
fn is_shown(character: char) -> bool {
    match character {
        '\n' => true,
        '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => false,
        other => !other.is_control(),
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test that fails here has failed")]
    use super::*;

    #[test]
    fn members_are_read_and_malformed_ones_skipped() {
        let body = br#"{"type":"urn:x","title":7,"detail":"go\u001b[31m up","rule":"orders-v2",
            "required":[{"kind":"api","minimum":"2.0","supported":["2.0",2.1]},{"no":"kind"},5],
            "upgrade":{"url":"https://h/","protocols":["orders-v2/2.0"]},"docs":["no"],
            "sunset":"2026-12-01","window":{"ends_at":"2026-10-06T09:10:00Z"},"retryable":true}"#;
        let problem =
            ProblemDetails::from_body("application/problem+json; charset=utf-8", body).unwrap();
        assert_eq!(problem.title.as_deref(), Some("7"));
        assert_eq!(problem.detail.as_deref(), Some("go[31m up"));
        assert_eq!(problem.required.len(), 1);
        assert_eq!(problem.required[0].supported, ["2.0", "2.1"]);
        assert_eq!(problem.docs, None);
        assert_eq!(problem.sunset.unwrap().to_string(), "2026-12-01T00:00:00Z");
        assert_eq!(problem.window_ends_at.unwrap().to_string(), "2026-10-06T09:10:00Z");
        assert_eq!(problem.retryable, Some(true));
    }

    #[test]
    fn other_bodies_are_no_problem() {
        assert_eq!(ProblemDetails::from_body("text/html", b"{}"), None);
        assert_eq!(ProblemDetails::from_body("application/json", b"[1]"), None);
        assert_eq!(ProblemDetails::from_body("application/json", b"{"), None);
        assert_eq!(
            ProblemDetails::from_body("application/json", b"{}"),
            Some(ProblemDetails::default())
        );
    }
}

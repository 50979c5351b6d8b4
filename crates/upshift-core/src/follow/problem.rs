//! The problem body of a refusal (RFC 9457), as far as a client can act on it or show it.

use serde_json::{Map, Value};

use super::read_date;
use crate::Timestamp;
use crate::field::MediaType;

/// Texts from a peer are cut after this many characters before anybody sees them.
const LONGEST_TEXT: usize = 2048;
/// And lists after this many members.
const LONGEST_LIST: usize = 32;

/// The members of a problem body, each of which may be missing: a peer wrote it.
///
/// Control characters are taken out of every text, so that one may be printed on a terminal as it
/// is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ProblemDetails {
    /// `type`: a URI that names the kind of problem.
    pub kind: Option<String>,
    /// `title`.
    pub title: Option<String>,
    /// `detail`: the message for people.
    pub detail: Option<String>,
    /// `rule`: the server's name for the rule that refused.
    pub rule: Option<String>,
    /// `phase`, as `enforce` or `brownout`.
    pub phase: Option<String>,
    /// `required`: any one of these suffices, the most wanted first.
    pub required: Vec<StatedRequirement>,
    /// `upgrade.protocols`: protocol tokens, the most wanted first.
    pub protocols: Vec<String>,
    /// `upgrade.url`: where what is wanted is to be had.
    pub upgrade_url: Option<String>,
    /// `upgrade.instructions`, for people.
    pub instructions: Option<String>,
    /// `docs`: a URL.
    pub docs: Option<String>,
    /// `sunset`: when what was used ends.
    pub sunset: Option<Timestamp>,
    /// `window.ends_at`: when a brownout ends.
    pub window_ends_at: Option<Timestamp>,
    /// `retryable`: whether the same request may succeed later.
    pub retryable: Option<bool>,
    /// `request_id`, to be named in a call for help.
    pub request_id: Option<String>,
}

/// One member of `required`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct StatedRequirement {
    /// `tls`, `http`, `websocket`, `api`, `client` or `protocol`.
    pub kind: String,
    /// The lowest version that will do; of a `protocol` or `websocket`, its token.
    pub minimum: Option<String>,
    /// The versions that the server knows.
    pub supported: Vec<String>,
}

impl ProblemDetails {
    /// Reads a body of this `Content-Type`; `None` if it is no JSON object of a problem.
    pub fn from_body(content_type: &str, body: &[u8]) -> Option<Self> {
        let media = MediaType::parse(content_type)?;
        if !media.has_essence("application/problem+json") && !media.has_essence("application/json")
        {
            return None;
        }
        match serde_json::from_slice(body) {
            Ok(Value::Object(members)) => Some(Self::from_members(&members)),
            _ => None,
        }
    }

    fn from_members(members: &Map<String, Value>) -> Self {
        let upgrade = members.get("upgrade").and_then(Value::as_object);
        let in_upgrade = |name: &str| upgrade.and_then(|upgrade| text(upgrade.get(name)));
        let window = members.get("window").and_then(Value::as_object);
        Self {
            kind: text(members.get("type")),
            title: text(members.get("title")),
            detail: text(members.get("detail")),
            rule: text(members.get("rule")),
            phase: text(members.get("phase")),
            required: list(members.get("required"), required),
            protocols: list(upgrade.and_then(|upgrade| upgrade.get("protocols")), |value| {
                text(Some(value))
            }),
            upgrade_url: in_upgrade("url"),
            instructions: in_upgrade("instructions"),
            docs: text(members.get("docs")),
            sunset: date(members.get("sunset")),
            window_ends_at: window.and_then(|window| date(window.get("ends_at"))),
            retryable: members.get("retryable").and_then(Value::as_bool),
            request_id: text(members.get("request_id")),
        }
    }
}

fn required(value: &Value) -> Option<StatedRequirement> {
    let members = value.as_object()?;
    let minimum =
        ["minimum", "protocol", "version"].iter().find_map(|name| text(members.get(*name)));
    Some(StatedRequirement {
        kind: text(members.get("kind"))?,
        minimum,
        supported: list(members.get("supported"), |value| text(Some(value))),
    })
}

/// A string, or a number as it was written, without control characters and within bounds.
fn text(value: Option<&Value>) -> Option<String> {
    let text = match value? {
        Value::String(text) => text.clone(),
        Value::Number(number) => number.to_string(),
        _ => return None,
    };
    let shown = |character: &char| *character == '\n' || !is_control(*character);
    Some(text.chars().filter(shown).take(LONGEST_TEXT).collect())
}

/// Control characters, and those that turn the direction of a text about, so that it reads other
/// than it is.
fn is_control(character: char) -> bool {
    character.is_control()
        || matches!(character, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

fn date(value: Option<&Value>) -> Option<Timestamp> {
    read_date(value?.as_str()?)
}

fn list<T>(value: Option<&Value>, member: impl Fn(&Value) -> Option<T>) -> Vec<T> {
    let members = value.and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    members.iter().take(LONGEST_LIST).filter_map(member).collect()
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test that fails here has failed")]
    use super::*;

    #[test]
    fn members_are_read_and_wrong_ones_passed_over() {
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
    fn what_is_no_problem_is_none() {
        assert_eq!(ProblemDetails::from_body("text/html", b"{}"), None);
        assert_eq!(ProblemDetails::from_body("application/json", b"[1]"), None);
        assert_eq!(ProblemDetails::from_body("application/json", b"{"), None);
        assert_eq!(
            ProblemDetails::from_body("application/json", b"{}"),
            Some(ProblemDetails::default())
        );
    }
}

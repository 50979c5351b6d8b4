//! Requirements and durations in words.

use jiff::Timestamp;
use upshift_record::RequiredRecord;
use upshift_record::policy::PolicyRuleRecord;

use super::period::instant;

/// A rule's requirement, and the requests that it applies to.
pub(super) fn definition_text(rule: &PolicyRuleRecord) -> String {
    format!("{}, for {}", requirement_text(&rule.require), rule.applies_to)
}

/// A list of requirements. Meeting any of them is enough.
pub(super) fn requirement_text(require: &[RequiredRecord]) -> String {
    let texts: Vec<String> = require.iter().map(single_requirement).collect();
    texts.join(", else ")
}

fn single_requirement(required: &RequiredRecord) -> String {
    let RequiredRecord { kind, minimum, clients, blocked, protocol, subprotocols, .. } = required;
    let minimum = minimum.as_deref();
    match (kind.as_str(), minimum, protocol.as_deref()) {
        ("tls", Some(minimum), _) => format!("TLS {minimum} or later"),
        ("http", Some(minimum), _) => format!("HTTP/{minimum} or later"),
        ("api", Some(minimum), _) => format!("API version {minimum} or later"),
        ("websocket", _, Some("HTTP/1.1")) => "no WebSocket".to_owned(),
        ("websocket", ..) if subprotocols.is_empty() => "WebSocket".to_owned(),
        ("websocket", ..) => format!("WebSocket with {}", subprotocols.join(" or ")),
        ("client", ..) => {
            let mut parts = Vec::new();
            for client in clients {
                parts.push(format!("{} {} or later", client.name, client.minimum));
            }
            if !blocked.is_empty() {
                parts.push(format!("not {}", blocked.join(", ")));
            }
            parts.join(", ")
        }
        (_, _, Some(protocol)) => format!("the protocol {protocol}"),
        (kind, ..) => kind.to_owned(),
    }
}

/// A time to the second, for sentences. The records have it exactly.
pub(super) fn second_text(at: Timestamp) -> String {
    instant(at.as_second()).to_string()
}

/// A duration with its two largest units, such as `3 d 4 h`.
pub(super) fn duration_text(seconds: u64) -> String {
    let units = [(seconds / 86_400, "d"), (seconds / 3_600 % 24, "h"), (seconds / 60 % 60, "min")];
    let mut parts = Vec::new();
    for (count, unit) in units.into_iter().chain([(seconds % 60, "s")]) {
        if count > 0 {
            parts.push(format!("{count} {unit}"));
        } else if !parts.is_empty() {
            // `1 d 3 s` would look more exact than `1 d`.
            break;
        }
    }
    parts.truncate(2);
    if parts.is_empty() { "less than 1 s".to_owned() } else { parts.join(" ") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_have_their_two_largest_units() {
        for (seconds, text) in [
            (0, "less than 1 s"),
            (59, "59 s"),
            (61, "1 min 1 s"),
            (3_600, "1 h"),
            (90_061, "1 d 1 h"),
            (86_403, "1 d"),
        ] {
            assert_eq!(duration_text(seconds), text);
        }
    }
}

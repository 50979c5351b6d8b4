//! The fields that a request can have over each lane.

use upshift_record::Lane;

/// The reason why a request over a lane cannot have a field.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FieldError {
    /// The lane makes it.
    #[error("the lanes set `{0}` themselves")]
    SetByLane(String),
    /// The version of HTTP has no such field.
    #[error("{0} has no field `{1}` (RFC 9113 §8.2.2, RFC 9114 §4.2)")]
    NotInVersion(&'static str, String),
    /// It is a pseudo-field.
    #[error("a pseudo-field cannot be set")]
    Pseudo,
}

/// The fields of a connection, which HTTP/2 and HTTP/3 do not have.
const CONNECTION_FIELDS: [&str; 6] =
    ["connection", "keep-alive", "proxy-connection", "te", "transfer-encoding", "upgrade"];

/// The fields that frame the content.
const FRAMING_FIELDS: [&str; 2] = ["content-length", "transfer-encoding"];

/// Checks a field that goes over every lane.
///
/// # Errors
/// If a lane sets it itself.
pub fn check_own_field(name: &str) -> Result<(), FieldError> {
    let lower = name.to_ascii_lowercase();
    let is_of_lanes = ["connection", "upgrade", "http2-settings", "te", "expect"];
    if is_of_lanes.contains(&lower.as_str()) || lower.starts_with("sec-websocket-") {
        return Err(FieldError::SetByLane(name.to_owned()));
    }
    check_every_lane(name, &lower)
}

/// Checks a field that goes over one lane. Over HTTP/1.0 and 1.1, also those of the connection can
/// be sent.
///
/// # Errors
/// If the lane sets it itself, or its version of HTTP does not have it.
pub fn check_lane_field(lane: Lane, name: &str) -> Result<(), FieldError> {
    let lower = name.to_ascii_lowercase();
    let lower = lower.as_str();
    let of_lane: &[&str] = match lane {
        Lane::Http2 | Lane::H2cPrior | Lane::Http3 => {
            if CONNECTION_FIELDS.contains(&lower) || lower == "http2-settings" {
                let version = if lane == Lane::Http3 { "HTTP/3" } else { "HTTP/2" };
                return Err(FieldError::NotInVersion(version, name.to_owned()));
            }
            &[]
        }
        Lane::H2cUpgrade => &["connection", "upgrade", "http2-settings"],
        Lane::TlsInBand => &["connection", "upgrade"],
        Lane::WebSocket => &["connection", "upgrade", "sec-websocket-key", "sec-websocket-version"],
        Lane::Http10 | Lane::Http11 | Lane::Tls12 | Lane::Tls13 => &[],
    };
    if of_lane.contains(&lower) {
        return Err(FieldError::SetByLane(name.to_owned()));
    }
    check_every_lane(name, lower)
}

fn check_every_lane(name: &str, lower: &str) -> Result<(), FieldError> {
    if name.starts_with(':') {
        return Err(FieldError::Pseudo);
    }
    if FRAMING_FIELDS.contains(&lower) {
        return Err(FieldError::SetByLane(name.to_owned()));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lane_takes_the_fields_that_it_does_not_set() {
        let taken = [
            (Lane::Http10, "Upgrade"),
            (Lane::Tls13, "Connection"),
            (Lane::WebSocket, "Sec-WebSocket-Protocol"),
            (Lane::Http2, "X-Api-Version"),
            (Lane::Http3, "Expect"),
        ];
        for (lane, name) in taken {
            assert_eq!(check_lane_field(lane, name), Ok(()), "{lane} {name}");
        }
        let set = [
            (Lane::Http11, "Content-Length"),
            (Lane::H2cUpgrade, "upgrade"),
            (Lane::WebSocket, "Sec-WebSocket-Key"),
        ];
        for (lane, name) in set {
            let error = FieldError::SetByLane(name.to_owned());
            assert_eq!(check_lane_field(lane, name), Err(error), "{lane} {name}");
        }
        let error = check_lane_field(Lane::Http3, "Upgrade").map_err(|error| error.to_string());
        assert!(error.is_err_and(|error| error.starts_with("HTTP/3 has no field `Upgrade`")));
        assert_eq!(check_lane_field(Lane::Http2, ":path"), Err(FieldError::Pseudo));
    }

    #[test]
    fn a_field_of_every_lane_is_none_that_some_lane_sets() {
        assert_eq!(check_own_field("X-Api-Version"), Ok(()));
        for name in ["Upgrade", "sec-websocket-key", "Content-Length", "Expect", ":path"] {
            assert!(check_own_field(name).is_err(), "{name}");
        }
    }
}

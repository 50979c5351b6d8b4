//! The offer to switch to HTTP/2 in a request, with its settings.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use http::HeaderName;
use upshift_http::connection_has_option;
use upshift_http::http2::HEADER_TABLE_SIZE;

use crate::received_request::ReceivedRequest;
use crate::tunnel::offered_upgrades;

const HTTP2_SETTINGS: HeaderName = HeaderName::from_static("http2-settings");

/// The number of settings that an offer may have; six are defined.
const MAX_SETTINGS: usize = 32;

/// The length of a setting: an identifier of 16 bits and a value of 32 (RFC 9113 §6.5.1).
const SETTING_LENGTH: usize = 6;

/// The settings of an `HTTP2-Settings` field: identifiers and values, in the order sent.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct H2cSettings(Vec<(u16, u32)>);

impl H2cSettings {
    /// Returns the settings of a request with a valid offer of `h2c`; `None` for any other request.
    pub(crate) fn from_request(request: &ReceivedRequest<'_>) -> Option<Self> {
        if !offered_upgrades(request)?.contains_name("h2c")
            || !connection_has_option(request.fields.map(), HTTP2_SETTINGS.as_str())
        {
            return None;
        }
        // RFC 7540 §3.2.1: "A server MUST NOT upgrade the connection to HTTP/2 if this header field
        // is not present or if more than one is present."
        let mut lines = request.fields.map().get_all(HTTP2_SETTINGS).iter();
        match (lines.next(), lines.next()) {
            (Some(value), None) => Self::parse(value.as_bytes()),
            _ => None,
        }
    }

    /// RFC 7540 §3.2.1: the payload of a SETTINGS frame in base64url, trailing `=` omitted.
    fn parse(value: &[u8]) -> Option<Self> {
        let payload = URL_SAFE_NO_PAD.decode(value).ok()?;
        let (settings, []) = payload.as_chunks::<SETTING_LENGTH>() else { return None };
        if settings.len() > MAX_SETTINGS {
            return None;
        }
        let mut parsed = Vec::with_capacity(settings.len());
        for [id_high, id_low, value @ ..] in settings {
            let setting = (u16::from_be_bytes([*id_high, *id_low]), u32::from_be_bytes(*value));
            if !is_valid(setting) {
                return None;
            }
            parsed.push(setting);
        }
        Some(Self(parsed))
    }

    /// Returns the payload of a SETTINGS frame: these settings without the header table's size,
    /// followed by the payload `client`.
    pub(crate) fn followed_by(&self, client: &[u8]) -> Vec<u8> {
        let mut payload = Vec::with_capacity(self.0.len() * SETTING_LENGTH + client.len());
        for (id, value) in &self.0 {
            // See rule 5 of `downstream::h2c`.
            if *id != HEADER_TABLE_SIZE {
                payload.extend(id.to_be_bytes());
                payload.extend(value.to_be_bytes());
            }
        }
        payload.extend(client);
        payload
    }
}

/// Returns true for a value that RFC 9113 §6.5.2 allows. Unknown settings are valid, and ignored.
fn is_valid((id, value): (u16, u32)) -> bool {
    match id {
        2 | 8 => value <= 1,
        4 => value <= 0x7fff_ffff,
        5 => (0x4000..=0xff_ffff).contains(&value),
        _ => true,
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test that fails here has failed")]

    use http::Request;

    use super::*;

    /// What curl 7.88 sends.
    const CURL: &str = "AAMAAABkAAQCAAAAAAIAAAAA";

    fn offer(connection: &str, upgrade: &[&str], settings: &[&str]) -> Option<H2cSettings> {
        let mut request = Request::get("/").header("Connection", connection);
        for line in upgrade {
            request = request.header("Upgrade", *line);
        }
        for line in settings {
            request = request.header("HTTP2-Settings", *line);
        }
        let (parts, ()) = request.body(()).unwrap().into_parts();
        H2cSettings::from_request(&ReceivedRequest::from_parts(parts))
    }

    #[test]
    fn an_offer_in_due_form_counts() {
        let curl = offer("Upgrade, HTTP2-Settings", &["h2c"], &[CURL]).unwrap();
        assert_eq!(curl, H2cSettings(vec![(3, 100), (4, 33_554_432), (2, 0)]));
        assert!(offer("upgrade, http2-settings", &["foo", "H2C"], &[""]).is_some());
    }

    /// The first four are the vectors of h2c smuggling.
    #[test]
    fn any_other_offer_is_none() {
        assert_eq!(offer("Upgrade", &["h2c"], &[CURL]), None, "not named");
        assert_eq!(offer("Upgrade, HTTP2-Settings", &["h2c"], &[]), None, "absent");
        assert_eq!(offer("Upgrade, HTTP2-Settings", &["h2c"], &[CURL, CURL]), None, "doubled");
        assert_eq!(offer("HTTP2-Settings", &["h2c"], &[CURL]), None, "no upgrade");
        assert_eq!(offer("Upgrade, HTTP2-Settings", &["h2"], &[CURL]), None, "another token");
        for bad in [
            "AAMAAABkAAQCAAAAAAIAAAAA=",
            "AAMAAABk AAQC",
            "AAMAAABkAAQ",
            "AAIAAAAC",
            "!",
            "AAUAAAAA",
        ] {
            assert_eq!(offer("Upgrade, HTTP2-Settings", &["h2c"], &[bad]), None, "{bad}");
        }
    }

    #[test]
    fn the_table_size_of_the_offer_is_left_to_the_client_s_own_settings() {
        let offered = H2cSettings(vec![(1, 65_536), (4, 7)]);
        assert_eq!(offered.followed_by(&[0, 1, 0, 0, 0, 9]), [0, 4, 0, 0, 0, 7, 0, 1, 0, 0, 0, 9]);
    }
}

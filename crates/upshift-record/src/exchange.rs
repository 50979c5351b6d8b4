//! A recorded exchange: one request and all responses to it, as one end of the connection saw them.
//!
//! An interim response (1xx) is kept apart from the final one, in the order of arrival. A `101` is
//! interim, too: after a switch to HTTP/2 the final response follows it, after any other there is
//! none.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};

use crate::{Lane, WireText};

/// The value of `schema` in a [`RecordedExchange`].
pub const EXCHANGE_SCHEMA: &str = "upshift.exchange/1";

/// One request and all responses to it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RecordedExchange {
    /// The format and its version: [`EXCHANGE_SCHEMA`].
    pub schema: String,
    /// The lane, where one is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lane: Option<Lane>,
    /// The absolute URL that was asked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
    /// The protection of the connection; left out if it is not known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub protection: Option<Protection>,
    /// The request; left out if only the response is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request: Option<RecordedRequest>,
    /// The interim responses (1xx), in order. A `101` is the last of them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub interim: Vec<RecordedResponse>,
    /// The final response; left out if none came.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub response: Option<RecordedResponse>,
    /// The end of the exchange; left out if it is not known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub end: Option<ExchangeEnd>,
    /// The failure in words, where there was one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}

/// The protection of a connection.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum Protection {
    /// None: others can read and change the messages.
    Cleartext,
    /// TLS.
    Tls {
        /// The version, as `1.3`; null if it is not known.
        version: Option<String>,
        /// The protocol chosen by ALPN; null if none was.
        alpn: Option<String>,
    },
}

/// The end of an exchange.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ExchangeEnd {
    /// The final response, or the switch after a `101`, was complete.
    Complete,
    /// The connection was closed before that.
    Closed,
    /// The connection, or the stream, was reset before that.
    Reset,
    /// Nothing came for as long as the recorder waits.
    TimedOut,
    /// What came is not a message.
    Malformed,
    /// No connection was made.
    Unreachable,
}

/// A request.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RecordedRequest {
    /// The method.
    pub method: WireText,
    /// The request target, as sent (RFC 9112 §3.2); over HTTP/2 and HTTP/3 the value of `:path`.
    pub target: WireText,
    /// The version of HTTP without the name: `1.1`, `2`.
    pub version: String,
    /// The fields, in order.
    pub fields: Vec<RecordedField>,
    /// The content; left out if there was none or it was not recorded.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub body: Option<RecordedBody>,
    /// The trailer fields, in order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub trailers: Vec<RecordedField>,
}

/// A response, interim or final.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RecordedResponse {
    /// The status code.
    pub status: u16,
    /// The version of HTTP without the name: `1.1`, `2`.
    pub version: String,
    /// The reason phrase of HTTP/1.x; left out where there is none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<WireText>,
    /// The fields, in order.
    pub fields: Vec<RecordedField>,
    /// The content; left out if there was none or it was not recorded.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub body: Option<RecordedBody>,
    /// The trailer fields, in order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub trailers: Vec<RecordedField>,
}

/// A field line: its name as written, and its value without the white space around it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RecordedField(
    /// The name.
    pub WireText,
    /// The value.
    pub WireText,
);

/// The content of a message, after transfer codings were removed.
///
/// In JSON it is `text` where it is UTF-8, else `base64` (RFC 4648 §4).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "BodyJson", into = "BodyJson")]
pub struct RecordedBody {
    /// The octets, or the first of them.
    pub octets: Vec<u8>,
    /// The length of the whole content in octets, if less than all was recorded.
    pub cut_from: Option<u64>,
}

/// A body as it stands in JSON.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct BodyJson {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    text: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    base64: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    cut_from: Option<u64>,
}

impl RecordedExchange {
    /// An exchange of which nothing is known yet.
    pub fn empty() -> Self {
        Self {
            schema: EXCHANGE_SCHEMA.to_owned(),
            lane: None,
            url: None,
            protection: None,
            request: None,
            interim: Vec::new(),
            response: None,
            end: None,
            error: None,
        }
    }
}

impl From<RecordedBody> for BodyJson {
    fn from(body: RecordedBody) -> Self {
        let cut_from = body.cut_from;
        match String::from_utf8(body.octets) {
            Ok(text) => Self { text: Some(text), base64: None, cut_from },
            Err(error) => {
                let base64 = STANDARD.encode(error.as_bytes());
                Self { text: None, base64: Some(base64), cut_from }
            }
        }
    }
}

impl TryFrom<BodyJson> for RecordedBody {
    type Error = String;

    fn try_from(body: BodyJson) -> Result<Self, String> {
        let octets = match (body.text, body.base64) {
            (Some(text), None) => text.into_bytes(),
            (None, Some(base64)) => STANDARD
                .decode(base64)
                .map_err(|error| format!("`base64` of a body cannot be decoded: {error}"))?,
            _ => return Err("a body has either `text` or `base64`".to_owned()),
        };
        Ok(Self { octets, cut_from: body.cut_from })
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a panic is a failed test")]

    use super::*;

    #[test]
    fn an_exchange_survives_json() {
        let upgrade = RecordedField("Upgrade".into(), (&b"TLS/1.2, \xff"[..]).into());
        let response = RecordedResponse {
            status: 426,
            version: "1.1".to_owned(),
            reason: Some("Upgrade Required".into()),
            fields: vec![upgrade],
            body: Some(RecordedBody { octets: vec![0, 159, 146], cut_from: Some(9) }),
            trailers: Vec::new(),
        };
        let exchange = RecordedExchange {
            lane: Some(Lane::Http11),
            protection: Some(Protection::Tls { version: Some("1.3".to_owned()), alpn: None }),
            response: Some(response),
            end: Some(ExchangeEnd::Complete),
            ..RecordedExchange::empty()
        };
        let json = serde_json::to_string(&exchange).unwrap();
        assert!(json.contains(r#""body":{"base64":"AJ+S","cut_from":9}"#), "{json}");
        assert_eq!(serde_json::from_str::<RecordedExchange>(&json).unwrap(), exchange);
    }

    #[test]
    fn a_body_is_text_or_base64_and_never_both() {
        for json in ["{}", r#"{"text":"a","base64":"YQ=="}"#, r#"{"base64":"*"}"#] {
            assert!(serde_json::from_str::<RecordedBody>(json).is_err(), "{json}");
        }
    }
}

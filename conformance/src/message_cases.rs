//! The cases of a codec of HTTP/1: bytes that are read, and messages that are sent.

use serde::Deserialize;

/// A case about the requests that a server reads from bytes.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ReadRequestsCase {
    /// The subject of the case.
    pub title: String,
    /// The class of faults or repairs of framing that the case belongs to.
    pub class: Option<String>,
    /// The bytes that are received; see [`message_bytes`].
    pub send: String,
    /// The number of times that the marked part of `send` is there.
    #[serde(default = "once")]
    pub repeats: usize,
    /// True if the client sends nothing after them.
    #[serde(default)]
    pub ends: bool,
    /// The status of the response to each request.
    #[serde(default = "default_status")]
    pub respond: u16,
    /// True if each response is sent before the content of its request is read.
    #[serde(default)]
    pub early: bool,
    /// The requests: method, target, and the content if there is any, separated by spaces.
    pub reads: Vec<String>,
    /// The trailer fields of the last request.
    #[serde(default)]
    pub trailers: Vec<String>,
    /// The name of the fault after them; `None` if there is none.
    pub fault: Option<String>,
    /// The status that answers the fault; `None` if no answer is owed.
    pub status: Option<u16>,
    /// True if the connection takes no further request; `None` if that is not checked.
    pub closes: Option<bool>,
    /// The bytes that are left to another protocol after a switch; `None` if there was none.
    pub rest: Option<String>,
    /// The bytes of all responses, which have no fields of their own; `None` if not checked.
    pub answers: Option<String>,
    /// The bytes that a gateway sends for all requests; `None` if not checked.
    pub forwards: Option<String>,
}

/// A case about the responses that a client reads from bytes.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ReadResponsesCase {
    /// The subject of the case.
    pub title: String,
    /// The class of faults or repairs of framing that the case belongs to.
    pub class: Option<String>,
    /// The method of the request.
    #[serde(default = "default_method")]
    pub request: String,
    /// True if the request offers to switch protocols.
    #[serde(default)]
    pub offers: bool,
    /// The number of bytes of the request's content that were not sent yet.
    #[serde(default)]
    pub unsent: u64,
    /// The bytes that are received; see [`message_bytes`].
    pub send: String,
    /// The number of times that the marked part of `send` is there.
    #[serde(default = "once")]
    pub repeats: usize,
    /// True if the server sends nothing after them.
    #[serde(default)]
    pub ends: bool,
    /// The responses, interim ones included: status, and the content if there is any, separated by
    /// a space.
    pub reads: Vec<String>,
    /// The trailer fields of the last response.
    #[serde(default)]
    pub trailers: Vec<String>,
    /// The name of the fault after them; `None` if there is none.
    pub fault: Option<String>,
    /// True if the connection takes another request; `None` if that is not checked.
    pub reusable: Option<bool>,
    /// The bytes that are left to another protocol after a switch; `None` if there was none.
    pub rest: Option<String>,
    /// The bytes that a gateway sends to its client, which has sent the same request over HTTP/1.1
    /// and accepts trailers; `None` if not checked.
    pub forwards: Option<String>,
}

/// A case about the bytes of a message that is sent.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SentCase {
    /// The subject of the case.
    pub title: String,
    /// The class of faults or repairs of framing that the case belongs to.
    pub class: Option<String>,
    /// The bytes of the request that the message responds to; `None` if it is a request itself.
    pub to: Option<String>,
    /// Method and target of a request, or status and reason of a response.
    pub start: String,
    /// The version of a request.
    #[serde(default = "default_http")]
    pub http: String,
    /// The field lines, in order.
    #[serde(default)]
    pub fields: Vec<(String, String)>,
    /// `none`, `until close`, or the content and how it is framed: `length: abc`, `chunked: abc`.
    #[serde(default = "no_content")]
    pub framing: String,
    /// The trailer fields, in order.
    #[serde(default)]
    pub trailers: Vec<(String, String)>,
    /// The bytes of the message; `None` if it must not be sent.
    pub sends: Option<String>,
}

/// The bytes of a text: a character up to U+00FF is the byte of its number. The part between `<<`
/// and `>>` is there `repeats` times.
///
/// # Panics
/// If the text has a character above U+00FF.
pub fn message_bytes(text: &str, repeats: usize) -> Vec<u8> {
    let Some((before, rest)) = text.split_once("<<") else { return latin1_bytes(text) };
    let Some((repeated, after)) = rest.split_once(">>") else { return latin1_bytes(text) };
    [latin1_bytes(before), latin1_bytes(repeated).repeat(repeats), latin1_bytes(after)].concat()
}

fn latin1_bytes(text: &str) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(text.len());
    for character in text.chars() {
        match u8::try_from(character) {
            Ok(byte) => bytes.push(byte),
            Err(_) => panic!("{character:?} is not a byte"),
        }
    }
    bytes
}

fn once() -> usize {
    1
}

fn default_status() -> u16 {
    200
}

fn default_method() -> String {
    "GET".to_owned()
}

fn default_http() -> String {
    "1.1".to_owned()
}

fn no_content() -> String {
    "none".to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_bytes_with_one_part_repeated() {
        assert_eq!(message_bytes("a\u{ff}\r", 1), b"a\xff\r");
        assert_eq!(message_bytes("a<<bc>>d", 3), b"abcbcbcd");
        assert_eq!(message_bytes("a<b", 3), b"a<b");
    }
}

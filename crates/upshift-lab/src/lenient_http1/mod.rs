//! A lenient reader of HTTP/1 messages, which records what was sent and judges nothing.
//!
//! A tool that tests others has to survive malformed messages and write them down as they are. So
//! lines may end with LF alone, a field may lack its colon, and a request line any of its parts.
//! Code that acts on a message uses `upshift-http1`, which refuses all of these.

mod body;
mod head;

pub use body::{BodyLength, BodyProgress, ChunkedReader, request_body_length};
pub use head::LenientHead;
use upshift_record::{RecordedBody, RecordedResponse};

/// The responses that one side sent in answer to one request.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SentResponses {
    /// The interim responses (1xx), in order. A `101` is the last of them.
    pub interim: Vec<RecordedResponse>,
    /// The final response, if there is one.
    pub last: Option<RecordedResponse>,
}

/// Reads the responses at the start of `octets`, up to the first final one or a `101`.
///
/// The content of a final response is what follows its head, as far as its framing says; `101` has
/// none, because the octets after it belong to another protocol (RFC 9110 §7.8).
pub fn read_responses(octets: &[u8]) -> SentResponses {
    let mut found = SentResponses::default();
    let mut rest = octets;
    // Each turn consumes a head, so there are at most as many as octets.
    while let Some(head) = LenientHead::read(rest) {
        let Some(mut response) = head.to_response() else { break };
        rest = &rest[head.length()..];
        if (100..200).contains(&response.status) {
            let is_switch = response.status == 101;
            found.interim.push(response);
            if is_switch {
                break;
            }
            continue;
        }
        let body = body::response_body(&head, rest);
        if !body.is_empty() {
            response.body = Some(RecordedBody { octets: body, cut_from: None });
        }
        found.last = Some(response);
        break;
    }
    found
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a panic is a failed test")]

    use proptest::prelude::*;

    use super::*;

    proptest! {
        /// Any octets are read, and no more of them than there are.
        #[test]
        fn no_octets_are_too_malformed(
            octets in "[\\x00-\\x7f]{0,40}(HTTP/1.1| |:|\r\n|\n|0|f){0,20}",
        ) {
            let octets = octets.as_bytes();
            if let Some(head) = LenientHead::read(octets) {
                prop_assert!(head.length() <= octets.len());
                head.to_request();
            }
            read_responses(octets);
            let mut unread = octets.to_vec();
            let mut reader = ChunkedReader::default();
            reader.read(&mut unread);
            prop_assert!(reader.content.len() + unread.len() <= octets.len());
        }
    }

    #[test]
    fn interim_responses_stay_apart_from_the_final_one() {
        let sent = read_responses(
            b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n\
              HTTP/1.1 426 Upgrade Required\nUpgrade: h2c\nContent-Length: 2\n\nokmore",
        );
        assert_eq!(sent.interim.len(), 1);
        assert_eq!(sent.interim[0].status, 103);
        let last = sent.last.unwrap();
        assert_eq!((last.status, last.fields.len()), (426, 2));
        assert_eq!(last.body.unwrap().octets, b"ok");
    }

    #[test]
    fn octets_after_a_switch_are_no_response() {
        let sent = read_responses(b"HTTP/1.1 101 X\r\n\r\nHTTP/1.1 200 OK\r\n\r\n");
        assert_eq!((sent.interim.len(), sent.last), (1, None));
    }
}

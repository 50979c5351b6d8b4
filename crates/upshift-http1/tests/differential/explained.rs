//! The differences that are explained, as in the table of `docs/security.md`.

use crate::outcome::{Difference, MessageKind};

/// Differences from one peer that are meant.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Explained {
    peer: &'static str,
    kind: MessageKind,
    difference: Difference,
    /// The classes of the codec's faults, or the errors of the peer.
    reasons: &'static [&'static str],
}

impl Explained {
    pub(crate) fn covers(
        &self,
        peer: &str,
        kind: MessageKind,
        difference: Difference,
        reason: &str,
    ) -> bool {
        self.peer == peer
            && self.kind == kind
            && self.difference == difference
            && self.reasons.contains(&reason)
    }
}

const fn stricter(
    peer: &'static str,
    kind: MessageKind,
    reasons: &'static [&'static str],
) -> Explained {
    Explained { peer, kind, difference: Difference::Stricter, reasons }
}

const fn laxer(
    peer: &'static str,
    kind: MessageKind,
    reasons: &'static [&'static str],
) -> Explained {
    Explained { peer, kind, difference: Difference::Laxer, reasons }
}

pub(crate) const EXPLAINED: [Explained; 11] = [
    stricter(
        "hyper",
        MessageKind::Requests,
        &[
            "bare-lf",
            "chunk-extension",
            "chunked-not-last",
            "coding-list",
            "coding-unsupported",
            "connection-option",
            "content-length",
            "content-lengths",
            "empty-lines",
            "host",
            "length-and-coding",
            "target",
            "target-byte",
        ],
    ),
    stricter(
        "hyper",
        MessageKind::Responses,
        &[
            "bare-lf",
            "chunk-extension",
            "chunked-not-last",
            "coding-list",
            "coding-unsupported",
            "connection-option",
            "empty-lines",
            "unsolicited",
        ],
    ),
    // RFC 9112 §5.1: a proxy removes white space before a colon.
    laxer("hyper", MessageKind::Responses, &["invalid HTTP header parsed"]),
    stricter(
        "h11",
        MessageKind::Requests,
        &[
            "bare-lf",
            "chunk-extension",
            "chunk-line-end",
            "chunk-size",
            "coding-in-http-1.0",
            "connection-option",
            "content-length",
            "content-lengths",
            "field-value",
            "host",
            "length-and-coding",
            "line-folding",
            "target",
            "target-byte",
        ],
    ),
    laxer("h11", MessageKind::Requests, &["illegal chunk header", "no request line received"]),
    stricter(
        "h11",
        MessageKind::Responses,
        &[
            "bare-lf",
            "chunk-extension",
            "chunk-line-end",
            "coding-in-http-1.0",
            "connection-option",
            "line-folding",
            "status-line",
            "unsolicited",
        ],
    ),
    // Of interim responses, too, it reads the framing, which does not count there.
    laxer(
        "h11",
        MessageKind::Responses,
        &[
            "Only Transfer-Encoding",
            "bad Content-Length",
            "conflicting Content-Length headers",
            "illegal chunk header",
            "illegal header line",
        ],
    ),
    stricter(
        "llhttp",
        MessageKind::Requests,
        &[
            "bare-cr",
            "bare-lf",
            "coding-in-http-1.0",
            "coding-list",
            "coding-unsupported",
            "connection-option",
            "empty-lines",
            "host",
            "request-line-space",
            "target-byte",
            "version",
        ],
    ),
    laxer(
        "llhttp",
        MessageKind::Requests,
        &[
            "InvalidChunkSizeError",
            "InvalidContentLengthError",
            "InvalidMethodError",
            "InvalidTransferEncodingError",
            "InvalidUrlError",
            "StrictError",
        ],
    ),
    stricter(
        "llhttp",
        MessageKind::Responses,
        &[
            "bare-lf",
            "chunked-not-last",
            "coding-in-http-1.0",
            "coding-list",
            "coding-unsupported",
            "connection-option",
            "empty-lines",
            "no-response",
            "status-line",
            "unsolicited",
        ],
    ),
    laxer(
        "llhttp",
        MessageKind::Responses,
        &[
            "InvalidChunkSizeError",
            "InvalidContentLengthError",
            "InvalidHeaderTokenError",
            "InvalidTransferEncodingError",
            "StrictError",
            "UnexpectedContentLengthError",
        ],
    ),
];

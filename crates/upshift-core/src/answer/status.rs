//! The status of an answer, and the fields that a 426 may not lack.

use crate::field::{Protocol, UpgradeList};

/// A 426 that obeys its RFCs.
///
/// RFC 9110 §15.5.22: "The server MUST send an Upgrade header field in a 426 response to indicate
/// the required protocol(s)"; §7.8: its sender MUST also send the `upgrade` connection option. RFC
/// 9113 §8.2.2 and RFC 9114 §4.2 forbid both over HTTP/2 and HTTP/3. There is no other way to build
/// one than these two.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UpgradeRequired(Option<UpgradeList>);

/// The status of an answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AnswerStatus {
    /// 426.
    UpgradeRequired(UpgradeRequired),
    /// Any other.
    Other(OtherStatus),
}

/// A status that is not 426.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OtherStatus(u16);

impl UpgradeRequired {
    /// Over HTTP/1.1 and older, naming what is wanted, the most wanted first.
    pub fn http1(protocols: UpgradeList) -> Self {
        Self(Some(protocols))
    }

    /// Over HTTP/2 and HTTP/3, where the body has to say it.
    pub fn multiplexed() -> Self {
        Self(None)
    }

    /// The protocols that are named in the field.
    pub fn protocols(&self) -> &[Protocol] {
        self.0.as_ref().map_or(&[], UpgradeList::protocols)
    }

    /// The value of `Upgrade`, where it may be sent.
    pub fn upgrade_value(&self) -> Option<String> {
        self.0.as_ref().map(ToString::to_string)
    }
}

impl OtherStatus {
    /// From a code of three digits; `None` for 426.
    pub fn new(code: u16) -> Option<Self> {
        ((100..1000).contains(&code) && code != 426).then_some(Self(code))
    }
}

impl AnswerStatus {
    /// The code.
    pub fn code(&self) -> u16 {
        match self {
            Self::UpgradeRequired(_) => 426,
            Self::Other(OtherStatus(code)) => *code,
        }
    }

    /// The reason phrase of the code (RFC 9110 §15).
    pub fn reason_phrase(&self) -> &'static str {
        reason_phrase(self.code())
    }
}

/// The reason phrase of a code; that of its class for one that is not registered (RFC 9110 §15).
pub fn reason_phrase(code: u16) -> &'static str {
    match code {
        200 => "OK",
        308 => "Permanent Redirect",
        400 => "Bad Request",
        401 => "Unauthorized",
        403 => "Forbidden",
        404 => "Not Found",
        406 => "Not Acceptable",
        408 => "Request Timeout",
        410 => "Gone",
        413 => "Content Too Large",
        414 => "URI Too Long",
        415 => "Unsupported Media Type",
        421 => "Misdirected Request",
        426 => "Upgrade Required",
        429 => "Too Many Requests",
        431 => "Request Header Fields Too Large",
        500 => "Internal Server Error",
        501 => "Not Implemented",
        502 => "Bad Gateway",
        503 => "Service Unavailable",
        504 => "Gateway Timeout",
        505 => "HTTP Version Not Supported",
        402..=499 => "Client Error",
        _ => "Server Error",
    }
}

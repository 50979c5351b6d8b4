//! The status of an answer, and the fields that a 426 must have.

use crate::field::UpgradeList;

/// The fields that the RFCs require in a 426.
///
/// RFC 9110 §15.5.22: "The server MUST send an Upgrade header field in a 426 response to indicate
/// the required protocol(s)"; §7.8: its sender MUST also send the `upgrade` connection option. RFC
/// 9113 §8.2.2 and RFC 9114 §4.2 forbid both over HTTP/2 and HTTP/3. There is one constructor for
/// each case, so an invalid 426 cannot be built.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UpgradeRequired(Option<UpgradeList>);

/// The status of an answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum AnswerStatus {
    /// 426.
    UpgradeRequired(UpgradeRequired),
    /// Any other.
    Other(OtherStatus),
}

/// A status that is not 426.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct OtherStatus(u16);

impl UpgradeRequired {
    /// For HTTP/1.1 and older, with the required protocols, the preferred one first.
    pub(super) fn http1(protocols: UpgradeList) -> Self {
        Self(Some(protocols))
    }

    /// For HTTP/2 and HTTP/3, where only the body can name the protocols.
    pub(super) fn multiplexed() -> Self {
        Self(None)
    }

    /// The value of `Upgrade`; `None` if the field is forbidden.
    pub fn upgrade_value(&self) -> Option<String> {
        self.0.as_ref().map(ToString::to_string)
    }
}

impl OtherStatus {
    /// 200, the HTTP status of a failed gRPC call.
    pub(super) const OK: Self = Self(200);
    /// 308.
    pub(super) const PERMANENT_REDIRECT: Self = Self(308);

    /// The status with this three-digit code; `None` for 426.
    pub(super) fn from_code(code: u16) -> Option<Self> {
        match code {
            // A 426 is built as `UpgradeRequired`, with its required fields.
            426 => None,
            100..=999 => Some(Self(code)),
            _ => None,
        }
    }

    pub(super) fn code(self) -> u16 {
        self.0
    }
}

impl AnswerStatus {
    pub(super) fn code(&self) -> u16 {
        match self {
            Self::UpgradeRequired(_) => 426,
            Self::Other(other) => other.code(),
        }
    }

    pub(super) fn reason_phrase(&self) -> &'static str {
        reason_phrase(self.code())
    }
}

/// The reason phrase of a status code, or of its class if the code is not known here (RFC 9110
/// §15).
pub fn reason_phrase(code: u16) -> &'static str {
    match code {
        200 => "OK",
        204 => "No Content",
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

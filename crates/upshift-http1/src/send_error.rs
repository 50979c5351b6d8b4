//! The errors of the local side: a call that would send an invalid message.

use std::fmt;

/// A call that would make the message invalid. It writes nothing; parts of the message that were
/// written by earlier calls may already be on the wire.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum SendError {
    /// The connection does not expect this part of a message now.
    OutOfTurn,
    /// A method that is not a token.
    InvalidMethod,
    /// A target in a form that the method does not allow, or with a byte that targets cannot
    /// contain.
    InvalidTarget,
    /// A status that is not of this kind of response: an interim response has 100 or 102 to 199, a
    /// response has 101 or 200 to 599.
    InvalidStatus,
    /// A reason phrase with a control character.
    InvalidReason,
    /// A field name that is not a token.
    InvalidFieldName,
    /// A field value with a control character, or with white space around it.
    InvalidFieldValue,
    /// A request of HTTP/1.1 without one valid `Host`.
    InvalidHost,
    /// A framing that is not allowed for this message.
    InvalidFraming,
    /// Content in a message that cannot have any.
    ContentNotAllowed,
    /// More content than announced.
    TooMuchContent,
    /// Less content than announced. The connection must be closed.
    TooLittleContent,
    /// A 101 to a request that offers no switch.
    SwitchNotOffered,
    /// A 101 while the request still waits for 100 (RFC 9110 §7.8).
    ContinueFirst,
}

impl SendError {
    fn as_str(self) -> &'static str {
        match self {
            Self::OutOfTurn => "the connection is not ready for this part of a message",
            Self::InvalidMethod => "the method is not a token",
            Self::InvalidTarget => "the target is in no form that the method allows",
            Self::InvalidStatus => "the status does not belong to this kind of response",
            Self::InvalidReason => "the reason phrase has a control character",
            Self::InvalidFieldName => "a field name is not a token",
            Self::InvalidFieldValue => {
                "a field value has a control character, or white space around it"
            }
            Self::InvalidHost => "the request needs one valid Host",
            Self::InvalidFraming => "the message cannot have this framing",
            Self::ContentNotAllowed => "the message has no content",
            Self::TooMuchContent => "the content is longer than the message declares",
            Self::TooLittleContent => {
                "the content is shorter than the message declares: close the connection"
            }
            Self::SwitchNotOffered => "the request offers no switch of protocols",
            Self::ContinueFirst => "the request waits for 100 (Continue) before a 101",
        }
    }
}

impl fmt::Display for SendError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl std::error::Error for SendError {}

//! The grammar of the fields that decide: lists, tokens, `Upgrade`, `Connection`, `Accept` (RFC
//! 9110).

mod accept;
mod connection;
mod list;
mod media_type;
mod upgrade;

pub use accept::{Accept, MediaRange};
pub use connection::ConnectionOptions;
pub(crate) use list::quoted_parts;
pub use list::{LIST_LIMIT, list_elements, token_elements};
pub use media_type::MediaType;
pub use upgrade::{Protocol, ProtocolError, UpgradeList, UpgradeListError};

/// Tells whether `byte` may stand in a token (RFC 9110 §5.6.2, `tchar`).
pub fn is_tchar(byte: u8) -> bool {
    matches!(byte,
        b'!' | b'#' | b'$' | b'%' | b'&' | b'\'' | b'*' | b'+' | b'-' | b'.' | b'^' | b'_' | b'`' | b'|' | b'~'
        | b'0'..=b'9' | b'A'..=b'Z' | b'a'..=b'z')
}

/// Tells whether `text` is a token (RFC 9110 §5.6.2): one or more `tchar`.
pub fn is_token(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(is_tchar)
}

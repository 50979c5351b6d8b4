//! Tokens (RFC 9110 §5.6.2): the words that names of fields, protocols and options consist of.

/// Returns true if `byte` may be part of a token (`tchar`).
pub fn is_tchar(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte)
}

/// Returns true if `text` is a token: one or more `tchar`.
pub fn is_token(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(is_tchar)
}

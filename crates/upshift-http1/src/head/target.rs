//! The forms of a request target (RFC 9112 §3.2).

use crate::head::host::is_authority;

/// The form of a request target.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TargetForm {
    /// `/path?query`.
    Origin,
    /// `http://host/path?query`.
    Absolute,
    /// `host:port`, with CONNECT.
    Authority,
    /// `*`, with OPTIONS.
    Asterisk,
}

/// The form of `target`, whose bytes were checked; `None` if the method does not allow it.
pub(crate) fn target_form(method: &[u8], target: &[u8]) -> Option<TargetForm> {
    // RFC 9112 §3.2.3: "When making a CONNECT request […], a client MUST send only the host and
    // port of the tunnel destination as the request-target."
    if method == b"CONNECT" {
        return is_authority(target, true).then_some(TargetForm::Authority);
    }
    match target {
        [b'/', ..] => Some(TargetForm::Origin),
        // RFC 9112 §3.2.4: the asterisk-form is only used for a server-wide OPTIONS request.
        b"*" => (method == b"OPTIONS").then_some(TargetForm::Asterisk),
        absolute => {
            let authority = absolute_authority(absolute)?;
            // RFC 9110 §4.2.4: user information in the authority is an error.
            is_authority(authority, false).then_some(TargetForm::Absolute)
        }
    }
}

/// The authority of a target in absolute form: `scheme "://" authority …`.
pub(crate) fn absolute_authority(target: &[u8]) -> Option<&[u8]> {
    let colon = target.iter().position(|byte| *byte == b':')?;
    let (scheme, rest) = target.split_at(colon);
    let [first, others @ ..] = scheme else { return None };
    if !first.is_ascii_alphabetic() || !others.iter().all(|byte| is_scheme_byte(*byte)) {
        return None;
    }
    let after_slashes = rest.strip_prefix(b"://")?;
    after_slashes.split(|byte| matches!(byte, b'/' | b'?')).next()
}

fn is_scheme_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'-' | b'.')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_form_has_its_methods() {
        for (method, target, form) in [
            ("GET", "/", Some(TargetForm::Origin)),
            ("GET", "//a/b", Some(TargetForm::Origin)),
            ("GET", "http://a", Some(TargetForm::Absolute)),
            ("OPTIONS", "http://a:8080?x", Some(TargetForm::Absolute)),
            ("OPTIONS", "*", Some(TargetForm::Asterisk)),
            ("CONNECT", "a:443", Some(TargetForm::Authority)),
            ("GET", "*", None),
            ("GET", "x", None),
            ("GET", "!", None),
            ("GET", "a:443", None),
            ("GET", "http:///x", None),
            ("GET", "http://u:p@a/", None),
            ("GET", "1x://a", None),
            ("CONNECT", "/", None),
            ("CONNECT", "http://a/", None),
            ("CONNECT", "a", None),
        ] {
            assert_eq!(
                target_form(method.as_bytes(), target.as_bytes()),
                form,
                "{method} {target}"
            );
        }
    }

    #[test]
    fn the_authority_ends_before_path_and_query() {
        assert_eq!(absolute_authority(b"http://a:1/b"), Some(&b"a:1"[..]));
        assert_eq!(absolute_authority(b"h2+x://a?b"), Some(&b"a"[..]));
        assert_eq!(absolute_authority(b"/http://a"), None);
    }
}

//! `Alt-Svc` (RFC 7838 §3).

use upshift_core::field::is_token;

use crate::exchange::FieldSection;

/// The ALPN protocols that a response advertises; an error is a member that is malformed.
///
/// `clear` is no protocol, so it is left out.
pub(crate) fn advertised_protocols(section: &FieldSection<'_>) -> Vec<Result<String, String>> {
    let mut protocols = Vec::new();
    for member in section.members("alt-svc") {
        if member != "clear" {
            protocols.push(parse_alternative(&member).ok_or(member));
        }
    }
    protocols
}

/// `protocol-id "=" alt-authority *( ";" parameter )`.
fn parse_alternative(member: &str) -> Option<String> {
    let (protocol, after) = member.split_once('=')?;
    let inner = after.strip_prefix('"')?;
    let (authority, parameters) = inner.split_once('"')?;
    let (_, port) = authority.rsplit_once(':')?;
    let has_port = !port.is_empty() && port.bytes().all(|byte| byte.is_ascii_digit());
    let follows = parameters.trim();
    let is_well_formed = follows.is_empty() || follows.starts_with(';');
    if is_token(protocol) && has_port && is_well_formed { Some(protocol.to_owned()) } else { None }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_alternative_has_a_protocol_and_a_port() {
        assert_eq!(parse_alternative(r#"h3=":443"; ma=60"#).as_deref(), Some("h3"));
        assert_eq!(parse_alternative(r#"h2="alt.example:8000""#).as_deref(), Some("h2"));
        for wrong in ["h3=:443", r#"h3=":""#, r#"h3="alt.example""#, "h3", r#"h 3=":443""#] {
            assert_eq!(parse_alternative(wrong), None, "{wrong}");
        }
    }
}

//! What a response says about storing it (RFC 9111).

use upshift_core::field::parse_http_date;

use crate::exchange::FieldSection;

/// Returns true if `Cache-Control` has the directive `name` (lower case).
pub(crate) fn has_directive(section: &FieldSection<'_>, name: &str) -> bool {
    section.members("cache-control").iter().any(|member| directive_name(member) == name)
}

/// The statement by which a response may be stored and reused; `None` if there is none.
///
/// Statuses such as 426 are not heuristically cacheable (RFC 9110 §15.1), so only what is explicit
/// counts.
pub(crate) fn explicit_freshness(section: &FieldSection<'_>) -> Option<String> {
    if has_directive(section, "no-store") {
        return None;
    }
    for member in section.members("cache-control") {
        let (_, value) = member.split_once('=').unwrap_or((&member, ""));
        let seconds = value.trim_matches('"').parse::<u64>().unwrap_or_default();
        match directive_name(&member).as_str() {
            "max-age" | "s-maxage" if seconds > 0 => return Some(member),
            "public" => return Some(member),
            _ => {}
        }
    }
    let expires = section.text("expires")?;
    let date = parse_http_date(&section.text("date")?)?;
    if parse_http_date(&expires)? > date { Some(format!("Expires: {expires}")) } else { None }
}

fn directive_name(member: &str) -> String {
    let name = member.split('=').next().unwrap_or_default();
    name.trim().to_ascii_lowercase()
}

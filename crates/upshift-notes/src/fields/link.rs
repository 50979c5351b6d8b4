//! `Link` (RFC 8288 §3).

use upshift_core::field::MediaType;

use crate::exchange::FieldSection;

/// The relations of registered types that are about the life of a resource.
pub(crate) const RELATIONS_OF_RETIREMENT: [&str; 5] =
    ["deprecation", "sunset", "successor-version", "predecessor-version", "latest-version"];

/// A link.
pub(crate) struct Link {
    /// The relation types, in lower case.
    pub(crate) relations: Vec<String>,
}

/// The links of a message; an error is a member that is malformed.
pub(crate) fn links_of(section: &FieldSection<'_>) -> Vec<Result<Link, String>> {
    let mut links = Vec::new();
    let mut pending = String::new();
    for member in section.members("link") {
        // A comma may be part of a target, between `<` and `>`.
        pending = if pending.is_empty() { member } else { format!("{pending},{member}") };
        if pending.starts_with('<') && !pending.contains('>') {
            continue;
        }
        let whole = std::mem::take(&mut pending);
        links.push(parse_link(&whole).ok_or(whole));
    }
    if !pending.is_empty() {
        links.push(Err(pending));
    }
    links
}

/// Returns true if a link of the message has one of the relation types.
pub(crate) fn has_relation(section: &FieldSection<'_>, types: &[&str]) -> bool {
    let links = links_of(section);
    let mut relations = links.iter().flatten().flat_map(|link| &link.relations);
    relations.any(|relation| types.contains(&relation.as_str()))
}

/// `"<" URI-Reference ">" *( OWS ";" OWS link-param )`, and one of the parameters is `rel`.
fn parse_link(member: &str) -> Option<Link> {
    let (_, parameters) = member.strip_prefix('<')?.split_once('>')?;
    let parameters = parameters.trim();
    if !parameters.is_empty() && !parameters.starts_with(';') {
        return None;
    }
    // The parameters have the grammar of those of a media type (RFC 9110 §5.6.6).
    let as_media_type = format!("x/y{parameters}");
    let relations = MediaType::parse(&as_media_type)?.first_parameter("rel")?.to_ascii_lowercase();
    let relations: Vec<String> = relations.split_whitespace().map(str::to_owned).collect();
    if relations.is_empty() { None } else { Some(Link { relations }) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_link_has_a_target_and_a_relation() {
        let relations = |text| parse_link(text).map(|link| link.relations);
        assert_eq!(relations("</a>; rel=sunset"), Some(vec!["sunset".to_owned()]));
        let both = relations(r#"<https://a/?x=1,2>; title="a;b"; REL="Sunset deprecation""#);
        assert_eq!(both, Some(vec!["sunset".to_owned(), "deprecation".to_owned()]));
        for wrong in ["/a; rel=sunset", "</a>", "</a> rel=sunset", "</a; rel=x", r#"</a>; rel="x"#]
        {
            assert_eq!(relations(wrong), None, "{wrong}");
        }
    }
}

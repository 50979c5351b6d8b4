//! Announcements in a passing response: `Deprecation` (RFC 9745), `Sunset` (RFC 8594), `Link`
//! (RFC 8288).

use super::dates::read_date;
use crate::{Fields, Timestamp};

/// An announcement that a resource will end.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Deprecation {
    /// The date of the deprecation, past or future; `None` if the server gave none.
    pub since: Option<Timestamp>,
    /// The date of the end.
    pub sunset: Option<Timestamp>,
    /// The links that explain it: `deprecation`, `sunset`, `successor-version`, `latest-version`.
    pub links: Vec<WebLink>,
}

/// A link with one relation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WebLink {
    /// The relation, in lower case.
    pub relation: String,
    /// The target as it was sent. It may be relative.
    pub target: String,
}

/// The relations that explain a deprecation.
const RELATIONS: [&str; 4] = ["deprecation", "sunset", "successor-version", "latest-version"];

/// The most links that are read; the server chooses how many it sends.
const LINK_LIMIT: usize = 64;

impl Deprecation {
    /// Reads the fields; `None` if there is neither a `Deprecation` nor a readable `Sunset`.
    pub fn from_fields(fields: &dyn Fields) -> Option<Self> {
        // The drafts before RFC 9745 had a boolean here.
        let deprecation = match fields.text("deprecation") {
            Some("false" | "?0") => None,
            value => value,
        };
        let sunset = fields.text("sunset").and_then(read_date);
        if deprecation.is_none() && sunset.is_none() {
            return None;
        }
        let mut links = read_links(fields);
        links.retain(|link| RELATIONS.contains(&link.relation.as_str()));
        Some(Self { since: deprecation.and_then(read_date), sunset, links })
    }

    /// The target of the first link with this relation.
    pub fn link(&self, relation: &str) -> Option<&str> {
        let link = self.links.iter().find(|link| link.relation == relation)?;
        Some(&link.target)
    }
}

/// Reads all `Link` fields (RFC 8288 §3). A link with several relations is returned once for each.
fn read_links(fields: &dyn Fields) -> Vec<WebLink> {
    let mut links = Vec::new();
    for line in fields.all("link") {
        // The targets are shown to people, so a line that is not UTF-8 is of no use.
        let mut rest = std::str::from_utf8(line).unwrap_or_default();
        while let Some((_, opened)) = rest.split_once('<')
            && let Some((target, after)) = opened.split_once('>')
        {
            let (parameters, others) = after.split_at(end_of_parameters(after));
            let relations = parameter(parameters, "rel").unwrap_or_default().to_ascii_lowercase();
            for relation in relations.split_ascii_whitespace() {
                links.push(WebLink { relation: relation.into(), target: target.trim().into() });
            }
            rest = others;
        }
    }
    links.truncate(LINK_LIMIT);
    links
}

/// The end of the parameters of one link: the first comma outside of quotes.
fn end_of_parameters(text: &str) -> usize {
    let mut in_quotes = false;
    for (index, byte) in text.bytes().enumerate() {
        match byte {
            b'"' => in_quotes = !in_quotes,
            b',' if !in_quotes => return index,
            _ => {}
        }
    }
    text.len()
}

fn parameter<'t>(parameters: &'t str, name: &str) -> Option<&'t str> {
    for part in parameters.split(';') {
        if let Some((key, value)) = part.split_once('=')
            && key.trim().eq_ignore_ascii_case(name)
        {
            return Some(value.trim().trim_matches('"'));
        }
    }
    None
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test that fails here has failed")]
    use super::*;

    #[test]
    fn the_forms_of_the_rfcs_are_read() {
        let fields = vec![
            ("Deprecation", "@1688169599"),
            ("Sunset", "Sun, 30 Jun 2024 23:59:59 UTC"),
            (
                "Link",
                "<https://d.example/a,b>; rel=\"deprecation\"; type=\"text/html\", \
                 </v2>;rel=successor-version",
            ),
        ];
        let notice = Deprecation::from_fields(&fields).unwrap();
        assert_eq!(notice.since.unwrap().to_string(), "2023-06-30T23:59:59Z");
        assert_eq!(notice.sunset.unwrap().to_string(), "2024-06-30T23:59:59Z");
        assert_eq!(notice.link("deprecation"), Some("https://d.example/a,b"));
        assert_eq!(notice.link("successor-version"), Some("/v2"));
    }

    #[test]
    fn other_forms_that_servers_send_are_read_too() {
        let read = |name, value| Deprecation::from_fields(&vec![(name, value)]);
        assert_eq!(read("deprecation", "true").unwrap().since, None);
        assert_eq!(read("deprecation", "false"), None);
        assert_eq!(read("sunset", "soon"), None);
    }
}

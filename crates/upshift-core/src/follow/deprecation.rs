//! What a passing answer says of its end: `Deprecation` (RFC 9745), `Sunset` (RFC 8594), `Link`
//! (RFC 8288).

use jiff::civil::Date;
use jiff::fmt::rfc2822::DateTimeParser;

use crate::{Fields, Timestamp};

/// The announcement.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Deprecation {
    /// Since when, or from when on, it is deprecated; `None` if it was only said that it is.
    pub since: Option<Timestamp>,
    /// The date of its end.
    pub sunset: Option<Timestamp>,
    /// The links that explain: `deprecation`, `sunset`, `successor-version`, `latest-version`.
    pub links: Vec<WebLink>,
}

/// One link.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WebLink {
    /// The relation, in lower case.
    pub relation: String,
    /// The target, as it was sent: it may be relative.
    pub target: String,
}

impl Deprecation {
    /// Reads the fields; `None` if neither `Deprecation` nor a readable `Sunset` is there.
    pub fn from_fields(fields: &dyn Fields) -> Option<Self> {
        let deprecation =
            fields.text("deprecation").filter(|value| !matches!(*value, "false" | "?0"));
        let sunset = fields.text("sunset").and_then(read_date);
        if deprecation.is_none() && sunset.is_none() {
            return None;
        }
        let telling = ["deprecation", "sunset", "successor-version", "latest-version"];
        let links = links(fields)
            .into_iter()
            .filter(|link| telling.contains(&link.relation.as_str()))
            .collect();
        Some(Self { since: deprecation.and_then(read_date), sunset, links })
    }

    /// The target of the first link of this relation.
    pub fn link(&self, relation: &str) -> Option<&str> {
        self.links.iter().find(|link| link.relation == relation).map(|link| link.target.as_str())
    }
}

/// Reads a date as lenient as the senders are careless: `@1767225600` (RFC 9651 §3.3.7), RFC 3339,
/// a bare date, and `Wed, 01 Jul 2026 00:00:00 GMT`, whose weekday may be wrong (in the wild it
/// is).
pub fn read_date(text: &str) -> Option<Timestamp> {
    let text = text.trim();
    if let Some(seconds) = text.strip_prefix('@') {
        return Timestamp::from_second(seconds.parse().ok()?).ok();
    }
    if let Ok(timestamp) = text.parse::<Timestamp>() {
        return Some(timestamp);
    }
    if let Ok(date) = text.parse::<Date>()
        && text.len() == 10
    {
        return date.to_zoned(jiff::tz::TimeZone::UTC).ok().map(|zoned| zoned.timestamp());
    }
    DateTimeParser::new().relaxed_weekday(true).parse_timestamp(text).ok()
}

/// The links of `Link` fields (RFC 8288 §3); those with several relations come once for each.
pub fn links(fields: &dyn Fields) -> Vec<WebLink> {
    let mut found = Vec::new();
    for line in fields.all("link") {
        let mut rest = std::str::from_utf8(line).unwrap_or_default();
        while let Some((target, after)) =
            rest.split_once('<').and_then(|(_, open)| open.split_once('>'))
        {
            let end = end_of_parameters(after);
            let relations =
                parameter(&after[..end], "rel").unwrap_or_default().to_ascii_lowercase();
            let target = target.trim();
            found.extend(
                relations
                    .split_ascii_whitespace()
                    .map(|relation| WebLink { relation: relation.into(), target: target.into() }),
            );
            rest = &after[end..];
        }
    }
    found.truncate(64);
    found
}

/// The end of one link's parameters: a comma outside quotes.
fn end_of_parameters(text: &str) -> usize {
    let mut quoted = false;
    text.find(|character| {
        quoted ^= character == '"';
        character == ',' && !quoted
    })
    .unwrap_or(text.len())
}

fn parameter<'t>(parameters: &'t str, name: &str) -> Option<&'t str> {
    parameters.split(';').find_map(|parameter| {
        let (key, value) = parameter.split_once('=')?;
        key.trim().eq_ignore_ascii_case(name).then(|| value.trim().trim_matches('"'))
    })
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test that fails here has failed")]
    use super::*;

    #[test]
    fn the_rfcs_own_forms_are_read() {
        let fields = vec![
            ("Deprecation", "@1688169599"),
            ("Sunset", "Sun, 30 Jun 2024 23:59:59 UTC"),
            (
                "Link",
                "<https://d.example/a,b>; rel=\"deprecation\"; type=\"text/html\", </v2>;rel=successor-version",
            ),
        ];
        let notice = Deprecation::from_fields(&fields).unwrap();
        assert_eq!(notice.since.unwrap().to_string(), "2023-06-30T23:59:59Z");
        assert_eq!(notice.sunset.unwrap().to_string(), "2024-06-30T23:59:59Z");
        assert_eq!(notice.link("deprecation"), Some("https://d.example/a,b"));
        assert_eq!(notice.link("successor-version"), Some("/v2"));
    }

    #[test]
    fn the_forms_of_the_wild_are_read_too() {
        assert_eq!(Deprecation::from_fields(&vec![("deprecation", "true")]).unwrap().since, None);
        assert_eq!(Deprecation::from_fields(&vec![("deprecation", "false")]), None);
        assert_eq!(Deprecation::from_fields(&vec![("sunset", "soon")]), None);
        // The first of April 2022 was a Friday; a widely copied sample says Thursday.
        assert_eq!(
            read_date("Thu, 01 Apr 2022 00:00:00 GMT").unwrap().to_string(),
            "2022-04-01T00:00:00Z"
        );
        assert_eq!(read_date("2026-09-01").unwrap().to_string(), "2026-09-01T00:00:00Z");
    }
}

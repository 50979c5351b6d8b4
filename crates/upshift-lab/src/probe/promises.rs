//! The promises of the responses: protocols, alternative services and URLs.

use upshift_core::follow::ProblemDetails;
use upshift_record::RecordedResponse;
use upshift_record::probe::ProbeRow;

use super::alternatives::{Alternative, alternatives_of};
use super::switching::{list_of, text_of, values_of};
use super::target::Target;

/// Something that at least one response announces.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Announcement {
    /// The thing that is announced.
    pub(super) announced: Announced,
    /// The fields that announce it, or `body`.
    pub(super) sources: Vec<String>,
    /// The questions whose responses announce it.
    pub(super) made_by: Vec<String>,
}

/// A thing that a response announces.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Announced {
    /// A protocol of `Upgrade`, as written.
    Protocol(String),
    /// An alternative service.
    Service(Alternative),
    /// The URL of a 426.
    Url(Target),
}

/// A URL in a response.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct NamedUrl {
    /// The field, or `body`.
    pub(super) source: &'static str,
    /// The URL.
    pub(super) target: Target,
}

/// Lists what the final responses announce, each thing once, in order.
pub(super) fn collect_announcements(rows: &[ProbeRow], url: &Target) -> Vec<Announcement> {
    let mut all = Vec::new();
    for row in rows {
        let Some(response) = final_response(row) else { continue };
        for token in list_of(response, "upgrade") {
            announce(&mut all, Announced::Protocol(token), "Upgrade", row);
        }
        for alternative in alternatives_of(row, &url.host) {
            announce(&mut all, Announced::Service(alternative), "Alt-Svc", row);
        }
        if response.status == 426 {
            for token in problem_of(response).map(|problem| problem.protocols).unwrap_or_default() {
                announce(&mut all, Announced::Protocol(token), "body", row);
            }
            for named in urls_of(row, url) {
                announce(&mut all, Announced::Url(named.target), named.source, row);
            }
        }
    }
    all
}

fn announce(all: &mut Vec<Announcement>, announced: Announced, source: &str, row: &ProbeRow) {
    let known = all.iter().position(|known| is_same(&known.announced, &announced));
    let place = known.unwrap_or(all.len());
    if place == all.len() {
        all.push(Announcement { announced, sources: Vec::new(), made_by: Vec::new() });
    }
    let announcement = &mut all[place];
    add_once(&mut announcement.sources, source);
    add_once(&mut announcement.made_by, &row.question);
}

fn add_once(list: &mut Vec<String>, text: &str) {
    if !list.iter().any(|known| known == text) {
        list.push(text.to_owned());
    }
}

/// RFC 9110 §7.8: the names of protocols compare without case.
fn is_same(one: &Announced, other: &Announced) -> bool {
    match (one, other) {
        (Announced::Protocol(one), Announced::Protocol(other)) => one.eq_ignore_ascii_case(other),
        _ => one == other,
    }
}

/// The URLs that a refusal or a redirection names. Those that cannot be probed, such as `mailto:`,
/// are left out.
pub(super) fn urls_of(row: &ProbeRow, base: &Target) -> Vec<NamedUrl> {
    let Some(response) = final_response(row) else { return Vec::new() };
    if response.status != 426 && !(300..400).contains(&response.status) {
        return Vec::new();
    }
    let mut named = Vec::new();
    if let Some(problem) = problem_of(response)
        && let Some(target) = problem.upgrade_url.and_then(|url| resolve(&url, base))
    {
        named.push(NamedUrl { source: "body", target });
    }
    if let Some(target) = text_of(response, "location").and_then(|url| resolve(&url, base)) {
        named.push(NamedUrl { source: "Location", target });
    }
    for url in link_targets(response) {
        if let Some(target) = resolve(&url, base) {
            named.push(NamedUrl { source: "Link", target });
        }
    }
    named
}

/// The problem details of a body (RFC 9457).
pub(super) fn problem_of(response: &RecordedResponse) -> Option<ProblemDetails> {
    let body = response.body.as_ref()?;
    ProblemDetails::from_body(&text_of(response, "content-type")?, &body.octets)
}

/// The final response of a question.
pub(super) fn final_response(row: &ProbeRow) -> Option<&RecordedResponse> {
    row.exchange.as_ref()?.response.as_ref()
}

/// An absolute URL, or an absolute path on the host of `base` (RFC 3986 §4.2).
fn resolve(url: &str, base: &Target) -> Option<Target> {
    if url.starts_with('/') && !url.starts_with("//") {
        let path = url.split('#').next().unwrap_or_default().to_owned();
        return Some(Target { path, ..base.clone() });
    }
    let is_absolute = ["http://", "https://"].iter().any(|scheme| {
        url.get(..scheme.len()).is_some_and(|start| start.eq_ignore_ascii_case(scheme))
    });
    if !is_absolute {
        return None;
    }
    Target::parse(url).ok()
}

/// The targets of all `Link` fields (RFC 8288 §3), between `<` and `>`.
fn link_targets(response: &RecordedResponse) -> Vec<String> {
    let mut targets = Vec::new();
    for line in values_of(response, "link") {
        let text = String::from_utf8_lossy(line);
        let mut rest = text.as_ref();
        while let Some((_, opened)) = rest.split_once('<')
            && let Some((target, after)) = opened.split_once('>')
        {
            targets.push(target.trim().to_owned());
            rest = after;
        }
    }
    targets
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a panic is a failed test")]

    use upshift_record::{RecordedBody, RecordedExchange, RecordedField};

    use super::*;
    use crate::probe::asking::row_not_asked;
    use crate::probe::question::{Extra, Question};

    fn refusal(question: Extra, fields: &[(&str, &str)], body: &str) -> ProbeRow {
        let mut recorded = Vec::new();
        for (name, value) in fields {
            recorded.push(RecordedField((*name).into(), (*value).into()));
        }
        let response = RecordedResponse {
            status: 426,
            version: "1.1".to_owned(),
            reason: None,
            fields: recorded,
            body: Some(RecordedBody { octets: body.as_bytes().to_vec(), cut_from: None }),
            trailers: Vec::new(),
        };
        let exchange = RecordedExchange { response: Some(response), ..RecordedExchange::empty() };
        ProbeRow { exchange: Some(exchange), ..row_not_asked(Question::Extra(question), "") }
    }

    #[test]
    fn a_thing_is_announced_once() {
        let url = Target::parse("http://a.example:8080/x").unwrap();
        let body = r#"{"upgrade":{"protocols":["tls/1.2"],"url":"https://a.example:8443/x"}}"#;
        let fields = [
            ("Upgrade", "TLS/1.2, foo"),
            ("Content-Type", "application/problem+json"),
            ("Location", "https://a.example:8443/x"),
            ("Link", "</docs>; rel=help, <mailto:a@b>; rel=help"),
        ];
        let rows =
            [refusal(Extra::UnknownToken, &fields, body), refusal(Extra::Http09, &fields, body)];
        let all = collect_announcements(&rows, &url);
        let names: Vec<String> = all.iter().map(|one| format!("{:?}", one.sources)).collect();
        assert_eq!(
            names,
            [r#"["Upgrade", "body"]"#, r#"["Upgrade"]"#, r#"["body", "Location"]"#, r#"["Link"]"#]
        );
        assert_eq!(all[0].made_by, ["token", "http/0.9"]);
        assert_eq!(
            all[3].announced,
            Announced::Url(Target::parse("http://a.example:8080/docs").unwrap())
        );
    }
}

//! The one matcher: `hosts, paths, methods, headers, peers, clients, identities`, of rules,
//! exemptions and upstreams.

use upshift_core::policy::{
    ClientPattern, HeaderPattern, HostPattern, Matcher, MatcherValues, PathPattern,
};

use crate::document::Section;

/// Reads the matcher's keys from a section that has others beside them.
pub(crate) fn matcher(section: &mut Section<'_>) -> Matcher {
    Matcher {
        hosts: values(
            section,
            "hosts",
            "a host such as \"api.example.com\" or \"*.example.com\"",
            |text| HostPattern::parse(text).ok_or("a host has no scheme, port or path".to_owned()),
        ),
        paths: values(section, "paths", "a path such as \"/api/**\"", |text| {
            PathPattern::parse(text).map_err(|error| error.to_string())
        }),
        methods: values(section, "methods", "a method such as \"POST\"", method),
        headers: values(
            section,
            "headers",
            "a field such as \"X-Tier\" or \"X-Tier: gold\"",
            |text| {
                HeaderPattern::parse(text)
                    .ok_or("the name of a field has letters, digits and - only".to_owned())
            },
        ),
        peers: values(section, "peers", "a network such as \"10.0.0.0/8\"", |text| {
            crate::gateway::parse_network(text)
                .ok_or("expected an address, with or without /length".to_owned())
        }),
        clients: values(
            section,
            "clients",
            "a client such as \"AcmeApp\" or \"AcmeApp/5.1\"",
            |text| {
                ClientPattern::parse(text)
                    .ok_or("expected a name, or a name and a numeric version".to_owned())
            },
        ),
        identities: values(
            section,
            "identities",
            "an identity, the value itself",
            |text| match text {
                "" => Err("it is empty".to_owned()),
                text => Ok(text.into()),
            },
        ),
    }
}

/// Sorts the values of one key into those that let in and those that take away.
fn values<T>(
    section: &mut Section<'_>,
    key: &'static str,
    expected: &str,
    read: impl Fn(&str) -> Result<T, String>,
) -> MatcherValues<T> {
    let mut values = MatcherValues::default();
    let Some(item) = section.get(key) else { return values };
    let items = item.one_or_more();
    if items.is_empty() {
        item.wrong(format!("`{key}` is an empty list"), "leave the key out if anything fits");
    }
    for item in items {
        let mut exclude = false;
        let value = item.parsed(expected, |text| {
            let bare = text.strip_prefix('!');
            exclude = bare.is_some();
            read(bare.unwrap_or(text))
        });
        let kept = if exclude { &mut values.exclude } else { &mut values.include };
        kept.extend(value);
    }
    values
}

fn method(text: &str) -> Result<Box<str>, String> {
    if !upshift_core::field::is_token(text) {
        return Err("a method is one word".to_owned());
    }
    // RFC 9110 §9.1: methods are case-sensitive.
    match text.chars().any(|c| c.is_ascii_lowercase()) {
        true => Err(format!("case counts: did you mean \"{}\"?", text.to_ascii_uppercase())),
        false => Ok(text.into()),
    }
}

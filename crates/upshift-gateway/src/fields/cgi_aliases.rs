//! Field names that programs behind the gateway confuse with others.
//!
//! RFC 3875 §4.1.18: to a CGI program `X_Api_Version` is `X-Api-Version`, for both are
//! `HTTP_X_API_VERSION`; PHP turns `.` into `_` as well. Such an alias would carry a value
//! that the policy never saw, so the aliases of every field that a rule, an exemption, an identity,
//! a proxy or this gateway reads or sets are not forwarded.

use std::collections::HashSet;

use http::header::{HeaderMap, HeaderName};
use upshift_config::Proxy;
use upshift_core::Policy;

/// The fields that the gateway itself reads or sets.
const GATEWAY_FIELDS: [&str; 21] = [
    "connection",
    "content-length",
    "content-type",
    "cookie",
    "authorization",
    "expect",
    "forwarded",
    "host",
    "http2-settings",
    "keep-alive",
    "max-forwards",
    "proxy-connection",
    "sec-websocket-key",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
    "user-agent",
    "via",
    "x-real-ip",
    "x-request-id",
];

/// The field that a CGI program sees as `HTTP_PROXY`.
const PROXY: HeaderName = HeaderName::from_static("proxy");

/// The fields whose CGI aliases are not forwarded, as [`fold_as_cgi`] makes them.
#[derive(Debug, Default)]
pub(crate) struct GuardedFields {
    folded: HashSet<Box<str>>,
}

impl GuardedFields {
    /// The fields of a policy, of proxies and of the gateway itself.
    pub(crate) fn new(policy: &Policy, proxies: &[Proxy]) -> Self {
        let mut folded: HashSet<Box<str>> = HashSet::new();
        for name in policy.fields().into_iter().chain(GATEWAY_FIELDS) {
            folded.insert(fold_as_cgi(name).into());
        }
        for proxy in proxies {
            folded.extend(proxy.reads.names().map(|name| Box::from(fold_as_cgi(name))));
        }
        Self { folded }
    }

    /// Removes the aliases, and `Proxy`, which a CGI program sees as `HTTP_PROXY`: the proxy that
    /// its own requests go to (CVE-2016-5385).
    pub(crate) fn remove_aliases(&self, headers: &mut HeaderMap) {
        headers.remove(PROXY);
        // Nearly every name is plain: then nothing is folded and nothing allocated.
        let mut aliases: Vec<HeaderName> = Vec::new();
        for name in headers.keys() {
            if self.is_alias(name) {
                aliases.push(name.clone());
            }
        }
        for name in aliases {
            headers.remove(name);
        }
    }

    /// Returns true if a CGI program reads `name` as one of these fields, and it is another.
    fn is_alias(&self, name: &HeaderName) -> bool {
        if name.as_str().bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-') {
            return false;
        }
        let folded = fold_as_cgi(name.as_str());
        folded.starts_with("x-forwarded-")
            || folded == "proxy"
            || self.folded.contains(folded.as_str())
    }

    /// Returns true if `name` is one of these fields or an alias of one.
    pub(crate) fn covers(&self, name: &HeaderName) -> bool {
        let folded = fold_as_cgi(name.as_str());
        folded.starts_with("x-forwarded-") || self.folded.contains(folded.as_str())
    }
}

/// Returns `name` in lower case, with `-` for every character that is neither a letter nor a digit.
/// Names that a CGI program cannot tell apart give the same result.
fn fold_as_cgi(name: &str) -> String {
    let mut folded = String::with_capacity(name.len());
    for character in name.chars() {
        let is_plain = character.is_ascii_alphanumeric();
        folded.push(if is_plain { character.to_ascii_lowercase() } else { '-' });
    }
    folded
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test that fails here has failed")]
    use http::HeaderValue;
    use upshift_core::field::FieldName;
    use upshift_core::policy::{IdentityReader, PolicySpec, Requirement, RuleSpec};

    use super::*;

    #[test]
    fn aliases_of_guarded_fields_are_removed() {
        let tls = Requirement::Tls(upshift_core::TlsVersion::V1_2);
        let identity = vec![IdentityReader::Header(FieldName::parse("X-Api_Key").unwrap())];
        let rule = RuleSpec { identity, ..RuleSpec::new("r", vec![tls]) };
        let policy =
            Policy::new(PolicySpec { rules: vec![rule], ..PolicySpec::default() }).unwrap();
        let guarded = GuardedFields::new(&policy, &[]);
        let mut headers = HeaderMap::new();
        for name in [
            "x_api_key",
            "x.api.key",
            "x-api-key",
            "x-api_key",
            "x_forwarded_for",
            "content_length",
            "proxy",
            "x_other",
            "user_agent",
            "transfer!encoding",
        ] {
            headers.insert(HeaderName::from_static(name), HeaderValue::from_static("1"));
        }
        guarded.remove_aliases(&mut headers);
        let mut left: Vec<_> = headers.keys().map(HeaderName::as_str).collect();
        left.sort_unstable();
        // The rule reads `X-Api_Key` itself; of its aliases, the plain one is indistinguishable from
        // another field.
        assert_eq!(left, ["x-api-key", "x_other"]);
    }
}

//! Other spellings of a field that programs behind the gateway read as the same.
//!
//! RFC 3875 §4.1.18: to a CGI program `X_Api_Version` is `X-Api-Version`, for both are
//! `HTTP_X_API_VERSION`; PHP makes `_` of `.` as well. Such a twin would carry a value that the
//! policy never saw, so the twins of every field that a rule, an exemption, an identity, a proxy or
//! this gateway reads or writes do not cross.

use std::collections::HashSet;

use http::header::{HeaderMap, HeaderName};
use upshift_config::Proxy;
use upshift_core::Policy;

/// Fields that the gateway itself reads or writes.
const OWN: [&str; 21] = [
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

/// The fields whose twins do not cross, folded.
#[derive(Debug, Default)]
pub(crate) struct GuardedFields {
    folded: HashSet<Box<str>>,
}

impl GuardedFields {
    /// Those of a policy, of proxies and of the gateway itself.
    pub(crate) fn new(policy: &Policy, proxies: &[Proxy]) -> Self {
        let read_by_proxies = proxies.iter().flat_map(|proxy| proxy.reads.names());
        let all = policy.fields().into_iter().chain(read_by_proxies).chain(OWN);
        Self { folded: all.map(|name| fold(name).into()).collect() }
    }

    /// Removes the twins, and `Proxy`, which a CGI program takes for the proxy that it is to use
    /// (CVE-2016-5385).
    pub(crate) fn remove_twins(&self, headers: &mut HeaderMap) {
        headers.remove("proxy");
        // Nearly every name is plain: then nothing is folded and nothing allocated.
        let odd: Vec<HeaderName> =
            headers.keys().filter(|name| self.is_twin(name)).cloned().collect();
        for name in odd {
            headers.remove(name);
        }
    }

    /// Whether `name` is read as one of these fields without being it.
    fn is_twin(&self, name: &HeaderName) -> bool {
        let name = name.as_str();
        if name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-') {
            return false;
        }
        let folded = fold(name);
        folded.starts_with("x-forwarded-")
            || folded == "proxy"
            || self.folded.contains(folded.as_str())
    }

    /// Whether `name`, or one that it is a twin of, is one of these fields.
    pub(crate) fn covers(&self, name: &HeaderName) -> bool {
        let folded = fold(name.as_str());
        folded.starts_with("x-forwarded-") || self.folded.contains(folded.as_str())
    }
}

/// `name` in lower case, with `-` for every character that is no letter and no digit.
fn fold(name: &str) -> String {
    let fold = |character: char| {
        if character.is_ascii_alphanumeric() { character.to_ascii_lowercase() } else { '-' }
    };
    name.chars().map(fold).collect()
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test that fails here has failed")]
    use http::HeaderValue;
    use upshift_core::policy::{FieldName, IdentityReader, PolicySpec, Requirement, RuleSpec};

    use super::*;

    #[test]
    fn twins_of_what_is_read_do_not_cross() {
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
        guarded.remove_twins(&mut headers);
        let mut left: Vec<_> = headers.keys().map(HeaderName::as_str).collect();
        left.sort_unstable();
        // The rule reads `X-Api_Key` itself; of its twins, the plain one is indistinguishable from
        // another field.
        assert_eq!(left, ["x-api-key", "x_other"]);
    }
}

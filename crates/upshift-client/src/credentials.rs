//! The fields that are credentials, and the origins that they may be sent to.

use std::sync::Arc;

use http::header::{AUTHORIZATION, COOKIE, PROXY_AUTHORIZATION};
use http::{HeaderName, HeaderValue};

use crate::outgoing_head::{OutgoingHead, without_user};

/// The fields that are credentials, and the origins that they may be sent to.
#[derive(Clone)]
pub(crate) struct Credentials {
    pub(crate) names: Arc<[HeaderName]>,
    /// They may be sent to another origin that a 426 leads to.
    pub(crate) location_trusted: bool,
}

impl Default for Credentials {
    fn default() -> Self {
        let key = HeaderName::from_static("x-api-key");
        let names = [AUTHORIZATION, PROXY_AUTHORIZATION, COOKIE, key].into();
        Self { names, location_trusted: false }
    }
}

impl Credentials {
    /// Returns true if a request has credentials: one of the fields, a field marked as sensitive,
    /// or user information in the URL.
    pub(crate) fn are_in(&self, head: &OutgoingHead) -> bool {
        if let Some(authority) = head.uri.authority()
            && authority.as_str().contains('@')
        {
            return true;
        }
        head.headers.iter().any(|(name, value)| self.is_credential(name, value))
    }

    fn is_credential(&self, name: &HeaderName, value: &HeaderValue) -> bool {
        value.is_sensitive() || self.names.contains(name)
    }

    /// Returns the request as it may be sent, and true if credentials were left out of it. `named`
    /// is the request as the caller made it, whose origin the credentials are for.
    pub(crate) fn confine_to_origin(
        &self,
        head: &OutgoingHead,
        named: &OutgoingHead,
    ) -> (OutgoingHead, bool) {
        if self.may_go(named, head) || !self.are_in(head) {
            return (head.clone(), false);
        }
        // Rebuilt rather than filtered: of a field with several lines, only some may be sensitive.
        let mut confined = head.clone();
        confined.headers.clear();
        for (name, value) in &head.headers {
            if !self.is_credential(name, value) {
                confined.headers.append(name, value.clone());
            }
        }
        // This never fails: the part after the `@` of a valid authority is an authority.
        if let Ok(bare) = without_user(&head.uri) {
            confined.uri = bare;
        }
        (confined, true)
    }

    /// Returns true if credentials for the origin of `named` may be sent to the origin of `next`.
    ///
    /// RFC 9110 §4.3.4 makes each scheme, host and port an authority of its own, and another port
    /// may be another user's program (CVE-2022-27774). Port 443 of the same host is what `http` on
    /// port 80 is upgraded to.
    fn may_go(&self, named: &OutgoingHead, next: &OutgoingHead) -> bool {
        if named.is_secure() && !next.is_secure() {
            return false;
        }
        if self.location_trusted || named.origin() == next.origin() {
            return true;
        }
        let same_host = named.host().eq_ignore_ascii_case(next.host());
        same_host && next.is_secure() && (named.port(), next.port()) == (80, 443)
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test that fails here has failed")]
    use super::*;
    use http::Request;

    fn head(uri: &str) -> OutgoingHead {
        let request = Request::get(uri).header("authorization", "Basic x").header("accept", "*/*");
        OutgoingHead::from_parts(request.body(()).unwrap().into_parts().0)
    }

    fn go(trusted: bool, named: &str, next: &str) -> bool {
        let credentials = Credentials { location_trusted: trusted, ..Credentials::default() };
        let (sent, left_out) = credentials.confine_to_origin(&head(next), &head(named));
        assert_eq!(sent.headers.contains_key("authorization"), !left_out);
        assert_eq!(sent.headers["accept"], "*/*");
        !left_out
    }

    #[test]
    fn credentials_stay_with_the_origin_that_they_are_for() {
        for (named, next, may_go) in [
            ("http://h/", "http://H:80/b", true),
            ("http://h/", "https://h/", true),
            ("https://h/", "https://h:443/", true),
            ("http://h/", "https://h:8443/", false),
            ("http://h:8080/", "https://h:8080/", false),
            ("http://h:8080/", "https://h/", false),
            ("https://h/", "https://h:8443/", false),
            ("http://h/", "https://other/", false),
            ("https://h/", "http://h/", false),
        ] {
            assert_eq!(go(false, named, next), may_go, "{named} to {next}");
        }
    }

    #[test]
    fn a_caller_may_trust_other_origins_but_never_a_downgrade() {
        assert!(go(true, "http://h/", "https://h:8443/"));
        assert!(!go(true, "https://h/", "http://h/"));
    }

    #[test]
    fn credentials_are_found_wherever_they_are() {
        let credentials = Credentials { names: [AUTHORIZATION].into(), location_trusted: false };
        let bare = |uri: &str| {
            OutgoingHead::from_parts(Request::get(uri).body(()).unwrap().into_parts().0)
        };
        assert!(!credentials.are_in(&bare("http://h/")));
        assert!(credentials.are_in(&bare("http://u:p@h/")));
        let mut request = bare("http://h/");
        let mut secret = HeaderValue::from_static("s");
        secret.set_sensitive(true);
        request.headers.insert("x-any", secret);
        assert!(credentials.are_in(&request));

        let mut elsewhere = bare("https://u:p@h:8443/");
        elsewhere.headers = request.headers.clone();
        let (sent, left_out) = credentials.confine_to_origin(&elsewhere, &request);
        assert!(left_out && sent.headers.is_empty());
        assert_eq!(sent.uri, "https://h:8443/");
    }
}

//! The trailer fields that are forwarded.
//!
//! RFC 9110 §6.5.1: a trailer that is needed for framing, routing, authentication or the like "MUST
//! NOT" be generated, and §6.5.2: a recipient may merge a trailer into the header section only if
//! it knows the field to permit that. Programs merge others, too, so a trailer that could change
//! the input of the policy decision is dropped.

use std::rc::Rc;

use http::header::{self, HeaderMap, HeaderName};
use upshift_http::{Nominated, is_hop_by_hop};

use super::cgi_aliases::GuardedFields;

/// Fields that are never forwarded as trailers.
const NEVER: [HeaderName; 11] = [
    header::AUTHORIZATION,
    header::CONTENT_ENCODING,
    header::CONTENT_LENGTH,
    header::CONTENT_RANGE,
    header::CONTENT_TYPE,
    header::COOKIE,
    header::EXPECT,
    header::HOST,
    header::MAX_FORWARDS,
    header::SET_COOKIE,
    header::TRAILER,
];

/// The trailers of one message that are not forwarded.
#[derive(Clone, Debug, Default)]
pub(crate) struct TrailerFilter {
    nominated: Nominated,
    guarded: Option<Rc<GuardedFields>>,
}

impl TrailerFilter {
    /// The filter for a request: it drops trailers that `Connection` named, and those that the
    /// policy or a proxy reads in the header section.
    pub(crate) fn for_request(nominated: Nominated, guarded: Rc<GuardedFields>) -> Self {
        Self { nominated, guarded: Some(guarded) }
    }

    /// The filter for a response: it drops trailers that `Connection` named.
    pub(crate) fn for_response(nominated: Nominated) -> Self {
        Self { nominated, guarded: None }
    }

    /// Removes the trailers that are not forwarded.
    pub(crate) fn remove_forbidden(&self, trailers: &mut HeaderMap) {
        // Collected first, because a map cannot change while it is iterated. Most messages have no
        // forbidden trailer, and then nothing is allocated.
        let mut forbidden: Vec<HeaderName> = Vec::new();
        for name in trailers.keys() {
            if self.is_forbidden(name) {
                forbidden.push(name.clone());
            }
        }
        for name in forbidden {
            trailers.remove(name);
        }
    }

    fn is_forbidden(&self, name: &HeaderName) -> bool {
        if let Some(guarded) = &self.guarded
            && guarded.covers(name)
        {
            return true;
        }
        NEVER.contains(name) || is_hop_by_hop(name) || self.nominated.names(name)
    }
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;
    use upshift_http::remove_nominated;

    #[test]
    fn trailers_that_would_change_the_message_do_not_cross() {
        let mut headers = HeaderMap::new();
        headers.insert(header::CONNECTION, HeaderValue::from_static("x-secret"));
        let filter = TrailerFilter::for_response(remove_nominated(&mut headers, &[]));
        let mut trailers = HeaderMap::new();
        for name in
            ["x-secret", "content-length", "transfer-encoding", "host", "grpc-status", "connection"]
        {
            trailers.insert(HeaderName::from_static(name), HeaderValue::from_static("1"));
        }
        filter.remove_forbidden(&mut trailers);
        assert_eq!(trailers.keys().map(HeaderName::as_str).collect::<Vec<_>>(), ["grpc-status"]);
    }
}

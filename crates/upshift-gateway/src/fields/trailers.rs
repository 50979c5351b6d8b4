//! Which trailer fields cross.
//!
//! RFC 9110 §6.5.1: a trailer that is needed for framing, routing, authentication or the like "MUST
//! NOT" be generated, and §6.5.2: merging one into the header section is for those who know it.
//! Programs do it all the same, so a trailer that would change what was decided on is dropped.

use std::rc::Rc;

use http::header::{self, HeaderMap, HeaderName};
use upshift_http::{Nominated, is_hop_by_hop};

use super::twins::GuardedFields;

/// Fields that are never trailers.
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

/// Which trailers of one message do not cross.
#[derive(Clone, Debug, Default)]
pub(crate) struct TrailerFilter {
    nominated: Nominated,
    guarded: Option<Rc<GuardedFields>>,
}

impl TrailerFilter {
    /// For a request: none that `Connection` named, and none that the policy or a proxy reads in
    /// the header section.
    pub(crate) fn request(nominated: Nominated, guarded: Rc<GuardedFields>) -> Self {
        Self { nominated, guarded: Some(guarded) }
    }

    /// For a response: none that `Connection` named.
    pub(crate) fn response(nominated: Nominated) -> Self {
        Self { nominated, guarded: None }
    }

    /// Removes what does not cross.
    pub(crate) fn apply(&self, trailers: &mut HeaderMap) {
        let stays = |name: &HeaderName| self.stays(name);
        let names: Vec<HeaderName> = trailers.keys().filter(|name| stays(name)).cloned().collect();
        for name in names {
            trailers.remove(name);
        }
    }

    fn stays(&self, name: &HeaderName) -> bool {
        let guarded = self.guarded.as_ref().is_some_and(|guarded| guarded.covers(name));
        guarded || NEVER.contains(name) || is_hop_by_hop(name) || self.nominated.names(name)
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
        let filter = TrailerFilter::response(remove_nominated(&mut headers, &[]));
        let mut trailers = HeaderMap::new();
        for name in
            ["x-secret", "content-length", "transfer-encoding", "host", "grpc-status", "connection"]
        {
            trailers.insert(HeaderName::from_static(name), HeaderValue::from_static("1"));
        }
        filter.apply(&mut trailers);
        assert_eq!(trailers.keys().map(HeaderName::as_str).collect::<Vec<_>>(), ["grpc-status"]);
    }
}

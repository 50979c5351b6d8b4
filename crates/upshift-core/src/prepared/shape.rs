//! The facts that decide which sentences and fields an answer contains.

use std::borrow::Cow;

use super::format::Format;
use crate::facts::{HttpVersion, Known, TlsState};
use crate::policy::phase::Phase;
use crate::policy::requirement::RequirementKind;
use crate::verdict::VerdictReason;

/// Everything that an answer depends on, apart from the rules and the values in its holes.
///
/// Answers of the same shape differ only in the values of their holes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct AnswerShape<'r> {
    pub(crate) form: AnswerForm,
    pub(crate) request: RequestShape,
    /// The ruling that decided.
    pub(crate) top: RulingShape<'r>,
    /// The phase of its rule.
    pub(crate) phase: Phase,
    /// True if the refusal ends at a known time, with the brownout.
    pub(crate) has_window_end: bool,
    /// The requested URL with the scheme `https`.
    pub(crate) https_url: UrlShape,
    /// The other rulings that refuse.
    pub(crate) others: Vec<OtherShape<'r>>,
}

/// The form of an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum AnswerForm {
    /// A redirect to `https`.
    Redirect,
    /// A refusal, its body in this format.
    Refusal(Format),
}

/// The requested URL with the scheme `https`, as far as the shape of an answer depends on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum UrlShape {
    /// It is not known.
    None,
    /// It is the URL of the rule's documentation.
    Docs,
    /// It is another URL.
    Other,
}

/// The properties of a request and its listener that the shape of an answer depends on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct RequestShape {
    /// The HTTP version of the connection.
    pub(crate) hop: HttpVersion,
    /// The HTTP version that the client speaks.
    pub(crate) http: Known<HttpVersion>,
    /// The protection of the client's connection.
    pub(crate) tls: Known<TlsState>,
    /// True if the listener switches to HTTP/2 on `Upgrade: h2c`.
    pub(crate) h2c: bool,
    /// True if the listener switches to TLS in band.
    pub(crate) tls_in_band: bool,
    /// True if a proxy in front does not forward `Upgrade`.
    pub(crate) hides_upgrade: bool,
    /// True if HTTP/3 is announced.
    pub(crate) has_alt_svc: bool,
}

/// The properties of a ruling that the shape of an answer depends on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct RulingShape<'r> {
    pub(crate) kind: RequirementKind,
    pub(crate) reason: VerdictReason,
    pub(crate) cause: Option<VerdictReason>,
    /// The number of observed values.
    pub(crate) observed: usize,
    /// The first observed API version.
    pub(crate) api: ApiShape,
    /// The observed client's name in the rule's spelling, or `None` if the rule does not mention
    /// it. A blocked client's name keeps the spelling of the request, because the answer repeats it
    /// in a token.
    pub(crate) client: Option<Cow<'r, str>>,
}

/// The origin of an API version.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ApiShape {
    /// None was observed.
    None,
    /// The rule assumes it.
    Assumed,
    /// The request names it.
    Sent,
}

/// Another ruling that refuses, and the id of its rule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct OtherShape<'r> {
    pub(crate) rule: Cow<'r, str>,
    pub(crate) ruling: RulingShape<'r>,
}

impl AnswerShape<'_> {
    /// The memory that its texts use, in bytes.
    pub(crate) fn size(&self) -> usize {
        let mut size = self.top.size() + self.others.len() * size_of::<OtherShape<'_>>();
        for other in &self.others {
            size += other.rule.len() + other.ruling.size();
        }
        size
    }

    /// The same shape, independent of the request.
    pub(crate) fn into_owned(self) -> AnswerShape<'static> {
        let Self { form, request, top, phase, has_window_end, https_url, others } = self;
        let others = others.into_iter().map(OtherShape::into_owned).collect();
        let top = top.into_owned();
        AnswerShape { form, request, top, phase, has_window_end, https_url, others }
    }
}

impl RequestShape {
    /// Returns true if the connection speaks HTTP/1.1 or older, so that `Upgrade` may be sent.
    pub(crate) fn is_http1(&self) -> bool {
        !self.hop.is_multiplexed()
    }

    /// Returns true if the client's connection is known to be unprotected.
    pub(crate) fn is_cleartext(&self) -> bool {
        self.tls == Known::Is(TlsState::Cleartext)
    }
}

impl RulingShape<'_> {
    fn size(&self) -> usize {
        match &self.client {
            Some(name) => name.len(),
            None => 0,
        }
    }

    fn into_owned(self) -> RulingShape<'static> {
        let Self { kind, reason, cause, observed, api, client } = self;
        let client = client.map(|name| Cow::Owned(name.into_owned()));
        RulingShape { kind, reason, cause, observed, api, client }
    }
}

impl OtherShape<'_> {
    fn into_owned(self) -> OtherShape<'static> {
        OtherShape { rule: Cow::Owned(self.rule.into_owned()), ruling: self.ruling.into_owned() }
    }
}

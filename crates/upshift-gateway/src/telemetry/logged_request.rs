//! The parts of a request that its access record shows. None of them is a secret: queries, and
//! fields that no requirement reads, may hold tokens.

use std::net::IpAddr;

use http::{HeaderValue, Method};
use upshift_adoption::Fingerprint;
use upshift_core::client_info::ConnectionInfo;
use upshift_core::policy::RequirementInputs;
use upshift_core::{Decision, Facts, HttpVersion, Known, Timestamp, TlsState, Verdict};
use upshift_http1::FieldId;
use upshift_record::DecisionRecord;

use crate::fields::request_fields::RequestFields;
use crate::received_request::ReceivedRequest;

/// The parts of a request that its access record shows.
pub(crate) struct LoggedRequest {
    /// The time of the decision; without one, that at which the head was read.
    pub(crate) time: Timestamp,
    /// `X-Request-Id`.
    pub(crate) request_id: Option<HeaderValue>,
    /// The client's address.
    pub(crate) peer: Option<IpAddr>,
    /// The method; `None` if it could not be read.
    pub(crate) method: Option<Method>,
    /// The host, without the port.
    pub(crate) host: String,
    /// The path, without the query.
    pub(crate) path: String,
    /// The part of the query that a requirement reads.
    pub(crate) query: Option<String>,
    /// `:protocol` of an extended CONNECT.
    pub(crate) protocol: Option<String>,
    /// The version of HTTP on the client's connection; `None` if it could not be read.
    pub(crate) hop: Option<HttpVersion>,
    /// The version of HTTP that the client speaks; `None` if it could not be read.
    pub(crate) http: Option<Known<HttpVersion>>,
    /// The protection of the client's connection.
    pub(crate) tls: Known<TlsState>,
    /// `User-Agent`.
    pub(crate) user_agent: Option<HeaderValue>,
    /// `Referer`.
    pub(crate) referer: Option<HeaderValue>,
    /// The fields that a requirement reads.
    pub(crate) fields: Vec<LoggedField>,
    /// The decision; `None` if the policy was not asked.
    pub(crate) decided: Option<LoggedDecision>,
}

/// A field that a requirement reads.
pub(crate) struct LoggedField {
    /// Its name, in lower case.
    pub(crate) name: Box<str>,
    /// The values of its lines; empty if the client sent none.
    pub(crate) lines: Vec<HeaderValue>,
}

/// The decision on a request.
pub(crate) struct LoggedDecision {
    /// The decision.
    pub(crate) record: DecisionRecord,
    /// The request is refused.
    pub(crate) is_refused: bool,
    /// The fingerprint of the caller, as the rule that decided knows it.
    pub(crate) caller: Option<Fingerprint>,
}

impl LoggedRequest {
    /// The parts of a request that was not decided on.
    pub(crate) fn undecided(
        received: &ReceivedRequest<'_>,
        seen: ConnectionInfo,
        request_id: &HeaderValue,
    ) -> Self {
        let field = received.fields.first_value(FieldId::Host.as_str());
        let host = match (received.uri.host(), field) {
            (Some(host), _) => host.to_owned(),
            (None, Some(host)) => Facts::host_of(host.to_str().unwrap_or_default()).to_owned(),
            (None, None) => String::new(),
        };
        Self {
            host,
            path: received.uri.path().to_owned(),
            ..Self::new(received, seen, request_id, Timestamp::now())
        }
    }

    /// The parts of a request that was decided on at `now`.
    pub(crate) fn decided(
        received: &ReceivedRequest<'_>,
        facts: &Facts<'_>,
        request_id: &HeaderValue,
        now: Timestamp,
        inputs: &RequirementInputs,
        decision: LoggedDecision,
    ) -> Self {
        let seen = ConnectionInfo { peer: facts.client_ip, http: facts.hop, tls: facts.tls };
        Self {
            host: facts.host.to_owned(),
            path: facts.path.to_owned(),
            query: facts.query.and_then(|query| inputs.read_part(query)),
            protocol: facts.protocol.map(str::to_owned),
            http: Some(facts.http),
            fields: logged_fields(&received.fields, inputs),
            decided: Some(decision),
            ..Self::new(received, seen, request_id, now)
        }
    }

    fn new(
        received: &ReceivedRequest<'_>,
        seen: ConnectionInfo,
        request_id: &HeaderValue,
        time: Timestamp,
    ) -> Self {
        Self {
            request_id: Some(request_id.clone()),
            method: Some(received.method.clone()),
            user_agent: received.fields.first_value("user-agent"),
            referer: received.fields.first_value("referer"),
            ..Self::of_connection(seen, time)
        }
    }

    /// The facts about a request that its connection alone gives.
    pub(crate) fn of_connection(seen: ConnectionInfo, time: Timestamp) -> Self {
        Self {
            time,
            request_id: None,
            peer: seen.peer.map(|peer| peer.to_canonical()),
            method: None,
            host: String::new(),
            path: String::new(),
            query: None,
            protocol: None,
            hop: Some(seen.http),
            http: Some(Known::Is(seen.http)),
            tls: seen.tls,
            user_agent: None,
            referer: None,
            fields: Vec::new(),
            decided: None,
        }
    }
}

impl LoggedDecision {
    /// A decision under the policy of this revision.
    pub(crate) fn new(
        decision: &Decision<'_>,
        revision: &str,
        caller: Option<Fingerprint>,
    ) -> Self {
        let record = DecisionRecord::of_decision(decision, revision);
        Self { record, is_refused: decision.verdict == Verdict::Refuse, caller }
    }
}

fn logged_fields(fields: &RequestFields<'_>, inputs: &RequirementInputs) -> Vec<LoggedField> {
    let mut logged = Vec::new();
    for name in inputs.fields() {
        logged.push(LoggedField { name: name.into(), lines: fields.values_of(name) });
    }
    logged
}

//! Messages of HTTP/2 and HTTP/3: requests as they are recorded, and answers before they are
//! framed.

use http::request::Parts;
use http::{HeaderMap, HeaderName, HeaderValue, Response, StatusCode};
use upshift_http::CONNECTION_SPECIFIC;
use upshift_record::{
    ExchangeEnd, RecordedBody, RecordedExchange, RecordedField, RecordedRequest, RecordedResponse,
    WireText,
};

use super::pending_request::PendingRequest;
use super::scenario::{Answer, ChosenStep, Placeholders, no_step_body};

/// An answer, before it is framed.
#[derive(Debug)]
pub(crate) struct FramedAnswer {
    /// The interim responses.
    pub(crate) interim: Vec<FramedHead>,
    /// The head of the final response.
    pub(crate) head: FramedHead,
    /// The content, as far as it is sent.
    pub(crate) body: Vec<u8>,
    /// True if the stream ends after it.
    pub(crate) is_whole: bool,
}

/// The head of an answer.
#[derive(Debug)]
pub(crate) struct FramedHead {
    /// The status code.
    pub(crate) status: u16,
    /// The fields, with names in lower case.
    pub(crate) fields: Vec<(String, String)>,
}

impl FramedAnswer {
    /// The answer of a step, or of a scenario without one that fits. `None` if the step answers
    /// with no message.
    pub(crate) fn of_step(
        chosen: &ChosenStep,
        pending: &PendingRequest,
        placeholders: &Placeholders,
    ) -> Option<Self> {
        let Some(step) = &chosen.step else {
            return Some(Self::no_step(pending.scenario_name()));
        };
        let Answer::Message { interim, status, fields, body } = step.answer() else { return None };
        let mut answer = Self {
            interim: Vec::new(),
            head: FramedHead::new(status, fields, placeholders),
            body: placeholders.fill(body).into_bytes(),
            is_whole: true,
        };
        for one in interim {
            answer.interim.push(FramedHead::new(one.status.0, &one.fields, placeholders));
        }
        // RFC 9110 §8.6: no length in a 1xx or 204.
        if status >= 200 && status != 204 {
            let length = answer.body.len().to_string();
            answer.head.fields.push(("content-length".to_owned(), length));
        }
        // RFC 9110 §9.3.2: the response to HEAD has no content.
        if pending.request.method.as_bytes() == b"HEAD" {
            answer.body.clear();
        }
        if let Some(cut) = step.fault.cut {
            answer.body.truncate(cut);
            answer.is_whole = false;
        }
        Some(answer)
    }

    fn no_step(scenario: &str) -> Self {
        let fields = vec![("content-type".to_owned(), "text/plain".to_owned())];
        Self {
            interim: Vec::new(),
            head: FramedHead { status: 404, fields },
            body: no_step_body(scenario).into_bytes(),
            is_whole: true,
        }
    }

    /// Adds the responses to the record of an exchange.
    pub(crate) fn record(&self, exchange: &mut RecordedExchange, version: &str) {
        for head in &self.interim {
            exchange.interim.push(head.recorded(version));
        }
        let mut last = self.head.recorded(version);
        if !self.body.is_empty() {
            last.body = Some(RecordedBody { octets: self.body.clone(), cut_from: None });
        }
        // A 101 has no place in these versions, and a client reads it as an interim response.
        if last.status < 200 {
            exchange.interim.push(last);
            return;
        }
        exchange.response = Some(last);
        exchange.end = Some(if self.is_whole { ExchangeEnd::Complete } else { ExchangeEnd::Reset });
    }

    /// Returns true if a library for HTTP/2 sends it: RFC 9113 §8.2.2 and §8.6 forbid fields about
    /// the connection, and `101`.
    pub(crate) fn is_legal(&self) -> bool {
        self.head.status >= 200
            && self.head.is_legal()
            && self.interim.iter().all(|head| head.is_legal() && head.status != 101)
    }
}

impl FramedHead {
    fn new(status: u16, fields: &[(String, String)], placeholders: &Placeholders) -> Self {
        let mut filled = Vec::new();
        for (name, value) in fields {
            filled.push((name.to_ascii_lowercase(), placeholders.fill(value)));
        }
        Self { status, fields: filled }
    }

    fn is_legal(&self) -> bool {
        for (name, _) in &self.fields {
            if CONNECTION_SPECIFIC.iter().any(|forbidden| forbidden.as_str() == name) {
                return false;
            }
        }
        true
    }

    pub(crate) fn recorded(&self, version: &str) -> RecordedResponse {
        let mut fields = Vec::new();
        for (name, value) in &self.fields {
            fields.push(RecordedField(name.as_str().into(), value.as_str().into()));
        }
        RecordedResponse {
            status: self.status,
            version: version.to_owned(),
            reason: None,
            fields,
            body: None,
            trailers: Vec::new(),
        }
    }

    /// The head for a library; `None` if the `http` crate cannot represent it.
    pub(crate) fn to_response(&self) -> Option<Response<()>> {
        let mut response = Response::new(());
        *response.status_mut() = StatusCode::from_u16(self.status).ok()?;
        for (name, value) in &self.fields {
            let name = HeaderName::from_bytes(name.as_bytes()).ok()?;
            response.headers_mut().append(name, HeaderValue::from_str(value).ok()?);
        }
        Some(response)
    }
}

/// A request as it is recorded: `:authority` is a field of it, and its content is still to come.
pub(crate) fn recorded_request(head: &Parts, version: &str) -> RecordedRequest {
    let mut fields = Vec::new();
    if let Some(authority) = head.uri.authority() {
        fields.push(RecordedField(":authority".into(), authority.as_str().into()));
    }
    fields.extend(recorded_fields(&head.headers));
    let target = match head.uri.path_and_query() {
        Some(path) => path.as_str(),
        None => "",
    };
    RecordedRequest {
        method: head.method.as_str().into(),
        target: target.into(),
        version: version.to_owned(),
        fields,
        body: None,
        trailers: Vec::new(),
    }
}

/// The fields of a map, as they are recorded.
pub(crate) fn recorded_fields(headers: &HeaderMap) -> Vec<RecordedField> {
    let mut fields = Vec::new();
    for (name, value) in headers {
        fields.push(RecordedField(name.as_str().into(), WireText::from(value.as_bytes())));
    }
    fields
}

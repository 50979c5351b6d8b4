//! A recorded exchange as the notes see it: messages with parsed versions, and facts about the
//! connection.

mod field_section;
mod transport;

use upshift_core::field::MediaType;
use upshift_record::{MessagePlace, RecordedExchange, RecordedRequest, RecordedResponse};

pub(crate) use field_section::FieldSection;
pub(crate) use transport::Transport;

/// A recorded exchange.
pub(crate) struct Exchange<'e> {
    /// The protection of the connection.
    pub(crate) transport: Transport,
    /// The request, if it was recorded.
    pub(crate) request: Option<Request<'e>>,
    /// The interim responses and then the final one.
    pub(crate) responses: Vec<Response<'e>>,
}

/// A request.
pub(crate) struct Request<'e> {
    pub(crate) method: String,
    pub(crate) fields: FieldSection<'e>,
}

/// A response, interim or final.
pub(crate) struct Response<'e> {
    pub(crate) status: u16,
    pub(crate) fields: FieldSection<'e>,
    /// The octets of the content; empty if there was none or it was not recorded.
    pub(crate) body: &'e [u8],
    /// True if the whole content was recorded.
    pub(crate) body_is_whole: bool,
}

impl<'e> Exchange<'e> {
    pub(crate) fn new(recorded: &'e RecordedExchange) -> Self {
        let mut responses = Vec::new();
        for (index, interim) in recorded.interim.iter().enumerate() {
            responses.push(Response::new(interim, MessagePlace::Interim(index + 1)));
        }
        if let Some(response) = &recorded.response {
            responses.push(Response::new(response, MessagePlace::Response));
        }
        Self {
            transport: Transport::of(recorded),
            request: recorded.request.as_ref().map(Request::new),
            responses,
        }
    }

    /// The final response.
    pub(crate) fn final_response(&self) -> Option<&Response<'e>> {
        self.responses.last().filter(|response| response.status >= 200)
    }

    /// The final response, if it is a 426.
    pub(crate) fn refusal(&self) -> Option<&Response<'e>> {
        self.final_response().filter(|response| response.status == 426)
    }

    /// The 101, if there is one.
    pub(crate) fn switch(&self) -> Option<&Response<'e>> {
        self.responses.iter().find(|response| response.status == 101)
    }

    /// The field sections of all messages, the request's first.
    pub(crate) fn sections(&self) -> Vec<&FieldSection<'e>> {
        let mut sections = Vec::new();
        sections.extend(self.request.as_ref().map(|request| &request.fields));
        for response in &self.responses {
            sections.push(&response.fields);
        }
        sections
    }

    /// Returns true if the request asks for a WebSocket over HTTP/1.1.
    pub(crate) fn asks_for_websocket(&self) -> bool {
        self.request.as_ref().is_some_and(|request| request.offers("websocket"))
    }
}

impl<'e> Request<'e> {
    fn new(recorded: &'e RecordedRequest) -> Self {
        let place = MessagePlace::Request;
        Self {
            method: recorded.method.to_text(),
            fields: FieldSection::new(place, &recorded.version, &recorded.fields),
        }
    }

    /// Returns true if `Upgrade` offers a protocol called `name`.
    pub(crate) fn offers(&self, name: &str) -> bool {
        let mut offered = self.fields.protocols().into_iter();
        offered.any(|protocol| protocol.is_named(name))
    }
}

impl<'e> Response<'e> {
    fn new(recorded: &'e RecordedResponse, place: MessagePlace) -> Self {
        let body = recorded.body.as_ref();
        Self {
            status: recorded.status,
            fields: FieldSection::new(place, &recorded.version, &recorded.fields),
            body: body.map(|body| body.octets.as_slice()).unwrap_or_default(),
            body_is_whole: body.is_none_or(|body| body.cut_from.is_none()),
        }
    }

    /// The media type of the content without parameters, in lower case.
    pub(crate) fn media_type(&self) -> Option<String> {
        let value = self.fields.text("content-type")?;
        let media = MediaType::parse(&value)?;
        Some(media.essence.to_ascii_lowercase())
    }

    /// Returns true if the response has no content, as far as its fields and the recording say.
    pub(crate) fn is_empty(&self) -> bool {
        let length = self.fields.text("content-length");
        let announces_none = length.is_none_or(|length| length == "0");
        let is_framed = self.fields.has("transfer-encoding");
        self.body.is_empty() && self.body_is_whole && announces_none && !is_framed
    }

    /// Returns true if the status is from 200 to 299.
    pub(crate) fn is_success(&self) -> bool {
        (200..300).contains(&self.status)
    }
}

//! A step: which requests it answers, and how.

use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Deserializer, de};
use upshift_record::Lane;

use super::condition::{AskedRequest, Conditions};
use super::lane_set::LaneSet;
use super::octets::{HexOctets, TimeSpan};

/// One step of a scenario.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct Step {
    /// The lanes.
    #[serde(default)]
    on: LaneSet,
    /// The other conditions.
    #[serde(default)]
    when: Conditions,
    /// The moment of the answer.
    #[serde(default)]
    at: AnswerTime,
    /// The octets of the answer over HTTP/1.x, as text.
    send: Option<String>,
    /// True if the line ends of `send` are as written.
    #[serde(default)]
    raw: bool,
    /// The status code of an answer in the protocol of the request.
    status: Option<StatusCode>,
    /// The fields of that answer.
    #[serde(default)]
    fields: Vec<(String, String)>,
    /// The content of that answer.
    #[serde(default)]
    body: String,
    /// The interim responses before that answer.
    #[serde(default)]
    interim: Vec<InterimAnswer>,
    /// The error code of an HTTP/2 or HTTP/3 stream that is reset in place of an answer.
    stream_error: Option<u32>,
    /// The continuation.
    then: Option<Then>,
    /// The faults on the way.
    #[serde(default)]
    pub(crate) fault: Faults,
}

/// The step that answers a request, if one does.
#[derive(Clone, Debug, Default)]
pub(crate) struct ChosenStep {
    /// The number of the step in its scenario, from 1.
    pub(crate) number: Option<usize>,
    /// The step.
    pub(crate) step: Option<Arc<Step>>,
}

/// An interim response.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct InterimAnswer {
    /// The status code, a 1xx.
    pub(crate) status: StatusCode,
    /// The fields.
    #[serde(default)]
    pub(crate) fields: Vec<(String, String)>,
}

/// A status code, from 100 to 999.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct StatusCode(pub(crate) u16);

/// The moment of an answer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum AnswerTime {
    /// When the request is complete. A client that expects `100 (Continue)` gets it.
    #[default]
    End,
    /// When the head of the request is complete.
    Head,
}

/// The continuation after an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Then {
    /// The next request is read.
    Keep,
    /// The connection is closed.
    Close,
    /// The peer ends its direction, and reads on.
    HalfClose,
    /// The connection, or the stream, is reset.
    Reset,
    /// Nothing more is sent; the connection stays open.
    Hang,
    /// HTTP/2, with this request as stream 1 (RFC 7540 §3.2).
    H2c,
    /// TLS, in which this request is answered (RFC 2817 §3.3).
    Tls,
    /// A WebSocket that sends messages back.
    Websocket,
    /// Octets are sent back.
    Echo,
}

impl Then {
    /// The name in a file and in events.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Keep => "keep",
            Self::Close => "close",
            Self::HalfClose => "half-close",
            Self::Reset => "reset",
            Self::Hang => "hang",
            Self::H2c => "h2c",
            Self::Tls => "tls",
            Self::Websocket => "websocket",
            Self::Echo => "echo",
        }
    }
}

/// The faults of an answer.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct Faults {
    /// The most octets of one write, from this answer to the end of the connection.
    #[serde(default, deserialize_with = "read_split")]
    pub(crate) split: Option<usize>,
    /// The time between two of these writes, within the answer.
    #[serde(default)]
    pause: TimeSpan,
    /// The time before the first octet.
    #[serde(default)]
    delay: TimeSpan,
    /// The number of octets after which the answer breaks off.
    pub(crate) cut: Option<usize>,
    /// True if the answer waits for the first octets of the next protocol, to leave with them.
    #[serde(default)]
    pub(crate) join: bool,
    /// Octets directly after the answer.
    #[serde(default)]
    early: HexOctets,
}

/// The answer of a step.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Answer<'a> {
    /// The octets of this text; true if its line ends are as written.
    Text(&'a str, bool),
    /// A message in the protocol of the request.
    Message {
        /// The interim responses.
        interim: &'a [InterimAnswer],
        /// The status code.
        status: u16,
        /// The fields.
        fields: &'a [(String, String)],
        /// The content.
        body: &'a str,
    },
    /// A reset of the stream.
    StreamError(u32),
    /// None.
    Nothing,
}

impl ChosenStep {
    /// The moment of the answer.
    pub(crate) fn time(&self) -> AnswerTime {
        match &self.step {
            Some(step) => step.at,
            None => AnswerTime::End,
        }
    }

    /// The time before the answer.
    pub(crate) fn delay(&self) -> Duration {
        match &self.step {
            Some(step) => step.fault.delay.0,
            None => Duration::ZERO,
        }
    }

    /// The continuation, if the step names one.
    pub(crate) fn then(&self) -> Option<Then> {
        self.step.as_ref()?.then
    }

    /// True if the answer breaks off.
    pub(crate) fn is_cut(&self) -> bool {
        self.step.as_ref().is_some_and(|step| step.fault.cut.is_some())
    }
}

impl Step {
    /// The message about a combination of keys that has no meaning.
    pub(super) fn check(&self) -> Result<(), String> {
        let answers = usize::from(self.send.is_some())
            + usize::from(self.status.is_some())
            + usize::from(self.stream_error.is_some());
        let message = if answers > 1 {
            "a step has one of `send`, `status` and `stream-error`"
        } else if answers == 0 && self.then.is_none() {
            "a step has `send`, `status`, `stream-error` or `then`"
        } else if self.status.is_none() && self.has_parts_of_message() {
            "`fields`, `body` and `interim` belong to a `status`"
        } else if self.send.is_some() && !self.on.has_http1() {
            "`send` is HTTP/1.x, which no lane of this step has: write `status`"
        } else if self.fault.join && !self.switches() {
            "`join` needs a `then` that switches: `h2c`, `tls`, `websocket` or `echo`"
        } else if self.fault.cut.is_some() && self.then.is_none() {
            "`cut` needs a `then`: `close`, `reset` or `hang`"
        } else {
            return Ok(());
        };
        Err(message.to_owned())
    }

    fn has_parts_of_message(&self) -> bool {
        !self.fields.is_empty() || !self.body.is_empty() || !self.interim.is_empty()
    }

    /// Returns true if the connection switches to another protocol after the answer.
    pub(crate) fn switches(&self) -> bool {
        matches!(self.then, Some(Then::H2c | Then::Tls | Then::Websocket | Then::Echo))
    }

    /// Returns true if the step may answer a request of this lane.
    pub(crate) fn answers_on(&self, lane: Lane) -> bool {
        let needs_http1 = self.send.is_some();
        let has_http1 = !matches!(lane, Lane::Http2 | Lane::Http3);
        self.on.contains(lane) && (has_http1 || !needs_http1)
    }

    /// Returns true if the step may answer a request of this lane in HTTP/2 or HTTP/3.
    pub(crate) fn answers_framed(&self, lane: Lane) -> bool {
        self.on.contains(lane) && self.send.is_none()
    }

    /// Returns true if the step answers this request.
    pub(crate) fn answers(&self, asked: &AskedRequest<'_>) -> bool {
        let origin = asked.origin;
        self.on.contains(origin.lane)
            && (origin.in_http1 || self.send.is_none())
            && !(self.switches() && origin.is_switched)
            && self.when.hold(asked)
    }

    /// The answer.
    pub(crate) fn answer(&self) -> Answer<'_> {
        if let Some(text) = &self.send {
            return Answer::Text(text, self.raw);
        }
        if let Some(code) = self.stream_error {
            return Answer::StreamError(code);
        }
        match self.status {
            Some(StatusCode(status)) => Answer::Message {
                interim: &self.interim,
                status,
                fields: &self.fields,
                body: &self.body,
            },
            None => Answer::Nothing,
        }
    }
}

impl Faults {
    pub(crate) fn pause(&self) -> Duration {
        self.pause.0
    }

    pub(crate) fn early(&self) -> &[u8] {
        &self.early.0
    }
}

fn read_split<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<usize>, D::Error> {
    match usize::deserialize(deserializer)? {
        0 => Err(de::Error::custom("a write has at least one octet")),
        size => Ok(Some(size)),
    }
}

impl<'de> Deserialize<'de> for StatusCode {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match u16::deserialize(deserializer)? {
            // RFC 9110 §15: "status codes are three-digit integers"; those outside 100 to 599 are
            // invalid, and so of interest to a test.
            code @ 100..=999 => Ok(Self(code)),
            code => Err(de::Error::custom(format!("{code} is not a status code (100 to 999)"))),
        }
    }
}

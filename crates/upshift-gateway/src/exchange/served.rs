//! The outcome of an exchange.

use http::Response;
use http::header::{HeaderName, HeaderValue};

use super::switch::Switch;
use crate::response_body::ResponseBody;

/// The outcome of an exchange.
pub(crate) struct Served {
    /// The response to the client.
    pub(crate) response: Response<ResponseBody>,
    /// Field lines that go before the fields of the response, as HTTP/1.1 writes them. Over HTTP/2
    /// and 3 there are none.
    pub(crate) lines: String,
    /// The switch that the connection performs once the response, a `101`, has gone out.
    pub(crate) switch: Option<Box<Switch>>,
}

impl Served {
    /// A response on a connection that stays what it is.
    pub(super) fn without_switch(response: Response<ResponseBody>) -> Self {
        Self::with_switch(response, None)
    }

    /// A response, and the switch after it, if there is one.
    pub(super) fn with_switch(response: Response<ResponseBody>, switch: Option<Switch>) -> Self {
        Self { response, lines: String::new(), switch: switch.map(Box::new) }
    }

    /// Sets a field that the gateway adds to responses of all kinds. `written` is its name as
    /// HTTP/1.1 writes it.
    pub(super) fn set_field(&mut self, name: HeaderName, written: &str, value: HeaderValue) {
        // A response with lines has no such field yet, and a line costs less than a map.
        match value.to_str() {
            Ok(text) if !self.lines.is_empty() => {
                for part in [written, ": ", text, "\r\n"] {
                    self.lines.push_str(part);
                }
            }
            _ => {
                self.response.headers_mut().insert(name, value);
            }
        }
    }

    /// Returns true if one of its lines has this name, as the core writes it.
    pub(super) fn has_line(&self, name: &str) -> bool {
        for line in self.lines.split_terminator("\r\n") {
            if let Some(value) = line.strip_prefix(name)
                && value.starts_with(':')
            {
                return true;
            }
        }
        false
    }
}

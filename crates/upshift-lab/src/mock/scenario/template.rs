//! The text of a scenario on its way to the wire: line ends and placeholders.

use super::condition::host_of;
use crate::mock::offer::first_offer;
use upshift_http::websocket_accept;
use upshift_record::RecordedRequest;

/// The values of placeholders for one request.
#[derive(Clone, Debug, Default)]
pub(crate) struct Placeholders {
    /// `{http-port}`: the port of the cleartext listener.
    pub(crate) http_port: u16,
    /// `{https-port}`: the port of TLS, and of HTTP/3.
    pub(crate) https_port: u16,
    /// `{host}`: the host that the client asked for, without a port.
    pub(crate) host: String,
    /// `{accept}`: the `Sec-WebSocket-Accept` for the client's key (RFC 6455 §4.2.2).
    pub(crate) accept: String,
    /// `{offer}`: the protocol that the client offers, as it wrote it.
    pub(crate) offer: String,
}

impl Placeholders {
    /// The values for `request`.
    pub(crate) fn for_request(request: &RecordedRequest, http_port: u16, https_port: u16) -> Self {
        let is_key = |name: &str| name.eq_ignore_ascii_case("sec-websocket-key");
        let key = request.fields.iter().find(|field| is_key(&field.0.to_text()));
        let accept = match key {
            Some(key) => websocket_accept(key.1.as_bytes()),
            None => String::new(),
        };
        let host = host_of(request).unwrap_or_else(|| "127.0.0.1".to_owned());
        let offer = match first_offer(request, false) {
            Some(offer) => String::from_utf8_lossy(offer.protocol).into_owned(),
            None => String::new(),
        };
        Self { http_port, https_port, host, accept, offer }
    }

    /// The text with its placeholders replaced. Other braces stay as they are.
    pub(crate) fn fill(&self, text: &str) -> String {
        text.replace("{http-port}", &self.http_port.to_string())
            .replace("{https-port}", &self.https_port.to_string())
            .replace("{host}", &self.host)
            .replace("{accept}", &self.accept)
            .replace("{offer}", &self.offer)
    }

    /// The octets of a `send`: its lines end with CR LF unless it is `raw`, and `{length}` is the
    /// number of octets after the empty line that follows it.
    pub(crate) fn render(&self, text: &str, raw: bool) -> Vec<u8> {
        let filled = self.fill(text);
        let text = if raw { filled } else { with_crlf(&filled) };
        let Some((before, after)) = text.split_once("{length}") else {
            return text.into_bytes();
        };
        let length = match after.split_once("\r\n\r\n").or_else(|| after.split_once("\n\n")) {
            Some((_, content)) => content.len(),
            None => 0,
        };
        format!("{before}{length}{after}").into_bytes()
    }
}

fn with_crlf(text: &str) -> String {
    text.replace("\r\n", "\n").replace('\n', "\r\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_length_is_that_of_the_content_as_sent() {
        let placeholders = Placeholders { https_port: 443, ..Placeholders::default() };
        let sent = placeholders.render("A: {length}\nB: {https-port} {x}\n\nok\n", false);
        assert_eq!(sent, b"A: 4\r\nB: 443 {x}\r\n\r\nok\r\n");
        let raw = placeholders.render("A: {length}\r\n\nok\n", true);
        assert_eq!(raw, b"A: 3\r\n\nok\n");
    }
}

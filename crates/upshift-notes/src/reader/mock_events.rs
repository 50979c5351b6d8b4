//! The events of `upshift mock --json` and `--record`.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Deserializer;
use upshift_record::{
    EXCHANGE_SCHEMA, Lane, Protection, RecordedExchange, RecordedRequest, RecordedResponse,
};

use super::read_error::{ReadError, without_position};

/// The value of `schema` in the first event.
pub(super) const MOCK_SCHEMA: &str = "upshift.mock/1";

/// The number of a connection, and of a request on it.
type RequestKey = (u64, u64);

/// An event, as far as exchanges are made of it.
#[derive(Deserialize)]
#[serde(tag = "event", rename_all = "kebab-case")]
enum Event {
    Connection {
        connection: u64,
        transport: String,
    },
    Tls {
        connection: u64,
        version: Option<String>,
        alpn: Option<String>,
    },
    Request {
        connection: u64,
        request: u64,
        lane: Lane,
        message: RecordedRequest,
    },
    Answer {
        connection: u64,
        request: u64,
        interim: Vec<RecordedResponse>,
        response: Option<RecordedResponse>,
    },
    #[serde(other)]
    Other,
}

/// The exchanges of a recording, and what is known of its connections.
#[derive(Default)]
struct EventReader {
    protections: BTreeMap<u64, Protection>,
    exchanges: BTreeMap<RequestKey, usize>,
    read: Vec<RecordedExchange>,
}

/// Reads the exchanges from the events, in the order of their requests.
pub(super) fn read_mock_events(input: &[u8]) -> Result<Vec<RecordedExchange>, ReadError> {
    let mut reader = EventReader::default();
    for event in Deserializer::from_slice(input).into_iter::<Event>() {
        let event = event.map_err(|error| {
            let help = "each line is an event, as `upshift mock --json` writes it";
            ReadError::at(error.line(), without_position(&error), help)
        })?;
        reader.add(event);
    }
    Ok(reader.read)
}

impl EventReader {
    fn add(&mut self, event: Event) {
        match event {
            Event::Connection { connection, transport } => {
                if transport == "tcp" {
                    self.protections.insert(connection, Protection::Cleartext);
                }
            }
            Event::Tls { connection, version, alpn } => {
                self.protections.insert(connection, Protection::Tls { version, alpn });
            }
            Event::Request { connection, request, lane, message } => {
                self.exchanges.insert((connection, request), self.read.len());
                self.read.push(RecordedExchange {
                    schema: EXCHANGE_SCHEMA.to_owned(),
                    lane: Some(lane),
                    url: None,
                    protection: self.protections.get(&connection).cloned(),
                    request: Some(message),
                    interim: Vec::new(),
                    response: None,
                    end: None,
                    error: None,
                });
            }
            // After a switch, a request has a second answer, with the final response.
            Event::Answer { connection, request, interim, response } => {
                let Some(index) = self.exchanges.get(&(connection, request)) else { return };
                let exchange = &mut self.read[*index];
                (exchange.interim, exchange.response) = (interim, response);
            }
            Event::Other => {}
        }
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a panic is a failed test")]

    use super::*;

    const EVENTS: &str = r#"{"event":"listening","schema":"upshift.mock/1"}
{"event":"connection","connection":1,"at_us":1,"transport":"tcp","client":"127.0.0.1:1"}
{"event":"request","connection":1,"request":1,"lane":"h1.1","message":{"method":"GET","target":"/","version":"1.1","fields":[]}}
{"event":"bytes","connection":1,"layer":"wire","direction":"sent","text":"x"}
{"event":"answer","connection":1,"request":1,"interim":[{"status":101,"version":"1.1","fields":[]}],"response":null}
{"event":"answer","connection":1,"request":1,"interim":[{"status":101,"version":"1.1","fields":[]}],"response":{"status":200,"version":"2","fields":[]}}
{"event":"end","connection":1}
"#;

    #[test]
    fn a_request_and_its_answers_are_one_exchange() {
        let exchanges = read_mock_events(EVENTS.as_bytes()).unwrap();
        assert_eq!(exchanges.len(), 1);
        let exchange = &exchanges[0];
        assert_eq!(exchange.protection, Some(Protection::Cleartext));
        assert_eq!(exchange.interim[0].status, 101);
        assert_eq!(exchange.response.as_ref().unwrap().status, 200);
    }

    #[test]
    fn a_line_that_is_cut_is_an_error_with_its_place() {
        let error = read_mock_events(&EVENTS.as_bytes()[..250]).unwrap_err();
        assert_eq!(error.line, Some(3), "{error}");
    }
}

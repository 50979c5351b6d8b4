//! Upshift's own JSON: one exchange, a list, or one after the other; a report of `upshift probe`; the
//! events of `upshift mock`.

use serde::Deserialize;
use serde_json::Deserializer;
use upshift_record::probe::PROBE_SCHEMA;
use upshift_record::{EXCHANGE_SCHEMA, RecordedExchange};

use super::mock_events::{MOCK_SCHEMA, read_mock_events};
use super::read_error::{ReadError, without_position};
use super::recording::Recording;

const HELP: &str = "an exchange is an object with `schema` (`upshift.exchange/1`), `request` and \
                    `response`";

/// The part of a report of `upshift probe` that has exchanges.
#[derive(Deserialize)]
struct ProbedLanes {
    lanes: Vec<ProbedLane>,
}

#[derive(Deserialize)]
struct ProbedLane {
    exchange: Option<RecordedExchange>,
}

/// The member that names a format.
#[derive(Deserialize)]
struct SchemaName {
    schema: String,
}

/// Reads exchanges.
pub(super) fn read_json(input: &[u8]) -> Result<Vec<Recording>, ReadError> {
    let exchanges = match first_schema(input).as_deref() {
        Some(PROBE_SCHEMA) => read_probe(input)?,
        Some(MOCK_SCHEMA) => read_mock_events(input)?,
        _ => read_exchanges(input)?,
    };
    let mut recordings = Vec::new();
    for (index, exchange) in exchanges.into_iter().enumerate() {
        recordings.push(recording_of(exchange, index + 1)?);
    }
    Ok(recordings)
}

/// The format of the first object.
fn first_schema(input: &[u8]) -> Option<String> {
    let first = Deserializer::from_slice(input).into_iter::<SchemaName>().next()?.ok()?;
    Some(first.schema)
}

/// The exchanges of the lanes. The further questions of a probe are odd on purpose.
fn read_probe(input: &[u8]) -> Result<Vec<RecordedExchange>, ReadError> {
    let mut exchanges = Vec::new();
    for report in Deserializer::from_slice(input).into_iter::<ProbedLanes>() {
        let report = report.map_err(|error| {
            ReadError::at(error.line(), without_position(&error), "use the upshift that wrote it")
        })?;
        exchanges.extend(report.lanes.into_iter().filter_map(|lane| lane.exchange));
    }
    Ok(exchanges)
}

fn read_exchanges(input: &[u8]) -> Result<Vec<RecordedExchange>, ReadError> {
    let mut exchanges = Vec::new();
    if input.trim_ascii_start().starts_with(b"[") {
        let list = serde_json::from_slice::<Vec<RecordedExchange>>(input);
        exchanges = list.map_err(|error| json_error(&error, exchanges.len()))?;
    } else {
        for exchange in Deserializer::from_slice(input).into_iter() {
            exchanges.push(exchange.map_err(|error| json_error(&error, exchanges.len()))?);
        }
    }
    Ok(exchanges)
}

fn recording_of(exchange: RecordedExchange, number: usize) -> Result<Recording, ReadError> {
    if exchange.schema != EXCHANGE_SCHEMA {
        let given = &exchange.schema;
        let message =
            format!("exchange {number} has the schema `{given}`, not `{EXCHANGE_SCHEMA}`");
        return Err(ReadError { line: None, message, help: "use the upshift that wrote it" });
    }
    Ok(Recording { exchange, number, line: None, field_lines: Vec::new() })
}

fn json_error(error: &serde_json::Error, read: usize) -> ReadError {
    let message = if error.is_eof() {
        format!("the file ends in the middle of exchange {}", read + 1)
    } else {
        format!("exchange {}: {}", read + 1, without_position(error))
    };
    ReadError::at(error.line(), message, HELP)
}

/// Some exporters write a byte order mark.
pub(super) fn without_bom(input: &[u8]) -> &[u8] {
    input.strip_prefix(b"\xef\xbb\xbf").unwrap_or(input)
}

/// The first key of an object, without reading the rest of it.
pub(super) fn first_key(object: &[u8]) -> Option<String> {
    let after = object.strip_prefix(b"{")?.trim_ascii_start();
    Deserializer::from_slice(after).into_iter::<String>().next()?.ok()
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a panic is a failed test")]

    use super::*;

    const ONE: &str = r#"{"schema":"upshift.exchange/1","response":
        {"status":426,"version":"1.1","fields":[]}}"#;

    #[test]
    fn one_exchange_a_list_and_lines_are_read() {
        for text in [ONE.to_owned(), format!("[{ONE},\n{ONE}]"), format!("{ONE}\n{ONE}\n")] {
            let recordings = read_json(text.as_bytes()).unwrap();
            assert_eq!(recordings.last().unwrap().exchange.response.as_ref().unwrap().status, 426);
        }
        assert_eq!(first_key(b"{ \"log\": {").as_deref(), Some("log"));
    }

    #[test]
    fn errors_name_the_exchange() {
        let error = read_json(format!("{ONE}\n{}", &ONE[..60]).as_bytes()).unwrap_err();
        assert_eq!(error.message, "the file ends in the middle of exchange 2");
        let error = read_json(br#"{"schema":"upshift.exchange/1","respons":{}}"#).unwrap_err();
        assert!(error.message.contains("unknown field `respons`"), "{error}");
        let error = read_json(br#"{"schema":"upshift.exchange/9"}"#).unwrap_err();
        assert!(error.message.contains("`upshift.exchange/9`"), "{error}");
    }
}

//! Lines that come again are counted without being read. They count as much as the first time.

use proptest::prelude::*;
use proptest::sample::select;
use upshift_forecast::{Assumptions, ForecastOptions};
use upshift_record::forecast::{ForecastRecord, TopEntry};

use crate::{TemporaryLog, made, options};

/// The times that every line is repeated.
pub(crate) const TIMES: u64 = 4;

/// A line as Combined has it, or nearly so.
fn combined_line() -> impl Strategy<Value = String> {
    let peer = select(vec![
        "192.0.2.7",
        "198.51.100.255",
        "10.0.0.1",
        "2001:db8:85a3:8d3:1319:8a2e:370:7348",
        "::ffff:192.0.2.7",
        "-",
        "client.example",
        "192.0.2.7:80",
        "<190>Nov 25 12:20:51 web1 nginx: 192.0.2.8",
    ]);
    let user = select(vec!["- -", "- j doe", "- x [y]", "a \\\"b\\\""]);
    let time = select(vec![
        "18/Nov/2026:00:00:00 +0000",
        "18/Nov/2026:00:00:59 +0000",
        "18/Nov/2026:00:00:00 +0100",
        "19/Nov/2026:00:00:00 +0000",
        "31/Feb/2026:00:00:00 +0000",
        "18/Nov/2199:00:00:00 +0000",
    ]);
    let request = select(vec![
        "GET /feeds HTTP/1.1",
        "GET /feeds HTTP/2.0",
        "GET /account/7?a=\\\"b\\\" HTTP/1.1",
        "GET /api/x\\x22y HTTP/1.1",
        "GET /nine",
        "\\x16\\x03\\x01",
        "-",
        "",
        "PRI * HTTP/2.0",
        "nonsense",
        "GET /a\"b HTTP/1.1",
    ]);
    let status = select(vec!["200 12", "404 -", "101 0", "- -", "000 1", "9x9 1", "200"]);
    let agent = select(vec![
        "AcmeApp/5.0",
        "AcmeApp/5.1",
        "AcmeApp/4 (10\\\" tablet)",
        "Acme\\x41pp/4",
        "-",
        "",
        "\"",
        "kube-probe/1",
    ]);
    let referer = select(vec!["-", "http://x/", "\\\"", "\""]);
    let end = select(vec!["", "\r", " 0.003", " \"more\"", " \"-\" \"-\""]);
    (peer, user, time, request, status, referer, agent, end).prop_map(
        |(peer, user, time, request, status, referer, agent, end)| {
            format!("{peer} {user} [{time}] \"{request}\" {status} \"{referer}\" \"{agent}\"{end}")
        },
    )
}

/// A line of JSON, with keys in any order, some of them missing or twice.
fn json_line() -> impl Strategy<Value = String> {
    let member = select(vec![
        r#""time":"2026-11-18T00:00:00Z""#,
        r#""time":"2026-11-18T00:00:59.5+01:00""#,
        r#""time":null"#,
        r#""remote_addr":"192.0.2.7""#,
        r#""remote_addr":"2001:db8::7""#,
        r#""remote_addr":"192.0.2\u002e9""#,
        r#""remote_addr":null"#,
        r#""request":"GET /feeds HTTP/1.1""#,
        r#""request":"GET /feeds HTTP/2.0""#,
        r#""request":"GET \/account/7 HTTP/1.1""#,
        r#""method":"GET""#,
        r#""path":"/feeds""#,
        r#""target":"/api/x?a=b""#,
        r#""query":"a=b""#,
        r#""protocol":"HTTP/1.1""#,
        r#""protocol":"""#,
        r#""status":200"#,
        r#""status":"101""#,
        r#""status":"x""#,
        r#""ssl_protocol":"TLSv1.1""#,
        r#""ssl_protocol":"""#,
        r#""scheme":"https""#,
        r#""user_agent":"AcmeApp/5.0""#,
        r#""user_agent":"\u0041cmeApp/5.0""#,
        r#""user_agent":null"#,
        r#""user_agent":"null""#,
        r#""user_agent":["AcmeApp/5.0",""]"#,
        r#""user_agent":[null]"#,
        r#""http_x_api_version":"1.0""#,
        r#""http_x_api_version":1.0"#,
        r#""headers":{"X-Api-Version":["2.0"],"Host":"a.example"}"#,
        r#""headers":{}"#,
        r#""other":{"a":[1,{"b":"}"}]}"#,
        r#""other":"#,
    ]);
    proptest::collection::vec(member, 3..10)
        .prop_map(|members| format!("{{{}}}", members.join(",")))
}

/// A line of a format with bars, which no writer escapes.
fn pattern_line() -> impl Strategy<Value = String> {
    let peer = select(vec!["192.0.2.7", "10.0.0.1", "-", "x"]);
    let request = select(vec!["GET /feeds HTTP/1.1", "GET /feeds HTTP/2.0", "-", "GET /nine"]);
    let status = select(vec!["200", "101", "404", "x"]);
    let version = select(vec!["1.0", "2.0", "-", "1|2"]);
    let tls = select(vec!["TLSv1.3", "TLSv1.1", "-"]);
    (peer, request, status, version, tls).prop_map(|(peer, request, status, version, tls)| {
        format!("1795507201.246 {peer}|{request}|{status}|{version}|{tls}")
    })
}

const PATTERN: &str = "nginx=$msec $remote_addr|$request|$status|$http_x_api_version|$ssl_protocol";

fn read(name: &str, format: &str, lines: &[String]) -> ForecastRecord {
    let file = TemporaryLog::new(name, (lines.join("\n") + "\n").as_bytes());
    let options = ForecastOptions { format: Some(format.to_owned()), top: 100, ..options() };
    let mut record = made(vec![file.source()], &options, Assumptions::default()).record;
    record.sources.clear();
    record
}

/// Multiplies all numbers of requests by [`TIMES`].
pub(crate) fn multiply(record: &mut ForecastRecord) {
    let total = &mut record.total;
    for number in [
        &mut total.requests,
        &mut total.refused,
        &mut total.unknown,
        &mut total.malformed,
        &mut total.not_requests,
        &mut total.undated,
        &mut total.future,
        &mut total.without_address,
    ] {
        *number *= TIMES;
    }
    let mut days = vec![&mut record.days];
    for rule in &mut record.rules {
        for number in [&mut rule.requests, &mut rule.refused, &mut rule.unknown] {
            *number *= TIMES;
        }
        for step in &mut rule.steps {
            step.refused *= TIMES;
            step.unknown *= TIMES;
        }
        let top = &mut rule.top;
        for list in [&mut top.clients, &mut top.networks, &mut top.paths, &mut top.agents] {
            list.iter_mut().for_each(multiply_entry);
        }
        days.push(&mut rule.days);
    }
    for day in days.into_iter().flatten() {
        for number in [&mut day.requests, &mut day.refused, &mut day.unknown] {
            *number *= TIMES;
        }
    }
    record.malformed_lines.iter_mut().for_each(|malformed| malformed.count *= TIMES);
    record.not_requests.iter_mut().for_each(|other| other.count *= TIMES);
}

fn multiply_entry(entry: &mut TopEntry) {
    entry.at_least *= TIMES;
    entry.at_most *= TIMES;
}

fn check(format: &str, lines: &[String]) -> Result<(), TestCaseError> {
    let name = format!("repeated-{}.log", &format[..4]);
    let mut once = read(&name, format, lines);
    let again = vec![lines; TIMES as usize].concat();
    let often = read(&name, format, &again);
    multiply(&mut once);
    prop_assert_eq!(once, often);
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn lines_of_combined(lines in proptest::collection::vec(combined_line(), 1..40)) {
        check("combined", &lines)?;
    }

    #[test]
    fn lines_of_json(lines in proptest::collection::vec(json_line(), 1..40)) {
        check("json", &lines)?;
    }

    #[test]
    fn lines_of_a_pattern(lines in proptest::collection::vec(pattern_line(), 1..40)) {
        check(PATTERN, &lines)?;
    }
}

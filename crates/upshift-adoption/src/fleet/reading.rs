//! The reading of a report: the queries, one after another, and their answers.

use std::collections::VecDeque;

use jiff::Timestamp;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use upshift_record::adoption::AdoptionReport;

use super::counters::{FleetCounters, RawHour};
use super::expressions;
use super::report::{FleetInput, build_fleet_report};
use super::response::{PrometheusError, Samples, read_answer};
use super::step::STEP;
use crate::usage::Span;

/// The most hours of which all samples are read. A fleet that is restarted more often is counted by
/// the last value of each hour.
const MOST_RAW_HOURS: usize = 500;

/// A report that is being read. Each [query](Self::next_query) has to be sent, and its answer
/// [added](Self::with_answer), until there is no further query.
///
/// ```
/// use jiff::Timestamp;
/// use upshift_adoption::fleet::FleetReading;
///
/// let (from, now) = (Timestamp::UNIX_EPOCH, Timestamp::from_second(7_200).unwrap());
/// let reading = FleetReading::new(from, now);
/// let query = reading.next_query().unwrap();
/// assert!(query.starts_with("v1/query_range?query="));
///
/// // No gateway was scraped.
/// let nothing = br#"{"status":"success","data":{"result":[]}}"#;
/// assert!(reading.with_answer(200, nothing).is_err());
/// ```
pub struct FleetReading {
    now: Timestamp,
    /// The length of a point of the series.
    point: Span,
    /// The time of the first step, in seconds since 1970.
    from: i64,
    /// The number of steps after the first.
    steps: i64,
    /// The answers to the first queries, which are the same for every fleet.
    answers: Vec<Samples>,
    /// The counters from those answers.
    counted: Option<CountedFleet>,
}

/// The counters of a fleet, and the hours that are still to be read.
struct CountedFleet {
    counters: FleetCounters,
    phases: Samples,
    hours: VecDeque<RawHour>,
    raw: Vec<(RawHour, Samples)>,
}

impl FleetReading {
    /// A report since `from`, whose first hour or day is whole. Hours and days are those of UTC,
    /// and the last one ends after `now`.
    pub fn new(from: Timestamp, now: Timestamp) -> Self {
        let point = Span::of_period(from.as_second(), now.as_second());
        let from = point.start_of(from.as_second());
        let steps = (now.as_second() - from).div_euclid(STEP) + 1;
        Self { now, point, from, steps, answers: Vec::new(), counted: None }
    }

    /// The next query, as a path below `/api/` of a Prometheus; `None` if the report is complete.
    pub fn next_query(&self) -> Option<String> {
        if let Some(counted) = &self.counted {
            let hour = counted.hours.front()?;
            return Some(instant_query(&hour.expression(), hour.to));
        }
        let queries = [
            self.range_query(expressions::STARTS),
            self.range_query(expressions::TRANSPORT),
            self.range_query(expressions::RULES),
            self.range_query(expressions::RESTARTS),
            instant_query(expressions::PHASES, self.now.as_second()),
        ];
        queries.into_iter().nth(self.answers.len())
    }

    /// Adds the answer to the next query.
    ///
    /// # Errors
    /// If it is not one, or there are no metrics of a gateway in the period.
    pub fn with_answer(mut self, status: u16, body: &[u8]) -> Result<Self, PrometheusError> {
        if matches!(status, 401 | 403) {
            return Err(PrometheusError::Unauthorized);
        }
        let samples = read_answer(status, body)?;
        if let Some(counted) = &mut self.counted {
            if let Some(hour) = counted.hours.pop_front() {
                counted.raw.push((hour, samples));
            }
            return Ok(self);
        }
        if self.answers.is_empty() && samples.is_empty() {
            return Err(PrometheusError::NoMetrics);
        }
        self.answers.push(samples);
        match <[Samples; 5]>::try_from(std::mem::take(&mut self.answers)) {
            Ok(answers) => self.counted = Some(self.count_fleet(answers)),
            Err(fewer) => self.answers = fewer,
        }
        Ok(self)
    }

    /// The report, if no query is left.
    pub fn into_report(self) -> Option<AdoptionReport> {
        let CountedFleet { counters, phases, hours, raw } = self.counted?;
        if !hours.is_empty() {
            return None;
        }
        let (now, point) = (self.now, self.point);
        Some(build_fleet_report(FleetInput { now, point, counters, raw, phases }))
    }

    fn count_fleet(&self, answers: [Samples; 5]) -> CountedFleet {
        let [starts, transport, rules, restarts, phases] = answers;
        let steps = usize::try_from(self.steps).unwrap_or_default();
        let counters = FleetCounters::new((self.from, steps), (transport, rules, starts));
        let hours = counters.raw_hours(&restarts).into_iter().take(MOST_RAW_HOURS).collect();
        CountedFleet { counters, phases, hours, raw: Vec::new() }
    }

    fn range_query(&self, expression: &str) -> String {
        // The last step is in the future. Its hour has the samples until now.
        let (from, to) = (self.from, self.from + self.steps * STEP);
        format!("v1/query_range?query={}&start={from}&end={to}&step={STEP}", encoded(expression))
    }
}

fn instant_query(expression: &str, time: i64) -> String {
    format!("v1/query?query={}&time={time}", encoded(expression))
}

fn encoded(text: &str) -> String {
    utf8_percent_encode(text, NON_ALPHANUMERIC).to_string()
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test that fails here has failed")]

    use super::*;

    /// A minute before ten o'clock.
    const NOW: i64 = 35_940;

    fn reading() -> FleetReading {
        let time = |second| Timestamp::from_second(second).unwrap();
        FleetReading::new(time(NOW - 7_000), time(NOW))
    }

    fn answer(series: &str) -> String {
        format!("{{\"status\":\"success\",\"data\":{{\"result\":[{series}]}}}}")
    }

    #[test]
    fn a_restart_asks_for_one_more_query() {
        let gateway = "\"job\":\"u\",\"instance\":\"1\"";
        let starts = format!("{{\"metric\":{{{gateway}}},\"values\":[[36000,\"5\"]]}}");
        let rules = format!(
            "{{\"metric\":{{{gateway},\"rule\":\"a\"}},\"values\":[[28800,\"1\"],[36000,\"4\"]]}}"
        );
        let mut reading = reading();
        for series in [&starts, "", &rules, &starts, ""] {
            let query = reading.next_query().unwrap();
            assert!(!query.contains(['{', ' ', '"']), "{query}");
            reading = reading.with_answer(200, answer(series).as_bytes()).unwrap();
        }
        let raw = reading.next_query().unwrap();
        assert!(raw.starts_with("v1/query?") && raw.ends_with("&time=36000"), "{raw}");
        reading = reading.with_answer(200, answer("").as_bytes()).unwrap();
        assert_eq!(reading.next_query(), None);
        let report = reading.into_report().unwrap();
        assert_eq!((report.gateways, report.rules[0].total.requests), (Some(1), 4));
    }

    /// Catches hours and days that are counted back from the minute of the report.
    #[test]
    fn steps_are_the_hours_and_days_of_utc() {
        let time = |text: &str| text.parse::<Timestamp>().unwrap();
        let (now, day) = (time("2026-11-29T20:59:30Z"), time("2026-11-29T10:20:00Z"));
        for (from, first) in
            [(day, "2026-11-29T10:00:00Z"), (time("2026-11-01T10:20:00Z"), "2026-11-01T00:00:00Z")]
        {
            let query = FleetReading::new(from, now).next_query().unwrap();
            let (first, last) = (time(first), time("2026-11-29T21:00:00Z"));
            let range = format!("&start={}&end={}&", first.as_second(), last.as_second());
            assert!(query.contains(&range), "{query}");
        }
    }

    #[test]
    fn an_answer_that_is_none_is_an_error() {
        assert!(matches!(reading().with_answer(401, b"no"), Err(PrometheusError::Unauthorized)));
        assert!(matches!(
            reading().with_answer(200, answer("").as_bytes()),
            Err(PrometheusError::NoMetrics)
        ));
        assert!(reading().into_report().is_none());
    }
}

//! `health`: active health checks of an upstream's endpoints.

use std::ops::RangeInclusive;
use std::time::Duration;

use crate::span_diagnostic::SpanDiagnostic;
use crate::toml_table::TomlTable;
use crate::toml_value::TomlValue;

/// Active health checks: GET requests that the gateway sends to each endpoint.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct HealthCheck {
    /// The path and query of the GET.
    pub path: String,
    /// The time between two checks of one endpoint.
    pub interval: Duration,
    /// The time in which an endpoint must answer.
    pub timeout: Duration,
    /// The statuses of a healthy endpoint.
    pub expect: Vec<RangeInclusive<u16>>,
    /// The number of successful checks in a row after which an endpoint is used again.
    pub healthy: u32,
    /// The number of failed checks in a row after which an endpoint is no longer used.
    pub unhealthy: u32,
}

impl HealthCheck {
    /// A check of `path` with the default times, thresholds and statuses.
    pub fn new(path: impl Into<String>) -> Self {
        Self {
            path: path.into(),
            interval: Duration::from_secs(5),
            timeout: Duration::from_secs(2),
            expect: vec![200..=399],
            healthy: 2,
            unhealthy: 3,
        }
    }

    /// Returns true if an endpoint that answers `status` is healthy.
    pub fn expects(&self, status: u16) -> bool {
        self.expect.iter().any(|range| range.contains(&status))
    }

    /// Reads `health`.
    pub(crate) fn from_toml(value: &TomlValue<'_>) -> Option<Self> {
        let mut table = value.read_table("HealthCheck")?;
        let path = match table.require("path", "the path to request, such as \"/healthz\"") {
            Some(path) => path.parse_with("a path such as \"/healthz\"", parse_path),
            None => None,
        };
        // The empty path is never used; the other keys are read to report their errors.
        let mut check = Self::new(path.clone().unwrap_or_default());
        check.read_times(&mut table);
        if let Some(expected) = table.get("expect") {
            check.expect = read_statuses(&expected);
        }
        check.healthy = table.integer_at("healthy", 1..=100).unwrap_or(check.healthy);
        check.unhealthy = table.integer_at("unhealthy", 1..=100).unwrap_or(check.unhealthy);
        table.report_unknown_keys();
        // Without a path there is nothing to check, and the error is reported already.
        path?;
        Some(check)
    }

    fn read_times(&mut self, table: &mut TomlTable<'_>) {
        if let Some(interval) = table.duration_at("interval") {
            self.interval = interval;
        }
        match table.get("timeout") {
            Some(value) => self.timeout = value.read_duration().unwrap_or(self.timeout),
            // So that a file may shorten `interval` alone.
            None => self.timeout = self.timeout.min(self.interval),
        }
        // Checks of one endpoint would overlap, and `unhealthy` counts them in a row.
        if self.timeout > self.interval {
            let message = "a health check may take longer than the time to the next one";
            let error = SpanDiagnostic::error(table.span(), message);
            table.report(error.with_label("`timeout` must not be longer than `interval`"));
        }
    }
}

fn parse_path(text: &str) -> Result<String, String> {
    if !text.starts_with('/') {
        return Err("a path begins with a slash".to_owned());
    }
    // RFC 3986 §3.3, §3.5: `#` begins a fragment, which is never sent.
    if text.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'#') {
        Ok(text.to_owned())
    } else {
        Err("percent-encode spaces, # and characters that are not ASCII".to_owned())
    }
}

fn read_statuses(value: &TomlValue<'_>) -> Vec<RangeInclusive<u16>> {
    let members = value.one_or_more();
    if members.is_empty() {
        value.report_error(
            "`expect` is an empty list",
            "expected at least one, such as 200 or \"200-399\"",
        );
    }
    let mut ranges = Vec::new();
    for member in members {
        ranges.extend(read_status_range(&member));
    }
    ranges
}

/// A status, or a range of them.
fn read_status_range(value: &TomlValue<'_>) -> Option<RangeInclusive<u16>> {
    if value.as_toml().is_integer() {
        let status = u16::try_from(value.read_integer(100..=599)?).ok()?;
        return Some(status..=status);
    }
    value.parse_with("a status such as 200, or a range such as \"200-399\"", parse_status_range)
}

fn parse_status_range(text: &str) -> Result<RangeInclusive<u16>, String> {
    let (first, last) = text.split_once('-').unwrap_or((text, text));
    match (first.trim().parse(), last.trim().parse()) {
        (Ok(first @ 100..=599), Ok(last @ 100..=599)) if first <= last => Ok(first..=last),
        _ => Err("statuses are numbers from 100 to 599, the smaller one first".to_owned()),
    }
}

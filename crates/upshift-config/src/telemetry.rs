//! `[telemetry]`: traces, and the export of metrics and traces over OTLP.

use std::fmt;
use std::time::Duration;

use upshift_core::field::FieldName;

use crate::origin::parse_origin;
use crate::toml_table::TomlTable;
use crate::toml_value::TomlValue;

/// Traces, and the export of metrics and traces. What the file leaves out may come from the
/// environment variables of OpenTelemetry.
#[derive(Clone, Debug, PartialEq)]
pub struct TelemetrySettings {
    /// A forwarded request that belongs to no trace begins one.
    pub start_traces: bool,
    /// The share of the traces begun here that is sampled, 0 to 1.
    pub sample: Option<f64>,
    /// The export over OTLP.
    pub otlp: OtlpExport,
}

/// The part of the file that is about the export over OTLP.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum OtlpExport {
    /// The file says nothing: the environment may name an endpoint.
    #[default]
    Unset,
    /// `otlp = false`: nothing is exported.
    Off,
    /// `[telemetry.otlp]`.
    Set(OtlpSettings),
}

/// `[telemetry.otlp]`: the export over OTLP.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct OtlpSettings {
    /// The URL that `/v1/metrics` and `/v1/traces` are appended to.
    pub endpoint: Option<String>,
    /// Fields of every request, such as one with a token: names and values.
    pub headers: Vec<(String, String)>,
    /// The time between two exports of metrics.
    pub interval: Option<Duration>,
    /// The resource attribute `service.name`.
    pub service_name: Option<String>,
    /// Metrics are exported.
    pub metrics: Option<bool>,
    /// Traces are exported.
    pub traces: Option<bool>,
}

impl Default for TelemetrySettings {
    fn default() -> Self {
        Self { start_traces: true, sample: None, otlp: OtlpExport::Unset }
    }
}

impl TelemetrySettings {
    /// Reads `[telemetry]`.
    pub(crate) fn from_toml(table: &mut TomlTable<'_>) -> Self {
        let mut settings = Self::default();
        if let Some(value) = table.get("start-traces") {
            settings.start_traces = value.read_bool().unwrap_or(settings.start_traces);
        }
        if let Some(value) = table.get("sample") {
            settings.sample = value.read_share();
        }
        if let Some(value) = table.get("otlp") {
            settings.otlp = OtlpExport::from_toml(&value);
        }
        table.report_unknown_keys();
        settings
    }
}

impl OtlpExport {
    fn from_toml(value: &TomlValue<'_>) -> Self {
        if value.is_false() {
            return Self::Off;
        }
        match value.read_table("Otlp") {
            Some(mut table) => Self::Set(OtlpSettings::from_toml(&mut table)),
            None => Self::Unset,
        }
    }
}

impl OtlpSettings {
    /// The shortest time between two exports of metrics: the counters are merged once a second.
    const LEAST_INTERVAL: Duration = Duration::from_secs(1);

    fn from_toml(table: &mut TomlTable<'_>) -> Self {
        let settings = Self {
            endpoint: table.get("endpoint").and_then(|value| value.read_otlp_endpoint()),
            headers: table.get("headers").map(|value| value.read_headers()).unwrap_or_default(),
            interval: table.get("interval").and_then(|value| value.read_interval()),
            service_name: table.text_at("service-name"),
            metrics: table.get("metrics").and_then(|value| value.read_bool()),
            traces: table.get("traces").and_then(|value| value.read_bool()),
        };
        table.report_unknown_keys();
        settings
    }
}

/// Leaves the values of the fields out: they are secrets.
impl fmt::Debug for OtlpSettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<&str> = self.headers.iter().map(|(name, _)| name.as_str()).collect();
        f.debug_struct("OtlpSettings")
            .field("endpoint", &self.endpoint)
            .field("headers", &names)
            .field("interval", &self.interval)
            .field("service_name", &self.service_name)
            .field("metrics", &self.metrics)
            .field("traces", &self.traces)
            .finish()
    }
}

impl TomlValue<'_> {
    /// The base URL of an OTLP receiver.
    fn read_otlp_endpoint(&self) -> Option<String> {
        self.parse_with("a URL such as \"http://127.0.0.1:4318\"", |text| {
            check_otlp_endpoint(text)?;
            Ok(text.to_owned())
        })
    }

    fn read_interval(&self) -> Option<Duration> {
        let interval = self.read_duration()?;
        if interval < OtlpSettings::LEAST_INTERVAL {
            self.report_error("`interval` is too short", "expected 1s or more");
            return None;
        }
        Some(interval)
    }

    fn read_headers(&self) -> Vec<(String, String)> {
        let mut headers = Vec::new();
        let expected = "a table of fields, such as { Authorization = \"Bearer …\" }";
        for entry in self.read_entries(expected).unwrap_or_default() {
            let Some(text) = entry.value.read_text() else { continue };
            if FieldName::parse(entry.key).is_none() {
                entry.value.report_error(
                    format!("`{}` is not the name of a field", entry.key),
                    "expected a name such as Authorization",
                );
            } else if !text.bytes().all(|byte| matches!(byte, b' '..=b'~')) {
                entry.value.report_error("a field has only visible ASCII", "expected ASCII");
            } else {
                headers.push((entry.key.to_owned(), text.to_owned()));
            }
        }
        headers
    }
}

/// Checks that `text` is a URL that OTLP can be sent to.
///
/// # Errors
/// If it is not; the text says what is wrong.
pub fn check_otlp_endpoint(text: &str) -> Result<(), String> {
    let Some((scheme, rest)) = text.split_once("://") else {
        return Err("an endpoint starts with http:// or https://".to_owned());
    };
    if rest.contains(['?', '#']) {
        return Err("an endpoint has no query: the paths of the signals are appended".to_owned());
    }
    let authority = rest.split('/').next().unwrap_or_default();
    parse_origin(&format!("{scheme}://{authority}"))?;
    Ok(())
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test that fails here has failed")]

    use super::*;
    use crate::load;

    fn telemetry(text: &str) -> TelemetrySettings {
        load(text, "upshift.toml").unwrap().file.telemetry
    }

    fn errors(text: &str) -> String {
        load(text, "upshift.toml").unwrap_err().iter().map(ToString::to_string).collect()
    }

    #[test]
    fn an_endpoint_a_table_or_false() {
        assert_eq!(telemetry(""), TelemetrySettings::default());
        assert_eq!(telemetry("[telemetry]\notlp = false").otlp, OtlpExport::Off);
        let set = telemetry(
            "[telemetry]\nstart-traces = false\nsample = 0.25\n[telemetry.otlp]\n\
             endpoint = \"http://collector:4318/base\"\nheaders = { X-Token = \"secret\" }\n\
             interval = \"15s\"\nservice-name = \"edge\"\ntraces = false\n",
        );
        assert_eq!((set.start_traces, set.sample), (false, Some(0.25)));
        let OtlpExport::Set(otlp) = set.otlp else { unreachable!("a table") };
        assert_eq!(otlp.endpoint.as_deref(), Some("http://collector:4318/base"));
        assert_eq!(otlp.headers, [("X-Token".to_owned(), "secret".to_owned())]);
        assert_eq!(otlp.interval, Some(Duration::from_secs(15)));
        assert_eq!((otlp.metrics, otlp.traces), (None, Some(false)));
        assert!(!format!("{otlp:?}").contains("secret"), "{otlp:?}");
    }

    #[test]
    fn a_wrong_value_is_reported() {
        for (text, wanted) in [
            ("endpoint = \"collector:4318\"", "http://"),
            ("endpoint = \"http://collector:4318/?a=b\"", "query"),
            ("interval = \"100ms\"", "too short"),
            ("headers = { \"a b\" = \"c\" }", "not the name of a field"),
            ("endpont = \"http://a\"", "endpoint"),
        ] {
            let found = errors(&format!("[telemetry.otlp]\n{text}\n"));
            assert!(found.contains(wanted), "{text}: {found}");
        }
        assert!(errors("[telemetry]\nsample = 2\n").contains("sample"));
    }
}

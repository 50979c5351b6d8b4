//! The telemetry that is in force: the policy file, and for what it leaves out the environment
//! variables that all programs with OpenTelemetry read.

use std::collections::BTreeMap;
use std::time::Duration;

use percent_encoding::percent_decode_str;
use upshift_config::{OtlpExport, OtlpSettings, TelemetrySettings, check_otlp_endpoint};

use crate::telemetry::sampler::Sampler;

/// The receiver on this machine, where no other is named.
const DEFAULT_ENDPOINT: &str = "http://localhost:4318";

/// The time between two exports of metrics.
const DEFAULT_INTERVAL: Duration = Duration::from_secs(60);

/// The time that one export may take.
const DEFAULT_TIMEOUT: Duration = Duration::from_secs(10);

/// The name of this program as a resource.
const SERVICE_NAME: &str = "upshift";

/// Environment variables, by name.
pub(crate) type Variables = BTreeMap<String, String>;

/// Traces and exports, as they are in force.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct TelemetryPlan {
    /// A forwarded request that belongs to no trace begins one.
    pub(crate) start_traces: bool,
    /// Decides which traces are recorded.
    pub(crate) sampler: Sampler,
    /// The export of metrics.
    pub(crate) metrics: Option<Receiver>,
    /// The time between two exports of metrics.
    pub(crate) interval: Duration,
    /// The export of traces.
    pub(crate) traces: Option<Receiver>,
    /// The attributes of this gateway: names and values.
    pub(crate) resource: Vec<(String, String)>,
    /// The variables that cannot be used, and why. They are ignored.
    pub(crate) faults: Vec<String>,
}

/// A receiver of one signal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Receiver {
    /// The whole URL.
    pub(crate) url: String,
    /// Fields of every request: names and values.
    pub(crate) headers: Vec<(String, String)>,
    /// The time that one export may take.
    pub(crate) timeout: Duration,
}

impl TelemetryPlan {
    /// The plan of these settings and variables.
    pub(crate) fn new(settings: &TelemetrySettings, variables: &Variables) -> Self {
        let reader = VariableReader { variables, faults: Vec::new() };
        reader.read_plan(settings)
    }

    /// Exports nothing, because this program cannot.
    pub(crate) fn give_up_exports(&mut self) {
        if self.metrics.take().is_some() | self.traces.take().is_some() {
            let fault = "OTEL_EXPORTER_OTLP_ENDPOINT: this program was built without the export \
                         over OTLP";
            self.faults.push(fault.to_owned());
        }
    }

    /// A URL that is exported to with TLS, if there is one.
    pub(crate) fn https_url(&self) -> Option<&str> {
        for receiver in self.metrics.iter().chain(&self.traces) {
            if receiver.url.starts_with("https:") {
                return Some(&receiver.url);
            }
        }
        None
    }
}

/// A variable whose value is not the URL of a receiver.
struct UnusableEndpoint;

/// Reads variables, and keeps the faults of those that cannot be used.
struct VariableReader<'v> {
    variables: &'v Variables,
    faults: Vec<String>,
}

impl<'v> VariableReader<'v> {
    fn read_plan(mut self, settings: &TelemetrySettings) -> TelemetryPlan {
        let none = OtlpSettings::default();
        let otlp = match &settings.otlp {
            OtlpExport::Set(otlp) => Some(otlp),
            OtlpExport::Unset => self.names_endpoint().then_some(&none),
            OtlpExport::Off => None,
        };
        let mut plan = TelemetryPlan {
            start_traces: settings.start_traces,
            sampler: self.read_sampler(settings.sample),
            ..TelemetryPlan::default()
        };
        // `OTEL_SDK_DISABLED` is for all programs of an environment: the file can still say no.
        if let Some(otlp) = otlp
            && !self.is_true("OTEL_SDK_DISABLED")
        {
            plan.metrics = self.read_receiver(otlp, otlp.metrics, "METRICS", "/v1/metrics");
            plan.traces = self.read_receiver(otlp, otlp.traces, "TRACES", "/v1/traces");
            let interval =
                otlp.interval.or_else(|| self.milliseconds("OTEL_METRIC_EXPORT_INTERVAL"));
            plan.interval = interval.unwrap_or(DEFAULT_INTERVAL);
            plan.resource = self.read_resource(otlp.service_name.as_deref());
        }
        plan.faults = self.faults;
        plan
    }

    /// Returns true if a variable says where to export to. One that cannot be used does not.
    fn names_endpoint(&mut self) -> bool {
        let mut is_named = false;
        for signal in ["", "METRICS_", "TRACES_"] {
            let url = self.read_endpoint(&format!("OTEL_EXPORTER_OTLP_{signal}ENDPOINT"));
            is_named |= matches!(url, Some(Ok(_)));
        }
        is_named
    }

    /// The URL of a variable; `None` if it is not set, and an error if it cannot be used.
    fn read_endpoint(&mut self, name: &str) -> Option<Result<&'v str, UnusableEndpoint>> {
        let url = self.get(name)?;
        if let Err(why) = check_otlp_endpoint(url) {
            self.report(format!("{name}: {why}"));
            return Some(Err(UnusableEndpoint));
        }
        Some(Ok(url.trim_end_matches('/')))
    }

    fn read_sampler(&mut self, share: Option<f64>) -> Sampler {
        if let Some(share) = share {
            return Sampler::of_share(share);
        }
        let Some(name) = self.get("OTEL_TRACES_SAMPLER") else { return Sampler::default() };
        match Sampler::from_name(name, self.get("OTEL_TRACES_SAMPLER_ARG")) {
            Ok(sampler) => sampler,
            Err(why) => {
                self.report(format!("OTEL_TRACES_SAMPLER: {why}"));
                Sampler::default()
            }
        }
    }

    /// The receiver of one signal; `None`: it is not exported.
    fn read_receiver(
        &mut self,
        otlp: &OtlpSettings,
        wanted: Option<bool>,
        signal: &str,
        path: &str,
    ) -> Option<Receiver> {
        let by_variable = self.get(&format!("OTEL_{signal}_EXPORTER")) != Some("none");
        if !wanted.unwrap_or(by_variable) {
            return None;
        }
        let timeout = self.milliseconds_of(signal, "TIMEOUT").unwrap_or(DEFAULT_TIMEOUT);
        let protocol = self.get_of(signal, "PROTOCOL").unwrap_or("http/protobuf");
        if protocol != "http/protobuf" {
            self.report(format!(
                "OTEL_EXPORTER_OTLP_PROTOCOL: there is no `{protocol}`: http/protobuf is used"
            ));
        }
        let headers = match self.get_of(signal, "HEADERS") {
            Some(list) if otlp.headers.is_empty() => self.read_pairs("HEADERS", list),
            _ => otlp.headers.clone(),
        };
        Some(Receiver { url: self.read_url(otlp, signal, path)?, headers, timeout })
    }

    /// The URL of a signal. A variable for one signal has the whole URL, the others have the base.
    /// `None` if only variables that cannot be used name one: the default is not what they mean.
    fn read_url(&mut self, otlp: &OtlpSettings, signal: &str, path: &str) -> Option<String> {
        if let Some(base) = &otlp.endpoint {
            return Some(format!("{}{path}", base.trim_end_matches('/')));
        }
        let whole = format!("OTEL_EXPORTER_OTLP_{signal}_ENDPOINT");
        let base = "OTEL_EXPORTER_OTLP_ENDPOINT";
        let mut is_named = false;
        for (name, path) in [(&*whole, ""), (base, path)] {
            match self.read_endpoint(name) {
                Some(Ok(url)) => return Some(format!("{url}{path}")),
                Some(Err(UnusableEndpoint)) => is_named = true,
                None => {}
            }
        }
        if is_named { None } else { Some(format!("{DEFAULT_ENDPOINT}{path}")) }
    }

    /// The attributes of the resource. `service.name` of the file counts, then
    /// `OTEL_SERVICE_NAME`, then `OTEL_RESOURCE_ATTRIBUTES`.
    fn read_resource(&mut self, service_name: Option<&str>) -> Vec<(String, String)> {
        let mut resource = Vec::new();
        if let Some(list) = self.get("OTEL_RESOURCE_ATTRIBUTES") {
            resource = self.read_pairs("OTEL_RESOURCE_ATTRIBUTES", list);
        }
        let name = service_name.or_else(|| self.get("OTEL_SERVICE_NAME"));
        if let Some(name) = name {
            resource.retain(|(key, _)| key != "service.name");
            resource.push(("service.name".to_owned(), name.to_owned()));
        }
        for (key, value) in
            [("service.name", SERVICE_NAME), ("service.version", env!("CARGO_PKG_VERSION"))]
        {
            if !resource.iter().any(|(known, _)| known == key) {
                resource.push((key.to_owned(), value.to_owned()));
            }
        }
        resource
    }

    /// The pairs of a list such as `a=1,b=2`, whose values are percent-encoded.
    fn read_pairs(&mut self, name: &str, list: &str) -> Vec<(String, String)> {
        let mut pairs = Vec::new();
        for member in list.split(',') {
            match member.split_once('=') {
                Some((key, value)) if !key.trim().is_empty() => {
                    let value = percent_decode_str(value.trim()).decode_utf8_lossy();
                    pairs.push((key.trim().to_owned(), value.into_owned()));
                }
                _ if member.trim().is_empty() => {}
                _ => self.report(format!("{name}: a member has no name and value")),
            }
        }
        pairs
    }

    fn milliseconds_of(&mut self, signal: &str, name: &str) -> Option<Duration> {
        let own = self.milliseconds(&format!("OTEL_EXPORTER_OTLP_{signal}_{name}"));
        own.or_else(|| self.milliseconds(&format!("OTEL_EXPORTER_OTLP_{name}")))
    }

    fn milliseconds(&mut self, name: &str) -> Option<Duration> {
        let text = self.get(name)?;
        match text.trim().parse() {
            Ok(count) if count > 0 => Some(Duration::from_millis(count)),
            _ => {
                self.report(format!("{name}: `{text}` is not a number of milliseconds"));
                None
            }
        }
    }

    /// The variable for one signal, or the one for all.
    fn get_of(&self, signal: &str, name: &str) -> Option<&'v str> {
        let own = self.get(&format!("OTEL_EXPORTER_OTLP_{signal}_{name}"));
        own.or_else(|| self.get(&format!("OTEL_EXPORTER_OTLP_{name}")))
    }

    /// Keeps a fault. Both signals read the variables that are for all.
    fn report(&mut self, fault: String) {
        if !self.faults.contains(&fault) {
            self.faults.push(fault);
        }
    }

    fn is_true(&self, name: &str) -> bool {
        self.get(name).is_some_and(|text| text.eq_ignore_ascii_case("true"))
    }

    /// An empty variable counts as one that is not set.
    fn get(&self, name: &str) -> Option<&'v str> {
        let text = self.variables.get(name)?.trim();
        if text.is_empty() { None } else { Some(text) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plan(otlp: OtlpExport, variables: &[(&str, &str)]) -> TelemetryPlan {
        let mut known = Variables::new();
        for (name, value) in variables {
            known.insert((*name).to_owned(), (*value).to_owned());
        }
        TelemetryPlan::new(&TelemetrySettings { otlp, ..TelemetrySettings::default() }, &known)
    }

    fn urls(plan: &TelemetryPlan) -> [Option<&str>; 2] {
        [&plan.metrics, &plan.traces]
            .map(|receiver| receiver.as_ref().map(|receiver| receiver.url.as_str()))
    }

    const ENDPOINT: (&str, &str) = ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://env:4318/");

    #[test]
    fn nothing_is_exported_unless_somewhere_is_named() {
        assert_eq!(urls(&plan(OtlpExport::Unset, &[])), [None, None]);
        assert_eq!(urls(&plan(OtlpExport::Off, &[ENDPOINT])), [None, None]);
        let disabled = [ENDPOINT, ("OTEL_SDK_DISABLED", "true")];
        assert_eq!(urls(&plan(OtlpExport::Unset, &disabled)), [None, None]);
        let local = plan(OtlpExport::Set(OtlpSettings::default()), &[]);
        let expected = ["http://localhost:4318/v1/metrics", "http://localhost:4318/v1/traces"];
        assert_eq!(urls(&local), expected.map(Some));
    }

    /// The data would go to a receiver that no one has named.
    #[test]
    fn nothing_is_exported_because_of_an_endpoint_that_cannot_be_used() {
        for name in ["", "METRICS_", "TRACES_"] {
            let name = format!("OTEL_EXPORTER_OTLP_{name}ENDPOINT");
            let unusable = plan(OtlpExport::Unset, &[(&name, "nonsense")]);
            assert_eq!(urls(&unusable), [None, None], "{name}");
            assert_eq!(unusable.faults.len(), 1, "{:?}", unusable.faults);
        }
        let wrong_base = [("OTEL_EXPORTER_OTLP_ENDPOINT", "nonsense")];
        let table = plan(OtlpExport::Set(OtlpSettings::default()), &wrong_base);
        assert_eq!(urls(&table), [None, None]);
        let own = [wrong_base[0], ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "http://env:1/own")];
        assert_eq!(urls(&plan(OtlpExport::Unset, &own)), [None, Some("http://env:1/own")]);
    }

    #[test]
    fn the_file_counts_before_the_environment() {
        let both = [ENDPOINT, ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "http://env:1/own")];
        let expected = [Some("http://env:4318/v1/metrics"), Some("http://env:1/own")];
        assert_eq!(urls(&plan(OtlpExport::Unset, &both)), expected);
        let file = OtlpSettings {
            endpoint: Some("http://file:4318".to_owned()),
            service_name: Some("edge".to_owned()),
            ..OtlpSettings::default()
        };
        let variables =
            [both[0], both[1], ("OTEL_SERVICE_NAME", "env"), ("OTEL_TRACES_EXPORTER", "none")];
        let plan = plan(OtlpExport::Set(file), &variables);
        assert_eq!(urls(&plan), [Some("http://file:4318/v1/metrics"), None]);
        assert!(plan.resource.contains(&("service.name".to_owned(), "edge".to_owned())));
    }

    #[test]
    fn the_variables_of_the_standard_are_read() {
        let plan = plan(
            OtlpExport::Unset,
            &[
                ENDPOINT,
                ("OTEL_EXPORTER_OTLP_HEADERS", "api-key=a%20b,x = y"),
                ("OTEL_EXPORTER_OTLP_METRICS_TIMEOUT", "2000"),
                ("OTEL_METRIC_EXPORT_INTERVAL", "15000"),
                ("OTEL_RESOURCE_ATTRIBUTES", "service.name=a,deployment.environment.name=b%2Cc"),
                ("OTEL_TRACES_SAMPLER", "traceidratio"),
                ("OTEL_TRACES_SAMPLER_ARG", "0.5"),
            ],
        );
        let metrics = plan.metrics.clone().unwrap_or_else(|| unreachable!("an endpoint"));
        let pairs = [("api-key", "a b"), ("x", "y")];
        assert_eq!(metrics.headers, pairs.map(|(name, value)| (name.into(), value.into())));
        assert_eq!(metrics.timeout, Duration::from_secs(2));
        assert_eq!(plan.interval, Duration::from_secs(15));
        let expected = [
            ("service.name", "a"),
            ("deployment.environment.name", "b,c"),
            ("service.version", env!("CARGO_PKG_VERSION")),
        ];
        assert_eq!(plan.resource, expected.map(|(name, value)| (name.into(), value.into())));
        assert_eq!(Ok(plan.sampler), Sampler::from_name("traceidratio", Some("0.5")));
        assert_eq!(plan.faults, Vec::<String>::new());
    }

    #[test]
    fn a_variable_that_cannot_be_used_is_named_and_ignored() {
        let plan = plan(
            OtlpExport::Unset,
            &[
                ENDPOINT,
                ("OTEL_TRACES_SAMPLER", "jaeger_remote"),
                ("OTEL_EXPORTER_OTLP_TIMEOUT", "soon"),
                ("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc"),
                ("OTEL_EXPORTER_OTLP_METRICS_ENDPOINT", "collector"),
            ],
        );
        assert_eq!(plan.sampler, Sampler::default());
        assert_eq!(urls(&plan)[0], Some("http://env:4318/v1/metrics"));
        for name in ["SAMPLER", "TIMEOUT", "PROTOCOL", "METRICS_ENDPOINT"] {
            assert!(plan.faults.iter().any(|fault| fault.contains(name)), "{:?}", plan.faults);
        }
    }
}

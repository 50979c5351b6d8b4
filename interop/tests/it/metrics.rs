//! `/metrics` as Prometheus reads it: its checker, its parsers, and a real server that scrapes.
//!
//! The metrics have to follow the conventions. They once had series without help, counters typed as
//! gauges, and the same format for every `Accept`.

use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::process::Command;

use interop::{
    Gateway, Origin, Program, Reply, Scratch, exchange, find, free_port, peers, python, run,
};

use crate::operations::eventually;

/// Refuses cleartext.
const RULE: &str = "[[rule]]\nid = \"tls\"\nrequire = { tls = \"1.2\" }\n";

const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";

/// A gateway that has refused a traced request, and served one over TLS.
fn used_gateway(origin: &Origin) -> Gateway {
    let gateway = Gateway::start(origin.address(), RULE);
    let fields = format!("Host: a\r\ntraceparent: 00-{TRACE}-00f067aa0ba902b7-01\r\n");
    let request = format!("GET / HTTP/1.1\r\n{fields}Connection: close\r\n\r\n");
    assert_eq!(exchange(gateway.http(), request.as_bytes(), false).0.status, 426);
    assert_eq!(gateway.curl(&[&gateway.secure_url("/")]).status, 200);
    // Counters are merged once a second.
    let merged = eventually(|| {
        let text = gateway.ask_admin("/metrics").text();
        text.contains("upshift_http_responses_total{code=\"200\"} 1\n").then_some(())
    });
    assert!(merged.is_some(), "{}", gateway.ask_admin("/metrics").text());
    gateway
}

/// The answer of an HTTP server to a GET with this `Accept`.
fn get(address: SocketAddr, target: &str, accept: &str) -> Reply {
    let fields = format!("Host: {address}\r\nAccept: {accept}\r\nConnection: close");
    exchange(address, format!("GET {target} HTTP/1.1\r\n{fields}\r\n\r\n").as_bytes(), false).0
}

/// `promtool check metrics` reads the text format and knows the conventions: names, units, types
/// and descriptions.
#[test]
fn promtool_finds_no_fault() {
    peers!("promtool");
    let origin = Origin::start(200, &[]);
    let gateway = used_gateway(&origin);
    let text = get(gateway.admin(), "/metrics", "text/plain;version=0.0.4").text();
    let folder = Scratch::new();
    let file = folder.file("metrics", &text);
    let check = format!("promtool check metrics <'{}'", file.display());
    let checked = run("sh", &["-c", &check]);
    assert_eq!((checked.code, &*checked.stderr, &*checked.stdout), (0, "", ""), "{text}");
}

/// The reference parser of OpenMetrics, which is strict, reads the metrics.
#[test]
fn openmetrics_is_read_by_its_reference_parser() {
    peers!("python packages");
    let origin = Origin::start(200, &[]);
    let gateway = used_gateway(&origin);
    let text = get(gateway.admin(), "/metrics", "application/openmetrics-text").text();
    let file = Scratch::new();
    let path = file.file("metrics", &text).display().to_string();
    let program = "import sys\n\
        from prometheus_client.openmetrics.parser import text_string_to_metric_families as read\n\
        for family in read(open(sys.argv[1]).read()):\n    \
            assert family.documentation, family.name\n    \
            for sample in family.samples:\n        \
                print(sample.name, sample.exemplar.labels if sample.exemplar else '')\n";
    let names = python(program, &[&path]).ok();
    assert!(names.contains("upshift_connections_total"), "{names}");
    let exemplar =
        format!("upshift_http_request_duration_seconds_bucket {{'trace_id': '{TRACE}'}}");
    assert!(names.contains(&exemplar), "{names}");
}

/// A Prometheus that scrapes gateways.
pub(crate) struct Prometheus {
    pub(crate) address: SocketAddr,
    program: Program,
    _folder: Scratch,
}

impl Prometheus {
    fn scraping(gateway: &Gateway, feature: &str) -> Self {
        Self::start(&[gateway.admin()], feature, "")
    }

    /// The same, with the rules of a file.
    pub(crate) fn with_rules(gateway: &Gateway, rules: &Path) -> Self {
        let configuration = format!("rule_files: ['{}']\n", rules.display());
        Self::start(&[gateway.admin()], "exemplar-storage", &configuration)
    }

    /// Starts one that scrapes these admin listeners once a second.
    pub(crate) fn of_fleet(admins: &[SocketAddr]) -> Self {
        Self::start(admins, "exemplar-storage", "")
    }

    /// The same, listening at `address`.
    pub(crate) fn of_fleet_at(address: SocketAddr, admins: &[SocketAddr]) -> Self {
        Self::start_at(address, admins, "exemplar-storage", "")
    }

    fn start(admins: &[SocketAddr], feature: &str, further: &str) -> Self {
        Self::start_at(free_port(), admins, feature, further)
    }

    fn start_at(address: SocketAddr, admins: &[SocketAddr], feature: &str, further: &str) -> Self {
        let folder = Scratch::new();
        let targets: Vec<String> = admins.iter().map(|admin| format!("'{admin}'")).collect();
        let configuration = format!(
            "global: {{ scrape_interval: 1s, evaluation_interval: 1s }}\nscrape_configs:\n\
             - job_name: upshift\n  static_configs: [ {{ targets: [{}] }} ]\n{further}",
            targets.join(", ")
        );
        let file = folder.file("prometheus.yml", configuration);
        let mut command = Command::new(find("prometheus").unwrap_or_else(|| "prometheus".into()));
        command.arg(format!("--config.file={}", file.display()));
        command.arg(format!("--storage.tsdb.path={}", folder.path().join("data").display()));
        command.arg(format!("--web.listen-address={address}"));
        command.arg(format!("--enable-feature={feature}"));
        let program = Program::start(command);
        Self { address, program, _folder: folder }
    }

    /// Asks for an API path once.
    pub(crate) fn ask(&self, path: &str) -> String {
        get(self.address, &format!("/api/v1/{path}"), "*/*").text()
    }

    /// Asks for an API path until its answer contains `expected`.
    #[track_caller]
    pub(crate) fn answers(&self, path: &str, expected: &str) {
        let mut last = String::new();
        let answered = eventually(|| {
            TcpStream::connect(self.address).ok()?;
            last = self.ask(path);
            last.contains(expected).then_some(())
        });
        let said = self.program.lines().join("\n");
        assert!(answered.is_some(), "{path}: no {expected} in {last}\n{said}");
    }
}

/// With its defaults, Prometheus asks for OpenMetrics.
#[test]
fn prometheus_scrapes_openmetrics_with_exemplars() {
    peers!("prometheus");
    let origin = Origin::start(200, &[]);
    let gateway = used_gateway(&origin);
    let prometheus = Prometheus::scraping(&gateway, "exemplar-storage");
    prometheus.answers("query?query=up%7Bjob%3D%22upshift%22%7D", ",\"1\"]");
    let refused = "query?query=upshift_rule_requests_total%7Bverdict%3D%22refuse%22%7D";
    prometheus.answers(refused, ",\"1\"]");
    prometheus
        .answers("query?query=upshift_tls_handshakes_total%7Bversion%3D%221.3%22%7D", ",\"1\"]");
    // A test gateway makes its own certificate, which is far from its expiry.
    prometheus.answers(
        "query?query=upshift_certificate_expiry_timestamp_seconds-time()%3E86400",
        "\"certificate\":\"",
    );
    prometheus.answers("metadata?metric=upshift_rule_requests", "\"type\":\"counter\"");
    let exemplars = "query_exemplars?query=upshift_http_request_duration_seconds_bucket\
        &start=0&end=9999999999";
    prometheus.answers(exemplars, TRACE);
}

/// With native histograms, Prometheus asks for protobuf.
#[test]
fn prometheus_scrapes_native_histograms() {
    peers!("prometheus");
    let origin = Origin::start(200, &[]);
    let gateway = used_gateway(&origin);
    let prometheus = Prometheus::scraping(&gateway, "native-histograms");
    prometheus.answers("query?query=up%7Bjob%3D%22upshift%22%7D", ",\"1\"]");
    let count = "query?query=histogram_count(upshift_http_request_duration_seconds%7Bverdict%3D%22\
        refuse%22%7D)";
    prometheus.answers(count, ",\"1\"]");
    prometheus
        .answers("query?query=upshift_rule_requests_total%7Bverdict%3D%22refuse%22%7D", ",\"1\"]");
}

/// Failed TLS handshakes are counted by what the client did.
#[test]
fn failed_handshakes_are_counted_by_cause() {
    peers!("curl");
    let origin = Origin::start(200, &[]);
    let gateway = Gateway::start(origin.address(), RULE);
    let untrusting = run("curl", &["--silent", &gateway.secure_url("/")]);
    assert_ne!(untrusting.code, 0, "{untrusting:?}");
    drop(TcpStream::connect(gateway.https()));
    exchange(gateway.https(), b"GET / HTTP/1.1\r\n\r\n", false);
    for cause in ["certificate-rejected", "closed", "malformed"] {
        let line = format!("upshift_tls_handshake_failures_total{{cause=\"{cause}\"}} 1\n");
        let counted =
            eventually(|| gateway.ask_admin("/metrics").text().contains(&line).then_some(()));
        assert!(counted.is_some(), "{cause}: {}", gateway.ask_admin("/metrics").text());
    }
}

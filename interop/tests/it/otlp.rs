//! The export over OTLP, read by a real collector and not only by the project's own tests.

use std::process::Command;

use interop::{Gateway, Origin, Program, Scratch, exchange, free_port, peers, rotel};

const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";

/// The collector accepts metrics and traces, and prints what it received.
#[test]
fn a_collector_takes_metrics_and_traces() {
    peers!("python packages");
    let (folder, http, grpc) = (Scratch::new(), free_port(), free_port());
    let mut command = Command::new(rotel());
    command.arg("start").args(["--exporter", "blackhole", "--debug-log-verbosity", "detailed"]);
    command.args(["--debug-log", "traces", "--debug-log", "metrics"]);
    command.arg(format!("--otlp-http-endpoint={http}"));
    command.arg(format!("--otlp-grpc-endpoint={grpc}"));
    command.arg(format!("--pid-file={}", folder.path().join("rotel.pid").display()));
    command.current_dir(folder.path());
    let mut collector = Program::start(command);
    let origin = Origin::start(200, &[]);
    let telemetry = format!(
        "[telemetry.otlp]\nendpoint = \"http://{http}\"\ninterval = \"1s\"\n\
         service-name = \"edge\"\n[[rule]]\nid = \"tls\"\nrequire = {{ tls = \"1.2\" }}\n\
         paths = [\"/account/**\"]\n"
    );
    let gateway = Gateway::start(origin.address(), &telemetry);
    let fields = format!("Host: a\r\ntraceparent: 00-{TRACE}-00f067aa0ba902b7-01\r\n");
    for path in ["/orders", "/account/"] {
        let request = format!("GET {path} HTTP/1.1\r\n{fields}Connection: close\r\n\r\n");
        exchange(gateway.http(), request.as_bytes(), false);
    }
    let arrived = origin.arrived();
    let request = arrived.first().expect("the admitted request");
    let mut fields = request.fields.iter();
    let sent = fields.find(|(name, _)| name.eq_ignore_ascii_case("traceparent"));
    let (_, sent) = sent.expect("a trace");
    assert!(sent.starts_with(&format!("00-{TRACE}-")), "{sent}");
    for wanted in [
        TRACE,
        sent.get(36..52).unwrap_or_default(),
        "http.server.request.duration",
        "http.client.request.duration",
        "upshift.rule_requests",
        "process.cpu.time",
        "edge",
    ] {
        collector
            .wait_for(wanted, |lines| lines.iter().any(|line| line.contains(wanted)).then_some(()));
    }
}

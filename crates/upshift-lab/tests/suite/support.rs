//! Peers and runs.

use std::net::SocketAddr;
use std::path::PathBuf;

use jiff::civil::date;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use upshift_lab::mock::{MockOptions, MockPeer, Scenario};
use upshift_lab::suite::{CaseFilter, RunOptions, RunPlan, SuiteFormat, plan_suite, run_suites};
use upshift_record::suite::{CaseOutcome, CaseVerdict, RunEvent, RunRecord};

/// Starts a peer that plays a scenario.
pub(crate) async fn start_peer(scenario: &str) -> MockPeer {
    let scenario = Scenario::parse(scenario, "peer.toml").unwrap();
    MockOptions::new().scenario(scenario).start().await.unwrap()
}

/// A server that answers the first octets of every connection with the same ones, and closes.
pub(crate) struct FixedServer {
    pub(crate) address: SocketAddr,
    task: JoinHandle<()>,
}

impl FixedServer {
    pub(crate) async fn start(answer: &'static str) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let address = listener.local_addr().unwrap();
        let task = tokio::spawn(async move {
            // Ends when the server is dropped.
            while let Ok((mut stream, _)) = listener.accept().await {
                let mut first = [0; 4096];
                if stream.read(&mut first).await.unwrap() > 0 {
                    stream.write_all(answer.as_bytes()).await.unwrap();
                    stream.shutdown().await.unwrap();
                }
            }
        });
        Self { address, task }
    }
}

impl Drop for FixedServer {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// A suite whose targets are the ports of `peer`.
pub(crate) fn suite_for(peer: &MockPeer, cases: &str) -> String {
    let (http, https) = (peer.http_url(), peer.https_url());
    format!("target = '{http}'\ntls-target = '{https}'\n{cases}")
}

/// The settings of the runs here.
pub(crate) fn options() -> RunOptions {
    RunOptions {
        jobs: 4,
        retries: 0,
        fail_fast: false,
        started: "2027-03-31T09:30:00Z".to_owned(),
        today: date(2027, 3, 31),
    }
}

/// The plan of a suite at `path`.
pub(crate) fn plan_at(path: &str, text: &str) -> RunPlan {
    let plan = plan_suite(path, text, SuiteFormat::Toml, &|_| None);
    let plan = plan.unwrap_or_else(|mistakes| panic!("{mistakes:#?}"));
    RunPlan::choose(vec![plan], &CaseFilter::All)
}

/// Runs a suite, and returns the record and the names of the events.
pub(crate) async fn run_with(text: &str, options: &RunOptions) -> (RunRecord, Vec<String>) {
    let plan = plan_at("a.upshift.toml", text);
    // Nothing stops it.
    let (_sender, stop) = watch::channel(false);
    let mut events = Vec::new();
    let mut observer = |event: &RunEvent, _: &RunRecord| {
        let json = serde_json::to_value(event).unwrap();
        let read: RunEvent = serde_json::from_value(json.clone()).unwrap();
        assert_eq!(serde_json::to_value(&read).unwrap(), json, "an event survives JSON");
        events.push(json["event"].as_str().unwrap().to_owned());
    };
    let record = run_suites(&plan, options, stop, &mut observer).await;
    (record, events)
}

/// Runs a suite with the usual settings.
pub(crate) async fn run(text: &str) -> RunRecord {
    run_with(text, &options()).await.0
}

/// Fails the test with the verdicts that make the run no success.
pub(crate) fn assert_success(record: &RunRecord) {
    let mut verdicts = Vec::new();
    for outcome in record.outcomes.iter().filter(|outcome| outcome.fell_short()) {
        verdicts.push(format!("{}: {:?}", outcome.address, outcome.last_try().unwrap().verdict));
    }
    assert!(record.summary().is_success(), "{:?} {verdicts:#?}", record.summary());
}

/// The outcome of the case with this id, and with this lane if it is a probe.
pub(crate) fn outcome<'r>(record: &'r RunRecord, place: &str) -> &'r CaseOutcome {
    let address = format!("a.upshift.toml::{place}").parse().unwrap();
    record.outcome_of(&address).unwrap_or_else(|| panic!("no outcome of {place}: {record:#?}"))
}

/// The verdict that counts.
pub(crate) fn verdict<'r>(record: &'r RunRecord, place: &str) -> &'r CaseVerdict {
    &outcome(record, place).last_try().unwrap().verdict
}

/// The differences of a case that failed, one a line.
pub(crate) fn mismatches(record: &RunRecord, place: &str) -> String {
    let CaseVerdict::Failed(mismatches) = verdict(record, place) else {
        panic!("{place}: {:#?}", outcome(record, place));
    };
    let lines: Vec<String> = mismatches.iter().map(ToString::to_string).collect();
    lines.join("\n")
}

/// A folder of its own for a test, removed when it is dropped.
pub(crate) struct Folder(PathBuf);

impl Folder {
    pub(crate) fn new(test: &str) -> Self {
        let path = std::env::temp_dir().join(format!("upshift-{test}-{}", std::process::id()));
        std::fs::create_dir(&path).unwrap();
        Self(path)
    }

    pub(crate) fn write(&self, name: &str, text: &str) {
        std::fs::write(self.0.join(name), text).unwrap();
    }

    pub(crate) fn path(&self, name: &str) -> String {
        self.0.join(name).to_string_lossy().into_owned()
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        // A folder that is left over harms nothing.
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

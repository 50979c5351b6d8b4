//! Captures, retries, ends before time, clients and recorded exchanges.

use tokio::sync::watch;
use upshift_lab::suite::{RunOptions, run_suites};
use upshift_record::suite::{CaseVerdict, RunEvent, RunRecord};

use crate::support::{
    Folder, assert_success, mismatches, options, outcome, plan_at, run, run_with, start_peer,
    suite_for, verdict,
};

const LOGIN: &str = "
[[probe]]
id = 'login'
req = 'POST /login'
expect.'h1.1' = { status = 200 }
capture.token = { field = 'X-Token' }
capture.order = { json = '/order' }
[[probe]]
id = 'order'
req = '''
GET /orders/${capture:order}
X-Token: ${capture:token}
'''
expect.h2 = { status = 200 }
";

#[tokio::test]
async fn captured_values_are_passed_on() {
    let peer = start_peer(
        "[[step]]\nwhen = { path = '/login' }\nstatus = 200\nfields = [['X-Token', 't1']]\n\
         body = '{\"order\": 7}'\n\
         [[step]]\nwhen = { path = '/orders/7', fields = ['X-Token: t1'] }\nstatus = 200\n\
         [[step]]\nstatus = 404\n",
    )
    .await;
    let record = run(&suite_for(&peer, LOGIN)).await;
    assert_success(&record);
    assert_eq!(record.planned[1].needs, [record.planned[0].address.clone()]);
    peer.stop().await;
}

#[tokio::test]
async fn a_case_without_its_values_is_not_sent() {
    let peer = start_peer("[[step]]\nstatus = 200\nfields = [['X-Token', 't1']]\n").await;
    let record = run(&suite_for(&peer, LOGIN)).await;
    let mismatch = mismatches(&record, "login[h1.1]");
    assert_eq!(mismatch, "capture order: expected a value at /order of the JSON, got none");
    let CaseVerdict::Errored(why) = verdict(&record, "order[h2]") else { panic!("{record:#?}") };
    assert_eq!(why, "it needs a value of a.upshift.toml::login[h1.1]: FAIL");
    assert_eq!(peer.stop().await.requests().len(), 1);
}

#[tokio::test]
async fn a_retry_is_reported_and_never_hidden() {
    let peer =
        start_peer("[[step]]\nwhen = { request = 1 }\nstatus = 503\n[[step]]\nstatus = 200\n")
            .await;
    let cases = "[[probe]]\nid = 'a'\nreq = 'GET /'\nexpect.'h1.1'.status = 200\nretries = 2\n";
    let (record, events) = run_with(&suite_for(&peer, cases), &options()).await;
    let tried = outcome(&record, "a[h1.1]");
    assert!(tried.is_flaky(), "{tried:#?}");
    assert_eq!((record.summary().passed, record.summary().flaky), (1, 1));
    assert_eq!(events, ["planned", "started", "tried", "tried", "finished", "summary"]);
    peer.stop().await;
}

#[tokio::test]
async fn fail_fast_leaves_the_rest_as_not_run() {
    let peer = start_peer("[[step]]\nstatus = 200\n").await;
    let cases = "[[probe]]\nid = 'a'\nreq = 'GET /'\nexpect.'h1.1'.status = 426\n\
                 [[probe]]\nid = 'b'\nreq = 'GET /'\nexpect.'h1.1'.status = 200\n";
    let options = RunOptions { jobs: 1, fail_fast: true, ..options() };
    let (record, _) = run_with(&suite_for(&peer, cases), &options).await;
    assert_eq!(record.summary().missing, ["a.upshift.toml::b[h1.1]"]);
    assert!(!record.summary().is_success());
    peer.stop().await;
}

/// The run is stopped while a case waits for a server that never answers.
#[tokio::test]
async fn a_run_that_is_stopped_is_no_success() {
    let peer = start_peer("[[step]]\nthen = 'hang'\n").await;
    let cases = "[[probe]]\nid = 'a'\nreq = 'GET /'\ntimeout = '60m'\nexpect.'h1.1'.status = 200\n\
                 [[client]]\nid = 'b'\nrun = ['sh', '-c', 'sleep 1000; : {url}']\ntimeout = '60m'\n\
                 scenario = 'silent'\nexpect.exit = 0\n";
    let plan = plan_at("a.upshift.toml", &suite_for(&peer, cases));
    let (sender, stop) = watch::channel(false);
    let mut begun = 0;
    let mut observer = |event: &RunEvent, _: &RunRecord| {
        begun += usize::from(matches!(event, RunEvent::Started { .. }));
        if begun == 2 {
            sender.send_replace(true);
        }
    };
    let record = run_suites(&plan, &options(), stop, &mut observer).await;
    assert_eq!(record.summary().missing.len(), 2, "{record:#?}");
    assert!(!record.summary().is_success());
    peer.stop().await;
}

const CLIENTS: &str = "
[[client]]
id = 'right'
run = ['sh', '-c', 'echo out; echo \"$WHERE\" >&2; exit 3']
env = { WHERE = '{url}' }
scenario = 'own'
expect = { exit = 3, stdout = \"out\\n\", stderr = { matches = '^http://127' }, requests = 0 }
[[client]]
id = 'wrong'
run = ['sh', '-c', 'exit 1', '{url}']
scenario = 'own'
expect = { exit = 0, stdout = 'x', requests = 1, request = [{ method = 'GET' }] }
[[client]]
id = 'hangs'
run = ['sleep', '1000{port}']
scenario = 'own'
timeout = '200ms'
expect.max-requests = 1
[[client]]
id = 'absent'
run = ['no-such-client', '{url}']
scenario = 'own'
expect.exit = 0
[[client]]
id = 'unsupported'
run = ['sh', '-c', 'exit 127', '{url}']
scenario = 'own'
expect = { exit = 0, skip-if-unsupported = true }
[[scenario]]
name = 'own'
[[scenario.step]]
status = 200
";

#[tokio::test]
async fn clients_are_judged_by_what_they_say_and_ask() {
    let record = run(CLIENTS).await;
    assert_eq!(verdict(&record, "right"), &CaseVerdict::Passed, "{record:#?}");
    let wrong = mismatches(&record, "wrong");
    for part in [
        "end of the client: expected exit code 0, got exit code 1",
        "stdout: expected `x`, got \"\"",
        "number of requests: expected 1, got 0",
        "request 1: expected a request, got none",
    ] {
        assert!(wrong.contains(part), "{wrong}");
    }
    assert_eq!(
        mismatches(&record, "hangs"),
        "end of the client: expected an end within 0.2 s, got killed at its time limit"
    );
    let CaseVerdict::Errored(why) = verdict(&record, "absent") else { panic!("{record:#?}") };
    assert!(why.starts_with("`no-such-client` cannot be started"), "{why}");
    let skipped = verdict(&record, "unsupported");
    assert!(matches!(skipped, CaseVerdict::Skipped(_)), "{skipped:?}");
    let run = &outcome(&record, "right").last_try().unwrap().evidence.client;
    assert_eq!(run.as_ref().unwrap().stdout.octets, b"out\n");
}

const BARE: &str = "HTTP/1.1 426 Upgrade Required\nContent-Length: 0\n\n";
const FINE: &str = "HTTP/1.1 200 OK\nContent-Length: 0\n\n";

#[tokio::test]
async fn recorded_exchanges_are_linted() {
    let folder = Folder::new("lint-cases");
    folder.write("a-bare.http", BARE);
    folder.write("b-fine.http", FINE);
    folder.write("empty.txt", "");
    let suite = "
[[lint]]
id = 'all'
files = ['*.http']
[[lint]]
id = 'ignored'
files = ['a-bare.http', 'b-fine.http']
ignore = [{ note = 'U001', reason = 'moves in April', until = 2027-03-31 }]
[[lint]]
id = 'expired'
files = ['a-bare.http']
ignore = [{ note = 'U001', reason = 'moved', until = '2027-03-30' }]
[[lint]]
id = 'none'
files = ['*.har']
[[lint]]
id = 'empty'
files = ['empty.txt']
";
    let plan = plan_at(&folder.path("a.upshift.toml"), suite);
    let (_sender, stop) = watch::channel(false);
    let record = run_suites(&plan, &options(), stop, &mut |_, _| {}).await;
    let found = |id: &str| record.outcomes.iter().find(|outcome| outcome.address.id == id).unwrap();
    let last = |id: &str| found(id).last_try().unwrap();
    let CaseVerdict::Failed(mismatches) = &last("all").verdict else { panic!("{record:#?}") };
    assert!(mismatches[0].what.contains("a-bare.http:1: note U001"), "{mismatches:?}");
    assert_eq!(last("all").evidence.exchanges.len(), 2);
    assert_eq!(last("ignored").verdict, CaseVerdict::Passed, "{record:#?}");
    let ignored = last("ignored").evidence.notes.iter().find(|note| note.ignored.is_some());
    assert_eq!(ignored.unwrap().ignored.as_deref(), Some("moves in April (2027-03-31)"));
    assert!(matches!(last("expired").verdict, CaseVerdict::Failed(_)));
    let remark = &last("expired").evidence.remarks[0];
    assert!(remark.starts_with("U001 is ignored no longer"), "{remark}");
    for id in ["none", "empty"] {
        assert!(matches!(last(id).verdict, CaseVerdict::Errored(_)), "{id}: {:?}", last(id));
    }
}

#[tokio::test]
async fn notes_and_schemas_are_part_of_the_expectation() {
    let folder = Folder::new("note-cases");
    folder.write("body.json", r#"{"type": "object", "required": ["rule"]}"#);
    let peer = start_peer(
        "[[step]]\nstatus = 426\nfields = [['Content-Type', 'application/json']]\nbody = '{}'\n",
    )
    .await;
    let cases = "
[[probe]]
id = 'error'
req = 'GET /'
expect.'h1.1' = { status = 426 }
[[probe]]
id = 'wanted'
req = 'GET /'
expect.'h1.1' = { status = 426, notes = ['U001'] }
[[probe]]
id = 'missing'
req = 'GET /'
expect.'h1.1' = { status = 426, notes = ['U054'], fail-on = 'none' }
[[probe]]
id = 'schema'
req = 'GET /'
expect.'h1.1' = { schema = 'body.json', fail-on = 'none' }
";
    let plan = plan_at(&folder.path("a.upshift.toml"), &suite_for(&peer, cases));
    let (_sender, stop) = watch::channel(false);
    let record = run_suites(&plan, &options(), stop, &mut |_, _| {}).await;
    let of = |id: &str| {
        let found = record.outcomes.iter().find(|outcome| outcome.address.id == id).unwrap();
        match &found.last_try().unwrap().verdict {
            CaseVerdict::Failed(mismatches) => mismatches[0].to_string(),
            other => format!("{other:?}"),
        }
    };
    assert!(of("error").starts_with("note U001: expected no error, got "), "{}", of("error"));
    assert_eq!(of("wanted"), "Passed");
    assert_eq!(of("missing"), "note U054: expected a finding, got none");
    assert!(of("schema").starts_with("content at its root: expected JSON"), "{}", of("schema"));
    peer.stop().await;
}

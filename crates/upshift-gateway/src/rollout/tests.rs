#![expect(clippy::unwrap_used, reason = "a test that fails here has failed")]

use std::sync::Arc;

use axum::body::Body;
use axum::http::{Request, StatusCode};
use serde_json::{Value, json};
use tower::ServiceExt as _;
use upshift_adoption::RequestCallers;
use upshift_adoption::overrides::{ChangeTarget, Imposed, RolloutChange};
use upshift_config::FileSettings;
use upshift_core::policy::{
    BreakerLimits, Counted, IdentityReader, PolicySpec, RampPlan, Requirement, Rollout,
    RolloutPlan, RuleSpec,
};
use upshift_core::{Facts, HttpVersion, Known, Phase, TlsState};

use super::*;
use crate::admin::auth::{AdminAccess, guarded};
use crate::admin::rollout_api::router;

fn day(day: i64) -> Timestamp {
    Timestamp::now().checked_add(jiff::SignedDuration::from_hours(24 * day)).unwrap()
}

/// `ramped` ramps from ten days ago to ten days from now; `plain` enforces.
fn policy() -> Policy {
    let mut ramped = RuleSpec::new("ramped", vec![Requirement::Http(HttpVersion::V2)]);
    ramped.identity = vec![IdentityReader::Peer];
    ramped.breaker = Some(BreakerLimits {
        refused_share: 0.3,
        window: 60,
        minimum: 200,
        counts: Counted::Seen,
        per_network: 50,
    });
    let (ramp, enforce) = (Some(RampPlan::Linear(day(-10))), Some(day(10)));
    ramped.rollout = Some(
        Rollout::new(RolloutPlan { warn: Some(day(-20)), ramp, enforce, ..RolloutPlan::default() })
            .unwrap(),
    );
    let plain = RuleSpec::new("plain", vec![Requirement::Http(HttpVersion::V2)]);
    let revision = "sha256:00".into();
    Policy::new(PolicySpec { rules: vec![ramped, plain], revision, ..PolicySpec::default() })
        .unwrap()
}

fn controlled(policy: Policy) -> ControlledFile {
    let file = FileSettings { policy, ..FileSettings::default() };
    ControlledFile::from_settings(&Settings { file, ..Settings::default() })
}

/// A control, and the policy that it last put in force.
struct Bench {
    control: Arc<Control>,
    live: Arc<Mutex<Policy>>,
}

impl Bench {
    fn new(store: Option<&Path>, observe: bool) -> Self {
        let live = Arc::new(Mutex::new(Policy::default()));
        let publish = {
            let live = Arc::clone(&live);
            Box::new(move |policy| *live.lock().unwrap() = policy)
        };
        let webhook = Some("http://127.0.0.1:9/hook".to_owned());
        let now = Timestamp::now();
        let file = ControlledFile { webhook, ..controlled(policy()) };
        let config = ControlConfig { file, store, observe, now };
        let opened = OpenedControl::open(config).unwrap();
        *live.lock().unwrap() = opened.policy().clone();
        let control = opened.publishing(publish);
        Self { control: Arc::new(control), live }
    }

    fn reload(&self, policy: Policy) {
        let publish = |policy| *self.live.lock().unwrap() = policy;
        self.control.reload(controlled(policy), Timestamp::now(), publish);
    }

    fn phase(&self, rule: &str) -> Phase {
        self.live.lock().unwrap().rule(rule).unwrap().rollout_state(Timestamp::now()).phase
    }

    /// So many callers over HTTP/1.1, each from its own address, decided as the gateway does.
    fn serve(&self, callers: u32, now: Timestamp) -> u32 {
        let policy = self.live.lock().unwrap().clone();
        let (mut tally, mut refused) = (CallerTally::default(), 0);
        for n in 0..callers {
            let fields: [(&str, &str); 0] = [];
            let facts = Facts {
                method: "GET",
                host: "",
                path: "/",
                query: None,
                http: Known::Is(HttpVersion::V1_1),
                hop: HttpVersion::V1_1,
                tls: Known::Is(TlsState::Cleartext),
                client_ip: Some(std::net::Ipv4Addr::from(0x0a00_0000 + (n << 8)).into()),
                fields: &fields.to_vec(),
                has_content: false,
                protocol: None,
            };
            let decision = policy.decide(&facts, now);
            refused += u32::from(decision.rulings[0].verdict == upshift_core::Verdict::Refuse);
            let callers = RequestCallers::of_decision(&decision, &facts, self.control.key());
            count_decision(&mut tally, &callers, &decision, now);
        }
        self.control.hand_in(tally);
        refused
    }

    async fn ask(&self, token: Option<&str>, request: Request<Body>) -> (StatusCode, Value) {
        let token = token.map(str::to_owned);
        let access = AdminAccess::with_token(Arc::new(move || token.clone()), true);
        let response =
            guarded(router(Arc::clone(&self.control)), access).oneshot(request).await.unwrap();
        let status = response.status();
        let body = axum::body::to_bytes(response.into_body(), 1 << 20).await.unwrap();
        (status, serde_json::from_slice(&body).unwrap_or(Value::Null))
    }

    async fn post(&self, verb: &str, body: Value) -> (StatusCode, Value) {
        self.ask(None, request("POST", verb).body(body.to_string().into()).unwrap()).await
    }

    /// Makes a change at a time, with a confirmation.
    fn change(&self, change: RolloutChange, now: Timestamp) {
        let command = ChangeCommand { confirm: true, ..command(change) };
        self.control.make_change(&command, now).map(drop).unwrap();
    }

    /// Makes a change at a time, without a confirmation.
    fn try_to_change(&self, change: RolloutChange, now: Timestamp) -> Result<(), ControlError> {
        self.control.make_change(&command(change), now).map(drop)
    }

    #[track_caller]
    fn refuses_to_resume_ramped(&self) {
        let resumed = self.try_to_change(
            RolloutChange::Resume(ChangeTarget::Rule("ramped".into())),
            Timestamp::now(),
        );
        assert!(matches!(resumed, Err(ControlError::Rises { .. })), "{resumed:?}");
        assert_eq!(self.phase("ramped"), Phase::Paused);
    }

    async fn get(&self, what: &str) -> Value {
        self.ask(None, request("GET", what).body(Body::empty()).unwrap()).await.1
    }
}

fn command(change: RolloutChange) -> ChangeCommand {
    let (id, actor, reason) = (None, "ada lovelace".into(), String::new());
    ChangeCommand {
        change,
        id,
        actor,
        reason,
        confirm: false,
        dry_run: false,
        after: None,
        not_after: None,
        effect: None,
    }
}

fn request(method: &str, what: &str) -> axum::http::request::Builder {
    let request = Request::builder().method(method).uri(format!("/api/{what}"));
    request.header("host", "127.0.0.1:9426").header("content-type", "application/json")
}

#[test]
fn the_breaker_demotes_a_rule_and_says_who_was_hit() {
    let bench = Bench::new(None, false);
    let now = Timestamp::now();
    assert_eq!(bench.phase("ramped"), Phase::Ramp);
    let refused = bench.serve(1_000, now);
    assert!((450..550).contains(&refused), "half of a ramp is refused, not {refused}");
    let deliveries = bench.control.tick(now);
    assert_eq!(bench.phase("ramped"), Phase::Warn);
    assert_eq!(bench.phase("plain"), Phase::Enforce, "the others go on");
    assert_eq!(bench.serve(1_000, now), 0);
    let body: Value = serde_json::from_str(&deliveries[0].body).unwrap();
    assert_eq!(
        (&body["rule"], &body["seen"], &body["refused"]),
        (&json!("ramped"), &json!(1_000), &json!(refused))
    );
    let trips = bench.control.trips(10);
    assert_eq!(trips[0].hit.len(), refused as usize);
    assert!(!deliveries[0].body.contains("10.0.0"), "the report contains no address");
    assert!(bench.control.tick(now).is_empty(), "it trips once");
}

/// A rule that enforces without a rollout locked out every caller, and no breaker watched it.
#[test]
fn the_breaker_demotes_a_rule_that_has_no_rollout() {
    let bench = Bench::new(None, false);
    let mut strict = RuleSpec::new("strict", vec![Requirement::Http(HttpVersion::V2)]);
    strict.breaker = Some(BreakerLimits {
        refused_share: 0.05,
        window: 60,
        minimum: 200,
        counts: Counted::Seen,
        per_network: 50,
    });
    let policy = Policy::new(PolicySpec { rules: vec![strict], ..PolicySpec::default() }).unwrap();
    bench.reload(policy);
    assert_eq!(
        (bench.phase("strict"), bench.serve(1_000, Timestamp::now())),
        (Phase::Enforce, 1_000)
    );
    bench.control.tick(Timestamp::now());
    assert_eq!((bench.phase("strict"), bench.serve(1_000, Timestamp::now())), (Phase::Warn, 0));
}

#[tokio::test]
async fn resuming_a_tripped_rule_is_what_resets_it() {
    let bench = Bench::new(None, false);
    bench.serve(1_000, Timestamp::now());
    bench.control.tick(Timestamp::now());
    assert_eq!(bench.get("status").await["rules"][0]["breaker"]["state"], "tripped");
    let (status, report) =
        bench.post("resume", json!({"rule": "ramped", "actor": "ada", "reason": "mended"})).await;
    assert_eq!(status, StatusCode::OK, "the share is what it was: {report}");
    assert_eq!(bench.phase("ramped"), Phase::Ramp);
    let status = bench.get("status").await;
    assert_eq!(status["rules"][0]["breaker"]["state"], "armed");
    assert_eq!(status["rules"][0]["breaker"]["seen"], 0);
    let revisions = bench.get("revisions").await;
    let listed: Vec<_> =
        revisions.as_array().unwrap().iter().map(|r| (&r["action"], &r["actor"])).collect();
    assert_eq!(listed, [(&json!("resume"), &json!("ada")), (&json!("trip"), &json!("breaker"))]);
}

#[tokio::test]
async fn a_change_is_in_force_at_once_and_undone_by_one_call() {
    let bench = Bench::new(None, false);
    let (status, report) =
        bench.post("pause", json!({"rule": "plain", "actor": "ada", "reason": "phones"})).await;
    assert_eq!((status, &report["revision"]), (StatusCode::OK, &json!(1)));
    let moved = json!([{"rule": "plain", "phase_before": "enforce", "share_before": 1.0, "phase": "paused", "share": 0.0}]);
    assert_eq!(report["rules"], moved);
    assert_eq!(bench.phase("plain"), Phase::Paused);
    let id = report["change"].clone();
    let (status, problem) = bench.post("undo", json!({"actor": "bob"})).await;
    assert_eq!(
        (status, &problem["code"]),
        (StatusCode::CONFLICT, &json!("rises")),
        "it would refuse every caller again"
    );
    assert_eq!((&problem["rules"][0]["share"], bench.phase("plain")), (&json!(1.0), Phase::Paused));
    let (_, report) = bench.post("undo", json!({"actor": "bob", "confirm": true})).await;
    assert_eq!((&report["undoes"], &report["undoes_change"]), (&json!(1), &id));
    assert_eq!(bench.phase("plain"), Phase::Enforce);
    let (status, problem) = bench.post("undo", json!({"actor": "bob"})).await;
    assert_eq!(
        (status, &problem["detail"]),
        (StatusCode::CONFLICT, &json!("there is nothing to undo"))
    );
}

/// Each of these was a revision of its own, in the history and in the ledger of policies.
#[tokio::test]
async fn a_change_of_nothing_is_no_revision() {
    let bench = Bench::new(None, false);
    let until = day(1).to_string();
    let warn = json!({"rule": "plain", "phase": "warn", "actor": "ada", "until": until});
    let pause = json!({"rule": "plain", "actor": "ada"});
    let all = json!({"all": true, "actor": "ada"});
    // Each change and the number of revisions after it.
    for (verb, body, revisions) in [
        ("resume", &pause, 0),
        ("resume", &all, 0),
        ("set", &warn, 1),
        ("set", &warn, 1),
        ("pause", &pause, 2),
        ("pause", &pause, 2),
        ("pause", &all, 3),
        ("pause", &all, 3),
        ("resume", &pause, 4),
        ("resume", &pause, 4),
        ("resume", &all, 5),
        ("resume", &all, 5),
    ] {
        let before = bench.get("revisions").await.as_array().unwrap().len();
        let mut body = body.clone();
        body["confirm"] = json!(true);
        let (status, report) = bench.post(verb, body).await;
        let now = bench.get("revisions").await.as_array().unwrap().len();
        assert_eq!((status, now), (StatusCode::OK, revisions), "{verb}: {report}");
        let is_unchanged = now == before;
        assert_eq!(report["unchanged"] == true, is_unchanged, "{verb}: {report}");
        assert_eq!(report["revision"].is_null(), is_unchanged, "{verb}: {report}");
        assert_eq!(report["change"].is_null(), is_unchanged, "{verb}: {report}");
    }
}

#[tokio::test]
async fn resume_shows_the_share_before_and_now_and_asks_where_it_rises() {
    let bench = Bench::new(None, false);
    // Paused a while ago, when the ramp stood lower.
    bench.change(RolloutChange::Pause(ChangeTarget::Rule("ramped".into())), day(-5));
    let dry = json!({"rule": "ramped", "actor": "ada", "dry_run": true});
    let (status, report) = bench.post("resume", dry).await;
    assert_eq!((status, &report["revision"]), (StatusCode::OK, &Value::Null));
    let (before, now) = (&report["rules"][0]["share_before"], &report["rules"][0]["share"]);
    assert!(before.as_f64() < Some(0.26) && now.as_f64() > Some(0.49), "{report}");
    let (status, problem) = bench.post("resume", json!({"rule": "ramped", "actor": "ada"})).await;
    assert_eq!(
        (status, problem["rules"].as_array().map(Vec::len)),
        (StatusCode::CONFLICT, Some(1))
    );
    assert_eq!(bench.phase("ramped"), Phase::Paused);
    let (status, _) =
        bench.post("resume", json!({"rule": "ramped", "actor": "ada", "confirm": true})).await;
    assert_eq!((status, bench.phase("ramped")), (StatusCode::OK, Phase::Ramp));
}

/// A resume that raises the share of refused callers without a confirmation, and says that it does
/// not: what it was held against was the file's plan, not what was in force when the rule was
/// stopped.
#[test]
fn a_resume_is_held_against_what_was_in_force_when_the_rule_was_stopped() {
    let warn = RolloutChange::Set { rule: "plain".into(), imposed: Imposed::WARN, until: None };
    let pause = RolloutChange::Pause(ChangeTarget::Rule("plain".into()));
    let pause_all = RolloutChange::Pause(ChangeTarget::All);
    let (resume, resume_all) = (
        RolloutChange::Resume(ChangeTarget::Rule("plain".into())),
        RolloutChange::Resume(ChangeTarget::All),
    );
    for (before, resume, rises) in [
        (vec![&warn, &pause], &resume, true),
        (vec![&warn, &pause_all], &resume_all, true),
        (vec![&warn], &resume, true),
        (vec![&pause, &warn, &RolloutChange::Undo(None)], &resume, true),
        (vec![&pause], &resume, false),
        (vec![&pause, &pause], &resume, false),
        (vec![&pause, &pause_all], &resume, false),
        (vec![&pause, &pause_all], &resume_all, false),
    ] {
        let bench = Bench::new(None, false);
        before
            .iter()
            .for_each(|change| bench.change(RolloutChange::clone(change), Timestamp::now()));
        let resumed = bench.try_to_change(resume.clone(), Timestamp::now());
        assert_eq!(matches!(resumed, Err(ControlError::Rises { .. })), rises, "{before:?}");
        assert_eq!(bench.phase("plain") == Phase::Enforce, !rises, "{before:?}");
    }
}

/// Of the same kind: a second pause is no new stop, a pause of a rule that tripped is one, and a
/// file that was changed while a rule was stopped says nothing of what it refused.
#[test]
fn neither_a_second_pause_nor_a_trip_nor_a_reload_hides_a_rise() {
    let pause = RolloutChange::Pause(ChangeTarget::Rule("ramped".into()));
    let paused_twice = Bench::new(None, false);
    paused_twice.change(pause.clone(), day(-5));
    paused_twice.change(pause.clone(), Timestamp::now());
    paused_twice.refuses_to_resume_ramped();
    let tripped = Bench::new(None, false);
    tripped.serve(1_000, Timestamp::now());
    tripped.control.tick(Timestamp::now());
    tripped.change(pause.clone(), Timestamp::now());
    tripped.refuses_to_resume_ramped();
    let reloaded = Bench::new(None, false);
    reloaded.change(pause, Timestamp::now());
    let enforcing = RuleSpec::new("ramped", vec![Requirement::Http(HttpVersion::V2)]);
    let policy =
        Policy::new(PolicySpec { rules: vec![enforcing], ..PolicySpec::default() }).unwrap();
    reloaded.reload(policy);
    reloaded.refuses_to_resume_ramped();
}

#[tokio::test]
async fn what_cannot_be_done_is_said_and_not_done() {
    let bench = Bench::new(None, false);
    for (verb, body, expected) in [
        ("pause", json!({"rule": "nope", "actor": "ada"}), StatusCode::NOT_FOUND),
        ("pause", json!({"actor": "ada"}), StatusCode::BAD_REQUEST),
        ("pause", json!({"rule": "plain", "all": true, "actor": "ada"}), StatusCode::BAD_REQUEST),
        ("pause", json!({"rule": "plain", "actor": " "}), StatusCode::BAD_REQUEST),
        ("set", json!({"rule": "plain", "phase": "ramp", "actor": "ada"}), StatusCode::BAD_REQUEST),
        (
            "set",
            json!({"rule": "plain", "phase": "warn", "until": "2020-01-01T00:00:00Z", "actor": "a"}),
            StatusCode::BAD_REQUEST,
        ),
        (
            "set",
            json!({"rule": "plain", "phase": "warn", "typo": 1, "actor": "a"}),
            StatusCode::UNPROCESSABLE_ENTITY,
        ),
    ] {
        let (status, problem) = bench.post(verb, body.clone()).await;
        assert_eq!(status, expected, "{verb} {body}");
        assert!(problem["detail"].is_string(), "{verb} {body}");
    }
    assert_eq!(bench.get("revisions").await, json!([]));
}

/// A client that asks again, or that asked before somebody else changed something, changes nothing
/// by mistake.
#[tokio::test]
async fn a_change_has_one_id_and_is_made_once() {
    let bench = Bench::new(None, false);
    let pause = json!({"rule": "plain", "actor": "ada", "change": "a1"});
    let (_, dry) =
        bench.post("pause", json!({"rule": "plain", "actor": "ada", "dry_run": true})).await;
    assert_eq!((&dry["change"], &dry["latest"]), (&Value::Null, &json!(0)));
    let (_, report) = bench.post("pause", pause.clone()).await;
    assert_eq!((&report["change"], &report["latest"]), (&json!("a1"), &json!(1)));
    let (status, problem) = bench.post("pause", pause).await;
    assert_eq!((status, &problem["code"]), (StatusCode::CONFLICT, &json!("repeated")));
    let stale = json!({"rule": "ramped", "phase": "warn", "actor": "bob", "after": 0});
    let (status, problem) = bench.post("set", stale).await;
    assert_eq!((status, &problem["code"]), (StatusCode::CONFLICT, &json!("changed-meanwhile")));
    for (undo, code) in [("zz", "unknown-change"), ("a1", "rises")] {
        let (_, problem) = bench.post("undo", json!({"undo": undo, "actor": "ada"})).await;
        assert_eq!(problem["code"], code);
    }
    for id in ["", "a b", &"a".repeat(41)] {
        let body = json!({"rule": "plain", "actor": "ada", "change": id});
        assert_eq!(bench.post("pause", body).await.0, StatusCode::BAD_REQUEST, "{id:?}");
    }
    assert_eq!(bench.get("revisions").await.as_array().map(Vec::len), Some(1));
}

/// A change that arrives after its client has given it up, and has said that it was not made.
#[tokio::test]
async fn a_change_that_comes_after_its_time_is_not_made() {
    let bench = Bench::new(None, false);
    let (_, dry) =
        bench.post("pause", json!({"rule": "plain", "actor": "ada", "dry_run": true})).await;
    let dry_run_at: Timestamp = dry["now"].as_str().unwrap().parse().unwrap();
    let (over, to_come) = (
        dry_run_at - jiff::SignedDuration::from_secs(1),
        dry_run_at + jiff::SignedDuration::from_secs(60),
    );
    let mut pause = json!({"rule": "plain", "actor": "ada", "not_after": over.to_string()});
    let (status, problem) = bench.post("pause", pause.clone()).await;
    assert_eq!((status, &problem["code"]), (StatusCode::CONFLICT, &json!("too-late")), "{problem}");
    assert_eq!((bench.phase("plain"), bench.get("revisions").await), (Phase::Enforce, json!([])));
    pause["not_after"] = json!("soon");
    assert_eq!(bench.post("pause", pause.clone()).await.0, StatusCode::BAD_REQUEST);
    pause["not_after"] = json!(to_come.to_string());
    assert_eq!(
        (bench.post("pause", pause).await.0, bench.phase("plain")),
        (StatusCode::OK, Phase::Paused)
    );
}

/// A gateway without a store says so with every change, and in its status.
#[tokio::test]
async fn what_a_restart_forgets_is_said() {
    let bench = Bench::new(None, false);
    let (_, report) = bench.post("pause", json!({"rule": "plain", "actor": "ada"})).await;
    assert_eq!(report["kept"], false);
    assert!(
        report["warning"].as_str().unwrap().starts_with("a restart forgets this change"),
        "{report}"
    );
    assert_eq!(bench.get("status").await["unsaved"], 1);
}

#[tokio::test]
async fn neither_a_page_in_a_browser_nor_a_caller_without_the_token_has_access() {
    let bench = Bench::new(None, false);
    let body = || Body::from(json!({"rule": "plain", "actor": "eve"}).to_string());
    let form = Request::post("/api/pause")
        .header("host", "127.0.0.1:9426")
        .header("content-type", "text/plain");
    assert_eq!(
        bench.ask(None, form.body(body()).unwrap()).await.0,
        StatusCode::UNSUPPORTED_MEDIA_TYPE
    );
    let rebound = Request::get("/api/status").header("host", "evil.example:9426");
    assert_eq!(
        bench.ask(None, rebound.body(Body::empty()).unwrap()).await.0,
        StatusCode::FORBIDDEN
    );
    let preflight = Request::options("/api/pause")
        .header("host", "127.0.0.1")
        .header("origin", "http://evil.example");
    let preflight =
        preflight.header("access-control-request-method", "POST").body(Body::empty()).unwrap();
    assert_eq!(bench.ask(None, preflight).await.0, StatusCode::METHOD_NOT_ALLOWED);
    for (sent, expected) in [
        (None, StatusCode::UNAUTHORIZED),
        (Some("Bearer wrong"), StatusCode::UNAUTHORIZED),
        (Some("Bearer secre"), StatusCode::UNAUTHORIZED),
        (Some("Basic secret"), StatusCode::UNAUTHORIZED),
        (Some("bearer secret"), StatusCode::OK),
    ] {
        let mut request = Request::get("/api/plan").header("host", "gateway.example");
        if let Some(sent) = sent {
            request = request.header("authorization", sent);
        }
        let (status, _) = bench.ask(Some("secret"), request.body(Body::empty()).unwrap()).await;
        assert_eq!(status, expected, "{sent:?}");
    }
    assert_eq!(bench.phase("plain"), Phase::Enforce);
}

#[tokio::test]
async fn overrides_survive_a_reload_and_a_restart_and_show_in_the_plan() {
    let folder = std::env::temp_dir().join(format!("upshift-control-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let store = folder.join("upshift.db");
    let fingerprint = {
        let bench = Bench::new(Some(&store), false);
        let (_, report) =
            bench.post("pause", json!({"rule": "plain", "actor": "ada", "reason": "phones"})).await;
        assert_eq!((&report["kept"], &report["warning"]), (&json!(true), &Value::Null));
        bench.serve(1_000, Timestamp::now());
        bench.control.tick(Timestamp::now());
        bench.reload(policy());
        assert_eq!((bench.phase("plain"), bench.phase("ramped")), (Phase::Paused, Phase::Warn));
        bench.control.fingerprint("10.0.0.1")
    };
    let bench = Bench::new(Some(&store), false);
    assert_eq!((bench.phase("plain"), bench.phase("ramped")), (Phase::Paused, Phase::Warn));
    assert_eq!(bench.control.fingerprint("10.0.0.1"), fingerprint);
    assert_eq!(
        bench.get("status").await["rules"][0]["breaker"]["state"],
        "tripped",
        "the latch outlives the process"
    );
    bench.serve(1_000, Timestamp::now());
    assert!(bench.control.tick(Timestamp::now()).is_empty());
    let plan = bench.get("plan").await;
    let held: Vec<_> =
        plan.as_array().unwrap().iter().map(|e| (&e["phase"], &e["set_by"])).collect();
    assert_eq!(held[0], (&json!("warn"), &json!("breaker")));
    assert!(held.contains(&(&json!("paused"), &json!("ada"))), "{held:?}");
    std::fs::remove_dir_all(folder).unwrap();
}

#[test]
fn what_is_set_for_a_while_ends_by_itself() {
    let bench = Bench::new(None, false);
    let now = Timestamp::now();
    let until = now.checked_add(jiff::SignedDuration::from_secs(60)).unwrap();
    let change =
        RolloutChange::Set { rule: "plain".into(), imposed: Imposed::WARN, until: Some(until) };
    bench.change(change, now);
    assert_eq!(bench.phase("plain"), Phase::Warn);
    bench.control.tick(until);
    assert_eq!(bench.phase("plain"), Phase::Enforce);
}

#[test]
fn observe_on_the_command_line_beats_everything() {
    let bench = Bench::new(None, true);
    assert_eq!((bench.phase("plain"), bench.phase("ramped")), (Phase::Observe, Phase::Observe));
    assert_eq!(bench.serve(1_000, Timestamp::now()), 0);
}

#[test]
fn metrics_name_rules_and_no_people() {
    let bench = Bench::new(None, false);
    let change = RolloutChange::Pause(ChangeTarget::All);
    bench.change(change, Timestamp::now());
    let policy = Arc::new(bench.live.lock().unwrap().clone());
    let mut registry = prometheus_client::registry::Registry::default();
    registry.register_collector(Box::new(bench.control.metrics(policy, Timestamp::now())));
    let mut text = String::new();
    prometheus_client::encoding::text::encode(&mut text, &registry).unwrap();
    for line in [
        "rule_phase{rule=\"plain\",phase=\"paused\"} 1",
        "rule_override{rule=\"ramped\",by=\"person\"} 1",
        "breaker_tripped{rule=\"ramped\"} 0",
        "breaker_trips_total 0",
    ] {
        assert!(text.contains(line), "{line} is not in\n{text}");
    }
    assert!(!text.contains("lovelace"));
}

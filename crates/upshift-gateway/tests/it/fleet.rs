//! A fleet of 10,000 clients that upgrade while a rollout runs, against the real gateway.
//!
//! A rollout of months is pressed into seconds; nothing else is simulated. Which answers are right
//! is judged by the calendar at the moments when a request was sent and its answer read, so that no
//! test depends on speed.

use std::collections::BTreeSet;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, mpsc};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::Value;
use upshift_core::policy::{Rollout, Rule};
use upshift_core::{Phase, Policy, Timestamp};
use upshift_gateway::{Proxy, ProxyReads};

use crate::support::{PATIENCE, Running, exchange, settings_with, status};

const FLEET: u64 = 10_000;
/// Connections at a time; each asks as fast as it is answered.
const CONNECTIONS: u64 = 8;

#[test]
fn a_rollout_without_trouble_runs_to_its_end_and_refuses_nobody_who_upgraded() {
    let start = Timestamp::from_second(Timestamp::now().as_second() + 2).expect("a time");
    let policy =
        policy(start, "minimum = \"2.0\"", &["observe", "warn", "brownout", "ramp", "enforce"]);
    let rollout = rollout(&policy).clone();
    let gateway = gateway(policy, None);
    // 40 % are old when it begins, 3 % at the brownout, 1 % at enforcement; who is refused upgrades
    // at once.
    let old = |client: u64, second: f64| share_of(client) < 0.4 * (-0.65 * second).exp();
    let fleet =
        Fleet::run(&gateway, start, Duration::from_secs(11), move |client, second, refused| {
            if refused || !old(client, second) { "2.1" } else { "1.4" }
        });
    let visits = fleet.visits;
    for visit in &visits {
        let possible = phases(&rollout, visit);
        let refusing = possible.iter().any(|phase| phase.refuses());
        let lenient =
            possible.iter().any(|phase| !matches!(phase, Phase::Brownout | Phase::Enforce));
        match (visit.old, visit.status) {
            (false, 200) => {}
            (true, 200) => assert!(lenient, "an old client passed in {possible:?}"),
            (true, 426) => assert!(refusing, "an old client was refused in {possible:?}"),
            other => panic!("{other:?} in {possible:?}"),
        }
    }
    let seen: BTreeSet<Phase> = visits.iter().flat_map(|visit| phases(&rollout, visit)).collect();
    let expected = [Phase::Observe, Phase::Warn, Phase::Brownout, Phase::Ramp, Phase::Enforce];
    assert!(expected.iter().all(|phase| seen.contains(phase)), "{seen:?}");
    let refused: BTreeSet<u64> =
        visits.iter().filter(|visit| visit.status == 426).map(|visit| visit.client).collect();
    assert!(!refused.is_empty(), "somebody had to be told");
    let rule = &json(&gateway, "status")["rules"][0];
    assert_eq!(
        (&rule["phase"], &rule["breaker"]["state"]),
        (&"enforce".into(), &"armed".into()),
        "{rule}"
    );
    assert!(rule["target_seen"].as_u64() > Some(0));
    assert_eq!(json(&gateway, "trips"), Value::Array(Vec::new()));
    println!(
        "{} requests, {} of {FLEET} clients refused once, no trip",
        visits.len(),
        refused.len()
    );
}

/// A token is required on any address but a loopback one.
#[test]
fn nobody_far_away_gets_to_the_api_without_a_token() {
    let upstream = upstream();
    let everywhere = Some(([0, 0, 0, 0], 0).into());
    let start = |admin_token| {
        Running::start(settings_with(upstream, |settings| {
            settings.file.gateway.admin = everywhere;
            settings.admin_token = admin_token;
        }))
    };
    let ask = |gateway: &Running, path: &str, further: &str| {
        let port = gateway.addresses.admin.expect("an admin listener").port();
        let request =
            format!("GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n{further}\r\n");
        status(&exchange(([127, 0, 0, 1], port).into(), &request))
    };
    let open = start(None);
    assert_eq!([ask(&open, "/api/status", ""), ask(&open, "/healthz", "")], [403, 200]);
    let guarded = start(Some("a secret of some length".to_owned()));
    assert_eq!(ask(&guarded, "/api/status", ""), 401);
    assert_eq!(
        ask(&guarded, "/api/status", "Authorization: Bearer a secret of some length\r\n"),
        200
    );
}

#[test]
fn a_mistake_that_would_lock_out_forty_percent_is_demoted_and_the_report_says_who_was_hit() {
    let start = Timestamp::from_second(Timestamp::now().as_second() + 1).expect("a time");
    // Somebody wrote 2.2 and meant 2.0: 40 % of the fleet are on 2.1 and have nothing newer.
    let policy = policy(start, "minimum = \"2.2\"", &["warn", "enforce"]);
    let hook = Hook::listen();
    let gateway = gateway(policy, Some(hook.address()));
    let version = |client: u64| if share_of(client) < 0.4 { "2.1" } else { "2.2" };
    let fleet = Fleet::until_demoted(&gateway, start, move |client, _, _| version(client));

    let refused: BTreeSet<u64> =
        fleet.visits.iter().filter(|visit| visit.status == 426).map(|visit| visit.client).collect();
    assert!(refused.iter().all(|client| version(*client) == "2.1"));
    let trips = json(&gateway, "trips");
    let trip = &trips[0];
    assert_eq!(trips.as_array().map(Vec::len), Some(1), "it latches: {trips}");
    assert!(trip["share"].as_f64() > Some(0.05) && trip["seen"].as_u64() >= Some(200), "{trip}");

    // Who was hit: every name in the report is a client that was refused.
    let hit: BTreeSet<&str> =
        trip["hit"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    let known: BTreeSet<String> =
        refused.iter().map(|client| fingerprint(&gateway, *client)).collect();
    assert!(
        !hit.is_empty() && hit.iter().all(|hit| known.contains(*hit)),
        "{} of {}",
        hit.len(),
        known.len()
    );
    assert!(!trip.to_string().contains("client-"), "no identity stands there in clear");

    // Everybody is served again, and warned.
    let rule = &json(&gateway, "status")["rules"][0];
    assert_eq!((&rule["phase"], &rule["set_by"]), (&"warn".into(), &"breaker".into()), "{rule}");
    assert_eq!(
        (&rule["planned_phase"], &rule["breaker"]["state"]),
        (&"enforce".into(), &"tripped".into())
    );
    let told = hook.told();
    assert_eq!(
        (&told["event"], &told["rule"]),
        (&"breaker-tripped".into(), &"orders-v2".into()),
        "{told}"
    );

    let first =
        fleet.visits.iter().filter(|visit| visit.status == 426).map(|visit| visit.sent).min();
    let last =
        fleet.visits.iter().filter(|visit| visit.status == 426).map(|visit| visit.read).max();
    let lasted = last.zip(first).map(|(last, first)| last.duration_since(first));
    println!(
        "{} requests; {} of {FLEET} clients were refused within {lasted:?}; {}",
        fleet.visits.len(),
        refused.len(),
        trip["message"]
    );
}

/// A policy whose rollout has these phases, from `start` on, seconds apart.
fn policy(start: Timestamp, version: &str, phases: &[&str]) -> Policy {
    let at =
        |second: i64| start.checked_add(jiff::SignedDuration::from_secs(second)).expect("a time");
    let plan = |phase: &&str| match *phase {
        "observe" => format!("observe = {}\n", at(0)),
        "warn" => format!("warn = {}\n", at(1)),
        "brownout" => format!("brownout = [{{ at = {}, for = \"1s\" }}]\n", at(4)),
        "ramp" => format!("ramp = {}\n", at(6)),
        _ => format!("enforce = {}\n", at(if phases.contains(&"ramp") { 9 } else { 3 })),
    };
    let plan: String = phases.iter().map(plan).collect();
    let text = format!(
        "[breaker]\nrefused-share = 0.05\nwindow = \"5s\"\nminimum = 200\n\
         [[rule]]\nid = \"orders-v2\"\npaths = [\"/orders/**\"]\n\
         require = {{ api = {{ {version}, read = [\"header:X-Api-Version\"] }} }}\n\
         [rule.rollout]\nidentity = [\"header:X-Client-Id\"]\n{plan}"
    );
    upshift_config::load(&text, "fleet.toml")
        .map_err(|errors| format!("{errors:?}"))
        .expect("a valid policy")
        .file
        .policy
}

fn rollout(policy: &Policy) -> &Rollout {
    policy.rules().first().and_then(|rule: &Rule| rule.rollout.as_ref()).expect("a rollout")
}

fn gateway(policy: Policy, webhook: Option<String>) -> Running {
    let upstream = upstream();
    let proxies = vec![load_balancer()];
    Running::start(settings_with(upstream, |settings| {
        settings.file.policy = policy;
        settings.file.webhook = webhook;
        settings.file.gateway.proxies = proxies;
        settings.workers = 2;
    }))
}

/// The fleet comes through a load balancer, so that its clients have addresses of their own.
fn load_balancer() -> Proxy {
    let from = vec!["127.0.0.0/8".parse().expect("a network")];
    let reads = ProxyReads { peer: Some("x-forwarded-for".to_owned()), ..ProxyReads::default() };
    Proxy { from, reads, upgrade_field: true }
}

/// The address of a client; every network has forty of them.
fn address(client: u64) -> String {
    let network = client / 40;
    format!("10.{}.{}.{}", network / 256, network % 256, 1 + client % 40)
}

/// Where a client stands in the fleet, 0 to 1; neighbours are far apart.
fn share_of(client: u64) -> f64 {
    (client.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 40) as f64 / (1_u64 << 24) as f64
}

/// The phases that held at some moment between a request and its answer.
fn phases(rollout: &Rollout, visit: &Visit) -> Vec<Phase> {
    let edges = rollout
        .stages()
        .iter()
        .map(|stage| stage.from)
        .filter(|from| visit.sent < *from && *from <= visit.read);
    [visit.sent].into_iter().chain(edges).map(|now| rollout.state_at(now).phase).collect()
}

/// One request and its answer.
struct Visit {
    client: u64,
    old: bool,
    status: u16,
    sent: Timestamp,
    read: Timestamp,
}

/// What the fleet experienced.
struct Fleet {
    visits: Vec<Visit>,
}

impl Fleet {
    /// Asks until `length` after `start`. `version` says what a client sends, from its number, the
    /// seconds since the start, and whether it was refused before.
    fn run(
        gateway: &Running,
        start: Timestamp,
        length: Duration,
        version: impl Fn(u64, f64, bool) -> &'static str + Sync,
    ) -> Self {
        let end = start
            .checked_add(jiff::SignedDuration::try_from(length).expect("short"))
            .expect("a time");
        Self::ask(gateway, start, &version, &|| Timestamp::now() < end)
    }

    /// Asks until the breaker has tripped and everybody was served once more.
    fn until_demoted(
        gateway: &Running,
        start: Timestamp,
        version: impl Fn(u64, f64, bool) -> &'static str + Sync,
    ) -> Self {
        let demoted = AtomicBool::new(false);
        let until = Instant::now() + PATIENCE;
        thread::scope(|scope| {
            scope.spawn(|| {
                while json(gateway, "trips").as_array().is_none_or(Vec::is_empty)
                    && Instant::now() < until
                {
                    thread::park_timeout(Duration::from_millis(50));
                }
                demoted.store(true, Ordering::SeqCst);
            });
            let mut fleet =
                Self::ask(gateway, start, &version, &|| !demoted.load(Ordering::SeqCst));
            let after = AtomicU64::new(0);
            let again = Self::ask(gateway, start, &version, &|| {
                after.fetch_add(1, Ordering::Relaxed) < FLEET
            });
            assert!(
                again.visits.iter().all(|visit| visit.status == 200),
                "nobody is refused after the trip"
            );
            fleet.visits.extend(again.visits);
            fleet
        })
    }

    fn ask(
        gateway: &Running,
        start: Timestamp,
        version: &(impl Fn(u64, f64, bool) -> &'static str + Sync),
        more: &(impl Fn() -> bool + Sync),
    ) -> Self {
        let visits = Mutex::new(Vec::new());
        let address = gateway.http();
        thread::scope(|scope| {
            for connection in 0..CONNECTIONS {
                let visits = &visits;
                scope.spawn(move || {
                    let mut mine = Vec::new();
                    let mut refused = BTreeSet::new();
                    let mut line = Line::open(address);
                    for client in (connection..FLEET).step_by(CONNECTIONS as usize).cycle() {
                        if !more() {
                            break;
                        }
                        let sent = Timestamp::now();
                        let second = sent.duration_since(start).as_secs_f64();
                        let version = version(client, second, refused.contains(&client));
                        let status = line.ask(client, version);
                        mine.push(Visit {
                            client,
                            old: version == "1.4",
                            status,
                            sent,
                            read: Timestamp::now(),
                        });
                        if status == 426 {
                            refused.insert(client);
                        }
                    }
                    visits.lock().expect("no thread panicked").append(&mut mine);
                });
            }
        });
        Self { visits: visits.into_inner().expect("no thread panicked") }
    }
}

/// A connection that is kept alive.
struct Line {
    address: SocketAddr,
    stream: BufReader<TcpStream>,
}

impl Line {
    fn open(address: SocketAddr) -> Self {
        let stream = crate::support::connect(address);
        stream.set_nodelay(true).expect("a socket");
        Self { address, stream: BufReader::new(stream) }
    }

    /// The status that a client of this version gets.
    fn ask(&mut self, client: u64, version: &str) -> u16 {
        let request = format!(
            "GET /orders/{client} HTTP/1.1\r\nHost: api.example.com\r\nX-Client-Id: client-{client}\r\n\
             X-Forwarded-For: {}\r\nX-Api-Version: {version}\r\n\r\n",
            address(client)
        );
        self.stream.get_mut().write_all(request.as_bytes()).expect("the request is written");
        let Message { head, .. } = read(&mut self.stream).expect("an answer");
        if head.to_ascii_lowercase().contains("\r\nconnection: close")
            || head.contains("upgrade, close")
        {
            *self = Self::open(self.address);
        }
        status(&head)
    }
}

struct Message {
    head: String,
    body: String,
}

fn read(stream: &mut BufReader<TcpStream>) -> Option<Message> {
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") {
        if stream.read_line(&mut head).ok()? == 0 {
            return None;
        }
    }
    let length = crate::support::field(&head, "content-length")
        .and_then(|length| length.parse().ok())
        .unwrap_or(0);
    let mut body = vec![0; length];
    stream.read_exact(&mut body).ok()?;
    Some(Message { head, body: String::from_utf8_lossy(&body).into_owned() })
}

/// An upstream that answers 200 to everything.
fn upstream() -> SocketAddr {
    serve(|_, stream| stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok").is_ok())
}

fn serve(answer: impl Fn(Message, &mut TcpStream) -> bool + Send + Sync + 'static) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let (address, answer) = (listener.local_addr().expect("it is bound"), Arc::new(answer));
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let answer = Arc::clone(&answer);
            thread::spawn(move || {
                let mut stream = BufReader::new(stream);
                while let Some(message) = read(&mut stream) {
                    if !answer(message, stream.get_mut()) {
                        break;
                    }
                }
            });
        }
    });
    address
}

/// A webhook that keeps what it is told.
struct Hook {
    address: SocketAddr,
    told: mpsc::Receiver<String>,
}

impl Hook {
    fn listen() -> Self {
        let (tell, told) = mpsc::channel();
        let tell = Mutex::new(tell);
        let address = serve(move |message, stream| {
            // The test may be over.
            let _ = tell.lock().expect("no thread panicked").send(message.body);
            stream.write_all(b"HTTP/1.1 204 No Content\r\n\r\n").is_ok()
        });
        Self { address, told }
    }

    fn address(&self) -> String {
        format!("http://{}/hook", self.address)
    }

    fn told(&self) -> Value {
        let body = self.told.recv_timeout(PATIENCE).expect("the webhook is told");
        serde_json::from_str(&body).expect("JSON")
    }
}

/// What the admin API answers to a GET.
fn json(gateway: &Running, what: &str) -> Value {
    let admin = gateway.addresses.admin.expect("an admin listener");
    body(&exchange(
        admin,
        &format!("GET /api/{what} HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n"),
    ))
}

/// As the report names a client.
fn fingerprint(gateway: &Running, client: u64) -> String {
    let admin = gateway.addresses.admin.expect("an admin listener");
    let identity = format!("{{\"identity\":\"client-{client}\"}}");
    let answer = exchange(
        admin,
        &format!(
            "POST /api/fingerprint HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n\
             Content-Length: {}\r\nConnection: close\r\n\r\n{identity}",
            identity.len()
        ),
    );
    body(&answer)["fingerprint"].as_str().expect("a fingerprint").to_owned()
}

fn body(answer: &str) -> Value {
    let body = answer.split_once("\r\n\r\n").map(|(_, body)| body).unwrap_or_default();
    serde_json::from_str(body).unwrap_or_else(|error| panic!("{error}: {answer}"))
}

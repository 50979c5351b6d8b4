//! A bad replica beside a good one: it gets little traffic, and the clients do not notice it.
//!
//! A replica that failed fast once got most of the requests, and every failure reached a client:
//! 332 of 400 GETs got 502.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::Mutex;
use std::thread;
use std::time::{Duration, Instant};

use interop::h2_frames::{HEADERS, WHOLE, field_block, frame, pseudo_fields};
use interop::{
    Behaviour, BlackHole, Connection, Gateway, H2Session, H2Upstream, Manner, Nginx, Replica,
    SLOWLY, Upstreams, free_port, pause, peers, read_reply, send, wait,
};

/// The number of concurrent clients.
const CLIENTS: usize = 8;

/// The time for which they send requests.
const TEST: Duration = Duration::from_secs(4);

/// The time after which the bad replica has to be ejected.
const FIRST: Duration = Duration::from_secs(1);

/// Limits that a test can wait for.
const LIMITS: &str = "[limits]\nupstream-connect = \"500ms\"\nupstream-response = \"500ms\"\n";

/// An answer: when it was asked for, and its status; 0 if none came.
type Asked = (Duration, u16);

/// Sends requests from several clients at once, each one request after the other.
fn ask_for(gateway: SocketAddr, method: &str, time: Duration) -> Vec<Asked> {
    let begun = Instant::now();
    let asked = Mutex::new(Vec::new());
    let request = format!("{method} / HTTP/1.1\r\nHost: a.example\r\nContent-Length: 0\r\n\r\n");
    thread::scope(|scope| {
        for _ in 0..CLIENTS {
            scope.spawn(|| {
                let mut connection = Connection::new(gateway);
                while begun.elapsed() < time {
                    let when = begun.elapsed();
                    let reply = connection.ask(request.as_bytes());
                    let status = reply.map_or(0, |reply| reply.status);
                    asked.lock().expect("no client panics").push((when, status));
                    // The other clients and the servers share the processor.
                    wait(Duration::from_millis(2));
                }
            });
        }
    });
    asked.into_inner().expect("no client panics")
}

fn upstream(addresses: &[SocketAddr], more: &str) -> String {
    let addresses: Vec<String> =
        addresses.iter().map(|address| format!("\"http://{address}\"")).collect();
    format!(
        "[[upstream]]\npaths = [\"/**\"]\naddresses = [{}]\n{more}\n{LIMITS}",
        addresses.join(", ")
    )
}

/// The value of a series; 0 if there is none.
fn series(gateway: &Gateway, name: &str, endpoint: SocketAddr, label: &str) -> f64 {
    let text = gateway.ask_admin("/metrics").text();
    let endpoint = format!("endpoint=\"http://{endpoint}\"");
    let lines = text
        .lines()
        .filter(|line| line.starts_with(name) && line.contains(&endpoint) && line.contains(label));
    lines.filter_map(|line| line.rsplit(' ').next()?.parse::<f64>().ok()).sum()
}

fn is_logged(gateway: &mut Gateway, text: &str, endpoint: SocketAddr) -> bool {
    let lines = gateway.program().lines();
    lines.iter().any(|line| line.contains(text) && line.contains(&endpoint.to_string()))
}

fn statuses(asked: &[Asked]) -> HashMap<u16, usize> {
    let mut counts = HashMap::new();
    for (_, status) in asked {
        *counts.entry(*status).or_default() += 1;
    }
    counts
}

/// Checks that with one good endpoint of two, at most 2 % of the requests fail in the first second
/// and none after it.
fn assert_no_loss(what: &str, bad: SocketAddr, cause: &str) {
    let good = Replica::start(Behaviour::Serves);
    assert_no_loss_beside(good.address(), what, bad, cause, "");
}

/// The same beside `good`, with more lines in the upstream's table.
fn assert_no_loss_beside(good: SocketAddr, what: &str, bad: SocketAddr, cause: &str, more: &str) {
    let mut gateway = Gateway::start(good, &upstream(&[bad, good], more));
    let asked = ask_for(gateway.http(), "GET", TEST);
    let (first, later): (Vec<_>, Vec<_>) = asked.into_iter().partition(|(when, _)| *when < FIRST);
    let failed = first.iter().filter(|(_, status)| *status != 200).count();
    assert!(
        first.len() >= 100 && later.len() >= 300,
        "{what}: {} and {} requests",
        first.len(),
        later.len()
    );
    assert!(failed * 50 <= first.len(), "{what}: in the first second: {:?}", statuses(&first));
    assert_eq!(
        statuses(&later).keys().collect::<Vec<_>>(),
        [&200],
        "{what}: later: {:?}",
        statuses(&later)
    );
    assert!(
        series(&gateway, "upshift_upstream_endpoint_ejections_total", bad, "") >= 1.0,
        "{what}"
    );
    assert!(
        series(&gateway, "upshift_upstream_endpoint_failures_total", bad, cause) >= 1.0,
        "{what}"
    );
    assert!(
        is_logged(&mut gateway, "is left out for", bad),
        "{what}: {:?}",
        gateway.program().lines()
    );
}

#[test]
fn a_replica_that_closes_connections_costs_no_request() {
    let bad = Replica::start(Behaviour::Closes);
    assert_no_loss("it accepts and closes", bad.address(), "broken");
}

#[test]
fn a_replica_that_resets_connections_costs_no_request() {
    let bad = Replica::start(Behaviour::Resets);
    assert_no_loss("it reads and resets", bad.address(), "broken");
}

#[test]
fn a_replica_that_answers_5xx_costs_no_request() {
    for status in [502, 503, 504] {
        let bad = Replica::start(Behaviour::Answers(status));
        assert_no_loss(&status.to_string(), bad.address(), "status");
    }
}

#[test]
fn a_replica_behind_a_firewall_costs_no_request() {
    let hole = BlackHole::start();
    assert_no_loss("it answers no SYN", hole.address(), "connect");
}

#[test]
fn a_replica_that_refuses_connections_costs_no_request() {
    let gone = free_port();
    assert_no_loss("it refuses connections", gone, "connect");
}

#[test]
fn a_replica_that_hangs_costs_no_request() {
    let bad = Replica::start(Behaviour::Hangs);
    assert_no_loss("it never answers", bad.address(), "timeout");
}

#[test]
fn a_replica_that_is_no_http_server_costs_no_request() {
    let bad = Replica::start(Behaviour::Garbles);
    assert_no_loss("it answers no HTTP", bad.address(), "broken");
}

/// A replica that resets HTTP/2 streams is ejected. A reset was once excused like the loss of a
/// connection that had been idle for too long, although the connection of the stream went on: the
/// replica was ejected once or never.
#[test]
fn a_replica_that_resets_streams_costs_no_request() {
    // RFC 9113 §7: INTERNAL_ERROR, REFUSED_STREAM, HTTP_1_1_REQUIRED.
    for manners in [
        &[Manner::Resets(2)],
        &[Manner::AnswersThenResets(2)],
        &[Manner::AnswersThenResets(7)],
        &[Manner::AnswersThenResets(13)],
    ] {
        let (good, bad) = (H2Upstream::start(&[Manner::Answers]), H2Upstream::start(manners));
        let what = format!("{manners:?}");
        assert_no_loss_beside(good.address(), &what, bad.address(), "broken", "http = \"2\"");
    }
}

/// A replica that fails each connection at its second request is ejected, even though a sound
/// replica may close an idle connection at that point.
#[test]
fn a_replica_that_serves_one_request_per_connection_costs_no_request() {
    for behaviour in [Behaviour::ClosesSecond, Behaviour::ResetsSecond] {
        let bad = Replica::start(behaviour);
        assert_no_loss(&format!("{behaviour:?}"), bad.address(), "closed");
    }
}

/// A replica that serves some requests and fails many others is ejected. A limit on failures in a
/// row would never be reached.
#[test]
fn a_replica_that_fails_many_requests_costs_no_request() {
    for (behaviour, cause) in [
        (Behaviour::ServesOneOf(2, 503), "status"),
        (Behaviour::ServesOneOf(4, 503), "status"),
        (Behaviour::ResetsAllButOneOf(2), "broken"),
    ] {
        let bad = Replica::start(behaviour);
        assert_no_loss(&format!("{behaviour:?}"), bad.address(), cause);
    }
}

/// A server that closes connections early is healthy, and is never ejected.
#[test]
fn servers_that_close_connections_early_are_never_left_out() {
    peers!("nginx");
    let servers = ["keepalive_requests 2;", "keepalive_timeout 1s;"].map(Nginx::with);
    let addresses = servers.each_ref().map(Nginx::address);
    let gateway = Gateway::start(addresses[0], &upstream(&addresses, ""));
    let mut asked = ask_for(gateway.http(), "GET", TEST);
    // From now on, connections have been idle for as long as the server keeps them.
    for _ in 0..4 {
        wait(Duration::from_secs(1));
        asked.extend(ask_for(gateway.http(), "GET", Duration::from_millis(20)));
    }
    assert_eq!(statuses(&asked).keys().collect::<Vec<_>>(), [&200], "{:?}", statuses(&asked));
    for address in addresses {
        assert!(
            series(&gateway, "upshift_upstream_endpoint_ejections_total", address, "") < 1.0,
            "{address}"
        );
    }
}

/// A healthy HTTP/2 server that ends its connections costs no request. Requests that it had not
/// processed once used up the retry budget, and clients got 502.
#[test]
fn a_server_that_ends_connections_of_http_2_costs_no_request() {
    peers!("nginx");
    let address = free_port();
    let _server = Nginx::with(&format!("listen {address} http2; keepalive_requests 2;"));
    let site = format!("[[upstream]]\naddresses = [\"http://{address}\"]\nhttp = \"2\"\n");
    let gateway = Gateway::start(address, &site);
    let asked = ask_for(gateway.http(), "GET", TEST);
    assert_eq!(statuses(&asked).keys().collect::<Vec<_>>(), [&200], "{:?}", statuses(&asked));
}

/// A backup takes over if all of several primaries are bad. It once counted as one of the serving
/// endpoints, so one of two bad primaries kept getting requests.
#[test]
fn a_backup_takes_over_from_several_primaries() {
    for behaviour in [Behaviour::Resets, Behaviour::Answers(503), Behaviour::Closes] {
        let bad = [Replica::start(behaviour), Replica::start(behaviour)];
        let backup = Replica::start(Behaviour::Serves);
        let site =
            [(bad[0].address(), ""), (bad[1].address(), ""), (backup.address(), ", backup = true")];
        let gateway = Gateway::start(backup.address(), &endpoints(&site, ""));
        let asked = ask_for(gateway.http(), "GET", TEST);
        let (_, later): (Vec<_>, Vec<_>) = asked.into_iter().partition(|(when, _)| *when < FIRST);
        assert_eq!(
            statuses(&later).keys().collect::<Vec<_>>(),
            [&200],
            "{behaviour:?}: {:?}",
            statuses(&later)
        );
    }
}

/// A health check that fails everywhere, because it is wrong, disables neither ejection nor
/// retries.
#[test]
fn a_wrong_health_check_costs_no_request() {
    let (good, bad) = (Replica::start(Behaviour::Serves), Replica::start(Behaviour::Resets));
    for replica in [&good, &bad] {
        replica.set_health(Behaviour::Answers(404));
    }
    let gateway =
        Gateway::start(good.address(), &upstream(&[bad.address(), good.address()], HEALTH));
    for replica in [&good, &bad] {
        wait_for("no check passes", || {
            series(&gateway, "upshift_upstream_health_checks_total", replica.address(), "failed")
                >= 1.0
        });
    }
    let asked = ask_for(gateway.http(), "GET", TEST);
    let (_, later): (Vec<_>, Vec<_>) = asked.into_iter().partition(|(when, _)| *when < FIRST);
    assert_eq!(statuses(&later).keys().collect::<Vec<_>>(), [&200], "{:?}", statuses(&later));
    assert!(
        series(&gateway, "upshift_upstream_endpoint_ejections_total", bad.address(), "") >= 1.0
    );
}

/// A replica that hangs is ejected even if its clients give up before the gateway does.
#[test]
fn a_replica_that_hangs_longer_than_its_clients_wait_is_left_out() {
    let (good, bad) = (Replica::start(Behaviour::Serves), Replica::start(Behaviour::Hangs));
    let site = upstream(&[bad.address(), good.address()], "")
        .replace("upstream-response", "upstream-silence");
    let gateway = Gateway::start(good.address(), &site);
    let begun = Instant::now();
    thread::scope(|scope| {
        for _ in 0..CLIENTS {
            scope.spawn(|| {
                while begun.elapsed() < TEST * 2 {
                    ask_impatiently(gateway.http());
                }
            });
        }
    });
    assert!(
        series(&gateway, "upshift_upstream_endpoint_failures_total", bad.address(), "abandoned")
            >= 3.0
    );
    assert!(
        series(&gateway, "upshift_upstream_endpoint_ejections_total", bad.address(), "") >= 1.0
    );
    assert!(series(&gateway, "upshift_upstream_endpoint_failures_total", good.address(), "") < 1.0);
    assert!(bad.requests() * 10 < good.requests(), "{} and {}", bad.requests(), good.requests());
}

/// Sends a request over HTTP/2, and leaves if there is no answer within 1.3 seconds.
fn ask_impatiently(gateway: SocketAddr) {
    let session = H2Session::open(
        gateway,
        &frame(HEADERS, WHOLE, 1, &field_block(&pseudo_fields("GET", "/"))),
    );
    let asked = Instant::now();
    while !session.is_complete(1) && asked.elapsed() < Duration::from_millis(1_300) {
        wait(Duration::from_millis(5));
    }
}

/// A WebSocket handshake that a replica refuses is retried at another one, even though the tunnels
/// of the good replica count as its load.
#[test]
fn a_replica_that_refuses_handshakes_costs_none() {
    peers!("node");
    let good = Upstreams::start();
    for behaviour in [Behaviour::ServesOneOf(2, 503), Behaviour::Answers(503), Behaviour::Closes] {
        let bad = Replica::start(behaviour);
        let gateway = Gateway::start(good.clear(), &upstream(&[bad.address(), good.clear()], ""));
        let request = b"GET /chat HTTP/1.1\r\nHost: a.example\r\nConnection: Upgrade\r\n\
            Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\n\
            Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
        let mut tunnels = Vec::new();
        let mut counts = HashMap::new();
        for _ in 0..60 {
            let mut tunnel = send(gateway.http(), request);
            *counts.entry(read_reply(&mut tunnel, true).status).or_insert(0) += 1;
            tunnels.push(tunnel);
        }
        // The bad replica answers 200 when it serves.
        let failed: usize = counts
            .iter()
            .filter(|(status, _)| ![101, 200].contains(*status))
            .map(|(_, count)| count)
            .sum();
        assert_eq!(failed, 0, "{behaviour:?}: {counts:?}");
        assert!(
            series(&gateway, "upshift_upstream_endpoint_ejections_total", bad.address(), "") >= 1.0,
            "{behaviour:?}"
        );
    }
}

/// Requests that exceed the limits of the other endpoints do not go to an ejected one.
#[test]
fn what_is_too_much_does_not_go_to_an_endpoint_that_is_left_out() {
    let (good, bad) = (Replica::start(Behaviour::ServesSlowly), Replica::start(Behaviour::Resets));
    let site = endpoints(&[(good.address(), ", connections = 2"), (bad.address(), "")], "");
    let gateway = Gateway::start(good.address(), &site);
    let asked = ask_for(gateway.http(), "GET", TEST);
    let (_, later): (Vec<_>, Vec<_>) = asked.into_iter().partition(|(when, _)| *when < FIRST);
    let counts = statuses(&later);
    // Each time it returns, it may get requests before its first failure is known.
    let wrong: usize = counts
        .iter()
        .filter(|(status, _)| ![200, 503].contains(*status))
        .map(|(_, count)| count)
        .sum();
    assert!(wrong <= 2 * CLIENTS && wrong * 20 <= later.len(), "{counts:?}");
    assert!(counts[&200] >= 10 && counts[&503] >= 100, "{counts:?}");
}

/// A request that was certainly not processed is sent again, whether or not its method is
/// idempotent (RFC 9113 §8.7).
#[test]
fn a_request_that_was_not_processed_is_sent_again_whatever_its_method() {
    let (good, bad) =
        (H2Upstream::start(&[Manner::Answers]), H2Upstream::start(&[Manner::Resets(7)]));
    let leaves = H2Upstream::start(&[Manner::Leaves(1)]);
    for addresses in [vec![bad.address(), good.address()], vec![leaves.address()]] {
        let gateway = Gateway::start(addresses[0], &upstream(&addresses, "http = \"2\""));
        let mut connection = Connection::new(gateway.http());
        for _ in 0..12 {
            let post = b"POST / HTTP/1.1\r\nHost: a.example\r\nContent-Length: 7\r\n\r\ncontent";
            let reply = connection.ask(post);
            assert_eq!(reply.map(|reply| reply.status), Some(200), "{addresses:?}");
        }
    }
    let gateway = Gateway::start(bad.address(), &upstream(&[bad.address()], "http = \"2\""));
    let reply = Connection::new(gateway.http())
        .ask(b"POST / HTTP/1.1\r\nHost: a.example\r\nContent-Length: 0\r\n\r\n");
    assert_eq!(reply.map(|reply| reply.status), Some(502), "the one retry is refused as well");
}

/// A replica that truncates its answers is ejected. Their heads have been forwarded by then, so the
/// requests before the ejection are lost, but no others.
#[test]
fn a_replica_that_truncates_its_answers_is_left_out() {
    let (good, bad) = (Replica::start(Behaviour::Serves), Replica::start(Behaviour::Truncates));
    let gateway = Gateway::start(good.address(), &upstream(&[bad.address(), good.address()], ""));
    ask_for(gateway.http(), "GET", TEST);
    assert!(
        bad.requests() < 40 && good.requests() > 300,
        "{} and {}",
        bad.requests(),
        good.requests()
    );
    assert!(
        series(&gateway, "upshift_upstream_endpoint_ejections_total", bad.address(), "") >= 1.0
    );
}

/// RFC 9110 §9.2.2: requests that are not idempotent are not sent again. The ejection limits how
/// many are lost.
#[test]
fn a_bad_replica_gets_few_requests_that_cannot_be_repeated() {
    for behaviour in [Behaviour::Closes, Behaviour::Resets, Behaviour::Answers(503)] {
        let (good, bad) = (Replica::start(Behaviour::Serves), Replica::start(behaviour));
        let gateway =
            Gateway::start(good.address(), &upstream(&[bad.address(), good.address()], ""));
        let asked = ask_for(gateway.http(), "POST", TEST);
        let failed = asked.iter().filter(|(_, status)| *status != 200).count();
        assert!(failed <= 40 && asked.len() > 400, "{behaviour:?}: {:?}", statuses(&asked));
    }
}

/// A replica that has recovered gets its share of the requests again.
#[test]
fn a_replica_that_recovers_is_used_again() {
    let (good, bad) = (Replica::start(Behaviour::Serves), Replica::start(Behaviour::Resets));
    let mut gateway =
        Gateway::start(good.address(), &upstream(&[bad.address(), good.address()], ""));
    ask_for(gateway.http(), "GET", FIRST);
    let before = bad.requests();
    bad.set(Behaviour::Serves);
    let asked = ask_for(gateway.http(), "GET", TEST * 2);
    let share = (bad.requests() - before) * 100 / asked.len();
    assert!((5..=60).contains(&share), "it had {share} % of {}", asked.len());
    assert!(
        is_logged(&mut gateway, "answers again", bad.address()),
        "{:?}",
        gateway.program().lines()
    );
}

/// At most half of the replicas are ejected: if all answer 5xx, the clients get those answers, and
/// no 503 of the gateway.
#[test]
fn replicas_that_all_answer_5xx_are_asked_all_the_same() {
    let replicas =
        [Replica::start(Behaviour::Answers(500)), Replica::start(Behaviour::Answers(500))];
    let addresses = replicas.each_ref().map(Replica::address);
    let gateway = Gateway::start(addresses[0], &upstream(&addresses, ""));
    let asked = ask_for(gateway.http(), "GET", FIRST);
    assert_eq!(statuses(&asked).keys().collect::<Vec<_>>(), [&500]);
    let up = addresses
        .map(|address| series(&gateway, "upshift_upstream_endpoint_available", address, ""));
    assert!(up.iter().sum::<f64>() >= 1.0, "{up:?}");
}

/// Retries stay within their budget: a fifth of the requests, but at least ten per core in ten
/// seconds.
#[test]
fn retries_stay_within_their_budget() {
    let replicas =
        [Replica::start(Behaviour::Answers(503)), Replica::start(Behaviour::Answers(503))];
    let addresses = replicas.each_ref().map(Replica::address);
    let gateway = Gateway::start(addresses[0], &upstream(&addresses, ""));
    let asked = ask_for(gateway.http(), "GET", TEST);
    let arrived = replicas.iter().map(Replica::requests).sum::<usize>();
    let retries = arrived - asked.len();
    let cores = thread::available_parallelism().map_or(1, usize::from);
    assert!(
        retries > 0 && retries <= asked.len() / 5 + 10 * cores,
        "{retries} retries of {}",
        asked.len()
    );
}

/// The only replica gets a request once, even if it times out or is answered with nonsense: there
/// is no other to send it to, and its connection was sound.
#[test]
fn the_only_replica_is_not_asked_again_because_it_is_slow_or_wrong() {
    for (behaviour, status) in
        [(Behaviour::Hangs, 504), (Behaviour::Garbles, 502), (Behaviour::Answers(503), 503)]
    {
        let replica = Replica::start(Behaviour::Serves);
        let gateway = Gateway::start(replica.address(), &upstream(&[replica.address()], ""));
        // Every core has an idle connection that has served.
        ask_for(gateway.http(), "GET", Duration::from_millis(300));
        replica.set(behaviour);
        let before = replica.requests();
        let reply = Connection::new(gateway.http()).ask(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n");
        assert_eq!(reply.map(|reply| reply.status), Some(status), "{behaviour:?}");
        assert_eq!(replica.requests() - before, 1, "{behaviour:?}");
    }
}

#[test]
fn retries_can_be_switched_off() {
    let (good, bad) = (Replica::start(Behaviour::Serves), Replica::start(Behaviour::Answers(503)));
    let gateway =
        Gateway::start(good.address(), &upstream(&[bad.address(), good.address()], "retries = 0"));
    let asked = ask_for(gateway.http(), "GET", FIRST);
    assert!(statuses(&asked).contains_key(&503));
    assert_eq!(bad.requests() + good.requests(), asked.len());
}

fn endpoints(endpoints: &[(SocketAddr, &str)], more: &str) -> String {
    let tables: Vec<String> = endpoints
        .iter()
        .map(|(address, keys)| format!("{{ address = \"http://{address}\"{keys} }}"))
        .collect();
    format!(
        "[[upstream]]\npaths = [\"/**\"]\nendpoints = [{}]\n{more}\n{LIMITS}",
        tables.join(", ")
    )
}

#[test]
fn requests_are_shared_by_weight() {
    let (light, heavy) = (Replica::start(Behaviour::Serves), Replica::start(Behaviour::Serves));
    let site = endpoints(&[(light.address(), ""), (heavy.address(), ", weight = 3")], "");
    let gateway = Gateway::start(light.address(), &site);
    let total = ask_for(gateway.http(), "GET", TEST).len();
    let share = light.requests() * 100 / total;
    // By weight it is 25 %.
    assert!((18..=31).contains(&share), "{share} % of {total}");
}

#[test]
fn a_backup_is_asked_only_while_no_other_is_well() {
    let (first, backup) = (Replica::start(Behaviour::Serves), Replica::start(Behaviour::Serves));
    let site = endpoints(&[(first.address(), ""), (backup.address(), ", backup = true")], "");
    let gateway = Gateway::start(first.address(), &site);
    ask_for(gateway.http(), "GET", FIRST);
    assert_eq!(backup.requests(), 0);
    first.set(Behaviour::Resets);
    let asked = ask_for(gateway.http(), "GET", TEST);
    assert_eq!(statuses(&asked).keys().collect::<Vec<_>>(), [&200], "{:?}", statuses(&asked));
    assert!(backup.requests() > 100);
}

/// `connections` limits an endpoint over all cores. The requests beyond it get 503 at once.
#[test]
fn an_endpoint_gets_no_more_than_its_connections() {
    let replica = Replica::start(Behaviour::ServesSlowly);
    let gateway = Gateway::start(
        replica.address(),
        &endpoints(&[(replica.address(), ", connections = 3")], ""),
    );
    let asked = ask_for(gateway.http(), "GET", SLOWLY * 6);
    assert_eq!(replica.most_under_way(), 3);
    let counts = statuses(&asked);
    assert!(counts.len() == 2 && counts[&200] >= 6 && counts[&503] >= 6, "{counts:?}");
    let detail = Connection::new(gateway.http()).ask(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    assert_eq!(detail.map(|reply| reply.status), Some(200), "the places are free again");
}

const HEALTH: &str = "health = { path = \"/healthz\", interval = \"200ms\", timeout = \"100ms\" }";

/// An endpoint that fails its health checks is ejected until it passes them. The application may be
/// broken in a way that requests alone do not show.
#[test]
fn an_endpoint_that_fails_its_health_checks_is_left_out_until_it_passes() {
    for behaviour in [Behaviour::Answers(404), Behaviour::Hangs, Behaviour::Resets] {
        let (good, bad) = (Replica::start(Behaviour::Serves), Replica::start(Behaviour::Serves));
        bad.set_health(behaviour);
        let mut gateway =
            Gateway::start(good.address(), &upstream(&[bad.address(), good.address()], HEALTH));
        wait_for("the endpoint is left out", || {
            series(&gateway, "upshift_upstream_endpoint_available", bad.address(), "") < 1.0
        });
        let before = bad.requests();
        ask_for(gateway.http(), "GET", FIRST);
        assert_eq!(bad.requests(), before, "{behaviour:?}");
        assert!(
            is_logged(&mut gateway, "fails its health checks", bad.address()),
            "{:?}",
            gateway.program().lines()
        );
        bad.set_health(Behaviour::Serves);
        wait_for("the endpoint is used again", || {
            series(&gateway, "upshift_upstream_endpoint_available", bad.address(), "") > 0.0
        });
        ask_for(gateway.http(), "GET", FIRST);
        assert!(bad.requests() > before + 20, "{behaviour:?}");
        assert!(is_logged(&mut gateway, "passes its health checks again", bad.address()));
        assert!(
            series(&gateway, "upshift_upstream_health_checks_total", bad.address(), "passed")
                >= 2.0
        );
    }
}

/// One thread runs the health checks, independently of the number of cores.
#[test]
fn health_checks_come_at_their_interval() {
    let replica = Replica::start(Behaviour::Serves);
    let _gateway = Gateway::start(replica.address(), &upstream(&[replica.address()], HEALTH));
    let before = replica.checks();
    wait(Duration::from_secs(2));
    let checks = replica.checks() - before;
    assert!((5..=12).contains(&checks), "{checks} checks in two seconds, at 200 ms");
}

fn wait_for(what: &str, holds: impl Fn() -> bool) {
    for _ in 0..200 {
        if holds() {
            return;
        }
        pause();
    }
    panic!("{what}: not so");
}

//! The formats, against lines that real servers wrote.

#![expect(clippy::unwrap_used, reason = "a test that fails here has failed")]

use jiff::tz::TimeZone;
use upshift_core::{Fields, HttpVersion, TlsState, TlsVersion};

use super::LogFormat;
use super::lines::Lines;
use crate::guess::guess_format;
use crate::line::{LineKind, LogLine, Logged, Malformed, NamedFields, NotRequest, WantedFields};

const UGLY: &[u8] = b"Odd/1.2 \"q\" \\b\\ \xc3\xa9 \xff tab\there {x|y}";

fn wanted() -> WantedFields {
    WantedFields::new(["user-agent", "x-api-version", "x-forwarded-for", "referer"])
}

/// The result of reading a line.
#[derive(Clone, Debug, Default, PartialEq)]
struct Seen {
    method: String,
    target: String,
    host: Logged<String>,
    http: Logged<HttpVersion>,
    tls: Logged<TlsState>,
    status: Option<u16>,
    time: Option<i64>,
    agent: Logged<Vec<u8>>,
    version: Logged<String>,
    peer: Logged<String>,
}

fn seen(line: &LogLine<'_>, wanted: &WantedFields) -> Seen {
    let fields = NamedFields { wanted, values: &line.fields };
    let field = |name: &str| {
        let is_recorded = line.recorded.contains(wanted.index_of(name).unwrap());
        match fields.nth(name, 0) {
            Some(value) => Logged::Recorded(value.to_vec()),
            None if is_recorded => Logged::Absent,
            None => Logged::NotRecorded,
        }
    };
    Seen {
        method: text(&line.method),
        target: text(&line.target),
        host: mapped(&line.host),
        http: line.http.clone(),
        tls: line.tls.clone(),
        status: line.status,
        time: line.time,
        agent: field("user-agent"),
        version: match field("x-api-version") {
            Logged::Recorded(value) => Logged::Recorded(text(&value)),
            Logged::Absent => Logged::Absent,
            Logged::NotRecorded => Logged::NotRecorded,
        },
        peer: mapped(&line.peer),
    }
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

fn mapped(logged: &Logged<crate::line::Text<'_>>) -> Logged<String> {
    match logged {
        Logged::Recorded(value) => Logged::Recorded(text(value)),
        Logged::Absent => Logged::Absent,
        Logged::NotRecorded => Logged::NotRecorded,
    }
}

type Read = Result<(LineKind, Seen), Malformed>;

fn read_all(format: &str, log: &[u8]) -> Vec<Read> {
    let wanted = wanted();
    let format = LogFormat::parse(format, &wanted, TimeZone::UTC).unwrap();
    let mut state = format.start();
    let mut line = LogLine::default();
    let mut lines = Lines::new(log);
    let mut all = Vec::new();
    while let Some(text) = lines.next_line() {
        for record in format.records(text) {
            let kind = format.parse_line(record, &mut line, &mut state);
            all.push(kind.map(|kind| (kind, seen(&line, &wanted))));
        }
    }
    all
}

/// Returns the requests, by the path of their targets.
fn requests(all: &[Read]) -> Vec<Seen> {
    let mut requests = Vec::new();
    for read in all.iter().flatten() {
        if read.0 == LineKind::Request {
            requests.push(read.1.clone());
        }
    }
    requests
}

fn find<'s>(requests: &'s [Seen], part: &str) -> &'s Seen {
    requests.iter().find(|seen| seen.target.contains(part)).unwrap_or_else(|| panic!("{part}"))
}

fn count(all: &[Read], kind: NotRequest) -> usize {
    all.iter().flatten().filter(|(read, _)| *read == LineKind::NotRequest(kind)).count()
}

fn at(text: &str) -> Option<i64> {
    Some(text.parse::<jiff::Timestamp>().unwrap().as_second())
}

#[test]
fn nginx_combined() {
    let all = read_all("combined", include_bytes!("../../tests/fixtures/n_comb.log"));
    assert!(all.iter().all(Result::is_ok));
    let requests = requests(&all);
    let odd = find(&requests, "/odd");
    assert_eq!(odd.agent, Logged::Recorded(UGLY.to_vec()));
    assert_eq!(odd.peer, Logged::Recorded("127.0.0.1".to_owned()));
    assert_eq!(odd.time, at("2026-11-25T12:20:51Z"));
    assert_eq!((odd.http.clone(), odd.status), (Logged::Recorded(HttpVersion::V1_1), Some(200)));
    assert_eq!(
        (&odd.version, &odd.tls, &odd.host),
        (&Logged::NotRecorded, &Logged::NotRecorded, &Logged::NotRecorded)
    );
    assert_eq!(find(&requests, "/p\"q").agent, Logged::Absent);
    assert_eq!(find(&requests, "/emptyua").agent, Logged::Recorded(Vec::new()));
    assert_eq!(find(&requests, "/ten").http, Logged::Recorded(HttpVersion::V1_0));
    assert_eq!(find(&requests, "/nine").http, Logged::Recorded(HttpVersion::V0_9));
    assert_eq!(find(&requests, "/abs").target, "http://b.example/abs");
    assert_eq!(
        [NotRequest::TlsHello, NotRequest::NoRequest, NotRequest::Preface]
            .map(|kind| count(&all, kind)),
        [1, 1, 1]
    );
}

#[test]
fn apache_with_virtual_hosts() {
    let all = read_all("vhost", include_bytes!("../../tests/fixtures/vh.log"));
    assert!(all.iter().all(Result::is_ok));
    let requests = requests(&all);
    let odd = find(&requests, "/odd");
    assert_eq!(odd.agent, Logged::Recorded(UGLY.to_vec()));
    assert_eq!(odd.host, Logged::Recorded("a.example:80".to_owned()));
    assert_eq!(find(&requests, "/p\"q").agent, Logged::Absent);
    assert_eq!(find(&requests, "/emptyua").agent, Logged::Recorded(Vec::new()));
    // Without a version, and answered with 404: HTTP/0.9 is not spoken here.
    assert!(requests.iter().all(|seen| seen.target != "/nine"));
    assert_eq!(count(&all, NotRequest::TlsHello), 1);
}

#[test]
fn varnish_writes_combined_with_absolute_targets() {
    let all = read_all("combined", include_bytes!("../../tests/fixtures/varnish1.log"));
    assert!(all.iter().all(Result::is_ok));
    let requests = requests(&all);
    assert_eq!(find(&requests, "/odd").agent, Logged::Recorded(UGLY.to_vec()));
    assert_eq!(find(&requests, "/ten").target, "http://localhost/ten");
    assert_eq!(count(&all, NotRequest::Unreadable), 2);
}

#[test]
fn a_log_format_of_nginx() {
    let format = r#"nginx='$remote_addr "$request" "$http_user_agent" "$http_x_forwarded_for" "$http_x_api_version" '
        '$server_protocol $scheme "$ssl_protocol" $request_time $msec $status "$upstream_addr" "$upstream_response_time"'"#;
    let all = read_all(format, include_bytes!("../../tests/fixtures/n_d.log"));
    assert!(all.iter().all(Result::is_ok), "{all:?}");
    let requests = requests(&all);
    let odd = find(&requests, "/odd");
    assert_eq!(odd.agent, Logged::Recorded(UGLY.to_vec()));
    assert_eq!(odd.version, Logged::Recorded("2025-01-01".to_owned()));
    assert_eq!(odd.tls, Logged::Recorded(TlsState::Cleartext));
    assert_eq!(odd.time, at("2026-11-25T12:20:51Z"));
    assert_eq!(find(&requests, "/ten").version, Logged::Absent);
}

#[test]
fn a_log_format_of_nginx_without_escapes() {
    let format = "nginx=escape=none $request|$http_user_agent|$http_x_api_version|$http_missing";
    let all = read_all(format, include_bytes!("../../tests/fixtures/n_n.log"));
    // The bar in the agent is not escaped: what follows cannot be believed.
    assert_eq!(find(&requests(&all), "/odd").version, Logged::NotRecorded);
    assert_eq!(find(&requests(&all), "/ten").version, Logged::Absent);
    assert_eq!(find(&requests(&all), "/ctl").agent, Logged::Recorded(b"a\x01b\x7fc".to_vec()));
}

#[test]
fn a_log_format_of_apache() {
    let format = r"apache=%{X-Api-Version}i|%{X-Forwarded-For}i|%H|%m|%U|%q|%{Referer}o|%{remote}p|%k|%D|%T|%{%Y-%m-%dT%H:%M:%S}t|%{msec}t|%X|%O|%B|%I|%{Content-Type}o";
    let all = read_all(format, include_bytes!("../../tests/fixtures/cu.log"));
    assert!(all.iter().all(Result::is_ok), "{all:?}");
    let requests = requests(&all);
    let odd = find(&requests, "/odd");
    assert_eq!(
        (odd.method.as_str(), &odd.version),
        ("GET", &Logged::Recorded("2025-01-01".to_owned()))
    );
    assert_eq!(odd.http, Logged::Recorded(HttpVersion::V1_1));
    assert_eq!(find(&requests, "/p\"q").target, "/p\"qé<>");
    assert_eq!(count(&all, NotRequest::Preface), 1);
    assert_eq!(count(&all, NotRequest::NoRequest), 2);
}

#[test]
fn json_of_nginx_by_a_mapping_and_as_a_log_format() {
    let log = include_bytes!("../../tests/fixtures/n_j.log");
    let mapping =
        "json=time=t,request=r,header:User-Agent=ua,header:X-Api-Version=v,tls=tls,status=st";
    let as_format = r#"nginx=escape=json {"t":"$time_iso8601","r":"$request","ua":"$http_user_agent","xff":"$http_x_forwarded_for","v":"$http_x_api_version","tls":"$ssl_protocol","st":$status,"up":"$upstream_addr"}"#;
    for format in [mapping, as_format] {
        let all = read_all(format, log);
        assert!(all.iter().all(Result::is_ok), "{format}: {all:?}");
        let requests = requests(&all);
        let odd = find(&requests, "/odd");
        assert_eq!(odd.agent, Logged::Recorded(UGLY.to_vec()), "{format}");
        assert_eq!(odd.version, Logged::Recorded("2025-01-01".to_owned()));
        assert_eq!(odd.tls, Logged::Recorded(TlsState::Cleartext));
        assert_eq!(find(&requests, "/ten").agent, Logged::Absent);
        assert_eq!(find(&requests, "/p\"q").target, "/p\"qé<>");
        assert_eq!(count(&all, NotRequest::TlsHello), 1);
    }
}

#[test]
fn envoy_s_default_format() {
    let all = read_all("envoy", include_bytes!("../../tests/fixtures/ev_def.log"));
    assert!(all.iter().all(Result::is_ok), "{all:?}");
    let requests = requests(&all);
    let odd = find(&requests, "/odd");
    // The quotes of the agent are not escaped: what follows cannot be believed.
    assert_eq!((&odd.agent, &odd.host), (&Logged::NotRecorded, &Logged::NotRecorded));
    assert_eq!((odd.time, odd.status), (at("2026-11-25T12:20:51Z"), Some(200)));
    let empty = find(&requests, "/emptyua");
    assert_eq!(empty.agent, Logged::Recorded(Vec::new()));
    assert_eq!(empty.host, Logged::Recorded("a.example".to_owned()));
    assert_eq!(count(&all, NotRequest::Unreadable), 5);
}

#[test]
fn envoy_s_json_is_latin_1() {
    let mapping = "json=time=t,method=m,http=p,tls=tls,status=c,client=ip,header:User-Agent=ua,header:X-Api-Version=v,target=det";
    let all = read_all(mapping, include_bytes!("../../tests/fixtures/ev_j.log"));
    let requests = requests(&all);
    let odd = &requests[0];
    assert_eq!(odd.version, Logged::Recorded("2025-01-01".to_owned()));
    assert_eq!(odd.peer, Logged::Recorded("127.0.0.1".to_owned()));
    assert!(
        matches!(&odd.agent, Logged::Recorded(agent) if agent.starts_with(b"Odd/1.2 \"q\" \\b\\ "))
    );
}

#[test]
fn caddy_records_all_headers() {
    let all = read_all("caddy", include_bytes!("../../tests/fixtures/caddy.log"));
    assert!(all.iter().all(Result::is_ok), "{all:?}");
    let requests = requests(&all);
    let odd = find(&requests, "/odd");
    assert_eq!(odd.version, Logged::Recorded("2025-01-01".to_owned()));
    assert_eq!(
        (&odd.tls, &odd.http),
        (&Logged::Recorded(TlsState::Cleartext), &Logged::Recorded(HttpVersion::V1_1))
    );
    assert_eq!(odd.host, Logged::Recorded("a.example".to_owned()));
    assert_eq!(find(&requests, "/ten").agent, Logged::Absent);
    assert_eq!(find(&requests, "/emptyua").agent, Logged::Recorded(Vec::new()));
    assert_eq!(count(&all, NotRequest::Preface), 1);
    let over_tls = read_all("caddy", include_bytes!("../../tests/fixtures/caddy2.log"));
    let versions: Vec<_> =
        super::tests::requests(&over_tls).iter().map(|seen| seen.tls.clone()).collect();
    let version = |version| Logged::Recorded(TlsState::Version(version));
    assert_eq!(versions, [version(TlsVersion::V1_3), version(TlsVersion::V1_2)]);
}

#[test]
fn haproxy_s_logs_with_captures() {
    let log = include_bytes!("../../tests/fixtures/ha.log");
    let all = read_all("haproxy=User-Agent|X-Api-Version|X-Forwarded-For", log);
    let requests = requests(&all);
    let odd = requests
        .iter()
        .find(|seen| seen.peer != Logged::NotRecorded && seen.version != Logged::NotRecorded)
        .unwrap();
    assert_eq!(odd.agent, Logged::Recorded(UGLY.to_vec()));
    assert_eq!(odd.version, Logged::Recorded("2025-01-01".to_owned()));
    assert_eq!(odd.peer, Logged::Recorded("127.0.0.1:42850".to_owned()));
    assert_eq!(odd.tls, Logged::Recorded(TlsState::Cleartext));
    let over_tls = find(&requests, "/tls");
    assert_eq!(over_tls.tls, Logged::Recorded(TlsState::Version(TlsVersion::V1_3)));
    assert_eq!(over_tls.http, Logged::Recorded(HttpVersion::V2));
    assert_eq!(count(&all, NotRequest::ServerMessage), 1);
    assert!(count(&all, NotRequest::Unreadable) >= 8);
}

/// Written by hand, because these services cannot be run here.
#[test]
fn the_formats_of_services() {
    let alb = br#"h2 2026-11-24T08:00:01.000001Z app/lb/0f 192.0.2.7:2817 - -1 -1 -1 460 - 0 0 "GET https://api.example:443/a HTTP/2.0" "-" C1 TLSv1.2 - "-" "-" "-" 0 2026-11-24T08:00:00.9Z "-" "-" "-" "-" "-" "-" "-" TID_0 "-" more fields"#;
    let seen = requests(&read_all("alb", alb))[0].clone();
    assert_eq!(seen.tls, Logged::Recorded(TlsState::Version(TlsVersion::V1_2)));
    assert_eq!((seen.http, seen.agent), (Logged::Recorded(HttpVersion::V2), Logged::Absent));
    assert_eq!(seen.time, at("2026-11-24T08:00:01Z"));
    let cloudfront = b"#Version: 1.0\n#Fields: date time x-edge-location sc-bytes c-ip cs-method cs(Host) cs-uri-stem sc-status cs(Referer) cs(User-Agent) cs-uri-query x-host-header cs-protocol ssl-protocol cs-protocol-version\n\
        2026-11-24\t08:00:01\tXX1\t335\t192.0.2.7\tGET\td0.example\t/a\t000\t-\tApp/2.1%20%22x%22\t-\tapi.example\thttps\tTLSv1.1\tHTTP/2.0\n";
    let all = read_all("w3c", cloudfront);
    let seen = requests(&all)[0].clone();
    assert_eq!(seen.agent, Logged::Recorded(b"App/2.1 \"x\"".to_vec()));
    assert_eq!(
        (seen.host, seen.tls),
        (
            Logged::Recorded("api.example".to_owned()),
            Logged::Recorded(TlsState::Version(TlsVersion::V1_1))
        )
    );
    assert_eq!(seen.time, at("2026-11-24T08:00:01Z"));
    let iis = b"#Fields: date time s-ip cs-method cs-uri-stem cs-uri-query s-port cs-username c-ip cs-version cs(User-Agent) sc-status time-taken\n2026-11-24 08:00:01 192.0.2.9 GET /a - 443 - 192.0.2.7 HTTP/1.1 App/2.1+(x) 200 15\n";
    let seen = requests(&read_all("w3c", iis))[0].clone();
    assert_eq!((seen.agent, seen.status), (Logged::Recorded(b"App/2.1 (x)".to_vec()), Some(200)));
    let cloudflare = br#"{"EdgeStartTimestamp":1795507201000000000,"ClientIP":"192.0.2.7","ClientRequestMethod":"GET","ClientRequestURI":"/a?b=c","ClientRequestProtocol":"HTTP/2","ClientSSLProtocol":"none","EdgeResponseStatus":200,"RequestHeaders":{"x-api-version":"1"}}"#;
    let seen = requests(&read_all("cloudflare", cloudflare))[0].clone();
    assert_eq!(
        (seen.tls, seen.version),
        (Logged::Recorded(TlsState::Cleartext), Logged::Recorded("1".to_owned()))
    );
    assert_eq!((seen.time, seen.agent), (at("2026-11-24T08:00:01Z"), Logged::NotRecorded));
    let traefik = br#"{"StartUTC":"2026-11-24T08:00:01.1Z","ClientHost":"192.0.2.7","RequestMethod":"GET","RequestPath":"/a","RequestProtocol":"HTTP/1.1","TLSVersion":"1.2","Duration":3000000,"DownstreamStatus":200,"request_X-Api-Version":"2"}"#;
    let seen = requests(&read_all("traefik-json", traefik))[0].clone();
    assert_eq!(
        (seen.version, seen.tls),
        (Logged::Recorded("2".to_owned()), Logged::Recorded(TlsState::Version(TlsVersion::V1_2)))
    );
    let traefik = br#"192.0.2.7 - - [24/Nov/2026:08:00:01 +0000] "GET /a HTTP/1.1" 200 6 "-" "App "x"" 42 "r@file" "http://192.0.2.9:80" 3ms"#;
    let seen = requests(&read_all("traefik", traefik))[0].clone();
    assert_eq!((seen.agent, seen.target.as_str()), (Logged::NotRecorded, "/a"));
    let google = br#"{"timestamp":"2026-11-24T08:00:01Z","httpRequest":{"remoteIp":"192.0.2.7","requestMethod":"GET","requestUrl":"https://api.example/","status":426,"latency":"0.05s"}}"#;
    let seen = requests(&read_all("google-cloud", google))[0].clone();
    assert_eq!((seen.target.as_str(), seen.http), ("https://api.example/", Logged::NotRecorded));
    assert_eq!(seen.tls, Logged::Recorded(TlsState::SomeVersion));
    let own = br#"{"time":"2026-11-24T08:00:01.123Z","request_id":"1","peer":"192.0.2.7","method":"GET","host":"api.example","path":"/a","http":"unknown","tls":"some","sent_status":200,"milliseconds":1.5,"user_agent":null,"fields":{"x-api-version":"1.4","x-forwarded-for":null},"query":null,"verdict":"admit","observed":[],"required":[],"rules":[],"revision":"r"}"#;
    let seen = requests(&read_all("upshift", own))[0].clone();
    assert_eq!((seen.http, seen.tls), (Logged::Absent, Logged::Recorded(TlsState::SomeVersion)));
    assert_eq!((seen.agent, seen.version), (Logged::Absent, Logged::Recorded("1.4".to_owned())));
}

/// Both logs of Azure, from its documentation, with other addresses and names.
#[test]
fn azure_s_front_door_and_application_gateway() {
    let front_door = br#"{"time":"2026-11-24T08:00:01.8383427Z","category":"FrontDoorAccessLog","operationName":"Microsoft.Cdn/Profiles/AccessLog/Write","properties":{"trackingReference":"08Q3","httpMethod":"GET","httpVersion":"2.0.0.0","requestUri":"https://api.example:443/a?b=c","userAgent":"App/2.1","clientIp":"192.0.2.7","socketIp":"192.0.2.9","timeTaken":"0.003","securityProtocol":"TLS 1.2","httpStatusCode":"403","referer":""}}"#;
    let seen = requests(&read_all("azure", front_door))[0].clone();
    assert_eq!(seen.tls, Logged::Recorded(TlsState::Version(TlsVersion::V1_2)));
    assert_eq!((seen.http, seen.status), (Logged::Recorded(HttpVersion::V2), Some(403)));
    assert_eq!(seen.peer, Logged::Recorded("192.0.2.7".to_owned()));
    assert_eq!(seen.target, "https://api.example:443/a?b=c");
    assert_eq!(seen.time, at("2026-11-24T08:00:01Z"));
    let gateway = br#"{"timeStamp":"2026-11-24T08:00:01+00:00","category":"ApplicationGatewayAccessLog","properties":{"clientIP":"192.0.2.7","httpMethod":"GET","requestUri":"/a","requestQuery":"b=c","userAgent":"-","httpStatus":200,"httpVersion":"HTTP/1.0","sslEnabled":"on","sslProtocol":"","originalRequestUriWithArgs":"/a?b=c","host":"api.example"}}"#;
    let seen = requests(&read_all("azure", gateway))[0].clone();
    assert_eq!((seen.target.as_str(), seen.agent), ("/a?b=c", Logged::Absent));
    // That a backend is reached over TLS says nothing about the client.
    assert_eq!(seen.tls, Logged::Recorded(TlsState::Cleartext));
    assert_eq!(seen.http, Logged::Recorded(HttpVersion::V1_0));
    let firewall = br#"{"time":"2026-11-24T08:00:01Z","category":"FrontDoorWebApplicationFirewallLog","properties":{"clientIP":"192.0.2.7","requestUri":"https://api.example:443/","action":"Block"}}"#;
    assert_eq!(read_all("azure", firewall)[0], Err(Malformed::Shape));
}

/// `http-log` sends single objects, or with a queue arrays of them.
#[test]
fn kong_s_objects_and_batches() {
    let request = |path: &str, tls: &str| {
        format!(
            r#"{{"started_at":1795507201123,"client_ip":"192.0.2.7","request":{{"method":"GET","uri":"{path}","headers":{{"user-agent":"App/2.1","host":"api.example","x-api-version":"1"}}{tls}}},"response":{{"status":200,"size":15}},"latencies":{{"request":3}}}}"#
        )
    };
    let tls = r#","tls":{"version":"TLSv1.2","cipher":"C1"}"#;
    let (one, two) = (request("/one?a=b", ""), request("/two", tls));
    let log = format!("{one}\n[{one}, {two}]\n[]\n");
    let all = read_all("kong", log.as_bytes());
    let requests = requests(&all);
    assert_eq!(requests.len(), 3, "{all:?}");
    let first = &requests[0];
    assert_eq!(*first, requests[1]);
    assert_eq!(first.host, Logged::Recorded("api.example".to_owned()));
    assert_eq!(first.version, Logged::Recorded("1".to_owned()));
    assert_eq!(
        (&first.http, &first.tls),
        (&Logged::NotRecorded, &Logged::Recorded(TlsState::Cleartext))
    );
    assert_eq!(first.time, at("2026-11-24T08:00:01Z"));
    assert_eq!(requests[2].tls, Logged::Recorded(TlsState::Version(TlsVersion::V1_2)));
    assert_eq!(read_all("kong", b"[{\"a\":1]\n"), [Err(Malformed::Json)]);
}

/// With `clf`, captures follow in quotes, in which HAProxy escapes quotes.
#[test]
fn haproxy_s_common_log_format() {
    let log = br#"192.0.2.7 - - [24/Nov/2026:09:00:01 +0100] "GET /a HTTP/1.1" 200 132 "" "" 58322 153 "fe~" "be" "s1" 0 0 0 2 10 ---- 1 1 0 0 0 0 0 "" "" "App/2.1 #22x#22" "1" "gzip"
192.0.2.7 - - [24/Nov/2026:08:00:01 +0000] "<BADREQ>" 408 0 "" "" 58380 202 "fe" "fe" "<NOSRV>" -1 -1 -1 -1 201 CR-- 2 1 0 0 0 0 0 "" "" 
192.0.2.7 - - [24/Nov/2026:08:00:01 +0000] "GET / HTTP/1.1" 200 132
"#;
    let all = read_all("haproxy=User-Agent|X-Api-Version", log);
    let seen = requests(&all)[0].clone();
    assert_eq!(seen.agent, Logged::Recorded(b"App/2.1 \"x\"".to_vec()));
    assert_eq!(seen.version, Logged::Recorded("1".to_owned()));
    assert_eq!(seen.tls, Logged::Recorded(TlsState::SomeVersion));
    assert_eq!((seen.status, seen.time), (Some(200), at("2026-11-24T08:00:01Z")));
    assert_eq!(count(&all, NotRequest::Unreadable), 1);
    // This is the Common Log Format of another server.
    assert_eq!(all[2], Err(Malformed::Shape));
}

#[test]
fn network_load_balancers_log_connections_among_the_requests() {
    let log = br#"tls 2.0 2026-11-24T08:00:01 net/nlb/0f g3d4 192.0.2.7:51341 198.51.100.9:443 5 2 98 246 - arn:aws:acm:x:1:certificate/2 - C1 TLSv1.2 - api.example h2 h2 "h2","http/1.1" 2026-11-24T08:00:00"#;
    let all = read_all("alb", log);
    assert_eq!(count(&all, NotRequest::TlsConnection), 1);
}

#[test]
fn a_format_of_varnishncsa() {
    let format = "apache=%h|%r|%s|%b|%{User-Agent}i|%{X-Api-Version}i|%D|%T|%H|%{X-Forwarded-For}i";
    let all = read_all(format, include_bytes!("../../tests/fixtures/varnish2.log"));
    let requests = requests(&all);
    // No writer escapes the bar in the agent: what follows cannot be believed.
    assert_eq!(find(&requests, "/odd").version, Logged::NotRecorded);
    assert_eq!(find(&requests, "/ten").version, Logged::Absent);
}

#[test]
fn a_prefix_of_syslog_is_no_part_of_a_line() {
    let line = r#"<190>Nov 24 08:00:01 web1 nginx: 192.0.2.7 - - [24/Nov/2026:08:00:01 +0000] "GET /a HTTP/1.1" 200 12 "-" "App/2.1""#;
    let seen = requests(&read_all("combined", line.as_bytes()))[0].clone();
    assert_eq!(seen.peer, Logged::Recorded("192.0.2.7".to_owned()));
    assert_eq!(seen.agent, Logged::Recorded(b"App/2.1".to_vec()));
}

#[test]
fn a_user_name_may_contain_spaces() {
    let log = br#"2001:db8::7 - j [x] doe [24/Nov/2026:08:00:01 +0000] "GET /p\x22q HTTP/1.1" 200 12 "-" "App/2.1""#;
    let seen = requests(&read_all("combined", log))[0].clone();
    assert_eq!(
        (seen.target.as_str(), seen.peer),
        ("/p\"q", Logged::Recorded("2001:db8::7".to_owned()))
    );
}

#[test]
fn formats_are_guessed() {
    for (log, name) in [
        (&include_bytes!("../../tests/fixtures/n_comb.log")[..], "combined"),
        (include_bytes!("../../tests/fixtures/vh.log"), "vhost"),
        (include_bytes!("../../tests/fixtures/varnish1.log"), "combined"),
        (include_bytes!("../../tests/fixtures/ev_def.log"), "envoy"),
        (include_bytes!("../../tests/fixtures/caddy.log"), "caddy"),
        (br#"192.0.2.7 - - [24/Nov/2026:23:59:59 +0100] "GET /v1/a%20b HTTP/1.0" 200 -"#, "common"),
        (br#"192.0.2.7 - - [24/Nov/2026:23:59:59 +0100] "GET / HTTP/1.0" 200 - "-" "x" "192.0.2.1""#, "combined-forwarded"),
        (br#"{"time":"2026-11-24T08:00:01Z","remote_addr":"192.0.2.7","request":"GET / HTTP/1.1","status":200,"path":"/","method":"GET"}"#, "json"),
        (b"#Version: 1.0\n#Fields: date time c-ip cs-method cs-uri-stem sc-status\n2026-11-24 08:00:01 192.0.2.7 GET / 200\n", "w3c"),
        (br#"192.0.2.7 - - [24/Nov/2026:08:00:01 +0000] "GET /a HTTP/1.1" 200 132 "" "" 58322 153 "fe~" "be" "s1" 0 0 0 2 10 ---- 1 1 0 0 0 0 0 "" "" "#, "haproxy"),
        (br#"{"time":"2026-11-24T08:00:01.8Z","category":"FrontDoorAccessLog","properties":{"httpMethod":"GET","httpVersion":"2.0","requestUri":"https://api.example:443/","userAgent":"App/2.1","clientIp":"192.0.2.7","securityProtocol":"TLS 1.2","httpStatusCode":"403"}}"#, "azure"),
        (br#"[{"started_at":1795507201123,"client_ip":"192.0.2.7","request":{"method":"GET","uri":"/a","headers":{}},"response":{"status":200}}]"#, "kong"),
        (br#"192.0.2.7:42850 [24/Nov/2026:08:00:01.218] fe~ be/s1 0/0/0/2/2 200 132 - - ---- 2/1/0/0/0 0/0 "GET /odd HTTP/1.1""#, "haproxy"),
    ] {
        let format = guess_format(log, "a.log", &wanted(), TimeZone::UTC);
        assert_eq!(format.map(|format| format.name().to_owned()).map_err(|error| error.to_string()), Ok(name.to_owned()));
    }
    let error = guess_format(b"one\ntwo\nthree\n", "a.log", &wanted(), TimeZone::UTC).unwrap_err();
    assert!(error.to_string().contains("cannot tell the format of a.log"), "{error}");
    assert!(error.to_string().contains("--format nginx=LOG_FORMAT"), "{error}");
    let odd = br#"{"t":"2026-11-25T12:20:51Z","r":"GET / HTTP/1.1","of":{"ua":"a/1"},"l":[]}"#;
    let error = guess_format(&[odd, &b"\n"[..]].concat(), "a.log", &wanted(), TimeZone::UTC);
    let error = error.unwrap_err().to_string();
    assert!(error.contains("the keys t, r, of.ua, l: ") && error.contains("json=FACT=KEY"));
}

#[test]
fn wrong_formats_say_where() {
    for (format, position, part) in [
        ("nginx=$remote_addr$request", 18, "nothing separates $request"),
        ("nginx='$remote_addr", 6, "not closed"),
        ("nginx=$ x", 6, "the name of a variable"),
        ("apache=%h%r", 9, "nothing separates %r"),
        ("apache=%{X-Api-Version", 7, "not closed"),
        ("apache=%h %", 10, "a letter"),
        ("json=time=t,foo=bar", 12, "`foo` is not a fact"),
        ("nginx=$remote_addr $nope", 6, "(not read: $nope)"),
        ("nginx=", 6, "the format has no request"),
        ("apache=%h %Q", 10, "`Q` is not a directive"),
        ("apache=%h %t", 7, "the format has no request"),
        ("apache=", 7, "the format has no request"),
        ("json=time=t,method=m", 5, "no request is mapped"),
        ("combind", 0, "expected common"),
    ] {
        let error = LogFormat::parse(format, &wanted(), TimeZone::UTC).unwrap_err();
        assert_eq!(error.position, position, "{format}: {error}");
        assert!(error.message.contains(part), "{format}: {error}");
    }
}

//! Probes over every lane.

use upshift_record::suite::CaseVerdict;
use upshift_record::{Lane, RecordedExchange};

use crate::support::{
    FixedServer, assert_success, mismatches, outcome, run, start_peer, suite_for, verdict,
};

/// A server that answers each lane in another way.
const BY_LANE: &str = "
[[step]]
on   = 'h2c-upgrade'
send = '''
HTTP/1.1 101 Switching Protocols
Connection: Upgrade
Upgrade: h2c

'''
then = 'h2c'
[[step]]
on   = 'ws'
send = '''
HTTP/1.1 101 Switching Protocols
Connection: Upgrade
Upgrade: websocket
Sec-WebSocket-Accept: {accept}

'''
then = 'websocket'
[[step]]
on   = 'tls-inband'
send = '''
HTTP/1.1 101 Switching Protocols
Connection: Upgrade
Upgrade: TLS/1.2, HTTP/1.1

'''
then = 'tls'
[[step]]
on = 'h1.0'
status = 426
fields = [['Upgrade', 'HTTP/2.0'], ['Connection', 'Upgrade']]
body = 'no'
[[step]]
status = 200
interim = [{ status = 103, fields = [['Link', '</a>; rel=preload']] }]
fields = [['Content-Type', 'text/plain']]
body = 'yes'
";

const CASES: &str = "
[[probe]]
id = 'all'
req = 'GET /a?b'
lanes = ['h1.0', 'h1.1', 'h2c-upgrade', 'h2c-prior', 'h2', 'h3', 'ws', 'tls1.2', 'tls1.3', 'tls-inband']
expect.'*' = { status = 200, interim = [103], version = '1.1', body = 'yes' }
expect.'h1.0' = { status = 426, fields.Upgrade = 'HTTP/2.0', body = 'no', interim = [] }
expect.h2c-upgrade = { interim = [101, 103], status = 200, version = '2' }
expect.h2c-prior = { status = 200, version = '2', interim-fields.103.Link = '</a>; rel=preload' }
expect.h2 = { status = 200, version = '2', interim = [103] }
expect.h3 = { status = 200, version = '3', interim = [103] }
expect.ws = { interim = [101], interim-fields.101.Upgrade = 'websocket' }
expect.tls-inband = { interim = [101, 103], status = 200, fail-on = 'none' }
";

#[tokio::test]
async fn a_request_goes_over_every_lane() {
    let peer = start_peer(BY_LANE).await;
    let record = run(&suite_for(&peer, CASES)).await;
    assert_success(&record);
    assert_eq!(record.summary().passed, Lane::ALL.len());
    for lane in Lane::ALL {
        let last = outcome(&record, &format!("all[{lane}]")).last_try().unwrap();
        let connection = &last.evidence.connections[0];
        assert_eq!(connection.wire.is_empty(), lane == Lane::Http3, "{lane}");
        assert!(connection.timeline.len() >= 2, "{lane}: {:?}", connection.timeline);
        assert_eq!(last.evidence.exchanges[0].lane, Some(lane));
    }
    peer.stop().await;
}

/// The content that the peer received over a lane.
fn received(exchanges: &[&RecordedExchange], lane: Lane) -> Vec<u8> {
    let found = exchanges.iter().find(|exchange| exchange.lane == Some(lane)).unwrap();
    let body = found.request.as_ref().and_then(|request| request.body.as_ref());
    body.map(|body| body.octets.clone()).unwrap_or_default()
}

/// More content than HTTP/2 allows before the server opens its windows (RFC 9113 §6.9.2).
#[tokio::test]
async fn content_arrives_over_every_lane_that_carries_it() {
    let peer = start_peer("[[step]]\nstatus = 200\nbody = 'ok'\n").await;
    let content = "0123456789abcdef".repeat(6000);
    let cases = format!(
        "[[probe]]\nid = 'put'\nreq = '''\nPUT /a\nContent-Type: text/plain\n\n{content}\n'''\n\
         lanes = ['h1.0', 'h1.1', 'h2c-prior', 'h2', 'h3', 'tls1.3']\n\
         expect.'*' = {{ status = 200, body = 'ok' }}\n"
    );
    let record = run(&suite_for(&peer, &cases)).await;
    assert_success(&record);
    let seen = peer.stop().await;
    let exchanges = seen.exchanges();
    for lane in [Lane::Http10, Lane::Http11, Lane::H2cPrior, Lane::Http2, Lane::Http3, Lane::Tls13]
    {
        // The peer keeps the first part of long content.
        let octets = received(&exchanges, lane);
        assert!(!octets.is_empty() && content.as_bytes().starts_with(&octets), "{lane}");
    }
}

/// A suite reads more than `upshift probe` shows, so that the end of long content is compared, too.
#[tokio::test]
async fn long_content_is_compared_to_its_end() {
    let pad = "x".repeat(3_000_000);
    let peer = start_peer(&format!(
        "[[step]]\nstatus = 200\nbody = '{{\"pad\":\"{pad}\",\"tail\":\"END\"}}'\n"
    ))
    .await;
    let cases = "
[[probe]]
id = 'lacks'
req = 'GET /'
lanes = ['h1.1', 'h2c-prior', 'h3']
expect.'*'.body = { lacks = 'END' }
[[probe]]
id = 'tail'
req = 'GET /'
lanes = ['h1.1', 'h2', 'h3']
expect.'*'.json.'/tail' = 'END'
";
    let record = run(&suite_for(&peer, cases)).await;
    for lane in ["h1.1", "h2c-prior", "h3"] {
        let failed = mismatches(&record, &format!("lacks[{lane}]"));
        assert!(failed.starts_with("content: expected a text without `END`"), "{failed}");
    }
    for lane in ["h1.1", "h2", "h3"] {
        assert_eq!(verdict(&record, &format!("tail[{lane}]")), &CaseVerdict::Passed, "{lane}");
    }
    // The evidence has only the first part, and says so.
    let evidence = &outcome(&record, "tail[h2]").last_try().unwrap().evidence;
    let body = evidence.exchanges[0].response.as_ref().unwrap().body.as_ref().unwrap();
    assert_eq!((body.octets.len(), body.cut_from), (65_536, Some(3_000_023)));
    peer.stop().await;
}

/// Nothing is known of what is not read, so that nothing that is expected of it is met.
#[tokio::test]
async fn content_beyond_the_limit_meets_no_expectation() {
    let pad = "x".repeat(9_000_000);
    let peer = start_peer(&format!("[[step]]\nstatus = 200\nbody = '\"{pad}\"'\n")).await;
    let cases = "
[[probe]]
id = 'lacks'
req = 'GET /'
lanes = ['h1.1', 'h2', 'h3']
expect.'*'.body = { lacks = 'END' }
[[probe]]
id = 'capture'
req = 'GET /'
expect.'h1.1'.status = 200
capture.id = { json = '' }
";
    let record = run(&suite_for(&peer, cases)).await;
    for lane in ["h1.1", "h2", "h3"] {
        let failed = mismatches(&record, &format!("lacks[{lane}]"));
        assert!(failed.contains("only its first 8388608 octets"), "{lane}: {failed}");
    }
    let failed = mismatches(&record, "capture[h1.1]");
    assert!(failed.starts_with("content, for capture id: expected all of it"), "{failed}");
    peer.stop().await;
}

#[tokio::test]
async fn a_server_without_the_lane_fails_the_case_or_skips_it() {
    let peer = start_peer(
        "[[step]]\non = 'h1.*'\nsend = '''\nHTTP/1.1 200 OK\nContent-Length: 0\n\n'''\n",
    )
    .await;
    let cases = "
[[probe]]
id = 'strict'
req = 'GET /'
lanes = ['h2', 'h3']
expect.'*' = { absent = ['Upgrade'] }
[[probe]]
id = 'lenient'
req = 'GET /'
lanes = ['h2', 'h3', 'h1.1']
expect.'*' = { status = 200, skip-if-unsupported = true }
";
    let record = run(&suite_for(&peer, cases)).await;
    // Only the absence of a field is expected, and nothing came at all.
    assert!(mismatches(&record, "strict[h2]").contains("a server that speaks it"));
    let CaseVerdict::Errored(why) = verdict(&record, "strict[h3]") else { panic!("{record:#?}") };
    assert!(why.contains("UDP port closed"), "{why}");
    for lane in ["h2", "h3"] {
        let verdict = verdict(&record, &format!("lenient[{lane}]"));
        assert!(matches!(verdict, CaseVerdict::Skipped(_)), "{lane}: {verdict:?}");
    }
    assert_eq!(verdict(&record, "lenient[h1.1]"), &CaseVerdict::Passed);
    peer.stop().await;
}

/// A handshake that the server refuses is its answer, and not an error of the environment.
#[tokio::test]
async fn a_version_of_tls_can_be_expected_to_be_refused() {
    let peer = start_peer("[tls]\nversions = ['1.3']\n[[step]]\nstatus = 200\n").await;
    let cases = "
[[probe]]
id = 'refused'
req = 'GET /'
expect.'tls1.2'.closed = true
[[probe]]
id = 'open'
req = 'GET /'
expect.'tls1.3'.closed = true
[[probe]]
id = 'wanted'
req = 'GET /'
expect.'tls1.2'.status = 200
";
    let record = run(&suite_for(&peer, cases)).await;
    assert_eq!(verdict(&record, "refused[tls1.2]"), &CaseVerdict::Passed);
    assert!(mismatches(&record, "open[tls1.3]").contains("none, and a closed connection, got 200"));
    assert!(mismatches(&record, "wanted[tls1.2]").contains("alert ProtocolVersion"));
    peer.stop().await;
}

/// A port without TLS refuses no version of it: the suite names the wrong port.
#[tokio::test]
async fn a_port_without_tls_is_no_refusal() {
    // The ports of a peer take both.
    let server = FixedServer::start("HTTP/1.1 400 Bad Request\r\n\r\n").await;
    let text = format!(
        "target = 'https://{}'\n[[probe]]\nid = 'a'\nreq = 'GET /'\n\
         lanes = ['h2', 'tls1.2', 'tls1.3']\nexpect.'*'.closed = true\n",
        server.address
    );
    let record = run(&text).await;
    for lane in ["h2", "tls1.2", "tls1.3"] {
        let verdict = verdict(&record, &format!("a[{lane}]"));
        let CaseVerdict::Errored(why) = verdict else { panic!("{lane}: {verdict:?}") };
        assert!(why.ends_with("the port speaks no TLS"), "{why}");
    }
}

/// An HTTP/1 response to the preface of HTTP/2 is no answer of the lane, unless it is expected.
#[tokio::test]
async fn an_answer_in_another_version_is_named() {
    // As it has no step for HTTP/2, the peer answers the preface by HTTP/1.1.
    let peer =
        start_peer("[[step]]\non = 'h1.*'\nsend = \"HTTP/1.1 204 No Content\\n\\n\"\n").await;
    let cases = "
[[probe]]
id = 'wrong'
req = 'GET /'
expect.h2c-prior.status = 404
[[probe]]
id = 'right'
req = 'GET /'
expect.h2c-prior = { status = 404, version = '1.1' }
";
    let record = run(&suite_for(&peer, cases)).await;
    let wrong = mismatches(&record, "wrong[h2c-prior]");
    assert_eq!(wrong, "protocol: expected HTTP/2, got HTTP/1.1");
    assert_eq!(verdict(&record, "right[h2c-prior]"), &CaseVerdict::Passed);
    peer.stop().await;
}

/// Python's `http.server` answers the preface with HTML, and without a status line.
#[tokio::test]
async fn a_server_that_answers_the_preface_with_html_skips_the_case() {
    let server = FixedServer::start("<!DOCTYPE HTML>\n<p>Bad request").await;
    let cases = "
[[probe]]
id = 'a'
req = 'GET /'
expect.h2c-prior = { status = 200, skip-if-unsupported = true }
[[probe]]
id = 'b'
req = 'GET /'
expect.h2c-prior.status = 200
";
    let record = run(&format!("target = 'http://{}'\n{cases}", server.address)).await;
    let skipped = CaseVerdict::Skipped("the server does not speak HTTP/2 here".to_owned());
    assert_eq!(verdict(&record, "a[h2c-prior]"), &skipped);
    assert!(mismatches(&record, "b[h2c-prior]").contains("a server that speaks it"));
}

/// RFC 9112 §3.2.4, RFC 9113 §8.3.1.
#[tokio::test]
async fn options_can_be_about_the_whole_server() {
    let peer = start_peer("[[step]]\nstatus = 200\n").await;
    let cases = "[[probe]]\nid = 'a'\nreq = 'OPTIONS *'\nlanes = ['h1.1', 'h2', 'h3']\n\
                 expect.'*'.status = 200\n";
    let record = run(&suite_for(&peer, cases)).await;
    assert_success(&record);
    for exchange in peer.stop().await.exchanges() {
        let request = exchange.request.as_ref().unwrap();
        assert_eq!(request.target.to_text(), "*", "{:?}", exchange.lane);
    }
}

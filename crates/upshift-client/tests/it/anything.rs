//! Servers that answer anything at all: a call ends, within its bound, and no credential goes in
//! clear that had not already gone there.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use crate::peer::Peer;
use http::Request;
use proptest::prelude::*;
use upshift_client::rules::{FollowPolicy, Names, StepKinds};
use upshift_client::{Client, SendBody};

const BOUND: u8 = 5;

fn any_answer() -> impl Strategy<Value = String> {
    let status = prop::sample::select(vec!["426", "426", "426", "426", "200", "101", "505", "301"]);
    let field = prop::sample::select(vec![
        "Upgrade: TLS/1.2, HTTP/1.1",
        "Upgrade: TLS/1.3",
        "Upgrade: HTTP/2.0",
        "Upgrade: HTTP/3.0",
        "Upgrade: h2c",
        "Upgrade: websocket",
        "Upgrade: orders/2",
        "Upgrade: HTTP/1.1",
        "Upgrade: HTTP/1.0",
        "Upgrade: \"x\"",
        "Upgrade: ,",
        "Connection: upgrade",
        "Connection: close",
        "Location: https://127.0.0.2:1/",
        "Location: http://127.0.0.1:1/",
        "Alt-Svc: h3=\":1\"",
        "Alt-Svc: clear",
        "Sec-WebSocket-Version: 8",
        "Retry-After: 1",
    ]);
    let body = prop::sample::select(vec![
        "",
        "x",
        "{",
        "{\"required\":[{\"kind\":\"tls\",\"minimum\":\"1.2\"}],\"upgrade\":{\"url\":\"https://127.0.0.2/\"}}",
        "{\"rule\":\"orders\",\"required\":[{\"kind\":\"api\",\"minimum\":\"2\"}]}",
    ]);
    (status, prop::collection::vec(field, 0..5), body).prop_map(|(status, fields, body)| {
        let mut fields = fields.join("\r\n");
        if !fields.is_empty() {
            fields.push_str("\r\n");
        }
        format!(
            "HTTP/1.1 {status} X\r\n{fields}Content-Type: application/problem+json\r\n\
             Content-Length: {}\r\n\r\n{body}",
            body.len()
        )
    })
}

async fn check(answers: Vec<String>, credential: bool) -> Result<(), TestCaseError> {
    let turn = Arc::new(AtomicUsize::new(0));
    let peer = Peer::new(move |_, _| {
        let at = turn.fetch_add(1, Ordering::Relaxed);
        answers[at % answers.len()].clone().into_bytes()
    })
    .await;
    let may = FollowPolicy {
        steps: StepKinds::ALL,
        versions: Names::Any,
        max_steps: BOUND,
        ..FollowPolicy::default()
    };
    let client = Client::builder()
        .dangerous_any_certificate()
        .policy(may)
        .raise(|_, parts| {
            parts.headers.insert("x-api-version", http::HeaderValue::from_static("2")).is_none()
        })
        .build()
        .expect("a client");
    let mut request = Request::post(peer.url("/")).body(SendBody::from("body")).expect("a request");
    if credential {
        let value = http::HeaderValue::from_static("Bearer s3cret");
        request.headers_mut().insert("authorization", value);
    }
    let call = tokio::time::timeout(Duration::from_secs(60), client.send(request)).await;
    let outcome = call.map_err(|_| TestCaseError::fail("it does not end"))?;
    let trace = match &outcome {
        Ok(response) => {
            response.extensions().get::<upshift_client::Trace>().cloned().unwrap_or_default()
        }
        Err(error) => error.trace(),
    };
    prop_assert!(trace.steps().count() <= usize::from(BOUND), "{trace:?}");
    let shown =
        peer.requests().iter().filter(|seen| !seen.tls && seen.head.contains("s3cret")).count();
    prop_assert!(shown <= 1, "a credential went in clear {shown} times: {trace:?}");
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_server_is_survived(answers in prop::collection::vec(any_answer(), 1..6), credential in any::<bool>()) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        runtime.block_on(check(answers, credential))?;
    }
}

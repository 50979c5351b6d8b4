//! The middleware for reqwest: `cargo test -p upshift-client --features reqwest --test reqwest`.

#[path = "it/peer.rs"]
#[expect(dead_code, reason = "the other tests use the rest of it")]
mod peer;

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use http::{Extensions, HeaderValue};
use peer::Peer;
use reqwest_middleware::{ClientBuilder, Middleware, Next};
use reqwest_retry::RetryTransientMiddleware;
use reqwest_retry::policies::ExponentialBackoff;
use upshift_client::rules::{FollowPolicy, Names, StopReason};
use upshift_client::{Error, FollowLayer, FollowMiddleware, Trace, WantedVersion};

const TOO_OLD: &str =
    "HTTP/1.1 426 U\r\nUpgrade: orders/2\r\nConnection: upgrade\r\nContent-Length: 0\r\n\r\n";
const OK: &str = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

/// Follows by raising the version of the orders API.
fn raising() -> FollowMiddleware {
    let versions = Names::These(vec!["orders".into()]);
    let layer = FollowLayer::new()
        .policy(FollowPolicy { versions, ..FollowPolicy::default() })
        .raise(|_: &WantedVersion<'_>, request: &mut http::request::Parts| {
            request.headers.insert("x-api-version", HeaderValue::from_static("2")).is_none()
        });
    FollowMiddleware::from(layer)
}

#[tokio::test]
async fn it_raises_a_version_and_hands_over_the_answer() {
    let peer =
        Peer::new(|head, _| if head.contains("x-api-version: 2") { OK } else { TOO_OLD }.into())
            .await;
    let client = ClientBuilder::new(reqwest::Client::new()).with(raising()).build();
    let response = client.post(peer.url("/a")).body("order").send().await.expect("followed");
    assert_eq!(response.url().path(), "/a");
    assert_eq!(response.text().await.expect("a body"), "ok");
    assert!(peer.requests().iter().all(|seen| seen.body == b"order"), "the body is sent again");
}

#[tokio::test]
async fn what_is_not_followed_is_a_typed_error() {
    let peer = Peer::always(TOO_OLD).await;
    let client = ClientBuilder::new(reqwest::Client::new())
        .with(FollowMiddleware::from(FollowLayer::new()))
        .build();
    let error = client.get(peer.url("/")).send().await.expect_err("refused");
    let reqwest_middleware::Error::Middleware(error) = error else { panic!("{error}") };
    let Some(Error::Refused(refused)) = error.downcast_ref::<Error>() else { panic!("{error}") };
    assert!(matches!(refused.reason(), StopReason::Unknown(_)), "{refused}");
}

/// Notes in the chain's extensions that it ran, and in the response's too.
struct Inner;

#[derive(Clone, Copy, Debug, Default, PartialEq)]
struct Runs(u32);

#[async_trait::async_trait]
impl Middleware for Inner {
    async fn handle(
        &self,
        request: reqwest::Request,
        extensions: &mut Extensions,
        next: Next<'_>,
    ) -> reqwest_middleware::Result<reqwest::Response> {
        let runs = extensions.get::<Runs>().copied().unwrap_or_default().0 + 1;
        extensions.insert(Runs(runs));
        let mut response = next.run(request, extensions).await?;
        response.extensions_mut().insert(Runs(runs));
        Ok(response)
    }
}

/// What an inner middleware noted, and the number of requests in the trace.
type Seen = (Option<Runs>, usize);

/// Keeps what the chain's extensions are when the call is over.
#[derive(Clone, Default)]
struct Outer(Arc<Mutex<Vec<Seen>>>);

#[async_trait::async_trait]
impl Middleware for Outer {
    async fn handle(
        &self,
        request: reqwest::Request,
        extensions: &mut Extensions,
        next: Next<'_>,
    ) -> reqwest_middleware::Result<reqwest::Response> {
        let outcome = next.run(request, extensions).await;
        let attempts = extensions.get::<Trace>().map_or(0, |trace| trace.0.len());
        self.0.lock().expect("not poisoned").push((extensions.get::<Runs>().copied(), attempts));
        outcome
    }
}

fn follow() -> FollowMiddleware {
    FollowMiddleware::from(FollowLayer::new())
}

/// An address that nothing listens on.
fn closed() -> String {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    format!("http://{}/", listener.local_addr().expect("an address"))
}

/// A middleware that changes the class of errors: one around it retried nothing any more, and
/// programs could not tell a time-out from a bug.
#[tokio::test]
async fn errors_of_the_network_are_handed_through() {
    let client = ClientBuilder::new(reqwest::Client::new()).with(follow()).build();
    let error = client.get(closed()).send().await.expect_err("nothing listens");
    assert!(error.is_connect() && !error.is_middleware(), "{error:?}");

    let silent = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let url = format!("http://{}/", silent.local_addr().expect("an address"));
    let error =
        client.get(url).timeout(Duration::from_millis(50)).send().await.expect_err("no answer");
    assert!(error.is_timeout() && !error.is_middleware(), "{error:?}");

    let peer = Peer::open("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nbegun").await;
    let response =
        client.get(peer.url("/")).timeout(Duration::from_millis(200)).send().await.expect("a head");
    let error = response.text().await.expect_err("the body does not end");
    assert!(error.is_timeout(), "{error:?}");
}

/// As above, held against the middleware that most programs retry with.
#[tokio::test]
async fn a_retrying_middleware_around_it_retries() {
    let policy = ExponentialBackoff::builder()
        .retry_bounds(Duration::ZERO, Duration::ZERO)
        .build_with_max_retries(3);
    let retry = RetryTransientMiddleware::new_with_policy(policy);
    let outer = Outer::default();
    let client = ClientBuilder::new(reqwest::Client::new())
        .with(retry)
        .with(outer.clone())
        .with(follow())
        .build();
    let error = client.get(closed()).send().await.expect_err("nothing listens");
    let attempts = outer.0.lock().expect("not poisoned").len();
    assert_eq!(attempts, 4, "the first, and three more: {error:?}");

    // A busy server, a 426, and then an answer: the retry and the step are both taken.
    let count = AtomicUsize::new(0);
    let peer = Peer::new(move |head, _| match count.fetch_add(1, Ordering::Relaxed) {
        0 => "HTTP/1.1 503 S\r\nContent-Length: 0\r\n\r\n".into(),
        _ if head.contains("x-api-version: 2") => OK.into(),
        _ => TOO_OLD.into(),
    });
    let policy = ExponentialBackoff::builder()
        .retry_bounds(Duration::ZERO, Duration::ZERO)
        .build_with_max_retries(3);
    let retry = RetryTransientMiddleware::new_with_policy(policy);
    let client = ClientBuilder::new(reqwest::Client::new()).with(retry).with(raising()).build();
    let response = client.get(peer.await.url("/")).send().await.expect("followed");
    assert_eq!(response.status(), 200);
}

/// Middlewares tell each other things by extensions: what those inside wrote was lost.
#[tokio::test]
async fn extensions_of_the_middlewares_inside_are_kept() {
    let peer =
        Peer::new(|head, _| if head.contains("x-api-version: 2") { OK } else { TOO_OLD }.into())
            .await;
    let outer = Outer::default();
    let client = ClientBuilder::new(reqwest::Client::new())
        .with(outer.clone())
        .with(raising())
        .with(Inner)
        .build();
    let response = client.get(peer.url("/")).send().await.expect("followed");
    assert_eq!(response.extensions().get(), Some(&Runs(2)), "one run for each request");
    client.get(closed()).send().await.expect_err("nothing listens");
    let seen = outer.0.lock().expect("not poisoned").clone();
    assert_eq!(seen, [(Some(Runs(2)), 2), (Some(Runs(1)), 1)], "with what was asked of whom");
}

/// Another host decided where a host's requests go, and was remembered for it: a redirect led to
/// its 426.
#[tokio::test]
async fn a_426_behind_a_redirect_to_another_origin_is_not_followed() {
    let decoy = Peer::either("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\ndecoy", OK).await;
    let lead = decoy.url("/").replace("http://", "https://");
    let refusal = format!(
        "HTTP/1.1 426 U\r\nUpgrade: TLS/1.2\r\nConnection: upgrade\r\nLocation: {lead}\r\n\
         Content-Length: 0\r\n\r\n"
    );
    let stranger = Peer::always(&refusal).await;
    let to = stranger.url("/b?c=d");
    let moved = format!("HTTP/1.1 302 F\r\nLocation: {to}\r\nContent-Length: 0\r\n\r\n");
    let asked = Peer::either(&moved, OK).await;
    let client = ClientBuilder::new(reqwest::Client::new()).with(follow()).build();
    for _ in 0..2 {
        let error = client.get(asked.url("/a")).send().await.expect_err("not followed");
        let reqwest_middleware::Error::Middleware(error) = error else { panic!("{error}") };
        let Some(Error::Refused(refused)) = error.downcast_ref::<Error>() else {
            panic!("{error}")
        };
        assert_eq!(refused.reason(), &StopReason::Redirected(to.clone()));
    }
    assert_eq!(decoy.requests().len(), 0, "the stranger chose where the requests go");
    assert_eq!(
        asked.requests().len(),
        2,
        "each call asked once, over cleartext: nothing was remembered"
    );
}

/// A request that a redirect has answered is done; sent again for the sake of a 426 behind it, it
/// would be done twice.
#[tokio::test]
async fn a_post_is_not_sent_again_for_what_a_redirect_led_to() {
    let peer = Peer::new(|head, _| match head {
        head if head.starts_with("POST /a") => {
            "HTTP/1.1 303 S\r\nLocation: /b\r\nContent-Length: 0\r\n\r\n".into()
        }
        head if head.contains("x-api-version: 2") => OK.into(),
        _ => TOO_OLD.into(),
    })
    .await;
    let client = ClientBuilder::new(reqwest::Client::new()).with(raising()).build();
    client.post(peer.url("/a")).body("order").send().await.expect_err("not followed");
    let posts = peer.requests().iter().filter(|seen| seen.head.starts_with("POST")).count();
    assert_eq!(posts, 1);
    // A GET may be asked again, and is redirected again.
    let peer = Peer::new(|head, _| match head {
        head if head.starts_with("GET /a") => {
            "HTTP/1.1 302 S\r\nLocation: /b\r\nContent-Length: 0\r\n\r\n".into()
        }
        head if head.contains("x-api-version: 2") => OK.into(),
        _ => TOO_OLD.into(),
    })
    .await;
    let response = client.get(peer.url("/a")).send().await.expect("followed");
    assert_eq!(response.url().path(), "/b");
}

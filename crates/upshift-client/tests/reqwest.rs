//! The middleware for reqwest: `cargo test -p upshift-client --features reqwest --test reqwest`.

#[path = "it/peer.rs"]
#[expect(dead_code, reason = "the other tests use the rest of it")]
mod peer;

use http::HeaderValue;
use peer::Peer;
use reqwest_middleware::ClientBuilder;
use upshift_client::rules::{FollowPolicy, Names, Reason};
use upshift_client::{Error, FollowLayer, FollowMiddleware, Wanted};

const TOO_OLD: &str = "HTTP/1.1 426 U\r\nUpgrade: orders/2\r\nConnection: upgrade\r\nContent-Length: 0\r\n\r\n";
const OK: &str = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

#[tokio::test]
async fn it_raises_a_version_and_hands_over_the_answer() {
    let peer = Peer::new(|head, _| if head.contains("x-api-version: 2") { OK } else { TOO_OLD }.into()).await;
    let versions = Names::These(vec!["orders".into()]);
    let layer = FollowLayer::new().policy(FollowPolicy { versions, ..FollowPolicy::default() }).raise(
        |_: &Wanted<'_>, request: &mut http::request::Parts| {
            request.headers.insert("x-api-version", HeaderValue::from_static("2")).is_none()
        },
    );
    let client = ClientBuilder::new(reqwest::Client::new()).with(FollowMiddleware::from(layer)).build();
    let response = client.post(peer.url("/a")).body("order").send().await.expect("followed");
    assert_eq!(response.url().path(), "/a");
    assert_eq!(response.text().await.expect("a body"), "ok");
    assert!(peer.requests().iter().all(|seen| seen.body == b"order"), "the body is sent again");
}

#[tokio::test]
async fn what_is_not_followed_is_a_typed_error() {
    let peer = Peer::always(TOO_OLD).await;
    let client = ClientBuilder::new(reqwest::Client::new()).with(FollowMiddleware::from(FollowLayer::new())).build();
    let error = client.get(peer.url("/")).send().await.expect_err("refused");
    let reqwest_middleware::Error::Middleware(error) = error else { panic!("{error}") };
    let Some(Error::Refused(refused)) = error.downcast_ref::<Error>() else { panic!("{error}") };
    assert!(matches!(refused.reason(), Reason::Unknown(_)), "{refused}");
}

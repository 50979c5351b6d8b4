//! Servers that violate the protocol, as bare sockets. Each call must end, and with the right
//! error.

use std::time::Duration;

use crate::peer::Peer;
use bytes::Bytes;
use http::{Request, StatusCode};
use http_body_util::BodyExt;
use upshift_client::rules::{FollowPolicy, Names, Step, StepKind, StepKinds, StopReason};
use upshift_client::{Client, Error, Refused, SendBody};

const UPGRADE_TLS: &str = "HTTP/1.1 426 U\r\nUpgrade: TLS/1.2, HTTP/1.1\r\nConnection: upgrade\r\n\
    Content-Length: 0\r\n\r\n";
const OK: &str = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

fn client() -> Client {
    Client::builder().dangerous_any_certificate().build().expect("a client")
}

fn with_steps(steps: StepKinds) -> Client {
    let may = FollowPolicy { steps, ..FollowPolicy::default() };
    Client::builder().dangerous_any_certificate().policy(may).build().expect("a client")
}

/// A call that must end within this time, whatever the peer does.
async fn bounded<T>(call: impl Future<Output = T>) -> T {
    tokio::time::timeout(Duration::from_secs(30), call).await.expect("the call ends")
}

async fn refused(client: &Client, url: &str) -> Box<Refused> {
    match bounded(client.get(url)).await {
        Err(Error::Refused(refused)) => refused,
        other => panic!("refused expected, got {other:?}"),
    }
}

async fn text<B: http_body::Body<Data = Bytes, Error: std::fmt::Debug>>(
    response: http::Response<B>,
) -> String {
    String::from_utf8(response.into_body().collect().await.expect("a body").to_bytes().to_vec())
        .expect("text")
}

#[tokio::test]
async fn a_bare_426_is_not_guessed_at() {
    let peer = Peer::always("HTTP/1.1 426 \r\nContent-Length: 0\r\n\r\n").await;
    assert_eq!(refused(&client(), &peer.url("/")).await.reason(), &StopReason::PeerNamedNothing);
    assert_eq!(peer.requests().len(), 1);
}

#[tokio::test]
async fn an_empty_upgrade_names_nothing_and_garbage_is_not_believed() {
    let empty = Peer::always(
        "HTTP/1.1 426 U\r\nUpgrade: , ,\r\nConnection: upgrade\r\nContent-Length: 0\r\n\r\n",
    )
    .await;
    assert_eq!(refused(&client(), &empty.url("/")).await.reason(), &StopReason::PeerNamedNothing);
    let garbage = Peer::always(
        "HTTP/1.1 426 U\r\nUpgrade: TLS/1.2, api=2\r\nConnection: upgrade\r\n\
            Content-Length: 0\r\n\r\n",
    )
    .await;
    assert!(matches!(
        refused(&client(), &garbage.url("/")).await.reason(),
        StopReason::PeerMalformed(_)
    ));
    assert_eq!(garbage.requests().len(), 1);
}

#[tokio::test]
async fn a_426_that_asks_for_what_it_got_ends_at_once() {
    let loops =
        "HTTP/1.1 426 U\r\nUpgrade: HTTP/1.1\r\nConnection: upgrade\r\nContent-Length: 0\r\n\r\n";
    let peer = Peer::always(loops).await;
    assert_eq!(refused(&client(), &peer.url("/")).await.reason(), &StopReason::PeerWantsWhatItHas);
    assert_eq!(peer.requests().len(), 1);
}

#[tokio::test]
async fn a_426_inside_tls_for_tls_ends_after_one_step() {
    let peer = Peer::either(UPGRADE_TLS, UPGRADE_TLS).await;
    let refused = refused(&client(), &peer.url("/")).await;
    assert_eq!(refused.reason(), &StopReason::PeerWantsWhatItHas);
    assert_eq!(refused.trace.steps().count(), 1);
    assert_eq!(peer.requests().len(), 2);
}

#[tokio::test]
async fn tls_is_followed_on_the_same_host_and_remembered() {
    let peer = Peer::either(UPGRADE_TLS, OK).await;
    let client = client();
    let response = bounded(client.get(&peer.url("/a?b"))).await.expect("followed");
    assert_eq!(text(response).await, "ok");
    assert_eq!(
        bounded(client.get(&peer.url("/c"))).await.expect("remembered").status(),
        StatusCode::OK
    );
    let seen = peer.requests();
    assert_eq!(seen.len(), 3, "{seen:?}");
    assert!(!seen[0].tls && seen[1].tls && seen[2].tls);
    assert!(seen[1].head.starts_with("GET /a?b HTTP/1.1\r\n"), "{}", seen[1].head);
}

#[tokio::test]
async fn an_unsolicited_101_is_not_believed() {
    let peer =
        Peer::always("HTTP/1.1 101 S\r\nUpgrade: websocket\r\nConnection: upgrade\r\n\r\n").await;
    assert!(matches!(bounded(client().get(&peer.url("/"))).await, Err(Error::PeerSwitched { .. })));
}

#[tokio::test]
async fn a_wrong_101_is_not_believed() {
    let answers = [
        "HTTP/1.1 101 S\r\nUpgrade: h2c\r\nConnection: upgrade\r\n\r\n",
        "HTTP/1.1 101 S\r\nUpgrade: websocket\r\n\r\n",
        "HTTP/1.1 101 S\r\nConnection: upgrade\r\n\r\n",
        // Right but for the proof that it has read the key.
        "HTTP/1.1 101 S\r\nUpgrade: websocket\r\nConnection: upgrade\r\n\
         Sec-WebSocket-Accept: x\r\n\r\n",
        // The printer server's.
        "HTTP/1.1 101 S\r\nConnection: Keep-Alive\r\nUpgrade: TLS/1.2,TLS/1.1,TLS/1.0\r\n\
         Content-Length: 0\r\n\r\n",
    ];
    for answer in answers {
        let peer = Peer::always(answer).await;
        let socket =
            bounded(client().websocket(Request::get(peer.url("/")).body(()).expect("a request")))
                .await;
        // hyper itself gives up on some of these before they can be judged.
        assert!(
            matches!(socket, Err(Error::PeerSwitched { .. } | Error::Transport { .. })),
            "{answer}: {socket:?}"
        );
    }
}

#[tokio::test]
async fn bytes_after_the_101_do_not_survive_into_tls() {
    let peer = Peer::always(
        "HTTP/1.1 101 S\r\nUpgrade: TLS/1.2, HTTP/1.1\r\nConnection: upgrade\r\n\r\n\
         HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil",
    )
    .await;
    let mut request = Request::get(peer.url("/")).body(SendBody::empty()).expect("a request");
    let route = upshift_client::Route { http: upshift_client::Http::TlsInBand, tls: None };
    request.extensions_mut().insert(route);
    match bounded(client().send(request)).await {
        Err(error @ Error::Transport { .. }) => {
            assert!(error.to_string().contains("after its 101"), "{error}");
        }
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn in_band_tls_works_and_a_426_inside_it_ends() {
    let only_in_band = with_steps(StepKinds::from_kinds(&[StepKind::TlsInBand]));
    let peer = Peer::in_band(UPGRADE_TLS, OK).await;
    let response = bounded(only_in_band.get(&peer.url("/x"))).await.expect("followed");
    assert_eq!(text(response).await, "ok");
    let seen = peer.requests();
    assert!(seen[1].head.starts_with("OPTIONS * HTTP/1.1\r\n") && !seen[1].tls, "{seen:?}");
    assert!(seen[2].head.starts_with("GET /x HTTP/1.1\r\n") && seen[2].tls, "{seen:?}");

    let again = Peer::in_band(UPGRADE_TLS, UPGRADE_TLS).await;
    let refused =
        refused(&with_steps(StepKinds::from_kinds(&[StepKind::TlsInBand])), &again.url("/x")).await;
    assert_eq!(refused.reason(), &StopReason::PeerWantsWhatItHas);
    assert!(again.requests().len() <= 3);
}

#[tokio::test]
async fn in_band_tls_and_h2c_are_not_done_unless_allowed() {
    let peer = Peer::always(UPGRADE_TLS).await;
    let refused_by =
        refused(&with_steps(StepKinds::SAFE.without(StepKind::Tls)), &peer.url("/")).await;
    assert_eq!(refused_by.reason(), &StopReason::NotAllowed(StepKind::Tls));
    assert_eq!(peer.requests().len(), 1);
}

#[tokio::test]
async fn a_426_and_a_close_in_the_middle_of_an_upload_still_ends() {
    let peer = Peer::hasty(
        "HTTP/1.1 426 U\r\nUpgrade: orders/2\r\nConnection: upgrade, close\r\n\
            Content-Length: 0\r\n\r\n",
    )
    .await;
    let body = Bytes::from(vec![b'x'; 20 << 20]);
    let request = Request::post(peer.url("/")).body(SendBody::from(body)).expect("a request");
    match bounded(client().send(request)).await {
        Err(Error::Refused(refused)) => assert_eq!(refused.protocols()[0].to_string(), "orders/2"),
        // The kernel may throw the answer away when the peer resets the connection: then the error
        // says so.
        Err(Error::Transport { .. }) => {}
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_426_without_length_on_an_open_connection_is_read_for_a_while() {
    let endless = "HTTP/1.1 426 U\r\nUpgrade: orders/2\r\nConnection: upgrade\r\n\
        Content-Type: application/problem+json\r\n\r\n\
        {\"rule\":\"orders\",\"docs\":\"https://d.example/\"}";
    let peer = Peer::open(endless).await;
    let refused = refused(&client(), &peer.url("/")).await;
    assert!(matches!(refused.reason(), StopReason::Unknown(_)));
    assert_eq!(refused.docs(), Some("https://d.example/"));
}

#[tokio::test]
async fn baits_to_weaker_protocols_and_other_hosts_are_passed_over() {
    let weaker = "HTTP/1.1 426 U\r\nUpgrade: HTTP/1.0, TLS/1.0, SSL/3.0\r\nConnection: upgrade\r\n\
        Location: http://evil.invalid/\r\nContent-Length: 0\r\n\r\n";
    let peer = Peer::either(weaker, weaker).await;
    let url = peer.url("/").replace("http:", "https:");
    assert_eq!(refused(&client(), &url).await.reason(), &StopReason::PeerWantsWeaker);
    assert_eq!(peer.requests().len(), 1);

    let body = "{\"required\":[{\"kind\":\"tls\",\"minimum\":\"1.2\"}],\"upgrade\":{\"url\":\"https://evil.invalid/\"}}";
    let elsewhere = format!(
        "HTTP/1.1 426 U\r\nUpgrade: TLS/1.2\r\nConnection: upgrade\r\n\
         Location: https://evil.invalid/\r\nContent-Type: application/problem+json\r\n\
         Content-Length: {}\r\n\r\n{body}",
        body.len()
    );
    let peer = Peer::either(&elsewhere, OK).await;
    let response = bounded(client().get(&peer.url("/"))).await.expect("followed at the same host");
    assert_eq!(text(response).await, "ok");
}

#[tokio::test]
async fn credentials_do_not_go_again_in_clear() {
    let peer = Peer::always(
        "HTTP/1.1 426 U\r\nUpgrade: h2c\r\nConnection: upgrade\r\nContent-Length: 0\r\n\r\n",
    )
    .await;
    let request =
        Request::get(peer.url("/")).header("authorization", "Basic s3cret").body(SendBody::empty());
    match bounded(client().send(request.expect("a request"))).await {
        Err(Error::Refused(refused)) => {
            assert_eq!(refused.reason(), &StopReason::CredentialsInCleartext);
        }
        other => panic!("{other:?}"),
    }
    assert_eq!(peer.requests().len(), 1);
}

#[tokio::test]
async fn a_step_that_cannot_be_made_says_which_and_what_was_asked() {
    // It asks for TLS and does not speak it.
    let peer = Peer::always(UPGRADE_TLS).await;
    match bounded(client().get(&peer.url("/"))).await {
        Err(Error::Step { step: Step::Tls { .. }, refused, .. }) => {
            assert_eq!(refused.protocols()[0].to_string(), "TLS/1.2");
        }
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_version_is_raised_by_the_hook_and_only_once() {
    let peer = Peer::new(|head, _| {
        if head.contains("x-api-version: 2") {
            OK.into()
        } else {
            "HTTP/1.1 426 U\r\nUpgrade: orders/2\r\nConnection: upgrade\r\n\
             Content-Length: 0\r\n\r\n"
                .into()
        }
    })
    .await;
    let raising = |version: &'static str| {
        let versions = Names::These(vec!["orders".into()]);
        Client::builder()
            .policy(FollowPolicy { versions, ..FollowPolicy::default() })
            .raise(move |wanted, parts| {
                parts.headers.insert("x-api-version", http::HeaderValue::from_static(version));
                wanted.minimum == Some("2")
            })
            .dangerous_any_certificate()
            .build()
            .expect("a client")
    };
    assert_eq!(
        bounded(raising("2").get(&peer.url("/"))).await.expect("raised").status(),
        StatusCode::OK
    );
    assert_eq!(
        refused(&raising("1"), &peer.url("/")).await.reason(),
        &StopReason::PeerRepeats(StepKind::Version)
    );
}

#[tokio::test]
async fn a_declined_websocket_becomes_plain_http_and_stays_so() {
    let peer = Peer::new(|head, _| {
        let handshake = head.to_ascii_lowercase().contains("upgrade: websocket");
        let declined = "HTTP/1.1 426 U\r\nUpgrade: HTTP/1.1\r\nConnection: upgrade\r\n\
            Content-Length: 0\r\n\r\n";
        if handshake { declined.into() } else { OK.into() }
    })
    .await;
    let client = client();
    for _ in 0..2 {
        let request =
            Request::get(peer.url("/chat").replace("http:", "ws:")).body(()).expect("a request");
        match bounded(client.websocket(request)).await.expect("an answer") {
            upshift_client::Socket::Declined(response) => {
                assert_eq!(response.status(), StatusCode::OK);
            }
            open => panic!("{open:?}"),
        }
    }
    assert_eq!(peer.requests().len(), 3, "the second time it asks plainly at once");
}

#[tokio::test]
async fn a_body_that_is_gone_is_not_sent_again() {
    let peer = Peer::either(UPGRADE_TLS, OK).await;
    let body = SendBody::once(http_body_util::Full::new(Bytes::from("x")));
    let request = Request::post(peer.url("/")).body(body).expect("a request");
    match bounded(client().send(request)).await {
        Err(Error::Refused(refused)) => assert_eq!(refused.reason(), &StopReason::BodyGone),
        other => panic!("{other:?}"),
    }
    let request = Request::post(peer.url("/")).body(SendBody::from("again")).expect("a request");
    assert_eq!(bounded(client().send(request)).await.expect("followed").status(), StatusCode::OK);
    assert!(peer.requests().last().is_some_and(|last| last.tls && last.body == b"again"));
}

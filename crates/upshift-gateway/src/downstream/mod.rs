//! One connection, from its first byte to its last.
//!
//! accept → TLS handshake → sniff → codec of HTTP/1 or HTTP/2 → close, lingering where the client
//! may still be sending.

pub(crate) mod client_hello;
pub(crate) mod h2c;
pub(crate) mod http1_gate;
pub(crate) mod http3;
pub(crate) mod in_band_tls;
pub(crate) mod preamble;
pub(crate) mod stream;
pub(crate) mod switch;

use std::cell::{Cell, RefCell};
use std::convert::Infallible;
use std::future::poll_fn;
use std::net::SocketAddr;
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::task::Poll;

use bytes::{Bytes, BytesMut};
use http::Request;
use hyper::server::conn::{http1, http2};
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio::time::{Duration, Instant, sleep_until, timeout, timeout_at};
use upshift_config::Limits;
use upshift_core::TlsState;

use crate::body::RequestBody;
use crate::downstream::client_hello::NoHello;
use crate::downstream::http1_gate::Http1Gate;
use crate::downstream::preamble::{Preamble, examine_preamble};
use crate::downstream::stream::{ClientStream, ClientTransport};
use crate::downstream::switch::Switch;
use crate::exchange::respond;
use crate::exchange::serve;
use crate::local_reply::Fault;
use crate::progress::activity::{Activity, Expired};
use crate::progress::stream_watch::StreamExecutor;
use crate::telemetry::counts::Ending;
use crate::tls;
use crate::worker::Worker;

/// What all requests of one connection have in common.
pub(crate) struct Connection {
    /// The core it is served on.
    pub(crate) worker: Rc<Worker>,
    /// The address at its other end.
    pub(crate) peer: SocketAddr,
    /// How it is protected.
    pub(crate) tls: TlsState,
    /// What it waits for.
    pub(crate) activity: Rc<Activity>,
    /// What it becomes once a `101` has gone out.
    pub(crate) switch: RefCell<Option<Switch>>,
}

impl Connection {
    /// One that nothing has been read from.
    pub(crate) fn new(
        worker: Rc<Worker>,
        peer: SocketAddr,
        tls: TlsState,
        activity: Rc<Activity>,
    ) -> Self {
        Self { worker, peer, tls, activity, switch: RefCell::default() }
    }

    /// The same connection after a switch, protected as `tls` says.
    pub(crate) fn again(&self, tls: TlsState) -> Self {
        let activity = Rc::clone(&self.activity);
        Self {
            worker: Rc::clone(&self.worker),
            peer: self.peer,
            tls,
            activity,
            switch: RefCell::default(),
        }
    }
}

/// A connection to the cleartext listener.
pub(crate) async fn cleartext(
    worker: Rc<Worker>,
    tcp: TcpStream,
    peer: SocketAddr,
    activity: Rc<Activity>,
) {
    let connection = Connection::new(worker, peer, TlsState::Cleartext, activity);
    let stream =
        ClientStream::new(ClientTransport::Cleartext(tcp), Rc::clone(&connection.activity));
    sniffed(stream, connection).await;
}

/// A connection to the TLS listener.
pub(crate) async fn over_tls(
    worker: Rc<Worker>,
    tcp: TcpStream,
    peer: SocketAddr,
    activity: Rc<Activity>,
) {
    let snapshot = worker.shared.snapshot.load_full();
    let Some(config) = snapshot.tls.clone() else { return };
    let limit = snapshot.settings.file.limits.header_timeout;
    drop(snapshot);
    let handshake = async {
        let hello = client_hello::read_client_hello(tcp).await?;
        activity.record_read();
        Ok::<_, NoHello>(hello.into_stream(config).await?)
    };
    let shaken = tokio::select! {
        biased;
        shaken = Box::pin(timeout(limit, handshake)) => shaken,
        () = activity.wait_for_eviction() => return,
    };
    let tls = match shaken {
        Ok(Ok(tls)) => tls,
        Ok(Err(error)) => {
            tracing::debug!(%peer, %error, "no TLS handshake");
            return worker.count_ending(error.ending());
        }
        Err(_) => return worker.count_ending(Ending::TlsTimeout),
    };
    let state = tls::state(tls.get_ref().1.protocol_version());
    let http2 = tls.get_ref().1.alpn_protocol() == Some(b"h2");
    activity.handshake_ended();
    let connection = Connection::new(worker, peer, state, activity);
    let stream =
        ClientStream::new(ClientTransport::Tls(Box::new(tls)), Rc::clone(&connection.activity));
    if http2 {
        Box::pin(serve_http2(stream, Rc::new(connection), None)).await;
    } else {
        sniffed(stream, connection).await;
    }
}

/// Serves whatever the client begins to speak.
async fn sniffed(mut stream: ClientStream, connection: Connection) {
    let limits = connection.worker.limits();
    let mut received = BytesMut::new();
    let draining = connection.worker.shared.draining.subscribe();
    let opened = tokio::select! {
        biased;
        opened = open(&mut stream, &mut received, &limits, draining) => opened,
        // It has sent nothing, or it would not have been chosen.
        () = connection.activity.wait_for_eviction() => Ok(Preamble::Incomplete),
    };
    match opened {
        Ok(Preamble::Http1(head)) => {
            stream.put_gate(Http1Gate::after_head(received, &head, limits.header_bytes));
            serve_http1(stream, Rc::new(connection)).await;
        }
        Ok(Preamble::Http2) => {
            stream.put_back(received.freeze());
            Box::pin(serve_http2(stream, Rc::new(connection), None)).await;
        }
        Ok(Preamble::Faulty(fault)) => answer_fault(stream, &fault, &connection).await,
        Ok(Preamble::Tls) => connection.worker.count_ending(Ending::TlsInClear),
        Ok(Preamble::Incomplete) => {}
        Err(_) => connection.worker.count_ending(Ending::Io),
    }
}

/// Answers a message that no codec is to read, and closes.
async fn answer_fault(mut stream: ClientStream, fault: &Fault, connection: &Connection) {
    let limits = connection.worker.limits();
    connection.worker.count_fault(fault, "");
    let wire = respond::fault_on_the_wire(fault, &respond::date());
    // A client that does not take the answer is closed on all the same.
    if let Ok(Ok(())) = timeout(limits.header_timeout, stream.write_all(&wire)).await {
        stream.close_gracefully(Some((limits.discard_bytes, limits.discard_timeout))).await;
    }
}

/// How long a connection that was just accepted may take to its first byte while the gateway
/// drains.
const DRAIN_GRACE: Duration = Duration::from_secs(1);

/// Reads until the first bytes tell what they are. `Incomplete`: the client went away, or had not
/// begun when the gateway shut down.
async fn open(
    stream: &mut ClientStream,
    received: &mut BytesMut,
    limits: &Limits,
    mut draining: watch::Receiver<bool>,
) -> std::io::Result<Preamble> {
    let accepted = Instant::now();
    let mut deadline = accepted + limits.idle;
    let mut drained = pin!(async {
        let _ = draining.wait_for(|draining| *draining).await;
        // Its first request may be on the way.
        sleep_until(accepted + DRAIN_GRACE).await;
    });
    loop {
        if received.is_empty() {
            received.reserve(2 * 1024);
        }
        let idle = received.is_empty();
        let read = tokio::select! {
            biased;
            read = timeout_at(deadline, stream.read_buf(received)) => read,
            () = &mut drained, if idle => return Ok(Preamble::Incomplete),
        };
        match read {
            Ok(read) => {
                if read? == 0 {
                    return Ok(Preamble::Incomplete);
                }
            }
            Err(_) if received.is_empty() => return Ok(Preamble::Incomplete),
            Err(_) => return Ok(Preamble::Faulty(Fault::HeadTimeout)),
        }
        match examine_preamble(received, limits.header_bytes) {
            Preamble::Incomplete => deadline = deadline.min(Instant::now() + limits.header_timeout),
            opening => return Ok(opening),
        }
    }
}

/// Serves HTTP/1.0 and HTTP/1.1, and what the connection switches to after that. The stream has a
/// gate.
pub(crate) async fn serve_http1(stream: ClientStream, connection: Rc<Connection>) {
    // In a box of its own, the codec is gone before what follows it begins: an idle tunnel does not
    // carry it along.
    let Http1Ended { stream, early, fault } = Box::pin(codec_http1(stream, &connection)).await;
    if let Some(switch) = connection.switch.take() {
        return Box::pin(switch.perform(stream, early, &connection)).await;
    }
    if let Some(fault) = fault {
        return answer_fault(stream, &fault, &connection).await;
    }
    let limits = connection.worker.limits();
    // RFC 9112 §9.6: the answer to a request that was not read whole is lost if we just close.
    let linger =
        connection.activity.left_unread().then_some((limits.discard_bytes, limits.discard_timeout));
    stream.close_gracefully(linger).await;
}

/// A connection whose codec for HTTP/1 has ended.
struct Http1Ended {
    stream: ClientStream,
    /// Bytes that were read and belong to no message.
    early: Bytes,
    /// What is wrong with the message that ended it.
    fault: Option<Fault>,
}

/// The exchanges of one connection.
async fn codec_http1(mut stream: ClientStream, connection: &Rc<Connection>) -> Http1Ended {
    let limits = connection.worker.limits();
    stream.defer_shutdown();
    let shared = Rc::clone(connection);
    let idle = limits.idle;
    let service = service_fn(move |request: hyper::Request<hyper::body::Incoming>| {
        let connection = Rc::clone(&shared);
        async move {
            let request = RequestBody::from_hyper(request, &connection.activity, idle);
            Ok::<_, Infallible>(serve(&connection, request).await)
        }
    });
    let mut codec = http1::Builder::new()
        // Names compare without case, but not every client and every grep knows that (RFC 9110
        // §5.1).
        .title_case_headers(true)
        .header_read_timeout(None)
        // A client may end its direction with its request and read on (RFC 9293 §3.6).
        .half_close(true)
        .max_header_size(limits.header_bytes)
        .serve_connection(TokioIo::new(stream), service);
    let ended =
        drive_codec(Pin::new(&mut codec), |codec| codec.graceful_shutdown(), connection, &limits)
            .await;
    let timed_out = matches!(ended, Err(Ending::Expired(Expired::Head)));
    connection.worker.count_ended(ended);
    let parts = codec.into_parts();
    let mut stream = parts.io.into_inner();
    let Some(gate) = stream.take_gate() else {
        return Http1Ended { stream, early: parts.read_buf, fault: None };
    };
    let within_head = gate.is_within_head();
    let (fault, rest) = gate.into_rest();
    let fault = fault.or((timed_out && within_head).then_some(Fault::HeadTimeout));
    let early =
        if rest.is_empty() { parts.read_buf } else { [&parts.read_buf[..], &rest].concat().into() };
    Http1Ended { stream, early, fault }
}

/// Serves HTTP/2. After an h2c upgrade, `first` (the HTTP/1.1 request) replaces the placeholder
/// request on stream 1, of which only the method is real.
pub(crate) async fn serve_http2(
    stream: ClientStream,
    connection: Rc<Connection>,
    first: Option<Request<RequestBody>>,
) {
    let limits = connection.worker.limits();
    connection.activity.set_multiplexed();
    let shared = Rc::clone(&connection);
    let idle = limits.idle;
    let first = Cell::new(first);
    let service = service_fn(move |request: hyper::Request<hyper::body::Incoming>| {
        let connection = Rc::clone(&shared);
        let kept = first.take();
        async move {
            let request = kept
                .unwrap_or_else(|| RequestBody::from_hyper(request, &connection.activity, idle));
            Ok::<_, Infallible>(serve(&connection, request).await)
        }
    });
    let worker = Rc::clone(&connection.worker);
    let stalled = Rc::new(move || worker.count_ending(Ending::StreamStalled));
    let mut codec = http2::Builder::new(StreamExecutor::new(limits.idle, stalled))
        .max_header_list_size(u32::try_from(limits.header_bytes).unwrap_or(u32::MAX))
        .max_concurrent_streams(200)
        // RFC 8441 §3: WebSocket by extended CONNECT is welcome.
        .enable_connect_protocol()
        .serve_connection(TokioIo::new(stream), service);
    let ended =
        drive_codec(Pin::new(&mut codec), |codec| codec.graceful_shutdown(), &connection, &limits)
            .await;
    connection.worker.count_ended(ended);
}

/// Runs the codec of a client's connection.
async fn drive_codec<C: Future<Output = hyper::Result<()>>>(
    codec: Pin<&mut C>,
    finish: fn(Pin<&mut C>),
    connection: &Connection,
    limits: &Limits,
) -> Result<(), Ending> {
    let draining = connection.worker.shared.draining.subscribe();
    drive(codec, finish, &connection.activity, draining, limits).await
}

/// Runs a codec until it ends by itself, its client is given up, or `draining` becomes true.
pub(crate) async fn drive<C: Future<Output = hyper::Result<()>>>(
    mut codec: Pin<&mut C>,
    finish: fn(Pin<&mut C>),
    activity: &Activity,
    mut draining: watch::Receiver<bool>,
    limits: &Limits,
) -> Result<(), Ending> {
    let mut told_to_end = pin!(async move {
        tokio::select! {
            _ = draining.wait_for(|draining| *draining) => None,
            () = activity.wait_for_eviction() => Some(activity),
        }
    });
    let mut timer = pin!(sleep_until(Instant::now() + limits.idle));
    let mut finishing = false;
    poll_fn(|cx| {
        if let Poll::Ready(ended) = codec.as_mut().poll(cx) {
            return Poll::Ready(ended.map_err(|error| Ending::of(&error)));
        }
        if !finishing && let Poll::Ready(evicted) = told_to_end.as_mut().poll(cx) {
            finishing = true;
            finish(codec.as_mut());
            cx.waker().wake_by_ref();
            if let Some((due, Expired::Idle)) =
                evicted.and_then(|activity| activity.deadline(limits))
            {
                timer.as_mut().reset(due);
            }
        }
        loop {
            match activity.deadline(limits) {
                // An idle client that was told so has until `timer` to take what the codec still
                // holds.
                Some((_, Expired::Idle)) if finishing => {}
                Some((due, _)) if due < timer.deadline() => timer.as_mut().reset(due),
                _ => {}
            }
            if timer.as_mut().poll(cx).is_pending() {
                return Poll::Pending;
            }
            match activity.check_deadline(limits, Instant::now()) {
                Ok(next) => timer.as_mut().reset(next),
                // Between requests, the client is told that there will be no next one.
                Err(Expired::Idle) if !finishing => {
                    finishing = true;
                    finish(codec.as_mut());
                    cx.waker().wake_by_ref();
                    timer.as_mut().reset(Instant::now() + limits.header_timeout);
                }
                Err(expired) => return Poll::Ready(Err(Ending::Expired(expired))),
            }
        }
    })
    .await
}

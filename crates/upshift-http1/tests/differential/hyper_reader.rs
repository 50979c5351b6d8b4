//! hyper as a reader, over bytes in memory.

use std::cell::RefCell;
use std::convert::Infallible;
use std::io;
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::task::{Context, Poll, Waker};

use http_body_util::{BodyExt, Empty};
use hyper::body::{Bytes, Incoming};
use hyper::rt::{Read, ReadBufCursor, Write};
use hyper::service::service_fn;
use hyper::{Request, Response};

use crate::outcome::Outcome;
use crate::transcript::text_of;

/// A connection on which these bytes arrive, and then the end.
struct MemoryIo {
    unread: Vec<u8>,
    /// Nothing arrives before something was written: a client refuses a response without a request.
    is_held: bool,
}

impl Read for MemoryIo {
    fn poll_read(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
        mut cursor: ReadBufCursor<'_>,
    ) -> Poll<io::Result<()>> {
        if self.is_held {
            return Poll::Pending;
        }
        let length = cursor.remaining().min(self.unread.len());
        cursor.put_slice(&self.unread[..length]);
        self.unread.drain(..length);
        Poll::Ready(Ok(()))
    }
}

impl Write for MemoryIo {
    fn poll_write(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.is_held = false;
        Poll::Ready(Ok(bytes.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

/// The polls after which a reader that is not done waits for more.
const POLLS: usize = 1000;

fn poll_to_end<T>(future: impl Future<Output = T>) -> Option<T> {
    let mut future = pin!(future);
    for _ in 0..POLLS {
        if let Poll::Ready(output) = future.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
            return Some(output);
        }
    }
    None
}

/// Reads requests.
pub(crate) fn read_requests(case: &[u8]) -> Outcome {
    let outcome = Rc::new(RefCell::new(Outcome::default()));
    let seen = Rc::clone(&outcome);
    let service = service_fn(move |request| take_request(Rc::clone(&seen), request));
    let mut builder = hyper::server::conn::http1::Builder::new();
    let io = MemoryIo { unread: case.to_vec(), is_held: false };
    let connection = builder.half_close(true).serve_connection(io, service);
    let ended = poll_to_end(connection);
    let mut outcome = outcome.borrow().clone();
    if let Some(Err(error)) = ended
        && !error.is_incomplete_message()
        && outcome.refused.is_none()
    {
        outcome.refused = Some(error.to_string());
    }
    outcome
}

async fn take_request(
    seen: Rc<RefCell<Outcome>>,
    request: Request<Incoming>,
) -> Result<Response<Empty<Bytes>>, Infallible> {
    // hyper parses the target, and has only the parts of it.
    let start = format!("{} {}", request.method(), request.uri());
    match request.into_body().collect().await {
        Ok(body) => {
            let content = text_of(&body.to_bytes());
            let message = if content.is_empty() { start } else { format!("{start} {content}") };
            seen.borrow_mut().messages.push(message);
        }
        Err(error) if is_cut_short(&error) => {}
        Err(error) => seen.borrow_mut().refused = Some(cause_of(&error)),
    }
    Ok(Response::new(Empty::new()))
}

/// Returns true if the bytes ended within the content.
fn is_cut_short(error: &hyper::Error) -> bool {
    let source = std::error::Error::source(error);
    let io = source.and_then(|source| source.downcast_ref::<io::Error>());
    error.is_incomplete_message()
        || io.is_some_and(|error| error.kind() == io::ErrorKind::UnexpectedEof)
}

fn cause_of(error: &hyper::Error) -> String {
    match std::error::Error::source(error) {
        Some(source) => source.to_string(),
        None => error.to_string(),
    }
}

/// Reads the responses to a GET.
pub(crate) fn read_responses(case: &[u8]) -> Outcome {
    let io = MemoryIo { unread: case.to_vec(), is_held: true };
    let exchange = async {
        let (mut sender, connection) = hyper::client::conn::http1::handshake(io).await?;
        let request = Request::get("/").header("Host", "a").body(Empty::<Bytes>::new());
        let exchange = async {
            let response = sender.send_request(request.unwrap()).await?;
            let status = response.status().as_u16().to_string();
            let content = text_of(&response.into_body().collect().await?.to_bytes());
            Ok(if content.is_empty() { status } else { format!("{status} {content}") })
        };
        let mut exchange = pin!(exchange);
        let mut connection = pin!(connection);
        std::future::poll_fn(|context| {
            // Its error is that of the exchange, too.
            let _ = connection.as_mut().poll(context);
            exchange.as_mut().poll(context)
        })
        .await
    };
    match poll_to_end(exchange) {
        Some(Ok(message)) => Outcome { messages: vec![message], ..Outcome::default() },
        Some(Err(error)) => {
            let error: hyper::Error = error;
            let reason =
                if is_cut_short(&error) { "cut short".to_owned() } else { cause_of(&error) };
            Outcome { refused: Some(reason), ..Outcome::default() }
        }
        None => Outcome::default(),
    }
}

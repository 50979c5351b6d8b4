//! One exchange on a connection: a request is served, and its response is sent.

use std::future::poll_fn;
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::task::{Context, Poll};

use http::Method;
use upshift_http1::Framing;

use super::connection_end::ConnectionEnd;
use super::content::ClientContent;
use super::content_reader::settle_content;
use super::interim::send_interim;
use super::request::ReceivedHead;
use super::response::{begin_response, send_content};
use super::wire::{SharedWire, flush};
use crate::body::RequestBody;
use crate::exchange::connection::Connection;
use crate::exchange::{Served, serve};
use crate::fields::names::{ReceivedNames, TrailerNames};
use crate::http1_client::Http1Client;
use crate::telemetry::disconnect::DisconnectReason;

/// Answers the request with the head `received`. Returns the end of the connection, or `None` if
/// another request may follow.
pub(super) async fn answer_request(
    wire: &SharedWire,
    connection: &Connection,
    received: ReceivedHead,
) -> Result<Option<ConnectionEnd>, DisconnectReason> {
    let body = content_of(wire, connection, received.head.framing());
    let request = match received.to_request() {
        Ok(request) => request,
        Err(reply) => return Ok(Some(ConnectionEnd::Fault(reply, received.bytes))),
    };
    let is_head = request.method == Method::HEAD;
    let names = ReceivedNames::new(received.head.fields(), &received.bytes);
    let client = Http1Client::new(names);
    let served = {
        let mut serving = pin!(serve(connection, request, body, Some(&client)));
        poll_fn(|cx| poll_serving(wire, &client, serving.as_mut(), cx)).await?
    };
    let Served { response, lines, switch } = served;
    // Its memory is for the next head.
    drop(received);
    if let Some(mut content) = begin_response(wire, response, &lines, is_head)? {
        send_content(wire, &mut content).await?;
    }
    if let Some(switch) = switch {
        flush(wire).await?;
        return Ok(Some(ConnectionEnd::Switch(switch)));
    }
    settle_content(wire).await
}

fn content_of(wire: &SharedWire, connection: &Connection, framing: Framing) -> RequestBody {
    match framing {
        Framing::None | Framing::Length(0) => RequestBody::empty(),
        _ => {
            let names = Rc::new(TrailerNames::default());
            let content = ClientContent::new(wire, framing, Rc::clone(&names));
            let body = RequestBody::from_boxed(Box::pin(content), connection.core.limits().idle);
            body.with_trailer_names(names)
        }
    }
}

/// Polls the exchange. If it takes time, the answers to earlier requests and interim responses go
/// out meanwhile.
fn poll_serving(
    wire: &SharedWire,
    client: &Http1Client<'_>,
    serving: Pin<&mut impl Future<Output = Served>>,
    cx: &mut Context<'_>,
) -> Poll<Result<Served, DisconnectReason>> {
    let polled = serving.poll(cx);
    send_interim(wire, client, cx);
    if let Poll::Ready(served) = polled {
        return Poll::Ready(Ok(served));
    }
    match wire.borrow_mut().poll_flush(cx) {
        Poll::Ready(Err(_)) => Poll::Ready(Err(DisconnectReason::Io)),
        _ => Poll::Pending,
    }
}

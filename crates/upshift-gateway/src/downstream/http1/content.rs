//! The content of a request, read from the connection when it is polled.

use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use upshift_http1::Framing;

use super::content_state::ContentPart;
use super::wire::SharedWire;
use crate::body::{BodyError, PolledFrame};
use crate::fields::names::TrailerNames;

/// The content of the request that is being served. It is not read ahead: while it is not polled,
/// nothing is read from the client.
pub(super) struct ClientContent {
    wire: SharedWire,
    /// The number of remaining bytes; `None` if it is not known.
    left: Option<u64>,
    has_ended: bool,
    trailer_names: Rc<TrailerNames>,
}

impl ClientContent {
    /// The content of the request whose head `wire` has just read. `trailer_names` gets the names of
    /// its trailers.
    pub(super) fn new(
        wire: &SharedWire,
        framing: Framing,
        trailer_names: Rc<TrailerNames>,
    ) -> Self {
        let left = match framing {
            Framing::Length(length) => Some(length),
            _ => None,
        };
        wire.borrow_mut().begin_content(left);
        Self { wire: Rc::clone(wire), left, has_ended: false, trailer_names }
    }

    fn poll_part(&mut self, cx: &mut Context<'_>) -> PolledFrame {
        let part = ready!(self.wire.borrow_mut().poll_content(cx));
        Poll::Ready(match part {
            Ok(ContentPart::Data(data)) => {
                if let Some(left) = &mut self.left {
                    *left = left.saturating_sub(data.len() as u64);
                }
                self.has_ended = self.wire.borrow().has_whole_content();
                Some(Ok(Frame::data(data)))
            }
            Ok(ContentPart::Trailers(trailers, names)) => {
                self.has_ended = true;
                self.trailer_names.set(names);
                Some(Ok(Frame::trailers(trailers)))
            }
            Ok(ContentPart::End) => {
                self.has_ended = true;
                None
            }
            Err(error) => {
                self.has_ended = true;
                Some(Err(error.into()))
            }
        })
    }
}

impl Body for ClientContent {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> PolledFrame {
        if self.has_ended { Poll::Ready(None) } else { self.poll_part(cx) }
    }

    fn is_end_stream(&self) -> bool {
        self.has_ended
    }

    fn size_hint(&self) -> SizeHint {
        match self.left {
            Some(left) => SizeHint::with_exact(left),
            None => SizeHint::default(),
        }
    }
}

impl Drop for ClientContent {
    fn drop(&mut self) {
        self.wire.borrow_mut().abandon_content();
    }
}

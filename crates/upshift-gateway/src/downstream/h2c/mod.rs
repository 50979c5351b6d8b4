//! The obsolete switch to HTTP/2 by `Upgrade: h2c` (RFC 7540 §3.2), for clients that still offer
//! it: Java, curl, nghttp.
//!
//! hyper does not support the switch, so it is made in front of the codec:
//!
//! 1. The offer counts only if it is complete: `Connection` names both `Upgrade` and
//!    `HTTP2-Settings`, and there is exactly one valid `HTTP2-Settings`. Any other offer is
//!    ignored, and the request is served as HTTP/1.1 (§3.2, §3.2.1: MUST NOT upgrade).
//! 2. The request's content is read first, up to a limit (§3.2: "MUST be sent in its entirety
//!    before the client can send HTTP/2 frames"). Reading it also sends a `100 (Continue)` before
//!    the `101` (RFC 9110 §7.8).
//! 3. After the `101`, the client sends its preface and SETTINGS. Nothing may arrive before.
//! 4. The codec gets the preface, one SETTINGS frame that holds the settings of `HTTP2-Settings`
//!    and then the client's, and a HEADERS frame that opens stream 1, already half-closed. It is
//!    one SETTINGS frame so that there is one acknowledgement, for the client's own frame (§3.2.1
//!    forbids one for `HTTP2-Settings`).
//! 5. `HEADER_TABLE_SIZE` of `HTTP2-Settings` is left out: whatever clients offer there, they
//!    decode with a table of 4096 bytes until their own SETTINGS frame was sent.
//! 6. The first request from the codec is replaced by the HTTP/1.1 request, content included. So no
//!    field of it passes through header compression, and none of its bytes count towards a
//!    flow-control window.

mod offer;
mod opening;

pub(crate) use offer::H2cSettings;
pub(crate) use opening::read_opening;

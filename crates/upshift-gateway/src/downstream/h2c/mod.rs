//! The obsolete switch to HTTP/2 by `Upgrade: h2c` (RFC 7540 §3.2), for those who still offer it:
//! Java, curl, nghttp.
//!
//! The codec for HTTP/2 has no entry for it, so the switch is made in front of it:
//!
//! 1. The offer counts only if it is whole: `Connection` names both `Upgrade` and `HTTP2-Settings`,
//!    of which there is exactly one, valid. Any other is ignored, and the request served as
//!    HTTP/1.1 (§3.2, §3.2.1: MUST NOT upgrade).
//! 2. The request's content is read first, within a bound (§3.2: "MUST be sent in its entirety
//!    before the client can send HTTP/2 frames"); that is also what releases a `100 (Continue)`
//!    before the `101` (RFC 9110 §7.8).
//! 3. After the `101` the client's preface and SETTINGS are awaited. Nothing may have come before.
//! 4. The codec is handed the preface, one SETTINGS frame that holds the settings of
//!    `HTTP2-Settings` and then the client's, and a HEADERS frame that opens stream 1, already
//!    half-closed. One frame, so one acknowledgement: that of the client's own (§3.2.1 forbids one
//!    for `HTTP2-Settings`).
//! 5. `HEADER_TABLE_SIZE` of `HTTP2-Settings` is left out: until the client's own SETTINGS came,
//!    clients decode with 4096 whatever they offered.
//! 6. The first request that the codec then yields is replaced by the one that was kept, content
//!    and all. So no field of it passes through a compressor, and no byte of it is charged to a
//!    flow-control window it never came through.

mod offer;
mod opening;

pub(crate) use offer::Settings;
pub(crate) use opening::open;

//! Clients that behave, beside those that attack: each of their requests is answered.

use std::thread;
use std::time::Duration;

use interop::h2_frames::*;
use interop::{Count, Gateway, H2Session, Recorder, Stalling, exchange_within, send, tally};

use super::LIMITS;

/// Requests of the client that behaves.
const REQUESTS: usize = 300;

/// Time that each may take.
const PATIENCE: Duration = Duration::from_secs(5);

/// Connections of each kind of attack.
const ATTACKERS: usize = 40;

/// Beside heads that stop, answers that are not read, uploads that stop, windows that are shut, and
/// streams that are reset as soon as they are opened (the "rapid reset" of 2023).
#[test]
fn clients_beside_an_attack_are_served() {
    let (attacked, upstream) = (Stalling::start(), Recorder::start());
    let site = format!(
        "[[upstream]]\npaths = [\"/well/**\"]\naddresses = [\"http://{}\"]\n",
        upstream.address()
    );
    let gateway = Gateway::start(attacked.address(), &[LIMITS, &site].concat());
    let mut stalled = Vec::new();
    for _ in 0..ATTACKERS {
        stalled.push(send(gateway.http(), b"GET /a HTTP/1.1\r\nHost: h\r\nX-Slow"));
        stalled.push(send(gateway.http(), b"GET /pour/33554432 HTTP/1.1\r\nHost: h\r\n\r\n"));
        stalled.push(send(
            gateway.http(),
            b"POST /deaf HTTP/1.1\r\nHost: h\r\nContent-Length: 9\r\n\r\nx",
        ));
    }
    let shut = [setting(INITIAL_WINDOW_SIZE, 0), get(1)].concat();
    let windows = [(); 8].map(|()| H2Session::open(gateway.http(), &shut));
    let address = gateway.http();
    let resetting = thread::spawn(move || reset_rapidly(H2Session::open(address, b"")));

    let mut lost = 0;
    for _ in 0..REQUESTS {
        let request = b"GET /well/10 HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n";
        let reply = exchange_within(gateway.http(), request, PATIENCE);
        lost += usize::from(reply.is_none_or(|reply| reply.status != 200));
    }
    tally(Count::Lost, lost);
    resetting.join().unwrap_or_else(|_| panic!("the attack failed"));
    assert_eq!(lost, 0, "of {REQUESTS} requests");
    drop((stalled, windows));
}

/// 2,000 streams, or as many as the gateway bears.
fn reset_rapidly(session: H2Session) {
    let cancel = 8_u32.to_be_bytes();
    for number in 0..2_000 {
        let stream = 2 * number + 1;
        session.send(&[get(stream), frame(RST_STREAM, 0, stream, &cancel)].concat());
        if session.is_closed() {
            break;
        }
    }
}

fn get(stream: u32) -> Vec<u8> {
    frame(HEADERS, WHOLE, stream, &field_block(&pseudo_fields("GET", "/pour/1000000")))
}

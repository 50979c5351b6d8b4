//! Traffic for a rule about the versions of an API: the same for every test that counts it.

use std::net::SocketAddr;

use interop::exchange;

/// Sends `requests` requests of `callers` callers with this version.
pub(crate) fn send_orders(to: SocketAddr, version: &str, requests: u32, callers: u32) {
    for number in 0..requests {
        let caller = number % callers;
        let request = format!(
            "GET /orders/{number} HTTP/1.1\r\nHost: example.com\r\nX-Api-Version: {version}\r\n\
             X-Api-Key: {version}-{caller}\r\nUser-Agent: AcmeApp/5.{caller}\r\n\
             Connection: close\r\n\r\n"
        );
        exchange(to, request.as_bytes(), false);
    }
}

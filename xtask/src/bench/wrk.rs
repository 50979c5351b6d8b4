//! `wrk`: as many requests as possible over HTTP/1.1, for some seconds.

use std::io;
use std::path::Path;

use crate::run::{command, output};

/// A run of `wrk`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct WrkLoad<'l> {
    pub(crate) url: &'l str,
    pub(crate) version: &'l str,
    pub(crate) connections: u32,
    pub(crate) seconds: u32,
    /// Closes the connection after each request.
    pub(crate) closes: bool,
    /// A script in Lua that makes the requests.
    pub(crate) script: Option<&'l Path>,
}

/// The counts that `wrk` prints.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct WrkCounts {
    pub(crate) requests: u64,
    /// Requests per second.
    pub(crate) rate: f64,
    /// Responses with a status of 400 and above.
    pub(crate) refused: u64,
    /// Connections that failed, and responses that did not arrive.
    pub(crate) errors: u64,
}

impl WrkLoad<'_> {
    /// Sends the requests.
    ///
    /// # Errors
    /// If `wrk` cannot be run, or more than one request of a thousand fails where connections stay
    /// open.
    pub(crate) fn run(&self) -> io::Result<WrkCounts> {
        let mut wrk = command("wrk", ["-t1"]);
        wrk.arg(format!("-c{}", self.connections)).arg(format!("-d{}s", self.seconds));
        wrk.args(["-H", &format!("X-Api-Version: {}", self.version)]);
        if self.closes {
            wrk.args(["-H", "Connection: close"]);
        }
        if let Some(script) = self.script {
            wrk.arg("-s").arg(script);
        }
        let printed = output(wrk.arg(self.url)).map_err(io::Error::other)?;
        let Some(counts) = parse_counts(&printed) else {
            return Err(io::Error::other(format!("wrk printed no counts: {printed}")));
        };
        // A server that ends a TLS connection without `close_notify` is an error for wrk.
        let tolerated = if self.closes { counts.requests } else { counts.requests / 1000 };
        if counts.requests == 0 || counts.errors > tolerated {
            let (errors, requests) = (counts.errors, counts.requests);
            return Err(io::Error::other(format!(
                "wrk met {errors} errors of connections with {requests} requests"
            )));
        }
        Ok(counts)
    }
}

fn parse_counts(printed: &str) -> Option<WrkCounts> {
    let mut counts = WrkCounts::default();
    for line in printed.lines().map(str::trim) {
        if line.contains(" requests in ") {
            counts.requests = line.split(' ').next()?.parse().ok()?;
        } else if let Some(rate) = line.strip_prefix("Requests/sec:") {
            counts.rate = rate.trim().parse().ok()?;
        } else if let Some(refused) = line.strip_prefix("Non-2xx or 3xx responses:") {
            counts.refused = refused.trim().parse().ok()?;
        } else if let Some(errors) = line.strip_prefix("Socket errors:") {
            counts.errors = sum_errors(errors)?;
        }
    }
    if counts.rate > 0.0 { Some(counts) } else { None }
}

/// The sum of `connect 0, read 3, write 0, timeout 1`.
fn sum_errors(errors: &str) -> Option<u64> {
    let mut sum = 0;
    for part in errors.split(',') {
        let (_, number) = part.trim().rsplit_once(' ')?;
        sum += number.parse::<u64>().ok()?;
    }
    Some(sum)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The output of wrk 4.1.0, with the line of errors that another run had.
    const PRINTED: &str = "\
Running 1s test @ http://127.0.0.1:18099/api/o
  1 threads and 8 connections
  Thread Stats   Avg      Stdev     Max   +/- Stdev
    Latency   599.58us    1.03ms   5.84ms   86.54%
    Req/Sec    29.53k     3.95k   33.88k    70.00%
  Latency Distribution
     50%  148.00us
     99%    4.63ms
  29442 requests in 1.00s, 4.10MB read
  Socket errors: connect 0, read 3, write 0, timeout 1
  Non-2xx or 3xx responses: 29442
Requests/sec:  29302.40
Transfer/sec:      4.08MB
";

    #[test]
    fn counts_are_read_from_the_output() {
        let counts = WrkCounts { requests: 29442, rate: 29302.4, refused: 29442, errors: 4 };
        assert_eq!(parse_counts(PRINTED), Some(counts));
    }

    #[test]
    fn another_output_has_no_counts() {
        assert_eq!(parse_counts("unable to connect to 127.0.0.1:1 Connection refused\n"), None);
    }
}

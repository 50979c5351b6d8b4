//! `h2load`: requests over HTTP/2, or HTTP/1.1, for some seconds or of a given number.

use std::io;

use crate::run::{command, output};

/// The end of a run.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Amount {
    Seconds(u32),
    Requests(u64),
}

/// A run of `h2load`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct H2Load<'l> {
    pub(crate) url: &'l str,
    pub(crate) version: &'l str,
    /// HTTP/1.1 in place of HTTP/2.
    pub(crate) is_http1: bool,
    pub(crate) connections: u32,
    /// Requests at a time of each connection.
    pub(crate) streams: u32,
    pub(crate) amount: Amount,
}

/// The counts that `h2load` prints.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct H2LoadCounts {
    /// Requests that were answered.
    pub(crate) done: u64,
    /// Those of them with a status below 400.
    pub(crate) succeeded: u64,
    /// Requests that were not answered.
    pub(crate) errors: u64,
    /// Requests per second.
    pub(crate) rate: f64,
}

impl H2Load<'_> {
    /// Sends the requests.
    ///
    /// # Errors
    /// If `h2load` cannot be run, or a request is not answered.
    pub(crate) fn run(&self) -> io::Result<H2LoadCounts> {
        let mut h2load = command("h2load", ["-t1"]);
        h2load.arg(format!("-c{}", self.connections)).arg(format!("-m{}", self.streams));
        match self.amount {
            Amount::Seconds(seconds) => {
                h2load.arg(format!("-D{seconds}")).arg("--warm-up-time=0");
            }
            Amount::Requests(requests) => {
                h2load.arg(format!("-n{requests}"));
            }
        }
        if self.is_http1 {
            h2load.arg("--h1");
        }
        h2load.args(["-H", &format!("x-api-version: {}", self.version)]);
        let printed = output(h2load.arg(self.url)).map_err(io::Error::other)?;
        let Some(counts) = parse_counts(&printed) else {
            return Err(io::Error::other(format!("h2load printed no counts: {printed}")));
        };
        if counts.done == 0 || counts.errors > 0 {
            let (errors, requests) = (counts.errors, counts.done);
            return Err(io::Error::other(format!(
                "h2load took {errors} of {requests} responses for wrong or missing"
            )));
        }
        Ok(counts)
    }
}

fn parse_counts(printed: &str) -> Option<H2LoadCounts> {
    let mut counts = H2LoadCounts::default();
    let mut has_requests = false;
    for line in printed.lines() {
        if let Some(requests) = line.strip_prefix("requests:") {
            counts.done = count_named(requests, "done")?;
            counts.succeeded = count_named(requests, "succeeded")?;
            counts.errors = count_named(requests, "errored")? + count_named(requests, "timeout")?;
            has_requests = true;
        } else if let Some(finished) = line.strip_prefix("finished in ") {
            let (_, rate) = finished.split_once(", ")?;
            counts.rate = rate.split(' ').next()?.parse().ok()?;
        }
    }
    if has_requests { Some(counts) } else { None }
}

/// The number in front of a name, of `2 total, 2 started, 1 done`.
fn count_named(list: &str, name: &str) -> Option<u64> {
    for part in list.split(',') {
        if let Some((number, found)) = part.trim().split_once(' ')
            && found == name
        {
            return number.parse().ok();
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The output of h2load of nghttp2 1.52.0.
    const PRINTED: &str = "\
Application protocol: http/1.1
Main benchmark duration is over for thread #0. Stopping all clients.

finished in 1.00s, 13575.00 req/s, 1.89MB/s
requests: 13575 total, 13579 started, 13575 done, 0 succeeded, 13575 failed, 0 errored, 0 timeout
status codes: 0 2xx, 0 3xx, 0 4xx, 0 5xx
traffic: 1.89MB (1980198) total, 1.40MB (1466364) headers (space savings 0.00%), 13.26KB (13578) data
                     min         max         mean         sd        +/- sd
time for request:       32us     16.23ms       294us      1.22ms    95.99%
";

    #[test]
    fn counts_are_read_from_the_output() {
        let counts = H2LoadCounts { done: 13575, succeeded: 0, errors: 0, rate: 13575.0 };
        assert_eq!(parse_counts(PRINTED), Some(counts));
    }

    #[test]
    fn another_output_has_no_counts() {
        assert_eq!(parse_counts("Could not resolve host: Name or service not known\n"), None);
    }
}

//! HTTP/3 by hand, through `programs/h3_frames.py`: requests that need not be well formed.

use std::net::SocketAddr;

use serde_json::Value;

use crate::{Count, script, tally};

/// RFC 9114 §8.1: the code for a malformed message.
const H3_MESSAGE_ERROR: u64 = 0x10e;

/// The outcome of one request.
#[derive(Debug, Clone)]
pub struct H3Reply(Value);

impl H3Reply {
    /// The final status; 0 if none came.
    pub fn status(&self) -> u64 {
        self.0["status"].as_u64().unwrap_or_default()
    }

    /// The code with which the stream or the connection was ended, if it was.
    pub fn error(&self) -> Option<u64> {
        self.0["reset"].as_u64().or(self.0["closed"].as_u64())
    }

    /// Returns true if the message was refused as malformed: RFC 9114 §4.1.2 has a stream error of
    /// type H3_MESSAGE_ERROR, before which a response may say so.
    pub fn is_malformed(&self) -> bool {
        self.status() == 400 || (self.status() == 0 && self.error() == Some(H3_MESSAGE_ERROR))
    }

    /// The content.
    pub fn body(&self) -> &str {
        self.0["body"].as_str().unwrap_or_default()
    }
}

/// Asks over one connection for each list of requests, which go one after the other. The shape of a
/// request is described in the program.
///
/// # Panics
/// If the program fails.
pub fn ask_http3(to: SocketAddr, connections: &[Vec<Value>]) -> Vec<Vec<H3Reply>> {
    tally(Count::Inputs, connections.iter().map(Vec::len).sum());
    let asked = serde_json::to_string(connections).unwrap_or_default();
    let text = script("h3_frames.py", &[&to.to_string(), &asked]).ok();
    let printed: Result<Vec<Vec<Value>>, _> = serde_json::from_str(&text);
    let replies = printed.unwrap_or_else(|error| panic!("{error}: {text}"));
    replies.into_iter().map(|connection| connection.into_iter().map(H3Reply).collect()).collect()
}

//! A client that asks for a WebSocket, and falls back to HTTP if a 426 declines it.
//!
//! ```text
//! cargo run -p upshift-tower --example api_version          # in another terminal
//! cargo run -p upshift-client --example websocket -- ws://127.0.0.1:3000/chat
//! ```

use std::io::{self, Write};

use http::Request;
use http_body_util::BodyExt;
use upshift_client::{BoxError, Client, Socket};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), BoxError> {
    let url = std::env::args().nth(1).unwrap_or_else(|| "ws://127.0.0.1:3000/chat".to_owned());
    let client = Client::new()?;
    match client.websocket(Request::get(&url).body(())?).await? {
        Socket::Open { stream, .. } => {
            // From here on, a WebSocket library reads and writes frames.
            writeln!(io::stderr(), "open: {stream:?}")?;
        }
        Socket::Declined(response) => {
            writeln!(io::stderr(), "no WebSocket here; {} over HTTP:", response.status())?;
            io::stdout().write_all(&response.into_body().collect().await?.to_bytes())?;
        }
    }
    Ok(())
}

//! A client that polls, backs off, and stops when the server refuses it permanently.
//!
//! ```text
//! cargo run -p upshift-tower --example api_version          # in another terminal
//! cargo run -p upshift-client --example poll -- http://127.0.0.1:3000/orders
//! ```

use std::io::{self, Write};
use std::time::Duration;

use upshift_client::{BoxError, Client, Error, Pace, PollAction};
use upshift_core::Timestamp;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), BoxError> {
    let url = std::env::args().nth(1).unwrap_or_else(|| "http://127.0.0.1:3000/orders".to_owned());
    let client = Client::new()?;
    let mut pace = Pace::every(Duration::from_secs(5));
    loop {
        let outcome = client.get(&url).await;
        match &outcome {
            Ok(response) => writeln!(io::stdout(), "{}", response.status())?,
            Err(Error::Refused(refused)) => writeln!(io::stderr(), "{refused}")?,
            Err(error) => writeln!(io::stderr(), "{error}")?,
        }
        match pace.after(&outcome, Timestamp::now()) {
            PollAction::Wait(time) => tokio::time::sleep(time).await,
            PollAction::End => {
                writeln!(
                    io::stderr(),
                    "stopped: the server requires a newer version of this program"
                )?;
                return Ok(());
            }
        }
    }
}

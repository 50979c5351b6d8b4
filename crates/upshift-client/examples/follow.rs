//! A client that requests version 1 of an API, receives a 426 that requires 2.0, and raises its
//! version by itself.
//!
//! ```text
//! cargo run -p upshift-tower --example api_version          # in another terminal
//! cargo run -p upshift-client --example follow -- http://127.0.0.1:3000/orders
//! ```

use std::io::{self, Write};

use http::HeaderValue;
use http_body_util::BodyExt;
use upshift_client::rules::{FollowPolicy, Names};
use upshift_client::{BoxError, Client, Error, Trace};

/// The newest version that this program supports.
const NEWEST: &str = "2.1";

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), BoxError> {
    let url = std::env::args().nth(1).unwrap_or_else(|| "http://127.0.0.1:3000/orders".to_owned());
    let client = Client::builder()
        .policy(FollowPolicy {
            versions: Names::These(vec!["orders-v2".into()]),
            ..FollowPolicy::default()
        })
        .raise(|wanted, request| {
            request.headers.insert("x-api-version", HeaderValue::from_static(NEWEST));
            // A real program compares versions. This one supports two.
            matches!(wanted.minimum, Some("2.0" | "2.1"))
        })
        .on_deprecation(|notice| drop(writeln!(io::stderr(), "{} is deprecated", notice.origin)))
        .build()?;
    match client.get(&url).await {
        Ok(response) => {
            let steps =
                response.extensions().get::<Trace>().map_or(0, |trace| trace.steps().count());
            writeln!(io::stderr(), "{} after {steps} step(s)", response.status())?;
            Ok(io::stdout().write_all(&response.into_body().collect().await?.to_bytes())?)
        }
        Err(Error::Refused(refused)) => {
            writeln!(io::stderr(), "{refused}\nread {}", refused.docs().unwrap_or("its answer"))?;
            Ok(())
        }
        Err(error) => Err(error.into()),
    }
}

//! `upshift demo`: shows the gateway at work, without a file or other programs.

mod clients;
mod upstream;

use std::io::{self, IsTerminal};
use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use clap::Args;
use upshift_config::{AccessLog, load};
use upshift_core::Timestamp;
use upshift_gateway::{Addresses, Gateway, Settings, StartError};
use upshift_record::Exit;

use crate::runtime::build_runtime;
use crate::signals::StopSignals;
use crate::terminal::{Hue, Palette, print_stdout};
use crate::verb_error::{VerbError, VerbResult};

use clients::RequestTally;

/// Run a demo: a gateway, an upstream, and old and new clients
///
/// Needs no file and nothing else installed. Prints the addresses, commands worth trying, and how
/// many requests are admitted, warned and refused.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  upshift demo
  upshift demo --policy > upshift.toml    the policy of the demo, to start from
  upshift demo --for 10s")]
pub(crate) struct DemoArgs {
    /// Print the policy of the demo and exit
    #[arg(long)]
    policy: bool,
    /// End after this time
    #[arg(long = "for", value_name = "DURATION", value_parser = upshift_config::parse_duration)]
    length: Option<Duration>,
}

/// The time between two lines of counts. A terminal shows them in one place.
const TERMINAL_BEAT: Duration = Duration::from_millis(250);
const PIPE_BEAT: Duration = Duration::from_secs(2);

impl DemoArgs {
    pub(crate) fn run(self) -> VerbResult {
        let policy = dated_policy(Timestamp::now());
        if self.policy {
            print_stdout(&policy)?;
            return Ok(Exit::Fine);
        }
        crate::log::start_logging();
        build_runtime()?.block_on(self.run_demo(&policy))
    }

    async fn run_demo(self, policy: &str) -> VerbResult {
        let upstream = upstream::start_upstream().await.map_err(VerbError::environment)?;
        let gateway = bind_gateway(policy, upstream)?;
        let addresses = gateway.addresses();
        print_stdout(&render_welcome(addresses, Palette::of_stdout()))?;
        let tally = RequestTally::default();
        let stop = StopSignals::new()?;
        let clients = addresses.http.map(|http| clients::start_clients(http, &tally));
        let end = async {
            tokio::select! {
                () = stop.first_signal() => {}
                () = wait_for(self.length) => {}
            }
            // Stops the clients first: the gateway waits for requests that are open.
            drop(clients);
        };
        let result = tokio::select! {
            served = gateway.run(end) => served.map_err(VerbError::environment),
            printed = print_counts(&tally) => printed.map_err(VerbError::from),
            // A second signal must not wait for the requests that the first one lets finish.
            () = stop.second_signal() => Ok(()),
        };
        print_stdout(&format!("\n{}\n", tally.render_line(Palette::of_stdout())))?;
        result.map(|()| Exit::Fine)
    }
}

/// Waits as long as this, or for ever.
async fn wait_for(length: Option<Duration>) {
    match length {
        Some(length) => tokio::time::sleep(length).await,
        None => std::future::pending().await,
    }
}

/// Binds the usual ports, or free ones if another process has one of them.
fn bind_gateway(policy: &str, upstream: SocketAddr) -> Result<Gateway, VerbError> {
    let usual = demo_settings(policy, upstream)?;
    // The error names one address only; others may be taken, too, so all of them change.
    let mut elsewhere = usual.clone();
    let gateway = &mut elsewhere.file.gateway;
    let listeners = [&mut gateway.http, &mut gateway.https, &mut gateway.admin];
    for address in listeners.into_iter().flatten() {
        // With port 0 the system chooses a free one.
        address.set_port(0);
    }
    match Gateway::bind(usual) {
        Err(StartError::Bind { .. }) => Ok(Gateway::bind(elsewhere)?),
        bound => Ok(bound?),
    }
}

fn demo_settings(policy: &str, upstream: SocketAddr) -> Result<Settings, VerbError> {
    let mut file = match load(policy, "demo.toml") {
        Ok(loaded) => loaded.file,
        Err(errors) => {
            let mut message = "the demo's own policy is wrong, which is a bug:\n".to_owned();
            for error in errors {
                message.push_str(&error.to_string());
            }
            return Err(VerbError::environment(message));
        }
    };
    // Stdout shows the counts, and a demo leaves no file behind.
    file.gateway.access_log = AccessLog::default();
    file.gateway.store = None;
    file.upstreams = vec![upshift_gateway::Upstream::at(upstream)];
    Ok(Settings { file, ..Settings::default() })
}

/// The sample policy in the middle of its rollout: `{+30d}` stands for the day in 30 days.
fn dated_policy(now: Timestamp) -> String {
    let mut text = String::new();
    let mut rest = include_str!("policy.toml");
    while let Some((before, after)) = rest.split_once("{+") {
        // The sample is part of the binary, and a test reads it: the fallbacks cannot be reached.
        let (days, behind) = after.split_once("d}").unwrap_or((after, ""));
        text.push_str(before);
        text.push_str(&day_after(now, days.parse().unwrap_or_default()));
        rest = behind;
    }
    text + rest
}

fn day_after(now: Timestamp, days: i64) -> String {
    let day = now.checked_add(jiff::SignedDuration::from_hours(24 * days)).unwrap_or(now);
    day.strftime("%Y-%m-%d").to_string()
}

fn render_welcome(addresses: Addresses, palette: Palette) -> String {
    // The demo's policy names all three listeners, so port 0 is never shown.
    let unbound = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
    let (http, https) = (addresses.http.unwrap_or(unbound), addresses.https.unwrap_or(unbound));
    let admin = addresses.admin.unwrap_or(unbound);
    let title = "Upshift is running: a gateway, an upstream behind it, and a dozen clients, old \
                 and new.";
    let mut text = format!("{}\n\n", palette.paint(Hue::Bold, title));
    text.push_str(&format!("  gateway    http://{http}  and  https://{https}\n"));
    text.push_str(&format!("  admin      http://{admin}/\n"));
    text.push_str("  policy     upshift demo --policy\n\n");
    let heading = palette.paint(Hue::Bold, "Worth trying, in another terminal:");
    text.push_str(&format!("{heading}\n"));
    for (purpose, command) in commands_to_try(http, https) {
        let comment = palette.paint(Hue::Faint, format!("# {purpose}"));
        text.push_str(&format!("  {comment}\n  {command}\n"));
    }
    let last_heading = palette.paint(Hue::Bold, "Requests of the clients so far (Ctrl-C to stop):");
    text.push_str(&format!("\n{last_heading}\n"));
    text
}

/// Commands that a person can try, each with what it shows.
fn commands_to_try(http: SocketAddr, https: SocketAddr) -> [(&'static str, String); 7] {
    [
        (
            "an account over cleartext: 426, and where to go",
            format!("curl -si http://{http}/account"),
        ),
        (
            "the same, followed by Upshift's own client: 200",
            format!("upshift get -k http://{http}/account"),
        ),
        ("the same over TLS: 200", format!("curl -sik https://{https}/account")),
        (
            "an old API version that the ramp has reached: 426 (k-42 is only warned so far)",
            format!(
                "curl -si -H 'X-Api-Version: 1.4' -H 'X-Api-Key: k-17' http://{http}/api/orders"
            ),
        ),
        ("a chat without WebSocket", format!("curl -si http://{http}/chat")),
        (
            "an old app, as a person sees it (or open it in a browser)",
            format!("curl -si -A AcmeApp/4.9 -H 'Accept: text/html' http://{http}/"),
        ),
        (
            "HTTP/2 where HTTP/2 is required: 200",
            format!("curl -si --http2-prior-knowledge http://{http}/feeds/news"),
        ),
    ]
}

/// Prints the line of counts again and again, until stdout is closed.
async fn print_counts(tally: &RequestTally) -> io::Result<()> {
    let is_terminal = io::stdout().is_terminal();
    let mut beat = tokio::time::interval(if is_terminal { TERMINAL_BEAT } else { PIPE_BEAT });
    // The first tick comes at once, when there is nothing to count.
    beat.tick().await;
    loop {
        beat.tick().await;
        // `\r` and `K` write over the line before. A file or a pipe gets whole lines.
        let line = tally.render_line(Palette::of_stdout());
        print_stdout(&if is_terminal { format!("\r\x1b[K{line}") } else { format!("{line}\n") })?;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_demo_s_policy_is_valid_whenever_it_is_started() {
        for day in ["2026-02-28", "2028-02-29", "2026-12-31"] {
            let now = upshift_config::parse_moment(day).unwrap_or_default();
            let text = dated_policy(now);
            let said: String = load(&text, "demo.toml")
                .err()
                .unwrap_or_default()
                .iter()
                .map(ToString::to_string)
                .collect();
            assert_eq!(said, "", "{text}");
        }
    }
}

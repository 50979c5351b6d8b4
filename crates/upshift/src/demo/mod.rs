//! `upshift demo`: the gateway at work, without a file and without anything else installed.

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

use crate::signals::StopSignals;
use crate::terminal::{Hue, Palette, print_stdout};
use crate::verb_error::{VerbError, VerbResult};

use clients::RequestTally;

/// See it work: a gateway, an upstream, and old and new clients
///
/// Needs no file and nothing else installed. Prints the addresses, commands worth trying, and how
/// many requests are admitted, warned and refused.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  upshift demo
  upshift demo --policy > upshift.toml    the policy that it runs, to start from
  upshift demo --for 10s")]
pub(crate) struct DemoArgs {
    /// Print the policy that it runs, and end
    #[arg(long)]
    policy: bool,
    /// End after so long
    #[arg(long = "for", value_name = "DURATION", value_parser = upshift_config::parse_duration)]
    length: Option<Duration>,
}

/// How often the line of counts is written: on a terminal it is always the same line.
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
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        runtime.map_err(VerbError::environment)?.block_on(self.run_demo(&policy))
    }

    async fn run_demo(self, policy: &str) -> VerbResult {
        let upstream = upstream::start_upstream().await.map_err(VerbError::environment)?;
        let gateway = bind_gateway(policy, upstream)?;
        let addresses = gateway.addresses();
        print_stdout(&render_welcome(addresses, Palette::of_stdout()))?;
        let tally = RequestTally::default();
        let stop = StopSignals::new()?;
        let clients = addresses.http.map(|http| clients::start_clients(http, &tally));
        let length = self.length;
        let over = async {
            match length {
                Some(length) => tokio::time::sleep(length).await,
                None => std::future::pending().await,
            }
        };
        let end = async {
            tokio::select! {
                () = stop.first_signal() => {}
                () = over => {}
            }
            // Whoever is in the middle of a request may finish it.
            drop(clients);
        };
        let outcome = tokio::select! {
            served = gateway.run(end) => served.map_err(VerbError::environment).map(|()| Exit::Fine),
            shown = print_counts(&tally) => shown.map(|()| Exit::Fine).map_err(VerbError::from),
            () = stop.second_signal() => Ok(Exit::Fine),
        };
        print_stdout(&format!("\n{}\n", tally.render_line(Palette::of_stdout())))?;
        outcome
    }
}

/// On the usual ports, or on free ones where somebody listens there already.
fn bind_gateway(policy: &str, upstream: SocketAddr) -> Result<Gateway, VerbError> {
    let usual = demo_settings(policy, upstream)?;
    let mut elsewhere = usual.clone();
    let gateway = &mut elsewhere.file.gateway;
    let listeners = [&mut gateway.http, &mut gateway.https, &mut gateway.admin];
    for address in listeners.into_iter().flatten() {
        address.set_port(0);
    }
    match Gateway::bind(usual) {
        Err(StartError::Bind { .. }) => Ok(Gateway::bind(elsewhere)?),
        bound => Ok(bound?),
    }
}

fn demo_settings(policy: &str, upstream: SocketAddr) -> Result<Settings, VerbError> {
    let loaded = load(policy, "demo.toml").map_err(|errors| {
        let told: String = errors.iter().map(ToString::to_string).collect();
        VerbError::environment(format_args!(
            "the demo's own policy is wrong, which is a bug:\n{told}"
        ))
    })?;
    let mut file = loaded.file;
    file.gateway.access_log = AccessLog::Off;
    file.gateway.store = None;
    file.upstreams = vec![upshift_gateway::Upstream::at(upstream)];
    Ok(Settings { file, ..Settings::default() })
}

/// The sample policy, its rollout under way: `{+30d}` stands for the day in 30 days.
fn dated_policy(now: Timestamp) -> String {
    let mut text = String::new();
    let mut rest = include_str!("policy.toml");
    while let Some((before, after)) = rest.split_once("{+") {
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
    let unbound = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
    let (http, https) = (addresses.http.unwrap_or(unbound), addresses.https.unwrap_or(unbound));
    let admin = addresses.admin.unwrap_or(unbound);
    let bold = |text: &str| palette.paint(Hue::Bold, text.to_owned()).to_string();
    let commands = [
        ("an account in clear: 426, and where to go", format!("curl -si http://{http}/account")),
        (
            "the same, followed by our own client: 200",
            format!("upshift get -k http://{http}/account"),
        ),
        ("the same over TLS: 200", format!("curl -sik https://{https}/account")),
        (
            "an old API version whose turn in the ramp has come: 426 (k-42 is only warned as yet)",
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
    ];
    let mut text = format!(
        "{}\n\n  gateway    http://{http}  and  https://{https}\n  admin      http://{admin}/\n  the policy upshift demo --policy\n\n{}\n",
        bold(
            "Upshift is running: a gateway, an upstream behind it, and a dozen clients, old and new."
        ),
        bold("Worth trying, in another terminal:"),
    );
    for (what, command) in commands {
        text.push_str(&format!(
            "  {}\n  {command}\n",
            palette.paint(Hue::Faint, format!("# {what}"))
        ));
    }
    text.push_str(&format!("\n{}\n", bold("What the clients meet (Ctrl-C ends it):")));
    text
}

/// Writes the line of counts until nobody reads it.
async fn print_counts(tally: &RequestTally) -> io::Result<()> {
    let terminal = io::stdout().is_terminal();
    let mut beat = tokio::time::interval(if terminal { TERMINAL_BEAT } else { PIPE_BEAT });
    // The first tick comes at once, before anything happened.
    beat.tick().await;
    loop {
        beat.tick().await;
        let line = tally.render_line(Palette::of_stdout());
        print_stdout(&if terminal { format!("\r\x1b[K{line}") } else { format!("{line}\n") })?;
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

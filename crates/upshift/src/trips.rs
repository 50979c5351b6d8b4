//! `upshift trips`: the lock-outs that the breaker stopped, and who was hit.

use std::collections::{BTreeMap, BTreeSet};

use clap::Args;
use http::Uri;
use upshift_core::Timestamp;
use upshift_record::Exit;
use upshift_record::adoption::RefusedCallerRecord;
use upshift_record::control::{RolloutStatus, TripReport};

use crate::control::{self, RemoteGateway};
use crate::terminal::{
    Hue, Palette, counted, format_percent, minute_text, print_json, print_stdout, visible_record,
};
use crate::verb_error::{VerbError, VerbResult};

/// The most values of one list.
const MAX_VALUES: usize = 5;

/// Show which callers were refused when the breaker stopped a rollout
///
/// The breaker stops a rule that refuses too many callers at once. Callers are shown as
/// fingerprints: to find one, POST /api/fingerprint returns the fingerprint of an identity.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  upshift trips
  upshift trips orders-v2 --limit 1
  upshift trips --json | jq '.[0].callers[] | .version'

Exit codes: 0 success, 2 wrong usage or an unknown rule, 3 the gateway cannot be reached, 4 no
breaker has tripped.")]
pub(crate) struct TripsArgs {
    /// Only this rule
    rule: Option<String>,
    /// The most trips to show, the newest first
    #[arg(
        long, value_name = "N", default_value_t = 5,
        value_parser = clap::value_parser!(u16).range(1..=1_000)
    )]
    limit: u16,
    /// The admin listener of a running gateway
    #[arg(
        long, value_name = "URL", env = "UPSHIFT_ADMIN", default_value = "http://127.0.0.1:9426",
        value_parser = control::parse_admin_url
    )]
    admin: Uri,
    /// The admin token, if the gateway asks for one
    #[arg(long, value_name = "TOKEN", env = "UPSHIFT_TOKEN", hide_env_values = true)]
    token: Option<String>,
    /// Print the trips as JSON
    #[arg(long)]
    json: bool,
}

impl TripsArgs {
    pub(crate) fn run(self) -> VerbResult {
        let gateway = RemoteGateway::at_first_address(self.admin, self.token);
        let (mut trips, status) = control::block_on_gateways(trips_of_gateway(gateway))?;
        if let Some(rule) = &self.rule {
            trips.retain(|trip| trip.rule == *rule);
            let is_known = status.rules.iter().any(|found| found.rule == *rule);
            if trips.is_empty() && !is_known {
                return Err(VerbError::usage(format_args!("there is no rule `{rule}`")));
            }
        }
        let latest = latest_trips(&trips);
        trips.truncate(usize::from(self.limit));
        if self.json {
            print_json(&trips)?;
            return Ok(Exit::Fine);
        }
        if trips.is_empty() {
            let message = "no breaker has tripped".to_owned();
            return Err(VerbError::Message(Exit::NothingRun, message));
        }
        let palette = Palette::of_stdout();
        let mut texts = Vec::new();
        for (trip, is_latest) in trips.iter().zip(latest) {
            let state = if is_latest { TripState::Latest(&status) } else { TripState::Earlier };
            texts.push(render_trip(&visible_record(trip)?, state, palette));
        }
        print_stdout(&texts.join("\n"))?;
        Ok(Exit::Fine)
    }
}

async fn trips_of_gateway(
    lookup: impl Future<Output = Result<RemoteGateway, VerbError>>,
) -> Result<(Vec<TripReport>, RolloutStatus), VerbError> {
    let gateway = lookup.await?;
    let trips = match gateway.get_api("trips?limit=1000").await {
        Ok(trips) => trips,
        Err(error) => return Err(gateway.verb_error(&error)),
    };
    match gateway.get_api("status").await {
        Ok(status) => Ok((trips, status)),
        Err(error) => Err(gateway.verb_error(&error)),
    }
}

/// The state in which a trip left its rule.
#[derive(Clone, Copy)]
enum TripState<'a> {
    /// No later trip of the rule is known, so the status of the rule may be due to it.
    Latest(&'a RolloutStatus),
    /// The rule tripped again later.
    Earlier,
}

/// For each trip, true if it is the latest of its rule. Trips come with the newest first.
fn latest_trips(trips: &[TripReport]) -> Vec<bool> {
    let mut rules = BTreeSet::new();
    trips.iter().map(|trip| rules.insert(trip.rule.as_str())).collect()
}

fn render_trip(trip: &TripReport, state: TripState<'_>, palette: Palette) -> String {
    let head = format!("{}   tripped {}", trip.rule, age_text(&trip.at));
    let mut text = format!("{}\n", palette.paint(Hue::Bold, head));
    text.push_str(&format!("  cause      {}\n", trip.message));
    text.push_str(&format!("  state      {}\n", state_text(&trip.rule, state)));
    text.push_str(&refused_line(trip));
    let callers = &trip.callers;
    if callers.is_empty() {
        text.push_str("  callers    only fingerprints are known (see upshift trips --json)\n");
    }
    text.push_str(&value_line("versions", callers, |caller| &caller.version));
    text.push_str(&value_line("clients", callers, |caller| &caller.client));
    text.push_str(&value_line("paths", callers, |caller| &caller.path));
    text.push_str(&value_line("networks", callers, |caller| &caller.network));
    let mut title = "callers";
    for caller in callers.iter().take(MAX_VALUES) {
        text.push_str(&format!(
            "  {title:<10} {}  {}, {}, {}, first refused {}\n",
            caller.caller,
            counted(caller.requests, "request"),
            caller.version,
            caller.client,
            minute_text(&caller.first_seen)
        ));
        title = "";
    }
    if callers.len() > MAX_VALUES {
        let more = callers.len() - MAX_VALUES;
        text.push_str(&format!("  {:<10} and {more} more (see --json)\n", ""));
    }
    text.push_str(&next_steps(&trip.rule, state));
    text
}

/// The number of callers that the trip knows of. The rule refuses until the trip takes effect a
/// moment later, and those callers are only in the report of adoption.
fn refused_line(trip: &TripReport) -> String {
    let TripReport { rule, refused, hit, .. } = trip;
    let kept = hit.len() as u64;
    let listed =
        if kept < *refused { format!(", of which {kept} are kept") } else { String::new() };
    format!(
        "  refused    {} up to the trip{listed}; those after it: upshift report {rule}\n",
        counted(*refused, "caller")
    )
}

/// Returns true if the breaker still holds the rule.
fn is_held(rule: &str, status: &RolloutStatus) -> bool {
    let mut rules = status.rules.iter();
    rules.any(|found| found.rule == rule && found.set_by.as_deref() == Some("breaker"))
}

fn state_text(rule: &str, state: TripState<'_>) -> String {
    let TripState::Latest(status) = state else {
        return "over: the rule tripped again later".to_owned();
    };
    match status.rules.iter().find(|found| found.rule == rule) {
        Some(found) if is_held(rule, status) => {
            format!("held at {}: this rule refuses no one", found.phase)
        }
        Some(found) => format!("{}, no longer held by the breaker", found.phase),
        None => "the rule is no longer in the policy".to_owned(),
    }
}

fn next_steps(rule: &str, state: TripState<'_>) -> String {
    match state {
        TripState::Latest(status) if is_held(rule, status) => {}
        _ => return String::new(),
    }
    format!(
        "  next       upshift report {rule}              everyone who is still behind\n             \
         [[exemption]] with rules = [\"{rule}\"]  admit some callers until a date\n             \
         upshift resume {rule} --yes        refuse again, when they are ready\n"
    )
}

/// The most frequent values of the callers, with their shares.
fn value_line(
    title: &str,
    callers: &[RefusedCallerRecord],
    value: impl Fn(&RefusedCallerRecord) -> &String,
) -> String {
    if callers.is_empty() {
        return String::new();
    }
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    for caller in callers {
        *counts.entry(value(caller)).or_default() += 1;
    }
    let mut sorted: Vec<_> = counts.into_iter().collect();
    sorted.sort_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(b.0)));
    let mut texts = Vec::new();
    for (value, count) in sorted.iter().take(MAX_VALUES) {
        let share = format_percent(*count as f64 / callers.len() as f64);
        texts.push(format!("{value} ({share})"));
    }
    if sorted.len() > MAX_VALUES {
        texts.push(format!("{} more", sorted.len() - MAX_VALUES));
    }
    format!("  {title:<10} {}\n", texts.join(", "))
}

/// A time, and how long ago it was.
fn age_text(at: &str) -> String {
    let Ok(time) = at.parse::<Timestamp>() else { return at.to_owned() };
    let seconds = Timestamp::now().as_second() - time.as_second();
    let age = match seconds {
        ..120 => counted(seconds.max(0) as u64, "second"),
        120..7_200 => counted((seconds / 60) as u64, "minute"),
        7_200..172_800 => counted((seconds / 3_600) as u64, "hour"),
        _ => counted((seconds / 86_400) as u64, "day"),
    };
    format!("{age} ago, at {}", minute_text(at))
}

#[cfg(test)]
mod tests {
    use super::*;
    use upshift_record::control::RuleStatus;

    fn trip(callers: usize, at: &str) -> TripReport {
        let caller = |number: usize| RefusedCallerRecord {
            caller: format!("{number:016x}"),
            requests: 1,
            uncertainty: 0,
            first_seen: at.to_owned(),
            last_seen: at.to_owned(),
            version: "1.4".into(),
            client: "App/1".into(),
            path: "/orders/*".into(),
            network: "192.0.2.0/24".into(),
        };
        TripReport {
            rule: "orders".into(),
            at: at.to_owned(),
            seen: 2 * callers as u64,
            refused: callers as u64,
            share: 0.5,
            concentration: 0.1,
            top_network: None,
            message: "36 of 72 identities were refused within 60 s".into(),
            hit: (0..callers).map(|number| caller(number).caller).collect(),
            callers: (0..callers).map(caller).collect(),
        }
    }

    fn held() -> RolloutStatus {
        let rule = RuleStatus {
            rule: "orders".into(),
            phase: "warn".into(),
            share: 0.0,
            until: None,
            planned_phase: "enforce".into(),
            set_by: Some("breaker".into()),
            reason: None,
            breaker: None,
            target_seen: 0,
            without_identity: 0,
        };
        RolloutStatus {
            revision: String::new(),
            overrides: Some(1),
            unsaved: 0,
            rules: vec![rule],
            exemptions: Vec::new(),
        }
    }

    /// 36 callers were in the trip, and five of them were shown as if they were all.
    #[test]
    fn callers_that_are_not_shown_are_counted() {
        let status = held();
        let text = render_trip(
            &trip(36, "2026-11-30T12:00:00Z"),
            TripState::Latest(&status),
            Palette::colourless(),
        );
        assert!(text.contains("\n             and 31 more (see --json)\n"), "{text}");
        assert!(
            text.contains("  refused    36 callers up to the trip; those after it: "),
            "{text}"
        );
        assert!(text.contains("  state      held at warn"), "{text}");
        let few = render_trip(
            &trip(5, "2026-11-30T12:00:00Z"),
            TripState::Latest(&status),
            Palette::colourless(),
        );
        assert!(!few.contains("more (see"), "{few}");
    }

    /// The state of a rule was shown with each of its trips, as if each of them held it.
    #[test]
    fn only_the_latest_trip_of_a_rule_has_its_state() {
        let mut other = trip(1, "2026-11-30T10:00:00Z");
        other.rule = "other".into();
        let trips = [trip(1, "2026-11-30T12:00:00Z"), trip(1, "2026-11-30T11:00:00Z"), other];
        assert_eq!(latest_trips(&trips), [true, false, true]);
        let text = render_trip(&trips[1], TripState::Earlier, Palette::colourless());
        assert!(text.contains("  state      over: the rule tripped again later\n"), "{text}");
        assert!(!text.contains("upshift resume"), "{text}");
    }
}

//! The steps that were taken and what the server wants, in words and as a record.

use upshift_client::rules::{FollowRule, StepKind, StopReason};
use upshift_client::{Attempt, AttemptOutcome, Error, Notice, Refused, Trace};
use upshift_config::make_visible;
use upshift_record::trace::format_time;
use upshift_record::{HopRecord, RefusedRecord, TraceRecord};

use crate::terminal::{Hue, Palette, print_stderr, print_stderr_in};

/// Prints every step on stderr, for `--verbose`.
pub(super) fn print_steps(trace: &Trace, palette: Palette) {
    for attempt in trace.0.iter() {
        for step in &attempt.remembered {
            print_stderr_in(palette, Hue::Faint, format_args!("* remembered: {step}"));
        }
        print_stderr(format_args!("> {} {}", attempt.method, attempt.url));
        if attempt.credentials_left_out {
            print_stderr(
                "* credentials are left out: this is another origin than the one that you named \
                 (--location-trusted sends them)",
            );
        }
        if let (Some(status), Some(transport)) = (attempt.status, attempt.transport) {
            let hue = if status == 426 { Hue::Warning } else { Hue::Good };
            print_stderr_in(palette, hue, format_args!("< {status} {transport}"));
        }
        print_outcome(&attempt.outcome, palette);
    }
}

fn print_outcome(outcome: &AttemptOutcome, palette: Palette) {
    match outcome {
        AttemptOutcome::Returned => {}
        AttemptOutcome::Followed { step, rule, remarks } => {
            for remark in remarks {
                print_stderr_in(palette, Hue::Faint, format_args!("* {}", remark.as_str()));
            }
            print_stderr(format_args!("* {step}  {}", cite_rule(*rule)));
        }
        AttemptOutcome::Instead { why, step, rule } => {
            print_stderr_in(palette, Hue::Bad, format_args!("* failed: {why}"));
            print_stderr(format_args!("* {step} instead  {}", cite_rule(*rule)));
        }
        AttemptOutcome::Stopped(stop) => {
            print_stderr(format_args!("* stop: {stop}  {}", cite_rule(stop.rule)));
        }
        AttemptOutcome::Failed(why) => {
            print_stderr_in(palette, Hue::Bad, format_args!("* failed: {why}"));
        }
    }
}

/// `[rule 9, RFC 2817 §4.2: …]`.
fn cite_rule(rule: FollowRule) -> String {
    format!("[rule {}, {}: {}]", rule.number, rule.paragraph, rule.says)
}

/// The record of the trace, for `--json`.
pub(super) fn trace_record(trace: &Trace, error: Option<&Error>) -> TraceRecord {
    let refused = match error {
        Some(Error::Refused(refused) | Error::Step { refused, .. }) => {
            Some(refused_record(refused))
        }
        _ => None,
    };
    let mut requests = Vec::new();
    for attempt in trace.0.iter() {
        requests.push(attempt_record(attempt));
    }
    TraceRecord {
        outcome: match error {
            None => "answered",
            Some(Error::Refused(_)) => "refused",
            Some(_) => "failed",
        },
        status: trace.0.last().and_then(|attempt| attempt.status),
        requests,
        refused,
        // A refusal is in `refused`.
        error: match error {
            None | Some(Error::Refused(_)) => None,
            Some(error) => Some(error.to_string()),
        },
    }
}

fn attempt_record(attempt: &Attempt) -> HopRecord {
    let record = HopRecord::new(
        &attempt.method,
        &attempt.url,
        &attempt.remembered,
        attempt.transport,
        attempt.status,
    );
    match &attempt.outcome {
        AttemptOutcome::Returned => record,
        AttemptOutcome::Followed { step, rule, remarks } => record.with_step(step, *rule, remarks),
        AttemptOutcome::Instead { why, step, rule } => {
            record.with_step(step, *rule, &[]).with_failure(why.clone())
        }
        AttemptOutcome::Stopped(stop) => record.with_stop(stop.to_string(), stop.rule),
        AttemptOutcome::Failed(why) => record.with_failure(why.clone()),
    }
}

fn refused_record(refused: &Refused) -> RefusedRecord {
    let problem = refused.problem.as_ref();
    RefusedRecord {
        why: refused.stop.to_string(),
        protocols: refused.protocols().iter().map(ToString::to_string).collect(),
        minimum: refused.minimum().map(str::to_owned),
        message: refused.message().map(str::to_owned),
        rule: problem.and_then(|problem| problem.rule.clone()),
        docs: refused.docs().map(str::to_owned),
        upgrade_url: refused.upgrade_url().map(str::to_owned),
        ends_at: format_time(refused.ends_at()),
        retryable: refused.is_retryable(),
        request_id: problem.and_then(|problem| problem.request_id.clone()),
    }
}

/// Explains what the server wants and what a person can do about it. `by_flag` is for
/// `--no-follow`.
pub(super) fn explain_refusal(refused: &Refused, by_flag: bool) -> Vec<String> {
    let mut lines = Vec::new();
    if by_flag {
        lines.push("upshift: 426, not followed because of --no-follow.".to_owned());
    } else {
        let stop = refused.stop.to_string();
        lines.push(format!("upshift: not followed: {}.", make_visible(&stop)));
        lines.push(labelled_row("You can:", advice_for(refused.reason())));
    }
    lines.extend(describe_wish(refused));
    lines
}

/// Describes what the server wants, in its own words.
pub(super) fn describe_wish(refused: &Refused) -> Vec<String> {
    let mut protocols = Vec::new();
    for protocol in refused.protocols() {
        protocols.push(protocol.to_string());
    }
    let wanted = protocols.join(", or ");
    let ends_at = format_time(refused.ends_at());
    let request_id = match &refused.problem {
        Some(problem) => problem.request_id.as_deref(),
        None => None,
    };
    let rows = [
        ("It requires:", Some(wanted.as_str())),
        ("It says:", refused.message()),
        ("Upgrade at:", refused.upgrade_url()),
        ("Read:", refused.docs()),
        ("Retry after:", ends_at.as_deref()),
        ("Request id:", request_id),
    ];
    let mut lines = Vec::new();
    for (label, text) in rows {
        if let Some(text) = text
            && !text.is_empty()
        {
            lines.push(labelled_row(label, text));
        }
    }
    lines
}

/// A label and the text behind it. Further lines of a server's text are indented, so that they do
/// not look like ours.
fn labelled_row(label: &str, text: &str) -> String {
    // Further lines start behind the 15 columns of `  {label:<12} `.
    let lines: Vec<_> = text.lines().map(make_visible).collect();
    format!("  {label:<12} {}", lines.join("\n               "))
}

fn advice_for(reason: &StopReason) -> &'static str {
    match reason {
        StopReason::PeerNamedNothing => {
            "ask the operator of the server: its 426 lacks the Upgrade field of RFC 9110 §15.5.22"
        }
        StopReason::PeerMalformed(_) => {
            "tell the operator of the server: its Upgrade field is malformed (RFC 9110 §7.8)"
        }
        StopReason::PeerWantsWhatItHas | StopReason::PeerRepeats(_) => {
            "tell the operator of the server; a proxy in between may remove what was sent"
        }
        StopReason::PeerWantsWeaker => {
            "tell the operator of the server; upshift does not go to a weaker protocol"
        }
        StopReason::NoAlternative => {
            "try --http3 if you know that the server has it on the same port"
        }
        StopReason::WebSocketVersion => {
            "use a program that speaks one of the versions that it lists"
        }
        StopReason::Unknown(_) => {
            "use a program that speaks it, or send the newer version yourself with -H"
        }
        StopReason::NotAble(StepKind::WebSocket) => {
            "use a WebSocket program: this address accepts nothing else"
        }
        StopReason::NotAble(_) => "use a program that can do that",
        StopReason::NotAllowed(StepKind::H2c) => "--allow h2c",
        StopReason::NotAllowed(StepKind::TlsInBand) => "--allow tls-in-band",
        StopReason::NotAllowed(_) => "allow it",
        StopReason::VersionNotAllowed(_) => {
            "install a newer version, or send the newer version yourself with -H"
        }
        StopReason::CredentialsInCleartext => {
            "use https:// if the server has it, or --allow credentials-in-clear on a network of your \
             own"
        }
        StopReason::Redirected(_) => "use the URL that it was redirected to",
        StopReason::BodyGone => "send the body from a file",
        StopReason::TooManySteps(_) => "raise --max-steps, if you expect that it ends",
        // `StopReason` is non-exhaustive.
        _ => "read what the server says",
    }
}

/// Prints that a server has announced the end of what was requested, once.
pub(super) fn print_deprecation(notice: &Notice) {
    let deprecation = &notice.deprecation;
    let mut text = "upshift: what you requested is deprecated".to_owned();
    if let Some(sunset) = deprecation.sunset {
        let verb = if notice.past_sunset { "was to end" } else { "ends" };
        text.push_str(&format!(" and {verb} on {}", sunset.strftime("%Y-%m-%d")));
    }
    if let Some(url) = deprecation.link("deprecation").or(deprecation.link("sunset")) {
        text.push_str(&format!("; read {url}"));
    }
    print_stderr(text);
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A problem body could write lines that look like this program's own, and turn a file's name
    /// about.
    #[test]
    fn a_server_s_text_is_shown_as_its_own() {
        let shown = labelled_row(
            "It says:",
            "run setup\u{202e}gnp.exe\u{200b}\nupshift: all is well\u{1b}[2K",
        );
        assert_eq!(
            shown,
            "  It says:     run setup\\u{202e}gnp.exe\\u{200b}\n               upshift: all is well\\u{1b}[2K"
        );
    }
}

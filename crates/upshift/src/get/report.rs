//! What was done and what the server wants, in words and as a record.

use upshift_client::rules::{StepKind, StopReason};
use upshift_client::{Error, Hop, HopOutcome, Notice, Refused, Trace};
use upshift_config::make_visible;
use upshift_record::trace::time;
use upshift_record::{HopRecord, RefusedRecord, TraceRecord};

use crate::terminal::{Hue, Palette, print_stderr, print_stderr_in};

/// `-v`: every step on stderr.
pub(super) fn print_steps(trace: &Trace, palette: Palette) {
    for hop in trace.0.iter() {
        for step in &hop.remembered {
            print_stderr_in(palette, Hue::Faint, format_args!("* remembered: {step}"));
        }
        print_stderr(format_args!("> {} {}", hop.method, hop.url));
        if hop.credentials_left_out {
            let note =
                "* credentials are left out: this is another origin than the one that you named";
            print_stderr(format_args!("{note} (--location-trusted sends them)"));
        }
        if let (Some(status), Some(lane)) = (hop.status, hop.lane) {
            let hue = if status == 426 { Hue::Warning } else { Hue::Good };
            print_stderr_in(palette, hue, format_args!("< {status} {lane}"));
        }
        match &hop.outcome {
            HopOutcome::Returned => {}
            HopOutcome::Followed { step, rule, remarks } => {
                for remark in remarks {
                    print_stderr_in(palette, Hue::Faint, format_args!("* {}", remark.as_str()));
                }
                print_stderr(format_args!(
                    "* {step}  [rule {}, {}: {}]",
                    rule.number, rule.paragraph, rule.says
                ));
            }
            HopOutcome::Instead { why, step, rule } => {
                print_stderr_in(palette, Hue::Bad, format_args!("* failed: {why}"));
                print_stderr(format_args!(
                    "* {step} instead  [rule {}, {}: {}]",
                    rule.number, rule.paragraph, rule.says
                ));
            }
            HopOutcome::Stopped(stop) => {
                let rule = stop.rule;
                print_stderr(format_args!(
                    "* stop: {stop}  [rule {}, {}: {}]",
                    rule.number, rule.paragraph, rule.says
                ));
            }
            HopOutcome::Failed(why) => {
                print_stderr_in(palette, Hue::Bad, format_args!("* failed: {why}"))
            }
        }
    }
}

/// `--json`.
pub(super) fn trace_record(trace: &Trace, error: Option<&Error>) -> TraceRecord {
    let refused = match error {
        Some(Error::Refused(refused) | Error::Step { refused, .. }) => {
            Some(refused_record(refused))
        }
        _ => None,
    };
    TraceRecord {
        outcome: match error {
            None => "answered",
            Some(Error::Refused(_)) => "refused",
            Some(_) => "failed",
        },
        status: trace.0.last().and_then(|hop| hop.status),
        requests: trace.0.iter().map(hop_record).collect(),
        refused,
        error: error.filter(|error| !matches!(error, Error::Refused(_))).map(ToString::to_string),
    }
}

fn hop_record(hop: &Hop) -> HopRecord {
    let record = HopRecord::new(&hop.method, &hop.url, &hop.remembered, hop.lane, hop.status);
    match &hop.outcome {
        HopOutcome::Returned => record,
        HopOutcome::Followed { step, rule, remarks } => record.followed(step, *rule, remarks),
        HopOutcome::Instead { why, step, rule } => {
            record.followed(step, *rule, &[]).failed(why.clone())
        }
        HopOutcome::Stopped(stop) => record.stopped(stop.to_string(), stop.rule),
        HopOutcome::Failed(why) => record.failed(why.clone()),
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
        ends_at: time(refused.ends_at()),
        retryable: refused.is_retryable(),
        request_id: problem.and_then(|problem| problem.request_id.clone()),
    }
}

/// What the server wants and what a person can do about it.
pub(super) fn explain_refusal(refused: &Refused, chosen: bool) -> Vec<String> {
    let mut lines = Vec::new();
    if chosen {
        lines.push("upshift: 426, and --no-follow says to leave it at that.".to_owned());
    } else {
        lines.push(format!("upshift: not followed: {}.", make_visible(&refused.stop.to_string())));
    }
    if !chosen {
        lines.push(labelled_row("You can:", advice_for(refused.reason())));
    }
    lines.extend(describe_wish(refused));
    lines
}

/// What the server wants, as it says itself.
pub(super) fn describe_wish(refused: &Refused) -> Vec<String> {
    let named: Vec<String> = refused.protocols().iter().map(ToString::to_string).collect();
    let request_id = refused.problem.as_ref().and_then(|problem| problem.request_id.clone());
    let rows = [
        ("It wants:", Some(named.join(", or "))),
        ("It says:", refused.message().map(str::to_owned)),
        ("Upgrade at:", refused.upgrade_url().map(str::to_owned)),
        ("Read:", refused.docs().map(str::to_owned)),
        ("Again after:", time(refused.ends_at())),
        ("Request id:", request_id),
    ];
    let said = |text: Option<String>| text.filter(|text| !text.is_empty());
    rows.into_iter()
        .filter_map(|(label, text)| said(text).map(|text| labelled_row(label, &text)))
        .collect()
}

/// A label and what stands behind it. More lines of a server's text are indented, so that they read
/// as its own.
fn labelled_row(label: &str, text: &str) -> String {
    let lines: Vec<_> = text.lines().map(make_visible).collect();
    format!("  {label:<12} {}", lines.join("\n               "))
}

fn advice_for(reason: &StopReason) -> &'static str {
    match reason {
        StopReason::PeerNamedNothing => {
            "ask who runs the server: its 426 lacks what RFC 9110 §15.5.22 demands"
        }
        StopReason::PeerMalformed(_) => {
            "tell who runs the server: its Upgrade field is not well-formed (RFC 9110 §7.8)"
        }
        StopReason::PeerWantsWhatItHas | StopReason::PeerRepeats(_) => {
            "tell who runs the server; a proxy in between may take away what was sent"
        }
        StopReason::PeerWantsWeaker => "tell who runs the server; this program does not go down",
        StopReason::NoAlternative => "try --http3 if you know that it is on the same port",
        StopReason::WebSocketVersion => "use a program that speaks one of the versions it lists",
        StopReason::Unknown(_) => {
            "use a program that speaks it, or send the newer version yourself with -H"
        }
        StopReason::NotAble(StepKind::WebSocket) => {
            "use a WebSocket program: this address takes nothing else"
        }
        StopReason::NotAble(_) => "use a program that can",
        StopReason::NotAllowed(StepKind::H2c) => "--allow h2c",
        StopReason::NotAllowed(StepKind::TlsInBand) => "--allow tls-in-band",
        StopReason::NotAllowed(_) => "allow it",
        StopReason::VersionNotAllowed(_) => {
            "install a newer version, or send the newer version yourself with -H"
        }
        StopReason::CredentialsInCleartext => {
            "use https:// if the server has it, or --allow credentials-in-clear on a network of your own"
        }
        StopReason::Redirected(_) => "ask the URL that it was redirected to",
        StopReason::BodyGone => "send the body from a file",
        StopReason::TooManySteps(_) => "--max-steps, if you believe that it comes to an end",
        _ => "read what the server says",
    }
}

/// A server that announces an end, once.
pub(super) fn print_deprecation(notice: &Notice) {
    let deprecation = &notice.deprecation;
    let end = match (deprecation.sunset, notice.past_sunset) {
        (Some(sunset), false) => format!(" and ends on {}", sunset.strftime("%Y-%m-%d")),
        (Some(sunset), true) => format!(" and was to end on {}", sunset.strftime("%Y-%m-%d")),
        (None, _) => String::new(),
    };
    let read = deprecation.link("deprecation").or(deprecation.link("sunset"));
    let read = read.map(|url| format!("; read {url}")).unwrap_or_default();
    print_stderr(format_args!("upshift: what you asked for is deprecated{end}{read}"));
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

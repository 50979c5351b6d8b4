//! The summaries of the live feed: made once for all watchers.

use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;
use upshift_core::{Timestamp, Verdict};
use upshift_record::control::RuleStatus;
use upshift_record::live::{LiveRule, LiveSummary, VerdictNumbers};

use crate::shared::Shared;

/// The time for which a summary is given to further watchers.
const FRESH: Duration = Duration::from_secs(2);
/// The longest time between two summaries for which a rate is given. An average over hours would
/// pass for the present.
const MAX_GAP: Duration = Duration::from_secs(15);

/// The most rules of a summary, which goes to every watcher every few seconds.
const MAX_RULES: usize = 50;
/// The state of a breaker that has stopped its rule.
const TRIPPED: &str = "tripped";

/// Makes summaries.
pub(super) struct Summaries {
    shared: Arc<Shared>,
    latest: Mutex<Option<MadeSummary>>,
}

struct MadeSummary {
    at: Instant,
    requests: VerdictNumbers<u64>,
    json: Arc<str>,
}

impl Summaries {
    pub(super) fn new(shared: Arc<Shared>) -> Self {
        Self { shared, latest: Mutex::default() }
    }

    /// The present summary, as JSON.
    pub(super) fn current_json(&self) -> Arc<str> {
        let mut latest = self.latest.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(made) = &*latest
            && made.at.elapsed() < FRESH
        {
            return Arc::clone(&made.json);
        }
        let requests = self.count_requests();
        let per_second = latest.as_ref().and_then(|before| before.rates(&requests));
        let summary = self.make_summary(requests, per_second);
        let json: Arc<str> = serde_json::to_string(&summary).unwrap_or_default().into();
        *latest = Some(MadeSummary { at: Instant::now(), requests, json: Arc::clone(&json) });
        json
    }

    fn count_requests(&self) -> VerdictNumbers<u64> {
        let totals = self.shared.totals();
        VerdictNumbers {
            admit: totals.decided_requests(Verdict::Admit),
            warn: totals.decided_requests(Verdict::Warn),
            refuse: totals.decided_requests(Verdict::Refuse),
            exempt: totals.decided_requests(Verdict::Exempt),
        }
    }

    fn make_summary(
        &self,
        requests: VerdictNumbers<u64>,
        per_second: Option<VerdictNumbers<f64>>,
    ) -> LiveSummary {
        let now = Timestamp::now();
        let status = self.shared.control.status(now);
        let state = state_digest(&status.rules);
        let rules_left_out = status.rules.len().saturating_sub(MAX_RULES) as u64;
        let rules = shown_rules(status.rules);
        LiveSummary { time: now.to_string(), requests, per_second, state, rules, rules_left_out }
    }
}

impl MadeSummary {
    /// The requests per second since this summary.
    fn rates(&self, requests: &VerdictNumbers<u64>) -> Option<VerdictNumbers<f64>> {
        let elapsed = self.at.elapsed();
        if elapsed > MAX_GAP {
            return None;
        }
        let before = &self.requests;
        Some(VerdictNumbers {
            admit: rate(before.admit, requests.admit, elapsed),
            warn: rate(before.warn, requests.warn, elapsed),
            refuse: rate(before.refuse, requests.refuse, elapsed),
            exempt: rate(before.exempt, requests.exempt, elapsed),
        })
    }
}

/// A rate per second, with one digit after the point.
fn rate(before: u64, after: u64, elapsed: Duration) -> f64 {
    let difference = after.saturating_sub(before) as f64;
    (difference / elapsed.as_secs_f64().max(0.001) * 10.0).round() / 10.0
}

/// A digest of what pages show of all rules. Without shares, which grow all the time in a ramp.
fn state_digest(rules: &[RuleStatus]) -> String {
    let mut hasher = DefaultHasher::new();
    for RuleStatus { rule, phase, breaker, .. } in rules {
        (rule, phase).hash(&mut hasher);
        breaker.as_ref().map(|breaker| &breaker.state).hash(&mut hasher);
    }
    format!("{:016x}", hasher.finish())
}

/// The rules of a summary, those whose breaker has tripped first.
fn shown_rules(rules: Vec<RuleStatus>) -> Vec<LiveRule> {
    let mut shown: Vec<LiveRule> = rules.into_iter().map(live_rule).collect();
    // The sort is stable.
    shown.sort_by_key(|rule| rule.breaker.as_deref() != Some(TRIPPED));
    shown.truncate(MAX_RULES);
    shown
}

fn live_rule(status: RuleStatus) -> LiveRule {
    LiveRule {
        rule: status.rule,
        phase: status.phase,
        share: status.share,
        breaker: status.breaker.map(|breaker| breaker.state),
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test that fails here has failed")]

    use super::*;

    fn rule(number: usize, breaker: &str) -> RuleStatus {
        let status = serde_json::json!({
            "rule": format!("rule-{number}"), "phase": "enforce", "share": 1.0, "until": null,
            "planned_phase": "enforce", "target_seen": 0, "without_identity": 0,
            "breaker": {
                "state": breaker, "seen": 0, "refused": 0, "share": 0.0, "refused_share": 0.05,
                "window": 60, "minimum": 200,
            },
        });
        serde_json::from_value(status).unwrap()
    }

    /// A policy of a thousand rules sent 80 KB to every page every three seconds.
    #[test]
    fn a_summary_of_many_rules_is_short_and_shows_that_any_has_changed() {
        let mut rules: Vec<_> = (0..1_000).map(|number| rule(number, "armed")).collect();
        let before = state_digest(&rules);
        rules[700] = rule(700, "tripped");
        assert_ne!(state_digest(&rules), before);
        let shown = shown_rules(rules.clone());
        let ids: Vec<&str> = shown.iter().take(3).map(|rule| rule.rule.as_str()).collect();
        assert_eq!((shown.len(), ids), (MAX_RULES, vec!["rule-700", "rule-0", "rule-1"]));
        let tripped = state_digest(&rules);
        rules[700].share = 0.5;
        assert_eq!(state_digest(&rules), tripped);
    }

    #[tokio::test(start_paused = true)]
    async fn rates_are_of_the_present() {
        let requests = VerdictNumbers { admit: 10, warn: 0, refuse: 5, exempt: 0 };
        let made = MadeSummary { at: Instant::now(), requests, json: "".into() };
        let later = VerdictNumbers { admit: 40, warn: 1, refuse: 5, exempt: 0 };
        tokio::time::advance(Duration::from_secs(3)).await;
        let rates = VerdictNumbers { admit: 10.0, warn: 0.3, refuse: 0.0, exempt: 0.0 };
        assert_eq!(made.rates(&later), Some(rates));
        tokio::time::advance(MAX_GAP).await;
        assert_eq!(made.rates(&later), None);
    }
}

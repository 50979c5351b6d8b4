//! The summaries of the live feed: made once for all watchers.

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

/// The most rules of a summary. Pages with more do not notice changes of the others.
const MAX_RULES: usize = 1_000;

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
        let rules = status.rules.into_iter().take(MAX_RULES).map(live_rule).collect();
        LiveSummary { time: now.to_string(), requests, per_second, rules }
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
    use super::*;

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

//! A policy as it is kept with its revisions: the parts of a policy file that decide requests,
//! without secrets.

use serde::{Deserialize, Serialize};
use upshift_core::answer::summarize_requirement;
use upshift_core::policy::{Builtin, Exemption, Requirement, RolloutStage, Rule, Uncertain};
use upshift_core::{Phase, Policy};

use crate::RequiredRecord;

/// The parts of a policy file that decide requests.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PolicyRecord {
    /// `sha256:` and the digest of the file's text.
    pub file: String,
    /// The rules, in the order of the file.
    pub rules: Vec<PolicyRuleRecord>,
    /// The exemptions, in the order of the file.
    pub exemptions: Vec<PolicyExemptionRecord>,
    /// The built-in exemptions that hold.
    pub builtins: Vec<String>,
}

/// A rule of a policy file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PolicyRuleRecord {
    /// The rule's id.
    pub id: String,
    /// The requirements, of which any one must be met.
    pub require: Vec<RequiredRecord>,
    /// The requests that it applies to.
    pub applies_to: String,
    /// The places where versions are read, and the version that is assumed without one; empty if
    /// the rule reads none, `None` in older records.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reads: Option<String>,
    /// The uncertain reasons that it refuses; `None` in older records.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refuses: Option<Vec<String>>,
    /// The phase that the file pins it to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub phase: Option<String>,
    /// The stages of its calendar.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub stages: Vec<PolicyStageRecord>,
}

/// A stage of a rule's calendar.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PolicyStageRecord {
    /// The phase.
    pub phase: String,
    /// Its beginning.
    pub from: String,
    /// The share of callers that it refuses when it begins, in basis points.
    pub share: u16,
    /// The share when it ends; only where that is another, in a linear ramp.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub share_at_end: Option<u16>,
}

/// An exemption of a policy file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PolicyExemptionRecord {
    /// Its id.
    pub id: String,
    /// The person or team that answers for it.
    pub owner: String,
    /// The reason for it.
    pub reason: String,
    /// The rules that it covers; empty: all.
    pub rules: Vec<String>,
    /// The requests that it covers.
    pub applies_to: String,
    /// Its end.
    pub expires: String,
}

impl PolicyRecord {
    /// The record of a policy. It is the same with and without overrides.
    pub fn of_policy(policy: &Policy) -> Self {
        let builtins = policy.builtins().iter().copied().map(Builtin::as_str);
        Self {
            file: policy.revision().to_owned(),
            rules: policy.rules().iter().map(PolicyRuleRecord::of_rule).collect(),
            exemptions: policy.exemptions().iter().map(PolicyExemptionRecord::from).collect(),
            builtins: builtins.map(str::to_owned).collect(),
        }
    }
}

impl PolicyRuleRecord {
    /// Returns true if both require the same of the same requests, as far as both are known.
    pub fn has_same_definition(&self, other: &Self) -> bool {
        let same_requests = self.applies_to == other.applies_to;
        let same_reading = differ(&self.reads, &other.reads).is_none()
            && differ(&self.refuses, &other.refuses).is_none();
        self.require == other.require && same_requests && same_reading
    }

    /// The places where the other rule and this one read versions, if they differ.
    pub fn changed_reads<'r>(&'r self, before: &'r Self) -> Option<(&'r str, &'r str)> {
        let (old, new) = differ(&before.reads, &self.reads)?;
        Some((old, new))
    }

    /// The uncertain reasons that the other rule and this one refuse, if they differ.
    pub fn changed_refuses<'r>(&'r self, before: &'r Self) -> Option<(&'r [String], &'r [String])> {
        let (old, new) = differ(&before.refuses, &self.refuses)?;
        Some((old, new))
    }

    fn of_rule(rule: &Rule) -> Self {
        let mut require = Vec::new();
        for requirement in &rule.require {
            require.push(RequiredRecord::from(summarize_requirement(requirement)));
        }
        let stages = match &rule.rollout {
            Some(rollout) => rollout.stages().iter().map(PolicyStageRecord::from).collect(),
            None => Vec::new(),
        };
        Self {
            id: rule.id.to_string(),
            require,
            applies_to: rule.matcher.to_string(),
            reads: Some(reads_text(rule)),
            refuses: Some(refused_reasons(rule)),
            phase: rule.phase.map(|phase: Phase| phase.as_str().to_owned()),
            stages,
        }
    }
}

/// Both values, if they are known and differ.
fn differ<'v, T: PartialEq>(old: &'v Option<T>, new: &'v Option<T>) -> Option<(&'v T, &'v T)> {
    let (Some(old), Some(new)) = (old, new) else { return None };
    if old == new { None } else { Some((old, new)) }
}

/// The places where the requirements of a rule read versions.
fn reads_text(rule: &Rule) -> String {
    let mut texts = Vec::new();
    for requirement in &rule.require {
        match requirement {
            Requirement::Api(api) => {
                let mut text = join_texts(&api.read);
                if let Some(assumed) = &api.assume {
                    text.push_str(&format!(", else {assumed}"));
                }
                texts.push(text);
            }
            Requirement::Client(client) => texts.push(join_texts(&client.read)),
            Requirement::Tls(_)
            | Requirement::Http(_)
            | Requirement::WebSocket(_)
            | Requirement::NoWebSocket
            | Requirement::Protocol(_) => {}
        }
    }
    texts.join("; ")
}

fn join_texts<T: ToString>(readers: &[T]) -> String {
    let texts: Vec<String> = readers.iter().map(ToString::to_string).collect();
    texts.join(", ")
}

fn refused_reasons(rule: &Rule) -> Vec<String> {
    let mut reasons = Vec::new();
    for reason in Uncertain::REASONS {
        if rule.on.refuses(reason) {
            reasons.push(reason.as_str().to_owned());
        }
    }
    reasons
}

impl From<&RolloutStage> for PolicyStageRecord {
    fn from(stage: &RolloutStage) -> Self {
        // Steps are stages of their own, so that only a linear ramp has two shares.
        let ramps = stage.final_share != stage.share;
        Self {
            phase: stage.phase.as_str().to_owned(),
            from: stage.from.to_string(),
            share: stage.share.basis_points(),
            share_at_end: if ramps { Some(stage.final_share.basis_points()) } else { None },
        }
    }
}

impl From<&Exemption> for PolicyExemptionRecord {
    fn from(exemption: &Exemption) -> Self {
        Self {
            id: exemption.id.to_string(),
            owner: exemption.owner.clone(),
            reason: exemption.reason.clone(),
            rules: exemption.rules.iter().map(|rule| rule.to_string()).collect(),
            applies_to: exemption.matcher.to_string(),
            expires: exemption.expires.to_string(),
        }
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test that fails here has failed")]

    use upshift_core::TlsVersion;
    use upshift_core::policy::{HeaderPattern, PathPattern, PolicySpec, Requirement, RuleSpec};

    use super::*;

    #[test]
    fn a_record_names_what_decides_and_no_secret() {
        let mut rule = RuleSpec::new("tls", vec![Requirement::Tls(TlsVersion::V1_2)]);
        rule.matcher.paths.include = vec![PathPattern::parse("/account/**").unwrap()];
        rule.matcher.headers.include = vec![HeaderPattern::parse("X-Key: s3cret").unwrap()];
        rule.matcher.identities.exclude = vec!["s3cret".into()];
        let spec = PolicySpec { rules: vec![rule], ..PolicySpec::default() };
        let record = PolicyRecord::of_policy(&Policy::new(spec).unwrap());
        let rule = &record.rules[0];
        assert_eq!(rule.require[0].minimum.as_deref(), Some("1.2"));
        assert_eq!(rule.applies_to, "paths /account/**; headers x-key; but not identities (1)");
        let json = serde_json::to_string(&record).unwrap();
        assert!(!json.contains("s3cret"), "{json}");
    }
}

//! From rules and exemptions to a policy: what the core finds wrong is pointed at in the file.

use std::ops::Range;

use upshift_core::Policy;
use upshift_core::policy::{
    BreakerLimits, Comparison, Exemption, HostPattern, PolicyError, PolicyErrorKind, PolicyItem,
    PolicySpec, RuleSpec, Served,
};

use crate::diagnostic::Finding;
use crate::document::{Item, Section};
use crate::rule::{self, NeverRefused, Placed};
use crate::spelling::nearest;

/// Rules and exemptions as they were read.
pub(crate) struct Read<'d> {
    pub(crate) rules: Vec<Placed<'d, RuleSpec>>,
    pub(crate) exemptions: Vec<Placed<'d, Exemption>>,
    pub(crate) never_refused: NeverRefused,
    /// The ids that stand in the file, those of rules that could not be read included.
    ids: Vec<&'d str>,
}

/// Reads every `[[rule]]` and `[[exemption]]`.
pub(crate) fn read<'d>(root: &mut Section<'d>, breaker: Option<BreakerLimits>) -> Read<'d> {
    let rules = root.get("rule").map(|item| item.sections("Rule")).unwrap_or_default();
    let exemptions =
        root.get("exemption").map(|item| item.sections("Exemption")).unwrap_or_default();
    Read {
        ids: rules.iter().filter_map(|section| section.peek("id")).collect(),
        rules: rules.into_iter().filter_map(|section| rule::rule(section, breaker)).collect(),
        exemptions: exemptions
            .into_iter()
            .enumerate()
            .filter_map(|(index, section)| rule::exemption(section, index + 1))
            .collect(),
        never_refused: root
            .get("never-refused")
            .map(|item| rule::never_refused(&item))
            .unwrap_or_default(),
    }
}

impl Read<'_> {
    /// The policy of a gateway that serves `hosts`; `None` if the core finds fault with it, which
    /// is then reported.
    pub(crate) fn policy(
        &self,
        comparison: Comparison,
        hosts: Vec<HostPattern>,
        revision: String,
    ) -> Option<Policy> {
        let spec = PolicySpec {
            rules: self.rules.iter().map(|rule| rule.read.clone()).collect(),
            exemptions: self.exemptions.iter().map(|exemption| exemption.read.clone()).collect(),
            removed: self.never_refused.removed.clone(),
            comparison,
            served: Served { hosts, health_networks: self.never_refused.health_networks.clone() },
            revision,
        };
        match Policy::new(spec) {
            Ok(policy) => Some(policy),
            Err(faults) => {
                faults.iter().for_each(|fault| self.report(fault));
                None
            }
        }
    }

    fn report(&self, error: &PolicyError) {
        let (section, what) = match error.at {
            PolicyItem::Rule(index) => (&self.rules[index].section, "rule"),
            PolicyItem::Exemption(index) => (&self.exemptions[index].section, "exemption"),
        };
        let finding = |key: &str| Finding::error(section.value_span(key), error.kind.to_string());
        section.out.report(match &error.kind {
            PolicyErrorKind::DuplicateId(id) => {
                let finding = finding("id").label("this id is taken");
                finding.help(format!(
                    "the first {what} `{id}` is in line {}",
                    self.line_of_first(error.at, id)
                ))
            }
            PolicyErrorKind::UnknownRule(id) if self.ids.contains(&&**id) => return,
            PolicyErrorKind::UnknownRule(id) => {
                let finding =
                    Finding::error(rule_span(section, id), format!("there is no rule `{id}`"));
                let finding = finding.label("no rule has this id");
                match nearest(id, self.ids.iter().copied()) {
                    Some(near) => finding.help(format!("did you mean `{near}`?")),
                    None => finding,
                }
            }
            PolicyErrorKind::RampWithoutIdentity => finding("rollout")
                .label("`identity` is missing here")
                .help("add identity = [\"header:X-Api-Key\"], or \"peer\" for the address"),
            PolicyErrorKind::RedirectWithoutTls => {
                finding("answer").label("this rule does not require tls")
            }
            PolicyErrorKind::Status(_) => {
                finding("answer").label("expected a status from 400 to 599")
            }
            PolicyErrorKind::PinnedRamp => finding("phase").label("expected another phase"),
            PolicyErrorKind::NoRequirement
            | PolicyErrorKind::NoReader
            | PolicyErrorKind::NoClient => finding("require"),
            _ => finding("id"),
        });
    }

    fn line_of_first(&self, at: PolicyItem, id: &str) -> String {
        let rule = self.rules.iter().find(|rule| *rule.read.id == *id).map(|rule| &rule.section);
        let exemption = self.exemptions.iter().find(|exemption| *exemption.read.id == *id);
        let section = match at {
            PolicyItem::Rule(_) => rule,
            PolicyItem::Exemption(_) => exemption.map(|exemption| &exemption.section),
        };
        section
            .map(|section| section.out.line(section.span().start).to_string())
            .unwrap_or_default()
    }
}

/// The place of one id in `rules`.
fn rule_span(section: &Section<'_>, id: &str) -> Range<usize> {
    let items = section.value("rules").map(|item| item.one_or_more()).unwrap_or_default();
    let found = items.iter().find(|item| item.value().as_str() == Some(id)).map(Item::span);
    found.unwrap_or_else(|| section.span())
}

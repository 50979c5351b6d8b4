//! Rules and exemptions as they are read, and the policy that the core compiles from them. Errors
//! of the core are reported at their place in the file.

use std::ops::Range;

use upshift_core::Policy;
use upshift_core::policy::{
    BreakerLimits, Comparison, Exemption, HostPattern, PolicyError, PolicyErrorKind, PolicyItem,
    PolicySpec, RuleSpec, Served,
};

use crate::exemption::{NeverRefused, read_exemptions, read_never_refused};
use crate::rule::{Sourced, read_rule};
use crate::span_diagnostic::SpanDiagnostic;
use crate::spelling::nearest_name;
use crate::toml_table::TomlTable;

/// The rules and exemptions of a file, with the tables that they were read from.
pub(crate) struct PolicySource<'d> {
    pub(crate) rules: Vec<Sourced<'d, RuleSpec>>,
    pub(crate) exemptions: Vec<Sourced<'d, Exemption>>,
    never_refused: NeverRefused,
    /// The ids of all `[[rule]]` tables, including those with errors.
    ids: Vec<&'d str>,
}

impl<'d> PolicySource<'d> {
    /// Reads every `[[rule]]` and `[[exemption]]`; `breaker` is that of rules without their own.
    pub(crate) fn from_toml(root: &mut TomlTable<'d>, breaker: Option<BreakerLimits>) -> Self {
        let (mut ids, mut rules) = (Vec::new(), Vec::new());
        for table in root.tables_at("rule", "Rule") {
            // Before the rule is read: one with errors is dropped, but exemptions may name it.
            ids.extend(table.peek_string("id"));
            rules.extend(read_rule(table, breaker));
        }
        Self {
            rules,
            exemptions: read_exemptions(root),
            never_refused: read_never_refused(root),
            ids,
        }
    }

    /// Compiles the policy of a gateway that serves `hosts`; `None` if the core finds an error,
    /// which is then reported.
    pub(crate) fn compile(
        &self,
        comparison: Comparison,
        hosts: Vec<HostPattern>,
        revision: String,
    ) -> Option<Policy> {
        // Copies: the values are still needed, beside their tables, to report errors of the core.
        let spec = PolicySpec {
            rules: self.rules.iter().map(|rule| rule.value.clone()).collect(),
            exemptions: self.exemptions.iter().map(|exemption| exemption.value.clone()).collect(),
            removed: self.never_refused.removed.clone(),
            comparison,
            served: Served { hosts, health_networks: self.never_refused.health_networks.clone() },
            revision,
        };
        match Policy::new(spec) {
            Ok(policy) => Some(policy),
            Err(errors) => {
                for error in &errors {
                    self.report_policy_error(error);
                }
                None
            }
        }
    }

    fn report_policy_error(&self, error: &PolicyError) {
        // The core's indices are those of these lists, from which `compile` made the spec.
        let table = match error.at {
            PolicyItem::Rule(index) => &self.rules[index].table,
            PolicyItem::Exemption(index) => &self.exemptions[index].table,
        };
        let diagnostic = match &error.kind {
            PolicyErrorKind::DuplicateId(id) => self.duplicate_id(error, id, table),
            // The rule is there, but it has errors of its own.
            PolicyErrorKind::UnknownRule(id) if self.ids.contains(&&**id) => return,
            PolicyErrorKind::UnknownRule(id) => self.unknown_rule(id, table),
            fault => simple_policy_error(fault, table),
        };
        table.report(diagnostic);
    }

    fn duplicate_id(&self, error: &PolicyError, id: &str, table: &TomlTable<'_>) -> SpanDiagnostic {
        let (kind, first) = match error.at {
            PolicyItem::Rule(_) => ("rule", first_with_id(&self.rules, |rule| &*rule.id == id)),
            PolicyItem::Exemption(_) => {
                ("exemption", first_with_id(&self.exemptions, |exemption| &*exemption.id == id))
            }
        };
        let diagnostic =
            SpanDiagnostic::error(table.value_span("id"), format!("the id `{id}` is not unique"))
                .with_label("expected an id that is not in use");
        match first {
            // The core has seen an earlier one, so that there always is a line.
            Some(line) => {
                diagnostic.with_help(format!("the first {kind} `{id}` is in line {line}"))
            }
            None => diagnostic,
        }
    }

    fn unknown_rule(&self, id: &str, table: &TomlTable<'_>) -> SpanDiagnostic {
        let span = span_of_rule_id(table, id);
        let diagnostic = SpanDiagnostic::error(span, format!("there is no rule `{id}`"))
            .with_label("no rule has this id");
        match nearest_name(id, self.ids.iter().copied()) {
            Some(near) => diagnostic.with_help(format!("did you mean `{near}`?")),
            None => diagnostic,
        }
    }
}

/// An error of the core that concerns one key.
fn simple_policy_error(fault: &PolicyErrorKind, table: &TomlTable<'_>) -> SpanDiagnostic {
    let (key, label, help) = match fault {
        PolicyErrorKind::RampWithoutIdentity => (
            "rollout",
            "`identity` is missing here",
            "add identity = [\"header:X-Api-Key\"], or \"peer\" for the client's address",
        ),
        PolicyErrorKind::RedirectWithoutTls => ("answer", "the rule does not require tls", ""),
        PolicyErrorKind::Status(_) => ("answer", "expected a status from 400 to 599", ""),
        PolicyErrorKind::PinnedRamp => ("phase", "expected another phase", ""),
        PolicyErrorKind::NoRequirement | PolicyErrorKind::NoReader | PolicyErrorKind::NoClient => {
            ("require", "", "")
        }
        // The enum is open: a new kind of fault is at least shown at its rule.
        _ => ("id", "", ""),
    };
    let diagnostic =
        SpanDiagnostic::error(table.value_span(key), fault.to_string()).with_label(label);
    if help.is_empty() { diagnostic } else { diagnostic.with_help(help) }
}

/// The line of the first rule or exemption with an id.
fn first_with_id<T>(all: &[Sourced<'_, T>], has_id: impl Fn(&T) -> bool) -> Option<usize> {
    let first = all.iter().find(|sourced| has_id(&sourced.value))?;
    Some(first.table.collector.line_of(first.table.span().start))
}

/// The place of one id in `rules` of an exemption.
fn span_of_rule_id(table: &TomlTable<'_>, id: &str) -> Range<usize> {
    // `rules` may be one string or a list; the mark is under the one that is wrong.
    if let Some(rules) = table.peek_value("rules") {
        for member in rules.one_or_more() {
            if member.as_str() == Some(id) {
                return member.span();
            }
        }
    }
    table.span()
}

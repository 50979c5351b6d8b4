//! The answer to a request that is refused.

use super::compose::compose_answer;
use super::context::AnswerContext;
use super::format::negotiate_format;
use super::message::Answer;
use super::redirect::is_redirected;
use super::shapes::{answer_shape, request_shape};
use super::target::https_url;
use super::values::RequestValues;
use crate::policy::Rule;
use crate::prepared::{AnswerForm, PreparedAnswer};
use crate::{Decision, Facts, Ruling, Verdict};

/// Creates the answer to a refused request; `None` if the request is not refused.
///
/// The first answer of a shape is composed and kept with the rule. Later answers are copies of it.
pub fn refusal_for(
    decision: &Decision<'_>,
    facts: &Facts<'_>,
    context: &AnswerContext<'_>,
) -> Option<Answer> {
    let top = decision.top()?;
    if top.verdict != Verdict::Refuse {
        return None;
    }
    let https = https_url(top, facts, context);
    let https_url = https.as_deref();
    let form = match https_url {
        Some(_) if is_redirected(top, facts) => AnswerForm::Redirect,
        _ => AnswerForm::Refusal(negotiate_format(facts)),
    };
    let shape = answer_shape(form, decision, top, request_shape(facts, context), https_url);
    let values = RequestValues { decision, top, facts, context, https_url };
    let prepared = top.rule.prepared_answers();
    if let Some(answer) = prepared.find(&shape) {
        return Some(fill_answer(answer, &values));
    }
    let composed = compose_answer(&shape, top.rule, &other_rules(decision, top));
    let answer = fill_answer(&composed, &values);
    prepared.keep(shape, composed);
    Some(answer)
}

/// The rules that also refuse, other than the one that decided.
fn other_rules<'p>(decision: &Decision<'p>, top: &Ruling<'p>) -> Vec<&'p Rule> {
    let mut rules = Vec::new();
    for ruling in decision.refusing() {
        // By identity, because two rules can refuse for equal reasons.
        if !std::ptr::eq(ruling, top) {
            rules.push(ruling.rule);
        }
    }
    rules
}

/// Copies a prepared answer, with the values of this request in its holes.
fn fill_answer(prepared: &PreparedAnswer, values: &RequestValues<'_>) -> Answer {
    let mut lines = String::with_capacity(prepared.lines.likely_length());
    prepared.lines.fill(values, &mut lines);
    if let Some(grpc) = &prepared.grpc {
        values.push_grpc_lines(grpc, &mut lines);
    }
    let mut body = String::new();
    // RFC 9110 §9.3.2: "the server MUST NOT send content in the response" to HEAD.
    if values.facts.method != "HEAD" {
        body.reserve(prepared.body.likely_length());
        prepared.body.fill(values, &mut body);
    }
    Answer { status: prepared.status, lines, body: body.into_bytes(), close: prepared.close }
}

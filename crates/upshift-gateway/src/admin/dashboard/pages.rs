//! The routes of the pages.

use std::sync::Arc;

use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use axum::response::Response;
use serde::Deserialize;
use upshift_pages::layout::Delivery;
use upshift_pages::notice::render_notice;
use upshift_pages::overview::render_overview;
use upshift_pages::period::Period;
use upshift_pages::rule::render_rule_page;
use upshift_pages::{Markup, PreEscaped};

use super::page_response::page_response;
use super::view::{read_rule_view, read_view};
use crate::shared::Shared;

/// The query of a page.
#[derive(Deserialize)]
pub(super) struct PageQuery {
    /// The name of a [`Period`].
    period: Option<String>,
}

impl PageQuery {
    /// The period that was chosen, or else the usual one.
    fn period(&self) -> Period {
        let named = self.period.as_deref().and_then(Period::parse);
        named.unwrap_or_default()
    }
}

/// Serves `/`.
pub(super) async fn show_overview(
    State(shared): State<Arc<Shared>>,
    Query(query): Query<PageQuery>,
) -> Response {
    let period = query.period();
    let Some(view) = read_view(shared, period).await else { return failure() };
    let nothing = nothing();
    let delivery = Delivery::Served { head: &nothing, header: &nothing };
    page_response(StatusCode::OK, render_overview(&view, period, delivery, &nothing))
}

/// Serves `/rules/{rule}`.
pub(super) async fn show_rule(
    State(shared): State<Arc<Shared>>,
    Path(id): Path<String>,
    Query(query): Query<PageQuery>,
) -> Response {
    let period = query.period();
    let read = read_rule_view(shared, period, id.clone()).await;
    let Some((view, trial)) = read else { return failure() };
    let Some(mut rule) = view.rule(&id) else {
        let text = format!("Neither the policy nor the store has a rule {id}.");
        return page_response(StatusCode::NOT_FOUND, render_notice("No such rule", &text));
    };
    // A rule that enforces already would refuse no one else.
    if rule.phase() != Some("enforce") {
        rule.trial = trial.as_ref();
    }
    let nothing = nothing();
    let delivery = Delivery::Served { head: &nothing, header: &nothing };
    let page = render_rule_page(&view, &rule, period, delivery, &nothing);
    page_response(StatusCode::OK, page)
}

fn nothing() -> Markup {
    PreEscaped(String::new())
}

fn failure() -> Response {
    let text = "The gateway could not make this page; its log says why.";
    let page = render_notice("The page failed", text);
    page_response(StatusCode::INTERNAL_SERVER_ERROR, page)
}

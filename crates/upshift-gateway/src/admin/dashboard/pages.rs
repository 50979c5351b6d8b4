//! The routes of the pages.

use axum::Extension;
use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use axum::response::Html;
use serde::Deserialize;
use upshift_pages::PreEscaped;
use upshift_pages::feed::{feed_section, script_element};
use upshift_pages::layout::Delivery;
use upshift_pages::overview::render_overview;
use upshift_pages::period::Period;
use upshift_pages::rule::render_rule_page;
use upshift_pages::verbs::{fleet_verbs, rule_verbs};
use upshift_pages::view::Scope;

use super::error_page::ErrorPage;
use super::gate::Viewer;
use super::page_address::PageAddress;
use super::view::{PageSource, read_rule_view, read_view};

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
    State(source): State<PageSource>,
    Extension(viewer): Extension<Viewer>,
    PageAddress(Query(query)): PageAddress<Query<PageQuery>>,
) -> Result<Html<String>, ErrorPage> {
    let period = query.period();
    let can_undo = source.shared.control.has_undoable_change();
    let Some(view) = read_view(source, period).await else { return Err(failure()) };
    let (viewer, scope) = (viewer.page_viewer(), view.scope());
    let delivery = Delivery::Served { head: &script_element(), header: &viewer.header() };
    let verbs = fleet_verbs(viewer, scope, can_undo);
    let further = PreEscaped(feed_section(None, scope).0 + &verbs.0);
    Ok(Html(render_overview(&view, period, delivery, &further)))
}

/// Serves `/rules/{rule}`.
pub(super) async fn show_rule(
    State(source): State<PageSource>,
    Extension(viewer): Extension<Viewer>,
    PageAddress(Path(id)): PageAddress<Path<String>>,
    PageAddress(Query(query)): PageAddress<Query<PageQuery>>,
) -> Result<Html<String>, ErrorPage> {
    let period = query.period();
    let read = read_rule_view(source, period, id.clone()).await;
    let Some((view, trial)) = read else { return Err(failure()) };
    let Some(mut rule) = view.rule(&id) else {
        let recorder = match view.scope() {
            Scope::Gateway => "the store",
            Scope::Fleet => "Prometheus",
        };
        let text = format!("Neither the policy nor {recorder} has a rule {id}.");
        return Err(ErrorPage::new(StatusCode::NOT_FOUND, "No such rule", text));
    };
    // A rule that enforces already would refuse no one else.
    if rule.phase() != Some("enforce") {
        rule.trial = trial.as_ref();
    }
    let (viewer, scope) = (viewer.page_viewer(), view.scope());
    let delivery = Delivery::Served { head: &script_element(), header: &viewer.header() };
    let mut further = feed_section(Some(&id), scope);
    if let Some(status) = rule.status {
        further.0.push_str(&rule_verbs(status, viewer, scope).0);
    }
    Ok(Html(render_rule_page(&view, &rule, period, delivery, &further)))
}

fn failure() -> ErrorPage {
    let text = "The gateway could not make this page; its log says why.";
    ErrorPage::new(StatusCode::INTERNAL_SERVER_ERROR, "The page failed", text)
}

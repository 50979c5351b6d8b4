//! A request that is being answered, with what is recorded of it.

use std::sync::Arc;

use upshift_record::{Lane, Protection, RecordedExchange, RecordedRequest};

use super::connection_context::ConnectionContext;
use super::recorder::RequestPlace;
use super::routes::Route;
use super::scenario::{AskedRequest, ChosenStep, Origin, Then};

/// A request that is being answered.
pub(crate) struct PendingRequest {
    pub(crate) exchange: RecordedExchange,
    pub(crate) request: RecordedRequest,
    pub(crate) lane: Lane,
    pub(crate) place: Option<RequestPlace>,
    /// The route; `None` if none fits.
    pub(crate) route: Option<Arc<Route>>,
    number: u64,
    on_connection: u64,
}

impl PendingRequest {
    /// A request that was received on a connection, with the route that answers it.
    pub(crate) fn begin(context: &ConnectionContext, request: RecordedRequest, lane: Lane) -> Self {
        let route = context.server.routes.choose(&request);
        let number = route.as_ref().map_or(1, |route| route.count_request());
        let on_connection = context.count_request();
        let mut exchange = RecordedExchange::empty();
        exchange.lane = Some(lane);
        exchange.protection = Some(context.protection.clone());
        Self { exchange, request, lane, place: None, route, number, on_connection }
    }

    /// The step that answers.
    pub(crate) fn choose_step(&self, context: &ConnectionContext, origin: Origin) -> ChosenStep {
        let asked = AskedRequest {
            request: &self.request,
            origin,
            number: self.number,
            on_connection: self.on_connection,
            connection: context.recorder.number(),
        };
        match &self.route {
            Some(route) => route.scenario.choose(&asked),
            None => ChosenStep::default(),
        }
    }

    /// The name of the scenario; empty if no route fits.
    pub(crate) fn scenario_name(&self) -> &str {
        self.route.as_ref().map_or("", |route| route.scenario.name())
    }

    /// Records the request, unless that was done before.
    pub(crate) fn record_request(&mut self, context: &ConnectionContext) {
        self.exchange.url = Some(self.url(context));
        self.exchange.request = Some(self.request.clone());
        if self.place.is_none() {
            let exchange = self.exchange.clone();
            let place = context.recorder.add_request(self.scenario_name(), self.lane, exchange);
            self.place = Some(place);
        }
    }

    /// Records what was sent so far, by the step with this number, and what follows.
    pub(crate) fn record_answer(
        &mut self,
        context: &ConnectionContext,
        step: Option<usize>,
        then: Then,
    ) {
        if let Some(place) = self.place {
            let exchange = &self.exchange;
            context.recorder.answered(place, self.scenario_name(), (step, then), exchange);
        }
    }

    /// Records the content of a request that was answered before it came.
    pub(crate) fn record_content(&mut self, context: &ConnectionContext) {
        self.exchange.request = Some(self.request.clone());
        if let Some(place) = self.place {
            context.recorder.update_exchange(place, &self.exchange);
        }
    }

    fn url(&self, context: &ConnectionContext) -> String {
        let target = self.request.target.to_text();
        if target.contains("://") {
            return target;
        }
        let is_cleartext = context.protection == Protection::Cleartext;
        let named = |name: &str| {
            let mut fields = self.request.fields.iter();
            fields.find(|field| field.0.eq_ignore_ascii_case(name)).map(|field| field.1.to_text())
        };
        let own = || context.server.authority(is_cleartext);
        let authority = named(":authority").or_else(|| named("host")).unwrap_or_else(own);
        let scheme = if is_cleartext { "http" } else { "https" };
        // RFC 9112 §3.2.4: the asterisk-form has no path.
        let path = if target == "*" { "" } else { &target };
        format!("{scheme}://{authority}{path}")
    }
}

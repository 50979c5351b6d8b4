//! The sections about the gateway as a whole: traffic, upstreams, exemptions, trips, the API.

use maud::{Markup, html};
use upshift_record::adoption::{AdoptionReport, LabelCounts};
use upshift_record::control::{ExemptionStatus, TripReport};
use upshift_record::gateway::{EndpointStatus, GatewayStatus};
use upshift_record::number_text::{counted, grouped, share_of, share_text};

use crate::charts::share_bar::render_share_bar;
use crate::link::rule_path;
use crate::phase::{endpoint_badge, expired_badge};
use crate::table::{Column, Table, number_cell, text_cell};
use crate::time_text::{distance_text, time_element};
use crate::view::{AdoptionSource, Scope};

/// A notice about numbers that are missing, with what to do; nothing if there are numbers.
pub(crate) fn missing_numbers_notice(adoption: &AdoptionSource) -> Markup {
    let content = match adoption {
        AdoptionSource::NoStore => html! {
            strong { "Adoption is not recorded, because this gateway has no store." }
            " Set " code { "store" } " in " code { "[gateway]" }
            " to see who is behind. Phases, breakers and upstreams are shown without it."
        },
        AdoptionSource::Unreadable(error) => html! {
            strong { "The store cannot be read." } " " (error)
        },
        AdoptionSource::Recorded(report) if report.recording_since.is_none() => html! {
            strong { "Nothing is recorded yet." }
            " Numbers appear a second after the first request."
        },
        AdoptionSource::NoFleet { error, prometheus } => html! {
            strong { "Prometheus at " (prometheus) " gives no numbers: " } (error) ". "
            "Phases, breakers and upstreams of this gateway are shown without it."
        },
        AdoptionSource::Recorded(_) | AdoptionSource::Fleet { .. } => return html! {},
    };
    crate::notice::notice_box(&content)
}

/// The source of the numbers of a fleet, for the strip of a page.
pub(crate) fn fleet_source(adoption: &AdoptionSource) -> Markup {
    let AdoptionSource::Fleet { report, prometheus } = adoption else { return html! {} };
    html! {
        div {
            dt { "Numbers of" }
            dd #fleet data-gateways=[report.gateways] {
                (counted(report.gateways, "gateway")) ", from Prometheus at " (prometheus)
            }
        }
    }
}

/// The parts of the numbers that their source does not have.
pub(crate) fn not_known_note(report: Option<&AdoptionReport>) -> Markup {
    let Some(report) = report.filter(|report| !report.not_known.is_empty()) else {
        return html! {};
    };
    let mut parts = Vec::new();
    for part in &report.not_known {
        let part = part.strip_prefix("rules.").unwrap_or(part);
        parts.push(part.replace('_', " "));
    }
    html! { p.soft #not-known { "Not known from Prometheus: " (parts.join(", ")) "." } }
}

/// The versions of HTTP and TLS of all requests.
pub(crate) fn traffic_section(report: &AdoptionReport) -> Markup {
    html! {
        section aria-labelledby="traffic" {
            h2 #traffic { "Traffic" }
            div.halves {
                (traffic_table("Requests by version of HTTP", "HTTP", &report.http))
                (traffic_table("Requests by version of TLS", "TLS", &report.tls))
            }
        }
    }
}

fn traffic_table(caption: &str, head: &str, labels: &[LabelCounts]) -> Markup {
    let columns = [
        Column::text(head),
        Column::text("Share of requests"),
        Column::number("Share"),
        Column::number("Requests"),
        Column::number("Callers"),
    ];
    let all: u64 = labels.iter().map(|label| label.total.requests).sum();
    let mut rows = Vec::new();
    for LabelCounts { label, total, .. } in labels {
        let share = share_of(total.requests, all).unwrap_or_default();
        rows.push(vec![
            text_cell(label),
            render_share_bar(share, 0.0),
            text_cell(&share_text(total.requests, all)),
            number_cell(total.requests),
            number_cell(total.callers),
        ]);
    }
    Table { caption, hides_caption: false, columns: &columns, rows }.render()
}

/// The upstream endpoints.
pub(crate) fn upstreams_section(endpoints: &[EndpointStatus], scope: Scope) -> Markup {
    let columns = [
        Column::text("Endpoint"),
        Column::text("State"),
        Column::number("Connections"),
        Column::number("Requests"),
        Column::number("Failures"),
        Column::number("Ejections"),
    ];
    let mut rows = Vec::new();
    for endpoint in endpoints {
        let state = html! {
            (endpoint_badge(&endpoint.state))
            @if endpoint.backup { " backup" }
        };
        rows.push(vec![
            html! { code { (endpoint.endpoint) } },
            state,
            number_cell(endpoint.connections),
            number_cell(endpoint.requests),
            number_cell(endpoint.failures),
            number_cell(endpoint.ejections),
        ]);
    }
    let caption = "Upstream endpoints since the start of the gateway";
    html! {
        section aria-labelledby="upstreams" {
            h2 #upstreams { (scope.own_heading("Upstreams")) }
            @if rows.is_empty() {
                p.empty { "No upstream is configured." }
            } @else {
                (Table { caption, hides_caption: true, columns: &columns, rows }
                    .render_folded("endpoint"))
            }
        }
    }
}

/// A table of exemptions; `caption` is read aloud.
pub(crate) fn exemption_table(caption: &str, exemptions: &[&ExemptionStatus], now: &str) -> Markup {
    let columns = [
        Column::text("Exemption"),
        Column::text("Rules"),
        Column::text("Owner"),
        Column::text("Reason"),
        Column::text("Ends"),
    ];
    let mut rows = Vec::new();
    for exemption in exemptions {
        let rules =
            if exemption.rules.is_empty() { "all".to_owned() } else { exemption.rules.join(", ") };
        let end = html! {
            (time_element(&exemption.expires))
            @if exemption.expired {
                " " (expired_badge())
            } @else if let Some(distance) = distance_text(&exemption.expires, now) {
                span.soft { " " (distance) }
            }
        };
        rows.push(vec![
            text_cell(&exemption.exemption),
            text_cell(&rules),
            text_cell(&exemption.owner),
            html! { span.prose { (exemption.reason) } },
            end,
        ]);
    }
    Table { caption, hides_caption: true, columns: &columns, rows }.render_folded("exemption")
}

/// The exemptions of the policy.
pub(crate) fn exemptions_section(
    exemptions: &[ExemptionStatus],
    now: &str,
    scope: Scope,
) -> Markup {
    let all: Vec<_> = exemptions.iter().collect();
    html! {
        section aria-labelledby="exemptions" {
            h2 #exemptions { (scope.own_heading("Exemptions")) }
            @if all.is_empty() {
                p.empty { "No one is exempt." }
            } @else {
                (exemption_table("Exemptions of the policy", &all, now))
            }
        }
    }
}

/// The latest trips of all breakers.
pub(crate) fn trips_section(trips: &[TripReport], scope: Scope) -> Markup {
    let columns = [
        Column::text("Time"),
        Column::text("Rule"),
        Column::number("Refused"),
        Column::number("Seen"),
        Column::text("Summary"),
    ];
    let mut rows = Vec::new();
    for trip in trips {
        rows.push(vec![
            time_element(&trip.at),
            html! { a href=(rule_path(&trip.rule)) { (trip.rule) } },
            number_cell(trip.refused),
            number_cell(trip.seen),
            html! { span.prose { (trip.message) } },
        ]);
    }
    html! {
        section aria-labelledby="trips" {
            h2 #trips { (scope.own_heading("Breaker trips")) }
            @if rows.is_empty() {
                p.empty { "No breaker has tripped." }
            } @else {
                (Table {
                    caption: "Trips of the breakers, the newest first",
                    hides_caption: true,
                    columns: &columns,
                    rows,
                }.render_folded("trip"))
            }
        }
    }
}

/// The routes of the admin listener for programs.
const ROUTES: [(&str, &str); 9] = [
    ("/healthz", "200 while the process runs"),
    ("/readyz", "200 while it takes requests, 503 once it is stopping"),
    ("/metrics", "metrics for Prometheus"),
    ("/api/status", "the state of each rule, and the exemptions"),
    ("/api/plan", "the calendar, with the overrides"),
    ("/api/adoption", "the numbers of this gateway"),
    ("/api/gateway", "the upstream endpoints and the certificate"),
    ("/api/revisions", "the changes: who, when and why"),
    ("/api/trips", "the trips of the breaker, and who was hit"),
];

/// The routes for programs.
pub(crate) fn api_section() -> Markup {
    html! {
        section aria-labelledby="api" {
            h2 #api { "API" }
            dl.routes {
                @for (path, text) in ROUTES {
                    div { dt { a href=(path) { (path) } } dd { (text) } }
                }
            }
            p.soft {
                "By POST: /api/explain, /api/canary, /api/pause, /api/resume, /api/set, /api/undo "
                "and /api/fingerprint. With an admin token, /api requires it as "
                code { "Authorization: Bearer" } "."
            }
        }
    }
}

/// The version and the certificate, for the footer of pages.
pub(crate) fn gateway_footer(gateway: &GatewayStatus) -> Markup {
    html! {
        p {
            "Upshift " (gateway.version)
            @if let Some(certificate) = &gateway.certificate {
                " · certificate " code { (certificate.certificate) } " valid until "
                (time_element(&certificate.expires))
            }
        }
    }
}

/// `12,345 from 678 callers`: the requests, for the strip of a page.
pub(crate) fn requests_text(report: &AdoptionReport) -> String {
    let requests = grouped(report.total.requests);
    match report.total.callers {
        Some(callers) => format!("{requests} from {}", counted(callers, "caller")),
        None => format!("{requests}, callers unknown"),
    }
}

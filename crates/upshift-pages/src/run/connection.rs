//! The connections of a try: their timelines and their octets.

use maud::{Markup, html};
use upshift_record::Protection;
use upshift_record::probe::WireRecord;
use upshift_record::suite::ConnectionTrace;

use super::timeline::render_timeline;
use crate::visible_text::visible_lines;

/// The most lines of octets that a page shows of a connection. The rest is in the JSON report.
const MOST_LINES: usize = 500;

/// The connections of a try. `id` is that of the try.
pub(super) fn render_connections(id: &str, connections: &[ConnectionTrace]) -> Markup {
    html! {
        @for connection in connections {
            @let id = format!("{id}-connection-{}", connection.number);
            @if !connection.timeline.is_empty() {
                (render_timeline(&id, &caption_of(connection), &connection.timeline))
            }
            @if !connection.wire.is_empty() {
                details {
                    summary { "Octets of connection " (connection.number) }
                    pre.octets tabindex="0" { (wire_text(&connection.wire)) }
                }
            }
        }
    }
}

fn caption_of(connection: &ConnectionTrace) -> String {
    let mut caption = format!("Connection {}", connection.number);
    if let Some(peer) = &connection.peer {
        caption.push_str(&format!(" with {}", visible_lines(peer)));
    }
    match &connection.protection {
        None => {}
        Some(Protection::Cleartext) => caption.push_str(", cleartext"),
        Some(Protection::Tls { version, .. }) => {
            caption.push_str(&format!(", TLS {}", version.as_deref().unwrap_or_default()));
        }
    }
    caption
}

/// The octets with their times, sent ones after `>` and received ones after `<`.
fn wire_text(wire: &[WireRecord]) -> String {
    let mut lines = Vec::new();
    for record in wire {
        for (place, line) in record.lines().into_iter().enumerate() {
            let time = if place == 0 { format!("{:.3} ms", record.at_ms) } else { String::new() };
            lines.push(format!("{time:>12}  {line}"));
        }
    }
    let left_out = lines.len().saturating_sub(MOST_LINES);
    lines.truncate(MOST_LINES);
    if left_out > 0 {
        lines.push(format!("({left_out} more lines are in the JSON report)"));
    }
    visible_lines(&lines.join("\n"))
}

//! Times in UTC, as people read them and as machines do.

use maud::{Markup, html};
use upshift_core::Timestamp;

const DAY: i64 = 86_400;
/// The days from which on a distance is given in years.
const MOST_DAYS: i64 = 730;

/// The seconds since 1970 of a time in RFC 3339.
pub fn seconds_of(time: &str) -> Option<i64> {
    let parsed: Result<Timestamp, _> = time.parse();
    parsed.ok().map(Timestamp::as_second)
}

/// A time to the minute: `12 Jan 2027 08:00 UTC`. Midnight is shown as the date alone.
pub fn time_element(time: &str) -> Markup {
    let Some(second) = seconds_of(time) else { return html! { (time) } };
    let format = if second % 86_400 == 0 { "%-d %b %Y" } else { "%-d %b %Y %H:%M UTC" };
    html! { time datetime=(time) { (formatted(second, format)) } }
}

/// A time to the second: `12 Jan 2027 08:00:05 UTC`. Midnight is shown as the date alone.
pub fn second_element(time: &str) -> Markup {
    let Some(second) = seconds_of(time) else { return html! { (time) } };
    let format = if second % 86_400 == 0 { "%-d %b %Y" } else { "%-d %b %Y %H:%M:%S UTC" };
    html! { time datetime=(time) { (formatted(second, format)) } }
}

/// A sentence of the program, whose times in RFC 3339 are shown to the second like all others.
pub fn timed_sentence(text: &str) -> Markup {
    let words: Vec<&str> = text.split(' ').collect();
    html! {
        @for (index, word) in words.iter().enumerate() {
            @if index > 0 { " " }
            @let time = word.trim_end_matches(['.', ',', ';', ':', ')']);
            (second_element(time)) (word[time.len()..])
        }
    }
}

/// The date of a time: `12 Jan 2027`.
pub fn date_element(time: &str) -> Markup {
    let Some(second) = seconds_of(time) else { return html! { (time) } };
    html! { time datetime=(time) { (formatted(second, "%-d %b %Y")) } }
}

/// Short texts for the times along an axis of this length: dates, or times of day if the axis is
/// shorter than two days. The first time of a day has its date.
pub fn tick_texts(seconds: &[i64], length: i64) -> Vec<String> {
    let mut texts = Vec::new();
    let mut day = None;
    for second in seconds {
        let own_day = Some(second.div_euclid(DAY));
        let format = match (length < 2 * DAY, own_day == day) {
            (false, _) => "%-d %b",
            (true, true) => "%H:%M",
            (true, false) => "%-d %b %H:%M",
        };
        texts.push(formatted(*second, format));
        day = own_day;
    }
    texts
}

/// A text for one point of a series, whose points are this long.
pub fn point_text(time: &str, length: i64) -> String {
    let Some(second) = seconds_of(time) else { return time.to_owned() };
    formatted(second, if length < 86_400 { "%-d %b %H:%M" } else { "%-d %b %Y" })
}

/// The distance of a time from `now` in whole units: `in 6 days`, `3 hours ago`, `in 72 years`.
pub fn distance_text(time: &str, now: &str) -> Option<String> {
    let distance = seconds_of(time)? - seconds_of(now)?;
    let length = distance.abs();
    let (count, unit) = match length {
        ..120 => return Some(if distance < 0 { "just now".into() } else { "now".into() }),
        120..7_200 => (length / 60, "minutes"),
        7_200..172_800 => (length / 3_600, "hours"),
        _ if length < MOST_DAYS * DAY => (length / DAY, "days"),
        _ => (length / (365 * DAY + DAY / 4), "years"),
    };
    Some(if distance < 0 { format!("{count} {unit} ago") } else { format!("in {count} {unit}") })
}

fn formatted(second: i64, format: &str) -> String {
    let time = Timestamp::from_second(second).unwrap_or_default();
    time.strftime(format).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sentence_shows_times_as_the_page_does() {
        let shown = timed_sentence("until 2026-10-09T00:00:00Z; then <no> more, 2026.");
        let expected = "until <time datetime=\"2026-10-09T00:00:00Z\">9 Oct 2026</time>; then \
                        &lt;no&gt; more, 2026.";
        assert_eq!(shown.into_string(), expected);
    }

    #[test]
    fn times_are_read_at_a_glance() {
        let shown = time_element("2027-01-12T08:05:09Z").into_string();
        assert_eq!(shown, "<time datetime=\"2027-01-12T08:05:09Z\">12 Jan 2027 08:05 UTC</time>");
        assert!(time_element("2027-01-12T00:00:00Z").into_string().contains(">12 Jan 2027<"));
        assert_eq!(time_element("<b>").into_string(), "&lt;b&gt;");
        let now = "2027-01-12T00:00:00Z";
        assert_eq!(distance_text("2027-01-18T00:00:00Z", now).as_deref(), Some("in 6 days"));
        assert_eq!(distance_text("2027-01-11T20:30:00Z", now).as_deref(), Some("3 hours ago"));
        assert_eq!(distance_text("never", now), None);
    }

    /// An exemption until 2099 ended "in 26329 days".
    #[test]
    fn a_distance_of_years_is_not_given_in_days() {
        let now = "2026-11-30T00:00:00Z";
        assert_eq!(distance_text("2028-11-28T00:00:00Z", now).as_deref(), Some("in 729 days"));
        assert_eq!(distance_text("2028-11-30T00:00:00Z", now).as_deref(), Some("in 2 years"));
        assert_eq!(distance_text("2099-01-01T00:00:00Z", now).as_deref(), Some("in 72 years"));
        assert_eq!(distance_text("2020-11-29T00:00:00Z", now).as_deref(), Some("6 years ago"));
    }

    /// The axis of a gateway's first day had no date.
    #[test]
    fn an_axis_names_each_day_once() {
        let evening = seconds_of("2026-11-30T20:00:00Z").unwrap_or_default();
        let times = [0, 2, 4, 6].map(|hours| evening + hours * 3_600);
        let texts = tick_texts(&times, 6 * 3_600);
        assert_eq!(texts, ["30 Nov 20:00", "22:00", "1 Dec 00:00", "02:00"]);
        assert_eq!(tick_texts(&times, 30 * DAY)[..2], ["30 Nov", "30 Nov"]);
    }
}

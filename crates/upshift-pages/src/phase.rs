//! Phases and states as badges: a shape and a word, so that no one depends on the colour.

use maud::{Markup, html};

/// The phase of a rule as a badge.
pub fn phase_badge(phase: &str) -> Markup {
    let (class, shape) = match phase {
        "off" => ("quiet", Shape::Ring),
        "observe" => ("quiet", Shape::Dot),
        "warn" => ("warning", Shape::Triangle),
        "brownout" => ("active", Shape::Half),
        "ramp" => ("active", Shape::Slope),
        "enforce" => ("active", Shape::Square),
        "paused" => ("warning", Shape::Bars),
        _ => ("quiet", Shape::Ring),
    };
    badge(class, shape, phase)
}

/// The state of a breaker as a badge.
pub fn breaker_badge(state: &str) -> Markup {
    match state {
        "tripped" => badge("danger", Shape::Triangle, "tripped"),
        "armed" => badge("good", Shape::Dot, "armed"),
        _ => badge("quiet", Shape::Ring, state),
    }
}

/// The state of an upstream endpoint as a badge.
pub fn endpoint_badge(state: &str) -> Markup {
    match state {
        "available" => badge("good", Shape::Dot, state),
        "returning" => badge("warning", Shape::Slope, state),
        "fails-checks" => badge("danger", Shape::Triangle, "fails checks"),
        _ => badge("danger", Shape::Triangle, state),
    }
}

/// A mark for counts of callers that a rule would refuse.
pub fn behind_badge() -> Markup {
    badge("warning", Shape::Triangle, "behind")
}

/// A mark for something that has ended.
pub fn expired_badge() -> Markup {
    badge("warning", Shape::Triangle, "expired")
}

/// A shape that tells badges apart without colour.
#[derive(Clone, Copy)]
enum Shape {
    Ring,
    Dot,
    Triangle,
    Half,
    Slope,
    Square,
    Bars,
}

impl Shape {
    /// The outline in a square of 12 units.
    fn path(self) -> &'static str {
        match self {
            Self::Ring => {
                "M6 1.5a4.5 4.5 0 1 0 0 9a4.5 4.5 0 1 0 0-9zM6 3.2a2.8 2.8 0 1 1 0 5.6a2.8 2.8 0 1 1 0-5.6z"
            }
            Self::Dot => "M6 2a4 4 0 1 0 0 8a4 4 0 1 0 0-8z",
            Self::Triangle => "M6 1.5 11.2 10.5H.8z",
            Self::Half => "M6 1.5a4.5 4.5 0 1 0 0 9z",
            Self::Slope => "M1 10.5H11V2z",
            Self::Square => "M1.8 1.8h8.4v8.4H1.8z",
            Self::Bars => "M2.2 1.8h2.6v8.4H2.2zM7.2 1.8h2.6v8.4H7.2z",
        }
    }
}

fn badge(class: &str, shape: Shape, word: &str) -> Markup {
    html! {
        span class={ "badge " (class) } {
            svg viewBox="0 0 12 12" width="10" height="10" aria-hidden="true" {
                path fill-rule="evenodd" d=(shape.path()) {}
            }
            (word)
        }
    }
}

//! The periods that a page can show.

use maud::{Markup, html};

/// A period up to now.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Period {
    /// 24 hours.
    Day,
    /// 7 days.
    Week,
    /// 30 days.
    #[default]
    Month,
    /// 90 days.
    Quarter,
    /// 365 days.
    Year,
}

impl Period {
    /// All periods, the shortest first.
    pub const ALL: [Self; 5] = [Self::Day, Self::Week, Self::Month, Self::Quarter, Self::Year];

    /// The name in the address of a page.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Day => "24h",
            Self::Week => "7d",
            Self::Month => "30d",
            Self::Quarter => "90d",
            Self::Year => "365d",
        }
    }

    /// Reads a name.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|period| period.as_str() == text)
    }

    /// The length in seconds.
    pub fn seconds(self) -> i64 {
        86_400
            * match self {
                Self::Day => 1,
                Self::Week => 7,
                Self::Month => 30,
                Self::Quarter => 90,
                Self::Year => 365,
            }
    }

    /// The period in words: `the last 30 days`.
    pub fn words(self) -> &'static str {
        match self {
            Self::Day => "the last 24 hours",
            Self::Week => "the last 7 days",
            Self::Month => "the last 30 days",
            Self::Quarter => "the last 90 days",
            Self::Year => "the last 365 days",
        }
    }

    /// Links to `path` for each period, with this one marked.
    pub fn links(self, path: &str) -> Markup {
        html! {
            nav.periods aria-label="Period" {
                ul {
                    @for period in Self::ALL {
                        li {
                            a href={ (path) "?period=" (period.as_str()) }
                                aria-current=[(period == self).then_some("true")] {
                                (period.as_str())
                            }
                        }
                    }
                }
            }
        }
    }
}

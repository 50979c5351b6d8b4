//! The `Date` field, formatted once a second (RFC 9110 §6.6.1).

use std::cell::Cell;
use std::time::{SystemTime, UNIX_EPOCH};

use crate::exchange::respond::http_date;

/// The length of a date: `Sun, 06 Nov 1994 08:49:37 GMT`.
const LENGTH: usize = 29;

thread_local! {
    /// The last formatted second, and its text. It is updated on use, not by a timer that would
    /// wake an idle gateway.
    static DATE: Cell<(u64, [u8; LENGTH])> = const { Cell::new((0, [0; LENGTH])) };
}

/// The text of the current date.
pub(super) fn current_date() -> [u8; LENGTH] {
    let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH);
    // A clock before 1970 counts as 1970 until it is set.
    let second = since_epoch.map_or(1, |elapsed| elapsed.as_secs().max(1));
    let (formatted, text) = DATE.get();
    if formatted == second {
        return text;
    }
    let mut text_now = [b' '; LENGTH];
    for (byte, formatted_byte) in text_now.iter_mut().zip(http_date().bytes()) {
        *byte = formatted_byte;
    }
    DATE.set((second, text_now));
    text_now
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_date_is_an_imf_fixdate_and_stays_the_same_within_a_second() {
        let date = String::from_utf8_lossy(&current_date()).into_owned();
        assert!(date.ends_with(" GMT") && date.as_bytes()[3] == b',', "{date}");
        assert_eq!(date.len(), http_date().len());
    }
}

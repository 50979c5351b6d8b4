//! Checks that `docs/reasons.md` lists every reason.

use upshift_core::VerdictReason;

#[test]
fn the_book_lists_every_reason_once() {
    let page = include_str!("../../../docs/reasons.md");
    let listed: Vec<&str> =
        page.lines().filter_map(|line| line.strip_prefix("| `")?.split('`').next()).collect();
    let mut reasons: Vec<&str> = VerdictReason::ALL.iter().map(|reason| reason.as_str()).collect();
    let mut sorted = listed.clone();
    sorted.sort_unstable();
    reasons.sort_unstable();
    assert_eq!(sorted, reasons);
}

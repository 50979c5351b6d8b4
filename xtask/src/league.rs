//! `cargo xtask league`: the pages of docs/league, which compare real programs.

use crate::interop::{build_binary, clear_skipped_log, selected_tests};
use crate::peers;
use crate::run::succeeds;

/// Probes the real servers, and writes docs/league/servers.md.
pub(crate) fn write_servers() -> bool {
    write_with("probe_league")
}

/// Grades the real clients, and writes docs/league/clients.md.
pub(crate) fn write_clients() -> bool {
    write_with("grade_league")
}

/// Probes the faulty peers of the mock, and writes docs/league/peers.md.
pub(crate) fn write_peers() -> bool {
    write_with("peer_league")
}

fn write_with(test: &str) -> bool {
    let installed = peers::set_up();
    installed.print();
    clear_skipped_log();
    build_binary() && succeeds(selected_tests(&installed, &[test]).env("UPSHIFT_WRITE", "1"))
}

//! `cargo xtask league`: the pages of docs/league, which compare real programs.

use crate::interop::{build_binary, selected_tests};
use crate::peers;
use crate::run::succeeds;

/// Probes the real servers, and writes docs/league/servers.md.
pub(crate) fn write_servers() -> bool {
    let installed = peers::set_up();
    installed.print();
    build_binary()
        && succeeds(selected_tests(&installed, &["probe_league"]).env("UPSHIFT_WRITE", "1"))
}

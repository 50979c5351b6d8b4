//! From the policy file to what the gateway is told.

use upshift_config::File;
use upshift_gateway::Settings;

/// What the gateway is told.
pub(crate) fn settings(file: File) -> Settings {
    Settings::from(file)
}

//! The origin of the settings, which the policy revisions name.

use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

use upshift_core::Timestamp;
use upshift_gateway::SettingsOrigin;

use crate::account::{account_name, process_account};

/// The origin of settings that were read from this policy file.
pub(super) fn origin_of(file: &Path) -> SettingsOrigin {
    let metadata = std::fs::metadata(file).ok();
    let modified = metadata.as_ref().and_then(|metadata| metadata.modified().ok());
    SettingsOrigin {
        // A relative path would depend on the folder in which the gateway was started.
        file: std::path::absolute(file).ok(),
        owner: metadata.map(|metadata| account_name(metadata.uid())),
        modified: modified.and_then(|modified| Timestamp::try_from(modified).ok()),
        account: process_account(),
        reason: None,
    }
}

//! The keys of the policy file that only a restart applies. A reload keeps their values, and names
//! those that the file changes.

use std::fmt::{Display, Formatter};

use upshift_config::GatewaySettings;

/// A setting that takes effect only when the gateway is restarted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NeedsRestart {
    /// Its key in the policy file.
    pub key: &'static str,
    /// The value in use.
    pub running: String,
    /// The value in the file.
    pub file: String,
}

impl Display for NeedsRestart {
    fn fmt(&self, f: &mut Formatter<'_>) -> std::fmt::Result {
        let Self { key, running, file } = self;
        write!(f, "{key} is still {running}; restart the gateway to change it to {file}")
    }
}

/// Lists the settings of `next` that only a restart applies.
pub(super) fn needs_restart(
    running: &GatewaySettings,
    next: &GatewaySettings,
) -> Vec<NeedsRestart> {
    let mut found = Vec::new();
    for RestartKey { name, text, .. } in &RESTART_KEYS {
        let (in_use, in_file) = (text(running), text(next));
        if in_use != in_file {
            found.push(NeedsRestart { key: name, running: in_use, file: in_file });
        }
    }
    found
}

/// Replaces the settings of `next` that only a restart applies with those in use.
pub(super) fn keep_restart_settings(next: &mut GatewaySettings, running: &GatewaySettings) {
    for key in &RESTART_KEYS {
        (key.copy)(next, running);
    }
}

/// A key that only a restart applies.
struct RestartKey {
    name: &'static str,
    /// Its value, as the policy file has it.
    text: fn(&GatewaySettings) -> String,
    /// Copies its value.
    copy: fn(&mut GatewaySettings, &GatewaySettings),
}

/// All of them. The other keys of `[gateway]` are compared in [`values`](super::values).
const RESTART_KEYS: [RestartKey; 5] = [
    RestartKey {
        name: "gateway.http",
        text: |gateway| value_text(gateway.http),
        copy: |to, from| to.http = from.http,
    },
    RestartKey {
        name: "gateway.https",
        text: |gateway| value_text(gateway.https),
        copy: |to, from| to.https = from.https,
    },
    RestartKey {
        name: "gateway.http3",
        text: |gateway| gateway.http3.to_string(),
        copy: |to, from| to.http3 = from.http3,
    },
    RestartKey {
        name: "gateway.admin",
        text: |gateway| value_text(gateway.admin),
        copy: |to, from| to.admin = from.admin,
    },
    RestartKey {
        name: "gateway.store",
        text: |gateway| value_text(gateway.store.as_ref().map(|path| path.display())),
        copy: |to, from| to.store.clone_from(&from.store),
    },
];

/// A value as the policy file has it: `false` stands for none.
fn value_text<T: Display>(value: Option<T>) -> String {
    match value {
        Some(value) => value.to_string(),
        None => "false".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all_changed() -> GatewaySettings {
        GatewaySettings {
            http: Some(([127, 0, 0, 1], 1).into()),
            https: Some(([127, 0, 0, 1], 2).into()),
            http3: true,
            admin: Some(([127, 0, 0, 1], 3).into()),
            store: Some("other.db".into()),
            ..GatewaySettings::default()
        }
    }

    #[test]
    fn every_key_is_named_with_both_values() {
        let named = needs_restart(&GatewaySettings::default(), &all_changed());
        let texts: Vec<String> = named.iter().map(ToString::to_string).collect();
        assert_eq!(texts.len(), RESTART_KEYS.len(), "{texts:?}");
        assert_eq!(
            texts[0],
            "gateway.http is still false; restart the gateway to change it to 127.0.0.1:1"
        );
    }

    #[test]
    fn a_kept_setting_needs_no_restart() {
        let (running, mut next) = (GatewaySettings::default(), all_changed());
        keep_restart_settings(&mut next, &running);
        assert_eq!(needs_restart(&running, &next), []);
    }
}

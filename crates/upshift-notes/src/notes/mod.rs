//! The notes, one file each.

mod u001_426_without_upgrade;
mod u002_upgrade_without_connection;
mod u003_upgrade_names_nothing;
mod u004_upgrade_malformed;
mod u005_426_names_http_in_use;
mod u006_426_names_tls_in_use;
mod u007_426_requires_what_was_offered;
mod u008_426_declines_a_switch;
mod u009_426_without_content;
mod u010_426_over_http2_says_nothing;
mod u011_426_with_location;
mod u012_426_may_be_stored;
mod u013_stored_426_without_vary;
mod u014_option_upgrade_without_field;
mod u015_426_for_tls_without_url;
mod u016_426_for_http3_without_alt_svc;
mod u017_426_after_100;
mod u018_credentials_in_cleartext;
mod u019_complete_426;
mod u020_426_is_not_stored;
mod u021_upgrade_advertised;
mod u022_426_for_a_preflight;
mod u023_426_hidden_from_scripts;
mod u024_cors_any_origin_with_credentials;
mod u025_cors_without_vary;
mod u026_426_with_retry_after;
mod u027_retry_after_malformed;
mod u028_h2c_advertised;
mod u029_h2c_requested;
mod u030_h2_in_upgrade;
mod u031_h3_in_upgrade;
mod u032_http_version_without_switch;
mod u033_http_version_without_minor;
mod u034_https_in_upgrade;
mod u035_tls_version_malformed;
mod u036_obsolete_tls_version;
mod u037_stack_or_alternatives;
mod u038_unregistered_protocol;
mod u039_protocol_name_in_other_case;
mod u040_protocol_listed_twice;
mod u041_empty_list_element;
mod u042_upgrade_on_several_lines;
mod u043_upgrade_over_http10;
mod u044_h2c_inside_tls;
mod u045_upgrade_over_http2;
mod u046_connection_field_over_http2;
mod u047_te_over_http2;
mod u048_http2_settings_over_http2;
mod u049_connection_option_malformed;
mod u050_connection_names_end_to_end_field;
mod u051_proxy_connection;
mod u052_close_and_keep_alive;
mod u053_connection_on_several_lines;
mod u054_101_without_upgrade;
mod u055_101_unsolicited;
mod u056_101_to_another_protocol;
mod u057_101_over_http2;
mod u058_interim_to_http10;
mod u059_101_before_100;
mod u060_interim_with_framing;
mod u061_101_layers_out_of_order;
mod u062_101_to_h2c_without_settings;
mod u063_http2_settings_in_response;
mod u064_h2c_offer_incomplete;
mod u065_http2_settings_malformed;
mod u066_correct_101;
mod u067_switch_to_tls;
mod u068_accept_wrong;
mod u069_subprotocol_not_offered;
mod u070_several_subprotocols;
mod u071_extension_not_offered;
mod u072_handshake_key_invalid;
mod u073_handshake_without_version;
mod u074_handshake_method;
mod u075_version_refused_silently;
mod u076_426_for_websocket_without_version;
mod u077_accept_without_101;
mod u078_websocket_key_over_http2;
mod u079_early_hints;
mod u080_103_without_link;
mod u081_103_over_http11;
mod u082_100_unexpected;
mod u083_505_without_content;
mod u084_505_for_minor_version;
mod u085_deprecation_malformed;
mod u086_sunset_malformed;
mod u087_sunset_before_deprecation;
mod u088_retirement_without_link;
mod u089_sunset_has_passed;
mod u090_link_malformed;
mod u091_link_relation_misspelt;
mod u092_announced_retirement;
mod u093_alt_svc_malformed;
mod u094_alt_svc_draft;
mod u095_hsts_over_cleartext;
mod u096_hsts_malformed;
mod u097_hsts_repeated;
mod u098_vary_on_connection_field;
mod u099_problem_broken;
mod u100_problem_status_differs;
mod u101_problem_member_type;
mod u102_problem_details;
mod u103_two_framings;
mod u104_length_differs;
mod u105_http10_hop;
mod u106_505_over_http11;

use crate::note::Note;

/// All notes, in the order of their ids.
pub(crate) const NOTES: &[&Note] = &[
    &u001_426_without_upgrade::NOTE,
    &u002_upgrade_without_connection::NOTE,
    &u003_upgrade_names_nothing::NOTE,
    &u004_upgrade_malformed::NOTE,
    &u005_426_names_http_in_use::NOTE,
    &u006_426_names_tls_in_use::NOTE,
    &u007_426_requires_what_was_offered::NOTE,
    &u008_426_declines_a_switch::NOTE,
    &u009_426_without_content::NOTE,
    &u010_426_over_http2_says_nothing::NOTE,
    &u011_426_with_location::NOTE,
    &u012_426_may_be_stored::NOTE,
    &u013_stored_426_without_vary::NOTE,
    &u014_option_upgrade_without_field::NOTE,
    &u015_426_for_tls_without_url::NOTE,
    &u016_426_for_http3_without_alt_svc::NOTE,
    &u017_426_after_100::NOTE,
    &u018_credentials_in_cleartext::NOTE,
    &u019_complete_426::NOTE,
    &u020_426_is_not_stored::NOTE,
    &u021_upgrade_advertised::NOTE,
    &u022_426_for_a_preflight::NOTE,
    &u023_426_hidden_from_scripts::NOTE,
    &u024_cors_any_origin_with_credentials::NOTE,
    &u025_cors_without_vary::NOTE,
    &u026_426_with_retry_after::NOTE,
    &u027_retry_after_malformed::NOTE,
    &u028_h2c_advertised::NOTE,
    &u029_h2c_requested::NOTE,
    &u030_h2_in_upgrade::NOTE,
    &u031_h3_in_upgrade::NOTE,
    &u032_http_version_without_switch::NOTE,
    &u033_http_version_without_minor::NOTE,
    &u034_https_in_upgrade::NOTE,
    &u035_tls_version_malformed::NOTE,
    &u036_obsolete_tls_version::NOTE,
    &u037_stack_or_alternatives::NOTE,
    &u038_unregistered_protocol::NOTE,
    &u039_protocol_name_in_other_case::NOTE,
    &u040_protocol_listed_twice::NOTE,
    &u041_empty_list_element::NOTE,
    &u042_upgrade_on_several_lines::NOTE,
    &u043_upgrade_over_http10::NOTE,
    &u044_h2c_inside_tls::NOTE,
    &u045_upgrade_over_http2::NOTE,
    &u046_connection_field_over_http2::NOTE,
    &u047_te_over_http2::NOTE,
    &u048_http2_settings_over_http2::NOTE,
    &u049_connection_option_malformed::NOTE,
    &u050_connection_names_end_to_end_field::NOTE,
    &u051_proxy_connection::NOTE,
    &u052_close_and_keep_alive::NOTE,
    &u053_connection_on_several_lines::NOTE,
    &u054_101_without_upgrade::NOTE,
    &u055_101_unsolicited::NOTE,
    &u056_101_to_another_protocol::NOTE,
    &u057_101_over_http2::NOTE,
    &u058_interim_to_http10::NOTE,
    &u059_101_before_100::NOTE,
    &u060_interim_with_framing::NOTE,
    &u061_101_layers_out_of_order::NOTE,
    &u062_101_to_h2c_without_settings::NOTE,
    &u063_http2_settings_in_response::NOTE,
    &u064_h2c_offer_incomplete::NOTE,
    &u065_http2_settings_malformed::NOTE,
    &u066_correct_101::NOTE,
    &u067_switch_to_tls::NOTE,
    &u068_accept_wrong::NOTE,
    &u069_subprotocol_not_offered::NOTE,
    &u070_several_subprotocols::NOTE,
    &u071_extension_not_offered::NOTE,
    &u072_handshake_key_invalid::NOTE,
    &u073_handshake_without_version::NOTE,
    &u074_handshake_method::NOTE,
    &u075_version_refused_silently::NOTE,
    &u076_426_for_websocket_without_version::NOTE,
    &u077_accept_without_101::NOTE,
    &u078_websocket_key_over_http2::NOTE,
    &u079_early_hints::NOTE,
    &u080_103_without_link::NOTE,
    &u081_103_over_http11::NOTE,
    &u082_100_unexpected::NOTE,
    &u083_505_without_content::NOTE,
    &u084_505_for_minor_version::NOTE,
    &u085_deprecation_malformed::NOTE,
    &u086_sunset_malformed::NOTE,
    &u087_sunset_before_deprecation::NOTE,
    &u088_retirement_without_link::NOTE,
    &u089_sunset_has_passed::NOTE,
    &u090_link_malformed::NOTE,
    &u091_link_relation_misspelt::NOTE,
    &u092_announced_retirement::NOTE,
    &u093_alt_svc_malformed::NOTE,
    &u094_alt_svc_draft::NOTE,
    &u095_hsts_over_cleartext::NOTE,
    &u096_hsts_malformed::NOTE,
    &u097_hsts_repeated::NOTE,
    &u098_vary_on_connection_field::NOTE,
    &u099_problem_broken::NOTE,
    &u100_problem_status_differs::NOTE,
    &u101_problem_member_type::NOTE,
    &u102_problem_details::NOTE,
    &u103_two_framings::NOTE,
    &u104_length_differs::NOTE,
    &u105_http10_hop::NOTE,
    &u106_505_over_http11::NOTE,
];

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a panic is a failed test")]

    use std::path::Path;

    use super::*;

    /// A file that the list above forgets is a note that is never found.
    #[test]
    fn every_file_of_the_folder_is_in_the_list() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/notes");
        let mut ids = Vec::new();
        for entry in std::fs::read_dir(folder).unwrap() {
            let name = entry.unwrap().file_name().into_string().unwrap();
            if name != "mod.rs" {
                ids.push(name[..4].to_ascii_uppercase());
            }
        }
        ids.sort();
        let listed: Vec<&str> = NOTES.iter().map(|note| note.id).collect();
        assert_eq!(ids, listed);
    }

    #[test]
    fn ids_have_no_gaps() {
        for (index, note) in NOTES.iter().enumerate() {
            assert_eq!(note.id, format!("U{:03}", index + 1));
        }
    }
}

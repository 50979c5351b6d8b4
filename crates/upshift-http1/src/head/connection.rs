//! The options of `Connection` that the codec acts on (RFC 9110 §7.6.1).

use crate::field_id::FieldId;
use crate::octets::trim_ows;

/// The options of all `Connection` lines of a head.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct ConnectionOptions {
    pub(crate) close: bool,
    pub(crate) keep_alive: bool,
    pub(crate) upgrade: bool,
    /// They name a field that frames or routes the message.
    pub(crate) names_essential: bool,
}

impl ConnectionOptions {
    /// Adds the options of a line. RFC 9110 §7.6.1: they are case-insensitive.
    pub(crate) fn add_line(&mut self, line: &[u8]) {
        for element in line.split(|byte| *byte == b',') {
            let option = trim_ows(element);
            if option.eq_ignore_ascii_case(b"close") {
                self.close = true;
            } else {
                self.add_field_name(FieldId::of_name(option));
            }
        }
    }

    fn add_field_name(&mut self, id: FieldId) {
        match id {
            FieldId::KeepAlive => self.keep_alive = true,
            FieldId::Upgrade => self.upgrade = true,
            // An intermediary that removes what `Connection` names would remove the framing.
            FieldId::ContentLength | FieldId::TransferEncoding | FieldId::Host => {
                self.names_essential = true;
            }
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn options_of(lines: &[&str]) -> ConnectionOptions {
        let mut options = ConnectionOptions::default();
        for line in lines {
            options.add_line(line.as_bytes());
        }
        options
    }

    #[test]
    fn lines_are_one_list_without_case() {
        let both = options_of(&["Keep-Alive , , x", "\tUPGRADE"]);
        assert!(both.keep_alive && both.upgrade && !both.close && !both.names_essential);
        assert!(options_of(&["TE, Close"]).close);
        assert_eq!(options_of(&["closed, x-close", ""]), ConnectionOptions::default());
    }

    #[test]
    fn fields_of_the_framing_are_essential() {
        for name in ["content-length", "Transfer-Encoding", "x, HOST"] {
            assert!(options_of(&[name]).names_essential, "{name}");
        }
        assert!(!options_of(&["te, trailer, content-type"]).names_essential);
    }
}

//! An answer as data, for any codec.

use super::status::AnswerStatus;

/// A field line of an answer.
pub(super) type FieldLine = (&'static str, String);

/// An answer, ready to send. The codec adds `Content-Length` and `Date`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    pub(super) status: AnswerStatus,
    pub(super) fields: Vec<FieldLine>,
    pub(super) body: Vec<u8>,
    pub(super) close: bool,
}

impl Answer {
    /// The status code.
    pub fn status(&self) -> u16 {
        self.status.code()
    }

    /// The field lines. Over HTTP/1.x they contain the `Upgrade` and `Connection` of a 426.
    pub fn fields(&self) -> &[(&'static str, String)] {
        &self.fields
    }

    /// The value of the first line called `name`, compared without case.
    pub fn field(&self, name: &str) -> Option<&str> {
        let line = self.fields.iter().find(|(have, _)| have.eq_ignore_ascii_case(name));
        line.map(|(_, value)| value.as_str())
    }

    /// The body, which is empty for HEAD and for gRPC.
    pub fn body(&self) -> &[u8] {
        &self.body
    }

    /// The body, without a copy.
    pub fn into_body(self) -> Vec<u8> {
        self.body
    }

    /// Returns true if the connection must be closed after the answer.
    pub fn closes(&self) -> bool {
        self.close
    }
}

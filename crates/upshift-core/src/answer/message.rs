//! An answer as data, for any codec.

/// An answer, ready to send. The codec adds `Content-Length` and `Date`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    pub(super) status: u16,
    pub(super) lines: String,
    pub(super) body: Vec<u8>,
    pub(super) close: bool,
}

impl Answer {
    /// The status code.
    pub fn status(&self) -> u16 {
        self.status
    }

    /// The names and values of the field lines, in their order. Over HTTP/1.x they contain the
    /// `Upgrade` and `Connection` of a 426.
    pub fn fields(&self) -> impl Iterator<Item = (&str, &str)> {
        self.lines.split_terminator("\r\n").filter_map(|line| line.split_once(": "))
    }

    /// The field lines as HTTP/1.1 writes them: `Name: value`, with CR and LF at the end of each.
    /// `Connection` has no `close` yet if the status is not 426.
    pub fn field_lines(&self) -> &str {
        &self.lines
    }

    /// The value of the first line called `name`, compared without case.
    pub fn field(&self, name: &str) -> Option<&str> {
        let (_, value) = self.fields().find(|(have, _)| have.eq_ignore_ascii_case(name))?;
        Some(value)
    }

    /// The body, which is empty for HEAD and for gRPC.
    pub fn body(&self) -> &[u8] {
        &self.body
    }

    /// The [field lines](Answer::field_lines) and the body, without a copy.
    pub fn into_parts(self) -> (String, Vec<u8>) {
        (self.lines, self.body)
    }

    /// Returns true if the connection must be closed after the answer.
    pub fn closes(&self) -> bool {
        self.close
    }
}

//! A response as a client saw it.

/// The final response, and what came before it.
#[derive(Debug, Default, Clone)]
pub struct Reply {
    /// The statuses of interim responses, in order.
    pub interim: Vec<u16>,
    /// The protocol of the status line: `HTTP/1.1`, `HTTP/2`.
    pub protocol: String,
    /// The final status.
    pub status: u16,
    /// The field lines, in order.
    pub fields: Vec<(String, String)>,
    /// The content, without its coding for the transfer.
    pub body: Vec<u8>,
}

impl Reply {
    /// Reads what `curl --include` prints, or what came over a connection of HTTP/1.x whose content
    /// has been decoded.
    pub fn read(mut bytes: &[u8]) -> Self {
        let mut reply = Self::default();
        while let Some((head, rest)) = split_head(bytes) {
            let text = String::from_utf8_lossy(head);
            let mut lines = text.lines();
            let mut status_line = lines.next().unwrap_or_default().split_whitespace();
            reply.protocol = status_line.next().unwrap_or_default().to_owned();
            reply.status =
                status_line.next().and_then(|code| code.parse().ok()).unwrap_or_default();
            reply.fields = lines.filter_map(field).collect();
            reply.body = rest.to_vec();
            bytes = rest;
            if !(100..200).contains(&reply.status) || reply.status == 101 {
                break;
            }
            reply.interim.push(reply.status);
        }
        reply
    }

    /// The value of a field, its lines joined by `, `; empty if there is none.
    pub fn field(&self, name: &str) -> String {
        let lines = self.fields.iter().filter(|(have, _)| have.eq_ignore_ascii_case(name));
        lines.map(|(_, value)| value.as_str()).collect::<Vec<_>>().join(", ")
    }

    /// Returns true if there is a field of that name.
    pub fn has(&self, name: &str) -> bool {
        self.fields.iter().any(|(have, _)| have.eq_ignore_ascii_case(name))
    }

    /// Returns true if `Connection` has this option.
    pub fn connection_has(&self, option: &str) -> bool {
        self.field("connection").split(',').any(|have| have.trim().eq_ignore_ascii_case(option))
    }

    /// The content as text.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// The content as JSON; null where it is none.
    pub fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body).unwrap_or_default()
    }
}

fn split_head(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    if !bytes.starts_with(b"HTTP/") {
        return None;
    }
    let end = bytes.windows(4).position(|window| window == b"\r\n\r\n")?;
    Some((&bytes[..end], &bytes[end + 4..]))
}

fn field(line: &str) -> Option<(String, String)> {
    let (name, value) = line.split_once(':')?;
    Some((name.to_owned(), value.trim().to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn interim_responses_come_before_the_final_one() {
        let reply = Reply::read(
            b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 426 Upgrade Required\r\nUpgrade: a\r\nupgrade: b\r\n\r\nwhy",
        );
        assert_eq!(
            (reply.interim.as_slice(), reply.status, reply.field("Upgrade").as_str()),
            (&[100][..], 426, "a, b")
        );
        assert_eq!(reply.text(), "why");
    }
}

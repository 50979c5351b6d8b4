//! The page for a person.

/// The holes of the page's template, by their names there.
pub(super) struct RefusalPage<'a> {
    pub(super) heading: &'a str,
    pub(super) detail: &'a str,
    pub(super) instructions: &'a str,
    pub(super) window: Option<&'a str>,
    pub(super) button: Option<(&'a str, &'a str)>,
    pub(super) docs: Option<&'a str>,
    pub(super) status: u16,
    pub(super) title: &'a str,
    pub(super) rule: &'a str,
    pub(super) reason: &'a str,
    pub(super) instance: &'a str,
    pub(super) observed: &'a str,
    pub(super) request_id: &'a str,
}

/// `Content-Security-Policy`: the page loads nothing, so that whatever slips in is not run.
pub(super) const SECURITY_POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

impl RefusalPage<'_> {
    /// The page. Everything that came from the request or the policy is escaped.
    pub(super) fn render(&self) -> String {
        let mut out = String::with_capacity(4096);
        let mut rest = include_str!("page.html");
        while let Some((text, after)) = rest.split_once("{{") {
            out.push_str(text);
            let Some((hole, after)) = after.split_once("}}") else { break };
            self.fill(hole, &mut out);
            rest = after;
        }
        out.push_str(rest);
        out
    }

    fn fill(&self, hole: &str, out: &mut String) {
        match hole {
            "heading" => escape(self.heading, out),
            "detail" => escape(self.detail, out),
            "instructions" => escape(self.instructions, out),
            "status" => out.push_str(&self.status.to_string()),
            "title" => escape(self.title, out),
            "rule" => escape(self.rule, out),
            "reason" => escape(self.reason, out),
            "instance" => escape(self.instance, out),
            "observed" => escape(self.observed, out),
            "request_id" => escape(self.request_id, out),
            "window" => self.window_line(out),
            "actions" => self.actions(out),
            _ => {}
        }
    }

    fn window_line(&self, out: &mut String) {
        if let Some(end) = self.window {
            out.push_str("<p>This is a test of what is coming. It ends at ");
            escape(end, out);
            out.push_str(".</p>\n");
        }
    }

    fn actions(&self, out: &mut String) {
        let docs = self.docs.filter(|docs| self.button.is_none_or(|(url, _)| url != *docs));
        if self.button.is_none() && docs.is_none() {
            return;
        }
        out.push_str("<div class=\"actions\">");
        if let Some((url, label)) = self.button {
            link("button", url, label, out);
        }
        if let Some(docs) = docs {
            link(if self.button.is_some() { "quiet" } else { "button" }, docs, "Learn more", out);
        }
        out.push_str("</div>\n");
    }
}

fn link(class: &str, url: &str, label: &str, out: &mut String) {
    out.push_str(&format!("<a class=\"{class}\" rel=\"noreferrer\" href=\""));
    escape(url, out);
    out.push_str("\">");
    escape(label, out);
    out.push_str("</a>");
}

/// Text for an element or a quoted attribute.
fn escape(text: &str, out: &mut String) {
    for character in text.chars() {
        match character {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            other => out.push(other),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_of_a_request_becomes_markup() {
        let evil = "\"><script>alert(1)</script>'{{heading}}";
        let page = RefusalPage {
            heading: evil,
            detail: evil,
            instructions: evil,
            window: Some(evil),
            button: Some((evil, evil)),
            docs: Some("https://x/?a='\"<>"),
            status: 426,
            title: evil,
            rule: evil,
            reason: evil,
            instance: evil,
            observed: evil,
            request_id: evil,
        };
        let html = page.render();
        assert!(!html.contains("<script") && html.contains("&lt;script&gt;"));
        assert_eq!(html.matches("<a ").count(), 2);
    }
}

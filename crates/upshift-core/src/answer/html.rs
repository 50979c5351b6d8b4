//! The page for people.

const TEMPLATE: &str = include_str!("page.html");

// An unknown hole would render nothing, and a hole that is missing would hide its text, so either
// one fails the build.
const _: () = assert!(
    fits_holes(TEMPLATE.as_bytes()),
    "page.html has an unknown hole, or does not have all of HOLES"
);

/// `Content-Security-Policy`: the page loads nothing, so that injected markup does not run.
pub(super) const SECURITY_POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; \
     base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// The texts of the page.
pub(super) struct RefusalPage<'a> {
    pub(super) heading: &'a str,
    pub(super) detail: &'a str,
    pub(super) instructions: &'a str,
    /// The end of a brownout.
    pub(super) window_end: Option<&'a str>,
    /// The URL and the label of the button.
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

/// A hole of the template, `{{name}}`.
#[derive(Clone, Copy)]
enum Hole {
    Heading,
    Detail,
    Instructions,
    Window,
    Actions,
    Status,
    Title,
    Rule,
    Reason,
    Instance,
    Observed,
    RequestId,
}

/// The holes of the template and their names.
const HOLES: [(&str, Hole); 12] = [
    ("heading", Hole::Heading),
    ("detail", Hole::Detail),
    ("instructions", Hole::Instructions),
    ("window", Hole::Window),
    ("actions", Hole::Actions),
    ("status", Hole::Status),
    ("title", Hole::Title),
    ("rule", Hole::Rule),
    ("reason", Hole::Reason),
    ("instance", Hole::Instance),
    ("observed", Hole::Observed),
    ("request_id", Hole::RequestId),
];

impl RefusalPage<'_> {
    /// Renders the page. Everything from the request or the policy is escaped.
    pub(super) fn render_html(&self) -> String {
        let mut out = String::with_capacity(4096);
        let mut rest = TEMPLATE;
        // The values of holes are not scanned again, so a `{{…}}` in a request stays text.
        while let Some((text, opened)) = rest.split_once("{{")
            && let Some((name, after)) = opened.split_once("}}")
        {
            out.push_str(text);
            // One of them fits: the build has checked the template.
            for (known, hole) in HOLES {
                if name == known {
                    self.fill_hole(hole, &mut out);
                }
            }
            rest = after;
        }
        out.push_str(rest);
        out
    }

    fn fill_hole(&self, hole: Hole, out: &mut String) {
        match hole {
            Hole::Heading => push_escaped(self.heading, out),
            Hole::Detail => push_escaped(self.detail, out),
            Hole::Instructions => push_escaped(self.instructions, out),
            Hole::Window => self.push_window(out),
            Hole::Actions => self.push_actions(out),
            Hole::Status => out.push_str(&self.status.to_string()),
            Hole::Title => push_escaped(self.title, out),
            Hole::Rule => push_escaped(self.rule, out),
            Hole::Reason => push_escaped(self.reason, out),
            Hole::Instance => push_escaped(self.instance, out),
            Hole::Observed => push_escaped(self.observed, out),
            Hole::RequestId => push_escaped(self.request_id, out),
        }
    }

    fn push_window(&self, out: &mut String) {
        if let Some(end) = self.window_end {
            out.push_str("<p>This is a planned test of an upcoming change. It ends at ");
            push_escaped(end, out);
            out.push_str(".</p>\n");
        }
    }

    fn push_actions(&self, out: &mut String) {
        let docs = match (self.docs, self.button) {
            // One link to the same place is enough.
            (Some(docs), Some((url, _))) if url == docs => None,
            (docs, _) => docs,
        };
        if self.button.is_none() && docs.is_none() {
            return;
        }
        out.push_str("<div class=\"actions\">");
        if let Some((url, label)) = self.button {
            push_link("button", url, label, out);
        }
        if let Some(docs) = docs {
            let class = if self.button.is_some() { "quiet" } else { "button" };
            push_link(class, docs, "Learn more", out);
        }
        out.push_str("</div>\n");
    }
}

fn push_link(class: &str, url: &str, label: &str, out: &mut String) {
    // The linked site need not learn the path of the request.
    out.push_str(&format!("<a class=\"{class}\" rel=\"noreferrer\" href=\""));
    push_escaped(url, out);
    out.push_str("\">");
    push_escaped(label, out);
    out.push_str("</a>");
}

/// Escapes text for an element or a quoted attribute.
fn push_escaped(text: &str, out: &mut String) {
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

/// Returns true if every hole of `template` is one of [`HOLES`] and each of them occurs.
const fn fits_holes(template: &[u8]) -> bool {
    let mut occurs = [false; HOLES.len()];
    let mut at = 0;
    // A `for` loop is not possible in a `const fn`.
    while at + 1 < template.len() {
        if template[at] != b'{' || template[at + 1] != b'{' {
            at += 1;
            continue;
        }
        at += 2;
        let mut is_known = false;
        let mut index = 0;
        while index < HOLES.len() {
            if is_hole_at(template, at, HOLES[index].0.as_bytes()) {
                occurs[index] = true;
                is_known = true;
            }
            index += 1;
        }
        if !is_known {
            return false;
        }
    }
    let mut index = 0;
    while index < HOLES.len() {
        if !occurs[index] {
            return false;
        }
        index += 1;
    }
    true
}

/// Returns true if `name` and the closing braces are at this place of the template.
const fn is_hole_at(template: &[u8], start: usize, name: &[u8]) -> bool {
    let end = start + name.len();
    if end + 1 >= template.len() || template[end] != b'}' || template[end + 1] != b'}' {
        return false;
    }
    let mut index = 0;
    while index < name.len() {
        if template[start + index] != name[index] {
            return false;
        }
        index += 1;
    }
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_template_needs_all_holes_and_no_other() {
        let complete: String =
            HOLES.iter().map(|(name, _)| format!("<p>{{{{{name}}}}}</p>")).collect();
        assert!(fits_holes(complete.as_bytes()));
        for wrong in [
            complete.replace("{{rule}}", "{{rules}}"),
            complete.replace("{{rule}}", "{{rule}"),
            complete.replace("{{rule}}", ""),
            complete.clone() + "{{surprise}}",
            complete.clone() + "{{rule",
            String::new(),
        ] {
            assert!(!fits_holes(wrong.as_bytes()), "{wrong}");
        }
    }

    #[test]
    fn every_text_is_in_the_page() {
        let page = RefusalPage {
            heading: "a-heading",
            detail: "a-detail",
            instructions: "some-instructions",
            window_end: Some("an-end"),
            button: Some(("a-url", "a-label")),
            docs: Some("some-docs"),
            status: 426,
            title: "a-title",
            rule: "a-rule",
            reason: "a-reason",
            instance: "an-instance",
            observed: "an-observed-value",
            request_id: "a-request-id",
        };
        let html = page.render_html();
        for text in [
            "a-heading",
            "a-detail",
            "some-instructions",
            "an-end",
            "a-url",
            "a-label",
            "some-docs",
            "426",
            "a-title",
            "a-rule",
            "a-reason",
            "an-instance",
            "an-observed-value",
            "a-request-id",
        ] {
            assert!(html.contains(text), "{text}");
        }
        assert!(!html.contains("{{") && !html.contains("}}"), "a hole is left");
    }

    #[test]
    fn nothing_of_a_request_becomes_markup() {
        let evil = "\"><script>alert(1)</script>'{{heading}}";
        let page = RefusalPage {
            heading: evil,
            detail: evil,
            instructions: evil,
            window_end: Some(evil),
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
        let html = page.render_html();
        assert!(!html.contains("<script") && html.contains("&lt;script&gt;"));
        assert_eq!(html.matches("<a ").count(), 2);
    }
}

//! The page for people.

use crate::prepared::{Encoding, Template, template};

const TEMPLATE: &str = include_str!("page.html");

// An unknown hole would render nothing, and a missing hole would hide its text, so both fail the
// build.
const _: () = assert!(
    fits_holes(TEMPLATE.as_bytes()),
    "page.html has an unknown hole, or does not have all of HOLES"
);

/// `Content-Security-Policy`: the page loads nothing, so that injected markup does not run.
pub(super) const SECURITY_POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; \
     base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// The texts of the page.
pub(super) struct RefusalPage<'a> {
    pub(super) heading: &'a Template,
    pub(super) detail: &'a Template,
    pub(super) instructions: &'a Template,
    /// The end of a brownout.
    pub(super) window_end: Option<Template>,
    /// The URL and the label of the button.
    pub(super) button: Option<(Template, &'a str)>,
    /// The address of the documentation, if the button does not lead to it.
    pub(super) docs: Option<&'a str>,
    pub(super) status: u16,
    pub(super) title: &'a str,
    pub(super) rule: &'a str,
    pub(super) reason: &'a str,
    pub(super) instance: Template,
    pub(super) observed: Template,
    pub(super) request_id: Template,
}

/// A hole of the template, `{{name}}`.
#[derive(Clone, Copy)]
enum PageHole {
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
const HOLES: [(&str, PageHole); 12] = [
    ("heading", PageHole::Heading),
    ("detail", PageHole::Detail),
    ("instructions", PageHole::Instructions),
    ("window", PageHole::Window),
    ("actions", PageHole::Actions),
    ("status", PageHole::Status),
    ("title", PageHole::Title),
    ("rule", PageHole::Rule),
    ("reason", PageHole::Reason),
    ("instance", PageHole::Instance),
    ("observed", PageHole::Observed),
    ("request_id", PageHole::RequestId),
];

impl RefusalPage<'_> {
    /// Renders the page. Everything from the request or the policy is escaped.
    pub(super) fn render_html(&self) -> Template {
        let mut out = Template::default();
        let mut rest = TEMPLATE;
        // The values of holes are not scanned again, so a `{{…}}` in a request stays text.
        while let Some((text, opened)) = rest.split_once("{{")
            && let Some((name, after)) = opened.split_once("}}")
        {
            out.push(text);
            // One of them matches: the template is checked at build time.
            for (known, hole) in HOLES {
                if name == known {
                    self.fill_hole(hole, &mut out);
                }
            }
            rest = after;
        }
        out.push(rest);
        out
    }

    fn fill_hole(&self, hole: PageHole, out: &mut Template) {
        match hole {
            PageHole::Heading => out.push_encoded(self.heading, Encoding::Html),
            PageHole::Detail => out.push_encoded(self.detail, Encoding::Html),
            PageHole::Instructions => out.push_encoded(self.instructions, Encoding::Html),
            PageHole::Window => self.push_window(out),
            PageHole::Actions => self.push_actions(out),
            PageHole::Status => out.push(self.status.to_string()),
            PageHole::Title => push_escaped(self.title, out),
            PageHole::Rule => push_escaped(self.rule, out),
            PageHole::Reason => push_escaped(self.reason, out),
            PageHole::Instance => out.push_encoded(&self.instance, Encoding::Html),
            PageHole::Observed => out.push_encoded(&self.observed, Encoding::Html),
            PageHole::RequestId => out.push_encoded(&self.request_id, Encoding::Html),
        }
    }

    fn push_window(&self, out: &mut Template) {
        if let Some(end) = &self.window_end {
            out.push("<p>This is a planned test of an upcoming change. It ends at ");
            out.push_encoded(end, Encoding::Html);
            out.push(".</p>\n");
        }
    }

    fn push_actions(&self, out: &mut Template) {
        if self.button.is_none() && self.docs.is_none() {
            return;
        }
        out.push("<div class=\"actions\">");
        if let Some((url, label)) = &self.button {
            push_link("button", url, label, out);
        }
        if let Some(docs) = self.docs {
            let class = if self.button.is_some() { "quiet" } else { "button" };
            push_link(class, &template![docs], "Learn more", out);
        }
        out.push("</div>\n");
    }
}

fn push_link(class: &str, url: &Template, label: &str, out: &mut Template) {
    // The linked site does not need the path of the request.
    out.push(format!("<a class=\"{class}\" rel=\"noreferrer\" href=\""));
    out.push_encoded(url, Encoding::Html);
    out.push("\">");
    push_escaped(label, out);
    out.push("</a>");
}

fn push_escaped(text: &str, out: &mut Template) {
    out.push_encoded(&template![text], Encoding::Html);
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

/// Returns true if `name` and the closing braces are at this offset of the template.
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
            heading: &template!["a-heading"],
            detail: &template!["a-detail"],
            instructions: &template!["some-instructions"],
            window_end: Some(template!["an-end"]),
            button: Some((template!["a-url"], "a-label")),
            docs: Some("some-docs"),
            status: 426,
            title: "a-title",
            rule: "a-rule",
            reason: "a-reason",
            instance: template!["an-instance"],
            observed: template!["an-observed-value"],
            request_id: template!["a-request-id"],
        };
        let page = page.render_html();
        let html = page.fixed_text();
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
        let text = template![evil];
        let page = RefusalPage {
            heading: &text,
            detail: &text,
            instructions: &text,
            window_end: Some(text.clone()),
            button: Some((text.clone(), evil)),
            docs: Some("https://x/?a='\"<>"),
            status: 426,
            title: evil,
            rule: evil,
            reason: evil,
            instance: text.clone(),
            observed: text.clone(),
            request_id: text.clone(),
        };
        let page = page.render_html();
        let html = page.fixed_text();
        assert!(!html.contains("<script") && html.contains("&lt;script&gt;"));
        assert_eq!(html.matches("<a ").count(), 2);
    }
}

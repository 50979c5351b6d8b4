//! The bodies of a refusal except JSON: HTML, plain text, and the trailers of gRPC.

use super::html::RefusalPage;
use super::kinds::{button_label, is_docs_url, upgrade_url};
use super::problem::problem_body;
use super::protocols::protocol_texts;
use super::refusal_parts::RefusalParts;
use crate::prepared::{Format, GrpcTemplate, Hole, ObservedPart, RulingHole, Template, template};

impl RefusalParts<'_> {
    /// The body in this format.
    pub(super) fn body_in(&self, format: Format) -> Template {
        match format {
            Format::Problem => problem_body(self),
            Format::Html => self.html_page(),
            Format::Text => self.plain_text(),
            // A gRPC client reads the refusal from the trailers and expects no message.
            Format::Grpc => Template::default(),
        }
    }

    /// The trailers of a gRPC call, which replace the body.
    pub(super) fn grpc_trailers(&self) -> GrpcTemplate {
        let rule = self.top.rule;
        let mut metadata = vec![
            ("rule", rule.id.to_string()),
            ("reason", self.top.ruling.reason.as_str().to_owned()),
            ("upgrade", protocol_texts(self.top).join(", ")),
        ];
        if let Some(docs) = &rule.docs {
            metadata.push(("docs", docs.clone()));
        }
        let message = template![&self.text.detail, " ", &self.text.instructions];
        GrpcTemplate { message, metadata }
    }

    fn html_page(&self) -> Template {
        let page = RefusalPage {
            heading: &self.text.heading,
            detail: &self.text.detail,
            instructions: &self.text.instructions,
            window_end: self.shape.has_window_end.then(|| template![Hole::WindowEnd]),
            button: upgrade_url(self.top).map(|url| (url, button_label(self.top.ruling.kind))),
            // One link to the same place is enough.
            docs: if is_docs_url(self.top) { None } else { self.top.rule.docs.as_deref() },
            status: self.status.code(),
            title: self.status.reason_phrase(),
            rule: &self.top.rule.id,
            reason: self.top.ruling.reason.as_str(),
            instance: template![Hole::Path],
            observed: self.observed_list(),
            request_id: template![Hole::RequestId],
        };
        page.render_html()
    }

    fn observed_list(&self) -> Template {
        let mut list = Template::default();
        for index in 0..self.top.ruling.observed {
            if index > 0 {
                list.push(", ");
            }
            list.push(self.top.hole(RulingHole::Observed(index, ObservedPart::ShownValue)));
            list.push(" (");
            list.push(self.top.hole(RulingHole::Observed(index, ObservedPart::Place)));
            list.push(")");
        }
        list
    }

    fn plain_text(&self) -> Template {
        let mut text = template![&self.text.detail, "\n", &self.text.instructions, "\n"];
        if let Some(url) = upgrade_url(self.top) {
            text.push(template!["See: ", url, "\n"]);
        }
        if let Some(docs) = &self.top.rule.docs {
            text.push(template!["Documentation: ", docs, "\n"]);
        }
        text
    }
}

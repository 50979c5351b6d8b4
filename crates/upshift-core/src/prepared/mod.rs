//! Answers that are laid out ahead of the requests that get them.
//!
//! The bytes of a refusal depend on the request in two ways. A few facts decide which sentences and
//! fields it has: together they are its [`AnswerShape`]. Everything else of the request only fills
//! a [`Hole`]. So an answer is composed once for each shape, as a [`Template`], and a request
//! copies and fills it.
//!
//! A rule keeps the answers of its shapes ([`PreparedAnswers`]), so this module is below the
//! policy. Composing and filling are the work of [`answer`](crate::answer).

mod encoding;
mod format;
mod hole;
mod prepared_answer;
mod prepared_answers;
mod shape;
mod template;

pub(crate) use encoding::Encoding;
pub(crate) use format::Format;
pub(crate) use hole::{FormFields, Hole, ObservedPart, RulingHole};
pub(crate) use prepared_answer::{GrpcTemplate, PreparedAnswer};
pub(crate) use prepared_answers::{PreparedAnswers, PreparedBudget};
pub(crate) use shape::{
    AnswerForm, AnswerShape, ApiShape, OtherShape, RequestShape, RulingShape, UrlShape,
};
pub(crate) use template::{HoleValues, Template, TemplatePiece, template};

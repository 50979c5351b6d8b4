//! Answers that are composed once and reused for many requests.
//!
//! The bytes of a refusal depend on the request in two ways. A few facts decide which sentences and
//! fields it has: together they are its [`AnswerShape`]. All other values of the request only fill
//! a [`Hole`]. So an answer is composed once per shape, as a [`Template`], which is copied and
//! filled for each request.
//!
//! A rule keeps the answers of its shapes ([`PreparedAnswers`]), so this module is below the
//! policy. [`answer`](crate::answer) composes and fills them.

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

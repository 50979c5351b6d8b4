//! An answer with holes.

use super::template::Template;

/// A composed answer with holes for the values of the request.
#[derive(Debug)]
pub(crate) struct PreparedAnswer {
    pub(crate) status: u16,
    /// The field lines, as HTTP/1.1 writes them.
    pub(crate) lines: Template,
    pub(crate) body: Template,
    /// The trailers of a gRPC call, which are sent with the field lines.
    pub(crate) grpc: Option<GrpcTemplate>,
    /// True if the connection must be closed after the answer.
    pub(crate) close: bool,
}

/// The parts of a refused gRPC call's trailers.
#[derive(Debug)]
pub(crate) struct GrpcTemplate {
    pub(crate) message: Template,
    /// The metadata that is the same for every request.
    pub(crate) metadata: Vec<(&'static str, String)>,
}

impl PreparedAnswer {
    /// The memory it uses, in bytes, beyond the fixed size of the struct.
    pub(crate) fn size(&self) -> usize {
        let mut size = self.lines.size() + self.body.size();
        if let Some(grpc) = &self.grpc {
            size += grpc.message.size();
            for (_, value) in &grpc.metadata {
                size += value.len();
            }
        }
        size
    }
}

//! The decision whether a trace is recorded, as the SDKs of OpenTelemetry make it.

use crate::telemetry::trace_context::TraceContext;

/// Decides whether a trace is recorded.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Sampler {
    /// A trace that was begun elsewhere is recorded if its caller says so.
    follows_parent: bool,
    /// The share of the other traces that is recorded.
    share: f64,
}

impl Sampler {
    /// Records `share` of the traces that begin here, and the others as their callers say.
    pub(crate) fn of_share(share: f64) -> Self {
        Self { follows_parent: true, share }
    }

    /// The sampler of these values of `OTEL_TRACES_SAMPLER` and `OTEL_TRACES_SAMPLER_ARG`.
    ///
    /// # Errors
    /// If the gateway has no such sampler; the text says which there are.
    pub(crate) fn from_name(name: &str, argument: Option<&str>) -> Result<Self, String> {
        let (follows_parent, root) = match name.strip_prefix("parentbased_") {
            Some(root) => (true, root),
            None => (false, name),
        };
        let share = match root {
            "always_on" => 1.0,
            "always_off" => 0.0,
            "traceidratio" => parse_share(argument)?,
            _ => {
                return Err(format!(
                    "there is no sampler `{name}`: expected always_on, always_off or \
                     traceidratio, each also with parentbased_ before it"
                ));
            }
        };
        Ok(Self { follows_parent, share })
    }

    /// Returns true if the trace is to be recorded.
    pub(crate) fn is_sampled(&self, context: &TraceContext) -> bool {
        if self.follows_parent && context.parent.is_some() {
            return context.is_sampled();
        }
        // The SDKs compare 63 bits, so that all gateways and services decide alike.
        let limit = (self.share * (1_u64 << 63) as f64) as u64;
        (context.trace_id.low_bits() >> 1) < limit
    }
}

impl Default for Sampler {
    /// The default of OpenTelemetry, `parentbased_always_on`.
    fn default() -> Self {
        Self::of_share(1.0)
    }
}

/// The argument of a sampler by share; without one, everything is recorded.
fn parse_share(argument: Option<&str>) -> Result<f64, String> {
    let Some(argument) = argument else { return Ok(1.0) };
    match argument.trim().parse() {
        Ok(share) if (0.0..=1.0).contains(&share) => Ok(share),
        _ => Err(format!("`{argument}` is not a share from 0 to 1")),
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test that fails here has failed")]

    use http::HeaderMap;
    use upshift_http::HeaderFields;

    use super::*;
    use crate::random::Random;
    use crate::telemetry::trace_context::TRACEPARENT;

    fn received(flags: &str) -> TraceContext {
        let mut fields = HeaderMap::new();
        let value = format!("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-{flags}");
        fields.insert(TRACEPARENT, value.parse().unwrap());
        TraceContext::from_fields(&HeaderFields(&fields)).unwrap()
    }

    #[test]
    fn a_parent_counts_where_the_name_says_so() {
        for (name, sampled, unsampled) in [
            ("always_on", true, true),
            ("always_off", false, false),
            ("parentbased_always_on", true, false),
            ("parentbased_always_off", true, false),
        ] {
            let sampler = Sampler::from_name(name, None).unwrap();
            let decided = [received("01"), received("00")].map(|trace| sampler.is_sampled(&trace));
            assert_eq!(decided, [sampled, unsampled], "{name}");
        }
    }

    #[test]
    fn a_share_of_the_new_traces_is_sampled() {
        let mut random = Random::new();
        for (share, least, most) in [("0", 0, 0), ("0.25", 400, 600), ("1", 2_000, 2_000)] {
            let sampler = Sampler::from_name("parentbased_traceidratio", Some(share)).unwrap();
            let mut sampled = 0;
            for _ in 0..2_000 {
                sampled += u32::from(sampler.is_sampled(&TraceContext::start(&mut random)));
            }
            assert!((least..=most).contains(&sampled), "{share}: {sampled}");
        }
    }

    #[test]
    fn a_wrong_name_or_share_is_an_error() {
        assert!(Sampler::from_name("jaeger_remote", None).is_err());
        assert!(Sampler::from_name("traceidratio", Some("2")).is_err());
        assert!(Sampler::from_name("traceidratio", Some("a tenth")).is_err());
    }
}

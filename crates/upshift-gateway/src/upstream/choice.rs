//! Load balancing: the endpoint that a request goes to, and the next one if that fails.

use std::rc::Rc;

use super::endpoint::UpstreamEndpoint;
use super::endpoint_health::FULL_SHARE;
use crate::random::Random;

/// The endpoints of a cluster, in the order in which one request tries them.
pub(crate) struct Candidates<'c> {
    endpoints: &'c [Rc<UpstreamEndpoint>],
    first: Option<usize>,
    /// The endpoints tried after the first. Most requests need no second one, and then this
    /// allocates nothing.
    others: Vec<usize>,
}

/// The conditions that an endpoint has to meet to be drawn.
#[derive(Clone, Copy)]
enum EndpointTier {
    /// A primary that is usable and below its limit.
    Primary,
    /// A backup that is usable and below its limit.
    Backup,
    /// A [`Primary`](Self::Primary) that is not returning from an ejection.
    SteadyPrimary,
    /// A [`Backup`](Self::Backup) that is not returning from an ejection.
    SteadyBackup,
    /// Neither ejected nor failing its health checks.
    Usable,
    /// Any endpoint: the last resort.
    Any,
}

impl<'c> Candidates<'c> {
    /// All endpoints, of which none has been tried.
    pub(super) fn untried(endpoints: &'c [Rc<UpstreamEndpoint>]) -> Self {
        Self { endpoints, first: None, others: Vec::new() }
    }

    /// The next endpoint to try; `None` if all were tried.
    pub(crate) fn next_endpoint(
        &mut self,
        random: &mut Random,
    ) -> Option<&'c Rc<UpstreamEndpoint>> {
        if self.first.is_none() && self.endpoints.len() == 1 {
            self.first = Some(0);
            return Some(&self.endpoints[0]);
        }
        if let Some(endpoint) = self.next_available(random) {
            return Some(endpoint);
        }
        // Overflow of the healthy endpoints must not go to the ejected ones: the caller answers
        // that the upstream is busy instead.
        let is_full =
            self.endpoints.iter().any(|endpoint| endpoint.is_usable() && !endpoint.has_capacity());
        let tier = if is_full { EndpointTier::Usable } else { EndpointTier::Any };
        let index = self.better_of_two(tier, random)?;
        Some(self.mark_tried(index))
    }

    /// The next endpoint that is usable and below its limit.
    pub(crate) fn next_available(
        &mut self,
        random: &mut Random,
    ) -> Option<&'c Rc<UpstreamEndpoint>> {
        // There is only one retry: spending it on an endpoint that is just returning from an
        // ejection risks a second failure.
        if self.first.is_some()
            && let Some(index) = self.next_steady(random)
        {
            return Some(self.mark_tried(index));
        }
        let index = match self.better_of_two(EndpointTier::Primary, random) {
            Some(primary) if !self.yields_to_backup(primary, random) => primary,
            _ => self.better_of_two(EndpointTier::Backup, random)?,
        };
        Some(self.mark_tried(index))
    }

    fn next_steady(&self, random: &mut Random) -> Option<usize> {
        let primary = self.better_of_two(EndpointTier::SteadyPrimary, random);
        primary.or_else(|| self.better_of_two(EndpointTier::SteadyBackup, random))
    }

    /// Returns true if a backup takes the request in place of the primary `index`. That is so for
    /// a part of the requests while all primaries are returning from an ejection.
    fn yields_to_backup(&self, index: usize, random: &mut Random) -> bool {
        let share = self.endpoints[index].shared_health().share();
        if share == FULL_SHARE || random.below(FULL_SHARE) < share {
            return false;
        }
        for (primary, _) in self.eligible(EndpointTier::Primary, None) {
            if self.endpoints[primary].shared_health().share() == FULL_SHARE {
                return false;
            }
        }
        self.eligible(EndpointTier::Backup, None).next().is_some()
    }

    fn mark_tried(&mut self, index: usize) -> &'c Rc<UpstreamEndpoint> {
        match self.first {
            None => self.first = Some(index),
            Some(_) => self.others.push(index),
        }
        &self.endpoints[index]
    }

    fn better_of_two(&self, tier: EndpointTier, random: &mut Random) -> Option<usize> {
        let one = self.draw_by_weight(tier, None, random)?;
        let Some(other) = self.draw_by_weight(tier, Some(one), random) else { return Some(one) };
        let [first, second] = [one, other].map(|index| &self.endpoints[index]);
        // Requests in flight per weight, multiplied out. The second must be no busier with this
        // request than the first is without it: otherwise an idle endpoint of small weight would
        // take a request from every other that has one, and more than its share.
        let is_less_busy =
            (second.in_flight.get() + 1) * first.weight <= first.in_flight.get() * second.weight;
        // An endpoint that is returning has few requests in flight, so this comparison alone would
        // give it its full load at once.
        let takes_second =
            is_less_busy && random.below(FULL_SHARE) < second.shared_health().share();
        Some(if takes_second { other } else { one })
    }

    /// Draws one of the eligible endpoints, by weight.
    fn draw_by_weight(
        &self,
        tier: EndpointTier,
        except: Option<usize>,
        random: &mut Random,
    ) -> Option<usize> {
        let total: u64 = self.eligible(tier, except).map(|(_, weight)| weight).sum();
        if total == 0 {
            return None;
        }
        let mut left = random.below(total);
        for (index, weight) in self.eligible(tier, except) {
            if left < weight {
                return Some(index);
            }
            left -= weight;
        }
        // The weights no longer add up to `total`: another core changed the health of an endpoint
        // between the two passes.
        self.eligible(tier, except).next().map(|(index, _)| index)
    }

    /// The untried endpoints of `tier`, each with its weight in thousandths.
    fn eligible(
        &self,
        tier: EndpointTier,
        except: Option<usize>,
    ) -> impl Iterator<Item = (usize, u64)> + use<'_, 'c> {
        let all = self.endpoints.iter().enumerate();
        let eligible = all.filter(move |(index, endpoint)| {
            Some(*index) != except && !self.was_tried(*index) && endpoint.is_in_tier(tier)
        });
        eligible
            .map(|(index, endpoint)| (index, endpoint.weight * endpoint.shared_health().share()))
    }

    fn was_tried(&self, index: usize) -> bool {
        self.first == Some(index) || self.others.contains(&index)
    }
}

impl UpstreamEndpoint {
    fn is_in_tier(&self, tier: EndpointTier) -> bool {
        match tier {
            EndpointTier::Primary => !self.backup && self.is_available(),
            EndpointTier::Backup => self.backup && self.is_available(),
            EndpointTier::SteadyPrimary => !self.backup && self.is_steady(),
            EndpointTier::SteadyBackup => self.backup && self.is_steady(),
            EndpointTier::Usable => self.is_usable(),
            EndpointTier::Any => true,
        }
    }
}

//! Which replica a request goes to, and which next if that one fails.

use std::rc::Rc;

use super::Replica;
use crate::random::Random;

/// The replicas of a site, in the order in which one request tries them.
pub(crate) struct Candidates<'s> {
    replicas: &'s [Rc<Replica>],
    first: Option<usize>,
    /// Those tried after the first. Most requests need no second one, and pay for no list.
    others: Vec<usize>,
}

/// The demands on a replica that is drawn.
#[derive(Clone, Copy)]
enum Tier {
    /// Not left out, with a place, and no backup.
    Primary,
    /// Not left out, with a place, and a backup.
    Backup,
    /// Such a primary, and not on its return.
    SteadyPrimary,
    /// Such a backup, and not on its return.
    SteadyBackup,
    /// Not left out.
    Usable,
    /// None: it is asked because no better one is there.
    Any,
}

impl<'s> Candidates<'s> {
    /// None is tried yet.
    pub(super) fn of(replicas: &'s [Rc<Replica>]) -> Self {
        Self { replicas, first: None, others: Vec::new() }
    }

    /// The next one; `None` if all were tried.
    pub(crate) fn next(&mut self, random: &mut Random) -> Option<&'s Rc<Replica>> {
        if self.first.is_none() && self.replicas.len() == 1 {
            self.first = Some(0);
            return Some(&self.replicas[0]);
        }
        if let Some(replica) = self.next_available(random) {
            return Some(replica);
        }
        // What is too much for those that serve must not go to those that are left out.
        let is_full =
            self.replicas.iter().any(|replica| replica.is_usable() && !replica.has_place());
        let tier = if is_full { Tier::Usable } else { Tier::Any };
        let index = self.better_of_two(tier, random)?;
        Some(self.take(index))
    }

    /// The next one that is not left out and has a place.
    pub(crate) fn next_available(&mut self, random: &mut Random) -> Option<&'s Rc<Replica>> {
        // There is one retry: it must not meet the next endpoint that is only tried whether it is
        // well again.
        if self.first.is_some()
            && let Some(index) = self.steady(random)
        {
            return Some(self.take(index));
        }
        let primary =
            self.better_of_two(Tier::Primary, random).filter(|index| !self.yields(*index, random));
        let index = primary.or_else(|| self.better_of_two(Tier::Backup, random))?;
        Some(self.take(index))
    }

    fn steady(&self, random: &mut Random) -> Option<usize> {
        let primary = self.better_of_two(Tier::SteadyPrimary, random);
        primary.or_else(|| self.better_of_two(Tier::SteadyBackup, random))
    }

    /// Tells whether a backup goes on in place of a primary: all of them return, and together have
    /// less than a share.
    fn yields(&self, index: usize, random: &mut Random) -> bool {
        let share = self.replicas[index].shared().share();
        if share == 1_000 || random.below(1_000) < share {
            return false;
        }
        let all_return = self
            .eligible(Tier::Primary, None)
            .all(|(index, _)| self.replicas[index].shared().share() < 1_000);
        all_return && self.eligible(Tier::Backup, None).next().is_some()
    }

    fn take(&mut self, index: usize) -> &'s Rc<Replica> {
        match self.first {
            None => self.first = Some(index),
            Some(_) => self.others.push(index),
        }
        &self.replicas[index]
    }

    fn better_of_two(&self, tier: Tier, random: &mut Random) -> Option<usize> {
        let one = self.draw(tier, None, random)?;
        let Some(other) = self.draw(tier, Some(one), random) else { return Some(one) };
        let [first, second] = [one, other].map(|index| &self.replicas[index]);
        // Fewer under way per weight; where they are equal, the draw has decided by weight.
        let less = second.under_way.get() * first.weight < first.under_way.get() * second.weight;
        // One that returns has few under way, and would have the full load at once.
        let takes = less && random.below(1_000) < second.shared().share();
        Some(if takes { other } else { one })
    }

    /// Draws one of those that fit, by weight.
    fn draw(&self, tier: Tier, except: Option<usize>, random: &mut Random) -> Option<usize> {
        let total = self.eligible(tier, except).map(|(_, weight)| weight).sum::<u64>();
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
        // Another core changed the health of one in between.
        self.eligible(tier, except).next().map(|(index, _)| index)
    }

    /// Those that were not tried and fit, each with its weight in thousandths.
    fn eligible(
        &self,
        tier: Tier,
        except: Option<usize>,
    ) -> impl Iterator<Item = (usize, u64)> + use<'_, 's> {
        let all = self.replicas.iter().enumerate();
        let left = all.filter(move |(index, _)| {
            Some(*index) != except && Some(*index) != self.first && !self.others.contains(index)
        });
        let fitting = left.filter(move |(_, replica)| match tier {
            Tier::Primary => !replica.backup && replica.is_available(),
            Tier::Backup => replica.backup && replica.is_available(),
            Tier::SteadyPrimary => !replica.backup && replica.is_steady(),
            Tier::SteadyBackup => replica.backup && replica.is_steady(),
            Tier::Usable => replica.is_usable(),
            Tier::Any => true,
        });
        fitting.map(|(index, replica)| (index, replica.weight * replica.shared().share()))
    }
}

//! Lists whose first members need no allocation.
//!
//! The lists of a decision borrow the policy, so their type has to be covariant. That of `smallvec`
//! is not, and so the members in place are in an [`ArrayVec`].

use std::cmp::Ordering;
use std::fmt;
use std::ops::{Deref, DerefMut};

use arrayvec::ArrayVec;

/// A list that holds up to `N` members in place, and more on the heap.
#[derive(Clone)]
pub struct InlineVec<T, const N: usize>(Place<T, N>);

#[derive(Clone)]
enum Place<T, const N: usize> {
    Inline(ArrayVec<T, N>),
    Heap(Vec<T>),
}

impl<T, const N: usize> InlineVec<T, N> {
    /// An empty list.
    pub const fn new() -> Self {
        Self(Place::Inline(ArrayVec::new_const()))
    }

    /// Adds a member at the end.
    pub fn push(&mut self, member: T) {
        match &mut self.0 {
            Place::Heap(members) => members.push(member),
            Place::Inline(members) => {
                if let Err(full) = members.try_push(member) {
                    let mut heap = Vec::with_capacity(2 * N);
                    heap.extend(members.drain(..));
                    heap.push(full.element());
                    self.0 = Place::Heap(heap);
                }
            }
        }
    }

    /// Removes the last member.
    pub fn pop(&mut self) -> Option<T> {
        match &mut self.0 {
            Place::Inline(members) => members.pop(),
            Place::Heap(members) => members.pop(),
        }
    }

    /// Keeps the first `length` members.
    pub fn truncate(&mut self, length: usize) {
        match &mut self.0 {
            Place::Inline(members) => members.truncate(length),
            Place::Heap(members) => members.truncate(length),
        }
    }

    /// The members.
    pub fn as_slice(&self) -> &[T] {
        self
    }

    /// Keeps the members for which `keep` returns true.
    pub fn retain(&mut self, keep: impl FnMut(&mut T) -> bool) {
        match &mut self.0 {
            Place::Inline(members) => members.retain(keep),
            Place::Heap(members) => members.retain_mut(keep),
        }
    }
}

impl<T: Copy + Ord, const N: usize> InlineVec<T, N> {
    /// Sorts the members, and keeps each of them once.
    pub(crate) fn sort_distinct(&mut self) {
        // Nearly every list has one member.
        if self.len() < 2 {
            return;
        }
        self.sort_unstable();
        let mut before = None;
        self.retain(|member| before.replace(*member) != Some(*member));
    }
}

impl<T, const N: usize> Deref for InlineVec<T, N> {
    type Target = [T];

    fn deref(&self) -> &[T] {
        match &self.0 {
            Place::Inline(members) => members,
            Place::Heap(members) => members,
        }
    }
}

impl<T, const N: usize> DerefMut for InlineVec<T, N> {
    fn deref_mut(&mut self) -> &mut [T] {
        match &mut self.0 {
            Place::Inline(members) => members,
            Place::Heap(members) => members,
        }
    }
}

impl<T, const N: usize> Default for InlineVec<T, N> {
    fn default() -> Self {
        Self::new()
    }
}

impl<T, const N: usize> From<Vec<T>> for InlineVec<T, N> {
    fn from(members: Vec<T>) -> Self {
        Self(Place::Heap(members))
    }
}

impl<T, const N: usize> Extend<T> for InlineVec<T, N> {
    fn extend<I: IntoIterator<Item = T>>(&mut self, members: I) {
        for member in members {
            self.push(member);
        }
    }
}

impl<T, const N: usize> FromIterator<T> for InlineVec<T, N> {
    fn from_iter<I: IntoIterator<Item = T>>(members: I) -> Self {
        let mut list = Self::new();
        list.extend(members);
        list
    }
}

impl<'v, T, const N: usize> IntoIterator for &'v InlineVec<T, N> {
    type Item = &'v T;
    type IntoIter = std::slice::Iter<'v, T>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

impl<T: PartialEq, const N: usize> PartialEq for InlineVec<T, N> {
    fn eq(&self, other: &Self) -> bool {
        self[..] == other[..]
    }
}

impl<T: Eq, const N: usize> Eq for InlineVec<T, N> {}

impl<T: PartialOrd, const N: usize> PartialOrd for InlineVec<T, N> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        self[..].partial_cmp(&other[..])
    }
}

impl<T: Ord, const N: usize> Ord for InlineVec<T, N> {
    fn cmp(&self, other: &Self) -> Ordering {
        self[..].cmp(&other[..])
    }
}

impl<T: fmt::Debug, const N: usize> fmt::Debug for InlineVec<T, N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn members_stay_in_order_on_their_way_to_the_heap() {
        let mut list = InlineVec::<u32, 2>::new();
        for number in 0..5 {
            list.push(number);
            assert!(list.iter().copied().eq(0..=number), "{list:?}");
        }
        list.retain(|number| *number % 2 == 0);
        assert_eq!(list.as_slice(), [0, 2, 4]);
        assert_eq!(list, InlineVec::from(vec![0, 2, 4]));
        list.extend([2, 4, 1]);
        list.sort_distinct();
        assert_eq!(list.as_slice(), [0, 1, 2, 4]);
    }
}

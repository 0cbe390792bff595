//! The brake on mass demotions (VERDICTS, outages): when many domains would
//! lose their verification at about the same time, the fault is more likely
//! ours, or a DNS host's, than theirs.

use jiff::SignedDuration;

/// Demotions this close together are counted together.
pub const WINDOW: SignedDuration = SignedDuration::from_hours(1);
/// So few are never held back.
const AT_LEAST: u64 = 20;
/// And no more than this share of the verified domains, in percent.
const PERCENT: u64 = 1;

/// How many domains stand where.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct AtStake {
    /// Lost within the last [`WINDOW`].
    pub lost: u64,
    /// Would be lost within the next, if nothing changed; those held back
    /// already included.
    pub losing: u64,
    /// Verified now.
    pub verified: u64,
}

impl AtStake {
    /// Whether so many are at stake that how many are verified matters.
    #[must_use]
    pub fn is_many(&self) -> bool {
        self.lost + self.losing >= AT_LEAST
    }

    /// Whether nothing may be demoted now.
    #[must_use]
    pub fn is_frozen(&self) -> bool {
        self.is_many() && (self.lost + self.losing) * 100 > (self.verified + self.lost) * PERCENT
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frozen(lost: u64, losing: u64, verified: u64) -> bool {
        AtStake { lost, losing, verified }.is_frozen()
    }

    #[test]
    fn more_than_a_hundredth_and_at_least_twenty() {
        assert!(!frozen(0, 19, 19), "all of a small installation");
        assert!(frozen(0, 20, 20));
        assert!(frozen(10, 10, 990));
        assert!(!frozen(10, 10, 1_990), "a hundredth is not more than one");
        assert!(frozen(10, 11, 1_990));
        assert!(!frozen(0, 9_999, 1_000_000));
        assert!(frozen(1, 10_000, 1_000_000));
    }
}

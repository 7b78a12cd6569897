//! Days end by the ledger's order, not by the clock alone: a record belongs to the latest day that any record up to it
//! was written on, so a clock that is set back never reopens a day that was signed. A record that is dated after today
//! does not count for that, so a clock that was far ahead once does not end the closing of days.

/// Which day each record belongs to, in the order of the ledger.
pub(crate) struct DayOrder {
    latest: u64,
    today: u64,
}

impl DayOrder {
    /// For what comes after the last day that was closed. One that is not over yet was closed by a clock that was
    /// ahead; real days go on beside it.
    pub(crate) fn after(closed: u64, today: u64) -> Self {
        Self { latest: if closed > today { 0 } else { closed + 1 }, today }
    }

    /// The day of a record that was dated so.
    pub(crate) fn day_of(&mut self, own: u64) -> u64 {
        if own <= self.today {
            self.latest = self.latest.max(own);
        } else if self.latest == 0 {
            self.latest = self.today;
        }
        self.latest
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    // One record of 2099 ended the daily balance for good, and said nothing.
    #[test]
    fn a_record_from_far_ahead_does_not_keep_real_days_from_ending() {
        const FAR: u64 = 47_482;
        let (first, mut closed) = (20_000, 19_999);
        let mut written = vec![first, FAR, first];
        for today in first + 1..first + 5 {
            let mut order = DayOrder::after(closed, today);
            let days: BTreeSet<u64> = written.drain(..).map(|own| order.day_of(own)).collect();
            assert_eq!(days, BTreeSet::from([today - 1]), "the day before {today} is over");
            closed = today - 1;
            written = vec![today, FAR, today];
        }
        // It had been ahead for so long that its days were closed.
        let mut order = DayOrder::after(FAR, first + 6);
        assert_eq!([FAR, first + 5, first + 6].map(|own| order.day_of(own)), [first + 6; 3]);
        let mut order = DayOrder::after(FAR, first + 6);
        assert_eq!(
            [first + 5, FAR, first + 6].map(|own| order.day_of(own)),
            [first + 5, first + 5, first + 6]
        );
        // Set back by an hour, over midnight: what was signed is not opened again.
        assert_eq!(DayOrder::after(first, first).day_of(first), first + 1);
    }
}

//! Numbers that were measured several times.
#![expect(clippy::cast_precision_loss, reason = "counts far below 2^52")]

/// One number of each round, in the order of the rounds.
#[derive(Clone, Debug, Default)]
pub(super) struct Samples(pub(super) Vec<f64>);

impl Samples {
    pub(super) fn median(&self) -> f64 {
        self.percentile(50.0)
    }

    pub(super) fn least(&self) -> f64 {
        self.0.iter().copied().fold(f64::INFINITY, f64::min)
    }

    pub(super) fn most(&self) -> f64 {
        self.0.iter().copied().fold(f64::NEG_INFINITY, f64::max)
    }

    /// The number that so many percent of all don't exceed, between two of them if need be.
    pub(super) fn percentile(&self, percent: f64) -> f64 {
        let mut sorted = self.0.clone();
        sorted.sort_unstable_by(f64::total_cmp);
        let Some(last) = sorted.len().checked_sub(1) else { return f64::NAN };
        let position = percent / 100.0 * last as f64;
        let share = position.fract();
        let at = |position: f64| {
            #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "an index")]
            sorted.get(position as usize).copied().unwrap_or(f64::NAN)
        };
        at(position.floor()) * (1.0 - share) + at(position.ceil()) * share
    }

    /// The ratios to `others`, round by round: what a busy machine does to a round it does to both.
    pub(super) fn ratios(&self, others: &Self) -> Self {
        Self(self.0.iter().zip(&others.0).map(|(ours, theirs)| ours / theirs).collect())
    }

    /// How much more they are than `others`, round by round.
    pub(super) fn differences(&self, others: &Self) -> Self {
        Self(self.0.iter().zip(&others.0).map(|(ours, theirs)| ours - theirs).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::Samples;

    #[test]
    fn medians_and_percentiles() {
        let samples = Samples(vec![4.0, 1.0, 3.0, 2.0]);
        assert!((samples.median() - 2.5).abs() < 1e-9);
        assert!((samples.percentile(100.0) - 4.0).abs() < 1e-9);
        assert!((samples.least() - 1.0).abs() < 1e-9 && (samples.most() - 4.0).abs() < 1e-9);
        assert!(Samples::default().median().is_nan());
    }

    #[test]
    fn ratios_go_round_by_round() {
        let ratios = Samples(vec![2.0, 30.0]).ratios(&Samples(vec![1.0, 10.0]));
        assert_eq!(ratios.0, [2.0, 3.0]);
    }
}

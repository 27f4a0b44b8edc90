//! Chance that can be had again: the same seed gives the same numbers on every machine.

/// A generator of numbers that look random (`SplitMix64`). Nothing here is a secret.
#[derive(Clone, Debug)]
pub struct Dice(u64);

impl Dice {
    /// The generator of a seed.
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// The next number.
    pub fn roll(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A number below `end`; 0 if that is 0.
    pub fn below(&mut self, end: u64) -> u64 {
        self.roll().checked_rem(end).unwrap_or_default()
    }

    /// One of the choices, as often as its weight says; none if there is no weight.
    pub fn pick<'a, T>(&mut self, choices: &'a [(u32, T)]) -> Option<&'a T> {
        let sum = choices.iter().map(|(weight, _)| u64::from(*weight)).sum();
        let mut left = self.below(sum);
        choices.iter().find_map(|(weight, choice)| {
            let weight = u64::from(*weight);
            let hit = left < weight;
            left = left.saturating_sub(weight);
            hit.then_some(choice)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::Dice;

    #[test]
    fn a_seed_gives_its_numbers_again_and_weights_hold() {
        let (mut one, mut two) = (Dice::new(7), Dice::new(7));
        assert!((0..100).all(|_| one.roll() == two.roll()));
        assert_ne!(Dice::new(8).roll(), Dice::new(7).roll());
        let choices = [(90, 'a'), (0, 'b'), (10, 'c')];
        let picked: String = (0..1000).filter_map(|_| one.pick(&choices)).collect();
        let often = |wanted| picked.chars().filter(|c| *c == wanted).count();
        assert!((850..950).contains(&often('a')) && often('b') == 0, "{}", often('a'));
        assert_eq!(one.pick::<char>(&[]), None);
    }
}

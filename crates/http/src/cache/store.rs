//! Where answers are kept: a map with two bounds, number and bytes, that forgets what wasn't used
//! for longest. Both bounds hold after every change, exactly.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::Key;
use super::entry::Entry;

/// What is kept.
#[derive(Debug, Default)]
pub(super) struct Store {
    entries: BTreeMap<Key, Slot>,
    /// Which entry was used when; the lowest was not for longest.
    used: BTreeMap<u64, Key>,
    uses: u64,
    bytes: usize,
}

#[derive(Debug)]
struct Slot {
    entry: Arc<Entry>,
    used: u64,
}

impl Store {
    pub(super) fn get(&mut self, key: &Key) -> Option<Arc<Entry>> {
        let slot = self.entries.get_mut(key)?;
        self.uses += 1;
        self.used.remove(&slot.used);
        self.used.insert(self.uses, *key);
        slot.used = self.uses;
        Some(Arc::clone(&slot.entry))
    }

    /// Keeps an entry in place of the one before, and lets go what is over the bounds.
    pub(super) fn put(&mut self, key: Key, entry: Arc<Entry>, entries: usize, bytes: usize) {
        self.remove(&key);
        if entries == 0 || entry.weight() > bytes {
            return;
        }
        while self.entries.len() >= entries || self.bytes + entry.weight() > bytes {
            let Some((_, oldest)) = self.used.first_key_value() else { return };
            let oldest = *oldest;
            self.remove(&oldest);
        }
        self.uses += 1;
        self.bytes += entry.weight();
        self.used.insert(self.uses, key);
        self.entries.insert(key, Slot { entry, used: self.uses });
    }

    pub(super) fn remove(&mut self, key: &Key) {
        if let Some(slot) = self.entries.remove(key) {
            self.used.remove(&slot.used);
            self.bytes -= slot.entry.weight();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(length: usize) -> Arc<Entry> {
        Arc::new(Entry::of_length(length))
    }

    fn key(n: u8) -> Key {
        Key([n; 32])
    }

    #[test]
    fn what_was_used_last_stays() {
        let mut store = Store::default();
        for n in 0..3 {
            store.put(key(n), entry(10), 3, 1_000_000);
        }
        assert!(store.get(&key(0)).is_some());
        store.put(key(3), entry(10), 3, 1_000_000);
        assert!(store.get(&key(1)).is_none());
        assert!([0, 2, 3].into_iter().all(|n| store.get(&key(n)).is_some()));
    }

    #[test]
    fn both_bounds_hold_after_any_change() {
        let mut store = Store::default();
        let mut seed = 7_u64;
        for _ in 0..20_000 {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            let n = u8::try_from((seed >> 40) % 40).unwrap();
            let length = usize::try_from(seed >> 50).unwrap();
            match seed >> 33 & 3 {
                0 => store.remove(&key(n)),
                1 => drop(store.get(&key(n))),
                _ => store.put(key(n), entry(length), 16, 60_000),
            }
            let bytes: usize = store.entries.values().map(|slot| slot.entry.weight()).sum();
            assert_eq!(bytes, store.bytes);
            assert!(bytes <= 60_000 && store.entries.len() <= 16);
            assert_eq!(store.used.len(), store.entries.len());
            assert!(store.used.values().all(|key| store.entries.contains_key(key)));
        }
    }

    #[test]
    fn what_fits_nowhere_is_not_kept() {
        let mut store = Store::default();
        store.put(key(0), entry(10), 3, 10_000);
        store.put(key(0), entry(20_000), 3, 10_000);
        assert!(store.get(&key(0)).is_none());
        assert_eq!(store.bytes, 0);
    }
}

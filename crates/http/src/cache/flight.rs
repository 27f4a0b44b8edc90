//! Requests under way, so that another like it waits for the same answer. Whoever holds a flight's
//! lock asks the upstream; the lock is fair and is let go with the future that holds it, so that a
//! cancelled request hands over to the next one that waits, and there is nothing to clean up.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError, Weak};

use super::Key;
use super::entry::Entry;

/// A request and the epoch in which it was made: one that was made after a change doesn't want the
/// answer to one from before it.
pub(super) type Course = (Key, u64);

/// All requests under way.
#[derive(Debug, Default)]
pub(super) struct Flights(Mutex<BTreeMap<Course, Weak<Flight>>>);

pub(super) type Flight = tokio::sync::Mutex<Landing>;

/// What became of a request under way.
#[derive(Debug, Default)]
pub(super) enum Landing {
    /// Nothing yet. Whoever gets the lock and sees this is the one to ask.
    #[default]
    Open,
    /// An answer that can be shared.
    Answer(Arc<Entry>),
    /// One that can't be, such as an error: everybody asks for themselves.
    Nothing,
}

/// A seat in a flight; it is removed with its last seat, or when it has landed.
#[derive(Debug)]
pub(super) struct Seat<'a> {
    flights: &'a Flights,
    course: Course,
    flight: Option<Arc<Flight>>,
}

impl Flights {
    /// Takes a seat in the flight of that course, or opens it.
    pub(super) fn board(&self, course: Course) -> Seat<'_> {
        let mut flights = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let known = flights.get(&course).and_then(Weak::upgrade);
        let flight = known.unwrap_or_else(|| {
            let flight = Arc::default();
            flights.insert(course, Arc::downgrade(&flight));
            flight
        });
        Seat { flights: self, course, flight: Some(flight) }
    }

    #[cfg(test)]
    pub(super) fn count(&self) -> usize {
        self.0.lock().unwrap().len()
    }
}

impl Seat<'_> {
    pub(super) fn flight(&self) -> Arc<Flight> {
        self.flight.clone().unwrap_or_default()
    }

    /// Nobody boards any more: what has landed is from before their question.
    pub(super) fn landed(&self) {
        let mut flights = self.flights.0.lock().unwrap_or_else(PoisonError::into_inner);
        let ours = self.flight.as_ref().map(Arc::downgrade);
        let is_ours = |known: &Weak<_>| ours.as_ref().is_some_and(|ours| ours.ptr_eq(known));
        if flights.get(&self.course).is_some_and(is_ours) {
            flights.remove(&self.course);
        }
    }
}

impl Drop for Seat<'_> {
    fn drop(&mut self) {
        // Under the lock, so that nobody boards between the count and the removal.
        let mut flights = self.flights.0.lock().unwrap_or_else(PoisonError::into_inner);
        drop(self.flight.take());
        if flights.get(&self.course).is_some_and(|flight| flight.strong_count() == 0) {
            flights.remove(&self.course);
        }
    }
}

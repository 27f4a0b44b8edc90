//! The protocol core of the lockkeeper connector servers.

mod stop;

pub use stop::Stop;

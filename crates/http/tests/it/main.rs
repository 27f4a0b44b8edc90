//! The stack against real servers on this machine.

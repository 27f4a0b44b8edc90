//! What is never sent, and what is.

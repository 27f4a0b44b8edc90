//! The databases.
pub(crate) mod bounded;
pub(crate) mod connect;
pub(crate) mod dsn;
pub(crate) mod error;
pub(crate) mod pool;
pub(crate) mod reading;
pub(crate) mod tls;

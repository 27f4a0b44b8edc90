//! Where there is no inotify nothing is noticed, and everything is polled.

use super::super::beneath::Dir;

/// How changes are noticed here, for `check`.
pub const MEANS: &str = "by looking once a second";

/// Why a directory is polled here.
pub const UNWATCHED: &str = "this platform isn't asked to watch";

#[derive(Debug)]
pub(super) struct Notices;

/// Never comes.
pub(super) struct Notice<'a> {
    pub(super) watch: i32,
    pub(super) name: Option<&'a [u8]>,
    pub(super) is_content: bool,
    pub(super) moved: Option<(u32, bool)>,
    pub(super) is_gone: bool,
}

#[expect(clippy::unused_self, reason = "as on Linux")]
impl Notices {
    pub(super) fn new() -> Self {
        Self
    }

    pub(super) fn add(&self, _dir: &Dir) -> Option<i32> {
        None
    }

    pub(super) fn remove(&self, _watch: i32) {}

    pub(super) async fn ready(&self) {
        std::future::pending().await
    }

    pub(super) fn drain(&self, _each: impl FnMut(&Notice<'_>)) -> bool {
        true
    }
}

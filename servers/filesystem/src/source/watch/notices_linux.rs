//! inotify. A directory is watched by the descriptor under which it was opened beneath its root
//! (`/proc/self/fd/N` leads to that very file, whatever its path leads to by now): a link swapped in
//! between can't get anything else watched. What is inside decides elsewhere; a notice is a number
//! and a name that nobody believes unseen.

use std::mem::MaybeUninit;
use std::os::fd::{AsRawFd as _, OwnedFd};

use rustix::fs::inotify::{self, CreateFlags, ReadFlags, Reader, WatchFlags};
use rustix::io::Errno;
use tokio::net::unix::pipe::Receiver;

use super::super::beneath::Dir;

/// How changes are noticed here, for `check`.
pub const MEANS: &str = "by the system (inotify)";

/// Why a directory is polled here.
pub const UNWATCHED: &str = "the limit of watches (fs.inotify.max_user_watches) is reached";

/// What may mean a change. Directories only: a file is watched by the directory that holds it.
const CHANGES: WatchFlags = WatchFlags::CREATE
    .union(WatchFlags::DELETE)
    .union(WatchFlags::MODIFY)
    .union(WatchFlags::ATTRIB)
    .union(WatchFlags::MOVED_FROM)
    .union(WatchFlags::MOVED_TO)
    .union(WatchFlags::DELETE_SELF)
    .union(WatchFlags::MOVE_SELF)
    .union(WatchFlags::ONLYDIR)
    .union(WatchFlags::EXCL_UNLINK);

/// More than the system's queue holds. Whoever changes things without a pause would otherwise keep
/// us reading without end.
const MOST: usize = 20_000;

/// Where the system puts its notices; without one, everything is polled.
#[derive(Debug)]
pub(super) struct Notices(Option<OwnedFd>);

/// Something happened in a watched directory, or to it.
pub(super) struct Notice<'a> {
    pub(super) watch: i32,
    /// The entry; none if it is about the directory itself.
    pub(super) name: Option<&'a [u8]>,
    /// Content was written.
    pub(super) is_content: bool,
    /// One half of a rename: its number, and whether this is the old name.
    pub(super) moved: Option<(u32, bool)>,
    /// The watch has ended.
    pub(super) is_gone: bool,
}

impl Notices {
    pub(super) fn new() -> Self {
        // An error here is the system's limit of instances.
        Self(inotify::init(CreateFlags::CLOEXEC | CreateFlags::NONBLOCK).ok())
    }

    /// Watches a directory; `None` if the system won't. The same directory has the same number.
    pub(super) fn add(&self, dir: &Dir) -> Option<i32> {
        let path = format!("/proc/self/fd/{}", dir.0.as_raw_fd());
        inotify::add_watch(self.0.as_ref()?, path, CHANGES).ok()
    }

    pub(super) fn remove(&self, watch: i32) {
        if let Some(descriptor) = &self.0 {
            // It may have ended by itself.
            let _: Result<(), Errno> = inotify::remove_watch(descriptor, watch);
        }
    }

    /// Waits until there are notices.
    pub(super) async fn ready(&self) {
        // Like the reading end of a pipe: a stream that doesn't block. Registered only while somebody
        // waits.
        let receiver = self.0.as_ref().and_then(|descriptor| {
            Receiver::from_owned_fd_unchecked(descriptor.try_clone().ok()?).ok()
        });
        match receiver {
            Some(receiver) => drop(receiver.readable().await),
            None => std::future::pending().await,
        }
    }

    /// Hands out what there was when it began; `false` if notices were lost.
    pub(super) fn drain(&self, mut each: impl FnMut(&Notice<'_>)) -> bool {
        let Some(descriptor) = &self.0 else { return true };
        let mut buffer = [const { MaybeUninit::uninit() }; 16 * 1024];
        let mut reader = Reader::new(descriptor, &mut buffer);
        let mut complete = true;
        for _ in 0..MOST {
            let event = match reader.next() {
                Ok(event) => event,
                Err(Errno::INTR) => continue,
                Err(_) => break,
            };
            let events = event.events();
            if events.contains(ReadFlags::QUEUE_OVERFLOW) {
                complete = false;
                continue;
            }
            let moved = if events.contains(ReadFlags::MOVED_FROM) {
                Some((event.cookie(), true))
            } else if events.contains(ReadFlags::MOVED_TO) {
                Some((event.cookie(), false))
            } else {
                None
            };
            each(&Notice {
                watch: event.wd(),
                name: event.file_name().map(std::ffi::CStr::to_bytes),
                is_content: events.contains(ReadFlags::MODIFY),
                moved,
                is_gone: events.contains(ReadFlags::IGNORED),
            });
        }
        complete
    }
}

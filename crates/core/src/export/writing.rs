//! Exports that take as long as they take: a piece is written while the next one is read, and what one
//! call doesn't finish is kept for the next.

use std::time::{Duration, Instant};

use futures_util::future::join;

use super::Draft;
use crate::context::Cx;
use crate::effect::EffectKind;
use crate::error::ToolError;
use crate::ongoing::Ongoing;

/// Bytes that are written at once.
const PIECE: usize = 256 * 1024;

/// What a call takes where it has no deadline.
const PAUSE: Duration = Duration::from_secs(20);

/// What fills a file, piece by piece.
pub trait Filling<S>: Send + 'static {
    /// Adds to `text` until that has `enough` bytes, nothing is left, or it is `until`. Nothing is
    /// lost when it is late.
    fn fill(
        &mut self,
        source: &S,
        text: &mut String,
        enough: usize,
        until: Instant,
    ) -> impl Future<Output = Result<Filled, ToolError>> + Send;

    /// How many rows, or whatever it is filled with, it has given so far.
    fn count(&self) -> u64;
}

/// How far a file was filled.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Filled {
    /// There is enough to write.
    Piece,
    /// Nothing is left.
    All,
    /// The time was up.
    Late,
}

/// A file on its way. Dropped, it is gone.
pub struct Export<F> {
    filling: F,
    /// What isn't in the file yet.
    text: String,
    draft: Draft,
}

/// How an export stands at the end of a call.
pub enum Exported<F> {
    /// The file has its name and so many bytes.
    Done(F, u64),
    /// There is more. It is to be kept, for the next call.
    Running(Box<Export<F>>),
}

impl<F> Export<F> {
    /// Fills `draft`.
    pub fn new(filling: F, draft: Draft) -> Self {
        Self { filling, text: String::new(), draft }
    }

    /// What it is filled with.
    pub fn filling(&self) -> &F {
        &self.filling
    }

    /// Bytes so far.
    pub fn bytes(&self) -> u64 {
        self.draft.bytes() + self.text.len() as u64
    }

    /// Goes on until all is in the file, or until it is time to answer.
    ///
    /// # Errors
    ///
    /// What reading or writing failed with. The file is gone then.
    pub async fn go_on<S, E>(self, cx: &Cx<'_, S, E>) -> Result<Exported<F>, ToolError>
    where
        S: Send + Sync + 'static,
        E: EffectKind,
        F: Filling<S>,
    {
        let until = pause();
        let Self { mut filling, mut text, mut draft } = self;
        let mut piece = String::new();
        let mut filled = filling.fill(cx.source(), &mut text, PIECE, until).await?;
        while filled == Filled::Piece && Instant::now() < until {
            std::mem::swap(&mut text, &mut piece);
            let write = cx.blocking(move |_, _| {
                let written = draft.write(piece.as_bytes());
                piece.clear();
                // Rows of megabytes leave none behind.
                piece.shrink_to(2 * PIECE);
                (written, piece, draft)
            });
            let fill = filling.fill(cx.source(), &mut text, PIECE, until);
            let (written, read) = join(write, fill).await;
            let (written, empty, same) = written?;
            written?;
            (piece, draft, filled) = (empty, same, read?);
            cx.progress(filling.count(), None, None).await;
        }
        if filled != Filled::All {
            return Ok(Exported::Running(Box::new(Self { filling, text, draft })));
        }
        let finish = move |_: &S, _: &_| {
            draft.write(text.as_bytes())?;
            draft.finish()
        };
        let bytes = cx.blocking(finish).await??;
        Ok(Exported::Done(filling, bytes))
    }
}

/// When a call has to answer, whatever is left to do.
fn pause() -> Instant {
    let now = Instant::now();
    let left = Ongoing::current().map(|call| call.deadline().saturating_duration_since(now));
    now + left.unwrap_or(PAUSE).mul_f64(0.8)
}

//! A person's yes to what can't be undone. Under 2026-07-28 the client asks between two calls of
//! the same tool, under the older revisions the server asks in the middle of one; callers see one
//! function. A yes counts once, for these arguments of this tool under this policy, for 5 minutes.

use std::io;
use std::time::Duration;

use futures_util::future::BoxFuture;
use rmcp::model::{InputResponses, RequestStateCodec, SealOptions};
use serde_json::Value;

use crate::error::ToolError;
use crate::state::{State, hex, random};

/// How long a question stays open.
pub(crate) const EXPIRES: Duration = Duration::from_mins(5);

/// The name of our one question among a result's input requests.
pub(crate) const QUESTION: &str = "confirm";

/// The code of an answer that is good for nothing: the state that comes with it doesn't verify. A protocol
/// error to the client, since it is the client who keeps it.
pub(crate) const INVALID: &str = "confirmation_invalid";

/// How this client can be asked.
pub(crate) enum Asking<'a> {
    /// By answering with a question and being called again (2026-07-28).
    Rounds(Option<Round>),
    /// By a request of our own (up to 2025-11-25).
    Request(&'a dyn Asker),
    /// Not at all.
    Nobody,
}

/// A call that brings an answer to an earlier question.
#[derive(Debug, Clone)]
pub(crate) struct Round {
    pub(crate) state: String,
    pub(crate) responses: InputResponses,
}

/// Asks a person through the client and waits.
pub(crate) trait Asker: Send + Sync {
    /// True if the person agreed; the error says why there is no answer.
    fn ask(&self, question: String) -> BoxFuture<'_, Result<bool, ToolError>>;
}

/// What to do with the call.
pub(crate) enum Verdict {
    Go,
    AskFirst { question: String, state: String },
    Refused(ToolError),
}

impl Verdict {
    /// As metrics name it.
    pub(crate) fn outcome(&self) -> &'static str {
        match self {
            Self::Go => "accepted",
            Self::AskFirst { .. } => "asked",
            Self::Refused(error) => error.code(),
        }
    }
}

/// Lets a person decide on `question`. `binding` is all that the answer is good for; `unasked` is
/// what the agent is told where nobody can be asked.
pub(crate) async fn confirm(
    state: &State,
    binding: &[u8],
    (question, unasked): (String, ToolError),
    asking: Asking<'_>,
) -> Verdict {
    match asking {
        Asking::Nobody => Verdict::Refused(unasked),
        Asking::Request(asker) => match asker.ask(question).await {
            Ok(true) => Verdict::Go,
            Ok(false) => Verdict::Refused(declined()),
            Err(error) => Verdict::Refused(error),
        },
        Asking::Rounds(None) => {
            let Ok(codec) = RequestStateCodec::try_new(state.key().expose().clone()) else {
                return Verdict::Refused(cannot_ask());
            };
            let options = SealOptions::new().associated_data(binding).ttl(EXPIRES);
            let nonce = hex(&random(16));
            Verdict::AskFirst { question, state: codec.seal_with(nonce.as_bytes(), &options) }
        }
        Asking::Rounds(Some(round)) => match accept(state, binding, &round) {
            Ok(()) => Verdict::Go,
            Err(error) => Verdict::Refused(error),
        },
    }
}

fn accept(state: &State, binding: &[u8], round: &Round) -> Result<(), ToolError> {
    let codec = RequestStateCodec::try_new(state.key().expose().clone()).map_err(|_| invalid())?;
    let nonce = codec.open_with(&round.state, binding).map_err(|_| invalid())?;
    let nonce = String::from_utf8(nonce).map_err(|_| invalid())?;
    let well_formed = nonce.len() == 32 && nonce.bytes().all(|byte| byte.is_ascii_hexdigit());
    if !well_formed {
        return Err(invalid());
    }
    let action = round.responses.get(QUESTION).and_then(|response| response.get("action"));
    let action = action.and_then(Value::as_str);
    if !matches!(action, Some("accept" | "decline")) {
        return Err(declined());
    }
    // A no counts once as well: no later yes to the same question undoes it.
    state.use_nonce(&nonce).map_err(|error| match error.kind() {
        io::ErrorKind::AlreadyExists => invalid(),
        _ => ToolError::new("state_unavailable", "the confirmation can't be recorded as used")
            .hint("start the server with a writable --state-dir"),
    })?;
    if action == Some("accept") { Ok(()) } else { Err(declined()) }
}

/// One text for every way in which an answer can be wrong: forged, altered, expired, used.
fn invalid() -> ToolError {
    ToolError::new(INVALID, "this confirmation is not valid for this call")
        .hint("call again without it to be asked anew; a confirmation counts once, for 5 minutes")
}

fn declined() -> ToolError {
    ToolError::new("declined", "the person declined this call")
        .hint("don't repeat it unless the person asks for it")
}

pub(crate) fn cannot_ask() -> ToolError {
    ToolError::new(
        "confirmation_unavailable",
        "this call may lose data for good and needs a person's confirmation, \
         which this client can't ask for",
    )
    .hint("the server's owner can allow it with --destroy allow")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn round(state: &str, action: &str) -> Round {
        let responses = [(QUESTION.to_owned(), json!({"action": action}))].into();
        Round { state: state.to_owned(), responses }
    }

    async fn verdict(state: &State, binding: &[u8], round: Option<Round>) -> Verdict {
        confirm(state, binding, ("Sure?".into(), cannot_ask()), Asking::Rounds(round)).await
    }

    fn code(verdict: &Verdict) -> &'static str {
        match verdict {
            Verdict::Go => "go",
            Verdict::AskFirst { .. } => "ask",
            Verdict::Refused(error) => error.code(),
        }
    }

    #[tokio::test]
    async fn an_answer_counts_once_and_only_for_its_call() {
        let directory = tempfile::tempdir().unwrap();
        let state = State::new(Some(directory.path().to_owned()));
        let Verdict::AskFirst { state: sealed, .. } = verdict(&state, b"call", None).await else {
            panic!("a question")
        };
        let check = async |state: &State, binding: &[u8], sealed: &str, action: &str| {
            code(&verdict(state, binding, Some(round(sealed, action))).await)
        };
        assert_eq!(check(&state, b"call", &sealed, "cancel").await, "declined");
        assert_eq!(check(&state, b"other call", &sealed, "accept").await, "confirmation_invalid");
        assert_eq!(check(&state, b"call", "rs1.forged", "accept").await, "confirmation_invalid");
        let mut altered = sealed.clone();
        altered.insert(sealed.len() / 2, 'A');
        assert_eq!(check(&state, b"call", &altered, "accept").await, "confirmation_invalid");
        assert_eq!(check(&state, b"call", &sealed, "accept").await, "go");
        let Verdict::AskFirst { state: other, .. } = verdict(&state, b"call", None).await else {
            panic!("a question")
        };
        assert_eq!(check(&state, b"call", &other, "decline").await, "declined");
        assert_eq!(check(&state, b"call", &other, "accept").await, "confirmation_invalid");
        // A sibling, or the same server after a restart.
        let sibling = State::new(Some(directory.path().to_owned()));
        assert_eq!(check(&sibling, b"call", &sealed, "accept").await, "confirmation_invalid");
        assert_eq!(
            code(&confirm(&state, b"", (String::new(), cannot_ask()), Asking::Nobody).await),
            "confirmation_unavailable"
        );
    }
}

//! What goes wrong on purpose. Connections that break off before an answer are not made here: for those a
//! `lockkeeper_testkit::fault::HttpProxy` is put before the double.

use serde::{Deserialize, Serialize};

/// A fault for some requests.
///
/// Which, is said by the id of a method (`drive.files.get`) or the beginning of one (`drive.files`).
/// Requests that are to no method have ids of the double's own: `upload.chunk` and `upload.probe` for
/// those to an upload session, `oauth.token` for the token endpoint.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Fault {
    #[serde(default)]
    on: String,
    #[serde(default)]
    after: u64,
    #[serde(default = "once")]
    times: u64,
    act: Act,
}

/// What happens.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) enum Act {
    /// A refusal, and nothing is done.
    Refuse { status: u16, reason: Option<String>, retry_after: Option<u64> },
    /// It is done, and then a status is answered as from a gateway that lost the answer.
    Lose(u16),
    /// It takes so many milliseconds longer.
    Delay(u64),
    /// The answer breaks off after so many bytes of its body.
    Cut(u64),
    /// Of a chunk so many bytes are taken, then 503 is answered.
    Take(u64),
    /// No answer, ever.
    Silence,
}

fn once() -> u64 {
    1
}

impl Fault {
    fn of(act: Act) -> Self {
        Self { on: String::new(), after: 0, times: 1, act }
    }

    /// This status, and nothing is done.
    pub fn status(status: u16) -> Self {
        Self::of(Act::Refuse { status, reason: None, retry_after: None })
    }

    /// A refusal with a reason of Drive's, such as `userRateLimitExceeded`.
    pub fn reason(status: u16, reason: &str) -> Self {
        Self::of(Act::Refuse { status, reason: Some(reason.to_owned()), retry_after: None })
    }

    /// It is done, but this status is answered.
    pub fn lost(status: u16) -> Self {
        Self::of(Act::Lose(status))
    }

    /// It takes so many milliseconds longer.
    pub fn delay(milliseconds: u64) -> Self {
        Self::of(Act::Delay(milliseconds))
    }

    /// The answer breaks off after so many bytes of its body.
    pub fn cut(bytes: u64) -> Self {
        Self::of(Act::Cut(bytes))
    }

    /// So many bytes of an upload's chunk are taken, then 503 is answered.
    pub fn take(bytes: u64) -> Self {
        Self::of(Act::Take(bytes)).on("upload.chunk")
    }

    /// No answer, ever.
    pub fn silence() -> Self {
        Self::of(Act::Silence)
    }

    /// Only for requests to this method, or those whose id begins like this.
    #[must_use]
    pub fn on(mut self, method: &str) -> Self {
        method.clone_into(&mut self.on);
        self
    }

    /// Not for so many of them first.
    #[must_use]
    pub fn after(mut self, requests: u64) -> Self {
        self.after = requests;
        self
    }

    /// So often, instead of once.
    #[must_use]
    pub fn times(mut self, times: u64) -> Self {
        self.times = times;
        self
    }

    /// A refusal with `Retry-After`, in seconds.
    #[must_use]
    pub fn retry_after(mut self, seconds: u64) -> Self {
        if let Act::Refuse { retry_after, .. } = &mut self.act {
            *retry_after = Some(seconds);
        }
        self
    }
}

/// All faults that are still to come.
#[derive(Debug, Default)]
pub(crate) struct Faults(Vec<Fault>);

impl Faults {
    pub(crate) fn add(&mut self, fault: Fault) {
        self.0.push(fault);
    }

    pub(crate) fn clear(&mut self) {
        self.0.clear();
    }

    /// What happens to a request; each fault that is meant for it counts it.
    pub(crate) fn decide(&mut self, id: &str) -> Option<Act> {
        let mut decided = None;
        for fault in self.0.iter_mut().filter(|fault| id.starts_with(&fault.on)) {
            if fault.after > 0 {
                fault.after -= 1;
            } else if decided.is_none() && fault.times > 0 {
                fault.times -= 1;
                decided = Some(fault.act.clone());
            }
        }
        self.0.retain(|fault| fault.times > 0);
        decided
    }
}

#[cfg(test)]
mod tests {
    use super::{Act, Fault, Faults};

    #[test]
    fn a_fault_is_for_the_nth_request_to_its_method() {
        let mut faults = Faults::default();
        faults.add(Fault::status(503).on("drive.files.get").after(1).times(2));
        faults.add(Fault::delay(5).on("drive.files"));
        let mut decide = |id: &str| faults.decide(id);
        assert_eq!(decide("drive.about.get"), None);
        assert_eq!(decide("drive.files.get"), Some(Act::Delay(5)));
        assert!(matches!(decide("drive.files.get"), Some(Act::Refuse { status: 503, .. })));
        assert!(decide("drive.files.get").is_some());
        assert_eq!(decide("drive.files.get"), None);
    }

    #[test]
    fn a_fault_is_read_from_json() {
        let text = r#"{"on":"drive.files.list","act":{"refuse":{"status":429,"retry_after":3}}}"#;
        let fault: Fault = serde_json::from_str(text).unwrap();
        let mut faults = Faults::default();
        faults.add(fault);
        let refused = Act::Refuse { status: 429, reason: None, retry_after: Some(3) };
        assert_eq!(faults.decide("drive.files.list"), Some(refused));
    }
}

//! Answers that ask for fewer requests, as services spell them: 429, 503 with `Retry-After`,
//! GitHub's and Google's 403. What they ask for is read here and kept by whoever asks again.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use http::header::{DATE, RETRY_AFTER};
use http::{HeaderMap, StatusCode};
use serde::Deserialize;

use crate::gather::{Gathered, gather};
use crate::{Body, Response};

/// The longest wait that is believed: services count in hours at most, and a wrong word must not
/// keep a server from its upstream for good.
const LONGEST: Duration = Duration::from_hours(1);

/// The wait after a refusal that names none. GitHub asks for a minute then, and refuses whoever
/// goes on for longer.
pub(super) const UNSAID: Duration = Duration::from_mins(1);

/// How much of a refusal is read for its reason, bytes.
const PEEKED: usize = 64 * 1024;

/// A request that wasn't done because there were too many.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Refusal {
    /// When there may be another one, if it says so.
    pub(super) after: Option<Duration>,
}

/// What a response says about the number of requests. Where only the body tells, its beginning is
/// read; the response that is handed back has it all.
pub(super) async fn refusal(response: Response) -> (Response, Option<Refusal>) {
    let headers = response.headers();
    let after = wait(headers);
    let refused = Some(Refusal { after });
    match response.status() {
        StatusCode::TOO_MANY_REQUESTS => (response, refused),
        StatusCode::SERVICE_UNAVAILABLE if after.is_some() => (response, refused),
        StatusCode::FORBIDDEN if after.is_some() => (response, refused),
        StatusCode::FORBIDDEN => {
            let (parts, body) = response.into_parts();
            let (body, is_refused) = match gather(body, PEEKED).await {
                Ok(Gathered::Whole(bytes)) => (bytes.clone().into(), is_about_limits(&bytes)),
                Ok(Gathered::Longer(body)) => (body, false),
                // Whoever reads it shall see that; the status was clear.
                Err(error) => (Body::failed(error), false),
            };
            let refused = is_refused.then_some(Refusal { after: None });
            (Response::from_parts(parts, body), refused)
        }
        _ => (response, None),
    }
}

/// How long a response asks to wait: `Retry-After` in seconds or as a date, or the time at which
/// GitHub's quota, used up, is filled again. Dates are held against the sender's own clock.
fn wait(headers: &HeaderMap) -> Option<Duration> {
    let text = |name: &str| headers.get(name)?.to_str().ok().map(str::trim);
    let now = || {
        let date = headers.get(DATE).and_then(|date| date.to_str().ok());
        date.and_then(|date| httpdate::parse_http_date(date).ok()).unwrap_or_else(SystemTime::now)
    };
    let until = |then: SystemTime| then.duration_since(now()).unwrap_or_default();
    let seconds = |text: &str| match text.parse::<u64>() {
        Ok(seconds) => Some(seconds),
        // More than fits is as long as can be.
        Err(_) if !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()) => {
            Some(u64::MAX)
        }
        Err(_) => None,
    };
    let asked = match text(RETRY_AFTER.as_str()) {
        Some(text) => seconds(text)
            .map(Duration::from_secs)
            .or_else(|| httpdate::parse_http_date(text).ok().map(until)),
        None => None,
    };
    let filled = || {
        if text("x-ratelimit-remaining")? != "0" {
            return None;
        }
        let at = seconds(text("x-ratelimit-reset")?)?;
        Some(UNIX_EPOCH.checked_add(Duration::from_secs(at)).map_or(LONGEST, until))
    };
    asked.or_else(filled).map(|wait| wait.min(LONGEST))
}

/// Google's error body; `errors` has the reason, `message` is for people.
#[derive(Deserialize)]
struct Refused {
    error: Option<Google>,
    message: Option<String>,
}

#[derive(Deserialize)]
struct Google {
    #[serde(default)]
    errors: Vec<Reason>,
}

#[derive(Deserialize)]
struct Reason {
    #[serde(default)]
    reason: String,
}

fn is_about_limits(body: &[u8]) -> bool {
    let Ok(refused) = serde_json::from_slice::<Refused>(body) else { return false };
    let reasons = refused.error.into_iter().flat_map(|error| error.errors);
    let mut reasons = reasons.map(|one| one.reason);
    // https://developers.google.com/workspace/drive/api/guides/handle-errors
    reasons.any(|reason| matches!(&*reason, "rateLimitExceeded" | "userRateLimitExceeded"))
        // GitHub says it nowhere else if it gives no time.
        || refused.message.is_some_and(|message| {
            message.to_ascii_lowercase().contains("secondary rate limit")
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn after(status: u16, headers: &[(&str, &str)], body: &'static str) -> Option<Refusal> {
        let mut response = http::Response::builder().status(status);
        for (name, value) in headers {
            response = response.header(*name, *value);
        }
        let response = response.body(Body::stream(Body::from(body))).unwrap();
        let (response, refusal) = refusal(response).await;
        assert_eq!(response.into_body().collect(1_000_000).await.unwrap(), body);
        refusal
    }

    fn asks(seconds: u64) -> Refusal {
        Refusal { after: Some(Duration::from_secs(seconds)) }
    }

    const UNTOLD: Option<Refusal> = Some(Refusal { after: None });
    const NOON: &str = "Fri, 20 Nov 2026 12:00:00 GMT";
    /// Two minutes later.
    const RESET: &str = "1795176120";

    #[tokio::test]
    async fn retry_after_is_seconds_or_a_date() {
        for status in [403, 429, 503] {
            assert_eq!(after(status, &[("retry-after", "7")], "").await, Some(asks(7)), "{status}");
            let dated = [("date", NOON), ("retry-after", "Fri, 20 Nov 2026 12:01:30 GMT")];
            assert_eq!(after(status, &dated, "").await, Some(asks(90)), "{status}");
        }
        let past = [("date", NOON), ("retry-after", "Fri, 20 Nov 2026 11:00:00 GMT")];
        assert_eq!(after(429, &past, "").await, Some(asks(0)));
        let obsolete = [("date", NOON), ("retry-after", "Friday, 20-Nov-26 12:00:09 GMT")];
        assert_eq!(after(429, &obsolete, "").await, Some(asks(9)));
        for long in ["99999", "99999999999999999999999", "Fri, 20 Nov 2099 12:00:00 GMT"] {
            assert_eq!(after(429, &[("retry-after", long)], "").await, Some(asks(3_600)), "{long}");
        }
        for nonsense in ["", "-1", "soon", "1.5", "1e3", "\u{7f}"] {
            let Ok(value) = http::HeaderValue::from_str(nonsense) else { continue };
            let told = after(429, &[("retry-after", value.to_str().unwrap())], "").await;
            assert_eq!(told, UNTOLD, "{nonsense}");
        }
    }

    #[tokio::test]
    async fn githubs_quota_has_a_time() {
        let headers = |remaining| {
            [("date", NOON), ("x-ratelimit-remaining", remaining), ("x-ratelimit-reset", RESET)]
        };
        assert_eq!(after(403, &headers("0"), "").await, Some(asks(120)));
        assert_eq!(after(429, &headers("0"), "").await, Some(asks(120)));
        assert_eq!(after(403, &headers("12"), "{}").await, None);
        assert_eq!(after(200, &headers("0"), "").await, None);
        let both =
            [("x-ratelimit-remaining", "0"), ("x-ratelimit-reset", "1"), ("retry-after", "5")];
        assert_eq!(after(403, &both, "").await, Some(asks(5)));
    }

    #[tokio::test]
    async fn a_403_tells_by_its_body() {
        let google = r#"{"error":{"code":403,"errors":[{"reason":"userRateLimitExceeded"}]}}"#;
        assert_eq!(after(403, &[], google).await, UNTOLD);
        let github = r#"{"message":"You have exceeded a secondary rate limit."}"#;
        assert_eq!(after(403, &[], github).await, UNTOLD);
        for other in [
            r#"{"error":{"errors":[{"reason":"insufficientPermissions"}]}}"#,
            r#"{"message":"Resource not accessible by personal access token"}"#,
            "rateLimitExceeded",
            "",
            "[]",
        ] {
            assert_eq!(after(403, &[], other).await, None, "{other}");
        }
    }

    #[tokio::test]
    async fn other_answers_ask_for_nothing() {
        assert_eq!(after(503, &[], "").await, None);
        assert_eq!(after(200, &[("retry-after", "5")], "").await, None);
        assert_eq!(after(404, &[("retry-after", "5")], "").await, None);
    }
}

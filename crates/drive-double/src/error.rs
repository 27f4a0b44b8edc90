//! Refusals in Google's shapes: the classic ones of Drive, with `errors` and a reason for each, and those
//! of the front end, which also have a status word and details.

use serde_json::{Value, json};

/// A refusal.
#[derive(Debug, Clone)]
pub(crate) struct ApiError {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(&'static str, String)>,
    pub(crate) body: Said,
}

/// What a refusal says.
#[derive(Debug, Clone)]
pub(crate) enum Said {
    Json(Value),
    /// As upload servers and load balancers speak.
    Text(String),
}

pub(crate) type Result<T> = std::result::Result<T, ApiError>;

impl ApiError {
    pub(crate) fn new(status: u16, reason: &str, message: &str) -> Self {
        Self::at(status, reason, message, None)
    }

    /// With the parameter or header that it is about.
    pub(crate) fn at(
        status: u16,
        reason: &str,
        message: &str,
        location: Option<(&str, &str)>,
    ) -> Self {
        let domain = if matches!(reason, "rateLimitExceeded" | "userRateLimitExceeded") {
            "usageLimits"
        } else {
            "global"
        };
        let mut error = json!({ "message": message, "domain": domain, "reason": reason });
        if let Some((location, kind)) = location {
            error["location"] = json!(location);
            error["locationType"] = json!(kind);
        }
        let body = json!({ "error": { "code": status, "message": message, "errors": [error] } });
        Self { status, headers: Vec::new(), body: Said::Json(body) }
    }

    /// Plain text.
    pub(crate) fn text(status: u16, text: &str) -> Self {
        Self { status, headers: Vec::new(), body: Said::Text(text.to_owned()) }
    }

    /// Drive's answer about files that aren't there or may not be seen.
    pub(crate) fn no_file(id: &str) -> Self {
        let message = format!("File not found: {id}.");
        Self::at(404, "notFound", &message, Some(("fileId", "parameter")))
    }

    /// Something else that isn't there.
    pub(crate) fn nothing(what: &str, id: &str, location: &str) -> Self {
        let message = format!("{what} not found: {id}.");
        Self::at(404, "notFound", &message, Some((location, "parameter")))
    }

    /// A parameter that can't be taken.
    pub(crate) fn parameter(name: &str, message: &str) -> Self {
        Self::at(400, "invalid", message, Some((name, "parameter")))
    }

    /// Too few rights on a file that may be seen.
    pub(crate) fn no_right() -> Self {
        let message = "The user does not have sufficient permissions for this file.";
        Self::new(403, "insufficientFilePermissions", message)
    }

    /// No token, or one that is unknown or too old.
    pub(crate) fn no_token() -> Self {
        let message = "Request had invalid authentication credentials. Expected OAuth 2 access token, \
                       login cookie or other valid authentication credential. See \
                       https://developers.google.com/identity/sign-in/web/devconsole-project.";
        let location = Some(("Authorization", "header"));
        let mut error = Self::at(401, "authError", "Invalid Credentials", location);
        error.amend(|error| {
            error["message"] = json!(message);
            error["status"] = json!("UNAUTHENTICATED");
        });
        let challenge = "Bearer realm=\"https://accounts.google.com/\", error=\"invalid_token\"";
        error.with("www-authenticate", challenge)
    }

    /// A token without a scope that the method takes.
    pub(crate) fn no_scope(service: &str, method: &str, scopes: &[String]) -> Self {
        let message = "Request had insufficient authentication scopes.";
        let mut error = Self::new(403, "insufficientPermissions", "Insufficient Permission");
        error.amend(|error| {
            error["message"] = json!(message);
            error["status"] = json!("PERMISSION_DENIED");
            error["details"] = json!([{
                "@type": "type.googleapis.com/google.rpc.ErrorInfo",
                "reason": "ACCESS_TOKEN_SCOPE_INSUFFICIENT",
                "domain": "googleapis.com",
                "metadata": { "service": service, "method": method },
            }]);
        });
        let challenge = format!(
            "Bearer realm=\"https://accounts.google.com/\", error=\"insufficient_scope\", scope=\"{}\"",
            scopes.join(" ")
        );
        error.with("www-authenticate", &challenge)
    }

    /// A service that the project hasn't switched on.
    pub(crate) fn disabled(host: &str) -> Self {
        let message = format!(
            "{host} has not been used in project 1234567890 before or it is disabled. Enable it by \
             visiting https://console.developers.google.com/apis/api/{host}/overview?project=1234567890 \
             then retry."
        );
        let mut error = Self::new(403, "accessNotConfigured", &message);
        error.amend(|error| {
            error["status"] = json!("PERMISSION_DENIED");
            error["details"] = json!([{
                "@type": "type.googleapis.com/google.rpc.ErrorInfo",
                "reason": "SERVICE_DISABLED",
                "domain": "googleapis.com",
                "metadata": { "service": host, "consumer": "projects/1234567890" },
            }]);
        });
        error
    }

    /// The same with a status word, as Sheets and Docs answer.
    pub(crate) fn worded(status: u16, word: &str, message: &str) -> Self {
        let body = json!({ "error": { "code": status, "message": message, "status": word } });
        Self { status, headers: Vec::new(), body: Said::Json(body) }
    }

    pub(crate) fn with(mut self, name: &'static str, value: &str) -> Self {
        self.headers.push((name, value.to_owned()));
        self
    }

    fn amend(&mut self, change: impl FnOnce(&mut Value)) {
        if let Said::Json(body) = &mut self.body {
            change(&mut body["error"]);
        }
    }
}

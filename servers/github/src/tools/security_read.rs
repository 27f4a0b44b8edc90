//! Alerts and advisories. What was committed as a secret is never asked for.

mod advisories;
mod args;
mod code_scanning;
mod code_scanning_alert;
mod dependabot;
mod dependabot_alert;
mod global_advisories;
mod global_advisory;
mod secret_scanning;
mod secret_scanning_alert;

use lockkeeper_core::{Method, method};

use crate::fetch::{Fetched, FetchedOutside};
use crate::source::Source;

pub(super) const DESCRIPTION: &str = "Read security alerts of a repository, one by `number`, and advisories. Secrets are never shown.";

pub(super) static METHODS: &[Method<Source>] = &[
    method::<Source, Fetched<code_scanning::CodeScanning>>("code_scanning"),
    method::<Source, Fetched<code_scanning_alert::CodeScanningAlert>>("code_scanning_alert"),
    method::<Source, Fetched<dependabot::Dependabot>>("dependabot"),
    method::<Source, Fetched<dependabot_alert::DependabotAlert>>("dependabot_alert"),
    method::<Source, Fetched<secret_scanning::SecretScanning>>("secret_scanning"),
    method::<Source, Fetched<secret_scanning_alert::SecretScanningAlert>>("secret_scanning_alert"),
    method::<Source, Fetched<advisories::Advisories>>("advisories"),
    method::<Source, FetchedOutside<global_advisories::GlobalAdvisories>>("global_advisories"),
    method::<Source, FetchedOutside<global_advisory::GlobalAdvisory>>("global_advisory"),
];

#[cfg(test)]
mod tests {
    use lockkeeper_testkit::expect;
    use serde_json::json;

    use crate::testing::{REPO, World, seen};

    #[test]
    fn alerts_of_a_public_repository_are_not_for_the_public() {
        let world = World::examples();
        let mut client = world.client(&["--toolsets=all", "--write"]);
        let alerts = json!({"method": "dependabot", "repo": REPO});
        seen(&mut client, "security_read", alerts);
        let comment = json!({"method": "create", "repo": REPO, "number": 1, "body": "x"});
        let text = seen(&mut client, "comment_write", comment);
        assert!(text.starts_with("error: policy_refused"), "{text}");
    }

    #[test]
    fn every_method_reads_what_github_documents() {
        let world = World::examples();
        let number = json!({"repo": REPO, "number": 1});
        let open = json!({"repo": REPO, "state": "open"});
        world.check_methods(
            "security_read",
            &[
                ("code_scanning", open.clone()),
                ("code_scanning_alert", number.clone()),
                ("dependabot", open.clone()),
                ("dependabot_alert", number.clone()),
                ("secret_scanning", open.clone()),
                ("secret_scanning_alert", number.clone()),
                ("advisories", json!({ "repo": REPO })),
                ("global_advisories", json!({"ecosystem": "npm", "severity": "high", "affects": "a-package@1.0.0"})),
                ("global_advisory", json!({"id": "GHSA-xxxx-xxxx-xxxx"})),
            ],
            &expect![[r#"
                code_scanning
                  [code scanning alerts of octocat/Hello-World, public: 2]
                  number	state	severity	rule	path	line	description
                  4	open	error	js/zipslip	spec-main/api-session-spec.ts	917	Arbitrary file write during zip extraction
                  3	dismissed	error	js/zipslip	lib/ab12-gen.js	917	Arbitrary file write during zip extraction
                code_scanning_alert
                  [code scanning alert of octocat/Hello-World#1, public]
                  number: 42
                  state: dismissed
                  severity: error
                  security_severity: high
                dependabot
                  [Dependabot alerts of octocat/Hello-World, public: 2]
                  number	state	severity	package	ecosystem	vulnerable	fixed_in	summary
                  2	dismissed	high	django	pip	>= 2.0.0, < 2.0.2	2.0.2	Django allows remote attackers to obtain potentially sensitive information by leveraging data exposure from
                  1	open	medium	ansible	pip	< 2.8.19	2.8.19	Insertion of Sensitive Information into Log File in ansible
                dependabot_alert
                  [Dependabot alert of octocat/Hello-World#1, public]
                  number: 1
                  state: open
                  severity: medium
                  package: ansible
                secret_scanning
                  [secret scanning alerts of octocat/Hello-World, public: 1]
                  number	state	type	kind	validity	resolution	created	pushed_past_protection
                  2	resolved	adafruit_io_key	Adafruit IO Key	inactive	false_positive	2020-11-06T18:48:51Z	true
                secret_scanning_alert
                  [secret scanning alert of octocat/Hello-World#1, public]
                  number: 42
                  state: open
                  type: mailchimp_api_key
                  kind: Mailchimp API Key
                advisories
                  [advisories of octocat/Hello-World, public: 2]
                  ghsa	cve	state	severity	summary	published
                  GHSA-abcd-1234-efgh	CVE-2050-00000	published	critical	A short summary of the advisory.	2020-01-03T00:00:00Z
                  GHSA-1234-5678-9012	CVE-2051-0000	published	low	A short summary of the advisory.	2020-01-04T00:00:00Z
                global_advisories
                  [advisories: 1]
                  ghsa	cve	severity	packages	summary	published
                  GHSA-abcd-1234-efgh	CVE-2050-00000	high	a-package	Heartbleed security advisory	2023-03-23T02:30:56Z
                global_advisory
                  [advisory of GHSA-xxxx-xxxx-xxxx]
                  ghsa: GHSA-abcd-1234-efgh
                  cve: CVE-2050-00000
                  severity: high
                  score: 7.6
            "#]],
        );
        let secrets = world.front.take_seen().into_iter();
        let asked: Vec<_> = secrets.filter(|seen| seen.path.contains("secret-scanning")).collect();
        assert_eq!(asked.len(), 2);
        assert!(asked.iter().all(|seen| seen.query.contains("hide_secret=true")));
    }
}

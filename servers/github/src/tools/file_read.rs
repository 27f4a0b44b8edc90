//! Files and directories of a repository.

mod directory;
mod file;
mod tree;

use lockkeeper_core::{Method, method};

use crate::source::{RepoRef, Source, SourceError, check_ref};

pub(super) const DESCRIPTION: &str = "Read a file's text by lines, a directory, or the tree of all \
    paths below `path`. `ref`: branch, tag, sha or pr/NUMBER.";

pub(super) static METHODS: &[Method<Source>] = &[
    method::<Source, file::File>("file"),
    method::<Source, directory::Directory>("directory"),
    method::<Source, tree::Tree>("tree"),
];

/// A `ref` as GitHub takes it.
pub(super) fn git_ref(given: Option<&str>, repo: &RepoRef) -> Result<String, SourceError> {
    let Some(given) = given else { return Ok(repo.default_branch().to_owned()) };
    if let Some(number) = given.strip_prefix("pr/").and_then(|number| number.parse::<u64>().ok()) {
        return Ok(format!("refs/pull/{number}/head"));
    }
    check_ref("ref", given)?;
    Ok(given.to_owned())
}

#[cfg(test)]
mod tests {
    use base64::Engine as _;
    use base64::engine::general_purpose::STANDARD;
    use lockkeeper_testkit::expect;
    use lockkeeper_testkit::github::Said;
    use serde_json::json;

    use crate::testing::{REPO, World, all_pages, seen};

    #[test]
    fn every_method_reads_what_github_documents() {
        let world = World::examples();
        let entry = json!([{"type": "file", "size": 625, "name": "octokit.rb", "path": "lib/octokit.rb", "sha": "fff6fe3a23bf1c8ea0692b4a883af99bee26fd3b"}]);
        world.front.say("GET", &format!("/repos/{REPO}/contents/lib"), Said::json(200, &entry));
        let file = json!({
            "type": "file", "encoding": "base64", "size": 6, "path": "README.md", "sha": "3d21ec5",
            "content": "IyBwdWIK\n",
        });
        world.front.say(
            "GET",
            &format!("/repos/{REPO}/contents/README.md"),
            Said::json(200, &file),
        );
        world.check_methods(
            "file_read",
            &[
                ("file", json!({"repo": REPO, "path": "README.md", "numbered": true})),
                ("directory", json!({"repo": REPO, "path": "lib"})),
                ("tree", json!({"repo": REPO, "ref": "pr/7"})),
            ],
            &expect![[r#"
                file
                  [README.md of octocat/Hello-World, public; sha 3d21ec5; 1 lines, 6 bytes: lines 1-1]
                  1	# pub
                directory
                  [directory lib of octocat/Hello-World, public: 1]
                  type	size	path
                  file	625	lib/octokit.rb
                tree
                  [tree of octocat/Hello-World, public: 3; 3 in all]
                  type	size	path
                  blob	30	file.rb
                  tree		subdir
                  blob	75	exec_file
            "#]],
        );
    }

    #[test]
    fn lines_and_pages_of_a_file() {
        let world = World::examples();
        let text = (1..=3_000).map(|n| format!("line {n} <T> & é\n")).collect::<Vec<_>>().concat();
        let file = json!({
            "type": "file", "encoding": "base64", "size": text.len(), "path": "a/b.rs", "sha": "abc",
            "content": STANDARD.encode(&text),
        });
        world.front.say("GET", &format!("/repos/{REPO}/contents/a/b.rs"), Said::json(200, &file));
        let mut client = world.client(&[]);
        let read = |more: &str| {
            let mut arguments = json!({"method": "file", "repo": REPO, "path": "a/b.rs"});
            let more: serde_json::Value = serde_json::from_str(more).unwrap();
            arguments.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
            arguments
        };
        let window = seen(
            &mut client,
            "file_read",
            read(r#"{"start_line": 2, "end_line": 3, "numbered": true}"#),
        );
        expect![[r#"
            [a/b.rs of octocat/Hello-World, public; sha abc; 3000 lines, 55,893 bytes: lines 2-3]
            2	line 2 <T> & é
            3	line 3 <T> & é"#]]
        .assert_eq(&window);
        let pages = all_pages(&mut client, "file_read", read("{}"));
        assert!(pages.len() > 2);
        let read: Vec<&str> = pages
            .iter()
            .map(|page| page.split_once('\n').unwrap().1.trim_end_matches('\n'))
            .collect();
        assert_eq!(read.join("\n") + "\n", text);
    }

    #[test]
    fn a_path_stays_where_it_is() {
        let world = World::examples();
        for path in ["../../../user", "a/../../x", "a//b", "a\\\\b", "a/%2e%2e/b", "./a"] {
            let call =
                format!(r#"file_read {{"method": "file", "repo": "{REPO}", "path": "{path}"}}"#);
            world.call(&[], &call);
        }
        let beneath = format!("/repos/{REPO}/contents/");
        for seen in
            world.front.take_seen().iter().filter(|seen| seen.path != format!("/repos/{REPO}"))
        {
            assert!(
                seen.path.starts_with(&beneath) && seen.path.contains("%252e"),
                "{}",
                seen.path
            );
        }
        for name in ["../x", "a..b", "-x", "x\\n"] {
            let call =
                format!(r#"file_read {{"method": "tree", "repo": "{REPO}", "ref": "{name}"}}"#);
            let text = world.call(&[], &call);
            assert!(text.starts_with("error: invalid_arguments: `ref`"), "{text}");
        }
    }
}

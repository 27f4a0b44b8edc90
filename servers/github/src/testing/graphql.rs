//! What GraphQL answers in tests: a thing of each kind, in the example repository.

use lockkeeper_testkit::github::Front;
use serde_json::{Value, json};

use super::REPO;

/// A list with one thing on it.
fn one(node: &Value) -> Value {
    json!({
        "totalCount": 1, "pageInfo": {"hasNextPage": false, "endCursor": null}, "nodes": [node],
    })
}

/// An item on a project that leads to an issue.
pub(crate) fn item(id: &str, repo: &str, is_private: bool) -> Value {
    json!({
        "fullDatabaseId": id, "type": "ISSUE", "isArchived": false,
        "content": {
            "number": 7, "title": "an issue", "state": "OPEN", "author": {"login": "octocat"},
            "repository": {"nameWithOwner": repo, "isPrivate": is_private},
        },
        "fieldValues": {"nodes": [
            {"field": {"name": "Title"}, "text": "an issue"},
            {"field": {"name": "Status"}, "name": "Todo"},
            {"field": {"name": "Points"}, "number": 3.0},
            {},
        ]},
    })
}

/// A project, as GitHub describes it.
pub(crate) fn project(is_public: bool) -> Value {
    json!({"data": {"repositoryOwner": {"__typename": "Organization", "projectV2": {
        "id": "PVT_1", "number": 3, "title": "Roadmap", "public": is_public, "closed": false,
        "shortDescription": "what comes", "items": {"totalCount": 2}, "creator": {"login": "octocat"},
        "readme": "# <T> & co",
    }}}})
}

/// Lets every document be answered.
pub(crate) fn answer(front: &Front) {
    let said = json!({
        "__typename": "DiscussionComment", "id": "DC_1", "body": "why?", "replyTo": null,
        "discussion": {"id": "D_1", "repository": {"nameWithOwner": REPO}},
    });
    let comment = json!({
        "id": "DC_1", "author": {"login": "mona"}, "authorAssociation": "NONE", "isAnswer": false,
        "createdAt": "2026-01-01T00:00:00Z", "body": "why?",
    });
    let mut replied = comment.clone();
    replied["replies"] = json!({"totalCount": 3, "nodes": [{
        "id": "DC_2", "author": {"login": "octocat"}, "authorAssociation": "OWNER", "isAnswer": true,
        "createdAt": "2026-01-02T00:00:00Z", "body": "because", "replyTo": {"id": "DC_1"},
    }]});
    let discussion = json!({
        "id": "D_1", "number": 5, "title": "how?", "category": {"name": "Q&A"},
        "author": {"login": "mona"}, "isAnswered": false, "comments": {"totalCount": 1},
        "updatedAt": "2026-01-01T00:00:00Z", "body": "how <T>?",
    });
    let category = json!({
        "id": "CAT_1", "name": "Q&A", "description": "questions", "isAnswerable": true,
    });
    let update = json!({
        "status": "ON_TRACK", "body": "fine", "creator": {"login": "octocat"},
        "createdAt": "2026-01-01T00:00:00Z", "startDate": null, "targetDate": "2026-02-01",
    });
    let view = json!({"number": 1, "name": "Board", "layout": "BOARD_LAYOUT", "filter": "is:open"});
    let thread = json!({
        "id": "PRRT_1", "isResolved": false, "isOutdated": false, "path": "a.rs", "line": 3,
        "diffSide": "RIGHT",
        "comments": {"totalCount": 1, "nodes": [{
            "databaseId": 11, "author": {"login": "mona"}, "authorAssociation": "MEMBER",
            "createdAt": "2026-01-01T00:00:00Z", "body": "why?\nreally",
        }]},
    });
    let blame = json!([{
        "startingLine": 1, "endingLine": 3,
        "commit": {"oid": "7fd1a60b01f91b314f59955a4e4d4e80d8edf11d", "messageHeadline": "m"},
    }]);
    let mut one_item = item("13", REPO, false);
    one_item["project"] = json!({"id": "PVT_1"});
    let listed =
        json!({"number": 3, "title": "Roadmap", "public": true, "items": {"totalCount": 2}});
    let repository = |what: &str, value: Value| json!({"repository": {"id": "R_1", what: value}});
    let queries = [
        ("Blame", repository("object", json!({"blame": {"ranges": blame}}))),
        ("Discussion", repository("discussion", discussion.clone())),
        ("DiscussionCategories", repository("discussionCategories", one(&category))),
        ("DiscussionComments", repository("discussion", json!({"comments": one(&replied)}))),
        ("DiscussionNode", json!({ "node": said })),
        ("DiscussionReplies", json!({"node": {"replies": one(&comment)}})),
        ("Discussions", repository("discussions", one(&discussion))),
        ("ProjectItem", json!({ "node": one_item })),
        ("ProjectItems", json!({"node": {"items": one(&item("13", REPO, false))}})),
        ("ProjectOwner", json!({"repositoryOwner": {"id": "O_1"}})),
        ("ProjectStatusUpdates", json!({"node": {"statusUpdates": one(&update)}})),
        ("ProjectViews", json!({"node": {"views": one(&view)}})),
        ("Projects", json!({"repositoryOwner": {"projectsV2": one(&listed)}})),
        ("ReviewThreads", repository("pullRequest", json!({"reviewThreads": one(&thread)}))),
        (
            "ThreadRepository",
            json!({"node": {"pullRequest": {"repository": {"nameWithOwner": REPO}}}}),
        ),
    ];
    for (name, data) in queries {
        front.graphql(name, &json!({ "data": data }));
    }
    front.graphql("Project", &project(true));
    let url = format!("https://github.com/{REPO}/x");
    for (name, field, thing, value) in [
        (
            "AddDiscussionComment",
            "addDiscussionComment",
            "comment",
            json!({"id": "DC_3", "url": url}),
        ),
        ("AddDraft", "addProjectV2DraftIssue", "projectItem", json!({"fullDatabaseId": "14"})),
        ("AddReaction", "addReaction", "reaction", json!({"content": "EYES"})),
        ("AddReviewThread", "addPullRequestReviewThread", "thread", json!({"id": "PRRT_2"})),
        ("AddStatusUpdate", "createProjectV2StatusUpdate", "statusUpdate", json!({"id": "U_1"})),
        ("ArchiveItem", "archiveProjectV2Item", "item", json!({"fullDatabaseId": "13"})),
        ("ConvertToDraft", "convertPullRequestToDraft", "pullRequest", json!({"number": 1})),
        (
            "CreateDiscussion",
            "createDiscussion",
            "discussion",
            json!({"id": "D_2", "number": 6, "url": url}),
        ),
        ("CreateProject", "createProjectV2", "projectV2", json!({"number": 4, "url": url})),
        ("DeleteDiscussion", "deleteDiscussion", "discussion", json!({"id": "D_1"})),
        ("DeleteDiscussionComment", "deleteDiscussionComment", "comment", json!({"id": "DC_1"})),
        ("EnableAutoMerge", "enablePullRequestAutoMerge", "pullRequest", json!({"number": 1})),
        (
            "MarkAnswer",
            "markDiscussionCommentAsAnswer",
            "discussion",
            json!({"number": 5, "url": url}),
        ),
        ("MarkReady", "markPullRequestReadyForReview", "pullRequest", json!({"number": 1})),
        ("ResolveThread", "resolveReviewThread", "thread", json!({"id": "PRRT_1"})),
        ("TransferIssue", "transferIssue", "issue", json!({"number": 9, "url": url})),
        (
            "UnmarkAnswer",
            "unmarkDiscussionCommentAsAnswer",
            "discussion",
            json!({"number": 5, "url": url}),
        ),
        ("UnresolveThread", "unresolveReviewThread", "thread", json!({"id": "PRRT_1"})),
        (
            "UpdateDiscussion",
            "updateDiscussion",
            "discussion",
            json!({"id": "D_1", "number": 5, "url": url}),
        ),
        (
            "UpdateDiscussionComment",
            "updateDiscussionComment",
            "comment",
            json!({"id": "DC_1", "url": url}),
        ),
        ("UpdateProject", "updateProjectV2", "projectV2", json!({"number": 3, "url": url})),
    ] {
        front.graphql(name, &json!({"data": {field: {thing: value}}}));
    }
}

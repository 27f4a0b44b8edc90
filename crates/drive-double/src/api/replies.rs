//! Replies to comments; one of them resolves a comment or opens it again.

use serde_json::{Value, json};

use super::comments::{content, find, own};
use super::page::page;
use crate::call::{Answer, Call};
use crate::error::{ApiError, Result};
use crate::world::{Comment, Reply, World};

pub(super) fn list(world: &mut World, call: &Call) -> Result<Answer> {
    let file = call.file(world)?;
    let deleted = call.flag("includeDeleted");
    let comment = find(&file.comments, call, deleted)?;
    let found = comment.replies.iter().filter(|one| deleted || !one.deleted).collect();
    let (found, next) = page(call, world.skipped, found, call.number("pageSize", 20))?;
    let me = call.caller.email.as_str();
    let found: Vec<Value> =
        found.into_iter().map(|one: &Reply| world.reply_json(one, me)).collect();
    let mut list = json!({ "kind": "drive#replyList", "replies": found });
    if let Some(next) = next {
        list["nextPageToken"] = json!(next);
    }
    Ok(Answer::Json(list))
}

pub(super) fn get(world: &mut World, call: &Call) -> Result<Answer> {
    let file = call.file(world)?;
    let deleted = call.flag("includeDeleted");
    let comment = find(&file.comments, call, deleted)?;
    let one = one(comment, call, deleted)?;
    Ok(Answer::Json(world.reply_json(one, &call.caller.email)))
}

pub(super) fn create(world: &mut World, call: &Call) -> Result<Answer> {
    let file = call.file_to(world, "canComment")?;
    let comment = find(&file.comments, call, false)?.id.clone();
    let action = call.text("action").map(str::to_owned);
    let content = match &action {
        Some(word) if matches!(word.as_str(), "resolve" | "reopen") => {
            call.text("content").unwrap_or_default().to_owned()
        }
        Some(_) => return Err(ApiError::parameter("action", "Invalid Value")),
        None => content(call)?,
    };
    let now = world.tick();
    let reply = Reply {
        id: world.word(11),
        author: call.caller.email.clone(),
        content,
        action: action.clone(),
        created: now,
        modified: now,
        deleted: false,
    };
    let json = world.reply_json(&reply, &call.caller.email);
    with(world, &file.id, &comment, |comment| {
        comment.modified = now;
        if let Some(action) = action {
            comment.resolved = action == "resolve";
        }
        comment.replies.push(reply);
    });
    Ok(Answer::Json(json))
}

pub(super) fn update(world: &mut World, call: &Call) -> Result<Answer> {
    let content = content(call)?;
    change(world, call, |reply| reply.content = content)
}

pub(super) fn delete(world: &mut World, call: &Call) -> Result<Answer> {
    change(world, call, |reply| {
        reply.deleted = true;
        reply.content = String::new();
    })?;
    Ok(Answer::Empty)
}

fn change(world: &mut World, call: &Call, change: impl FnOnce(&mut Reply)) -> Result<Answer> {
    let file = call.file_to(world, "canComment")?;
    let comment = find(&file.comments, call, false)?;
    let mut reply = one(comment, call, false)?.clone();
    own(call, &reply.author)?;
    change(&mut reply);
    reply.modified = world.tick();
    let json = world.reply_json(&reply, &call.caller.email);
    with(world, &file.id, &comment.id, |comment| {
        let known = comment.replies.iter_mut().find(|one| one.id == reply.id);
        if let Some(known) = known {
            *known = reply;
        }
    });
    Ok(Answer::Json(json))
}

fn with(world: &mut World, file: &str, comment: &str, change: impl FnOnce(&mut Comment)) {
    let mut comments = world.files.get_mut(file).into_iter().flat_map(|file| &mut file.comments);
    if let Some(comment) = comments.find(|one| one.id == comment) {
        change(comment);
    }
}

fn one<'a>(comment: &'a Comment, call: &Call, deleted: bool) -> Result<&'a Reply> {
    let id = call.id("replyId");
    let found = comment.replies.iter().find(|one| one.id == id && (deleted || !one.deleted));
    found.ok_or_else(|| ApiError::nothing("Reply", id, "replyId"))
}

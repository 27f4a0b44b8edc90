//! Who the user is and what there is for them.

use serde_json::{Map, Value, json};

use crate::call::{Answer, Call};
use crate::formats;
use crate::world::{File, World, user};

pub(super) fn get(world: &mut World, call: &Call) -> Answer {
    let me = world.user(&call.caller.email);
    let mine = || world.files.values().filter(|file| file.owner.as_ref() == Some(&me.email));
    let usage: u64 = mine().map(File::quota).sum();
    let in_trash: u64 = mine().filter(|file| world.is_trashed(file)).map(File::quota).sum();
    let sizes = formats::all_imports();
    let sizes: Map<String, Value> = sizes
        .as_object()
        .into_iter()
        .flat_map(|all| all.values())
        .filter_map(|natives| natives[0].as_str())
        .map(|native| (native.to_owned(), json!("104857600")))
        .collect();
    Answer::Json(json!({
        "kind": "drive#about",
        "user": user(world, &me.email, &me.email),
        "storageQuota": {
            "limit": me.quota.to_string(),
            "usage": usage.to_string(),
            "usageInDrive": usage.to_string(),
            "usageInDriveTrash": in_trash.to_string(),
        },
        "importFormats": formats::all_imports(),
        "exportFormats": formats::all_exports(),
        "maxImportSizes": sizes,
        "maxUploadSize": "5497558138880",
        "appInstalled": true,
        "folderColorPalette": ["#ac725e", "#d06b64"],
        "driveThemes": [],
        "canCreateDrives": true,
        "canCreateTeamDrives": true,
    }))
}

//! The tools: one file each, registered here.

mod apply_patch;
mod create_directory;
mod delete_file;
mod diff_files;
mod edit_file;
mod file_info;
mod find_files;
mod list_directory;
mod move_file;
mod read_file;
mod replace_text;
mod search_text;
mod wait_for_change;
mod write_file;

use lockkeeper_core::{Registered, tool};

use crate::Fs;

pub(crate) static TOOLS: &[Registered<Fs>] = &[
    tool::<Fs, read_file::ReadFile>("read_file"),
    tool::<Fs, list_directory::ListDirectory>("list_directory"),
    tool::<Fs, find_files::FindFiles>("find_files"),
    tool::<Fs, search_text::SearchText>("search_text"),
    tool::<Fs, file_info::FileInfo>("file_info"),
    tool::<Fs, diff_files::DiffFiles>("diff_files"),
    tool::<Fs, wait_for_change::WaitForChange>("wait_for_change"),
    tool::<Fs, write_file::WriteFile>("write_file"),
    tool::<Fs, edit_file::EditFile>("edit_file"),
    tool::<Fs, apply_patch::ApplyPatch>("apply_patch"),
    tool::<Fs, replace_text::ReplaceText>("replace_text"),
    tool::<Fs, create_directory::CreateDirectory>("create_directory"),
    tool::<Fs, move_file::MoveFile>("move_file"),
    tool::<Fs, delete_file::DeleteFile>("delete_file"),
];

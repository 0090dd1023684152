//! Official accounts: put in, changed, paused, looked at with how they stand right now. Secrets go in and never come out.

mod change;
mod check;
mod industry;
mod pause;
mod put;
mod quota;
mod show;
mod standing;
mod template;

pub(crate) use check::{__path_check, check};
pub(crate) use industry::{__path_set_industry, __path_show_industry, set_industry, show_industry};
pub(crate) use pause::{__path_pause, __path_resume, pause, resume};
pub(crate) use put::{__path_change, __path_create, __path_delete, __path_put, change, create, delete, put};
pub(crate) use quota::{__path_clear_quota, __path_show_quota, clear_quota, show_quota};
pub(crate) use show::{__path_list, __path_show, list, show};
pub(crate) use template::{
    __path_add_template, __path_delete_template, __path_list_templates, __path_sync_templates, add_template,
    delete_template, list_templates, sync_templates,
};

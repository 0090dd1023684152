//! Official accounts: put in, changed, paused, looked at with how they stand right now. Secrets go in and never come out.

mod application;
mod application_body;
mod change;
mod check;
mod industry;
mod library;
mod pause;
mod put;
mod quota;
pub(crate) mod right;
mod show;
mod standing;
mod template;

pub(crate) use application::{
    __path_approve, __path_change_application, __path_check_application, __path_create_application,
    __path_list_applications, __path_reject, __path_show_application, __path_submit, __path_withdraw,
    approve, change_application, check_application, create_application, list_applications, reject,
    show_application, submit, withdraw,
};
pub(crate) use check::{__path_check, check};
pub(crate) use industry::{
    __path_list_industries, __path_set_industry, __path_show_industry, list_industries, set_industry,
    show_industry,
};
pub(crate) use library::{
    __path_change_template, __path_list_notices, __path_show_template, change_template, list_notices,
    show_template,
};
pub(crate) use pause::{__path_pause, __path_resume, pause, resume};
pub(crate) use put::{__path_change, __path_create, __path_delete, __path_put, change, create, delete, put};
pub(crate) use quota::{__path_clear_quota, __path_show_quota, clear_quota, show_quota};
pub(crate) use show::{__path_list, __path_show, list, show};
pub(crate) use standing::{Live as Standing, PauseBody, advice, stands_still};
pub(crate) use template::{
    __path_add_template, __path_delete_template, __path_list_templates, __path_sync_templates, add_template,
    delete_template, list_templates, sync_templates,
};

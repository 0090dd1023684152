//! Preview: what the phone will show, since WeChat strips silently (rule change of 2023-05-04).

use serde::Serialize;

use crate::message::words;

/// What the person will see.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Preview {
    /// The card's title.
    pub title: String,
    /// The lines below it.
    pub rows: Vec<Row>,
    /// What was given and will not be seen.
    pub dropped: Vec<Dropped>,
    /// Where a tap leads.
    pub tap: Tap,
}

/// One line of the card.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Row {
    /// From the template; may be empty.
    pub label: String,
    /// As it is shown.
    pub value: String,
}

/// Something that was given and is not shown.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Dropped {
    /// The field's name.
    pub field: String,
    /// Why.
    pub reason: DropReason,
}

words! {
    /// Why something is not shown.
    DropReason {
        /// `first` and `remark` are not shown since 2023-05-04.
        NotShown = "not_shown",
        /// Colours are ignored since 2023-05-04.
        Colour = "colour",
        /// Emoji are removed.
        Emoji = "emoji",
        /// Line breaks are removed.
        LineBreak = "line_break",
        /// What follows the 20th character.
        Cut = "cut",
        /// The body begins with a variable that stands alone: only the title is shown.
        TitleOnly = "title_only",
        /// The template has no such field.
        UnknownField = "unknown_field",
    }
}

/// Where a tap on the card leads.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "to", rename_all = "snake_case")]
pub enum Tap {
    /// Nowhere.
    Nothing,
    /// To a web page.
    Url {
        /// The page.
        url: String,
    },
    /// To a mini-program.
    Miniprogram {
        /// Its appid.
        appid: String,
        /// The page in it.
        pagepath: Option<String>,
        /// Where clients go that cannot open mini-programs.
        fallback_url: Option<String>,
    },
}

//! What every command is given: the settings' sources, the language, and for whom it writes.

use std::fmt::Display;
use std::path::PathBuf;

use crate::config::Config;
use crate::environment::Environment;
use crate::exit::Failure;
use crate::lang::Texts;
use crate::print::{self, Output};

/// The surroundings of a command.
pub(crate) struct Context {
    pub(crate) environment: Environment,
    pub(crate) texts: Texts,
    pub(crate) output: Output,
    pub(crate) config_file: Option<PathBuf>,
}

impl Context {
    /// The settings in force.
    pub(crate) fn config(&self) -> Result<Config, Failure> {
        Config::load(self.config_file.as_deref(), &self.environment, &self.texts)
    }

    /// One line for people; machines are not spoken to.
    pub(crate) fn say(&self, key: &str, values: &[(&str, &dyn Display)]) {
        if self.output == Output::People {
            print::line(&self.texts.fill(key, values));
        }
    }

    pub(crate) fn is_for_machines(&self) -> bool {
        self.output == Output::Machines
    }

    /// A table under heads that are keys of the texts' section `column`. Words of ours in its cells are told in the reader's
    /// language.
    pub(crate) fn table(&self, columns: &[&str], mut rows: Vec<Vec<String>>) {
        for row in &mut rows {
            for (column, cell) in columns.iter().zip(row) {
                *cell = self.cell(column, cell);
            }
        }
        let keys: Vec<_> = columns.iter().map(|column| format!("column.{column}")).collect();
        let head: Vec<_> = keys.iter().map(|key| self.texts.get(key)).collect();
        print::table(&head, rows);
    }

    /// A table, or where it has no rows the words that say what to do next.
    pub(crate) fn table_or(&self, key: &str, columns: &[&str], rows: Vec<Vec<String>>) {
        if rows.is_empty() {
            return self.say(key, &[]);
        }
        self.table(columns, rows);
    }

    /// The words of a cell, each in the reader's language where it is one of the column's: `complained 2, blocked 1`.
    pub(crate) fn cell(&self, column: &str, cell: &str) -> String {
        let told = |part: &str| {
            let (word, rest) = part.split_at(part.find(' ').unwrap_or(part.len()));
            let known = self.texts.find(&format!("word.{column}_{word}"));
            known.map_or_else(|| part.to_owned(), |known| format!("{known}{rest}"))
        };
        cell.split(", ").map(told).collect::<Vec<_>>().join(", ")
    }

    pub(crate) fn not_found(&self, key: &str, name: &dyn Display) -> Failure {
        Failure::NotFound(self.texts.fill(key, &[("name", name)]))
    }
}

#[cfg(test)]
mod tests {
    use hongyan_domain::{AccountKind, ApplicationState, Category, Lane, approval, risk};

    use super::*;
    use crate::lang::Lang;

    fn chinese() -> Context {
        Context {
            environment: Environment::default(),
            texts: Texts::new(Lang::Zh),
            output: Output::People,
            config_file: None,
        }
    }

    #[test]
    fn the_words_of_closed_sets_have_their_chinese_in_every_column() {
        let words = [
            ("state", ApplicationState::ALL.iter().map(|word| word.as_str()).collect::<Vec<_>>()),
            ("state", approval::ApprovalState::ALL.iter().map(|word| word.as_str()).collect()),
            ("state", hongyan_domain::alert::AlertState::ALL.iter().map(|word| word.as_str()).collect()),
            ("state", vec!["passed", "found", "pending", "not_asked"]),
            ("severity", hongyan_domain::alert::Severity::ALL.iter().map(|word| word.as_str()).collect()),
            ("severity", hongyan_content::Severity::ALL.iter().map(|word| word.as_str()).collect()),
            ("category", hongyan_content::WordCategory::ALL.iter().map(|word| word.as_str()).collect()),
            ("category", Category::ALL.iter().map(|word| word.as_str()).collect()),
            ("lane", Lane::ALL.iter().map(|word| word.as_str()).collect()),
            ("role", hongyan_store::Role::ALL.iter().map(|word| word.as_str()).collect()),
            ("signals", risk::Signal::ALL.iter().map(|word| word.as_str()).collect()),
            ("metric", hongyan_domain::alert::Metric::ALL.iter().map(|word| word.as_str()).collect()),
            ("kind", [AccountKind::Service, AccountKind::Subscription].map(AccountKind::as_str).to_vec()),
        ];
        let context = chinese();

        for (column, words) in words {
            for word in words {
                let told = context.cell(column, word);
                assert!(!told.is_ascii(), "{column} {word} is {told}");
            }
        }
    }

    #[test]
    fn words_keep_their_numbers_and_what_is_no_word_of_the_column_stays() {
        let context = chinese();

        assert_eq!(context.cell("signals", "complained 2, blocked 1"), "投诉 2, 平台拦截 1");
        assert_eq!(context.cell("name", "service"), "service");
        assert_eq!(context.cell("title", "found, not lost"), "found, not lost");
    }
}

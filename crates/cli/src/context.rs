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

    /// A table under heads that are keys of the texts' section `column`.
    pub(crate) fn table(&self, columns: &[&str], rows: Vec<Vec<String>>) {
        let keys: Vec<_> = columns.iter().map(|column| format!("column.{column}")).collect();
        let head: Vec<_> = keys.iter().map(|key| self.texts.get(key)).collect();
        print::table(&head, rows);
    }

    pub(crate) fn not_found(&self, key: &str, name: &dyn Display) -> Failure {
        Failure::NotFound(self.texts.fill(key, &[("name", name)]))
    }
}

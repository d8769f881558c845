//! What a command finds, as pages: a file that a browser shows, Markdown for a pull request.

use std::ffi::OsString;
use std::path::PathBuf;

use tinyjson::JsonValue;

use crate::command::journey;
use crate::error::Result;
use crate::page_file::PageFile;

/// What is shown: what `check` found, or what `review` has gathered.
pub(crate) const CHECK: &str = "check";
pub(crate) const REVIEW: &str = "review";

#[derive(Default)]
pub(crate) struct Pages {
    html: Option<PageFile>,
    markdown: Option<Markdown>,
}

enum Markdown {
    Stdout,
    File(PageFile),
}

impl Pages {
    pub(crate) fn html(&mut self, file: OsString) -> Result<()> {
        self.html = Some(PageFile::new(PathBuf::from(file))?);
        Ok(())
    }

    /// Without a file it goes to stdout.
    pub(crate) fn markdown(&mut self, file: Option<OsString>) -> Result<()> {
        self.markdown = Some(match file {
            Some(file) => Markdown::File(PageFile::new(PathBuf::from(file))?),
            None => Markdown::Stdout,
        });
        Ok(())
    }

    /// Where no file was named.
    pub(crate) fn or_on_stdout(self) -> Self {
        let is_for_nobody = self.html.is_none() && self.markdown.is_none();
        if is_for_nobody { Self { markdown: Some(Markdown::Stdout), ..self } } else { self }
    }

    pub(crate) fn take_stdout(&self) -> bool {
        matches!(self.markdown, Some(Markdown::Stdout))
    }

    /// Writes those that are wanted.
    pub(crate) fn write(&self, what: &str, value: &JsonValue) -> Result<()> {
        if let Some(file) = &self.html {
            file.write(&journey::page(what, "html", value)?)?;
        }
        match &self.markdown {
            Some(Markdown::File(file)) => file.write(&journey::page(what, "markdown", value)?),
            Some(Markdown::Stdout) => {
                print!("{}", journey::page(what, "markdown", value)?);
                Ok(())
            }
            None => Ok(()),
        }
    }
}

//! Reads the comment of a declaration: paragraphs, and what follows its commands.

use serde::Serialize;

/// A paragraph under a title of its own.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Chapter {
    pub title: String,
    pub paragraphs: Vec<String>,
}

/// A comment, taken apart at its commands.
#[derive(Clone, Debug, Default)]
pub struct Comment {
    pub paragraphs: Vec<String>,
    pub params: Vec<(String, String)>,
    pub retvals: Vec<(String, String)>,
    pub returns: String,
    pub chapters: Vec<Chapter>,
    pub code: String,
    pub since: String,
}

impl Comment {
    /// Reads the text between `/**` and `*/`.
    pub fn read(text: &str) -> Comment {
        let mut comment = Comment::default();
        let mut lines = Vec::new();
        let mut in_code = false;
        for line in text.replace(" @since", "\n@since").lines() {
            let line = line.trim_start();
            let line = line.strip_prefix("* ").or(line.strip_prefix('*')).unwrap_or(line);
            match line.trim_end() {
                "@code{.c}" => in_code = true,
                "@endcode" => in_code = false,
                line if in_code => comment.code += &format!("{line}\n"),
                line => lines.push(line.to_owned()),
            }
        }
        for block in blocks(&lines) {
            comment.add(&block);
        }
        comment
    }

    /// The paragraphs, with an empty line between them.
    pub fn doc(&self) -> String {
        self.paragraphs.join("\n\n")
    }

    /// The first sentence, without its full stop.
    pub fn brief(&self) -> String {
        let text = self.paragraphs.first().map_or("", String::as_str);
        text.split_once(". ").map_or(text, |(first, _)| first).trim_end_matches('.').to_owned()
    }

    /// What is said under a title.
    pub fn chapter(&self, title: &str) -> String {
        let mut chapters = self.chapters.iter().filter(|chapter| chapter.title == title);
        chapters.next().map(|chapter| chapter.paragraphs.join("\n\n")).unwrap_or_default()
    }

    fn add(&mut self, block: &str) {
        let Some(command) = block.strip_prefix('@').filter(|_| !block.starts_with("@e ")) else {
            return self.flow(&words(block));
        };
        let end = command.find(char::is_whitespace).unwrap_or(command.len());
        let (command, rest) = command.split_at(end);
        let named = |text: &str| {
            let text = words(text);
            let (name, what) = text.split_once(' ').unwrap_or((&text, ""));
            (name.to_owned(), what.to_owned())
        };
        match command {
            "param" => self.params.push(named(rest)),
            "retval" => self.retvals.push(named(rest)),
            "return" => self.returns = words(rest),
            "since" => self.since = words(rest),
            "file" => self.flow(&named(rest).1),
            "par" => {
                // The title is the rest of the line; without one, the chapter before goes on.
                let (title, text) = rest.split_once('\n').unwrap_or((rest, ""));
                if !title.trim().is_empty() {
                    let title = title.trim().to_owned();
                    self.chapters.push(Chapter { title, paragraphs: Vec::new() });
                }
                self.flow(&words(text));
            }
            _ => panic!("the command @{command} is not known here"),
        }
    }

    /// A paragraph of what is being told.
    fn flow(&mut self, text: &str) {
        let paragraphs = match self.chapters.last_mut() {
            Some(chapter) => &mut chapter.paragraphs,
            None => &mut self.paragraphs,
        };
        if !text.is_empty() {
            paragraphs.push(text.to_owned());
        }
    }
}

/// Lines that belong together: up to an empty one, or the next command.
fn blocks(lines: &[String]) -> Vec<String> {
    let mut blocks = vec![String::new()];
    for line in lines {
        let is_command = line.starts_with('@') && !line.starts_with("@e ");
        if line.is_empty() || is_command {
            blocks.push(String::new());
        }
        let block = blocks.last_mut().expect("one at least");
        *block += line;
        block.push('\n');
    }
    blocks.iter().map(|block| block.trim().to_owned()).collect()
}

fn words(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

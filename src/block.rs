//! A managed block in a file that belongs to others too: its own lines between two comments.

use std::ops::Range;

pub const BEGIN: &str = "# BEGIN atomhost";
pub const END: &str = "# END atomhost";

/// The block as text: the lines between the comments, each with its newline.
pub fn text<'a>(lines: impl IntoIterator<Item = &'a str>) -> String {
    let mut text = format!("{BEGIN}\n");
    for line in lines {
        text.push_str(line);
        text.push('\n');
    }
    text.push_str(END);
    text.push('\n');
    text
}

/// The bytes of the block in a file, its comments included; `None` where there is none.
///
/// # Errors
/// What is wrong with the comments: which lines are whose would be a guess.
pub fn find(file: &str) -> Result<Option<Range<usize>>, String> {
    let mut begin: Option<usize> = None;
    let mut found: Option<Range<usize>> = None;
    let mut at = 0;
    for line in file.split_inclusive('\n') {
        let end = at + line.len();
        match line.trim_end() {
            BEGIN if begin.is_some() => return Err(format!("`{BEGIN}` is there twice without `{END}` between")),
            BEGIN if found.is_some() => return Err("there are two managed blocks".to_owned()),
            BEGIN => begin = Some(at),
            END => match begin.take() {
                Some(begin) => found = Some(begin..end),
                None => return Err(format!("`{END}` has no `{BEGIN}` before it")),
            },
            _ => {}
        }
        at = end;
    }
    match begin {
        Some(_) => Err(format!("`{BEGIN}` has no `{END}` after it")),
        None => Ok(found),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_found_and_broken() {
        let block = text(["+:root:LOCAL"]);
        assert_eq!(find(&format!("a\n{block}b")), Ok(Some(2..2 + block.len())));
        assert_eq!(find(&format!("a\n{}", block.trim_end())), Ok(Some(2..1 + block.len())));
        assert_eq!(find("a\nb"), Ok(None));
        let broken = [
            (format!("{BEGIN}\n"), "no `# END"),
            (format!("{END}\n"), "no `# BEGIN"),
            (format!("{BEGIN}\n{BEGIN}\n{END}\n"), "twice"),
            (format!("{block}x\n{block}"), "two managed blocks"),
        ];
        for (file, expected) in broken {
            let reason = find(&file).expect_err(&file);
            assert!(reason.contains(expected), "{reason}");
        }
    }
}

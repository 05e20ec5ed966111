//! A bar that shows where the extents of a volume group are.

/// A piece of a bar.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Segment {
    /// Stands for the volume in the bar; a space means free extents.
    pub letter: char,
    pub extents: u64,
}

/// Letters for the rows of a ledger, as far as they reach; then `*` for all others.
pub fn letter(index: usize) -> char {
    let letters = ('a'..='z').chain('A'..='Z').chain('0'..='9');
    letters.clone().nth(index).unwrap_or('*')
}

/// Draws segments, `width` columns for `scale` extents.
///
/// Whatever has extents is seen: it gets a column even where its share is less, as long as there
/// are columns enough. Blocks of neighbours differ in shade; a letter stands in the middle of each.
pub fn draw(segments: &[Segment], scale: u64, width: usize, unicode: bool) -> String {
    let segments: Vec<Segment> = segments.iter().copied().filter(|segment| segment.extents > 0).collect();
    let cells = cells(&segments, scale, width);
    let mut bar = String::new();
    let mut dark = false;
    for (segment, cells) in segments.iter().zip(cells) {
        let fill = match (segment.letter, unicode, dark) {
            (' ', true, _) => '░',
            (' ', false, _) => '.',
            (letter, false, _) => letter,
            (_, true, false) => '▓',
            (_, true, true) => '▒',
        };
        if segment.letter != ' ' {
            dark = !dark;
        }
        let middle = cells.saturating_sub(1) / 2;
        bar.extend((0..cells).map(|cell| match cell == middle && segment.letter != ' ' {
            true => segment.letter,
            false => fill,
        }));
    }
    bar
}

/// Draws what lies beneath a bar: a span with a name for each part, `width` columns for `scale` extents.
///
/// A name is cut, and left out where there is no room for two characters of it.
pub fn spans(parts: &[(&str, u64)], scale: u64, width: usize, unicode: bool) -> String {
    let parts: Vec<&(&str, u64)> = parts.iter().filter(|(_, extents)| *extents > 0).collect();
    let segments: Vec<Segment> = parts.iter().map(|(_, extents)| Segment { letter: 'x', extents: *extents }).collect();
    let (left, line, right) = if unicode { ('├', '─', '┤') } else { ('|', '-', '|') };
    let mut bar = String::new();
    for ((name, _), cells) in parts.iter().zip(cells(&segments, scale, width)) {
        if cells < 2 {
            bar.extend((0..cells).map(|_| left));
            continue;
        }
        let room = cells - 2;
        let name: String = name.chars().take(room.saturating_sub(2)).collect();
        let name = if name.chars().count() < 2 { String::new() } else { format!(" {name} ") };
        let around = room - name.chars().count();
        bar.push(left);
        bar.extend((0..around / 2).map(|_| line));
        bar.push_str(&name);
        bar.extend((0..around - around / 2).map(|_| line));
        bar.push(right);
    }
    bar
}

/// Columns for each segment: its share, at least one, and together what their sum deserves.
fn cells(segments: &[Segment], scale: u64, width: usize) -> Vec<usize> {
    let share = |extents: u64| -> usize {
        let columns =
            (u128::from(extents) * width as u128 * 2 + u128::from(scale.max(1))) / (2 * u128::from(scale.max(1)));
        usize::try_from(columns).unwrap_or(width).min(width)
    };
    let sum: u64 = segments.iter().map(|segment| segment.extents).sum();
    let total = share(sum).max(segments.len().min(width));
    let mut cells: Vec<usize> = segments.iter().map(|segment| share(segment.extents).max(1)).collect();
    loop {
        let now: usize = cells.iter().sum();
        let largest =
            cells.iter().enumerate().max_by_key(|(index, cells)| (**cells, usize::MAX - index)).map(|(index, _)| index);
        let Some(largest) = largest else { break };
        match now.cmp(&total) {
            std::cmp::Ordering::Equal => break,
            std::cmp::Ordering::Less => cells[largest] += total - now,
            // The largest gives; with more volumes than columns, the last ones vanish.
            std::cmp::Ordering::Greater if cells[largest] > 1 => cells[largest] -= 1,
            std::cmp::Ordering::Greater => cells.truncate(total),
        }
    }
    cells
}

#[cfg(test)]
mod tests {
    use super::*;

    fn segments(parts: &[(char, u64)]) -> Vec<Segment> {
        parts.iter().map(|(letter, extents)| Segment { letter: *letter, extents: *extents }).collect()
    }

    #[test]
    fn bars() {
        type Row<'a> = (&'a [(char, u64)], u64, &'a str, &'a str);
        let rows: [Row<'_>; 6] = [
            (&[('a', 50), (' ', 50)], 100, "▓▓▓▓a▓▓▓▓▓░░░░░░░░░░", "aaaaaaaaaa.........."),
            (&[('a', 25), ('b', 25), (' ', 50)], 100, "▓▓a▓▓▒▒b▒▒░░░░░░░░░░", "aaaaabbbbb.........."),
            (&[('a', 1), ('b', 99)], 100, "a▒▒▒▒▒▒▒▒▒b▒▒▒▒▒▒▒▒▒", "abbbbbbbbbbbbbbbbbbb"),
            (&[('a', 25)], 100, "▓▓a▓▓", "aaaaa"),
            (&[('a', 0), (' ', 100)], 100, "░░░░░░░░░░░░░░░░░░░░", "...................."),
            (&[], 0, "", ""),
        ];
        for (parts, scale, unicode, ascii) in rows {
            assert_eq!(draw(&segments(parts), scale, 20, true), unicode, "{parts:?}");
            assert_eq!(draw(&segments(parts), scale, 20, false), ascii, "{parts:?}");
        }
    }

    #[test]
    fn spans_are_as_wide_as_the_bar_above() {
        type Row<'a> = (&'a [(&'a str, u64)], &'a str, &'a str);
        let rows: [Row<'_>; 5] = [
            (&[("sda2", 50), ("sdb", 50)], "├─ sda2 ─┤├─ sdb ──┤", "|- sda2 -||- sdb --|"),
            (&[("sda2", 20), ("sdb", 80)], "├──┤├──── sdb ─────┤", "|--||---- sdb -----|"),
            (&[("nvme0n1p2", 50)], "├ nvme0n ┤", "| nvme0n |"),
            (&[("sda2", 1), ("sdb", 99)], "├├────── sdb ──────┤", "||------ sdb ------|"),
            (&[("sda2", 0)], "", ""),
        ];
        for (parts, unicode, ascii) in rows {
            assert_eq!(spans(parts, 100, 20, true), unicode, "{parts:?}");
            assert_eq!(spans(parts, 100, 20, false), ascii, "{parts:?}");
        }
    }

    #[test]
    fn a_bar_never_passes_its_width() {
        let many: Vec<Segment> =
            (0..200).map(|index| Segment { letter: letter(index), extents: 1 + index as u64 * 7 }).collect();
        let sum = many.iter().map(|segment| segment.extents).sum();
        for width in [0, 1, 7, 80, 199, 200, 500] {
            assert_eq!(draw(&many, sum, width, true).chars().count(), width, "{width}");
        }
        assert!(draw(&many, 1, 10, false).chars().count() <= 10);
    }
}

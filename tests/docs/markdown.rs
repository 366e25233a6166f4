//! As much of Markdown as the documents use.

/// A line, and whether it is code: indented by four blanks, or fenced.
fn lines(text: &str) -> impl Iterator<Item = (&str, bool)> {
    let mut fenced = false;
    text.lines().map(move |line| {
        let fence = line.trim_start().starts_with("```");
        fenced ^= fence;
        (line, fenced || fence || line.starts_with("    "))
    })
}

/// What stands between these two, wherever they come.
fn between<'a>(text: &'a str, open: &str, close: &str) -> Vec<&'a str> {
    let after = text.split(open).skip(1);
    after.filter_map(|rest| rest.split_once(close)).map(|(inside, _)| inside).collect()
}

/// Every second part is between single backticks.
fn quoted(text: &str) -> Vec<String> {
    let prose: Vec<_> = lines(text).filter(|(_, is_code)| !is_code).map(|(line, _)| line).collect();
    let prose = prose.join("\n");
    prose.split('`').skip(1).step_by(2).map(|name| name.replace('\n', " ")).collect()
}

/// Where its links and pictures lead.
pub fn links(text: &str) -> Vec<String> {
    let prose: Vec<_> = lines(text).filter(|(_, is_code)| !is_code).map(|(line, _)| line).collect();
    between(&prose.join("\n"), "](", ")").into_iter().map(str::to_owned).collect()
}

/// Names of test functions: several words joined by `_`, in backticks, after any module.
/// SPANK has such names too.
pub fn test_names(text: &str) -> Vec<String> {
    let last = |name: String| name.rsplit("::").next().unwrap_or_default().to_owned();
    let is_name = |name: &String| {
        name.matches('_').count() >= 3
            && !name.starts_with("spank_")
            && name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_')
    };
    quoted(text).into_iter().map(last).filter(is_name).collect()
}

/// The first cell of each row of the tables, without backticks.
pub fn first_cells(text: &str) -> Vec<String> {
    let cell = |line: &str| line.strip_prefix("| `")?.split("` |").next().map(str::to_owned);
    text.lines().filter_map(cell).collect()
}

/// The parts of a message between its values, which are written `…`.
pub fn parts(message: &str) -> impl Iterator<Item = &str> {
    message
        .split('…')
        .map(|part| part.trim_matches([' ', '\'', ';', ':']))
        .filter(|part| part.len() > 3)
}

/// Format strings with their values cut out, and without what Rust escapes.
pub fn without_values(source: &str) -> String {
    let mut text = String::new();
    for (index, part) in source.split('{').enumerate() {
        let rest = part.split_once('}').filter(|(value, _)| index > 0 && value.len() < 20);
        match rest {
            Some((_, rest)) => {
                text.push('…');
                text.push_str(rest);
            }
            None => text.push_str(part),
        }
    }
    text.replace("\\\"", "\"").replace("\\\\", "\\")
}

/// How deep its headings are, one after the other.
pub fn heading_levels(text: &str) -> Vec<usize> {
    let headings = lines(text).filter(|(line, is_code)| !is_code && line.starts_with('#'));
    headings.map(|(line, _)| line.chars().take_while(|c| *c == '#').count()).collect()
}

/// Lines of code without their comments, and what is typed in running text.
pub fn commands(text: &str) -> Vec<String> {
    let code = lines(text)
        .filter(|(_, is_code)| *is_code)
        .map(|(line, _)| line.split(" # ").next().unwrap_or_default().trim().to_owned());
    let typed = quoted(text).into_iter().filter(|text| {
        ["srun", "sbatch", "salloc", "spank-oci", "./dev", "--"]
            .iter()
            .any(|start| text.starts_with(start))
    });
    code.filter(|line| !line.is_empty() && !line.starts_with('#')).chain(typed).collect()
}

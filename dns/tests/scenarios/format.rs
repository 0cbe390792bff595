//! Reading `scenarios/*.txt`; `scenarios/README.md` describes the format.

use signet_core::plan::RecordKey;
use std::{collections::BTreeSet, fs, path::PathBuf};

/// One zone, or one server's version of it.
#[derive(Clone, Debug)]
pub(crate) struct Section {
    /// With variables, as in the file.
    pub(crate) apex: String,
    /// Last octets of its servers; empty: those nobody else of the apex has.
    pub(crate) servers: Vec<u8>,
    /// Only resolvers have it: what they still remember.
    pub(crate) remembered: bool,
    /// Records of the plan that are not published here.
    pub(crate) without: BTreeSet<RecordKey>,
    /// Whether the records every zone has are left out.
    pub(crate) bare: bool,
    /// Owner, type and data.
    pub(crate) records: Vec<String>,
}

impl Section {
    fn new(apex: &str) -> Self {
        Self {
            apex: apex.to_string(),
            servers: Vec::new(),
            remembered: false,
            without: BTreeSet::new(),
            bare: false,
            records: Vec::new(),
        }
    }
}

/// Which names a fault is for.
#[derive(Clone, Debug)]
pub(crate) enum Names {
    All,
    At(String),
    Below(String),
}

/// `server WHO WHAT [at NAME | below NAME]`
#[derive(Clone, Debug)]
pub(crate) struct Broken {
    pub(crate) servers: Vec<u8>,
    pub(crate) fault: String,
    pub(crate) names: Names,
}

/// What the report must say of one record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Expected {
    pub(crate) key: RecordKey,
    pub(crate) status: String,
    pub(crate) code: String,
    pub(crate) fixes: Vec<String>,
    pub(crate) remarks: Vec<String>,
}

/// One mistake, and what is to be said of it.
#[derive(Clone, Debug)]
pub(crate) struct Scenario {
    /// `spf-07`: the file, and its place in it.
    pub(crate) id: String,
    pub(crate) title: String,
    pub(crate) about: Vec<String>,
    /// The sending domain's labels below the organizational domain.
    pub(crate) domain: String,
    pub(crate) sections: Vec<Section>,
    pub(crate) broken: Vec<Broken>,
    /// Servers the parent names, where they are not the zone's.
    pub(crate) delegated_to: Option<Vec<u8>>,
    pub(crate) undelegated: bool,
    /// The zone above vouches for keys of the zone.
    pub(crate) signed: bool,
    /// The keys that are published as TXT, by name.
    pub(crate) raw: Option<[String; 2]>,
    /// Private addresses are not asked.
    pub(crate) guarded: bool,
    pub(crate) pending: Option<String>,
    pub(crate) expected: Vec<Expected>,
}

/// The folder with the scenarios.
pub(crate) fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../scenarios")
}

/// Lines of a file in it, without comments.
pub(crate) fn lines(file: &str) -> Vec<String> {
    let path = folder().join(file);
    let text = fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    text.lines().filter(|line| !line.starts_with('#')).map(str::to_string).collect()
}

/// The rules of VERDICTS that the scenarios are about, in order: a word and
/// the rule. `covered elsewhere` is said in front of those that are no
/// scenario's.
pub(crate) fn clauses() -> Vec<(String, String)> {
    let lines = lines("clauses.txt").into_iter().filter(|line| !line.trim().is_empty());
    lines
        .map(|line| {
            let (id, rule) = line.split_once(' ').unwrap_or_else(|| panic!("{line:?} has no rule"));
            (id.to_string(), rule.trim().to_string())
        })
        .collect()
}

/// All scenarios, file by file.
pub(crate) fn all() -> Vec<Scenario> {
    let mut files: Vec<String> = fs::read_dir(folder())
        .expect("a folder")
        .filter_map(|entry| entry.expect("an entry").file_name().into_string().ok())
        .filter(|name| name.ends_with(".txt") && name != "clauses.txt" && name != "keys.txt")
        .collect();
    files.sort();
    files.iter().flat_map(|file| group(file)).collect()
}

fn group(file: &str) -> Vec<Scenario> {
    let group = file.trim_end_matches(".txt");
    let mut found: Vec<Scenario> = Vec::new();
    for line in lines(file) {
        if line.trim().is_empty() {
            continue;
        }
        if !line.starts_with(' ') {
            found.push(Scenario::new(format!("{group}-{:02}", found.len() + 1), &line));
            continue;
        }
        let scenario = found.last_mut().unwrap_or_else(|| panic!("{file}: {line:?} before any title"));
        scenario.read(line.trim());
    }
    found
}

fn key(word: &str) -> RecordKey {
    RecordKey::parse(word).unwrap_or_else(|| panic!("{word:?} is no record"))
}

fn hosts(words: &[&str]) -> Vec<u8> {
    words.iter().map(|word| word.parse().unwrap_or_else(|_| panic!("{words:?} are no servers"))).collect()
}

impl Scenario {
    fn new(id: String, title: &str) -> Self {
        let right = |key| Expected {
            key,
            status: "pass".to_string(),
            code: "ok".to_string(),
            fixes: Vec::new(),
            remarks: Vec::new(),
        };
        Self {
            id,
            title: title.to_string(),
            about: Vec::new(),
            domain: String::new(),
            sections: vec![Section::new("{org}")],
            broken: Vec::new(),
            delegated_to: None,
            undelegated: false,
            signed: false,
            raw: None,
            guarded: false,
            pending: None,
            expected: RecordKey::ALL.map(right).to_vec(),
        }
    }

    fn section(&mut self) -> &mut Section {
        self.sections.last_mut().expect("there is always one")
    }

    fn read(&mut self, line: &str) {
        let words: Vec<&str> = line.split_whitespace().collect();
        match words[..] {
            [_, rtype, ..]
                if rtype.len() > 1 && rtype.bytes().all(|b| b.is_ascii_uppercase())
                    || words.get(1) == Some(&"A") =>
            {
                self.section().records.push(line.to_string());
            }
            ["about", ref clauses @ ..] => self.about.extend(clauses.iter().map(ToString::to_string)),
            ["domain", labels] => self.domain = labels.to_string(),
            ["without", ref keys @ ..] => self.without(keys),
            ["zone", apex] => self.sections.push(Section::new(apex)),
            ["zone", apex, "on", ref servers @ ..] => {
                self.sections.push(Section { servers: hosts(servers), ..Section::new(apex) });
            }
            ["resolvers", "remember", apex] => {
                self.sections.push(Section { remembered: true, ..Section::new(apex) });
            }
            ["server", ref servers @ .., fault, "below", name] => {
                self.broken(servers, fault, Names::Below(name.to_string()));
            }
            ["server", ref servers @ .., fault, "at", name] => {
                self.broken(servers, fault, Names::At(name.to_string()));
            }
            ["server", ref servers @ .., fault] => self.broken(servers, fault, Names::All),
            ["delegated", "to", ref servers @ ..] => self.delegated_to = Some(hosts(servers)),
            ["undelegated"] => self.undelegated = true,
            ["raw", first, second] => self.raw = Some([first, second].map(str::to_string)),
            ["signed"] => self.signed = true,
            ["guarded"] => self.guarded = true,
            // For the runner on real servers.
            ["forged", _, ..] => {}
            ["pending", ..] => self.pending = Some(line.to_string()),
            ["expect", which, status, code] => self.expect(which, status, code),
            ["fix", which, ..] => {
                let text = after_words(line, 2);
                self.expected_of(which).fixes.push(text);
            }
            ["remark", which, ..] => {
                let text = after_words(line, 2);
                self.expected_of(which).remarks.push(text);
            }
            _ => panic!("{}: {line:?} makes no sense", self.id),
        }
    }

    fn without(&mut self, keys: &[&str]) {
        for &word in keys {
            match word {
                "all" => self.section().without.extend(RecordKey::ALL),
                "base" => self.section().bare = true,
                word => {
                    self.section().without.insert(key(word));
                }
            }
        }
    }

    fn broken(&mut self, servers: &[&str], fault: &str, names: Names) {
        self.broken.push(Broken { servers: hosts(servers), fault: fault.to_string(), names });
    }

    fn expected_of(&mut self, which: &str) -> &mut Expected {
        let key = key(which);
        self.expected.iter_mut().find(|expected| expected.key == key).expect("all are there")
    }

    fn expect(&mut self, which: &str, status: &str, code: &str) {
        for expected in &mut self.expected {
            if which == "all" || expected.key == key(which) {
                (expected.status, expected.code) = (status.to_string(), code.to_string());
            }
        }
    }
}

fn after_words(line: &str, words: usize) -> String {
    let mut rest = line;
    for _ in 0..words {
        rest = rest.trim_start().split_once(' ').map_or("", |(_, rest)| rest);
    }
    rest.trim().to_string()
}

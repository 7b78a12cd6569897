//! Who may do what: clients have roles, roles have scopes, and no scope implies another (B30, B31, B32).

use crate::{PolicyError, Problem, tables::Reader};
use serde::Deserialize;
use std::collections::{BTreeMap, BTreeSet};
use toml::Spanned;
use types::{Label, Scope};

/// What each client may do. Deny by default: an unknown client may do nothing.
#[derive(Clone, Debug)]
pub struct Roles {
    roles: BTreeMap<Label, BTreeSet<Scope>>,
    clients: BTreeMap<Label, Vec<Label>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Outline {
    #[serde(default)]
    roles: BTreeMap<Label, Spanned<toml::Value>>,
    #[serde(default)]
    clients: BTreeMap<Label, Spanned<toml::Value>>,
}

impl Roles {
    /// The roles that come with the product, without any client.
    #[must_use]
    pub const fn shipped_text() -> &'static str {
        include_str!("../rules/roles.toml")
    }

    /// Reads a roles file.
    ///
    /// # Errors
    /// Every mistake in it: unknown keys, scopes or roles.
    pub fn parse(text: &str) -> Result<Self, Vec<PolicyError>> {
        let mut errors = Vec::new();
        let mut reader = Reader::new("roles.toml", text, &mut errors);
        let Some(Outline { roles, clients }) = reader.outline::<Outline>() else { return Err(errors) };
        let roles: BTreeMap<Label, BTreeSet<Scope>> = values(&mut reader, roles);
        let all: Vec<_> = clients.iter().map(|(name, value)| (name.clone(), value.span().start)).collect();
        let clients: BTreeMap<Label, Vec<Label>> = values(&mut reader, clients);
        for (client, at) in all {
            for role in clients.get(&client).into_iter().flatten().filter(|role| !roles.contains_key(role)) {
                let problem = Problem::UnknownRole { client: client.clone(), role: role.clone() };
                let line = reader.line(at);
                reader.report(line, problem);
            }
        }
        if errors.is_empty() { Ok(Self { roles, clients }) } else { Err(errors) }
    }

    /// The union of the scopes of a client's roles.
    #[must_use]
    pub fn scopes_of(&self, client: &Label) -> BTreeSet<Scope> {
        let roles = self.clients.get(client).into_iter().flatten();
        roles.filter_map(|role| self.roles.get(role)).flatten().copied().collect()
    }

    /// The scopes of a role.
    #[must_use]
    pub fn scopes_of_role(&self, role: &Label) -> BTreeSet<Scope> {
        self.roles.get(role).cloned().unwrap_or_default()
    }
}

fn values<T: serde::de::DeserializeOwned>(
    reader: &mut Reader<'_>,
    values: BTreeMap<Label, Spanned<toml::Value>>,
) -> BTreeMap<Label, T> {
    let mut read = BTreeMap::new();
    for (name, value) in values {
        let line = reader.line(value.span().start);
        match value.into_inner().try_into() {
            Ok(value) => {
                read.insert(name, value);
            }
            Err(problem) => reader.report(line, Problem::Toml(Box::new(problem))),
        }
    }
    read
}

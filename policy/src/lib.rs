//! Rules to verdicts: classes, identifiers, routes, retention, roles. Pure

//! What a table of the file is, and the macro that makes one from a list of its keys: each key's name,
//! rule and meaning stand there once, and give the field, its documentation, the reading and the
//! reference file.

use crate::{example::Page, table::Table};

/// A table of the file.
pub(crate) trait Section: Sized {
    /// What the table is about, for the reference file.
    const ABOUT: &'static str;

    /// Reads every key, notes every error, refuses what is left over.
    fn read(table: Table<'_, '_>) -> Option<Self>;

    /// Prints every key with its meaning, its range and its default.
    fn describe(page: &mut Page);
}

/// The name in the file of a field in the code.
pub(crate) fn kebab(field: &str) -> String {
    field.replace('_', "-")
}

/// Makes [`Section`] for a struct from its keys, then its inner tables.
macro_rules! keys {
    ($name:ident, $about:literal
        $({ $($field:ident: $type:ty = $rule:expr, $meaning:literal;)* })?
        $(tables { $($inner:ident: $section:ty;)* })?
    ) => {
        impl $crate::section::Section for $name {
            const ABOUT: &'static str = $about;

            fn read(mut table: $crate::table::Table<'_, '_>) -> Option<Self> {
                $($(let $field = table.key(&$crate::section::kebab(stringify!($field)), &$crate::rule::of::<$type, _>($rule));)*)?
                $($(let $inner = table.table::<$section>(&$crate::section::kebab(stringify!($inner)));)*)?
                table.refuse_the_rest();
                Some(Self { $($($field: $field?,)*)? $($($inner: $inner?,)*)? })
            }

            fn describe(page: &mut $crate::example::Page) {
                $($(page.key(&$crate::section::kebab(stringify!($field)), $meaning, &$crate::rule::of::<$type, _>($rule));)*)?
                $($(page.table::<$section>(&$crate::section::kebab(stringify!($inner)));)*)?
            }
        }
    };
}

/// Makes a struct and its [`Section`].
macro_rules! section {
    ($about:literal, $name:ident
        { $($field:ident: $type:ty = $rule:expr, $meaning:literal;)* }
        $(tables { $($inner:ident: $section:ty, $what:literal;)* })?
    ) => {
        #[doc = $about]
        #[derive(Clone, Debug, PartialEq)]
        pub struct $name {
            $(#[doc = $meaning] pub $field: $type,)*
            $($(#[doc = $what] pub $inner: $section,)*)?
        }

        keys! { $name, $about { $($field: $type = $rule, $meaning;)* } $(tables { $($inner: $section;)* })? }
    };
}

//! Licenses as packages state them.
//!
//! An SPDX expression is taken as it is. Any other text gets an identifier of the document, `LicenseRef-` and its digest.

use std::collections::BTreeMap;

use oci::Digest;

use super::document::LicenseText;

/// Texts that are no SPDX expressions, by their identifier.
#[derive(Debug, Default)]
pub(super) struct Licenses(BTreeMap<String, String>);

impl Licenses {
    /// Returns the expression for a license: the text itself, or the identifier that it gets.
    pub fn expression(&mut self, text: &str) -> String {
        // A reference (`LicenseRef-`, `AdditionRef-`) means a text of another document.
        if spdx::Expression::parse(text).is_ok() && !text.contains("Ref-") {
            return text.to_owned();
        }
        let id = format!("LicenseRef-{}", &Digest::of(text.as_bytes()).hex()[..16]);
        self.0.insert(id.clone(), text.to_owned());
        id
    }

    /// Returns the texts, in the order of their identifiers.
    pub fn into_texts(self) -> Vec<LicenseText> {
        self.0.into_iter().map(|(id, text)| LicenseText { id, text }).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_expressions_of_known_licenses_are_taken_as_they_are() {
        #[track_caller]
        fn check(text: &str, is_expression: bool) {
            let mut licenses = Licenses::default();
            let expression = licenses.expression(text);
            assert_eq!(expression == text, is_expression, "{text}: {expression}");
            assert_eq!(licenses.into_texts().is_empty(), is_expression, "{text}");
        }
        check("MIT", true);
        check("Apache-2.0 WITH LLVM-exception", true);
        check("(MIT OR Apache-2.0) AND Unicode-3.0", true);
        check("BSD", false);
        check("GPL (>= 2)", false);
        check("LicenseRef-Public-Domain or MIT", false);
        check("", false);
    }
}

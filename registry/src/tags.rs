//! The list of a repository's tags.
//!
//! Source: OCI distribution specification 1.1, "Listing Tags".

use oci::Reference;
use serde::Deserialize;

use crate::auth::Access;
use crate::client::{Inner, RepositoryRequest};
use crate::endpoint::Endpoint;
use crate::error::AttemptError;
use crate::http::failure::Failure;
use crate::http::response::{self, header};
use crate::{Client, RegistryError};

/// Largest page that is read.
const MAX_PAGE_BYTES: u64 = 4 << 20;

/// Largest number of pages that are read. A registry that goes on is not believed.
const MAX_PAGES: usize = 1000;

/// Number of tags that a page is asked for.
const PAGE_LENGTH: usize = 1000;

/// A page of the list.
#[derive(Deserialize)]
struct Page {
    #[serde(default)]
    tags: Option<Vec<String>>,
}

impl Client {
    /// Lists the tags of the repository of `name`, in the registry's order. Tags that no name can have are left out.
    pub fn tags(&self, name: &Reference) -> Result<Vec<String>, RegistryError> {
        self.inner.at_any(name, Access::Pull, |endpoint| self.inner.tags(endpoint, name))
    }
}

impl Inner {
    fn tags(&self, endpoint: &Endpoint, reference: &Reference) -> Result<Vec<String>, RegistryError> {
        let (mut tags, mut path) = (Vec::new(), Some(format!("tags/list?n={PAGE_LENGTH}")));
        for _ in 0..MAX_PAGES {
            let Some(asked) = path.take() else { return Ok(tags) };
            let request = RepositoryRequest {
                access: Access::Pull,
                path: asked,
                headers: Vec::new(),
                name: reference.name(),
            };
            let (page, next) = self.persist(endpoint, &request, |endpoint| self.page(endpoint, &request))?;
            tags.extend(page.tags.unwrap_or_default().into_iter().filter(|tag| is_tag(reference, tag)));
            path = next;
        }
        let reason = format!("it lists tags on more than {MAX_PAGES} pages");
        Err(RegistryError::BadAnswer { registry: endpoint.name.clone(), name: reference.name(), reason })
    }

    /// Reads a page, and the path of the next one below the repository.
    fn page(
        &self,
        endpoint: &Endpoint,
        request: &RepositoryRequest,
    ) -> Result<(Page, Option<String>), AttemptError> {
        let response = self.get(endpoint, request)?;
        let next = header(response.headers(), "link").and_then(next_query);
        let bytes = response::read(response, MAX_PAGE_BYTES, &self.options.patience)?;
        let page = serde_json::from_slice(&bytes)
            .map_err(|error| Failure::bad(format!("the list of tags cannot be read: {error}")))?;
        Ok((page, next.map(|query| format!("tags/list?{query}"))))
    }
}

/// Returns the query of the next page: `n=1000&last=v1` for `</v2/a/tags/list?n=1000&last=v1>; rel="next"`.
///
/// Only the query counts, so that no server leads to another path or place.
fn next_query(link: &str) -> Option<String> {
    let (target, rest) = link.trim().strip_prefix('<')?.split_once('>')?;
    let is_next = rest.contains("rel=\"next\"") || rest.contains("rel=next");
    let query = target.split_once('?')?.1;
    let is_query = query.bytes().all(|b| b.is_ascii_graphic() && b != b'#');
    (is_next && is_query).then(|| query.to_owned())
}

fn is_tag(reference: &Reference, tag: &str) -> bool {
    let name = format!("{}:{tag}", reference.name());
    name.parse::<Reference>().is_ok_and(|parsed| parsed.tag.as_deref() == Some(tag))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_next_page_is_found_in_the_link() {
        #[track_caller]
        fn check(link: &str, expected: Option<&str>) {
            assert_eq!(next_query(link).as_deref(), expected, "{link}");
        }
        check("</v2/a/b/tags/list?n=2&last=b>; rel=\"next\"", Some("n=2&last=b"));
        check("<https://evil/x?last=b>; rel=next", Some("last=b"));
        check("</v2/a/b/tags/list>; rel=\"next\"", None);
        check("</v2/a/b/tags/list?last=b>; rel=\"first\"", None);
        check("</x?last=a b>; rel=\"next\"", None);
        check("nonsense", None);
    }

    #[test]
    fn tags_that_no_name_can_have_are_left_out() {
        let name: Reference = "r/a".parse().expect("a name");
        for (tag, expected) in
            [("v1.0", true), ("../x", false), ("", false), ("a b", false), ("\x1b[2J", false)]
        {
            assert_eq!(is_tag(&name, tag), expected, "{tag:?}");
        }
    }
}

//! The status codes that metrics name. A client or an upstream cannot create series with others.

use http::StatusCode;

/// The label of an exchange that ended before there was a response.
const NO_RESPONSE: &str = "none";

/// The label of every code that [`NAMED`] lacks.
const OTHER: &str = "other";

/// The registered codes of final responses and of `101`, in their order.
const NAMED: [(u16, &str); 58] = [
    (101, "101"),
    (200, "200"),
    (201, "201"),
    (202, "202"),
    (203, "203"),
    (204, "204"),
    (205, "205"),
    (206, "206"),
    (207, "207"),
    (208, "208"),
    (226, "226"),
    (300, "300"),
    (301, "301"),
    (302, "302"),
    (303, "303"),
    (304, "304"),
    (305, "305"),
    (307, "307"),
    (308, "308"),
    (400, "400"),
    (401, "401"),
    (402, "402"),
    (403, "403"),
    (404, "404"),
    (405, "405"),
    (406, "406"),
    (407, "407"),
    (408, "408"),
    (409, "409"),
    (410, "410"),
    (411, "411"),
    (412, "412"),
    (413, "413"),
    (414, "414"),
    (415, "415"),
    (416, "416"),
    (417, "417"),
    (421, "421"),
    (422, "422"),
    (423, "423"),
    (424, "424"),
    (425, "425"),
    (426, "426"),
    (428, "428"),
    (429, "429"),
    (431, "431"),
    (451, "451"),
    (500, "500"),
    (501, "501"),
    (502, "502"),
    (503, "503"),
    (504, "504"),
    (505, "505"),
    (506, "506"),
    (507, "507"),
    (508, "508"),
    (510, "510"),
    (511, "511"),
];

/// The value of the metric label `code` for the status of a response; `None`: there was none.
pub(crate) fn status_label(status: Option<StatusCode>) -> &'static str {
    let Some(status) = status else { return NO_RESPONSE };
    match NAMED.binary_search_by_key(&status.as_u16(), |(code, _)| *code) {
        Ok(index) => NAMED[index].1,
        Err(_) => OTHER,
    }
}

/// All values of [`status_label`].
pub(crate) fn status_labels() -> impl Iterator<Item = &'static str> {
    NAMED.into_iter().map(|(_, label)| label).chain([NO_RESPONSE, OTHER])
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test that fails here has failed")]

    use super::*;

    #[test]
    fn every_code_has_a_label_of_the_list() {
        assert!(NAMED.is_sorted());
        for code in 100..1000 {
            let label = status_label(Some(StatusCode::from_u16(code).unwrap()));
            assert!(status_labels().any(|listed| listed == label), "{code}");
        }
        assert_eq!(status_label(Some(StatusCode::UPGRADE_REQUIRED)), "426");
        assert_eq!(status_label(StatusCode::from_u16(799).ok()), "other");
        assert_eq!(status_label(None), "none");
    }
}

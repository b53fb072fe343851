//! What GetObjectTagging says. Read strictly: a document that breaks off shows fewer tags than there are.

use quick_xml::events::Event;

use crate::lock::Reading;
use crate::store::client::Reply;

/// The codes by which servers say that there are no tags.
const NONE: [&str; 2] = ["NoSuchTagSet", "NoSuchTagSetError"];

/// The tags of a version, in the answer's order.
#[must_use]
pub fn tags(reply: &Reply) -> Reading<Vec<(String, String)>> {
    if reply.error().is_some_and(|error| NONE.contains(&error.code.as_str())) {
        return Reading::Known(Vec::new());
    }
    if let Some(trouble) = reply.trouble() {
        return Reading::Unread(trouble);
    }
    match std::str::from_utf8(&reply.body).ok().and_then(parse) {
        Some(tags) => Reading::Known(tags),
        None => Reading::Unread("the answer is no whole tagging document".to_owned()),
    }
}

/// `Tagging/TagSet/Tag` with `Key` and `Value`; `None` unless it is whole.
fn parse(text: &str) -> Option<Vec<(String, String)>> {
    let mut reader = quick_xml::Reader::from_str(text);
    let mut path: Vec<String> = Vec::new();
    let mut tags = Vec::new();
    let (mut key, mut value, mut content) = (None, None, String::new());
    let mut whole = false;
    loop {
        match reader.read_event().ok()? {
            Event::Start(e) => {
                path.push(String::from_utf8(e.local_name().as_ref().to_vec()).ok()?);
                content.clear();
            }
            Event::Empty(e) => match (e.local_name().as_ref(), path.len()) {
                (b"Key", 3) => key = Some(String::new()),
                (b"Value", 3) => value = Some(String::new()),
                (b"Tagging", 0) => whole = true,
                _ => {}
            },
            Event::Text(t) => content.push_str(&t.xml10_content().ok()?),
            Event::CData(t) => content.push_str(&t.decode().ok()?),
            Event::GeneralRef(r) => match r.resolve_char_ref().ok()? {
                Some(c) => content.push(c),
                None => {
                    content.push_str(quick_xml::escape::resolve_predefined_entity(&r.decode().ok()?)?);
                }
            },
            Event::End(_) => {
                let names: Vec<&str> = path.iter().map(String::as_str).collect();
                match names.as_slice() {
                    ["Tagging", "TagSet", "Tag", "Key"] => key = Some(std::mem::take(&mut content)),
                    ["Tagging", "TagSet", "Tag", "Value"] => value = Some(std::mem::take(&mut content)),
                    ["Tagging", "TagSet", "Tag"] => {
                        tags.push((key.take()?, value.take().unwrap_or_default()));
                    }
                    ["Tagging"] => whole = true,
                    _ => {}
                }
                path.pop()?;
            }
            Event::Eof => return (whole && path.is_empty()).then_some(tags),
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_whole_document_has_tags() {
        let whole = "<?xml version=\"1.0\"?><Tagging xmlns=\"x\"><TagSet><Tag><Key>country</Key><Value>D&amp;E</Value></Tag>\
                     <Tag><Key>a</Key><Value/></Tag></TagSet></Tagging>";
        let pair = |k: &str, v: &str| (k.to_owned(), v.to_owned());
        assert_eq!(parse(whole), Some(vec![pair("country", "D&E"), pair("a", "")]));
        assert_eq!(parse("<Tagging><TagSet/></Tagging>"), Some(Vec::new()));
        for cut in 1..whole.len() {
            if whole.is_char_boundary(cut) {
                assert_eq!(parse(&whole[..cut]), None, "{}", &whole[..cut]);
            }
        }
        assert_eq!(parse("<ListBucketResult/>"), None);
        assert_eq!(parse(""), None);
    }
}

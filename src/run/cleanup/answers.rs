//! What a sweep reads from listings of buckets, tags and open uploads. Pure.

/// The texts of the given child elements of every `parent`, in order. Broken XML ends the list.
fn children(xml: &str, parent: &str, names: [&str; 2]) -> Vec<[String; 2]> {
    use quick_xml::events::Event;
    let mut reader = quick_xml::Reader::from_str(xml);
    let mut found: Vec<[String; 2]> = Vec::new();
    let (mut inside, mut field) = (false, None);
    loop {
        match reader.read_event() {
            Ok(Event::Start(e)) => {
                let name = e.local_name();
                if name.as_ref() == parent.as_bytes() {
                    inside = true;
                    found.push([String::new(), String::new()]);
                }
                field = names.iter().position(|n| n.as_bytes() == name.as_ref()).filter(|_| inside);
            }
            Ok(Event::End(e)) => {
                inside &= e.local_name().as_ref() != parent.as_bytes();
                field = None;
            }
            Ok(Event::Eof) | Err(_) => return found,
            Ok(event) => {
                if let (Some(i), Some(last)) = (field, found.last_mut())
                    && let Some(slot) = last.get_mut(i)
                {
                    match event {
                        Event::Text(t) => slot.push_str(&t.xml10_content().unwrap_or_default()),
                        Event::CData(t) => slot.push_str(&t.decode().unwrap_or_default()),
                        Event::GeneralRef(r) => match (r.resolve_char_ref(), r.decode()) {
                            (Ok(Some(c)), _) => slot.push(c),
                            (_, Ok(name)) => slot.push_str(
                                quick_xml::escape::resolve_predefined_entity(&name).unwrap_or_default(),
                            ),
                            _ => {}
                        },
                        _ => {}
                    }
                }
            }
        }
    }
}

/// The names of a listing of buckets.
pub(super) fn names_of_buckets(xml: &str) -> Vec<String> {
    children(xml, "Bucket", ["Name", ""]).into_iter().map(|[name, _]| name).collect()
}

/// The value of a tag.
pub(super) fn tag(xml: &str, name: &str) -> Option<String> {
    children(xml, "Tag", ["Key", "Value"]).into_iter().find(|[key, _]| key == name).map(|[_, value]| value)
}

/// Keys and ids of open uploads.
pub(super) fn uploads_of(xml: &str) -> Vec<(String, String)> {
    children(xml, "Upload", ["Key", "UploadId"]).into_iter().map(|[key, id]| (key, id)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn uploads_tags_and_buckets_are_read_from_their_listings() {
        let xml = "<R><Bucket>b</Bucket><Upload><Key>a&amp;b</Key><UploadId>1</UploadId><Owner><ID>x</ID></Owner></Upload>\
                   <Upload><Key>c</Key><UploadId>2</UploadId></Upload></R>";
        assert_eq!(uploads_of(xml), [("a&b".into(), "1".into()), ("c".into(), "2".into())]);
        let tags = "<Tagging><TagSet><Tag><Key>x</Key><Value>1</Value></Tag><Tag><Key>wormproof-run</Key><Value>r1</Value></Tag></TagSet></Tagging>";
        assert_eq!(tag(tags, "wormproof-run").as_deref(), Some("r1"));
        let buckets = "<L><Buckets><Bucket><Name>wormproof-a</Name></Bucket><Bucket><Name>b</Name></Bucket></Buckets></L>";
        assert_eq!(names_of_buckets(buckets), ["wormproof-a", "b"]);
    }
}

//! The first page, and the contents.

use crate::record::Record;
use crate::report::model::{Counts, Status};
use crate::report::opinion::{banner, headline};
use crate::report::pdf::fonts::Face;
use crate::report::pdf::layout::{
    BLUE, BODY, CODE, Flow, GREY, INK, Item, MARGIN, NAVY, NOTE, PAGE, PALE, RULE, SMALL, Style, TOP, WHITE,
    WIDTH, tint,
};
use crate::report::pdf::short;
use crate::report::pdf::table::{Cell, cell, left};
use crate::report::profile::result_line;
use crate::time::human;

/// What the fingerprint of a key made for one run is worth.
const EPHEMERAL: &str = "ephemeral key: proves integrity, not who signed";

pub(super) fn cover(flow: &mut Flow<'_>, record: &Record, results_sha256: &str) {
    flow.fill(0.0, 0.0, PAGE.0, 226.0, NAVY);
    flow.fill(0.0, 226.0, PAGE.0, 4.0, BLUE);
    flow.text(
        Style::new(Face::Bold, 9.0, [150, 184, 219]),
        MARGIN,
        70.0,
        "ASSESSMENT REPORT · WRITE-ONCE STORAGE",
    );
    flow.text(Style::new(Face::Bold, 28.0, WHITE), MARGIN, 110.0, "Object Lock assessment");
    let target = &record.target;
    let mut y = 138.0;
    let style = Style::new(Face::Regular, 13.0, [214, 226, 240]);
    let scope = short(&format!("s3://{}/{}", target.bucket, target.prefix), 130);
    for line in flow.lines(style, &scope, WIDTH).into_iter().take(2) {
        flow.push(Item::Text { style, x: MARGIN, y, text: line });
        y += style.leading();
    }
    let style = Style::new(Face::Regular, 10.0, [170, 190, 212]);
    for line in flow.lines(style, &short(&target.description, 200), WIDTH).into_iter().take(2) {
        flow.push(Item::Text { style, x: MARGIN, y, text: line });
        y += style.leading();
    }

    flow.y = 256.0;
    let (status, words) = banner(record);
    let lines = flow.lines(BODY, &short(&headline(record), 700), WIDTH - 32.0);
    let count = u16::try_from(lines.len()).unwrap_or(1);
    let height = 50.0 + f32::from(count) * BODY.leading();
    flow.fill(MARGIN, flow.y, WIDTH, height, PALE);
    flow.fill(MARGIN, flow.y, 5.0, height, tint(status));
    flow.text(Style::new(Face::Bold, 16.0, tint(status)), MARGIN + 18.0, flow.y + 28.0, words);
    let mut y = flow.y + 38.0 + BODY.size;
    for line in lines {
        flow.push(Item::Text { style: BODY, x: MARGIN + 18.0, y, text: line });
        y += BODY.leading();
    }
    flow.y += height + 14.0;
    tiles(flow, record);

    let times = &record.times;
    let signer = &record.signer;
    let value = Style { size: 8.6, ..BODY };
    let mut facts = vec![
        ("Target", value, short(&target.description, 300)),
        ("Bucket", value, short(&target.bucket, 300)),
        ("Run", CODE, short(&record.run_id, 100)),
        (
            "From, to",
            value,
            format!(
                "{} – {}, by the client's clock{}",
                human(times.started),
                human(times.finished),
                if times.clock == "virtual" {
                    "; the server's is virtual and jumps instead of waiting"
                } else {
                    ""
                }
            ),
        ),
    ];
    if let Some(profile) = record.profile.as_deref() {
        facts.push((
            "Profile",
            value,
            format!("{}: {}", short(&profile.name, 60), short(&result_line(profile), 300)),
        ));
    }
    if let Some(challenge) = &record.operator.challenge {
        facts.push(("Challenge", CODE, short(challenge, 300)));
    }
    facts.push(("SHA-256 of results.json", CODE, short(results_sha256, 64)));
    facts.push(("Signer", value, short(&signer.subject, 300)));
    facts.push(("Certificate, SHA-256", CODE, short(&signer.fingerprint, 128)));
    if signer.ephemeral {
        facts.push(("", Style { colour: tint(Status::Waived), ..value }, EPHEMERAL.to_owned()));
    }
    flow.facts(&facts);
    flow.y = flow.y.max(PAGE.1 - 96.0);
    flow.paragraph(
        NOTE,
        0.0,
        "This PDF is made from results.json, which holds every request, answer and read-back. The digest above \
         binds both. Verdicts count only under the conditions that are stated in the sections “Opinion” and “Target, \
         principals and configuration”.",
    );
}

/// A tile for each status.
fn tiles(flow: &mut Flow<'_>, record: &Record) {
    let counts = Counts::of(&record.scenarios);
    let gap = 8.0;
    let width = (WIDTH - 5.0 * gap) / 6.0;
    let mut x = MARGIN;
    for status in Status::ALL {
        let number = counts.get(status);
        let colour = if number > 0 { tint(status) } else { [168, 176, 186] };
        flow.fill(x, flow.y, width, 50.0, PALE);
        flow.fill(x, flow.y, width, 2.5, if number > 0 { colour } else { RULE });
        flow.text(Style::new(Face::Bold, 18.0, colour), x + 9.0, flow.y + 26.0, &number.to_string());
        flow.text(
            Style::new(Face::Regular, 7.0, GREY),
            x + 9.0,
            flow.y + 40.0,
            &status.word().to_lowercase(),
        );
        x += width + gap;
    }
    flow.y += 66.0;
}

/// The contents, on the page (counted from 0) that was left for them: sections, and the scenarios that did not hold.
pub(super) fn contents(flow: &mut Flow<'_>, page: usize) {
    let mut items = Vec::new();
    let heading = Style::new(Face::Bold, 17.0, NAVY);
    let mut y = TOP + heading.size;
    items.push(Item::Text { style: heading, x: MARGIN, y, text: "Contents".to_owned() });
    y += 30.0;
    let listed: Vec<_> = flow.marks.iter().filter(|m| m.level == 1 || m.status.is_some()).collect();
    let sections = listed.iter().filter(|m| m.level == 1).count();
    let most = 25 - sections.min(25);
    let (mut named, mut untold) = (0, 0);
    for mark in listed {
        let (style, indent, height) = if mark.level == 1 {
            if untold > 0 {
                let text = format!("and {untold} more, which did not hold or came to no conclusion");
                items.push(Item::Text { style: NOTE, x: MARGIN + 14.0, y, text });
                y += 14.0;
                untold = 0;
            }
            (Style::new(Face::Bold, 10.0, INK), 0.0, 19.0)
        } else {
            named += 1;
            if named > most {
                untold += 1;
                continue;
            }
            (Style::new(Face::Regular, 8.6, INK), 14.0, 14.0)
        };
        if mark.level == 1 {
            y += 3.0;
        }
        let number = (mark.page + 1).to_string();
        let right = MARGIN + WIDTH;
        let wide = flow.fonts.width(style.face, style.size, &number);
        let title = flow.fonts.clean(style.face, &mark.title);
        let room = WIDTH - indent - 120.0;
        let mut lines = flow.fonts.wrap(style.face, style.size, &title, room).into_iter();
        let mut title = lines.next().unwrap_or_default();
        if lines.next().is_some() {
            title.push_str(" …");
        }
        let end = MARGIN + indent + flow.fonts.width(style.face, style.size, &title);
        items.push(Item::Text { style, x: MARGIN + indent, y, text: title });
        items.push(Item::Text { style, x: right - wide, y, text: number });
        let mut dots = right - 24.0;
        if let Some(status) = mark.status {
            let style = Style::new(Face::Bold, 6.8, tint(status));
            let wide = flow.fonts.width(style.face, style.size, status.word());
            let x = right - 26.0 - wide;
            items.push(Item::Text { style, x, y, text: status.word().to_owned() });
            dots = x - 8.0;
        }
        let mut x = end + 6.0;
        while x < dots {
            items.push(Item::Box { x, y: y - 0.8, width: 0.8, height: 0.8, colour: [170, 178, 188] });
            x += 4.0;
        }
        items.push(Item::Link {
            x: MARGIN,
            y: y - 11.0,
            width: WIDTH,
            height: 14.0,
            page: mark.page,
            top: mark.top,
        });
        y += height;
    }
    let later = flow.pages.split_off(page + 1);
    for item in items {
        flow.push(item);
    }
    legend(flow);
    flow.pages.extend(later);
}

/// What the verdicts mean, at the foot of the page of the contents.
fn legend(flow: &mut Flow<'_>) {
    flow.y = 560.0;
    flow.heading("How to read the verdicts");
    let rows = Status::ALL
        .iter()
        .map(|status| {
            let meaning = match status {
                Status::Fail => "A guarantee was broken, or an answer was false, whatever the server said.",
                Status::Waived => "It failed, and a named person accepts the risk until a day. It stays a failure.",
                Status::Error => "The tool itself could not do its work. Nothing is known.",
                Status::Inconclusive => "Nothing definite can be said, for the reason given. It is not a pass.",
                Status::Skipped => "Not run, for the reason given. It is not a pass.",
                Status::Pass => {
                    "It held: read back as it has to be, with what proves it named; refusals count only with a control."
                }
            };
            vec![Cell::Badge(*status), cell(SMALL, meaning)]
        })
        .collect();
    flow.table(&[left("Verdict", 0.18), left("Meaning", 0.82)], rows);
}

//! Pages, and what flows onto them: headings, paragraphs, boxes. Points, from the top left corner.

use crate::report::model::Status;
use crate::report::pdf::fonts::{Face, Fonts};

/// A4, in points.
pub(super) const PAGE: (f32, f32) = (595.28, 841.89);
/// The left and the right margin.
pub(super) const MARGIN: f32 = 54.0;
/// Where text begins and ends on a page.
pub(super) const TOP: f32 = 72.0;
const BOTTOM: f32 = PAGE.1 - 62.0;
/// The width of the text.
pub(super) const WIDTH: f32 = PAGE.0 - 2.0 * MARGIN;

/// A colour: red, green, blue.
pub(super) type Colour = [u8; 3];
pub(super) const NAVY: Colour = [17, 38, 63];
pub(super) const BLUE: Colour = [31, 95, 153];
pub(super) const INK: Colour = [28, 34, 42];
pub(super) const GREY: Colour = [98, 108, 120];
pub(super) const RULE: Colour = [214, 220, 228];
pub(super) const PALE: Colour = [244, 246, 249];
pub(super) const WHITE: Colour = [255, 255, 255];

/// The colour of a status.
pub(super) fn tint(status: Status) -> Colour {
    match status {
        Status::Fail => [176, 32, 38],
        Status::Waived => [138, 82, 12],
        Status::Error => [122, 45, 134],
        Status::Inconclusive => [178, 112, 0],
        Status::Skipped => [104, 114, 126],
        Status::Pass => [26, 115, 72],
    }
}

/// How text looks.
#[derive(Debug, Clone, Copy)]
pub(super) struct Style {
    pub(super) face: Face,
    pub(super) size: f32,
    pub(super) colour: Colour,
}

impl Style {
    pub(super) const fn new(face: Face, size: f32, colour: Colour) -> Self {
        Self { face, size, colour }
    }

    /// From one baseline to the next.
    pub(super) fn leading(self) -> f32 {
        self.size * 1.42
    }
}

pub(super) const BODY: Style = Style::new(Face::Regular, 9.5, INK);
pub(super) const SMALL: Style = Style::new(Face::Regular, 8.0, INK);
pub(super) const NOTE: Style = Style::new(Face::Regular, 8.0, GREY);
pub(super) const STRONG: Style = Style::new(Face::Bold, 8.0, INK);
pub(super) const CODE: Style = Style::new(Face::Mono, 7.2, INK);
pub(super) const CODE_NOTE: Style = Style::new(Face::Mono, 6.8, GREY);

/// Something on a page.
#[derive(Debug)]
pub(super) enum Item {
    /// Text by its baseline; drawable already.
    Text { style: Style, x: f32, y: f32, text: String },
    /// A filled rectangle by its upper left corner.
    Box { x: f32, y: f32, width: f32, height: f32, colour: Colour },
    /// A place that leads to another page (counted from 0) when it is clicked.
    Link { x: f32, y: f32, width: f32, height: f32, page: usize, top: f32 },
}

/// An entry of the outline and of the contents.
#[derive(Debug)]
pub(super) struct Mark {
    /// 1 for a section, 2 below it.
    pub(super) level: u8,
    pub(super) title: String,
    /// Counted from 0.
    pub(super) page: usize,
    pub(super) top: f32,
    /// Printed at its right in the contents; only entries of level 2 with one are listed there.
    pub(super) status: Option<Status>,
}

/// The pages so far, and where the next thing goes.
#[derive(Debug)]
pub(super) struct Flow<'a> {
    pub(super) fonts: &'a Fonts,
    pub(super) pages: Vec<Vec<Item>>,
    pub(super) marks: Vec<Mark>,
    pub(super) y: f32,
}

impl<'a> Flow<'a> {
    /// One empty page.
    pub(super) fn new(fonts: &'a Fonts) -> Self {
        Self { fonts, pages: vec![Vec::new()], marks: Vec::new(), y: TOP }
    }

    pub(super) fn push(&mut self, item: Item) {
        if let Some(page) = self.pages.last_mut() {
            page.push(item);
        }
    }

    pub(super) fn new_page(&mut self) {
        self.pages.push(Vec::new());
        self.y = TOP;
    }

    /// The height that is left on this page.
    pub(super) fn room(&self) -> f32 {
        BOTTOM - self.y
    }

    /// Whether nothing flowed onto this page yet.
    pub(super) fn at_top(&self) -> bool {
        self.y <= TOP + 0.5
    }

    /// Goes to a new page if less than this is left.
    pub(super) fn ensure(&mut self, height: f32) {
        if self.room() < height && !self.at_top() {
            self.new_page();
        }
    }

    /// Leaves a gap, but none at the top of a page.
    pub(super) fn gap(&mut self, height: f32) {
        if !self.at_top() {
            self.y += height;
        }
    }

    pub(super) fn text(&mut self, style: Style, x: f32, y: f32, text: &str) {
        let text = self.fonts.clean(style.face, text);
        self.push(Item::Text { style, x, y, text });
    }

    pub(super) fn fill(&mut self, x: f32, y: f32, width: f32, height: f32, colour: Colour) {
        self.push(Item::Box { x, y, width, height, colour });
    }

    pub(super) fn lines(&self, style: Style, text: &str, width: f32) -> Vec<String> {
        self.fonts.wrap(style.face, style.size, &self.fonts.clean(style.face, text), width)
    }

    /// Text of any length at an indent, over as many pages as it takes. Gives back nothing; moves on below it.
    pub(super) fn paragraph(&mut self, style: Style, indent: f32, text: &str) {
        for line in self.lines(style, text, WIDTH - indent) {
            self.ensure(style.leading());
            let y = self.y + style.size;
            self.push(Item::Text { style, x: MARGIN + indent, y, text: line });
            self.y += style.leading();
        }
    }

    /// The same with a mark in front.
    pub(super) fn bullet(&mut self, style: Style, text: &str) {
        self.ensure(style.leading());
        self.text(Style { face: Face::Regular, ..style }, MARGIN + 2.0, self.y + style.size, "•");
        self.paragraph(style, 12.0, text);
    }

    /// A section's heading with its number and its entry in the outline.
    pub(super) fn section(&mut self, title: &str) {
        let number = self.marks.iter().filter(|m| m.level == 1).count() + 1;
        let title = &format!("{number} {title}");
        self.gap(22.0);
        self.ensure(120.0);
        let style = Style::new(Face::Bold, 17.0, NAVY);
        self.mark(1, title, None);
        self.paragraph(style, 0.0, title);
        self.fill(MARGIN, self.y + 2.0, 42.0, 2.2, BLUE);
        self.y += 16.0;
    }

    /// A heading within a section.
    pub(super) fn heading(&mut self, title: &str) {
        self.gap(12.0);
        self.ensure(120.0);
        self.paragraph(Style::new(Face::Bold, 11.0, NAVY), 0.0, title);
        self.y += 3.0;
    }

    /// A scenario's heading: its status at the right, its entry in the outline.
    pub(super) fn headed(&mut self, title: &str, status: Status, size: f32, listed: bool) {
        let style = Style::new(Face::Bold, size, NAVY);
        self.mark(2, title, listed.then_some(status));
        let top = self.y;
        for line in self.lines(style, title, WIDTH - 92.0) {
            let y = self.y + style.size;
            self.push(Item::Text { style, x: MARGIN, y, text: line });
            self.y += style.size * 1.3;
        }
        self.badge(status, MARGIN + WIDTH, top + 1.0, 7.2);
        self.y += 2.0;
    }

    /// A status as a coloured badge that ends at `right`.
    pub(super) fn badge(&mut self, status: Status, right: f32, top: f32, size: f32) {
        let style = Style::new(Face::Bold, size, WHITE);
        let width = self.fonts.width(style.face, size, status.word()) + size * 1.4;
        self.fill(right - width, top, width, size * 1.75, tint(status));
        self.text(style, right - width + size * 0.7, top + size * 1.24, status.word());
    }

    pub(super) fn mark(&mut self, level: u8, title: &str, status: Option<Status>) {
        let (page, top) = (self.pages.len() - 1, self.y - 6.0);
        self.marks.push(Mark { level, title: title.to_owned(), page, top, status });
    }

    /// A text with a bar at its left on a pale ground, kept on one page where it fits on one.
    pub(super) fn notice(&mut self, colour: Colour, style: Style, paragraphs: &[String]) {
        let lines: Vec<Vec<String>> = paragraphs.iter().map(|p| self.lines(style, p, WIDTH - 24.0)).collect();
        let count: u16 = lines.iter().map(|l| u16::try_from(l.len()).unwrap_or(u16::MAX)).sum();
        let height = f32::from(count) * style.leading() + 12.0;
        if height > BOTTOM - TOP {
            for paragraph in paragraphs {
                self.paragraph(style, 12.0, paragraph);
            }
            return;
        }
        self.ensure(height);
        self.fill(MARGIN, self.y, WIDTH, height, PALE);
        self.fill(MARGIN, self.y, 3.0, height, colour);
        let mut y = self.y + 6.0 + style.size;
        for line in lines.into_iter().flatten() {
            self.push(Item::Text { style, x: MARGIN + 13.0, y, text: line });
            y += style.leading();
        }
        self.y += height + 6.0;
    }
}

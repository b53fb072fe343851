//! Tables that wrap their cells, break over pages and repeat their heads.

use std::collections::VecDeque;

use crate::report::model::Status;
use crate::report::pdf::fonts::Face;
use crate::report::pdf::layout::{
    CODE, Flow, GREY, Item, MARGIN, NAVY, PALE, RULE, Style, TOP, WHITE, WIDTH, tint,
};

const PAD: f32 = 4.0;
const HEAD: Style = Style::new(Face::Bold, 7.4, WHITE);

/// A column.
#[derive(Debug, Clone, Copy)]
pub(super) struct Column {
    pub(super) head: &'static str,
    /// Its share of the width.
    pub(super) share: f32,
    /// Whether it is set to the right (numbers).
    pub(super) right: bool,
}

/// A column of text.
pub(super) const fn left(head: &'static str, share: f32) -> Column {
    Column { head, share, right: false }
}

/// A column of numbers.
pub(super) const fn right(head: &'static str, share: f32) -> Column {
    Column { head, share, right: true }
}

/// A cell: paragraphs, or a status.
#[derive(Debug, Clone)]
pub(super) enum Cell {
    Text(Vec<(Style, String)>),
    /// Lines of code that keep their indents.
    Code(Vec<String>),
    Badge(Status),
}

/// A cell of one paragraph.
pub(super) fn cell(style: Style, text: impl Into<String>) -> Cell {
    Cell::Text(vec![(style, text.into())])
}

enum Piece {
    Line(Style, f32, String),
    Badge(Status),
}

impl Piece {
    fn height(&self) -> f32 {
        match self {
            Self::Line(style, ..) => style.leading(),
            Self::Badge(_) => 12.0,
        }
    }
}

impl Flow<'_> {
    /// A table over the whole width. Nothing at all if it has no rows.
    pub(super) fn table(&mut self, columns: &[Column], rows: Vec<Vec<Cell>>) {
        if rows.is_empty() {
            return;
        }
        let whole: f32 = columns.iter().map(|c| c.share).sum();
        let widths: Vec<f32> = columns.iter().map(|c| c.share / whole * WIDTH).collect();
        self.ensure(64.0);
        self.head(columns, &widths);
        for (number, row) in rows.into_iter().enumerate() {
            let mut cells: Vec<VecDeque<Piece>> = row
                .into_iter()
                .zip(&widths)
                .map(|(cell, width)| self.pieces(cell, width - 2.0 * PAD))
                .collect();
            let shade = number % 2 == 1;
            loop {
                let height = tallest(&cells);
                if height <= self.room() {
                    self.row(columns, &widths, &mut cells, height, shade);
                    break;
                }
                // A row that would fit on a page of its own is kept whole, unless it is a long one.
                if (height < 150.0 || self.room() < 60.0) && self.y > TOP + 40.0 {
                    self.new_page();
                    self.head(columns, &widths);
                    continue;
                }
                let room = self.room();
                self.row(columns, &widths, &mut cells, room, shade);
                if cells.iter().all(VecDeque::is_empty) {
                    break;
                }
                self.new_page();
                self.head(columns, &widths);
            }
        }
        self.fill(MARGIN, self.y, WIDTH, 0.8, RULE);
        self.y += 8.0;
    }

    fn pieces(&self, cell: Cell, width: f32) -> VecDeque<Piece> {
        match cell {
            Cell::Badge(status) => VecDeque::from([Piece::Badge(status)]),
            Cell::Code(lines) => lines
                .iter()
                .flat_map(|line| {
                    let text = line.trim_start_matches(' ');
                    let spaces = u8::try_from(line.len() - text.len()).unwrap_or(0);
                    let indent = (f32::from(spaces) * CODE.size * 0.6).min(width / 2.0);
                    let lines = self.lines(CODE, text, width - indent);
                    lines.into_iter().map(move |line| Piece::Line(CODE, indent, line))
                })
                .collect(),
            Cell::Text(parts) => parts
                .into_iter()
                .flat_map(|(style, text)| {
                    self.lines(style, &text, width).into_iter().map(move |line| Piece::Line(style, 0.0, line))
                })
                .collect(),
        }
    }

    fn head(&mut self, columns: &[Column], widths: &[f32]) {
        if columns.iter().all(|c| c.head.is_empty()) {
            self.fill(MARGIN, self.y, WIDTH, 0.8, RULE);
            return;
        }
        self.fill(MARGIN, self.y, WIDTH, 17.0, NAVY);
        let mut x = MARGIN;
        for (column, width) in columns.iter().zip(widths) {
            let shift = if column.right {
                width - 2.0 * PAD - self.fonts.width(HEAD.face, HEAD.size, column.head)
            } else {
                0.0
            };
            self.text(HEAD, x + PAD + shift, self.y + 11.2, column.head);
            x += width;
        }
        self.y += 17.0;
    }

    /// Draws as much of a row as fits into this height, and takes it out of the cells.
    fn row(
        &mut self,
        columns: &[Column],
        widths: &[f32],
        cells: &mut [VecDeque<Piece>],
        room: f32,
        shade: bool,
    ) {
        let mut drawn = Vec::new();
        let (mut x, mut height) = (MARGIN, 0.0_f32);
        for ((column, width), pieces) in columns.iter().zip(widths).zip(cells) {
            let mut used = PAD;
            let mut first = true;
            while let Some(piece) = pieces.front() {
                // At least one line is drawn, or a page that is too short would never end.
                if !first && used + piece.height() + PAD > room + 0.01 {
                    break;
                }
                first = false;
                let at = used;
                used += piece.height();
                if let Some(piece) = pieces.pop_front() {
                    drawn.push((x, *width, at, column.right, piece));
                }
            }
            height = height.max(used + PAD);
            x += width;
        }
        let top = self.y;
        if shade {
            self.fill(MARGIN, top, WIDTH, height, PALE);
        }
        for (x, width, at, right, piece) in drawn {
            match piece {
                Piece::Line(style, indent, text) => {
                    let shift = if right {
                        width - 2.0 * PAD - self.fonts.width(style.face, style.size, &text)
                    } else {
                        0.0
                    };
                    self.push(Item::Text {
                        style,
                        x: x + PAD + indent + shift,
                        y: top + at + style.size,
                        text,
                    });
                }
                Piece::Badge(status) => {
                    let style = Style::new(Face::Bold, 6.4, WHITE);
                    let wide = self.fonts.width(style.face, style.size, status.word()) + 8.0;
                    self.fill(x + PAD, top + at, wide, 11.0, tint(status));
                    self.text(style, x + PAD + 4.0, top + at + 7.8, status.word());
                }
            }
        }
        self.y += height;
    }

    /// Names and values, without a head.
    pub(super) fn facts(&mut self, facts: &[(&str, Style, String)]) {
        let rows = facts
            .iter()
            .map(|(name, style, value)| {
                vec![cell(Style::new(Face::Bold, 8.0, GREY), *name), cell(*style, value.clone())]
            })
            .collect();
        self.table(&[left("", 0.24), left("", 0.76)], rows);
    }
}

fn tallest(cells: &[VecDeque<Piece>]) -> f32 {
    cells.iter().map(|c| c.iter().map(Piece::height).sum::<f32>()).fold(0.0, f32::max) + 2.0 * PAD
}

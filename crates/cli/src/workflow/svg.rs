//! The diagram as a picture: states in layers from left to right, arrows between them.

use qixian_core::{Lang, Workflow};
use unicode_width::UnicodeWidthStr;

use super::graph::{self, Arrow};

const WIDTH: usize = 150;
const HEIGHT: usize = 44;
const GAP_X: usize = 170;
const GAP_Y: usize = 56;
const MARGIN: usize = 40;

/// Where a state stands.
struct Place<'a> {
    name: &'a str,
    layer: usize,
    x: usize,
    y: usize,
}

/// The whole picture.
pub(super) fn draw(workflow: &Workflow, lang: Lang) -> String {
    let all = graph::arrows(workflow, lang);
    let is_crowd = |arrow: &Arrow| graph::is_crowd(arrow, &all);
    let (crowd, arrows): (Vec<Arrow>, Vec<Arrow>) = all.iter().cloned().partition(is_crowd);
    let layers = graph::layers(workflow, &arrows);
    let tallest = layers.iter().map(Vec::len).max().unwrap_or(1);
    let width = 2 * MARGIN + layers.len() * WIDTH + layers.len().saturating_sub(1) * GAP_X;
    // Arrows back run below the states, each on its own lane.
    let states_end = MARGIN + tallest * (HEIGHT + GAP_Y);
    let places = place(&layers, tallest);
    let back = arrows
        .iter()
        .filter(|arrow| is_back(arrow, &places))
        .count();
    let height = states_end + MARGIN + back * 18;
    let mut text = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width} {height}\" width=\"{width}\" height=\"{height}\" \
         font-family=\"system-ui, 'Noto Sans SC', sans-serif\" font-size=\"13\">\n<title>{}</title>\n{HEAD}",
        escape(workflow.title.get(lang))
    );
    let mut lane = states_end;
    for arrow in &arrows {
        text.push_str(&draw_arrow(arrow, &places, &mut lane));
    }
    for place in &places {
        text.push_str(&draw_state(workflow, place, lang));
    }
    let mut told: Vec<&Arrow> = Vec::new();
    for arrow in &crowd {
        if !told
            .iter()
            .any(|other| other.to == arrow.to && other.labels == arrow.labels)
        {
            text.push_str(&draw_crowd(arrow, &places, lang));
            told.push(arrow);
        }
    }
    text.push_str("</svg>\n");
    text
}

/// Many equal arrows as words above the state they lead to.
fn draw_crowd(arrow: &Arrow, places: &[Place<'_>], lang: Lang) -> String {
    let Some(to) = find(places, &arrow.to) else {
        return String::new();
    };
    let from = match lang {
        Lang::Zh => "自多个状态：",
        Lang::En => "from many states: ",
    };
    let label = format!("{from}{}", arrow.labels.join(" / "));
    let (x, y) = (to.x + WIDTH / 2, to.y - 6);
    format!(
        "<text x=\"{x}\" y=\"{y}\" text-anchor=\"middle\" font-size=\"11\" fill=\"#445\"><title>{}</title>{}</text>\n",
        escape(&label),
        escape(&shortened(&label, 40))
    )
}

const HEAD: &str = "<defs><marker id=\"tip\" viewBox=\"0 0 8 8\" refX=\"8\" refY=\"4\" markerWidth=\"8\" markerHeight=\"8\" \
    orient=\"auto\"><path d=\"M0 0 8 4 0 8z\" fill=\"#667\"/></marker></defs>\n\
    <rect width=\"100%\" height=\"100%\" fill=\"#fff\"/>\n";

fn place(layers: &[Vec<String>], tallest: usize) -> Vec<Place<'_>> {
    let mut places = Vec::new();
    for (layer, names) in layers.iter().enumerate() {
        let above = (tallest - names.len()) * (HEIGHT + GAP_Y) / 2;
        for (row, name) in names.iter().enumerate() {
            places.push(Place {
                name,
                layer,
                x: MARGIN + layer * (WIDTH + GAP_X),
                y: MARGIN + above + row * (HEIGHT + GAP_Y),
            });
        }
    }
    places
}

fn find<'p, 'a>(places: &'p [Place<'a>], name: &str) -> Option<&'p Place<'a>> {
    places.iter().find(|place| place.name == name)
}

fn is_back(arrow: &Arrow, places: &[Place<'_>]) -> bool {
    match (find(places, &arrow.from), find(places, &arrow.to)) {
        (Some(from), Some(to)) => to.layer <= from.layer,
        _ => false,
    }
}

fn draw_state(workflow: &Workflow, place: &Place<'_>, lang: Lang) -> String {
    let state = workflow.states.get(place.name);
    let title = state.map_or(place.name, |state| state.title.get(lang));
    let (fill, line) = match state {
        Some(state) if state.is_final => ("#e7f4ea", "#3a7d4c"),
        _ if place.name == workflow.initial => ("#e8effb", "#33599c"),
        _ => ("#f6f6f8", "#667"),
    };
    let (x, y, middle) = (place.x, place.y, place.x + WIDTH / 2);
    format!(
        "<rect x=\"{x}\" y=\"{y}\" width=\"{WIDTH}\" height=\"{HEIGHT}\" rx=\"8\" fill=\"{fill}\" stroke=\"{line}\"/>\n\
         <text x=\"{middle}\" y=\"{}\" text-anchor=\"middle\">{}</text>\n",
        y + HEIGHT / 2 + 5,
        escape(&shortened(title, 20))
    )
}

fn draw_arrow(arrow: &Arrow, places: &[Place<'_>], lane: &mut usize) -> String {
    let (Some(from), Some(to)) = (find(places, &arrow.from), find(places, &arrow.to)) else {
        return String::new();
    };
    let label = arrow.labels.join(" / ");
    let (path, x, y) = if is_back(arrow, places) {
        *lane += 18;
        // States above one another leave and are reached side by side.
        let aside = |place: &Place<'_>| 12 + 10 * (place.y / (HEIGHT + GAP_Y));
        let (x1, y1) = (from.x + WIDTH / 2 + aside(from), from.y + HEIGHT);
        let (x2, y2) = (to.x + WIDTH / 2 - aside(to), to.y + HEIGHT);
        let path = format!("M{x1} {y1} V{lane} H{x2} V{y2}");
        (path, (x1 + x2) / 2, *lane - 4)
    } else {
        let (x1, y1) = (from.x + WIDTH, from.y + HEIGHT / 2);
        let (x2, y2) = (to.x, to.y + HEIGHT / 2);
        let (near, far) = (x1 + GAP_X / 2, x2 - GAP_X / 2);
        let path = format!("M{x1} {y1} C{near} {y1} {far} {y2} {x2} {y2}");
        // Beside the tip, where arrows to different states lie apart.
        (
            path,
            x2 - GAP_X / 2,
            y2.saturating_sub(6) * 2 / 3 + y1.saturating_sub(6) / 3,
        )
    };
    let (full, short) = (escape(&label), escape(&shortened(&label, 24)));
    format!(
        "<path d=\"{path}\" fill=\"none\" stroke=\"#99a\" marker-end=\"url(#tip)\"><title>{full}</title></path>\n\
         <text x=\"{x}\" y=\"{y}\" text-anchor=\"middle\" font-size=\"11\" fill=\"#445\" stroke=\"#fff\" stroke-width=\"3\" \
         paint-order=\"stroke\"><title>{full}</title>{short}</text>\n"
    )
}

/// At most `most` columns; what is cut is said by `…` (and in full by the tooltip).
fn shortened(text: &str, most: usize) -> String {
    if text.width() <= most {
        return text.to_owned();
    }
    let mut kept = String::new();
    for c in text.chars() {
        if kept.width() + 2 > most {
            break;
        }
        kept.push(c);
    }
    format!("{kept}…")
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('"', "&quot;")
}

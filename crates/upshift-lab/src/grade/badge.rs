//! The badge of a grade: an SVG for a README.

use super::letter::Letter;

/// The badge: `426` and the letter. It has no external resource and no script.
pub fn badge_svg(letter: Letter) -> String {
    let colour = match letter {
        Letter::A => "#2e7d32",
        Letter::B => "#558b2f",
        Letter::C => "#8d6e00",
        Letter::D => "#bf5600",
        Letter::F => "#b3261e",
    };
    let letter = letter.as_char();
    format!(
        r##"<svg xmlns="http://www.w3.org/2000/svg" width="92" height="20" role="img" aria-label="HTTP 426: grade {letter}">
<title>HTTP 426: grade {letter}</title>
<rect width="92" height="20" rx="3" fill="#424242"/>
<path d="M66 0h23a3 3 0 0 1 3 3v14a3 3 0 0 1-3 3h-23z" fill="{colour}"/>
<g fill="#fff" font-family="Verdana,DejaVu Sans,sans-serif" font-size="11" text-anchor="middle">
<text x="33" y="14">HTTP 426</text>
<text x="79" y="14" font-weight="bold">{letter}</text>
</g>
</svg>
"##
    )
}

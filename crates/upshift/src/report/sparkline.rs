//! A series of numbers as a line of blocks.

const BLOCKS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];

/// One block for each value, from 0 to the largest; `·` for a value that is not known. A longer
/// series is shortened to `width` values by taking the largest of neighbours.
pub(super) fn render_sparkline(values: &[Option<f64>], width: usize) -> String {
    let per_block = values.len().div_ceil(width.max(1)).max(1);
    let mut shortened = Vec::new();
    for group in values.chunks(per_block) {
        let known = group.iter().flatten().copied();
        shortened.push(known.reduce(f64::max));
    }
    let largest = shortened.iter().flatten().copied().fold(0.0, f64::max);
    let mut line = String::new();
    for value in shortened {
        line.push(match value {
            Some(value) if largest > 0.0 => BLOCKS[block_of(value / largest)],
            Some(_) => BLOCKS[0],
            None => '·',
        });
    }
    line
}

/// The block for a value from 0 to 1. Only 0 itself has the lowest, so that a rest stays visible.
fn block_of(share: f64) -> usize {
    if share <= 0.0 {
        return 0;
    }
    let above = ((BLOCKS.len() - 1) as f64 * share).ceil() as usize;
    above.clamp(1, BLOCKS.len() - 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_largest_value_is_the_highest_block() {
        let values = [Some(0.0), Some(0.01), Some(5.0), Some(10.0), None];
        assert_eq!(render_sparkline(&values, 40), "▁▂▅█·");
        assert_eq!(render_sparkline(&[Some(0.0), Some(0.0)], 40), "▁▁");
        assert_eq!(render_sparkline(&[], 40), "");
        let many: Vec<_> = (0..100).map(|value| Some(f64::from(value))).collect();
        assert_eq!(render_sparkline(&many, 10).chars().count(), 10);
    }
}

//! Numbers about samples.

/// The value below which this part of the samples is.
pub fn quantile(samples: &[f64], part: f64) -> f64 {
    let mut sorted = samples.to_vec();
    sorted.sort_by(f64::total_cmp);
    let last = sorted.len().saturating_sub(1);
    let index = (part * last as f64).round() as usize;
    sorted.get(index.min(last)).copied().unwrap_or(f64::NAN)
}

pub fn median(samples: &[f64]) -> f64 {
    quantile(samples, 0.5)
}

/// Differences of samples of the same round.
pub fn differences(of: &[f64], from: &[f64]) -> Vec<f64> {
    of.iter().zip(from).map(|(a, b)| a - b).collect()
}

/// A ratio of medians, and where it lies with 95 % certainty.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Ratio {
    pub value: f64,
    pub low: f64,
    pub high: f64,
}

/// How often the samples are drawn again.
const DRAWS: usize = 1000;

/// The ratio of the medians of two cases. Its spread is that of the same ratio for
/// rounds drawn from these rounds with replacement (bootstrap).
pub fn ratio(above: &[f64], below: &[f64]) -> Ratio {
    let rounds = above.len().min(below.len());
    let mut random = Random(0x9e37_79b9_7f4a_7c15);
    let draw = |random: &mut Random| {
        let chosen: Vec<_> = (0..rounds).map(|_| random.below(rounds)).collect();
        let of = |samples: &[f64]| chosen.iter().map(|&round| samples[round]).collect::<Vec<_>>();
        median(&of(above)) / median(&of(below))
    };
    let drawn: Vec<_> = (0..DRAWS).map(|_| draw(&mut random)).collect();
    Ratio {
        value: median(above) / median(below),
        low: quantile(&drawn, 0.025),
        high: quantile(&drawn, 0.975),
    }
}

/// Marsaglia's xorshift: the same results give the same document.
struct Random(u64);

impl Random {
    fn below(&mut self, end: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % end.max(1) as u64) as usize
    }
}

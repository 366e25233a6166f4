//! One task: what `srun` takes, without a container and with one.

use crate::{
    Effort,
    nodes::{Nodes, OURS, PLAIN, RUNTIMES, native},
    rounds::{Case, Samples, take, time},
    tell,
};

/// Is the plugin free for those who do not use it?
pub fn unused(nodes: &Nodes, effort: Effort) -> Samples {
    tell("srun without a container, without the plugin and with it");
    let case = |node: &'static str| Case::new(node, move || srun(nodes, node, &[]));
    take(&[case(PLAIN), case(OURS)], effort.rounds(150))
}

/// With a container: ours, Slurm's own, and the runtime by hand.
pub fn measure(nodes: &Nodes, effort: Effort) -> Samples {
    tell("one task");
    let container = nodes.container();
    let mut cases = vec![
        Case::new(PLAIN, || srun(nodes, PLAIN, &[])),
        Case::new(OURS, || srun(nodes, OURS, &[])),
    ];
    for runtime in RUNTIMES {
        for mode in ["run", "create"] {
            let options = [container.clone(), format!("--container-runtime={runtime}-{mode}")];
            let sample = move || srun(nodes, OURS, &options.each_ref().map(String::as_str));
            cases.push(Case::new(format!("{OURS} {runtime} {mode}"), sample));
        }
        let options = [container.clone()];
        cases.push(Case::new(native(runtime), move || {
            srun(nodes, &native(runtime), &options.each_ref().map(String::as_str))
        }));
        cases.push(Case::new(format!("{runtime} by hand"), move || {
            nodes.wait_until_idle();
            time(&mut nodes.by_hand(runtime))
        }));
    }
    take(&cases, effort.rounds(60))
}

fn srun(nodes: &Nodes, node: &str, options: &[&str]) -> f64 {
    nodes.wait_until_idle();
    time(&mut nodes.srun(node, options))
}

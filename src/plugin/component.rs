//! Which component of a heterogeneous step slurmstepd runs.
//!
//! No item of SPANK tells. The components of a heterogeneous job are jobs of their
//! own, whose ids every one of them has in its environment; those of a step within
//! one job are told apart by slurmstepd's title, "slurmstepd: [JOB.STEP+COMPONENT]",
//! from Slurm 20.11 to 25.11, but no longer in 26.05.
#![forbid(unsafe_code)]

use super::host::Host;

/// The component's number, counted from 0; `None` where Slurm does not tell it.
pub fn number(host: &impl Host, job: u32) -> Option<usize> {
    of_title(host).or_else(|| of_job(host, job))
}

fn of_title(host: &impl Host) -> Option<usize> {
    let title = host.command_line().into_iter().map(|word| word.to_string_lossy().into_owned());
    let title = title.collect::<Vec<_>>().join(" ");
    let (ids, _) = title.strip_prefix("slurmstepd: [")?.split_once(']')?;
    // More words may follow, as in "[7.0+1 stepmgr]" of 25.11.
    ids.split_once('+')?.1.split(' ').next()?.parse().ok()
}

fn of_job(host: &impl Host, job: u32) -> Option<usize> {
    // The second name is the older one, which 22.05 still writes.
    let id_of = |component: usize| {
        let named = |kind| host.variable(&format!("SLURM_JOB_ID_{kind}_GROUP_{component}"));
        named("HET").or_else(|| named("PACK"))
    };
    (0..).map_while(id_of).position(|id| id == job.to_string().as_str())
}

#[cfg(test)]
mod tests {
    use super::number;
    use crate::plugin::{fake::FakeHost, host::Context};

    #[test]
    fn slurmstepds_title_tells_the_component_of_a_step() {
        let numbered = |title: &str| {
            let mut host = FakeHost::new(Context::Stepd);
            host.command_line = vec![title.into(), "".into()];
            number(&host, 7)
        };
        assert_eq!(numbered("slurmstepd: [7.0+1]"), Some(1));
        assert_eq!(numbered("slurmstepd: [7.0+1 stepmgr]"), Some(1));
        assert_eq!(numbered("slurmstepd: [7.0]"), None);
        assert_eq!(numbered("slurmstepd: [7.0+x]"), None);
        assert_eq!(numbered("sleep [7.0+1]"), None);
    }

    #[test]
    fn the_job_id_tells_the_component_of_a_heterogeneous_job() {
        for names in [
            ["SLURM_JOB_ID_HET_GROUP_0", "SLURM_JOB_ID_HET_GROUP_1"],
            ["SLURM_JOB_ID_PACK_GROUP_0", "SLURM_JOB_ID_PACK_GROUP_1"],
        ] {
            let variables = [(names[0], "7"), (names[1], "8")];
            let host = FakeHost::new(Context::Stepd).with_variables(&variables);
            assert_eq!(number(&host, 7), Some(0));
            assert_eq!(number(&host, 8), Some(1));
            assert_eq!(number(&host, 9), None);
        }
    }
}

//! The variables that Slurm would give a task, for where there is no Slurm: those that
//! tell the job, the step and the task.
#![forbid(unsafe_code)]

use crate::{
    env::{Entry, name},
    slurm::BATCH_STEP,
};

/// What is known of the task, or taken as given.
#[derive(Clone, Debug)]
pub struct Assumptions {
    /// Job id, where it was asked for.
    pub job: Option<u32>,
    /// Step id, where it was asked for.
    pub step: Option<u32>,
    /// How many tasks there are.
    pub tasks: u32,
    /// Rank of this one.
    pub task: u32,
    /// The node's name.
    pub node: String,
}

impl Assumptions {
    /// An environment with Slurm's variables in it, and those that were not there.
    pub fn merged(&self, mut environment: Vec<Entry>) -> (Vec<Entry>, Vec<String>) {
        let mut assumed = Vec::new();
        for (variable, value, keep) in self.variables() {
            let found = environment.iter().position(|entry| name(entry) == variable.as_bytes());
            if found.is_some() && keep {
                continue;
            }
            let entry = format!("{variable}={value}");
            match found {
                Some(place) => environment[place] = entry.into_bytes(),
                None => {
                    environment.push(entry.clone().into_bytes());
                    assumed.push(entry);
                }
            }
        }
        (environment, assumed)
    }

    /// Names, values, and whether a variable that is there counts more.
    fn variables(&self) -> Vec<(&'static str, String, bool)> {
        let job = || self.job.unwrap_or(1).to_string();
        let mut list = vec![
            ("SLURM_JOB_ID", job(), self.job.is_none()),
            ("SLURM_JOBID", job(), self.job.is_none()),
            ("SLURMD_NODENAME", self.node.clone(), false),
            ("SLURM_NODEID", "0".to_owned(), false),
            ("SLURM_PROCID", self.task.to_string(), false),
            ("SLURM_LOCALID", self.task.to_string(), false),
        ];
        // A batch script is in no step that Slurm has a number for.
        if self.step != Some(BATCH_STEP) {
            let step = || self.step.unwrap_or(0).to_string();
            list.extend([
                ("SLURM_STEP_ID", step(), self.step.is_none()),
                ("SLURM_STEPID", step(), self.step.is_none()),
                ("SLURM_NTASKS", self.tasks.to_string(), false),
                ("SLURM_NPROCS", self.tasks.to_string(), false),
            ]);
        }
        list
    }
}

/// The value of a variable that is a number.
pub fn number(environment: &[Entry], variable: &str) -> Option<u32> {
    let entry = environment.iter().find(|entry| name(entry) == variable.as_bytes())?;
    std::str::from_utf8(&entry[variable.len() + 1..]).ok()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn merged(job: Option<u32>, there: &[&str]) -> (Vec<String>, Vec<String>) {
        let given = Assumptions { job, step: None, tasks: 2, task: 1, node: "n1".to_owned() };
        let there = there.iter().map(|entry| entry.as_bytes().to_vec()).collect();
        let (all, assumed) = given.merged(there);
        (all.into_iter().map(|entry| String::from_utf8(entry).unwrap()).collect(), assumed)
    }

    #[test]
    fn what_slurm_would_set_is_put_in_and_told() {
        let (all, assumed) = merged(None, &["A=1"]);
        assert_eq!(all[0], "A=1");
        assert_eq!(all[1..], assumed[..]);
        for entry in ["SLURM_JOB_ID=1", "SLURM_STEP_ID=0", "SLURM_PROCID=1", "SLURM_NTASKS=2"] {
            assert!(assumed.iter().any(|assumed| assumed == entry), "{entry}");
        }
    }

    #[test]
    fn the_job_around_counts_unless_another_is_named() {
        let (all, assumed) = merged(None, &["SLURM_JOB_ID=7"]);
        assert_eq!(number(&[all[0].clone().into_bytes()], "SLURM_JOB_ID"), Some(7));
        assert!(!assumed.iter().any(|entry| entry.starts_with("SLURM_JOB_ID=")), "{assumed:?}");
        assert_eq!(merged(Some(9), &["SLURM_JOB_ID=7"]).0[0], "SLURM_JOB_ID=9");
    }
}

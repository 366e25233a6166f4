//! A container that goes on while faults happen around it.

use std::thread::{Builder, JoinHandle};

use crate::cluster::{Output, User};

/// A step on the first node.
pub struct Bystander {
    user: User,
    srun: JoinHandle<Output>,
}

impl Bystander {
    pub fn start(user: User) -> Self {
        let script = "rm -f bystander line; mkfifo line; srun -wn1 --container=$BUNDLE sh -c 'echo in; read line; echo unharmed' <>line >bystander 2>&1; cat bystander; rm bystander line";
        let srun = Builder::new().spawn(move || user.sh(script)).unwrap();
        let begun = user.sh("until grep -sqx in bystander; do sleep 0.1; done");
        assert_eq!(begun.status, 0, "{}", begun.story());
        Self { user, srun }
    }

    pub fn assert_unharmed(self) {
        self.user.sh("echo >line");
        assert_eq!(self.srun.join().unwrap().text(), "in\nunharmed\n");
    }
}

# What the other scripts here share. Each starts a task that tells the signals it
# receives, lets Slurm end it in one way, and says what the task and srun told:
# NODE and CONTAINER are options of srun and sbatch, READY is made when it is up.
set -eu
cd "$(mktemp -d "$HOME/ending.XXXXXX")"
name=$(basename "$PWD")
signals='HUP INT QUIT USR1 USR2 ALRM TERM CONT'
teller="for s in $signals"'; do trap "echo $s" $s; done; echo ready
(trap "" HUP INT QUIT USR1 USR2 ALRM TERM; exec sleep 600 >/dev/null 2>&1) &
while :; do wait; done'

within_a_minute() {
	tries=600
	until "$@"; do
		tries=$((tries - 1))
		[ $tries -gt 0 ] || { echo "not within a minute: $*"; cat told; exit 1; }
		sleep 0.1
	done
}

has_told() {
	grep -sq "$1" told
}

start_step() {
	srun $NODE --job-name="$name" $CONTAINER "$@" sh -c "${early:-} $teller" >told 2>&1 &
	srun=$!
	within_a_minute has_told ready
	job=$(squeue --noheader --name="$name" --format=%i)
	touch "$READY"
}

start_script() {
	printf '#!/bin/sh\n%s\n' "$teller" >script
	job=$(sbatch --parsable $NODE -n1 --job-name="$name" $CONTAINER --output=told "$@" script)
	within_a_minute has_told ready
	touch "$READY"
}

# scancel calls it a failure if what it ends is gone when it looks again. Where it has
# done nothing, the end does not come.
cancel() {
	scancel "$@" 2>/dev/null || :
}

is_over() {
	! squeue --noheader --jobs="$job" 2>/dev/null | grep -q .
}

# How often Slurm sends a signal when it ends something varies: each once.
say_the_end_of_the_step() {
	status=0
	wait $srun || status=$?
	echo "srun $status"
	say_the_end
}

say_the_end() {
	within_a_minute is_over
	scontrol --oneliner show job "$job" | grep -o -e 'JobState=[A-Z]*' -e ' ExitCode=[0-9:]*'
	for signal in $signals; do
		! grep -x "$signal" told | sort -u
	done
	rm -r "$PWD"
}

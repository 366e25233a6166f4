# Statuses, and signals that a task dies of; each may leave a core file. By SIGKILL
# the kernel ends a process that has used up the job's memory: here it sends it to
# itself, since a limit of memory is nothing that every machine can have.
cd "$(mktemp -d "$HOME/deaths.XXXXXX")"
name=$(basename "$PWD")
ulimit -c unlimited
for end in 1 129 137 143 255 -TERM -KILL -SEGV -40; do
	case $end in
	-*) command="kill $end \$\$" ;;
	*) command="exit $end" ;;
	esac
	{
		status=0
		srun $NODE -n1 --job-name="$name$end." $CONTAINER sh -c "$command" 2>told"$end" || status=$?
		echo "srun $status" >>told"$end"
	} &
done
wait
while squeue --noheader | grep -q .; do sleep 0.1; done
for file in told*; do
	echo "== ${file#told}"
	sed -n 's/^srun: error: n[0-9]: task 0: //p; /^srun [0-9]/p' "$file"
	scontrol --oneliner show jobs | grep -F "JobName=$name${file#told}." | grep -o 'JobState=[A-Z]*\| ExitCode=[0-9:]*'
done
rm -r "$PWD"

# srun says how the task is, and that is all.
start_step -n1
kill -INT $srun
within_a_minute has_told running
cancel --signal=USR1 "$job.0"
within_a_minute has_told USR1
cancel --signal=KILL "$job.0"
say_the_end_of_the_step

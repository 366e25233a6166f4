start_step -n1 --disable-status
kill -INT $srun
within_a_minute has_told INT
cancel --signal=KILL "$job.0"
say_the_end_of_the_step

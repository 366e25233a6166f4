start_step -n1
cancel "$job.0"
say_the_end_of_the_step

start_step -n1
cancel "$job"
say_the_end_of_the_step

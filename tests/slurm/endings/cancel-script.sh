start_script
cancel "$job"
say_the_end

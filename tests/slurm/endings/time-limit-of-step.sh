# The warning is due as soon as the end is near, so not before the task is ready.
start_step -n1 --time=10 --signal=USR1@60
scontrol update JobId="$job" EndTime=now+62
within_a_minute has_told USR1
scontrol update JobId="$job" EndTime=now+5
say_the_end_of_the_step

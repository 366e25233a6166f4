# The warning is due as soon as the end is near, so not before the task is ready.
start_script --time=10 --signal=B:USR1@60
scontrol update JobId="$job" EndTime=now+62
within_a_minute has_told USR1
scontrol update JobId="$job" EndTime=now+5
say_the_end

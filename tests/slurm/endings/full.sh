# The script alone is told with --batch, with --full it is among others, else not.
start_script
cancel --signal=USR2 "$job"
cancel --full --signal=USR1 "$job"
within_a_minute has_told USR1
cancel --batch --signal=ALRM "$job"
within_a_minute has_told ALRM
sleep 0.5
sort told >told.sorted
uniq -c told.sorted
cancel --full --signal=KILL "$job"
say_the_end

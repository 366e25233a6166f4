early='[ $SLURM_PROCID = 1 ] || { sleep 2; exit 3; };'
start_step -n2 --kill-on-bad-exit
say_the_end_of_the_step

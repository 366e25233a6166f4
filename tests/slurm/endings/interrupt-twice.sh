# Two within a second are meant to be enough; to srun 26.05 they often are not. SIGKILL
# comes on the heels of SIGINT: whether the task still tells of that is chance.
start_step -n1
while kill -INT $srun 2>/dev/null; do sleep 0.1; done
signals=${signals#HUP INT }
say_the_end_of_the_step

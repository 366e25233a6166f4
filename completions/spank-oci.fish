# Print an optspec for argparse to handle cmd's options that are independent of any subcommand.
function __fish_spank_oci_global_optspecs
	string join \n h/help V/version
end

function __fish_spank_oci_needs_command
	# Figure out if the current invocation already has a command.
	set -l cmd (commandline -opc)
	set -e cmd[1]
	argparse -s (__fish_spank_oci_global_optspecs) -- $cmd 2>/dev/null
	or return
	if set -q argv[1]
		# Also print the command, so this can be used to figure out what it is.
		echo $argv[1]
		return 1
	end
	return 0
end

function __fish_spank_oci_using_subcommand
	set -l cmd (__fish_spank_oci_needs_command)
	test -z "$cmd"
	and return 1
	contains -- $cmd[1] $argv
end

complete -c spank-oci -n "__fish_spank_oci_needs_command" -s h -l help -d 'Print help'
complete -c spank-oci -n "__fish_spank_oci_needs_command" -s V -l version -d 'Print version'
complete -c spank-oci -n "__fish_spank_oci_needs_command" -f -a "bundle" -d 'Make a bundle of an image, an archive, a directory or a distribution'
complete -c spank-oci -n "__fish_spank_oci_needs_command" -f -a "check" -d 'Show every mistake in the site\'s oci.conf and in bundles'
complete -c spank-oci -n "__fish_spank_oci_needs_command" -f -a "doctor" -d 'Look whether this node is ready for containers, and run some'
complete -c spank-oci -n "__fish_spank_oci_needs_command" -f -a "explain" -d 'Show what would be done for a task, and do nothing'
complete -c spank-oci -n "__fish_spank_oci_needs_command" -f -a "run" -d 'Run a command in a container as a task would, without Slurm'
complete -c spank-oci -n "__fish_spank_oci_needs_command" -f -a "gc" -d 'As root: remove what is left of steps that nobody cleaned up after'
complete -c spank-oci -n "__fish_spank_oci_using_subcommand bundle" -l from -d 'What it is made of: one of the sources below' -r
complete -c spank-oci -n "__fish_spank_oci_using_subcommand bundle" -l mirror -d 'Where debootstrap:SUITE gets its packages' -r
complete -c spank-oci -n "__fish_spank_oci_using_subcommand bundle" -s h -l help -d 'Print help'
complete -c spank-oci -n "__fish_spank_oci_using_subcommand check" -l conf -d 'The site\'s configuration [default: /etc/slurm/spank-oci/oci.conf]' -r -F
complete -c spank-oci -n "__fish_spank_oci_using_subcommand check" -l format -d 'For people, or for programs' -r -f -a "text\t'For people'
json\t'For programs'"
complete -c spank-oci -n "__fish_spank_oci_using_subcommand check" -l strict -d 'Take warnings for mistakes, too'
complete -c spank-oci -n "__fish_spank_oci_using_subcommand check" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c spank-oci -n "__fish_spank_oci_using_subcommand doctor" -l user -d 'Who is to run containers; you, if you are not root [default: $SUDO_USER]' -r
complete -c spank-oci -n "__fish_spank_oci_using_subcommand doctor" -l conf -d 'The site\'s configuration [default: what plugstack.conf names]' -r -F
complete -c spank-oci -n "__fish_spank_oci_using_subcommand doctor" -l plugstack -d 'Slurm\'s list of plugins [default: what slurm.conf names]' -r -F
complete -c spank-oci -n "__fish_spank_oci_using_subcommand doctor" -l format -d 'For people or for programs; JSON is {"release", "user", "verdict", "sections": [{"title", "findings"}]}' -r -f -a "text\t'For people'
json\t'For programs'"
complete -c spank-oci -n "__fish_spank_oci_using_subcommand doctor" -l no-containers -d 'Run no containers'
complete -c spank-oci -n "__fish_spank_oci_using_subcommand doctor" -l strict -d 'Exit with 1 if there are warnings'
complete -c spank-oci -n "__fish_spank_oci_using_subcommand doctor" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c spank-oci -n "__fish_spank_oci_using_subcommand explain" -l bundle -d 'The directory with config.json and the root file system' -r -F
complete -c spank-oci -n "__fish_spank_oci_using_subcommand explain" -l conf -d 'The site\'s configuration, or one of your own' -r -F
complete -c spank-oci -n "__fish_spank_oci_using_subcommand explain" -s n -l ntasks -d 'How many tasks there are, all on this node' -r
complete -c spank-oci -n "__fish_spank_oci_using_subcommand explain" -l task -d 'The task to explain, from 0 on, or `all`' -r
complete -c spank-oci -n "__fish_spank_oci_using_subcommand explain" -l job -d 'The job\'s number [default: the job around this command, or 1]' -r
complete -c spank-oci -n "__fish_spank_oci_using_subcommand explain" -l step -d 'The step\'s number [default: the step around this command, or 0]' -r
complete -c spank-oci -n "__fish_spank_oci_using_subcommand explain" -l node -d 'The node\'s name [default: this one\'s]' -r
complete -c spank-oci -n "__fish_spank_oci_using_subcommand explain" -l state -d 'The directory below which steps have theirs: state= of plugstack.conf' -r -F
complete -c spank-oci -n "__fish_spank_oci_using_subcommand explain" -l proctrack -d 'How the node tracks processes, which decides what is done about signals' -r -f -a "cgroup\t''
pgid\t''
linuxproc\t''"
complete -c spank-oci -n "__fish_spank_oci_using_subcommand explain" -l format -d 'For people or for programs' -r -f -a "text\t'For people'
json\t'For programs'"
complete -c spank-oci -n "__fish_spank_oci_using_subcommand explain" -l batch -d 'The command is a batch script'
complete -c spank-oci -n "__fish_spank_oci_using_subcommand explain" -l pty -d 'The task has a terminal, as with `srun --pty`'
complete -c spank-oci -n "__fish_spank_oci_using_subcommand explain" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c spank-oci -n "__fish_spank_oci_using_subcommand run" -l bundle -d 'The directory with config.json and the root file system' -r -F
complete -c spank-oci -n "__fish_spank_oci_using_subcommand run" -l conf -d 'The site\'s configuration, or one of your own' -r -F
complete -c spank-oci -n "__fish_spank_oci_using_subcommand run" -s h -l help -d 'Print help'
complete -c spank-oci -n "__fish_spank_oci_using_subcommand gc" -l state -d 'The directory below which steps have theirs' -r -F
complete -c spank-oci -n "__fish_spank_oci_using_subcommand gc" -l dry-run -d 'Only tell what there is'
complete -c spank-oci -n "__fish_spank_oci_using_subcommand gc" -s h -l help -d 'Print help'

/*
 * A mock of srun and slurmstepd: loads the plugin as Slurm does and plays the
 * life of one step on one node.
 *
 *   mock-host --plugin FILE [--arg WORD]... [--container BUNDLE] [--oci-bundle BUNDLE]
 *             [--tasks N] [--uid UID --gid GID] [--batch] -- COMMAND [ARGS...]
 *
 * Built with -DNO_PREPEND it is a Slurm before 23.11, with -DNEWER one that is not
 * out yet. What it does is what the
 * plugin relies on (Slurm 22.05.8 and 26.05 were watched): the order of hooks, the
 * identities they run with, the return codes that count, close-on-exec
 * descriptors. Messages go to standard error in Slurm's style.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <unistd.h>

#include "spank_abi.h"

enum { MAX_ARGS = 16, JOB = 7, UNAVAILABLE = 3009, NO_VARIABLE = 3007 };

struct spank_handle {
	int unused;
};
/* The first argument of the process that plays slurmstepd. */
#define STEPD "--stepd"

typedef int hook_function(struct spank_handle *, int, char **);

extern char **environ;

static struct {
	void *plugin;
	char *args[MAX_ARGS];
	int arg_count;
	unsigned int context;
	uint32_t step;
	uid_t uid;
	gid_t gid;
	int task;
	char **argv;
	int argc;
	struct abi_option option;
} host = {.context = ABI_CTX_LOCAL, .task = -1};

/* ---- what the plugin calls ---- */

unsigned int spank_context(void)
{
	return host.context;
}

const char *spank_strerror(int error)
{
	return error == UNAVAILABLE ? "Item not available" : "Error";
}

int spank_get_item(struct spank_handle *handle, unsigned int item, ...)
{
	va_list list;
	int code = 0;

	(void)handle;
	if (host.context != ABI_CTX_REMOTE)
		return UNAVAILABLE;
	va_start(list, item);
	switch (item) {
	case ABI_JOB_UID:
		*va_arg(list, uid_t *) = host.uid;
		break;
	case ABI_JOB_GID:
		*va_arg(list, gid_t *) = host.gid;
		break;
	case ABI_JOB_ID:
		*va_arg(list, uint32_t *) = JOB;
		break;
	case ABI_JOB_STEPID:
		*va_arg(list, uint32_t *) = host.step;
		break;
	case ABI_JOB_NODEID:
		*va_arg(list, uint32_t *) = 0;
		break;
	case ABI_JOB_ARGV:
		*va_arg(list, int *) = host.argc;
		*va_arg(list, char ***) = host.argv;
		break;
	case ABI_JOB_ENV:
		*va_arg(list, char ***) = environ;
		break;
	case ABI_TASK_ID:
		*va_arg(list, int *) = host.task;
		code = host.task < 0 ? UNAVAILABLE : 0;
		break;
	default:
		code = UNAVAILABLE;
	}
	va_end(list);
	return code;
}

/* The environment of this process stands for the step's. */
int spank_setenv(struct spank_handle *handle, const char *name, const char *value, int overwrite)
{
	(void)handle;
	return host.context == ABI_CTX_REMOTE ? setenv(name, value, overwrite) : UNAVAILABLE;
}

int spank_unsetenv(struct spank_handle *handle, const char *name)
{
	(void)handle;
	if (host.context != ABI_CTX_REMOTE)
		return UNAVAILABLE;
	return getenv(name) ? unsetenv(name) : NO_VARIABLE;
}

int spank_option_register(struct spank_handle *handle, struct abi_option *option)
{
	(void)handle;
	if (strcmp(option->name, "oci-bundle") == 0)
		host.option = *option;
	return 0;
}

#ifdef NO_PREPEND
enum { API = 38, VERSION = 0x160500 }; /* 22.05 */
#else
#ifdef NEWER
enum { API = 99, VERSION = 0x630100 }; /* a release that nobody knows */
#else
enum { API = 45, VERSION = 0x1a0500 }; /* 26.05 */
#endif

int spank_prepend_task_argv(struct spank_handle *handle, int argc, const char **front)
{
	char **argv = calloc((size_t)(argc + host.argc) + 1, sizeof(*argv));

	(void)handle;
	for (int i = 0; i < argc; i++)
		argv[i] = strdup(front[i]);
	memcpy(argv + argc, host.argv, (size_t)host.argc * sizeof(*argv));
	host.argv = argv;
	host.argc += argc;
	return 0;
}
#endif

long slurm_api_version(void)
{
	return (long)API << 16;
}

static void say(const char *level, const char *format, va_list list)
{
	fprintf(stderr, "%s: %s", host.context == ABI_CTX_REMOTE ? "slurmstepd" : "srun", level);
	vfprintf(stderr, format, list);
	fputc('\n', stderr);
}

#define LOGGER(name, level)                     \
	void name(const char *format, ...)      \
	{                                       \
		va_list list;                   \
		va_start(list, format);         \
		if (level)                      \
			say(level, format, list); \
		va_end(list);                   \
	}
LOGGER(slurm_error, "error: ")
LOGGER(slurm_info, "")
LOGGER(slurm_verbose, (char *)NULL)
LOGGER(slurm_debug, (char *)NULL)
LOGGER(slurm_debug2, (char *)NULL)

/* ---- the life of a step ---- */

static void die(const char *what)
{
	fprintf(stderr, "mock-host: %s\n", what);
	exit(2);
}

static int hook(const char *name)
{
	struct spank_handle handle = {0};
	hook_function *function = (hook_function *)dlsym(host.plugin, name);

	return function ? function(&handle, host.arg_count, host.args) : 0;
}

static void load(const char *file)
{
	const unsigned int *version;

	host.plugin = file ? dlopen(file, RTLD_LAZY) : NULL;
	if (!host.plugin)
		die(file ? dlerror() : "--plugin is missing");
	version = dlsym(host.plugin, "plugin_version");
	if (!dlsym(host.plugin, "plugin_name") || !dlsym(host.plugin, "plugin_type") || !version)
		die("the plugin lacks plugin_name, plugin_type or plugin_version");
	if ((*version & 0xffff00) != VERSION)
		die("Incompatible Slurm plugin version");
}

/* srun: what --container leaves in the environment of the step, and how a plugin's
 * own option is told and handed on. */
static void client(const char *container, const char *bundle)
{
	hook("slurm_spank_init");
	if (container)
		setenv("SLURM_CONTAINER", container, 0);
	if (bundle) {
		if (!host.option.given)
			die("there is no option --oci-bundle");
		host.option.given(host.option.value, bundle, 0);
		setenv("_SLURM_SPANK_OPTION_spank_oci_oci_bundle", bundle, 1);
	}
	if (hook("slurm_spank_init_post_opt") < 0)
		exit(1);
}

static void number(const char *name, unsigned int value)
{
	char text[16];

	snprintf(text, sizeof(text), "%u", value);
	setenv(name, text, 1);
}

/* The task's process, from the fork to the exec. */
static void become_task(void)
{
	if (geteuid() == 0 && (setgroups(1, &host.gid) || setgid(host.gid) || setuid(host.uid)))
		die("cannot become the user");
	number("SLURM_JOB_ID", JOB);
	number("SLURM_STEP_ID", host.step);
	number("SLURM_PROCID", (unsigned int)host.task);
	number("SLURM_LOCALID", (unsigned int)host.task);
	setenv("SLURMD_NODENAME", "mock", 1);
	if (hook("slurm_spank_task_init") < 0)
		_exit(1);
	for (int fd = 3; fd < 64; fd++)
		fcntl(fd, F_SETFD, FD_CLOEXEC);
	execvpe(host.argv[0], host.argv, environ);
	fprintf(stderr, "slurmstepd: error: execve(): %s: %s\n", host.argv[0], strerror(errno));
	_exit(errno);
}

static int step(int tasks)
{
	pid_t pids[64];
	int result = 0, status;

	host.context = ABI_CTX_REMOTE;
	if (hook("slurm_spank_init") < 0)
		die("a hook failed that drains nodes");
	if (getenv("_SLURM_SPANK_OPTION_spank_oci_oci_bundle") && !host.option.given)
		die("an option of the client is not known here");
	if (hook("slurm_spank_init_post_opt") < 0)
		die("a hook failed that drains nodes");
	for (int i = 0; i < tasks; i++) {
		pids[i] = fork();
		if (pids[i] == 0) {
			host.task = i;
			become_task();
		}
	}
	for (int i = 0; i < tasks; i++) {
		waitpid(pids[i], &status, 0);
		host.task = i;
		hook("slurm_spank_task_exit");
		if (result == 0 && status != 0)
			result = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
	}
	hook("slurm_spank_exit");
	return result;
}

/* slurmstepd is a process of its own: what the plugin kept in srun is not there. */
static void become_stepd(int argc, char **argv)
{
	char **again = calloc((size_t)argc + 2, sizeof(*again));

	again[0] = argv[0];
	again[1] = (char *)STEPD;
	memcpy(again + 2, argv + 1, (size_t)argc * sizeof(*again));
	/* Not /proc/self/exe, which under valgrind is valgrind. */
	execv(argv[0], again);
	die("cannot execute itself");
}

int main(int argc, char **argv)
{
	const char *plugin = NULL, *container = NULL, *bundle = NULL;
	char **first = argv;
	int count = argc, stepd = argc > 1 && strcmp(argv[1], STEPD) == 0;
	int tasks = 1;

	argc -= stepd, argv += stepd;

	host.uid = getuid();
	host.gid = getgid();
	for (; argc > 2 && strcmp(argv[1], "--") != 0; argc--, argv++) {
		if (strcmp(argv[1], "--batch") == 0) {
			host.step = ABI_STEP_BATCH;
			continue;
		}
		if (strcmp(argv[1], "--plugin") == 0)
			plugin = argv[2];
		else if (strcmp(argv[1], "--arg") == 0 && host.arg_count < MAX_ARGS)
			host.args[host.arg_count++] = argv[2];
		else if (strcmp(argv[1], "--container") == 0)
			container = argv[2];
		else if (strcmp(argv[1], "--oci-bundle") == 0)
			bundle = argv[2];
		else if (strcmp(argv[1], "--tasks") == 0)
			tasks = atoi(argv[2]) < 64 ? atoi(argv[2]) : 64;
		else if (strcmp(argv[1], "--uid") == 0)
			host.uid = (uid_t)atoi(argv[2]);
		else if (strcmp(argv[1], "--gid") == 0)
			host.gid = (gid_t)atoi(argv[2]);
		else
			die("unknown option");
		argc--, argv++;
	}
	if (argc < 3)
		die("there is no command after --");
	host.argv = argv + 2;
	host.argc = argc - 2;
	load(plugin);
	if (stepd)
		return step(tasks);
	client(container, bundle);
	become_stepd(count, first);
}

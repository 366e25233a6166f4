/*
 * The calls into Slurm. Every symbol is a weak reference (spank_abi.h), tested
 * before it is used: what the host process lacks is an error value, not a crash.
 */
#include <stddef.h>
#include <sys/types.h>

#include "shim.h"

_Static_assert(sizeof(uid_t) == sizeof(uint32_t), "uid_t is 32 bits wide");
_Static_assert(sizeof(gid_t) == sizeof(uint32_t), "gid_t is 32 bits wide");

#define GET(handle, item, ...) \
	(abi_get_item ? (int)abi_get_item(handle, item, __VA_ARGS__) : SHIM_NOT_AVAILABLE)

int shim_job_uid(shim_handle handle, uint32_t *uid)
{
	return GET(handle, ABI_JOB_UID, uid);
}

int shim_job_gid(shim_handle handle, uint32_t *gid)
{
	return GET(handle, ABI_JOB_GID, gid);
}

int shim_job_id(shim_handle handle, uint32_t *job)
{
	return GET(handle, ABI_JOB_ID, job);
}

int shim_step_id(shim_handle handle, uint32_t *step)
{
	return GET(handle, ABI_JOB_STEPID, step);
}

int shim_node_rank(shim_handle handle, uint32_t *rank)
{
	return GET(handle, ABI_JOB_NODEID, rank);
}

int shim_local_task(shim_handle handle, int *task)
{
	return GET(handle, ABI_TASK_ID, task);
}

int shim_argv(shim_handle handle, int *argc, char ***argv)
{
	return GET(handle, ABI_JOB_ARGV, argc, argv);
}

int shim_environment(shim_handle handle, char ***env)
{
	return GET(handle, ABI_JOB_ENV, env);
}

int shim_setenv(shim_handle handle, const char *name, const char *value)
{
	return abi_setenv ? (int)abi_setenv(handle, name, value, 1) : SHIM_NOT_AVAILABLE;
}

int shim_unsetenv(shim_handle handle, const char *name)
{
	return abi_unsetenv ? (int)abi_unsetenv(handle, name) : SHIM_NOT_AVAILABLE;
}

int shim_job_control_setenv(shim_handle handle, const char *name, const char *value)
{
	return abi_job_control_setenv ? (int)abi_job_control_setenv(handle, name, value, 1)
				      : SHIM_NOT_AVAILABLE;
}

int shim_option_register(shim_handle handle, struct abi_option *option)
{
	return abi_option_register ? (int)abi_option_register(handle, option) : SHIM_NOT_AVAILABLE;
}

int shim_can_prepend(void)
{
	return abi_prepend_task_argv != NULL;
}

int shim_prepend_argv(shim_handle handle, int argc, const char **argv)
{
	return abi_prepend_task_argv ? (int)abi_prepend_task_argv(handle, argc, argv)
				     : SHIM_NOT_AVAILABLE;
}

unsigned int shim_context(void)
{
	return abi_context ? (unsigned int)abi_context() : ABI_CTX_ERROR;
}

const char *shim_strerror(int error)
{
	const char *text = NULL;

	if (error == SHIM_NOT_AVAILABLE)
		return "not available in this process";
	if (abi_strerror)
		text = abi_strerror(error);
	return text ? text : "unknown error";
}

unsigned int shim_api_release(void)
{
	return abi_api_version ? (unsigned int)(abi_api_version() >> 16) : 0;
}

/* Messages are never a format: what users wrote may stand in them. */
void shim_log(enum shim_level level, const char *message)
{
	void (*log)(const char *, ...) = NULL;

	switch (level) {
	case SHIM_ERROR:
		log = abi_error;
		break;
	case SHIM_INFO:
		log = abi_info;
		break;
	case SHIM_VERBOSE:
		log = abi_verbose;
		break;
	case SHIM_DEBUG:
		log = abi_debug;
		break;
	case SHIM_DEBUG2:
		log = abi_debug2;
		break;
	}
	if (log)
		log("%s", message);
}

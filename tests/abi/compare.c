/*
 * Our restatement of the SPANK interface against Slurm's own header: compiling
 * this file is the test. Slurm's types take the place of ours, so that equal
 * signatures are equal types to the compiler.
 */
#include <stddef.h>

#include <slurm/slurm.h>
#include <slurm/spank.h>

#define ABI_HANDLE spank_t
#define ABI_ERROR spank_err_t
#define ABI_ITEM spank_item_t
#define ABI_CONTEXT spank_context_t
#define ABI_OPTION struct spank_option
#include "spank_abi.h"

#define SAME_VALUE(ours, theirs) \
	_Static_assert((long long)(ours) == (long long)(theirs), #ours " differs from " #theirs)
#define SAME_TYPE(ours, theirs)                                                         \
	_Static_assert(__builtin_types_compatible_p(__typeof__(ours), __typeof__(theirs)), \
		       #ours " has another signature than " #theirs)
#define SAME_SIZE(type, placeholder) \
	_Static_assert(sizeof(type) == sizeof(placeholder), #type " is not as wide as " #placeholder)

/* What the library is built with in place of Slurm's types. */
SAME_SIZE(spank_err_t, int);
SAME_SIZE(spank_item_t, unsigned int);
SAME_SIZE(spank_context_t, unsigned int);
SAME_SIZE(spank_t, void *);

SAME_VALUE(ABI_JOB_UID, S_JOB_UID);
SAME_VALUE(ABI_JOB_GID, S_JOB_GID);
SAME_VALUE(ABI_JOB_ID, S_JOB_ID);
SAME_VALUE(ABI_JOB_STEPID, S_JOB_STEPID);
SAME_VALUE(ABI_JOB_NODEID, S_JOB_NODEID);
SAME_VALUE(ABI_JOB_ARGV, S_JOB_ARGV);
SAME_VALUE(ABI_JOB_ENV, S_JOB_ENV);
SAME_VALUE(ABI_TASK_ID, S_TASK_ID);

SAME_VALUE(ABI_CTX_ERROR, S_CTX_ERROR);
SAME_VALUE(ABI_CTX_LOCAL, S_CTX_LOCAL);
SAME_VALUE(ABI_CTX_REMOTE, S_CTX_REMOTE);
SAME_VALUE(ABI_CTX_ALLOCATOR, S_CTX_ALLOCATOR);
SAME_VALUE(ABI_CTX_SLURMD, S_CTX_SLURMD);
SAME_VALUE(ABI_CTX_JOB_SCRIPT, S_CTX_JOB_SCRIPT);

#define SAME_FIELD(ours, theirs)                                                             \
	SAME_VALUE(offsetof(struct abi_option, ours), offsetof(struct spank_option, theirs)); \
	SAME_TYPE(((struct abi_option *)0)->ours, ((struct spank_option *)0)->theirs)
SAME_FIELD(name, name);
SAME_FIELD(argument, arginfo);
SAME_FIELD(usage, usage);
SAME_FIELD(has_argument, has_arg);
SAME_FIELD(value, val);
SAME_FIELD(given, cb);
SAME_VALUE(sizeof(struct abi_option), sizeof(struct spank_option));

SAME_VALUE(ABI_STEP_INTERACTIVE, SLURM_INTERACTIVE_STEP);
SAME_VALUE(ABI_STEP_BATCH, SLURM_BATCH_SCRIPT);
SAME_VALUE(ABI_STEP_EXTERN, SLURM_EXTERN_CONT);

SAME_TYPE(abi_get_item, spank_get_item);
SAME_TYPE(abi_setenv, spank_setenv);
SAME_TYPE(abi_unsetenv, spank_unsetenv);
SAME_TYPE(abi_job_control_setenv, spank_job_control_setenv);
SAME_TYPE(abi_option_register, spank_option_register);
SAME_TYPE(abi_context, spank_context);
SAME_TYPE(abi_strerror, spank_strerror);
#if SLURM_VERSION_NUMBER >= SLURM_VERSION_NUM(23, 11, 0)
SAME_TYPE(abi_prepend_task_argv, spank_prepend_task_argv);
#endif
SAME_TYPE(abi_error, slurm_error);
SAME_TYPE(abi_info, slurm_info);
SAME_TYPE(abi_verbose, slurm_verbose);
SAME_TYPE(abi_debug, slurm_debug);
SAME_TYPE(abi_debug2, slurm_debug2);
SAME_TYPE(abi_api_version, slurm_api_version);

/* The hooks as the library defines them. */
typedef int hook(spank_t, int, char **);
SAME_TYPE(hook, slurm_spank_init);
